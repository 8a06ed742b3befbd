"""A small model with a history, and its file with something changed."""

import json
import struct
from dataclasses import replace

from safetensors.numpy import save_file

from textgen.lm.config.text import TextConfig
from textgen.lm.storage.history import CorpusFacts, History, Validation
from textgen.lm.storage.model import LanguageModel
from textgen.lm.storage.model_file import load_model
from textgen.nn.config import NetworkConfig
from textgen.text.tokens.vocabulary import Vocabulary

VOCABULARY = Vocabulary(("<unk>", "<eos>", "a", "b", "\n", "é", "\U0001f469"), (1, 2, 9, 8, 3, 1, 1))

VALIDATION = Validation(1, 10, 700, 2.5, train_loss=1.75, valid_loss=1.5, bits_per_character=2.25, perplexity=4.5)
HISTORY = History(
    created="2026-01-02T03:04:05+00:00",
    corpus=CorpusFacts("0" * 64, 1000, 900, 100, ("één.txt",)),
    training={"lr": 0.003, "seed": 1, "epochs": None, "clip_by": "norm"},
    validations=(VALIDATION, replace(VALIDATION, epoch=2, valid_loss=1.25)),
    tokens=1400,
    seconds=5.0,
    stopped="epochs",
)


def make_model(seed=3, **network):
    text = TextConfig(unit="line", lowercase=True, min_count=2)
    model = LanguageModel.new(
        text, NetworkConfig(**{"hidden": 5, "layers": 1, "tie": False, **network}), VOCABULARY, seed
    )
    model.history = HISTORY
    return model


def rewrite(path, *, metadata=None, tensors=None):
    """Write the file again with some entries of its header changed (None: left out) or tensors replaced."""
    size = struct.unpack("<Q", path.read_bytes()[:8])[0]
    header = json.loads(path.read_bytes()[8 : 8 + size])
    entries = {**header["__metadata__"], **(metadata or {})}
    model = load_model(path)
    arrays = {name: model.network.parameters[name].copy() for name in model.network.parameters.names()}
    arrays |= tensors or {}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    save_file(arrays, path, metadata={key: text for key, text in entries.items() if text is not None})
