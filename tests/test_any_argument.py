"""Whatever is passed to a public function, it works or raises an error of the family."""

import math

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import unified_act as ua
import unified_act_conformance as suite
from tests.backends.arrays import BACKENDS, native
from unified_act.literals import shown
from unified_act_conformance.commands.main import cli

LONGEST = 2000
"""No message has more characters, whatever it quotes."""
MILLION = "x" * 1_000_000
few = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def nested(levels):
    """A mapping in a mapping and so on."""
    inner = {"name": "elu"}
    for _ in range(levels):
        inner = {"name": "elu", "alpha": inner}
    return inner


names = st.sampled_from(["elu", "softmax", "prelu", "maxout", "rrelu", "LeakyReLU", "gelu"])
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.complex_numbers()
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
own_keys = st.sampled_from(
    ["name", "alpha", "axis", "groups", "backend", "dialect", "numerics", "plugin", 1, None]
)
configurations = st.dictionaries(st.one_of(own_keys, st.text(max_size=5)), values, max_size=4)
calls = st.builds(
    lambda name, keyword, text: f"{name}({keyword}={text})",
    names,
    st.sampled_from(["alpha", "axis", "negative_slope"]),
    st.text(max_size=20),
)
descriptions = st.one_of(st.text(), names, calls, configurations, values)


def attempt(function, *arguments, **keywords):
    """The result, or None after an error of the family with a message of a sensible length."""
    try:
        return function(*arguments, **keywords)
    except ua.UnifiedActError as error:
        message = str(error)
    assert len(message) <= LONGEST
    return None


class TestAnyDescription:
    @few
    @given(descriptions)
    def test_functions(self, description):
        attempt(ua.get_activation, description)
        attempt(ua.describe, description)
        attempt(ua.from_config, description)
        attempt(ua.get_layer, description, backend="numpy")

    @few
    @given(descriptions, st.sampled_from(["torch", "onnx:11", "keras2"]))
    def test_in_a_dialect(self, description, dialect):
        attempt(ua.get_activation, description, dialect=dialect)
        attempt(ua.describe, description, dialect=dialect)

    @few
    @given(descriptions, descriptions)
    def test_in_a_model(self, old, new):
        attempt(ua.replace_activations, torch.nn.Sequential(torch.nn.ReLU()), old, new)


@few
@given(values)
def test_any_option(value):
    for option in ("backend", "dialect", "numerics", "alpha", "axis"):
        attempt(ua.get_activation, "elu", **{option: value})
    for option in ("backend", "dialect", "numerics", "channels", "initial", "options", "axis"):
        if option != "channels" or not isinstance(value, int):  # many are a matter of memory
            attempt(ua.get_layer, "prelu", **({"backend": "numpy"} | {option: value}))
    attempt(ua.list_activations, kind=value)
    attempt(lambda: ua.use_backend(value).__enter__())
    attempt(ua.export_weights, value)
    attempt(ua.import_weights, ua.get_layer("prelu", backend="numpy"), value)
    attempt(ua.import_weights, ua.get_layer("prelu", backend="numpy"), {"weight": value})
    attempt(ua.value_and_grad, value, value)
    attempt(ua.value_and_grad, ua.get_activation("elu"), value)
    attempt(ua.replace_activations, value, "relu", "gelu")


@few
@given(values, values, values)
def test_any_registration(name, parameters, aliases):
    register = attempt(ua.register_activation, name, parameters=parameters, aliases=aliases)
    if register is not None:
        attempt(register, lambda xp, x: x)


@few
@given(
    st.floats(), st.sampled_from(["elu", "softplus", "hard_tanh", "snake", "rrelu", "threshold"])
)
def test_any_number_as_a_parameter(number, name):
    for parameter in ua.describe(name).partition("parameters")[2].splitlines()[:1]:
        keyword = parameter.split()[0]
        function = attempt(ua.get_activation, name, backend="numpy", **{keyword: number})
        if function is not None:
            with np.errstate(all="ignore"):
                attempt(function, np.ones((2, 4), np.float32))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("numerics", ["fast", "strict"])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "glu", "prelu", "crelu", "sparsemax"])
@pytest.mark.parametrize("axis", [10**30, -(10**30), 2**40, 2**31 - 1, 5, -7])
def test_an_axis_that_does_not_exist(backend, numerics, name, axis):
    x, weight = native(backend, [[-1.0, 2.0]], "float32"), native(backend, [0.1, 0.2], "float32")
    further = [weight] if name == "prelu" else []
    with pytest.raises(ua.ParameterValueError, match="axis"):
        ua.get_activation(name, backend=backend, numerics=numerics, axis=axis)(x, *further)


@pytest.mark.parametrize("backend", BACKENDS)
class TestSeeds:
    @pytest.mark.parametrize("seed", [-1, -(2**63), 2**63, 2**70, 10**5000], ids=shown)
    def test_out_of_range(self, backend, seed):
        function = ua.get_activation("rrelu", backend=backend, training=True)
        with pytest.raises(ua.ParameterValueError, match=r"a seed is an integer from 0 to 2\*\*63"):
            function(native(backend, [-1.0, 2.0], "float32"), seed)

    @pytest.mark.parametrize("seed", [0, 2**31, 2**32, 2**63 - 1])
    def test_in_range(self, backend, seed):
        function = ua.get_activation("rrelu", backend=backend, training=True)
        function(native(backend, [-1.0, 2.0], "float32"), seed)


