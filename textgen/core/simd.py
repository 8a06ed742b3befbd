"""The register-blocked tile of a matrix product, written as explicit vector instructions.

LLVM does not find this shape from a loop: `rows` x 2 vectors of C stay in registers while one panel of B streams by and
the entries of A are broadcast. Everything else about matrix products is in `matmul.py`.
"""

from __future__ import annotations

import llvmlite.binding
import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

VECTORS = 2  # vectors of a panel's width: 8 rows x 2 vectors fill half of 32 registers, or all of 16 (4 rows)


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


def _make_tile(rows):
    """An intrinsic tile(a, i, k0, k1, panels, p, c, ci, cj): c[ci+r, cj:cj+P] += a[i+r, k0:k1] @ panels[p, k0:k1].

    r runs over `rows` rows, P = panels.shape[2]. a: any strides; panels: C-contiguous (panels, K, P); c: last stride
    of one element. For each element of c the products are added one by one in the order of k, whatever `rows` is.
    """

    @intrinsic
    def tile(typingctx, a, i, k0, k1, panels, p, c, ci, cj):
        def codegen(context, builder, signature, arguments):
            return _emit_tile(context, builder, signature, arguments, rows)

        return types.void(a, types.intp, types.intp, types.intp, panels, types.intp, c, types.intp, types.intp), codegen

    return tile


def _emit_tile(context, builder, signature, arguments, rows):
    a_type, _, _, _, panels_type, _, c_type, _, _ = signature.args
    _, i, k0, k1, _, p, _, ci, cj = arguments
    a = context.make_array(a_type)(context, builder, arguments[0])
    panels = context.make_array(panels_type)(context, builder, arguments[4])
    c = context.make_array(c_type)(context, builder, arguments[6])

    scalar = context.get_data_type(a_type.dtype)
    size = context.get_constant(types.intp, a_type.dtype.bitwidth // 8)
    lanes = VECTOR_BYTES * 8 // a_type.dtype.bitwidth
    vector = ir.VectorType(scalar, lanes)
    byte = ir.IntType(8)
    bytes_pointer, vector_pointer, scalar_pointer = byte.as_pointer(), vector.as_pointer(), scalar.as_pointer()

    def offset(base, *steps):
        for step in steps:
            base = builder.gep(base, [step], source_etype=byte)
        return base

    def load_vector(address):
        load = builder.load(builder.bitcast(address, vector_pointer), typ=vector)
        load.align = a_type.dtype.bitwidth // 8
        return load

    a_row_stride, a_column_stride = cgutils.unpack_tuple(builder, a.strides, 2)
    c_row_stride, _ = cgutils.unpack_tuple(builder, c.strides, 2)
    panel_stride, k_stride, _ = cgutils.unpack_tuple(builder, panels.strides, 3)
    constant = lambda value: context.get_constant(types.intp, value)  # noqa: E731

    a_base = builder.bitcast(a.data, bytes_pointer)
    a_rows = [offset(a_base, builder.mul(builder.add(i, constant(r)), a_row_stride)) for r in range(rows)]
    c_base = offset(builder.bitcast(c.data, bytes_pointer), builder.mul(cj, size))
    c_vectors = []
    for r in range(rows):
        row = offset(c_base, builder.mul(builder.add(ci, constant(r)), c_row_stride))
        c_vectors.append([offset(row, constant(v * VECTOR_BYTES)) for v in range(VECTORS)])
    b_base = offset(builder.bitcast(panels.data, bytes_pointer), builder.mul(p, panel_stride))
    start = [[load_vector(address) for address in row] for row in c_vectors]

    before = builder.block
    loop = builder.append_basic_block("tile.loop")
    body = builder.append_basic_block("tile.body")
    done = builder.append_basic_block("tile.done")
    builder.branch(loop)

    builder.position_at_end(loop)
    k = builder.phi(k0.type)
    k.add_incoming(k0, before)
    sums = [[builder.phi(vector) for _ in range(VECTORS)] for _ in range(rows)]
    for r in range(rows):
        for v in range(VECTORS):
            sums[r][v].add_incoming(start[r][v], before)
    builder.cbranch(builder.icmp_signed("<", k, k1), body, done)

    builder.position_at_end(body)
    fmuladd = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(vector, [vector] * 3),
        f"llvm.fmuladd.v{lanes}f{a_type.dtype.bitwidth}",
    )
    b_row = offset(b_base, builder.mul(k, k_stride))
    b = [load_vector(offset(b_row, constant(v * VECTOR_BYTES))) for v in range(VECTORS)]
    a_offset = builder.mul(k, a_column_stride)
    undefined = ir.Constant(vector, ir.Undefined)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    for r in range(rows):
        address = builder.bitcast(offset(a_rows[r], a_offset), scalar_pointer)
        entry = builder.load(address, typ=scalar)
        single = builder.insert_element(undefined, entry, ir.Constant(ir.IntType(32), 0))
        broadcast = builder.shuffle_vector(single, undefined, zeros)
        for v in range(VECTORS):
            sums[r][v].add_incoming(builder.call(fmuladd, [broadcast, b[v], sums[r][v]]), body)
    k.add_incoming(builder.add(k, constant(1)), body)
    builder.branch(loop)

    builder.position_at_end(done)
    for r in range(rows):
        for v in range(VECTORS):
            store = builder.store(sums[r][v], builder.bitcast(c_vectors[r][v], vector_pointer))
            store.align = a_type.dtype.bitwidth // 8
    return context.get_dummy_value()


tile_8 = _make_tile(8)
tile_4 = _make_tile(4)
tile_2 = _make_tile(2)
tile_1 = _make_tile(1)
