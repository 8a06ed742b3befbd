"""Evaluation: the loss over a text against the scores of its sequences, and against one plain pass over its ids."""

import math

import numpy as np
import pytest

from tests.lm.tiny import NEVER, add_to_logit, chain_model, next_probabilities, random_model
from textgen import __version__
from textgen.core.runtime.threads import Team
from textgen.errors import EmptyCorpusError, NoSuchInputError
from textgen.lm.config.text import TextConfig
from textgen.lm.inference.evaluation import evaluate
from textgen.lm.inference.measures import bits_per_character, signature, signature_of_sentences
from textgen.lm.inference.scoring import score
from textgen.nn.computation import Computation
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID
from textgen.text.tokens.windows import Window

LINES = ["abba", "b", "aab?a", "", "  ", "ba" * 200, "abc", "a"] + ["ab" * n for n in range(40)]


@pytest.fixture
def write(tmp_path):
    """A function that writes a text to a file of its own."""

    def put(text, name="text.txt"):
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return put


def plain_pass(model, ids, first):
    """The loss in nats of each id, all in one window of one row, of which only the beginning is a start."""
    ids = np.array(ids, np.int32)
    inputs = np.concatenate(([first], ids[:-1])).astype(np.int32)
    starts = np.arange(len(ids)) == 0
    with Team(1) as team:
        computation = Computation.without_training(model.network, team)
        return computation.forward(Window(inputs[:, None], starts[:, None], ids[:, None]))[:, 0].copy()


def ids_of(model, text):
    """The ids of one sequence of characters, closed."""
    return [*model.vocabulary.ids_of(text), EOS_ID]


def test_the_sum_of_the_scores_of_its_lines(write):
    model = random_model("ab ", seed=3, layers=2)
    path = write("\n".join(LINES) + "\n")
    found = evaluate(model, [path])
    scores = list(score(model, [line for line in LINES if line.strip()]))
    assert found.nats == pytest.approx(-math.fsum(s.log_probability for s in scores), rel=1e-12)
    assert found.tokens == sum(len(s.tokens) for s in scores)
    assert found.oovs == sum(s.oovs for s in scores) == 2
    assert found.sequences == len(scores)
    known = -math.fsum(p for s in scores for p in s.log_probabilities[~s.oov])
    assert found.nats_without_oov == pytest.approx(known, rel=1e-12)
    assert evaluate(model, [path], threads=1) == evaluate(model, [path], threads=3) == found


def test_paragraphs_are_sequences(write):
    model = random_model("ab\n", text={"unit": "paragraph"})
    found = evaluate(model, [write("ab\nba\n\n\nb\n \naa\nbb")])
    scores = score(model, ["ab\nba", "b", "aa\nbb"])
    assert found.sequences == 3
    assert found.nats == pytest.approx(-math.fsum(s.log_probability for s in scores), rel=1e-12)


def test_figures_by_hand(write):
    """Two lines "ax" of P = 1/2 * 1/8 * 1/4 each, in 7 characters, one blank line among them."""
    after = {"a": {"<unk>": 1 / 8, "a": 7 / 8}, "<unk>": {"<eos>": 1 / 4, "a": 3 / 4}}
    model = chain_model({"a": 1 / 2, "<unk>": 1 / 2}, after)
    found = evaluate(model, [write("ax\n\nax\n")])
    assert (found.tokens, found.oovs, found.characters, found.sequences) == (6, 2, 7, 2)
    assert found.nats == pytest.approx(12 * math.log(2), rel=1e-5)
    assert found.nats_without_oov == pytest.approx(6 * math.log(2), rel=1e-5)
    assert found.nats_per_token == pytest.approx(2 * math.log(2), rel=1e-5)
    assert found.perplexity == pytest.approx(4, rel=1e-5)
    assert found.perplexity_without_oov == pytest.approx(8**0.5, rel=1e-5)
    assert found.bits_per_character == pytest.approx(12 / 7, rel=1e-5)


def test_bits_per_character_by_definition():
    assert bits_per_character(10 * math.log(2), 4) == pytest.approx(2.5)


def test_an_endless_perplexity_is_infinite(write):
    """The largest number is about e ** 709.8."""
    model = add_to_logit(chain_model({"<eos>": 1.0}, {}), UNK_ID, -6000 - NEVER)
    found = evaluate(model, [write("x")])
    assert found.nats_per_token == pytest.approx(3000)
    assert found.perplexity == math.inf
    assert found.perplexity_without_oov == pytest.approx(1)
    assert found.bits_per_character == pytest.approx(6000 / math.log(2))


