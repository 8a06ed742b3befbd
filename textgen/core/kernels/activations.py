"""exp, tanh and the logistic function, in a form that LLVM vectorises; and their derivatives by their own values.

float32 goes through a polynomial. Over all float32 it errs by at most 1.01 units in the last place (exp), 2.5 (tanh)
and 2.5 (logistic), with FMA and without. float64, which serves the gradient checks, goes through the C library.
All three pass NaN on. tanh is odd, exactly x for the smallest x, and exactly 1 for large ones.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from textgen.core.runtime.jit import inlined

_LOG2_E = np.float32(1.4426950408889634)
_LN2 = np.float32(0.6931471805599453)
_LN2_HIGH = np.float32(0.693359375)  # few bits: n * _LN2_HIGH is exact
_LN2_LOW = np.float32(-2.12194440e-4)
_EXP_LEAST = np.float32(-87.33654)  # exp of this is the smallest normal float32
_EXP_MOST = np.float32(88.37626)
_TANH_LEAST = np.float32(-20)  # tanh is 1 in float32 where exp(-2 |x|) < exp(-18.03)
_ONE, _TWO = np.float32(1), np.float32(2)
_ROUNDER = np.float32(1.5 * 2**23)  # added to a small number, it leaves the nearest whole number in the lowest bits

# Of float64: see `exp_below_zero`. Source of the two parts of ln(2): Cephes, exp.c (Moshier).
_LN2_HIGH_64, _LN2_LOW_64 = 6.93145751953125e-1, 1.42860682030941723212e-6
_ROUNDER_64 = 1.5 * 2.0**52

# exp(r) - 1 = r + r^2 * P(r) for |r| <= ln(2) / 2, the absolute error under 2 ** -27.6. The coefficients minimise the
# largest error of r^2 * P(r) + 0.1 |r| * P(r) in float64 (Lawson's reweighted least squares over 4000 Chebyshev
# points, r > 0 weighted by a half, as an ulp of exp(r) is twice as large there), and are then rounded.
_P0, _P1, _P2 = np.float32(4.999999106e-1), np.float32(1.666652560e-1), np.float32(4.166899621e-2)
_P3, _P4 = np.float32(8.368242532e-3), np.float32(1.378198154e-3)


@intrinsic
def _power_of_two(typingctx, rounded):
    """2 ** n, for rounded = rounder + n and a whole number n: n becomes the exponent's bits.

    float32: n in [-126, 127], _ROUNDER. float64: n in [-1022, 1023], _ROUNDER_64.
    """
    width, mantissa, bias = (32, 23, 127) if rounded == types.float32 else (64, 52, 1023)

    def codegen(context, builder, signature, arguments):
        integer = ir.IntType(width)
        bits = builder.bitcast(arguments[0], integer)
        exponent = builder.shl(bits, ir.Constant(integer, mantissa))  # pushes out all but n
        return builder.bitcast(builder.add(exponent, ir.Constant(integer, bias << mantissa)), arguments[0].type)

    return rounded(rounded), codegen


@inlined
def _exp_less_one_near_zero(r):
    return ((((_P4 * r + _P3) * r + _P2) * r + _P1) * r + _P0) * (r * r) + r


@inlined
def _exp_float32(x):
    # Written as "replace what is beyond", so that NaN, which compares false, passes through.
    x = _EXP_LEAST if x < _EXP_LEAST else x
    x = _EXP_MOST if x > _EXP_MOST else x
    rounded = x * _LOG2_E + _ROUNDER  # not floor(): without SSE4.1 that is a call, which keeps loops from vectors
    n = rounded - _ROUNDER
    r = x - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    return (_exp_less_one_near_zero(r) + _ONE) * _power_of_two(rounded)


@inlined
def _tanh_float32(x):
    # With t = exp(-2 |x|) - 1, which keeps its relative accuracy at 0: tanh |x| = -t / (2 + t).
    y = -abs(x)
    y = y + y
    y = _TANH_LEAST if y < _TANH_LEAST else y
    rounded = y * _LOG2_E + _ROUNDER
    n = rounded - _ROUNDER
    r = y - n * _LN2  # n * _LN2 need not be exact: where n is large, exp(y) is small beside 1
    power = _power_of_two(rounded)
    t = _exp_less_one_near_zero(r) * power + (power - _ONE)
    return math.copysign(t / (_TWO + t), x)


@inlined
def _logistic_float32(x):
    # exp(-x) as in `_exp_float32`, bit for bit, with the signs turned in its formula: where x itself is negated, LLVM
    # moves the sign into the comparisons, which then are no minimum and maximum any more; a sixth of the time.
    x = -_EXP_MOST if x < -_EXP_MOST else x
    x = -_EXP_LEAST if x > -_EXP_LEAST else x
    rounded = _ROUNDER - x * _LOG2_E
    n = rounded - _ROUNDER
    r = x + n * _LN2_HIGH
    r = r + n * _LN2_LOW
    return _ONE / (_ONE + (_exp_less_one_near_zero(-r) + _ONE) * _power_of_two(rounded))


@inlined
def exp_below_zero(x):
    """e ** x in float64 for x <= 0, in a form that LLVM vectorises; 0 where it is less than 2e-308, NaN for NaN.

    Relative error under 4e-16. Source: the Taylor series, after x = n ln(2) + r with |r| <= ln(2) / 2.
    """
    y = -708.0 if x < -708.0 else x
    rounded = y * 1.4426950408889634 + _ROUNDER_64
    n = rounded - _ROUNDER_64
    r = y - n * _LN2_HIGH_64
    r = r - n * _LN2_LOW_64
    p = ((1 / 479001600 * r + 1 / 39916800) * r + 1 / 3628800) * r + 1 / 362880
    p = (((p * r + 1 / 40320) * r + 1 / 5040) * r + 1 / 720) * r + 1 / 120
    p = ((p * r + 1 / 24) * r + 1 / 6) * r + 0.5
    power = _power_of_two(rounded)
    return 0.0 if x < -708.0 else (p * (r * r) + r + 1.0) * power


def exp(x):
    """e ** x, for use inside kernels."""
    raise NotImplementedError("for use inside kernels")


def tanh(x):
    """The hyperbolic tangent, for use inside kernels."""
    raise NotImplementedError("for use inside kernels")


def logistic(x):
    """1 / (1 + e ** -x), for use inside kernels."""
    raise NotImplementedError("for use inside kernels")


@overload(exp, inline="always")
def _exp(x):
    if x == types.float32:
        return lambda x: _exp_float32(x)
    return lambda x: math.exp(x)


@overload(tanh, inline="always")
def _tanh(x):
    if x == types.float32:
        return lambda x: _tanh_float32(x)
    return lambda x: math.tanh(x)


@overload(logistic, inline="always")
def _logistic(x):
    if x == types.float32:
        return lambda x: _logistic_float32(x)
    return lambda x: 1.0 / (1.0 + math.exp(-x))


@inlined
def apply_tanh(x):
    """Replace the entries of the vector x by their hyperbolic tangents."""
    for j in range(x.size):
        x[j] = tanh(x[j])


@inlined
def apply_logistic(x):
    """Replace the entries of the vector x by their logistic function."""
    for j in range(x.size):
        x[j] = logistic(x[j])


# The derivatives are written without the number 1: an integer beside a float32 would make the arithmetic float64.


@inlined
def through_logistic(dy, y):
    """The gradient of x, for y = logistic(x) with gradient dy: dy * y * (1 - y)."""
    return dy * (y - y * y)


@inlined
def through_tanh(dy, y):
    """The gradient of x, for y = tanh(x) with gradient dy: dy * (1 - y * y)."""
    return dy - dy * y * y
