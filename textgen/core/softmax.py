"""Softmax with cross-entropy: the loss of each token and its gradient."""

from __future__ import annotations

import math

from textgen.core.activations import exp
from textgen.core.jit import inlined, inlined_reduction, kernel


@inlined_reduction
def _exponentials(row, largest):
    """Replace the entries of `row` by exp(entry - largest); return their sum."""
    total = row[0] - row[0]
    for j in range(row.size):
        row[j] = exp(row[j] - largest)
        total += row[j]
    return total


@inlined
def _largest(row):
    """The largest entry of `row`; NaN entries are passed over, and show in the sum."""
    largest = row[0]
    for j in range(row.size):
        largest = row[j] if row[j] > largest else largest
    return largest


@kernel
def softmax_loss(logits, targets, scale, losses, b0, b1):
    """The cross-entropy of each token in nats; the logits become their gradients times `scale`.

    logits : (T, B, V); rows b0:b1 become (softmax - one-hot) * scale, zero where the target is negative.
    targets : (T, B) int32, negative where nothing is predicted. losses : (T, B) float64, out: -log P(target).
    """
    for t in range(targets.shape[0]):
        for b in range(b0, b1):
            row, target = logits[t, b], targets[t, b]
            if target < 0:
                losses[t, b] = 0
                row[:] = 0
                continue
            largest = _largest(row)
            chosen = row[target] - largest
            total = _exponentials(row, largest)
            losses[t, b] = math.log(total) - chosen
            factor = scale / total
            for j in range(row.size):
                row[j] *= factor
            row[target] -= scale


@inlined_reduction
def _sum_of_exponentials(row, largest):
    """The sum of exp(entry - largest) over `row`."""
    total = row[0] - row[0]
    for j in range(row.size):
        total += exp(row[j] - largest)
    return total


@kernel
def cross_entropy(logits, targets, losses, b0, b1):
    """The cross-entropy of each token in nats, the logits left as they are; arguments as in `softmax_loss`."""
    for t in range(targets.shape[0]):
        for b in range(b0, b1):
            row, target = logits[t, b], targets[t, b]
            if target < 0:
                losses[t, b] = 0
                continue
            largest = _largest(row)
            losses[t, b] = math.log(_sum_of_exponentials(row, largest)) - (row[target] - largest)
