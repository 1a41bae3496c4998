"""More claims of Lee, Sohn and Lee 2026: what its figures and its text say, and what is no linear attention."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial
from typing import Any

from ..calculator import risk
from ..conventions import NOTES
from ..names import StrategyName
from ..parameters import AttentionParameters, IsotropicScalars
from ..proofs import r3_zero_shot_key_query
from ..proofs.theorem import run
from ..thresholds import conditions
from .formulas import result, shown
from .lee2026 import CLAIMS as NUMBERS
from .lee2026 import NOISE, OFFICIAL
from .reading import agrees, difference, in_words, is_positive, ruled, symbolic, symbols, with_decimals
from .verdicts import Claim, Verdict, judged

THRESHOLD = """\
a = m/(m + 1 + d)
n = d*a*(1 + sigma2/x_std)/(2 - a) - 1
"""


def _opposite_error(printed: str) -> Verdict:
    derived = risk("zero_shot_value", 0, **OFFICIAL, task="opposite")
    general = risk("zero_shot_value", 0, **symbolic(task="opposite"))
    right = agrees(printed, derived)
    return Verdict(
        ruled(right),
        f"{in_words(general, 'sigma^2 + 4 - 6/(d+4)')} = {with_decimals(derived)}{'' if right else f', not {printed}'}",
        "Exact, at |theta_0| = 1: what value-only fine-tuning recites of the target is missing twice on its opposite.",
        difference(printed, derived),
    )


def _threshold(printed: str) -> Verdict:
    """The root in n, the first whole n past it, and the power of x_std, which the official x_std = 1 hides."""

    def published(**changes: Any) -> Any:
        return result(printed, {"m": Fraction(20), "d": 5, "sigma2": NOISE, "x_std": Fraction(1), **changes})

    condition, *_ = conditions("pretrained", **OFFICIAL, task="target")
    (root,) = condition.roots
    found = published()
    first = [math.floor(x) + 1 for x in (found, root)]
    squared = published(x_std=Fraction(2)) == published(sigma2=NOISE / 4)
    units = (
        ""
        if squared
        else " It divides sigma^2 by x_std, whose square is the inputs' variance; at x_std = 1 it shows nothing."
    )
    whole = f"the same first n = {first[1]}" if first[0] == first[1] else f"the first n is {first[1]}, not {first[0]}"
    return Verdict(
        ruled(found == root and squared),
        f"{with_decimals(root)} where the formula gives {shown(found)}; {whole}",
        f"Few-shot beats zero-shot on the target past the root of R1.threshold, a = (m+1)/(m+1+d+d sigma^2).{units}",
        difference(found, root),
    )


def _key_query_level(strategy: StrategyName, printed: str) -> Verdict:
    """A level read off a figure, against the fixed point at n = 20 on the opposite task."""
    low, high = map(Fraction, printed.split(" to "))
    derived = risk(strategy, 20, **OFFICIAL, task="opposite")
    singular = run(r3_zero_shot_key_query.SINGULAR).proved
    reason = (
        "An accident of where pretraining stopped: at v_x = 0 the zero-shot loss moves nothing, and any v_x, however small, "
        "moves B by O(1) and leaves a risk of the order 1/|v_x|^2 (R3.singular)"
        if singular
        else "Why, R3.singular would say, which is not proved"
    )
    return Verdict(
        ruled(low <= derived <= high),
        f"{with_decimals(derived)} at the fixed point",
        f"{reason}.",
        min(difference(x, derived) for x in (low, high)) if not low <= derived <= high else Fraction(0),
    )


def _floor_of_value(printed: str) -> Verdict:
    excess = risk("zero_shot_value", 0, **symbolic()) - symbols()["sigma"] ** 2
    reached = excess == 0
    above = not reached and is_positive(excess)
    return Verdict(
        ruled(above),
        f"{'above' if above else 'at' if reached else 'not always above'} the noise by {in_words(excess, '2/(d+4)')}",
        "Exact, for every d, m and sigma^2 at |theta_0| = 1 (R4).",
    )


def _undetermined(printed: str) -> Verdict:
    """Whether w counts in the zero-shot risk of an odd-symmetric model, all six scalars free."""
    import sympy

    scalars = sympy.symbols("alpha w q beta gamma delta")
    model = AttentionParameters.from_isotropic(IsotropicScalars(*scalars), symbols()["d"])
    loss = sympy.expand(risk(model, 0, symbols()["d"], noise_variance=symbols()["sigma"] ** 2))
    counts = [name for name, x in zip(("v_x", "w", "q", "beta", "gamma", "q_xy"), scalars, strict=True) if loss.has(x)]
    return Verdict(
        ruled("w" not in counts),
        f"the zero-shot loss depends on {', '.join(counts)} alone",
        "The query has no label, so that w and q_xy meet nothing."
        if {"w", "q_xy"}.isdisjoint(counts)
        else "w or q_xy counts.",
    )


def _qualitative(printed: str) -> Verdict:
    """The paper's numbers and its three statements, judged above."""
    names = ("pretrained a", "zero-shot value w", "mixed value w*", "full fine-tuning limit", "value zero-shot error")
    said = ("all parameters harm", "value only keeps", "auxiliary trades")
    rulings = {c.name: judged(c).verdict.ruling for c in NUMBERS if c.name in names + said}
    wrong = [name for name in names if rulings[name] == "corrected"]
    held = [name for name in said if rulings[name] != "corrected"]
    return Verdict(
        "corrected" if len(held) < len(said) else "conditional" if wrong else "confirmed",
        f"{len(held)} of {len(said)} statements hold, some under a condition; of {len(names)} numbers {len(wrong)} are corrected",
        f"Agreement is in sign and order; corrected: {', '.join(wrong) or 'none'}.",
    )


