"""docs/frameworks.md: what test_matrix.py has found to be so. Run as a module to write it."""

from __future__ import annotations

from docs.generate import FOLDER
from docs.markdown import table
from tests.frameworks.features import FRAMEWORKS, features, impossible
from tests.specifications import SPECS

_TITLES = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "tensorflow": "TensorFlow and Keras",
    "mxnet": "MXNet",
}
_HEAD = """# What each framework does with the layers

Generated from `tests/frameworks`, which exercise every cell. ✓: it works, and value and, where
there is one, gradient are those of exact arithmetic. A number leads to the reason why it is not
possible; the tests fail when it becomes so. A row is an activation as `get_layer` makes it, with
its default parameters where it has them.

The columns of ONNX are about both profiles, and about what ONNX Runtime makes of the exported
file, with a first axis of any length, judged as the fast profile is: what is declared of a
framework's kernels ([deviations](deviations.md)) is allowed to what they become. TensorFlow's are
by tf2onnx with `unified_act.onnx.tf2onnx.handlers`.
"""


def page() -> str:
    """Returns the text."""
    lines, reasons = [_HEAD], [entry.reason for entry in impossible()]
    numbers = {reason: place for place, reason in enumerate(dict.fromkeys(reasons), 1)}
    for framework in FRAMEWORKS:
        columns = [feature for feature in features() if feature.framework == framework]
        rows = [
            [f"`{SPECS[name].name}`", *(_cell(feature, name, numbers) for feature in columns)]
            for name in SPECS
        ]
        lines += [f"## {_TITLES[framework]}", ""]
        lines += [*table(["activation", *(f.title for f in columns)], rows), ""]
    lines += ["## Not possible", ""]
    lines += [f"{place}. {reason}" for reason, place in numbers.items()]
    return "\n".join(lines) + "\n"


def _cell(feature, name, numbers):
    for entry in impossible():
        if entry.covers(feature, name):
            return str(numbers[entry.reason])
    return "✓"


if __name__ == "__main__":
    (FOLDER / "frameworks.md").write_text(page(), encoding="utf-8")
    print("wrote docs/frameworks.md")
