"""What several tests of kernels share: a kernel is called with NumPy arrays."""

import numpy as np

from unified_act.expression import record_function
from unified_act.kernels import ALONE, compiler, fused, plan_of
from unified_act.kernels.elementary import FAR_ANGLE, lowered
from unified_act.kernels.emitter import module_text
from unified_act.kernels.instructions import Argument
from unified_act.registry import ACTIVATIONS
from unified_act_numpy import namespace


def kernel_of(name, parameters=(), dtype="float32", order=0, **options):
    """The kernel of a built-in activation."""
    found = fused(ACTIVATIONS.find(name), dict(parameters), dtype, order, **options)
    assert found is not None
    return found


def call(kernel, *inputs, threads=ALONE):
    """The results for arrays of one shape."""
    inputs = [np.ascontiguousarray(array) for array in inputs]
    results = [np.empty_like(inputs[0]) for _ in range(kernel.results)]
    pointers = [array.ctypes.data for array in (*inputs, *results)]
    kernel(*pointers, count=inputs[0].size, threads=threads)
    return results[0] if len(results) == 1 else results


def results_of(name, parameters, inputs, cotangent=None, threads=ALONE):
    """The value, or with a cotangent the gradients by all inputs, for arrays as users pass them."""
    activation = ACTIVATIONS.find(name)
    bound = activation.bind(dict(parameters))
    order = int(cotangent is not None)
    x, *others = inputs
    weights = others if activation.kind == "learned" else []
    if not weights:
        others = [np.broadcast_to(other, x.shape) for other in others]
    terms = [x, *others, *([cotangent] if order else [])]
    terms = [np.asarray(term, order="C") for term in terms]
    shape = list(terms[0].shape)
    if activation.kind == "gated" and not order:
        shape[bound["axis"]] //= 2
    number = 1 + len(others) - len(activation.masks) if order else 1
    results = [np.empty(shape, x.dtype) for _ in range(number)]
    plan = plan_of(
        activation,
        bound,
        x.dtype.name,
        terms[0].shape,
        order=order,
        weight_sizes=[weight.size for weight in weights],
    )
    plan.run([array.ctypes.data for array in (*terms, *results)], threads)
    for place, weight in enumerate(weights if order else [], start=1):
        results[place] = namespace.sum_to_weight(results[place], weight, axis=bound["axis"])
    return results if order else results[0]


def awkward(dtype):
    """Numbers where things go wrong, and NaNs of several kinds."""
    info = np.finfo(dtype)
    numbers = [0.0, -0.0, np.inf, -np.inf, 1.0, -1.0, 3.0, -3.0, 0.5, -20.0, 88.7, -103.9, 710.0]
    numbers += [info.max, -info.max, info.tiny, -info.tiny, info.tiny / 8, -info.tiny / 8]
    numbers += [info.smallest_subnormal, -info.smallest_subnormal]
    integer = {4: np.uint32, 8: np.uint64}[np.dtype(dtype).itemsize]
    quiet = np.array([np.nan], dtype).view(integer)
    sign = np.array([-0.0], dtype).view(integer)
    nans = np.concatenate([quiet, quiet | sign, quiet | integer(12345), quiet | sign | integer(1)])
    return np.concatenate([np.array(numbers, dtype), nans.view(dtype)])


def random_bits(dtype, count, seed=0):
    """Numbers of every size, infinities and NaNs among them."""
    integer = {4: np.uint32, 8: np.uint64}[np.dtype(dtype).itemsize]
    generator = np.random.default_rng(seed)
    return generator.integers(0, np.iinfo(integer).max, count, integer, endpoint=True).view(dtype)


def compiled_function(function, inputs=("x",), *, wide=False, processor=None, dtype="float64"):
    """A function of the namespace as machine code: it takes and returns arrays."""
    outputs = lowered(record_function(function, {}, inputs, wide=wide))
    arguments = {name: Argument(dtype) for name in inputs}
    text = module_text(arguments, outputs, [Argument(dtype)] * len(outputs), FAR_ANGLE)
    library = compiler.Library(compiler.compiled(text, processor or compiler.host()))
    flat = library.function("flat", len(inputs) + len(outputs), 1)

    def call(*arrays):
        results = [np.empty_like(arrays[0]) for _ in outputs]
        flat(*(a.ctypes.data for a in (*arrays, *results)), arrays[0].size)
        return results[0] if len(results) == 1 else results

    call.library = library
    return call
