"""The index file: it comes back as it was, for its model alone; whatever is damaged is refused."""

import os
import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.lm.storage import headers
from tests.lm.storage.small_model import make_model
from textgen.errors import ModelExistsError, ModelFileError, NoSuchModelError, OutputError, TextgenError
from textgen.lm.storage.index_file import is_index, load_index, save_index
from textgen.lm.storage.model_file import load_model, save_model
from textgen.lm.storage.store import checkpoint_path, index_path
from textgen.text.tokens.run_index import RunIndex
from textgen.text.tokens.vocabulary import EOS_ID, Vocabulary

LONGER = 500  # tokens of a longer text


def text_of(tokens, highest, dtype=np.uint8, seed=0):
    ids = np.random.default_rng(seed).integers(2, highest, tokens).astype(dtype)
    ids[7::11] = ids[-1] = EOS_ID
    return ids


def model_of(ids, vocabulary=None):
    """A model that has learnt this text."""
    model = make_model()
    if vocabulary is not None:
        model.vocabulary = vocabulary
    model.history = replace(model.history, corpus=replace(model.history.corpus, train_tokens=len(ids)))
    return model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.index"


@pytest.fixture
def kept(path):
    """A model and the index of its text, in a file."""
    ids = text_of(60, 7)
    model, index = model_of(ids), RunIndex.of(ids)
    save_index(index, model, path)
    return model, index


def rewrite(path, *, arrays=None, **metadata):
    """Write the file again with other arrays, or some entries of its metadata changed (None: left out)."""
    header, _ = headers.split(path.read_bytes())
    entries = {**header["__metadata__"], **{f"textgen.{key}": text for key, text in metadata.items()}}
    arrays = load_file(path) if arrays is None else arrays
    save_file(arrays, path, metadata={key: text for key, text in entries.items() if text is not None})


@pytest.mark.parametrize("size", [1, 2, 60, 3000])
@pytest.mark.parametrize(("tokens", "dtype"), [(7, np.uint8), (300, np.uint16), (70_000, np.uint32)])
def test_an_index_comes_back_as_it_was(path, tokens, dtype, size):
    ids = text_of(size, tokens, dtype)
    names = ("<unk>", "<eos>", *map(str, range(2, tokens)))
    model, index = model_of(ids, Vocabulary(names, (1,) * tokens)), RunIndex.of(ids)
    save_index(index, model, path)
    again = load_index(path, model)
    assert again.transform.dtype == dtype
    assert again.transform.tobytes() == index.transform.tobytes()
    assert again.shared_lengths(ids.tolist()).tolist() == index.shared_lengths(ids.tolist()).tolist()


def test_it_is_smaller_than_the_text(path, tmp_path):
    """By far, for text is no noise; what stands around the numbers takes a few hundred bytes."""
    text = "the cat sat on the mat. " * 20 + "a dog, an elk and an owl met; they all sat down. " * 20
    letters = sorted(set(text))
    ids = np.array([letters.index(letter) + 2 for letter in text] + [EOS_ID], np.uint8)
    vocabulary = Vocabulary(("<unk>", "<eos>", *letters), (1,) * (len(letters) + 2))
    save_index(RunIndex.of(ids), model_of(ids, vocabulary), path)
    assert path.stat().st_size < len(text)


def test_it_is_that_of_the_model_however_that_is_written(path, kept, tmp_path):
    model, index = kept
    save_model(model, tmp_path / "copy.safetensors")
    assert load_index(path, load_model(tmp_path / "copy.safetensors")).transform.tobytes() == index.transform.tobytes()


def test_it_lies_beside_its_model(tmp_path):
    assert index_path(tmp_path / "cats.safetensors") == tmp_path / "cats.index"
    assert index_path(tmp_path / "cats.model") == tmp_path / "cats.model.index"
    assert index_path(tmp_path / "cats.safetensors").parent == checkpoint_path(tmp_path / "cats.safetensors").parent


def test_no_such_file(path, kept):
    model, _ = kept
    path.unlink()
    with pytest.raises(NoSuchModelError, match=r"model\.index: no such text index; --no-index leaves none"):
        load_index(path, model)


@pytest.mark.parametrize(
    "changed",
    [
        {"history": {"sha256": "1" * 64}},
        {"history": {"train_tokens": 61}},
        {"vocabulary": (("<unk>", "<eos>", "a", "b", "\n", "é", "e"), (1, 2, 9, 8, 3, 1, 1))},
        {"vocabulary": (("<unk>", "<eos>", "a", "b", "\n", "é", "\U0001f469"), (1, 2, 9, 8, 3, 1, 2))},
    ],
)
def test_the_index_of_another_text_is_refused(path, kept, changed):
    model, _ = kept
    if "history" in changed:
        model.history = replace(model.history, corpus=replace(model.history.corpus, **changed["history"]))
    else:
        model.vocabulary = Vocabulary(*changed["vocabulary"])
    with pytest.raises(
        ModelFileError, match=r"model\.index: the index of another text than the model learnt; training"
    ):
        load_index(path, model)


