from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from textgen.errors import DecodingError, EmptyCorpusError, NoSuchInputError
from textgen.text.corpus import corpus as corpus_module
from textgen.text.corpus.corpus import Corpus, PackedText, pack_sentences, read_corpus, read_packed
from textgen.text.tokens.reading import read
from textgen.text.tokens.tokenizers import TOKENIZERS
from textgen.text.tokens.vocabulary import EOS, EOS_ID, UNK, Vocabulary


@dataclass(frozen=True)
class Options:
    """The text options of a test; limits are off unless they are what is tested."""

    tokenizer: str = "char"
    unit: str = "line"
    lowercase: bool = False
    min_count: int | None = 1
    max_vocab: int | None = 0
    valid_fraction: float = 0.0
    shuffle: bool = False


def silent(message: str) -> None:
    """A listener that does not care."""


@pytest.fixture
def write(tmp_path):
    def write_file(text: str | bytes, name: str = "text.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


def shown(text: PackedText, vocabulary: Vocabulary, tokenizer: str) -> list[str]:
    """The sequences of a packed text, written out."""
    places = zip(text.starts.tolist(), text.lengths.tolist(), strict=True)
    tokens = [vocabulary.tokens_of(text.ids[start : start + length - 1]) for start, length in places]
    assert text.ids[(text.starts + text.lengths - 1).astype(int)].tolist() == [EOS_ID] * len(text)
    return [TOKENIZERS[tokenizer].detokenize(sequence) for sequence in tokens]


def train_text(corpus: Corpus, options: Options) -> list[str]:
    return shown(corpus.train, corpus.vocabulary, options.tokenizer)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("line", ["a b.", "中 文 x", "c", "It's 👍🏽!"]),
        ("paragraph", ["a b.\n中 文 x", "c\nIt's 👍🏽!"]),
        ("file", ["a b.\n中 文 x\n\n\nc\nIt's 👍🏽!\n"]),
    ],
)
def test_every_unit_and_tokenizer(write, tokenizer, unit, expected):
    path = write("a b.\r\n中 文 x\n\n\nc\nIt's 👍🏽!\n")
    options = Options(tokenizer, unit)
    corpus = read_corpus([path], options, silent)
    assert train_text(corpus, options) == expected
    assert corpus.valid is None
    assert corpus.unit == unit
    assert corpus.characters == int(corpus.train.characters.sum()) == 24
    assert corpus.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert corpus.train.ids.dtype == np.uint8


def test_vocabulary_and_ids(write):
    corpus = read_corpus([write("abba\nac\n")], Options(), silent)
    assert corpus.vocabulary == Vocabulary((UNK, EOS, "a", "b", "c"), (0, 2, 3, 2, 1))
    assert corpus.train.ids.tolist() == [2, 3, 3, 2, 1, 2, 4, 1]
    assert corpus.train.characters.tolist() == [5, 3]


def test_rare_tokens_become_unknown(write):
    path = write("a a a b b c <unk> <eos>")
    corpus = read_corpus([path], Options("whitespace", min_count=2), silent)
    assert corpus.vocabulary == Vocabulary((UNK, EOS, "a", "b"), (3, 1, 3, 2))
    assert corpus.train.ids.tolist() == [2, 2, 2, 3, 3, 0, 0, 0, 1]
    corpus = read_corpus([path], Options("whitespace", max_vocab=1), silent)
    assert corpus.vocabulary == Vocabulary((UNK, EOS, "a"), (5, 1, 3))


@pytest.mark.parametrize(("tokenizer", "kept"), [("char", "ab c\n"), ("word", "b"), ("whitespace", "bac")])
def test_limits_left_open_are_the_tokenizers_own(write, tokenizer, kept):
    options = Options(tokenizer, "file", min_count=None, max_vocab=None)
    corpus = read_corpus([write("a b b c")], options, silent)
    assert set(corpus.vocabulary.tokens) == {UNK, EOS, *kept} - {"\n"}


def test_lowercase_and_composition(write):
    options = Options("word", lowercase=True)
    corpus = read_corpus([write("CAFE\u0301 caf\u00e9\n")], options, silent)
    assert train_text(corpus, options) == ["café café"]
    assert corpus.characters == 11  # of the text as it was written


def test_the_vocabulary_is_the_training_parts(write):
    corpus = read_corpus([write("aaaa\n" * 9 + "abbb\n")], Options(valid_fraction=0.1), silent)
    assert corpus.valid is not None
    assert corpus.vocabulary == Vocabulary((UNK, EOS, "a"), (0, 9, 36))
    assert corpus.valid.ids.tolist() == [2, 0, 0, 0, 1]


