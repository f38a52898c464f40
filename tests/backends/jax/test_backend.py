"""JAX: its transformations, its two kinds of tracing, x64, keys, and that nothing is set for it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import unified_act as ua
from tests.specifications import KINDS, SPECS, differentiated, further_inputs
from unified_act.loading import load_backend
from unified_act_numpy import namespace

X = np.array([[-3.2, -0.7, 0.4, 2.1], [1.3, 0.25, 2.9, -0.4], [5.5, 0.1, -0.2, 0.8]], np.float32)
SMOOTH = ("gelu", "mish", "tanh", "softplus(beta=5.0)", "silu(beta=1.5)")
VARIED = tuple(
    dict.fromkeys((*KINDS, "gelu_tanh", "glu", "log_softmax", "snake", "maxout(groups=2)"))
)
every_numerics = pytest.mark.parametrize("numerics", ["fast", "strict"])
various = pytest.mark.parametrize("name", VARIED)


def activation(name, numerics="fast", **parameters):
    return ua.get_activation(name, backend="jax", numerics=numerics, **parameters)


def arrays_for(name, dtype="float32", channels=4):
    arrays = (X, *map(np.asarray, further_inputs(name, X.shape, channels)))
    return [jnp.asarray(a, bool if a.dtype == bool else dtype) for a in arrays]


def plain(array):
    return np.asarray(array).astype(np.float64)


def same(one, other, room=4e-6):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(plain(a), plain(b), rtol=room, atol=room)


def squares(name, numerics="fast"):
    """A loss, and what it is differentiated by."""
    function, arrays = activation(name, numerics), arrays_for(name)
    count = differentiated(name)
    return lambda *moving: (function(*moving, *arrays[count:]) ** 2).sum(), arrays[:count]


class TestValues:
    @pytest.mark.quick(lambda name, numerics: name in KINDS or numerics == "fast")
    @pytest.mark.parametrize(
        ("name", "numerics"), [*((n, "fast") for n in SPECS), *((n, "strict") for n in VARIED)]
    )
    def test_values_and_gradients_are_those_of_numpy(self, name, numerics):
        function, arrays = activation(name, numerics), arrays_for(name)
        reference = ua.get_activation(name, backend="numpy", numerics="strict")
        found = ua.value_and_grad(function, *arrays)
        same(found, ua.value_and_grad(reference, *map(np.asarray, arrays)), 2e-5)
        same(function(*arrays), found[0])

    @pytest.mark.quick(lambda name: name in ("gelu", "softmax", "prelu"))
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
    @various
    @every_numerics
    def test_dtype_and_shape_are_kept(self, name, dtype, numerics):
        value = activation(name, numerics)(*arrays_for(name, dtype))
        assert value.dtype == dtype
        assert SPECS[name].resizes or value.shape == X.shape

    @every_numerics
    @pytest.mark.parametrize(
        "name", ["relu", "gelu", "mish", "threshold(threshold=1.0, value=2.0)"]
    )
    def test_weak_types(self, name, numerics):
        weak = jnp.asarray(0.5)  # float64 where x64 is on
        assert weak.weak_type
        value, slope = ua.value_and_grad(activation(name, numerics), weak)
        assert value.dtype == slope.dtype == weak.dtype
        assert jax.grad(activation(name, numerics))(weak).dtype == weak.dtype

    def test_equal_ones_are_compiled_once(self):
        assert activation("mish").func is activation("mish").func
        assert activation("elu", alpha=0.5).func is activation("elu(alpha=0.5)").func
        zeros = [activation("threshold", threshold=9.0, value=value) for value in (0.0, -0.0)]
        assert [np.signbit(zero(jnp.float32([1.0])))[0] for zero in zeros] == [False, True]

    def test_named_in_a_jaxpr(self):
        assert "name=quick_gelu" in str(
            jax.make_jaxpr(activation("quick_gelu"))(X[0, 0] * jnp.float32(1))
        )


class TestTransformations:
    @pytest.mark.quick(lambda name: name in ("gelu", "softmax", "prelu"))
    @various
    @every_numerics
    def test_compiled_mapped_and_checkpointed(self, name, numerics):
        loss, moving = squares(name, numerics)
        where = tuple(range(len(moving)))
        gradient = jax.grad(loss, where)
        wanted = gradient(*moving)
        same(jax.jit(gradient)(*moving), wanted)
        same(jax.jit(jax.grad(jax.checkpoint(loss), where))(*moving), wanted)
        pairs = [jnp.stack([a, a + 1]) for a in moving]
        mapped = jax.jit(jax.vmap(gradient))(*pairs)
        same([a[0] for a in mapped], wanted, 1e-5)

    @pytest.mark.quick(lambda name: name in ("gelu", "softmax", "prelu"))
    @various
    @every_numerics
    def test_both_modes_agree(self, name, numerics):
        loss, moving = squares(name, numerics)
        directions = [jnp.cos(a + 1) for a in moving]
        slope = jax.jvp(loss, moving, directions)[1]
        gradients = jax.grad(loss, tuple(range(len(moving))))(*moving)
        same(slope, sum((g * d).sum() for g, d in zip(gradients, directions, strict=True)), 1e-5)

    @pytest.mark.quick(lambda name, numerics: name == "softmax" and numerics == "fast")
    @pytest.mark.parametrize("name", ["gelu", "softmax", "snake", "swiglu"])
    @every_numerics
    def test_hessians(self, name, numerics):
        loss, moving = squares(name, numerics)
        wanted = jax.jit(jax.hessian(loss))(*moving)
        for outer, inner in (
            (jax.jacrev, jax.jacrev),
            (jax.jacfwd, jax.jacfwd),
            (jax.jacrev, jax.jacfwd),
        ):
            same(jax.jit(outer(inner(loss)))(*moving), wanted, 2e-5)

    @pytest.mark.parametrize("name", SMOOTH)
    def test_second_derivatives_are_analytic(self, name):
        function, spec = activation(name, "strict"), SPECS[name.partition("(")[0]]
        tail = np.float32([-9.0, -5.0, 0.5, 12.0])
        wanted = spec.second_derivative(namespace, tail.astype(np.float64), **function.parameters)
        for twice in (jax.grad(jax.grad(function)), jax.jacfwd(jax.jacfwd(function))):
            np.testing.assert_allclose(jax.vmap(twice)(jnp.asarray(tail)), wanted, rtol=2e-5)

    @every_numerics
    def test_in_a_scan(self, numerics):
        relu = activation("elu", numerics)

        def last(x):
            return jax.lax.scan(lambda carry, _: (relu(carry) * 0.5, None), x, length=3)[0].sum()

        unrolled = lambda x: (relu(relu(relu(x) * 0.5) * 0.5) * 0.5).sum()
        same(jax.jit(jax.grad(last))(jnp.asarray(X)), jax.grad(unrolled)(jnp.asarray(X)))

    @pytest.mark.parametrize("name", KINDS)
    def test_chosen_by_the_input(self, name):
        function, arrays = ua.get_activation(name), arrays_for(name, channels=1)
        wanted = activation(name)(*arrays)
        same(jax.jit(function)(*arrays), wanted)
        same(function(*arrays), wanted)
        assert jax.eval_shape(function, *arrays).shape == wanted.shape

    def test_what_stands_still_has_no_part(self):
        """Its slope is infinite here, and 0 times infinity is NaN."""
        xielu, x, weight = activation("xielu"), jnp.float32([1e30]), jnp.float32([1.0])
        assert jnp.isfinite(jax.jvp(lambda x: xielu(x, weight, weight), (x,), (x / x,))[1]).all()
        assert jnp.isfinite(jax.jacfwd(lambda x: xielu(x, weight, weight))(x)).all()

    def test_without_a_derivative(self):
        @ua.register_activation("cubic", parameters={"a": 2.0})
        def cubic(xp, x, *, a):
            return x * x * x * a

        found = jax.vmap(jax.grad(jax.grad(activation("cubic"))))(jnp.float32([1.0, -2.0]))
        assert found.tolist() == [12.0, -24.0]


class TestWeightsAndChance:
    @pytest.mark.parametrize("shape", [(), (1,), (4,)], ids=str)
    def test_a_weight_has_a_gradient_of_its_shape(self, shape):
        weight = jnp.full(shape, 0.25, jnp.float32)
        prelu = activation("prelu", axis=-1)
        _, (by_x, by_weight) = ua.value_and_grad(prelu, jnp.asarray(X), weight)
        assert (by_x.shape, by_weight.shape) == (X.shape, shape)
        assert float(by_weight.sum()) == pytest.approx(X[X < 0].sum(), rel=1e-6)

    @pytest.mark.parametrize("name", ["rrelu(training=True)", "gumbel_softmax"])
    def test_seeds_and_keys(self, name):
        function, x = activation(name), jnp.asarray(X)
        drawn = [function(x, given) for given in (3, jax.random.key(3), jax.random.PRNGKey(3))]
        for other in drawn[1:]:
            same(other, drawn[0], 0)
        assert (np.asarray(function(x, 4)) != drawn[0]).any()
        same(jax.jit(function)(x, jax.random.key(3)), drawn[0])
        noise = load_backend("jax").uniform_like(x, 3)
        same(function(x, noise), drawn[0], 0)
        same(ua.value_and_grad(function, x, 3)[0], drawn[0])
        assert function(x.astype(jnp.bfloat16), 3).dtype == jnp.bfloat16

    @pytest.mark.parametrize("given", [None, "seed", [1], 1.5, True], ids=str)
    def test_no_seed(self, given):
        with pytest.raises(ua.ParameterValueError, match="a seed"):
            activation("gumbel_softmax")(jnp.asarray(X), given)


class TestErrors:
    @pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "complex64"])
    @pytest.mark.parametrize("name", ["relu", "mish", "softmax", "prelu", "gumbel_softmax"])
    def test_no_floating_point_array(self, name, dtype):
        x = jnp.zeros((2, 4), dtype)
        advice = (
            r"Activations take real numbers: pass x\.real" if dtype == "complex64" else "Cast it"
        )
        message = rf"{name}: expected a floating-point array, got {dtype}\. {advice}"
        further = arrays_for(name)[1:]
        for function in (activation(name), jax.jit(activation(name)), ua.get_activation(name)):
            with pytest.raises(ua.InputTypeError, match=message):
                function(x, *further)
        with pytest.raises(ua.InputTypeError, match="expected a floating-point array, got"):
            ua.value_and_grad(activation(name), x, *further)

    @pytest.mark.parametrize(
        "given", [1.0, None, [1.0], X, X[0, 0], jnp.float32], ids=lambda g: type(g).__name__
    )
    def test_no_array_of_jax(self, given):
        for name in ("relu", "hard_silu"):
            activation(name)(jnp.asarray(X))  # after which the short way is open
            with pytest.raises(
                ua.InputTypeError, match=f"{name}: expected a jax.Array, got .* jnp.asarray"
            ):
                activation(name)(given)
        with pytest.raises(ua.InputTypeError, match=r"expected a jax\.Array"):
            ua.value_and_grad(activation("relu"), given)

    @pytest.mark.parametrize(
        "cotangent",
        [
            jnp.ones(4, jnp.float32),
            jnp.ones((3, 4), jnp.float16),
            np.ones((3, 4), np.float32),
            [1.0],
        ],
        ids=lambda c: type(c).__name__,
    )
    def test_cotangents(self, cotangent):
        with pytest.raises(ua.InputTypeError, match="the cotangent must match the output"):
            ua.value_and_grad(activation("elu"), jnp.asarray(X), cotangent=cotangent)

    def test_weights_masks_and_channels(self):
        x = jnp.asarray(X)
        with pytest.raises(ua.InputTypeError, match=r"the weight is a .*float16.*Cast the weight"):
            activation("prelu")(x, jnp.ones(4, jnp.float16))
        with pytest.raises(ua.InputTypeError, match="Make it an array of booleans"):
            activation("masked_softmax")(x, x)
        with pytest.raises(ua.ParameterValueError, match="the weight has 3 channels"):
            activation("prelu")(x, jnp.ones(3, jnp.float32))


class TestAnyFunction:
    def test_value_and_grad(self):
        gelu, x = activation("gelu"), jnp.asarray(X)
        value, slope = ua.value_and_grad(lambda x: gelu(x) * 2, x, cotangent=jnp.full_like(x, 0.5))
        same((value, slope), (gelu(x) * 2, ua.value_and_grad(gelu, x)[1]))

    def test_value_and_grad_while_traced(self):
        gelu, x = activation("gelu"), jnp.asarray(X)
        same(jax.jit(lambda x: ua.value_and_grad(gelu, x))(x), ua.value_and_grad(gelu, x))


SETTINGS = "{name: value for name, value in jax.config.values.items()}"
UNTOUCHED = f"""
import jax
before = {SETTINGS}
import unified_act as ua
gelu, relu = (ua.get_activation(name, backend="jax") for name in ("gelu", "relu"))
from jax._src import xla_bridge
assert not xla_bridge.backends_are_initialized(), "jax.distributed.initialize() comes too late"
import jax.numpy as jnp, numpy as np
for function in (gelu, ua.get_activation("mish", backend="jax", numerics="strict")):
    value, slope = ua.value_and_grad(function, jnp.asarray([0.5, -2.0]))
    twice = jax.vmap(jax.grad(jax.grad(function)))(jnp.asarray([0.5, -2.0]))
    assert value.dtype == slope.dtype == twice.dtype == EXPECTED, value.dtype
