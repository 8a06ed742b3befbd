"""How wide vectors are: those that products are written in, and those that LLVM makes of a kernel's plain loops.

Both are as wide as the CPU multiplies at once. On Intel's CPUs with AVX-512, LLVM by itself takes half the width for
loops, since the first of these CPUs slowed down for a while after each use of the full one.
"""

from __future__ import annotations

import numba
from llvmlite import ir
from numba.core import codegen, compiler, lowering, typed_passes
from numba.core.compiler_machinery import PassManager, register_pass


def _vector_bytes() -> int:
    """Bytes of the widest vectors that this CPU multiplies: 64 (AVX-512), 32 (AVX2), else 16."""
    features = numba.config.CPU_FEATURES
    enabled = set((codegen.get_host_cpu_features() if features is None else features).split(","))
    if "+avx512f" in enabled:
        return 64
    return 32 if {"+avx2", "+fma"} <= enabled else 16


VECTOR_BYTES = _vector_bytes()
_PREFERRED = f'"prefer-vector-width"="{8 * VECTOR_BYTES}"'  # an attribute of a function, as LLVM's language has it


class _Attributes(ir.values.FunctionAttributes):  # type: ignore[misc]  # llvmlite has no types
    """llvmlite's, and the one that it does not know."""

    _known = ir.values.FunctionAttributes._known | {_PREFERRED}


class _Lower(lowering.Lower):  # type: ignore[misc]  # Numba has no types
    def setup_function(self, fndesc):
        super().setup_function(fndesc)
        self.function.attributes = _Attributes([*self.function.attributes, _PREFERRED])


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.BaseNativeLowering):  # type: ignore[misc]
    _name = "textgen_lowering"
    lowering_class = _Lower


class KernelCompiler(compiler.CompilerBase):  # type: ignore[misc]
    """Numba's compiler, but that each function tells LLVM how wide its vectors are to be."""

    def define_pipelines(self) -> list[PassManager]:
        """Numba's own passes, one of them replaced."""
        passes = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        replaced = {typed_passes.NativeLowering: _Lowering}
        passes.passes = [(replaced.get(each, each), told) for each, told in passes.passes]
        passes.finalize()
        return [passes]
