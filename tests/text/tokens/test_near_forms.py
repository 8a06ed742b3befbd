"""The near forms of characters: what is near to what, and that nothing else is."""

import unicodedata

import pytest

from textgen.text.tokens.near_forms import _WHOLE, TO_ASCII, TO_TYPOGRAPHIC

ALL = [chr(point) for point in range(0x20000)]  # behind it are ideographs, and what is no character


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("‘’‚‛‹› “”„‟«» ′″", "'''''' \"\"\"\"\"\" '\""),
        ("‐ ‑ ‒ – − — ―", "- - - - - -- --"),
        ("a…b • c", "a...b - c"),
        ("a\u00a0b\u2009c\u202fd\u3000e", "a b c d e"),
        ("ﬁ ﬂ ﬀ ﬃ ﬆ ĳ ǆ", "fi fl ff ffi st ij dz"),
        ("ＡＢｃ１２！？（：）～", "ABc12!?(:)~"),
        ("é à ñ ç ü å ệ ő ž ș ģ İ Ǿ ǽ", "e a n c u a e o z s g I O ae"),
        ("Æsop œuvre straße STRAẞE Þór eð Đøđ Łódź ŧħŋ ısı", "Aesop oeuvre strasse STRASSE Thor ed Dod Lodz thng isi"),
        ("½ ⅓ 1⁄2 m² ① Ⅷ ™ № ª 𝐀𝒷ℂ", "1/2 1/3 1/2 m2 1 VIII TM No a AbC"),
        ("¿Qué? ¡No! 3×4", "?Que? !No! 3x4"),
    ],
)
def test_what_is_near(text, expected):
    assert text.translate(TO_ASCII) == expected


FAR = ["床前明月光", "「。、」", "αβγ", "Щукин", "שלום", "هلا", "한국어", "カﾅ", "😀🇩❤☎→✓", "€£§©°", "￭▁", "\ud800"]


@pytest.mark.parametrize("text", [*FAR, "\u0301\u20e3\ufe0f", "¨¸˙"])
def test_what_has_no_near_form(text):
    assert text.translate(TO_ASCII) == text


def test_each_entry_of_the_table_leads_to_ascii():
    assert all(form.isascii() and form.isprintable() and form for form in _WHOLE.values())
    assert not any(sign.isascii() for sign in _WHOLE)
    assert [sign for sign in _WHOLE if len(sign) > 1] == []


def test_any_character_is_ascii_then_or_stays_and_only_blanks_become_blanks():
    changed = {character: TO_ASCII[ord(character)] for character in ALL if TO_ASCII[ord(character)] != character}
    assert len(changed) > 1500
    assert [character for character in changed if character.isascii()] == []
    assert [form for form in changed.values() if not form.isascii() or not form.isprintable()] == []
    assert {character for character, form in changed.items() if " " in form} == {c for c in changed if c.isspace()}


def test_accents_come_off_every_latin_letter_that_unicode_takes_apart():
    taken_apart = [c for c in ALL if c.isalpha() and unicodedata.normalize("NFD", c)[0].isascii() and not c.isascii()]
    assert len(taken_apart) > 400
    for letter in taken_apart:
        assert letter.translate(TO_ASCII) == unicodedata.normalize("NFD", letter)[0]


def test_the_apostrophe_goes_both_ways():
    assert "don't".translate(TO_TYPOGRAPHIC) == "don’t"
    assert "don’t".translate(TO_ASCII) == "don't"