@pytest.mark.parametrize("name", ["shakespeare", "pride", "names", "tang"])
def test_the_same_characters_are_held_out_at_each_level(corpora, name):
    parts = {}
    for tokenizer in TOKENIZERS:
        options = Options(tokenizer, "auto", valid_fraction=0.1)
        corpus = read_corpus([corpora / f"{name}.txt"], options, silent)
        assert corpus.valid is not None
        parts[tokenizer] = (
            corpus.train.characters.tolist(),
            corpus.valid.characters.tolist(),
            [" ".join(sequence.split()) for sequence in train_text(corpus, options)],
        )
        assert abs(sum(parts[tokenizer][1]) / corpus.characters - 0.1) < 0.002
    assert parts["char"] == parts["word"] == parts["whitespace"]


@pytest.mark.parametrize("unit", ["line", "file"])
@pytest.mark.parametrize("text", ["one two three. " * 40, "x" * 600, "床前明月光" * 120])
def test_a_lone_sequence_is_parted_alike_at_each_level(write, unit, text):
    path = write(text)
    splits = []
    for tokenizer in ("char", "word"):
        corpus = read_corpus([path], Options(tokenizer, unit, valid_fraction=0.25), silent)
        assert corpus.valid is not None
        splits.append((corpus.train.characters.tolist(), corpus.valid.characters.tolist()))
    assert splits[0] == splits[1] == ([450], [150])


def test_held_out_and_kept_parts_are_the_whole_text(corpora):
    options = Options(unit="paragraph", valid_fraction=0.1)
    path = corpora / "sqlite.txt"
    corpus = read_corpus([path], options, silent)
    assert corpus.valid is not None
    whole = train_text(corpus, options) + shown(corpus.valid, corpus.vocabulary, "char")
    blocks = [block.strip("\n") for block in path.read_text(encoding="utf-8").split("\n\n")]
    assert whole == [block for block in blocks if block]
    assert corpus.characters == len(path.read_text(encoding="utf-8"))


def test_too_little_to_hold_out_is_said(write):
    said: list[str] = []
    corpus = read_corpus([write("tiny\ntext\n")], Options(valid_fraction=0.1), said.append)
    assert corpus.valid is None
    assert len(corpus.train) == 2
    assert any("nothing is held out" in message for message in said)


def test_shuffling_permutes_the_sequences_once(write):
    lines = [f"{i:03d}" for i in range(100)]
    path = write("\n".join(lines))
    options = Options(valid_fraction=0.1, shuffle=True)
    corpora_ = [read_corpus([path], options, silent, seed=seed) for seed in (1, 1, 2)]
    texts = [train_text(corpus, options) for corpus in corpora_]
    assert texts[0] == texts[1] != texts[2]
    held = shown(corpora_[0].valid or corpora_[0].train, corpora_[0].vocabulary, "char")
    assert len(held) == 10
    assert sorted(texts[0] + held) == lines
    assert texts[0] != sorted(texts[0])


def test_a_lone_sequence_is_not_shuffled(write):
    options = Options(valid_fraction=0.1, shuffle=True)
    for seed in range(5):
        corpus = read_corpus([write("a" * 90 + "b" * 10)], options, silent, seed=seed)
        assert train_text(corpus, options) == ["a" * 90]


def test_a_text_to_validate_on(write):
    options = Options(valid_fraction=0.1)
    valid = write("ab\nzz\n", "valid.txt")
    corpus = read_corpus([write("abab\n" * 20)], options, silent, valid_paths=[valid])
    assert len(corpus.train) == 20
    assert corpus.valid is not None
    assert shown(corpus.valid, corpus.vocabulary, "char") == ["ab", "<unk><unk>"]
    assert corpus.valid.characters.tolist() == [3, 3]


def test_read_packed_uses_a_finished_vocabulary(write):
    vocabulary = Vocabulary((UNK, EOS, "b", "a"), (0, 1, 1, 1))
    text = read_packed([write("Abc\n\nB\n")], vocabulary, TOKENIZERS["char"], "line", lowercase=True)
    assert text.ids.tolist() == [3, 2, 0, 1, 2, 1]
    assert text.characters.tolist() == [5, 2]


def test_sequences_do_not_span_files_and_blank_files_are_left_out(write):
    said: list[str] = []
    paths = [write("a\nb", "1"), write(" \n", "2"), write("", "3"), write(gzip.compress(b"c\n"), "4.gz")]
    corpus = read_corpus(paths, Options(unit="paragraph"), said.append)
    assert train_text(corpus, Options()) == ["a\nb", "c"]
    assert corpus.sha256 == hashlib.sha256(b"a\nb \nc\n").hexdigest()
    assert [message.split(" is left out")[0] for message in said] == [str(paths[1]), str(paths[2])]


@pytest.mark.parametrize(("text", "unit"), [("a\nb\n\nc\nd\n", "paragraph"), ("a\n\nb\n", "line")])
def test_auto_decides_and_says_so(write, text, unit):
    said: list[str] = []
    corpus = read_corpus([write(text)], Options(unit="auto"), said.append)
    assert corpus.unit == unit
    assert said[0].startswith(f"each {unit} is one sequence")


