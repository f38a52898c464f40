"""What was measured, as text for the page docs/benchmarks.md and for the terminal."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.measured import FOLDER, PROFILES, Measured, Row, read_all
from benchmarks.training import BATCH, INSIDE, LENGTH, NATIVE, WIDTH
from docs.markdown import table

__all__ = ["console_text", "pages"]

SLOW = 1.1
WORST = 15
CLEARLY = 1.15
_FRAMEWORKS = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
    "mxnet": "MXNet",
    "jax": "JAX",
}
_SIZES = {"million": "10⁶ elements", "rows": "10⁵ rows of 10", "one": "1 element"}
_MODES = {"forward": "forward", "gradient": "with backward"}
_SHORT = {"float32": "f32", "bfloat16": "bf16"}
HEAD = """# Benchmarks

Generated from the files in `benchmarks/measured/`, which `make bench` writes.

Each ratio is the time of `unified_act` over the time of the best that a user would write by hand:
below 1, `unified_act` is quicker. What a user would write is the framework's own function, that of
Keras, or the plain formula as papers and model libraries have it. `benchmarks/rivals.py` lists all
of these rivals; each is first checked to compute the same function. In each row the quickest rival
counts. All calls of a row are timed in turn, in one process. The ratio is that of the medians, and
scatters by some hundredths. Ratios above 1.1 are in bold type.

- The inputs are normally distributed, with mean 0 and deviation 2. 10⁶ elements are a matrix of
  1,000 × 1,000, for softmax2d 100 × 100 × 100. A learned weight is a vector of 1,000 numbers.
- The C library keeps the memory that is freed. Else one call hands it back to the system, and
  another pays for it: which one depends on chance.
- Along an axis there are 10⁵ rows of 10 too, for softmax2d 1,000 × 10 × 100.
- "With backward" is the call and the gradients by all its inputs, for a given upstream gradient.
- PyTorch, TensorFlow and MXNet run eagerly. On JAX both sides are compiled with `jax.jit`. Each
  framework has as many threads as it takes by itself. NumPy has no gradients.
- In bfloat16 a rival on NumPy or MXNet may cast to float32 and back.
- A mean is the arithmetic mean of the ratios of all activations.
- Rivals are written with short names: `erf` is `torch.erf`, `scipy.special.erf`, `tf.math.erf` …
  `benchmarks/frameworks.py` has them.
