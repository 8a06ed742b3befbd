"""The checkpoint file: what is saved comes back, and no damaged, foreign or newer file gets through."""

import errno
import json
import os
import struct

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.lm.tasks import PLAIN, SMALL, of_type
from textgen import __version__
from textgen.errors import ModelExistsError, ModelFileError, NoSuchModelError, OutputError
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.plan import plan
from textgen.lm.progress.checkpoint import Origin, read_checkpoint, save_checkpoint
from textgen.lm.storage import atomic_write as files
from textgen.lm.storage.safetensors_file import safetensors_parts
from textgen.lm.training.loop import train
from textgen.lm.training.reports import CheckpointReport

LOSSLESS = {"epoch": 1, "step": 1, "tokens": 1, "seconds": 1.0} | dict.fromkeys(
    ("train_loss", "valid_loss", "bits_per_character", "perplexity")
)  # a validation that found nothing


@pytest.fixture
def made(animals):
    """What a checkpoint of a small finished training is made of: origin and snapshot."""
    training = TrainingConfig(**PLAIN, epochs=2)
    the_plan = plan(animals.corpus, SMALL, training)
    reports = list(train(animals.corpus, animals.text, plan(animals.corpus, SMALL, training)))
    origin = Origin.of(animals.text, the_plan, animals.corpus)
    return origin, of_type(CheckpointReport, reports)[-1].snapshot


@pytest.fixture
def saved(made, tmp_path):
    path = tmp_path / "cats.checkpoint"
    origin, snapshot = made
    save_checkpoint(origin, snapshot, path, overwrite=False)
    return path


def rewrite(path, *, metadata=None, arrays=None):
    """Write the file again with some entries of its header or arrays changed (None: left out)."""
    size = struct.unpack("<Q", path.read_bytes()[:8])[0]
    entries = {**json.loads(path.read_bytes()[8 : 8 + size])["__metadata__"], **(metadata or {})}
    tensors = {**load_file(path), **(arrays or {})}
    save_file(
        {name: array for name, array in tensors.items() if array is not None},
        path,
        metadata={key: text for key, text in entries.items() if text is not None},
    )


def changed(path, key, **changes):
    """Change entries of one JSON object of the metadata; a path of names is joined by two underscores."""
    size = struct.unpack("<Q", path.read_bytes()[:8])[0]
    value = json.loads(json.loads(path.read_bytes()[8 : 8 + size])["__metadata__"][key])
    for place, new in changes.items():
        *outer, last = place.split("__")
        inner = value
        for name in outer:
            inner = inner[name]
        if new is KeyError:
            del inner[last]
        else:
            inner[last] = new
    rewrite(path, metadata={key: json.dumps(value)})


def test_all_comes_back(saved, made):
    origin, snapshot = made
    found = read_checkpoint(saved)
    assert (found.origin, found.state, found.version) == (origin, snapshot.state, __version__)
    assert found.history == snapshot.history
    arrays = {name: np.full_like(array, 7) for name, array in snapshot.arrays.items()}
    found.fill(arrays)
    assert {name: array.tobytes() for name, array in arrays.items()} == {
        name: array.tobytes() for name, array in snapshot.arrays.items()
    }
    kinds = {name.split("/")[0] for name in arrays}
    assert kinds == {"parameters", "mean", "square", "average", "best", "state"}


def test_any_reader_of_safetensors_reads_it(saved, made):
    assert {name: array.tobytes() for name, array in load_file(saved).items()} == {
        name: array.tobytes() for name, array in made[1].arrays.items()
    }


