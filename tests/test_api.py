"""The public functions, on NumPy; what differs between backends is in tests/backends."""

import json

import numpy as np
import pytest
import yaml

import unified_act as ua
from unified_act import catalogue
from unified_act.kernels import unavailable

X = np.array([[-2.0, -0.5, 0.0], [0.5, 3.0, 9.0]])


class TestSpellings:
    @pytest.mark.parametrize(
        "name",
        [
            "elu(alpha=0.5)",
            " ELU ( alpha = 0.5 ) ",
            "elu(alpha=+0.5,)",
            "elu(alpha=5e-1)",
            {"name": "elu", "alpha": 0.5},
            {"alpha": 0.5, "name": "E-L-U"},
        ],
        ids=str,
    )
    def test_with_parameters(self, name):
        expected = ua.get_activation("elu", backend="numpy", alpha=0.5)
        assert ua.get_activation(name, backend="numpy") == expected

    def test_brackets_take_several_parameters_and_negative_numbers(self):
        function = ua.get_activation("hard_tanh(min_value=-2, max_value=-1.5)", backend="numpy")
        assert dict(function.parameters) == {"min_value": -2.0, "max_value": -1.5}
        assert ua.get_activation("softmax(axis=-2)").parameters["axis"] == -2

    def test_empty_brackets_mean_the_defaults(self):
        assert ua.get_activation("elu()") == ua.get_activation("elu")
        assert ua.get_activation({"name": "elu"}) == ua.get_activation("elu")

    def test_some_in_the_string_and_some_as_keywords(self):
        function = ua.get_activation("hard_tanh(min_value=-3)", max_value=4)
        assert dict(function.parameters) == {"min_value": -3.0, "max_value": 4.0}

    @pytest.mark.parametrize("name", ["elu(alpha=0.5)", {"name": "elu", "alpha": 0.5}], ids=str)
    def test_a_parameter_given_twice_is_refused(self, name):
        with pytest.raises(ua.ParameterValueError, match="given twice: alpha"):
            ua.get_activation(name, alpha=0.5)

    def test_the_mapping_stays(self):
        mapping = {"name": "elu", "alpha": 0.5}
        ua.get_activation(mapping)
        assert mapping == {"name": "elu", "alpha": 0.5}

    @pytest.mark.parametrize(
        "name",
        [
            "elu(0.5)",
            "elu(alpha)",
            "elu(alpha=half)",
            "elu(alpha=__import__('os'))",
            "elu(alpha=1+f(2))",
            "elu(alpha=0.5",
            "elu(alpha=0.5))",
            "elu(alpha=0.5) + f(x=1)",
            "elu(alpha=0.5).real",
            "elu(alpha=0.5, alpha=0.6)",
            "elu(**{'alpha': 0.5})",
            "elu(*[0.5])",
            "elu(alpha:=0.5)",
            "elu(alpha=\0)",
            "elu(alpha={[]: 1})",
            "elu(alpha=3)(alpha=0.5)",
        ],
    )
    def test_a_malformed_spelling_shows_a_right_one(self, name):
        with pytest.raises(ua.UnknownActivationError, match=r"write it like 'elu\(alpha=0.5\)'"):
            ua.get_activation(name)

    @pytest.mark.parametrize("mapping", [{}, {"alpha": 0.5}, {"name": None}, {"name": 5}], ids=str)
    def test_a_mapping_without_a_name(self, mapping):
        with pytest.raises(
            ua.UnknownActivationError, match="a mapping needs a 'name' that is a string, got"
        ):
            ua.get_activation(mapping)

    @pytest.mark.parametrize("name", [5, ["elu"], b"elu"], ids=str)
    def test_nothing_that_names_or_is_a_function(self, name):
        with pytest.raises(
            ua.UnknownActivationError, match="is None, a string, a mapping or a cal"
        ):
            ua.get_activation(name)

    def test_an_unknown_name_in_a_mapping(self):
        with pytest.raises(ua.UnknownActivationError, match="Did you mean 'elu' or"):
            ua.get_activation({"name": "eluu"})

    @pytest.mark.parametrize("name", ["elu(beta=1.0)", {"name": "elu", "beta": 1.0}], ids=str)
    def test_an_unknown_parameter(self, name):
        with pytest.raises(ua.UnknownParameterError, match="elu has no parameter"):
            ua.get_activation(name)

    def test_a_value_of_the_wrong_type_in_a_string(self):
        with pytest.raises(ua.ParameterValueError, match="alpha must be a number, got '1'"):
            ua.get_activation("elu(alpha='1')")

    @pytest.mark.parametrize("numerics", ["exact", "FAST", None, ""], ids=repr)
    def test_unknown_numerics(self, numerics):
        with pytest.raises(ua.ParameterValueError, match="numerics must be 'fast' or 'strict'"):
            ua.get_activation("elu", numerics=numerics)

    def test_everything_but_the_name_is_a_keyword(self):
        with pytest.raises(TypeError, match="positional"):
            ua.get_activation("elu", "numpy")