"""
"""The beginning of the page."""


def pages() -> dict[str, str]:
    """Returns the text of the page by its file name."""
    return {"benchmarks.md": _page(_in_order(read_all(FOLDER)))}


def console_text(found: Sequence[Measured], *, every_row: bool) -> str:
    """Returns the summary for a terminal.

    Args:
        found: The results.
        every_row: Whether to list all rows, and not only the slowest.
    """
    found = _in_order(found)
    lines = list(_summary(found))
    lines += ["", *_training(found)] if any(each.training for each in found) else []
    for measured in found:
        for profile in PROFILES:
            lines += ["", f"{_title(measured)}, {profile}:"]
            lines += _slowest(measured, profile, len(measured.rows) if every_row else WORST)
            lines += ["", _slowest_calls(measured, profile)]
        lines += ["", _better_chosen(measured)]
    return "\n".join(lines)


def _page(found: Sequence[Measured]) -> str:
    lines = [*HEAD.splitlines(), "", *_places(found), "", "## Summary", ""]
    lines += [*_summary(found), "", "## A training step", "", *_training(found)]
    for measured in found:
        title = _title(measured)
        lines += ["", f"## {title}", "", "The largest ratios:"]
        for profile in PROFILES:
            lines += [
                "",
                *_slowest(measured, profile, WORST),
                "",
                _slowest_calls(measured, profile),
            ]
        lines += ["", _better_chosen(measured)]
        for profile in PROFILES:
            lines += ["", f"### {title}: every activation in {profile}", ""]
            lines += _every(measured, profile, ("million", "one"))
        if any(row.size == "rows" for row in measured.rows):
            lines += ["", f"### {title}: {_SIZES['rows']}", "", *_short_rows(measured)]
        lines += ["", f"### {title}: the quickest rivals", "", *_rivals(measured)]
    return "\n".join(lines) + "\n"


def _in_order(found: Iterable[Measured]) -> list[Measured]:
    order = list(_FRAMEWORKS)
    return sorted(found, key=lambda each: (each.device, order.index(each.backend)))


def _title(measured: Measured) -> str:
    name = _FRAMEWORKS[measured.backend]
    return name if measured.device == "cpu" else f"{name} on {measured.device}"


def _places(found: Iterable[Measured]) -> list[str]:
    rows = [
        [
            _title(measured),
            ", ".join(f"{name} {version}" for name, version in measured.versions.items()),
            measured.machine,
            measured.date,
        ]
        for measured in found
    ]
    return table(["backend", "versions", "machine", "date"], rows)


def _summary(found: Iterable[Measured]) -> list[str]:
    """Returns the table of means and worst ratios."""
    heading = ["mean · worst of", "", *(f"{p}, {_MODES[m]}" for p in PROFILES for m in _MODES)]
    return table(heading, (row for measured in found for row in _means(measured)))


def _means(measured: Measured) -> Iterator[list[str]]:
    for size, size_text in _SIZES.items():
        for dtype in _SHORT:
            rows = [row for row in measured.rows if (row.size, row.dtype) == (size, dtype)]
            cells = [
                _mean_and_worst([row for row in rows if row.mode == mode], profile)
                for profile in PROFILES
                for mode in _MODES
            ]
            if rows:
                yield [f"{_title(measured)} {dtype}", size_text, *cells]


def _mean_and_worst(rows: Sequence[Row], profile: str) -> str:
    if not rows:
        return "–"
    worst = max(rows, key=lambda row: row.ratio(profile))
    mean = statistics.fmean(row.ratio(profile) for row in rows)
    return f"{_number(mean)} · {_number(worst.ratio(profile))} ({worst.activation})"


def _training(found: Iterable[Measured]) -> list[str]:
    rows = [
        [
            f"{_title(measured)} {dtype}",
            f"{step[NATIVE]:.1f} ms",
            *(_marked(step[profile] / step[NATIVE]) for profile in PROFILES),
        ]
        for measured in found
        for dtype, step in measured.training.items()
    ]
    lines = [
        "The time of forward and backward of one `nn.TransformerEncoderLayer` with our",
        f"gelu, over that with `{NATIVE}`. It is {WIDTH} wide and {INSIDE:,} inside, the batch has",
        f"{BATCH} rows of {LENGTH}.",
        "",
    ]
    return lines + table(["", f"`{NATIVE}`", *PROFILES], rows)


def _slowest(measured: Measured, profile: str, count: int) -> list[str]:
    """Returns the table of the largest ratios at many elements."""
    heading = [profile, "", "", "rival (µs)", "ours (µs)", "rival"]
    return table(
        heading,
        (
            [
                _marked(row.ratio(profile)),
                row.activation,
                f"{row.dtype}, {_MODES[row.mode]}",
                _microseconds(row.native),
                _microseconds(getattr(row, profile)),
                _shown(row.rival),
            ]
            for row in _sorted(measured, "million", profile)[:count]
        ),
    )


def _slowest_calls(measured: Measured, profile: str) -> str:
    """Returns the largest ratios at one element."""
    rows = _sorted(measured, "one", profile)[:WORST]
    named = (
        f"{row.activation} {_SHORT[row.dtype]} {_MODES[row.mode]} {_number(row.ratio(profile))}"
        for row in rows
    )
    return f"At {_SIZES['one']}, {profile}: {'; '.join(named)}."


def _better_chosen(measured: Measured) -> str:
    """Returns where `fast` would be quicker if it did what `strict` does."""
    named = [
        f"{row.activation} {_SHORT[row.dtype]} {_MODES[row.mode]} {_number(row.fast / row.strict)}"
        for row in _sorted(measured, "million", "fast")
        if row.ratio("fast") > SLOW and row.fast > CLEARLY * row.strict
    ]
    return f"Where `fast` takes longer than `strict`, how many times: {'; '.join(named) or '–'}."


def _sorted(measured: Measured, size: str, profile: str) -> list[Row]:
    rows = [row for row in measured.rows if row.size == size]
    return sorted(rows, key=lambda row: row.ratio(profile), reverse=True)


def _shown(rival: str) -> str:
    """Returns a statement for a reader: casts as a remark."""
    cast = re.fullmatch(r"narrow\(\(lambda [^:]*: (.*)\)\(wide\(x\).*\)\)", rival)
    return f"`{rival}`" if cast is None else f"`{cast[1]}` in float32"


def _microseconds(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _short_rows(measured: Measured) -> list[str]:
    """Returns the tables of all activations along an axis, with short rows."""
    tables = ([f"{profile}:", "", *_every(measured, profile, ("rows",))] for profile in PROFILES)
    first, second = tables
    return [*first, "", *second]


def _every(measured: Measured, profile: str, sizes: Sequence[str]) -> list[str]:
    """Returns the table of all activations."""
    rows = [row for row in measured.rows if row.size in sizes]
    ratios = {row[:4]: row.ratio(profile) for row in rows}
    names = dict.fromkeys(row.activation for row in rows)
    columns = list(dict.fromkeys(row[1:4] for row in rows))
    columns.sort(key=lambda column: list(_SIZES).index(column[1]))
    heading = [f"{_SHORT[d]}, {_SIZES[s]}, {_MODES[m]}" for d, s, m in columns]
    return table(
        ["", *heading],
        ([name, *(_marked(ratios.get((name, *column))) for column in columns)] for name in names),
    )


def _rivals(measured: Measured) -> list[str]:
    """Returns the table of the rivals that were the quickest somewhere."""
    found: dict[str, dict[str, None]] = {}
    for row in measured.rows:
        found.setdefault(row.activation, {})[_shown(row.rival)] = None
    return table(
        ["", "in one row or another"],
        ([name, ", ".join(rivals)] for name, rivals in found.items()),
    )


def _marked(ratio: float | None) -> str:
    """Returns a ratio, in bold type where it is above `SLOW`."""
    if ratio is None:
        return ""
    return f"**{_number(ratio)}**" if ratio > SLOW else _number(ratio)


def _number(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"