def _not_judged(printed: str) -> Verdict:
    return Verdict(
        "empirical", "not judged", "A large language model is no layer of linear attention; nothing here speaks of it."
    )


_HERE = "d = 5, m = 20, sigma^2 = 0.1"

CLAIMS: tuple[Claim, ...] = (
    Claim("value opposite error", "the zero-shot error on the opposite task after value-only fine-tuning is 3.1", "paper, Fig. 3",
          _HERE, "3.1", _opposite_error, source=NOTES),
    Claim("threshold with noise", "with noise the pretrained model beats its zero-shot error past this n", "official notebook",
          f"{_HERE}; x_std is the inputs' standard deviation", THRESHOLD.strip(), _threshold, source=NOTES),
    Claim("key-query zero-shot level", "after zero-shot fine-tuning of the key-query matrix the error at n = 20 is about 115 to 130",
          "paper, figure of six strategies", _HERE, "115 to 130", partial(_key_query_level, "zero_shot_kq"), source=NOTES),
    Claim("key-query mixed level",
          "after fine-tuning the key-query matrix with the auxiliary loss the error on the opposite task is about 50 to 70",
          "paper, figure of six strategies", f"{_HERE}, n = 20", "50 to 70", partial(_key_query_level, "mixed_kq"), source=NOTES),
    Claim("value floor", "value-only fine-tuning cannot reach the least zero-shot error", "paper", "Sigma = I, any d",
          "cannot reach", _floor_of_value, source=NOTES),
    Claim("w undetermined", "the zero-shot objective leaves w undetermined", "paper", "any odd-symmetric model",
          "undetermined", _undetermined, source=NOTES),
    Claim("qualitative agreement", "experiments agree with the qualitative predictions of the theory", "camera-ready version",
          _HERE, "agree", _qualitative, source=NOTES),
    Claim("MMLU experiments", "fine-tuned language models show the same on MMLU", "paper, experiments", "language models",
          "the same", _not_judged, source=NOTES),
)  # fmt: skip
