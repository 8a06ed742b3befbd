from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given

from tests.text.nasty import FAMILY, NASTY, nasty_texts
from textgen.text.tokens import words
from textgen.text.tokens.words import WordTokenizer

WORD = WordTokenizer()


def with_single_blanks(text: str) -> str:
    """What the round trip keeps: runs of blanks as one blank, none beside a newline or at the ends."""
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


@pytest.mark.parametrize("text", NASTY)
def test_nasty_texts_come_back(text):
    assert WORD.detokenize(WORD.tokenize(text)) == with_single_blanks(text)


@given(nasty_texts)
def test_any_text_comes_back(text):
    assert WORD.detokenize(WORD.tokenize(text)) == with_single_blanks(text)


@given(nasty_texts)
def test_tokens_of_the_shown_text_are_the_same(text):
    tokens = WORD.tokenize(text)
    assert WORD.tokenize(WORD.detokenize(tokens)) == tokens


@pytest.mark.parametrize("name", ["shakespeare", "pride", "alice", "names", "tang", "sqlite"])
def test_corpora_come_back(corpora, name):
    text = (corpora / f"{name}.txt").read_text(encoding="utf-8")[:50_000]
    assert WORD.detokenize(WORD.tokenize(text)) == with_single_blanks(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("To be, or not", "To be ￭, or not"),
        ("It's we'll don't", "It ￭'s we ￭'ll don ￭'t"),
        ("don’t", "don ￭’t"),
        ("rock'n'roll", "rock ￭'n ￭'roll"),
        ("'tis '90s 90's", "'￭ tis '￭ 90s 90 ￭'￭ s"),
        ('"Yes," (he)', '"￭ Yes ￭, ￭" (￭ he ￭)'),
        ("a-b --c", "a ￭-￭ b - ￭-￭ c"),
        ("x_1=y[2];", "x_1 ￭=￭ y ￭[￭ 2 ￭] ￭;"),
        ("月光。a 中b", "月 光 。 a ▁ 中 b"),
        ("中 文", "中 ▁ 文"),
        ("「好」 (ok)", "「 好 」 ▁ (￭ ok ￭)"),
        ("は\u3099", "は\u3099"),
        ("한국어 말", "한국어 말"),
        ("n\u0303o", "n\u0303o"),
        ("क्षेत्र।", "क्षेत्र ￭।"),
        ("👍🏽👍", "👍🏽 ￭👍"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (FAMILY, "👨\u200d ￭👩\u200d ￭👧\u200d ￭👦"),
        ("\uffed a\u2581", "<U+FFED> a ￭<U+2581>"),
        ("<U+FFED>", "<￭ U ￭+￭ FFED ￭>"),
        ("<unk>", "<￭ unk ￭>"),
    ],
)
def test_worked_examples(text, tokens):
    assert WORD.tokenize(text) == tokens.split(" ")


def test_newlines_are_tokens_and_swallow_the_blanks_beside_them():
    assert WORD.tokenize(" a. \n\n b ") == ["a", "￭.", "\n", "\n", "b"]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ([], ""),
        (["<unk>", "<unk>"], "<unk> <unk>"),
        (["a", "<unk>", "￭."], "a <unk>."),
        (["中", "<unk>", "文"], "中<unk>文"),
        (["￭s", "￭"], "s"),
        (["a", "￭", "b"], "ab"),
        (["a￭", "￭b"], "ab"),
        (["▁", "▁", "a"], "  a"),
        (["a￭", "\n", "￭b"], "a\nb"),
        (["<U+FFED>￭", "x", "<U+2581>"], "\uffedx \u2581"),
    ],
)
def test_detokenize_accepts_what_a_model_writes(tokens, text):
    assert WORD.detokenize(tokens) == text


def test_every_combining_mark_stays_with_its_word():
    marks = [chr(point) for point in range(0x110000) if unicodedata.category(chr(point)).startswith("M")]
    assert len(marks) > 2000
    assert [mark for mark in marks if WORD.tokenize(f"a{mark}b") != [f"a{mark}b"]] == []


def test_every_ideograph_is_a_token_and_no_hangul_syllable():
    ideographs = [chr(point) for point in range(0x110000) if re.match("CJK UNIFIED", unicodedata.name(chr(point), ""))]
    assert len(ideographs) > 80_000
    assert WORD.tokenize("".join(ideographs)) == ideographs
    hangul = "".join(map(chr, range(0xAC00, 0xD7A4)))
    assert WORD.tokenize(hangul) == [hangul]


def test_remembering_chunks_is_bounded_and_changes_nothing(monkeypatch):
    monkeypatch.setattr(words, "_CACHED_CHUNKS", 3)
    tokenizer = WordTokenizer()
    text = "a. b. c. d. e. a. " * 5 + "x" * 1000
    assert tokenizer.tokenize(text) == WORD.tokenize(text)
    assert set(tokenizer._chunks) <= {"a.", "b.", "c.", "d.", "e."}
    assert len(tokenizer._chunks) <= 3
