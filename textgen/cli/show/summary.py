"""A model file in words and in JSON, for `info` and `models`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from textgen.cli.show.learning_curve import best_record, is_number, validations_of
from textgen.cli.terminal.number_formats import format_amount, format_bytes, format_duration, format_perplexity

if TYPE_CHECKING:
    from textgen.lm.storage.model_file import ModelSummary
    from textgen.nn.config import NetworkConfig

_SHOWN_TOKENS = 12
_WHERE_IT_MATTERS = {"dropout_kind": "dropout", "word_dropout": "word_dropout", "weight_decay": "weight_decay"}


def as_record(summary: ModelSummary) -> dict[str, Any]:
    """Everything in a model file, but for the weights and the vocabulary, for JSON."""
    return {
        "name": summary.path.stem,
        "path": str(summary.path),
        "format": summary.format,
        "version": summary.version,
        "level": summary.level,
        "text": asdict(summary.text),
        "network": asdict(summary.network),
        "parameters": summary.parameters,
        "vocabulary_size": len(summary.vocabulary),
        "best": best_validation(summary),
        "history": summary.history,
    }


def best_validation(summary: ModelSummary) -> dict[str, Any] | None:
    """The record of the best validation, whose weights the file holds; None if nothing was held out."""
    return best_record(validations_of(summary.history))


def format_quality(summary: ModelSummary) -> str:
    """'2.310 bits/char', at the word level 'perplexity 87.2'; '-' if nothing was held out."""
    best = best_validation(summary)
    if best is None:
        return "-"
    perplexity = best.get("perplexity")
    if summary.level == "word" and perplexity is not None:
        return f"perplexity {format_perplexity(perplexity)}"
    bits = best.get("bits_per_character")
    return "-" if bits is None else f"{bits:.3f} bits/char"


def describe(summary: ModelSummary) -> list[tuple[str, str]]:
    """Everything in a model file, label and words."""
    return [
        ("file", f"{summary.path} ({format_bytes(summary.path.stat().st_size)})"),
        ("written by", f"textgen {summary.version}, format {summary.format}"),
        *_describe_text(summary),
        ("network", f"{format_network(summary.network)}; {format_amount(summary.parameters, 'parameter')}"),
        *_describe_corpus(summary.history.get("corpus", {})),
        *_describe_training(summary),
    ]


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


def _describe_corpus(corpus: dict[str, Any]) -> list[tuple[str, str]]:
    if not corpus:
        return []
    sizes = [format_amount(corpus.get("characters", 0), "character")]
    sizes += [f"{format_amount(corpus.get('train_tokens', 0), 'token')} to train on"]
    sizes += [f"{corpus.get('valid_tokens', 0):,} held out"]
    return [
        ("corpus", ", ".join(str(file) for file in corpus.get("files", []))),
        ("", ", ".join(sizes)),
        ("SHA-256", str(corpus.get("sha256", ""))),
    ]


def _describe_options(training: dict[str, Any]) -> Iterator[str]:
    """How long the training should be, and how it went about it; what was not done is not named."""
    if is_number(training.get("seconds")):
        yield format_duration(training["seconds"])
    for length in ("epochs", "steps"):
        if isinstance(training.get(length), int):
            yield format_amount(training[length], length.removesuffix("s"))
    names = ["optimizer", "lr", "batch", "bptt", "clip", "clip_by", "dropout"]
    names += [name for name, needed in _WHERE_IT_MATTERS.items() if training.get(needed)]
    for name in (*names, "seed"):
        if name in training:
            yield f"{name} {training[name]}"


def _describe_training(summary: ModelSummary) -> list[tuple[str, str]]:
    history = summary.history
    pairs = []
    if "created" in history:
        pairs.append(("created", str(history["created"])))
    training = history.get("training", {})
    if training:
        pairs.append(("training", ", ".join(_describe_options(training))))
    if "tokens" in history and "seconds" in history:
        amount = f"{format_amount(history['tokens'], 'token')} in {format_duration(history['seconds'])}"
        pairs.append(("trained on", f"{amount}, stopped by: {history.get('stopped', 'unknown')}"))
    best = best_validation(summary)
    if best is not None:
        pairs.append(
            (
                "held out",
                f"{format_quality(summary)}, {best['valid_loss']:.4f} nats per token, epoch {best.get('epoch', '?')}",
            )
        )
    return pairs


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
