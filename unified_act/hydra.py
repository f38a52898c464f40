"""Functions that Hydra hands out: ``_target_: unified_act.hydra.get_activation``.

Hydra refuses whatever derives from `functools.partial`, as the functions of
`unified_act.get_activation` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unified_act.callables import ActivationFunction
from unified_act.callables import get_activation as _get_activation
from unified_act.errors import ParameterValueError
from unified_act.literals import shown

__all__ = ["HydraFunction", "get_activation"]


class HydraFunction:
    """An activation function that is no `functools.partial`. A call takes a little longer.

    It is equal to any other of the same function, and can be hashed, pickled and copied. It has
    the attributes of an `ActivationFunction`.

    Attributes:
        function: The function of `unified_act.get_activation`.
    """

    __slots__ = ("__weakref__", "_run", "function")

    def __init__(self, function: ActivationFunction) -> None:
        self.function = function
        self._run = function.func  # without the frame that the partial would add

    def __call__(self, *inputs: Any) -> Any:
        """Returns the activation of the inputs."""
        return self._run(*inputs)

    def __getattr__(self, attribute: str) -> Any:
        if attribute in self.__slots__ or (attribute[:2] == "__" and attribute != "__name__"):
            raise AttributeError(attribute)  # it is being unpickled, or asked for a protocol
        return getattr(self.function, attribute)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HydraFunction) and self.function == other.function

    def __hash__(self) -> int:
        return hash(self.function)

    def __repr__(self) -> str:
        return repr(self.function)

    def __reduce__(self) -> tuple[Any, ...]:
        return (HydraFunction, (self.function,))


def get_activation(name: str | Mapping[str, Any] | None, **options: Any) -> HydraFunction:
    """Returns what `unified_act.get_activation` returns, as an object that Hydra hands out.

    Args:
        name: As for `unified_act.get_activation`, except that it must not be a callable.
        **options: As for `unified_act.get_activation`.

    Raises:
        UnifiedActError: Any error of `unified_act.get_activation`.

    Examples:
        >>> import numpy as np
        >>> from unified_act.hydra import get_activation
        >>> leaky = get_activation("leaky_relu", negative_slope=0.2)
        >>> leaky(np.array([-1.0, 2.0])), leaky.name
        (array([-0.2,  2. ]), 'leaky_relu')
    """
    if callable(name):
        raise ParameterValueError(f"name is the name of an activation, got {shown(name)}.")
    return HydraFunction(_get_activation(name, **options))
