"""The ledger: published numbers and claims as data, with verdicts that are computed, not typed.

Sources: C. Lee, J. Sohn, K. Lee 2026, arXiv 2602.23197 (the paper), its official code (theory.py) and its notebooks.
The official setting is d = 5, m = 20 shots, sigma^2 = 0.1, Sigma = I, |theta_0| = 1, attention divided by n + 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from .calculator import fixed_point, risk
from .shot_ranges import common, describe_shots
from .tables import format_table, html_table
from .thresholds import Condition, conditions

Ruling = Literal["confirmed", "corrected", "conditional"]

NOISE = Fraction(1, 10)
OFFICIAL: dict[str, Any] = {"d": 5, "noise_variance": NOISE, "pretrain_shots": 20}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a claim.

    Attributes
    ----------
    ruling : {"confirmed", "corrected", "conditional"}
        True as printed; false, with the right value; or true exactly under a condition.
    derived : str
        The derived value, or the condition.
    reason : str
        Why, in one sentence.
    """

    ruling: Ruling
    derived: str
    reason: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A published statement, in our words, and the computation that judges it.

    Attributes
    ----------
    name, statement, where, setting : str
        A short name, the claim, where it stands, and the setting it was printed for.
    printed : str
        The published value or formula; numbers and formulas are read from it.
    judge : callable
        Computes the verdict on what is printed from the closed forms, words and all.
    """

    name: str
    statement: str
    where: str
    setting: str
    printed: str
    judge: Callable[[str], Verdict]


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """A claim with its verdict."""

    claim: Claim
    verdict: Verdict

    def __repr__(self) -> str:
        return f"{self.claim.name}: {self.verdict.ruling} ({self.verdict.derived})"

    def _repr_html_(self) -> str:
        claim, verdict = self.claim, self.verdict
        rows = [
            ("claim", claim.statement),
            ("where", f"{claim.where}; {claim.setting}"),
            ("published", claim.printed),
            (verdict.ruling, verdict.derived),
            ("reason", verdict.reason),
        ]
        return html_table((claim.name, ""), rows)


class Ledger(tuple[JudgedClaim, ...]):
    """The judged claims; prints as an aligned table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return format_table(_HEADER, self._rows())

    def _repr_html_(self) -> str:
        return html_table(_HEADER, self._rows())

    def _rows(self) -> list[tuple[str, ...]]:
        return [(j.claim.name, j.claim.where, j.claim.printed, j.verdict.ruling, j.verdict.derived) for j in self]


_HEADER = ("claim", "where", "published", "verdict", "derived")


def _ruling(holds: bool) -> Ruling:
    return "confirmed" if holds else "corrected"


def _agrees(printed: str, value: Any) -> bool:
    """Whether a value rounds to the printed decimals."""
    digits = len(printed.partition(".")[2])
    return round(float(value), digits) == float(printed)


# --- words and values: a formula is printed in words that are read back, and only if they say what was derived ---------


def _symbols() -> dict[str, Any]:
    """The positive symbols that formulas in words are about; the noise is sigma^2."""
    import sympy

    return {name: sympy.Symbol(name, positive=True) for name in ("d", "n", "m", "sigma")}


def _setting(**changes: Any) -> dict[str, Any]:
    """Symbols for the numbers of a setting; the exact value scale 1 keeps roots out."""
    of = _symbols()
    setting = {"d": of["d"], "noise_variance": of["sigma"] ** 2, "pretrain_shots": of["m"], "value_scale": Fraction(1)}
    return setting | changes


def _read(words: str) -> Any:
    """The value of a formula in words, such as (m+1)/(m+1+d+d sigma^2), or 0.1 + 2/9, exactly."""
    from sympy.parsing.sympy_parser import (
        convert_xor,
        implicit_multiplication,
        parse_expr,
        rationalize,
        standard_transformations,
    )

    rules = (*standard_transformations, convert_xor, implicit_multiplication, rationalize)
    return parse_expr(words, local_dict=_symbols(), transformations=rules)


