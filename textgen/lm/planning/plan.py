"""What a training will do, worked out before it starts: sizes, length, memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textgen.core.runtime.limits import available_cpus
from textgen.core.runtime.threads import team_size
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.base import Base
from textgen.lm.planning.cutoffs import mean_columns, settle_softmax
from textgen.lm.planning.defaults import TextSize, explain, settle
from textgen.lm.planning.finetuning import settle_finetuning
from textgen.lm.planning.memory import forecast_memory
from textgen.nn.config import NetworkConfig
from textgen.nn.parameters import parameter_count
from textgen.text.corpus.corpus import Corpus
from textgen.text.tokens.vocabulary import Vocabulary
from textgen.text.tokens.windows import fit_batch


@dataclass(frozen=True)
class TrainingPlan:
    """A training as it will be.

    network, training : with all settled that was left to the corpus: exactly one of epochs, steps and seconds is set.
    batch, bptt : rows and time steps of a window, shrunk to the corpus. steps_per_epoch : windows of one pass.
    parameters : numbers to be trained. threads : used.
    memory_bytes : forecast of the process' peak. reason : what was chosen for the corpus, and why, in one line; empty
    if nothing was. notes : what was asked for and changed, or does not help, a sentence each.
    """

    network: NetworkConfig
    training: TrainingConfig
    batch: int
    bptt: int
    steps_per_epoch: int
    parameters: int
    threads: int
    memory_bytes: int
    reason: str
    notes: tuple[str, ...]

    @property
    def epochs(self) -> int | None:
        """The length, if it was given in epochs or left to the corpus."""
        return self.training.epochs

    @property
    def steps(self) -> int | None:
        """The length, if it was given in steps."""
        return self.training.steps

    @property
    def seconds(self) -> float | None:
        """The length, if it was given as a time."""
        return self.training.seconds


def plan(corpus: Corpus, network: NetworkConfig, training: TrainingConfig, base: Base | None = None) -> TrainingPlan:
    """The plan for a corpus and what was asked for; base : what the training begins with."""
    tokens, vocabulary_size, counts = len(corpus.train.ids), len(corpus.vocabulary), corpus.vocabulary.counts
    asked_softmax, asked = network.softmax, training
    network = settle_softmax(network, counts) if base is None else base.network_for(corpus.vocabulary)
    logits = mean_columns(network.cutoffs, counts)
    text = TextSize(tokens, int(corpus.train.characters.sum()), vocabulary_size, logits)
    if base is None:
        network, training = settle(text, network, asked)
    else:
        network, training = settle_finetuning(text, network, asked, sum(base.model.vocabulary.counts))
    batch, bptt = fit_batch(tokens, training.batch, training.bptt)
    return TrainingPlan(
        network=network,
        training=training,
        batch=batch,
        bptt=bptt,
        steps_per_epoch=-(-(tokens // batch) // bptt),
        parameters=parameter_count(network, vocabulary_size, vocabulary_size),
        threads=team_size(training.threads, batch),
        memory_bytes=forecast_memory(corpus, network, training, batch, bptt),
        reason=explain(text, asked, (network, training)),
        notes=(
            *(() if base is None else [_describe_base(base, corpus.vocabulary)]),
            *_changes(tokens, asked, (batch, bptt)),
            *_describe_softmax(asked_softmax, network, vocabulary_size),
            *_describe_threads(team_size(training.threads, batch), available_cpus()),
        ),
    )


def _describe_base(base: Base, vocabulary: Vocabulary) -> str:
    """What it begins with, and what becomes of the tokens."""
    known, kept = set(base.model.vocabulary.tokens), set(vocabulary.tokens)
    gone = f", {len(known - kept):,} of its own go" if known - kept else ""
    return f"begins with {base.name}: {len(kept - known):,} of {len(kept):,} tokens are new to it{gone}"


def _changes(tokens: int, asked: TrainingConfig, window: tuple[int, int]) -> Iterator[str]:
    """What was asked for and cannot be."""
    batch, bptt = (wanted or found for wanted, found in zip((asked.batch, asked.bptt), window, strict=True))
    if (batch, bptt) != window:
        yield (
            f"the text has only {tokens:,} tokens to train on: the batch is {window[0]} rows of {window[1]} steps"
            f" instead of {batch} of {bptt}"
        )


def _describe_softmax(asked: str, network: NetworkConfig, V: int) -> Iterator[str]:
    """What was chosen of the softmax, or cannot be."""
    if asked == "adaptive" and not network.cutoffs:
        yield f"a vocabulary of {V} is too small for an adaptive softmax: it is computed in full"
    if asked == "auto" and network.cutoffs:
        yield (
            f"adaptive softmax, since the vocabulary is large: a short list of {network.cutoffs[0]:,} tokens and"
            f" {len(network.cutoffs)} clusters (--softmax full overrides)"
        )


def _describe_threads(threads: int, cpus: int) -> Iterator[str]:
    """What it means that more threads were asked for than there are CPUs."""
    if threads > cpus:
        available = "the one CPU" if cpus == 1 else f"the {cpus} CPUs"
        yield f"{threads} threads share {available} that this process may use: no faster than --threads {cpus}"
