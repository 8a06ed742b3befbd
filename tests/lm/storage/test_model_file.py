"""The model file: what is saved comes back."""

import json
import math
import struct
from dataclasses import replace

import pytest

from tests.lm.storage.small_model import HISTORY, VALIDATION, VOCABULARY, make_model
from textgen import __version__
from textgen.core.cells import CELLS
from textgen.lm.inference.scoring import score
from textgen.lm.storage.model_file import load_model, read_summary, save_model


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"layers": 2, "embedding": 3, "head_layers": 1},
        {"embedding": 3, "tie": True, "head_layers": 1},
        {"softmax": "adaptive", "cutoffs": (2, 5)},
    ],
)
def test_a_model_comes_back_as_it_was(path, cell, shape):
    model = make_model(cell=cell, **shape)
    save_model(model, path)
    loaded = load_model(path)
    assert loaded.network.config == model.network.config
    assert loaded.text == model.text
    assert loaded.vocabulary == model.vocabulary
    assert loaded.history == model.history
    assert loaded.network.parameters.vector.tobytes() == model.network.parameters.vector.tobytes()
    sentences = ["abba", "", "é\U0001f469 x"]
    for one, other in zip(score(model, sentences), score(loaded, sentences), strict=True):
        assert one.log_probabilities.tobytes() == other.log_probabilities.tobytes()


def test_options_of_any_size_come_back(path):
    """Whatever `train` takes: a seed, or a limit that means that there is none."""
    model = make_model()
    model.text = replace(model.text, max_vocab=10**30)
    model.history = replace(HISTORY, training={"seed": 10**30, "patience": 10**100, "clip": 1e300})
    save_model(model, path)
    loaded = load_model(path)
    assert (loaded.text, loaded.history) == (model.text, model.history)


def test_the_summary_holds_all_but_the_weights(saved):
    summary = read_summary(saved)
    model = load_model(saved)
    assert summary.network == model.network.config
    assert summary.text == model.text
    assert summary.vocabulary == VOCABULARY
    assert summary.history == model.history
    assert (summary.format, summary.version, summary.level) == (3, __version__, "char")
    # lstm, 7 tokens one-hot, 5 units: 4 gates of 7 + 5 rows and a bias, then the softmax
    assert summary.parameters == 20 * (7 + 5 + 1) + 7 * (5 + 1)


def test_the_header_is_readable_by_any_reader_of_safetensors(saved):
    content = saved.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    metadata = json.loads(content[8 : 8 + size])["__metadata__"]
    assert metadata["textgen.format"] == "3"
    assert metadata["textgen.version"] == __version__
    assert json.loads(metadata["textgen.config"])["network"]["hidden"] == 5
    assert json.loads(metadata["textgen.vocabulary"])["tokens"] == list(VOCABULARY.tokens)


def test_numbers_that_are_not_finite_become_null_in_the_history(path):
    model = make_model()
    model.history = replace(HISTORY, validations=(replace(VALIDATION, perplexity=math.inf, train_loss=math.nan),))
    save_model(model, path)
    [found] = read_summary(path).history.validations
    assert (found.perplexity, found.train_loss, found.valid_loss) == (None, None, VALIDATION.valid_loss)
