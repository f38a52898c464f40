"""ONNX Runtime, asked and judged as the conformance suite asks and judges a framework."""

import ctypes
import functools
import math

import numpy as np
import onnx
import onnxruntime
from ml_dtypes import bfloat16
from onnx.reference import ReferenceEvaluator

from unified_act import onnx as exported
from unified_act.registry import ACTIVATIONS
from unified_act_conformance import inputs
from unified_act_conformance.floats import float_format
from unified_act_conformance.judge.verdict import judge_problem, worse
from unified_act_conformance.problems.pose import problem_at, problems_for
from unified_act_conformance.subject.cases import Case
from unified_act_conformance.truth.exact import truth_of
from unified_act_conformance.truth.records import list_subjects

NEWEST = onnx.defs.onnx_opset_version()
OPSETS = (13, 17, NEWEST)
COUNT = 2_000
"""Numbers that an elementwise activation is tried with, unless a test says otherwise."""
SUBJECTS = list_subjects()

onnxruntime.set_default_logger_severity(4)  # what cannot be run raises, and that is enough


def model_of(subject, rank=None, **options):
    shape = None if rank is None else [f"d{index}" for index in range(rank)]
    parameters = dict(subject.parameters)
    return exported.model(subject.activation, shape=shape, **options, **parameters)


@functools.lru_cache(maxsize=4)
def problems(subject, dtype, count):
    """Inputs with their exact answers."""
    case, truth = Case(subject, "onnx", dtype, 0), truth_of(subject)
    if truth is None:
        return problems_for(case, quick=not ACTIVATIONS.find(subject.activation).along_axis)
    x = inputs.sweep(dtype, kinks=truth.kinks, crossings=truth.crossings, count=count)
    return [problem_at(case, [x])]


def run(proto, arrays):
    """What ONNX Runtime makes of a model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # starting others takes longer than what they would do
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [given.name for given in session.get_inputs()]
    values = dict(zip(names, map(_value, arrays), strict=True))
    return _array(session.run_with_ort_values(["y"], values)[0])


def run_reference(proto, arrays):
    """What the standard's own evaluator, which is NumPy, makes of a model."""
    names = [given.name for given in proto.graph.input]
    with np.errstate(all="ignore"):
        return ReferenceEvaluator(proto).run(None, dict(zip(names, arrays, strict=True)))[0]


def _value(array):
    """For ONNX Runtime, to whose Python bfloat16 is unknown."""
    of_numpy = onnxruntime.OrtValue.ortvalue_from_numpy
    if array.dtype != bfloat16:
        return of_numpy(array)
    bits = np.ascontiguousarray(array).view(np.uint16)
    of_type = onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type
    return of_type(bits, onnx.TensorProto.BFLOAT16)


def _array(value):
    if value.data_type() != "tensor(bfloat16)":
        return value.numpy()
    content = ctypes.string_at(value.data_ptr(), 2 * math.prod(value.shape()))
    return np.frombuffer(content, dtype=bfloat16).reshape(value.shape())


def judged(subject, dtype, numerics, choose, *, evaluate=run, count=COUNT, **options):
    """The judgement of all outputs about inputs that `choose` chooses."""
    case = Case(subject, "onnx", dtype, 0)
    found = None
    for index, problem in enumerate(problems(subject, dtype, count)):
        rank = problem.inputs[0].ndim
        proto = model_of(subject, rank, dtype=dtype, numerics=numerics, **options)
        output = _output(proto.SerializeToString(), evaluate, subject, dtype, count, index)
        assert output.dtype == float_format(dtype).dtype
        assert output.shape == problem.reference.high.shape
        chosen = choose(problem.about)
        found = worse(found, judge_problem(case, numerics, problem, output, chosen))
    return found


@functools.lru_cache(maxsize=16)  # in both profiles it is often the same model
def _output(serialized, evaluate, subject, dtype, count, index):
    proto = onnx.load_from_string(serialized)
    onnx.checker.check_model(proto, full_check=True)
    return evaluate(proto, problems(subject, dtype, count)[index].inputs)
