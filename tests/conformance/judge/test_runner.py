"""The conformance run itself: every activation on every backend, up to order 2, in fast.

On JAX, which compiles everything for each type and takes minutes, with the first parameters only.
Where other parameters only say which numbers meet, with fewer numbers.
"""

import itertools

import pytest

import unified_act as ua
from tests.conformance.judge.compiled_types import types_on_jax
from tests.implementations import forget_implementations
from tests.specifications import KINDS
from unified_act.kernels import unavailable
from unified_act.loading import load_backend
from unified_act_conformance.judge import runner
from unified_act_conformance.subject.cases import Case, Subject, list_cases, usual_backends
from unified_act_conformance.truth.records import list_subjects
from unified_act_tensorflow import TensorflowBackend

# Written out here: what is lost from the catalogue or the lists of cases must not go unnoticed.
BACKENDS = ["mxnet", "numpy", "tensorflow", "torch"]
DTYPES = ["float16", "bfloat16", "float32", "float64"]
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
OTHER_PARAMETERS = [
    *("affine(alpha=2.0, beta=-0.75)", "affine(alpha=-0.3, beta=0.1)", "celu(alpha=0.3)"),
    "clamped_swiglu(interleaved=True)",
    "clamped_swiglu(gate_first=False, alpha=1.0, limit=10.0, offset=0.0)",
    *("clipped_gelu(min_value=9.0, max_value=12.0)", "clipped_relu(max_value=20.0)"),
    *("clipped_relu(max_value=0.75)", "elu(alpha=0.25)", "elu(alpha=0.3)", "geglu(axis=0)"),
    "glu(gate_first=True)",
    *("glu(axis=0)", "glu(interleaved=True, axis=0)"),
    *("gumbel_softmax(tau=0.7, hard=True)", "gumbel_softmax(axis=0)"),
    *("hard_shrink(threshold=1.25)", "hard_sigmoid(alpha=0.2)"),
    *("hard_sigmoid_02(alpha=0.25, beta=0.25)", "hard_tanh(min_value=-2.0, max_value=0.5)"),
    *("laplace(mu=0.707107, sigma=0.282095)", "laplace(mu=-1.5, sigma=2.0)"),
    *("leaky_relu(negative_slope=0.3)", "leaky_relu(negative_slope=-0.5)"),
    *("leaky_relu(negative_slope=0.0)", "log_softmax(axis=0)"),
    *("maxout(groups=2)", "maxout(groups=3, axis=0)", "prelu(axis=-1)", "rrelu(training=True)"),
    *("scaled_tanh(alpha=0.7, beta=1.3)", "shrink(threshold=1.25, bias=0.75)"),
    *("silu(beta=1.702)", "silu_beta(axis=-1)", "snake(axis=-1)", "soft_shrink(threshold=1.25)"),
    *("softmax(axis=0)", "softplus(beta=4.7)", "softplus_beta(axis=-1)"),
    *("sparsemax(axis=0)", "squareplus(b=0.0)", "squareplus(b=0.3)"),
    *(
        "swiglu(gate_first=False)",
        "swiglu(interleaved=True)",
        "threshold(threshold=0.0, value=0.0)",
    ),
    *("threshold(threshold=1.5, value=-20.0)", "thresholded_relu(threshold=0.25)"),
    "xielu(beta=1.0)",
    *("entmax(alpha=1.0)", "entmax(alpha=1.1)", "entmax(alpha=1.7)", "entmax(alpha=2.0)"),
    *("entmax(axis=0)", "entmax15(axis=0)", "masked_log_softmax(axis=0)"),
    *("masked_sparsemax(axis=0)", "softmax_one(axis=0)"),
    "clipped_leaky_relu(max_value=0.75)",
    "clipped_leaky_relu(max_value=2.5, negative_slope=0.0, threshold=0.5)",
    "clipped_leaky_relu(max_value=6.0, negative_slope=0.1, threshold=1.0)",
    *("selu(alpha=0.3, scale=0.7)", "selu(alpha=2.0, scale=3.0)", "silut(threshold=5.0)"),
    "silut(threshold=30.0)",
]
WITHOUT_DEFAULTS = {"affine", "clipped_leaky_relu", "clipped_relu", "maxout", "threshold"}
WEIGHTS = {
    "pelu": ["a", "b"],
    "prelu": ["weight"],
    "silu_beta": ["beta"],
    "snake": ["alpha"],
    "snake_beta": ["alpha", "beta"],
    "softplus_beta": ["beta"],
    "srelu": ["t_left", "a_left", "t_right", "a_right"],
    "star_relu": ["scale", "bias"],
    "tlu": ["tau"],
    "xielu": ["alpha_p", "alpha_n"],
}
ARRANGEMENT = {"axis", "gate_first", "interleaved"}
EVERY_16_BIT_INPUT = 65_536

