"""The handwritten digits of the UCI repository, which scikit-learn ships: 8x8 pixels, 0 to 16."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import train_test_split

__all__ = ["Digits", "Images", "Labels", "batches", "load_digits"]

Images = NDArray[np.float32]
"""Images, channels, height, width."""

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Digits:
    """The images, from 0 (white) to 1 (black), and the digit that each one shows."""

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels


def load_digits(test_fraction: float, seed: int) -> Digits:
    """Returns the digits, split with the same share of every digit on both sides."""
    digits = datasets.load_digits()
    images = (digits.images[:, np.newaxis] / 16).astype(np.float32)
    labels = digits.target.astype(np.int64)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=test_fraction, stratify=labels, random_state=seed
    )
    return Digits(train_images, train_labels, test_images, test_labels)


def batches(
    images: Images, labels: Labels, size: int, generator: np.random.Generator
) -> Iterator[tuple[Images, Labels]]:
    """Yields all images once, in random order, `size` at a time; the last batch may be smaller."""
    order = generator.permutation(len(images))
    for start in range(0, len(images), size):
        chosen = order[start : start + size]
        yield images[chosen], labels[chosen]
