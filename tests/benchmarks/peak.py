"""The floating-point peak: what the CPU does when nothing but fused multiply-adds is asked of it."""

from __future__ import annotations

import threading
import time

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from textgen.core.runtime.vector_width import VECTOR_BYTES

_CHAINS = 12  # independent ones, to hide the latency; with the factor they fit into 16 registers
_UNROLLED = 2
_LANES = VECTOR_BYTES // 4
_SECONDS = 0.05  # of one measurement
_FLOPS = 2 * _CHAINS * _UNROLLED * _LANES  # of one turn of the loop


@intrinsic
def _run_chains(typingctx, turns, factor):
    """The sum of _CHAINS vectors of float32, after `turns` turns of x = x * factor + factor."""

    def codegen(context, builder, signature, arguments):
        turns, factor = arguments
        vector, first_lane = ir.VectorType(ir.FloatType(), _LANES), ir.Constant(ir.IntType(32), 0)
        types_of_fma = ir.FunctionType(vector, [vector] * 3)
        fma = cgutils.get_or_insert_function(builder.module, types_of_fma, f"llvm.fmuladd.v{_LANES}f32")
        undefined = ir.Constant(vector, ir.Undefined)
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
        factors = builder.shuffle_vector(builder.insert_element(undefined, factor, first_lane), undefined, lanes)

        before = builder.block
        loop, done = builder.append_basic_block("chains.loop"), builder.append_basic_block("chains.done")
        builder.branch(loop)
        builder.position_at_end(loop)
        turn = builder.phi(turns.type)
        turn.add_incoming(ir.Constant(turns.type, 0), before)
        chains = [builder.phi(vector) for _ in range(_CHAINS)]
        for i, chain in enumerate(chains):
            chain.add_incoming(ir.Constant(vector, [float(i * _LANES + lane) for lane in range(_LANES)]), before)
        results: list[ir.Value] = list(chains)
        for _ in range(_UNROLLED):
            results = [builder.call(fma, [x, factors, factors]) for x in results]
        for chain, result in zip(chains, results, strict=True):
            chain.add_incoming(result, loop)
        following = builder.add(turn, ir.Constant(turns.type, 1))
        turn.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, turns), loop, done)

        builder.position_at_end(done)
        total = ir.Constant(ir.FloatType(), 0.0)
        for result in results:
            for lane in range(_LANES):
                total = builder.fadd(total, builder.extract_element(result, ir.Constant(ir.IntType(32), lane)))
        return total

    return types.float32(types.intp, types.float32), codegen


@njit(nogil=True)
def _run(turns, factor):
    return _run_chains(turns, np.float32(factor))


class Peak:
    """Measures the peak of `threads` threads at once."""

    def __init__(self, threads: int) -> None:
        self._threads, self._turns = threads, 100_000
        self._once()
        seconds = self._turns * threads * _FLOPS / (self._once() * 1e9)
        self._turns = round(self._turns * _SECONDS / seconds)

    def measure(self) -> float:
        """GFLOP/s, float32, the best of three."""
        return max(self._once() for _ in range(3))

    def _once(self) -> float:
        """GFLOP/s from the moment that all threads are there to the moment that the last is done."""
        barrier = threading.Barrier(self._threads)
        begins, ends = [0.0] * self._threads, [0.0] * self._threads

        def work(part: int) -> None:
            barrier.wait()
            begins[part] = time.perf_counter()
            _run(self._turns, 0.5)
            ends[part] = time.perf_counter()

        threads = [threading.Thread(target=work, args=(part,)) for part in range(self._threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._threads * self._turns * _FLOPS / (max(ends) - min(begins)) / 1e9
