"""The same networks out of PyTorch's modules, and its side of the training benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tests.benchmarks.cases import CLIP, RATE, Shape
from tests.benchmarks.texts import Texts
from tests.benchmarks.timing import Contender, Work, over
from tests.nn.pytorch_layout import counterpart, in_their_layout
from textgen.nn.config import NetworkConfig
from textgen.text.tokens.windows import Window

if TYPE_CHECKING:
    from textgen.nn.network import Network

try:
    import torch
except ImportError:
    torch = None

INSTALLED = torch is not None
Step = Callable[[tuple[Any, Any]], float]


class TorchNetwork:
    """nn.LSTM or nn.GRU between an embedding, or one-hot input, and a linear layer.

    nn.LSTM adds two biases where one does; the second stays zero and is not trained, so that both train the same
    function. nn.GRU resets after the product: another function of the same size.
    """

    def __init__(self, config: NetworkConfig, V: int) -> None:
        self.embedding = torch.nn.Embedding(V, config.embedding) if config.embedding else None
        kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[config.cell]
        self.recurrent = kind(config.embedding or V, config.hidden, config.layers)
        self.output = torch.nn.Linear(config.hidden, V)
        if config.cell == "lstm":
            for layer in range(config.layers):
                second = getattr(self.recurrent, f"bias_hh_l{layer}").requires_grad_(False)
                torch.nn.init.zeros_(second)

    @classmethod
    def like(cls, network: Network) -> TorchNetwork:
        """An LSTM with our parameters."""
        peer = cls(network.config, network.inputs)
        with torch.no_grad():
            for name in network.parameters.names():
                value = in_their_layout(network, name, network.parameters[name])
                counterpart(peer, name).copy_(torch.from_numpy(value))
        return peer

    def parameters(self) -> list[Any]:
        """All that are trained."""
        modules = [module for module in (self.embedding, self.recurrent, self.output) if module is not None]
        return [p for module in modules for p in module.parameters() if p.requires_grad]

    def logits(self, x: Any, state: Any) -> tuple[Any, Any]:
        """The logits (T, B, V) and the state after them. x : ids (T, B) for an embedding, else one-hot (T, B, V)."""
        below = x if self.embedding is None else self.embedding(x)
        hidden, state = self.recurrent(below, state)
        return self.output(hidden), state


def tensors(window: Window, config: NetworkConfig, V: int) -> tuple[Any, Any]:
    """The window's input, as `logits` wants it, and its targets (T, B)."""
    ids = torch.from_numpy(window.inputs).long()
    # Of PyTorch's default type, as its modules are.
    x = ids if config.embedding else torch.nn.functional.one_hot(ids, V).to(torch.get_default_dtype())
    return x, torch.from_numpy(window.targets).long()


def clip(parameters: list[Any]) -> None:
    """By global norm, PyTorch's way."""
    torch.nn.utils.clip_grad_norm_(parameters, CLIP)


def training_step(network: Any, optimizer: Any, clip: Callable[[list[Any]], None] = clip) -> Step:
    """A function that makes one update and returns the mean loss before it.

    network : has `parameters()` and `logits(x, state)`; the state, a tensor or several, is carried from step to step.
    """
    parameters = network.parameters()
    carried: list[Any] = [None]

    def step(prepared: tuple[Any, Any]) -> float:
        x, targets = prepared
        logits, state = network.logits(x, carried[0])
        carried[0] = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        clip(parameters)
        optimizer.step()
        return float(loss.detach())

    return step


def adam(network: Any, way: str = "fused") -> Any:
    """PyTorch's Adam in one of its two fast ways, "fused" or "foreach"."""
    return torch.optim.Adam(network.parameters(), lr=RATE, **{way: True})


def training(shape: Shape, texts: Texts, threads: int) -> Iterator[Contender]:
    """Training steps, in all settings; none without PyTorch."""
    if torch is None:
        return
    for way in ("fused", "foreach"):
        for onednn in (True, False) if shape.cell == "lstm" else (True,):  # no GRU in oneDNN
            setting = f"nn.{shape.cell.upper()}, {way} Adam" + ("" if onednn else ", no oneDNN")
            yield Contender("PyTorch", setting, shape.tokens, _builder(shape, texts, threads, way, onednn))


def _builder(shape: Shape, texts: Texts, threads: int, way: str, onednn: bool) -> Callable[[], Work]:
    def build() -> Work:
        V = texts.vocabulary_size(shape.level)
        network = TorchNetwork(shape.config, V)
        prepared = [tensors(w, shape.config, V) for w in texts.windows(shape.level, shape.B, shape.T)]
        return in_setting(over(prepared, training_step(network, adam(network, way))), threads, onednn)

    return build


def in_setting(work: Work, threads: int, onednn: bool = True) -> Work:
    """`work` under PyTorch's settings of that moment."""

    def set_and_work(units: int) -> None:
        torch.set_num_threads(threads)
        torch.backends.mkldnn.enabled = onednn
        work(units)

    return set_and_work
