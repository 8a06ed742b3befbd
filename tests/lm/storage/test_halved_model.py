"""A model whose parameters are rounded to 16 bits: half the file, every check as for the exact one."""

import json

import numpy as np
import pytest

from tests.lm.storage import headers
from tests.lm.storage.small_model import make_model
from textgen.errors import ConfigError, ModelExistsError, ModelFileError
from textgen.lm.inference.scoring import score
from textgen.lm.storage.model_file import halve_model, load_model, read_digest, read_summary, save_model
from textgen.lm.storage.safetensors_file import Kind, opened


@pytest.fixture
def halved(tmp_path):
    path = tmp_path / "half.safetensors"
    halve_model(make_model(), path)
    return path


@pytest.mark.parametrize("shape", [{}, {"layers": 2, "embedding": 5, "tie": True}, {"cutoffs": (2, 5)}])
def test_each_parameter_is_the_nearest_of_16_bits(tmp_path, shape):
    model, path = make_model(**shape), tmp_path / "half.safetensors"
    rounding = halve_model(model, path)
    exact, rounded = model.network.parameters, load_model(path).network.parameters
    assert rounded.vector.dtype == np.float32
    changes = []
    for name in exact.names():
        nearest = exact[name].astype(np.float16)
        assert rounded[name].tobytes() == nearest.astype(np.float32).tobytes()
        changes.append(np.abs(rounded[name] - exact[name]).max())
    assert 0 < rounding.most == max(changes) < 1e-3
    assert rounding.parameters == sum(exact[name].size for name in exact.names())
    assert rounding.lost == 0


def test_all_but_the_parameters_is_as_it_was(saved, halved):
    exact, half = read_summary(saved), read_summary(halved)
    for field in ("text", "network", "vocabulary", "history", "shapes", "parameters"):
        assert getattr(half, field) == getattr(exact, field)
    assert (exact.bits, half.bits) == (32, 16)
    exact_bytes, half_bytes = (headers.split(path.read_bytes())[1] for path in (saved, halved))
    assert (len(exact_bytes), len(half_bytes)) == (4 * exact.parameters, 2 * exact.parameters)
    assert (exact.size, half.size) == (saved.stat().st_size, halved.stat().st_size)


def test_it_scores_nearly_as_the_exact_one(saved, halved):
    for one, other in zip(*(score(load_model(path), ["abba", "é b"]) for path in (saved, halved)), strict=True):
        np.testing.assert_allclose(other.log_probabilities, one.log_probabilities, rtol=2e-3)


def test_the_digest_is_that_of_the_numbers_not_of_their_bits(saved, halved, tmp_path):
    again = tmp_path / "again.safetensors"
    save_model(load_model(halved), again)
    assert read_summary(again).bits == 32
    assert read_digest(again) == read_digest(halved) != read_digest(saved)


def test_what_becomes_zero_is_counted(tmp_path):
    model = make_model()
    model.network.parameters["output.bias"][...] = [0, 1e-9, -1e-12, 1e-4, 1, 2, 6e-8]
    assert halve_model(model, tmp_path / "half.safetensors").lost == 2


def test_what_16_bits_cannot_hold_is_refused(tmp_path):
    model, path = make_model(), tmp_path / "half.safetensors"
    model.network.parameters["output.bias"][3] = -65_505
    with pytest.raises(ConfigError, match=r"'output\.bias' hold numbers above 65,504, more than 16 bits can hold"):
        halve_model(model, path)
    assert not path.exists()
    model.network.parameters["output.bias"][3] = 65_504
    halve_model(model, path)
    assert load_model(path).network.parameters["output.bias"][3] == 65_504


def test_a_file_is_replaced_only_if_asked(saved):
    before = saved.read_bytes()
    with pytest.raises(ModelExistsError):
        halve_model(make_model(), saved)
    assert saved.read_bytes() == before
    halve_model(make_model(), saved, overwrite=True)
    assert read_summary(saved).bits == 16


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(halved, number):
    halved.write_bytes(halved.read_bytes()[:-2] + np.array([number], "<f2").tobytes())
    with pytest.raises(ModelFileError, match="hold numbers that are not finite"):
        load_model(halved)


@pytest.mark.parametrize("kept", [0, 8, 100, -1])
def test_a_truncated_file(halved, kept):
    halved.write_bytes(halved.read_bytes()[:kept])
    for read in (load_model, read_summary, read_digest):
        with pytest.raises(ModelFileError, match="not a model file, or a truncated one"):
            read(halved)


def with_type(path, name, kind):
    """The file with one array said to be of another type of as many bytes."""
    header, arrays = headers.split(path.read_bytes())
    header[name]["dtype"] = kind
    path.write_bytes(headers.join(json.dumps(header), arrays))


def test_another_type_of_16_bits(halved):
    with_type(halved, "output.bias", "BF16")
    with pytest.raises(ModelFileError, match=r"'output\.bias' is BF16, not F16|is F16, not BF16"):
        load_model(halved)


def test_types_are_not_mixed(saved):
    header, arrays = headers.split(saved.read_bytes())
    begin, end = header["output.bias"]["data_offsets"]
    half = np.frombuffer(arrays[begin:end], "<f4").astype("<f2").tobytes()
    assert end == len(arrays), "it is the last"
    header["output.bias"] |= {"dtype": "F16", "data_offsets": [begin, begin + len(half)]}
    saved.write_bytes(headers.join(json.dumps(header), arrays[:begin] + half))
    for read in (load_model, read_summary, read_digest):
        with pytest.raises(ModelFileError, match=r"is F16, not F32|is F32, not F16"):
            read(saved)


def test_the_digest_of_a_file_that_does_not_fit(saved):
    saved.write_bytes(saved.read_bytes().replace(b'\\"hidden\\": 5', b'\\"hidden\\": 6'))
    with pytest.raises(ModelFileError, match="have the shape"):
        read_digest(saved)


def test_a_checkpoint_is_exact(halved):
    """A training goes on from what it was: no other kind of file may be halved."""
    with opened(halved, Kind("checkpoint", remedy="")) as file, pytest.raises(ModelFileError, match="is F16, not F32"):
        file.shapes()
