"""The header of a safetensors file, taken off and put on again."""

from __future__ import annotations

import json
import struct
from typing import Any


def split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The header of a file, and the arrays' bytes behind it."""
    end = 8 + struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8:end]), content[end:]


def join(header: str, arrays: bytes) -> bytes:
    """A file with such a header, in JSON."""
    text = header.encode()
    return struct.pack("<Q", len(text)) + text + arrays
