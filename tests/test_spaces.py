"""The core on its spaces: lines, matrices and words give one and the same risk, and the programs are the lines' own."""

from __future__ import annotations

import math
import random
import tracemalloc
from fractions import Fraction as F

import mpmath
import numpy as np
import pytest

import theory
from theory import evaluation
from theory.contractions import Head, Inputs, Layer, Tasks, contract
from theory.kinds import FRACTIONS
from theory.laws import LAWS, MASKED
from theory.lines import GLANCE, Lines
from theory.matrices import Matrices
from theory.points import Regime, World
from theory.practices import CASES
from theory.programs import (
    Numbers,
    Question,
    isotropic_terms,
    isotropic_world,
    of_scalars,
    risk_program,
    scalars_of,
    scalars_program,
    tasks_of,
)
from theory.proofs.r0_model import B, N, Sigma, b, excess, n, p, q, r_x, r_y, sigma2, theta, v_0, v_x, w
from theory.proofs.words import Words
from theory.risk_formula import exact_risk_formula
from theory.space import objects
from theory.strategies import ADDED, STRATEGIES


def test_the_code_on_words_is_the_definition():
    space = Words()
    head = Head(space.token_vector(v_0, v_x, w), space.score(q, space.token_vector(0, r_x, r_y), p, B, b))
    shot, query = space.token_operator(Sigma, sigma2), space.token_operator(Sigma, 0)
    inputs = Inputs(shot, space.constant, query, space.constant, sigma2)
    terms = contract(space, inputs, Layer((head,)), Tasks(space.token_vector(0, theta, 0)))
    total = terms.fixed + n * terms.per_shot
    for weight, slope, intercept, truth in terms.squares:
        bias = n * slope + intercept + (N - n) * truth
        total = total + weight * bias * bias
    assert total - excess() == 0


def numbers(rng, exact=True):
    """An isotropic setting and a question, in Fractions."""
    d = rng.randint(2, 6)
    s, across = F(rng.randint(1, 9), rng.randint(1, 5)), F(rng.randint(0, 9), rng.randint(1, 5))
    shots, few = rng.randint(1, 9), rng.randint(1, 9)
    return Numbers(
        F(d), F(rng.randint(1, 4), 3), s, F(shots), F(few), F(rng.randint(0, 2)), F(rng.randint(1, 5), 2), None,
        F(rng.randint(-3, 3), 2), across, rng.randint(0, 5),
    )  # fmt: skip


def as_matrices(numbers, normalization):
    """The same world as matrices; the target's and the task's lengths must have rational roots."""
    d = int(numbers.d)
    space = Matrices(d, FRACTIONS)
    lines = isotropic_world(numbers, normalization, False)
    one = space.identity * F(1)
    target = np.array([root(numbers.target_norm2)] + [F(0)] * (d - 1), dtype=object)
    world = World(space, one, None, target, *lines[4:])
    theta = np.array([(1 - numbers.departure) * target[0], root(numbers.across_norm2)] + [F(0)] * (d - 2), dtype=object)
    return world, space.token_vector(0, theta, 0)


def root(x):
    top, bottom = math.isqrt(x.numerator), math.isqrt(x.denominator)
    return F(top, bottom)


@pytest.mark.parametrize("place", ["target", "task", "unseen"])
@pytest.mark.parametrize("normalization", ["tokens", "shots"])
def test_lines_are_matrices(place, normalization):
    rng = random.Random(place + normalization)
    for _ in range(30):
        given = numbers(rng)._replace(
            target_norm2=F(rng.randint(1, 4), 3) ** 2, across_norm2=F(rng.randint(0, 4), 3) ** 2
        )
        world, theta = as_matrices(given, normalization)
        point = of_scalars(*(F(rng.randint(-9, 9), rng.randint(1, 4)) for _ in range(6)))
        lines = isotropic_terms(point, isotropic_world(given, normalization, False), place, given.departure)
        tasks = Tasks(theta) if place == "task" else tasks_of(world, place, None)
        matrices = contract(world.space, world.inputs(), point(world).layer(world), tasks)
        for count in (0, 1, 4):
            assert exact_risk_formula(lines, count, normalization) == exact_risk_formula(matrices, count, normalization)


RECORDED = [(name, case) for name, cases in LAWS.items() for case in cases]
RECORDED += [(strategy.name, case) for strategy, cases in CASES.items() for case in cases]
RECORDED += [("masked", case) for case in MASKED["mixed_value"]]


@pytest.mark.parametrize(("name", "case"), RECORDED)
@pytest.mark.parametrize("place", ["target", "task", "unseen"])
def test_a_program_is_its_law(name, case, place):
    """Exactly, in Fractions; where a law takes roots, to 50 digits. The law's gauge is w = 1, the program's B = I."""
    rng = random.Random(name + place)
    for count in range(6):
        given = numbers(rng)._replace(few_shot_shots=F(rng.randint(2, 9)))
        if count % 3 == 0:
            given = given._replace(target_norm2=F(1))
        rooted = name in ("zero_shot", "mixed", "frozen_q")
        normalization = rng.choice(["tokens", "shots"])
        with mpmath.workdps(50):
            if rooted:
                given = Numbers(*(mpmath.mpf(x.numerator) / x.denominator if isinstance(x, F) else x for x in given))
                given = given._replace(few_shot_weight=0)
            world = isotropic_world(given, normalization, False)
            terms = isotropic_terms(case.point, world, place, given.departure, name != "masked")
            expected = exact_risk_formula(terms, given.n_shots, normalization)
            N = given.n_shots + 1 if normalization == "tokens" else max(given.n_shots, 1)
            question = Question(
                place,
                normalization,
                False,
                False,
                given.few_shot_weight != 0,
                True,
                name != "masked",
                0,
                count % 3 == 0,
            )
            (found,) = risk_program(case.point, question)(*given._replace(tokens=N, beyond=N - given.n_shots))
            assert abs(found - expected) <= (mpmath.mpf(10) ** -45 * abs(expected) if rooted else 0)


