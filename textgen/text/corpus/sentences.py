r"""Where a sentence ends, by its punctuation and what stands behind it.

A full stop ends it, or one of `! ? …`, with the quotes and brackets that close after it; Chinese ones do so without a
blank behind them. No end is the stop of a title or of a single capital: `Mr. Darcy`, `J. Smith`, `U.S. Congress`.
The next sentence begins with a letter or digit that is no small one of ASCII, or with a quote or bracket before it:
so `"Go!" said he` is one sentence. (Unicode's own rules, UAX #29, know no titles.)
"""

from __future__ import annotations

import re

_TITLES = "Mr Mrs Ms Messrs Dr Prof Rev Hon Gov Sen Rep Gen Col Maj Capt Lt Sgt St Mt vs"
_NO_TITLE = "".join(rf"(?<!\b{title}\.)" for title in (*_TITLES.split(), "[A-Z]"))
_STOPS, _CLOSING = ".!?…", r"""["'”’»)\]]"""
_CHINESE_STOPS, _CHINESE_CLOSING = "。！？", "”’」』）"
_BEGINNING = r"""["'“‘«(\[]{0,2}[^\Wa-z_]"""


def _after_a_stop(stopped: str, stopped_in_chinese: str) -> re.Pattern[str]:
    """A sentence's last characters, and what is asked behind them; one set comes first, by which `re` searches fast."""
    ends = rf"(?<=[{_STOPS}]){_NO_TITLE}{_CLOSING}*{stopped}"
    ends_in_chinese = rf"(?<=[{_CHINESE_STOPS}])[{_CHINESE_CLOSING}]*{stopped_in_chinese}"
    return re.compile(rf"[{_STOPS}{_CHINESE_STOPS}](?:{ends}|{ends_in_chinese})")


LAST_CHARACTERS = _after_a_stop(r"(?=\s|\Z)", "")

# The last group is what parts two sentences of a line. It is found only where it is known how the text goes on.
GAP = _after_a_stop(rf"([^\S\n]+)(?={_BEGINNING})", rf"([^\S\n]*)(?=[^\s{_CHINESE_CLOSING}])")
