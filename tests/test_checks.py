"""Types of what is read from files: what is taken, what is refused, and in which words."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

from textgen.checks import CHOSEN, build, typed
from textgen.errors import ConfigError
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.nn.config import NetworkConfig

DEEP = json.loads("[" * 900 + "]" * 900)


@dataclass(frozen=True)
class Leaf:
    size: int
    name: str = "leaf"


@dataclass(frozen=True)
class Tree:
    height: float
    leaf: Leaf = Leaf(1)
    leaves: tuple[Leaf, ...] = ()
    marks: dict[str, int | None] = field(default_factory=dict)
    age: int = CHOSEN


GROWN = {"height": 2, "leaf": {"size": 3, "name": "é"}, "leaves": [{"size": 4}], "marks": {"a": 1, "b": None}, "age": 5}


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (float | None, None, None),
        (str | float, 3, 3.0),
        (str | float, "3", "3"),
        (int, 10**30, 10**30),
        (float, 10**299, 1e299),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[str, ...], (), ()),
        (dict[str, Any], {"a": [{}]}, {"a": [{}]}),
        (str, "\U0001f469\0", "\U0001f469\0"),
    ],
)
def test_a_value_of_the_type(kind, value, found):
    assert typed("x", kind, value) == found
    assert type(typed("x", kind, value)) is type(found)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, 3.0, "'x' must be a whole number, not 3.0"),
        (int, True, "'x' must be a whole number, not True"),
        (float, True, "'x' must be a number, not True"),
        (bool, 1, "'x' must be true or false, not 1"),
        (str | None, 1, "'x' must be a text in quotes or null, not 1"),
        (float, None, "'x' must be a number, not None"),
        (tuple[int, ...], [1, "2"], "'x' must be a whole number, not '2'"),
        (tuple[int, ...], {}, "'x' must be a list, not {}"),
        (dict[str, int], {"a": "b"}, "'a' must be a whole number, not 'b'"),
        (dict[str, int], [], "'x' must be an object, not []"),
        (Leaf, [], "'x' must be an object, not []"),
        (float, 10**400, "'x' is no number that can be: an integer of"),
        (int, -(10**300), "'x' is no number that can be: an integer of"),
        (float, math.nan, "'x' is no number that can be: nan"),
        (float, -math.inf, "'x' is no number that can be: -inf"),
        (str, "a\ud800", r"'x' is not Unicode text: 'a\ud800'"),
        (int, DEEP, "'x' must be a whole number, not [[[[[[[...]]]]]]]"),
        (int, "9" * 5000, "'x' must be a whole number, not '999"),
    ],
)
def test_a_value_of_another_type(kind, value, message):
    with pytest.raises(ConfigError) as refused:
        typed("x", kind, value)
    assert str(refused.value).startswith(message)
    assert len(str(refused.value)) < 200


def test_what_may_be_lacking():
    assert build(Tree, {"height": 1, "age": 2}, lacking=True) == Tree(1.0, age=2)
    assert build(Tree, GROWN, lacking=True) == Tree(2.0, Leaf(3, "é"), (Leaf(4),), {"a": 1, "b": None}, 5)
    for name in ("height", "age"):  # what is to be chosen must have been
        with pytest.raises(ConfigError, match=name):
            build(Tree, {key: value for key, value in GROWN.items() if key != name}, lacking=True)
    with pytest.raises(ConfigError, match="'name' is missing"):
        build(Tree, GROWN)


def test_names_that_are_not_known():
    later = {**GROWN, "colour": "green", "leaf": {"size": 3, "name": "x", "veins": DEEP}}
    assert build(Tree, later, lacking=True, unknown=True).leaf == Leaf(3, "x")
    with pytest.raises(ConfigError, match="unknown setting 'colour'; choose from height, leaf, leaves, marks, age"):
        build(Tree, later, lacking=True)


def test_no_whole_number_is_negative():
    with pytest.raises(ConfigError, match="'size' must not be negative, but is -1"):
        build(Tree, {**GROWN, "leaf": {"size": -1}}, lacking=True)


@pytest.mark.parametrize(
    "config",
    [
        TextConfig(),
        NetworkConfig(hidden=8, layers=1, tie=False, softmax="adaptive", cutoffs=(4, 30)),
        TrainingConfig(batch=1, bptt=1, lr=0.1, warmup=0, dropout=0.0, word_dropout=0.0, average=False, seconds=3.0),
        SamplingConfig(),
    ],
)
def test_a_configuration_through_json_and_back(config):
    again = build(type(config), json.loads(json.dumps(asdict(config))))
    assert again == config
    assert hash(again) == hash(config)
