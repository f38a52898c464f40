"""The registry: one name, one activation, from any thread."""

import itertools
import threading

import numpy as np
import pytest

import unified_act as ua
from unified_act import Activation, Parameter, catalogue
from unified_act.names import normalize
from unified_act.registry import ACTIVATIONS, Registry

NAMES = [
    *("affine", "arctan", "bilinear", "celu", "clamped_swiglu", "clipped_gelu"),
    *("clipped_leaky_relu", "clipped_relu", "crelu", "elu", "entmax", "entmax15", "exponential"),
    *("gaussian", "gcu", "geglu", "geglu_tanh", "gelu", "gelu_tanh", "glu", "gumbel_softmax"),
    *("hard_mish", "hard_shrink", "hard_sigmoid", "hard_sigmoid_02", "hard_silu", "hard_tanh"),
    *("hardmax", "identity", "laplace", "leaky_relu", "lisht", "log_sigmoid", "log_softmax"),
    *("masked_log_softmax", "masked_softmax", "masked_sparsemax", "maxout", "mish", "pelu"),
    *("prelu", "quick_geglu", "quick_gelu", "reglu", "relu", "relu6", "rrelu", "scaled_tanh"),
    *("selu", "serf", "shifted_softplus", "shrink", "sigmoid", "silu", "silu_beta", "silut"),
    *("sin", "smish", "snake", "snake_beta", "soft_shrink", "softmax", "softmax2d"),
    *("softmax_one", "softmin", "softplus", "softplus_beta", "softsign", "sparse_plus"),
    *("sparse_sigmoid", "sparsemax", "sqrt_softplus", "squared_relu", "squareplus", "srelu"),
    *("star_relu", "swiglu", "tanh", "tanh_shrink", "telu", "threshold", "thresholded_relu"),
    *("tlu", "xielu"),
]
BY_KIND = {
    "axis": [
        *("crelu", "entmax", "entmax15", "hardmax", "log_softmax", "masked_log_softmax"),
        *("masked_softmax", "masked_sparsemax", "maxout", "softmax", "softmax2d", "softmax_one"),
        *("softmin", "sparsemax"),
    ],
    "gated": [
        *("bilinear", "clamped_swiglu", "geglu", "geglu_tanh", "glu", "quick_geglu", "reglu"),
        "swiglu",
    ],
    "learned": [
        *("pelu", "prelu", "silu_beta", "snake", "snake_beta", "softplus_beta", "srelu"),
        *("star_relu", "tlu", "xielu"),
    ],
    "stochastic": ["gumbel_softmax", "rrelu"],
}
"""All that are not elementwise."""
ELSEWHERE = {
    "celu": ["CELU"],
    "clipped_gelu": ["gelu_10", "ClippedGELU"],
    "clipped_relu": ["ClippedReLU"],
    "exponential": ["exp", "Exp"],
    "gelu": ["gelu_erf", "gelu_python"],
    "gelu_tanh": [
        *("gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh"),
    ],
    "hard_mish": ["HardMish"],
    "hard_shrink": ["hardshrink"],
    "hard_sigmoid": ["hardsigmoid", "HardSigmoid"],
    "hard_silu": ["hard_swish", "hardswish", "HardSwish"],
    "hard_tanh": ["hardtanh"],
    "identity": ["linear"],
    "leaky_relu": ["LeakyRelu"],
    "log_sigmoid": ["logsigmoid", "log_expit"],
    "log_softmax": ["LogSoftmax"],
    "prelu": ["PRelu", "parametric_relu"],
    "quick_gelu": ["QuickGelu"],
    "scaled_tanh": ["ScaledTanh"],
    "sigmoid": ["logistic", "expit"],
    "silu": ["swish"],
    "soft_shrink": ["softshrink"],
    "softplus": ["softrelu", "Softplus"],
    "softsign": ["soft_sign"],
    "sqrt_softplus": ["sqrtsoftplus"],
    "squared_relu": ["relu2", "SquaredReLU", "relu_squared"],
    "tanh_shrink": ["tanhshrink"],
    "thresholded_relu": ["ThresholdedRelu"],
}
"""What frameworks and their string registries call them."""
ALIASES = [(alias, a.name) for a in catalogue.ACTIVATIONS for alias in a.aliases]


def own(name, **facts):
    return Activation(name, forward=lambda xp, x: x, **facts)


