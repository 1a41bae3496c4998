"""Weight interpolation: known numbers, exact and symbolic shares, ends of different makings, and R21's proof."""

from fractions import Fraction as F

import numpy as np
import pytest
import sympy
from mutants import assert_refuted

import theory
from theory import AttentionParameters, interpolate, interpolation, risk
from theory.proofs import r21_interpolation
from theory.strategies import find_strategy

OFFICIAL = theory.OFFICIAL


def seen(strategy, t, task="unseen", n=20):
    model = interpolate("pretrained", strategy, t, setting=OFFICIAL)
    return [risk(model, shots, setting=OFFICIAL, task=where) for shots, where in ((0, "target"), (n, task))]


# Shares to four digits and (zero-shot, unseen at 20), from an evaluator that shares no code with this.
@pytest.mark.parametrize(
    ("strategy", "t", "risks"),
    [
        ("zero_shot", 0.3115, (0.29480, 0.45336)),
        ("zero_shot_value", 0.9699, (0.32293, 0.36801)),
        ("mixed_value", 0.9428, (0.32477, 0.38721)),
        ("mixed", 0.1232, (0.35089, 0.48831)),
    ],
)
def test_the_best_share(strategy, t, risks):
    """Half a digit of t moves a risk by up to 2e-4, and their sum, at its least, by nothing that shows."""
    assert seen(strategy, t) == pytest.approx(risks, abs=2e-4)
    assert sum(seen(strategy, t)) == pytest.approx(sum(risks), abs=1.1e-5)
    assert sum(seen(strategy, t)) < min(sum(seen(strategy, t - 2e-3)), sum(seen(strategy, t + 2e-3)))


def test_between_any_makings():
    """A head, a token and a skip that one end lacks are zeros; the ends are the ends; v and Q go separately."""
    setting = OFFICIAL.replace(d=2)
    ends = [theory.fixed_point(name, setting=setting) for name in ("pretrained", "new_head", "soft_prompt", "skip")]
    for other in ends[1:]:
        for t, end in ((0, ends[0]), (1, other)):
            model = interpolate(ends[0], other, t)
            padded = end
            if other.prompt is not None and end.prompt is None:  # a token of zeros counts in N
                padded = AttentionParameters(end.v, end.Q, prompt=np.zeros((1, 4)))
            for task in ("target", "unseen"):
                found, expected = (risk(x, [0, 3], setting=setting, task=task) for x in (model, padded))
                assert found == pytest.approx(expected, rel=1e-13)
    half = interpolate(ends[1], ends[3], F(1, 2))
    assert half.v[1] @ half.v[1] == pytest.approx(ends[1].v[1] @ ends[1].v[1] / 4, rel=1e-13)
    assert list(half.skip) == [0, 0.5, 0]


def test_symbols_and_fractions_and_arrays():
    t, d = sympy.symbols("t d", positive=True)
    model = interpolate("pretrained", "zero_shot_value", t, setting=theory.Setting(d=d, value_scale=sympy.Integer(1)))
    found = risk(model, 0, d)
    assert sympy.simplify(found - (1 - (2 * t - t**2) * (d + 2) / (d + 4))) == 0  # R16's curve at tau = t
    exact = interpolate("pretrained", "zero_shot_value", F(1, 3), setting=theory.Setting(d=3, value_scale=F(1)))
    assert risk(exact, 0, 3, noise_variance=F(0)) == found.subs({t: F(1, 3), d: 3})
    many = interpolate("pretrained", "zero_shot", np.array([0.0, 0.3115]), setting=OFFICIAL)
    assert risk(many, 0, setting=OFFICIAL) == pytest.approx([1.1, seen("zero_shot", 0.3115)[0]], rel=1e-13)


@pytest.mark.parametrize(
    ("call", "kind", "parts"),
    [
        (lambda: interpolate("pretrained", "zs", 0.5), TypeError, ["setting = None", "model is a strategy"]),
        (lambda: interpolate("pretrained", "zz", 0.5, setting=OFFICIAL), ValueError, ["'zz' is unknown"]),
        (lambda: interpolate("pretrained", "zs", "half", setting=OFFICIAL), TypeError, ["t = 'half'"]),
        (lambda: interpolate("pretrained", "new_head", [0.1, 0.2], setting=OFFICIAL), ValueError, ["t = ", "one number"]),
        (
            lambda: interpolate("zs", AttentionParameters([0, 0, 1], np.eye(3)), 0.5, setting=OFFICIAL),
            ValueError, ["other = ", "d = 5"],
        ),
    ],
)  # fmt: skip
def test_bad_calls(call, kind, parts):
    with pytest.raises(kind) as caught:
        call()
    assert all(part in str(caught.value) for part in parts)


@pytest.mark.parametrize(
    ("old", "new"),
    [("(1 - t) * a + t * b", "(1 - t) * a + t**2 * b"), ("(1 - t) * a", "(1 + t) * a"), ("t * b", "t * a")],
)
def test_the_proof_rejects_another_line(monkeypatch, old, new):
    assert_refuted(monkeypatch, r21_interpolation.THEOREM, interpolation, "between", old, new)


def test_the_name_of_a_strategy_and_itself():
    assert interpolate("zs", find_strategy("zs"), 0.25, setting=OFFICIAL).v == pytest.approx(
        theory.fixed_point("zs", setting=OFFICIAL).v, rel=1e-14
    )