class TestNoneAndCallables:
    """As Keras takes them, so that a user's argument can be passed on unseen."""

    def test_none_is_the_identity(self):
        expected = ua.get_activation("identity", backend="numpy")
        assert ua.get_activation(None, backend="numpy") == expected
        assert ua.get_activation(None, backend="numpy", dialect="torch") == expected

    def test_none_takes_no_parameters(self):
        with pytest.raises(ua.UnknownParameterError, match="identity has no parameter 'alpha'"):
            ua.get_activation(None, alpha=1.0)

    @pytest.mark.parametrize("options", [{}, {"backend": "numpy"}, {"dialect": "torch"}], ids=str)
    def test_a_callable_is_returned_as_it_is(self, options):
        assert ua.get_activation(np.tanh, **options) is np.tanh
        relu = ua.get_activation("relu", backend="numpy")
        assert ua.get_activation(relu, **options) is relu

    def test_a_callable_takes_no_parameters(self):
        with pytest.raises(ua.ParameterValueError, match="alpha given with the callable <ufunc"):
            ua.get_activation(np.tanh, alpha=1.0)

    def test_a_class_is_refused(self):
        class Gate:
            """Calling it makes one."""

        with pytest.raises(ua.UnknownActivationError, match="Gate is a class: pass an instance"):
            ua.get_activation(Gate)

    def test_one_that_chooses_by_its_input_serves_every_backend(self):
        relu = ua.get_activation("relu")
        assert ua.get_activation(relu, backend="numpy") is relu

    @pytest.mark.parametrize("options", [{"backend": "torch"}, {"numerics": "strict"}], ids=str)
    def test_one_of_ours_that_is_not_what_is_asked_for(self, options):
        relu = ua.get_activation("relu", backend="numpy")
        with pytest.raises(ua.ParameterValueError, match="is returned as it is, which is not"):
            ua.get_activation(relu, **options)

    def test_an_activation_of_ours_is_returned_itself(self):
        relu = ua.get_activation("relu", backend="numpy", numerics="strict")
        assert ua.get_activation(relu, backend="NumPy", numerics="strict") is relu
        assert ua.get_activation(relu) is relu


FUNCTIONS = [
    ("relu", {}),
    ("leaky_relu", {"negative_slope": 0.1}),
    ("hard_sigmoid", {"backend": "numpy"}),
    ("elu", {"backend": "numpy", "numerics": "strict", "alpha": 1e-05}),
    ("softmax", {"axis": -2}),
    ("swiglu", {"axis": 0, "gate_first": False}),
]
every_function = pytest.mark.parametrize(("name", "options"), FUNCTIONS, ids=str)


