"""exp, tanh and the logistic function, in a form that LLVM vectorises; and their derivatives by their own values.

float32 goes through polynomials (relative error of a few units in the last place); float64, which serves the gradient
checks, through the C library. All three pass NaN on.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from textgen.core.jit import inlined

_LOG2_E = np.float32(1.4426950408889634)
_LN2_HIGH = np.float32(0.693359375)  # few bits: n * _LN2_HIGH is exact
_LN2_LOW = np.float32(-2.12194440e-4)
_EXP_LEAST = np.float32(-87.33654)  # exp of this is the smallest normal float32
_EXP_MOST = np.float32(88.37626)
_HALF, _ONE = np.float32(0.5), np.float32(1)
# exp(r) = 1 + r + r^2 * P(r) for |r| <= ln(2) / 2. Source: Cephes, expf.c (Moshier).
_E0, _E1, _E2 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
_E3, _E4, _E5 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)

# tanh(x) = x * P(x^2) / Q(x^2) for |x| up to this; beyond it, the value there stands for +-1, 4 ulp off.
# Source: Eigen, ptanh_float.
_TANH_MOST = np.float32(7.90531110763549805)
_P1, _P3, _P5 = np.float32(4.89352455891786e-03), np.float32(6.37261928875436e-04), np.float32(1.48572235717979e-05)
_P7, _P9, _P11 = np.float32(5.12229709037114e-08), np.float32(-8.60467152213735e-11), np.float32(2.00018790482477e-13)
_P13 = np.float32(-2.76076847742355e-16)
_Q0, _Q2 = np.float32(4.89352518554385e-03), np.float32(2.26843463243900e-03)
_Q4, _Q6 = np.float32(1.18534705686654e-04), np.float32(1.19825839466702e-06)


@intrinsic
def _power_of_two(typingctx, n):
    """2 ** n as float32, for a float32 whole number n in [-126, 127]: n is written into the exponent's bits."""

    def codegen(context, builder, signature, arguments):
        exponent = builder.add(builder.fptosi(arguments[0], ir.IntType(32)), ir.Constant(ir.IntType(32), 127))
        return builder.bitcast(builder.shl(exponent, ir.Constant(ir.IntType(32), 23)), ir.FloatType())

    return types.float32(types.float32), codegen


@inlined
def _exp_float32(x):
    # Written as "replace what is beyond", so that NaN, which compares false, passes through.
    x = _EXP_LEAST if x < _EXP_LEAST else x
    x = _EXP_MOST if x > _EXP_MOST else x
    n = np.float32(np.floor(x * _LOG2_E + _HALF))
    r = x - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    p = ((((_E0 * r + _E1) * r + _E2) * r + _E3) * r + _E4) * r + _E5
    return (p * (r * r) + r + _ONE) * _power_of_two(n)


@inlined
def _tanh_float32(x):
    x = -_TANH_MOST if x < -_TANH_MOST else x
    x = _TANH_MOST if x > _TANH_MOST else x
    s = x * x
    p = (((((_P13 * s + _P11) * s + _P9) * s + _P7) * s + _P5) * s + _P3) * s + _P1
    q = ((_Q6 * s + _Q4) * s + _Q2) * s + _Q0
    return x * p / q


@inlined
def _logistic_float32(x):
    return _ONE / (_ONE + _exp_float32(-x))


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
