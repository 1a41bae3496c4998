"""From LaTeX between dollar signs to HTML with MathML, which browsers set and screen readers speak without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape
from itertools import pairwise
from xml.etree import ElementTree

from theory.python_to_latex import latex_of, lines_of

Element = ElementTree.Element

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"
_RELATIONS = frozenset("=≠<>≤≥≪≫→⇒⇔∝≈≡∼∈")
_BINARY = frozenset("+-−±⋅×")
_OPENING, _CLOSING = frozenset("([{⟨"), frozenset(")]}⟩")
_BARS = frozenset("|‖")
_NO_BREAK_AFTER = _OPENING | _RELATIONS | _BINARY  # what follows these is a sign, not a sum
_CAPITALS = frozenset("ΓΔΘΛΞΠΣΦΨΩ")  # upright, as in print
_BETTER = {"^": "ˆ", "~": "∼"}
_LONG, _TOO_LONG = 24, 32  # symbols: a longer formula may break where TeX would, a longer piece inside brackets too

_GREEK = {
    "Sigma": "Σ", "Psi": "Ψ", "sigma": "σ", "theta": "θ", "lambda": "λ", "alpha": "α", "beta": "β", "gamma": "γ",
    "delta": "δ", "epsilon": "ε", "eps": "ε", "eta": "η", "rho": "ρ", "infinity": "∞",
}  # fmt: skip
_LETTER = re.compile(
    rf"(?<![\w/-])(?P<name>{'|'.join(_GREEK)}|[A-Za-z](?=_|\^|\*))(?:_(?P<low>\w+))?(?:\^(?P<high>\d))?(?P<star>\*)?(?!\w)"
)
_SCRIPT = dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True))


def prose(text: str) -> str:
    """A sentence as HTML: LaTeX between dollar signs, code between backticks, and plain mathematics ("sigma^2 >= 0").

    Examples
    --------
    >>> prose("`mixed` has sigma^2 >= 0")
    '<code>mixed</code> has <i>σ</i><sup>2</sup> ≥ 0'
    """
    parts = text.split("$")
    if len(parts) % 2 == 0:
        raise ValueError(f"text = {text!r} is not allowed: its dollar signs must come in pairs")
    out = [_plain(parts[0])]
    for latex, text in zip(parts[1::2], parts[2::2], strict=True):
        before = "(" if out[-1].endswith("(") else ""
        after = text[: len(text) - len(text.lstrip(",.;:)"))]
        *most, last = _formula(latex)
        out[-1] = out[-1].removesuffix("(")
        if most:
            most[0] = _together(before, most[0], "")
            last = _together("", last, after)
        else:
            last = _together(before, last, after)
        out += ["<wbr>".join([*most, last]), _plain(text.removeprefix(after))]
    return "".join(out)


def capital(text: str) -> str:
    """A sentence that starts with a word starts with a capital."""
    return text[:1].upper() + text[1:] if text[:2].isalpha() else text


def formula(latex: str) -> str:
    """An inline formula; a long one in several pieces, between which a line may break."""
    return "<wbr>".join(_formula(latex))


def _formula(latex: str) -> list[str]:
    row = list(_converted(latex))
    pieces = [row] if _length(row) <= _LONG else list(_pieces(row, inside=False))
    shorter = [part for p in pieces for part in (_pieces(p, inside=True) if _length(p) > _TOO_LONG else [p])]
    return [_serialised(piece) for piece in shorter]


def _length(elements: list[Element]) -> int:
    return sum(len("".join(element.itertext())) for element in elements)


def _together(before: str, piece: str, after: str) -> str:
    """A formula with its punctuation, which no line break may part from it."""
    return f'<span class="together">{before}{piece}{after}</span>' if before or after else piece


def display(latex: str) -> str:
    """A formula on a line of its own, which scrolls where it is wider than the page; it knows its LaTeX, to be copied."""
    root = _converted(latex)
    return f'<div class="display" tabindex="0" role="group" aria-label="formula" data-latex="{escape(latex)}">{_serialised(list(root), "block")}</div>'


def displayed(lines: str) -> str:
    """Lines of Python as formulas, each on a line of its own."""
    return "\n".join(display(latex_of(line)) for line in lines_of(lines))


@cache
def _converted(latex: str) -> Element:
    """The row of a formula's elements, in a form that MathML Core browsers set well."""
    try:
        from latex2mathml.converter import convert
    except ImportError:
        raise ImportError("the report needs latex2mathml, which is not installed: pip install latex2mathml") from None
    latex = re.sub(r"\\mathrm\{(\w{2,})\}", r"\\operatorname{\1}", latex)
    latex = re.sub(r"\\mathcal\s*\{?([A-Za-z])\}?", lambda match: _script(match[1]), latex)
    math = ElementTree.fromstring(convert(latex).replace(f' xmlns="{_NAMESPACE}"', ""))
    row = math[0]
    for element in row.iter():
        text = element.text or ""
        if element.tag == "mo" and text.isalpha() and len(text) > 1:
            element.tag = "mi"
        elif element.tag == "mo" and text in _BARS:
            element.attrib = {"stretchy": "false", "lspace": "0", "rspace": "0"}
        elif text == "/":
            element.attrib = {"lspace": "0", "rspace": "0"}
        elif text == "∞":
            element.tag = "mi"
        elif text in _BETTER:
            element.text = _BETTER[text]
        elif element.tag == "mi" and text in _CAPITALS:
            element.set("mathvariant", "normal")
        if element.tag == "mi" and element.get("mathvariant") not in (None, "normal"):
            raise ValueError(f"latex = {latex!r} is not allowed: browsers set no mathvariant but normal")
    for parent in row.iter():
        for element, following in pairwise(parent):
            if element.tag == "mi" and len(element.text or "") > 1 and following.tag != "mo":
                element.set("class", "name")  # a thin space after tr, cos
    return row


