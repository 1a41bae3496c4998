"""The page: sections put together into one HTML file that needs nothing but a browser."""

from __future__ import annotations

import platform
import statistics
from base64 import b64encode
from collections import Counter
from html import escape
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

from theory.conventions import CODE
from theory.proofs.hypotheses import domain
from theory.proofs.theorem import Check, ProofResult

from .. import catalogue
from . import strategies
from .evidence import Evidence, Picture
from .html import code, items, picture, table
from .mathematics import capital, display, displayed, prose
from .story import story, words

_MODEL = (
    (
        r"A task is a vector $\theta \in R^d$. Inputs are $x \sim N(0, \Sigma)$, labels $y = \theta^\top x + "
        r"\varepsilon$ with $\varepsilon \sim N(0, \sigma^2)$. A prompt holds $n$ shots $z_i = (1, x_i, y_i)$ and the "
        r"query $z_q = (1, x_q, 0)$. One layer of linear attention with one head, value row $v$ and key-query matrix "
        r"$Q$, predicts",
        r"\hat y_q = \frac1N \sum_{z} (v^\top z)\,(z_q^\top Q z), \qquad v = (v_0, v_x, w)",
    ),
    (
        r"where the sum is over all n + 1 tokens, the query's own included. $N = n + 1$ in the convention `tokens`, "
        r"$N = \max(n, 1)$ in `shots`. The risk is measured against a noisy label, so that its floor is $\sigma^2$:",
        r"\operatorname{risk}(v, Q; n, \theta) = E\,(y_q - \hat y_q)^2",
    ),
    (
        r"Pretraining minimises $L_{PT}(m)$, the risk at m shots averaged over tasks with $E\,\theta\theta^\top = "
        r"\Psi$. Fine-tuning on one task $\theta_0$ has the losses $L_{ZS}$ (risk at no shots) and $L_{FS}(m)$ (risk "
        r"at m shots). At odd-symmetric parameters, to which every flow here keeps, only $v_x$, $w$, $q = Q_{00}$, "
        r"$B = Q_{xx}$ and $q_{xy}$ are not zero; for $\Sigma = I$ they are six scalars:",
        r"v_x = \alpha\,\theta_0, \quad B = \beta I + \gamma\,\theta_0\theta_0^\top, \quad q_{xy} = \delta\,\theta_0",
    ),
)
_HOW = {
    "ring identity": "identically zero in a polynomial ring",
    "brute force": "exact rational brute force",
    "inequality": "inequality, shown exactly",
    "numerical": "seen in floats only; proves nothing",
}
_PACKAGES = ("icl-finetuning-theory", "numpy", "scipy", "sympy", "matplotlib", "python-flint")


