"""Without llvmlite there are no kernels, and everything else works."""

PROGRAM = """
import sys
sys.modules["llvmlite"] = None
from unified_act.kernels import fused, unavailable
from unified_act.registry import ACTIVATIONS
gelu = ACTIVATIONS.find("gelu")
print(fused(gelu), "|", unavailable(), "|", unavailable(gelu))
"""
BROKEN = PROGRAM.replace(
    'sys.modules["llvmlite"] = None',
    "class Broken:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name == 'llvmlite':\n"
    "            raise OSError('libLLVM.so: cannot open shared object file')\n"
    "sys.meta_path.insert(0, Broken())",
)
LIGHT = """
import sys
import unified_act.kernels
print({"llvmlite", "numpy", "ctypes", "concurrent.futures", "tempfile"} & set(sys.modules))
"""


def test_there_is_none_and_the_reason_is_said(run_python):
    none, reason, of_gelu = run_python(PROGRAM).strip().split(" | ")
    assert none == "None"
    assert reason == of_gelu == "llvmlite is not installed: pip install 'unified-act[kernels]'"


def test_a_broken_one_is_none(run_python):
    none, reason, _ = run_python(BROKEN).strip().split(" | ")
    assert none == "None"
    assert reason.startswith("llvmlite cannot be used: OSError: libLLVM.so")


def test_the_room_is_light(run_python):
    assert run_python(LIGHT).strip() == "set()"