def test_auto_judges_all_files_together_and_reads_each_once(write, monkeypatch):
    monkeypatch.setattr(corpus_module, "HEAD", 6)
    paths = [write("a\nb\n", "1"), write("c\nd\n", "2"), write("e\n\nf\n", "3")]
    corpus = read_corpus(paths, Options(unit="auto"), silent)
    assert train_text(corpus, Options()) == ["a\nb", "c\nd", "e", "f"]
    assert corpus.sha256 == hashlib.sha256(b"a\nb\nc\nd\ne\n\nf\n").hexdigest()


@pytest.mark.parametrize("unit", ["auto", "line", "paragraph", "file"])
@pytest.mark.parametrize("text", ["", "\n\n", " \t\n\u3000"])
def test_no_text_is_an_error(write, unit, text):
    path = write(text)
    with pytest.raises(EmptyCorpusError, match="there is no text; the input is empty, or holds only blanks") as caught:
        read_corpus([path], Options(unit=unit, valid_fraction=0.1), silent)
    assert str(path) in str(caught.value)
    with pytest.raises(EmptyCorpusError):
        read_packed([path], Vocabulary((UNK, EOS), (0, 0)), TOKENIZERS["char"], unit, lowercase=False)


def test_one_character_is_a_corpus(write):
    corpus = read_corpus([write("a")], Options(unit="auto", valid_fraction=0.1), silent)
    assert corpus.train.ids.tolist() == [2, 1]
    assert corpus.valid is None


def test_all_inputs_are_checked_before_any_is_read(write, tmp_path):
    bad = write(b"\xff")
    with pytest.raises(NoSuchInputError):
        read_corpus([bad, tmp_path / "nope"], Options(), silent)
    with pytest.raises(NoSuchInputError):
        read_corpus([bad], Options(), silent, valid_paths=[tmp_path])
    with pytest.raises(DecodingError):
        read_corpus([bad], Options(), silent)


@pytest.mark.parametrize(("count", "dtype"), [(254, "uint8"), (255, "uint16"), (70_000, "uint32")])
@pytest.mark.parametrize("tokenizer", ["char", "whitespace"])
def test_ids_are_stored_in_the_smallest_type(write, tokenizer, count, dtype):
    points = [point for point in range(0x4E00, 0x40000) if not 0xA000 <= point < 0x20000][:count]
    text = " ".join(map(chr, points)) if tokenizer == "whitespace" else "".join(map(chr, points))
    corpus = read_corpus([write(text)], Options(tokenizer), silent)
    assert corpus.train.ids.dtype == np.dtype(dtype)
    assert sorted(corpus.train.ids.tolist()[:-1]) == list(range(2, count + 2))


def test_pack_sentences():
    vocabulary = Vocabulary((UNK, EOS, "to", "be", "￭,"), (0, 1, 1, 1, 1))
    sentences = [read(text, TOKENIZERS["word"], vocabulary, lowercase=True) for text in ["To be, TO x", "", "be"]]
    text = pack_sentences(sentences, vocabulary)
    assert text.ids.tolist() == [2, 3, 4, 2, 0, 1, 1, 3, 1]
    assert text.lengths.tolist() == [6, 1, 2]
    assert text.characters.tolist() == [11, 0, 2]
    assert len(pack_sentences([], vocabulary)) == 0


@pytest.mark.parametrize("tokenizer", ["word", "whitespace"])
def test_a_word_longer_than_what_is_read_at_a_time_is_one_token(write, tokenizer):
    """In a text that is learnt, one that is measured, and a sentence that is scored."""
    word = "x" * 6_000_000
    text = f"a {word} b\n"
    corpus = read_corpus([write(text)], Options(tokenizer), silent)
    assert corpus.vocabulary.tokens[2:] == ("a", "b", word)
    packed = read_packed([write(text)], corpus.vocabulary, TOKENIZERS[tokenizer], "line", lowercase=False)
    scored = read(text.rstrip("\n"), TOKENIZERS[tokenizer], corpus.vocabulary, lowercase=False)
    assert corpus.train.ids.tolist() == packed.ids.tolist() == [*scored.ids, EOS_ID] == [2, 4, 3, EOS_ID]


@pytest.mark.parametrize("unit", ["line", "file"])
@pytest.mark.parametrize("line", ["word and more\n", "word and more ", "wordandmore", "😀 中文 \n"])
def test_reading_needs_less_than_eight_times_the_size(write, unit, line):
    text = line * (6_000_000 // len(line.encode()))
    path = write(text)
    tracemalloc.start()
    corpus = read_corpus([path], Options(unit=unit, valid_fraction=0.1), silent)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert corpus.characters == len(text)
    assert peak < 8 * path.stat().st_size
