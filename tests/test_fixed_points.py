"""Fixed points: published numbers, zero gradients, minimality, conservation, and the limit of no label noise."""

from __future__ import annotations

import math
import random
from fractions import Fraction as F

import mpmath
import numpy as np
import pytest
from strategies_for_tests import (
    NORMALIZATIONS,
    RATIONAL_STRATEGIES,
    STRATEGIES,
    as_fraction,
    entries,
    first_unit_vector,
    identity,
    rational,
    rational_array,
    rational_covariance,
)

import theory
from theory.proofs.enumeration import exact_average_gradient, exact_gradient

OFFICIAL = {"d": 5, "noise_variance": 0.1, "pretrain_shots": 20}  # the official experiments


# --- numbers of the official setting, worked out by hand ------------------------------------------------------------


def test_zero_shot_selects_c():
    """Balanced, w_0^2 = |B|_F^2 = a sqrt 5 with a = 21/26.5, and c^2 - 1/c^2 = -|B|_F^2."""
    model = theory.fixed_point("zero_shot", **OFFICIAL)
    assert round(model.v_x[0] / model.value_scale, 5) == 0.50396
    norm2 = 21 / 26.5 * math.sqrt(5)
    c = math.sqrt((math.sqrt(norm2**2 + 4) - norm2) / 2)
    assert model.v_x[0] == pytest.approx(c, rel=1e-14)
    assert model.value_scale == pytest.approx(math.sqrt(norm2), rel=1e-14)


def test_zero_shot_with_unit_value_scale():
    assert theory.risk("zero_shot", 0, value_scale=1, **OFFICIAL) == pytest.approx(0.1, rel=1e-15)
    assert round(theory.risk("zero_shot", 1, value_scale=1, **OFFICIAL), 4) == 2.4698
    assert round(theory.risk("zero_shot", 20, value_scale=1, **OFFICIAL), 4) == 1.3916


def test_zero_shot_value_without_shots():
    assert theory.risk("zero_shot_value", 0, **OFFICIAL) == pytest.approx(0.1 + 2 / 9, rel=1e-15)


def test_mixed_value_weight():
    """w* is the weight w of the model whose wB is w* I: w B_11 does not depend on the value scale."""
    model = theory.fixed_point("mixed_value", 5, noise_variance=F(1, 10), pretrain_shots=20, value_scale=1)
    pretrained = theory.fixed_point("pretrained", 5, noise_variance=F(1, 10), pretrain_shots=20, value_scale=1)
    assert (model.B == pretrained.B).all()
    assert model.value_scale * model.B[0, 0] == F(104, 159)


def test_mixed_kq_recites():
    model = theory.fixed_point("mixed_kq", 5, noise_variance=F(1, 10), pretrain_shots=20, value_scale=F(7, 3))
    assert model.value_scale * model.q_xy[0] == F(21 * 10, 242)
    assert not any(model.q_xy[1:])
    assert not model.B.any()
    assert model.q == 0


def test_mixed_on_target():
    assert round(theory.risk("mixed", 20, **OFFICIAL), 4) == 0.2113


# --- zero gradient on the trained block -----------------------------------------------------------------------------


def settings(strategy, normalization, kind):
    """Random settings, isotropic and not, of at most three dimensions and three shots in each loss."""
    rng = random.Random(f"{strategy} {normalization}")
    for d in (1, 2, 3):
        for dense in (False, True):
            m = rng.randint(1, 2 if d == 3 else 3)
            least = 2 if strategy == "mixed" and normalization == "shots" else 1
            chosen = {
                "target": rational_array(rng, d), "noise_variance": kind(abs(rational(rng))), "pretrain_shots": m,
                "few_shot_shots": rng.randint(least, 2 if d == 3 else 3), "normalization": normalization,
                "value_scale": kind(abs(rational(rng))),
            }  # fmt: skip
            if dense:
                chosen["covariance"] = rational_covariance(rng, d)
                chosen["task_covariance"] = None if rng.random() < 0.5 else rational_covariance(rng, d)
            yield d, chosen


