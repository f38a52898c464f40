"""The tables of native kernels: data that must fit the framework and leak none of its defaults."""

import importlib
import inspect
import re

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import REQUIRED, SPECS
from unified_act.backend import DTYPES, FrameworkBackend, Native, written_call
from unified_act.loading import load_backend
from unified_act_conformance.floats import to_type
from unified_act_conformance.harness import load_harness

ROWS = [
    (backend, name)
    for backend in ("mxnet", "numpy", "tensorflow", "torch")
    for name in load_backend(backend).native
]
GAUSSIAN = ("gelu", "selu")
"""The act_types of MXNet's LeakyReLU that have no slope."""

every_row = pytest.mark.parametrize(("backend", "name"), ROWS)

DO_NOT_MATTER = {
    *("inplace", "name", "out", "dtype", "kwargs"),
    # MXNet: a temperature of None and no lengths; of LeakyReLU, what is for other act_types.
    *("temperature", "length", "use_length", "lower_bound", "upper_bound", "gamma"),
}


def framework(backend):
    if backend == "mxnet":
        from unified_act_mxnet._framework import mx

        return mx.nd
    return __import__(backend)


def kernel(backend, name):
    return load_backend(backend).native[name]


@every_row
def test_names_an_activation(backend, name):
    row = kernel(backend, name)
    parameters = {parameter.name for parameter in SPECS[REQUIRED.get(name, name)].parameters}
    assert set(row.dtypes) <= set(DTYPES)
    assert row.keywords.keys() | row.only.keys() == parameters
    assert row.unless.keys() <= parameters
    assert not row.keywords.keys() & row.only.keys()
    assert not set(row.keywords.values()) & row.constants.keys()


@every_row
def test_the_function_exists(backend, name):
    row = kernel(backend, name)
    assert callable(row.find(framework(backend)))
    if backend == "mxnet":
        from unified_act_mxnet._framework import mx

        assert callable(row.find(mx.sym))


@every_row
def test_what_is_missing_is_explained(backend, name):
    row = kernel(backend, name)
    missing = set(load_backend(backend).dtypes) - set(row.dtypes)
    assert bool(row.why) or not missing


@every_row
def test_machine_code_is_quicker_in_dtypes_of_the_kernel(backend, name):
    row = kernel(backend, name)
    assert set(row.outrun) <= set(row.dtypes)
    assert all(0 < share < 1 for share in row.outrun.values())
    assert set(row.outrun) >= {*row.never_small, *row.recorded}


def optional_parameters(function):
    """Those with a default, by the signature, or by what the documentation of a C function says."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        documented = (function.__doc__ or "").strip().partition("\n")[0]
        return set(re.findall(r"(\w+)=", documented))
    with_default = [p.name for p in parameters if p.default is not p.empty]
    return {name for name in with_default if not name.startswith("_") and name != "data"}


@every_row
def test_no_default_of_the_framework_is_left(backend, name):
    row = kernel(backend, name)
    if isinstance(row.find(framework(backend)), np.ufunc):
        return  # where, casting and the like: a ufunc of one argument has no other parameters
    passed = {*row.keywords.values(), *row.constants}
    ignored = DO_NOT_MATTER | ({"slope"} if row.constants.get("act_type") in GAUSSIAN else set())
    assert optional_parameters(row.find(framework(backend))) - passed - ignored == set()


def test_the_documentation_of_c_functions_is_understood():
    import torch

    assert optional_parameters(torch.nn.functional.softplus) == {"beta", "threshold"}
    assert optional_parameters(torch.softmax) == {"dtype"}


@every_row
@pytest.mark.parametrize("dtype", DTYPES)
def test_called_with_every_parameter_by_keyword(monkeypatch, backend, name, dtype):
    row = kernel(backend, name)
    parameters = SPECS[REQUIRED.get(name, name)].parameters
    given = {p.name: 0 if isinstance(p.default, int) else 0.75 for p in parameters}
    given = {**given, **row.only, **row.only_at_16_bits}
    calls = []

    def recorder(*inputs, **keywords):
        calls.append(keywords)
        return inputs[0]

    monkeypatch.setattr(Native, "find", lambda self, module: recorder)
    monkeypatch.setattr(FrameworkBackend, "outrun", lambda *_: ())  # see test_outrun
    # What goes around the function has tests of its own.
    for framework in ("mxnet", "tensorflow"):
        module = importlib.import_module(f"unified_act_{framework}.calls")
        monkeypatch.setattr(module, "short_way", lambda request, otherwise: otherwise)
    monkeypatch.setattr(
        importlib.import_module("unified_act_torch.calls"),
        "fastest_call",
        lambda kernel, *call: (kernel.find(None), written_call(*call)),
    )
    if name == "hard_tanh":
        given["min_value"] = -0.75
    function = ua.get_activation(name, backend=backend, **given)
    harness = load_harness(backend)
    arrays = [to_type(np.ones(n), dtype) for n in (((2, 3), 1) if name == "prelu" else ((2, 3),))]
    function(*(harness.to_native(array, dtype) for array in arrays))
    if dtype not in row.dtypes or dtype in row.never_small:
        assert not calls
    else:
        wanted = {keyword: given[ours] for ours, keyword in row.keywords.items()}
        assert calls == [{**wanted, **row.constants}]


@every_row
def test_strict_never_calls_it(monkeypatch, backend, name):
    if kernel(backend, name).exact:
        pytest.skip("it rounds nothing")

    def forbidden(*inputs, **keywords):
        raise AssertionError("a native kernel was called")

    monkeypatch.setattr(Native, "find", lambda self, module: forbidden)
    function = ua.get_activation(REQUIRED.get(name, name), backend=backend, numerics="strict")
    harness = load_harness(backend)
    for dtype in DTYPES:
        arrays = [np.ones(n) for n in (((2, 3), 1) if name == "prelu" else ((2, 3),))]
        function(*(harness.to_native(to_type(array, dtype), dtype) for array in arrays))


@pytest.mark.parametrize(
    ("backend", "name"), [(b, n) for b, n in ROWS if kernel(b, n).only or kernel(b, n).unless]
)
def test_other_parameters_get_the_shared_definition(monkeypatch, backend, name):
    row = kernel(backend, name)
    monkeypatch.setattr(Native, "find", lambda self, module: 1 / 0)
    others = {
        parameter: not value
        if isinstance(value, bool)
        else value + (1 if value == int(value) else 0.125)
        for parameter, value in row.only.items()
    }
    for parameter, value in {**others, **row.unless}.items():
        function = ua.get_activation(name, backend=backend, **{parameter: value})
        if name != "prelu":
            harness = load_harness(backend)
            x = to_type(np.ones((2, 3)), "float32")
            noise = np.full((2, 3), 0.5, np.float32)
            given = [noise] if name == "rrelu" else []
            inputs = [harness.to_native(each, "float32") for each in (x, *given)]
            assert tuple(function(*inputs).shape) == (2, 3)
