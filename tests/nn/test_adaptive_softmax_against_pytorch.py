"""The softmax in clusters against PyTorch's, whose tails have no bias."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.cases import largest_difference
from tests.nn.adaptive_output import CUTOFFS, H, Output, V

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cutoffs", CUTOFFS)
def test_losses_and_gradients(cutoffs, dtype):
    T, B, K = 9, 5, len(cutoffs)
    output = Output(cutoffs, dtype)
    targets = np.random.default_rng(1).permutation(T * B).reshape(T, B).astype(np.int32) % V  # no id is left out
    x = torch.from_numpy(output.see(T, B).reshape(-1, H).copy()).requires_grad_()
    peer = torch.nn.AdaptiveLogSoftmaxWithLoss(H, V, list(cutoffs), div_value=1, head_bias=True, dtype=x.dtype)
    weight, head = torch.from_numpy(output.weight.T.copy()), K + cutoffs[0]
    order = [*range(K, head), *range(K)]  # in PyTorch's head the clusters come last
    output.bias[head:] = 0  # the tails have no bias there
    with torch.no_grad():
        peer.head.weight.copy_(weight[order])
        peer.head.bias.copy_(torch.from_numpy(output.bias)[order])
        for k, (first, last) in enumerate(zip(cutoffs, [*cutoffs[1:], V], strict=True)):
            peer.tail[k][0].weight.copy_(torch.eye(H))
            peer.tail[k][1].weight.copy_(weight[K + first : K + last])
    result = peer(x, torch.from_numpy(targets.reshape(-1).astype(np.int64)))
    (-0.5 * result.output.sum()).backward()
    losses, dx, dweight, dbias = output.train(targets)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    assert largest_difference(losses.reshape(-1), -result.output.detach().numpy()) < tolerance
    assert largest_difference(dx.reshape(-1, H), x.grad.numpy()) < tolerance
    expected = np.concatenate([peer.head.weight.grad[np.argsort(order)], *(tail[1].weight.grad for tail in peer.tail)])
    assert largest_difference(dweight, expected.T) < tolerance
    assert largest_difference(dbias[order], peer.head.bias.grad.numpy()) < tolerance
