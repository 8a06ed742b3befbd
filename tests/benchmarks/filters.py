"""Which filter of the draw writes best: temperature, top-k, top-p, min-p, and locally typical sampling.

    python -m tests.benchmarks.filters MODEL OTHER TEXT [--seed 1] [--threads 2]

MODEL and OTHER learnt TEXT with different seeds. Each writes as many tokens as TEXT holds out, the other says how
probable they are; then they change parts. Each figure is the mean of both, ± half their difference.

Every filter trades variety for soundness, so ways of drawing are compared where they are equally various (Caccia et
al. 2020, arXiv:1811.02549; Nadeem et al. 2020, arXiv:2009.07243): the second table has each family's figures, between
two of its values if need be, where the distributions that it draws from have the entropy of a plain temperature's.

Typical sampling was measured so on characters of shakespeare.txt and pride.txt: from the entropy of temperature 0.7 on
it equals top-p, below it has fewer known runs and fewer real words. On words of pride.txt it is far worse: at that
entropy the other model loses 1.05 nats more. So the program has no such filter.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from tests.benchmarks.likeness import HeldOut, Likeness, Rows
from tests.benchmarks.report import print_table
from textgen.core.runtime.threads import Team
from textgen.lm.inference.next_token import NextToken, States, at_temperature
from textgen.lm.inference.scoring import token_log_probabilities
from textgen.lm.storage.model import LanguageModel
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import named_model
from textgen.text.corpus.corpus import read_corpus
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID

_ROWS = 128  # drawn side by side
_MOST = 100_000  # tokens

Floats = npt.NDArray[np.float64]
Filter = Callable[[Floats, float], Floats]  # probabilities (B, V) and a value -> (B, V), 0 where ruled out


def first_to_reach(p: Floats, scores: Floats, mass: float) -> Floats:
    """p of those tokens of the least scores that reach `mass` together; of equal scores the smaller id comes first."""
    order = np.argsort(scores, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    kept = np.zeros_like(p)
    np.put_along_axis(kept, order, np.where(before < mass, ranked, 0), axis=1)
    return kept


def top_k(p: Floats, k: float) -> Floats:
    """The k most probable."""
    least = np.sort(p, axis=1)[:, -min(int(k), p.shape[1]), None]
    return np.where(p >= least, p, 0)


def top_p(p: Floats, mass: float) -> Floats:
    """The nucleus (Holtzman et al. 2020)."""
    return first_to_reach(p, -p, mass)


def min_p(p: Floats, share: float) -> Floats:
    """Those with this share of the largest probability."""
    return np.where(p >= share * p.max(axis=1, keepdims=True), p, 0)


def typical(p: Floats, mass: float) -> Floats:
    """Those whose surprise -log p is nearest to the entropy (Meister et al. 2023, arXiv:2202.00666)."""
    surprise = -np.log(np.maximum(p, np.finfo(float).tiny))
    return first_to_reach(p, np.abs(surprise - np.sum(p * surprise, axis=1, keepdims=True)), mass)


def _normalized(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


FAMILIES: dict[str, tuple[Filter, tuple[float, ...]]] = {
    "top-k": (top_k, (2, 3, 5, 10, 20, 50)),
    "top-p": (top_p, (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)),
    "min-p": (min_p, (0.02, 0.05, 0.1, 0.2, 0.3)),
    "typical": (typical, (0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)),
}
TEMPERATURES = 0.5, 0.6, 0.7, 0.8, 0.9, 1.0

# Of the distributions drawn from, and of the other model's loss, nats a token; then those of Likeness.
FIGURES = ("entropy", "loss", *(field.name for field in fields(Likeness)))


@dataclass(frozen=True)
class Way:
    """A way of drawing: first the temperature, then a filter."""

    temperature: float
    filter: Filter
    value: float

    def distributions(self, log_p: Floats) -> Floats:
        """What is drawn from, (B, V), where the model gives `log_p`. `<unk>` is left out."""
        p = np.exp(at_temperature(log_p, self.temperature))
        p[:, UNK_ID] = 0
        left = self.filter(_normalized(p), self.value)
        return _normalized(left)


def ways() -> dict[str, list[tuple[str, Way]]]:
    """The ways by their family, each with the value that it is known by; from narrow to wide, or wide to narrow."""
    found = {"temperature": [(f"{value:g}", Way(value, min_p, 0.0)) for value in TEMPERATURES]}
    for temperature in (1.0, 0.8):
        suffix = "" if temperature == 1 else f" at {temperature:g}"
        for name, (rule, values) in FAMILIES.items():
            found[name + suffix] = [(f"{value:g}", Way(temperature, rule, value)) for value in values]
            found[name + suffix].append(("off", Way(temperature, min_p, 0.0)))
    return found


class Reader:
    """A model that reads rows side by side, and begins anew in each where `<eos>` stood."""

    def __init__(self, model: LanguageModel, rows: int, team: Team) -> None:
        self.next = NextToken(model, team)
        self.first_input, self.first = self.next.begin([])
        self.inputs = np.full(rows, self.first_input, np.int32)
        self.states: States = [state.repeat(rows, axis=1) for state in self.first]

    def advance(self) -> Floats:
        """log P of each row's next token, (rows, V)."""
        log_p, self.states = self.next.advance(self.inputs, self.states)
        return log_p

    def take(self, ids: npt.NDArray[np.int64]) -> None:
        """`ids` (rows,) came next."""
        ended = ids == EOS_ID
        self.inputs = np.where(ended, self.first_input, ids).astype(np.int32)
        for state, first in zip(self.states, self.first, strict=True):
            state[:, ended] = first


