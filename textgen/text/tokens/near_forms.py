"""What a character is read as where a vocabulary lacks it: its nearest ASCII form, or the typographic apostrophe.

    “Zoë…”  ->  "Zoe..."        － ﬁ Łódź  ->  - fi Lodz        中 ж 😀 are near to nothing in ASCII

Unicode's compatibility decomposition (NFKD) knows most of it: accents, ligatures, full-width forms, kinds of blanks.
The table adds what it leaves whole. Libraries go further: `anyascii` makes "Zhong" of 中 and ":grinning:" of 😀. It
agrees with what is here, but for some signs that stand here as plain texts write them: `"` for «, `'` for ‹, `--` for
a long dash, `-` for a bullet.
"""

from __future__ import annotations

import unicodedata

_WHOLE = {
    **dict.fromkeys("‘’‚‛‹›′ʹʻʼʽ´", "'"),
    **dict.fromkeys("“”„‟«»″ʺˮ", '"'),
    **dict.fromkeys("‐‒–−⁃•‣", "-"),
    **dict.fromkeys("—―", "--"),
    **dict(zip("ÐðĐđĦħıŁłØøŦŧ⁄∕¡¿×", "DdDdHhiLlOoTt//!?x", strict=True)),
    "Æ": "Ae",
    "æ": "ae",
    "Œ": "Oe",
    "œ": "oe",
    "Þ": "Th",
    "þ": "th",
    "ß": "ss",
    "ẞ": "SS",
    "Ŋ": "Ng",
    "ŋ": "ng",
}


class _AsciiForms(dict[int, str]):
    """For `str.translate`: each code point's nearest ASCII form, or the character itself; worked out when asked for."""

    def __missing__(self, code: int) -> str:
        form = self[code] = _ascii_form(chr(code))
        return form


def _ascii_form(character: str) -> str:
    if character in _WHOLE:  # before "″" becomes "′′"
        return _WHOLE[character]
    bases = (part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    form = "".join(_WHOLE.get(base, base) for base in bases)  # "ǿ" is "ø" with an accent
    lone_accent = form.isspace() and not character.isspace()  # "¨" is a blank with an accent
    return character if lone_accent or not form or not form.isascii() else form


TO_ASCII: dict[int, str] = _AsciiForms()
# Not the other way round for quotation marks and dashes: which of them a `"` stands for is the context's to say.
TO_TYPOGRAPHIC = {ord("'"): "’"}
NEAR_FORMS = (TO_ASCII, TO_TYPOGRAPHIC)
