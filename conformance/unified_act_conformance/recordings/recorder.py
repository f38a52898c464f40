# mypy: disable-error-code="type-arg,no-any-return"
"""Records what a framework's own kernels give, bit for bit: one file, for old environments too.

Copy it to where the framework runs: any Python from 3.6 and NumPy from 1.13, nothing else.

    python recorder.py plan.npz recording.npz --adapter mxnet

It calls the kernels that the plan lists with the inputs that the plan holds, and writes the outputs
with a description of the environment. Arrays enter and leave as bit patterns. A call that raises is
recorded with its error. `unified_act_conformance.recordings` writes plans and judges recordings.
"""

import argparse
import contextlib
import functools
import hashlib
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PLAN_SCHEMA = "unified-act-plan/1"
RECORDING_SCHEMA = "unified-act-recording/1"

BITS = {"float16": "<u2", "bfloat16": "<u2", "float32": "<u4", "float64": "<u8"}
MXNET_BFLOAT16 = np.dtype([("bfloat16", np.uint16)])
SUBNORMAL = 0x200
"""A float32 in the middle of the subnormal numbers."""

VARIABLES = (
    *("CUDA_", "DNNL_", "GOMP_", "KMP_", "MKL_", "MXNET_", "NUMEXPR_", "OMP_", "ONEDNN_"),
    *("OPENBLAS_", "PYTORCH_", "TORCH_", "XLA_"),
    *("TF_CUDNN_", "TF_DETERMINISTIC_", "TF_DISABLE_", "TF_ENABLE_", "TF_NUM_", "TF_XLA_"),
)
"""How the environment variables begin that can change a result; TF_ alone is also Terraform's."""
CPU_FLAGS = ("amx", "asimd", "avx", "bf16", "f16c", "fma", "fphp", "neon", "sse", "ssse", "sve")
LONGEST_ERROR = 300


class NumpyAdapter:
    """NumPy, which has neither gradients nor bfloat16."""

    framework = "numpy"

    def __init__(self) -> None:
        self.module = importlib.import_module(self.framework)

    def details(self) -> dict:
        """What else tells one build or device from another."""
        return {}

    def settle(self) -> None:
        """Waits for what still runs, whose errors would else be taken for the next call's."""

    def array(self, bits: np.ndarray, dtype: str) -> Any:
        """The array of these bits."""
        if dtype == "bfloat16":
            raise TypeError("NumPy has no bfloat16")
        return bits.view(dtype)

    def bits(self, array: Any, dtype: str) -> np.ndarray:
        """The reverse of `array`; raises TypeError if the array has another type."""
        values = np.asarray(array)
        check_dtype(values.dtype.name, dtype)
        return np.ascontiguousarray(values).view(BITS[dtype])

    def value(self, function: Callable, inputs: list) -> Any:
        """The value of the function."""
        with np.errstate(all="ignore"):
            return function(*inputs)

    def gradients(self, function: Callable, inputs: list, cotangent: Any, order: int) -> list:
        """The gradients with regard to each input: of the value, or of the gradient's sum."""
        del function, inputs, cotangent, order
        raise TypeError("NumPy has no gradients")


class MxnetAdapter(NumpyAdapter):
    """MXNet: kernels are looked up in `mxnet.nd`, on the CPU."""

    framework = "mxnet"

    def details(self) -> dict:
        """The context and the features of the build."""
        features = self.module.runtime.Features()
        enabled = sorted(name for name in features if features.is_enabled(name))
        return {"device": str(self.module.current_context()), "features": enabled}

    def settle(self) -> None:
        """Lets the engine raise what an operator has left behind."""
        for _ in range(2):
            with contextlib.suppress(self.module.MXNetError):
                self.module.nd.waitall()

    def array(self, bits: np.ndarray, dtype: str) -> Any:
        """An NDArray; its bfloat16 is a structured type in NumPy."""
        of_type = MXNET_BFLOAT16 if dtype == "bfloat16" else np.dtype(dtype)
        return self.module.nd.array(bits.view(of_type), dtype=of_type)

    def bits(self, array: Any, dtype: str) -> np.ndarray:
        """The bits of an NDArray."""
        found = np.dtype(array.dtype)
        check_dtype("bfloat16" if found == MXNET_BFLOAT16 else found.name, dtype)
        return np.ascontiguousarray(array.asnumpy()).view(BITS[dtype])

    def value(self, function: Callable, inputs: list) -> Any:
        """The value, outside any recording."""
        return function(*inputs)

    def gradients(self, function: Callable, inputs: list, cotangent: Any, order: int) -> list:
        """By `autograd`."""
        autograd = self.module.autograd
        for x in inputs:
            x.attach_grad()
        with autograd.record():
            y = function(*inputs)
            if order == 2:
                (y,) = autograd.grad(y, inputs, head_grads=cotangent, create_graph=True)
                cotangent = None
        y.backward(cotangent)
        return [x.grad for x in inputs]