assert before == {SETTINGS}
print("untouched")
"""


@pytest.mark.quick(lambda x64: x64 == "0")
@pytest.mark.parametrize(("x64", "dtype"), [("0", "float32"), ("1", "float64")])
def test_nothing_is_set(run_python, x64, dtype):
    program = UNTOUCHED.replace("EXPECTED", repr(dtype))
    assert run_python(program, environment={"JAX_ENABLE_X64": x64}) == "untouched\n"


@every_numerics
@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_the_second_derivative_of_celu_at_0_is_that_on_its_left(numerics, alpha):
    celu = activation("celu", numerics, alpha=alpha)
    twice = jax.grad(jax.grad(celu))
    assert float(twice(jnp.float32(0.0))) == pytest.approx(1.0 / alpha)


@pytest.mark.parametrize(("name", "x"), [("tanh", 44.3), ("selu", -87.8), ("scaled_tanh", 66.5)])
def test_a_normal_derivative_is_not_lost_where_what_leads_to_it_is_subnormal(name, x):
    slope = jax.grad(activation(name, "strict"))(jnp.float32(x))
    exact = ua.get_activation(name, backend="numpy", numerics="strict")
    _, wanted = ua.value_and_grad(exact, np.array([np.float32(x)], np.float64))
    assert float(slope) == pytest.approx(wanted[0], rel=5e-5)
