r"""Paths that users give: how they are looked at, shown, and kept in JSON.

To most systems a file's name is bytes. What of it is no UTF-8 Python hands over as lone surrogates, which no UTF-8 text
can hold: the file `caf\xe9.txt`, named in Latin-1, is 'caf\udce9.txt'. And whoever only looks whether a file is there
may be refused: its name is too long, or its folder is closed.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from urllib.parse import unquote_to_bytes

STDIN = "-"

_SURROGATES = re.compile("[\ud800-\udfff]")
_BYTES = range(0xDC80, 0xDD00)  # the surrogates that stand for the bytes 0x80 to 0xff
_URI = "file://"
_REFUSALS = {
    errno.ENAMETOOLONG: "the name is longer than a file's can be",
    errno.EACCES: "you have no permission to look into its folder",
    errno.ELOOP: "its links lead round in a circle",
}


class Found(Enum):
    """What a look at a path may find."""

    FILE = auto()
    STREAM = auto()  # a pipe or a device, which can be read, too
    FOLDER = auto()
    LOST_LINK = auto()  # a link to what is not there
    NOTHING = auto()
    REFUSED = auto()  # the system does not let us look


@dataclass(frozen=True)
class Look:
    """What was found at a path. problem : why there is no file to be read, empty if there is one."""

    kind: Found
    problem: str

    @property
    def is_taken(self) -> bool:
        """Whether a new file of that name would replace something."""
        return self.kind not in (Found.NOTHING, Found.REFUSED)


def look_at(path: Path, what: str = "file") -> Look:
    """What is at `path`, whatever the system says to the question. what : what a file there would be called."""
    absent = f"no such {what}"
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            return Look(Found.LOST_LINK, f"{absent}: it is a link to {real(path)}, which is not there")
        return Look(Found.NOTHING, absent)
    except OSError as error:
        return Look(Found.REFUSED, _REFUSALS.get(error.errno or 0, f"cannot be looked at: {error.strerror or error}"))
    except ValueError:  # a NUL character, which no system allows in a name
        return Look(Found.NOTHING, absent)
    if stat.S_ISDIR(mode):
        return Look(Found.FOLDER, f"a folder, not a {what}")
    return Look(Found.FILE if stat.S_ISREG(mode) else Found.STREAM, "")


def real(path: Path) -> Path:
    """The file itself that `path` names: with all links followed, whether it is there or not."""
    return Path(os.path.realpath(path))


def shown(text: str) -> str:
    r"""`text` as any screen and any file can hold it: 'caf\udce9.txt' -> 'caf\\xe9.txt'."""
    return _SURROGATES.sub(lambda found: _escaped(ord(found[0])), text)


def _escaped(code: int) -> str:
    return f"\\x{code - 0xDC00:02x}" if code in _BYTES else f"\\u{code:04x}"


def display_name(path: str | Path) -> str:
    """What to call an input in a message."""
    return "standard input" if str(path) == STDIN else shown(str(path))


def kept(path: Path) -> str:
    r"""`path` as JSON and TOML can hold it, for `found_again`: itself, or '/tmp/caf\udce9' -> 'file:///tmp/caf%E9'."""
    text = str(path)
    return text if text == shown(text) else path.absolute().as_uri()


def found_again(text: str) -> Path:
    """The path that `kept` made `text` of."""
    if not text.startswith(f"{_URI}/"):
        return Path(text)
    return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(_URI))))