class TorchAdapter(NumpyAdapter):
    """PyTorch, on the CPU."""

    framework = "torch"

    def details(self) -> dict:
        """The build and the number of threads."""
        build = self.module.__config__.show().splitlines()
        threads = self.module.get_num_threads()
        return {"device": "cpu", "build": [line.strip() for line in build], "threads": threads}

    def array(self, bits: np.ndarray, dtype: str) -> Any:
        """A tensor; integers of the same width carry the bits."""
        signed = bits.view(bits.dtype.str.replace("u", "i"))
        return self.module.from_numpy(signed.copy()).view(getattr(self.module, dtype))

    def bits(self, array: Any, dtype: str) -> np.ndarray:
        """The bits of a tensor."""
        check_dtype(str(array.dtype).replace("torch.", ""), dtype)
        signed = getattr(self.module, f"int{8 * np.dtype(BITS[dtype]).itemsize}")
        return array.detach().contiguous().view(signed).numpy().view(BITS[dtype])

    def value(self, function: Callable, inputs: list) -> Any:
        """The value, without a graph."""
        with self.module.no_grad():
            return function(*inputs)

    def gradients(self, function: Callable, inputs: list, cotangent: Any, order: int) -> list:
        """By `torch.autograd.grad`."""
        grad = self.module.autograd.grad
        inputs = [x.requires_grad_() for x in inputs]
        y = function(*inputs)
        if order == 1:
            return grad(y, inputs, cotangent)
        (first,) = grad(y, inputs, cotangent, create_graph=True)
        return grad(first, inputs, self.module.ones_like(first))


class TensorflowAdapter(NumpyAdapter):
    """TensorFlow, eager, on the CPU."""

    framework = "tensorflow"

    def __init__(self) -> None:
        super().__init__()
        self.module.config.set_visible_devices([], "GPU")

    def details(self) -> dict:
        """The device."""
        return {"device": "cpu"}

    def array(self, bits: np.ndarray, dtype: str) -> Any:
        """A tensor."""
        return self.module.bitcast(self.module.constant(bits), getattr(self.module, dtype))

    def bits(self, array: Any, dtype: str) -> np.ndarray:
        """The bits of a tensor."""
        check_dtype(array.dtype.name, dtype)
        return self.module.bitcast(array, np.dtype(BITS[dtype]).name).numpy()

    def value(self, function: Callable, inputs: list) -> Any:
        """The value."""
        return function(*inputs)

    def gradients(self, function: Callable, inputs: list, cotangent: Any, order: int) -> list:
        """By nested tapes."""
        with self.module.GradientTape() as outer:
            outer.watch(inputs)
            with self.module.GradientTape() as inner:
                inner.watch(inputs)
                y = function(*inputs)
            gradients = inner.gradient(y, inputs, cotangent)
        return gradients if order == 1 else outer.gradient(gradients[0], inputs)


ADAPTERS = {
    adapter.framework: adapter
    for adapter in (MxnetAdapter, NumpyAdapter, TensorflowAdapter, TorchAdapter)
}
KERNELS_IN = {"mxnet": "nd"}
"""Where, inside the framework, the plan's names are looked up."""


def check_dtype(found: str, wanted: str) -> None:
    """Raises TypeError unless an output has the type of the input."""
    if found != wanted:
        raise TypeError(f"the output is {found}, but the input {wanted}")