def in_threads(count, work):
    """Starts `work(index)` in all threads at once and returns what they returned or raised."""
    barrier = threading.Barrier(count)
    outcomes = [None] * count

    def body(index):
        barrier.wait()
        try:
            outcomes[index] = work(index)
        except Exception as error:
            outcomes[index] = error

    threads = [threading.Thread(target=body, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


class TestNames:
    def test_the_catalogue(self):
        assert ua.list_activations() == NAMES, "a new name goes into NAMES, in alphabetical order"

    def test_by_kind(self):
        for kind, names in BY_KIND.items():
            assert ua.list_activations(kind=kind) == names, f"a new {kind} one goes into BY_KIND"
        elementwise = ua.list_activations(kind="elementwise")
        assert sorted([*elementwise, *itertools.chain(*BY_KIND.values())]) == NAMES

    def test_an_unknown_kind_suggests_the_nearest(self):
        with pytest.raises(ua.ParameterValueError, match=r"'gate'\. Did you mean 'gated'"):
            ua.list_activations(kind="gate")

    @pytest.mark.parametrize("name", ELSEWHERE)
    def test_what_frameworks_call_them(self, name):
        assert {ACTIVATIONS.find(spelling).name for spelling in ELSEWHERE[name]} == {name}

    @pytest.mark.parametrize("name", NAMES)
    def test_case_and_separators_do_not_matter(self, name):
        activation = ACTIVATIONS.find(name)
        assert activation.name == name
        camel = name.title().replace("_", "")
        for spelling in (name.upper(), camel, name.replace("_", "-"), name.replace("_", " ")):
            assert ACTIVATIONS.find(spelling) is activation
        assert ACTIVATIONS.find(f" {name} ") is activation

    @pytest.mark.parametrize(("alias", "name"), ALIASES)
    def test_alias(self, alias, name):
        assert ACTIVATIONS.find(alias) is ACTIVATIONS.find(name)
        assert ua.get_activation(alias.upper(), backend="numpy").name == name

    @pytest.mark.parametrize(
        ("alias", "name"),
        [
            ("swish", "silu"),
            ("hard_swish", "hard_silu"),
            ("linear", "identity"),
            ("gelu_new", "gelu_tanh"),
            ("gelu_erf", "gelu"),
            ("softrelu", "softplus"),
        ],
    )
    def test_names_of_other_libraries(self, alias, name):
        assert (alias, name) in ALIASES

    @pytest.mark.parametrize(
        ("wrong", "right"),
        [
            ("geluu", "gelu"),
            ("LeakyRelu2", "leaky_relu"),
            ("swich", "swish"),
            ("SOFTMAXX", "softmax"),
        ],
    )
    def test_an_unknown_name_suggests(self, wrong, right):
        with pytest.raises(ua.UnknownActivationError, match=f"Did you mean .*'{right}'") as caught:
            ua.get_activation(wrong)
        assert repr(wrong) in str(caught.value)

    def test_a_name_like_none_lists_all(self):
        with pytest.raises(ua.UnknownActivationError) as caught:
            ua.get_activation("blancmange")
        assert all(name in str(caught.value) for name in NAMES)

    def test_normalize_keeps_what_tells_names_apart(self):
        assert normalize("re-lu_6 ") == "relu6"
        assert normalize("relu6") != normalize("relu")


class TestAdd:
    def test_an_activation_is_found_under_every_name(self):
        registry = Registry()
        activation = own("one", aliases=("two", "Three-3"))
        registry.add(activation)
        assert {registry.find(name) for name in ("ONE", "two", "three3")} == {activation}
        assert list(registry) == [activation]

    @pytest.mark.parametrize(
        "newcomer",
        [
            own("taken"),
            own("Ta-Ken"),
            own("alias"),
            own("fresh", aliases=("fine", "taken")),
            own("fresh", aliases=("fine", "ALIAS")),
        ],
        ids=lambda activation: f"{activation.name}{activation.aliases}",
    )
    def test_conflicts_are_refused_whole(self, newcomer):
        registry = Registry()
        holder = own("taken", aliases=("alias",))
        registry.add(holder)
        with pytest.raises(ua.NameConflictError, match="already belongs to the activation 'taken'"):
            registry.add(newcomer)
        assert list(registry) == [holder]
        for name in ("fresh", "fine"):
            with pytest.raises(ua.UnknownActivationError):
                registry.find(name)

    def test_the_catalogue_cannot_be_replaced(self):
        with pytest.raises(ua.NameConflictError, match=r"'swish' already belongs to .*'silu'"):
            ACTIVATIONS.add(own("swish"))

    def test_iterates_over_what_was_there_at_the_start(self):
        registry = Registry()
        registry.add(own("b"))
        names = []
        for activation in registry:
            names.append(activation.name)
            registry.add(own(f"{activation.name}a"))
        assert names == ["b"]

    def test_built_in_is_asked_once_and_late(self):
        asked = []

        def built_in():
            asked.append(1)
            return [own("one")]

        registry = Registry(built_in)
        assert not asked
        assert registry.find("one").name == "one"
        registry.add(own("two"))
        assert [activation.name for activation in registry] == ["one", "two"]
        assert len(asked) == 1

    def test_a_failure_of_built_in_is_not_remembered_as_empty(self):
        attempts = iter([[own("one"), own("one")], [own("one")]])
        registry = Registry(lambda: next(attempts))
        with pytest.raises(ua.NameConflictError):
            registry.find("one")
        assert registry.find("one").name == "one"


class TestThreads:
    COUNT = 8
    EACH = 40

    def test_all_registrations_arrive_while_others_look_up(self):
        registry = Registry(lambda: catalogue.ACTIVATIONS)

        def work(index):
            for number in range(self.EACH):
                name = f"own {index} {number}"
                registry.add(own(name, aliases=(f"alias {index} {number}",)))
                assert registry.find(f"alias {index} {number}").name == name
                assert registry.find("gelu").name == "gelu"
                assert len(list(registry)) > len(NAMES)

        assert in_threads(self.COUNT, work) == [None] * self.COUNT
        assert len(list(registry)) == len(NAMES) + self.COUNT * self.EACH

    @pytest.mark.quick(lambda total: total == 1_000)
    @pytest.mark.parametrize("total", [1_000, 10_000])
    def test_many_rounds_by_the_public_functions(self, total):
        rounds = total // self.COUNT

        def work(index):
            for number in range(rounds):
                name = f"own_{index}_{number}"
                ua.register_activation(name)(lambda xp, x: x + 1.0)
                assert ua.get_activation(name.upper(), backend="numpy").name == name
                assert ua.get_activation("gelu").name == "gelu"

        assert in_threads(self.COUNT, work) == [None] * self.COUNT
        own = {name for name in ua.list_activations() if name.startswith("own_")}
        assert own == {f"own_{i}_{n}" for i in range(self.COUNT) for n in range(rounds)}

    def test_one_of_many_wins_a_name(self):
        for _ in range(20):
            registry = Registry()
            outcomes = in_threads(
                self.COUNT, lambda i, r=registry: r.add(own("same", aliases=(f"alias {i}",)))
            )
            assert sum(isinstance(o, ua.NameConflictError) for o in outcomes) == self.COUNT - 1
            assert outcomes.count(None) == 1
            winner = outcomes.index(None)
            assert registry.find("same").aliases == (f"alias {winner}",)

    def test_the_first_use_from_many_threads(self):
        for _ in range(20):
            asked = []
            registry = Registry(lambda a=asked: a.append(1) or catalogue.ACTIVATIONS)
            found = in_threads(self.COUNT, lambda _, r=registry: r.find("gelu"))
            assert found == [catalogue.gaussian.ACTIVATIONS[0]] * self.COUNT
            assert len(asked) == 1


class TestDecorator:
    def test_registers_and_returns_the_function(self):
        @ua.register_activation(
            "own_cube",
            parameters={"scale": 2.0},
            derivative=lambda xp, x, *, scale: x * x * (3.0 * scale),
            aliases=["cubic"],
            summary="A cube.",
        )
        def cube(xp, x, *, scale):
            return x * x * x * scale

        assert cube(None, 3.0, scale=1.0) == 27.0
        function = ua.get_activation("Cubic", backend="numpy", scale=1.0)
        value, slope = ua.value_and_grad(function, np.array([2.0]))
        assert (value.tolist(), slope.tolist()) == ([8.0], [12.0])
        assert "A cube." in ua.describe("own-cube")
        assert "own_cube" in ua.list_activations()

    def test_parameters_with_a_range(self):
        ua.register_activation("own", parameters=[Parameter("a", 1.0, low=0.0)])(
            lambda xp, x, *, a: x * a
        )
        with pytest.raises(ua.ParameterValueError, match="a must be finite and at least 0"):
            ua.get_activation("own", backend="numpy", a=-1.0)

    def test_along_an_axis(self):
        @ua.register_activation("own_centred", parameters={"axis": -1}, kind="axis")
        def centred(xp, x, *, axis):
            return x - xp.max(x, axis=axis)

        function = ua.get_activation("own_centred", backend="numpy", axis=0)
        assert function(np.array([[1.0], [3.0]])).tolist() == [[-2.0], [0.0]]
        assert ua.list_activations(kind="axis") == sorted([*BY_KIND["axis"], "own_centred"])

    @pytest.mark.parametrize("kind", ["learned", "gated"])
    def test_a_missing_parameter_of_the_kind_is_refused(self, kind):
        with pytest.raises(
            TypeError, match=rf"an activation that is {kind} needs the parameters \['axis'"
        ):
            ua.register_activation("own", kind=kind)(lambda xp, x, other: x)

    def test_gated(self):
        ua.register_activation("own", parameters={"axis": -1, "gate_first": True}, kind="gated")(
            lambda xp, value, gate: value / gate
        )
        function = ua.get_activation("own", backend="numpy")
        assert function(np.array([2.0, 4.0, 3.0, 8.0])).tolist() == [1.5, 2.0]

    def test_a_new_name_is_suggested(self):
        ua.register_activation("own_wavelet")(lambda xp, x: x)
        with pytest.raises(ua.UnknownActivationError, match="'own_wavelet'"):
            ua.get_activation("own_wavelt")

    def test_a_taken_name(self):
        with pytest.raises(ua.NameConflictError, match="'GELU' already belongs"):
            ua.register_activation("GELU")(lambda xp, x: x)

    @pytest.mark.parametrize(
        ("forward", "derivative"),
        [
            (lambda xp, x: x, None),
            (lambda xp, x, a: x, None),
            (lambda xp, x, *, b: x, None),
            (lambda xp, x, *, a, b: x, None),
            (lambda xp, x, *, a=1.0, b=2.0: x, None),
            (lambda xp, x, **a: x, None),
            (lambda xp, x, *, a: x, lambda xp, x: x),
            (lambda xp, x, *, a: x, lambda xp, x, a: x),
        ],
    )
    def test_a_wrong_signature(self, forward, derivative):
        register = ua.register_activation("own", parameters={"a": 1.0}, derivative=derivative)
        with pytest.raises(TypeError, match=r"'own'.*Write it as `def <lambda>\(xp, x, \*, a\)`"):
            register(forward)
        assert "own" not in ua.list_activations()

    def test_a_wrong_signature_without_parameters(self):
        with pytest.raises(TypeError, match=r"Write it as `def <lambda>\(xp, x\)`"):
            ua.register_activation("own")(lambda xp, x, *, a: x)

    def test_an_unknown_fact(self):
        with pytest.raises(TypeError, match="colour"):
            ua.register_activation("own", colour="red")(lambda xp, x: x)


def test_register_activation_without_a_name_is_refused():
    with pytest.raises(ua.InvalidActivationError, match=r"takes a name first, as in @register_act"):

        @ua.register_activation
        def own(xp, x):
            return x


def test_registering_no_function_is_refused():
    with pytest.raises(ua.InvalidActivationError, match="'own': 3 is not a function"):
        ua.register_activation("own")(3)


@pytest.mark.parametrize("name", ["", " _-", "mine(2)"])
def test_names_that_could_not_be_asked_for(name):
    with pytest.raises(ua.NameConflictError, match="cannot register"):
        ua.register_activation(name)(lambda xp, x: x)


@pytest.mark.parametrize("parameter", ["name", "backend", "numerics", "dialect"])
def test_parameters_that_get_activation_takes_itself(parameter):
    with pytest.raises(ua.NameConflictError, match=f"{parameter} cannot be the name of a"):
        ua.register_activation("mine", parameters={parameter: 1.0})


def test_an_activation_that_is_lent_is_there_while_the_block_lasts() -> None:
    registry = Registry(lambda: [Activation("kept", forward=abs)])
    lent = Activation("lent", forward=abs, aliases=["loan"])
    with registry.lending(lent):
        assert registry.find("loan") is lent
        registry.add(Activation("later", forward=abs))
    assert registry.names() == ["kept", "later"]


def test_an_activation_that_is_lent_under_a_name_that_is_taken_is_refused() -> None:
    kept = Activation("kept", forward=abs)
    registry = Registry(lambda: [kept])
    with pytest.raises(ua.NameConflictError), registry.lending(Activation("kept", forward=abs)):
        pass
    assert registry.find("kept") is kept
