"""Tuples of arrays that a kernel goes through one after the other, however many they are.

Numba takes a Python tuple apart: a kernel that is given one is compiled anew for each length, and the longer the tuple,
the longer that takes. Of a series only the type of its items matters. Each item is written down as a row of numbers:
where its arrays lie, and how large they are. The kernel makes the item again of its row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numba
import numpy as np
from numba.core import cgutils, types
from numba.extending import NativeValue, intrinsic, models, register_model, typeof_impl, unbox

from textgen.core.runtime.linking import Compiled


class Series:
    """Items of one type, one or more: tuples of arrays, of kernels, of True and False, and of such tuples again.

    Kernels take it as an argument, and read it by `count_of` and `item_of`. It keeps its arrays alive.
    """

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = tuple(items)
        found = {numba.typeof(item) for item in self.items}
        if len(found) != 1:
            raise TypeError(f"the items of a series are of one type, not of {len(found)}: {found}")
        self.type = _SeriesType(*found)
        self._rows = np.array([_numbers_of(item) for item in self.items], np.intp)
        self.count, self.address = len(self.items), self._rows.ctypes.data


def _numbers_of(value: Any) -> list[int]:
    """What `_make_value` makes `value` of again."""
    if isinstance(value, np.ndarray):
        return [value.ctypes.data, *value.shape, *value.strides]
    if isinstance(value, Compiled):
        return [value.address]
    if isinstance(value, bool):
        return [int(value)]
    if isinstance(value, tuple):
        return [number for part in value for number in _numbers_of(part)]
    raise TypeError(f"a series does not hold {value!r}")


class _SeriesType(types.Type):
    def __init__(self, item):
        self.item = item
        super().__init__(f"Series({item})")


@register_model(_SeriesType)
class _SeriesModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, manager, kind):
        super().__init__(manager, kind, [("count", types.intp), ("address", types.intp)])


@typeof_impl.register(Series)
def _type_of(series, _):
    return series.type


@unbox(_SeriesType)
def _count_and_address_of(kind, series, c):
    native = cgutils.create_struct_proxy(kind)(c.context, c.builder)
    for name in ("count", "address"):
        number = c.pyapi.object_getattr_string(series, name)
        setattr(native, name, c.pyapi.number_as_ssize_t(number))
        c.pyapi.decref(number)
    return NativeValue(native._getvalue())


@intrinsic
def count_of(typingctx, series):
    """How many items the series has."""

    def codegen(context, builder, signature, arguments):
        return cgutils.create_struct_proxy(series)(context, builder, arguments[0]).count

    return types.intp(series), codegen


@intrinsic
def item_of(typingctx, series, number):
    """The item `number` of the series, which must have as many."""

    def codegen(context, builder, signature, arguments):
        word = context.get_value_type(types.intp)
        first = cgutils.create_struct_proxy(series)(context, builder, arguments[0]).address
        width = word(_width(series.item) * context.get_abi_sizeof(word))
        row = builder.inttoptr(builder.add(first, builder.mul(arguments[1], width)), word.as_pointer())
        places = iter(range(_width(series.item)))

        def next_number():
            place = builder.gep(row, [word(next(places))], source_etype=word)
            return builder.load(place, typ=word)

        return _make_value(context, builder, series.item, next_number)

    return series.item(series, types.intp), codegen


def _width(kind):
    """How many numbers `_make_value` takes for a value of this type."""
    if isinstance(kind, types.BaseTuple):
        return sum(map(_width, kind.types))
    return 1 + 2 * kind.ndim if isinstance(kind, types.Array) else 1


def _make_value(context, builder, kind, next_number):
    """The code that makes a value of this type of the numbers that `next_number` loads."""
    # Not at the top: it takes longer to import than all of this folder, and a compiled kernel does not need it.
    from numba.np.arrayobj import populate_array

    if isinstance(kind, types.BaseTuple):
        parts = [_make_value(context, builder, part, next_number) for part in kind.types]
        return context.make_tuple(builder, kind, parts)
    if isinstance(kind, types.Boolean):
        return builder.trunc(next_number(), context.get_value_type(kind))
    if not isinstance(kind, types.Array):
        return next_number()  # the address of a kernel
    array = context.make_array(kind)(context, builder)
    data = builder.inttoptr(next_number(), context.get_data_type(kind.dtype).as_pointer())
    shape, strides = ([next_number() for _ in range(kind.ndim)] for _ in range(2))
    populate_array(array, data, shape, strides, context.get_abi_sizeof(context.get_data_type(kind.dtype)), None)
    return array._getvalue()