@pytest.mark.parametrize("shapes", [{}, {"a": (0,)}, {"a": (3, 2), "é": (), "b": (1, 5)}])
def test_parts_make_a_file_that_the_library_reads(tmp_path, shapes):
    rng = np.random.default_rng(2)
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    arrays |= {"turned": rng.normal(size=(4, 6)).astype(np.float32).T}
    path = tmp_path / "file"
    path.write_bytes(b"".join(safetensors_parts(arrays, {"key": "välue"})))
    found = load_file(path)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_it_is_written_whole_or_not_at_all(saved, made, monkeypatch):
    before, (origin, snapshot) = saved.read_bytes(), made
    with pytest.raises(ModelExistsError):
        save_checkpoint(origin, snapshot, saved, overwrite=False)

    def fail(path, parts):
        path.write_bytes(b"".join(bytes(part) for part in parts)[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_write_flushed", fail)
    with pytest.raises(OutputError, match=r"cats\.checkpoint: cannot be written: No space left on device"):
        save_checkpoint(origin, snapshot, saved, overwrite=True)
    assert saved.read_bytes() == before
    assert list(saved.parent.glob("*.tmp")) == []


def test_leftovers_of_this_file_alone_are_removed(tmp_path):
    paths = [tmp_path / "a.checkpoint", tmp_path / "b.checkpoint"]
    left = [path.with_name(f"{files.hidden_stem(path)}00.tmp") for path in paths]
    for file in left:
        file.touch()
    files.remove_leftovers(paths[0])
    assert [file.exists() for file in left] == [False, True]


# Files that cannot be used


def test_no_such_file(tmp_path):
    with pytest.raises(NoSuchModelError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "absent.checkpoint")
    with pytest.raises(NoSuchModelError, match="a folder"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("kept", [0, 1, 8, 100, 3000, -1])
def test_a_truncated_file(saved, kept):
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(ModelFileError, match="not a checkpoint, or a truncated one"):
        read_checkpoint(saved)


def test_a_model_is_no_checkpoint(saved):
    rewrite(saved, metadata={"textgen.checkpoint": None})
    with pytest.raises(ModelFileError, match="not a checkpoint of textgen"):
        read_checkpoint(saved)


@pytest.mark.parametrize("found", ["4", "0", "", "one"])
def test_another_format(saved, found):
    rewrite(saved, metadata={"textgen.checkpoint": found, "textgen.version": "9.1"})
    with pytest.raises(ModelFileError, match=rf"a checkpoint of format {found}, written by textgen 9\.1"):
        read_checkpoint(saved)


@pytest.mark.parametrize("key", ["textgen.origin", "textgen.state", "textgen.history"])
@pytest.mark.parametrize(
    ("content", "match"), [(None, "is missing"), ("[]", "no JSON object|not a JSON object"), ("{", "is not JSON")]
)
def test_metadata_that_is_missing_or_no_object(saved, key, content, match):
    rewrite(saved, metadata={key: content})
    with pytest.raises(ModelFileError, match=match):
        read_checkpoint(saved)


@pytest.mark.parametrize(
    ("key", "change", "match"),
    [
        ("textgen.state", {"step": "9"}, "'step' must be a whole number, not '9'"),
        ("textgen.state", {"step": -1}, "'step' must not be negative, but is -1"),
        ("textgen.state", {"step": True}, "'step' must be a whole number, not True"),
        ("textgen.state", {"step": 1.5}, "'step' must be a whole number, not 1.5"),
        ("textgen.state", {"seconds": None}, "'seconds' must be a number, not None"),
        ("textgen.state", {"window": KeyError}, "'window' is missing"),
        ("textgen.state", {"more": 1}, "unknown setting 'more'"),
        ("textgen.state", {"recent__tokens": "x"}, "'tokens' must be a whole number, not 'x'"),
        ("textgen.state", {"spikes": 3}, "'spikes' must be an object, not 3"),
        ("textgen.state", {"best": 10**6}, "lacks the best validation"),
        ("textgen.state", {"stopped": "soon"}, "'soon'"),
        ("textgen.origin", {"network__hidden": 10**6}, "the shape of the parameters"),
        ("textgen.origin", {"network__layers": 900}, "are too few for 900 layers"),
        ("textgen.origin", {"network__hidden": "8"}, "'hidden' must be a whole number, not '8'"),
        ("textgen.origin", {"network__cell": "gruu"}, "unknown --cell 'gruu'"),
        ("textgen.origin", {"network__embedding": None}, "not settled"),
        ("textgen.origin", {"text__unit": "auto"}, "not settled"),
        ("textgen.origin", {"training__lr": KeyError}, "'lr' is missing"),
        ("textgen.origin", {"vocabulary_size": 3}, "the shape of the parameters"),
        ("textgen.history", {"validations": 3}, "'validations' must be a list, not 3"),
        ("textgen.history", {"validations": [{}]}, "'epoch' is missing"),
        ("textgen.history", {"validations": []}, "lacks the best validation"),
        ("textgen.history", {"corpus": [1]}, "'corpus' must be an object"),
        ("textgen.history", {"training": None}, "'training' must be an object"),
        ("textgen.history", {"validations": [LOSSLESS, LOSSLESS]}, "lacks the best validation"),
        ("textgen.origin", {"training__clip": 10**400}, "'clip' is no number that can be"),
        ("textgen.origin", {"training__clip": None}, "'clip' must be a number, not None"),
        ("textgen.state", {"spikes__loss__sum": 10**400}, "'sum' is no number that can be"),
        ("textgen.state", {"spikes__frequencies__sum": 10**400}, "'sum' is no number that can be"),
        ("textgen.state", {"step": 2**53}, "it has counted to 9007199254740992"),
        ("textgen.state", {"spikes__window": 10**30}, "it has counted to 1000"),
        ("textgen.state", {"spikes__lowest": "low"}, "'lowest' must be a number or null"),
    ],
)
def test_settings_that_are_damaged(saved, key, change, match):
    changed(saved, key, **change)
    with pytest.raises(ModelFileError, match="damaged checkpoint: .*" + match):
        read_checkpoint(saved)


@pytest.mark.parametrize(
    "course", [{"course__step": "x"}, {"course": {}}, {"course__more": 3}, {"course__seconds": 10**400}]
)
def test_a_course_that_is_damaged(saved, animals, course):
    changed(saved, "textgen.state", **course)
    found = read_checkpoint(saved)
    the_plan = plan(animals.corpus, SMALL, found.origin.training)
    with pytest.raises(ModelFileError, match="damaged checkpoint: its course: "):
        next(train(animals.corpus, animals.text, the_plan, begin=found))


def test_options_of_another_version(saved):
    changed(saved, "textgen.origin", training__colour=3)
    rewrite(saved, metadata={"textgen.version": "0.0.1"})
    with pytest.raises(ModelFileError, match=r"written by textgen 0\.0\.1, whose options are not those of this one"):
        read_checkpoint(saved)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"mean/layer0.bias": None}, "the array 'mean/layer0.bias' is missing"),
        ({"extra": np.zeros(3, np.float32)}, "the array 'extra' is unknown"),
        ({"state/layer0": np.zeros((2, 3, 8), np.float32)}, "'state/layer0' has the shape"),
        ({"best/output.bias": np.full(20, np.nan, np.float32)}, "'best/output.bias' holds numbers that are not finite"),
        ({"square/layer0.bias": np.zeros(32)}, "'square/layer0.bias' is F64, not F32"),
    ],
)
def test_arrays_that_are_damaged(saved, made, change, match):
    if "best/output.bias" in change:
        change = {name: np.full_like(made[1].arrays[name], np.nan) for name in change}
    rewrite(saved, arrays=change)
    with pytest.raises(ModelFileError, match=match):
        read_checkpoint(saved).fill(made[1].arrays)
