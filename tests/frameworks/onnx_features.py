"""ONNX: what PyTorch and TensorFlow export, run by ONNX Runtime and judged by the exact values.

An export is judged as the function itself is: by the budgets of the fast profile, and what is
declared of the framework's kernels is allowed to what they become.
"""

import functools
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf2onnx
import torch
from torch import nn

import unified_act as ua
from tests.frameworks.features import CHANNELS, fresh, joint_feature, layer, problem_of
from tests.specifications import SPECS, further_inputs, further_names, parameters_of
from unified_act.onnx.tf2onnx import handlers
from unified_act.parsing import parse
from unified_act_conformance import inputs
from unified_act_conformance.declared.deviations import list_deviations
from unified_act_conformance.floats import widen
from unified_act_conformance.judge.verdict import judge_problem
from unified_act_conformance.problems.pose import problem_at
from unified_act_conformance.subject.cases import Case, Subject
from unified_act_conformance.truth.elementwise import kinks

TORCHSCRIPT = 20
"""The last opset of PyTorch's older exporter; the newer one has none before 18."""
TOGETHER = 16
"""Functions in one model; exporters take the square of the time for more."""
LENGTH = 3
"""Of the first axis, when a model is exported."""

RUN = """
import pathlib, sys
import numpy as np, onnxruntime
folder = pathlib.Path(sys.argv[1])
arrays = np.load(folder / "inputs.npz")
for file in folder.glob("*.onnx"):
    try:
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        values = session.run(None, {i.name: arrays[i.name] for i in session.get_inputs()})
    except Exception as error:
        file.with_suffix(".txt").write_text(f"{type(error).__name__}: {error}")
    else:
        np.savez(file.with_suffix(".npz"), *values)
assert not {"unified_act", "torch", "tensorflow"} & set(sys.modules)
"""
"""Runs models where there is nothing but ONNX Runtime."""