def _same(one: Any, other: Any) -> bool:
    """Whether two rational functions are the same: their difference has a zero normal form."""
    import sympy

    return bool(sympy.cancel(one - other) == 0)


def _in_words(value: Any, words: str) -> str:
    """The words, if they say what the value is; else the value."""
    import sympy

    return words if _same(_read(words), value) else str(sympy.factor(value)).replace("**", "^")


def _limit_of_many_shots(value: Any) -> Any:
    """The limit of a rational function as n grows."""
    import sympy

    n = _symbols()["n"]
    top, bottom = (sympy.Poly(part, n) for part in sympy.fraction(sympy.together(value)))
    if top.degree() > bottom.degree():
        return sympy.oo
    return sympy.cancel(top.LC() / bottom.LC()) if top.degree() == bottom.degree() else sympy.Integer(0)


def _label_weight(strategy: str, **setting: Any) -> Any:
    """w, scaled to B = I."""
    scalars = fixed_point(strategy, **{"value_scale": Fraction(1), **setting}).isotropic
    assert scalars is not None
    return scalars.w * scalars.beta


def _value(number: Any) -> str:
    """An exact number, and its decimals."""
    return f"{number} = {float(number):.4f}"


# --- the verdicts -----------------------------------------------------------------------------------------------------


def _pretrained_optimum(printed: str) -> Verdict:
    of = _symbols()
    formula, _, number = printed.partition(" = ")
    derived = _label_weight("pretrained", **_setting())
    other = _label_weight("pretrained", **_setting(noise_variance=Fraction(0)), normalization="shots")
    words = _in_words(derived, "(m+1)/(m+1+d+d sigma^2)")
    here = float(_read(formula).subs({of["sigma"] ** 2: NOISE, of["m"]: 20, of["d"]: 5}))
    slip = "" if not number or _agrees(number, here) else f", not {number}"
    condition = (
        "; the printed form is right when the sum is divided by m and labels carry no noise"
        if _same(_read(formula), other)
        else ""
    )
    return Verdict(
        _ruling(_same(_read(formula), derived) and not slip),
        f"a = {words} = {_value(_label_weight('pretrained', **OFFICIAL))}",
        f"Printed {formula} = {here:.4f}{slip}; the code's model divides by m + 1 and has noise{condition}.",
    )


def _zero_shot_constant(printed: str) -> Verdict:
    def ratio(scale: Any) -> float:
        point = fixed_point("zero_shot", **{**OFFICIAL, "noise_variance": float(NOISE)}, value_scale=scale).isotropic
        assert point is not None
        return float(point.alpha / point.w)

    balanced, from_one = ratio("balanced"), ratio(1.0)
    # c/w as a function of w_0 inverts in closed form: w_0^4 = (w/c)^4 - (w/c)^2 a^2 d. Held against the point it gives.
    a, squared = _label_weight("pretrained", **OFFICIAL), 1 / Fraction(printed) ** 2
    power = float(squared * (squared - a * a * 5))
    scale = power**0.25 if power > 0 else None
    reached = scale is not None and math.isclose(ratio(scale), float(printed), rel_tol=1e-9)  # thousands of roundings
    everywhere = _agrees(printed, balanced) and _agrees(printed, from_one)
    return Verdict(
        "confirmed" if everywhere else "conditional" if reached else "corrected",
        f"c/w = {balanced:.4f} from the balanced start, {from_one:.4f} from w_0 = 1, and "
        + (f"{printed} exactly from w_0 = {scale:.4f}" if reached else f"{printed} from no w_0"),
        "Conservation of |v|^2 - |Q|^2 selects c by the pretrained value scale w_0 (R2.selection), which the claim leaves "
        "open. Only the ratio c/w has a meaning: (v, Q) and (k v, Q/k) are the same model.",
    )


