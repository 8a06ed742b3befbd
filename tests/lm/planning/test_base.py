"""A training that begins with another model: what it takes over, what it refuses, and the loss that it starts with."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.core.cases import twin_of
from tests.core.clustered import log_softmax
from tests.lm.tasks import PLAIN
from tests.lm.tiny import random_model
from textgen.errors import ConfigError, NoSuchModelError
from textgen.lm.config.finetuning import VOCABULARIES, FinetuningConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.inference.scoring import score
from textgen.lm.planning.base import Base
from textgen.lm.planning.plan import plan
from textgen.lm.storage.model import LanguageModel
from textgen.nn.config import NetworkConfig
from textgen.text.corpus.corpus import read_corpus
from textgen.text.tokens.tokenizers import TOKENIZERS
from textgen.text.tokens.vocabulary import EOS_ID

FILES = Path(__file__).parents[1] / "storage" / "files"
KNOWN = {"char": [*"abcdefghi "], "whitespace": [*"abcde", "fg", "hi"]}
SENTENCE = "a fg e a hi d d c"
TEXTS = {
    "old and new tokens": "a b x c x\nfg y e a\n" * 6,
    "no new token": "a c fg\nhi e d\n" * 6,
    "new tokens alone": "猫坐在\n垫子上\n" * 6,
}
OUTPUTS: dict[str, dict[str, Any]] = {
    "full": {},
    "one-hot": {"embedding": 0},
    "tied": {"embedding": 6, "tie": True},
    "tied, no projection": {"embedding": 8, "tie": True},
    "clusters": {"softmax": "adaptive", "cutoffs": (4, 6)},
    "clusters, tied": {"softmax": "adaptive", "cutoffs": (3,), "embedding": 6, "tie": True},
    "deep, with peepholes": {"layers": 2, "head_layers": 1, "cell": "lstm-peephole"},
}
BOTH_LEVELS = pytest.mark.parametrize("tokenizer", KNOWN)
ALL_OUTPUTS = pytest.mark.parametrize("network", OUTPUTS.values(), ids=OUTPUTS)
ALL_TEXTS = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def base_of(tokenizer="whitespace", vocabulary="united", text=None, **network):
    """A model to begin with, all parameters of which are random."""
    text = {"tokenizer": tokenizer, **(text or {})}
    return Base("old", random_model(KNOWN[tokenizer], text=text, **{"embedding": 5, **network}), vocabulary)


@pytest.fixture
def begun(tmp_path):
    """A function: the model that a training on `text` begins with."""

    def make(base, text, **options):
        path = tmp_path / "text.txt"
        path.write_text(text, encoding="utf-8")
        read = replace(base.model.text, **{"valid_fraction": 0.0, **options})
        corpus = read_corpus([path], read, lambda _: None, rule=base.rule)
        network = plan(corpus, base.model.network.config, TrainingConfig(**PLAIN), base).network
        model = LanguageModel.new(read, network, corpus.vocabulary, seed=3)
        base.give(model)
        return model

    return make


def distributions(model, tokens):
    """log P of each id at each place of a text, (places, V), by the naive twin of the network."""
    twin, network = twin_of(model.network), model.network
    zeros = tuple([0.0] * network.config.hidden for _ in range(network.cell.states))
    states, rows = [zeros] * network.config.layers, []
    for idx in (model.first_input, *model.vocabulary.ids_of(tokens)):
        states, logits = twin.advance(int(idx), states)
        rows.append(log_softmax(logits))  # of clusters the twin gives log P itself, which this leaves as it is
    return np.array(rows)


def among(rows, ids):
    """log P of `ids`, if there were no others."""
    part = rows[:, ids]
    return part - np.log(np.exp(part).sum(axis=1, keepdims=True))


def ids_in(model, tokens):
    """Their ids, those of the reserved tokens included."""
    return [model.vocabulary.tokens.index(token) for token in tokens]


@ALL_OUTPUTS
@ALL_TEXTS
@BOTH_LEVELS
def test_it_starts_with_the_old_loss_over_the_old_vocabulary(begun, tokenizer, text, network):
    base = base_of(tokenizer, **network)
    model = begun(base, text)
    read = TOKENIZERS[tokenizer].tokenize(SENTENCE)
    ids = ids_in(model, base.model.vocabulary.tokens)
    old, new = distributions(base.model, read), distributions(model, read)
    assert among(new, ids) == pytest.approx(old, abs=1e-5)
    new_tokens = set(TOKENIZERS[tokenizer].tokenize(text)) - {"\n", *base.model.vocabulary.tokens}
    assert set(model.vocabulary.tokens) == {*base.model.vocabulary.tokens, *new_tokens}
    assert (np.exp(new[:, ids]).sum(axis=1) < 1 - 1e-6).all() == (len(new_tokens) > 0)
    [scored] = score(model, [SENTENCE])
    assert scored.log_probabilities == pytest.approx(
        new[range(len(new)), [*model.vocabulary.ids_of(read), EOS_ID]], abs=1e-4
    )


@ALL_OUTPUTS
@ALL_TEXTS
@BOTH_LEVELS
def test_with_a_new_vocabulary_over_the_tokens_that_are_kept(begun, tokenizer, text, network):
    """In clusters within the short list and within each cluster: the tokens that go leave their share to the others."""
    base = base_of(tokenizer, "new", **network)
    model = begun(base, text)
    assert set(model.vocabulary.tokens[2:]) == set(TOKENIZERS[tokenizer].tokenize(text)) - {"\n"}
    old_tokens = base.model.vocabulary.tokens
    kept = [token for token in old_tokens if token in model.vocabulary.tokens]
    read = [token for token in TOKENIZERS[tokenizer].tokenize(SENTENCE) if token in kept]
    old, new = distributions(base.model, read), distributions(model, read)
    borders = (0, *base.model.network.config.cutoffs, len(old_tokens))
    for first, last in pairwise(borders):
        part = [token for token in old_tokens[first:last] if token in kept]
        if not part:
            continue
        assert among(new, ids_in(model, part)) == pytest.approx(among(old, ids_in(base.model, part)), abs=1e-5)
    assert set(kept) >= {"<unk>", "<eos>"}


@BOTH_LEVELS
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_old_tokens_come_first_and_the_counts_are_those_of_the_text(begun, tokenizer, vocabulary):
    known = begun(base_of(tokenizer, vocabulary), "x a x y b x y", unit="file").vocabulary
    old = [token for token in KNOWN[tokenizer] if vocabulary == "united" or token in "ab "]
    assert known.tokens == ("<unk>", "<eos>", *old, "x", "y")
    found = dict(zip(known.tokens, known.counts, strict=True))
    assert [found[token] for token in ("<eos>", "a", "b", "x", "y")] == [1, 1, 1, 3, 2]
    assert found.get("d", 0) == 0


@pytest.mark.parametrize(
    ("options", "new"), [({"min_count": 3}, ["x"]), ({"max_vocab": 1}, ["x"]), ({"min_count": 9}, [])]
)
def test_limits_are_for_the_new_tokens(begun, options, new):
    model = begun(base_of("char"), "x a x y b x y", unit="file", **options)
    assert [*model.vocabulary.tokens[2:]] == [*KNOWN["char"], *new]
    assert model.vocabulary.counts[0] == 5 - 3 * len(new), "what is dropped is unknown"


@pytest.mark.parametrize("network", [OUTPUTS["one-hot"], OUTPUTS["clusters"]])
def test_a_new_token_begins_as_probable_as_an_old_one_of_its_frequency(begun, network):
    """Its bias is as far above the logarithm of its share of the text; a new cluster's goes by all its tokens."""
    base = base_of("char", **network)
    clusters, counts = len(base.model.network.config.cutoffs), np.array(base.model.vocabulary.counts, np.float64)
    bias = base.model.network.parameters["output.bias"]
    bias[clusters:] = np.log(counts / counts.sum()) + 2
    model = begun(base, "x a x y b x y", unit="file")
    found = model.network.parameters["output.bias"]
    assert found[-2:] == pytest.approx(np.log([3 / 14, 2 / 14]) + 2, abs=1e-5)
    if clusters:
        assert found[: clusters + 1] == pytest.approx([*bias[:clusters], np.log(5 / 14) + 2], abs=1e-5)


