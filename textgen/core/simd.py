"""Explicit vector instructions: the register-blocked tile of a matrix product, and the copy that packs its panels.

LLVM does not find the tile from a loop: `rows` x VECTORS vectors of sums stay in registers while one panel of B streams
by and the entries of A are broadcast. Everything else about matrix products is in `matmul.py`.
"""

from __future__ import annotations

import llvmlite.binding
import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

VECTORS = 2  # of a panel's width


def _vector_bytes() -> int:
    """Bytes of the widest vectors that this CPU multiplies: 64 (AVX-512), 32 (AVX2), else 16."""
    features = numba.config.CPU_FEATURES
    if features is None:
        features = llvmlite.binding.get_host_cpu_features().flatten()
    enabled = set(features.split(","))
    if "+avx512f" in enabled:
        return 64
    return 32 if {"+avx2", "+fma"} <= enabled else 16


VECTOR_BYTES = _vector_bytes()
PANEL_BYTES = VECTORS * VECTOR_BYTES  # of one row of a packed panel
TILE_ROWS = 12 if VECTOR_BYTES == 64 else 6  # their sums, a panel's row and one entry fit into 32 registers, or 16


_PREFETCH_BYTES = 8192  # how far ahead a panel, and the next one, are fetched: the CPU itself stops at each page's end
_PREFETCHING_ROWS = 5  # with fewer the loads are what takes the time


class _Vectors:
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

    def address(self, array, *index):
        """The address of array[index]."""
        address = array.data
        for i, stride in zip(index, cgutils.unpack_tuple(self.builder, array.strides), strict=False):
            address = self.at(address, self.builder.mul(i, stride))
        return address

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

    def prefetch(self, address):
        """Have the line at `address` come from memory while something else is computed."""
        number = self.int32
        function = self.declare("llvm.prefetch.p0", ir.VoidType(), [address.type, number, number, number])
        self.builder.call(function, [address, number(0), number(2), number(1)])

    def broadcast(self, address):
        """A vector that holds the number at `address` in each lane."""
        entry = self.builder.load(self.builder.bitcast(address, self.scalar.as_pointer()), typ=self.scalar)
        undefined = ir.Constant(self.vector, ir.Undefined)
        single = self.builder.insert_element(undefined, entry, self.int32(0))
        lanes = ir.Constant(ir.VectorType(self.int32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(single, undefined, lanes)

    def multiply_add(self, x, y, z):
        """X * y + z, in one instruction where the CPU has it."""
        name = f"llvm.fmuladd.v{self.lanes}f{self.size * 8}"
        return self.builder.call(self.declare(name, self.vector, [self.vector] * 3), [x, y, z])


def _emit_products(emit, rows, depth, a_rows, a_stride, b_address, b_stride):
    """`rows` x VECTORS sums over `depth` entries of A by the panel's rows, added one after the other."""
    builder = emit.builder
    before = builder.block
    loop, body, done = (builder.append_basic_block(f"tile.{name}") for name in ("loop", "body", "done"))
    builder.branch(loop)

    builder.position_at_end(loop)
    k = builder.phi(emit.intp)
    sums = [[builder.phi(emit.vector) for _ in range(VECTORS)] for _ in range(rows)]
    builder.cbranch(builder.icmp_signed("<", k, depth), body, done)

    builder.position_at_end(body)
    row = emit.at(b_address, builder.mul(k, b_stride))
    b = [emit.load(address) for address in emit.panel_row(row)]
    if rows >= _PREFETCHING_ROWS:
        for address in emit.panel_row(emit.at(row, emit.constant(_PREFETCH_BYTES))):
            emit.prefetch(address)
    a_offset = builder.mul(k, a_stride)
    for r in range(rows):
        entry = emit.broadcast(emit.at(a_rows[r], a_offset))
        for v in range(VECTORS):
            sums[r][v].add_incoming(emit.zero(), before)
            sums[r][v].add_incoming(emit.multiply_add(entry, b[v], sums[r][v]), body)
    k.add_incoming(emit.constant(0), before)
    k.add_incoming(builder.add(k, emit.constant(1)), body)
    builder.branch(loop)
    builder.position_at_end(done)
    return sums


def _emit_tile(emit, rows, a, panel, base, c):
    """The code of `multiply_tile` for a fixed number of rows; a, panel, base, c are Numba's array structures."""
    places = [emit.constant(r) for r in range(rows)]
    base_rows = [emit.panel_row(emit.address(base, place)) for place in places]
    for address in (address for row in base_rows for address in row):
        emit.prefetch(address)
    a_rows = [emit.address(a, place) for place in places]
    _, a_stride = cgutils.unpack_tuple(emit.builder, a.strides)
    b_stride, _ = cgutils.unpack_tuple(emit.builder, panel.strides)
    depth, _ = cgutils.unpack_tuple(emit.builder, panel.shape)
    sums = _emit_products(emit, rows, depth, a_rows, a_stride, panel.data, b_stride)
    for place, base_row, totals in zip(places, base_rows, sums, strict=True):
        for start, total, address in zip(base_row, totals, emit.panel_row(emit.address(c, place)), strict=True):
            emit.store(emit.builder.fadd(emit.load(start), total), address)


@intrinsic
def multiply_tile(typingctx, rows, a, panel, base, c):
    """One tile of a matrix product: c[:rows, :P] = base[:rows, :P] + a[:rows] @ panel, 1 <= rows <= TILE_ROWS.

    a : (M, K), any strides. panel : (K, P), last stride one element. base, c : (M, P or more), last stride one
    element, may be the same.
    For each element the products are added one by one in the order of K, whatever `rows` is, and the sum to base.
    """

    def codegen(context, builder, signature, arguments):
        emit = _Vectors(context, builder, signature.args[1].dtype)
        count, *values = arguments
        arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[1:], values, strict=True)
        ]
        done = builder.append_basic_block("tiles.done")
        switch = builder.switch(count, done)
        for rows in range(1, TILE_ROWS + 1):
            case = builder.append_basic_block(f"tile.{rows}")
            switch.add_case(emit.constant(rows), case)
            builder.position_at_end(case)
            _emit_tile(emit, rows, *arrays)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(types.intp, a, panel, base, c), codegen


@intrinsic
def copy_to_panel(typingctx, matrix, i, j, panels, p, k):
    """panels[p, k] = matrix[i, j:j + P], P = panels.shape[2]. matrix : last stride one element."""

    def codegen(context, builder, signature, arguments):
        _, i, j, _, p, k = arguments
        emit = _Vectors(context, builder, signature.args[0].dtype)
        source = context.make_array(signature.args[0])(context, builder, arguments[0])
        target = context.make_array(signature.args[3])(context, builder, arguments[3])
        addresses = emit.panel_row(emit.address(source, i, j)), emit.panel_row(emit.address(target, p, k))
        for load_from, store_to in zip(*addresses, strict=True):
            emit.store(emit.load(load_from), store_to)
        return context.get_dummy_value()

    intp = types.intp
    return types.void(matrix, intp, intp, panels, intp, intp), codegen
