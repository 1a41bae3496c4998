"""Every wrong formula of tests/mutant_table.py is noticed by a fast check; a survivor is a failure.

The checks hold the calculator against numbers that come from the model's definition (theory.proofs.enumeration), found
once, before anything is mutated: risks of arbitrary models, and fixed points whose exact gradient is shown to vanish.
"""

from __future__ import annotations

import importlib
import inspect
import math
import random
import textwrap
from contextlib import contextmanager, suppress
from fractions import Fraction as F
from functools import cache

import numpy as np
import pytest
from mutant_table import MUTANTS
from strategies_for_tests import (
    NORMALIZATIONS,
    RATIONAL_STRATEGIES,
    entries,
    identity,
    rational,
    rational_array,
    rational_covariance,
)

import theory
from numerics.derivatives import Term, gradient
from theory import laws
from theory.contractions import Head, Layer, Tasks, contract
from theory.evaluation import terms_of
from theory.kinds import FRACTIONS
from theory.matrices import Matrices
from theory.parameters import IsotropicScalars
from theory.points import World
from theory.programs import Numbers, isotropic_terms, isotropic_world, of_scalars
from theory.prompt import tokens, training_tokens
from theory.proofs import r2_selection, r6_mixed_key_query, r7_mixed
from theory.proofs.enumeration import exact_average_gradient, exact_average_risk, exact_gradient, exact_risk
from theory.risk_formula import exact_risk_formula, limit_of_many_shots

SIZES = [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]  # (d, n): the enumeration's seconds are spent once


# --- the numbers to hold the formulas against ------------------------------------------------------------------------


@cache
def model_points():
    """Any model, any task: (model, n, keywords, risk)."""
    rng, points = random.Random("mutants"), []
    for d, n in SIZES:
        for normalization in NORMALIZATIONS:
            v, Q = rational_array(rng, d + 2), rational_array(rng, d + 2, d + 2)
            sigma, psi, theta = rational_covariance(rng, d), rational_covariance(rng, d), rational_array(rng, d)
            noise = abs(rational(rng)) + 1
            world = {"covariance": sigma, "noise_variance": noise, "normalization": normalization}
            plain, model = (v.tolist(), Q.tolist(), sigma.tolist()), theory.AttentionParameters(v, Q)
            exact = exact_risk(*plain, theta.tolist(), noise, n, normalization)
            points.append((model, n, {**world, "task": theta}, exact))
            for prior in (None, psi):
                given = None if prior is None else prior.tolist()
                exact = exact_average_risk(*plain, noise, n, given, normalization)
                points.append((model, n, {**world, "task_covariance": prior, "task": "unseen"}, exact))
    return points


@cache
def scalar_points():
    """Six scalars that no strategy has: (arguments of the model, n, keywords, risk)."""
    rng, points = random.Random("six scalars"), []
    for d, n in SIZES:
        for normalization in NORMALIZATIONS:
            scalars, target = IsotropicScalars(*rational_array(rng, 6)), rational_array(rng, d)
            alpha, w, q, beta, gamma, delta = scalars
            t, noise, theta = target.tolist(), abs(rational(rng)) + 1, rational_array(rng, d)
            v = [0, *(alpha * x for x in t), w]
            Q = [[q] + [0] * (d + 1)]
            Q += [[0, *(beta * (i == j) + gamma * t[i] * t[j] for j in range(d)), delta * t[i]] for i in range(d)]
            Q += [[0] * (d + 2)]
            world = {"target": target, "noise_variance": noise, "normalization": normalization}
            for task, vector in (("target", t), ("opposite", [-x for x in t]), (theta, theta.tolist())):
                exact = exact_risk(v, Q, identity(d), vector, noise, n, normalization)
                points.append(((scalars, d, target), n, {**world, "task": task}, exact))
            exact = exact_average_risk(v, Q, identity(d), noise, n, None, normalization)
            points.append(((scalars, d, target), n, {**world, "task": "unseen"}, exact))
    return points


def settings_of(strategy):
    """Rational settings, with and without matrices, at shots that the enumeration can afford."""
    rng = random.Random(f"fixed point {strategy}")
    for d, dense in ((1, False), (2, False), (1, True), (2, True)):
        for normalization in NORMALIZATIONS:
            setting = {
                "target": rational_array(rng, d), "noise_variance": abs(rational(rng)) + F(1, 7), "pretrain_shots": 2 if d == 1 else 1,
                "few_shot_shots": 3 if d == 1 else 2, "value_scale": abs(rational(rng)) + F(1, 9), "normalization": normalization,
            }  # fmt: skip
            if dense:
                setting["covariance"] = rational_covariance(rng, d)
            yield setting
            if strategy == "mixed_value":
                yield {**setting, "few_shot_weight": F(5, 3)}
            if strategy == "mixed_kq":
                yield {**setting, "noise_variance": F(0)}