def losses(model, d, setting):
    """The exact gradients (dv, dQ) of L_PT, L_ZS and L_FS at a model, as functions."""
    v, Q = (np.vectorize(as_fraction, otypes=[object])(x).tolist() for x in entries(model))
    sigma = setting.get("covariance")
    sigma = identity(d) if sigma is None else sigma.tolist()
    psi = setting.get("task_covariance")
    psi = None if psi is None else psi.tolist()
    target, noise, kind = setting["target"].tolist(), as_fraction(setting["noise_variance"]), setting["normalization"]
    return {
        "pretraining": lambda: exact_average_gradient(v, Q, sigma, noise, setting["pretrain_shots"], psi, kind),
        "zero_shot": lambda: exact_gradient(v, Q, sigma, target, noise, 0, kind),
        "few_shot": lambda: exact_gradient(v, Q, sigma, target, noise, setting["few_shot_shots"], kind),
    }


def flat(values):
    return [entry for row in values for entry in row]


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("strategy", RATIONAL_STRATEGIES)
def test_gradient_vanishes_exactly(strategy, normalization):
    for d, setting in settings(strategy, normalization, F):
        for weight in (F(0), F(5, 3)) if strategy == "mixed_value" else (F(0),):
            model = theory.fixed_point(strategy, few_shot_weight=weight, **setting)
            gradient = losses(model, d, setting)
            if strategy == "pretrained":
                dv, dQ = gradient["pretraining"]()
                assert not any(dv)
                assert not any(flat(dQ))
            elif strategy == "zero_shot_value":
                assert not any(gradient["zero_shot"]()[0])
            elif strategy == "zero_shot_kq":  # it never leaves the pretrained point
                assert not any(flat(gradient["zero_shot"]()[1]))
                assert entries(model) == entries(theory.fixed_point("pretrained", **setting))
            elif strategy == "mixed_kq":  # the zero-shot loss is constant: any weight
                assert not any(flat(gradient["zero_shot"]()[1]))
                assert not any(flat(gradient["few_shot"]()[1]))
                start = theory.fixed_point("pretrained", **setting)
                assert model.v.tolist() == start.v.tolist()
            elif weight:
                both = zip(gradient["zero_shot"]()[0], gradient["few_shot"]()[0], strict=True)
                assert not any(x + weight * y for x, y in both)
            else:  # lambda -> 0+: the zero-shot loss is minimal, and w, which it leaves free, minimises the other
                assert not any(gradient["zero_shot"]()[0])
                assert gradient["few_shot"]()[0][-1] == 0


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("strategy", ["zero_shot", "mixed"])
def test_gradient_vanishes_to_many_digits(strategy, normalization):
    """At 60 digits a zero comes out as about 1e-60 times numbers of size up to 1e3: 1e-50 leaves room for them."""
    with mpmath.workdps(60):
        for d, setting in settings(strategy, normalization, lambda x: mpmath.mpf(x.numerator) / x.denominator):
            model = theory.fixed_point(strategy, **setting)
            gradient = losses(model, d, setting)
            dv, dQ = gradient["zero_shot"]()
            assert max(map(abs, [*dv, *flat(dQ)])) < 1e-50
            if strategy == "mixed":
                dv, dQ = gradient["few_shot"]()
                slopes = [
                    sum(x * y for x, y in zip([*dv, *flat(dQ)], tangent, strict=True)) for tangent in tangents(model)
                ]
                assert len(slopes) == 3 * d + 3 + d * (d - 1) // 2 - d
                assert max(map(abs, slopes)) < 1e-50


