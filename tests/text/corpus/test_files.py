from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import re
import sys

import pytest

from textgen.errors import CorpusError, DecodingError, NoSuchInputError
from textgen.text.corpus import files as reading
from textgen.text.corpus.files import check_inputs, hash_files, read_text

TEXT = "a\r\nb\rc\n\r\n\rd\r\r\né中😀\u2028e\ufefff\r"
PLAIN = "a\nb\nc\n\n\nd\n\né中😀\u2028e\ufefff\n"
CHUNKS = [1, 2, 3, 4, 5, 7, 1 << 20]


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_characters_across_chunks(tmp_path, chunk, bom):
    path = tmp_path / "text.txt"
    path.write_bytes(bom + TEXT.encode())
    digest = hashlib.sha256()
    assert "".join(read_text(path, digest, chunk)) == PLAIN
    assert digest.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".XZ", lzma.compress)])
def test_compressed_files(tmp_path, suffix, pack):
    path = tmp_path / f"text.txt{suffix}"
    path.write_bytes(pack(TEXT.encode()))
    digest = hashlib.sha256()
    assert "".join(read_text(path, digest, 3)) == PLAIN
    assert digest.hexdigest() == hashlib.sha256(TEXT.encode()).hexdigest()
    path.write_bytes(pack(TEXT.encode() * 1000)[:-9])
    with pytest.raises(CorpusError, match=r"cannot be decompressed; is it damaged or cut short\?") as caught:
        list(read_text(path))
    assert str(path) in str(caught.value)
    path.write_bytes(b"plain text")
    with pytest.raises(CorpusError, match="cannot be decompressed"):
        list(read_text(path))


def test_a_text_has_one_hash_however_it_is_packed_and_parted(tmp_path):
    whole, packed = tmp_path / "whole.txt", [tmp_path / "1.txt.gz", tmp_path / "2.txt.xz"]
    whole.write_bytes(TEXT.encode() * 2)
    packed[0].write_bytes(gzip.compress(TEXT.encode()))
    packed[1].write_bytes(lzma.compress(TEXT.encode()))
    assert hash_files([whole]) == hash_files(packed) == hashlib.sha256(whole.read_bytes()).hexdigest()
    with pytest.raises(NoSuchInputError):
        hash_files([whole, tmp_path / "absent"])


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfa\r\nb"), "ascii"))
    assert "".join(read_text("-")) == "a\nb"


def test_standard_input_is_named_in_messages(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\xff")))
    with pytest.raises(DecodingError, match=r"^standard input is not UTF-8 text: byte 0xff at offset 1"):
        list(read_text("-"))


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    ("data", "byte", "offset"),
    [
        ("naïve".encode("latin-1"), "ef", 2),
        ("中😀é".encode() + b"\xff", "ff", 9),
        (b"\xef\xbb\xbf" + "中".encode() + b"a\x80", "80", 7),
        ("中😀".encode()[:-1], "f0", 3),  # cut short inside a character
        (b"abcd\xe4\xb8x", "e4", 4),
        (b"abcd\xed\xa0\x80", "ed", 4),  # a surrogate
        (b"\xc0\x80abcd", "c0", 0),
    ],
)
def test_other_encodings_are_refused_with_byte_and_offset(tmp_path, chunk, data, byte, offset):
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(DecodingError, match=rf"byte 0x{byte} at offset {offset} \(.*iconv -f latin1 -t utf-8"):
        list(read_text(path, chunk=chunk))


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_named(tmp_path, chunk, encoding):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffa中".encode(encoding))
    with pytest.raises(DecodingError, match=f"is {encoding[:6].upper()} text.*iconv -f {encoding[:6]} -t utf-8"):
        list(read_text(path, chunk=chunk))


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(("data", "offset"), [(b"\0", 0), (b"\xef\xbb\xbf\0", 3), ("é中".encode() + b"ab\0\0", 7)])
def test_nul_bytes_are_refused_with_their_offset(tmp_path, chunk, data, offset):
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(DecodingError, match=f"a NUL byte at offset {offset}; this is a binary file"):
        list(read_text(path, chunk=chunk))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(NoSuchInputError, match=re.escape(f"{tmp_path / 'nope'}: no such file")):
        check_inputs(["-", tmp_path / "nope"])
    with pytest.raises(NoSuchInputError, match="is a folder; name the files in it"):
        list(read_text(tmp_path))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "denied"), "you have no permission to read it"),
        (OSError(5, "I/O error"), "cannot be read"),
    ],
)
def test_unreadable_file(tmp_path, monkeypatch, error, message):
    def fail(path):
        raise error

    path = tmp_path / "text.txt"
    path.write_bytes(b"a")
    monkeypatch.setattr(reading, "_open", fail)
    with pytest.raises(CorpusError, match=message) as caught:
        list(read_text(path))
    assert str(path) in str(caught.value)


def test_empty_file_is_an_empty_text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"")
    assert "".join(read_text(path)) == ""
    path.write_bytes(b"\xef\xbb\xbf")
    assert "".join(read_text(path)) == ""
