"""The exact gradient and Hessian against rational arithmetic, complex steps and the risk itself."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

import theory
from numerics.derivatives import gradient, hessian
from numerics.objectives import Term, layer_loss, objective, population_loss
from theory.proofs.enumeration import (
    exact_average_gradient,
    exact_average_risk,
    exact_gradient,
    exact_layer_risk,
    exact_risk,
)
from theory.strategies import PUBLISHED

# Dyadic numbers: exact as floats, so that rationals and floats speak of the same point.
SIGMA = np.array([[1.25, 0.5], [0.5, 0.75]])
PSI = np.array([[0.5, -0.25], [-0.25, 1.0]])
THETA = np.array([0.75, -0.5])
NOISE = 0.25
SHOTS = (0, 1, 3)
TASKS = ("task", "sphere", "gaussian")


def dyadic(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).integers(-3, 4, size=shape) / 4


def dyadic_model(seed: int, d: int = 2) -> theory.AttentionParameters:
    return theory.AttentionParameters(dyadic(seed, (d + 2,)), dyadic(seed + 1000, (d + 2, d + 2)))


def case(tasks: str, normalization: str, n: int):
    """A setting with the loss of one risk, and the exact risk and gradient of the same."""
    prior = PSI if tasks == "gaussian" else None
    setting = theory.Setting(
        covariance=SIGMA,
        task_covariance=prior,
        noise_variance=NOISE,
        target=THETA,
        normalization=normalization,
    )
    loss = (Term(1.0, n, THETA if tasks == "task" else None),)
    sigma = SIGMA.tolist()
    if tasks == "task":
        rest = (sigma, THETA.tolist(), NOISE, n, normalization)
        exact = exact_risk, exact_gradient
    else:
        rest = (sigma, NOISE, n, None if prior is None else prior.tolist(), normalization)
        exact = exact_average_risk, exact_average_gradient
    return setting, loss, *(lambda v, Q, f=f: f(v, Q, *rest) for f in exact)


@pytest.mark.parametrize("normalization", ["tokens", "shots"])
@pytest.mark.parametrize("tasks", TASKS)
@pytest.mark.parametrize("n", SHOTS)
def test_value_and_gradient_are_those_of_exact_enumeration(n, tasks, normalization):
    setting, loss, exact_loss, exact_slope = case(tasks, normalization, n)
    model = dyadic_model(n)
    value = float(exact_loss(model.v.tolist(), model.Q.tolist()))
    dv, dQ = (np.array(x, dtype=float) for x in exact_slope(model.v.tolist(), model.Q.tolist()))
    assert np.abs(dQ).max() > 0.1
    # Rounding: some five products of 4 x 4 matrices in a row, sums of four products each, whose terms add up to a few times
    # the result: 100 roundings in all.
    tolerance = 100 * 2.2e-16 * 2.5 * max(1.0, value, np.abs(dQ).max(), np.abs(dv).max())
    found = gradient(model, setting, loss)
    assert population_loss(setting, loss).value(model.v, model.Q) == pytest.approx(value, abs=tolerance)
    np.testing.assert_allclose(found.v, dv, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.Q, dQ, rtol=0, atol=tolerance)


@pytest.mark.parametrize("tasks", TASKS)
@pytest.mark.parametrize("n", SHOTS)
def test_hessian_is_the_exact_difference_of_exact_gradients(n, tasks):
    """Along one coordinate the gradient has degree 2 at most, so that a central difference of any width is exact."""
    setting, loss, _, exact_slope = case(tasks, "tokens", n)
    d = 1 if n == 3 else 2
    if d == 1:
        setting = theory.Setting(covariance=SIGMA[:1, :1], noise_variance=NOISE, target=THETA[:1])
        loss = (Term(1.0, n, THETA[:1]),)

        def exact_slope(v, Q):
            return exact_gradient(v, Q, SIGMA[:1, :1].tolist(), THETA[:1].tolist(), NOISE, n)

    model = dyadic_model(n + 5, d)
    state = [Fraction(x) for x in (*model.v, *model.Q.ravel())]
    size = d + 2

    def slope(point):
        dv, dQ = exact_slope(point[:size], [point[size * (1 + i) : size * (2 + i)] for i in range(size)])
        return [*dv, *(x for row in dQ for x in row)]

    H = hessian(model, setting, loss)
    coordinates = range(len(state)) if d == 1 else np.random.default_rng(n).permutation(len(state))[:5]
    for j in coordinates:
        ahead, behind = list(state), list(state)
        ahead[j], behind[j] = ahead[j] + 1, behind[j] - 1
        exact = [float((a - b) / 2) for a, b in zip(slope(ahead), slope(behind), strict=True)]
        np.testing.assert_allclose(H[:, j], exact, rtol=0, atol=1e-13 * np.abs(H).max())


def random_setting(d: int, seed: int, **changes) -> theory.Setting:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(d, 2 * d))
    arguments = {
        "covariance": X @ X.T / d,
        "task_covariance": np.diag(rng.uniform(0.5, 2, size=d)),
        "target": rng.normal(size=d),
        "noise_variance": 0.3,
        "pretrain_shots": 7,
    }
    return theory.Setting(**{**arguments, **changes})


def random_model(d: int, seed: int) -> theory.AttentionParameters:
    rng = np.random.default_rng(seed)
    return theory.AttentionParameters(rng.normal(size=d + 2), rng.normal(size=(d + 2, d + 2)))


def mixture(setting: theory.Setting) -> tuple[Term, ...]:
    target = setting.target_vector()
    return Term(0.7, 0, target), Term(1.3, 4, None), Term(0.4, math.inf, None), Term(2.0, 6, -target)


@pytest.mark.parametrize(
    ("normalization", "query"), [("tokens", "attends"), ("shots", "attends"), ("tokens", "masked"), (2.5, "masked")]
)
def test_complex_steps_give_the_same_derivatives(normalization, query):
    """f(x + ih) = f(x) + ih f'(x) - O(h^2): with h = 1e-30 nothing is lost but rounding."""
    d = 4
    setting, model = random_setting(d, 1, normalization=normalization, query=query), random_model(d, 2)
    terms = mixture(setting)
    if normalization == 2.5:  # N then does not grow with n: no limit of many shots
        terms = tuple(term for term in terms if term.n_shots < math.inf)
    loss, H = population_loss(setting, terms), hessian(model, setting, terms)
    slope = gradient(model, setting, terms)
    h = 1e-30
    for seed in range(5):
        direction = random_model(d, 10 + seed)
        v, Q = model.v + 1j * h * direction.v, model.Q + 1j * h * direction.Q
        along = slope.v @ direction.v + np.sum(slope.Q * direction.Q)
        assert loss.value(v, Q).imag / h == pytest.approx(along, rel=1e-12)
        dv, dQ = loss.gradient(v, Q)
        expected = np.concatenate((dv.imag, dQ.imag.ravel())) / h
        found = H @ np.concatenate((direction.v, direction.Q.ravel()))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("query", ["attends", "masked"])