class TestConfig:
    @every_function
    def test_from_config_gives_an_equal_activation(self, name, options):
        function = ua.get_activation(name, **options)
        assert ua.from_config(function.to_config()) == function

    @pytest.mark.parametrize("library", ["json", "yaml"])
    def test_in_another_process(self, library, run_python):
        functions = [ua.get_activation(name, **options) for name, options in FUNCTIONS]
        write = json.dumps if library == "json" else yaml.safe_dump
        read = {"json": "json.loads", "yaml": "yaml.safe_load"}[library]
        program = (
            f"import {library}, unified_act as ua\n"
            f"for config in {read}({write([f.to_config() for f in functions])!r}):\n"
            "    print(repr(ua.from_config(config)))"
        )
        assert run_python(program).splitlines() == [repr(function) for function in functions]

    def test_to_config_holds_only_what_is_set(self):
        assert ua.get_activation("relu").to_config() == {"name": "relu"}
        full = ua.get_activation("elu", backend="numpy", numerics="strict").to_config()
        assert full == {"name": "elu", "backend": "numpy", "numerics": "strict", "alpha": 1.0}

    def test_to_config_is_a_copy(self):
        function = ua.get_activation("elu")
        function.to_config()["alpha"] = 2.0
        assert function.parameters["alpha"] == 1.0

    def test_written_by_hand_with_a_dialect(self):
        config = {"name": "LeakyReLU", "dialect": "keras_layers", "backend": "numpy"}
        function = ua.from_config(config)
        assert (function.name, function.backend) == ("leaky_relu", "numpy")
        assert dict(function.parameters) == {"negative_slope": 0.3}
        assert config["name"] == "LeakyReLU"

    def test_the_resolved_function_is_written_in_our_own_terms(self):
        function = ua.get_activation("gelu", dialect="jax")
        assert function.to_config() == {"name": "gelu_tanh"}

    @pytest.mark.parametrize("config", [None, "elu", 5], ids=repr)
    def test_no_mapping(self, config):
        with pytest.raises(ua.UnknownActivationError, match="is a mapping with a 'name', got"):
            ua.from_config(config)

    def test_unknown_keys(self):
        with pytest.raises(ua.UnknownParameterError, match="elu has no parameter 'gamma'"):
            ua.from_config({"name": "elu", "gamma": 1.0})


