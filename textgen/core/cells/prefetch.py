"""Asking for memory before it is needed.

On the way back a step reads rows that were written long ago, in many short pieces, the last step first: what the CPU
foresees by itself comes too late.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_LINE = 64  # bytes that are fetched at once
_READ, _SECOND_LEVEL, _DATA = 0, 2, 1  # of llvm.prefetch; the first level is left to what is being computed


@intrinsic
def prefetch_row(typingctx, x, t, b):
    """Have the row x[t, b] come into the cache while something else is computed; x : (T, B, N), rows contiguous.

    Where there is no such row, as before the first step, what lies there is asked for: no harm, whatever it is.
    """

    def codegen(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        number, byte = ir.IntType(32), ir.IntType(8)
        kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        steps, rows, _ = cgutils.unpack_tuple(builder, array.strides)
        _, _, columns = cgutils.unpack_tuple(builder, array.shape)
        first = builder.add(builder.mul(arguments[1], steps), builder.mul(arguments[2], rows))
        size, start = builder.mul(columns, array.itemsize), builder.bitcast(array.data, byte.as_pointer())
        with cgutils.for_range_slice(builder, size.type(0), size, size.type(_LINE)) as (offset, _):
            address = builder.gep(start, [builder.add(first, offset)], source_etype=byte)
            builder.call(function, [address, number(_READ), number(_SECOND_LEVEL), number(_DATA)])
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp), codegen
