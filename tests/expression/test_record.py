"""Recording the definitions of the catalogue, and computing with what was recorded."""

import numpy as np
import pytest

from tests.specifications import SPECS, parameters_of
from unified_act import Activation
from unified_act.expression import PARTS, RecordingError, interpret, record, record_function
from unified_act.registry import ACTIVATIONS
from unified_act_numpy import namespace


def computed(expression, inputs):
    """What the graph computes, operation by operation, on NumPy."""
    values = interpret(expression, namespace, inputs)
    return [None if out is None else values[out.index] for out in expression.outputs]


def some_inputs(spec, part, bound):
    """An array for each argument of a function of the specification, by name."""
    names = spec.kind.arguments(spec, part)[1:]
    if spec.deterministic(**bound):
        names = [name for name in names if name not in spec.noise]
    generator = np.random.default_rng(0)
    found = {}
    for name in names:
        values = generator.normal(0.0, 3.0, (4, 6))
        if name in spec.masks:
            values = values > -1.0
        elif name in spec.noise:
            values = generator.uniform(0.1, 0.9, (4, 6))
        found[name] = values
    return found


def close(got, wanted):
    """Powers of two and signs may be moved, nothing else: so all bits are the same."""
    wanted = np.asarray(wanted)
    np.testing.assert_array_equal(np.broadcast_to(got, wanted.shape), wanted)


def flat(found):
    if isinstance(found, (tuple, list)):
        return [value for entry in found for value in flat(entry)]
    return [found]


@pytest.mark.parametrize(
    ("name", "part"),
    [(name, part) for name, spec in SPECS.items() for part in PARTS if getattr(spec, part)],
)
def test_the_graph_computes_what_the_definition_does(name, part):
    spec, bound = SPECS[name], parameters_of(name)
    function = getattr(spec, part)
    expression = record(spec, bound, part)
    inputs = some_inputs(spec, part, bound)
    own = {key: value for key, value in bound.items() if key not in spec.kind.not_passed_on}
    if spec.resizes and part != "forward" and spec.kind == "axis":  # the cotangent has its length
        length = inputs["x"].shape[-1] * 2 if spec.name == "crelu" else inputs["x"].shape[-1] // 2
        inputs["cotangent"] = np.random.default_rng(1).normal(0.0, 1.0, (4, length))
    with np.errstate(all="ignore"):
        wanted = flat(function(namespace, *inputs.values(), **own))
        got = computed(expression, inputs)
    assert len(got) == len(wanted)
    for one, other in zip(got, wanted, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            close(one, other)


@pytest.mark.parametrize("name", [n for n, spec in SPECS.items() if spec.kind.elementwise])
def test_a_missing_derivative_is_made_from_the_graph(name):
    spec, bound = SPECS[name], parameters_of(name)
    without = Activation(
        name="without", forward=spec.forward, parameters=spec.parameters, kinks=spec.kinks
    )
    x = np.linspace(-5.0, 5.0, 201) + 1e-3
    kinks = [kink.at for kink in spec.kinks(**bound)]
    x = x[[all(abs(value - at) > 1e-2 for at in kinks) for value in x]]
    for part in ("derivative", "second_derivative"):
        with np.errstate(all="ignore"):
            (wanted,) = computed(record(spec, bound, part), {"x": x})
            (got,) = computed(record(without, bound, part), {"x": x})
        got, wanted = np.broadcast_to(got, x.shape), np.broadcast_to(wanted, x.shape)
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-9)


def test_a_wide_type_needs_less_care():
    gelu = ACTIVATIONS.find("gelu")
    careful = record(gelu, {}, "derivative")
    wide = record(gelu, {}, "derivative", wide=True)
    assert len(wide.operations) < len(careful.operations) / 2
    x = np.linspace(-9.0, 9.0, 99)
    np.testing.assert_allclose(computed(wide, {"x": x}), computed(careful, {"x": x}), rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda xp, x: x if x > 0 else -x, "single number or truth value"),
        (lambda xp, x: float(x), "single number or truth value"),
        (lambda xp, x: np.tanh(x), "TypeError|NumPy"),
        (lambda xp, x: x * np.float32(2.0), "float32"),
        (lambda xp, x: x + "1", "neither an array nor"),
        (lambda xp, x: x[0], "indexed"),
        (lambda xp, x: xp.fft(x), "no 'fft'"),
        (lambda xp, x: xp.where(x, 1.0, x), "no comparison"),
        (lambda xp, x: 1 / 0, "ZeroDivisionError"),
        (lambda xp, x: "text", "neither an array nor"),
    ],
)
def test_what_cannot_be_recorded_is_named(function, reason):
    with pytest.raises(RecordingError, match=reason):
        record_function(function, {})


def test_values_of_two_recordings_do_not_mix():
    kept = []

    def leaking(xp, x):
        kept.append(x)
        return x + kept[0]

    record_function(leaking, {})
    with pytest.raises(RecordingError, match="two recordings"):
        record_function(leaking, {})


def test_what_has_no_derivative_says_so():
    ranked = Activation(name="ranked", forward=lambda xp, x: xp.sort(x, axis=-1) * x, kind="axis")
    with pytest.raises(RecordingError, match="sort cannot be differentiated"):
        record(ranked, {}, "derivative")


def test_numbers_are_rounded_to_the_type():
    narrow = record_function(lambda xp, x: x * 0.1, {}, dtype="float32")
    assert str(narrow) == f"x = input\nv1 = x * {float(np.float32(0.1))!r}\nreturn v1"
    assert "inf" in str(record_function(lambda xp, x: x * 1e300, {}, dtype="float32"))
    assert "x * 0.1\n" in str(record_function(lambda xp, x: x * 0.1, {}))