class TestValueAndGrad:
    @pytest.mark.parametrize("backend", ["numpy", None])
    def test_without_a_cotangent_the_slope(self, backend):
        relu6 = ua.get_activation("relu6", backend=backend)
        value, slope = ua.value_and_grad(relu6, X)
        assert value.tolist() == np.clip(X, 0, 6).tolist()
        assert slope.tolist() == [[0, 0, 0], [1, 1, 0]]

    def test_with_a_cotangent(self):
        relu6 = ua.get_activation("relu6", backend="numpy")
        value, gradient = ua.value_and_grad(relu6, X, cotangent=X * 10)
        assert value.tolist() == np.clip(X, 0, 6).tolist()
        assert gradient.tolist() == [[0, 0, 0], [5, 30, 0]]

    def test_along_an_axis_the_cotangent_matters(self):
        softmax = ua.get_activation("softmax", backend="numpy", axis=0)
        x = np.log(np.array([[1.0], [3.0]]))
        _, gradient = ua.value_and_grad(softmax, x, cotangent=np.array([[1.0], [0.0]]))
        np.testing.assert_allclose(gradient, [[3 / 16], [-3 / 16]], rtol=1e-15)
        _, gradient = ua.value_and_grad(softmax, x)
        np.testing.assert_allclose(gradient, 0, atol=1e-16)

    def test_weights_get_a_gradient_each(self):
        prelu = ua.get_activation("prelu", backend="numpy")
        value, (to_x, to_weight) = ua.value_and_grad(prelu, X, np.array([0.1, 0.2, 0.3]))
        np.testing.assert_allclose(value, [[-0.2, -0.1, 0], [0.5, 3, 9]])
        np.testing.assert_allclose(to_x, [[0.1, 0.2, 0.3], [1, 1, 1]])
        np.testing.assert_allclose(to_weight, [-2.0, -0.5, 0.0])

    def test_several_weights(self):
        def product(xp, x, low, high):
            return x * low * high

        facts = {"kind": "learned", "inputs": ("x", "low", "high"), "parameters": {"axis": 1}}
        low, high = np.array([2.0, 3.0, 5.0]), np.array([0.5])
        ua.register_activation("own", **facts)(product)
        ua.register_activation(
            "own2", **facts, derivative=lambda xp, x, low, high: (low * high, x * high, x * low)
        )(product)
        for name in ("own", "own2"):
            own = ua.get_activation(name, backend="numpy")
            value, (to_x, to_low, to_high) = ua.value_and_grad(own, X, low, high)
            np.testing.assert_allclose(value, X * low * high)
            np.testing.assert_allclose(to_x, np.broadcast_to(low * high, X.shape))
            np.testing.assert_allclose(to_low, (X * high).sum(axis=0))
            np.testing.assert_allclose(to_high, [(X * low).sum()])

    def test_what_cannot_be_differentiated_says_so(self):
        ua.register_activation("ranked", kind="axis", parameters={"axis": -1})(
            lambda xp, x, *, axis: xp.sort(x, axis=axis)
        )
        ranked = ua.get_activation("ranked", backend="numpy")
        with pytest.raises(ua.UnsupportedError, match="NumPy needs the derivative of ranked"):
            ua.value_and_grad(ranked, X)

    @pytest.mark.parametrize(
        ("cotangent", "told"),
        [
            (np.ones(3), r"\(2, 3\) and float64; got .*\(3,\) and float64"),
            (np.ones((2, 1)), r"got .*\(2, 1\) and float64"),
            (np.ones((3, 2)), r"got .*\(3, 2\) and float64"),
            (np.float64(1), r"got .*\(\) and float64"),
            (np.ones((2, 3), np.float32), r"got .*\(2, 3\) and float32"),
            (np.ones((2, 3), int), r"got .*\(2, 3\) and int64"),
        ],
        ids=str,
    )
    def test_a_cotangent_that_does_not_match(self, cotangent, told):
        with pytest.raises(ua.InputTypeError, match=f"the cotangent must match .*{told}"):
            ua.value_and_grad(ua.get_activation("relu"), X, cotangent=cotangent)

    def test_an_arbitrary_function_cannot_be_differentiated_on_numpy(self):
        with pytest.raises(ua.UnsupportedError, match="pass one from get_activation"):
            ua.value_and_grad(np.tanh, X)

    def test_not_even_a_composition_of_activations(self):
        relu = ua.get_activation("relu")
        with pytest.raises(ua.UnsupportedError, match="pass one from get_activation"):
            ua.value_and_grad(lambda x: relu(relu(x)), X)

    @pytest.mark.parametrize("x", [np.arange(3), np.array([True]), np.array([1j])], ids=str)
    def test_an_input_of_another_type(self, x):
        with pytest.raises(ua.InputTypeError, match="expected a floating-point array"):
            ua.value_and_grad(ua.get_activation("relu"), x)

    def test_no_function_is_refused(self):
        with pytest.raises(ua.InputTypeError, match=r"takes a function, .*, got 'relu'"):
            ua.value_and_grad("relu", X)

    def test_an_input_that_is_no_array(self):
        with pytest.raises(ua.InputTypeError, match="no backend handles"):
            ua.value_and_grad(ua.get_activation("relu"), [1.0])

    def test_the_default_backend_does_not_matter_to_the_input(self):
        with ua.use_backend("mxnet"):
            _, slope = ua.value_and_grad(ua.get_activation("relu", backend="numpy"), X)
        assert slope.tolist() == [[0, 0, 0], [1, 1, 1]]


