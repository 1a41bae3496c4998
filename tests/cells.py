"""The declared cells of the statistical suite, how each is sampled, and the one rule by which a cell is rejected.

Two ways of sampling, both through the simulators of the package:

law
    The risk given the query x_q and the task, by the exact law of the shots. What is left to average over is x_q and,
    for unseen tasks, theta: polynomials of degree six, whose tails are heavy because |x_q| is unbounded. So |x_q| is
    integrated out: along a ray the even part is a cubic in |x_q|^2 ~ chi-square(d), for which two Gauss-Laguerre nodes
    are exact. What is drawn is a uniform rotation; its d columns, or in a layer without symmetry more axes, are the
    directions of queries (of theta too), and one *draw* is the average over all of them. Draws are independent, bounded,
    and nearly constant.
tokens
    The definition, token by token. One draw is the squared error at a query, averaged over a set of prompts, *minus* the
    law's risk at the same query and task, a control variate. The query has the two lengths that it has above. The prompts
    are one point of the sphere of the shots' D = n (d + 1) normals, turned about: at two radii, whose squares are the
    nodes for chi-square(D), with either sign, and along several axes. A squared error is of degree four in the shots, so
    that the radii integrate their length exactly; what is left to chance are directions.
    Up to D = 40 the axes are those of a rotated rule that is exact to degree five, which leaves nothing to chance: such a
    cell's draws are all alike, and what is off by more than rounding is seen. Beyond, all shots are turned alike, each
    within its d + 1 normals.

The rule. A cell is rejected if its mean is more than FIRST_Z standard errors from the truth, and again more than
SECOND_Z of them in 16 times the draws from a fresh seed. Student's statistic of skewed draws exceeds z with
probability (1 - Phi(z)) exp(skewness z^3 / (3 sqrt(draws))), to leading order, in the tail where this is not already
below (Shao 1999; Jing, Shao and Wang 2003): the levels leave room for a factor TAIL_FACTOR over both stages, and each
cell's sample is made large enough, by an independent pilot, that its factor stays within that. Over all comparisons
the two levels multiply to FAMILY_LEVEL. Where all draws are alike, "more than rounding" takes the place of both.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.stats import norm

import theory
from numerics.prompts import Prompts, prompts_of
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


# Every model at every n, on every task, at every d, but that averages over tasks in twenty dimensions, which cost most,
# take turns there: each model and each n has some.
STRATEGY_LAW_CELLS = tuple(
    _cell(m, d, n, t)
    for (k, m), d, (j, n), t in itertools.product(enumerate(MODELS), DIMENSIONS, enumerate(SHOTS), TASKS)
    if (d, t) != (20, "unseen") or (k + j) % 4 == 0
)

# Tokens cost n (d + 2) each: n d <= 200 at d = 1, <= 40 elsewhere. Tasks take turns. At n = 0 there is one token, and the
# two ways must agree to rounding.
_SIZES = ((1, 0), (2, 0), (5, 0), (20, 0), (1, 5), (1, 1), (1, 200), (2, 5), (5, 1), (20, 1))
STRATEGY_TOKEN_CELLS = (
    *(
        _cell(m, d, n, TASKS[(k + j) % 4])
        for (k, m), (j, (d, n)) in itertools.product(enumerate(MODELS), enumerate(_SIZES))
    ),
    _cell("pretrained", 1, 20, "unseen"),
    _cell("zero_shot_value", 1, 20, "target"),
    _cell("mixed_kq", 1, 20, "opposite"),
    _cell("mixed_value", 2, 20, "vector"),
    _cell("pretrained", 5, 5, "target"),
)


def _layer_cell(layer: str, d: int, n: int) -> Cell:
    """Tasks, covariances and normalizations cycle, at different paces."""
    turn = LAYERS.index(layer) + 2 * DIMENSIONS.index(d) + SHOTS.index(n)
    return Cell(layer, d, n, TASKS[turn % 4], COVARIANCES[turn % 3], LAYER_NORMALIZATIONS[(turn // 2) % 3])


# Layers of heads, with a prompt, a skip, a masked query, a query of another law: each at every n and two d.
LAYER_LAW_CELLS = tuple(_layer_cell(layer, d, n) for layer, d, n in itertools.product(LAYERS, (2, 5), SHOTS))
LAYER_TOKEN_CELLS = tuple(_layer_cell(layer, 2, n) for layer, n in itertools.product(LAYERS, (0, 1, 5)))
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


@cache
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