def trained_gradient(strategy, model, setting):
    """The objective's exact gradient on the trained block, entry by entry."""
    d, (v, Q) = len(setting["target"]), entries(model)
    sigma, target = np.array(setting.get("covariance", identity(d))).tolist(), setting["target"].tolist()
    noise, normalization = setting["noise_variance"], setting["normalization"]
    if strategy == "pretrained":
        dv, dQ = exact_average_gradient(v, Q, sigma, noise, setting["pretrain_shots"], None, normalization)
        return [*dv, *(x for row in dQ for x in row)]
    dv, dQ = exact_gradient(v, Q, sigma, target, noise, 0, normalization)
    few_v, few_Q = exact_gradient(v, Q, sigma, target, noise, setting["few_shot_shots"], normalization)
    if strategy == "zero_shot_value":
        return dv
    if strategy == "zero_shot_kq":
        return [x for row in dQ for x in row]
    if strategy == "mixed_kq":
        return [x for rows in (dQ, few_Q) for row in rows for x in row]
    weight = setting.get("few_shot_weight", 0)
    return [x + weight * y for x, y in zip(dv, few_v, strict=True)] if weight else [*dv, few_v[-1]]


@cache
def strategy_points():
    """Fixed points with vanishing gradients, and risks there: (strategy, setting, v and Q, [(n, task, risk)])."""
    points, rng = [], random.Random("tasks")
    for strategy in RATIONAL_STRATEGIES:
        for setting in settings_of(strategy):
            model = theory.fixed_point(strategy, **setting)
            if strategy != "zero_shot_kq":
                assert not any(trained_gradient(strategy, model, setting)), (strategy, setting)
            d, (v, Q) = len(setting["target"]), entries(model)
            sigma, target = np.array(setting.get("covariance", identity(d))).tolist(), setting["target"].tolist()
            theta, noise, normalization = rational_array(rng, d), setting["noise_variance"], setting["normalization"]
            risks = []
            for n in (0, 1):
                for task, vector in (("target", target), ("opposite", [-x for x in target]), (theta, theta.tolist())):
                    risks.append((n, task, exact_risk(v, Q, sigma, vector, noise, n, normalization)))
                risks.append((n, "unseen", exact_average_risk(v, Q, sigma, noise, n, None, normalization)))
            points.append((strategy, setting, (v, Q), risks))
    return points


ROOT_SETTINGS = [
    {"target": [1.5, -0.5], "noise_variance": 0.7, "pretrain_shots": 3, "value_scale": scale, "normalization": normalization, **matrices}
    for scale in ("balanced", 0.6, 1.9)
    for normalization in NORMALIZATIONS
    for matrices in ({}, {"covariance": [[2.0, 0.5], [0.5, 1.0]], "task_covariance": [[0.5, 0.25], [0.25, 1.0]]})
]  # fmt: skip


# --- the checks, cheapest first --------------------------------------------------------------------------------------


def check_models():
    """risk of any model against the enumeration, exactly."""
    for model, n, keywords, exact in model_points():
        assert theory.risk(model, n, **keywords) == exact


def check_scalars():
    """risk of six scalars against the enumeration, exactly; scaling them changes nothing."""
    for arguments, n, keywords, exact in scalar_points():
        model = theory.AttentionParameters.from_isotropic(*arguments)
        assert theory.risk(model, n, **keywords) == exact
        scalars, d, target = arguments
        scaled = theory.AttentionParameters.from_isotropic(scalars.scaled(F(3, 2)), d, target)
        assert theory.risk(scaled, n, **keywords) == exact


def check_strategies():
    """Fixed points and their risks against the enumeration, exactly."""
    for strategy, setting, point, risks in strategy_points():
        assert entries(theory.fixed_point(strategy, **setting)) == point
        for n, task, exact in risks:
            assert theory.risk(strategy, n, task=task, **setting) == exact


