"""Warnings: when they are given, when not, and what they advise."""

import math

import pytest

from tests.lm.tasks import SMALL
from textgen.lm.config.training import TrainingConfig
from textgen.lm.storage.model import LanguageModel
from textgen.lm.training.advice import Memorisation, sorted_list, unknown_tokens, warned
from textgen.lm.training.reports import ValidationReport
from textgen.lm.training.validation import to_history

LETTERS = "\n".join("abcdefghij")  # ten words
SIGNS = "".join(map(chr, range(0x4E00, 0x4E00 + 2000)))  # whoever knows nothing has a loss of 7.6

# Unknown tokens


@pytest.mark.parametrize(
    ("valid", "share"), [("x b c d e f g h i j", None), ("x y c d e f g h i j", "20 %"), ("x y z", "100 %")]
)
@pytest.mark.parametrize("unit", ["line", "file"])
def test_unknown_words_are_more_than_a_tenth(task, valid, share, unit):
    """Whatever the number of sequences: `<eos>` does not count."""
    valid = valid.replace(" ", "\n") if unit == "line" else valid
    asked = task(LETTERS, valid=valid, tokenizer="word", min_count=1, unit=unit)
    warning = unknown_tokens(asked.corpus, asked.text)
    if share is None:
        assert warning is None
    else:
        assert warning is not None
        assert warning.startswith(f"{share} of the held-out words are outside the vocabulary")


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"min_count": 1}, "--level char or more text"),
        ({}, "--level char, a lower --min-count than 2 or more text"),
        (
            {"min_count": 1, "max_vocab": 9},
            "--level char, a larger --max-vocab than 9 or more text",
        ),
        ({"min_count": 1, "max_vocab": 11}, "--level char or more text"),
        ({"tokenizer": "whitespace"}, "--level char or more text"),
        ({"tokenizer": "char"}, "more text"),
        (
            {"tokenizer": "char", "max_vocab": 3, "min_count": 2},
            "a lower --min-count than 2, a larger --max-vocab than 3 or more text",
        ),
    ],
)
def test_what_helps_against_unknown_words(task, options, advice):
    asked = task(LETTERS + LETTERS[:-1], valid="x y", **{"tokenizer": "word", **options})
    warning = unknown_tokens(asked.corpus, asked.text)
    assert warning is not None
    assert warning.endswith(f"; what helps: {advice}")
    assert ("words" in warning) == (asked.text.level == "word")


def test_if_nothing_is_held_out_the_whole_text_is_judged(task):
    asked = task("a a b c d", tokenizer="word")
    warning = unknown_tokens(asked.corpus, asked.text)
    assert warning is not None
    assert warning.startswith("60 % of the text's words")
    known = task("a a b b", tokenizer="word")
    assert unknown_tokens(known.corpus, known.text) is None


# A sorted list


@pytest.mark.parametrize(("options", "is_warned"), [({}, True), ({"shuffle": True}, False), ({"carry": True}, False)])
def test_of_a_sorted_list_the_end_is_another_kind(task, options, is_warned):
    asked = task("\n".join(f"{a}{b}" for a in "abcdef" for b in "abcdef"), valid_fraction=0.1, **options)
    warning = sorted_list(asked.corpus, asked.text)
    if is_warned:
        assert warning is not None
        assert warning.startswith("the text looks like a sorted list")
        assert warning.endswith("; what helps: --shuffle")
    else:
        assert warning is None


# Memorisation


@pytest.fixture
def memorisation(task):
    """A function that makes one, for a held-out part of so many tokens."""

    def make(valid_tokens=10_000, **training):
        asked = task(SIGNS, valid=SIGNS[0] * (valid_tokens - 1))  # and `<eos>`
        assert len(asked.corpus.valid.ids) == valid_tokens
        settled = TrainingConfig(**{"size": "medium", "epochs": 9, "dropout": 0.2, **training})
        return Memorisation(asked.corpus, settled)

    return make


@pytest.fixture
def report(task):
    """A function that makes the report of a validation."""
    model = LanguageModel.new(task("ab").text, SMALL, task("ab").corpus.vocabulary, 1)

    def make(train_loss, valid_loss):
        return ValidationReport(1, 1, 1, 1.0, train_loss, valid_loss, None, None, False, model)

    return make


