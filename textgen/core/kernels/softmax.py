"""Softmax with cross-entropy: the loss of each token and its gradient.

A row is read three times: for its largest entry, for the exponentials and their sum, for the scaling of the gradient.
Only the first reads memory, as even 100,000 logits stay in a cache; two thirds of the time go into the exponentials.
"""

from __future__ import annotations

import math

from textgen.core.kernels.activations import exp
from textgen.core.kernels.largest import largest
from textgen.core.runtime.jit import inlined_reduction, kernel


@inlined_reduction
def _exponentials(row, shift):
    """Replace the entries of `row` by exp(entry - shift); return their sum."""
    total = row[0] - row[0]
    for j in range(row.size):
        row[j] = exp(row[j] - shift)
        total += row[j]
    return total


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
            shift = largest(row)
            chosen = row[target] - shift
            total = _exponentials(row, shift)
            losses[t, b] = math.log(total) - chosen
            factor = scale / total
            for j in range(row.size):
                row[j] *= factor
            row[target] -= scale


@inlined_reduction
def sum_of_exponentials(row, shift):
    """The sum of exp(entry - shift) over `row`."""
    total = row[0] - row[0]
    for j in range(row.size):
        total += exp(row[j] - shift)
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
            shift = largest(row)
            losses[t, b] = math.log(sum_of_exponentials(row, shift)) - (row[target] - shift)
