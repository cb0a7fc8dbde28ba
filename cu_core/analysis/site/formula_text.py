"""Formulas of the glossary as plain HTML: letters with sub and superscripts, and fractions with a line.

They are written in LaTeX, which a browser does not read without a script and fonts of its own. Only what the glossary
uses is known here; anything else is refused, so that no page has half a formula.
"""

from __future__ import annotations

import re
from html import escape

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}^_]|\s+|.", re.DOTALL)
_SIGNS = {
    "approx": " ≈ ", "ast": "∗", "delta": "δ", "ell": "ℓ", "eta": "η", "ge": " ≥ ", "in": " ∈ ", "lVert": "‖",
    "lambda": "λ", "le": " ≤ ", "leftarrow": " ← ", "mid": " | ", "nabla": "∇", "ne": " ≠ ", "pm": " ± ", "prod": "∏",
    "propto": " ∝ ", "rVert": "‖", "Rightarrow": " ⇒ ", "setminus": " ∖ ", "subset": " ⊂ ", "sum": "∑", "tau": "τ",
    "theta": "θ", "top": "⊤", "varepsilon": "ε", "varphi": "φ", "quad": "  ", "qquad": " \N{EM SPACE}\N{EM SPACE} ",
    ",": "\N{THIN SPACE}", ";": " ", "{": "{", "}": "}", "big": "", "Big": "",
}  # fmt: skip
_WORDS = ("Pr", "arg", "cos", "ln", "log", "max", "min")
_BLACKBOARD = {"R": "ℝ", "1": "𝟙"}
_OVERLINE = "\N{COMBINING OVERLINE}"
_SPACED = "=<>+-"
"""Signs with a blank on both sides."""


def formula_html(latex: str) -> str:
    """A formula as HTML.

    Args:
        latex: without dollar signs.

    Raises:
        ValueError: it uses what is not known here.
    """
    pieces = _TOKEN.findall(latex)
    html = _read(pieces, ends=False)
    return re.sub(r" {2,}", " ", html).strip(" ")


def _read(pieces: list[str], *, ends: bool) -> str:
    """Everything up to the end, or up to the brace that ends a group."""
    found: list[str] = []
    while pieces:
        piece = pieces.pop(0)
        if piece == "}":
            if ends:
                return "".join(found)
            raise ValueError("a brace too many")
        found.append(_one(piece, pieces))
    if ends:
        raise ValueError("a brace is missing")
    return "".join(found)


def _one(piece: str, pieces: list[str]) -> str:
    if piece == "{":
        return _read(pieces, ends=True)
    if piece in "^_":
        kind = "sup" if piece == "^" else "sub"
        return f"<{kind}>{_argument(pieces).strip()}</{kind}>"
    if piece.startswith("\\"):
        return _command(piece[1:], pieces)
    if piece.isspace():
        return ""
    if piece in _SPACED:
        return f" {escape(piece.replace('-', '−'))} "
    return f"<var>{piece}</var>" if piece.isalpha() else escape(piece)


def _command(name: str, pieces: list[str]) -> str:
    if name in _SIGNS:
        return _SIGNS[name]
    if name in _WORDS:
        return f" {name} "
    if name in ("frac", "tfrac"):
        above, below = _argument(pieces), _argument(pieces)
        return f'<span class="frac"><span>{above.strip()}</span><i> / </i><span>{below.strip()}</span></span>'
    if name == "sqrt":
        return f"√({_argument(pieces).strip()})"
    if name in ("text", "mathrm"):
        return _text(pieces)
    if name in ("bar", "mathbb"):
        inner = re.sub(r"</?var>", "", _argument(pieces))
        return f"<var>{inner}{_OVERLINE}</var>" if name == "bar" else _BLACKBOARD[inner]
    raise ValueError(f"\\{name} is not known")


def _argument(pieces: list[str]) -> str:
    """The next sign or group."""
    while pieces and pieces[0].isspace():
        pieces.pop(0)
    if not pieces:
        raise ValueError("something is missing at the end")
    return _one(pieces.pop(0), pieces)


def _text(pieces: list[str]) -> str:
    """Words, as they stand."""
    if not pieces or pieces.pop(0) != "{":
        raise ValueError("words stand in braces")
    words = []
    while pieces and (piece := pieces.pop(0)) != "}":
        words.append(piece)
    return escape("".join(words))