def _zero_shot_value_w(printed: str) -> Verdict:
    derived = _label_weight("zero_shot_value", **OFFICIAL)
    general = _label_weight("zero_shot_value", **_setting())
    unmoved = _same(general, _label_weight("pretrained", **_setting()))
    words = _in_words(general, "(m+1)/(m+1+d+d sigma^2)")
    return Verdict(
        _ruling(_agrees(printed, derived)),
        f"w = {'a = ' if unmoved else ''}{_value(derived)}",
        f"Value-only fine-tuning {'leaves w B as pretraining left it' if unmoved else 'moves w B'}: {words} I.",
    )


def _mixed_value_w(printed: str) -> Verdict:
    derived, following = (_label_weight("mixed_value", **OFFICIAL, few_shot_shots=m) for m in (20, 21))
    slip = (
        f"The notebook reads w* one index too far: {printed} is w*(21) = {float(following):.4f}."
        if _agrees(printed, following) and not _agrees(printed, derived)
        else f"And w*(21) = {float(following):.4f}."
    )
    return Verdict(_ruling(_agrees(printed, derived)), f"w*(20) = {_value(derived)}", slip)


def _w_star_formula(printed: str) -> Verdict:
    of = _symbols()
    derived = _label_weight("mixed_value", **_setting(), few_shot_shots=of["n"])
    other = _label_weight("mixed_value", **_setting(), few_shot_shots=of["n"], normalization="shots")
    same = _same(_read(printed), derived)
    by_n = _same(_read(printed.replace("(n+1) -", "n -")), other)
    return Verdict(
        _ruling(same),
        "the same, identically in n, d and sigma^2" if same else _in_words(derived, printed),
        f"Derived minus printed is {'' if same else 'not '}zero in the field of fractions."
        + (" With division by n instead of n + 1 the numerator's n + 1 becomes n." if by_n else ""),
    )


def _w_star_limit(printed: str) -> Verdict:
    """The limit is a line of R5, which holds for any covariance; where it is the printed one is solved for."""
    import sympy

    from .proofs import r5_mixed_value
    from .proofs.printed_lines import run_lines
    from .proofs.theorem import run

    d, x = _symbols()["d"], sympy.Symbol("x", real=True)
    if not run(r5_mixed_value.THEOREM).proved:
        return Verdict("conditional", "open", "R5 is not proved.")
    names = {"theta": 1, "theta_0": 1, "d": d, "beta": 1, "norm2": lambda task: 1, "inner": lambda task, target: x}
    limit = run_lines(r5_mixed_value.LIMIT, names)[0]["limit"]  # at tasks of norm 1: only the ratio x counts
    difference = sympy.fraction(sympy.together(limit - _read(printed)))[0]
    ratios = [] if difference == 0 else sympy.solve(difference, x)
    opposite = str(sympy.factor(limit.subs(x, -1))).replace("**", "^")
    where = " or ".join(f"theta' Sigma theta_0 = {'' if r == 1 else f'({r}) '}theta' Sigma theta" for r in ratios)
    return Verdict(
        "confirmed" if difference == 0 else "conditional" if 1 in ratios else "corrected",
        "for every theta" if difference == 0 else f"true exactly when {where}" if ratios else "never true",
        f"With x = (theta' Sigma theta_0)/(theta' Sigma theta) it is {limit}: on the opposite of the target {opposite} (R5).",
    )


def _full_limit(printed: str) -> Verdict:
    symbols = _symbols()
    limit = _limit_of_many_shots(risk("zero_shot", symbols["n"], **_setting(d=5, pretrain_shots=20)))
    here = limit.subs(symbols["sigma"] ** 2, NOISE)
    words = _in_words(limit, "1 + sigma^2")
    return Verdict(
        _ruling(_same(here, _read(printed))),
        f"{words} = {float(here):.4g}",
        f"The limit of many shots less the printed value is {_in_words(limit - _read(printed), 'sigma^2')}.",
    )


def _value_error(printed: str) -> Verdict:
    derived = risk("zero_shot_value", 0, **OFFICIAL)
    general = risk("zero_shot_value", 0, **_setting())
    free = not {_symbols()["m"], _symbols()["n"]} & _cancelled(general).free_symbols
    return Verdict(
        _ruling(_same(derived, _read(printed))),
        f"{_in_words(general, 'sigma^2 + 2/(d+4)')} = {_value(derived)}",
        f"Exact, at |theta_0| = 1; it {'does not depend' if free else 'depends'} on m.",
    )