def array_digest(array: np.ndarray) -> str:
    """The name under which an array is stored: what it holds."""
    head = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def canonical(document: dict) -> bytes:
    """The one way to write a document as JSON, so that its bytes can be hashed."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def as_array(document: dict) -> np.ndarray:
    """The canonical bytes of a document, as an array."""
    return np.frombuffer(canonical(document), dtype=np.uint8)


def read_arrays(path: Path) -> dict:
    """The arrays of a plan or a recording; raises ValueError if one is not what its name says."""
    with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for name, array in arrays.items():
        if name not in {"plan", "recording"} and array_digest(array) != name:
            raise ValueError(f"{path}: the array {name} has been changed")
    return arrays


def find_kernel(module: Any, name: str) -> Any:
    """The kernel of a dotted name."""
    path = [*KERNELS_IN.get(module.__name__, "").split("."), *name.split(".")]
    return functools.reduce(getattr, filter(None, path), module)


def run_call(adapter: NumpyAdapter, call: dict, arrays: dict) -> np.ndarray:
    """The output bits of one call of the plan."""
    kernel = find_kernel(adapter.module, call["kernel"])
    function = functools.partial(kernel, **call["keywords"])
    inputs = [adapter.array(arrays[name], call["dtype"]) for name in call["inputs"]]
    if call["order"] == 0:
        return adapter.bits(adapter.value(function, inputs), call["dtype"])
    cotangent = adapter.array(arrays[call["cotangent"]], call["dtype"])
    gradients = adapter.gradients(function, inputs, cotangent, call["order"])
    gradient = gradients[0 if call["part"] == "x" else 1]
    if gradient is None:
        raise TypeError("the framework gives no gradient")
    return adapter.bits(gradient, call["dtype"])


def message(error: Exception) -> str:
    """What an error says in one line; MXNet's begin with a traceback of their own."""
    lines = str(error).strip().splitlines() or [""]
    if lines[0].startswith("Traceback"):
        return lines[-1].strip()
    return f"{type(error).__name__}: {lines[0].strip()}"


def environment(adapter: NumpyAdapter) -> dict:
    """What the outputs may depend on."""
    probe = np.array([SUBNORMAL], dtype=BITS["float32"])
    kept = adapter.bits(adapter.array(probe, "float32") * 1.0, "float32")
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "numpy": np.__version__,
        "framework": adapter.framework,
        "version": adapter.module.__version__,
        "details": adapter.details(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "byteorder": sys.byteorder,
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "variables": {
            key: value for key, value in sorted(os.environ.items()) if key.startswith(VARIABLES)
        },
        "subnormals": {
            "numpy": bool((probe.view(np.float32) * np.float32(1))[0] != 0),
            "framework": bool(kept[0] == SUBNORMAL),
        },
        "recorded": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def cpu() -> dict:
    """The processor's model, and those of its instruction sets that compute."""
    described = {"model": platform.processor(), "flags": []}
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, text = (part.strip() for part in line.partition(":"))
            if key == "model name":
                described["model"] = text
            elif key in {"flags", "Features"}:
                described["flags"] = sorted({f for f in text.split() if f.startswith(CPU_FLAGS)})
    return described


def record(plan_path: Path, recording_path: Path, adapter_name: str) -> int:
    """Runs a plan and writes the recording.

    Args:
        plan_path: The plan.
        recording_path: Where to write the recording, which holds the plan too.
        adapter_name: One of `ADAPTERS`.

    Returns:
        How many calls raised.
    """
    arrays = read_arrays(plan_path)
    plan = json.loads(arrays["plan"].tobytes().decode())
    if plan["schema"] != PLAN_SCHEMA or plan["framework"] != adapter_name:
        raise ValueError(
            f"{plan_path} is a {plan['schema']} for {plan['framework']}; "
            f"this is a {PLAN_SCHEMA} recorder for {adapter_name}"
        )
    adapter = ADAPTERS[adapter_name]()
    document = {
        "schema": RECORDING_SCHEMA,
        "plan_sha256": hashlib.sha256(arrays["plan"].tobytes()).hexdigest(),
        "environment": environment(adapter),
    }
    results = []
    for index, call in enumerate(plan["calls"]):
        try:
            output = run_call(adapter, call, arrays)
            name = array_digest(output)
            arrays[name] = output
            result = {"output": name}
        except Exception as error:
            result = {"error": message(error)[:LONGEST_ERROR]}
            adapter.settle()
        results.append(result)
        print(
            f"[{index + 1}/{len(plan['calls'])}] {call['activation']} {call['dtype']} "
            f"order {call['order']}: {result.get('error', 'ok')}",
            file=sys.stderr,
            flush=True,
        )
    arrays["recording"] = as_array({**document, "results": results})
    np.savez_compressed(str(recording_path), **arrays)
    return sum("error" in result for result in results)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plan", help="the plan, as `unified-act conformance record` writes it")
    parser.add_argument("recording", help="where to write the recording, a .npz file")
    parser.add_argument("--adapter", required=True, choices=sorted(ADAPTERS))
    options = parser.parse_args()
    raised = record(options.plan, options.recording, options.adapter)
    print(f"wrote {options.recording}; {raised} calls raised", file=sys.stderr)


if __name__ == "__main__":
    main()
