"""How scores are shown: a table, TSV or JSON, by sentence, by token or in sum."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textgen.cli.show.table import Column, draw_table, write_tsv
from textgen.cli.terminal.number_formats import float_power, format_amount, format_perplexity, format_power
from textgen.cli.terminal.output import print_json
from textgen.lm.inference.measures import perplexity

if TYPE_CHECKING:
    from textgen.lm.inference.scoring import SentenceScore

_TO_LOG10 = 1 / math.log(10)


@dataclass
class Total:
    """The sum of the scores that have been shown so far."""

    sentences: int = 0
    tokens: int = 0
    oovs: int = 0
    nats: float = 0.0
    nats_without_oov: float = 0.0

    def add(self, score: SentenceScore) -> None:
        """Count one more sentence."""
        self.sentences += 1
        self.tokens += len(score.tokens)
        self.oovs += score.oovs
        self.nats -= score.log_probability
        self.nats_without_oov -= sum(nats for _, nats, oov in _tokens(score) if not oov)

    @property
    def perplexity(self) -> float:
        """Over all tokens."""
        return perplexity(self.nats, self.tokens) if self.tokens else math.nan

    @property
    def perplexity_without_oov(self) -> float:
        """Over the tokens of the vocabulary."""
        known = self.tokens - self.oovs
        return perplexity(self.nats_without_oov, known) if known else math.nan


class ScoreView:
    """Shows scores as they come."""

    def __init__(self, model: str, signature: str, detail: str, base: str, unit: float, rank: bool) -> None:
        """`signature`: how it is counted. `unit`: nats in one unit of the logarithm to `base`."""
        self.model = model
        self.signature = signature
        self.detail = detail
        self.base = base
        self.unit = unit
        self.rank = rank
        self.total = Total()
        self.first: float | None = None  # log-probability of the first sentence, in nats
        self.log_name = "ln" if base == "e" else f"log{base}"

    def show(self, scores: Iterable[SentenceScore], *, as_json: bool) -> None:
        """Print all of `scores`, each as soon as it is there (but for a table on a terminal)."""
        if self.detail == "summary":
            for score in scores:
                self.total.add(score)
            self._show_total(as_json)
        elif as_json:
            for position, score in enumerate(scores, start=1):
                print_json(self._record(position, score))
        elif self.detail == "sentence":
            self._print(self._columns(), self._rows(scores))
        else:
            self._print(self._token_columns(), self._token_rows(scores))

    def _print(self, columns: list[Column], rows: Iterator[list[str]]) -> None:
        """On a terminal, a table with sums and without columns that say nothing; else TSV, row by row."""
        if not sys.stdout.isatty():
            write_tsv(columns, rows)
            return
        drawn = list(rows)  # before the total is looked at
        footer = self._footer() if self.detail == "sentence" else []
        draw_table(columns, drawn, footer, hidden=("base", *(() if self.total.oovs else _ABOUT_OOVS)))

    def _columns(self) -> list[Column]:
        ranking = [Column("rank", "rank"), Column("ratio_to_first", "ratio to first")] if self.rank else []
        return [
            *ranking,
            *self._log_columns(),
            Column("probability", "P"),
            Column("tokens", "tokens"),
            Column("oovs", "OOVs"),
            Column("perplexity", "ppl"),
            Column("perplexity_without_oov", "w/o OOV"),
            Column("sentence", "sentence", right=False),
        ]

    def _rows(self, scores: Iterable[SentenceScore]) -> Iterator[list[str]]:
        for position, score in enumerate(scores, start=1):
            self.total.add(score)
            ranking = [str(position), format_power(self._ratio(score))] if self.rank else []
            yield [
                *ranking,
                self._log(score.log_probability),
                self.base,
                format_power(score.log_probability * _TO_LOG10),
                str(len(score.tokens)),
                str(score.oovs),
                format_perplexity(score.perplexity),
                format_perplexity(score.perplexity_without_oov),
                score.sentence,
            ]

    def _footer(self) -> list[str]:
        """The sums, under the columns that can be summed; none under one sentence, or under rivals in a rank."""
        total = self.total
        if total.sentences < 2 or self.rank:
            return []
        return [
            self._log(-total.nats),
            self.base,
            "",
            str(total.tokens),
            str(total.oovs),
            format_perplexity(total.perplexity),
            format_perplexity(total.perplexity_without_oov),
            f"all {format_amount(total.sentences, 'sentence')}",
        ]

    def _token_columns(self) -> list[Column]:
        return [
            Column("sentence_number", "sentence"),
            Column("position", "position"),
            Column("token", "token", right=False),
            Column("oov", "OOV", right=False),
            *self._log_columns(),
            Column("probability", "P given what precedes"),
        ]

    def _log_columns(self) -> list[Column]:
        """The base has a column of its own, but on a terminal it stands in the heading."""
        return [Column("log_probability", f"{self.log_name} P"), Column("base", "base")]

    def _token_rows(self, scores: Iterable[SentenceScore]) -> Iterator[list[str]]:
        for number, score in enumerate(scores, start=1):
            self.total.add(score)
            for position, (token, nats, oov) in enumerate(_tokens(score), start=1):
                shown = ["OOV" if oov else "", self._log(nats), self.base, format_power(nats * _TO_LOG10)]
                yield [str(number), str(position), token, *shown]

    def _record(self, position: int, score: SentenceScore) -> dict[str, Any]:
        """One sentence as JSON."""
        ranking = {"rank": position, "ratio_to_first": float_power(self._ratio(score))} if self.rank else {}
        record: dict[str, Any] = {
            "sentence": score.sentence,
            **ranking,
            "log_probability": score.log_probability / self.unit,
            "base": self.base,
            "probability": float_power(score.log_probability * _TO_LOG10),
            "tokens": len(score.tokens),
            "oovs": score.oovs,
            "perplexity": score.perplexity,
            "perplexity_without_oov": score.perplexity_without_oov,
            "model": self.model,
        }
        if self.detail == "token":
            record["token_scores"] = [
                {
                    "token": token,
                    "log_probability": nats / self.unit,
                    "probability": float_power(nats * _TO_LOG10),
                    "oov": bool(oov),
                }
                for token, nats, oov in _tokens(score)
            ]
        return record

    def _show_total(self, as_json: bool) -> None:
        total = self.total
        if as_json:
            print_json(
                {
                    "sentences": total.sentences,
                    "log_probability": -total.nats / self.unit,
                    "base": self.base,
                    "tokens": total.tokens,
                    "oovs": total.oovs,
                    "perplexity": total.perplexity,
                    "perplexity_without_oov": total.perplexity_without_oov,
                    "model": self.model,
                    "signature": self.signature,
                }
            )
            return
        columns = [
            Column("sentences", "sentences"),
            *(column for column in self._columns() if column.name not in _PER_SENTENCE),
        ]
        row = [str(total.sentences), self._log(-total.nats), self.base, str(total.tokens), str(total.oovs)]
        row += [format_perplexity(total.perplexity), format_perplexity(total.perplexity_without_oov)]
        self._print(columns, iter([row]))

    def _ratio(self, score: SentenceScore) -> float:
        """log10 of the sentence's probability over that of the first one."""
        if self.first is None:
            self.first = score.log_probability
        return (score.log_probability - self.first) * _TO_LOG10

    def _log(self, nats: float) -> str:
        return f"{nats / self.unit:.4f}"


_PER_SENTENCE = ("probability", "sentence")
_ABOUT_OOVS = ("oov", "oovs", "perplexity_without_oov")


def _tokens(score: SentenceScore) -> Iterator[tuple[str, float, bool]]:
    return zip(score.tokens, (float(nats) for nats in score.log_probabilities), score.oov, strict=True)
