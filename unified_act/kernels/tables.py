"""Tables of elementwise activations in the 16-bit types.

A 16-bit type has 65,536 numbers, so a function of one such number is a table. Its entries are
computed in float64, by the definition and its derivatives on NumPy, and rounded once. So they are
the correctly rounded results, and the same on every framework and every device.

A table is filled when it is first read. All tables together, and what the backends make of them,
are kept within `MOST_BYTES`: what has not been read for the longest time is dropped, and made anew
when it is read again. Tables are read by several threads at once, and in processes that are forked
meanwhile. So there is no lock here: two threads may fill the same table, with the same entries.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from unified_act.activation import Activation
from unified_act.assembly import own_parameters
from unified_act.errors import UnsupportedError
from unified_act.expression.exact import at
from unified_act.kernels.gathering import gather
from unified_act.kernels.threads import ALONE, Threads
from unified_act.loading import numpy_namespace
from unified_act.special import variant_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

__all__ = ["MOST_BYTES", "Table", "table_of"]

MOST_BYTES = 64 * 2**20
"""How much memory tables take, at most: a hundred of them, with two derivatives each."""

_SIZE = 2**16
_BLOCK = 2**16
"""So many elements at a time: NumPy makes an index of 64 bits of each."""
_DOUBT = 2.0**-46
"""How far off, relative to it, a float64 result may be: 128 units of its last place."""


_kept: OrderedDict[tuple[int, Any], Any] = OrderedDict()
"""The arrays that are kept, by table and what they are: the one that was read last at the end."""
_numbers_of_tables = itertools.count()


class Table:
    """The values of an activation at all numbers of a 16-bit type, and its derivatives.

    An entry belongs to the number whose bits, read as an unsigned integer, are its index.

    Attributes:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The name of the dtype.
    """

    def __init__(self, activation: Activation, parameters: Mapping[str, Any], dtype: str) -> None:
        self.activation, self.parameters, self.dtype = activation, dict(parameters), dtype
        self._number = next(_numbers_of_tables)

    @property
    def orders(self) -> int:
        """How many derivatives the activation defines: at most the second is in a table."""
        if self.activation.derivative is None:
            return 0
        return 1 if self.activation.second_derivative is None else 2

    def values(self) -> NDArray[np.uint16]:
        """Returns the values, as the bits of the 16-bit type."""
        found: NDArray[np.uint16] = self.kept(0, lambda: _filled(self, 0))
        return found

    def slopes(self, order: int = 1) -> NDArray[np.float32]:
        """Returns the derivative of an order, 1 or 2.

        The float32 numbers are rounded to odd: if one is rounded to 16 bits, the result is that of
        rounding the exact derivative.

        Args:
            order: At most `orders`.
        """
        found: NDArray[np.float32] = self.kept(order, lambda: _filled(self, order))
        return found

    def at(self, x: NDArray[Any], threads: Threads = ALONE) -> NDArray[Any]:
        """Returns the values at `x`, in its type and shape.

        Args:
            x: A NumPy array of the 16-bit type.
            threads: The threads.
        """
        found = _gathered(self.values(), self.dtype, threads, x)
        return _looked_up(self.values(), x, lambda found: found) if found is None else found

    def times(
        self, order: int, x: NDArray[Any], *factors: NDArray[Any], threads: Threads = ALONE
    ) -> NDArray[Any]:
        """Returns a derivative at `x` times other arrays like it, in float32 and rounded once.

        Args:
            order: 1 or 2, at most `orders`.
            x: A NumPy array of the 16-bit type.
            *factors: Arrays of its type and shape.
            threads: The threads.
        """
        import numpy as np

        by_machine_code = _gathered(self.slopes(order), self.dtype, threads, x, *factors)
        if by_machine_code is not None:
            return by_machine_code

        def product(found: NDArray[Any], *factors: NDArray[Any]) -> NDArray[Any]:
            for factor in factors:
                found = found * factor.astype(np.float32)
            return found.astype(x.dtype)

        with np.errstate(all="ignore"):
            return _looked_up(self.slopes(order), x, product, *factors)

    def kept(self, what: Any, make: Callable[[], Any]) -> Any:
        """Returns an array that goes with this table, made when there is none.

        Args:
            what: What tells it from the other arrays of this table.
            make: Makes it. The result has `nbytes`.
        """
        key = (self._number, what)
        found = _kept.get(key)
        if found is None:
            found = _kept[key] = make()
            _drop_oldest()
            return found
        try:  # noqa: SIM105  # which takes longer
            _kept.move_to_end(key)
        except KeyError:  # another thread has dropped it
            pass
        return found


def _gathered(
    entries: NDArray[Any], dtype: str, threads: Threads, *arrays: NDArray[Any]
) -> NDArray[Any] | None:
    """Returns the entries at the elements of the first array, times those of the others.

    None if there is no machine code for that.
    """
    import numpy as np

    if any(not (array.flags.c_contiguous and array.flags.aligned) for array in arrays):
        return None
    look_up = gather(dtype, len(arrays) - 1)
    if look_up is None:
        return None
    result = np.empty_like(arrays[0])
    # A framework may hand over a number in place of an array without dimensions.
    whole = [np.asarray(array) for array in (entries, *arrays)]
    places = [array.ctypes.data for array in (*whole, result)]
    look_up(*places, count=result.size, threads=threads)
    return result


def _looked_up(
    entries: NDArray[Any], x: NDArray[Any], finish: Callable[..., Any], *others: NDArray[Any]
) -> NDArray[Any]:
    """Returns what `finish` makes of the entries at `x` and of further elements, in memory as `x`.

    Entries of 16 bits are numbers of the type of `x`.
    """
    import numpy as np

    bits, kind = x.view(np.uint16), x.dtype if entries.itemsize == 2 else entries.dtype
    if x.size <= _BLOCK or not all(array.flags.c_contiguous for array in (x, *others)):
        found = np.empty_like(x, kind)
        np.take(entries, bits, out=found.view(entries.dtype), mode="clip")
        return finish(found, *others)  # type: ignore[no-any-return]
    result = np.empty_like(x)
    filled, *rows = (array.reshape(-1) for array in (result, bits, *others))
    for start in range(0, x.size, _BLOCK):
        index, *parts = (row[start : start + _BLOCK] for row in rows)
        found = np.take(entries, index, mode="clip").view(kind)
        filled[start : start + _BLOCK] = finish(found, *parts)
    return result


def _drop_oldest() -> None:
    """Drops arrays until the others are no more than `MOST_BYTES`."""
    size = sum(array.nbytes for array in list(_kept.values()))
    while size > MOST_BYTES and len(_kept) > 1:
        try:
            _, array = _kept.popitem(last=False)
        except KeyError:  # other threads have dropped everything
            return
        size -= array.nbytes


def table_of(activation: Activation, parameters: Mapping[str, Any], dtype: str) -> Table:
    """Returns the table of an elementwise activation. Equal requests get the same one.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: One of `NARROW`.
    """
    items = tuple(parameters.items())
    return _table(activation, items, repr(items), dtype)  # the text tells 0.0 from -0.0


@lru_cache(maxsize=4096)
def _table(
    activation: Activation, items: tuple[tuple[str, Any], ...], text: str, dtype: str
) -> Table:
    del text  # a part of the key only
    return Table(activation, dict(items), dtype)


def _filled(table: Table, order: int) -> Any:
    """Returns the entries of a table, for an order, read-only."""
    import numpy as np

    activation = table.activation
    defined = (activation.forward, activation.derivative, activation.second_derivative)[order]
    if defined is None:
        raise UnsupportedError(f"{activation.name} defines no derivative of order {order}.")
    parameters = own_parameters(activation, table.parameters)
    numbers = _numbers(table.dtype)
    with np.errstate(all="ignore"):
        exact = np.array(defined(_namespace(), numbers.view(_wide()), **parameters))
        if exact.shape != numbers.shape or exact.dtype != np.float64:
            raise UnsupportedError(
                f"{activation.name}: of float64 numbers of the shape {numbers.shape} the "
                f"definition made {exact.dtype} of the shape {exact.shape}."
            )
        for places in _runs(_undecided(exact, table.dtype, numbers), exact):
            try:
                _decide(
                    exact,
                    places,
                    lambda i: at(defined, float(numbers[i]), parameters, float(exact[i])),
                )
            except (ArithmeticError, AttributeError, TypeError, ValueError):
                break  # a definition that needs arrays is rounded as float64 has it
        odd = _to_odd_float32(exact)
        entries: Any = odd if order else _to_bits(odd, table.dtype, numbers)
    entries.flags.writeable = False
    return entries


def _numbers(dtype: str) -> Doubles:
    """Returns every number of a 16-bit type, in the order of its bits."""
    import numpy as np

    bits = np.arange(_SIZE, dtype=np.uint16)
    with np.errstate(invalid="ignore"):  # signalling NaNs
        if dtype == "float16":
            return bits.view(np.float16).astype(np.float64)
        return (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def _undecided(found: Doubles, dtype: str, numbers: Doubles) -> list[int]:
    """Returns where a result is so close to where rounding changes that float64 cannot tell."""
    import numpy as np

    less, more = (
        _to_bits(_to_odd_float32(found * (1.0 + side)), dtype, numbers)
        for side in (-_DOUBT, _DOUBT)
    )
    undecided: list[int] = np.flatnonzero((less != more) & np.isfinite(numbers)).tolist()
    return undecided


def _runs(undecided: Sequence[int], found: Doubles) -> list[list[int]]:
    """Divides places into runs: neighbours of which float64 finds the same."""
    runs: list[list[int]] = []
    for i in undecided:
        if runs and runs[-1][-1] == i - 1 and found[i] == found[i - 1]:
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def _decide(exact: Doubles, run: Sequence[int], decide: Callable[[int], float]) -> None:
    """Decides about a run of equal results, in which a function is constant or goes one way.

    So between two places of the same result there is no other. Where a function is clipped, a run
    can be half of all numbers.
    """
    first, last = run[0], run[-1]
    for place in {first, last}:
        exact[place] = decide(place)
    if exact[first] == exact[last]:
        exact[first : last + 1] = exact[first]
    elif len(run) > 2:
        middle = len(run) // 2
        _decide(exact, run[:middle], decide)
        _decide(exact, run[middle:], decide)


def _to_odd_float32(exact: Doubles) -> NDArray[np.float32]:
    """Rounds to float32: what is between two numbers to the one whose last bit is 1."""
    import numpy as np

    nearest = exact.astype(np.float32)
    # A result 0 stays 0. It is far from where a 16-bit type rounds up, and a large cotangent must
    # not make a number of it.
    inexact = (nearest != exact) & np.isfinite(nearest) & (nearest != 0)
    too_far = inexact & (np.abs(nearest) > np.abs(exact))
    bits = nearest.view(np.uint32) - too_far
    odd: NDArray[np.uint32] = np.where(inexact, bits | 1, bits).astype(np.uint32)
    return odd.view(np.float32)


def _to_bits(odd: NDArray[np.float32], dtype: str, numbers: Doubles) -> NDArray[np.uint16]:
    """Rounds what was rounded to odd to a 16-bit type, to nearest even."""
    import numpy as np

    if dtype == "float16":
        rounded, quiet = odd.astype(np.float16).view(np.uint16), 0x7E00
    else:
        bits = odd.view(np.uint32)
        rounded, quiet = ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype(np.uint16), 0x7FC0
    # A NaN stays the NaN that it was, and quiet.
    own = np.where(np.isnan(numbers), np.arange(_SIZE, dtype=np.uint16), np.uint16(0))
    found: NDArray[np.uint16] = np.where(np.isnan(odd), own | np.uint16(quiet), rounded)
    return found


@cache
def _wide() -> type[Any]:
    """Returns the type of arrays that definitions are computed with.

    They are float64, but compared with a parameter as float32 arrays are. A composition computes a
    16-bit type in float32, so that a function bends at the same inputs by table and without.
    """
    import numpy as np

    def compared(name: str) -> Callable[[Any, Any], Any]:
        plain = getattr(np.ndarray, name)

        def compare(self: Any, other: Any) -> Any:
            if isinstance(other, float):
                other = float(np.float32(other))
            return plain(self.view(np.ndarray), other)

        return compare

    names = ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__")
    return type("Wide", (np.ndarray,), {name: compared(name) for name in names})


@cache
def _namespace() -> SimpleNamespace:
    """Returns NumPy's namespace, whose results stay arrays of the type `_wide`."""
    plain = numpy_namespace()
    xp = variant_of(plain)
    xp.where = lambda condition, a, b: plain.where(condition, a, b).view(_wide())
    return xp
