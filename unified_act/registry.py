"""The registry: one name, one activation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from unified_act.activation import Activation, Kind, Parameter
from unified_act.errors import NameConflictError, UnknownActivationError, suggest
from unified_act.names import normalize

__all__ = ["ACTIVATIONS", "Registry", "list_activations", "register_activation"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Registry:
    """Activations by name. Safe to read and write from several threads."""

    def __init__(self, built_in: Callable[[], Iterable[Activation]] = tuple) -> None:
        """Starts with what `built_in` returns; it is called on the first use."""
        self._lock = threading.RLock()
        self._built_in: Callable[[], Iterable[Activation]] | None = built_in
        self._by_key: dict[str, Activation] = {}

    def add(self, activation: Activation) -> None:
        """Registers `activation` under its name and aliases.

        Raises:
            NameConflictError: One of them is taken. Nothing is registered then.
        """
        with self._lock:
            self._by_key = _extended(self._complete(), activation)

    def find(self, name: str) -> Activation:
        """Returns the activation called `name`.

        Raises:
            UnknownActivationError: There is none; the message names the nearest ones.
        """
        try:
            return self._complete()[normalize(name)]
        except KeyError:
            spelled = {name for a in self for name in (a.name, *a.aliases)}
            raise UnknownActivationError(
                f"unknown activation {name!r}. {suggest(name.lower(), spelled)}"
            ) from None

    def __iter__(self) -> Iterator[Activation]:
        """Iterates over the activations in alphabetical order."""
        activations = set(self._complete().values())
        return iter(sorted(activations, key=lambda activation: activation.name))

    def _complete(self) -> dict[str, Activation]:
        if self._built_in is not None:
            with self._lock:
                if self._built_in is not None:
                    by_key: dict[str, Activation] = {}
                    for activation in self._built_in():
                        by_key = _extended(by_key, activation)
                    self._by_key = by_key
                    self._built_in = None
        return self._by_key


def _extended(by_key: dict[str, Activation], activation: Activation) -> dict[str, Activation]:
    """Returns a new dict, so that readers need no lock and never see half an entry."""
    names = (activation.name, *activation.aliases)
    for name in names:
        if not normalize(name) or "(" in name:
            raise NameConflictError(
                f"cannot register {name!r}: a name must not be empty, and a bracket begins the "
                "parameters."
            )
        holder = by_key.get(normalize(name))
        if holder is not None:
            raise NameConflictError(
                f"cannot register {activation.name!r}: the name {name!r} already belongs "
                f"to the activation {holder.name!r}. Choose another name."
            )
    return by_key | {normalize(name): activation for name in names}


def _catalogue() -> Iterable[Activation]:
    from unified_act.catalogue import ACTIVATIONS  # a third of the time of `import unified_act`

    return ACTIVATIONS


ACTIVATIONS = Registry(_catalogue)
"""The one registry of the process."""


def list_activations(kind: Kind | None = None) -> list[str]:
    """Returns the canonical names of all activations, in alphabetical order.

    Args:
        kind: Only those of this kind: ``"elementwise"``, ``"axis"``, ``"gated"``, ``"learned"`` or
            ``"stochastic"``.

    Examples:
        >>> import unified_act as ua
        >>> ua.list_activations(kind="gated")
        ['geglu', 'glu', 'reglu', 'swiglu']
    """
    return [a.name for a in ACTIVATIONS if kind is None or a.kind == kind]


def register_activation(
    name: str,
    *,
    parameters: Mapping[str, float | int] | Sequence[Parameter] = (),
    derivative: Callable[..., Any] | None = None,
    aliases: Iterable[str] = (),
    **facts: Any,
) -> Callable[[_Function], _Function]:
    """Registers the decorated function as an activation, for every backend at once.

    Args:
        name: Its canonical name.
        parameters: Defaults by name, or `Parameter` objects where a range or a text is wanted.
        derivative: ``derivative(xp, x, **parameters)``, f′(x). Without it the framework
            differentiates the function, and NumPy, which cannot, offers the value only.
        aliases: Other names.
        **facts: Further fields of `Activation`: kinks, limits, formula, summary, source …; with
            a kind other than elementwise, it says what functions and derivatives take there.

    Returns:
        A decorator that registers a function ``forward(xp, x, *, <parameters>)`` and returns it
        unchanged. `xp` is the framework's `Namespace`.

    Raises:
        NameConflictError: A name is taken, or could not be asked for.
        TypeError: The function's parameters are not the declared ones, or its kind needs others.

    Examples:
        >>> import numpy as np
        >>> import unified_act as ua
        >>> @ua.register_activation("bent_identity", parameters={"a": 1.0})
        ... def bent_identity(xp, x, *, a):
        ...     return (xp.sqrt(x * x + a * a) - a) / 2 + x
        >>> ua.get_activation("bent_identity", backend="numpy", a=2.0)(np.array([0.0, 1.5]))
        array([0.  , 1.75])
    """
    if isinstance(parameters, Mapping):
        parameters = [Parameter(key, default) for key, default in parameters.items()]
    declared = [parameter.name for parameter in parameters]
    taken = sorted({"name", "backend", "numerics", "dialect"}.intersection(declared))
    if taken:
        raise NameConflictError(f"activation {name!r}: get_activation takes {taken} itself.")
    from unified_act.assembly import NOT_PASSED_ON

    left_out = NOT_PASSED_ON.get(facts.get("kind", ""), ())
    missing = [parameter for parameter in left_out if parameter not in declared]
    if missing:
        raise TypeError(
            f"activation {name!r}: one that is {facts['kind']} needs the parameters {missing}."
        )
    passed_on = [parameter for parameter in declared if parameter not in left_out]

    def register(forward: _Function) -> _Function:
        for function in (forward, derivative):
            if function is not None:
                _check_signature(name, function, passed_on)
        ACTIVATIONS.add(
            Activation(
                name=name,
                forward=forward,
                derivative=derivative,
                parameters=parameters,
                aliases=tuple(aliases),
                **facts,
            )
        )
        return forward

    return register


def _check_signature(name: str, function: Callable[..., Any], declared: Sequence[str]) -> None:
    import inspect

    signature = inspect.signature(function)
    keywords = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    if sorted(keywords) != sorted(declared):
        wanted = ", ".join(["xp", "x", *(["*", *declared] if declared else [])])
        raise TypeError(
            f"activation {name!r}: the parameters are declared as {declared}, but "
            f"{function.__name__} takes {keywords} after the star. "
            f"Write it as `def {function.__name__}({wanted})`."
        )
