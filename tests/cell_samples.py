"""How the declared cells are sampled and judged; see :mod:`cells` for what a draw is and for the rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from cells import DETECTABLE, FIRST_Z, RETEST, ROUNDING, SECOND_Z, TAIL_FACTOR, Cell, prepared

import theory
from numerics.simulators import squared_errors_by_law, squared_errors_by_tokens, whiten

Array = np.ndarray[Any, Any]


class Given:
    """Hands out given normals where a simulator asks a Generator for them: by blocks of tokens, where it takes these."""

    def __init__(self, *normals: Array) -> None:
        self.normals = list(normals)

    def standard_normal(self, shape: tuple[int, ...]) -> Array:
        normals = self.normals.pop(0)
        if shape[1] < normals.shape[1]:
            self.normals.append(normals[:, shape[1] :])
        normals = normals[:, : shape[1]]
        assert normals.shape == shape
        return normals


def rotations(count: int, d: int, rng: np.random.Generator) -> Array:
    """(count, d, d) uniform orthogonal matrices."""
    q, r = np.linalg.qr(rng.standard_normal((count, d, d)))
    return np.asarray(q * np.sign(np.einsum("kii->ki", r))[:, None, :])


def two_radii(d: int) -> tuple[Array, Array]:
    """Lengths and weights that average the cubics in |g|^2 ~ chi-square(d) exactly: Gauss-Laguerre, two nodes."""
    squares = d + 2 + math.sqrt(2 * d + 4) * np.array([-1.0, 1.0])
    share = (d - squares[1]) / (squares[0] - squares[1])  # so that the mean of |g|^2 is d
    return np.sqrt(squares), np.array([share, 1 - share])


def with_both_signs(radii: Array, weights: Array) -> tuple[Array, Array]:
    return np.concatenate([radii, -radii]), np.tile(weights / 2, 2)


def axes_of_degree_five(d: int) -> tuple[Array, Array]:
    """Axes, with weights, whose two ends average polynomials of degree five over the sphere (Stroud, U_n 5-2)."""
    one, other = np.triu_indices(d, 1)
    unit = np.eye(d)
    pairs = [(unit[one] + sign * unit[other]) / math.sqrt(2) for sign in (1, -1)]
    weights = np.repeat([(4 - d) / (d * (d + 2)), 2 / (d * (d + 2))], [d, 2 * len(one)])
    return np.concatenate([unit, *pairs]), weights


def law_draws(cell: Cell) -> Callable[[int, np.random.Generator], Array]:
    """Draws of the law: each the risk given a rotation of queries (and one of tasks)."""
    model, prompts, _ = prepared(cell)
    whitened = whiten(model, prompts)
    d, unseen = cell.d, prompts.task is None
    radii, weights = two_radii(d)
    axes, shares = np.eye(d), np.full(d, 1 / d)
    if cell.model not in theory.STRATEGIES:  # these predict -y_hat at -x_q
        radii, weights = with_both_signs(radii, weights)
        if d <= 5:  # elsewhere the columns of a rotation do as well
            axes, shares = axes_of_degree_five(d)

    def draw(count: int, rng: np.random.Generator) -> Array:
        queries = radii[:, None, None, None] * (axes @ rotations(count, d, rng))
        pairs = 2 * d if unseen else 1
        shape = (len(radii), count, len(axes), pairs, d)
        normals = [np.broadcast_to(queries[:, :, :, None], shape).reshape(-1, d)]
        if unseen:
            tasks = rotations(count, d, rng)
            both = np.concatenate([tasks, -tasks], axis=1)
            normals.insert(0, np.broadcast_to(both[None, :, None], shape).reshape(-1, d))
        size = len(normals[0])
        risks = squared_errors_by_law(*whitened, cell.n_shots, size, True, Given(*normals))  # type: ignore[arg-type]
        return np.einsum("r,a,rkap->k", weights, shares, risks.reshape(shape[:-1])) / pairs

    return draw


SMALL = 40  # of the shots' normals: up to here their directions are integrated exactly


def turned(n: int, d: int, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """(count, axes, n (d + 1)) uniform points of the sphere, and the weights by which to average over each set."""
    if n * (d + 1) <= SMALL:
        axes, weights = axes_of_degree_five(n * (d + 1))
        return axes @ rotations(count, n * (d + 1), rng), weights
    point = rng.standard_normal((count, n, d + 1))
    point /= np.linalg.norm(point, axis=(1, 2), keepdims=True)
    images = [point]
    for _ in range(d):  # a quarter turn at d = 1; a turn of the axes into each other, one backwards, beyond
        images.append(np.concatenate([-images[-1][..., -1:], images[-1][..., :-1]], axis=2))
    return np.stack(images, axis=1).reshape(count, d + 1, -1), np.full(d + 1, 1 / (d + 1))


def token_draws(cell: Cell) -> Callable[[int, np.random.Generator], Array]:
    """Draws of the tokens: squared errors, averaged over a set of shots, less the law's risk at the same query and task."""
    model, prompts, _ = prepared(cell)
    whitened = whiten(model, prompts)
    n, d = cell.n_shots, cell.d
    radii, weights = with_both_signs(*two_radii(n * (d + 1)))
    lengths, chances = two_radii(d)

    def draw(count: int, rng: np.random.Generator) -> Array:
        points, shares = turned(n, d, count, rng) if n else (np.zeros((count, 1, 0)), np.ones(1))
        tasks, directions = rng.standard_normal((2, count, 1, d))
        queries = lengths[:, None] * directions / np.linalg.norm(directions, axis=2, keepdims=True)
        tasks = np.repeat(tasks, 2, axis=1)
        given = [x.reshape(-1, d) for x in ([tasks, queries] if prompts.task is None else [queries])]
        law = squared_errors_by_law(*whitened, n, 2 * count, True, Given(*given))  # type: ignore[arg-type]

        prompts_a_query = len(radii) * len(shares)
        shots = radii[:, None, None] * points[:, None]
        shots = np.repeat(shots[:, None], 2, axis=1).reshape(2 * count * prompts_a_query, n, d + 1)
        *task, query = (np.repeat(normals, prompts_a_query, axis=0) for normals in given)
        no_noise = np.zeros((len(shots), 1))  # of the query's label: its variance is added
        normals = Given(*task, query[:, None], no_noise, shots[..., :-1], shots[..., -1])
        tokens = squared_errors_by_tokens(model, prompts, n, len(shots), True, normals)  # type: ignore[arg-type]
        tokens = tokens.reshape(count, 2, len(radii), -1)
        return np.einsum("kqra,q,r,a->k", tokens, chances, weights, shares) - law.reshape(count, 2) @ chances

    return draw