def tangents(model):
    """Directions along the zero-risk manifold of the zero-shot loss: c, w, q_xy, Q_0y, antisymmetric B, p = -r."""
    d = len(model.v_x)
    theta, c = model.v_x, 1 / model.q  # v_x = c theta_0
    found = []

    def add(v=(), Q=()):
        dv, dQ = [F(0)] * (d + 2), [[F(0)] * (d + 2) for _ in range(d + 2)]
        for i, x in v:
            dv[i] = as_fraction(x)
        for i, j, x in Q:
            dQ[i][j] = as_fraction(x)
        found.append([*dv, *flat(dQ)])

    add([(1 + i, theta[i] / c) for i in range(d)], [(0, 0, -model.q / c)])
    add([(d + 1, 1)])
    add(Q=[(0, d + 1, 1)])
    for i in range(d):
        add(Q=[(1 + i, d + 1, 1)])
        add(Q=[(1 + i, 0, 1), (0, 1 + i, -1)])
        for j in range(i):
            add(Q=[(1 + i, 1 + j, 1), (1 + j, 1 + i, -1)])
    return found


# --- a minimum of the objective on the trained block ----------------------------------------------------------------

PERTURBATIONS = 250


def float_setting(strategy, normalization, dense):
    rng = random.Random(f"{strategy} {normalization} {dense} minimum")
    chosen = {
        "target": rational_array(rng, 3).astype(float), "noise_variance": rng.uniform(0.05, 2),
        "pretrain_shots": rng.randint(2, 30), "few_shot_shots": rng.randint(2, 30), "normalization": normalization,
        "value_scale": "balanced",
    }  # fmt: skip
    if dense:
        chosen["covariance"] = rational_covariance(rng, 3).astype(float)
        chosen["task_covariance"] = rational_covariance(rng, 3).astype(float)
    return chosen


def evaluation(setting):
    return {
        name: setting.get(name)
        for name in ("covariance", "task_covariance", "target", "noise_variance", "normalization")
    }


def objective(strategy, setting, weight):
    world = evaluation(setting)

    def value(v, Q):
        model = theory.AttentionParameters(v, Q)
        if strategy == "pretrained":
            return theory.risk(model, setting["pretrain_shots"], task="unseen", **world)
        if strategy == "mixed":  # on the zero-risk manifold of the zero-shot loss, which the caller stays on
            return theory.risk(model, setting["few_shot_shots"], **world)
        loss = 0.0 if strategy == "mixed_kq" else theory.risk(model, 0, **world)
        if strategy == "mixed_kq":  # the zero-shot loss is constant there
            return theory.risk(model, setting["few_shot_shots"], **world)
        return loss + (weight * theory.risk(model, setting["few_shot_shots"], **world) if weight else 0.0)

    return value


def perturbed(strategy, model, rng):
    """A random move of the trained block, of a size from 1e-3 to 1; for `mixed`, along the manifold."""
    v, Q = model.v.copy(), model.Q.copy()
    size = 10 ** rng.uniform(-3, 0)
    if strategy == "mixed":
        d = len(v) - 2
        factor = math.exp(size * rng.standard_normal())
        v[1:-1], Q[0, 0] = factor * v[1:-1], Q[0, 0] / factor
        v[-1] += size * rng.standard_normal()
        Q[: d + 1, -1] += size * rng.standard_normal(d + 1)
        A, p = size * rng.standard_normal((d, d)), size * rng.standard_normal(d)
        Q[1:-1, 1:-1] += A - A.T
        Q[1:-1, 0] += p
        Q[0, 1:-1] -= p
        return v, Q
    trained = theory.STRATEGIES[strategy].trained
    if trained in ("all", "value"):
        v += size * rng.standard_normal(v.shape)
    if trained in ("all", "key_query"):
        Q += size * rng.standard_normal(Q.shape)
    return v, Q


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_perturbation_does_better(strategy, normalization, dense):
    setting = float_setting(strategy, normalization, dense)
    rng = np.random.default_rng(20260)
    weight = 0.7 if strategy == "mixed_value" else 0.0
    model = theory.fixed_point(strategy, few_shot_weight=weight, **setting)
    value = objective(strategy, setting, weight)
    least = value(model.v, model.Q)
    rounding = 1e-12 * least  # a sum of squares: each term carries a few roundings of 1e-16
    worse = 0
    for _ in range(PERTURBATIONS):
        moved = value(*perturbed(strategy, model, rng))
        assert moved >= least - rounding
        worse += moved > least + rounding
    if strategy == "zero_shot_kq":  # the loss does not depend on Q: v . z_q = 0 for every query
        assert worse == 0
    else:
        assert worse == PERTURBATIONS


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_mixed_stays_on_the_zero_risk_manifold(normalization):
    """The zero-shot risk is the noise alone, and each point that the perturbations visit has it too."""
    setting = float_setting("mixed", normalization, dense=True)
    model, rng = theory.fixed_point("mixed", **setting), np.random.default_rng(7)
    for v, Q in [(model.v, model.Q), *(perturbed("mixed", model, rng) for _ in range(20))]:
        found = theory.risk(theory.AttentionParameters(v, Q), 0, **evaluation(setting))
        assert found == pytest.approx(setting["noise_variance"], rel=1e-12)