COURSES = {
    "words, learnt by heart": ([(5.5, 5.2), (4.1, 4.0), (3.1, 3.8), (2.9, 3.85), (2.6, 3.9), (2.2, 4.0)], 4),
    "characters, learnt by heart": ([(2.0, 1.9), (1.4, 1.5), (1.1, 1.5), (0.9, 1.6), (0.8, 1.7)], 4),
    "once worse is chance": ([(2.0, 1.9), (1.2, 1.5), (1.1, 1.55), (1.0, 1.5), (1.0, 1.55), (1.0, 1.5)], None),
    "far below, but still better each time": ([(2.0, 1.9), (1.1, 1.5), (1.0, 1.49), (0.9, 1.48)], None),
    "far below and level": ([(2.0, 1.9), (1.1, 1.5), (1.0, 1.505), (0.9, 1.51)], None),
    "worlds apart": ([(2.0, 2.0), (1.5, 2.0), (1.01, 2.0), (0.99, 2.0)], 3),
    "worse, but not far below": ([(4.0, 4.0), (3.9, 4.1), (3.8, 4.2), (3.7, 4.3)], None),
    "dropout": ([(2.0, 1.8), (1.9, 1.7), (1.8, 1.65), (1.7, 1.63)], None),
    "a text that repeats itself": ([(0.9, 0.8), (0.05, 0.12), (0.03, 0.13), (0.02, 0.14)], None),
    "gone astray": ([(7.7, 7.7), (2602.7, 2426.2), (688.8, 2010.2), (7.7, 20.0), (7.7, 20.0)], None),
    "hardly anything learnt": ([(9.0, 9.2), (9.0, 9.3), (9.0, 9.4), (9.0, 9.5)], None),
}


@pytest.mark.parametrize("name", COURSES)
def test_when_a_model_memorises(memorisation, name):
    """It is said once."""
    course, expected = COURSES[name]
    watch = memorisation()
    found = [idx for idx, losses in enumerate(course) if watch.find(*losses)]
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize("name", COURSES)
def test_what_was_found_before_an_interruption_is_not_said_again(memorisation, report, name):
    """And what was not found then is found where it would have been, of the history alone."""
    course, expected = COURSES[name]
    for sitting in range(len(course) + 1):
        watch = memorisation()
        watch.recall([to_history(report(*losses)) for losses in course[:sitting]])
        found = [sitting + idx for idx, losses in enumerate(course[sitting:]) if watch.find(*losses)]
        assert found == ([] if expected is None or expected < sitting else [expected])


@pytest.mark.parametrize("losses", [(math.nan, 3.0), (0.1, math.inf), (None, 3.0), (0.1, None)])
def test_what_is_no_number_shows_nothing(memorisation, losses):
    watch = memorisation()
    assert watch.find(*losses) is None
    assert watch.find(0.1, 3.0)


@pytest.mark.parametrize(("valid_tokens", "is_found"), [(20, False), (1000, True)])
def test_a_small_part_says_little(memorisation, valid_tokens, is_found):
    """A loss of 1.3 nats more is within three standard errors of the mean over twenty tokens."""
    watch = memorisation(valid_tokens)
    found = [watch.find(*losses) for losses in [(2.0, 2.5), (1.5, 2.6), (1.4, 2.7)]]
    assert any(found) == is_found


def test_of_a_small_part_much_can_still_be_said(memorisation):
    watch = memorisation(20)
    assert watch.find(3.0, 3.1) is None
    assert watch.find(0.1, 4.1) is not None


def test_without_a_held_out_part_nothing_is_found(task):
    asked = task("abab").without_validation()
    watch = Memorisation(asked.corpus, TrainingConfig(dropout=0.0))
    assert [watch.find(loss, None) for loss in (3.0, 0.1, 0.0)] == [None] * 3


@pytest.mark.parametrize(
    ("training", "advice"),
    [
        ({}, "more --dropout than 0.2, a smaller --size, fewer --epochs or more text"),
        ({"dropout": 0.5}, "a smaller --size, fewer --epochs or more text"),
        ({"size": "small", "dropout": 0.0}, "more --dropout than 0, fewer --epochs or more text"),
        ({"size": None}, "more --dropout than 0.2, fewer --hidden units, fewer --epochs or more text"),
        ({"epochs": None, "seconds": 9.0}, "more --dropout than 0.2, a smaller --size, a shorter --time or more text"),
        ({"epochs": None, "steps": 9}, "more --dropout than 0.2, a smaller --size, fewer --steps or more text"),
    ],
)
def test_what_helps_against_memorisation(memorisation, training, advice):
    warning = memorisation(**training).find(0.1, 3.0)
    assert warning == (
        "the model learns its text by heart: its loss is 0.10 there and 3.00 on the held-out part (at best 3.00);"
        f" what helps: {advice}"
    )


def test_reports_pass_unchanged_and_the_warning_follows_its_report(memorisation, report):
    heard: list[str] = []
    good, bad = report(2.0, 2.0), report(0.1, 2.0)
    passing = warned(iter([good, bad, bad]), memorisation(), heard.append)
    assert (next(passing), next(passing), heard) == (good, bad, [])
    assert next(passing) is bad
    assert len(heard) == 1
    assert next(passing, None) is None
    assert len(heard) == 1
