"""The seven strategies' section: what each trains, its risk as mathematics and as Python, where it beats what."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from html import escape
from typing import Any

from theory import STRATEGIES, Strategy, conditions
from theory.printed_formulas import PREAMBLE
from theory.proofs.theorem import ProofResult
from theory.shot_ranges import describe_shots
from theory.strategies import PUBLISHED
from theory.thresholds import Condition

from .evidence import Evidence
from .html import code, link_to, table
from .mathematics import displayed, formula, prose

LOSSES = {
    "pretraining": r"L_{PT}(m)",
    "zero_shot": r"L_{ZS}",
    "mixed": r"L_{ZS} + \lambda L_{FS}(m),\ \lambda \to 0^+",
}
TRAINED = {"all": "v, Q", "value": "v", "key_query": "Q"}
_ROOTS = ("zero_shot", "mixed")  # thresholds of these hold roots of roots: shown in decimals


def section(evidence: Evidence) -> str:
    """The strategies, in the library's order."""
    proved = {result.theorem.name for result in evidence.results}

    rows = [
        (
            f'<a href="#strategy-{s.name}"><code>{s.name}</code></a>',
            " ".join(f"<code>{escape(alias)}</code>" for alias in s.aliases),
            formula(TRAINED[s.trained]),
            formula(LOSSES[s.objective]),
            link_to(s.theorem, proved),
        )
        for s in (STRATEGIES[name] for name in PUBLISHED)
    ]
    parts = [
        table(
            "Each strategy starts from <code>pretrained</code> and ends where population gradient flow ends",
            ("strategy", "aliases", "trains", "loss", "fixed point"),
            rows,
        ),
        "<p>"
        + prose(
            "The formulas below are in the convention $N = n + 1$, with the balanced value scale and the same $m$ in "
            "both training losses. The mathematics is made from the Python lines; they are shown because a proof ran these "
            "very lines on symbols and found the risk that `theory.risk` computes."
        )
        + "</p>",
        "<p>The general lines take these two inner products, NumPy arrays <code>Sigma</code>, <code>Psi</code>, "
        "<code>theta0</code>, <code>theta</code>, the identity <code>I = eye(d)</code>, and numbers <code>n, m, d, "
        "sigma2</code>; the unseen average is their average over <code>theta</code>. The isotropic lines "
        "("
        + formula(r"\Sigma = I")
        + ", unit norms) take "
        + formula(r"x = \cos(\theta, \theta_0)")
        + " as <code>cosine</code> and its square as <code>square</code>: "
        "1, 1 on the target, −1, 1 on its opposite, 0, 1/d on average over unseen tasks.</p>",
        code(PREAMBLE),
    ]
    results = {result.theorem.name: result for result in evidence.results}
    parts += [_strategy(STRATEGIES[name], results[f"R11.{name}"]) for name in PUBLISHED]
    return "\n".join(parts)


def _strategy(strategy: Strategy, result: ProofResult) -> str:
    name = strategy.name
    general, isotropic = (
        next((check.lines for check in result.formulas() if check.what.startswith(words)), "")
        for words in ("any covariance", "isotropic")
    )
    verdict = f"Proved ({result.summary()}; {result.seconds:.2f} s)"
    if not result.proved:
        verdict = f'<strong class="failed">Not proved: {escape(str(result.failure))}</strong>'
    return f"""<article id="strategy-{name}">
<h3><code>{name}</code>: {escape(strategy.label)}</h3>
<h4>Any covariance, any task</h4>
{_formulas(general)}
<h4>Isotropic</h4>
{_formulas(isotropic)}
<p class="note" id="{result.theorem.name}">{result.theorem.name}. {prose(result.statement)} {verdict}.</p>
{_conditions(strategy)}
</article>"""


def _formulas(lines: str) -> str:
    if not lines:  # its proof failed
        return ""
    return f"{displayed(lines)}\n{code(lines)}"


def _conditions(strategy: Strategy) -> str:
    name = strategy.name
    noise: Any = 0.1 if name in _ROOTS else Fraction(1, 10)
    found = conditions(strategy, 5, noise_variance=noise, pretrain_shots=20)
    rows = [(prose(c.name), prose(describe_shots(c.shots)), _thresholds(c), _inequality(c)) for c in found]
    return table(
        f"<code>{name}</code> at d = 5, m = 20, σ² = 0.1: for which numbers of shots n",
        ("statement", "true for", "thresholds", "inequality"),
        rows,
    )


def _thresholds(condition: Condition) -> str:
    return ", ".join(
        f"{root} ≈ {float(root):.4g}" if isinstance(root, Fraction) else f"{float(root):.4g}"
        for root in condition.roots
    )


def _inequality(condition: Condition) -> str:
    return "; ".join(map(formula, _inequalities(condition)))


def _inequalities(condition: Condition) -> Iterator[str]:
    for comparison in condition.comparisons:
        p = [comparison.difference()[k] for k in range(3)]
        if all(isinstance(x, int | Fraction) for x in p):
            scale = math.lcm(*(Fraction(x).denominator for x in p))
            whole = [int(x * scale) for x in p]
            p = [x // (math.gcd(*whole) or 1) for x in whole]
        numbers = [f"{x:.4g}" if isinstance(x, float) else str(x) for x in p]
        terms = [
            ({"1": "", "-1": "-"}.get(number, number) if power else number) + power
            for number, power in zip(reversed(numbers), (" n^2", " n", ""), strict=True)
            if number != "0"
        ]
        yield (" + ".join(terms).replace("+ -", "- ") or "0") + " < 0"
