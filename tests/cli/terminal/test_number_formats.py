"""How numbers are read and written."""

import math

import pytest

from textgen.cli.terminal.number_formats import (
    float_power,
    format_amount,
    format_bytes,
    format_duration,
    format_perplexity,
    format_power,
    parse_duration,
)
from textgen.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("600", 600),
        ("1h", 3600),
        ("0.5h", 1800),
        ("1H1M1", 3661),
        (" 5s ", 5),
    ],
)
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10x", "-5m", "1m1h", "5 m", "m", "1e3", "nan", "١٠"])
def test_what_is_no_duration(text):
    with pytest.raises(ConfigError, match="write 90s, 10m, 1h30m, or a number of seconds"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (59.4, "0:59"),
        (59.6, "1:00"),
        (245, "4:05"),
        (3723, "1:02:03"),
        (360000, "100:00:00"),
        (math.inf, "-:--"),
    ],
)
def test_durations_are_written(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("log10", "text"),
    [
        (0.0, "1"),
        (math.log10(0.25), "0.25"),
        (-4.0, "0.0001"),
        (-5.0, "1.000e-05"),
        (math.log10(3.125e-9), "3.125e-09"),
        (-4.00001, "1.000e-04"),
        (-411.92, "1.202e-412"),
        (-12345.0, "1.000e-12345"),
        (-math.inf, "0"),
        (math.nan, "nan"),
    ],
)
def test_probabilities_are_written_from_their_logarithm(log10, text):
    assert format_power(log10) == text


@pytest.mark.parametrize("number", [0.9999, 0.5, 1e-3, 1.234e-4, 9.9996e-9, 5e-100, 2.5e-307])
def test_probabilities_agree_with_floats_where_these_reach(number):
    assert float(format_power(math.log10(number))) == pytest.approx(number, rel=6e-4)
    assert float_power(math.log10(number)) == pytest.approx(number, rel=1e-9)


def test_a_float_that_would_underflow_is_none():
    assert float_power(-308.5) is None
    assert float_power(-5000) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.000"), (3.51234, "3.512"), (87.2449, "87.24"), (1204.4, "1204"), (2.7e9, "2.700e+09"), (math.inf, "inf")],
)
def test_perplexities(value, text):
    assert format_perplexity(value) == text


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 bytes"), (6.4e5, "640 kB"), (1.83e8, "183 MB"), (2.1e9, "2.1 GB"), (1.5e6, "1.5 MB")]
)
def test_sizes(count, text):
    assert format_bytes(count) == text


def test_amounts():
    assert format_amount(1, "layer") == "1 layer"
    assert format_amount(1115394, "character") == "1,115,394 characters"
    assert format_amount(0, "entry", "entries") == "0 entries"