class TestWhatPythonCannotRead:
    @pytest.mark.parametrize("signs", [3000, 100_000])
    def test_deep_expressions(self, signs):
        with pytest.raises(ua.UnknownActivationError, match="cannot read 'elu"):
            ua.get_activation(f"elu(alpha={'-' * signs}1)")

    @pytest.mark.parametrize("signs", [200, 900])
    def test_expressions_below_the_limit(self, signs):
        attempt(ua.get_activation, f"elu(alpha={'-' * signs}1)")
        attempt(ua.get_activation, f"elu(alpha={'(' * signs}1)")
        attempt(ua.get_activation, f"elu(alpha={'[' * signs}1)")

    @pytest.mark.parametrize("call", [ua.get_activation, ua.from_config, ua.describe])
    def test_deep_mappings(self, call):
        with pytest.raises(ua.ParameterValueError, match="alpha must be a number"):
            call(nested(100_000))

    def test_the_name_of_a_parameter_is_no_text(self):
        with pytest.raises(ua.UnknownParameterError, match="is a string, got 1"):
            ua.get_activation({"name": "elu", 1: 2})

    def test_an_opset_of_thousands_of_digits(self):
        with pytest.raises(ua.UnknownDialectError, match="write an opset from 1 to"):
            ua.get_activation("elu", dialect="onnx:" + "9" * 5000)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ua.get_activation(MILLION),
        lambda: ua.get_activation(MILLION, dialect="torch"),
        lambda: ua.get_activation({"name": MILLION}),
        lambda: ua.get_activation({"name": "elu", "alpha": MILLION}),
        lambda: ua.get_activation({"name": "elu", "plugin": 1}),
        lambda: ua.get_activation({"name": MILLION, "plugin": "some"}),
        lambda: ua.get_activation("elu", backend=MILLION),
        lambda: ua.get_activation("elu", dialect=MILLION),
        lambda: ua.get_activation("elu", numerics=MILLION),
        lambda: ua.get_activation("elu", **{MILLION: 1}),
        lambda: ua.get_activation("elu", dialect="torch", **{MILLION: 1}),
        lambda: ua.get_layer("relu", backend="torch", options={MILLION: 1}),
        lambda: ua.get_layer("prelu", backend="torch", initial={MILLION: 1}),
        lambda: ua.get_layer(nested(100_000), backend="torch"),
        lambda: ua.import_weights(ua.get_layer("prelu", backend="numpy"), {MILLION: 1}),
        lambda: ua.import_weights(ua.get_layer("prelu", backend="numpy"), {"weight": MILLION}),
        lambda: ua.import_weights(ua.get_layer("prelu", backend="numpy"), {"weight": 10**400}),
        lambda: ua.import_weights(
            ua.get_layer("prelu", backend="numpy"), {"weight": [[1], [2, 3]]}
        ),
        lambda: ua.import_weights(ua.get_layer("prelu", backend="numpy"), {"weight": 1j}),
        lambda: ua.import_weights(ua.get_layer("prelu", backend="numpy"), {1: 1, "weight": 2}),
        lambda: ua.export_weights(MILLION),
        lambda: ua.value_and_grad(MILLION, 1),
        lambda: ua.describe(MILLION),
        lambda: ua.list_activations(kind=MILLION),
        lambda: ua.list_activations(kind=10**5000),
        lambda: ua.register_activation(MILLION)(5),
        lambda: ua.register_activation("own", aliases=5),
        lambda: ua.register_activation("own", parameters=5),
        lambda: ua.register_activation("own", parameters={1: 2}),
        lambda: ua.replace_activations(torch.nn.ReLU(), MILLION, "gelu"),
        lambda: suite.check_activation(MILLION),
        lambda: suite.check_activation(5),
        lambda: suite.check_activation("elu", backends=[MILLION]),
        lambda: suite.check_activation("elu", backends=["numpy"], alpha=MILLION),
        lambda: suite.check_activation("elu", backends=["numpy"], dtypes=[MILLION]),
        lambda: suite.check_activation("elu", function=math.tanh),
        lambda: suite.check_backend(MILLION),
        lambda: suite.check_backend("numpy", activations=[MILLION]),
    ],
)
def test_refused_in_few_words(call):
    with pytest.raises(ua.UnifiedActError) as caught:
        call()
    assert len(str(caught.value)) <= LONGEST


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--kind", MILLION],
        ["list", "--backend", MILLION],
        ["show", MILLION],
        ["show", "elu(alpha=" + "-" * 3000 + "1)"],
        ["show", "elu", "--backend", MILLION],
        ["plot", MILLION],
        ["diff", MILLION, "elu"],
        ["diff", "elu", "elu@" + MILLION],
        ["identify", MILLION],
        ["identify", "a:b:c"],
        ["new-plugin", MILLION],
        ["conformance", "--activation", MILLION],
        ["conformance", "--backend", MILLION],
        ["conformance", "--check", MILLION],
        ["conformance", "repro", MILLION, "--backend", "numpy", "--x", "1"],
        ["conformance", "repro", "elu", "--backend", MILLION, "--x", "1"],
        ["conformance", "repro", "elu", "--backend", "numpy", "--x", MILLION],
        ["conformance", "record", "out.npz", "--backend", MILLION, "--plan-only"],
    ],
    ids=lambda arguments: " ".join(text[:20] for text in arguments),
)
def test_commands(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, arguments)
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code
    assert len(done.output) <= LONGEST + 500


class TestShown:
    @few
    @given(values)
    def test_is_short(self, value):
        assert len(shown(value)) <= 500

    def test_what_has_no_text(self):
        assert shown(10**5000) == "<int>"

    def test_numbers_of_numpy(self):
        assert shown(np.float32(0.5)) == "0.5"
