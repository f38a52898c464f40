"""The options that name a function to judge, and what they name."""

from __future__ import annotations

from collections.abc import Sequence

import click

from unified_act.errors import UnifiedActError
from unified_act.loading import load_backend
from unified_act.parsing import parse
from unified_act_conformance.function import JudgedFunction, judged_function
from unified_act_conformance.identify import load_callable
from unified_act_conformance.judge import Domain

__all__ = ["FUNCTION", "function_named"]

FUNCTION = (
    click.option(
        "--function",
        metavar="MODULE:NAME",
        help="Judge this callable of a framework's arrays, by --oracle, in place of activations. "
        "Parameters may follow: my_module:swish(beta=2).",
    ),
    click.option(
        "--oracle",
        metavar="MODULE:NAME|ACTIVATION",
        help="What --function should compute: a function oracle(xp, x), or an activation.",
    ),
    click.option(
        "--gradient",
        metavar="MODULE:NAME",
        help="The gradient of --function: a function of x and the cotangent.",
    ),
    click.option(
        "--kink",
        "kinks",
        type=float,
        multiple=True,
        help="Judge no gradient of --function at this input (repeatable).",
    ),
    click.option(
        "--domain",
        type=(float, float),
        metavar="LOW HIGH",
        help="Judge --function only at inputs between these two numbers.",
    ),
)


def function_named(
    function: str,
    oracle: str | None,
    gradient: str | None,
    kinks: Sequence[float],
    domain: Domain | None,
    backends: Sequence[str],
) -> JudgedFunction:
    """Returns what the options name; it has a specification until the command ends.

    Args:
        function: The option `--function`.
        oracle: The option `--oracle`.
        gradient: The option `--gradient`.
        kinks: The options `--kink`.
        domain: The option `--domain`.
        backends: The options `--backend`.

    Raises:
        click.UsageError: The options do not fit together.
        unified_act.UnifiedActError: There is no such module, function, activation or backend, or
            the oracle cannot be evaluated.
    """
    if len(backends) > 1:
        raise click.UsageError("a function belongs to one framework: give one --backend")
    backend = backends[0] if backends else None
    if backend:
        load_backend(backend)  # MXNet cannot be imported before that
    name, parameters, *_ = parse(function)
    for option, text in (("--function", name), ("--gradient", gradient)):
        if text and not all(text.partition(":")):
            raise click.BadParameter(
                f"write module:name, as in my_module:swish, not {text!r}", param_hint=option
            )
    options = ["--function", function]
    options += ["--oracle", oracle] if oracle else []
    options += ["--gradient", gradient] if gradient else []
    options += [word for at in kinks for word in ("--kink", f"{at:.17g}")]
    options += ["--domain", *(f"{end:.17g}" for end in domain)] if domain else []
    judged = judged_function(
        load_callable(name),
        load_callable(oracle) if oracle and ":" in oracle.partition("(")[0] else oracle,
        backend=backend,
        gradient=load_callable(gradient) if gradient else None,
        kinks=kinks,
        domain=domain,
        parameters=parameters,
        name=name,
        options=options,
    )
    try:
        return click.get_current_context().with_resource(judged)
    except ValueError as error:
        if isinstance(error, UnifiedActError):
            raise
        raise click.UsageError(str(error)) from error
