"""The exact enumeration against hand computation, quadrature of the definition, simulation and itself."""

from fractions import Fraction as F
from itertools import product

import numpy as np
import pytest

from theory.proofs.enumeration import (
    exact_average_gradient,
    exact_average_risk,
    exact_gradient,
    exact_risk,
)
from theory.proofs.polynomial_moments import gaussian_moment, sphere_moment

# Dense instances, every entry non-zero, Q not symmetric, the input covariance not diagonal.
SIGMA = {
    1: ((F(3, 2),),),
    2: ((F(2), F(-1, 2)), (F(-1, 2), F(3, 4))),
    3: ((F(2), F(1, 2), F(-1, 3)), (F(1, 2), F(1), F(1, 4)), (F(-1, 3), F(1, 4), F(3, 2))),
}
PSI = {1: ((F(2, 3),),), 2: ((F(1), F(2, 3)), (F(2, 3), F(5, 4)))}
TARGET = {1: [F(4, 3)], 2: [F(1), F(-1, 2)], 3: [F(1, 2), F(-2, 3), F(1)]}
NOISE = F(3, 10)
CONVENTIONS = ["tokens", "shots"]


def dense_parameters(d):
    """v and Q of dimension d + 2, non-zero rationals of either sign."""
    v = [F((-1) ** i * (2 + i), 3 + i) for i in range(d + 2)]
    Q = [[F((-1) ** (i + j // 2) * (1 + 2 * i + j), 5 + i * j + j) for j in range(d + 2)] for i in range(d + 2)]
    return v, Q


def as_floats(nested):
    return np.array(nested, dtype=float)


def quadrature_risk(v, Q, sigma, theta, noise, n, normalization):
    """The definition on a product Gauss-Hermite grid: exact for polynomials of degree 7 in each variable."""
    v, Q, theta = as_floats(v), as_floats(Q), as_floats(theta)
    d = len(theta)
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    size = (n + 1) * (d + 1)
    grid = np.stack(np.meshgrid(*[nodes] * size, indexing="ij"), axis=-1).reshape(-1, n + 1, d + 1)
    weight = np.ones(1)
    for _ in range(size):
        weight = np.multiply.outer(weight, weights / weights.sum()).ravel()
    x = grid[..., :d] @ np.linalg.cholesky(as_floats(sigma)).T
    y = x @ theta + np.sqrt(float(noise)) * grid[..., d]
    return weight @ squared_residual(v, Q, x, y, normalization)


def squared_residual(v, Q, x, y, normalization):
    """(y_q - prediction)^2 of prompts x (prompts, n + 1, d), y (prompts, n + 1); token 0 is the query."""
    shown = y.copy()
    shown[:, 0] = 0.0
    tokens = np.concatenate([np.ones_like(y)[..., None], x, shown[..., None]], axis=-1)
    n = y.shape[1] - 1
    summed = np.einsum("pt,pt->p", tokens @ v, np.einsum("pi,ij,ptj->pt", tokens[:, 0], Q, tokens))
    return (y[:, 0] - summed / (n + 1 if normalization == "tokens" else max(n, 1))) ** 2


def pairings(items):
    """All ways to split a list into unordered pairs."""
    if not items:
        yield []
        return
    first, *rest = items
    for k, partner in enumerate(rest):
        for others in pairings(rest[:k] + rest[k + 1 :]):
            yield [(first, partner), *others]


def isserlis_moment(sigma, exponents):
    """E prod x_i^(a_i) as Isserlis states it: the sum over all pairings of the product of covariances."""
    factors = [i for i, exponent in enumerate(exponents) for _ in range(exponent)]
    if len(factors) % 2:
        return F(0)
    total = F(0)
    for pairing in pairings(factors):
        term = F(1)
        for i, j in pairing:
            term *= sigma[i][j]
        total += term
    return total


@pytest.mark.parametrize("d", [1, 2, 3])
def test_moments_by_independent_coordinates_equal_moments_by_pairings(d):
    # The risk knows the law of x by these moments alone, up to degree 6: if they agree, so do the risks.
    compared = 0
    for exponents in product(range(9), repeat=d):
        if sum(exponents) <= 8:
            assert gaussian_moment(SIGMA[d], exponents) == isserlis_moment(SIGMA[d], exponents), exponents
            compared += 1
    assert compared == {1: 9, 2: 45, 3: 165}[d]


def test_sphere_moments_satisfy_the_sphere():
    # |theta|^2 = 1 times any monomial.
    for d in (1, 2, 3, 4):
        assert sphere_moment((0,) * d) == 1
        for a in product(range(4), repeat=d):
            raised = [sphere_moment([a[k] + 2 * (k == i) for k in range(d)]) for i in range(d)]
            assert sum(raised) == sphere_moment(a), a
    assert sphere_moment((2, 2)) == F(1, 8)  # mean of cos^2 sin^2 = sin^2(2 phi) / 4
    assert sphere_moment((4, 0)) == F(3, 8)
    assert sphere_moment((1, 1, 0)) == 0


@pytest.mark.parametrize("normalization", CONVENTIONS)
def test_no_shots_in_one_dimension_by_hand(normalization):
    # prediction = (v0 + v1 x)(q00 + (q01 + q10) x + q11 x^2) = a0 + a1 x + a2 x^2 + a3 x^3; E x^2, x^4, x^6.
    v, Q = dense_parameters(1)
    (theta,), s = TARGET[1], SIGMA[1][0][0]
    linear = Q[0][1] + Q[1][0]
    a0, a1, a2, a3 = (
        v[0] * Q[0][0],
        v[0] * linear + v[1] * Q[0][0],
        v[0] * Q[1][1] + v[1] * linear,
        v[1] * Q[1][1],
    )
    even = a0**2 + 2 * a0 * a2 * s + a2**2 * 3 * s**2
    odd = (theta - a1) ** 2 * s - 2 * (theta - a1) * a3 * 3 * s**2 + a3**2 * 15 * s**3
    assert exact_risk(v, Q, SIGMA[1], [theta], NOISE, 0, normalization) == even + odd + NOISE


@pytest.mark.parametrize(("normalization", "total"), [("tokens", 3), ("shots", 2)])
def test_two_shots_in_one_dimension_by_hand(normalization, total):
    # v = (0, 0, w), only Q_xx = b: prediction = (wb/N) x_q (x_1 y_1 + x_2 y_2), where for each shot
    # E xy = theta s and E x^2 y^2 = 3 theta^2 s^2 + sigma2 s.
    w, b, theta, s = F(3, 4), F(-2, 5), F(4, 3), F(3, 2)
    mean, square = theta * s, 3 * theta**2 * s**2 + NOISE * s
    expected = (
        theta**2 * s
        + NOISE
        - 2 * (w * b / total) * theta * s * 2 * mean
        + (w * b / total) ** 2 * s * (2 * square + 2 * mean**2)
    )
    Q = [[0, 0, 0], [0, b, 0], [0, 0, 0]]
    assert exact_risk([0, 0, w], Q, [[s]], [theta], NOISE, 2, normalization) == expected


@pytest.mark.parametrize("d", [1, 2, 3])
def test_zero_values_leave_the_label_power(d):
    _, Q = dense_parameters(d)
    signal = sum(TARGET[d][i] * SIGMA[d][i][j] * TARGET[d][j] for i in range(d) for j in range(d))
    for n in range(3):
        assert exact_risk([0] * (d + 2), Q, SIGMA[d], TARGET[d], NOISE, n) == signal + NOISE


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_reciting_model_reaches_the_noise_floor(d):
    v = [0, *[F(5, 7) * entry for entry in TARGET[d]], F(1, 3)]
    Q = [[F(0)] * (d + 2) for _ in range(d + 2)]
    Q[0][0] = F(7, 5)
    Q[1][d], Q[d][1] = (F(2), F(-2)) if d > 1 else (F(0), F(0))  # an antisymmetric Q_xx is invisible
    Q[d + 1] = [F(k + 1) for k in range(d + 2)]  # the query's label slot is zero
    assert exact_risk(v, Q, SIGMA[d], TARGET[d], NOISE, 0) == NOISE


@pytest.mark.parametrize("normalization", CONVENTIONS)
@pytest.mark.parametrize(("d", "n"), [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1)])
def test_risk_equals_quadrature_of_the_definition(d, n, normalization):
    v, Q = dense_parameters(d)
    exact = exact_risk(v, Q, SIGMA[d], TARGET[d], NOISE, n, normalization)
    # The rule is exact: only the rounding of at most 3e5 positive terms in doubles separates the two.
    quadrature = quadrature_risk(v, Q, SIGMA[d], TARGET[d], NOISE, n, normalization)
    assert quadrature == pytest.approx(float(exact), rel=1e-11)


@pytest.mark.parametrize(("d", "n"), [(2, 3), (3, 2)])
def test_risk_agrees_with_simulation(d, n):
    v, Q = dense_parameters(d)
    rng = np.random.default_rng(20260223)
    batches = []
    for _ in range(20):
        x = rng.standard_normal((50_000, n + 1, d)) @ np.linalg.cholesky(as_floats(SIGMA[d])).T
        y = x @ as_floats(TARGET[d]) + np.sqrt(float(NOISE)) * rng.standard_normal((50_000, n + 1))
        batches.append(squared_residual(as_floats(v), as_floats(Q), x, y, "tokens"))
    losses = np.concatenate(batches)
    standard_error = losses.std(ddof=1) / np.sqrt(losses.size)
    exact = float(exact_risk(v, Q, SIGMA[d], TARGET[d], NOISE, n))
    assert standard_error < 0.01 * exact  # else the comparison would say little
    assert abs(losses.mean() - exact) < 5 * standard_error


# A rule on 0, +-1, +-2 with these weights has the moments 1, 0, 1, 0, 3 of a standard normal.
NORMAL_RULE = {-2: F(1, 12), -1: F(1, 6), 0: F(1, 2), 1: F(1, 6), 2: F(1, 12)}


@pytest.mark.parametrize("normalization", CONVENTIONS)
@pytest.mark.parametrize("n", [0, 2])
def test_gaussian_average_is_the_average_of_risks(n, normalization):
    # theta = A g with A A' = Psi; the rule integrates degree 4 in each coordinate of g exactly.
    d, A = 2, ((F(1), F(0)), (F(2, 3), F(3, 4)))
    psi = [[sum(A[i][k] * A[j][k] for k in range(d)) for j in range(d)] for i in range(d)]
    v, Q = dense_parameters(d)
    average = F(0)
    for g in product(NORMAL_RULE, repeat=d):
        theta = [sum(A[i][k] * g[k] for k in range(d)) for i in range(d)]
        risk = exact_risk(v, Q, SIGMA[d], theta, NOISE, n, normalization)
        average += NORMAL_RULE[g[0]] * NORMAL_RULE[g[1]] * risk
    assert exact_average_risk(v, Q, SIGMA[d], NOISE, n, psi, normalization) == average


@pytest.mark.parametrize(("d", "n"), [(1, 2), (2, 2), (3, 1)])
def test_sphere_average_follows_from_gaussian_averages(d, n):
    # theta ~ N(0, k I) is sqrt(k) |g| times a point of the sphere, with E |g|^2 = d and E |g|^4 = d (d + 2):
    # the Gaussian average is r0 + r2 d k + r4 d (d + 2) k^2, and the one over the sphere is r0 + r2 + r4.
    v, Q = dense_parameters(d)

    def gaussian(k):
        psi = [[k * (i == j) for j in range(d)] for i in range(d)]
        return exact_average_risk(v, Q, SIGMA[d], NOISE, n, psi)

    g1, g2, g3 = gaussian(1), gaussian(2), gaussian(3)
    second = (g3 - 2 * g2 + g1) / 2
    first = g2 - g1 - 3 * second
    r0, r2, r4 = g1 - first - second, first / d, second / (d * (d + 2))
    assert r4 != 0  # the two averages do differ beyond the task covariance
    assert exact_average_risk(v, Q, SIGMA[d], NOISE, n) == r0 + r2 + r4


def test_sphere_average_in_one_dimension_is_over_two_signs():
    v, Q = dense_parameters(1)
    both = [exact_risk(v, Q, SIGMA[1], [sign], NOISE, 3) for sign in (-1, 1)]
    assert both[0] != both[1]
    assert exact_average_risk(v, Q, SIGMA[1], NOISE, 3) == sum(both) / 2


def central_differences(risk, v, Q, step=F(2, 3)):
    """Exact for a function that is quadratic in each entry, whatever the step."""

    def slope(entry_of):
        return (entry_of(step) - entry_of(-step)) / (2 * step)

    def shifted(row, k, h):
        return [entry + h * (i == k) for i, entry in enumerate(row)]

    dv = [slope(lambda h, i=i: risk(shifted(v, i, h), Q)) for i in range(len(v))]
    dQ = [
        [
            slope(lambda h, i=i, j=j: risk(v, [shifted(row, j, h) if k == i else row for k, row in enumerate(Q)]))
            for j in range(len(Q))
        ]
        for i in range(len(Q))
    ]
    return dv, dQ


@pytest.mark.parametrize("normalization", CONVENTIONS)
@pytest.mark.parametrize(("d", "n"), [(1, 2), (2, 0), (2, 2)])
def test_gradient_equals_central_differences(d, n, normalization):
    v, Q = dense_parameters(d)
    setting = (SIGMA[d], TARGET[d], NOISE, n, normalization)
    dv, dQ = exact_gradient(v, Q, *setting)
    assert (dv, dQ) == central_differences(lambda v, Q: exact_risk(v, Q, *setting), v, Q)
    assert not any(dQ[d + 1])
    # (v, Q) -> (k v, Q / k) leaves the risk alone.
    assert sum(map(F.__mul__, v, dv)) == sum(Q[i][j] * dQ[i][j] for i in range(d + 2) for j in range(d + 2)) != 0


@pytest.mark.parametrize("psi", [None, PSI[2]])
def test_average_gradient_equals_central_differences(psi):
    v, Q = dense_parameters(2)
    setting = (SIGMA[2], NOISE, 1, psi)
    assert exact_average_gradient(v, Q, *setting) == central_differences(
        lambda v, Q: exact_average_risk(v, Q, *setting), v, Q
    )


def pretrained(w, B):
    """v = (0, 0, w) and Q with only its block Q_xx = B."""
    d = len(B)
    zeros = [[F(0)] * (d + 2)]
    return [F(0)] * (d + 1) + [w], [*zeros, *([F(0), *row, F(0)] for row in B), *zeros]


@pytest.mark.parametrize("normalization", CONVENTIONS)
@pytest.mark.parametrize("m", [1, 2, 3])
def test_pretrained_formula_is_stationary_for_gaussian_tasks(m, normalization):
    # wB = N [(m + 1) Sigma + (tr(Psi Sigma) + sigma2) Psi^-1]^-1, Sigma and Psi not commuting.
    sigma, psi = SIGMA[2], PSI[2]
    trace = sum(psi[i][j] * sigma[j][i] for i in range(2) for j in range(2))
    inverse_psi = inverse(psi)
    total = m + 1 if normalization == "tokens" else m
    optimum = inverse(
        [[((m + 1) * sigma[i][j] + (trace + NOISE) * inverse_psi[i][j]) / total for j in range(2)] for i in range(2)]
    )
    w = F(3, 2)
    v, Q = pretrained(w, [[entry / w for entry in row] for row in optimum])
    dv, dQ = exact_average_gradient(v, Q, sigma, NOISE, m, psi, normalization)
    assert not any(dv)
    assert not any(map(any, dQ))
    risk = exact_average_risk(v, Q, sigma, NOISE, m, psi, normalization)
    Q[1][2] += F(1, 100)
    assert exact_average_risk(v, Q, sigma, NOISE, m, psi, normalization) > risk


@pytest.mark.parametrize(("d", "m"), [(1, 3), (2, 2), (3, 1)])
def test_pretrained_formula_is_stationary_on_the_sphere(d, m):
    a = (m + 1) / (m + 1 + d + d * NOISE)
    identity = [[F(i == j) for j in range(d)] for i in range(d)]
    v, Q = pretrained(F(2), [[a / 2 * entry for entry in row] for row in identity])
    dv, dQ = exact_average_gradient(v, Q, identity, NOISE, m)
    assert not any(dv)
    assert not any(map(any, dQ))


def inverse(matrix):
    (a, b), (c, e) = matrix
    determinant = a * e - b * c
    return [[e / determinant, -b / determinant], [-c / determinant, a / determinant]]


def test_floats_and_numpy_integers_count_as_exact_numbers():
    v, Q = dense_parameters(1)
    binary = [[float(entry) for entry in row] for row in Q]
    exact = exact_risk(v, [[F(entry) for entry in row] for row in binary], SIGMA[1], TARGET[1], NOISE, 2)
    assert exact_risk(v, binary, SIGMA[1], TARGET[1], NOISE, 2) == exact
    large = np.array([0, 0, 2**40])  # its fourth power exceeds 64 bits
    assert exact_risk(large, Q, SIGMA[1], TARGET[1], NOISE, 1) == exact_risk(
        [0, 0, 2**40], Q, SIGMA[1], TARGET[1], NOISE, 1
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"v": [1, 2]}, ValueError, "v must have 3 entries"),
        ({"Q": [[1, 2, 3]]}, ValueError, "Q must have 3 rows"),
        ({"Q": [["1/2"] * 3] * 3}, TypeError, "Q must hold integers, Fractions or floats, got '1/2'"),
        ({"v": [0, 0, float("nan")]}, ValueError, "v must be finite, got nan"),
        ({"covariance": [[0]]}, ValueError, "covariance: the matrix must be positive definite"),
        ({"covariance": [[1, 0]]}, ValueError, "covariance must have 1 entries"),
        ({"covariance": [[1, 2], [0, 1]]}, ValueError, "covariance must be a symmetric matrix"),
        ({"target": [1, 2]}, ValueError, "target must have 1 entries"),
        ({"noise_variance": F(-1, 2)}, ValueError, "noise_variance must be >= 0"),
        ({"n_shots": 1.0}, TypeError, "n_shots must be an int, got 1.0"),
        ({"n_shots": -1}, ValueError, "n_shots must be >= 0, got -1"),
        (
            {"normalization": "token"},
            ValueError,
            "normalization must be 'tokens', 'shots' or a number > 0, got 'token'",
        ),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    v, Q = dense_parameters(1)
    arguments = {
        "v": v,
        "Q": Q,
        "covariance": SIGMA[1],
        "target": TARGET[1],
        "noise_variance": 0,
        "n_shots": 1,
    }
    with pytest.raises(error, match=message.replace("(", r"\(")):
        exact_risk(**(arguments | change))
