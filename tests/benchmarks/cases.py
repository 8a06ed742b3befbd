"""What is measured: the shapes of network and batch, and how all sides train."""

from __future__ import annotations

from dataclasses import dataclass, replace

from textgen.nn.config import NetworkConfig

RATE, CLIP = 1e-3, 1.0  # of Adam; the global norm that gradients are clipped to


@dataclass(frozen=True)
class Shape:
    """A network for tokens of `level` ('char': one-hot, 'word': embedded), and the windows (T, B) that it reads."""

    cell: str
    level: str
    H: int
    L: int
    B: int
    T: int

    def __str__(self) -> str:
        return f"{self.cell}, {self.level} H{self.H} L{self.L} B{self.B} T{self.T}"

    @property
    def tokens(self) -> int:
        """Of one window."""
        return self.B * self.T

    @property
    def config(self) -> NetworkConfig:
        """The network; the embedding is as wide as the hidden layers."""
        embedding = self.H if self.level == "word" else 0
        return NetworkConfig(cell=self.cell, hidden=self.H, layers=self.L, embedding=embedding)

    def multiply_adds(self, V: int) -> int:
        """Of all products that one token takes on its way forward; what is looked up counts nothing."""
        from textgen.nn.parameters import declare  # here, so that PyTorch's processes do not load Numba

        return sum(parameter.size for parameter in declare(self.config, V, V).values() if parameter.is_weight)


_SMALL = Shape("lstm", "char", 128, 1, 32, 64)
_MIDDLE = Shape("lstm", "char", 256, 2, 32, 64)
_LARGE = Shape("lstm", "char", 512, 2, 64, 64)
_WORDS = Shape("lstm", "word", 650, 2, 20, 35)

AGAINST_PYTORCH = (
    _SMALL,
    _MIDDLE,
    _LARGE,
    Shape("lstm", "char", 512, 1, 32, 128),
    Shape("lstm", "word", 200, 2, 20, 35),
    _WORDS,
    replace(_MIDDLE, cell="gru"),
    replace(_LARGE, cell="gru"),
)
AGAINST_LSTM = tuple(replace(_MIDDLE, cell=cell) for cell in ("rnn", "gru-simple", "lstm-peephole"))
SAMPLED = (replace(_SMALL, B=1), replace(_MIDDLE, B=1), replace(_LARGE, B=1), replace(_LARGE, B=32))
SCORED = _LARGE
REMEMBERED = _WORDS
BASE, GROWN = _MIDDLE, (replace(_MIDDLE, B=128), replace(_MIDDLE, T=512))
