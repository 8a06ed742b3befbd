"""Bad input: each case has its message on standard error, its exit code, and leaves standard output empty."""

import gzip

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.cli.conftest import SMALL
from textgen.lm.storage.model_file import FORMAT
from textgen.lm.storage.store import list_models, models_folder


def check(done, code, *messages):
    """One line on standard error that holds all of `messages`."""
    assert done.out == ""
    assert done.code == code, done.err
    last = done.err.splitlines()[-1]
    assert last.startswith("textgen: ")
    for message in messages:
        assert message in last
    assert "Traceback" not in done.err


# Texts

TEXTS = {
    "empty": (b"", 1, "there is no text; the input is empty, or holds only blanks"),
    "blank": (b" \n\t\n\n", 1, "there is no text; the input is empty, or holds only blanks"),
    "latin1": ("the caf\xe9 is open\n".encode("latin-1"), 1, "byte 0xe9 at offset 7"),
    "utf16": ("the cat\n".encode("utf-16"), 1, "UTF-16"),
    "nul": (b"the cat\nthe\0dog\n", 1, "a NUL byte at offset 11"),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_text_that_cannot_be_used(textgen, stored, tmp_path, name, command):
    stored("lines")
    content, code, message = TEXTS[name]
    path = tmp_path / f"{name}.txt"
    path.write_bytes(content)
    check(textgen(command, path), code, str(path), message)
    check(textgen(command, "-", stdin=content), code, "standard input", message)
    assert len(list_models()) == 1


@pytest.mark.parametrize("name", ["latin1", "nul"])
def test_sentences_that_cannot_be_read(textgen, stored, name):
    stored("lines")
    content, code, message = TEXTS[name]
    check(textgen("score", stdin=content), code, "standard input", message)
    check(textgen("complete", stdin=content), code, "standard input", message)


@pytest.mark.parametrize("command", [["train"], ["evaluate"], ["score", "--file"]])
def test_a_file_that_is_not_there(textgen, stored, tmp_path, command):
    stored("lines")
    check(textgen(*command, tmp_path / "absent.txt"), 2, str(tmp_path / "absent.txt"))
    check(textgen(*command, tmp_path), 2, f"{tmp_path} is a folder")


@pytest.mark.parametrize("option", ["--valid"])
def test_a_text_to_validate_on_that_is_not_there(textgen, corpus, tmp_path, option):
    check(textgen("train", corpus, option, tmp_path / "absent.txt"), 2, "absent.txt")


def test_a_damaged_archive(textgen, tmp_path):
    path = tmp_path / "text.txt.gz"
    path.write_bytes(gzip.compress(b"the cat sat\n" * 100)[:-20])
    check(textgen("train", path), 1, str(path), "damaged")


# Numbers and choices

REFUSED = [
    (["--hidden", "0"], "--hidden must be at least 1 and at most 1,000,000, not 0"),
    (["--layers", "-1"], "--layers must be at least 1 and at most 1,000, not -1"),
    (["--embedding", "-1"], "--embedding must be at least 0"),
    (["--dropout", "1"], "--dropout must be at least 0 and below 1, not 1"),
    (["--epochs", "0"], "--epochs must be at least 1"),
    (["--steps", "0"], "--steps must be at least 1"),
    (["--time", "0"], "--time must be above 0, not 0"),
    (["--time", "soon"], "--time cannot be 'soon'; write 90s, 10m, 1h30m, or a number of seconds"),
    (["--batch", "0"], "--batch must be at least 1"),
    (["--bptt", "0"], "--bptt must be at least 1"),
    (["--lr", "0"], "--lr must be above 0"),
    (["--lr", "nan"], "--lr must be finite and above 0, not nan"),
    (["--lr", "inf"], "--lr must be finite and above 0, not inf"),
    (["--momentum", "1"], "--momentum must be at least 0 and below 1"),
    (["--clip", "-1"], "--clip must be at least 0"),
    (["--patience", "-1"], "--patience must be at least 0"),
    (["--threads", "-1"], "--threads must be at least 0"),
    (["--seed", "-1"], "--seed must be at least 0"),
    (["--min-count", "0"], "--min-count must be at least 1"),
    (["--max-vocab", "-1"], "--max-vocab must be at least 0"),
    (["--valid-fraction", "1"], "--valid-fraction must be at least 0 and below 1"),
    (["--cell", "gruu"], "unknown --cell 'gruu'; choose from rnn, gru-simple, gru, lstm"),
    (["--level", "line"], "unknown --level 'line'; choose from char, word"),
    (["--tokenizer", "bpe"], "unknown --tokenizer 'bpe'; choose from char, word, whitespace"),
    (["--unit", "verse"], "unknown --unit 'verse'; choose from auto, line, sentence, paragraph, file"),
    (["--optimizer", "adamw"], "unknown --optimizer 'adamw'; choose from adam, sgd"),
    (["--clip-by", "norms"], "unknown --clip-by 'norms'; choose from norm, value"),
    (["--epochs", "3", "--time", "10m"], "--epochs and --time contradict each other; give one of them"),
    (["--steps", "3", "--time", "10m"], "contradict each other"),
    (["--level", "char", "--tokenizer", "whitespace"], "--level char and --tokenizer whitespace contradict each other"),
    (["--name", "a/b"], "--name may hold letters, digits, '.', '_' and '-', not '/'"),
    (["--name", "con"], "--name cannot be 'con'"),
    (["--name", "x", "--output", "y"], "--name and --output contradict each other"),
    (["--hidden", "900000"], "of memory, and can have"),
    (["--hidden", "10000000000000000000000"], "--hidden must be at least 1 and at most 1,000,000, not 1000000"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[" ".join(options) for options, _ in REFUSED])
def test_an_impossible_training(textgen, corpus, options, message):
    check(textgen("train", corpus, *options), 2, message)
    assert list_models() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--temperature", "-1"], "--temperature must be at least 0, not -1"),
        (["-n", "0"], "--count must be at least 1, not 0"),
        (["--max-length", "0"], "--max-length must be at least 1"),
        (["--top-k", "-1"], "--top-k must be at least 0"),
        (["--top-p", "0"], "--top-p must be above 0 and at most 1"),
        (["--top-p", "1.1"], "--top-p must be above 0 and at most 1"),
        (["--min-p", "2"], "--min-p must be at least 0 and at most 1"),
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--threads", "-1"], "--threads must be at least 0"),
        (["--level", "verse"], "unknown --level 'verse'"),
        (["--prompt", "caf\udce9"], "--prompt is not UTF-8 text: 'caf\\udce9', at its character 3"),
    ],
)
def test_an_impossible_sample(textgen, stored, options, message):
    stored("lines")
    check(textgen("sample", *options), 2, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["a", "--detail", "all"], "unknown --detail 'all'; choose from summary, sentence, token"),
        (["a", "--base", "1"], "--base must be 10, 2, e, or another number above 1, not '1'"),
        (["a", "--base", "ten"], "--base must be"),
        (["a", "--base", "nan"], "--base must be"),
        (["a", "--rank", "--detail", "summary"], "--rank and --detail summary contradict"),
        (["a", "--file", "x"], "give sentences or --file, not both"),
        (["ok", "caf\udce9"], "sentence 2 is not UTF-8 text"),
        (["a", "--threads", "-2"], "--threads must be at least 0"),
    ],
)
def test_an_impossible_score(textgen, stored, options, message):
    stored("lines")
    check(textgen("score", *options), 2, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--top", "0"], "--top must be at least 1 and at most 1,000, not 0"),
        (["-k", "many"], "--top must be a whole number, not many"),
        (["--length", "0"], "--length must be at least 1 and at most 10,000, not 0"),
        (["--length", "-1"], "--length must be at least 1"),
        (["--length", "ends"], "--length must be a whole number or 'end', not 'ends'"),
        (["--length", ""], "--length must be a whole number or 'end', not ''"),
        (["--length", "9" * 5000], "--length must be"),
        (["--beams", "0"], "--beams must be at least 1 and at most 10,000, not 0"),
        (["--beams", "4"], "--beams 4 cannot give --top 5; ask for as many beams, or fewer ways"),
        (["--temperature", "0"], "--temperature must be above 0, not 0"),
        (["--temperature", "hot"], "--temperature must be a number, or several with commas between them, not 'hot'"),
        (["--temperature", "0.5,,2"], "--temperature must be a number, or several"),
        (["--temperature", "nan"], "--temperature must be finite and above 0, not nan"),
        (["--temperature", "1,2"], "several temperatures are for one token alone: give --length 1"),
        (["--temperature", "1,2", "--length", "end"], "several temperatures are for one token alone"),
        (["--temperature", "1,1.0", "--length", "1"], "--temperature holds the same number twice"),
        (["--threads", "-1"], "--threads must be at least 0"),
        (["--level", "verse"], "unknown --level 'verse'"),
        (["two", "texts"], "got unexpected extra argument"),
        (["caf\udce9"], "TEXT is not UTF-8 text: 'caf\\udce9', at its character 3"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_an_impossible_completion(textgen, stored, options, message):
    stored("lines")
    check(textgen("complete", *options), 2, message)


# Models

USES = [["sample"], ["complete"], ["score", "a"], ["evaluate", "-"], ["info"]]


def of_model(command, name):
    """The command line that uses the model of that name."""
    return [*command, name] if command == ["info"] else [*command, "--model", name]


@pytest.mark.parametrize("command", USES)
def test_no_model_at_all(textgen, command):
    check(textgen(*command, stdin="a"), 2, "there is no model in", "`textgen train CORPUS` makes one")


@pytest.mark.parametrize("command", USES)
def test_no_model_of_the_level(textgen, stored, command):
    stored("lines")
    check(textgen(*command, "--level", "word", stdin="a"), 2, "no model of the level word", "--level word")


@pytest.mark.parametrize("command", USES)
def test_no_model_of_the_name(textgen, stored, command):
    stored("lines")
    check(textgen(*of_model(command, "line"), stdin="a"), 2, "no model named 'line'", "did you mean lines?")
    check(textgen(*of_model(command, "./line"), stdin="a"), 2, "./line: no such model file")
    check(textgen(*of_model(command, "lines"), "--level", "word", stdin="a"), 2, "of the level char, not word")


def truncate(path):
    path.write_bytes(path.read_bytes()[:-5])


def replace(path):
    path.write_bytes(b"GIF89a" * 40)


def make_foreign(path):
    save_file({"weight": np.zeros(3, np.float32)}, path, metadata={"format": "pt"})


def make_newer(path):
    path.write_bytes(path.read_bytes().replace(b'"textgen.format":"%d"' % FORMAT, b'"textgen.format":"9"'))


@pytest.mark.parametrize("command", USES)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "not a model file, or a truncated one"),
        (replace, "not a model file, or a truncated one"),
        (make_foreign, "not a textgen model"),
        (make_newer, "written by a newer textgen"),
    ],
)
def test_a_damaged_model(textgen, stored, command, damage, message):
    path = stored("lines")
    damage(path)
    check(textgen(*of_model(command, "lines"), stdin="a"), 1, f"{path}: ", message)
    check(textgen(*of_model(command, path), stdin="a"), 1, f"{path}: ", message)


