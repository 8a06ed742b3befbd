"""Control characters made visible, so that no text can command a terminal."""

from __future__ import annotations

_C0 = [code for code in range(0x20) if chr(code) not in "\t\n"]
_DEL_AND_C1 = range(0x7F, 0xA0)
# Embeddings, overrides and isolates turn the order of what follows them. The marks U+200E, U+200F and U+061C do not:
# they are letters' companions in Hebrew and Arabic.
_BIDIRECTIONAL = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]

# From DEL on, the form that JSON reads, too: it escapes the lower ones itself. So JSON on a terminal stays JSON.
_VISIBLE = {code: f"\\x{code:02x}" for code in _C0} | {
    ord("\r"): "\\r",
    **{code: f"\\u{code:04x}" for code in (*_DEL_AND_C1, *_BIDIRECTIONAL)},
}


def escaped(text: str) -> str:
    r"""`text` with its control characters written out; line feeds and tabs stay: 'a\x1b[2J' is eight characters then.

    Control characters are C0, DEL, C1, and those that turn the direction of a text.
    """
    return text if text.isprintable() else text.translate(_VISIBLE)
