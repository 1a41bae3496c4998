"""The claims of Y. M. Lu, M. I. Letey, J. A. Zavatone-Veth, A. Maiti, C. Pehlevan 2025 (arXiv 2405.11751), and of their code.

Inputs of covariance I/d, tasks on the sphere of radius sqrt(d), l = alpha d shots, label noise rho. In units in which inputs
are N(0, I) and tasks unit vectors their readout Gamma is Q_xx = Gamma[:, :d] and Q_xy = Gamma[:, d]/sqrt(d).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..calculator import risk
from ..factoring import factored
from ..parameters import AttentionParameters, IsotropicScalars
from ..proofs import c7_any_readout
from .formulas import Pairs, exact, formula, result, setting_of, shown
from .reading import difference
from .verdicts import Claim, Verdict

PAPER = "lu2025"
LIMIT = "e = rho + (1 + rho)/(alpha + 1 + rho)"
SCRIPT = """\
alpha = n/d
e = 1 + rho - 2/d*trace(G) + (((1 + rho)/alpha + 1)*trace(G @ G.T) + (1 + rho**2)*(g @ g))/d
"""


def any_readout(lines: str) -> Pairs:
    """At d = 4, where sqrt(d) is rational, and d = 1."""
    for d, root, n in ((4, 2, 3), (1, 1, 5)):
        G, g, rho = (
            exact(*range(d * d)).reshape(d, d) / 7 - Fraction(1, 3),
            exact(*range(1, d + 1)) / 5,
            Fraction(1, 10),
        )
        v, Q = exact(*[0] * (d + 1), 1), np.zeros((d + 2, d + 2), dtype=int) + Fraction(0)
        Q[1:-1, 1:-1], Q[1:-1, -1] = G, g / root
        names = {"n": Fraction(n), "d": Fraction(d), "rho": rho, "G": G, "g": g, "trace": np.trace}
        ours = risk(AttentionParameters(v, Q), n, task="unseen", noise_variance=rho, **setting_of(PAPER))
        yield result(lines, names), ours


def _limit(printed: str) -> Verdict:
    """The least error at alpha d shots and infinitely many tasks, as d grows."""
    import sympy

    n, d, rho, alpha = sympy.symbols("n d rho alpha", positive=True)
    setting = {"noise_variance": rho, "pretrain_shots": n, "value_scale": Fraction(1)}
    ours = risk("pretrained", n, d, task="unseen", **setting, **setting_of(PAPER)).subs(n, alpha * d)
    top, bottom = (sympy.Poly(part, d) for part in sympy.fraction(sympy.cancel(ours)))
    limit = sympy.cancel(top.coeff_monomial(d ** bottom.degree()) / bottom.LC())
    published = result(printed, {"rho": rho, "alpha": alpha})
    same = sympy.cancel(published - limit) == 0
    rest_top, rest_bottom = (sympy.Poly(part, d) for part in sympy.fraction(sympy.cancel(ours - limit)))
    rest = factored(rest_top.LC() / rest_bottom.LC())
    order = rest_bottom.degree() - rest_top.degree()
    words = "the limit of many dimensions" if same else f"the limit is {_text(limit)}"
    if same and rest.is_positive:
        words += f", to which it falls as {_text(rest)}/d{_power(order)}"
    at = {rho: sympy.Rational(1, 10), alpha: 2}
    values = [Fraction(str(x.subs(at))) for x in (published, limit)]
    return Verdict(
        "confirmed" if same else "corrected",
        words,
        "The library's pretrained risk at n = alpha d shots in d, exact in d, and its limit; at rho = 1/10, alpha = 2: "
        f"{shown(values[1])}.",
        difference(*values),
    )


def _script(printed: str) -> Verdict:
    """The code's error beside the exact one as d and the shots grow: an isotropic readout, and its label column."""
    import sympy

    n, d, rho, alpha, beta, delta = sympy.symbols("n d rho alpha beta delta", positive=True)
    one = sympy.Integer(1)
    model = AttentionParameters.from_isotropic(IsotropicScalars(0 * one, one, 0 * one, beta, 0 * one, delta), d)
    exact_error = sympy.expand(risk(model, n, d, task="unseen", noise_variance=rho, **setting_of(PAPER)))
    names = {
        "n": n,
        "d": d,
        "rho": rho,
        "G": _Multiple(beta, d),
        "g": _Marked(delta * sympy.sqrt(d)),
        "trace": lambda G: G.value * d,
    }
    published = sympy.expand(result(printed, names))

    def at_large_d(value: Any) -> Any:
        return sympy.limit(value.subs(n, alpha * d), d, sympy.oo)

    label = [at_large_d(error.coeff(delta, 2)) for error in (published, exact_error)]
    ridge = sympy.cancel(published.coeff(delta, 0) - exact_error.coeff(delta, 0))
    differs = [sympy.cancel(label[0] - label[1]) != 0, at_large_d(ridge) != 0]
    at = {rho: sympy.Rational(1, 10)}
    values = [Fraction(str(x.subs(at))) for x in label]
    words = []
    if differs[0]:
        words.append(f"the weight of |g|^2 is {_text(factored(label[1]))} where the script has {_text(label[0])}")
    if differs[1]:
        words.append(f"without g it is off by {_text(factored(ridge))}")
    return Verdict(
        "corrected" if words else "confirmed",
        "; ".join(words) or "the same as d grows",
        "The exact error of C7 as d grows, n = alpha d"
        + ("" if differs[1] else f"; the other terms differ by {_text(factored(ridge))} alone, which vanishes")
        + f". At rho = 1/10 the weights are {shown(values[1])} and {shown(values[0])}.",
        difference(*values),
    )


class _Multiple:
    """beta I in d dimensions, as far as the lines ask."""

    def __init__(self, value: Any, d: Any) -> None:
        self.value, self.d = value, d

    @property
    def T(self) -> _Multiple:
        return self

    def __matmul__(self, other: _Multiple) -> _Multiple:
        return _Multiple(self.value * other.value, self.d)


class _Marked:
    """A vector of this length."""

    def __init__(self, length: Any) -> None:
        self.length = length

    def __matmul__(self, other: _Marked) -> Any:
        return self.length * other.length


def _power(order: int) -> str:
    return "" if order == 1 else f"^{order}"


def _text(value: Any) -> str:
    return str(value).replace("**", "^")


CLAIMS: tuple[Claim, ...] = (
    formula(
        PAPER, "error of any readout", "the generalisation error of any readout (G, g), at finite dimension",
        "its test error; code, gen_err_analytical_NEW", "tasks on the sphere, n shots, infinitely many tasks tested",
        c7_any_readout.LINES, any_readout, "d = 4, n = 3 and d = 1, n = 5, rho = 1/10", c7_any_readout.theorem, "G, g, n, d and rho",
    ),
    Claim(
        "least error in the limit", "the error of the best readout as d grows, alpha d shots, infinitely many examples and tasks",
        "the limit tau, kappa infinite of its result 1", "tasks on the sphere", LIMIT, _limit, PAPER,
    ),
    Claim(
        "error in the script", "the error of any readout (G, g) as d grows", "code, e_ICL_g_tr of Fig1_Linear_Double_Descent",
        "tasks on the sphere, n = alpha d shots", SCRIPT.strip(), _script, PAPER,
    ),
)  # fmt: skip