@dataclass(frozen=True)
class Sample:
    """Moments of independent draws."""

    draws: int
    mean: float
    deviation: float
    skewness: float

    @property
    def standard_error(self) -> float:
        return self.deviation / math.sqrt(self.draws)

    def tail_exponent(self, z: float) -> float:
        """log of the factor by which skewness raises the tail of Student's statistic at z."""
        return abs(self.skewness) * z**3 / (3 * math.sqrt(self.draws))


def sample(draw: Callable[[int, np.random.Generator], Array], draws: int, chunk: int, seed: list[int]) -> Sample:
    """Draw in chunks of bounded memory; moments about the first chunk's mean, so that nothing cancels."""
    rng = np.random.default_rng(seed)
    origin, powers, left = 0.0, np.zeros(3), draws
    while left:
        values = draw(min(chunk, left), rng)
        origin = float(values.mean()) if left == draws else origin
        centred = values - origin
        powers += [centred.sum(), (centred**2).sum(), (centred**3).sum()]
        left -= len(values)
    first, second, third = powers / draws
    variance = max(second - first**2, 0.0)
    skewness = (third - 3 * first * second + 2 * first**3) / variance**1.5 if variance > 0 else 0.0
    return Sample(draws, float(origin + first), math.sqrt(variance * draws / (draws - 1)), float(skewness))


