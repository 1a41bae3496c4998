"""Soft prompt, linear readout, new head, all but one entry: numbers known beforehand, exact losses, kinds of number."""

import math
from fractions import Fraction as F

import numpy as np
import pytest
import sympy

import theory
from theory import AttentionParameters, NoClosedForm, Setting, Strategy, risk
from theory.strategies import find_strategy

NAMES = ("soft_prompt", "skip", "new_head", "frozen_q")
# d = 5, m = 20, sigma^2 = 0.1: risks on (target, unseen) at n = 0, 1, 5, 20, from an evaluator that shares no code with this.
KNOWN = {
    "soft_prompt": ([0.1, 0.5583, 0.5385, 0.3043], [2.1, 1.5395, 0.7865, 0.3551], 5e-5),
    "new_head": (
        [0.1, 1.38123888, 0.83573039, 0.36954178], [2.1, 1.98501246, 0.94893794, 0.39290207], 5e-9
    ),
    "frozen_q": ([0.32222222, None, None, 0.34987914], [None, None, None, 0.36951200], 5e-9),
    "skip": ([0.1, None, None, None], [2.1, 2.48501246, 1.78227127, 1.34528302], 5e-9),
}  # fmt: skip
SIGMA = np.array([[F(2), F(1, 2)], [F(1, 2), F(1)]], dtype=object)
TARGET = np.array([F(1), F(-1, 2)], dtype=object)


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_known_beforehand(name):
    *known, half_a_digit = KNOWN[name]
    for task, values in zip(("target", "unseen"), known, strict=True):
        found = risk(name, [0, 1, 5, 20], setting=theory.OFFICIAL, task=task)
        for one, value in zip(found, values, strict=True):
            assert value is None or abs(one - value) <= half_a_digit


@pytest.mark.parametrize("normalization", ["tokens", "shots", F(3)])
@pytest.mark.parametrize("n", [0, 1, 4])
def test_what_it_costs_on_unseen_tasks_is_as_the_theorems_say(normalization, n):
    """In Fractions, beside a covariance and a prior: the price is free of the noise, the prior and the shots of training."""
    where = {"covariance": SIGMA, "target": TARGET, "noise_variance": F(1, 3), "normalization": normalization}
    setting = Setting(**where, task_covariance=[F(1), F(1, 4)], pretrain_shots=4)
    s_0 = TARGET @ SIGMA @ TARGET
    tokens = {"tokens": (n + 1, 1), "shots": (max(n, 1), 1)}.get(normalization, (F(3), F(3)))
    N, N_0 = map(F, tokens)
    shorter = {name: risk(name, n, setting=setting, task="unseen") for name in ("pretrained", *NAMES)}
    floor = setting.noise_variance
    assert risk("soft_prompt", 0, setting=setting) == risk("skip", 0, setting=setting) == floor
    assert risk("new_head", 0, setting=setting) == floor
    assert risk("frozen_q", 0, setting=setting) == floor + 2 * s_0 / (2 + 4)
    assert shorter["skip"] == shorter["pretrained"] + s_0
    assert shorter["new_head"] == shorter["pretrained"] + (n + 1) * s_0 * (N_0 / N) ** 2
    if normalization == "tokens":  # N has the prompt's token
        layer = theory.fixed_point("pretrained", setting=setting.replace(value_scale=F(1)))
        silent = AttentionParameters(layer.v, layer.Q, prompt=[[0, 0, 0, 0]])
        before = risk(silent, n, setting=setting, task="unseen")
        assert shorter["soft_prompt"] == before + s_0 * F(2, n + 2) ** 2
    else:
        assert shorter["soft_prompt"] == shorter["pretrained"] + s_0 * (N_0 / N) ** 2


def _prompted(setting, x):
    layer = theory.fixed_point("pretrained", setting=setting)
    return AttentionParameters(layer.v, layer.Q, prompt=[[0, *x, 1]])


@pytest.mark.parametrize(
    ("strategy", "losses"),
    [
        (Strategy("prompt", few_shot=F(1, 2)), [(1, 0, "target"), (F(1, 2), 3, "target")]),
        (Strategy("prompt", replay=2), [(1, 0, "target"), (2, 4, "unseen")]),
        (Strategy("prompt", zero_shot=0, few_shot="setting"), [(1, 3, "target")]),
        (Strategy("prompt"), [(1, 0, "target")]),
    ],
)
def test_a_prompt_ends_where_its_loss_is_least(strategy, losses):
    """The loss is even about the end in every direction of x_p, at y_p = 1: exactly, since it is a quadratic there."""
    setting = Setting(
        covariance=SIGMA, target=TARGET, noise_variance=F(1, 3), pretrain_shots=4, few_shot_shots=3,
        value_scale=F(1),
    )  # fmt: skip
    model = theory.fixed_point(strategy, setting=setting)
    (token,) = model.prompt
    assert sympy.simplify(sum(x**2 for x in token[1:-1]) - token[-1] ** 2) == 0  # conserved, zero at the start
    x = np.array([F(str(sympy.nsimplify(sympy.simplify(x * token[-1])))) for x in token[1:-1]], dtype=object)

    def loss(x):
        return sum(w * risk(_prompted(setting, x), n, setting=setting, task=task) for w, n, task in losses)

    for step in np.eye(2, dtype=int).astype(object):
        assert loss(x + step) == loss(x - step) > loss(x)
    assert risk(strategy, 2, setting=setting) == risk(_prompted(setting, x), 2, setting=setting)