def test_what_no_token_has_stays_as_it_was_drawn(begun):
    base = base_of("char", embedding=0)
    model = begun(base, TEXTS["old and new tokens"])
    drawn = LanguageModel.new(model.text, model.network.config, model.vocabulary, seed=3)
    for name, axis in (("layer0.input", 0), ("output.weight", 1)):
        new, before = (np.moveaxis(one.network.parameters[name], axis, 0)[-2:] for one in (model, drawn))
        assert new.tobytes() == before.tobytes()


def test_the_model_itself_stays_as_it_is(begun):
    base = base_of(**OUTPUTS["clusters, tied"])
    before = base.model.network.parameters.vector.tobytes(), base.facts
    begun(base, TEXTS["old and new tokens"])
    assert (base.model.network.parameters.vector.tobytes(), base.facts) == before


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize("path", sorted(FILES.glob("*.safetensors")), ids=lambda path: path.stem)
def test_a_model_of_an_earlier_version(begun, path, vocabulary):
    base = Base.opened(FinetuningConfig(str(path), vocabulary), lambda _: None)
    assert base is not None
    model = begun(base, "the cat sat on the zebra.\nthe zebra sat.\n" * 3)
    assert "z" in model.vocabulary.tokens or "zebra" in model.vocabulary.tokens
    shape = base.model.network.config
    assert replace(model.network.config, softmax="auto", cutoffs=()) == replace(shape, softmax="auto", cutoffs=())
    assert model.network.config.softmax == ("adaptive" if shape.cutoffs else "full")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"hidden": 256}, "--hidden 256 contradicts --from old, which has 8; leave it out"),
        ({"layers": 2}, "--layers 2 contradicts --from old, which has 1; leave it out"),
        ({"embedding": 0}, "--embedding 0 contradicts --from old, which has 5; leave it out"),
        ({"head_layers": 1}, "--head-layers 1 contradicts --from old, which has 0; leave it out"),
        ({"cell": "gru"}, "--cell gru contradicts --from old, which has lstm; leave it out"),
        ({"tie": True}, "--tie contradicts --from old, which was trained without it; leave it out"),
        ({"softmax": "adaptive"}, "--softmax adaptive contradicts --from old, which has full; leave it out"),
        ({"size": "small"}, "--size small contradicts --from old, which has 1 x 8 units; leave it out"),
        ({"lowercase": True}, "--lowercase contradicts --from old, which was trained without it; leave it out"),
        ({"carry": True}, "--carry contradicts --from old, which was trained without it; leave it out"),
        ({"tokenizer": "word"}, "--tokenizer word contradicts --from old, which has whitespace; leave it out"),
        (
            {"hidden": 9, "cell": "rnn", "layers": 1},
            "--cell rnn contradicts --from old, which has lstm; --hidden 9 contradicts --from old, which has 8;"
            " leave them out",
        ),
    ],
)
def test_what_contradicts_is_refused_by_name(asked, message):
    with pytest.raises(ConfigError) as refused:
        base_of().taken_over(*configured(asked), asked.keys())
    assert str(refused.value) == message


