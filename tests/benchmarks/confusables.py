"""How often a model finds the right one of two words that are easily confused, in sentences that it has not read.

    python -m tests.benchmarks.confusables MODEL... --text corpora/english.txt.xz [--sentences 400]

Of the last tenth of the text's lines, sentences that hold one of the words below are taken, spread evenly, of no word
more than a twentieth. Each is scored as it is and with the other word in its place; right is what is more probable as
it is. Where a word is outside a model's vocabulary, and a win would be that of `<unk>`, the sentence does not count.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.benchmarks.report import print_table
from textgen.lm.config.text import TextConfig
from textgen.lm.inference.scoring import score
from textgen.lm.storage.model import LanguageModel
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import name_of, named_model
from textgen.text.corpus.corpus import Corpus, read_corpus
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID

_PAIRS = (
    "their there, than then, whether weather, its it's, your you're, to too, affect effect, lose loose, accept except,"
    " passed past, quiet quite, piece peace, principal principle, hear here, know no, new knew, right write, see sea,"
    " sight site, whose who's, threw through, week weak, wear where, would wood, hour our, for four, one won, son sun,"
    " meet meat, bear bare, led lead, heard herd, whole hole, made maid, plain plane, rain reign, road rode, sail sale,"
    " steel steal, tale tail, waste waist, wait weight, which witch, advice advise, desert dessert, were where, of off,"
    " two too, by buy, some sum, be bee, not knot, him hymn, seen scene, days daze, side sighed, fair fare, way weigh"
)
OTHER = {
    first: second for pair in _PAIRS.split(",") for first, second in (pair.split(), reversed(pair.split()))
}  # of a word that is in two pairs, the later one
_SENTENCE = re.compile(r"(?<![^ ])[A-Z][^.!?]{20,160}[.!?](?= |$)")
_WORD = re.compile(r"[A-Za-z']+")
_MOST = 1 / 20  # of all sentences, for a word


class Pair(NamedTuple):
    """A sentence, and what it becomes with the other word."""

    word: str
    right: str
    wrong: str


def candidates(lines: Iterator[str]) -> Iterator[Pair]:
    """A pair for each word that has another one, sentence by sentence."""
    for line in lines:
        for sentence in _SENTENCE.findall(line):
            for found in _WORD.finditer(sentence):
                other = OTHER.get(found[0].lower())
                if other is not None:
                    other = other.capitalize() if found[0][0].isupper() else other
                    swapped = sentence[: found.start()] + other + sentence[found.end() :]
                    yield Pair(found[0].lower(), sentence, swapped)


def choose(found: list[Pair], number: int) -> list[Pair]:
    """So many of them, from all of the text; the rarest words first, one sentence after the other of each."""
    by_word = {word: [pair for pair in found if pair.word == word] for word in Counter(pair.word for pair in found)}
    most = max(1, round(_MOST * number))
    spread = {word: pairs[:: -(-len(pairs) // most)] for word, pairs in by_word.items()}
    rounds = [pairs[k] for k in range(most) for pairs in spread.values() if k < len(pairs)]
    return rounds[:number]


def held_out_lines(corpus: Corpus) -> Iterator[str]:
    """The sequences of the held-out part."""
    assert corpus.valid is not None
    ids, tokens = corpus.valid.ids.tolist(), corpus.vocabulary.tokens
    begin = 0
    for end, token in enumerate(ids):
        if token == EOS_ID:
            yield "".join(tokens[one] for one in ids[begin:end])
            begin = end + 1


def is_known(model: LanguageModel, pair: Pair) -> bool:
    """Whether none of both sentences' tokens is `<unk>` in the one alone."""
    right, wrong = (model.vocabulary.ids_of(model.tokenizer.tokenize(text)) for text in pair[1:])
    return list(right).count(UNK_ID) == list(wrong).count(UNK_ID)


def main() -> None:
    """Print a line a model, and what it got wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=400)
    options, progress = parser.parse_args(), Console(stderr=True)
    corpus = read_corpus([options.text], TextConfig(unit="line", valid_fraction=0.1), lambda note: None)
    pairs = choose(list(candidates(held_out_lines(corpus))), options.sentences)
    progress.print(f"{len(pairs)} sentences, {len({pair.word for pair in pairs})} words", highlight=False)
    table = Table("model", "sentences", "right", "share", caption="of two words that are easily confused")
    for name in options.models:
        model = load_model(named_model(name))
        known = [pair for pair in pairs if is_known(model, pair)]
        scores = [one.log_probability for one in score(model, [text for pair in known for text in pair[1:]])]
        wrong = [pair for pair, right, other in zip(known, scores[::2], scores[1::2], strict=True) if right <= other]
        for pair in wrong:
            progress.print(f"{name_of(named_model(name))}: {pair.wrong}", highlight=False, markup=False)
        right = len(known) - len(wrong)
        table.add_row(name, str(len(known)), str(right), f"{100 * right / len(known):.1f} %")
    print_table(table)


if __name__ == "__main__":
    main()
