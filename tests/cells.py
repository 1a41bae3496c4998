"""The declared cells of the statistical suite, how each is sampled, and the one rule by which a cell is rejected.

Two ways of sampling, both through the simulators of the package:

law
    The risk given the query x_q and the task, by the exact law of the shots. What is left to average over is x_q and,
    for unseen tasks, theta: polynomials of degree six, whose tails are heavy because |x_q| is unbounded. So |x_q| is
    integrated out: along a ray the even part is a cubic in |x_q|^2 ~ chi-square(d), for which two Gauss-Laguerre nodes
    are exact. What is drawn is a uniform rotation; its d columns are the directions of d queries (of theta too), and
    one *draw* is the average over all of them. Draws are independent, bounded, and nearly constant.
tokens
    The definition, token by token. One draw is a prompt's squared error *minus* the law's risk at the same query and
    task (equal seeds draw equal queries), a control variate that carries the heavy tails of x_q away.

The rule. A cell is rejected if its mean is more than FIRST_Z standard errors from the truth, and again more than
SECOND_Z of them in 16 times the draws from a fresh seed. Student's statistic of skewed draws exceeds z with
probability (1 - Phi(z)) exp(skewness z^3 / (3 sqrt(draws))), to leading order, in the tail where this is not already
below (Shao 1999; Jing, Shao and Wang 2003): the levels leave room for a factor TAIL_FACTOR over both stages, and each
cell's sample is made large enough, by an independent pilot, that its factor stays within that. Over all comparisons
the two levels multiply to FAMILY_LEVEL.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from scipy.special import roots_genlaguerre
from scipy.stats import norm

import theory
from numerics.prompts import Prompts, prompts_of
from numerics.simulators import squared_errors_by_law, squared_errors_by_tokens, whiten
from theory.strategies import PUBLISHED

Array = np.ndarray[Any, Any]

MODELS = (*PUBLISHED, "dense")
SHOTS = (0, 1, 5, 20, 200)
DIMENSIONS = (1, 2, 5, 20)
COVARIANCES = ("identity", "power law", "random")
TASKS = ("target", "opposite", "unseen", "vector")
NORMALIZATIONS = ("tokens", "shots")
LAYERS = ("heads", "masked heads", "prompt and skip", "all of it")
LAYER_NORMALIZATIONS = ("tokens", "shots", 6.5)


@dataclass(frozen=True)
class Cell:
    """A point of the declared list."""

    model: str
    d: int
    n_shots: int
    task: str
    covariance: str
    normalization: Any

    @property
    def seed(self) -> int:
        """A fixed seed of the cell's own."""
        names: tuple[tuple[Any, ...], ...] = (MODELS, DIMENSIONS, SHOTS, TASKS, COVARIANCES, NORMALIZATIONS)
        after = 0
        if self.model in LAYERS:
            after = math.prod(map(len, names))
            names = (LAYERS, *names[1:-1], LAYER_NORMALIZATIONS)
        key = (self.model, self.d, self.n_shots, self.task, self.covariance, self.normalization)
        return after + int(
            np.ravel_multi_index([n.index(k) for n, k in zip(names, key, strict=True)], [len(n) for n in names])
        )