@pytest.mark.parametrize("normalization", ["tokens", "shots", 2.5])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_the_value_is_the_risk_formula_of_the_theory(d, normalization, query):
    """Two ways to write one polynomial; three families of tasks; priors of full rank, of low rank, and on the sphere."""
    low_rank = np.arange(1.0, d + 1) * (np.arange(d) != 1)
    for seed, prior in enumerate((np.diag(np.arange(1.0, d + 1)), low_rank, None)):
        setting = random_setting(d, seed, normalization=normalization, query=query, task_covariance=prior)
        model, other = random_model(d, 20 + seed), random_model(d, 30 + seed).v[1:-1]
        for n in (0, 1, 7, math.inf)[: 3 if normalization == 2.5 else 4]:
            for task, place in ((setting.target_vector(), "target"), (other, other), (None, "unseen")):
                exact = theory.risk(model, n, setting=setting, task=place)
                found = population_loss(setting, (Term(1.0, n, task),)).value(model.v, model.Q)
                # Some six products in a row of matrices of size d + 2 <= 7, and a whitening whose condition is below 20.
                assert found == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("n", SHOTS)
@pytest.mark.parametrize(
    ("query", "normalization", "N"), [("masked", "tokens", None), ("attends", 2.5, 2.5), ("masked", 2.5, 2.5)]
)
def test_value_of_a_masked_query_and_of_a_number_is_that_of_enumeration(n, query, normalization, N):
    setting = theory.Setting(
        covariance=SIGMA, noise_variance=NOISE, target=THETA, normalization=normalization, query=query
    )
    model = dyadic_model(n)
    exact = exact_layer_risk(
        [(model.v.tolist(), model.Q.tolist())], SIGMA.tolist(), THETA.tolist(), NOISE, n, n + 1 if N is None else N,
        attends=query == "attends",
    )  # fmt: skip
    found = population_loss(setting, (Term(1.0, n, THETA),)).value(model.v, model.Q)
    assert found == pytest.approx(
        float(exact), rel=1e-13
    )  # sums of four products, five in a row: 100 roundings at most


