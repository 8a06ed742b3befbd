"""Threads that work in step inside one kernel: each does its part, and all wait for one another without Python.

A hand-over from Python takes as long as a token of a small network; here it is some ten nanoseconds.
"""

from __future__ import annotations

from typing import NamedTuple

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from textgen.core.runtime.buffers import zeros
from textgen.core.runtime.jit import inlined

_LINE = 16  # int64 in two cache lines: processors fetch them in pairs
_SPINS = 4096  # looks at the others' arrivals before the processor is offered to another thread
_ON_X86 = llvmlite.binding.get_process_triple().startswith(("x86_64", "i686"))
_YIELDS = ("sched_yield", "SwitchToThread")  # what the system calls it: POSIX, Windows


class Crew(NamedTuple):
    """The place of one thread among those that run a kernel together.

    arrivals : (parts + 1, 16) int64; in column 0, how often each of them has come to a meeting, and last whether the
    crew is abandoned: then nobody waits any more.
    """

    part: int
    parts: int
    arrivals: np.ndarray


def crews(parts: int) -> list[Crew]:
    """The places of `parts` threads. Each must run the kernel, or the others wait for it until it is abandoned.

    With more of them than CPUs each meeting takes as long as the system lets a thread run, some milliseconds.
    """
    arrivals = zeros((parts + 1, _LINE), np.dtype(np.int64))
    return [Crew(part, parts, arrivals) for part in range(parts)]


ALONE = crews(1)[0]


def abandon(crew: Crew) -> None:
    """Let those go who wait for one that does not come. What they then write is of no use."""
    crew.arrivals[crew.parts, 0] = 1


@intrinsic
def _arrived(typingctx, arrivals, part):
    """arrivals[part, 0], as the thread `part` wrote it last, with all that it had written before."""

    def codegen(context, builder, signature, values):
        address = _address(context, builder, signature, values)
        return builder.load_atomic(address, "acquire", 8, typ=ir.IntType(64))

    return types.int64(arrivals, types.intp), codegen


@intrinsic
def _arrive(typingctx, arrivals, part, count):
    """arrivals[part, 0] = count, seen by other threads after all that this one has written."""

    def codegen(context, builder, signature, values):
        builder.store_atomic(values[2], _address(context, builder, signature, values), "release", 8)
        return context.get_dummy_value()

    return types.void(arrivals, types.intp, types.int64), codegen


def _address(context, builder, signature, values):
    array = context.make_array(signature.args[0])(context, builder, values[0])
    zero = ir.Constant(ir.IntType(64), 0)
    return cgutils.get_item_pointer(context, builder, signature.args[0], array, [values[1], zero])


@intrinsic
def _pause(typingctx):
    """Let the other thread of this core have its units for a moment."""

    def codegen(context, builder, signature, values):
        if _ON_X86:
            pause = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, pause, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _offer_processor(typingctx):
    """Let another thread have the processor, if the system has a call for it."""

    def codegen(context, builder, signature, values):
        name = next(filter(llvmlite.binding.address_of_symbol, _YIELDS), None)
        if name is not None:
            offer = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, offer, name), [])
        return context.get_dummy_value()

    return types.void(), codegen


@inlined
def is_abandoned(crew):
    """Whether somebody does not come any more."""
    return _arrived(crew.arrivals, crew.parts) != 0


@inlined
def meet(crew):
    """Wait until all of the crew have come to this place; what they wrote before can then be read."""
    if crew.parts == 1:
        return
    count = _arrived(crew.arrivals, crew.part) + 1
    _arrive(crew.arrivals, crew.part, count)
    for other in range(crew.parts):
        spins = 0
        while _arrived(crew.arrivals, other) < count and not is_abandoned(crew):
            spins += 1
            if spins < _SPINS:
                _pause()
            else:
                _offer_processor()


@inlined
def share_of(first, last, crew):
    """What falls to this part of the crew of the range [first, last): again such a range."""
    count = last - first
    return first + count * crew.part // crew.parts, first + count * (crew.part + 1) // crew.parts
