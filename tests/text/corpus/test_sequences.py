from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.nasty import nasty_texts
from textgen.text.corpus import sequences
from textgen.text.corpus.coding import pack
from textgen.text.corpus.sequences import END, cut_sequences
from textgen.text.tokens.tokenizers import TOKENIZERS, normalize
from textgen.text.tokens.vocabulary import EOS

UNITS = ["line", "paragraph", "file"]
SEAMS = {name: tokenizer.seam for name, tokenizer in TOKENIZERS.items()}


def naive_sequences(text: str, unit: str) -> list[tuple[str, int]]:
    """Each sequence and the characters that it stands for, line by line."""
    if unit == "file":
        return [(text, len(text))] if text.strip() else []
    found: list[tuple[str, int]] = []
    leading, after_blank = 0, True
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        if not line.strip():
            after_blank = True
            if found:
                found[-1] = (found[-1][0], found[-1][1] + len(line))
            else:
                leading += len(line)
            continue
        content = line.removesuffix("\n")
        if unit == "paragraph" and not after_blank:
            found[-1] = (f"{found[-1][0]}\n{content}", found[-1][1] + len(line))
        else:
            found.append((content, leading + len(line)))
            leading = 0
        after_blank = False
    return found


def chunks_of(text: str, size: int) -> list[str]:
    return [text[begin : begin + size] for begin in range(0, len(text), size)]


def cut(chunks: list[str], unit: str, piece: int, seam: re.Pattern[str] = SEAMS["char"]) -> list[tuple[str, int]]:
    blocks = list(cut_sequences(chunks, unit, seam, piece))
    assert all(block.text.count(END) == len(block.characters) for block in blocks)
    *texts, unclosed = "".join(block.text for block in blocks).split(END)
    assert unclosed == ""
    characters = [count for block in blocks for count in block.characters]
    return list(zip(texts, characters, strict=True))


texts = st.text(alphabet="ab \n\n\t\u3000\x0c\u0301中", max_size=40)


@pytest.mark.parametrize("seam", SEAMS.values(), ids=SEAMS)
@pytest.mark.parametrize("unit", UNITS)
@given(text=texts, chunk=st.integers(1, 9), piece=st.integers(1, 9))
def test_any_chunks_and_pieces_give_the_naive_sequences(unit, seam, text, chunk, piece):
    expected = naive_sequences(text, unit)
    assert cut(chunks_of(text, chunk), unit, piece, seam) == expected
    assert sum(count for _, count in expected) == (len(text) if text.strip() else 0)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("line", [(" a ", 6), ("b", 5), ("c", 1)]),
        ("paragraph", [(" a \nb", 11), ("c", 1)]),
        ("file", [("\n\n a \nb\n\t\n\nc", 12)]),
    ],
)
def test_worked_example(unit, expected):
    assert cut(["\n\n a \nb\n\t\n\nc"], unit, 1000) == expected


SENTENCES = [
    ("One. Two!  Three?\n\nFour", ["One.", "Two!", "Three?", "Four"]),
    ("He said, 'Go!' She went.", ["He said, 'Go!'", "She went."]),
    ('"Go!" said he. "Why?" (So he asked.) "Because."', ['"Go!" said he.', '"Why?"', "(So he asked.)", '"Because."']),
    ("Mr. Darcy met Mrs. J. Smith. Mrs.\nHill came", ["Mr. Darcy met Mrs. J. Smith.", "Mrs.", "Hill came"]),
    (
        "The U.S. Congress. 435 sit there... and wait... They do.",
        ["The U.S. Congress.", "435 sit there... and wait...", "They do."],
    ),
    ("At 3.14 p.m. on example.com. Élan! Я", ["At 3.14 p.m. on example.com.", "Élan!", "Я"]),
    ("你好。他說：「走吧！」她走了。\n好", ["你好。", "他說：「走吧！」", "她走了。", "好"]),
    (" One.  \nTwo ", [" One.  ", "Two "]),
]