# --- conservation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("value_scale", ["balanced", F(2, 3), F(7, 2)])
@pytest.mark.parametrize("strategy", ["zero_shot", "mixed"])
def test_flow_conserves_the_difference_of_norms(strategy, value_scale, normalization):
    """|v|^2 - |Q|_F^2, at 60 digits: 1e-50 of the norms themselves is rounding."""
    with mpmath.workdps(60):
        for _, setting in settings(strategy, normalization, lambda x: mpmath.mpf(x.numerator) / x.denominator):
            for m in (setting["pretrain_shots"], math.inf):
                setting.update(value_scale=value_scale, pretrain_shots=m)
                differences, size = [], 0
                for name in ("pretrained", strategy):
                    v, Q = entries(theory.fixed_point(name, **setting))
                    v2, Q2 = sum(x * x for x in v), sum(x * x for x in flat(Q))
                    differences.append(v2 - Q2)
                    size += v2 + Q2
                assert abs(differences[0] - differences[1]) < 1e-50 * size
                if value_scale == "balanced":
                    assert abs(differences[0]) < 1e-50 * size
                else:
                    assert abs(differences[0]) > 1e-6 * size


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_value_scale_is_the_pretrained_weight(strategy):
    """The value scale is w of the pretrained model, and stays w where the strategy does not move it."""
    model = theory.fixed_point("pretrained", value_scale=F(3, 7), **OFFICIAL | {"noise_variance": F(1, 10)})
    assert model.value_scale == F(3, 7)
    if strategy in ("zero_shot", "zero_shot_value", "zero_shot_kq", "mixed_kq"):
        model = theory.fixed_point(strategy, value_scale=F(3, 7), **OFFICIAL | {"noise_variance": F(1, 10)})
        assert model.value_scale == F(3, 7)


# --- no label noise -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 2, 20, 1000])
@pytest.mark.parametrize("target", [[1], [3, 4], [F(1, 2), F(1, 3), F(1, 5)]])
def test_mixed_risk_on_target_without_noise(m, target):
    s = sum(x * x for x in target)
    found = theory.risk("mixed", m, target=target, few_shot_shots=m)
    assert found == pytest.approx(float(F(2 * m * m * s) / ((m + 1) ** 2 * (m + 2))), rel=1e-14)
    exact = theory.risk("mixed", m, target=[F(x) for x in target], few_shot_shots=m, noise_variance=F(0))
    assert exact == F(2 * m * m * s) / ((m + 1) ** 2 * (m + 2))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_mixed_off_target_without_noise(normalization):
    """Infinite with shots; without shots the zero-risk manifold's prediction theta_0 . x meets another task."""
    target, theta = [1.5, 0.0], [0.0, 2.0]
    others = {"target": target, "few_shot_shots": 7, "normalization": normalization}
    for task, distance2 in (("opposite", 9.0), (theta, 6.25), (0.5, 2.25), ("unseen", 3.25)):
        assert theory.risk("mixed", 0, task=task, **others) == pytest.approx(distance2, rel=1e-15)
        assert theory.risk("mixed", 1, task=task, **others) == math.inf
        assert theory.risk("mixed", [0, 1, 40], task=task, **others).tolist() == [
            pytest.approx(distance2),
            math.inf,
            math.inf,
        ]
        dense = theory.risk("mixed", [0, 1, 40], task=task if task != 0.5 else theta, covariance=np.eye(2), **others)
        assert dense[1:].tolist() == [math.inf, math.inf]
        small = [theory.risk("mixed", 3, task=task, noise_variance=noise, **others) for noise in (1e-6, 1e-10, 1e-14)]
        assert small[0] > 10
        assert small[1] > 50 * small[0]  # it grows as 1/sqrt(noise)
        assert small[2] > 50 * small[1]


