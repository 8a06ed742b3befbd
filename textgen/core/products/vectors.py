"""Vector instructions of this CPU's widest registers, emitted one by one."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils

from textgen.core.runtime.vector_width import VECTOR_BYTES

VECTORS = 2  # of a panel's width
PANEL_BYTES = VECTORS * VECTOR_BYTES  # of one row of a packed panel


class Vectors:
    """Emits instructions on vectors of one dtype. Addresses are pointers to bytes; vectors need not be aligned."""

    def __init__(self, context, builder, dtype):
        self.context, self.builder = context, builder
        self.size = dtype.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.size
        self.scalar = context.get_data_type(dtype)
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.byte, self.intp, self.int32 = ir.IntType(8), context.get_value_type(types.intp), ir.IntType(32)

    def constant(self, value):
        return ir.Constant(self.intp, value)

    def zero(self):
        return ir.Constant(self.vector, [0.0] * self.lanes)

    def declare(self, name, result, arguments):
        return cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, arguments), name)

    def at(self, address, step):
        """The address `step` bytes further."""
        address = self.builder.bitcast(address, self.byte.as_pointer())
        return self.builder.gep(address, [step], source_etype=self.byte)

    def arrays(self, kinds, values):
        """Numba's structures of arrays of these types."""
        return [
            self.context.make_array(kind)(self.context, self.builder, value)
            for kind, value in zip(kinds, values, strict=True)
        ]

    def address(self, array, *index):
        """The address of array[index]."""
        address = array.data
        for i, stride in zip(index, cgutils.unpack_tuple(self.builder, array.strides), strict=False):
            address = self.at(address, self.builder.mul(i, stride))
        return address

    def rows(self, array, i, count):
        """The addresses of the rows i, i + 1, ... of a matrix."""
        # Steps from one address: had each its own (i + r) * stride, LLVM would multiply within the innermost loop.
        first, stride = self.address(array, i), cgutils.unpack_tuple(self.builder, array.strides)[0]
        return [self.at(first, self.builder.mul(self.constant(r), stride)) for r in range(count)]

    def panel_row(self, address):
        """The addresses of the vectors that lie side by side from `address` on."""
        return [self.at(address, self.constant(v * VECTOR_BYTES)) for v in range(VECTORS)]

    def load(self, address):
        load = self.builder.load(self.builder.bitcast(address, self.vector.as_pointer()), typ=self.vector)
        load.align = self.size
        return load

    def store(self, value, address):
        store = self.builder.store(value, self.builder.bitcast(address, self.vector.as_pointer()))
        store.align = self.size

    def add_to(self, starts, totals, targets):
        """Store each total, added to what lies at its start, at its target."""
        for start, total, target in zip(starts, totals, targets, strict=True):
            self.store(self.builder.fadd(self.load(start), total), target)

    def prefetch(self, address):
        """Have the line at `address` come from memory while something else is computed."""
        number = self.int32
        function = self.declare("llvm.prefetch.p0", ir.VoidType(), [address.type, number, number, number])
        self.builder.call(function, [address, number(0), number(2), number(1)])

    def shuffle(self, x, y, order):
        """A vector of lanes of x and y; in `order` those of y are counted on after those of x."""
        return self.builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(self.int32, len(order)), order))

    def broadcast(self, address):
        """A vector that holds the number at `address` in each lane."""
        entry = self.builder.load(self.builder.bitcast(address, self.scalar.as_pointer()), typ=self.scalar)
        undefined = ir.Constant(self.vector, ir.Undefined)
        single = self.builder.insert_element(undefined, entry, self.int32(0))
        return self.shuffle(single, undefined, [0] * self.lanes)

    def multiply_add(self, x, y, z):
        """X * y + z, in one instruction where the CPU has it."""
        name = f"llvm.fmuladd.v{self.lanes}f{self.size * 8}"
        return self.builder.call(self.declare(name, self.vector, [self.vector] * 3), [x, y, z])