def test_both_levels_count_the_same_characters(write):
    """Those of the file, before anything is normalized: the é of café is two, a CR with its LF is one."""
    path = write("\r\nThe cafe\u0301  is\topen.\r\n\r\n\u4f60\u597d!\r\nYes\r\n")
    characters = 1 + len("The cafe\u0301  is\topen.") + 2 + len("\u4f60\u597d!") + 1 + len("Yes") + 1
    for tokenizer in ("char", "word", "whitespace"):
        for unit in ("line", "paragraph", "file"):
            model = random_model(["a", "Yes"], text={"tokenizer": tokenizer, "unit": unit})
            found = evaluate(model, [path])
            assert found.characters == characters
            assert found.bits_per_character == pytest.approx(found.nats / math.log(2) / characters)


def test_several_files_are_one_text(write):
    model = random_model("ab", seed=4)
    one, other = write("ab\nb", "one.txt"), write("aab\n", "other.txt")
    together, parts = evaluate(model, [one, other]), [evaluate(model, [one]), evaluate(model, [other])]
    assert together.nats == pytest.approx(sum(part.nats for part in parts), rel=1e-12)
    for name in ("tokens", "characters", "sequences"):
        assert getattr(together, name) == sum(getattr(part, name) for part in parts)


@pytest.mark.parametrize("network", [{"cell": "lstm", "layers": 2}, {"cell": "gru"}])
def test_a_whole_file_is_one_exact_pass(write, network):
    """However long: the state of 3000 tokens before still counts."""
    model = random_model("ab\n", seed=2, text={"unit": "file"}, **network)
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list("aabb\nc"), 3000))
    found = evaluate(model, [write(text)])
    losses = plain_pass(model, ids_of(model, text), first=EOS_ID)
    assert found.nats == pytest.approx(math.fsum(losses), rel=1e-12)
    assert (found.tokens, found.sequences) == (3001, 1)
    assert found.oovs == text.count("c")


def test_carry_is_one_exact_pass(write):
    """The state runs on over `<eos>`, which is an input like any other; before the first line there was one, too."""
    model = random_model("ab", seed=2, text={"carry": True}, layers=2)
    lines = [line for line in LINES if line.strip()]
    ids = [idx for line in lines for idx in ids_of(model, line)]
    found = evaluate(model, [write("\n".join(LINES))])
    assert found.nats == pytest.approx(math.fsum(plain_pass(model, ids, first=EOS_ID)), rel=1e-12)
    assert (found.tokens, found.sequences) == (len(ids), len(lines))
    alone = -math.fsum(s.log_probability for s in score(model, lines))
    assert abs(found.nats - alone) > 10, "else the state might as well not have run on"


def test_carry_against_the_naive_twin(write):
    model = random_model("ab", seed=8, text={"carry": True}, cell="gru")
    ids = [*ids_of(model, "ab"), *ids_of(model, "bba"), *ids_of(model, "a")]
    expected = -math.fsum(math.log(next_probabilities(model, ids[:t])[idx]) for t, idx in enumerate(ids))
    assert evaluate(model, [write("ab\nbba\na\n")]).nats == pytest.approx(expected, rel=1e-5)


def test_the_signature_says_how_it_was_counted(write):
    model = random_model("ab")
    assert evaluate(model, [write("ab")]).signature == (
        "level:char|tokenizer:char|unit:line|blank:skipped|case:kept|norm:nfc|unknown:kept|eos:counted|oov:counted"
        f"|carry:no|version:{__version__}"
    )
    other = TextConfig(tokenizer="word", unit="paragraph", lowercase=True, carry=True)
    assert signature(other) == (
        "level:word|tokenizer:word|unit:paragraph|blank:skipped|case:lower|norm:nfc|unknown:kept|eos:counted|oov:counted"
        f"|carry:yes|version:{__version__}"
    )
    assert "|unit:file|blank:kept|" in signature(TextConfig(unit="file"))
    assert "|unit:line|blank:scored|" in signature_of_sentences(TextConfig(unit="paragraph", carry=True))
    assert "|unknown:nearest|" in signature_of_sentences(TextConfig())
    assert "|carry:no|" in signature_of_sentences(TextConfig(unit="paragraph", carry=True))
    assert signature(TextConfig(tokenizer="whitespace")).startswith("level:word|tokenizer:whitespace|")


def test_a_text_is_read_as_the_training_text_was(write):
    model = random_model("éa", text={"lowercase": True})
    found, plain = evaluate(model, [write("E\u0301A\n")]), evaluate(model, [write("éa\n", "plain.txt")])
    assert (found.oovs, found.nats) == (0, plain.nats)
    assert (found.characters, plain.characters) == (4, 3)


def test_nothing_to_measure(write, tmp_path):
    model = random_model()
    with pytest.raises(EmptyCorpusError):
        evaluate(model, [write(" \n\n")])
    with pytest.raises(NoSuchInputError):
        evaluate(model, [tmp_path / "absent.txt"])
