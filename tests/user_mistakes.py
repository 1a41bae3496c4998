"""A user's file with mistakes that mypy and pyright must see: an ignored error that is none is an error itself (strict)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

import numerics
import theory

# right, and the types that come out
value: float = theory.risk("zero_shot_value", 10, d=5, noise_variance=0.1)
curve = theory.risk("zero_shot_value", range(41), 5, task="unseen")
first: float = curve[0]
exact = theory.risk("pretrained", 10, 5, setting=theory.OFFICIAL)
exact.limit_denominator()  # beside a setting the kind is not known
theory.risk("pretrained", 10, 5, noise_variance=Fraction(1, 10)).limit_denominator()
theory.risk("zs_v", [1, 2], 2, task=np.array([0.6, 0.8]), covariance=[2.0, 1.0], noise_variance=[0.1, 0.2])
for name in theory.STRATEGIES:
    theory.risk(name, 10, setting=theory.OFFICIAL)
chosen: list[theory.StrategyName] = ["pretrained", "zs_v"]
for one in chosen:
    theory.risk(one, 10, 5)
total: float = theory.risk("adapter", 10, 5) + theory.risk("prompt", 10, 5) + theory.risk("linear_readout", 10, 5)
numerics.grid(
    ["pretrained", "all_but_q"], range(3), [5, 20], task=("target", "unseen"), covariance=theory.PowerLaw(1.5)
)

# the mistakes
theory.risk("zero_shot_vlaue", 10, d=5)  # type: ignore[call-overload]
theory.risk("zero_shot_value", n=10, d=5)  # type: ignore[call-overload]
theory.risk("zero_shot_value", "10", 5)  # type: ignore[call-overload]
theory.risk("zero_shot_value", 10, 5, task="unsen")  # type: ignore[call-overload]
theory.risk("zero_shot_value", 10, 5, noise_varience=0.1)  # type: ignore[call-overload]
theory.risk("zero_shot_value", 10, 5, normalization="token")  # type: ignore[call-overload]
theory.risk("zero_shot_value", 10, 5, setting={"d": 5})  # type: ignore[call-overload]
shape = theory.risk("zero_shot_value", 10, 5).shape  # type: ignore[attr-defined]
theory.Setting(d=5, noise=0.1)  # type: ignore[call-arg]
theory.Setting(d=5, query="mask")  # type: ignore[arg-type]
theory.Setting(d=5, value_scale="ballanced")  # type: ignore[arg-type]
theory.Strategy("valeu", replay=0.3)  # type: ignore[arg-type]
theory.fixed_point("zero-shot", 5)  # type: ignore[arg-type]
theory.formula("pretrained", covariance="any")  # type: ignore[arg-type]
theory.conditions("mixed_value", 5, task="oposite")  # type: ignore[arg-type]
theory.conditions("mixed_value", 5, against="zs_w")  # type: ignore[arg-type]
for text in ["pretrained", "zs_v"]:
    theory.risk(text, 10, 5)  # type: ignore[call-overload]
numerics.grid(["pretrained", "zs_w"], 10, 5)  # type: ignore[list-item]
numerics.frontier(theory.OFFICIAL, 20, 0.1, models="three_heads")  # type: ignore[arg-type]
numerics.estimate("zs_v", 10, 5, method="laws")  # type: ignore[arg-type]