def _cell(model: str, d: int, n: int, task: str) -> Cell:
    """Covariance and normalization cycle, so that each meets each level of every other factor."""
    turn = MODELS.index(model) + DIMENSIONS.index(d) + SHOTS.index(n) + TASKS.index(task)
    return Cell(model, d, n, task, COVARIANCES[turn % 3], NORMALIZATIONS[(turn // 3 + TASKS.index(task)) % 2])


# Every model at every n, on every task, at every d: 640 cells.
STRATEGY_LAW_CELLS = tuple(_cell(m, d, n, t) for m, d, n, t in itertools.product(MODELS, DIMENSIONS, SHOTS, TASKS))

# Tokens cost n (d + 2) each, and one shot has the heaviest tails: n d <= 200 at d = 1, <= 40 elsewhere. Tasks take
# turns. One shot is divided by N = 2: at N = 1 ("shots") some cells would need 3e7 prompts for the same accuracy, and at
# d = 2 1e7 where d = 1 needs 3e6; the layers have it there. At n = 0 there is one token, and the two ways must agree to
# rounding.
_SIZES = ((1, 0), (2, 0), (5, 0), (20, 0), (1, 5), (1, 1), (1, 200), (2, 5))
STRATEGY_TOKEN_CELLS = (
    *(
        replace(cell, normalization="tokens") if n == 1 else cell
        for (k, m), (j, (d, n)) in itertools.product(enumerate(MODELS), enumerate(_SIZES))
        for cell in (_cell(m, d, n, TASKS[(k + j) % 4]),)
    ),
    _cell("pretrained", 1, 20, "unseen"),
    _cell("zero_shot_value", 1, 20, "target"),
    _cell("mixed_kq", 1, 20, "opposite"),
    _cell("mixed_value", 2, 20, "vector"),
    replace(_cell("zero_shot", 5, 1, "vector"), normalization="tokens"),
    _cell("pretrained", 5, 5, "target"),
)


def _layer_cell(layer: str, d: int, n: int) -> Cell:
    """Tasks, covariances and normalizations cycle, at different paces."""
    turn = LAYERS.index(layer) + 2 * DIMENSIONS.index(d) + SHOTS.index(n)
    return Cell(layer, d, n, TASKS[turn % 4], COVARIANCES[turn % 3], LAYER_NORMALIZATIONS[(turn // 2) % 3])


# Layers of heads, with a prompt, a skip, a masked query, a query of another law: each at every n and two d. Tokens are left
# out where one shot is heaviest, and divided by N = 2 or more elsewhere.
LAYER_LAW_CELLS = tuple(_layer_cell(layer, d, n) for layer, d, n in itertools.product(LAYERS, (2, 5), SHOTS))
LAYER_TOKEN_CELLS = tuple(
    replace(_layer_cell(layer, 2, n), normalization=6.5 if layer == "all of it" else "tokens")
    for layer, n in itertools.product(LAYERS, (0, 1, 5))
    if (layer, n) != ("heads", 1)
)
LAW_CELLS, TOKEN_CELLS = (*STRATEGY_LAW_CELLS, *LAYER_LAW_CELLS), (*STRATEGY_TOKEN_CELLS, *LAYER_TOKEN_CELLS)

COMPARISONS = len(LAW_CELLS) + 2 * len(TOKEN_CELLS)  # tokens meet the law and the formula
FAMILY_LEVEL = 1e-6
TAIL_FACTOR = 1e4
FIRST_LEVEL = 1e-4
SECOND_LEVEL = FAMILY_LEVEL / (COMPARISONS * FIRST_LEVEL * TAIL_FACTOR)
FIRST_Z, SECOND_Z = float(norm.isf(FIRST_LEVEL / 2)), float(norm.isf(SECOND_LEVEL / 2))
RETEST = 16
DETECTABLE = 0.01  # relative to the risk: no cell may have more
ROUNDING = 1e-12  # relative: sums of some hundred products, in two orders


# --- settings ------------------------------------------------------------------------------------------------------


@cache
def setting_of(d: int, covariance: str, normalization: Any) -> theory.Setting:
    """Noise 0.2, a target of unit length, pretraining at 2 d + 5 shots."""
    rng = np.random.default_rng([d, COVARIANCES.index(covariance)])
    matrix: Any = None
    if covariance == "power law":
        matrix = np.diag(np.arange(1.0, d + 1) ** -1)
    elif covariance == "random":
        root = rng.standard_normal((d, d))
        matrix = root @ root.T / d + 0.3 * np.eye(d)
    target = rng.standard_normal(d)
    return theory.Setting(
        d=d, covariance=matrix, target=target / np.linalg.norm(target), noise_variance=0.2, pretrain_shots=2 * d + 5,
        normalization=normalization,
    )  # fmt: skip


@cache
def vector_of(d: int) -> Array:
    """The task "vector": of length 0.8, in no special direction."""
    vector = np.random.default_rng([d, 99]).standard_normal(d)
    return np.asarray(0.8 * vector / np.linalg.norm(vector))


@cache
def dense_model(d: int) -> theory.AttentionParameters:
    """Every entry of v and Q alive and no symmetry, around a model that learns in context."""
    rng = np.random.default_rng([d, 7])
    size = {1: 0.3, 2: 0.12, 5: 0.05, 20: 0.02}[d]
    v = np.array([2 * size, *rng.standard_normal(d) * (2 * size / math.sqrt(d)), 1.0])
    Q = rng.standard_normal((d + 2, d + 2)) * (size / math.sqrt(d)) + np.diag([0.0, *[0.6] * d, 0.0])
    return theory.AttentionParameters(v, Q)


@cache
def layer_of(layer: str, d: int) -> theory.AttentionParameters:
    """The dense model, split into heads that do not commute, or with a prompt and a skip beside it."""
    rng = np.random.default_rng([d, 8, LAYERS.index(layer)])
    dense, size = dense_model(d), {2: 0.2, 5: 0.15}[d]
    v, Q, prompt, skip = dense.v, dense.Q, None, None
    if layer != "prompt and skip":
        other = size * rng.standard_normal(v.shape)
        v = np.stack([v, other, 0.5 * other[::-1]])
        Q = np.stack([Q, *(size * rng.standard_normal((2, d + 2, d + 2)))])
    if layer in ("prompt and skip", "all of it"):
        prompt, skip = size * rng.standard_normal((2, d + 2)), 0.2 * rng.standard_normal(d + 1)
    return theory.AttentionParameters(v, Q, prompt, skip)


def prepared(cell: Cell) -> tuple[theory.AttentionParameters, Prompts, float]:
    """The model, the law of prompts, and the exact risk."""
    setting = setting_of(cell.d, cell.covariance, cell.normalization)
    task: Any = vector_of(cell.d) if cell.task == "vector" else cell.task
    model: Any
    if cell.model in LAYERS:
        model = parameters = layer_of(cell.model, cell.d)
        if cell.model == "masked heads":
            setting = setting.replace(query="masked")
        if cell.model == "all of it":
            setting = setting.replace(query_covariance=np.diag([*[0.7] * (cell.d - 1), 0.0]))
    elif cell.model == "dense":
        model = parameters = dense_model(cell.d)
    else:
        model, parameters = cell.model, theory.fixed_point(cell.model, setting=setting)
    exact = theory.risk(model, cell.n_shots, setting=setting, task=task)
    return parameters, prompts_of(setting, task), float(exact)


# --- sampling ------------------------------------------------------------------------------------------------------


class Given:
    """Hands out given normals where a simulator asks a Generator for them."""

    def __init__(self, *normals: Array) -> None:
        self.normals = list(normals)

    def standard_normal(self, shape: tuple[int, ...]) -> Array:
        normals = self.normals.pop(0)
        assert normals.shape == shape
        return normals


def rotations(count: int, d: int, rng: np.random.Generator) -> Array:
    """(count, d, d) uniform orthogonal matrices."""
    q, r = np.linalg.qr(rng.standard_normal((count, d, d)))
    return np.asarray(q * np.sign(np.einsum("kii->ki", r))[:, None, :])


def law_draws(cell: Cell) -> Callable[[int, np.random.Generator], Array]:
    """Draws of the law: each the risk given a rotation of queries (and one of tasks)."""
    model, prompts, _ = prepared(cell)
    whitened = whiten(model, prompts)
    d, unseen = cell.d, prompts.task is None
    nodes, weights = roots_genlaguerre(2, d / 2 - 1)
    radii = np.sqrt(2 * nodes)
    if cell.model not in theory.STRATEGIES:  # these predict -y_hat at -x_q
        radii, weights = np.concatenate([radii, -radii]), np.tile(weights, 2)
    weights = weights / weights.sum()

    def draw(count: int, rng: np.random.Generator) -> Array:
        queries = radii[:, None, None, None] * rotations(count, d, rng)
        pairs = 2 * d if unseen else 1
        shape = (len(radii), count, d, pairs, d)
        normals = [np.broadcast_to(queries[:, :, :, None], shape).reshape(-1, d)]
        if unseen:
            tasks = rotations(count, d, rng)
            both = np.concatenate([tasks, -tasks], axis=1)
            normals.insert(0, np.broadcast_to(both[None, :, None], shape).reshape(-1, d))
        size = len(normals[0])
        risks = squared_errors_by_law(*whitened, cell.n_shots, size, True, Given(*normals))  # type: ignore[arg-type]
        return np.einsum("r,rkp->k", weights, risks.reshape(len(radii), count, d * pairs)) / (d * pairs)

    return draw


def token_draws(cell: Cell) -> Callable[[int, np.random.Generator], Array]:
    """Draws of the tokens: squared errors less the law's risk at the same queries and tasks."""
    model, prompts, _ = prepared(cell)
    whitened = whiten(model, prompts)

    def draw(count: int, rng: np.random.Generator) -> Array:
        seed = rng.integers(2**63)
        tokens = squared_errors_by_tokens(model, prompts, cell.n_shots, count, True, np.random.default_rng(seed))
        law = squared_errors_by_law(*whitened, cell.n_shots, count, True, np.random.default_rng(seed))
        return np.asarray(tokens - law)

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
    if way == "tokens":
        return max(100, 400_000 // ((cell.n_shots + 1) * (cell.d + 2)))
    return max(4, 400_000 // (cell.d**2 * 4 * (2 * cell.d if cell.task == "unseen" else 1)))


def enough_draws(cell: Cell, way: str, exact: float) -> int:
    """How many draws make the cell's detectable error and its tail factor small enough, by an independent pilot."""
    draw = law_draws(cell) if way == "law" else token_draws(cell)
    pilot = sample(draw, 64 if way == "law" else 30_000, chunk_of(cell, way), [cell.seed, 0])
    if pilot.deviation <= ROUNDING * exact:
        return pilot.draws
    share = 0.95 if way == "law" else 0.85  # tokens share the allowance with the law's mean, where they are added
    for_size = (2 * FIRST_Z * 1.2 * pilot.deviation / (share * DETECTABLE * exact)) ** 2
    exponent = 2 * (abs(pilot.skewness) + 1) * (FIRST_Z**3 + SECOND_Z**3 / math.sqrt(RETEST)) / 3
    for_tails = (exponent / math.log(TAIL_FACTOR)) ** 2
    return max(pilot.draws, math.ceil(for_size), math.ceil(for_tails) if way == "law" else 0)


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