def page(evidence: Evidence) -> str:
    """The whole report as HTML."""
    names = {result.theorem.name for result in evidence.results}
    sections = {
        "model": ("The model", _model()),
        "story": ("In ten minutes", story(names)),
        "words": ("Words and letters", words()),
        "figures": ("Figures", "\n".join(map(_figure, evidence.pictures))),
        "claims": ("Published claims, judged", _claims(evidence)),
        "strategies": ("The strategies and their risks", strategies.section(evidence)),
        "theorems": ("The theorems", _theorems(evidence)),
        "evidence": ("Certificates and statistics", _certificates(evidence) + _simulation(evidence)),
        "again": ("Make this page again", _again()),
    }
    links = "\n".join(f'<li><a href="#{name}">{title}</a></li>' for name, (title, _) in sections.items())
    theorems = "\n".join(
        f'<li><a href="#{r.theorem.name}">{r.theorem.name}</a> {prose(capital(r.theorem.title))}</li>'
        for r in evidence.results
    )
    body = "\n".join(
        f'<section id="{name}" aria-labelledby="{name}-title">\n<h2 id="{name}-title">{title}</h2>\n{text}\n</section>'
        for name, (title, text) in sections.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>In-context learning under fine-tuning: derivations</title>
<style>
{_style()}
</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<h1>In-context learning under fine-tuning of linear attention: derivations</h1>
{_summary(evidence)}
</header>
<nav aria-label="Contents">
<ol>
{links}
</ol>
<details open><summary>The {len(evidence.results)} theorems</summary>
<ul class="theorems" aria-label="Theorems">
{theorems}
</ul>
</details>
</nav>
<main id="main">
{body}
</main>
<script>
{files(__package__).joinpath("copy.js").read_text(encoding="utf-8").strip()}
</script>
</body>
</html>
"""


def _theorems(evidence: Evidence) -> str:
    """All but those about a strategy's formula, which stand with the strategy."""
    results = [result for result in evidence.results if not result.theorem.name.startswith("R11.")]
    told = (
        "A formula on a line of its own was run: the proof evaluated the Python line that it is made from on symbols, and "
        "found derived minus printed identically zero (or a condition to be the sign of what was derived). "
        "`python -m theory prove NAME -v` prints these lines. Mathematics inside a sentence is notation, and the reasoning "
        f"between the checks. Of its numbers every proof knows {domain()}, and beyond that its theorem's assumptions."
    )
    return f"<p>{prose(told)}</p>\n" + "\n".join(map(_theorem, results))


def _style() -> str:
    here = files(__package__)
    font = b64encode(here.joinpath("math_font.woff2").read_bytes()).decode()
    face = f'@font-face {{ font-family: "Report Math"; src: url("data:font/woff2;base64,{font}") format("woff2"); }}\n'
    return face + here.joinpath("style.css").read_text(encoding="utf-8").strip()


def _summary(evidence: Evidence) -> str:
    checks = Counter(check.how for result in evidence.results for check in result.checks)
    points = sum(check.points for result in evidence.results for check in result.checks)
    rulings = Counter(judged.verdict.ruling for judged in evidence.ledger)
    proved = sum(result.proved for result in evidence.results)
    seconds = sum(result.seconds for result in evidence.results)
    verdicts = ", ".join(f"{count} {ruling}" for ruling, count in rulings.items())
    versions = ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name)))
    lines = [
        f"{proved} of {len(evidence.results)} theorems proved in {seconds:.1f} s: {checks['ring identity']} identities "
        f"in polynomial rings, {checks['inequality']} inequalities, {points} exact brute-force points.",
        f"{len(evidence.ledger)} published claims judged: {verdicts}.",
        f"Computed {evidence.made:%Y-%m-%d %H:%M} UTC with Python {platform.python_version()}, {escape(versions)}.",
    ]
    failed = [f'<strong class="failed">{escape(line)}</strong>' for line in evidence.failures]
    return items(lines + failed)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _model() -> str:
    return "\n".join(f"<p>{prose(text)}</p>\n{display(latex)}" for text, latex in _MODEL)


def _theorem(result: ProofResult) -> str:
    theorem = result.theorem
    verdict = (
        "Proved" if result.proved else f'<strong class="failed">Not proved: {escape(str(result.failure))}</strong>'
    )
    assumed = theorem.all_assumptions()
    assumptions = f"<h4>Assumptions</h4>\n{items([*map(prose, assumed)])}" if assumed else ""
    checks = items(
        [
            f"{prose(check.what)} <span class='how'>{_HOW[check.how]}"
            + (f", {check.points} points" if check.points else "")
            + "</span>"
            for check in result.checks
        ]
    )
    return f"""<article id="{theorem.name}">
<h3>{theorem.name}. {prose(capital(theorem.title))}</h3>
<p class="statement">{prose(result.statement)}</p>
{_formulas(result.formulas())}
{assumptions}
<h4>Derivation</h4>
{items([prose(step) + _formulas(result.formulas(k)) for k, step in enumerate(result.steps, 1)], "ol")}
<p class="note">Source: {prose(theorem.source.rstrip("."))}. {verdict}: {result.summary()};
{result.seconds:.2f} s.</p>
<details><summary>The {len(result.checks)} checks of {theorem.name}</summary>
{checks}
</details>
</article>"""


