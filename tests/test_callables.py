"""What `get_activation` hands out: a value that compares, copies and travels by what it is."""

import copy
import functools
import inspect
import pickle
import weakref

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import SPECS, further_inputs
from unified_act.registry import ACTIVATIONS

NAMES = list(SPECS)
CALLS = [
    {"name": "gelu"},
    {"name": "gelu", "backend": "numpy"},
    {"name": "gelu", "backend": "numpy", "numerics": "strict"},
    {"name": "elu", "backend": "numpy", "alpha": 0.1},
    {"name": "elu", "alpha": np.float32(0.1)},
    {"name": "softmax", "backend": "numpy", "axis": 0},
    {"name": "hard_tanh", "numerics": "strict", "min_value": -1e-300, "max_value": 1e300},
]
X = np.linspace(-3.0, 3.0, 8)


def made(call):
    return ua.get_activation(**call)


def called(name, function):
    x = X.reshape(4, 2)
    return function(x, *further_inputs(name, x.shape))


class TestRepr:
    @pytest.mark.parametrize("call", CALLS, ids=str)
    def test_evaluates_back(self, call):
        function = made(call)
        again = eval(repr(function), {"get_activation": ua.get_activation})
        assert again == function
        assert repr(again) == repr(function)

    def test_repr_says_everything_once(self):
        assert (
            repr(ua.get_activation("ELU", backend="NumPy", numerics="strict", alpha=2))
            == "get_activation('elu', backend='numpy', numerics='strict', alpha=2.0)"
        )
        assert repr(ua.get_activation("swish")) == "get_activation('silu', beta=1.0)"


class TestAttributes:
    @pytest.mark.parametrize("name", NAMES)
    def test_attributes_say_name_backend_and_parameters(self, name):
        plain, bracket, arguments = name.partition("(")
        function = ua.get_activation(f"{plain.upper()}{bracket}{arguments}", backend="numpy")
        spec = SPECS[name]
        assert (function.name, function.__name__) == (plain, plain)
        assert function.backend == "numpy"
        assert function.numerics == "fast"
        assert list(function.parameters) == [p.name for p in spec.parameters]
        if not arguments:
            assert dict(function.parameters) == {p.name: p.default for p in spec.parameters}

    def test_it_is_a_partial_without_arguments(self):
        """`torch.compile` sees through that, and the signature is the implementation's."""
        function = ua.get_activation("elu", backend="numpy")
        assert isinstance(function, functools.partial)
        assert (function.args, function.keywords) == ((), {})
        assert next(iter(inspect.signature(function).parameters)) == "x"

    def test_can_be_referred_to_weakly(self):
        function = ua.get_activation("elu")
        assert weakref.ref(function)() is function


class TestFrozen:
    @pytest.mark.parametrize("attribute", ["name", "backend", "numerics", "parameters", "other"])
    def test_no_attribute_can_be_set_or_deleted(self, attribute):
        function = ua.get_activation("elu", backend="numpy")
        with pytest.raises(AttributeError, match=r"get_activation\('elu'.* is frozen"):
            setattr(function, attribute, "relu")
        with pytest.raises(AttributeError, match="is frozen"):
            delattr(function, attribute)

    def test_parameters_are_read_only(self):
        function = ua.get_activation("elu", backend="numpy")
        with pytest.raises(TypeError):
            function.parameters["alpha"] = 2.0

    def test_parameters_are_a_copy(self):
        given = {"name": "elu", "alpha": 0.5}
        function = ua.get_activation(given, backend="numpy")
        given["alpha"] = 2.0
        assert function.parameters["alpha"] == 0.5


class TestEquality:
    @pytest.mark.parametrize("call", CALLS, ids=str)
    def test_the_same_call(self, call):
        one, other = made(call), made(call)
        assert one == other
        assert hash(one) == hash(other)
        assert (one != other) is False

    def test_spellings_of_one_activation_are_equal(self):
        assert ua.get_activation("Swish", backend="NumPy") == ua.get_activation(
            {"name": "silu", "beta": 1}, backend="numpy"
        )

    def test_different_calls(self):
        functions = [made(call) for call in CALLS]
        for index, one in enumerate(functions):
            for other in functions[index + 1 :]:
                same = one.name == other.name == "elu" and one.backend == other.backend
                assert (one == other) == same
        assert len(set(functions)) == len(functions)

    def test_other_things_are_not_equal(self):
        function = ua.get_activation("elu", backend="numpy")
        assert function != functools.partial(function.func)
        assert function != "elu"
        assert function != repr(function)

    def test_activations_are_keys_of_dictionaries(self):
        table = {made(call): index for index, call in enumerate(CALLS)}
        assert [table[made(call)] for call in CALLS] == list(range(len(CALLS)))


