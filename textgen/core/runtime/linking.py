"""Kernels that other kernels call by their address.

Numba compiles into each kernel all that it calls, again at every level of calls. A kernel that is handed over as an
argument is compiled once, and its callers without it; and one caller can serve them all: it need not know which cell
of a network it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core import cgutils, types
from numba.core.typeconv import Conversion
from numba.extending import NativeValue, intrinsic, models, register_model, typeof_impl, unbox


class Compiled:
    """A kernel that returns nothing, compiled for arguments of the types that `examples` have.

    Kernels take it as an argument, and call it by `call`.
    """

    def __init__(self, kernel: Callable[..., Any], *examples: object) -> None:
        self.arguments = tuple(numba.typeof(example) for example in examples)
        kernel.compile(self.arguments)  # type: ignore[attr-defined]
        result = kernel.overloads[self.arguments]  # type: ignore[attr-defined]
        self._library = result.library  # keeps the code alive
        self.address = int(result.library.get_pointer_to_function(result.fndesc.llvm_func_name))


class _CompiledType(types.Type):
    def __init__(self, arguments):
        self.arguments = arguments
        super().__init__(f"Compiled({', '.join(map(str, arguments))})")


@register_model(_CompiledType)
class _AddressModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager, kind):
        super().__init__(manager, kind, manager.lookup(types.uintp).get_value_type())


@typeof_impl.register(Compiled)
def _type_of(compiled, _):
    return _CompiledType(compiled.arguments)


@unbox(_CompiledType)
def _address_of(_, compiled, c):
    address = c.pyapi.object_getattr_string(compiled, "address")
    native = c.pyapi.number_as_ssize_t(address)
    c.pyapi.decref(address)
    return NativeValue(native)


@intrinsic
def call(typingctx, compiled, arguments):
    """Call `compiled` with the tuple `arguments`; they are converted to the types that it was compiled for."""

    def codegen(context, builder, signature, values):
        declared = list(compiled.arguments)
        function = context.call_conv.get_function_type(types.none, declared).as_pointer()
        address, packed = values
        callee = builder.inttoptr(address, function)
        inner = cgutils.unpack_tuple(builder, packed)
        status, _ = context.call_conv.call_function(builder, callee, types.none, declared, inner)
        with cgutils.if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return context.get_dummy_value()

    declared = types.Tuple(compiled.arguments)
    conversion = typingctx.can_convert(arguments, declared)
    if conversion is None or conversion > Conversion.safe:
        return None  # Numba raises TypingError; unasked it would read the bytes of one array as another's
    return types.void(compiled, declared), codegen