def check_roots():
    """`zero_shot` and `mixed` in floats: the zero-shot gradient vanishes, |v|^2 - |Q|^2 is conserved, risks agree.

    1e-9 is above a few hundred roundings, and far below what a wrong coefficient does.
    """
    for setting in ROOT_SETTINGS:
        start = theory.fixed_point("pretrained", **setting)
        conserved = np.sum(start.v**2) - np.sum(start.Q**2)
        if setting["value_scale"] == "balanced":
            assert abs(conserved) < 1e-9
        sigma = setting.get("covariance", np.eye(2).tolist())
        world = {"covariance": sigma, "target": setting["target"], "noise_variance": setting["noise_variance"]}
        world["normalization"] = setting["normalization"]
        for strategy in ("zero_shot", "mixed"):
            model = theory.fixed_point(strategy, **setting)
            copy = theory.AttentionParameters(model.v, model.Q)
            assert abs(np.sum(model.v**2) - np.sum(model.Q**2) - conserved) < 1e-9
            for task in ("target", "opposite", [0.3, 0.8]):
                for n in (0, 1, 7):
                    found = theory.risk(strategy, n, task=task, **setting)
                    assert math.isclose(found, theory.risk(copy, n, task=task, **world), rel_tol=1e-9)
            assert math.isclose(theory.risk(strategy, 0, **setting), setting["noise_variance"], rel_tol=1e-9)
            if strategy == "mixed":  # along the manifold, in w and in q_xy, the few-shot loss is at its least
                least = theory.risk(copy, setting["pretrain_shots"], **world)
                for step in (-1e-3, 1e-3):
                    for entry in ("v", "Q"):
                        v, Q = model.v.copy(), model.Q.copy()
                        if entry == "v":
                            v[-1] += step
                        else:
                            Q[1:-1, -1] += step * np.array(setting["target"])
                        moved = theory.risk(theory.AttentionParameters(v, Q), setting["pretrain_shots"], **world)
                        assert moved > least
    exact = theory.risk("mixed", 3, 4, noise_variance=F(1, 3), pretrain_shots=5, task="opposite")
    assert math.isclose(
        float(exact), theory.risk("mixed", 3, 4, noise_variance=1 / 3, pretrain_shots=5, task="opposite")
    )


def check_conditions():
    """Where conditions says that one risk is below another, against the risks themselves."""
    for normalization in NORMALIZATIONS:
        setting = {"d": 5, "noise_variance": F(1, 10), "pretrain_shots": 20, "normalization": normalization}
        for strategy in ("pretrained", "zero_shot_value", "mixed_value"):
            for condition in theory.conditions(strategy, **setting):
                if condition.task is None or "auxiliary" in condition.name:
                    continue
                risks = [theory.risk(strategy, n, task=condition.task, **setting) for n in range(40)]
                others = [theory.risk("pretrained", n, task=condition.task, **setting) for n in range(40)]
                for n in range(40):
                    if condition.name.startswith("few-shot"):
                        assert condition.holds(n) == (risks[n] < risks[0])
                    else:
                        assert condition.holds(n) == (risks[n] < others[n])
        terms, _ = terms_of(theory.STRATEGIES["zero_shot_value"], theory.Setting(**setting), "opposite")
        limit = limit_of_many_shots(terms)
        assert abs(limit - theory.risk("zero_shot_value", 10**12, task="opposite", **setting)) < F(1, 10**9)


@cache
def gradient_points():
    """Exact gradients of dense models: (model, setting, term, gradient)."""
    rng, points = random.Random("gradients"), []
    for d, n in ((1, 0), (1, 2), (2, 1)):
        v, Q = rational_array(rng, d + 2), rational_array(rng, d + 2, d + 2)
        sigma, theta, noise = rational_covariance(rng, d), rational_array(rng, d), abs(rational(rng))
        dv, dQ = exact_gradient(v.tolist(), Q.tolist(), sigma.tolist(), theta.tolist(), noise, n)
        setting = theory.Setting(covariance=sigma.astype(float), noise_variance=float(noise))
        model = theory.AttentionParameters(v.astype(float), Q.astype(float))
        term = (Term(1.0, n, theta.astype(float)),)
        points.append((model, setting, term, np.array([*dv, *(x for row in dQ for x in row)], dtype=float)))
    return points


def check_gradient():
    """numerics.gradient against the enumeration: 1e-10 relative is rounding."""
    for model, setting, term, exact in gradient_points():
        found = gradient(model, setting, term)
        both = np.concatenate([found.v, found.Q.ravel()])
        assert np.abs(both - exact).max() < 1e-10 * np.abs(exact).max()


