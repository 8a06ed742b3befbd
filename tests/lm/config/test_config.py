"""Configurations check themselves, and say what is allowed."""

from __future__ import annotations

import math

import pytest

from textgen.errors import ConfigError
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.nn.config import NetworkConfig

IMPOSSIBLE = [
    (TextConfig, {"min_count": 0}, "--min-count must be at least 1, not 0"),
    (TextConfig, {"max_vocab": -1}, "--max-vocab must be at least 0, not -1"),
    (TextConfig, {"valid_fraction": 1}, "--valid-fraction must be at least 0 and below 1, not 1"),
    (TextConfig, {"unit": "verse"}, "unknown --unit 'verse'; choose from auto, line, sentence, paragraph, file"),
    (TextConfig, {"tokenizer": "bpe"}, "unknown --tokenizer 'bpe'; choose from char, word, whitespace"),
    (NetworkConfig, {"hidden": 0}, "--hidden must be at least 1 and at most 1,000,000, not 0"),
    (NetworkConfig, {"hidden": 10**400}, "--hidden must be at least 1 and at most 1,000,000, not an integer of 1,329"),
    (NetworkConfig, {"layers": 0}, "--layers must be at least 1 and at most 1,000, not 0"),
    (NetworkConfig, {"embedding": -1}, "--embedding must be at least 0 and at most 1,000,000, not -1"),
    (NetworkConfig, {"head_layers": -1}, "--head-layers must be at least 0 and at most 1,000, not -1"),
    (NetworkConfig, {"softmax": "hard"}, "unknown --softmax 'hard'; choose from auto, full, adaptive"),
    (NetworkConfig, {"cutoffs": (1, 5)}, "cutoffs must rise from 2 or more, not [1, 5]"),
    (NetworkConfig, {"cutoffs": (4, 4)}, "cutoffs must rise from 2 or more, not [4, 4]"),
    (NetworkConfig, {"cutoffs": (4,), "softmax": "full"}, "the full softmax has no cutoffs, but [4] were found"),
    (TextConfig, {"start": "bos"}, "unknown --start 'bos'; choose from eos, zero"),
    (TextConfig, {"start": "zero", "carry": True}, "--carry and --start zero contradict each other"),
    (NetworkConfig, {"cell": "gruu"}, "unknown --cell 'gruu'; choose from rnn, gru-simple, gru, lstm, "),
    (NetworkConfig, {"tie": True, "embedding": 0}, "--tie and --embedding 0 contradict each other"),
    (TrainingConfig, {"epochs": 0}, "--epochs must be at least 1 and at most 1,000,000,000,000,000, not 0"),
    (
        TrainingConfig,
        {"epochs": 10**16},
        "--epochs must be at least 1 and at most 1,000,000,000,000,000, not 10000000000000000",
    ),
    (TrainingConfig, {"lr": 10**400}, "--lr must be above 0 and at most 1.79769313e+308, not an integer of 1,329 bits"),
    (TrainingConfig, {"seconds": 0}, "--time must be above 0, not 0"),
    (TrainingConfig, {"seconds": math.nan}, "--time must be finite and above 0, not nan"),
    (TrainingConfig, {"steps": 0}, "--steps must be at least 1 and at most 1,000,000,000,000,000, not 0"),
    (TrainingConfig, {"batch": 0}, "--batch must be at least 1 and at most 1,000,000, not 0"),
    (TrainingConfig, {"bptt": 0}, "--bptt must be at least 1 and at most 1,000,000, not 0"),
    (TrainingConfig, {"lr": 0}, "--lr must be above 0, not 0"),
    (TrainingConfig, {"lr": math.inf}, "--lr must be finite and above 0, not inf"),
    (TrainingConfig, {"momentum": 1}, "--momentum must be at least 0 and below 1, not 1"),
    (TrainingConfig, {"clip": -1}, "--clip must be at least 0, not -1"),
    (TrainingConfig, {"clip_by": "sign"}, "unknown --clip-by 'sign'; choose from norm, value"),
    (TrainingConfig, {"optimizer": "lion"}, "unknown --optimizer 'lion'; choose from adam, sgd"),
    (TrainingConfig, {"dropout": 1}, "--dropout must be at least 0 and below 1, not 1"),
    (
        TrainingConfig,
        {"dropout_kind": "zoneout"},
        "unknown --dropout-kind 'zoneout'; choose from variational",
    ),
    (TrainingConfig, {"word_dropout": -0.1}, "--word-dropout must be at least 0 and below 1, not -0.1"),
    (TrainingConfig, {"epochs": 1, "seconds": 5}, "--epochs and --time contradict each other; give one of them"),
    (TrainingConfig, {"seconds": 5, "steps": 1}, "--time and --steps contradict each other; give one of them"),
    (SamplingConfig, {"count": 0}, "--count must be at least 1, not 0"),
    (SamplingConfig, {"max_length": 0}, "--max-length must be at least 1, not 0"),
    (SamplingConfig, {"temperature": -1}, "--temperature must be at least 0, not -1"),
    (SamplingConfig, {"top_k": -1}, "--top-k must be at least 0, not -1"),
    (SamplingConfig, {"top_p": 0}, "--top-p must be above 0 and at most 1, not 0"),
    (SamplingConfig, {"min_p": 1.5}, "--min-p must be at least 0 and at most 1, not 1.5"),
    (SamplingConfig, {"seed": -1}, "--seed must be at least 0, not -1"),
]


@pytest.mark.parametrize(("config", "values", "message"), IMPOSSIBLE)
def test_the_impossible_is_refused(config, values, message):
    with pytest.raises(ConfigError) as refused:
        config(**values)
    assert str(refused.value).startswith(message)


def test_level_follows_the_tokenizer():
    levels = {name: TextConfig(tokenizer=name).level for name in ("char", "word", "whitespace")}
    assert levels == {"char": "char", "word": "word", "whitespace": "word"}


def test_a_seed_is_kept_and_a_missing_one_drawn():
    assert SamplingConfig(seed=0).seeded().seed == 0
    drawn = {SamplingConfig().seeded().seed for _ in range(4)}
    assert None not in drawn
    assert len(drawn) > 1  # four equal ones of 32 bits: 1 in 10^28
