"""The swap: weights that one framework learned, run on the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from examples.digits.data import Digits
from examples.digits.frameworks import Framework
from examples.digits.settings import Architecture, Limits, Settings
from examples.digits.training import Trained, accuracy

__all__ = ["Run", "problems", "run_everywhere"]


@dataclass(frozen=True)
class Run:
    """Trained weights on one framework, with the test images.

    Attributes:
        trained_on: The framework that learned the weights.
        run_on: The framework that runs them.
        architecture: Which network it is.
        accuracy: On the test images.
        logit_difference: The largest to the framework that learned the weights.
        predictions_that_differ: Images for which the two see another digit.
    """

    trained_on: str
    run_on: str
    architecture: Architecture
    accuracy: float
    logit_difference: float
    predictions_that_differ: int


def run_everywhere(
    trained: Trained, frameworks: Sequence[Framework], digits: Digits, settings: Settings
) -> list[Run]:
    """Returns a run on each framework, the one that learned the weights first."""
    return [
        _run(trained, framework, digits, settings)
        for framework in sorted(frameworks, key=lambda f: f.name != trained.framework)
    ]


def _run(trained: Trained, framework: Framework, digits: Digits, settings: Settings) -> Run:
    networks = framework.networks
    network = networks.build(trained.architecture, settings, trained.weights)
    logits = networks.logits(network, digits.test_images)
    differ = logits.argmax(axis=1) != trained.logits.argmax(axis=1)
    return Run(
        trained.framework,
        framework.name,
        trained.architecture,
        accuracy(logits, digits.test_labels),
        float(np.abs(logits - trained.logits).max()),
        int(differ.sum()),
    )


def problems(runs: Iterable[Run], limits: Limits) -> list[str]:
    """Returns a sentence for everything in which a run misses the limits."""
    found = []
    for run in runs:
        swap = f"the network trained on {run.trained_on} and run on {run.run_on}"
        # Written so that a NaN is a problem too.
        if run.trained_on == run.run_on and not run.accuracy >= limits.accuracy:
            found.append(
                f"{run.trained_on} reaches a test accuracy of {run.accuracy:.2%}, "
                f"below {limits.accuracy:.0%}."
            )
        if not run.logit_difference <= limits.logit_difference:
            found.append(
                f"{swap} has logits that differ by {run.logit_difference:.1e}, "
                f"more than {limits.logit_difference:.0e}."
            )
        if run.predictions_that_differ:
            found.append(f"{swap} sees another digit in {run.predictions_that_differ} images.")
    return found