@pytest.mark.parametrize("level", [[], ["--level", "char"]])
@pytest.mark.parametrize("command", USES)
def test_a_damaged_newest_model_is_passed_over_with_a_warning(textgen, stored, command, level):
    stored("lines")
    path = stored("lines", "newer")
    truncate(path)
    done = textgen(*command, *level, stdin="a")
    assert done.code == 0
    first, second = done.err.splitlines()[:2]
    assert first.startswith(f"warning   {path}: not a model file, or a truncated one")
    assert first.endswith("; it is passed over")
    assert second.startswith("model     lines")


# Outputs


def test_an_existing_model_without_force(textgen, corpus, stored):
    path = stored("lines", "mine")
    before = path.read_bytes()
    check(textgen("train", corpus, "--name", "mine"), 2, f"{path} exists already", "--force")
    check(textgen("train", corpus, "--output", path), 2, f"{path} exists already", "--force")
    assert path.read_bytes() == before


def test_an_output_that_cannot_be_written(textgen, corpus, tmp_path):
    target = tmp_path / "absent" / "model"
    check(textgen("train", corpus, "--output", target), 1, f"{target}: cannot be written: No such file or directory")
    check(textgen("train", corpus, "--output", tmp_path), 1, f"{tmp_path}: cannot be written: it is a folder")


def test_a_store_that_cannot_be_written(textgen, corpus, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TEXTGEN_HOME", str(tmp_path / "file"))
    check(textgen("train", corpus), 1, f"{models_folder()}", "cannot be written: Not a directory")


def test_a_log_that_cannot_be_written(textgen, corpus, tmp_path):
    check(textgen("train", corpus, *SMALL, "--log", tmp_path), 1, f"{tmp_path}: cannot be written: Is a directory")
    assert list_models() == []
