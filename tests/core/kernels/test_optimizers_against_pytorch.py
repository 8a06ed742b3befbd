"""The optimisers and clipping by norm against PyTorch's; agreement is relative, as in test_against_pytorch.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.cases import largest_difference
from textgen.core.kernels.optimizers import SGD, Adam, clip_factor, gradient_size
from textgen.core.runtime.threads import Team

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch")

SIZE = 40_000  # three blocks of the vector, the last one not full


def random_gradients(steps: int, dtype: type[np.floating]) -> list[np.ndarray]:
    """Gradients of very different sizes."""
    rng = np.random.default_rng(7)
    return [(rng.normal(size=SIZE) * 10.0 ** rng.integers(-4, 2, SIZE)).astype(dtype) for _ in range(steps)]


def updated(make: Any, dtype: type[np.floating], options: dict[str, Any]) -> np.ndarray:
    """Parameters after ten steps of an optimiser of PyTorch's."""
    start = np.random.default_rng(8).normal(size=SIZE).astype(dtype)
    parameters = torch.nn.Parameter(torch.from_numpy(start.copy()))
    optimizer = make([parameters], **options)
    for gradient in random_gradients(10, dtype):
        parameters.grad = torch.from_numpy(gradient)
        optimizer.step()
    found: np.ndarray = parameters.detach().numpy()
    return found


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6)])
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_adam_is_adamw(decay, dtype, tolerance):
    found = np.random.default_rng(8).normal(size=SIZE).astype(dtype)
    optimizer = Adam(SIZE, np.dtype(dtype), weight_decay=decay)
    with Team(2) as team:
        for gradient in random_gradients(10, dtype):
            optimizer.update(found, gradient, 0.01, 1.0, team)
    make = torch.optim.AdamW if decay else torch.optim.Adam
    options = {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8} | ({"weight_decay": decay} if decay else {})
    assert largest_difference(found, updated(make, dtype, options)) < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6)])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_momentum_is_sgd(momentum, dtype, tolerance):
    found = np.random.default_rng(8).normal(size=SIZE).astype(dtype)
    optimizer = SGD(SIZE, np.dtype(dtype), momentum=momentum)
    with Team(2) as team:
        for gradient in random_gradients(10, dtype):
            optimizer.update(found, gradient, 0.01, 1.0, team)
    expected = updated(torch.optim.SGD, dtype, {"lr": 0.01, "momentum": momentum})
    assert largest_difference(found, expected) < tolerance


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999, 1.001, 5])
def test_clipping_by_norm_is_clip_grad_norm(share):
    # PyTorch adds 1e-6 to the norm it divides by; the gradient is so large that this shows only past 12 digits.
    gradient = random_gradients(1, np.float64)[0] * 1e5
    norm = float(np.sqrt(np.sum(gradient**2)))
    with Team(2) as team:
        size = gradient_size(gradient, "norm", team)
    place = torch.nn.Parameter(torch.zeros(SIZE, dtype=torch.float64))
    place.grad = torch.from_numpy(gradient.copy())
    theirs = torch.nn.utils.clip_grad_norm_([place], share * norm)
    assert size == pytest.approx(float(theirs), rel=1e-13)
    assert largest_difference(gradient * clip_factor(size, share * norm), place.grad.numpy()) < 1e-12
