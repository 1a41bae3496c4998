"""The training losses: weighted sums of risks, as tuples of terms (weight, shots, task) and as functions of the parameters.

A tuple of terms covers every objective of the theory:

=================================  =======================================
pretraining loss L_PT(m)           ``(Term(1, m, None),)``
zero-shot loss L_ZS                ``(Term(1, 0, theta_0),)``
few-shot loss L_FS(m)              ``(Term(1, m, theta_0),)``
L_ZS + lambda L_FS(m)              ``(Term(1, 0, theta_0), Term(lambda, m, theta_0))``
=================================  =======================================

Several targets have a term each, of their share of the weight.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.names import StrategyName
from theory.parameters import AttentionParameters
from theory.prompt import tokens
from theory.setting import Setting, as_matrix
from theory.strategies import SETTING, Strategy, find_strategy
from theory.validation import count, real, reject, vector

from .layer_loss import LayerLoss
from .population_loss import LossTerm, PopulationLoss, TaskFeatures, shot_factors
from .targets import targets_of

Array = NDArray[np.float64]


class Term(NamedTuple):
    """weight * (risk at `n_shots` shots on `task`).

    Attributes
    ----------
    weight : float, >= 0
    n_shots : int or math.inf, >= 0
    task : (d,) array or None
        One task theta; None means the average over the setting's task distribution.
    """

    weight: float
    n_shots: float
    task: Array | None


Objective = tuple[Term, ...]


def objective(strategy: StrategyName | Strategy, setting: Setting) -> Objective:
    """The loss that a strategy descends in a setting.

    A mixed strategy with few_shot_weight = 0, the limit lambda -> 0+, has the zero-shot loss alone here: the
    few-shot loss then acts on a slower time scale, which :func:`numerics.flow` treats as such.

    Parameters
    ----------
    strategy : str or Strategy
        A name or alias of one of the seven strategies, or one composed of weights without a pull.
    setting : Setting

    Returns
    -------
    tuple of Term

    Raises
    ------
    ValueError
        Unknown strategy, or a mixed strategy without a finite number of few-shot shots.

    Examples
    --------
    >>> from theory import Setting
    >>> setting = Setting(d=5, pretrain_shots=20, few_shot_weight=0.5)
    >>> [(term.weight, term.n_shots) for term in objective("mixed", setting)]
    [(1.0, 0), (0.5, 20)]
    >>> objective("pretrained", setting)
    (Term(weight=1.0, n_shots=20, task=None),)
    """
    found = find_strategy(strategy)
    if found.pull != 0:
        raise reject("pull", found.pull, "0 here: a pull to the start is no sum of risks")
    return risks_of(found, setting)


def risks_of(found: Strategy, setting: Setting) -> Objective:
    """The risks among a strategy's losses, weighted: all of them but the pull to the start."""
    targets = targets_of(setting)
    few_shot = setting.few_shot_weight if found.few_shot == SETTING else found.few_shot
    weights = {"zero_shot": found.zero_shot, "few_shot_weight": few_shot, "replay": found.replay}
    numbers = {name: plain_number(name, weight) for name, weight in weights.items()}
    terms = []
    if numbers["zero_shot"]:
        terms += [Term(share * numbers["zero_shot"], 0, task) for share, task in targets]
    if found.few_shot == SETTING or numbers["few_shot_weight"]:
        shots = setting.auxiliary_shots()  # required at a weight 0+ too
        if numbers["few_shot_weight"]:
            terms += [Term(share * numbers["few_shot_weight"], shots, task) for share, task in targets]
    if numbers["replay"]:
        terms.append(Term(numbers["replay"], setting.pretrain_shots, None))
    return tuple(terms)


def few_shot_objective(setting: Setting) -> Objective:
    """L_FS alone: the risk on the target, or on the average one, at the setting's few-shot shots."""
    return tuple(Term(share, setting.auxiliary_shots(), task) for share, task in targets_of(setting))


def population_loss(setting: Setting, objective: StrategyName | Objective, *, exact: bool = False) -> PopulationLoss:
    """The loss of an objective in a setting, ready to be evaluated at many points.

    With `exact` its numbers are Fractions of the same floats, for gradients without rounding.
    """
    return PopulationLoss(*_parts(setting, objective, exact))