def _script(letter: str) -> str:
    return _SCRIPT.get(letter) or chr((0x1D49C if letter.isupper() else 0x1D4B6) + ord(letter.lower()) - ord("a"))


def _pieces(row: list[Element], inside: bool) -> Iterator[list[Element]]:
    """A row cut before relations and sums and after commas: outside brackets, or inside them too."""
    piece: list[Element] = []
    depth, in_bars, before = 0, False, ""
    for element in row:
        base = element[0] if len(element) and element.tag in ("msub", "msup", "msubsup") else element
        text = (base.text or "") if base.tag == "mo" else ""
        outside = inside or (depth == 0 and not in_bars)
        if piece and outside and text and text in _RELATIONS | _BINARY and before not in _NO_BREAK_AFTER:
            yield piece
            element.set("form", "infix")
            piece = []
        piece.append(element)
        before = text
        depth += (text in _OPENING and text != "") - (text in _CLOSING and text != "")
        in_bars ^= text != "" and text in _BARS
        if outside and text == ",":
            yield piece
            piece = []
    if piece:
        yield piece


def _serialised(elements: list[Element], display: str = "inline") -> str:
    content = "".join(ElementTree.tostring(element, encoding="unicode") for element in elements)
    return f'<math display="{display}">{content}</math>'


def _plain(text: str) -> str:
    parts = text.split("`")
    return "".join(f"<code>{escape(part)}</code>" if k % 2 else _letters(part) for k, part in enumerate(parts))


def _letters(text: str) -> str:
    text = escape(text.replace("->", "→").replace(">=", "≥").replace("<=", "≤"), quote=False)

    def letter(match: re.Match[str]) -> str:
        name = _GREEK.get(match["name"], match["name"])
        shown = name if name == "∞" else f"<i>{name}</i>"
        low = _GREEK.get(match["low"], match["low"]) if match["low"] else ""
        high = (match["high"] or "") + (match["star"] or "")
        return shown + (f"<sub>{low}</sub>" if low else "") + (f"<sup>{high}</sup>" if high else "")

    return re.sub(r"([|)])\^(\d)", r"\1<sup>\2</sup>", _LETTER.sub(letter, text))
