"""Writing the safetensors format piece by piece, so that a large file needs no second copy in memory.

Source: https://huggingface.co/docs/safetensors, "Format": the header's size, the header, then the arrays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import numpy as np

_ALIGNMENT = 8  # bytes, of the header


def safetensors_parts(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """The contents of a file that holds float32 `arrays` under their names, and `metadata`."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": (begin, end)}
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    yield len(text).to_bytes(8, "little")
    yield text
    for array in arrays.values():
        yield np.ascontiguousarray(array, dtype="<f4").reshape(-1).data
