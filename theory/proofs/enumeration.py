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
and, when tasks are averaged, theta. A polynomial is a dictionary from monomials to coefficients. A monomial
is its vector of exponents packed into one integer, a byte a variable, so that monomials multiply by adding
integers. No byte overflows: the squared residual has degree at most 6 in any variable.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from math import isfinite, lcm, prod
from numbers import Rational
from typing import Any, TypeAlias

Number: TypeAlias = Rational | float  # a float stands for its exact binary value
Vector: TypeAlias = tuple[Fraction, ...]
Matrix: TypeAlias = tuple[Vector, ...]
Polynomial: TypeAlias = dict[int, Fraction]  # packed monomial -> coefficient

_BITS = 8  # of an exponent within a packed monomial
_ZERO, _ONE = Fraction(0), Fraction(1)


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
    prompt = _fixed_task(covariance, target, noise_variance, n_shots, normalization)
    return _risk(prompt, *_parameters(v, Q, prompt.d))


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
    prompt = _random_task(covariance, noise_variance, n_shots, task_covariance, normalization)
    return _risk(prompt, *_parameters(v, Q, prompt.d))


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
    prompt = _fixed_task(covariance, target, noise_variance, n_shots, normalization)
    prompt.tokens = prompt.tokens[0 if attends else 1 :]
    return _gradient(prompt, *_parameters(v, Q, prompt.d))


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
    prompt = _random_task(covariance, noise_variance, n_shots, task_covariance, normalization)
    return _gradient(prompt, *_parameters(v, Q, prompt.d))


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
    sigma, noise = _setting(covariance, noise_variance, n_shots, "tokens")
    theta, d = _vector("target", target, len(sigma)), len(sigma)
    query_sigma = sigma if query_covariance is None else _covariance("query_covariance", query_covariance, d, False)
    moment: Callable[[Sequence[int]], Fraction] = lambda no_variables: _ONE  # noqa: E731
    if task_covariance is not None:
        psi = _covariance("task_covariance", task_covariance, d, False)
        moment = lambda a: gaussian_moment(psi, a)  # noqa: E731
    sampled = _Prompt(sigma, noise, n_shots, "tokens", theta, moment, query_sigma, task_covariance is not None)
    sampled.tokens = [
        *sampled.tokens[0 if attends else 1 :],
        *([*map(_constant, _vector("prompt", z, d + 2))] for z in prompt),
    ]
    sampled.set_divisor(_number("tokens", tokens))
    predictions = [sampled.prediction(*_parameters(v, Q, d)) for v, Q in heads]
    if skip is not None:
        predictions.append(_sum(map(_scaled, _vector("skip", skip, d + 1), sampled.query)))
    residual = _sum([sampled.label, _scaled(-_ONE, _sum(predictions))])
    return sampled.expected_product(residual, residual)


def gaussian_moment(covariance: Matrix, exponents: Sequence[int]) -> Fraction:
    """E prod_i x_i^(a_i) for x ~ N(0, Sigma), by independent coordinates.

    With Sigma = L D L' (L unit lower triangular, D diagonal, both rational), x = L g where the
    g_k ~ N(0, D_k) are independent; the monomial is expanded in g, and each term is integrated with
    E g_k^(2j) = (2j - 1)!! D_k^j.

    Parameters
    ----------
    covariance : tuple of d tuples of d Fractions
        Sigma, symmetric; ValueError unless positive semidefinite.
    exponents : sequence of d ints >= 0
        a, of total degree below 256.

    Examples
    --------
    >>> sigma = ((Fraction(2), Fraction(1)), (Fraction(1), Fraction(3)))
    >>> gaussian_moment(sigma, (2, 2))  # 2 * 3 + 2 * 1^2
    Fraction(8, 1)
    """
    if sum(exponents) % 2:
        return _ZERO  # x and -x have the same law
    lower, pivots = _ldl(covariance)
    expanded: Polynomial = {0: _ONE}
    for row, exponent in zip(lower, exponents, strict=True):
        for _ in range(exponent):
            expanded = _product(expanded, {1 << (_BITS * k): entry for k, entry in enumerate(row) if entry})
    moment = _ZERO
    for monomial, coefficient in expanded.items():
        powers = _unpack(monomial, len(pivots))
        moment += coefficient * prod(map(_centred_moment, powers, pivots), start=_ONE)
    return moment


