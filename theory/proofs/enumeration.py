"""The risk by exact enumeration: the model's definition, monomial by monomial, in rational arithmetic.

This is the second route to every risk and gradient of the theory. It shares nothing with the symbolic
calculus or with the closed formula: it writes the prediction out as a polynomial in the coordinates of the
prompt, squares the residual, and takes the expectation of each monomial. It serves small dimensions and few
shots (about d <= 3, n <= 4) and is exact there: numbers go in as rationals and come out as
:class:`fractions.Fraction`.

The model (Lee, Sohn and Lee, arXiv 2602.23197). Tokens are z = (1, x, y) with x ~ N(0, Sigma) and
y = theta.x + eps, eps ~ N(0, sigma2); the query's token is z_q = (1, x_q, 0). With z running over the n shots
*and* the query, and N = n + 1 (normalization "tokens") or max(n, 1) ("shots"),

    prediction = (1/N) sum_z (v . z) (z_q' Q z),        risk = E (theta.x_q + eps_q - prediction)^2.

The method. The random variables fall into independent blocks: (x, eps) of the query, (x, eps) of each shot
and, when tasks are averaged, theta (:mod:`theory.proofs.enumerated_prompt`), whose moments are known
(:mod:`theory.proofs.polynomial_moments`).
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from .enumerated_prompt import (
    Number,
    Prompt,
    fixed_task,
    random_task,
    read_covariance,
    read_number,
    read_parameters,
    read_setting,
    read_vector,
)
from .polynomial_moments import (
    ONE,
    ZERO,
    Matrix,
    Vector,
    constant,
    gaussian_moment,
    scaled,
    sum_of,
)


def exact_risk(
    v: Sequence[Number],
    Q: Sequence[Sequence[Number]],
    covariance: Sequence[Sequence[Number]],
    target: Sequence[Number],
    noise_variance: Number,
    n_shots: int,
    normalization: Any = "tokens",
) -> Fraction:
    """Risk E (y_q - prediction)^2 on one task, from the definition.

    Parameters
    ----------
    v : sequence of d + 2 numbers
        Last row of the value matrix.
    Q : (d + 2) x (d + 2) nested sequence
        Merged key-query matrix. Every entry may be non-zero; the last row never matters.
    covariance : d x d nested sequence
        Sigma, the covariance of an input; symmetric positive definite.
    target : sequence of d numbers
        The task theta.
    noise_variance : number >= 0
        sigma2, the variance of the label noise, the query's label included: the risk is at least sigma2.
    n_shots : int >= 0
        Number n of shots in the prompt.
    normalization : {"tokens", "shots"} or number
        N = n + 1, N = max(n, 1), or N itself.

    Returns
    -------
    Fraction
        In squared units of the label. A float argument stands for its exact binary value.

    Raises
    ------
    TypeError, ValueError
        For an argument of the wrong type, shape or range.

    Examples
    --------
    No shots, one dimension, v = (0, v_x, w) and only Q_00 = 1: the prediction v_x x_q recites the task 2 x_q.

    >>> exact_risk([0, 2, 0], [[1, 0, 0], [0, 0, 0], [0, 0, 0]], [[1]], [2], Fraction(1, 10), n_shots=0)
    Fraction(1, 10)

    One shot, v = (0, 0, 1) and only Q_xx = 1: the prediction is x_q x y / 2.

    >>> exact_risk([0, 0, 1], [[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[1]], [1], 0, n_shots=1)
    Fraction(3, 4)
    """
    prompt = fixed_task(covariance, target, noise_variance, n_shots, normalization)
    return _risk(prompt, *read_parameters(v, Q, prompt.d))


def exact_average_risk(
    v: Sequence[Number],
    Q: Sequence[Sequence[Number]],
    covariance: Sequence[Sequence[Number]],
    noise_variance: Number,
    n_shots: int,
    task_covariance: Sequence[Sequence[Number]] | None = None,
    normalization: Any = "tokens",
) -> Fraction:
    """Risk averaged over random tasks: at m shots, the pretraining loss.

    The risk is a polynomial of degree 4 in theta, so the law of the tasks enters by its moments up to the
    fourth, not by its covariance alone.

    Parameters
    ----------
    v, Q, covariance, noise_variance, n_shots, normalization
        As in :func:`exact_risk`, which also says what is returned and raised.
    task_covariance : d x d nested sequence, optional
        Psi, symmetric positive definite: tasks are N(0, Psi). None: tasks are uniform on the unit sphere.

    Examples
    --------
    One shot, one dimension, prediction y^2 / 2. The unit sphere is {-1, 1}; a Gaussian task
    has E theta^4 = 3.

    >>> v, Q = [0, 0, 1], [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    >>> exact_average_risk(v, Q, [[1]], 0, n_shots=1)  # 1 + 3 / 4
    Fraction(7, 4)
    >>> exact_average_risk(v, Q, [[1]], 0, n_shots=1, task_covariance=[[1]])  # 1 + 9 / 4
    Fraction(13, 4)
    """
    prompt = random_task(covariance, noise_variance, n_shots, task_covariance, normalization)
    return _risk(prompt, *read_parameters(v, Q, prompt.d))


def exact_gradient(
    v: Sequence[Number],
    Q: Sequence[Sequence[Number]],
    covariance: Sequence[Sequence[Number]],
    target: Sequence[Number],
    noise_variance: Number,
    n_shots: int,
    normalization: Any = "tokens",
    attends: bool = True,
) -> tuple[list[Fraction], list[list[Fraction]]]:
    """Gradient (dv, dQ) of :func:`exact_risk` in every entry of v and Q, in their shapes.

    The last row of dQ is zero. The prediction is linear in v and linear in Q, so its derivative in one
    entry is the prediction with the unit vector (or matrix) of that entry in place of v (or Q), and the
    gradient is -2 E[residual * derivative].

    Parameters
    ----------
    v, Q, covariance, target, noise_variance, n_shots, normalization
        As in :func:`exact_risk`, which also says what is raised.
    attends : bool
        Whether the query's own token is among those that are summed.

    Examples
    --------
    No shots, one dimension, v = (0, v_x, w) and only q = Q_00: the risk is (1 - v_x q)^2.

    >>> dv, dQ = exact_gradient([0, 2, 1], [[3, 0, 0], [0, 0, 0], [0, 0, 0]], [[1]], [1], 0, n_shots=0)
    >>> dv[1], dQ[0][0]  # -2 q (1 - v_x q), -2 v_x (1 - v_x q)
    (Fraction(30, 1), Fraction(20, 1))
    """
    prompt = fixed_task(covariance, target, noise_variance, n_shots, normalization)
    prompt.tokens = prompt.tokens[0 if attends else 1 :]
    return _gradient(prompt, *read_parameters(v, Q, prompt.d))


def exact_average_gradient(
    v: Sequence[Number],
    Q: Sequence[Sequence[Number]],
    covariance: Sequence[Sequence[Number]],
    noise_variance: Number,
    n_shots: int,
    task_covariance: Sequence[Sequence[Number]] | None = None,
    normalization: Any = "tokens",
) -> tuple[list[Fraction], list[list[Fraction]]]:
    """Gradient (dv, dQ) of :func:`exact_average_risk` in every entry of v and Q; see :func:`exact_gradient`.

    Parameters
    ----------
    v, Q, covariance, noise_variance, n_shots, task_covariance, normalization
        As in :func:`exact_average_risk`.

    Examples
    --------
    It vanishes at the pretrained optimum w Q_xx = (m + 1) / (m + 1 + d + d sigma2); here d = m = 1 and
    sigma2 = 0:

    >>> Q = [[0, 0, 0], [0, Fraction(2, 3), 0], [0, 0, 0]]
    >>> dv, dQ = exact_average_gradient([0, 0, 1], Q, [[1]], 0, n_shots=1)
    >>> any(dv), any(map(any, dQ))
    (False, False)
    """
    prompt = random_task(covariance, noise_variance, n_shots, task_covariance, normalization)
    return _gradient(prompt, *read_parameters(v, Q, prompt.d))


def exact_layer_risk(
    heads: Sequence[tuple[Sequence[Number], Sequence[Sequence[Number]]]],
    covariance: Sequence[Sequence[Number]],
    target: Sequence[Number],
    noise_variance: Number,
    n_shots: int,
    tokens: Number,
    *,
    attends: bool = True,
    prompt: Sequence[Sequence[Number]] = (),
    skip: Sequence[Number] | None = None,
    query_covariance: Sequence[Sequence[Number]] | None = None,
    task_covariance: Sequence[Sequence[Number]] | None = None,
) -> Fraction:
    """Risk of a layer of several heads (v, Q), from the definition, with the divisor N given as ``tokens``.

    Parameters
    ----------
    heads : sequence of (v, Q)
        As in :func:`exact_risk`.
    covariance, target, noise_variance, n_shots
        As in :func:`exact_risk`.
    tokens : number
        N.
    attends : bool
        Whether the query's own token is among those that are summed.
    prompt : sequence of sequences of d + 2 numbers
        Fixed tokens beside the shots.
    skip : sequence of d + 1 numbers, optional
        c: the prediction is given c.(1, x_q) besides.
    query_covariance : d x d nested sequence, optional
        The covariance of the query's input, positive semidefinite; default: that of the shots.
    task_covariance : d x d nested sequence, optional
        Tasks are N(target, Psi), Psi positive semidefinite; default: the target alone.

    Examples
    --------
    Two heads that cancel predict nothing.

    >>> heads = [([0, 0, 1], [[0, 0, 0], [0, 1, 0], [0, 0, 0]]), ([0, 0, -1], [[0, 0, 0], [0, 1, 0], [0, 0, 0]])]
    >>> exact_layer_risk(heads, [[1]], [2], 0, n_shots=1, tokens=2)
    Fraction(4, 1)
    """
    sigma, noise = read_setting(covariance, noise_variance, n_shots, "tokens")
    theta, d = read_vector("target", target, len(sigma)), len(sigma)
    query_sigma = sigma if query_covariance is None else read_covariance("query_covariance", query_covariance, d, False)
    moment: Callable[[Sequence[int]], Fraction] = lambda no_variables: ONE  # noqa: E731
    if task_covariance is not None:
        psi = read_covariance("task_covariance", task_covariance, d, False)
        moment = lambda a: gaussian_moment(psi, a)  # noqa: E731
    sampled = Prompt(sigma, noise, n_shots, "tokens", theta, moment, query_sigma, task_covariance is not None)
    sampled.tokens = [
        *sampled.tokens[0 if attends else 1 :],
        *([*map(constant, read_vector("prompt", z, d + 2))] for z in prompt),
    ]
    sampled.set_divisor(read_number("tokens", tokens))
    predictions = [sampled.prediction(*read_parameters(v, Q, d)) for v, Q in heads]
    if skip is not None:
        predictions.append(sum_of(map(scaled, read_vector("skip", skip, d + 1), sampled.query)))
    residual = sum_of([sampled.label, scaled(-ONE, sum_of(predictions))])
    return sampled.expected_product(residual, residual)


def _risk(prompt: Prompt, v: Vector, Q: Matrix) -> Fraction:
    residual = sum_of([prompt.label, scaled(-ONE, prompt.prediction(v, Q))])
    return prompt.expected_product(residual, residual)


def _gradient(prompt: Prompt, v: Vector, Q: Matrix) -> tuple[list[Fraction], list[list[Fraction]]]:
    residual = sum_of([prompt.label, scaled(-ONE, prompt.prediction(v, Q))])
    size = prompt.d + 2
    units = [tuple(Fraction(i == j) for j in range(size)) for i in range(size)]
    zero = (ZERO,) * size

    def slope(v: Vector, Q: Matrix) -> Fraction:
        return -2 * prompt.expected_product(residual, prompt.prediction(v, Q))

    dv = [slope(unit, Q) for unit in units]
    dQ = [[slope(v, (zero,) * i + (unit,) + (zero,) * (size - i - 1)) for unit in units] for i in range(size)]
    return dv, dQ
