"""What the joint oracle has to give: other closed forms of the activations of several numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath

Number = Any  # mpmath has no types
Numbers = Sequence[Number]


def relu(x: Number) -> Number:
    return (x + abs(x)) / 2


def softmax(numbers: Numbers, **_: Any) -> list[Number]:
    return [1 / mpmath.fsum(mpmath.exp(other - x) for other in numbers) for x in numbers]


def masked_softmax(numbers: Numbers, mask: Sequence[bool], **_: Any) -> list[Number]:
    counted = mpmath.fsum(mpmath.exp(x) for x, counts in zip(numbers, mask, strict=True) if counts)
    return [
        mpmath.exp(x) / counted if counts else x * 0
        for x, counts in zip(numbers, mask, strict=True)
    ]


def sparsemax(numbers: Numbers, **_: Any) -> list[Number]:
    """The threshold is the largest that any number of the largest elements would give."""
    ordered = sorted(numbers, reverse=True)
    threshold = max(
        (mpmath.fsum(ordered[:count]) - 1) / count for count in range(1, len(ordered) + 1)
    )
    return [relu(x - threshold) for x in numbers]


def masked(function: Callable[..., list[Number]], left_out: float) -> Callable[..., list[Number]]:
    """A function of the numbers that a mask counts."""

    def of_counted(numbers: Numbers, mask: Sequence[bool], **_: Any) -> list[Number]:
        counted = [x for x, counts in zip(numbers, mask, strict=True) if counts]
        found = iter(function(counted) if counted else [])
        return [next(found) if counts else mpmath.mpf(left_out) for counts in mask]

    return of_counted


def entmax(numbers: Numbers, alpha: float = 1.5, **_: Any) -> list[Number]:
    """By bisection on the threshold."""
    if alpha == 1.0:
        return softmax(numbers)
    factor = mpmath.mpf(alpha) - 1
    scaled = [factor * x for x in numbers]
    low, high = max(scaled) - 1, max(scaled)

    def shares(threshold: Number) -> list[Number]:
        return [(z - threshold) ** (1 / factor) if z > threshold else z * 0 for z in scaled]

    for _step in range(mpmath.mp.prec + 10):
        middle = (low + high) / 2
        low, high = (middle, high) if mpmath.fsum(shares(middle)) > 1 else (low, middle)
    return shares(low)


def hardmax(numbers: Numbers, **_: Any) -> list[Number]:
    return [x * 0 + (index == numbers.index(max(numbers))) for index, x in enumerate(numbers)]


def maxout(numbers: Numbers, groups: int, **_: Any) -> list[Number]:
    length = len(numbers) // groups
    return [max(numbers[part * length + unit] for part in range(groups)) for unit in range(length)]


def prelu(numbers: Numbers, **_: Any) -> list[Number]:
    x, weight = numbers
    return [relu(x) - weight * relu(-x)]


def pelu(numbers: Numbers, **_: Any) -> list[Number]:
    x, a, b = numbers
    return [a * (relu(x) / b + mpmath.exp(-relu(-x) / b) - 1)]


def srelu(numbers: Numbers, **_: Any) -> list[Number]:
    """The middle line, bent by each of the outer ones."""
    x, t_left, a_left, t_right, a_right = numbers
    return [x + (1 - a_left) * relu(t_left - x) + (a_right - 1) * relu(x - t_right)]


def star_relu(numbers: Numbers, **_: Any) -> list[Number]:
    x, scale, bias = numbers
    return [scale * relu(x) ** 2 + bias]


def tlu(numbers: Numbers, **_: Any) -> list[Number]:
    x, tau = numbers
    return [tau + relu(x - tau)]


def snake(numbers: Numbers, **_: Any) -> list[Number]:
    x, alpha = numbers
    return [x + x * mpmath.sin(alpha * x) * mpmath.sinc(alpha * x)]


def snake_beta(numbers: Numbers, **_: Any) -> list[Number]:
    x, alpha, beta = numbers
    return [x + (1 - mpmath.cos(2 * mpmath.exp(alpha) * x)) / (2 * mpmath.exp(beta))]


def silu_beta(numbers: Numbers, **_: Any) -> list[Number]:
    x, beta = numbers
    return [x * (1 + mpmath.tanh(beta * x / 2)) / 2]


def softplus_beta(numbers: Numbers, **_: Any) -> list[Number]:
    """The half of x, and what is the same for x and -x."""
    x, beta = numbers
    return [x / 2 + mpmath.log(2 * mpmath.cosh(beta * x / 2)) / beta]


def xielu(numbers: Numbers, beta: float, **_: Any) -> list[Number]:
    x, alpha_p, alpha_n = numbers
    negative = -relu(-x)
    left = alpha_n * (mpmath.exp(negative) - 1 - negative)
    return [alpha_p * relu(x) ** 2 + left + mpmath.mpf(beta) * x]


def glu(numbers: Numbers, **_: Any) -> list[Number]:
    value, gate = numbers
    return [value / (1 + mpmath.exp(-gate))]


def reglu(numbers: Numbers, **_: Any) -> list[Number]:
    value, gate = numbers
    return [value * relu(gate)]


def geglu(numbers: Numbers, **_: Any) -> list[Number]:
    value, gate = numbers
    return [value * gate * (1 + mpmath.erf(gate / mpmath.sqrt(2))) / 2]


def swiglu(numbers: Numbers, **_: Any) -> list[Number]:
    value, gate = numbers
    return [value * gate / (1 + mpmath.exp(-gate))]


def geglu_tanh(numbers: Numbers, **_: Any) -> list[Number]:
    value, gate = numbers
    inner = mpmath.sqrt(2 / mpmath.pi) * (gate + mpmath.mpf(0.044715) * gate**3)
    return [value * gate * (1 + mpmath.tanh(inner)) / 2]


def quick_geglu(numbers: Numbers, **_: Any) -> list[Number]:
    value, gate = numbers
    return [value * gate / (1 + mpmath.exp(mpmath.mpf(-1.702) * gate))]


def clamped_swiglu(
    numbers: Numbers, alpha: float, limit: float, offset: float, **_: Any
) -> list[Number]:
    value, gate = numbers
    gate = limit - relu(limit - gate)
    value = relu(value + limit) - relu(value - limit) - limit
    return [(value + offset) * gate * (1 + mpmath.tanh(alpha * gate / 2)) / 2]


def rrelu(numbers: Numbers, lower: float, upper: float, **_: Any) -> list[Number]:
    x, noise = numbers if len(numbers) == 2 else (numbers[0], mpmath.mpf(0.5))
    slope = (1 - noise) * lower + noise * upper
    return [relu(x) - slope * relu(-x)]


def gumbel_softmax(numbers: Numbers, tau: float, **_: Any) -> list[Number]:
    half = len(numbers) // 2
    pairs = zip(numbers[:half], numbers[half:], strict=True)
    return softmax([(x - mpmath.log(mpmath.log(1 / noise))) / tau for x, noise in pairs])


FORMULAS: Mapping[str, Callable[..., list[Number]]] = {
    "bilinear": lambda numbers, **_: [numbers[0] * numbers[1]],
    "clamped_swiglu": clamped_swiglu,
    "crelu": lambda numbers, **_: [relu(x) for x in (*numbers, *(-x for x in numbers))],
    "geglu": geglu,
    "geglu_tanh": geglu_tanh,
    "pelu": pelu,
    "srelu": srelu,
    "glu": glu,
    "entmax": entmax,
    "entmax15": entmax,
    "gumbel_softmax": gumbel_softmax,
    "hardmax": hardmax,
    "log_softmax": lambda numbers, **_: [mpmath.log(share) for share in softmax(numbers)],
    "masked_log_softmax": masked(
        lambda numbers: [mpmath.log(share) for share in softmax(numbers)], -mpmath.inf
    ),
    "masked_softmax": masked_softmax,
    "masked_sparsemax": masked(sparsemax, 0.0),
    "maxout": maxout,
    "prelu": prelu,
    "quick_geglu": quick_geglu,
    "reglu": reglu,
    "rrelu": rrelu,
    "silu_beta": silu_beta,
    "snake": snake,
    "snake_beta": snake_beta,
    "softmax": softmax,
    "softmax2d": softmax,
    "softmax_one": lambda numbers, **_: softmax([*numbers, mpmath.mpf(0)])[:-1],
    "softmin": lambda numbers, **_: softmax([-x for x in numbers]),
    "softplus_beta": softplus_beta,
    "sparsemax": sparsemax,
    "star_relu": star_relu,
    "swiglu": swiglu,
    "tlu": tlu,
    "xielu": xielu,
}

ROWS = [[0.3, -1.25, 2.0], [1.5, 1.5, -0.75, 0.5], [-4.0]]
GATED = [[1.75, 0.4], [-2.5, -3.0], [0.3, 6.0]]
POINTS: Mapping[str, Sequence[tuple[Sequence[float], Mapping[str, Any]]]] = {
    "crelu": [([0.3, -1.25], {}), ([2.0], {})],
    **{
        name: [(row, {}) for row in GATED]
        for name in (
            *("bilinear", "geglu", "geglu_tanh", "glu", "quick_geglu", "reglu", "swiglu"),
            "clamped_swiglu",
        )
    },
    "gumbel_softmax": [
        ([0.3, -1.25, 0.75, 0.125], {}),
        ([0.3, 1.0, -2.0, 0.75, 0.5, 0.9], {"tau": 0.5}),
    ],
    **{
        name: [(row, {}) for row in ROWS]
        for name in ("log_softmax", "softmax", "softmax2d", "softmax_one", "softmin")
    },
    **{
        name: [([0.3, -1.25, 0.9], {}), ([1.5, 1.5, 1.25, 0.5], {}), ([-4.0], {})]
        for name in ("entmax15", "sparsemax")
    },
    "entmax": [
        (row, {"alpha": alpha})
        for row in ([0.3, -1.25, 0.9], [1.5, 1.5, 1.25, 0.5], [-4.0])
        for alpha in (1.0, 1.1, 1.5, 1.7, 2.0)
    ],
    "hardmax": [([0.3, -1.25, 2.0], {}), ([-4.0], {})],
    **{
        name: [
            ([0.3, -1.25, 0.9, 1.0], {"mask": [True, False, True, True]}),
            ([0.3, 5.0], {"mask": [False, False]}),
        ]
        for name in ("masked_log_softmax", "masked_sparsemax")
    },
    "masked_softmax": [
        ([0.3, -1.25, 2.0, 1.0], {"mask": [True, False, True, True]}),
        ([0.3, 5.0], {"mask": [False, False]}),
    ],
    "maxout": [([0.3, -1.25, 2.0, 1.0], {"groups": 2}), ([0.5, -1.0, 0.25], {"groups": 3})],
    "pelu": [([1.5, 0.5, 2.0], {}), ([-2.5, 3.0, 0.75], {}), ([-0.25, 0.5, 0.3], {})],
    "srelu": [([x, -1.5, 0.25, 0.75, -2.0], {}) for x in (-3.0, 0.5, 1.25)],
    "prelu": [([1.5, 0.25], {}), ([-2.5, 0.25], {}), ([-0.5, -3.0], {})],
    "rrelu": [([-2.5], {}), ([-2.5, 0.3], {"training": True}), ([1.5, 0.3], {"training": True})],
    "silu_beta": [([1.5, 0.5], {}), ([-2.5, 3.0], {}), ([1.5, -2.0], {}), ([0.75, 0.0], {})],
    "snake": [([1.5, 0.5], {}), ([-7.25, 3.0], {}), ([0.75, 0.0], {}), ([0.0, -0.5], {})],
    "snake_beta": [([1.5, 0.5, -0.25], {}), ([-3.0, -1.0, 0.75], {})],
    "softplus_beta": [([1.5, 0.5], {}), ([-2.5, 3.0], {}), ([1.5, -2.0], {}), ([0.0, 0.25], {})],
    "star_relu": [([1.5, 0.75, -0.5], {}), ([-1.5, 0.75, -0.5], {})],
    "tlu": [([1.5, 0.5], {}), ([-1.5, -1.0], {})],
    "xielu": [([1.5, 0.75, 0.25], {}), ([-2.5, 0.75, 0.25], {"beta": 1.0})],
}
"""Where each is asked, with the parameters that differ from the defaults; away from corners."""

CORNERS: Sequence[tuple[str, Mapping[str, Any], Sequence[float], Sequence[float]]] = [
    ("clamped_swiglu", {"alpha": 1.0, "limit": 2.0, "offset": 3.0}, [2.0, 0.0], [0.0, 2.5]),
    ("clamped_swiglu", {"alpha": 1.0, "limit": 2.0, "offset": 3.0}, [-2.0, 0.0], [0.0, 0.5]),
    ("crelu", {}, [0.0, -0.0], [0.0, 0.0]),
    ("maxout", {"groups": 3}, [1.5, 2.0, 2.0], [0.0, 1.0, 0.0]),
    ("pelu", {}, [0.0, 3.0, 2.0], [1.5, 0.0, 0.0]),
    ("prelu", {}, [0.0, 0.25], [0.25, 0.0]),
    ("srelu", {}, [0.5, -1.0, 0.25, 0.5, 2.0], [2.0, 0.0, 0.0, -1.0, 0.0]),
    ("srelu", {}, [-1.0, -1.0, 0.25, 0.5, 2.0], [0.25, 0.75, 0.0, 0.0, 0.0]),
    ("reglu", {}, [3.0, 0.0], [0.0, 0.0]),
    ("rrelu", {"lower": 0.25, "upper": 0.75}, [0.0], [0.5]),
    ("star_relu", {}, [0.0, 2.0, 3.0], [0.0, 0.0, 1.0]),
    ("tlu", {}, [0.5, 0.5], [0.0, 1.0]),
    ("xielu", {}, [0.0, 0.75, 2.0], [0.5, 0.0, 0.0]),
]
"""The gradient of the first result where the derivative jumps: the constant branch owns it."""
