"""ONNX Runtime's side of the benchmarks that only go forward: one LSTM operator a layer, a product, a softmax."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tests.benchmarks.drawing import draw_rows
from tests.benchmarks.timing import Contender, Work, over
from textgen.nn.network import Network
from textgen.text.tokens.windows import Window

try:
    import onnx
    import onnxruntime
except ImportError:
    onnx = onnxruntime = None

_LSTM_ORDER = "uofc"  # our gates in ONNX's order: i o f c
_Feed = dict[str, np.ndarray]


def _blocks(network: Network, name: str) -> np.ndarray:
    """Our parameter `name`, its blocks in ONNX's order of gates, transposed, with an axis of directions before."""
    gates = network.cell.gates
    blocks = np.split(network.parameters[name], len(gates), axis=-1)
    return np.ascontiguousarray(np.concatenate([blocks[gates.index(gate)].T for gate in _LSTM_ORDER])[None])


class _Graph:
    """A graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(onnx.numpy_helper.from_array(value, name))
        return name

    def node(self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> str:
        """Add a node; the name of its first output."""
        self.nodes.append(onnx.helper.make_node(operator, inputs, outputs, **attributes))
        return outputs[0]

    def lstm(self, network: Network, layer: int, below: str) -> str:
        """Add a layer that reads the state h<layer>, c<layer> and gives next_h<layer>, next_c<layer>."""
        bias = _blocks(network, f"layer{layer}.bias")
        inputs = [
            below,
            self.constant(f"W{layer}", _blocks(network, f"layer{layer}.input")),
            self.constant(f"R{layer}", _blocks(network, f"layer{layer}.recurrent0")),
            self.constant(f"B{layer}", np.concatenate([bias, np.zeros_like(bias)], axis=1)),
            "",
            f"h{layer}",
            f"c{layer}",
        ]
        outputs = [f"Y{layer}", f"next_h{layer}", f"next_c{layer}"]
        y = self.node("LSTM", inputs, outputs, hidden_size=network.config.hidden)
        return self.node("Squeeze", [y, "directions"], [f"y{layer}"])


def _make_graph(network: Network, T: int, B: int, scored: bool) -> Any:
    """Inputs x (T, B, V) one-hot, the states and, if scored, targets (T, B, 1); first output of shape (T, B, ...)."""
    V, H, layers = network.inputs, network.config.hidden, range(network.config.layers)
    graph, p = _Graph(), network.parameters
    graph.constant("directions", np.array([1], np.int64))
    below = "x"
    for layer in layers:
        below = graph.lstm(network, layer, below)
    product = graph.node("MatMul", [below, graph.constant("W", p["output.weight"])], ["product"])
    logits = graph.node("Add", [product, graph.constant("B", p["output.bias"])], ["logits"])
    if scored:
        logs = graph.node("LogSoftmax", [logits], ["logs"], axis=-1)
        graph.node("GatherElements", [logs, "targets"], ["found"], axis=2)
    else:
        graph.node("Softmax", [logits], ["found"], axis=-1)

    def named(name: str, *shape: int, kind: Any = onnx.TensorProto.FLOAT) -> Any:
        return onnx.helper.make_tensor_value_info(name, kind, shape)

    states = [name for layer in layers for name in (f"h{layer}", f"c{layer}")]
    inputs = [named("x", T, B, V), *(named(state, 1, B, H) for state in states)]
    inputs += [named("targets", T, B, 1, kind=onnx.TensorProto.INT64)] if scored else []
    outputs = [named("found", T, B, 1 if scored else V), *(named(f"next_{state}", 1, B, H) for state in states)]
    return onnx.helper.make_graph(graph.nodes, "lstm", inputs, outputs, graph.constants)


class Session:
    """A network in ONNX Runtime for windows of T steps and B rows, with the state that is carried on."""

    def __init__(self, network: Network, T: int, B: int, threads: int, scored: bool) -> None:
        opset = onnx.helper.make_opsetid("", 14)
        model = onnx.helper.make_model(_make_graph(network, T, B, scored), opset_imports=[opset], ir_version=8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        serialized = model.SerializeToString()
        self._session = onnxruntime.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._states = [name.removeprefix("next_") for name in self._outputs[1:]]
        self._feed: _Feed = {name: np.zeros((1, B, network.config.hidden), np.float32) for name in self._states}

    def run(self, feed: _Feed) -> np.ndarray:
        """The first output."""
        found: np.ndarray
        found, *states = self._session.run(self._outputs, self._feed | feed)
        self._feed = dict(zip(self._states, states, strict=True))
        return found


def sampling(network: Network, B: int, threads: Iterable[int]) -> Iterator[Contender]:
    """B sequences side by side; a unit is one token of each. None without ONNX Runtime."""
    if onnxruntime is None:
        return
    for count in threads:
        session = Session(network, 1, B, count, scored=False)
        work = _sampler(session, network.inputs, B)
        yield Contender("ONNX Runtime", f"NumPy, threads: {count}", B, lambda work=work: work)  # type: ignore[misc]


def _sampler(session: Session, V: int, B: int) -> Work:
    rng, one_hot = np.random.default_rng(1), np.eye(V, dtype=np.float32)

    def work(units: int) -> None:
        ids = np.zeros(B, np.int64)
        for _ in range(units):
            ids = draw_rows(session.run({"x": one_hot[ids][None]})[0], rng)

    return work


def stepped_log_probabilities(network: Network, window: Window) -> dict[str, np.ndarray]:
    """Of the window's targets, (T, B), by stepping; nothing without ONNX Runtime."""
    if onnxruntime is None:
        return {}
    session = Session(network, 1, window.targets.shape[1], 1, scored=False)
    one_hot = np.eye(network.inputs, dtype=np.float32)
    steps = [session.run({"x": one_hot[ids][None]})[0] for ids in window.inputs]
    return {"ONNX Runtime": np.log(np.take_along_axis(np.stack(steps), window.targets[:, :, None], 2)[:, :, 0])}


def _feed(window: Window, V: int) -> _Feed:
    """A window as the scoring session reads it."""
    return {"x": np.eye(V, dtype=np.float32)[window.inputs], "targets": window.targets[:, :, None].astype(np.int64)}


def log_probabilities(network: Network, window: Window) -> dict[str, np.ndarray]:
    """Of the window's targets, (T, B), from a state of zeros; nothing without ONNX Runtime."""
    if onnxruntime is None:
        return {}
    T, B = window.targets.shape
    session = Session(network, T, B, threads=1, scored=True)
    return {"ONNX Runtime": session.run(_feed(window, network.inputs))[:, :, 0]}


def scoring(network: Network, windows: list[Window], threads: int) -> Iterator[Contender]:
    """Windows of given text; none without ONNX Runtime."""
    if onnxruntime is None:
        return
    T, B = windows[0].targets.shape
    feeds = [_feed(window, network.inputs) for window in windows]
    work = over(feeds, Session(network, T, B, threads, scored=True).run)
    yield Contender("ONNX Runtime", "LSTM, LogSoftmax", windows[0].targets.size, lambda: work)
