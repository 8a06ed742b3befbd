"""A model file in words and in JSON, for `info` and `models`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from textgen.checks import option_of
from textgen.cli.terminal.number_formats import format_amount, format_bytes, format_duration, format_perplexity

if TYPE_CHECKING:
    from textgen.lm.storage.history import BaseModel, CorpusFacts, Option, Validation
    from textgen.lm.storage.model_file import ModelSummary
    from textgen.nn.config import NetworkConfig

_SHOWN_TOKENS = 12
_WHERE_IT_MATTERS = {"dropout_kind": "dropout", "word_dropout": "word_dropout", "weight_decay": "weight_decay"}


def as_record(summary: ModelSummary) -> dict[str, Any]:
    """Everything in a model file, but for the weights and the vocabulary, for JSON."""
    best = summary.history.best
    return {
        "model": summary.path.stem,
        "path": str(summary.path),
        "format": summary.format,
        "version": summary.version,
        "level": summary.level,
        "text": asdict(summary.text),
        "network": asdict(summary.network),
        "parameters": summary.parameters,
        "bits_per_parameter": summary.bits,
        "bytes": summary.size,
        "vocabulary_size": len(summary.vocabulary),
        "bits_per_character": bits_per_character(summary),
        "created": summary.history.created or None,
        "best": None if best is None else asdict(best),
        "history": summary.history.as_record(),
    }


def bits_per_character(summary: ModelSummary) -> float | None:
    """Of the best validation on the held-out part; None if nothing was held out."""
    best = summary.history.best
    return None if best is None else best.bits_per_character


def format_quality(summary: ModelSummary) -> str:
    """'2.310 bits/char', at the word level 'perplexity 87.2'; '-' if nothing was held out."""
    best = summary.history.best
    if best is None:
        return "-"
    if summary.level == "word" and best.perplexity is not None:
        return f"perplexity {format_perplexity(best.perplexity)}"
    return "-" if best.bits_per_character is None else f"{best.bits_per_character:.3f} bits/char"


def format_held_out(best: Validation) -> str:
    """'2.310 bits per character, perplexity 4.96'; what is not known is left out."""
    bits, perplexity = best.bits_per_character, best.perplexity
    figures = [] if bits is None else [f"{bits:.3f} bits per character"]
    figures += [] if perplexity is None else [f"perplexity {format_perplexity(perplexity)}"]
    return ", ".join(figures)


def describe(summary: ModelSummary) -> list[tuple[str, str]]:
    """Everything in a model file, label and words."""
    return [
        ("file", f"{summary.path} ({format_bytes(summary.size)})"),
        ("written by", f"textgen {summary.version}, format {summary.format}"),
        *_describe_text(summary),
        ("network", f"{format_network(summary.network)}; {_format_parameters(summary)}"),
        *_describe_base(summary.history.base),
        *_describe_corpus(summary.history.corpus),
        *_describe_training(summary),
    ]


def _format_parameters(summary: ModelSummary) -> str:
    amount = format_amount(summary.parameters, "parameter")
    return amount if summary.bits == 32 else f"{amount}, rounded to {summary.bits} bits"


def _describe_text(summary: ModelSummary) -> list[tuple[str, str]]:
    text, tokens = summary.text, summary.vocabulary.tokens
    rules = [f"{text.tokenizer} tokenizer", f"a sequence is a {text.unit}"]
    rules += ["lowercased"] if text.lowercase else []
    rules += ["state carried across sequences"] if text.carry else []
    commonest = " ".join(repr(token)[1:-1] if token.strip() else repr(token) for token in tokens[2 : 2 + _SHOWN_TOKENS])
    more = "" if len(tokens) <= 2 + _SHOWN_TOKENS else " ..."
    return [
        ("level", summary.level),
        ("text", ", ".join(rules)),
        ("vocabulary", f"{format_amount(len(tokens), 'token')}: {commonest}{more}"),
    ]


def _describe_base(base: BaseModel | None) -> list[tuple[str, str]]:
    if base is None:
        return []
    learnt = f", trained on {', '.join(base.corpus.files)}" if base.corpus.files else ""
    return [("began with", f"{base.name}{learnt}; parameters {base.sha256[:12]}..., vocabulary {base.vocabulary}")]


def _describe_corpus(corpus: CorpusFacts) -> list[tuple[str, str]]:
    if not corpus.sha256:
        return []
    sizes = [format_amount(corpus.characters, "character")]
    sizes += [f"{format_amount(corpus.train_tokens, 'token')} to train on", f"{corpus.valid_tokens:,} held out"]
    return [("corpus", ", ".join(corpus.files)), ("", ", ".join(sizes)), ("SHA-256", corpus.sha256)]


def _describe_options(training: Mapping[str, Option]) -> Iterator[str]:
    """How long the training should be, and how it went about it; what was not done is not named."""
    for length in ("seconds", "epochs", "steps"):
        value = training.get(length)
        if isinstance(value, int | float):
            yield format_duration(value) if length == "seconds" else format_amount(int(value), length.removesuffix("s"))
    names = ["optimizer", "lr", "batch", "bptt", "clip", "clip_by", "dropout"]
    names += [name for name, needed in _WHERE_IT_MATTERS.items() if training.get(needed)]
    yield from (f"{option_of(name)} {training[name]}" for name in names if name in training)
    if training.get("average"):
        yield "parameters averaged"
    if "seed" in training:
        yield f"seed {training['seed']}"


def _describe_training(summary: ModelSummary) -> Iterator[tuple[str, str]]:
    history, best = summary.history, summary.history.best
    if history.created:
        yield "created", history.created
    if history.training:
        yield "training", ", ".join(_describe_options(history.training))
    if history.tokens is not None and history.seconds is not None:
        amount = f"{format_amount(history.tokens, 'token')} in {format_duration(history.seconds)}"
        yield "trained on", f"{amount}, stopped by: {history.stopped or 'unknown'}"
    if best is not None:
        exact = "" if summary.bits == 32 else ", before it was rounded"
        yield "held out", f"{format_held_out(best)}, {best.valid_loss:.4f} nats per token, epoch {best.epoch}{exact}"


def format_network(network: NetworkConfig) -> str:
    """'lstm, 2 layers of 256 units', and what else the network has."""
    units = f"{network.hidden} units"
    parts = [network.cell, units if network.layers == 1 else f"{network.layers} layers of {units}"]
    if network.embedding:
        parts.append(f"{'tied ' if network.tie else ''}embedding {network.embedding}")
    if network.head_layers:
        parts.append(format_amount(network.head_layers, "head layer"))
    if network.cutoffs:
        parts.append("adaptive softmax")
    return ", ".join(parts)
