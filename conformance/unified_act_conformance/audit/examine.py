"""Runs the parts of a model and says which activations they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.audit.graph import Graph, Node
from unified_act_conformance.audit.parts import (
    Part,
    axis_parts,
    gate,
    pointwise_parts,
)
from unified_act_conformance.floats import to_type, widen
from unified_act_conformance.harness import load_harness
from unified_act_conformance.identify import Identification, identify

__all__ = ["Examined", "Examiner", "Found", "points", "rows"]

Doubles = NDArray[np.float64]
Progress = Callable[[str], None]

NARROW = ("float16", "bfloat16")
FLAT = 1e-6
"""Relative differences from a straight line that mean nothing."""
GUARD = 100.0
"""What is a straight line up to here is no activation, but may keep numbers from overflowing."""
STEPS = 8
"""A function with no more values than this is a comparison."""
GATED = {
    "silu": "swiglu",
    "gelu": "geglu",
    "gelu_tanh": "geglu_tanh",
    "quick_gelu": "quick_geglu",
    "relu": "reglu",
    "sigmoid": "glu",
}


def points() -> Doubles:
    """Returns the inputs at which elementwise functions are compared."""
    near = np.linspace(-20.0, 20.0, 801)
    return np.asarray(np.unique(np.concatenate([near, near / 20.0, [-GUARD, GUARD]])))


def rows(ndim: int = 3) -> Doubles:
    """Returns an array at which functions along an axis are compared.

    Args:
        ndim: How many dimensions it has.
    """
    shape = (2, 3, 4, 5, 6)[-min(ndim, 5) :] if ndim else (6,)
    return np.asarray(3.0 * np.sin(np.arange(1.0, 1.0 + np.prod(shape))).reshape(shape))


@dataclass(frozen=True)
class Examined:
    """What a function was found to be.

    Attributes:
        identification: By its values and gradients; None if it could not be run.
        curve: Its values at `points` or at `rows`; None if it could not be run.
        narrow: How far it is from the definition in the 16-bit types that it takes.
        problem: Why it could not be run.
    """

    identification: Identification | None
    curve: Doubles | None
    narrow: dict[str, float] = field(default_factory=dict)
    problem: str = ""

    @property
    def known(self) -> bool:
        """Whether it is a known activation."""
        return self.identification is not None and self.identification.known


@dataclass(frozen=True)
class Found:
    """An activation in a model.

    Attributes:
        node: The operation that makes its result.
        at: The operation that says where in the model it is.
        operations: All its operations.
        examined: What it is.
        ndim: How many dimensions its input has; 0 if it acts on single elements.
        before: The factor and the number added before it, where the model has them.
        after: The same after it.
        notes: What else there is to say.
    """

    node: Node
    at: Node
    operations: tuple[str, ...]
    examined: Examined
    ndim: int = 0
    before: tuple[float, float] = (1.0, 0.0)
    after: tuple[float, float] = (1.0, 0.0)
    notes: tuple[str, ...] = ()


PLAIN = Examined(None, None)
"""A straight line, a constant or a comparison: no activation."""


class Examiner:
    """Finds the activations of a model. Parts that compute the same are examined once."""

    def __init__(self, graph: Graph, progress: Progress | None = None) -> None:
        """Examines nothing yet.

        Args:
            graph: The model.
            progress: Is called with what is being examined.
        """
        self.graph = graph
        self._harness = load_harness(graph.backend)
        self._known: dict[Any, Examined] = {}
        self._progress = progress or (lambda _: None)

    def find(self) -> list[Found]:
        """Returns all activations, in the order in which the model computes them."""
        found = [*self._whole(), *self._written_out()]
        inside = {node for one in found for node in one[1]}
        for parts in pointwise_parts(self.graph):
            found += self._region([p for p in parts if not inside.intersection(p.nodes)])
        found.sort(key=lambda pair: self.graph.order[pair[0].node.output])
        return [one for one, _ in found]

    # Operations that are an activation as a whole

    def _whole(self) -> Iterator[tuple[Found, tuple[Node, ...]]]:
        for node in self.graph.nodes:
            if node.role == "axis":
                key = (self.graph.backend, node.op, node.axis, node.key)
                make = partial(self.graph.alone, node)
                examined = self._examine(key, node.op, make, axis=True)
                notes = ("inside attention",) if node.op == "attention" else ()
                ndim = self.graph.ranks.get(node.values[0], 0)
                yield Found(node, node, (node.op,), examined, ndim or 3, notes=notes), (node,)

    def _written_out(self) -> Iterator[tuple[Found, tuple[Node, ...]]]:
        taken: set[Node] = set()
        found = []
        for parts in axis_parts(self.graph):
            for part in parts:
                examined = self._part(part, axis=True)
                if examined.known:
                    ndim = self.graph.ranks.get(part.source, 0)
                    names = tuple(part.operations)
                    one = Found(part.last, part.telling, names, examined, ndim or 3)
                    found.append((one, part.nodes))
                    break
        # The longer one of two that overlap: log(softmax(x)) is log_softmax.
        for one, nodes in reversed(found):
            if not taken.intersection(nodes):
                taken.update(nodes)
                yield one, nodes

    # Parts that act on single elements

    def _region(self, parts: Sequence[Part]) -> Iterator[tuple[Found, tuple[Node, ...]]]:
        ends: set[str] = set()  # of what was found
        for part in parts:
            start = next((cut for cut in reversed(part.cuts()[:-1]) if cut in ends), None)
            rest = part if start is None else part.between(start, part.result)
            for one, nodes in self._explain(rest):
                ends.add(one.node.output)
                yield one, nodes

    def _explain(self, part: Part) -> list[tuple[Found, tuple[Node, ...]]]:
        """Splits a part into activations; what is no activation is left out."""
        if part.plain:
            return []
        examined = self._part(part)
        if examined is PLAIN:
            return []
        if examined.known:
            return self._told(part, examined)
        cuts = part.cuts()
        windows = [
            (start, stop)
            for length in range(len(cuts) - 2, 0, -1)
            for start in range(len(cuts) - length)
            for stop in [start + length]
            if self._bends(part, cuts, start, start + 1) and self._bends(part, cuts, stop - 1, stop)
        ]
        for start, stop in windows:
            inner = part.between(cuts[start], cuts[stop])
            examined = PLAIN if inner.plain else self._part(inner)
            if examined.known:
                found = self._told(inner, examined, part)
                if start:
                    found = self._explain(part.between(cuts[0], cuts[start])) + found
                if stop < len(cuts) - 1:
                    found += self._explain(part.between(cuts[stop], cuts[-1]))
                return found
        if len(cuts) > 2:
            return [
                one
                for a, b in itertools.pairwise(cuts)
                for one in self._explain(part.between(a, b))
            ]
        return self._unknown(part)

    def _bends(self, part: Part, cuts: Sequence[str], start: int, stop: int) -> bool:
        step = part.between(cuts[start], cuts[stop])
        return self._straight(step) is None

    def _unknown(self, part: Part) -> list[tuple[Found, tuple[Node, ...]]]:
        last = part.last
        if last.op in ("add", "sub") and part.source in last.values:
            # A connection around it, without a layer in between.
            (other,) = [v for v in last.values if v != part.source] or [part.source]
            if other != part.source:
                return self._explain(part.between(part.source, other))
        if part.elementary and not any(node.op in ("exp", "expm1") for node in part.nodes):
            return []
        return self._told(part, self._part(part))

    def _told(
        self, part: Part, examined: Examined, whole: Part | None = None
    ) -> list[tuple[Found, tuple[Node, ...]]]:
        match = examined.identification.match if examined.identification else None
        if match and match.activation in ("identity", "affine"):
            return []
        if match and match.activation == "sin" and self._is_position((whole or part).source):
            return []
        notes = []
        learned = [c for c in part.constants if c.learned]
        if learned:
            examined = _as_learned(examined, part.operations)
            shape = next((c.shape for c in learned if c.value is None), ())
            notes.append(f"learned, of shape {shape}" if shape else "learned, one number")
        name = match.activation if match else ""
        if gate(self.graph, part.result) and name in GATED:
            notes.append(f"gates another half or layer: {GATED[name]}")
        before = after = (1.0, 0.0)
        if whole is not None:
            before = self._straight(whole.between(whole.source, part.source)) or before
            after = self._straight(whole.between(part.result, whole.result)) or after
            notes += _scaling(before, after)
        names = tuple(part.operations)
        found = Found(part.last, part.telling, names, examined, 0, before, after, tuple(notes))
        return [(found, part.nodes)]

    def _is_position(self, source: str) -> bool:
        """Whether there is a cosine of something beside its sine, as in rotary embeddings."""
        for node in self.graph.nodes:
            value = node.values[0] if node.op == "cos" and node.values else ""
            while value and value != source:
                before = self.graph.producers.get(value)
                straight = before is not None and before.role == "pointwise"
                value = before.values[0] if before and straight and len(before.values) == 1 else ""
            if value:
                return True
        return False

    def _part(self, part: Part, *, axis: bool = False) -> Examined:
        text = " ".join(part.operations)
        learned = any(constant.learned for constant in part.constants)
        examined = self._examine(
            part.key,
            text,
            lambda: self.graph.function(part.nodes, part.source, part.result),
            axis=axis,
            learned=learned,
        )
        found = examined.identification
        if found and found.verdict == "wrong gradient" and any(node.ruled for node in part.nodes):
            unknown = replace(found, verdict="same value, gradient unknown")
            return replace(examined, identification=unknown)
        return examined

    def _examine(
        self,
        key: Any,
        text: str,
        make: Callable[[], Callable[[Any], Any]],
        *,
        axis: bool,
        learned: bool = False,
    ) -> Examined:
        key = (key, learned)
        if key not in self._known:
            function = make()
            if not axis and self._line(function) is not None:
                self._known[key] = PLAIN
            else:
                self._progress(text)
                self._known[key] = self._ask(function, axis=axis, learned=learned)
        return self._known[key]

    def _ask(self, function: Callable[[Any], Any], *, axis: bool, learned: bool) -> Examined:
        try:
            backend = self.graph.backend
            found = identify(function, backend, first="weight" if learned else "usual")
        except ua.UnsupportedError as error:
            return Examined(None, None, problem=str(error))
        found = found if learned else _without_weights(found)
        curve = None if axis else self._values(function, points())
        narrow = {}
        if found.match is not None and not axis:
            narrow = self._narrow(function, found)
        return Examined(_plainest(found), curve, narrow)

    def _straight(self, part: Part) -> tuple[float, float] | None:
        """The factor and the number added, if a part is a straight line, or no part at all."""
        if not part.nodes:
            return 1.0, 0.0
        return self._line(self.graph.function(part.nodes, part.source, part.result))

    def _line(self, function: Callable[[Any], Any]) -> tuple[float, float] | None:
        x = points()
        y = self._values(function, x)
        if y is None:
            return None
        y = np.where(np.isfinite(y), y, np.sign(np.nan_to_num(y)) * 1e30)
        middle, one = (float(np.interp(at, x, y)) for at in (0.0, 1.0))
        slope = one - middle
        line = middle + slope * x
        if np.all(np.abs(y - line) <= FLAT * (1.0 + np.abs(line)) * 10.0):
            return slope, middle
        return (0.0, middle) if np.unique(y).size <= STEPS else None

    def _values(self, function: Callable[[Any], Any], x: Doubles) -> Doubles | None:
        for dtype in ("float64", "float32"):
            try:
                with np.errstate(all="ignore"):
                    y = function(self._harness.to_native(to_type(x, dtype), dtype))
                return widen(self._harness.to_numpy(y, dtype))
            except Exception:  # noqa: S112  # whatever the framework says to what it does not take
                continue
        return None

    def _narrow(self, function: Callable[[Any], Any], found: Identification) -> dict[str, float]:
        """How far from the definition, in types that only some functions take."""
        match = found.match
        weights = ACTIVATIONS.find(match.activation).weights if match else ()
        if match is None or weights:
            return {}
        exact = ua.get_activation(
            match.activation, backend="numpy", numerics="strict", **match.parameters
        )
        errors = {}
        for dtype in NARROW:
            x = to_type(points(), dtype)
            try:
                y = function(self._harness.to_native(x, dtype))
                value = widen(self._harness.to_numpy(y, dtype))
            except Exception:  # noqa: S112  # as above
                continue
            errors[dtype] = float(np.max(np.abs(value - exact(widen(x)))))
        return errors


def _plainest(found: Identification) -> Identification:
    """What is equal to an activation that is applied to one axis is not told by another name."""
    match = found.match
    if match is not None and match.activation == "softmax2d":
        others = [other for other in found.equal if other.activation == "softmax"]
        if others:
            rest = tuple(o for o in found.equal if o not in others)
            return replace(found, match=others[0], equal=(match, *rest))
    return found


def _without_weights(found: Identification) -> Identification:
    """Leaves out what would have to learn a number: the model has none here."""
    if found.match is None:
        return found
    equal = (found.match, *found.equal)
    kept = [match for match in equal if not ACTIVATIONS.find(match.activation).weights]
    if not kept:
        return replace(found, verdict="nothing known", match=None, equal=(), nearest=equal)
    return replace(found, match=kept[0], equal=tuple(kept[1:]))


def _as_learned(examined: Examined, operations: Sequence[str]) -> Examined:
    """Takes the activation that has the learned number as its weight, if there is one."""
    found = examined.identification
    if found is None or found.match is None:
        return examined
    equal = (found.match, *found.equal)
    for other in sorted(equal, key=lambda match: match.activation not in operations):
        if ACTIVATIONS.find(other.activation).weights:
            rest = tuple(one for one in equal if one is not other)
            return replace(examined, identification=replace(found, match=other, equal=rest))
    return examined


def _scaling(before: tuple[float, float], after: tuple[float, float]) -> Iterator[str]:
    """What a model does to the input and output of an activation."""
    texts = []
    if before not in ((1.0, 0.0), (0.0, 0.0)):
        texts.append(f"of {_line_text(before)}")
    if after not in ((1.0, 0.0), (0.0, 0.0)):
        texts.append(f"then {_line_text(after).replace('x', 'y')}")
    if texts:
        yield ", ".join(texts)


def _line_text(line: tuple[float, float]) -> str:
    slope, middle = (float(f"{number:.6g}") for number in line)
    text = "x" if slope == 1.0 else f"{slope:g}·x"
    return text if not middle else f"{text} {'+' if middle > 0 else '−'} {abs(middle):g}"
