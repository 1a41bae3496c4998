"""A user's file with mistakes that mypy must see: an ignored error that is none is an error itself (strict)."""

from __future__ import annotations

import theory

value: float = theory.risk("zero_shot_value", 10, d=5, noise_variance=0.1)  # right: a float
curve = theory.risk("zero_shot_value", range(41), 5, task="unseen")
first: float = curve[0]  # right: an array
exact = theory.risk(
    "pretrained", 10, 5, setting=theory.OFFICIAL
).limit_denominator()  # right: a setting's kind is not known

theory.risk("zero_shot_value", 10, 5, noise_varience=0.1)  # type: ignore[call-overload]
theory.risk("zero_shot_value", 10, 5, normalization="token")  # type: ignore[call-overload]
shape = theory.risk("zero_shot_value", 10, 5).shape  # type: ignore[attr-defined]
theory.Setting(d=5, query="mask")  # type: ignore[arg-type]
theory.Strategy("valeu", replay=0.3)  # type: ignore[arg-type]
theory.formula("pretrained", covariance="any")  # type: ignore[arg-type]
