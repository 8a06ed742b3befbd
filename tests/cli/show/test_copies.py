"""What of the sequences that `textgen sample` writes is copied, and sequences that are not."""

import re
import shutil

import pytest

from tests.cli.conftest import LINES, PARAGRAPHS, SMALL
from textgen.lm.storage.store import models_folder

STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def indexed(textgen, tmp_path):
    """The name of a model with an index of its text."""
    path = tmp_path / "cats.txt"
    path.write_text("\n".join(LINES * 3) + "\n", encoding="utf-8")
    assert textgen("train", path, *SMALL, "--lr", "0.03", "--epochs", "40", "--name", "cats", "-q").code == 0
    return "cats"


def test_novel_text_shares_no_long_run(textgen, indexed):
    arguments = ["sample", "-m", indexed, "-n", "20", "--max-length", "30", "--seed", "1"]
    free = [record["copies"]["longest"] for record in textgen(*arguments, "--json").records]
    assert max(free) > 2
    done = textgen(*arguments, "--novel", "2", "--json")
    assert [record["copies"]["longest"] <= 2 for record in done.records] == [True] * 20
    for record in done.records:
        runs = (record["text"][i : i + 3] for i in range(len(record["text"]) - 2))
        assert not any(run in line for run in runs for line in LINES)


def test_json_tells_the_longest_run_with_what_of_it_is_in_the_prompt(textgen, indexed):
    prompt = "Xthe dog s"  # "X" stands in no line
    arguments = ["sample", "-m", indexed, "-n", "30", "--max-length", "30", "--seed", "1", "--prompt", prompt]
    records = textgen(*arguments, "--json").records
    assert any(record["longest_run"].startswith("the dog s") for record in records)
    for record in records:
        text = record["text"]
        ends = range(len(prompt) + 1, len(text) + 1)
        runs = [text[begin:end] for end in ends for begin in range(end)]
        assert record["copies"]["longest"] == max(
            (len(run) for run in runs if any(run in line for line in LINES)), default=0
        )
        assert record["copies"]["longest"] == len(record["longest_run"])
        assert any(record["longest_run"] in line for line in LINES)
        pieces = [text[first:last] for first, last in record["marks"]]
        assert not pieces or any(piece and record["longest_run"].endswith(piece) for piece in pieces)
        assert record["copies"]["copied"] == 0, "no line has 30 characters"


SHOWING = ("-n", "3", "--max-length", "30", "--seed", "1", "--show-copies")


def test_into_a_pipe_notes_tell_of_copies(textgen, indexed):
    arguments = ["sample", "-m", indexed, *SHOWING]
    done = textgen(*arguments)
    assert done.out == textgen(*arguments[:-1]).out, "the text stays as it is"
    *notes, together = [line for line in done.err.splitlines() if line.startswith("copied")]
    begin, end = r"longest run (\d+) characters?", r"; \d+ % lies in runs of 30 or more"
    longest = []
    for number, note in enumerate(notes, start=1):
        found = re.fullmatch(f"copied    in sequence {number}: {begin}, '(.*)'{end}", note)
        assert found
        assert len(found[2]) == int(found[1])
        assert any(found[2] in line for line in LINES)
        longest.append(int(found[1]))
    assert len(notes) == 3
    found = re.fullmatch(f"copied    {begin}{end}", together)
    assert found
    assert int(found[1]) == max(longest)
    assert "legend" not in done.err


def test_on_a_terminal_copies_are_underlined(textgen, at_terminal, indexed):
    arguments = ["sample", "-m", indexed, *SHOWING]
    records = textgen(*arguments, "--json").records
    seen = at_terminal(*arguments, "-q").read()
    shown = [STYLE.sub("", line).rstrip() for line in seen.splitlines()]
    assert shown == [f"{number:>3}  {record['text']}".rstrip() for number, record in enumerate(records, start=1)]
    for record, line in zip(records, seen.splitlines(), strict=True):
        is_marked = [any(first <= place < last for first, last in record["marks"]) for place in range(30)]
        marked = "".join(c if is_marked[place] else "\n" for place, c in enumerate(record["text"])).split("\n")
        assert re.findall(r"\x1b\[4m(.*?)\x1b\[0m", line) == [piece for piece in marked if piece]
    told = STYLE.sub("", at_terminal(*arguments).read())
    legend = "underlined is what stands in the training text: runs of 30 characters or more, and the longest one"
    assert legend in " ".join(told.split())
    assert "in sequence" not in told


def test_where_nothing_can_be_underlined_notes_tell_of_copies(textgen, at_terminal, indexed):
    arguments = ["sample", "-m", indexed, *SHOWING]
    seen = at_terminal(*arguments, env={"TERM": "dumb", "COLUMNS": "200"}).read()
    assert "legend" not in seen
    for number, record in enumerate(textgen(*arguments, "--json").records, start=1):
        assert f"{number:>3}  {record['text'].rstrip()}\ncopied    in sequence {number}: longest run " in seen


def test_paragraphs_are_marked_whole(textgen, at_terminal, tmp_path):
    path = tmp_path / "paragraphs.txt"
    path.write_text("\n".join(PARAGRAPHS * 2), encoding="utf-8")
    assert textgen("train", path, *SMALL, "--epochs", "1", "--name", "paragraphs", "-q").code == 0
    arguments = ["sample", "-m", "paragraphs", "--max-length", "30", "--seed", "1", "-q"]
    for count in ("1", "2"):
        plain, marked = (
            STYLE.sub("", at_terminal(*arguments, "-n", count, *more).read()) for more in ([], ["--show-copies"])
        )
        assert [line.rstrip() for line in marked.splitlines()] == [line.rstrip() for line in plain.splitlines()]


def test_without_an_index_copies_cannot_be_found(textgen, stored, packaged):
    stored("lines")
    for option in (["--novel", "3"], ["--show-copies"]):
        done = textgen("sample", *option)
        assert (done.code, done.out) == (2, "")
        assert f"textgen: {option[0]}: " in done.err
        assert "lines.index: no such text index; --no-index leaves none" in done.err
    [record] = textgen("sample", "-n", "1", "--json").records
    assert [record[name] for name in ("copies", "longest_run", "marks")] == [None] * 3
    packaged("char")
    done = textgen("sample", "-m", "english-char", "--novel", "3")
    assert (done.code, done.out) == (2, "")
    assert "the models that come with textgen have none" in done.err


def test_the_index_of_another_text_is_refused(textgen, indexed, tmp_path):
    path = tmp_path / "others.txt"
    path.write_text("\n".join(line[::-1] for line in LINES * 3) + "\n", encoding="utf-8")
    assert textgen("train", path, *SMALL, "--epochs", "1", "--name", "others", "-q").code == 0
    shutil.copy(models_folder() / "others.index", models_folder() / f"{indexed}.index")
    for option in (["--novel", "3"], ["--show-copies"]):
        done = textgen("sample", "-m", indexed, *option)
        assert (done.code, done.out) == (1, "")
        assert "the index of another text than the model learnt" in done.err
    done = textgen("sample", "-m", indexed, "-n", "1", "--json")
    assert done.code == 0
    assert done.records[0]["copies"] is None
    assert "copies are not looked for" in done.err
