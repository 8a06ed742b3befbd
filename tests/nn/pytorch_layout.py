"""Where PyTorch's modules keep each of our parameters, and in which layout. Loads neither PyTorch nor Numba."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from textgen.nn.network import Network

GATES = {"rnn": "a", "lstm": "ufco"}  # ours in PyTorch's order (its i, f, g, o)


def counterpart(peer: Any, name: str) -> Any:
    """PyTorch's parameter for ours of that name.

    peer : has the modules `embedding`, `recurrent`, `heads`, `projection` and `output`, as far as the network has such
    parts.
    The bias of a layer is the first of PyTorch's two, which are added.
    """
    if name == "embedding":
        return peer.embedding.weight
    owner, kind = name.split(".")
    if kind == "projection":
        return peer.projection.weight
    if owner == "output":
        return getattr(peer.output, kind)
    if owner.startswith("head"):
        return getattr(peer.heads[int(owner.removeprefix("head"))], kind)
    kind = {"input": "weight_ih", "recurrent0": "weight_hh", "bias": "bias_ih"}[kind]
    return getattr(peer.recurrent, f"{kind}_l{owner.removeprefix('layer')}")


def in_their_layout(network: Network, name: str, value: np.ndarray) -> np.ndarray:
    """`value`, of our parameter `name` or its gradient, as PyTorch has it: transposed, the gates in its order."""
    if name == "embedding":
        return value
    if name.startswith("layer"):
        gates = network.cell.gates
        blocks = np.split(value, len(gates), axis=-1)
        value = np.concatenate([blocks[gates.index(gate)] for gate in GATES[network.config.cell]], axis=-1)
    return np.ascontiguousarray(value.T)
