"""The audit of modules of flax and equinox, and of functions of JAX."""

import pytest

import unified_act as ua

jax = pytest.importorskip("jax")
jnp = jax.numpy

X = jnp.linspace(-2.0, 2.0, 2 * 3 * 8).reshape(2, 3, 8)


def listed(found):
    return [(one.place, one.text) for one in found.activations]


def test_nnx():
    nnx = pytest.importorskip("flax.nnx")

    class Block(nnx.Module):
        def __init__(self, rngs):
            self.norm = nnx.LayerNorm(8, rngs=rngs)
            self.gate = nnx.Linear(8, 16, rngs=rngs)
            self.up = nnx.Linear(8, 16, rngs=rngs)
            self.down = nnx.Linear(16, 8, rngs=rngs)
            self.dropout = nnx.Dropout(0.1, rngs=rngs)

        def __call__(self, x):
            x = self.norm(x)
            return self.dropout(self.down(nnx.silu(self.gate(x)) * self.up(x)))

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.block = Block(rngs)
            self.norm = nnx.BatchNorm(8, rngs=rngs)
            self.attention = nnx.MultiHeadAttention(2, 8, decode=False, rngs=rngs)

        def __call__(self, x):
            x = x + self.attention(self.norm(x + self.block(x)))
            return jax.nn.log_softmax(nnx.gelu(x, approximate=False), axis=1)

    before = Block.__call__
    found = ua.audit(Net(nnx.Rngs(0)), X)
    assert Block.__call__ is before
    here = found.activations[-1].line
    assert here.startswith("test_jax.py:")
    assert listed(found) == [
        ("block", "silu"),
        ("attention", "softmax"),
        (here, "gelu"),
        (here, "log_softmax(axis=-2)"),
    ]
    assert found.activations[0].notes == ("gates another half or layer: swiglu",)


@pytest.mark.exhaustive  # nnx and equinox are read by the same code
def test_linen():
    nn = pytest.importorskip("flax.linen")

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.leaky_relu(nn.Dense(8)(x), 0.2)
            return jax.nn.gelu(nn.Dense(4)(nn.PReLU()(nn.LayerNorm()(x))))

    expected = ["leaky_relu(negative_slope=0.2)", "prelu", "gelu_tanh"]
    found = ua.audit(Net(), X)
    assert [one.text for one in found.activations] == expected
    assert found.activations[1].place == "PReLU_0"
    assert found.activations[1].notes == ("learned, one number", "weight = 0.01")
    bound = Net().bind(Net().init(jax.random.key(0), X))
    assert [one.text for one in ua.audit(bound, X).activations] == expected


def test_equinox():
    eqx = pytest.importorskip("equinox")
    keys = jax.random.split(jax.random.key(0), 2)
    model = eqx.nn.Sequential(
        [
            eqx.nn.Linear(8, 8, key=keys[0]),
            eqx.nn.Lambda(jax.nn.mish),
            eqx.nn.LayerNorm(8),
            eqx.nn.MLP(8, 3, 8, 1, activation=jax.nn.elu, key=keys[1]),
            eqx.nn.Lambda(jax.nn.softplus),
        ]
    )
    found = ua.audit(model, X[0, 0])
    assert listed(found) == [("layers.1", "mish"), ("layers.3", "elu"), ("layers.4", "softplus")]
    for one in found.activations:  # whose derivatives JAX defines apart, which is no fault
        assert "ANOTHER GRADIENT" not in one.notes
    with pytest.raises(ua.UnsupportedError, match=r"jax\.vmap\(model\)"):
        ua.audit(model, X)
    batch = ua.audit(jax.vmap(jax.vmap(model)), X)
    assert [one.text for one in batch.activations] == ["mish", "elu", "softplus"]


def test_a_function_with_loops_and_branches():
    def function(x, flag):
        x, _ = jax.lax.scan(lambda carry, _: (jnp.tanh(carry), None), x, None, length=3)
        return jax.lax.cond(flag, jax.nn.relu6, jax.nn.sigmoid, x)

    found = ua.audit(function, (X, jnp.asarray(True)))
    assert sorted(one.text for one in found.activations) == ["relu6", "sigmoid", "tanh"]


def test_a_port_against_its_original():
    torch = pytest.importorskip("torch")
    original = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.GELU(), torch.nn.Softmax(-1))
    weight = jnp.asarray(original[0].weight.detach().numpy())

    def port(x):
        return jax.nn.softmax(jax.nn.gelu(x @ weight.T), axis=-1)

    found = ua.audit(original, torch.zeros(3, 8))
    (place,) = found.against(ua.audit(port, X[0]))
    assert (place.first.text, place.second.text) == ("gelu", "gelu_tanh")
    with pytest.raises(ua.InputTypeError, match="inputs=…"):
        ua.audit(jax.jit(port))