def sphere_moment(exponents: Sequence[int]) -> Fraction:
    """E prod_i theta_i^(a_i) for theta uniform on the unit sphere of R^d, d the number of exponents.

    It is prod (a_i - 1)!! / (d (d + 2) ... (d + |a| - 2)) for even a_i, and 0 if any a_i is odd.

    Examples
    --------
    >>> sphere_moment((2, 2, 0)), sphere_moment((4, 0, 0))
    (Fraction(1, 15), Fraction(1, 5))
    """
    d = len(exponents)
    numerator = prod((_centred_moment(exponent, _ONE) for exponent in exponents), start=_ONE)
    return numerator / prod(range(d, d + sum(exponents), 2))


class _Prompt:
    """Tokens and query label as polynomials in the blocks' variables, and the expectation over the blocks.

    Block 0 is the query and blocks 1..n are the shots, each with the variables x_1..x_d, eps. The task is
    either given by its numbers or, as None, by the variables theta_1..theta_d of a last block with its own
    moments; where it varies around its numbers, it is their sum. The query's input may have a covariance of its own.
    """

    def __init__(
        self,
        covariance: Matrix,
        noise_variance: Fraction,
        n_shots: int,
        normalization: Any,
        target: Vector | None,
        task_moment: Callable[[Sequence[int]], Fraction],
        query_covariance: Matrix | None = None,
        varies: bool = False,
    ) -> None:
        self.d = d = len(covariance)
        self._width = _BITS * (d + 1)  # of a block within a packed monomial
        self._token_blocks = n_shots + 1
        given = {"tokens": n_shots + 1, "shots": max(n_shots, 1)}
        self.set_divisor(Fraction(given.get(normalization, normalization)))
        if target is None:
            task = [self._variable(self._token_blocks, i) for i in range(d)]
        else:
            task = [_constant(entry) for entry in target]
        if varies:
            task = [_sum([entry, self._variable(self._token_blocks, i)]) for i, entry in enumerate(task)]

        def token(block: int) -> list[Polynomial]:
            x = [self._variable(block, i) for i in range(d)]
            label = _sum([*map(_product, task, x), self._variable(block, d)])
            return [_constant(_ONE), *x, label]

        *query, self.label = token(0)
        self.query = [*query, _constant(_ZERO)]  # the prompt does not show the query's label
        self.tokens = [self.query, *map(token, range(1, n_shots + 1))]

        @cache
        def token_moment(block: int, of_query: bool) -> Fraction:
            *x, eps = _unpack(block, d + 1)
            sigma = query_covariance if of_query and query_covariance else covariance
            return _cached_gaussian_moment(sigma, tuple(x)) * _centred_moment(eps, noise_variance)

        self._token_moment = token_moment
        self._task_moment = cache(lambda block: task_moment(_unpack(block, d)))

    def set_divisor(self, tokens: Fraction) -> None:
        """N."""
        self._factor = 1 / tokens

    def _variable(self, block: int, index: int) -> Polynomial:
        return {1 << (block * self._width + index * _BITS): _ONE}

    def prediction(self, v: Vector, Q: Matrix) -> Polynomial:
        """(1/N) sum_z (v . z) (z_q' Q z), token by token."""
        terms = []
        for token in self.tokens:
            value = _sum(map(_scaled, v, token))
            score = _sum(
                _product(query, _sum(map(_scaled, row, token))) for query, row in zip(self.query, Q, strict=True)
            )
            terms.append(_product(value, score))
        return _scaled(self._factor, _sum(terms))

    def expected_product(self, p: Polynomial, q: Polynomial) -> Fraction:
        """E[p q]: expand the product, then integrate each monomial block by independent block."""
        # Denominators are cleared first: integers multiply and add far faster than Fractions do.
        p_numerators, p_denominator = _cleared(p)
        q_numerators, q_denominator = _cleared(q)
        product: dict[int, int] = {}
        for a, x in p_numerators.items():
            for b, y in q_numerators.items():
                product[a + b] = product.get(a + b, 0) + x * y
        total = sum((numerator * self._moment(monomial) for monomial, numerator in product.items()), _ZERO)
        return total / (p_denominator * q_denominator)

    def _moment(self, monomial: int) -> Fraction:
        moment = _ONE
        for block in range(self._token_blocks):
            moment *= self._token_moment(monomial & ((1 << self._width) - 1), block == 0)
            if not moment:
                return moment
            monomial >>= self._width
        return moment * self._task_moment(monomial)


