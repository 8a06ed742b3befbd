"""A process that compiles its kernels computes the same bytes as one that finds them in the cache."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import hashlib
import numpy as np
from textgen.core.kernels.optimizers import Adam, clip_factor, gradient_size
from textgen.core.runtime.threads import Team
from textgen.nn.config import NetworkConfig
from textgen.nn.computation import Computation
from textgen.nn.network import Network
from textgen.text.tokens.windows import Window

T, B, V = 64, 32, 65
rng = np.random.default_rng(5)
starts = rng.random((T, B)) < 0.1
inputs = np.where(starts, -1, rng.integers(0, V, (T, B))).astype(np.int32)
window = Window(inputs, starts, rng.integers(0, V, (T, B)).astype(np.int32))
network = Network(NetworkConfig(cell="lstm", hidden=256, layers=2), V, V, training=True)
network.initialize(3)
vector, gradient = network.parameters.vector, network.parameters.gradient
optimizer = Adam(vector.size, vector.dtype)
with Team(2) as team:
    computation = Computation(network, team)
    for step in range(6):
        losses = computation.forward_backward(window)
        size = gradient_size(gradient, "norm", team)
        optimizer.update(vector, gradient, 0.01, clip_factor(size, 0.5), team)
        network.pack(team)
print(hashlib.sha256(vector.tobytes() + gradient.tobytes() + losses.tobytes()).hexdigest())
"""


def test_same_bytes(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert len(list(tmp_path.rglob("*.nbi"))) > 5
    assert outputs[0] == outputs[1]
