"""What of a sequence is copied, on texts so small that it can be seen."""

import random

import numpy as np
import pytest

from textgen.lm.writing.copies import Copies, copies_together, find_copies
from textgen.text.tokens.run_index import RunIndex
from textgen.text.tokens.vocabulary import EOS_ID

TEXT = ["the cat sat on the mat", "a dog ran", "cats nap"]


def ids_of(text):
    return [ord(letter) for letter in text]


@pytest.fixture(scope="module")
def index():
    return RunIndex.of(np.array([idx for line in TEXT for idx in (*ids_of(line), EOS_ID)], np.uint8))


def copied(index, text, least, prompt=""):
    """The copies found in prompt and text, and the runs themselves."""
    whole = prompt + text
    found = find_copies(index, ids_of(whole), least, len(prompt))
    return found, [whole[begin:end] for begin, end in found.spans]


@pytest.mark.parametrize(
    ("text", "longest", "runs", "tokens"),
    [
        ("", 0, [], 0),
        ("ZZZ", 0, [], 0),
        ("the cat sat on the mat", 22, ["the cat sat on the mat"], 22),
        ("Xthe cat satX", 11, ["the cat sat"], 11),
        ("the cat ran", 8, ["the cat "], 8),
        ("a dog sat on", 7, ["a dog ", " sat on"], 12),  # they share the blank
        ("tea", 1, ["t", "e", "a"], 0),  # none is long enough; all are the longest
        ("cat nap", 4, ["cat ", " nap"], 0),
        ("mata dog", 5, ["a dog"], 5),  # no run leads over the end of a line
    ],
)
def test_runs_as_a_reader_finds_them(index, text, longest, runs, tokens):
    least = 5
    found, found_runs = copied(index, text, least)
    assert (found.longest, found_runs, found.copied) == (longest, runs, tokens)
    assert found.tokens == len(text)
    assert found.share == (tokens / len(text) if text else 0)


def test_the_prompt_itself_is_not_counted_but_what_goes_on_with_it_is(index):
    found, runs = copied(index, "at on the ZZ", 5, prompt="a dog ZZ the cat s")
    assert runs == ["the cat sat on the "]
    assert (found.longest, found.copied, found.tokens) == (19, 10, 12)


def test_a_prompt_alone_is_no_copy(index):
    assert copied(index, "", 5, prompt="the cat sat") == (Copies(0, (), 0, 0), [])


def test_spans_are_those_of_brute_force(index):
    """All runs of a thousand sequences that stand in the text and lie in no other such run."""
    rng = random.Random(5)
    for _ in range(1000):
        text = "".join(
            line[begin : begin + rng.randrange(12)]
            for line in rng.choices([*TEXT, "xyz"], k=rng.randrange(5))
            for begin in [rng.randrange(len(line))]
        )
        there = [
            (begin, end)
            for begin in range(len(text))
            for end in range(begin + 1, len(text) + 1)
            if any(text[begin:end] in line for line in TEXT)
        ]
        runs = [one for one in there if not any(a <= one[0] and one[1] <= b for a, b in there if (a, b) != one)]
        longest = max((end - begin for begin, end in runs), default=0)
        least = rng.randint(1, 9)
        long_enough = [(begin, end) for begin, end in runs if end - begin >= least]
        found = find_copies(index, ids_of(text), least)
        assert found.longest == longest
        assert [*found.spans] == (long_enough or [run for run in runs if run[1] - run[0] == longest])
        assert found.copied == len({place for begin, end in long_enough for place in range(begin, end)})


def test_several_sequences_together(index):
    found = [find_copies(index, ids_of(text), 5) for text in ("the cat ZZ", "ZZ", "a dog")]
    together = copies_together(found)
    assert (together.longest, together.copied, together.tokens, together.share) == (8, 13, 17, 13 / 17)
    assert copies_together([]) == Copies(0, (), 0, 0)
