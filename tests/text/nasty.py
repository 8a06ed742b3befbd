"""Texts that tokenizers get wrong, and a strategy that makes more of them."""

from __future__ import annotations

from hypothesis import strategies as st

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
FLAG = "🇩🇪"
KEYCAP = "1\ufe0f\u20e3"

NASTY = [
    "",
    " ",
    "\n",
    "\n\n\n",
    "\t a\tb \n\n c\u00a0d ",
    "It's \"fine\", isn't it? 'Yes,' he said; rock'n'roll o'clock 1990's '90s ''",
    "don’t l’homme ’tis ‘quoted’",
    f"{FAMILY}{FLAG} 👍🏽👍 a{FAMILY}b {KEYCAP} ❤\ufe0f",
    "e\u0301 x\u0301y\u0323\u0301 \u0301a -\u0301- \n\u0301",
    "क्षेत्र हिन्दी में। தமிழ் ภาษาไทย می\u200cخواهم",
    "שלום, עולם! \u200fمرحبا\u200e (بالعالم) 123",
    "床前明月光，疑是地上霜。 mixed中文and English 文 字　全角ＡＢＣ「引用」カタカナﾊﾟ は\u3099",
    "한국어를 배워요 ㅋㅋ ᄀ\u1161",
    "\uffed \u2581 a\uffedb a\u2581b \uffed\u0301 <U+FFED> <U+2581> <unk> <eos> ￭￭ ▁▁",
    "(a)[b]{c}<d>--e...f_g -- a_b @user #tag http://x.y/z?q=1&r=2 1,234.56%",
    "a\x0bb\x0cc\x1cd\x1de\x1ef\x1fg\x85h\u2028i\u2029j\u3000k\ufeffl",
    "İstanbul ΣΑΣ ẞ ŉ ﬁ ǆ",
    "\U0001d400\U000e0101\U0010ffff\U00020000\U0003134a",
]

_PIECES = [
    *"aé_9'’\"-.<> \t\n\u00a0\u3000中文。かハﾟＡ한ᄀ\u1161\u11a8\u0301\u0323\u3099",
    *"\u200d\u200c\ufe0f\uffed\u2581😀🏽🇩שם\u0915\u094d",
    "n't",
    "<U+FFED>",
    "<U+2581>",
    "<unk>",
    FAMILY,
]

nasty_texts = st.lists(st.sampled_from(_PIECES) | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)
