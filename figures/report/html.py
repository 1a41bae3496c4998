"""Small pieces of HTML: tables, code, pictures."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Sequence
from html import escape

_LONG_DECIMAL = re.compile(r"(?<=\d\.\d\d)\d+")  # a hundredth of a point is finer than print
_DATA = re.compile(r' (?:d|x|y|points)="[^"]*"')  # not transform: a glyph scale of 0.015625 needs its digits


_PIXELS_PER_POINT = 1.5  # letters in pictures are then as large as the text around them


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already; it scrolls where it is wider than the page."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    labels = [escape(re.sub("<[^>]*>", "", cell)) for cell in header]  # beside each cell where a phone shows no header
    body = "\n".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f'<td data-label="{label}">{cell}</td>' for label, cell in zip(labels[1:], row[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(re.sub("<[^>]*>", "", caption))}">\n'
        f"<table><caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def code(text: str) -> str:
    """Lines to copy: one click selects them all."""
    return f'<pre tabindex="0"><code>{escape(text, quote=False)}</code></pre>'


def link_to(theorem: str, shown: Collection[str]) -> str:
    """A theorem's name, as a link if it is among those that are shown on the page."""
    return f'<a href="#{theorem}">{theorem}</a>' if theorem in shown else theorem


def items(texts: Sequence[str], kind: str = "ul") -> str:
    """A list of HTML texts."""
    return f"<{kind}>\n" + "\n".join(f"<li>{text}</li>" for text in texts) + f"\n</{kind}>"


def picture(svg: str, alternative: str) -> str:
    """An SVG file inside the page; as an image, so that its ids stay its own."""
    shorter = _DATA.sub(lambda match: _LONG_DECIMAL.sub("", match[0]), svg)
    coded = b64encode(shorter.encode()).decode()
    (points,) = re.findall(r'<svg[^>]* width="([\d.]+)pt"', svg)
    width = round(_PIXELS_PER_POINT * float(points))
    return f'<img alt="{escape(alternative)}" width="{width}" src="data:image/svg+xml;base64,{coded}">'
