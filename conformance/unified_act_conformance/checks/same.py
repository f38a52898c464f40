"""The check that backends compute the same bits as each other, element by element."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unified_act import kernels
from unified_act.loading import load_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance import inputs
from unified_act_conformance.checks.bench import Bench, bench_for
from unified_act_conformance.checks.run import CheckResult
from unified_act_conformance.declared import declared_for
from unified_act_conformance.floats import FloatArray, float_format, to_type, widen
from unified_act_conformance.problems import parted, spread, weights_of
from unified_act_conformance.subject import Case, Check, Implement, Subject, registered, shared_code
from unified_act_conformance.truth import list_subjects, truth_of

__all__ = ["COUNT", "SAME", "Comparison", "compare", "same_subjects"]

SAME = "same bits"
"""The name of the check."""

COUNT = 2_000_000
"""Of how many bit patterns backends are compared."""
SMALL = (1, 7, 33)
"""Sizes and lengths of rows that leave a rest of a processor's vectors."""
ROWS = (*SMALL, 257, 4096)
"""Lengths of rows."""
FEW = 64
"""So many rows of small sizes and other layouts."""
SHOWN = 3
"""So many differences of a backend are told."""
WIDE = 10.0
"""About how large the numbers of long rows are. Of all bit patterns most are 0 or 1 in a row."""


class _Question(NamedTuple):
    """What all backends are asked.

    Attributes:
        setting: What is special about it, in words.
        arrays: The inputs.
        layout: How x lies in memory, as `Harness.laid_out` has it.
    """

    setting: str
    arrays: Sequence[FloatArray]
    layout: str = "contiguous"


@dataclass(frozen=True)
class Comparison(CheckResult):
    """What the comparison of a backend with another came to.

    Attributes:
        compared: How many elements were compared.
    """

    compared: int = 0


class _Asked(NamedTuple):
    """One of the outputs that a question asks for.

    Attributes:
        question: The question.
        output: Which output.
        cotangent: What the gradient is taken with, if not with ones.
    """

    question: _Question
    output: str
    cotangent: FloatArray | None

    def __str__(self) -> str:
        """What it is, for a reader."""
        return f"{self.output}, {self.question.setting}"

    def at(
        self, bench: Bench, place: tuple[int, ...], like: FloatArray
    ) -> Iterator[tuple[str, float]]:
        """Yields the inputs that are at a place of the output, by name."""
        for name, array in zip(
            bench.activation.inputs_for(bench.parameters), self.question.arrays, strict=True
        ):
            if array.shape == like.shape:
                yield name, float(array[place])
            elif array.size == 1:
                yield name, float(array.item())
            elif name in bench.activation.weights:
                yield name, float(array[place[bench.axis]])
            else:  # several elements of a row make one of the output
                row = tuple(
                    slice(None) if axis == bench.axis % array.ndim else index
                    for axis, index in enumerate(place)
                )
                if bench.activation.kind == "gated":
                    sections = parted(array[row], {**bench.parameters, "axis": 0})
                else:
                    sections = np.split(array[row], bench.sections)
                for number, section in enumerate(sections, 1):
                    index = place[bench.axis] % section.size
                    yield f"{name} in part {number}", float(section[index])
        if self.cotangent is not None and self.cotangent.shape == like.shape:
            yield "cotangent", float(self.cotangent[place])


def same_subjects(activations: Sequence[str] = ()) -> list[Subject]:
    """Returns what backends are compared in: the subjects of the suite, along a middle axis too.

    Args:
        activations: Only these.
    """
    found = list_subjects(activations)
    middle = []
    for subject in found:
        own = dict(subject.parameters)
        if ACTIVATIONS.find(subject.activation).bind(own).get("axis") == -1:
            middle.append(Subject(subject.activation, tuple({**own, "axis": -2}.items())))
    return [*found, *middle]


