"""What was judged on one device decides nothing about another."""

import dataclasses
import sys

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import unified_act as ua
from tests.backends.arrays import bits, native
from tests.implementations import forget_implementations
from tests.specifications import REQUIRED
from unified_act.backend import DTYPES, Devices, Native, kernel_for
from unified_act.loading import load_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.harness import device_in_use, use_device

WIDE = ("float32", "float64")
ELSEWHERE = ["jax", "mxnet", "tensorflow", "torch"]
READ = Devices(read={"cuda": "its source"})
ROW = Native("function", dtypes=("float16", "float32"))


class TestAdmitted:
    @pytest.mark.parametrize(
        ("row", "device", "dtypes"),
        [
            (ROW, "cpu", ("float16", "float32")),
            (ROW, "cuda", ("float16", "float32")),
            (ROW, "mps", ("float32",)),
            (Native("function", elsewhere={"cuda": WIDE}), "cpu", DTYPES),
            (Native("function", elsewhere={"cuda": WIDE}), "cuda", WIDE),
            (Native("function", dtypes=(), elsewhere={"cuda": DTYPES}), "cuda", DTYPES),
            (Native("function", dtypes=(), elsewhere={"cuda": DTYPES}), "mps", ()),
            (Native("function", everywhere=True), "mps", DTYPES),
            (Native("function", exact=True), "mps", DTYPES),
        ],
    )
    def test_by_device(self, row, device, dtypes):
        assert tuple(READ.admitted(row, device)) == dtypes

    def test_where_it_was_judged(self):
        judged = Devices(judged=("cpu", "gpu"))
        assert judged.admitted(ROW, "gpu") == ROW.dtypes
        assert not judged.why("gpu")
        assert "nobody has judged the kernels on tpu" in judged.why("tpu")

    def test_parameters_count_there_too(self):
        row = Native(
            "function", dtypes=(), keywords={"at": "at"}, bends=("at",), elsewhere={"cuda": DTYPES}
        )
        assert row.serving({"at": 0.5}).elsewhere["cuda"] == DTYPES
        assert row.serving({"at": 0.1}).elsewhere["cuda"] == WIDE
        assert Native("function", dtypes=()).serving({}) is None

    def test_what_serves_on_every_kind_of_device_that_is_not_named(self):
        row = Native("function", dtypes=(), elsewhere={"cuda": DTYPES, "other": DTYPES})
        assert READ.admitted(row, "cuda") == DTYPES
        assert READ.admitted(row, "mps") == WIDE
        assert READ.admitted(row, "cpu") == ()
        assert READ.known(row) == ("cuda",)

    def test_the_function_of_a_plugin_serves_everywhere(self):
        plugin = dataclasses.replace(ACTIVATIONS.find("gelu"), overrides={"torch": "some:function"})
        row = kernel_for("torch", {}, plugin, "fast")
        assert READ.admitted(row, "mps") == DTYPES


@pytest.mark.parametrize("backend", ELSEWHERE)
def test_the_data_name_dtypes_and_kinds_of_devices(backend):
    loaded = load_backend(backend)
    for row in loaded.native.values():
        for device, dtypes in row.elsewhere.items():
            assert device in (*loaded.devices.read, "other")
            assert set(dtypes) <= set(DTYPES)


@pytest.mark.parametrize(
    ("name", "dtype", "device", "own"),
    [
        ("gelu", "bfloat16", "cuda", True),  # whose fault only a CPU's kernel has
        ("gelu", "bfloat16", "mps", False),
        ("gelu", "float32", "mps", True),
        ("gelu_tanh", "bfloat16", "cuda", False),  # whose fault is in the formula
        ("sigmoid", "bfloat16", "cuda", True),
        ("sigmoid", "bfloat16", "mps", False),
        ("mish", "bfloat16", "cuda", True),  # outrun on a CPU
        ("mish", "float32", "mps", True),
        ("mish", "bfloat16", "mps", False),
        ("tanh_shrink", "float16", "cuda", False),
        ("softmax", "bfloat16", "cuda", True),
        ("softmax", "bfloat16", "mps", False),
        ("prelu", "float16", "cuda", False),
        ("relu", "bfloat16", "mps", True),
    ],
)
def test_pytorch_s_own_function_elsewhere(monkeypatch, name, dtype, device, own):
    row = load_backend("torch").native[name]
    function, calls = row.find(torch), []

    def counted(*inputs, **keywords):
        calls.append(name)
        return function(*inputs, **keywords)

    monkeypatch.setattr(Native, "find", lambda self, module: counted)
    monkeypatch.setattr("unified_act_torch.calls._ORDER", {})  # operations are not found by `find`
    forget_implementations()
    try:
        asked = REQUIRED.get(name, name)
        fast, strict = (
            ua.get_activation(asked, backend="torch", numerics=numerics)
            for numerics in ("fast", "strict")
        )
        with FakeTensorMode():
            x = torch.ones(2, 3, dtype=getattr(torch, dtype), device=device)
            further = [torch.ones(3, dtype=x.dtype, device=device)] if name == "prelu" else []
            assert strict(x, *further).device.type == device
            assert not calls
            assert fast(x, *further).device.type == device
        assert bool(calls) == own
    finally:
        forget_implementations()