@pytest.mark.parametrize("case", [case for cases in LAWS.values() for case in cases if case.scale is not None])
def test_a_program_of_scalars_is_its_law(case):
    rng = random.Random(3)
    given = Numbers(*(None if x is None else float(x) for x in numbers(rng, exact=False)))._replace(value_scale=None)
    world = isotropic_world(given, "tokens", False)
    expected = scalars_of(case.point(world)).scaled(case.scale(world))
    found = scalars_program(case.point, case.scale, Question("target", "tokens", False, True, True, False))(*given)
    assert found == pytest.approx(
        expected, rel=1e-13
    )  # the same arithmetic, in an order that may differ: some roundings


@pytest.mark.parametrize("name", [name for name in STRATEGIES if STRATEGIES[name].trains not in ADDED])
def test_the_everyday_fixed_point_is_the_other(monkeypatch, name):
    """Found in fewer steps: the same numbers, asked for in turn so that a stored program would be taken for another's."""
    settings = [
        theory.Setting(
            d=d, noise_variance=noise, pretrain_shots=m, few_shot_shots=few, normalization=normalization, query=query,
            few_shot_weight=0 if name == "mixed" else weight,
        )
        for d, noise, m, few, normalization, weight in (
            (5, 0.1, 20, None, "tokens", 0), (5, 0.1, math.inf, 20, "tokens", 0.5), (2, 0.5, 7, 3, "shots", 0.5),
            (1, 1.0, 4, 1, "shots", 0), (5, 0.0 if name != "mixed" else 0.1, 20, 9, "tokens", 0),
        )
        for query in ("attends", "masked")[: 1 + (name != "mixed")]
    ]  # fmt: skip
    found = [theory.fixed_point(name, setting=setting).isotropic for setting in settings]
    monkeypatch.setattr(evaluation, "everyday_scalars", lambda *_: None)
    for setting, scalars in zip(settings, found, strict=True):
        assert scalars == theory.fixed_point(name, setting=setting).isotropic


def test_many_lines_are_matrices():
    """A diagonal world at cost O(d), with Gram-Schmidt in the place of the few lines' coordinates."""
    rng = np.random.default_rng(5)
    d = 6
    sigma, psi = rng.uniform(0.5, 2, d), rng.uniform(0.5, 2, d)
    target, task = rng.normal(size=d), rng.normal(size=d)
    lines, matrices = Lines(np.ones(d), np.ones(d)), Matrices(d)
    rest = (float(d), 0.3, 1 / 8, 1.0, 5.0, 6.0, 0.2, None)
    for name, cases in LAWS.items():
        case = next(case for case in cases if case.holds(Regime(0.3, 1.0, 6.0)))
        for place in ("task", "unseen"):
            terms = []
            for space, world in (
                (lines, World(lines, lines.diagonal(sigma), lines.diagonal(psi), lines.vector(target), *rest)),
                (matrices, World(matrices, np.diag(sigma), np.diag(psi), target, *rest)),
            ):
                theta = space.token_vector(0, lines.vector(task) if space is lines else task, 0)
                spread = space.token_operator(world.psi, 0)
                tasks = Tasks(theta) if place == "task" else Tasks(0 * theta, spread)
                terms.append(contract(space, world.inputs(), case.point(world).layer(world), tasks))
            for count in (0, 1, 7):
                left, right = (exact_risk_formula(x, count) for x in terms)
                assert left == pytest.approx(right, rel=1e-11), (name, place, count)  # a few hundred roundings at most


@pytest.mark.parametrize("name", ["zero_shot_value", "mixed", "mixed_kq"])
@pytest.mark.parametrize("place", ["target", "unseen"])
def test_a_target_far_along_is_seen(name, place):
    """Where the first coordinates of a vector are all zero, as a glance shows, the others still count."""
    sigma = 1 / np.arange(1.0, GLANCE + 7)
    where = {"target": np.eye(sigma.size)[-1], "noise_variance": 0.1, "pretrain_shots": 20, "few_shot_shots": 20}
    lines, matrices = (theory.risk(name, range(3), covariance=x, task=place, **where) for x in (sigma, np.diag(sigma)))
    np.testing.assert_allclose(lines, matrices, rtol=1e-11)  # a few hundred roundings, as above


def test_memory_grows_as_the_dimension():
    """All tasks, and the law of most operators: a hundred vectors at most at once."""
    d = 5000
    tracemalloc.start()
    theory.risk(
        "mixed", range(9), covariance=np.linspace(1, 2, d), noise_variance=0.1, few_shot_shots=20, task="unseen"
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 8 * d


def test_an_exact_quotient_stays_exact():
    space = Lines.isotropic(3, 1, 1)
    half = space.inverse(2 * space.identity)
    assert half.diagonal.tolist() == [F(1, 2), F(1, 2)]
    assert space.solve(2 * space.identity, space.vector(objects(4, 3))).coordinates.tolist() == [2, F(3, 2)]