def check_core_models():
    """The core on matrices against the enumeration, exactly."""
    for model, n, keywords, exact in model_points():
        (v, Q), sigma = entries(model), np.array(keywords["covariance"], dtype=object)
        space, noise = Matrices(len(sigma), FRACTIONS), keywords["noise_variance"]
        world = World(space, sigma, None, None, len(sigma), noise, *[None] * 6)
        if isinstance(keywords["task"], str):
            psi, kappa = keywords["task_covariance"], 1
            if psi is None:
                psi, kappa = space.identity * F(1, len(sigma)), F(len(sigma), len(sigma) + 2)
            tasks = Tasks(0 * space.label, space.token_operator(psi, 0), kappa)
        else:
            tasks = Tasks(space.token_vector(0, keywords["task"], 0))
        # The model in its blocks, as the laws put it together.
        Q = np.array(Q, dtype=object)
        score = space.score(Q[0, 0], Q[0], Q[1:-1, 0], Q[1:-1, 1:-1], Q[1:-1, -1])
        head = Head(np.array(v, dtype=object), score)
        terms = contract(space, world.inputs(), Layer((head,)), tasks)
        assert exact_risk_formula(terms, n, keywords["normalization"]) == exact


def check_core_lines():
    """The core on two lines against the enumeration, exactly."""
    for (scalars, d, target), n, keywords, exact in scalar_points():
        norm2, task, departure, beside, place = target @ target, keywords["task"], F(0), F(0), "task"
        if isinstance(task, str):
            place, departure = {"unseen": "sphere"}.get(task, "task"), F(2 if task == "opposite" else 0)
        else:
            departure = 1 - task @ target / norm2
            rest = task - (1 - departure) * target
            beside = rest @ rest
        numbers = Numbers(F(d), keywords["noise_variance"], norm2, across_norm2=beside)
        terms = isotropic_terms(of_scalars(*scalars), isotropic_world(numbers, "tokens", True), place, departure)
        assert exact_risk_formula(terms, n, keywords["normalization"]) == exact


def check_core_laws():
    """R1, R4 and R5 on matrices: the enumerated gradient in the trained block vanishes."""
    for d in (1, 2):
        for normalization in NORMALIZATIONS:
            for psi in (None, rational_covariance(random.Random(d), d)):
                rng = random.Random(f"laws {d}")
                sigma, target, noise = rational_covariance(rng, d), rational_array(rng, d), abs(rational(rng)) + F(1, 7)
                m = 3 - d
                rest = (*training_tokens(F(m), normalization), m, tokens(m, normalization), F(5, 3), F(2))
                world = World(Matrices(d, FRACTIONS), sigma, psi, target, d, noise, *rest)

                def slopes(point, shots):
                    (head,) = point.layer(world).heads  # noqa: B023
                    at = (list(head.v), head.Q.tolist(), sigma.tolist())  # noqa: B023
                    return exact_gradient(*at, target.tolist(), noise, shots, normalization)[0][1:]  # noqa: B023

                (head,) = laws.pretrained(world).layer(world).heads
                given = None if psi is None else psi.tolist()
                at = (list(head.v), head.Q.tolist(), sigma.tolist(), noise, m, given, normalization)
                dv, dQ = exact_average_gradient(*at)
                assert not any([*dv, *(x for row in dQ for x in row)])
                assert not any(slopes(laws.zero_shot_value(world), 0))
                point = laws.mixed_value(world)
                assert not any(x + F(5, 3) * y for x, y in zip(slopes(point, 0), slopes(point, m), strict=True))


def check_core_zero_shot():
    """R2 on matrices at the proof's points: gradients vanish, |v|^2 - |Q|^2 is conserved."""
    assert all(found == enumerated for found, enumerated in r2_selection._matrix_points())


def check_core_mixed_key_query():
    """R6 likewise, with noise and without."""
    for noise in (F(2, 7), F(0)):
        assert all(found == enumerated for found, enumerated in r6_mixed_key_query.points(noise))


def check_core_mixed():
    """R7 likewise."""
    assert all(found == enumerated for found, enumerated in r7_mixed._points())