def layer_loss(
    setting: Setting, objective: StrategyName | Objective, model: AttentionParameters, *, exact: bool = False
) -> LayerLoss:
    """The loss as a function of all heads, beside the prompt and the skip of a model."""
    size = setting.d + 2
    prompt: NDArray[Any] = np.zeros((0, size)) if model.prompt is None else np.asarray(model.prompt, dtype=float)
    skip = np.zeros(size - 1) if model.skip is None else np.asarray(model.skip, dtype=float)
    if exact:
        prompt, skip = fractions(prompt), fractions(skip)
    return loss_beside(setting, objective, prompt, skip, exact=exact)


def loss_beside(
    setting: Setting,
    objective: StrategyName | Objective,
    prompt: NDArray[Any],
    skip: NDArray[Any],
    *,
    exact: bool = False,
) -> LayerLoss:
    """The loss as a function of all heads, beside a prompt and a skip; complex ones pass through."""
    return LayerLoss(*_parts(setting, objective, exact, len(prompt)), prompt, skip)


def _parts(
    setting: Setting, objective: StrategyName | Objective, exact: bool, prompt_tokens: int = 0
) -> tuple[tuple[LossTerm, ...], NDArray[Any], Any]:
    noise = plain_number("noise_variance", setting.noise_variance)
    number: Callable[[float], Any] = Fraction if exact else float
    entries: Callable[[Array], NDArray[Any]] = fractions if exact else np.asarray
    normalization: Any = setting.normalization
    if not isinstance(normalization, str):
        normalization = plain_number("normalization", normalization)
    root = entries(np.linalg.cholesky(np.asarray(setting.sigma(), dtype=float)))
    attends = setting.query == "attends"
    risks: dict[float, list[tuple[Any, TaskFeatures]]] = {}  # by shots: all else of a risk is in the tasks' Gram matrix
    for weight, n_shots, task in _checked(setting, objective):
        if task is None:
            prior = setting.task_covariance
            matrix = None if prior is None else entries(np.asarray(as_matrix(prior, setting.d), dtype=float))
            tasks = TaskFeatures.of_prior(matrix, root)
        else:
            tasks = TaskFeatures.of_task(entries(task), root)
        risks.setdefault(n_shots, []).append((number(weight), tasks))
    terms = []
    for n_shots, parts in risks.items():
        total, factors = sum(weight for weight, _ in parts), shot_factors(n_shots, normalization, number, prompt_tokens)
        tasks = parts[0][1]
        if len(parts) > 1 and total:
            tasks = TaskFeatures(np.asarray(sum(weight * one.gram for weight, one in parts) / total))
        terms.append(LossTerm(total, *factors, factors[-1] if attends else number(0), tasks))
    return tuple(terms), root, number(noise)


def _checked(setting: Setting, chosen: StrategyName | Objective) -> Objective:
    if isinstance(chosen, str):
        chosen = objective(chosen, setting)
    if not chosen:
        raise ValueError("objective = () is not allowed: it must have at least one Term(weight, n_shots, task)")
    return tuple(
        Term(
            float(real("weight", term.weight)),
            float(count("n_shots", term.n_shots, 0, infinite=True)),
            None if term.task is None else vector("task", term.task, setting.d, nonzero=False).astype(float),
        )
        for term in chosen
    )


def zero_shot_tokens(setting: Setting) -> float:
    """N at zero shots."""
    return plain_number("normalization", tokens(0, setting.normalization))


def fractions(x: Array) -> NDArray[Any]:
    """The same numbers as Fractions."""
    return np.frompyfunc(Fraction, 1, 1)(x)  # type: ignore[return-value]


def plain_number(argument: str, value: Any) -> float:
    """A float of a number; a Symbol or an array is refused, since derivatives here are numeric."""
    try:
        return float(value)
    except TypeError as error:
        raise TypeError(
            f"{argument} = {value!r} is not allowed: {argument} must be one number for derivatives and flows"
        ) from error