# PyTorch's own kernel has one derivative only.
ONCE_ON_TORCH = {("hard_sigmoid", dtype) for dtype in ("float16", "bfloat16", "float32")}
TWICE_ON_MXNET = {
    (name, dtype) for name in ("relu", "sigmoid", "tanh") for dtype in DTYPES if dtype != "bfloat16"
}


def is_offered(case):
    what = (str(case.subject), case.dtype)
    return (
        case.order < 2
        or {
            "numpy": False,
            "torch": what not in ONCE_ON_TORCH,
            "tensorflow": True,
            "mxnet": what in TWICE_ON_MXNET,
            "jax": True,
        }[case.backend]
    )


def test_no_activation_is_left_out():
    assert ua.list_activations() == NAMES
    assert usual_backends() == BACKENDS
    subjects = {str(subject) for subject in list_subjects()}
    assert subjects == {*NAMES, *OTHER_PARAMETERS} - WITHOUT_DEFAULTS


every_subject = pytest.mark.parametrize("subject", list_subjects(), ids=str)


@every_subject
def test_accuracy_at_few_inputs(subject):
    """In float32; of gelu and softmax in all types."""
    dtypes = DTYPES if str(subject) in ("gelu", "softmax") else ["float32"]
    assert_accurate(subject, dict.fromkeys(BACKENDS, dtypes), quick=True)


@pytest.mark.exhaustive
@every_subject
def test_accuracy(subject):
    backends = {name: load_backend(name).dtypes for name in BACKENDS}
    assert all(sorted(dtypes) == sorted(DTYPES) for dtypes in backends.values())
    first = subject == list_subjects([subject.activation])[0]
    # What no framework has is judged at all inputs in strict, by test_strict.
    of_ours = not any(subject.activation in load_backend(name).native for name in backends)
    if first and (subject.activation in KINDS or not of_ours):
        backends["jax"] = types_on_jax(subject.activation, "fast")
    quick = of_ours or (not first and ARRANGEMENT.issuperset(dict(subject.parameters)))
    assert_accurate(subject, backends, quick)


def assert_accurate(subject, backends, quick):
    """In the order of the backends, so that exact values are computed once for all of them."""
    results = list(runner.run(list_cases([subject], backends), quick=quick))
    problems = [f"{result.case}: {result.problem}" for result in results if not result.passed]
    assert not problems, "\n".join(problems)

    elementwise = subject.activation in ua.list_activations(kind="elementwise")
    weights = WEIGHTS.get(subject.activation, [])
    parts = [(0, "x"), *((order, part) for order in (1, 2) for part in ("x", *weights))]
    expected = {
        (backend, dtype, order, part)
        for backend, dtypes in backends.items()
        for dtype, (order, part) in itertools.product(dtypes, parts)
    }
    cases = [result.case for result in results]
    assert len(cases) == len(expected)
    assert {(c.backend, c.dtype, c.order, c.part) for c in cases} == expected
    for result in results:
        if not is_offered(result.case):
            assert result.status == "unsupported"
            continue
        assert result.judgement is not None
        declared = sum(judgement.count for _, judgement in result.deviations)
        judged = result.judgement.count + declared
        # Unless quick, every 16-bit input is judged; of derivatives all but the NaN, where none is
        # specified.
        if elementwise and result.case.dtype in ("float16", "bfloat16"):
            assert judged > (4_000 if quick else 0.95 * EVERY_16_BIT_INPUT)
        elif elementwise:
            assert judged > (1_000 if quick else 10_000)
        else:
            assert judged > 0


def test_a_case_that_raises_is_a_failure(monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(ua, "get_activation", broken)
    subjects = list_subjects()[:1]
    cases = list_cases(subjects, {"numpy": ["float32"]}, (0, 1))
    results = list(runner.run(cases, quick=True))
    assert [result.passed for result in results] == [False, False]
    assert all(result.problem == "ZeroDivisionError: of all things" for result in results)


def test_no_backend_is_silently_left_out():
    cases = list_cases(list_subjects()[:1], {"nonsense": ["float32"]})
    with pytest.raises(ua.UnknownBackendError, match="nonsense"):
        list(runner.run(cases))


@pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there is machine code")
def test_machine_code_has_no_deviation_of_the_kernel_that_it_outruns(monkeypatch):
    case = Case(Subject("gelu"), "tensorflow", "float32", 0)
    (by_machine_code,) = runner.run([case], quick=True)
    assert by_machine_code.passed
    of_the_kernel = "tensorflow-value-at-minus-infinity"
    assert of_the_kernel not in [each.id for each, _ in by_machine_code.deviations]
    monkeypatch.setattr(TensorflowBackend, "no_machine_code", lambda self: "none was made")
    forget_implementations()
    (by_kernel,) = runner.run([case], quick=True)
    assert by_kernel.passed
    assert of_the_kernel in [each.id for each, _ in by_kernel.deviations]
