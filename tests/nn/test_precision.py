"""How far float32 is from float64 where a cell's output has no bound: no further than a plain NumPy program in float32.

lstm-linear gives a = o * c, and nothing squashes c. A unit whose forget gate stays open adds up what it sees: after 640
letters c may be 620, rounded at each of them. And where the way from a through the recurrent weights back to a makes a
difference larger, every rounding grows from step to step. Then no program in float32 stays near float64.

Moving the weights once by half a unit in the last place shows less than what rounding at each step does. Of one network
four such moves gave 3e-5 to 7e-4 nats, where NumPy in float32 was wrong by 2e-3, PyTorch by 1e-3 and the core by 9e-4.
"""

from __future__ import annotations

import numpy as np

from tests.core.cases import TextWindow, one_thread, plain_config
from textgen.nn.network import Network

H, LETTERS, TEXT = 64, " acehtbdfgijklmnopqrsuvwxyz", "the cat " * 80
GROWING = 1.35  # times what the recurrent weights are at first: in some networks errors then grow


def numpy_losses(parameters: dict[str, np.ndarray], ids: np.ndarray, dtype: type[np.floating]) -> np.ndarray:
    """-log P of each id, given those before it, by an lstm-linear of one layer: all arithmetic in `dtype`."""
    inputs, recurrent, bias, weight, output_bias = (
        parameters[name].astype(dtype)
        for name in ("layer0.input", "layer0.recurrent0", "layer0.bias", "output.weight", "output.bias")
    )
    a, c, losses = np.zeros(H, dtype), np.zeros(H, dtype), []
    for n, target in enumerate(ids):
        x = bias + inputs[ids[n - 1]] if n else bias
        z = x + a @ recurrent
        with np.errstate(over="ignore"):  # infinity, of which the quotient makes the right zero
            u, f, o = np.split(1 / (1 + np.exp(-z[: 3 * H])), 3)
        c = u * np.tanh(z[3 * H :]) + f * c
        a = o * c
        logits = a @ weight + output_bias
        shifted = logits - logits.max()
        losses.append(np.log(np.exp(shifted).sum()) - shifted[target])
    return np.array(losses, dtype)


def errors_of(seed: int, ids: np.ndarray) -> tuple[float, float]:
    """The largest error of a token's loss, in nats: ours, and that of plain NumPy in float32."""
    network = Network(plain_config(cell="lstm-linear", hidden=H), len(LETTERS), len(LETTERS))
    network.initialize(seed)
    network.parameters["layer0.recurrent0"][:] *= GROWING
    network.pack()
    parameters = network.parameters.split(network.parameters.vector)
    exact, plain = (numpy_losses(parameters, ids, dtype) for dtype in (np.float64, np.float32))
    inputs = np.concatenate([[-1], ids[:-1]]).astype(np.int32)[:, None]
    window = TextWindow(inputs, np.zeros(inputs.shape, np.bool_), ids[:, None])
    ours = one_thread(network).forward(window)[:, 0]
    return float(np.abs(ours - exact).max()), float(np.abs(plain - exact).max())


def test_lstm_linear_is_as_exact_as_plain_numpy():
    ids = np.array([LETTERS.index(letter) for letter in TEXT], np.int32)
    ours, plain = np.array([errors_of(seed, ids) for seed in range(40)]).T
    comparable = plain < 0.1  # nats; where an error has grown further, it says no more of what it was at first
    assert (plain[comparable] > 1e-4).any(), "errors grow in some of the networks"
    assert (plain < 1e-6).any(), "and not in others"
    assert np.exp(np.log(ours / plain)[comparable].mean()) < 2
