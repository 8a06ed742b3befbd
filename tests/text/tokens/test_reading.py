"""Reading: what is known stays, what is lacking is read as what is near, and a last word may go on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.nasty import nasty_texts
from textgen.text.tokens.near_forms import TO_ASCII
from textgen.text.tokens.reading import continuation, read, read_prompt
from textgen.text.tokens.tokenizers import TOKENIZERS, normalize
from textgen.text.tokens.vocabulary import UNK_ID, Vocabulary

ASCII = "He said, \"Don't go, it's late\" -- 'tis so... Zoe (the one) naive cafe - well-known. It fine strasse 1/2"


def vocabulary_of(*tokens):
    known = tuple(dict.fromkeys(("<unk>", "<eos>", *tokens)))
    return Vocabulary(known, (1,) * len(known))


def knowing(tokenizer, *texts):
    """The vocabulary of all tokens of `texts`."""
    return vocabulary_of(*(token for text in texts for token in TOKENIZERS[tokenizer].tokenize(text)))


def read_with(vocabulary, text, tokenizer="word", lowercase=False):
    return read(text, TOKENIZERS[tokenizer], vocabulary, lowercase)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(text=nasty_texts, other=nasty_texts)
def test_a_text_of_known_tokens_is_read_as_it_is(tokenizer, text, other):
    text, other = normalize(text, False), normalize(other, False)
    found = read_with(knowing(tokenizer, text, other), text, tokenizer)
    assert list(found.tokens) == TOKENIZERS[tokenizer].tokenize(text)
    assert found.replaced == {}


_PIECES = [*ASCII.split(" "), *"“”‘’«—–…éñßﬁＡ！中😀x\u0301\u00a0\n-'\"    ", "Zoë", "café", "don’t", "™"]
typographic = st.lists(st.sampled_from(_PIECES) | st.characters(), max_size=12).map("".join)


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(text=typographic)
def test_what_is_read_are_the_tokens_of_the_plain_text(tokenizer, lowercase, text):
    """Of the text in which each known token stays and others are near forms; none that was known is lost."""
    vocabulary = knowing(tokenizer, ASCII, ASCII.lower(), "中 Ａ")
    found = read_with(vocabulary, text, tokenizer, lowercase)
    before = TOKENIZERS[tokenizer].tokenize(normalize(text, lowercase))
    assert found.text == text
    np.testing.assert_array_equal(found.ids, vocabulary.ids_of(found.tokens))
    assert found.unknown <= int(np.count_nonzero(vocabulary.ids_of(before) == UNK_ID))
    shown = TOKENIZERS[tokenizer].detokenize(found.tokens)
    assert list(found.tokens) == TOKENIZERS[tokenizer].tokenize(shown)
    assert shown.translate(TO_ASCII) == TOKENIZERS[tokenizer].detokenize(before).translate(TO_ASCII)
    assert found.replaced or list(found.tokens) == before
    for one, other in found.replaced.items():
        assert one in normalize(text, lowercase)
        assert (one.translate(TO_ASCII) == other and other.isascii()) or (one, other) == ("'", "’")


@pytest.mark.parametrize("tokenizer", ["char", "word"])
@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("He said, “Don’t go, it’s late”", "He said, \"Don't go, it's late\""),
        ("‘’tis so…", "''tis so..."),
        ("late — so", "late -- so"),
        ("late—so", "late--so"),
        ("Zoë (the naïve)", "Zoe (the naive)"),
        ("ﬁne\u00a0café", "fine cafe"),
        ("well‑known", "well-known"),
        ("straße ½", "strasse 1/2"),
    ],
)
def test_it_is_read_as_if_typed_plainly(tokenizer, text, plain):
    vocabulary = knowing(tokenizer, plain)
    found, expected = read_with(vocabulary, text, tokenizer), read_with(vocabulary, plain, tokenizer)
    assert found.tokens == expected.tokens
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.unknown == 0
    assert expected.replaced == {}


def test_only_what_is_lacking_is_replaced():
    """A text with typographic quotation marks and straight apostrophes, and the other way round."""
    vocabulary = vocabulary_of("“￭", "Don", "￭'t", "￭”", "é", "café", "cafe")
    found = read_with(vocabulary, "“Don’t” café")
    assert found.tokens == ("“￭", "Don", "￭'t", "￭”", "café")
    assert found.replaced == {"’": "'"}
    found = read_with(vocabulary_of('"￭', "Don", "￭’t", '￭"'), "“Don’t”")
    assert found.tokens == ('"￭', "Don", "￭’t", '￭"')
    assert found.replaced == {"“": '"', "”": '"'}


def test_a_form_that_is_lacking_too_changes_nothing():
    found = read_with(vocabulary_of("Foo", '"￭', '￭"'), "“Foo™” Zoë…")
    assert found.tokens == ('"￭', "Foo", "￭™", '￭"', "Zoë", "￭…")
    assert found.replaced == {"“": '"', "”": '"'}
    found = read_with(vocabulary_of("e", "."), "ëß…", "char")
    assert found.tokens == ("e", "ß", ".", ".", ".")
    assert found.replaced == {"ë": "e", "…": "..."}


def test_an_apostrophe_becomes_typographic_where_only_that_is_known():
    found = read_with(vocabulary_of("It", "￭’s", "‘￭", "￭’"), "It's It's")
    assert found.tokens == ("It", "￭’s", "It", "￭’s")
    assert found.replaced == {"'": "’"}
    assert read_with(vocabulary_of("It", "￭’s", "￭'s"), "It's It’s").replaced == {}
    assert read_with(vocabulary_of("“", "”"), '"', "char").unknown == 1, "which of the two it is, it does not say"


@pytest.mark.parametrize("text", ["x\u0301", "😀", "詩", "q\u0307q"])
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_what_is_near_to_nothing_stays_unknown(tokenizer, text):
    vocabulary = knowing(tokenizer, ASCII)
    found = read_with(vocabulary, text, tokenizer)
    assert found.unknown == len(TOKENIZERS[tokenizer].tokenize(text)) - (text[0] in vocabulary.tokens)
    assert found.replaced == {}


def test_case_is_lowered_before():
    found = read_with(vocabulary_of("zoe"), "ZOË", lowercase=True)
    assert (found.tokens, found.text, found.replaced) == (("zoe",), "ZOË", {"ë": "e"})


# Prompts

WORDS = ["The", "quick", "brown", "brother", "the", "them", "café", "caches", "we", "￭'ll"]
SIGNS = ['"￭', '"', "￭,", "￭-", "￭-￭"]


def prompt(text, tokenizer="word", tokens=(*WORDS, *SIGNS), lowercase=False):
    vocabulary = vocabulary_of(*tokens)
    found = read_prompt(text, TOKENIZERS[tokenizer], vocabulary, lowercase)
    return found, vocabulary.tokens_of(found.first_ids)


@pytest.mark.parametrize(
    ("text", "before", "unfinished", "first"),
    [
        ("The quick bro", ["The", "quick"], "bro", ["brown", "brother"]),
        ("bro", [], "bro", ["brown", "brother"]),
        ("The quick bro ", ["The", "quick", "bro"], "", []),
        ("The quick bro\n", ["The", "quick", "bro", "\n"], "", []),
        ("The zzz", ["The", "zzz"], "", []),
        ("the", ["the"], "", []),
        ("th", [], "th", ["the", "them"]),
        ("we'l", ["we"], "￭'l", ["￭'ll"]),
        ("we’l", ["we"], "￭'l", ["￭'ll"]),
        ("caf", [], "caf", ["café"]),
        ("caché", [], "cache", ["caches"]),
        ('The "', ["The"], '"', ['"', '"￭']),
        ("The “", ["The"], '"', ['"', '"￭']),
        ("quick-", ["quick"], "￭-", ["￭-", "￭-￭"]),
        ("quick-bro", ["quick", "￭-￭"], "bro", ["brown", "brother"]),
        ("The,", ["The", "￭,"], "", []),
        ("月", ["月"], "", []),
        ("", [], "", []),
        (" \n", ["\n"], "", []),
    ],
)
def test_a_last_word_that_may_go_on(text, before, unfinished, first):
    found, chosen = prompt(text)
    assert list(found.tokens) == before
    assert found.unfinished == unfinished
    assert chosen == first


def test_between_characters_nothing_is_unfinished():
    found, first = prompt("The x", "char", [*"Them "])
    assert (found.tokens, found.unfinished, first, found.unknown) == (tuple("The x"), "", [], 1)


def test_special_tokens_complete_nothing():
    found, first = prompt("<un", "whitespace", ["a"])
    assert (found.tokens, first, found.unknown) == (("<un",), [], 1)
    found, first = prompt("a <unk>", "whitespace", ["a"])
    assert (found.tokens, first) == (("a", "<unk>"), [])


@pytest.mark.parametrize(
    ("text", "drawn", "after"),
    [
        ("The quick bro", ["brown", "￭,", "the"], "wn, the"),
        ("The   quick  ", ["brown"], "brown"),
        ("The quick", ["brown"], " brown"),
        ('The "', ['"￭', "the"], "the"),
        ('The "', ['"', "the"], " the"),
        ("we’l", ["￭'ll", "the"], "l the"),
        ("The", ["￭,", "\n", "the"], ",\nthe"),
        ("", ["The"], "The"),
        ("The\n", ["the"], "the"),
        ("The quick", [], ""),
    ],
)
def test_what_is_printed_after_a_prompt(text, drawn, after):
    found, _ = prompt(text)
    assert continuation(found, drawn, TOKENIZERS["word"]) == after


@given(text=typographic, drawn=st.lists(st.sampled_from("Th em\u00a0"), max_size=4))
def test_characters_are_printed_after_a_prompt_as_they_are(text, drawn):
    found, _ = prompt(text, "char", [*"Them "])
    assert continuation(found, drawn, TOKENIZERS["char"]) == "".join(drawn)


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("tokenizer", ["word", "whitespace"])
@given(text=typographic)
def test_any_prompt_can_be_gone_on_with(tokenizer, lowercase, text):
    """The tokens that may come first are known, begin as the prompt ends, and leave what stands before as it is."""
    vocabulary = knowing(tokenizer, ASCII, ASCII.lower(), "中 Ａ")
    found = read_prompt(text, TOKENIZERS[tokenizer], vocabulary, lowercase)
    whole = read(text, TOKENIZERS[tokenizer], vocabulary, lowercase)
    assert found.tokens == whole.tokens[: len(found.tokens)]
    assert len(whole.tokens) - len(found.tokens) == bool(found.unfinished) == (len(found.first_ids) > 0)
    for token in vocabulary.tokens_of(found.first_ids):
        assert token.startswith(found.unfinished)
        assert token not in ("<unk>", "<eos>")
        after = continuation(found, [token], TOKENIZERS[tokenizer])
        assert found.unfinished + after in (token, token.removesuffix("￭"))
