"""Machine code from LLVM's assembly language, by llvmlite."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["LOCK", "Library", "Processor", "compiled", "host", "unavailable", "version"]

LOCK = threading.RLock()
"""Held while LLVM works: its global state is for one thread at a time."""

_LEAST_LLVM = 20
"""The LLVM of llvmlite 0.45: older ones read another assembly language."""


class Processor(tuple[str, str]):
    """The name of a processor and its features, as LLVM writes them."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Such as ``"znver4"``."""
        return self[0]

    @property
    def features(self) -> str:
        """Such as ``"+avx2,+fma,-avx512f"``."""
        return self[1]


@functools.cache
def _llvm() -> Any:
    from llvmlite import binding as llvm

    with LOCK:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    return llvm


@functools.cache
def unavailable() -> str:
    """Why no machine code can be made here; empty if it can."""
    try:
        llvm = _llvm()
        processor = host()
        triple = llvm.get_process_triple()
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "llvmlite":
            return "llvmlite is not installed: pip install 'unified-act[kernels]'"
        return f"llvmlite cannot be used: {type(error).__name__}: {error}"
    if llvm.llvm_version_info[0] < _LEAST_LLVM:
        return "llvmlite is too old: pip install --upgrade 'unified-act[kernels]'"
    if triple.startswith(("x86_64", "i386", "i686")) and "+fma," not in f"{processor.features},":
        return "the processor has no fused multiply-add"
    return ""


@functools.cache
def host() -> Processor:
    """The processor that this program runs on."""
    llvm = _llvm()
    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # LLVM cannot find them out on every system
        features = ""
    return Processor((llvm.get_host_cpu_name(), features))


def converts_float16() -> bool:
    """Whether the processor does: if not, LLVM calls a function that may be nowhere."""
    features = f"{host().features},"
    return "avx2" not in features or "+f16c," in features


@functools.cache
def version() -> str:
    """The version of llvmlite and of its LLVM, and the system that it compiles for."""
    import llvmlite

    numbers = ".".join(map(str, _llvm().llvm_version_info))
    triple = _llvm().get_process_triple()
    return f"llvmlite {llvmlite.__version__}, LLVM {numbers}, {triple}"


def compiled(text: str, processor: Processor) -> bytes:
    """Returns the object file of a module.

    Args:
        text: The module in LLVM's assembly language.
        processor: What to compile for.
    """
    llvm = _llvm()
    with LOCK:
        module = llvm.parse_assembly(text)
        module.verify()
        found: bytes = _machine(processor).emit_object(module)
    return found


def _machine(processor: Processor) -> Any:
    target = _llvm().Target.from_triple(_llvm().get_process_triple())
    # Code of a just-in-time compiler may lie more than 2 GB from the C library.
    return target.create_target_machine(
        cpu=processor.name, features=processor.features, opt=2, reloc="pic", codemodel="jitdefault"
    )


class Library:
    """An object file in memory, which stays there as long as this object or a function of it."""

    def __init__(self, code: bytes) -> None:
        """Loads the object file.

        Raises:
            RuntimeError: It is none for this computer.
        """
        llvm = _llvm()
        with LOCK:
            machine = _machine(host())
            self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()

    def function(self, name: str, pointers: int, integers: int = 0) -> Callable[..., None]:
        """Returns a function that takes pointers and then integers. It runs without the GIL.

        Args:
            name: Its name.
            pointers: How many pointers it takes.
            integers: How many integers.
        """
        import ctypes

        with LOCK:
            address = self._engine.get_function_address(name)
        if not address:
            raise RuntimeError(f"the object file has no function {name}")
        # An integer of 64 bits is passed like a pointer, which ctypes converts in half of the time.
        types = [ctypes.c_void_p] * (pointers + integers)
        found: Any = ctypes.CFUNCTYPE(None, *types)(address)
        found.library = self  # it is in the memory of this one
        function: Callable[..., None] = found
        return function
