"""Draw tasks and prompts of the in-context regression model, token by token."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from theory import Setting
from theory.prompt import tokens
from theory.setting import as_matrix
from theory.tasks import OPPOSITE, TARGET, UNSEEN, checked_task
from theory.validation import reject

from .targets import targets_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prompts:
    """The law of prompts, in plain arrays: x ~ N(0, R R'), y = theta.x + eps, eps ~ N(0, sigma2).

    Parameters
    ----------
    root : (d, d) array
        R, any matrix with R R' = Sigma.
    noise_variance : float
        sigma2, in the units of y^2.
    task : (d,) array, (K, d) array or None
        The task theta, or several to draw from; None draws one for each prompt.
    task_root : (d, d) array or None
        L, where `task` is None: tasks are L g with g ~ N(0, I), or L g / |g|.
    unit_sphere : bool
        Which of the two; with L = I, L g / |g| is uniform on the unit sphere.
    normalization : "tokens", "shots" or float
        What the attention sum is divided by; see :mod:`theory.prompt`.
    query_attends : bool
        Whether the query's own token is among those that it attends to.
    query_root : (d, d) array or None
        R_q with the query's input x_q ~ N(0, R_q R_q'); None is `root`.
    task_shares : (K,) array or None
        The probabilities of several tasks.
    """

    root: Array
    noise_variance: float
    task: Array | None = None
    task_root: Array | None = None
    unit_sphere: bool = False
    normalization: str | float = "tokens"
    query_attends: bool = True
    query_root: Array | None = None
    task_shares: Array | None = None

    @property
    def d(self) -> int:
        return len(self.root)

    def token_count(self, n_shots: int, prompt_tokens: int = 0) -> float:
        """N, by which attention is divided."""
        return float(tokens(n_shots, self.normalization, prompt_tokens))

    def whitened(self) -> Prompts:
        """The law of (g, y) where x = R g: inputs are standard normal and tasks R'theta."""
        return replace(
            self,
            root=np.eye(self.d),
            task=None if self.task is None else self.task @ self.root,
            task_root=None if self.task_root is None else self.root.T @ self.task_root,
            query_root=None if self.query_root is None else cast(Array, np.linalg.solve(self.root, self.query_root)),
        )

    def draw_tasks(self, count: int, rng: np.random.Generator) -> Array:
        """(count, d) tasks."""
        if self.task_shares is not None:
            return cast(Array, self.task)[rng.choice(len(self.task_shares), size=count, p=self.task_shares)]
        if self.task is not None:
            return np.broadcast_to(self.task, (count, self.d))
        directions = np.ascontiguousarray(rng.standard_normal((count, self.d)).T)  # sums run along the many tasks
        if self.unit_sphere:
            directions /= np.sqrt(np.einsum("ik,ik->k", directions, directions))
        return cast(Array, np.einsum("ji,ik->jk", cast(Array, self.task_root), directions).T)

    def draw_shots(self, tasks: Array, n_shots: int, rng: np.random.Generator) -> Array:
        """(prompts, n_shots, d + 2) tokens (1, x, y), for one row of `tasks` a prompt."""
        x = np.einsum("kni,ji->knj", rng.standard_normal((len(tasks), n_shots, self.d)), self.root)
        noise = math.sqrt(self.noise_variance) * rng.standard_normal((len(tasks), n_shots))
        shots = np.empty((len(tasks), n_shots, self.d + 2))
        shots[:, :, 0] = 1.0
        shots[:, :, 1:-1] = x
        shots[:, :, -1] = np.einsum("knj,kj->kn", x, tasks) + noise
        return shots

    def draw_queries(self, tasks: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """(prompts, d + 2) query tokens (1, x_q, 0), and the (prompts,) labels y_q that they hide."""
        law = self if self.query_root is None else replace(self, root=self.query_root)
        queries = law.draw_shots(tasks, 1, rng)[:, 0]
        labels = queries[:, -1].copy()
        queries[:, -1] = 0.0
        return queries, labels


def prompts_of(setting: Setting, task: Any = "target") -> Prompts:
    """The prompts of a setting on a task, which is given as in :func:`theory.risk`."""
    targets = targets_of(setting)
    d = len(targets[0][1])
    try:
        noise_variance = float(setting.noise_variance)
    except TypeError:
        allowed = "one number where prompts are drawn"
        raise reject("noise_variance", setting.noise_variance, allowed, TypeError) from None
    normalization: Any = setting.normalization
    vector = _task_vector(setting, task)
    several = vector is not None and vector.ndim == 2
    return Prompts(
        root=_root(setting.covariance, d),
        noise_variance=noise_variance,
        task=vector,
        task_root=_root(setting.task_covariance, d),
        unit_sphere=setting.task_covariance is None,
        normalization=normalization if isinstance(normalization, str) else float(normalization),
        query_attends=setting.query == "attends",
        query_root=None if setting.query_covariance is None else _root(setting.query_covariance, d),
        task_shares=np.array([share for share, _ in targets]) if several else None,
    )


def _root(covariance: Any, d: int) -> Array:
    """A matrix R with R R' the covariance; None is the identity."""
    if covariance is None:
        return np.eye(d)
    matrix = np.asarray(as_matrix(covariance, d), np.float64)
    try:
        return np.asarray(np.linalg.cholesky(matrix), np.float64)
    except np.linalg.LinAlgError:  # singular, as a task's or a query's may be
        eigenvalues, vectors = np.linalg.eigh(matrix)
        return np.asarray(vectors * np.sqrt(np.maximum(eigenvalues, 0.0)))


def _task_vector(setting: Setting, task: Any) -> Array | None:
    """The task's theta, or those of several targets; None for tasks drawn from the prior."""
    tasks = np.array([one for _, one in targets_of(setting)])
    target = tasks if setting.has_several_targets else tasks[0]
    checked = checked_task(task, setting)
    if isinstance(checked, str):
        places: dict[str, Array | None] = {TARGET: target, OPPOSITE: -target, UNSEEN: None}
        return places[checked]
    if isinstance(checked, np.ndarray):
        return checked.astype(np.float64)
    cosine = float(checked)
    across = np.zeros_like(target)
    if abs(cosine) < 1:
        # Any direction orthogonal to the target will do, by isotropy: start from the axis least along it.
        axis = int(np.argmin(np.abs(target)))
        across[axis] = 1.0
        across -= target[axis] / (target @ target) * target
        across *= math.sqrt((1 - cosine**2) * (target @ target) / (across @ across))
    return np.asarray(cosine * target + across)
