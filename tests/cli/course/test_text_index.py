"""The index of the text that a training leaves beside its model, and what it tells of copies."""

import pytest

from tests.cli.conftest import LINES, SMALL
from textgen.lm.storage.index_file import load_index
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import index_path, models_folder
from textgen.lm.writing.copies import LEAST


def index_of(path):
    """The model at `path`, its index, and the ids of a text."""
    model = load_model(path)
    return load_index(index_path(path), model), lambda text: model.vocabulary.ids_of(model.tokenizer.tokenize(text))


@pytest.fixture
def placed():
    return models_folder() / "cats-char.safetensors"


@pytest.mark.parametrize("level", ["char", "word"])
def test_what_was_learnt_is_in_the_index_and_what_was_held_out_is_not(textgen, tmp_path, level):
    corpus, held_out = tmp_path / "cats.txt", tmp_path / "dogs.txt"
    corpus.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    held_out.write_text("\n".join(line[::-1] for line in LINES) + "\n", encoding="utf-8")
    path = tmp_path / "model.safetensors"
    options = ["--level", level, "--min-count", "1", "--valid", held_out, "--output", path, "--epochs", "1"]
    assert textgen("train", corpus, *SMALL, *options).code == 0
    index, ids_of = index_of(path)
    for line in LINES:
        ids = ids_of(line)
        assert index.shared_lengths(ids.tolist()).tolist() == list(range(1, len(ids) + 1))
        assert index.shared_lengths(ids_of(line[::-1]).tolist()).max() < len(ids)


def test_it_is_told_where_it_is(train, placed):
    done = train()
    assert f"index     {index_path(placed)} (finds copies, holds the text; --no-index makes none)\n" in done.err
    assert index_path(placed).is_file()


def test_no_index_is_made_where_none_is_wanted(train, placed):
    done = train("--no-index")
    assert done.code == 0
    assert placed.exists()
    assert not index_path(placed).exists()
    labels = {line.split()[0] for line in done.err.splitlines()}
    assert "saved" in labels
    assert not labels & {"index", "copied", "warning"}


def test_the_index_of_a_model_that_was_replaced_goes(train, placed):
    train()
    train("--force", "--no-index")
    assert not index_path(placed).exists()


def test_it_is_that_of_the_model_that_replaces_another(train, tmp_path, placed):
    other = tmp_path / "dogs.txt"
    other.write_text("\n".join(line[::-1] for line in LINES) + "\n", encoding="utf-8")
    train("--name", "cats-char", files=(other,))
    train("--name", "cats-char", "--force")
    index, ids_of = index_of(placed)
    assert index.shared_lengths(ids_of(LINES[0]).tolist())[-1] == len(LINES[0])


def test_an_interrupted_training_leaves_one_too(interrupted, textgen, corpus, placed):
    interrupted()
    before = index_path(placed).read_bytes()
    assert index_of(placed)
    assert textgen("train", corpus, "--resume").code == 0
    assert index_path(placed).read_bytes() == before


def test_how_to_go_on_says_that_none_is_wanted(interrupted, placed):
    done = interrupted("--no-index")
    assert "--no-index" in next(line for line in done.err.splitlines() if line.startswith("go on"))
    assert not index_path(placed).exists()


def test_a_file_of_the_users_of_that_name_stays(train, tmp_path):
    mine = tmp_path / "book.index"
    mine.write_text("apples, 3; pears, 7")
    for options in ((), ("--force",), ("--force", "--no-index")):
        done = train("--output", tmp_path / "book.safetensors", *options)
        assert done.code == 0
        assert ("warning" in done.err) is ("--no-index" not in options)
        assert mine.read_text() == "apples, 3; pears, 7"


def test_a_log_does_not_go_into_the_index(train, tmp_path):
    done = train("--output", tmp_path / "book.safetensors", "--log", tmp_path / "book.index")
    assert (done.code, done.out) == (2, "")


def test_too_little_memory_for_it_leaves_the_model(train, placed, monkeypatch):
    monkeypatch.setattr("textgen.cli.course.saving.available_memory", lambda: 60_000_000)
    done = train()
    assert done.code == 0
    assert load_model(placed)
    assert "index     left out: it would need about 34 MB of memory\n" in done.err
    assert not index_path(placed).exists()


@pytest.mark.parametrize(("level", "unit", "least"), [("char", "characters", 2), ("word", "words", 2)])
def test_how_much_of_the_samples_is_copied_is_told(train, tmp_path, monkeypatch, level, unit, least):
    """As brute force finds it: every piece of each sample that stands in a line of the text."""
    monkeypatch.setitem(LEAST, level, least)
    path = tmp_path / "model.safetensors"
    options = ["--level", level, "--min-count", "1", "--valid-fraction", "0", "--json", "--output", path]
    done = train(*options, length=("--epochs", "20"))
    records = done.records
    told = records[-1]
    assert (told["event"], told["least"]) == ("copied", least)
    model = load_model(path)
    lines = [model.tokenizer.tokenize(line) for line in LINES]
    longest, copied, tokens = 0, 0, 0
    for sample in (record["text"] for record in records if record["event"] == "sample"):
        ids = model.tokenizer.tokenize(sample)
        covered = set()
        for begin in range(len(ids)):
            for end in range(begin + 1, len(ids) + 1):
                run = ids[begin:end]
                if any(run == line[i : i + len(run)] for line in lines for i in range(len(line))):
                    longest = max(longest, len(run))
                    covered |= set(range(begin, end)) if len(run) >= least else set()
        copied, tokens = copied + len(covered), tokens + len(ids)
    assert told["longest"] == longest
    assert copied > 0
    assert told["share"] == pytest.approx(copied / tokens)
    noun = unit if longest != 1 else unit.removesuffix("s")
    share = f"{100 * copied / tokens:.0f} %"
    assert f"copied    longest run {longest} {noun}; {share} lies in runs of {least} or more\n" in done.err