def compare(
    subject: Subject,
    dtype: str,
    backends: Sequence[str],
    *,
    count: int = COUNT,
    implement: Implement = registered,
) -> list[Comparison]:
    """Compares backends in the profile strict, bit by bit: the value, and the gradient by x.

    NaN is NaN, whatever its sign and its payload are. Gradients by weights are left out: they are
    sums, which each framework adds up in an order of its own.

    Backends that compute an activation by operations of their framework may differ. Then the result
    is that the comparison is unsupported, with what differs.

    Args:
        subject: The activation.
        dtype: The name of the float type.
        backends: The names of the backends.
        count: How many bit patterns are tried. Elementwise activations get all numbers of a 16-bit
            type. What is declared has to show only in a comparison of at least `COUNT`.
        implement: What is compared, in place of what `get_activation` hands out.

    Returns:
        A result for each backend but one, with which they are compared: the first that computes by
        the code that backends share.
    """
    benches = [
        bench_for(Case(subject, backend, dtype, 0), "strict", implement) for backend in backends
    ]
    first, *others = sorted(benches, key=_composes)
    found: dict[str, list[str]] = {bench.case.backend: [] for bench in others}
    compared = dict.fromkeys(found, 0)
    for question in _questions(first, count):
        cotangents = _cotangents(first, question)
        wanted = dict(_answers(first, question, cotangents))
        for bench in others:
            backend = bench.case.backend
            for output, answer in _answers(bench, question, cotangents):
                if output in wanted:
                    compared[backend] += answer.size
                    asked = _Asked(question, output, cotangents[output])
                    found[backend] += _differences(asked, first, bench, wanted[output], answer)
    return [
        _judged(first, bench, found[name], compared[name], complete=count >= COUNT)
        for name, bench in zip(found, others, strict=True)
    ]


def _judged(
    first: Bench, bench: Bench, found: Sequence[str], compared: int, *, complete: bool
) -> Comparison:
    """Returns what the differences come to; what is declared has to show if all was compared."""
    case = bench.case
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    problem = "; ".join(found[:SHOWN]) + more
    unsupported = deviation = ""
    if problem and (_composes(bench) or _composes(first)):
        problem, unsupported = "", f"by operations of the framework: {problem}"
    check = Check(SAME, case.subject, case.backend, case.dtype)
    declared = declared_for(check, "strict") if bench.declared and not unsupported else None
    if declared is not None and (problem or complete):
        explained = declared.explains(problem)
        deviation = declared.id if explained else ""
        problem = "" if explained else declared.unlike(problem)
    return Comparison(
        *(SAME, case.subject, case.backend, case.dtype, "strict"),
        problem=problem,
        unsupported=unsupported,
        deviation=deviation,
        compared=compared,
    )


def _composes(bench: Bench) -> bool:
    """Whether a backend computes an activation by its framework's operations, in part at least."""
    has_kernels = bool(getattr(load_backend(bench.case.backend), "fused", ()))
    return not shared_code(bench.case) or not has_kernels


def _answers(
    bench: Bench, question: _Question, cotangents: Mapping[str, FloatArray | None]
) -> Iterator[tuple[str, FloatArray]]:
    """Yields the value and the gradients by x, by name."""
    dtype, harness = bench.case.dtype, bench.harness
    x, *further = question.arrays
    given = [harness.laid_out(x, dtype, question.layout), *map(bench.native, further)]
    with np.errstate(all="ignore"):  # signalling NaNs
        yield "value", harness.to_numpy(bench.implementation.value(given), dtype)
        for name, cotangent in cotangents.items():
            if name == "value" or 1 not in bench.orders:
                continue
            along = None if cotangent is None else harness.to_native(cotangent, dtype)
            found = bench.implementation.gradients(given, along)[0]
            yield name, harness.to_numpy(found, dtype)


def _cotangents(bench: Bench, question: _Question) -> Mapping[str, FloatArray | None]:
    """Returns what outputs are taken with, by name: nothing, ones, and ordinary numbers."""
    x = question.arrays[0]
    shape = x.shape if bench.pointwise else bench.output_shape(x)
    ordinary = to_type(2.0 * inputs.evenly(math.prod(shape)) - 1.0, bench.case.dtype)
    return {"value": None, "gradient": None, "gradient with cotangents": ordinary.reshape(shape)}


def _differences(
    asked: _Asked, first: Bench, second: Bench, wanted: FloatArray, found: FloatArray
) -> Iterator[str]:
    """Says what differs between two answers, if anything does."""
    names = [first.case.backend, second.case.backend]
    if wanted.shape != found.shape:
        yield f"{asked}: the shape is {found.shape} on {names[1]}, {wanted.shape} on {names[0]}"
        return
    bits = [_bits(wanted), _bits(found)]
    differ = bits[0] != bits[1]
    if differ.any():
        differ &= ~(np.isnan(widen(wanted)) & np.isnan(widen(found)))
    number = int(np.count_nonzero(differ))
    if not number:
        return
    place = tuple(int(index) for index in np.argwhere(differ)[0])
    at = [f"{name}={value.hex()} ({value:.9g})" for name, value in asked.at(first, place, wanted)]
    told = [
        f"{name} {int(own[place]):0{2 * wanted.dtype.itemsize}x} ({float(answer[place]):.9g})"
        for name, own, answer in zip(names, bits, (wanted, found), strict=True)
    ]
    yield (
        f"{asked}: {names[1]} differs from {names[0]} in {number:,} of {differ.size:,} elements, "
        f"first at {', '.join(at)}: {', '.join(told)}"
    )