def chunk_of(cell: Cell, way: str) -> int:
    """Draws at once: some megabytes."""
    if way == "law":
        return max(4, 100_000 // (cell.d**2 * 4 * (2 * cell.d if cell.task == "unseen" else 1)))
    size = max(cell.n_shots, 1) * (cell.d + 1)
    return max(1, 100_000 // (8 * (size**2 if size <= SMALL else cell.d + 1) * (size + 1)))


def enough_draws(cell: Cell, way: str, exact: float) -> int:
    """How many draws make the cell's detectable error and its tail factor small enough, by an independent pilot."""
    draw = law_draws(cell) if way == "law" else token_draws(cell)
    small = way == "tokens" and cell.n_shots * (cell.d + 1) <= SMALL
    few = 64 if way == "law" else 8 if small else 500
    pilot = sample(draw, few, chunk_of(cell, way), [cell.seed, 0])
    if small or pilot.deviation <= ROUNDING * exact:  # where draws should be alike, and are not, more are no remedy
        return pilot.draws
    share = 0.95 if way == "law" else 0.85  # tokens share the allowance with the law's mean, where they are added
    for_size = (2 * FIRST_Z * 1.2 * pilot.deviation / (share * DETECTABLE * exact)) ** 2
    exponent = 2 * (abs(pilot.skewness) + 1) * (FIRST_Z**3 + SECOND_Z**3 / math.sqrt(RETEST)) / 3
    for_tails = (exponent / math.log(TAIL_FACTOR)) ** 2
    return max(pilot.draws, math.ceil(for_size), math.ceil(for_tails))


# --- the rule ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What the rule says of a cell: rejected or not, and the smallest relative error it was sure to reject."""

    rejected: bool
    detectable: float
    tail_exponent: float


def judge(run: Callable[[int], tuple[float, float, float]], truth: float, scale: float) -> Verdict:
    """`run(times)` gives mean, standard error and skewness / sqrt(draws) in `times` times the draws.

    A truth that is off by more than twice FIRST_Z standard errors is rejected whenever the right one is not, as long
    as the retest agrees with the first sample.
    """
    rounding = ROUNDING * scale
    mean, error, asymmetry = run(1)
    detectable = (2 * FIRST_Z * error + 2 * rounding) / scale
    exponent = 0.0
    if error > rounding:
        exponent = abs(asymmetry) * (FIRST_Z**3 + SECOND_Z**3 / math.sqrt(RETEST)) / 3
    rejected = abs(mean - truth) > FIRST_Z * error + rounding
    if rejected:
        mean, error, _ = run(RETEST)
        rejected = abs(mean - truth) > SECOND_Z * error + rounding
    return Verdict(rejected, detectable, exponent)


def runs_of(cell: Cell) -> Callable[[str], Callable[[int], tuple[float, float, float]]]:
    """The samples of a cell: by "law"; by "tokens" minus law; and by "both", tokens on the law's mean."""
    exact = prepared(cell)[2]

    @cache
    def one(way: str, times: int) -> Sample:
        draw = law_draws(cell) if way == "law" else token_draws(cell)
        return sample(draw, times * draws(way), chunk_of(cell, way), [cell.seed, times, len(way)])

    @cache
    def draws(way: str) -> int:
        return enough_draws(cell, way, exact)

    def run(way: str) -> Callable[[int], tuple[float, float, float]]:
        def of(times: int) -> tuple[float, float, float]:
            samples = [one("tokens" if way == "both" else way, times)]
            if way == "both":  # four times the law's draws keep its share of the error small, where tokens have any
                share = 4 if samples[0].deviation > ROUNDING * exact else 1
                samples.append(one("law", share * times))
            worst = max(samples, key=lambda s: s.standard_error)
            error = math.hypot(*(s.standard_error for s in samples))
            return sum(s.mean for s in samples), error, worst.skewness / math.sqrt(worst.draws)

        return of

    return run