@functools.cache
def arrays():
    """About 1,000 numbers for elementwise activations, and rows of usual ones for all others."""
    elementwise = [name for name in SPECS if is_elementwise(name)]
    bends = sorted(
        {k for name in elementwise for k in kinks(SPECS[name].name, parameters_of(name))}
    )
    points = inputs.sweep("float32", kinks=bends, count=600)
    points = np.resize(points, (-(-points.size // CHANNELS), CHANNELS))  # some occur twice
    (patterns,) = inputs.rows("float32", [CHANNELS])
    usual = patterns[(np.abs(patterns) < 1e7).all(axis=1)]
    spread = 40.0 * inputs.evenly(100 * CHANNELS).reshape(-1, CHANNELS) - 20.0
    rows = np.concatenate([usual, spread.astype(np.float32)])
    mask, noise = (
        further_inputs(name, rows.shape)[0] for name in ("masked_softmax", "gumbel_softmax")
    )
    return {"points": points, "rows": rows, "mask": mask, "noise": noise.astype(np.float32)}


def is_elementwise(name):
    return SPECS[name].kind == "elementwise"


def sources(name):
    """Which of the arrays it is given: its input, and a mask or noise."""
    first = "points" if is_elementwise(name) else "rows"
    return (first, *(() if SPECS[name].weights else further_names(name)))


def arguments(name):
    """The parameters that are given, as in the matrix."""
    plain, given, *_ = parse(name)
    return plain, {**given, **({"axis": -1} if SPECS[name].weights else {})}


def weights(name):
    spec = SPECS[name]
    return [np.full(CHANNELS, spec.initial[weight], np.float32) for weight in spec.weights]


def case_of(name, framework):
    plain, given = arguments(name)
    return Case(Subject(plain, tuple(given.items())), framework, "float32", 0)


@functools.cache
def problem(name):
    """The exact values."""
    given = [arrays()[key] for key in sources(name)]
    return problem_at(case_of(name, ""), [*given, *weights(name)])


def check(name, framework, version, numerics, value):
    """Raises unless a value is right."""
    case, asked = case_of(name, framework), problem(name)
    about = widen(asked.about)
    elsewhere = np.ones(about.shape, dtype=bool)
    for known in list_deviations():
        if not known.flush and known.applies(case, numerics, version):
            there = known.covers(about, asked.reference.high, widen(value), case.dtype)
            elsewhere &= ~there
            allowed = judge_problem(case, "fast", asked, value, there)
            assert allowed.count == 0 or allowed.max_error <= known.bound, f"{known.id}: {allowed}"
    found = judge_problem(case, "fast", asked, value, elsewhere)
    assert found.passed, (
        f"{found.got!r} for {found.want!r} at {found.worst_x!r}, {found.max_error:.3g} off; "
        f"{found.failures} of {found.count} inputs"
    )


def judged(names, framework, version, model):
    """Exports all activations in both profiles, many in one model if that can be, and judges them.

    Args:
        names: The activations.
        framework: The framework.
        version: Its version.
        model: Returns the model of some activations, each with its profile, as bytes.
    """
    asked = [(name, numerics) for name in names for numerics in ("fast", "strict")]
    values, failures = values_of(asked, model)
    for (name, numerics), value in values.items():
        try:
            check(name, framework, version, numerics, value)
        except AssertionError as error:
            failures[name, numerics] = problem_of(error)
    found = {}
    for (name, numerics), problem in failures.items():
        found.setdefault(name, {}).setdefault(problem, []).append(numerics)
    return {
        name: "; ".join(f"{' and '.join(profiles)}: {what}" for what, profiles in problems.items())
        for name, problems in found.items()
    }


def values_of(asked, model):
    """What ONNX Runtime makes of each that can be exported, and the problems of all others."""
    models, failures = {}, {}
    for start in range(0, len(asked), TOGETHER):
        portion = asked[start : start + TOGETHER]
        try:
            models[tuple(portion)] = model(portion)
        except Exception:
            for one in portion:
                try:
                    models[(one,)] = model([one])
                except Exception as error:
                    failures[one] = problem_of(error)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        np.savez(folder / "inputs.npz", **negated(arrays()))
        for place, data in enumerate(models.values()):
            (folder / f"{place}.onnx").write_bytes(data)
        fresh(RUN, temporary)
        values = {}
        for place, together in enumerate(models):
            if (refused := folder / f"{place}.txt").exists():
                failures |= dict.fromkeys(together, refused.read_text())
            else:
                with np.load(folder / f"{place}.npz") as outputs:
                    values |= zip(together, outputs.values(), strict=True)
    return values, failures


def negated(given):
    """The same with the other sign, of what is no mask and no noise.

    A model begins so: PyTorch writes none that is nothing but identity.
    """
    return {key: -a if key in ("points", "rows") else a for key, a in given.items()}


class Model(nn.Module):
    """Layers, each on the arrays that are for it."""

    def __init__(self, asked):
        super().__init__()
        self.layers = nn.ModuleList(
            layer(name, "torch", numerics=profile) for name, profile in asked
        )
        self.sources = [sources(name) for name, _ in asked]

    def forward(self, *inputs):
        given = negated(dict(zip(arrays(), inputs, strict=True)))
        pairs = zip(self.layers, self.sources, strict=True)
        return tuple(each(*(given[key] for key in keys)) for each, keys in pairs)


def torch_model(asked, opset):
    """A model of PyTorch's, whose first axis has any length."""
    examples = tuple(torch.from_numpy(array[:LENGTH]) for array in arrays().values())
    axes = {key: {0: "m" if key == "points" else "n"} for key in arrays()}
    options = {"opset_version": opset, "input_names": list(arrays())}
    if opset > TORCHSCRIPT:
        options |= {"dynamo": True, "dynamic_shapes": (tuple(axes.values()),)}
    else:
        options |= {"dynamo": False, "dynamic_axes": axes}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        torch.onnx.export(Model(asked).eval(), examples, file, external_data=False, **options)
        return file.read_bytes()


def tensorflow_model(asked, opset):
    """A model of tf2onnx, of functions with constant weights, whose first axis has any length."""
    calls = []
    for name, numerics in asked:
        plain, given = arguments(name)
        call = ua.get_activation(plain, backend="tensorflow", numerics=numerics, **given)
        calls.append((call, sources(name), weights(name)))

    def every(*inputs):
        given = negated(dict(zip(arrays(), inputs, strict=True)))
        return [
            call(*(given[key] for key in keys), *map(tf.constant, constants))
            for call, keys, constants in calls
        ]

    signature = [tf.TensorSpec([None, CHANNELS], a.dtype, key) for key, a in arrays().items()]
    model, _ = tf2onnx.convert.from_function(
        tf.function(every), signature, opset=opset, custom_op_handlers=handlers(opset)
    )
    return model.SerializeToString()


MODELS = {"torch": (torch_model, torch), "tensorflow": (tensorflow_model, tf)}
OPSETS = {"torch": (13, 17, 25), "tensorflow": (13, 17, 18)}
"""The newest is the last that PyTorch's exporter, and tf2onnx, know."""


def column(framework, opset):
    """Registers one."""
    model, module = MODELS[framework]

    @joint_feature(framework, f"ONNX, opset {opset}")
    def exported(names):
        return judged(names, framework, module.__version__, lambda asked: model(asked, opset))


for one, opsets in OPSETS.items():
    for number in opsets:
        column(one, number)
