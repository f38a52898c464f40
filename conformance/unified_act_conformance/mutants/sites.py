"""Where mutants are made: the modules that decide on numbers, and who runs which of their lines."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from unified_act_conformance.mutants.asking import list_names, trace
from unified_act_conformance.mutants.children import in_parallel, one
from unified_act_conformance.mutants.faults import ALWAYS, OF_SIZE
from unified_act_conformance.mutants.operators import Edit, Source

if TYPE_CHECKING:
    from unified_act.backend import Numerics

__all__ = ["Module", "Mutant", "Target", "list_modules", "list_mutants"]

CORE = (
    "catalogue/*.py",
    "activation/kinds.py",
    "activation/shapes.py",
    "assembly.py",
    "special/*.py",
    "shapes.py",
    "backend/*.py",
    *(
        f"kernels/{name}.py"
        for name in (
            "arrays",
            "elementary",
            "emitter",
            "gathering",
            "instructions",
            "layout",
            "polynomials",
            "row_emitter",
            "tables",
            "threads",
        )
    ),
    *(
        f"expression/{name}.py"
        for name in (
            "code",
            "derivative",
            "derived",
            "exact",
            "interpreter",
            "namespace",
            "simplification",
            "strict_namespace",
            "vanishing",
        )
    ),
)
BACKEND = (
    *("backend", "blocks", "calls", "fused", "gradient", "kernels", "namespace", "native"),
    *("tables", "variant"),
)
"""The modules of a backend that decide on numbers."""
AT_A_TIME = 12
"""How many activations one child follows."""


class Target(NamedTuple):
    """What the suite is asked about.

    Attributes:
        activation: The activation.
        backend: The backend.
    """

    activation: str
    backend: str


_Runners = dict[Target, list["Numerics"]]
"""Who runs something, and in which profiles."""
_PROFILES: tuple[Numerics, ...] = ("fast", "strict")
"""In the order in which they are traced."""


@dataclass(frozen=True)
class Module:
    """A module that mutants are made of.

    Attributes:
        name: Its dotted name.
        path: Its file.
        backend: The backend that it belongs to; empty for the core.
    """

    name: str
    path: Path
    backend: str


@dataclass(frozen=True)
class Mutant:
    """A change of one module.

    Attributes:
        module: The module.
        operator: What kind of change it is.
        place: Line and column.
        note: What was changed, before and after.
        text: The changed text of the module.
        targets: The activations and backends that run the line, with the profiles in which they do.
    """

    module: Module
    operator: str
    place: str
    note: str
    text: str
    targets: Mapping[Target, Sequence[Numerics]]

    @property
    def always(self) -> str:
        """The text in which a function that is wrong under a condition is so in every call."""
        condition = self.operator.removeprefix("for ")
        return self.text.replace(f"@wrong_for({condition!r}", f"@wrong_for({ALWAYS!r}")

    @property
    def id(self) -> str:
        """Module, line, column, operator and the change: the same in every run."""
        return f"{self.module.name}:{self.place} {self.operator}: {self.note}"


def list_modules(backends: Sequence[str]) -> list[Module]:
    """Returns the modules that decide on numbers.

    Args:
        backends: The backends.
    """
    folder = _folder("unified_act")
    paths = [path for pattern in CORE for path in sorted(folder.glob(pattern))]
    found = [
        Module(".".join(path.relative_to(folder.parent).with_suffix("").parts), path, "")
        for path in paths
        if path.stem != "__init__"
    ]
    for backend in backends:
        package = f"unified_act_{backend}"
        for name in BACKEND:
            path = _folder(package) / f"{name}.py"
            if path.exists():
                found.append(Module(f"{package}.{name}", path, backend))
    return found


def _folder(package: str) -> Path:
    """Where a package is, which is not imported for that."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"there is no package {package}", name=package)
    return Path(spec.origin).parent


def list_mutants(backends: Sequence[str], jobs: int, cache: Path, limit: float) -> list[Mutant]:
    """Returns every mutant of which some activation runs the line.

    Args:
        backends: The backends.
        jobs: How many processes to use.
        cache: The folder that keeps who runs which line.
        limit: How many seconds a child may take.
    """
    modules = list_modules(backends)
    runs = _Runs(_who_runs_what(modules, backends, jobs, cache, limit))
    sources = {module: Source(module.path.read_text(encoding="utf-8")) for module in modules}
    defaults = _defaults(sources.values())
    crossovers = {name for source in sources.values() for name in source.crossovers()}
    users = _Users(sources, runs)
    found = (
        _mutant(module, source, edit, users)
        for module, source in sources.items()
        for edit in source.edits(defaults, crossovers)
    )
    by_id = {mutant.id: mutant for mutant in found if mutant is not None}  # x + x → x, twice
    return list(by_id.values())


def _mutant(module: Module, source: Source, edit: Edit, users: _Users) -> Mutant | None:
    targets = users.of(module, edit)
    if not targets:
        return None
    before = " ".join(source.text[edit.start : edit.end].split())
    note = edit.note or f"{before} → {edit.text[1:-1]}"
    text = source.text[: edit.start] + edit.text + source.text[edit.end :]
    try:
        compile(text, str(module.path), "exec", dont_inherit=True)
    except SyntaxError:
        return None
    node: Any = edit.node
    place = f"{node.lineno}:{node.col_offset}"
    return Mutant(module, edit.operator, place, note, text, targets)


def _defaults(sources: Iterable[Source]) -> dict[str, str]:
    """The parameters of activations with their default, where it is a number."""
    found: dict[str, str] = {}
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Parameter":
                name, default = node.args[:2]
                number = isinstance(default, (ast.Constant, ast.UnaryOp))
                if isinstance(name, ast.Constant) and number and ast.unparse(default) != "None":
                    found.setdefault(str(name.value), ast.unparse(default))
    return found


