"""Explicit vector instructions: the register-blocked tile of a matrix product, and the copies that pack its panels.

LLVM does not find the tile from a loop: `rows` x VECTORS vectors of sums stay in registers while one panel of B streams
by and the entries of A are broadcast. Everything else about matrix products is in `product.py`.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from textgen.core.products.vectors import PANEL_BYTES, VECTORS, Vectors
from textgen.core.runtime.vector_width import VECTOR_BYTES

TILE_ROWS = 12 if VECTOR_BYTES == 64 else 6  # their sums, a panel's row and one entry fit into 32 registers, or 16
ROW_PANELS = 4  # that a single row is multiplied by at a time, so that enough is fetched from memory at once
_PREFETCH_BYTES = 8192  # how far ahead a panel, and the next one, are fetched: the CPU itself stops at each page's end
_PREFETCHING_ROWS = 5  # with fewer the loads are what takes the time


def _emit_products(emit, depth, a_rows, a_stride, panels, b_stride):
    """The sums over `depth` entries of each row of A by the rows of each panel, added one after the other.

    a_rows, panels : addresses. A list for each row of A of its sums: VECTORS vectors for each panel in turn.
    """
    builder = emit.builder
    before = builder.block
    loop, body, done = (builder.append_basic_block(f"tile.{name}") for name in ("loop", "body", "done"))
    builder.branch(loop)

    builder.position_at_end(loop)
    k = builder.phi(emit.intp)
    sums = [[builder.phi(emit.vector) for _ in range(VECTORS * len(panels))] for _ in a_rows]
    builder.cbranch(builder.icmp_signed("<", k, depth), body, done)

    builder.position_at_end(body)
    offset = builder.mul(k, b_stride)
    rows = [emit.at(panel, offset) for panel in panels]
    b = [emit.load(address) for row in rows for address in emit.panel_row(row)]
    if len(a_rows) >= _PREFETCHING_ROWS:
        for address in emit.panel_row(emit.at(rows[-1], emit.constant(_PREFETCH_BYTES))):
            emit.prefetch(address)
    for a_row, totals in zip(a_rows, sums, strict=True):
        entry = emit.broadcast(emit.at(a_row, builder.mul(k, a_stride)))
        for total, factor in zip(totals, b, strict=True):
            total.add_incoming(emit.zero(), before)
            total.add_incoming(emit.multiply_add(entry, factor, total), body)
    k.add_incoming(emit.constant(0), before)
    k.add_incoming(builder.add(k, emit.constant(1)), body)
    _keep_rolled(builder.branch(loop))
    builder.position_at_end(done)
    return sums


def _keep_rolled(branch):
    """Mark the loop that ends with `branch`: LLVM would unroll it, and then the sums no longer fit into registers."""
    module = branch.module
    disable = module.add_metadata(["llvm.loop.unroll.disable"])
    loop = module.add_metadata([disable, branch.parent.name])
    loop.operands = (loop, disable)  # a loop's mark begins with itself
    branch.set_metadata("llvm.loop", loop)


def _emit_tile(emit, rows, i, a, panel, base, c, is_whole, remains):
    """The code of `multiply_tile` for a fixed number of rows; a, panel, base, c are Numba's array structures.

    Where the tile `is_whole` it is added to base; else its rows come one after the other into the memory `remains`.
    """
    builder = emit.builder
    base_rows, c_rows = ([emit.panel_row(row) for row in emit.rows(array, i, rows)] for array in (base, c))
    for address in (address for row in base_rows for address in row):
        emit.prefetch(address)
    _, a_stride = cgutils.unpack_tuple(builder, a.strides)
    b_stride, _ = cgutils.unpack_tuple(builder, panel.strides)
    depth, _ = cgutils.unpack_tuple(builder, panel.shape)
    sums = _emit_products(emit, depth, emit.rows(a, i, rows), a_stride, [panel.data], b_stride)
    with builder.if_else(is_whole) as (whole, partial):
        with whole:
            for base_row, totals, c_row in zip(base_rows, sums, c_rows, strict=True):
                emit.add_to(base_row, totals, c_row)
        with partial:
            for r, totals in enumerate(sums):
                row = emit.at(remains, emit.constant(r * PANEL_BYTES))
                for total, address in zip(totals, emit.panel_row(row), strict=True):
                    emit.store(total, address)


def _emit_remains(emit, i, rows, columns, remains, base, c):
    """c[i:j, :columns] = base[i:j, :columns] + what a tile of rows i:j left in the memory `remains`, one by one."""
    builder, size = emit.builder, emit.constant(emit.size)
    with cgutils.for_range(builder, rows) as row, cgutils.for_range(builder, columns) as column:
        offset = builder.mul(column.index, size)
        place = builder.add(i, row.index)
        start, target = (emit.at(emit.address(array, place), offset) for array in (base, c))
        total = emit.at(emit.at(remains, builder.mul(row.index, emit.constant(PANEL_BYTES))), offset)
        values = [
            builder.load(builder.bitcast(address, emit.scalar.as_pointer()), typ=emit.scalar)
            for address in (start, total)
        ]
        builder.store(builder.fadd(*values), builder.bitcast(target, emit.scalar.as_pointer()))


@intrinsic
def multiply_tile(typingctx, i, rows, columns, a, panel, base, c):
    """One tile of a matrix product: c[i:j, :columns] = base[i:j, :columns] + (a[i:j] @ panel)[:, :columns].

    j = i + rows, 1 <= rows <= TILE_ROWS, 1 <= columns <= P. a : (M, K), any strides. panel : (K, P), base, c : (M, N),
    last stride one element; base and c may be the same.
    For each element the products are added one by one in the order of K, whatever `rows` is, and the sum to base.
    """

    def codegen(context, builder, signature, arguments):
        emit = Vectors(context, builder, signature.args[3].dtype)
        i, rows, columns, *values = arguments
        arrays = emit.arrays(signature.args[3:], values)
        remains = cgutils.alloca_once(builder, ir.ArrayType(emit.byte, TILE_ROWS * PANEL_BYTES))
        is_whole = builder.icmp_signed("==", columns, emit.constant(PANEL_BYTES // emit.size))
        done = builder.append_basic_block("tiles.done")
        switch = builder.switch(rows, done)
        for height in range(1, TILE_ROWS + 1):
            case = builder.append_basic_block(f"tile.{height}")
            switch.add_case(emit.constant(height), case)
            builder.position_at_end(case)
            _emit_tile(emit, height, i, *arrays, is_whole, remains)
            builder.branch(done)
        builder.position_at_end(done)
        with builder.if_then(builder.not_(is_whole)):
            _emit_remains(emit, i, rows, columns, remains, *arrays[2:])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp, a, panel, base, c), codegen


@intrinsic
def multiply_row(typingctx, a, panels, p, base, c):
    """One row by the ROW_PANELS panels from p on: c = base + a @ panels[p], ..., side by side.

    a : (K,). panels : (n, K, P), last stride one element. base, c : (ROW_PANELS * P or more,), last stride one element.
    Each element is the sum that `multiply_tile` gives.
    """

    def codegen(context, builder, signature, arguments):
        kinds = list(signature.args)
        del kinds[2]
        emit = Vectors(context, builder, kinds[0].dtype)
        a, panels, p, base, c = arguments
        a, panels, base, c = emit.arrays(kinds, [a, panels, base, c])
        addresses = [emit.address(panels, builder.add(p, emit.constant(q))) for q in range(ROW_PANELS)]
        [a_stride] = cgutils.unpack_tuple(builder, a.strides)
        _, b_stride, _ = cgutils.unpack_tuple(builder, panels.strides)
        _, depth, _ = cgutils.unpack_tuple(builder, panels.shape)
        [totals] = _emit_products(emit, depth, [a.data], a_stride, addresses, b_stride)
        rows = [
            [
                address
                for q in range(ROW_PANELS)
                for address in emit.panel_row(emit.at(x.data, emit.constant(q * PANEL_BYTES)))
            ]
            for x in (base, c)
        ]
        emit.add_to(rows[0], totals, rows[1])
        return context.get_dummy_value()

    return types.void(a, panels, types.intp, base, c), codegen


@intrinsic
def copy_to_panel(typingctx, matrix, i, j, panels, p, k):
    """panels[p, k] = matrix[i, j:j + P], P = panels.shape[2]. matrix : last stride one element."""

    def codegen(context, builder, signature, arguments):
        _, i, j, _, p, k = arguments
        emit = Vectors(context, builder, signature.args[0].dtype)
        source = context.make_array(signature.args[0])(context, builder, arguments[0])
        target = context.make_array(signature.args[3])(context, builder, arguments[3])
        addresses = emit.panel_row(emit.address(source, i, j)), emit.panel_row(emit.address(target, p, k))
        for load_from, store_to in zip(*addresses, strict=True):
            emit.store(emit.load(load_from), store_to)
        return context.get_dummy_value()

    intp = types.intp
    return types.void(matrix, intp, intp, panels, intp, intp), codegen


def _transposed(emit, rows):
    """The vectors `rows`, as many as each has lanes, with rows and lanes exchanged: first halves, then quarters, ..."""
    rows, lanes = list(rows), emit.lanes
    half = lanes // 2
    while half:
        near = [j if not j & half else lanes + j - half for j in range(lanes)]
        far = [j + half if not j & half else lanes + j for j in range(lanes)]
        for i in (i for i in range(lanes) if not i & half):
            pair = rows[i], rows[i + half]
            rows[i], rows[i + half] = emit.shuffle(*pair, near), emit.shuffle(*pair, far)
        half //= 2
    return rows


@intrinsic
def copy_block_to_panel(typingctx, matrix, i, j, panels, p, k):
    """panels[p, k:k + n] = matrix[i:i + n, j:j + P], n = P / VECTORS: as many rows as a vector has lanes.

    matrix : first stride one element, as a transposed matrix has it; its columns are loaded and exchanged with rows.
    """

    def codegen(context, builder, signature, arguments):
        _, i, j, _, p, k = arguments
        emit = Vectors(context, builder, signature.args[0].dtype)
        source = context.make_array(signature.args[0])(context, builder, arguments[0])
        target = context.make_array(signature.args[3])(context, builder, arguments[3])

        for v in range(VECTORS):
            places = [builder.add(j, emit.constant(v * emit.lanes + n)) for n in range(emit.lanes)]
            columns = [emit.load(emit.address(source, i, place)) for place in places]
            for n, row in enumerate(_transposed(emit, columns)):
                address = emit.address(target, p, builder.add(k, emit.constant(n)))
                emit.store(row, emit.panel_row(address)[v])
        return context.get_dummy_value()

    intp = types.intp
    return types.void(matrix, intp, intp, panels, intp, intp), codegen