def _formulas(checks: list[Check]) -> str:
    """What a proof ran, printed from the lines that it ran."""
    return "".join(
        f'\n<div class="formulas"><p>{prose(capital(check.what))}</p>\n{displayed(check.lines)}</div>'
        for check in checks
    )


def _claims(evidence: Evidence) -> str:
    rows = [
        (
            prose(capital(judged.claim.statement)),
            f"{escape(judged.claim.convention().paper)}, {escape(judged.claim.where)}; {prose(judged.claim.setting)}"
            + ("" if judged.claim.source == CODE else f" ({judged.claim.source})"),
            displayed(judged.claim.printed) if judged.claim.is_program() else prose(judged.claim.printed),
            f'<strong class="{judged.verdict.ruling}">{judged.verdict.ruling}</strong>',
            f"{prose(judged.verdict.derived)}. {prose(judged.verdict.reason)}",
        )
        for judged in evidence.ledger
    ]
    return table(
        "Verdicts are computed from the closed forms", ("claim", "where", "published", "verdict", "derived"), rows
    )


def _figure(drawn: Picture) -> str:
    module = catalogue.load(drawn.name)
    if drawn.failure is not None:
        shown = f'<p><strong class="failed">Not drawn: {escape(drawn.failure)}</strong></p>'
    else:
        shown = picture(drawn.svg, f"{module.TITLE}. {catalogue.caption(drawn.name)}")
    return f"""<figure id="figure-{drawn.name}">
<h3>{escape(module.TITLE)}</h3>
{shown}
<figcaption><p>{escape(catalogue.caption(drawn.name))}</p>
<p><strong>Theorem.</strong> {escape(module.THEOREM)}</p>
<p><strong>Notice.</strong> {escape(module.NOTICE)}</p></figcaption>
</figure>"""


def _certificates(evidence: Evidence) -> str:
    rows = [
        (f"<code>{row.strategy}</code>", prose(row.loss), *(f"{x:.1e}" for x in row[2:5]), str(row.flat),
         f"{row.distance:.1e}")
        for row in evidence.certificates
    ]  # fmt: skip
    return table(
        "Each fixed point at d = 5, m = 20, σ² = 0.1: norm of the gradient on the trained block, extreme eigenvalues "
        "of the Hessian there, flat directions, and the largest distance in any entry from the end of gradient flow",
        ("strategy", "loss", "gradient", "smallest", "largest", "flat", "distance"),
        rows,
    )


def _simulation(evidence: Evidence) -> str:
    """A summary of the figure `trust`, where it is on the page."""
    found = [drawn for drawn in evidence.pictures if drawn.name == "trust" and drawn.rows]
    rows = []
    for method in dict.fromkeys(row["method"] for drawn in found for row in drawn.rows):
        cells = [row for row in found[0].rows if row["method"] == method]
        z = [float(row["z"]) for row in cells if row["z"] not in ("", "nan")]
        detectable = [float(row["detectable"]) for row in cells if row["detectable"] not in ("", "nan")]
        rows.append(
            (
                {"law": "exact law of a prompt", "tokens": "token by token"}[method], str(len(cells)),
                f"{statistics.fmean(x * x for x in z) ** 0.5:.2f}", f"{max(map(abs, z)):.2f}",
                f"{100 * statistics.median(detectable):.2g}%", f"{100 * max(detectable):.2g}%",
            )
        )  # fmt: skip
    if not rows:
        return ""
    return table(
        "Simulation of the model against the closed form, in cells of strategy, dimension, task and shots: z-scores "
        "(root mean square 1 is right, but for heavy tails), and the relative error that would be caught with "
        "probability 99% at a family-wise error rate of 10⁻⁶",
        ("simulator", "cells", "rms z", "largest |z|", "detectable, median", "detectable, worst"),
        rows,
    )


def _again() -> str:
    commands = (
        "python -m theory report --output report.html\npython -m theory prove --verbose\npython -m theory claims\n"
    )
    return code(commands + "python -m figures")
