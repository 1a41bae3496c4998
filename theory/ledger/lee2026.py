"""The claims of C. Lee, J. Sohn, K. Lee 2026, arXiv 2602.23197 (the paper), its official code (theory.py) and its notebooks.

The official setting is d = 5, m = 20 shots, sigma^2 = 0.1, Sigma = I, |theta_0| = 1, attention divided by n + 1.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from ..calculator import fixed_point, risk
from ..conventions import NOTES
from ..factoring import factored
from ..names import StrategyName
from ..shot_ranges import common, describe_shots
from ..thresholds import Condition, conditions
from .reading import (
    agrees,
    cancelled,
    difference,
    equal,
    in_words,
    is_positive,
    limit_of_many_shots,
    read,
    ruled,
    symbolic,
    symbols,
    with_decimals,
)
from .verdicts import Claim, Verdict

NOISE = Fraction(1, 10)
OFFICIAL: dict[str, Any] = {"d": 5, "noise_variance": NOISE, "pretrain_shots": 20}


def label_weight(strategy: StrategyName, **setting: Any) -> Any:
    """w, scaled to B = I."""
    scalars = fixed_point(strategy, **{"value_scale": Fraction(1), **setting}).isotropic
    assert scalars is not None
    return scalars.w * scalars.beta


def _pretrained_optimum(printed: str) -> Verdict:
    formula, _, number = printed.partition(" = ")
    derived = label_weight("pretrained", **symbolic())
    other = label_weight("pretrained", **symbolic(noise_variance=Fraction(0)), normalization="shots")
    words = in_words(derived, "(m+1)/(m+1+d+d sigma^2)")
    here = float(_at_official(formula))
    slip = "" if not number or agrees(number, here) else f", not {number}"
    condition = (
        "; the printed form is right when the sum is divided by m and labels carry no noise"
        if equal(read(formula), other)
        else ""
    )
    return Verdict(
        ruled(equal(read(formula), derived) and not slip),
        f"a = {words} = {with_decimals(label_weight('pretrained', **OFFICIAL))}",
        f"Printed {formula} = {here:.4f}{slip}; the code's model divides by m + 1 and has noise{condition}.",
        difference(_at_official(formula), label_weight("pretrained", **OFFICIAL)),
    )


def _at_official(formula: str) -> Fraction:
    """The exact value of a formula in words at the official setting."""
    of = symbols()
    return Fraction(str(read(formula).subs({of["sigma"] ** 2: NOISE, of["m"]: 20, of["d"]: 5})))


def _zero_shot_constant(printed: str) -> Verdict:
    def ratio(scale: Any) -> float:
        point = fixed_point("zero_shot", **{**OFFICIAL, "noise_variance": float(NOISE)}, value_scale=scale).isotropic
        assert point is not None
        return float(point.alpha / point.w)

    balanced, from_one = ratio("balanced"), ratio(1.0)
    # c/w as a function of w_0 inverts in closed form: w_0^4 = (w/c)^4 - (w/c)^2 a^2 d. Held against the point it gives.
    a, squared = label_weight("pretrained", **OFFICIAL), 1 / Fraction(printed) ** 2
    power = float(squared * (squared - a * a * 5))
    scale = power**0.25 if power > 0 else None
    reached = scale is not None and math.isclose(ratio(scale), float(printed), rel_tol=1e-9)  # thousands of roundings
    everywhere = agrees(printed, balanced) and agrees(printed, from_one)
    return Verdict(
        "confirmed" if everywhere else "conditional" if reached else "corrected",
        f"c/w = {balanced:.4f} from the balanced start, {from_one:.4f} from w_0 = 1, and "
        + (f"{printed} exactly from w_0 = {scale:.4f}" if reached else f"{printed} from no w_0"),
        "Conservation of |v|^2 - |Q|^2 selects c by the pretrained value scale w_0 (R2.selection), which the claim leaves "
        "open. Only the ratio c/w has a meaning: (v, Q) and (k v, Q/k) are the same model.",
    )


def _zero_shot_value_w(printed: str) -> Verdict:
    derived = label_weight("zero_shot_value", **OFFICIAL)
    general = label_weight("zero_shot_value", **symbolic())
    unmoved = equal(general, label_weight("pretrained", **symbolic()))
    words = in_words(general, "(m+1)/(m+1+d+d sigma^2)")
    return Verdict(
        ruled(agrees(printed, derived)),
        f"w = {'a = ' if unmoved else ''}{with_decimals(derived)}",
        f"Value-only fine-tuning {'leaves w B as pretraining left it' if unmoved else 'moves w B'}: {words} I.",
        difference(printed, derived),
    )


def _mixed_value_w(printed: str) -> Verdict:
    derived, following = (label_weight("mixed_value", **OFFICIAL, few_shot_shots=m) for m in (20, 21))
    slip = (
        f"The notebook reads w* one index too far: {printed} is w*(21) = {float(following):.4f}."
        if agrees(printed, following) and not agrees(printed, derived)
        else f"And w*(21) = {float(following):.4f}."
    )
    return Verdict(
        ruled(agrees(printed, derived)), f"w*(20) = {with_decimals(derived)}", slip, difference(printed, derived)
    )


def _w_star_formula(printed: str) -> Verdict:
    of = symbols()
    derived = label_weight("mixed_value", **symbolic(), few_shot_shots=of["n"])
    same = by_n = equal(read(printed), derived)
    if same:
        other = label_weight("mixed_value", **symbolic(), few_shot_shots=of["n"], normalization="shots")
        by_n = equal(read(printed.replace("(n+1) -", "n -")), other)
    return Verdict(
        ruled(same),
        "the same, identically in n, d and sigma^2" if same else in_words(derived, printed),
        f"Derived minus printed is {'' if same else 'not '}zero in the field of fractions."
        + (" With division by n instead of n + 1 the numerator's n + 1 becomes n." if by_n else ""),
        Fraction(0) if same else None,
    )


def _w_star_limit(printed: str) -> Verdict:
    """The limit is a line of R5, which holds for any covariance; where it is the printed one is solved for."""
    import sympy

    from ..proofs import r5_mixed_value
    from ..proofs.printed_lines import run_lines
    from ..proofs.theorem import run

    d, x = symbols()["d"], sympy.Symbol("x", real=True)
    if not run(r5_mixed_value.THEOREM).proved:
        return Verdict("conditional", "open", "R5 is not proved.")
    names = {"theta": 1, "theta_0": 1, "d": d, "beta": 1, "norm2": lambda task: 1, "inner": lambda task, target: x}
    limit = run_lines(r5_mixed_value.LIMIT, names)[0]["limit"]  # at tasks of norm 1: only the ratio x counts
    residual = sympy.fraction(sympy.together(limit - read(printed)))[0]
    ratios = [] if residual == 0 else sympy.solve(residual, x)
    opposite = str(factored(limit.subs(x, -1))).replace("**", "^")
    where = " or ".join(f"theta' Sigma theta_0 = {'' if r == 1 else f'({r}) '}theta' Sigma theta" for r in ratios)
    return Verdict(
        "confirmed" if residual == 0 else "conditional" if 1 in ratios else "corrected",
        "for every theta" if residual == 0 else f"true exactly when {where}" if ratios else "never true",
        f"With x = (theta' Sigma theta_0)/(theta' Sigma theta) it is {limit}: on the opposite of the target {opposite} (R5).",
    )


def _full_limit(printed: str) -> Verdict:
    of = symbols()
    limit = limit_of_many_shots(factored(risk("zero_shot", of["n"], **symbolic(d=5, pretrain_shots=20))))
    here = limit.subs(of["sigma"] ** 2, NOISE)
    words = in_words(limit, "1 + sigma^2")
    return Verdict(
        ruled(equal(here, read(printed))),
        f"{words} = {float(here):.4g}",
        f"The limit of many shots less the printed value is {in_words(limit - read(printed), 'sigma^2')}.",
        difference(printed, Fraction(str(here))),
    )


def _value_error(printed: str) -> Verdict:
    derived = risk("zero_shot_value", 0, **OFFICIAL)
    general = risk("zero_shot_value", 0, **symbolic())
    free = not {symbols()["m"], symbols()["n"]} & cancelled(general).free_symbols
    return Verdict(
        ruled(equal(derived, read(printed))),
        f"{in_words(general, 'sigma^2 + 2/(d+4)')} = {with_decimals(derived)}",
        f"Exact, at |theta_0| = 1; it {'does not depend' if free else 'depends'} on m.",
        difference(_at_official(printed), derived),
    )


def _dashed_lines(printed: str) -> Verdict:
    """From which n on, as a root in n with symbol d, and as ranges at the plotted dimensions."""
    noiseless: dict[str, Any] = {"task": "target", "noise_variance": Fraction(0)}
    general, *_ = conditions("pretrained", symbols()["d"], **noiseless)
    (root,) = general.roots
    words = in_words(root, "d - 1")
    first = in_words(root + 1, "d")
    start = read(printed.removeprefix("n >= "))
    plotted: list[bool] = []
    strict: list[bool] = []
    ties: list[bool] = []
    for d in (6, 11, 16, 21):
        condition, *_ = conditions("pretrained", d, **noiseless)
        in_plot, *_ = conditions("pretrained", d, **noiseless, pretrain_shots=1000)
        n = int(start.subs(symbols()["d"], d))
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
    from ..proofs import r2_zero_shot
    from ..proofs.theorem import run

    few_shot, *_ = conditions("zero_shot", **OFFICIAL, task="target")
    worse = not few_shot.shots and not few_shot.ties
    proved = worse and run(r2_zero_shot.THEOREM).proved
    hypotheses = ", ".join(given.line for given in r2_zero_shot.THEOREM.given)
    return Verdict(
        ruled(worse),
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
    n, setting = symbols()["n"], symbolic(task="unseen")
    price = factored(risk("zero_shot_value", n, **setting) - risk("pretrained", n, **setting))
    lasting = limit_of_many_shots(price)
    words = in_words(price, "(n(n+1+d) + 2n(d+2) + (d+2)(d+4)) / ((d+4)^2 (n+1)^2)")
    positive = is_positive(price)
    kept = "kept, at a price on unseen tasks" if positive else "kept, at a change of the risk on unseen tasks"
    ends = "that no n removes" if is_positive(lasting) else "that falls to nothing"
    return Verdict(
        "conditional" if positive else ruled(lasting == 0),
        f"{kept} {ends}: {in_words(lasting, '1/(d+4)^2')} at n = infinity",
        f"The price is exactly {words} at |theta_0| = 1 (theorem R9.price has it for any target and covariance).",
    )


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
          "any d, theta", "(d+3)/(d+4)", _w_star_limit, source=NOTES),
    Claim("full fine-tuning limit", "full fine-tuning's few-shot error tends to 1", "paper, Fig. 2",
          "s = 1, sigma^2 = 0.1", "1", _full_limit, source=NOTES),
    Claim("value zero-shot error", "the zero-shot error after value-only fine-tuning is 0.1 + 2/9", "paper, Fig. 3",
          "d = 5, sigma^2 = 0.1", "0.1 + 2/9", _value_error, source=NOTES),
    Claim("dashed lines", "the pretrained model beats its zero-shot error from n = d - 1 on", "official notebook",
          "m infinite, no noise", "n >= d - 1", _dashed_lines),
    Claim("all parameters harm", "updating all parameters on the zero-shot loss harms in-context learning", "abstract",
          "any", "harms", _harm_of_all, source=NOTES),
    Claim("value only keeps", "updating the value matrix only keeps in-context learning", "abstract",
          "any", "keeps", _keep_of_value, source=NOTES),
    Claim("auxiliary trades", "the auxiliary few-shot loss helps the target and hurts unseen tasks", "abstract",
          "d = 5, m = 20, sigma^2 = 0.1", "helps and hurts", _trade_of_auxiliary, source=NOTES),
)  # fmt: skip