class TestSharing:
    """Compilers know functions by identity."""

    @pytest.mark.parametrize("backend", ["jax", "mxnet", "numpy", "tensorflow", "torch"])
    @pytest.mark.parametrize("numerics", ["fast", "strict"])
    def test_equal_ones_share_their_implementation(self, backend, numerics):
        one = ua.get_activation("elu", backend=backend, numerics=numerics, alpha=0.5)
        other = ua.get_activation("ELU(alpha=0.5)", backend=backend, numerics=numerics)
        assert one.func is other.func
        different = ua.get_activation("elu", backend=backend, numerics=numerics, alpha=0.25)
        assert different.func is not one.func

    def test_zeros_are_not_equal(self):
        made = [ua.get_activation("threshold", threshold=9.0, value=v) for v in (0.0, -0.0)]
        assert made[0] != made[1]
        assert [np.signbit(zero(X)).all() for zero in made] == [False, True]

    def test_what_is_registered_anew_is_another(self, monkeypatch):
        made = []
        for forward in (lambda xp, x: x + 1.0, lambda xp, x: x + 2.0):
            with monkeypatch.context() as patch:
                patch.setattr(ACTIVATIONS, "_by_key", dict(ACTIVATIONS._complete()))
                ua.register_activation("own")(forward)
                made.append(ua.get_activation("own", backend="numpy")(np.zeros(1))[0])
        assert made == [1.0, 2.0]


class TestCopies:
    @pytest.mark.parametrize("call", CALLS, ids=str)
    def test_copies_are_the_same_object(self, call):
        function = made(call)
        assert copy.copy(function) is function
        assert copy.deepcopy(function) is function
        assert copy.deepcopy({"layers": [function]})["layers"][0] is function

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    @pytest.mark.parametrize("call", CALLS, ids=str)
    def test_pickle(self, call, protocol):
        function = made(call)
        again = pickle.loads(pickle.dumps(function, protocol))
        assert again == function
        assert type(again) is type(function)
        assert again(X[:, None]).tobytes() == function(X[:, None]).tobytes()

    @pytest.mark.parametrize("backend", ["numpy", None])
    def test_pickle_of_every_activation(self, backend):
        functions = [ua.get_activation(name, backend=backend) for name in NAMES]
        again = pickle.loads(pickle.dumps(functions))
        assert again == functions
        for name, one, other in zip(NAMES, functions, again, strict=True):
            assert called(name, one).tobytes() == called(name, other).tobytes()

    def test_pickle_into_a_fresh_process(self, run_python, tmp_path):
        functions = [made(call) for call in CALLS]
        (tmp_path / "functions").write_bytes(pickle.dumps(functions))
        program = (
            "import pathlib, pickle, sys\n"
            f"file = pathlib.Path({str(tmp_path / 'functions')!r})\n"
            "functions = pickle.loads(file.read_bytes())\n"
            "import numpy as np\n"
            f"x = np.array({X[:, None].tolist()})\n"
            "for f in functions: print(f, hash(f) == hash(eval('ua.' + repr(f), {'ua': __import__("
            "'unified_act')})), f(x).tobytes().hex())\n"
            "assert not {'torch', 'tensorflow', 'mxnet'} & set(sys.modules)\n"
        )
        expected = [
            f"{function} True {function(X[:, None]).tobytes().hex()}" for function in functions
        ]
        assert run_python(program).splitlines() == expected

    def test_pickle_of_an_own_activation_needs_its_registration(self, monkeypatch):
        ua.register_activation("own_double")(lambda xp, x: x * 2.0)
        pickled = pickle.dumps(ua.get_activation("own_double", backend="numpy"))
        assert pickle.loads(pickled)(X).tolist() == (2 * X).tolist()
        from unified_act.registry import ACTIVATIONS

        without = {k: a for k, a in ACTIVATIONS._by_key.items() if a.name != "own_double"}
        monkeypatch.setattr(ACTIVATIONS, "_by_key", without)
        with pytest.raises(ua.UnknownActivationError, match="own_double"):
            pickle.loads(pickled)


class TestByInput:
    """Without a backend each call chooses by its input."""

    def test_agrees_with_the_backend_asked_for(self):
        for name in NAMES:
            by_input, on_numpy = (ua.get_activation(name, backend=b) for b in (None, "numpy"))
            assert by_input.backend is None
            assert called(name, by_input).tobytes() == called(name, on_numpy).tobytes()

    def test_each_call_decides_anew(self):
        from unified_act_mxnet._framework import mx

        gelu = ua.get_activation("gelu")
        for _ in range(2):
            assert isinstance(gelu(X), np.ndarray)
            assert type(gelu(mx.nd.array(X))) is mx.nd.NDArray
            assert type(gelu(mx.np.array(X))) is mx.np.ndarray

    def test_a_subclass_seen_for_the_first_time(self):
        class Own(np.ndarray):
            pass

        relu = ua.get_activation("relu")
        for _ in range(2):
            assert relu(X.view(Own)).tolist() == np.maximum(X, 0).tolist()

    @pytest.mark.parametrize("value", [1.0, [1.0], None, "x"], ids=repr)
    def test_an_input_that_no_backend_takes_is_refused(self, value):
        for name in ("relu", "prelu"):
            with pytest.raises(ua.InputTypeError, match="no backend handles builtins"):
                ua.get_activation(name)(value, *further_inputs(name, ()))

    def test_parameters_and_numerics_are_kept(self):
        leaky = ua.get_activation("leaky_relu", negative_slope=0.5, numerics="strict")
        assert leaky(np.array([-2.0])).tolist() == [-1.0]
        assert leaky.numerics == "strict"
