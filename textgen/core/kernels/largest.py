"""The largest entry of a vector, found in vector instructions although NaN is allowed for."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from textgen.core.runtime.jit import inlined

# LLVM vectorises the search for the largest of whole numbers, but not of floating-point numbers: with NaN among them
# the result would depend on the order. So each is read as a whole number that orders as it does.


def _flip_negatives(builder, bits):
    """Bits with all but the first inverted where the first is set; this undoes itself."""
    sign = builder.ashr(bits, ir.Constant(bits.type, bits.type.width - 1))
    return builder.xor(bits, builder.lshr(sign, ir.Constant(bits.type, 1)))


@intrinsic
def _rank(typingctx, x):
    """A whole number as wide as x, ordered as x is: NaN beyond the infinity of its sign."""
    rank = types.int32 if x == types.float32 else types.int64

    def codegen(context, builder, signature, arguments):
        return _flip_negatives(builder, builder.bitcast(arguments[0], ir.IntType(rank.bitwidth)))

    return rank(x), codegen


@intrinsic
def _ranked(typingctx, rank):
    """The floating-point number of a rank."""
    x = types.float32 if rank == types.int32 else types.float64

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(_flip_negatives(builder, arguments[0]), context.get_value_type(x))

    return x(rank), codegen


@inlined
def largest(x):
    """The largest entry of the vector x, -inf if it is empty, for use inside kernels.

    NaN is larger than all, or, with its sign bit set, passed over.
    """
    most = _rank(x.dtype.type(-np.inf))
    for j in range(x.size):
        rank = _rank(x[j])
        most = rank if rank > most else most
    return _ranked(most)