def random_layer(d: int, seed: int, heads: int, prompt: bool, skip: bool) -> theory.AttentionParameters:
    rng = np.random.default_rng(seed)
    v, Q = rng.normal(size=(heads, d + 2)), rng.normal(size=(heads, d + 2, d + 2))
    tokens = rng.normal(size=(2, d + 2)) if prompt else None
    return theory.AttentionParameters(v, Q, tokens, rng.normal(size=d + 1) if skip else None)


LAYERS = [(1, False, False), (3, False, False), (1, True, True), (2, True, False), (2, False, True), (2, True, True)]


@pytest.mark.parametrize(("heads", "prompt", "skip"), LAYERS)
@pytest.mark.parametrize(("query", "normalization"), [("attends", "tokens"), ("masked", "shots"), ("attends", 2.5)])
def test_the_loss_of_a_layer_is_the_risk_formula_of_the_theory(heads, prompt, skip, query, normalization):
    d = 3
    setting = random_setting(d, heads, query=query, normalization=normalization)
    model = random_layer(d, 40 + heads, heads, prompt, skip)
    for n in (0, 1, 7, math.inf)[: 3 if normalization == 2.5 else 4]:
        for task, place in ((setting.target_vector(), "target"), (None, "unseen")):
            exact = theory.risk(model, n, setting=setting, task=place)
            found = layer_loss(setting, (Term(1.0, n, task),), model).value(model.v, model.Q)
            assert found == pytest.approx(exact, rel=1e-12)  # as for one head


@pytest.mark.parametrize(("heads", "prompt", "skip"), LAYERS)
@pytest.mark.parametrize("query", ["attends", "masked"])
def test_the_gradient_of_a_layer_by_complex_steps(heads, prompt, skip, query):
    d, h = 3, 1e-30
    setting, model = random_setting(d, heads, query=query), random_layer(d, 50 + heads, heads, prompt, skip)
    terms = mixture(setting)
    loss, slope = layer_loss(setting, terms, model), gradient(model, setting, terms)
    assert slope.v.shape == model.v.shape
    assert slope.Q.shape == model.Q.shape
    for seed in range(5):
        along = random_layer(d, 60 + seed, heads, False, False)
        expected = loss.value(model.v + 1j * h * along.v, model.Q + 1j * h * along.Q).imag / h
        # Rounding of the terms that cancel in it: each entry's share, some hundred products of a few units.
        size = np.sum(np.abs(slope.v * along.v)) + np.sum(np.abs(slope.Q * along.Q))
        assert np.sum(slope.v * along.v) + np.sum(slope.Q * along.Q) == pytest.approx(expected, abs=1e-12 * size)


