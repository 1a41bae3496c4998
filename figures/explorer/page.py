"""The explorer's page: controls, two plots by Bokeh, formulas, numbers; no network, no server."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from theory import OFFICIAL, STRATEGIES, formula
from theory.names import Task
from theory.validation import describe

from .. import style
from ..report.html import code
from ..report.mathematics import displayed
from .javascript import COMPOSED, composed, programs, variants

LABELS: dict[str, str] = {
    **{name: s.label for name, s in STRATEGIES.items()},
    "value_composed": "value, composed",
    "skip_composed": "readout, composed",
}
_COLORS = {"value_composed": "#56B4E9", "skip_composed": "#8C564B"}
PLOTS = (("risk", "risk on the target"), ("price", "risk on unseen tasks, less pretrained's"))


def page() -> str:
    """The page as one string of HTML."""
    try:
        from bokeh.embed import components
        from bokeh.resources import Resources
    except ImportError:
        raise ImportError("the explorer needs Bokeh, which is not installed: pip install bokeh latex2mathml") from None
    script, divisions = components([_plot(name, title) for name, title in PLOTS])
    here = files(__package__)
    text = here.joinpath("page.html").read_text(encoding="utf-8")
    parts = {
        "STYLE": here.joinpath("page.css").read_text(encoding="utf-8"),
        "STRATEGIES": "\n".join(_choice(name) for name in LABELS),
        "OPTIONS": "\n".join(f'<option value="{name}">{LABELS[name]}</option>' for name in LABELS),
        "RISK": divisions[0],
        "PRICE": divisions[1],
        "FORMULAS": "\n".join(_formula(name, *choice) for name in LABELS for choice in variants(name)),
        "BOKEH": Resources(mode="inline", components=["bokeh"]).render_js(),
        "PLOTS": script,
        "PROGRAMS": programs(),
        "SCRIPT": here.joinpath("page.js").read_text(encoding="utf-8"),
    }
    for name, part in parts.items():
        text = text.replace(f"<!--{name}-->", part)
    return text


def _color(name: str) -> str:
    return _COLORS.get(name) or str(style.strategy(name)["color"])


def _choice(name: str) -> str:
    shown = " checked" if name in ("pretrained", "zero_shot", "zero_shot_value", "mixed_value") else ""
    return (
        f'<label><input type="checkbox" name="strategy" value="{name}"{shown}>'
        f'<svg class="line" viewBox="0 0 29 4" style="--line: {_color(name)}" data-line="{name}" aria-hidden="true">'
        f'<line x2="29" y1="2" y2="2" stroke-dasharray="{" ".join(map(str, _dash(name)))}"/></svg>{LABELS[name]}</label>'
    )


def _dash(name: str) -> list[int]:
    look = style.strategy(name)["linestyle"] if name in STRATEGIES else "-"
    return [round(4 * x) for x in look[1]] if isinstance(look, tuple) else []


def _formula(name: str, few_shot: bool, stopped: bool) -> str:
    """Mathematics and Python of one strategy, on a task and on average over unseen tasks."""
    if name in COMPOSED:
        strategy: Any = composed(COMPOSED[name], few_shot, stopped)
        setting = OFFICIAL
    else:
        strategy, setting = name, OFFICIAL.replace(few_shot_weight=0.5 if few_shot else 0)
    parts = []
    tasks: dict[str, Task] = {"task": 0.5, "unseen": "unseen"}
    for place, task in tasks.items():
        found = formula(strategy, task, setting=setting)
        key = f"{name} {place} {few_shot:d}{stopped:d}"
        parts.append(
            f'<div class="formula" data-key="{key}" hidden>\n{displayed(found.lines)}\n{code(found.code)}</div>'
        )
    return "\n".join(parts)


def _plot(name: str, title: str) -> Any:
    from bokeh.models import ColumnDataSource, FixedTicker, HoverTool
    from bokeh.plotting import figure

    plot = figure(
        name=name, title=title, height=340, sizing_mode="stretch_width", tools="xpan,xwheel_zoom,box_zoom,reset", x_axis_label="shots n",
        y_axis_type="log" if name == "risk" else "linear", output_backend="svg", toolbar_location="above", y_axis_label=name,
    )  # fmt: skip
    for strategy in LABELS:
        source = ColumnDataSource({"n": [], "value": []})
        line = plot.line(
            "n",
            "value",
            source=source,
            color=_color(strategy),
            line_dash=_dash(strategy),
            line_width=2,
            name=f"{name} {strategy}",
        )
        tips = [("", LABELS[strategy]), ("n", "@n"), (name, "@value{0.000000}")]
        plot.add_tools(HoverTool(renderers=[line], tooltips=tips, mode="mouse", line_policy="nearest", visible=False))
    if name == "risk":
        decades = range(-4, 5)
        minor = [k * 10.0**e for e in decades for k in (3, 4, 6, 7, 8, 9)]
        plot.yaxis.ticker = FixedTicker(ticks=[k * 10.0**e for e in decades for k in (1, 2, 5)], minor_ticks=minor)
    plot.toolbar.logo = None
    return plot


def write(path: Path) -> str:
    """Write the page; a line that says where it is."""
    text = page()
    path.write_text(text, encoding="utf-8")
    return f"{path}: {len(text.encode()) / 1e6:.1f} MB; open {describe(str(path))} in a browser"
