"""What several tests of kernels share: a kernel is called with NumPy arrays."""

import numpy as np

from unified_act.expression import record_function
from unified_act.kernels import compiler, fused
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


def call(kernel, *inputs, threads=1):
    """The results for arrays of one shape."""
    inputs = [np.ascontiguousarray(array) for array in inputs]
    results = [np.empty_like(inputs[0]) for _ in range(kernel.results)]
    pointers = [array.ctypes.data for array in (*inputs, *results)]
    kernel(*pointers, count=inputs[0].size, threads=threads)
    return results[0] if len(results) == 1 else results


def results_of(name, parameters, inputs, cotangent=None):
    """The value, or with a cotangent the gradients by all inputs, for arrays as users pass them."""
    activation = ACTIVATIONS.find(name)
    bound = activation.bind(dict(parameters))
    dtype, axis, order = inputs[0].dtype.name, bound.get("axis", -1), int(cotangent is not None)
    kind, further = activation.kind, [] if cotangent is None else [cotangent]
    if kind == "learned":
        terms = [namespace.channel_weight(w, inputs[0], axis=axis) for w in inputs[1:]]
        terms = [np.broadcast_to(term, inputs[0].shape) for term in terms]
        found = call(
            kernel_of(name, parameters, dtype, order, weights="array"), inputs[0], *terms, *further
        )
        if not order:
            return found
        by_x, *by_weights = found
        pairs = zip(by_weights, inputs[1:], strict=True)
        return [by_x, *(namespace.sum_to_weight(by, w, axis=axis) for by, w in pairs)]
    whole = [inputs[0], *(np.broadcast_to(other, inputs[0].shape) for other in inputs[1:])]
    terms = [np.moveaxis(array, axis, -1) for array in (*whole, *further)]
    if kind == "gated":
        halves = np.split(terms[0], 2, axis=-1)
        terms[:1] = halves[::-1] if bound["gate_first"] else halves
    found = rows(kernel_of(name, parameters, dtype, order), *terms)
    if kind == "gated" and order:
        found = np.concatenate(found[::-1] if bound["gate_first"] else found, axis=-1)
    found = [np.moveaxis(one, -1, axis) for one in (found if isinstance(found, list) else [found])]
    return found if order else found[0]


def rows(kernel, *inputs):
    """The results for arrays whose last axis is that of the rows."""
    inputs = [np.ascontiguousarray(array) for array in inputs]
    shape = inputs[0].shape
    results = [np.empty(shape, inputs[0].dtype) for _ in range(kernel.results)]
    every = [array.reshape(-1, shape[-1]) for array in (*inputs, *results)]
    kernel.rows(
        *(array.ctypes.data for array in every),
        length=shape[-1],
        count=len(every[0]),
        strides=[array.strides[0] for array in every],
    )
    return results[0] if len(results) == 1 else results


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