def test_a_prior_of_low_rank_bounds_what_a_prompt_reaches():
    """wB knows one direction: the prompt recites the target's nearest point there, the readout and the head all of it."""
    setting = Setting(covariance=SIGMA, task_covariance=np.full((2, 2), F(1)), target=TARGET, pretrain_shots=4)
    ones = np.array([F(1), F(1)], dtype=object)
    rest = TARGET - (ones @ SIGMA @ TARGET) / (ones @ SIGMA @ ones) * ones
    assert risk("soft_prompt", 0, setting=setting, noise_variance=F(1, 3)) == F(1, 3) + rest @ SIGMA @ rest
    assert risk("new_head", 0, setting=setting) == risk("skip", 0, setting=setting) == 0
    setting = setting.replace(covariance=SIGMA.astype(float))
    model = theory.fixed_point("soft_prompt", setting=setting)
    assert risk(model, 0, setting=setting) == pytest.approx(float(rest @ SIGMA @ rest), rel=1e-13)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("query", ["attends", "masked"])
def test_kinds_of_number(name, query):
    """A Symbol put in, an array, a Fraction, a ball and a float agree; and the limit is that of many shots."""
    n, d = sympy.symbols("n d", positive=True)
    plain = {"noise_variance": F(1, 10), "pretrain_shots": 20, "query": query, "task": "unseen"}
    exact = risk(name, 3, 4, **plain)
    formula = risk(name, n, d, **plain)
    assert float(formula.subs({n: 3, d: 4})) == pytest.approx(float(exact), rel=1e-13)
    floats = {**plain, "noise_variance": 0.1}
    assert risk(name, 3, 4, **floats) == pytest.approx(float(exact), rel=1e-13)
    assert risk(name, [[1], [3]], np.array([4, 6]), **floats)[1, 0] == pytest.approx(float(exact), rel=1e-13)
    assert risk(name, 3, 4, **plain, certify=True).contains(sympy.N(exact, 60)) if name != "frozen_q" else True
    assert risk(name, math.inf, 4, **floats) == pytest.approx(risk(name, 10**12, 4, **floats), rel=1e-10)


def test_aliases_and_equal_strategies():
    for alias, name in (
        ("prompt", "soft_prompt"),
        ("linear_readout", "skip"),
        ("all_but_q", "frozen_q"),
        ("adapter", "new_head"),
    ):
        assert find_strategy(alias) is theory.STRATEGIES[name]
    assert Strategy(("b", "B", "p", "r", "w", "v_x", "v_0")) == theory.STRATEGIES["frozen_q"]


def test_masked_queries_leave_nothing_to_learn_but_beside_the_layer():
    masked = theory.OFFICIAL.replace(query="masked")
    for name in ("new_head", "frozen_q"):
        found, pretrained = (theory.fixed_point(x, setting=masked) for x in (name, "pretrained"))
        assert np.array_equal(found.v, pretrained.v)
        assert np.array_equal(found.Q, pretrained.Q)
    for name in ("soft_prompt", "skip"):
        assert risk(name, 0, setting=masked) == 0.1


def test_conditions_know_the_prompts_token():
    """Few-shot beats zero-shot by brute force over n."""
    found = {c.name: c for c in theory.conditions("soft_prompt", setting=theory.OFFICIAL, task="unseen")}
    risks, before = (risk(x, range(60), setting=theory.OFFICIAL, task="unseen") for x in ("soft_prompt", "pretrained"))
    assert [found["few-shot beats zero-shot on unseen"].holds(n) for n in range(1, 60)] == list(risks[1:] < risks[0])
    assert [found["beats pretrained on unseen"].holds(n) for n in range(60)] == list(risks < before)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (Strategy("prompt", time=1.0), "time = math.inf"),
        (Strategy("prompt", pull=1), "pull = 0"),
        (Strategy("new_head", replay=1), "numerics.flow"),
        (Strategy("new_head", time=2.0), "zero-shot loss alone"),
        (Strategy("all_but_q", few_shot=1), "entries of v and of Q"),
    ],
)
def test_what_has_no_closed_form_says_so(strategy, message):
    with pytest.raises(NoClosedForm, match=message):
        risk(strategy, 3, setting=theory.OFFICIAL)