def _risk(prompt: _Prompt, v: Vector, Q: Matrix) -> Fraction:
    residual = _sum([prompt.label, _scaled(-_ONE, prompt.prediction(v, Q))])
    return prompt.expected_product(residual, residual)


def _gradient(prompt: _Prompt, v: Vector, Q: Matrix) -> tuple[list[Fraction], list[list[Fraction]]]:
    residual = _sum([prompt.label, _scaled(-_ONE, prompt.prediction(v, Q))])
    size = prompt.d + 2
    units = [tuple(Fraction(i == j) for j in range(size)) for i in range(size)]
    zero = (_ZERO,) * size

    def slope(v: Vector, Q: Matrix) -> Fraction:
        return -2 * prompt.expected_product(residual, prompt.prediction(v, Q))

    dv = [slope(unit, Q) for unit in units]
    dQ = [[slope(v, (zero,) * i + (unit,) + (zero,) * (size - i - 1)) for unit in units] for i in range(size)]
    return dv, dQ


# Polynomials.


def _constant(value: Fraction) -> Polynomial:
    return {0: value} if value else {}


def _scaled(factor: Fraction, p: Polynomial) -> Polynomial:
    return {monomial: factor * coefficient for monomial, coefficient in p.items()} if factor else {}


def _sum(polynomials: Iterable[Polynomial]) -> Polynomial:
    total: Polynomial = {}
    for p in polynomials:
        for monomial, coefficient in p.items():
            total[monomial] = total.get(monomial, _ZERO) + coefficient
    return total


def _product(p: Polynomial, q: Polynomial) -> Polynomial:
    return _sum({a + b: x * y for b, y in q.items()} for a, x in p.items())