def write(writer: Reader, judge: Reader, way: Way, T: int, seed: int) -> tuple[Rows, float, float]:
    """What is written, (rows, T), the mean entropy it was drawn with, and the judge's mean loss."""
    generator, rows = np.random.default_rng(seed), len(writer.inputs)
    written, entropies, losses = np.empty((rows, T), np.int64), np.empty((rows, T)), np.empty((rows, T))
    for t in range(T):
        p, judged = way.distributions(writer.advance()), judge.advance()
        sums = np.cumsum(p, axis=1)
        ids = np.argmax(sums > generator.random((rows, 1)) * sums[:, -1:], axis=1)
        written[:, t], losses[:, t] = ids, -np.take_along_axis(judged, ids[:, None], axis=1)[:, 0]
        entropies[:, t] = -np.sum(p * np.log(p, where=p > 0, out=np.zeros_like(p)), axis=1)
        writer.take(ids)
        judge.take(ids)
    return written, float(entropies.mean()), float(losses.mean())


def measure(models: tuple[LanguageModel, LanguageModel], held_out: HeldOut, way: Way, seed: int, team: Team) -> Floats:
    """The figures of a way of drawing, (2, FIGURES), each model having written once."""
    found = []
    rows, T = held_out.rows.shape
    for author, other in (models, models[::-1]):
        ids, entropy, loss = write(Reader(author, rows, team), Reader(other, rows, team), way, T, seed)
        found.append([entropy, loss, *astuple(held_out.likeness(ids))])
    return np.array(found)


def at_entropy(family: Floats, entropies: Floats) -> Floats | None:
    """The figures (2, FIGURES) between two ways of a family (ways, 2, FIGURES), where the entropies are as asked (2,).

    None beyond its ends.
    """
    found = np.empty(family.shape[1:])
    for one, entropy in enumerate(entropies):
        ordered = family[np.argsort(family[:, one, 0]), one]
        if not ordered[0, 0] <= entropy <= ordered[-1, 0]:
            return None
        found[one] = [np.interp(entropy, ordered[:, 0], column) for column in ordered.T]
    return found


def add_row(table: Table, name: str, value: str, figures: Floats) -> None:
    """A row of the means of `figures` (2, FIGURES), ± half the differences."""
    halves = np.ptp(figures, axis=0) / 2
    table.add_row(name, value, *(f"{mean:.3f} ±{half:.3f}" for mean, half in zip(figures.mean(0), halves, strict=True)))


def print_tables(people: Floats, found: Mapping[str, Floats]) -> None:
    """All that was found; then the families where they are equally various."""
    every = Table("drawn by", "value", *FIGURES, caption="all ways")
    equal = Table("drawn by", "as at", *FIGURES, caption="at the entropy of a plain temperature")
    add_row(every, "people", "", people)
    for name, values in ways().items():
        for (value, _), figures in zip(values, found[name], strict=True):
            add_row(every, name, value, figures)
    for temperature, aim in zip(TEMPERATURES, found["temperature"], strict=True):
        for name, family in found.items():
            figures = at_entropy(family, aim[:, 0])
            if figures is not None:
                add_row(equal, name, f"{temperature:g}", figures)
        equal.add_section()
    print_table(every)
    print_table(equal)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "other"):
        parser.add_argument(name, type=lambda name: load_model(named_model(name)))
    parser.add_argument("text", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options, progress = parser.parse_args(), Console(stderr=True)
    models = options.model, options.other
    corpus = read_corpus([options.text], options.model.text, progress.print)
    if corpus.valid is None or any(model.vocabulary.tokens != corpus.vocabulary.tokens for model in models):
        sys.exit(f"{options.text} is not the text that both models learnt, or nothing of it is held out")
    held_out, found = HeldOut(options.model, corpus, _ROWS, _MOST), {}
    with Team(options.threads) as team:
        for name, family in ways().items():
            found[name] = np.array([measure(models, held_out, way, options.seed, team) for _, way in family])
            progress.print(name, highlight=False)
        losses = [-token_log_probabilities(model, corpus.valid, team, alone=True) for model in models]
    is_known = corpus.valid.ids != UNK_ID
    like = astuple(held_out.likeness(held_out.rows))
    print_tables(np.array([[math.nan, loss[is_known].mean(), *like] for loss in losses]), found)


if __name__ == "__main__":
    main()