class TestDescribe:
    @pytest.mark.parametrize("spec", catalogue.ACTIVATIONS, ids=lambda spec: spec.name)
    def test_says_what_the_specification_says(self, spec):
        text = ua.describe(spec.name.upper())
        assert text.splitlines()[0] == f"{spec.name} ({spec.kind}): {spec.summary}"
        assert spec.formula in text
        assert spec.source in text
        assert all(alias in text for alias in spec.aliases)
        for parameter in spec.parameters:
            default = "" if parameter.default is None else f" = {parameter.default}"
            assert f"{parameter.name}{default}: {parameter.doc}" in text
        if not spec.required:
            for kink in spec.kinks(**spec.bind({})):
                assert f"f′({kink.at:g}) = {kink.derivative:g}" in text
        assert ("at −∞, +∞" in text) == (spec.limits is not None and not spec.required)
        assert all(line == line.rstrip() for line in text.splitlines())

    def test_an_alias(self):
        assert ua.describe("swish") == ua.describe("silu")

    def test_with_parameters(self):
        text = ua.describe("elu(alpha=0.5)")
        assert "alpha = 0.5, by default 1.0: saturation" in text
        assert "f′(0) = 0.5\n" in text
        assert "f: -0.5, inf; f′: 0, 1\n" in text
        assert text == ua.describe({"name": "elu", "alpha": 0.5})
        assert text == ua.describe(ua.get_activation("elu", alpha=0.5))
        assert ua.describe("elu(alpha=1.0)") == ua.describe("elu")

    def test_with_the_parameters_of_a_dialect(self):
        assert "f′(0) = 0.25\n" in ua.describe("LeakyReLU", dialect="mxnet")

    def test_parameters_without_a_default(self):
        assert "f′(0.5) = 0\n" in ua.describe("threshold(threshold=0.5, value=0)")
        text = ua.describe("threshold(threshold=0.5)")
        assert "threshold = 0.5: largest input" in text
        assert "value: result" in text
        assert "kinks" not in text

    def test_wrong_parameters(self):
        with pytest.raises(ua.UnknownParameterError, match="elu has no parameter 'beta'"):
            ua.describe("elu(beta=1.0)")
        with pytest.raises(ua.ParameterValueError, match="greater than 0, got 0"):
            ua.describe("elu(alpha=0)")

    def test_no_name_is_refused(self):
        with pytest.raises(ua.UnknownActivationError, match=", got int"):
            ua.describe(3)

    def test_an_own_activation_without_any_facts(self):
        ua.register_activation("own")(lambda xp, x: x)
        assert ua.describe("own").startswith("own (elementwise):")

    def test_an_unknown_name(self):
        with pytest.raises(ua.UnknownActivationError, match="Did you mean 'gelu'"):
            ua.describe("geluu")


def test_describe_says_what_serves_on_a_backend():
    text = ua.describe("gelu", backend="torch")
    by_table = "by a table"
    if unavailable():
        kernel = "float16, float32, float64 by nn.functional.gelu"
        assert f"on torch     fast: {kernel}; bfloat16 {by_table}\n" in text
    else:
        kernel = "float32, float64 by nn.functional.gelu"
        assert f"on torch     fast: float16, bfloat16 {by_table}; {kernel}\n" in text
        assert "takes less of its time on a CPU: 0.49 in float16" in text
    definition = "the shared definition" if unavailable() else "a fused kernel"
    assert f"strict: float16, bfloat16 {by_table}; float32, float64 by {definition}" in text
    assert "nn.functional.gelu: bfloat16: infinite for finite inputs" in text
    assert "table" not in ua.describe("softmax", backend="torch")
    text = ua.describe("hard_silu", backend="torch")
    assert "bfloat16 by a table, compiled by the shared definition" in text
    assert "table" not in ua.describe("gelu")


def test_describe_goes_by_the_parameters_on_a_backend():
    assert "by nn.functional.silu" in ua.describe("silu", backend="torch")
    assert "by nn.functional.silu" not in ua.describe("silu(beta=2)", backend="torch")
    assert "on torch" in ua.describe("affine", backend="torch")  # whose parameters are missing


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gelu", "float32, float64 by a fused kernel"),
        ("sparsemax", "float16, bfloat16, float32, float64 by a fused kernel"),
    ],
)
def test_describe_says_whether_there_is_a_fused_kernel(name, says):
    if unavailable():
        says = f"there is no fused kernel: {unavailable()}"
    assert says in ua.describe(name, backend="numpy")


def test_describe_says_why_there_is_no_fused_kernel(monkeypatch):
    monkeypatch.setattr("unified_act.serving.unavailable", lambda *_: "it rains")
    text = ua.describe("softmax", backend="numpy")
    assert "strict: float16, bfloat16, float32, float64 by the shared definition" in text
    assert "there is no fused kernel: it rains" in text
