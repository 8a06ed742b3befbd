"""The forward pass of the cells against ONNX Runtime's operators, in float32.

Agreement is relative: the largest absolute difference over the largest absolute value of ONNX Runtime's array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.cases import largest_difference, one_thread, random_network, random_states, random_window, set_states

pytestmark = pytest.mark.peers
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

V, T, B, D, H = 23, 12, 5, 9, 21
OPERATORS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM", "lstm-peephole": "LSTM"}
ORDER = {"rnn": "a", "gru": "urc", "lstm": "uofc", "lstm-peephole": "uofc"}  # ONNX: GRU z r h, LSTM i o f c
TOLERANCE = 1e-5


def operator_inputs(network: Any, inputs: np.ndarray, states: np.ndarray) -> dict[str, np.ndarray | None]:
    """The operator's inputs in ONNX's order and layout, for one layer; None where it has none.

    inputs : (T, B) ids. states : (S, B, H). ONNX's GRU keeps the old by z, so z = 1 - u: its weights are u's, negated.
    """
    cell, p = network.config.cell, network.parameters
    gates = network.cell.gates
    recurrent = np.hstack([p[name] for name in p.names() if ".recurrent" in name])

    def blocks(columns: np.ndarray) -> np.ndarray:
        parts = dict(zip(gates, np.split(columns, len(gates), axis=-1), strict=True))
        if cell == "gru":
            parts["u"] = -parts["u"]
        return np.concatenate([parts[gate].T for gate in ORDER[cell]])[None]

    bias = blocks(p["layer0.bias"])
    fed: dict[str, np.ndarray | None] = {
        "X": p["embedding"][inputs],
        "W": blocks(p["layer0.input"]),
        "R": blocks(recurrent),
        "B": np.concatenate([bias, np.zeros_like(bias)], axis=1),
        "sequence_lens": None,
        "initial_h": states[:1],
    }
    if len(states) == 2:
        fed["initial_c"] = states[1:]
    if cell == "lstm-peephole":
        u, f, o = p["layer0.peephole"]
        fed["P"] = np.concatenate([u, o, f])[None]
    return fed


def run_operator(cell: str, fed: dict[str, np.ndarray | None]) -> list[np.ndarray]:
    """The operator's outputs: Y (T, 1, B, H), the last h, and for LSTM the last c."""
    outputs = {"Y": (T, 1, B, H), "Y_h": (1, B, H)} | ({"Y_c": (1, B, H)} if "initial_c" in fed else {})
    attributes: dict[str, Any] = {"hidden_size": H} | ({"linear_before_reset": 0} if cell == "gru" else {})
    names = [name if value is not None else "" for name, value in fed.items()]
    node = onnx.helper.make_node(OPERATORS[cell], names, list(outputs), **attributes)
    arrays = {name: np.ascontiguousarray(value) for name, value in fed.items() if value is not None}
    number = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node],
        "cell",
        [onnx.helper.make_tensor_value_info(name, number, value.shape) for name, value in arrays.items()],
        [onnx.helper.make_tensor_value_info(name, number, shape) for name, shape in outputs.items()],
    )
    opset = onnx.helper.make_opsetid("", 14)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(list(outputs), arrays)
    return found


@pytest.mark.parametrize("cell", OPERATORS)
def test_forward(cell):
    network = random_network(V, np.float32, cell=cell, hidden=H, embedding=D)
    if cell == "lstm-peephole":
        # ONNX's output gate sees the new memory (Gers et al. 2002), ours the previous one: leave that one out.
        network.parameters["layer0.peephole"][2] = 0
    window, states = random_window(V, T, B), random_states(network, B, seed=1)
    window.inputs[window.inputs < 0] = 3
    window.starts[:] = False
    computation = one_thread(network)
    set_states(computation, window, states)
    computation.forward(window)
    layer = computation.recurrent[0]

    expected = run_operator(cell, operator_inputs(network, window.inputs, states[0]))
    assert largest_difference(layer.output, expected[0][:, 0]) < TOLERANCE
    for state, last in zip(layer.state, expected[1:], strict=True):
        assert largest_difference(state, last[0]) < TOLERANCE
