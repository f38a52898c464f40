"""A formula in LaTeX as a line of Unicode, for the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["unicode_of"]

_PIECE = re.compile(r"\\[a-zA-Z]+\s*|\\.|.")
_SIGNS: Mapping[str, str] = dict(
    sign.partition("=")[::2]
    for sign in (
        *("alpha=α", "beta=β", "gamma=γ", "theta=θ", "lambda=λ", "mu=μ", "pi=π", "sigma=σ"),
        *("tau=τ", "Delta=Δ", "infty=∞", "lVert=‖", "rVert=‖", "left=", "right=", "_=_"),
        *("cdot= · ", "le= ≤ ", "ge= ≥ ", "sim= ∼ ", "in= ∈ ", ",= ", " = ", "quad= "),
    )
)
"""What some commands become."""
_HIGH = dict(zip("0123456789+−()inxβ", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁱⁿˣᵝ", strict=True))
_LOW = dict(zip("0123456789+−()ijlnpr", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ᵢⱼₗₙₚᵣ", strict=True))
_ATOM = re.compile(r"[\wα-ω]+")
"""What needs no brackets beside the line of a fraction."""


def unicode_of(formula: str) -> str:
    r"""Returns a formula as one line of Unicode.

    Args:
        formula: LaTeX, as in the specification of an activation. A command that is not known here
            stays as it is.

    Examples:
        >>> unicode_of(r"\tfrac{x}{2} \operatorname{erfc}(-x / \sqrt{2})")
        'x/2 · erfc(−x/√2)'
        >>> unicode_of(r"\begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}")
        'x if x > 0; α(eˣ − 1) if x ≤ 0'
    """
    return _Reader(formula).everything()


class _Reader:
    """Reads LaTeX from the left to the right."""

    def __init__(self, formula: str) -> None:
        pieces = _PIECE.findall(formula)
        self._pieces = [piece.strip() if piece[1:2].isalpha() else piece for piece in pieces]

    def everything(self) -> str:
        """What is left."""
        whole = self._up_to("")
        return whole[1:-1] if re.fullmatch(r"\{[^{}]*\}", whole) else whole

    def _up_to(self, *ends: str) -> str:
        """What stands before one of these pieces, which stays."""
        text, after = "", ""
        while self._pieces and self._pieces[0] not in ends:
            piece = self._pieces.pop(0)
            if piece in ("^", "_"):
                text = text.rstrip() + (_raised if piece == "^" else _lowered)(self._argument())
                continue
            shown, kind = self._shown(piece)
            if after and shown.strip():
                first = shown[0]
                follows = first.isalnum() or first in "√∑‖" or (after, first) == ("fraction", "(")
                text += {"name": " ", "fraction": " · "}[after] if follows else ""
                after = ""
            text += " " * (kind == "name" and text[-1:].isalnum()) + shown
            after = kind or after
        return _tidy(text)

    def _shown(self, piece: str) -> tuple[str, str]:
        """What a piece becomes, and whether it is a ``name`` or ``fraction``."""
        name = piece[1:] if piece[0] == "\\" else ""
        kind, text = "", {"-": "−", "{": "", "}": ""}.get(piece, piece)
        if piece == "{":
            self._pieces.insert(0, piece)
            text = self._argument()
        elif name in ("frac", "tfrac"):
            above, below = self._argument(), self._argument()
            inside = re.sub(r"\^?\([^()]*\)", "", above)
            above = f"({above})" if re.search("[−+/]", inside) else above
            kind, text = "fraction", f"{above}/{_bracketed(below)}"
        elif name == "sqrt":
            text = f"√{_bracketed(self._argument())}"
        elif name == "operatorname":
            kind, text = "name", self._argument()
        elif name == "begin":
            text = self._cases()
        elif name == "sum":
            kind, text = "name", "∑"
        elif name in _SIGNS:
            text = _SIGNS[name]
        elif name.isalpha():
            kind, text = "name", name
        return text, kind

    def _argument(self) -> str:
        """The next piece, or all in the braces that come."""
        while self._pieces[0] == " ":
            self._pieces.pop(0)
        piece = self._pieces.pop(0)
        if piece != "{":
            return self._shown(piece)[0]
        inner = self._up_to("}")
        self._pieces.pop(0)
        return inner

    def _cases(self) -> str:
        """``{value if condition; …}``."""
        self._argument()
        lines = []
        while True:
            value = self._up_to("&")
            self._pieces.pop(0)
            lines.append(f"{value} if {self._up_to(_BREAK, _END)}")
            if self._pieces.pop(0) == _END:
                self._argument()
                return "{" + "; ".join(lines) + "}"


_BREAK, _END = "\\\\", "\\end"


def _tidy(text: str) -> str:
    once = re.sub(r"\s+", " ", re.sub(r"(?<=[^\s(])(?=[−+] )", " ", text)).strip()
    return re.sub(r" ?/ ?", "/", re.sub(r"(?<=[(\[]) | (?=[,;)\]])", "", once))


def _bracketed(text: str) -> str:
    return text if _ATOM.fullmatch(text) else f"({text})"


def _raised(text: str) -> str:
    return _script(text, _HIGH, "^")


def _lowered(text: str) -> str:
    return _script(text, _LOW, "_")


def _script(text: str, letters: Mapping[str, str], sign: str) -> str:
    """As small letters, if there are all of them."""
    if all(letter in letters for letter in text):
        return "".join(letters[letter] for letter in text)
    return sign + _bracketed(text)
