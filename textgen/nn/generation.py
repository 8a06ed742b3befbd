"""A network arranged for writing: the arrays of its layers as `core/kernels/writing.py` takes them."""

from __future__ import annotations

import numpy as np

from textgen.core.kernels.draw import Filters, draw, space
from textgen.core.kernels.writing import Draws, Multiplication, Step, Steps
from textgen.core.products.product import Packed, compiled_product, empty_panels
from textgen.core.products.weight import Weight
from textgen.core.runtime.buffers import empty, zeros
from textgen.core.runtime.crew import ALONE
from textgen.core.runtime.linking import Compiled
from textgen.core.runtime.series import Series
from textgen.nn.connections import OneHot, Product
from textgen.nn.layer import Layer
from textgen.nn.layers import Affine, Embedding, Recurrent, Softmax


def steps(layers: list[Layer]) -> Steps:
    """The arrays of `layers` as `write` takes them.

    layers : of a network that does not train, without dropout, allocated for windows of one step. Biases are copied:
    a later change of the parameters needs new steps.
    """
    bottom = layers[0]
    assert isinstance(bottom, Embedding | Recurrent)
    assert isinstance(bottom.connection, OneHot)
    looked_up = bottom.output if isinstance(bottom, Embedding) else bottom.gates
    recurrent = [layer for layer in layers if isinstance(layer, Recurrent)]
    affine = [layer for layer in layers if isinstance(layer, Affine) and layer is not bottom]
    output = affine[-1]
    assert isinstance(output, Softmax)
    logits = empty((1, output.losses.shape[1], output.columns), output.dtype)  # those of all clusters, too
    results = [*(layer.output for layer in affine[:-1]), logits]
    return Steps(
        inputs=np.empty(looked_up.shape[1], np.int32),
        scale=bottom.connection.scale,
        table=bottom.connection.matrix.value,
        bias=bottom.bias.value,
        looked_up=looked_up,
        recurrent=Series(map(_step, recurrent)),
        affine=Series(
            _multiplication(a.connection, a.bias.value, y, a.is_squashed) for a, y in zip(affine, results, strict=True)
        ),
        cutoffs=output.cutoffs,
    )


def _step(layer: Recurrent) -> Step:
    input_part = _multiplication(layer.connection, layer.bias.value, layer.gates)
    starts = np.zeros(layer.gates.shape[:2], np.bool_)
    weights = tuple(map(_packed, layer.products))
    arrays = layer.states, layer.sources, starts, weights, layer.peephole.value
    return Step(input_part, *arrays, Compiled(layer.cell.forward, layer.gates, *arrays, 0, 0, ALONE))


def _packed(weight: Weight) -> Packed:
    assert weight.kept is not None, "a network in training does not keep its weights packed, and cannot write"
    return weight.kept


def _multiplication(connection: object, bias: np.ndarray, y: np.ndarray, is_squashed: bool = False) -> Multiplication:
    if isinstance(connection, Product):
        x, weight = connection.below.output, _packed(connection.weight)
    else:
        x = np.empty((*y.shape[:2], 0), y.dtype)
        weight = Packed(empty_panels(0, y.shape[2], y.dtype), compiled_product(y.dtype))
    return Multiplication(x, weight, np.tile(bias, (*y.shape[:2], 1)), y, is_squashed)


def draws(filters: Filters, steps: Steps, parts: int, *, is_changed: bool = False) -> Draws:
    """What a crew of `parts` needs to draw from the logits of `steps`.

    is_changed : whether something is added to them before; `changes` is then to be filled in.
    """
    [logits], K = steps.affine.items[-1].y, steps.cutoffs.size
    B, columns = logits.shape
    V = columns - K
    joint = empty((B if K else 0, V), logits.dtype)
    uniforms, ids, log_probabilities = np.zeros(B), np.zeros(B, np.int32), np.zeros(B)
    compiled = Compiled(draw, logits, uniforms, filters, space(V), ids, log_probabilities, 0, 0)
    weights, candidates = np.empty((parts, V)), np.empty((parts, V), np.int64)
    changes, changed = zeros((2, B if is_changed else 0, V), logits.dtype)
    return Draws(compiled, filters, uniforms, ids, log_probabilities, weights, candidates, joint, changes, changed)