def _bits(array: FloatArray) -> NDArray[Any]:
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}").reshape(array.shape)


def _questions(bench: Bench, count: int) -> Iterator[_Question]:
    """Yields what to ask: many numbers, small sizes, and arrays that are not contiguous."""
    dtype = bench.case.dtype
    if bench.elementwise:
        numbers = _numbers(bench, count)
        yield _Question(f"{numbers.size:,} elements", (numbers,))
        ordinary = _ordinary(dtype, FEW * max(SMALL))
        for size in SMALL:
            yield _Question(_elements(size), (ordinary[:size],))
        for layout in ("transposed", "strided"):
            yield _Question(layout, (ordinary.reshape(FEW, -1),), layout)
        return
    for rows in _rows(bench, count):
        x = _arranged(bench, rows)
        setting = f"{len(rows):,} rows of {rows.shape[1]:,}"
        yield _Question(setting, (x, *bench.further(x.shape)))
    x = _arranged(bench, _ordinary(dtype, FEW * max(SMALL) * bench.sections).reshape(FEW, -1))
    for layout in ("transposed", "strided"):
        yield _Question(layout, (x, *bench.further(x.shape)), layout)
    if bench.activation.weights:
        yield from _with_channels(bench, count)


def _rows(bench: Bench, count: int) -> Iterator[FloatArray]:
    """Yields matrices whose rows lie along the axis: ordinary numbers, bit patterns, odd ones."""
    dtype, sections = bench.case.dtype, bench.sections
    lengths = ROWS if bench.activation.along_axis else SMALL
    for length in (sections * length for length in lengths):
        number = max(count // length // len(lengths), 2)
        rows = _ordinary(dtype, number * length).reshape(number, length)
        if length <= sections * max(SMALL):
            some = _patterns(dtype, number // 2 * length).reshape(-1, length)
            rows = np.concatenate([rows[len(some) :], some])
        yield rows
    if bench.activation.along_axis:
        yield from inputs.rows(dtype, [sections * length for length in inputs.ROW_LENGTHS])


def _arranged(bench: Bench, rows: FloatArray) -> FloatArray:
    """Gives an array of three dimensions, of which the activation's axis has these rows."""
    pairs = 2 - len(rows) % 2
    return np.ascontiguousarray(np.moveaxis(rows.reshape(-1, pairs, rows.shape[1]), -1, bench.axis))


def _with_channels(bench: Bench, count: int) -> Iterator[_Question]:
    """Yields inputs with a weight for each channel, channels last and not, and unlike weights."""
    dtype = bench.case.dtype
    weights = weights_of(bench.activation, dtype)
    channels = weights[0].size
    last = bench.axis == -1
    for inner in (1,) if last else SMALL:
        number = max(count // channels // inner // len(SMALL), 2)
        x = _patterns(dtype, number * channels * inner)
        x[::2] = _ordinary(dtype, len(x[::2]))
        shape = (number, channels) if last else (number, channels, inner)
        yield _Question(f"{channels} channels of {inner}", (x.reshape(shape), *weights))
    x = _ordinary(dtype, 24 * channels).reshape((4, 6, channels) if last else (4, channels, 6))
    if len(weights) > 1:
        single = [values[:1] for values in weights[1:]]
        yield _Question("weights of one number beside one of several", (x, weights[0], *single))
    shapes = ((4, 1, x.shape[2]), (1, x.shape[1], 1))
    apart = [np.resize(values, shapes[i % 2]) for i, values in enumerate(weights)]
    yield _Question("weights of several dimensions", (x, *apart))


def _elements(size: int) -> str:
    return "1 element" if size == 1 else f"{size} elements"


def _numbers(bench: Bench, count: int) -> FloatArray:
    """All numbers of a 16-bit type; of another the inputs of the suite, and bit patterns."""
    dtype = bench.case.dtype
    if dtype in kernels.NARROW:
        return inputs.sweep(dtype)
    truth = truth_of(bench.case.subject)
    kinks = tuple(truth.kinks) if truth is not None else (0.0,)
    return np.concatenate([inputs.sweep(dtype, kinks=kinks), _patterns(dtype, count)])


def _patterns(dtype: str, count: int) -> FloatArray:
    """Gives bit patterns of the whole type, the same ones every time."""
    fmt = float_format(dtype)
    width = fmt.dtype.itemsize
    raw = np.random.PCG64(0).random_raw(count) >> np.uint64(64 - 8 * width)
    return raw.astype(f"u{width}").view(fmt.dtype)


def _ordinary(dtype: str, count: int) -> FloatArray:
    return to_type(WIDE * widen(spread(dtype, (count,), seed=0)), dtype)