@pytest.mark.parametrize("n", [0, 1, 5, 100])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_mixed_risk_is_continuous_as_the_noise_vanishes(n, normalization):
    limit = theory.risk("mixed", n, 4, few_shot_shots=6, normalization=normalization)
    near = theory.risk("mixed", n, 4, few_shot_shots=6, normalization=normalization, noise_variance=1e-18)
    assert near == pytest.approx(limit, rel=1e-7, abs=1e-17)  # the next term is of the order of sqrt(noise) = 1e-9


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("dense", [False, True])
def test_mixed_kq_without_noise_is_where_flow_ends(dense, normalization):
    """B_end = B_start + D, q_xy = D theta_0, D = (R - B_start)(I + theta_0 theta_0')^-1.

    R = N theta_0 theta_0' / (w (m + 2) s) is the whole family of minimisers: B + q_xy theta_0' = R.
    """
    rng, d, m = random.Random(3), 3, 4
    target = rational_array(rng, d)
    sigma = rational_covariance(rng, d) if dense else None
    others = {
        "target": target, "noise_variance": F(0), "pretrain_shots": 6, "few_shot_shots": m, "value_scale": F(5, 4),
        "normalization": normalization, "covariance": sigma,
    }  # fmt: skip
    start, end = theory.fixed_point("pretrained", **others), theory.fixed_point("mixed_kq", **others)
    s = target @ target if sigma is None else target @ sigma @ target
    tokens = m + 1 if normalization == "tokens" else m
    outer = np.multiply.outer(target, target)
    D = end.B - start.B
    plane = np.array(identity(d), dtype=object) + outer
    assert (D @ plane == F(tokens, m + 2) / (F(5, 4) * s) * outer - start.B).all()
    assert (end.q_xy == D @ target).all()
    assert end.v.tolist() == start.v.tolist()
    assert end.q == 0
    setting = {**others, "covariance": None if sigma is None else sigma}
    assert not any(flat(losses(end, d, setting)["few_shot"]()[1]))


def test_mixed_kq_without_noise_has_the_limit_of_vanishing_noise_on_target_only():
    others = {"pretrain_shots": 20, "d": 5}
    limit = theory.risk("mixed_kq", 7, noise_variance=1e-15, **others)
    assert theory.risk("mixed_kq", 7, **others) == pytest.approx(limit, rel=1e-13)
    elsewhere = theory.risk("mixed_kq", 7, noise_variance=1e-15, task="unseen", **others)
    assert abs(theory.risk("mixed_kq", 7, task="unseen", **others) - elsewhere) > 0.01


def test_mixed_without_noise_has_no_fixed_point():
    with pytest.raises(theory.NoClosedForm, match=r"noise_variance = 0.*no fixed point"):
        theory.fixed_point("mixed", 5, pretrain_shots=20)


def test_first_unit_vector_is_the_default_target():
    for strategy in RATIONAL_STRATEGIES:
        default = theory.fixed_point(strategy, 3, noise_variance=F(1, 7), pretrain_shots=5, value_scale=F(1))
        given = theory.fixed_point(
            strategy, target=first_unit_vector(3), noise_variance=F(1, 7), pretrain_shots=5, value_scale=F(1)
        )
        assert entries(default) == entries(given)