@pytest.mark.parametrize(("text", "expected"), SENTENCES)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_sentences(text, expected, size):
    found = cut(chunks_of(text, size), "sentence", 1000)
    assert [sentence for sentence, _ in found] == expected
    assert sum(count for _, count in found) == len(text)


@given(text=st.text(alphabet="abAB.!\"' \n。」\u3000", max_size=40), chunk=st.integers(1, 9))
def test_any_chunks_give_the_same_sentences(text, chunk):
    """Nothing is lost but blanks; and no sentence goes over the end of a line."""
    found = cut(chunks_of(text, chunk), "sentence", 1000)
    assert found == cut([text], "sentence", 1000)
    assert "".join("".join(sentence for sentence, _ in found).split()) == "".join(text.split())
    assert all(sentence.strip() and "\n" not in sentence for sentence, _ in found)
    assert sum(count for _, count in found) == (len(text) if text.strip() else 0)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("text", ["", "\n", " \n\t\n ", "   "])
def test_blanks_alone_are_no_sequence(unit, text):
    assert cut([text] * 3, unit, 2) == []


# What a cut could spoil: a final sigma, syllables of Korean letters, a word's parts, a blank between Chinese words.
spoilt = st.sampled_from(["Σ", "ΑΣ'", "a b\n", "ACGT", "中文 文", " ", "\u1112\u1161\u11ab", "don't", "x\u0301"])


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS)
@given(parts=st.lists(nasty_texts | spoilt, max_size=6), chunk=st.integers(1, 9), piece=st.integers(1, 9))
def test_pieces_give_the_tokens_of_the_whole(tokenizer, lowercase, parts, chunk, piece):
    text = "".join(parts).replace(END, "").replace("\r", "")
    for unit in UNITS:
        packed, tokens = pack(cut_sequences(chunks_of(text, chunk), unit, tokenizer.seam, piece), tokenizer, lowercase)
        whole = [tokenizer.tokenize(normalize(sequence, lowercase)) for sequence, _ in naive_sequences(text, unit)]
        assert [tokens[idx] for idx in packed.ids] == [token for tokens in whole for token in (*tokens, EOS)]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    ("tokenizer", "text", "pieces"),
    [
        ("char", "abcdefgh", ["abc", "defg", "h"]),
        ("char", "床前明月光。疑是", ["床前明", "月光。疑", "是"]),
        ("char", "aaa\u0301\u0301bbbb", ["aa", "a\u0301\u0301bb", "bb"]),
        ("word", "ab cd ef gh ", ["ab ", "cd ", "ef ", "gh "]),
        ("word", "abcdefgh i", ["abcdefgh ", "i"]),
        ("word", "don't-stop it", ["don't-stop ", "it"]),
        ("word", "床前 明月光。疑是", ["床", "前 明月", "光。疑是"]),
        ("word", "a 床 b 月 c\u0301 d", ["a 床 b 月 c\u0301 d"]),
        ("whitespace", "床前 明月光。疑是", ["床前 ", "明月光。疑是"]),
    ],
)
def test_a_long_sequence_is_passed_on_in_pieces(unit, tokenizer, text, pieces):
    blocks = list(cut_sequences(chunks_of(text, 4), unit, SEAMS[tokenizer], 3))
    assert [block.text for block in blocks if block.text != END] == [*pieces[:-1], pieces[-1] + END]
    assert [count for block in blocks for count in block.characters] == [len(text)]


@pytest.mark.parametrize("unit", UNITS)
def test_what_has_no_seam_is_not_searched_again_for_each_chunk(unit, monkeypatch):
    """So a word of many chunks takes a time that grows with its length, not with its square."""
    searched = []

    def place_to_cut(text, seam):
        searched.append(len(text))
        return 0

    monkeypatch.setattr(sequences, "_place_to_cut", place_to_cut)
    [block] = cut_sequences(["x" * 100] * 1000, unit, SEAMS["word"], 100)
    assert block.text == "x" * 100_000 + END
    assert sum(searched) < 2 * 100_000