def _cleared(p: Polynomial) -> tuple[dict[int, int], int]:
    """Integer numerators of the coefficients over their least common denominator, and that denominator."""
    denominator = lcm(*(x.denominator for x in p.values()))
    return {a: x.numerator * (denominator // x.denominator) for a, x in p.items()}, denominator


def _unpack(monomial: int, length: int) -> tuple[int, ...]:
    return tuple(monomial.to_bytes(length, "little"))


# Moments.


def _centred_moment(power: int, variance: Fraction) -> Fraction:
    """E g^power for g ~ N(0, variance): (power - 1)!! variance^(power / 2), or 0 for an odd power."""
    return _ZERO if power % 2 else prod(range(1, power, 2)) * variance ** (power // 2)


_cached_gaussian_moment = lru_cache(maxsize=4096)(gaussian_moment)


@lru_cache(maxsize=64)
def _ldl(matrix: Matrix) -> tuple[Matrix, Vector]:
    """L (unit lower triangular) and D with matrix = L diag(D) L'; the matrix is symmetric, positive semidefinite."""
    lower: list[Vector] = []
    pivots: list[Fraction] = []
    for i, row in enumerate(matrix):
        entries: list[Fraction] = []
        for j in range(i):
            inner = sum(entries[k] * pivots[k] * lower[j][k] for k in range(j))
            rest = row[j] - inner
            if rest and not pivots[j]:
                raise ValueError(f"the matrix must be positive semidefinite, got {_text(matrix)}")
            entries.append(rest / pivots[j] if rest else _ZERO)
        pivot = row[i] - sum(entry**2 * pivots[k] for k, entry in enumerate(entries))
        if pivot < 0:
            raise ValueError(f"the matrix must be positive semidefinite, got {_text(matrix)}")
        lower.append((*entries, _ONE, *[_ZERO] * (len(matrix) - i - 1)))
        pivots.append(pivot)
    return tuple(lower), tuple(pivots)


# Arguments.


def _fixed_task(
    covariance: Sequence[Sequence[Number]],
    target: Sequence[Number],
    noise_variance: Number,
    n_shots: int,
    normalization: Any,
) -> _Prompt:
    sigma, noise = _setting(covariance, noise_variance, n_shots, normalization)
    theta = _vector("target", target, len(sigma))
    return _Prompt(sigma, noise, n_shots, normalization, theta, task_moment=lambda no_variables: _ONE)


def _random_task(
    covariance: Sequence[Sequence[Number]],
    noise_variance: Number,
    n_shots: int,
    task_covariance: Sequence[Sequence[Number]] | None,
    normalization: Any,
) -> _Prompt:
    sigma, noise = _setting(covariance, noise_variance, n_shots, normalization)
    if task_covariance is None:
        return _Prompt(sigma, noise, n_shots, normalization, None, sphere_moment)
    psi = _covariance("task_covariance", task_covariance, len(sigma))
    return _Prompt(sigma, noise, n_shots, normalization, None, lambda a: gaussian_moment(psi, a))


def _setting(
    covariance: Sequence[Sequence[Number]], noise_variance: Number, n_shots: int, normalization: Any
) -> tuple[Matrix, Fraction]:
    if not isinstance(n_shots, int):
        raise TypeError(f"n_shots must be an int, got {n_shots!r}")
    if n_shots < 0:
        raise ValueError(f"n_shots must be >= 0, got {n_shots!r}")
    if normalization not in ("tokens", "shots") and not (
        isinstance(normalization, Rational) and Fraction(normalization) > 0
    ):
        raise ValueError(f"normalization must be 'tokens', 'shots' or a number > 0, got {normalization!r}")
    noise = _number("noise_variance", noise_variance)
    if noise < 0:
        raise ValueError(f"noise_variance must be >= 0, got {noise_variance!r}")
    return _covariance("covariance", covariance, len(covariance)), noise


def _parameters(v: Sequence[Number], Q: Sequence[Sequence[Number]], d: int) -> tuple[Vector, Matrix]:
    return _vector("v", v, d + 2), _matrix("Q", Q, d + 2)


def _covariance(name: str, value: Sequence[Sequence[Number]], d: int, definite: bool = True) -> Matrix:
    matrix = _matrix(name, value, d)
    if d == 0 or matrix != tuple(zip(*matrix, strict=True)):
        raise ValueError(f"{name} must be a symmetric matrix, got {_text(matrix)}")
    try:
        _, pivots = _ldl(matrix)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if definite and not all(pivots):
        raise ValueError(f"{name}: the matrix must be positive definite, got {_text(matrix)}")
    return matrix


def _matrix(name: str, value: Sequence[Sequence[Number]], size: int) -> Matrix:
    if len(value) != size:
        raise ValueError(f"{name} must have {size} rows, got {len(value)}")
    return tuple(_vector(name, row, size) for row in value)


def _vector(name: str, value: Sequence[Number], size: int) -> Vector:
    if len(value) != size:
        raise ValueError(f"{name} must have {size} entries (in a row), got {len(value)}")
    return tuple(_number(name, entry) for entry in value)


def _number(name: str, value: Number) -> Fraction:
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))  # NumPy's integers would overflow
    if not isinstance(value, float):
        raise TypeError(f"{name} must hold integers, Fractions or floats, got {value!r}")
    if not isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return Fraction(value)


def _text(matrix: Matrix) -> str:
    return "[" + ", ".join("[" + ", ".join(map(str, row)) + "]" for row in matrix) + "]"