def _cancelled(value: Any) -> Any:
    import sympy

    return sympy.cancel(value)


def _dashed_lines(printed: str) -> Verdict:
    """From which n on, as a root in n with symbol d, and as ranges at the plotted dimensions."""
    noiseless: dict[str, Any] = {"task": "target", "noise_variance": Fraction(0)}
    general, *_ = conditions("pretrained", _symbols()["d"], **noiseless)
    (root,) = general.roots
    words = _in_words(root, "d - 1")
    first = _in_words(root + 1, "d")
    start = _read(printed.removeprefix("n >= "))
    plotted: list[bool] = []
    strict: list[bool] = []
    ties: list[bool] = []
    for d in (6, 11, 16, 21):
        condition, *_ = conditions("pretrained", d, **noiseless)
        in_plot, *_ = conditions("pretrained", d, **noiseless, pretrain_shots=1000)
        n = int(start.subs(_symbols()["d"], d))
        strict.append(describe_shots(condition.shots) == f"n >= {n}")
        ties.append((describe_shots(condition.ties), describe_shots(condition.shots)) == (f"n = {n}", f"n >= {n + 1}"))
        plotted.append(in_plot.holds(n))
    return Verdict(
        "confirmed" if all(strict) else "conditional" if all(ties) else "corrected",
        f"a tie at n = {words}, strictly better from n = {first} on",
        f"With m infinite the condition is n > {words}"
        + (f"; the plotted m = 1000 is strictly better at n = {start} already." if all(plotted) else "."),
    )


def _harm_of_all(printed: str) -> Verdict:
    from .proofs import r2_zero_shot
    from .proofs.theorem import run

    few_shot, *_ = conditions("zero_shot", **OFFICIAL, task="target")
    worse = not few_shot.shots and not few_shot.ties
    proved = worse and run(r2_zero_shot.RISK).proved
    hypotheses = ", ".join(given.line for given in r2_zero_shot.RISK.given)
    return Verdict(
        _ruling(worse),
        (
            "on the target every n >= 1 is worse than n = 0"
            if worse
            else f"n >= 1 is no worse than n = 0: {_no_worse(few_shot)}"
        )
        + (f", and so for every Sigma where {hypotheses}" if proved else " at the official setting"),
        "Theorem R2.risk: the excess is a sum of squares over (n+1)^2; in-context learning is not harmed but gone."
        if proved
        else "Theorem R2.risk, which would say it for every setting, is not proved.",
    )


def _no_worse(condition: Condition) -> str:
    """Where the first of two risks is below the other, or equal."""
    ranges = [*condition.shots, *condition.ties]
    return describe_shots(tuple(sorted(ranges)))


def _keep_of_value(printed: str) -> Verdict:
    """The price on the unseen average, and what is left of it after many shots."""
    n, setting = _symbols()["n"], _setting(task="unseen")
    price = risk("zero_shot_value", n, **setting) - risk("pretrained", n, **setting)
    lasting = _limit_of_many_shots(price)
    words = _in_words(price, "(n(n+1+d) + 2n(d+2) + (d+2)(d+4)) / ((d+4)^2 (n+1)^2)")
    positive = _top_is_positive(price)
    kept = "kept, at a price on unseen tasks" if positive else "kept, at a change of the risk on unseen tasks"
    ends = "that no n removes" if _top_is_positive(lasting) else "that falls to nothing"
    return Verdict(
        "conditional" if positive else _ruling(lasting == 0),
        f"{kept} {ends}: {_in_words(lasting, '1/(d+4)^2')} at n = infinity",
        f"The price is exactly {words} at |theta_0| = 1 (theorem R9.price has it for any target and covariance).",
    )


