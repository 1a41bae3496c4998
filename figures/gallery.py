"""index.html: every picture in a directory, with its caption, its theorem and links to its files."""

from __future__ import annotations

from html import escape
from pathlib import Path

from theory import Setting

from . import catalogue

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #ffffff; --line: #d0d0d0; --soft: #555555; --link: #0b5394; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --paper: #16181b; --line: #3a3f45; --soft: #b0b4b8; --link: #8ab8ff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); overflow-wrap: break-word; }
a { color: var(--link); }
nav ol { columns: 17rem; column-gap: 2.5rem; padding-left: 1.6rem; }
nav li { break-inside: avoid; }
section { border-top: 1px solid var(--line); padding: 1rem 0; }
h1, h2 { line-height: 1.25; }
h2 { font-size: 1.2rem; margin: 0 0 .6rem; }
figure { margin: 0; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; padding: .5rem; background: #ffffff;
  border: 1px solid var(--line); border-radius: .25rem; }
figcaption p { margin: .5rem 0 0; }
.files { color: var(--soft); font-size: .9rem; }
""".strip()


def write_gallery(output: Path, setting: Setting | None = None) -> None:
    """Write ``index.html`` for the figures whose files are in the directory; ``setting``: that of one's own, if any."""
    made = [name for name in catalogue.NAMES if (output / f"{name}.csv").exists()]
    contents = "\n".join(f'<li><a href="#{name}">{escape(catalogue.load(name).TITLE)}</a></li>' for name in made)
    sections = "\n".join(_section(name, output, setting) for name in made)
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>In-context learning under fine-tuning: figures</title>
<style>
{_STYLE}
</style>
</head>
<body>
<header>
<h1>In-context learning under fine-tuning: figures</h1>
<p>Exact risk of linear attention before and after fine-tuning. Beside each picture lies a CSV file of exactly the
plotted numbers. R0, R1 and so on are the theorems of the library's theory;
<code>python -m theory prove</code> derives them.</p>
</header>
<nav aria-label="Figures">
<ol>
{contents}
</ol>
</nav>
<main>
{sections}
</main>
</body>
</html>
"""
    (output / "index.html").write_text(page, encoding="utf-8")


def _section(name: str, output: Path, setting: Setting | None) -> str:
    module = catalogue.load(name)
    own = setting if setting is not None and catalogue.refusal(name, setting) is None else None
    caption = catalogue.caption(name, own)
    # What there is to notice was written for the published setting.
    notice = f"<p><strong>Notice.</strong> {escape(module.NOTICE)}</p>" if own is None else ""
    formats = [extension for extension in ("png", "svg", "pdf") if (output / f"{name}.{extension}").exists()]
    links = " · ".join(f'<a href="{name}.{extension}">{extension.upper()}</a>' for extension in (*formats, "csv"))
    description = caption.partition(". ")[0]
    shown = next((extension for extension in formats if extension != "pdf"), None)
    picture = f'<img src="{name}.{shown}" alt="{escape(description)}" loading="lazy">\n' if shown else ""
    return f"""<section id="{name}">
<h2>{escape(module.TITLE)}</h2>
<figure>
{picture}<figcaption>
<p>{escape(caption)}</p>
<p><strong>Theorem.</strong> {escape(module.THEOREM)}</p>
{notice}
</figcaption>
</figure>
<p class="files"><code>{name}</code>: {links}</p>
</section>"""