@pytest.mark.parametrize(("query", "normalization", "N"), [("attends", "tokens", 6), ("masked", 2.5, 2.5)])
def test_the_loss_of_a_layer_is_that_of_enumeration(query, normalization, N):
    setting = theory.Setting(
        covariance=SIGMA, noise_variance=NOISE, target=THETA, normalization=normalization, query=query
    )
    model = theory.AttentionParameters(dyadic(1, (2, 4)), dyadic(2, (2, 4, 4)), dyadic(3, (2, 4)), dyadic(4, (3,)))
    exact = exact_layer_risk(
        [(v.tolist(), Q.tolist()) for v, Q in model.heads()], SIGMA.tolist(), THETA.tolist(), NOISE, 3, N,
        attends=query == "attends", prompt=model.prompt.tolist(), skip=model.skip.tolist(),
    )  # fmt: skip
    found = layer_loss(setting, (Term(1.0, 3, THETA),), model).value(model.v, model.Q)
    assert found == pytest.approx(float(exact), rel=1e-13)  # as above


@pytest.mark.parametrize(("heads", "prompt", "skip"), LAYERS[1:])
def test_the_hessian_of_a_layer_is_the_difference_of_gradients(heads, prompt, skip):
    """In one coordinate the gradient has degree 2 at most: a central difference of any width is exact but for rounding."""
    setting, model = random_setting(2, heads), random_layer(2, 80, heads, prompt, skip)
    terms = mixture(setting)
    H, size = hessian(model, setting, terms), model.v.size
    np.testing.assert_array_equal(hessian(model, setting, terms, "value"), H[:size, :size])
    np.testing.assert_array_equal(hessian(model, setting, terms, "key_query"), H[size:, size:])
    point = np.concatenate((model.v.ravel(), model.Q.ravel()))

    def slope(at):
        v, Q = at[:size].reshape(model.v.shape), at[size:].reshape(model.Q.shape)
        return np.concatenate(
            [x.ravel() for x in gradient(theory.AttentionParameters(v, Q, model.prompt, model.skip), setting, terms)]
        )

    for k in np.random.default_rng(heads).permutation(len(point))[:8]:
        step = np.eye(len(point))[k]
        expected = (slope(point + step) - slope(point - step)) / 2
        # A hundred roundings of gradients, which are as large as the largest entries of the Hessian times a few units.
        np.testing.assert_allclose(H[:, k], expected, rtol=0, atol=1e-12 * np.abs(H).max())


def test_one_head_alone_is_a_layer():
    setting, one = random_setting(3, 5), random_model(3, 70)
    terms = mixture(setting)
    layer = theory.AttentionParameters(one.v[None], one.Q[None], skip=np.zeros(4))
    np.testing.assert_array_equal(
        gradient(theory.AttentionParameters(one.v[None], one.Q[None]), setting, terms).v[0],
        gradient(one, setting, terms).v,
    )
    for found, expected in zip(gradient(layer, setting, terms), gradient(one, setting, terms), strict=True):
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_a_mixture_is_the_weighted_sum_of_risks():
    d = 3
    setting, model = random_setting(d, 3), random_model(d, 4)
    target = setting.target_vector()
    terms = Term(0.7, 0, target), Term(1.3, 4, None), Term(2.0, 6, -target)
    risks = [
        theory.risk(model, n, setting=setting, task=task) for n, task in ((0, "target"), (4, "unseen"), (6, "opposite"))
    ]
    expected = 0.7 * risks[0] + 1.3 * risks[1] + 2.0 * risks[2]
    assert population_loss(setting, terms).value(model.v, model.Q) == pytest.approx(expected, rel=1e-13)
    parts = [gradient(model, setting, (term,)) for term in terms]
    np.testing.assert_allclose(gradient(model, setting, terms).Q, sum(part.Q for part in parts), rtol=1e-12)