def _top_is_positive(value: Any) -> bool:
    """Whether a rational function of positive symbols is positive because all its coefficients are."""
    import sympy

    parts = [sympy.Poly(part, *_symbols().values()) for part in sympy.fraction(sympy.cancel(value))]
    return all(part.coeffs() and all(c > 0 for c in part.coeffs()) for part in parts)


def _trade_of_auxiliary(printed: str) -> Verdict:
    *_, helps, hurts, trades = conditions("mixed_value", **OFFICIAL)
    everywhere = common(trades.shots, ((1, math.inf),)) == ((1, math.inf),)
    words = describe_shots(trades.shots)
    return Verdict(
        "confirmed" if everywhere else "conditional" if trades.shots else "corrected",
        f"true exactly for {words} at the official setting" if trades.shots else "never true at the official setting",
        f"It helps the target for {describe_shots(helps.shots)}, and hurts unseen tasks for {describe_shots(hurts.shots)} (R8).",
    )


CLAIMS: tuple[Claim, ...] = (
    Claim("pretrained a", "the pretrained optimum is wB = a I with a = m/(m+1+d)", "official code, theory.py",
          "d = 5, m = 20, sigma^2 = 0.1", "m/(m+1+d) = 0.7692", _pretrained_optimum),
    Claim("zero-shot c", "full zero-shot fine-tuning ends at v_x = c theta_0 with c/w = 0.52",
          "official notebook",
          "d = 5, m = 20, sigma^2 = 0.1", "0.52", _zero_shot_constant),
    Claim("zero-shot value w", "value-only fine-tuning has w = m/(m+1+d) = 0.77 (scaled to B = I)", "official notebook",
          "d = 5, m = 20, sigma^2 = 0.1", "0.77", _zero_shot_value_w),
    Claim("mixed value w*", "value-only fine-tuning with the auxiliary loss ends at w* = 0.66 (scaled to B = I)", "official notebook",
          "d = 5, m = 20, sigma^2 = 0.1", "0.66", _mixed_value_w),
    Claim("w*(n)", "w*(n) = ((n+1) - (n+3+2d)/(d+4)) / (n+1+d+d sigma^2)", "official notebook",
          "any n, d, sigma^2", "((n+1) - (n+3+2d)/(d+4)) / (n+1+d+d sigma^2)", _w_star_formula),
    Claim("w*(n, theta) limit", "w*(n, theta) tends to (d+3)/(d+4) for every theta as n grows", "paper",
          "any d, theta", "(d+3)/(d+4)", _w_star_limit),
    Claim("full fine-tuning limit", "full fine-tuning's few-shot error tends to 1", "official notebook",
          "s = 1, sigma^2 = 0.1", "1", _full_limit),
    Claim("value zero-shot error", "the zero-shot error after value-only fine-tuning is 0.1 + 2/9", "official notebook",
          "d = 5, sigma^2 = 0.1", "0.1 + 2/9", _value_error),
    Claim("dashed lines", "the pretrained model beats its zero-shot error from n = d - 1 on", "official notebook",
          "m infinite, no noise", "n >= d - 1", _dashed_lines),
    Claim("all parameters harm", "updating all parameters on the zero-shot loss harms in-context learning", "abstract",
          "any", "harms", _harm_of_all),
    Claim("value only keeps", "updating the value matrix only keeps in-context learning", "abstract",
          "any", "keeps", _keep_of_value),
    Claim("auxiliary trades", "the auxiliary few-shot loss helps the target and hurts unseen tasks", "abstract",
          "d = 5, m = 20, sigma^2 = 0.1", "helps and hurts", _trade_of_auxiliary),
)  # fmt: skip


def claims() -> Ledger:
    """Judge every published claim in the ledger.

    Returns
    -------
    Ledger
        A tuple of :class:`JudgedClaim`; its repr is an aligned table.

    Examples
    --------
    >>> [str(judged.verdict.ruling) for judged in claims()][:2]
    ['corrected', 'conditional']
    """
    return Ledger(JudgedClaim(claim, claim.judge(claim.printed)) for claim in CLAIMS)