def test_a_tie_that_is_undone():
    with pytest.raises(ConfigError) as refused:
        base_of(**OUTPUTS["tied"]).taken_over(*configured({"tie": False}), {"tie"})
    assert str(refused.value) == "--no-tie contradicts --from old, which was trained with --tie; leave it out"


@pytest.mark.parametrize("level", ["char", "word"])
def test_a_level_may_be_named(level):
    """The tokenizer is the model's own, whichever of the level's it is."""
    asked = configured({"tokenizer": level})
    if level == "word":
        text, _ = base_of().taken_over(*asked, {"level"})
        assert text.tokenizer == "whitespace"
    else:
        with pytest.raises(ConfigError, match="--level char contradicts --from old, which has word; leave it out"):
            base_of().taken_over(*asked, {"level"})


def test_what_is_not_asked_for_is_taken_over():
    shape = {**OUTPUTS["clusters, tied"], "cell": "gru", "head_layers": 1}
    base = base_of(text={"lowercase": True, "carry": True, "unit": "line"}, **shape)
    text, network = base.taken_over(TextConfig(), NetworkConfig(), TrainingConfig(), set())
    assert (text.tokenizer, text.lowercase, text.carry, text.unit) == ("whitespace", True, True, "auto")
    assert replace(network, cutoffs=base.model.network.config.cutoffs) == base.model.network.config


def test_none_is_opened_where_none_is_asked_for():
    assert Base.opened(FinetuningConfig(), lambda _: None) is None
    with pytest.raises(NoSuchModelError, match="no model named 'absent'"):
        Base.opened(FinetuningConfig("absent"), lambda _: None)


def configured(asked):
    """The three configurations of these settings."""
    kinds = TextConfig, NetworkConfig, TrainingConfig
    return [kind(**{name: asked[name] for name in asked if name in kind.__annotations__}) for kind in kinds]