def test_what_has_no_memory_is_as_on_a_cpu():
    gelu = ua.get_activation("gelu", backend="torch")
    for dtype in (torch.bfloat16, torch.float32):
        assert gelu(torch.empty(3, dtype=dtype, device="meta")).dtype is dtype


@pytest.fixture(name="on_a_gpu")
def _on_a_gpu(monkeypatch):
    """Makes a backend think that its arrays are on a GPU."""

    def pretend(backend):
        kind = type(load_backend(backend))
        monkeypatch.setattr(kind, "device_of", lambda self, x: "gpu")
        monkeypatch.setattr(kind, "has_devices", lambda self: True)
        if backend == "jax":
            module = sys.modules[kind.__module__]
            monkeypatch.setattr(module, "_has_only_cpus", lambda: False)
        forget_implementations()

    yield pretend
    forget_implementations()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(("backend", "name"), [("jax", "sigmoid"), ("tensorflow", "tanh")])
def test_where_nobody_has_judged_a_kernel_serves_no_16_bit_type(
    monkeypatch, on_a_gpu, backend, name, dtype
):
    x = native(backend, [-9.0, -0.3, 0.0, 2.0], dtype)
    strict = ua.get_activation(name, backend=backend, numerics="strict")(x)
    on_a_gpu(backend)
    monkeypatch.setattr(Native, "find", lambda self, module: lambda *x, **keywords: 1 / 0)
    fast = ua.get_activation(name, backend=backend)
    assert bits(backend, fast(x), dtype) == bits(backend, strict, dtype)


def test_mxnet_s_operators_serve_no_16_bit_type_on_a_gpu(on_a_gpu):
    x = native("mxnet", [-9.0, -0.3, 0.0, 2.0], "float16")
    on_a_gpu("mxnet")
    # An operator would add up its gradient in float16, and returns its own bits.
    found = ua.get_activation("softplus", backend="mxnet")(x)
    strict = ua.get_activation("softplus", backend="mxnet", numerics="strict")(x)
    assert bits("mxnet", found, "float16") == bits("mxnet", strict, "float16")


@pytest.mark.parametrize("backend", ["mxnet", "tensorflow", "torch"])
def test_an_array_tells_its_device(backend):
    x = native(backend, [1.0, 2.0], "float32")
    assert load_backend(backend).device_of(x) == "cpu"


class TestDescribe:
    def of(self, name, backend, device):
        return ua.describe(name, backend=backend, device=device)

    def test_by_device(self):
        assert "fast: float16, bfloat16 by a table" in self.of("gelu", "torch", "cpu")
        on_cuda = self.of("gelu", "torch", "cuda:1")
        assert "fast: float16, bfloat16, float32, float64 by nn.functional.gelu" in on_cuda
        assert "strict: float16, bfloat16 by a table; float32, float64 by the shared" in on_cuda
        assert "nobody has judged the kernels on cuda: they serve where" in on_cuda
        assert "on a CPU: 0." not in on_cuda
        assert "nor read their source" in self.of("gelu", "torch", "mps")

    def test_tables_in_memory(self):
        assert "16-bit" not in self.of("gelu", "tensorflow", "gpu").partition("strict: ")[2][:60]
        assert "strict: float16, bfloat16, float32" in self.of("gelu", "tensorflow", "gpu")

    def test_mistakes(self):
        with pytest.raises(ua.UnsupportedError, match="numpy computes on a CPU alone, not on 'gpu"):
            self.of("gelu", "numpy", "gpu")
        with pytest.raises(ua.ParameterValueError, match="without a backend"):
            ua.describe("gelu", device="cuda")
        with pytest.raises(ua.ParameterValueError, match="device must be a text"):
            self.of("gelu", "torch", torch.device("cuda"))


TWO_DEVICES = """
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)

import unified_act as ua
from unified_act_conformance.harness import load_harness, use_device

for backend in ("tensorflow", "jax"):
    harness = load_harness(backend)
    use_device(backend, "cpu:1")
    gelu = ua.get_activation("gelu", backend=backend)
    x = harness.to_native(np.ones(3, "float32"), "float32")
    for array in (x, *ua.value_and_grad(gelu, x)):
        where = str(array.device)
        assert where.endswith(("CPU:1", "CPU_1")) or "id=1" in where, where
    print(backend, harness.device_name())
"""


def test_the_suite_puts_arrays_on_the_device(run_python):
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    assert "jax cpu:1" in run_python(TWO_DEVICES, environment=flags)


@pytest.mark.parametrize(
    ("backend", "says"),
    [
        ("jax", "JAX has "),
        ("mxnet", "MXNet has cpu and "),
        ("numpy", "it computes on a CPU alone"),
        ("tensorflow", "TensorFlow has CPU:0"),
        ("torch", "PyTorch has no such device here"),
    ],
)
def test_a_device_that_is_not_there(backend, says):
    with pytest.raises(
        ua.UnsupportedError, match=f"{backend} cannot be judged on 'nonsense': {says}"
    ):
        use_device(backend, "nonsense")
    assert device_in_use(backend) == "cpu"


def test_a_device_whose_arrays_have_no_values():
    with pytest.raises(ua.UnsupportedError, match="PyTorch has no such device"):
        use_device("torch", "meta")