def test_infinitely_many_shots_are_the_limit_of_many():
    setting, model = random_setting(3, 5), random_model(3, 6)
    limit = gradient(model, setting, (Term(1.0, math.inf, None),)).Q
    gaps = [np.abs(gradient(model, setting, (Term(1.0, n, None),)).Q - limit).max() for n in (10**6, 10**7)]
    assert gaps[0] / gaps[1] == pytest.approx(
        10, rel=1e-3
    )  # the next term of the expansion in 1 / n is 1e-6 of this, times d


def test_blocks_and_dead_coordinates():
    d = 3
    setting, model = random_setting(d, 7), random_model(d, 8)
    terms = mixture(setting)
    H, size = hessian(model, setting, terms), d + 2
    np.testing.assert_array_equal(H, H.T)
    np.testing.assert_array_equal(H[-size:], 0)
    np.testing.assert_allclose(hessian(model, setting, terms, "value"), H[:size, :size], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(hessian(model, setting, terms, "key_query"), H[size:, size:], rtol=1e-12, atol=1e-10)
    slope = gradient(model, setting, terms)
    # (v, Q) -> (k v, Q / k) leaves the loss alone, which makes |v|^2 - |Q|^2 a constant of the flow.
    assert slope.v @ model.v == pytest.approx(np.sum(slope.Q * model.Q), rel=1e-12)


def test_several_points_at_once():
    setting = random_setting(3, 9)
    loss = population_loss(setting, mixture(setting))
    models = [random_model(3, seed) for seed in range(4)]
    v, Q = np.array([m.v for m in models]), np.array([m.Q for m in models])
    dv, dQ = loss.gradient(v, Q)
    values = loss.value(v, Q)
    for k, model in enumerate(models):
        one = loss.gradient(model.v, model.Q)
        np.testing.assert_allclose(dv[k], one[0], rtol=1e-12, atol=1e-12 * np.abs(one[0]).max())
        np.testing.assert_allclose(dQ[k], one[1], rtol=1e-12, atol=1e-12 * np.abs(one[1]).max())
        assert values[k] == pytest.approx(loss.value(model.v, model.Q), rel=1e-13)


def test_objectives_of_the_strategies():
    setting = theory.Setting(d=2, pretrain_shots=20, few_shot_shots=7, few_shot_weight=0.25)
    shots = {name: [(t.weight, t.n_shots, t.task is None) for t in objective(name, setting)] for name in PUBLISHED}
    assert shots["pretrained"] == [(1.0, 20, True)]
    assert shots["zero_shot_value"] == [(1.0, 0, False)]
    assert shots["mixed_kq"] == [(1.0, 0, False), (0.25, 7, False)]
    assert len(objective("mixed", setting.replace(few_shot_weight=0))) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objective": ()}, r"objective = \(\)"),
        ({"objective": "zero_shots"}, "did you mean"),
        ({"objective": (Term(-1.0, 0, None),)}, "weight = -1"),
        ({"objective": (Term(1.0, 0.5, None),)}, "n_shots = 0.5"),
        ({"objective": (Term(1.0, 0, np.ones(5)),)}, "task"),
        ({"model": random_model(5, 0)}, "d = 3"),
        ({"model": random_layer(5, 0, 2, False, False)}, "d = 3"),
        (
            {"setting": random_setting(3, 0, normalization=2.5), "objective": (Term(1.0, math.inf, None),)},
            "n_shots = inf",
        ),
        ({"trained": "values"}, "trained"),
    ],
)
def test_bad_input_names_the_argument(change, message):
    arguments = {
        "model": random_model(3, 0),
        "setting": random_setting(3, 0),
        "objective": "zero_shot",
        **change,
    }
    with pytest.raises(ValueError, match=message):
        hessian(**arguments)


def test_a_symbolic_setting_is_refused():
    import sympy

    setting = theory.Setting(d=3, noise_variance=sympy.Symbol("sigma2", positive=True))
    with pytest.raises(TypeError, match="noise_variance = sigma2"):
        gradient(random_model(3, 0), setting, "zero_shot")