def test_every_changed_byte_is_found(path, kept):
    """Or it changes nothing: what stands in the file's name of a version, say."""
    model, index = kept
    sound, refused = path.read_bytes(), 0
    for place in range(len(sound)):
        for flip in (1, 0x80):
            damaged = bytearray(sound)
            damaged[place] ^= flip
            path.write_bytes(damaged)
            try:
                assert load_index(path, model).transform.tobytes() == index.transform.tobytes()
            except TextgenError:
                refused += 1
    _, arrays = headers.split(sound)
    assert refused > 2 * len(arrays)


def test_a_file_that_was_cut_off_is_refused_wherever(path, kept):
    model, _ = kept
    sound = path.read_bytes()
    for size in range(len(sound)):
        path.write_bytes(sound[:size])
        with pytest.raises(ModelFileError, match=r"model\.index: (not a text index|damaged)"):
            load_index(path, model)


@pytest.mark.parametrize("content", [b"To be, or not to be", b"PK\x03\x04" + b"x" * 99, b"\0" * 64])
def test_a_foreign_file(path, kept, content):
    model, _ = kept
    path.write_bytes(content)
    assert not is_index(path)
    with pytest.raises(ModelFileError, match="truncated"):
        load_index(path, model)


def test_a_model_is_no_index(path, kept):
    model, _ = kept
    save_model(model, path, overwrite=True)
    assert not is_index(path)
    with pytest.raises(ModelFileError, match="a safetensors file, but not an index of a text"):
        load_index(path, model)


def packed(*values, dtype="<u1"):
    return {"transform": np.frombuffer(zlib.compress(np.array(values, dtype).tobytes()), np.uint8)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index": "2", "version": "9.1"}, r"format 2, written by textgen 9\.1.*pip install --upgrade"),
        ({"index": "x" * 5000}, "an index of format xxxxxxxxxxxxxxxxxxxx,"),
        ({"text": None}, "'textgen.text' is missing"),
        ({"text": ""}, "of another text"),
        ({"arrays": {"other": np.zeros(3, np.uint8)}}, "must hold the array 'transform' alone"),
        ({"arrays": {"transform": np.zeros(3, np.float32)}}, "'transform' is F32, not U8"),
        ({"arrays": {"transform": np.zeros(0, np.uint8)}}, "does not hold 60 tokens"),
        ({"arrays": {"transform": np.zeros(9, np.uint8)}}, "cannot be decompressed"),
        ({"arrays": packed(*[1] * 59)}, "does not hold 60 tokens"),
        ({"arrays": packed(*[1] * 61)}, "does not hold 60 tokens"),
        ({"arrays": packed(*[1] * 10**6)}, "does not hold 60 tokens"),
        ({"arrays": packed(*[1] * 59, 7)}, "token 7 of 7"),
    ],
)
def test_damaged_contents(path, kept, changes, message):
    model, _ = kept
    rewrite(path, **changes)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_index(path, model)
    assert len(str(caught.value)) < 500


def test_a_text_of_more_tokens_than_can_be(path, kept):
    model, index = kept
    model.history = replace(model.history, corpus=replace(model.history.corpus, train_tokens=10**300))
    save_index(index, model, path)
    with pytest.raises(ModelFileError, match="cannot be decompressed"):
        load_index(path, model)


@pytest.mark.usefixtures("kept")
def test_an_index_is_replaced_and_nothing_else(path):
    other = text_of(LONGER, 7, seed=1)
    save_index(RunIndex.of(other), model_of(other), path)
    assert len(load_index(path, model_of(other))) == LONGER
    path.write_bytes(b"an index of names")
    with pytest.raises(ModelExistsError, match="exists already, and is no index of a text"):
        save_index(RunIndex.of(other), model_of(other), path)
    assert path.read_bytes() == b"an index of names"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with names are POSIX")
def test_pipes_and_folders_are_no_index(tmp_path, kept):
    model, index = kept
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    for place in (pipe, folder):
        with pytest.raises(ModelExistsError):
            save_index(index, model, place)
        with pytest.raises(NoSuchModelError):
            load_index(place, model)


def test_a_folder_that_is_not_there(tmp_path, kept):
    model, index = kept
    with pytest.raises(OutputError, match="cannot be written"):
        save_index(index, model, tmp_path / "absent" / "model.index")