class _Runs:
    """Who runs which line."""

    def __init__(self, recorded: Mapping[str, Mapping[str, Any]]) -> None:
        self._by_place: dict[tuple[str, str, int], _Runners] = {}
        for backend, found in recorded.items():
            for about, kinds in found.items():
                activation, profile = about.split()
                # The kernel or table that `fast` makes of a definition is there in `strict`.
                served = _PROFILES[_PROFILES.index(cast("Numerics", profile)) :]
                for kind, by_file in kinds.items():
                    for file, lines in by_file.items():
                        for line in lines:
                            targets = self._by_place.setdefault((kind, file, line), {})
                            known = targets.setdefault(Target(activation, backend), [])
                            known += [numerics for numerics in served if numerics not in known]

    def of(self, kind: str, path: Path, lines: Sequence[int]) -> _Runners:
        """The targets that run one of the lines, each with its profiles."""
        return _joined(self._by_place.get((kind, str(path), line), {}) for line in lines)

    def everything(self) -> _Runners:
        """All targets."""
        return _joined(self._by_place.values())


def _joined(parts: Iterable[_Runners]) -> _Runners:
    found: _Runners = {}
    for part in parts:
        for target, profiles in part.items():
            known = found.setdefault(target, [])
            known += [numerics for numerics in profiles if numerics not in known]
    return found


class _Users:
    """Finds who runs a piece of source; of what a module computes once, who uses its name."""

    def __init__(self, sources: Mapping[Module, Source], runs: _Runs) -> None:
        self._sources, self._runs = sources, runs
        self._names = {target.activation for target in runs.everything()}
        self._found: dict[tuple[str, str], _Runners] = {}
        self._readers: dict[str, list[tuple[Module, ast.Name | ast.Attribute]]] = {}
        for module, source in sources.items():
            for node in ast.walk(source.tree):
                if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                    name = node.id if isinstance(node, ast.Name) else node.attr
                    self._readers.setdefault(name, []).append((module, node))

    def of(self, module: Module, edit: Edit) -> _Runners:
        """The targets that run what an edit changes."""
        if isinstance(edit.node, ast.FunctionDef):
            node = edit.node
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            kind = "sizes" if edit.operator.removeprefix("for ") in OF_SIZE else "arrays"
            return self._runs.of(kind, module.path, [first])
        return self._of_node(module, edit.node)

    def _of_node(self, module: Module, node: Any) -> _Runners:
        source = self._sources[module]
        outer = list(source.ancestors(node))
        if any(isinstance(each, (ast.FunctionDef, ast.Lambda)) for each in outer):
            lines = range(node.lineno, node.end_lineno + 1)
            return self._runs.of("lines", module.path, lines)
        for inner, each in zip([node, *outer], outer, strict=False):
            if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "Activation":
                named = {keyword.arg: keyword.value for keyword in each.keywords}
                return self._about(getattr(named.get("name"), "value", ""), module)
            if isinstance(each, ast.Dict) and inner in each.values:
                key = each.keys[each.values.index(inner)]
                if getattr(key, "value", None) in self._names:
                    return self._about(key.value, module)  # type: ignore[union-attr]
            if isinstance(each, ast.ClassDef):
                return {}
            if isinstance(each, (ast.Assign, ast.AnnAssign)):
                assigned = each.targets if isinstance(each, ast.Assign) else [each.target]
                names = [name for target in assigned for name in ast.walk(target)]
                return _joined(
                    self._of_name(module, name.id) for name in names if isinstance(name, ast.Name)
                )
        return {}

    def _about(self, activation: str, module: Module) -> _Runners:
        return {
            target: profiles
            for target, profiles in self._runs.everything().items()
            if target.activation == activation and module.backend in ("", target.backend)
        }

    def _of_name(self, module: Module, name: str) -> _Runners:
        if (module.name, name) not in self._found:
            self._found[module.name, name] = {}  # for what refers to itself
            self._found[module.name, name] = _joined(
                self._of_node(other, node)
                for other, node in self._readers.get(name, ())
                if other == module or self._imports(other, module, name)
            )
        return self._found[module.name, name]

    def _imports(self, other: Module, module: Module, name: str) -> bool:
        return any(
            isinstance(node, ast.ImportFrom)
            and node.module == module.name
            and name in [alias.name for alias in node.names]
            for node in ast.walk(self._sources[other].tree)
        )


def _who_runs_what(
    modules: Sequence[Module], backends: Sequence[str], jobs: int, cache: Path, limit: float
) -> dict[str, dict[str, Any]]:
    """Follows every activation on every backend, unless that was done for these sources before."""
    state = hashlib.sha256(repr(sorted(backends)).encode())
    roots = ["unified_act", "unified_act_conformance", *(f"unified_act_{b}" for b in backends)]
    for path in sorted(path for root in roots for path in _folder(root).rglob("*.py")):
        if "mutants" not in path.parts:
            state.update(str(path).encode() + path.read_bytes())
    file = cache / f"mutants-{state.hexdigest()[:16]}.json"
    if file.exists():
        found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return found
    recorded: dict[str, dict[str, Any]] = {backend: {} for backend in backends}
    ((_, names),) = in_parallel([one(list_names)], 1, limit)
    files = [str(module.path) for module in modules]
    plans = {}
    for backend in backends:
        for start in range(0, len(names), AT_A_TIME):
            part = names[start : start + AT_A_TIME]
            plans[one(partial(trace, backend, part, files))] = backend
    for plan, lines in in_parallel(list(plans), jobs, limit):
        recorded[plans[plan]] |= lines
    cache.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(recorded), encoding="utf-8")
    return recorded