def check_core_roots():
    """R7's and R2's roots: the two forms agree, the equation holds. 1e-12 is a few hundred roundings."""
    for rho, m, m_prime in ((0.3, 2.0, 2.0), (1e-3, 5.0, 4.0), (7.0, 1.0, 1.0)):
        u, ratio, _ = laws.least_by_root(rho, m, m_prime)
        stable = laws.least_by_ratio(rho, m, m_prime)
        for found, expected in zip(stable, (u, ratio, 1 / u + (u - 1) / (u * (1 + rho))), strict=True):
            assert math.isclose(found, expected, rel_tol=1e-12)
    for invariant in (-3.0, 3.0):
        for found in (
            laws.selected_scale(invariant, 2.0, 5.0),
            laws.selected_scale(np.array([invariant]), 2.0, 5.0)[0],
        ):
            assert math.isclose(2 * found**2 - 5 / found**2, invariant, rel_tol=1e-12)


CHECKS = (
    check_core_models,
    check_core_lines,
    check_core_laws,
    check_core_zero_shot,
    check_core_mixed_key_query,
    check_core_mixed,
    check_core_roots,
    check_gradient,
    check_models,
    check_scalars,
    check_conditions,
    check_roots,
    check_strategies,
)
FIRST = {
    "numerics.population_loss": "check_gradient", "thresholds": "check_conditions",
    "contractions": "check_core_models", "risk_formula": "check_core_models", "prompt": "check_core_models",
    "space": "check_core_models", "matrices": "check_core_models", "lines": "check_core_models", "programs": "check_core_lines", "laws": "check_core_laws",
    "laws.mixed": "check_core_mixed", "laws.mixed_idle": "check_core_mixed", "laws.mixed_key_query": "check_core_mixed_key_query",
    "laws.mixed_key_query_noiseless": "check_core_mixed_key_query", "laws.zero_shot": "check_core_zero_shot",
    "laws.least_by_root": "check_core_roots", "laws.least_by_ratio": "check_core_roots",
    "laws.selected_scale": "check_core_roots", "laws.nothing_to_gain": "check_core_mixed",
    "laws._memory": "check_core_zero_shot", "laws.zero_shot_scale": "check_core_zero_shot",
    "laws._start_norm2": "check_core_zero_shot", "laws._inverse_zero_shot_scale": "check_core_zero_shot",
}  # fmt: skip


def in_order(module, name):
    """The checks, the likeliest killer first."""
    first = FIRST.get(f"{module}.{name}", FIRST.get(module, "check_models"))
    return sorted(CHECKS, key=lambda check: check.__name__ != first)


# --- mutants ---------------------------------------------------------------------------------------------------------


def function_of(module, name):
    """Where a function is written, and itself."""
    owner = importlib.import_module(module if "." in module else f"theory.{module}")
    found = owner
    for part in name.split("."):
        found = getattr(found, part)
    function = inspect.unwrap(found)
    return owner, getattr(function, "__func__", function)


@contextmanager
def mutated(module, name, old, new):
    """The function's code replaced in place, so that tables and imports that hold the function see the mutant."""
    owner, function = function_of(module, name)
    namespace = dict(vars(owner))
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times in {module}.{name}"
    exec(compile(source.replace(old, new), f"<mutant of {name}>", "exec"), namespace)
    mutant = namespace[name.split(".")[-1]]
    original = function.__code__
    function.__code__ = getattr(mutant, "__func__", mutant).__code__
    try:
        yield
    finally:
        function.__code__ = original


def killer(module, name):
    """The first check that notices, or None."""
    for check in in_order(module, name):
        try:
            check()
        except Exception as error:
            return check.__name__, type(error).__name__
    return None


@pytest.fixture(scope="module")
def unmutated():
    """All checks pass as things stand; what they compare with is found here."""
    for check in CHECKS:
        check()


@pytest.mark.parametrize(("module", "name", "old", "new"), MUTANTS, ids=lambda x: x if x.isidentifier() else None)
def test_mutant_is_killed(unmutated, module, name, old, new):
    with mutated(module, name, old, new):
        found = killer(module, name)
    assert found is not None, f"survivor: {module}.{name} with {new!r} for {old!r}"
    print(f"| {module}.{name} | {old!r} -> {new!r} | {found[0]} ({found[1]}) |")


def test_there_are_sixty():
    assert len(set(MUTANTS)) == len(MUTANTS) >= 60


def test_nothing_stays_mutated():
    module, name, old, new = MUTANTS[0]
    _, function = function_of(module, name)
    code = function.__code__
    with suppress(RuntimeError), mutated(module, name, old, new):
        assert function.__code__ is not code
        raise RuntimeError
    assert function.__code__ is code
