"""Exact gradient and Hessian of the training losses at any parameters.

A loss is a tuple of terms (weight, shots, task), and covers every objective of the theory:

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
from theory.parameters import AttentionParameters, require_dimension
from theory.prompt import tokens
from theory.setting import Setting, as_matrix
from theory.strategies import SETTING, Strategy, TrainedBlock, find_strategy
from theory.validation import choice, count, real, reject, vector

from .layer_loss import LayerLoss
from .population_loss import LossTerm, PopulationLoss, TaskFeatures, shot_factors
from .targets import targets_of

Array = NDArray[np.float64]
TRAINED_BLOCKS = ("all", "value", "key_query")


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


class Gradient(NamedTuple):
    """Gradient of a loss: `v` and `Q` of the model's shapes, the last row of Q (of each head) zero."""

    v: Array
    Q: Array


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


def gradient(model: AttentionParameters, setting: Setting, objective: StrategyName | Objective) -> Gradient:
    r"""Exact gradient of a loss in every entry of v and Q.

    The loss is quadratic in v at fixed Q and quadratic in Q at fixed v. With M the second moment of a token
    and N the normalization, the risk at n shots on a task is the sum of squares

    .. math:: \sigma^2 + E|t - \tfrac1N(n R M v + e)|^2 + \tfrac{n}{N^2} tr(R \Lambda R') + \tfrac1{N^2} c

    of :mod:`numerics.population_loss`, which also says what the letters mean; this is its derivative, at the
    cost of a few products of matrices of size d + 2.

    Parameters
    ----------
    model : AttentionParameters
        Any layer: v of shape (d+2,) or (H, d+2), Q of shape (d+2, d+2) or (H, d+2, d+2); a prompt and a skip stay fixed.
    setting : Setting
        Gives the covariance, the task distribution, the noise, the normalization and whether the query attends to itself.
        A ``query_covariance`` is one of evaluation: the losses of training do not know it.
    objective : str or tuple of Term
        A strategy's name for the loss that it descends, or any weighted sum of risks.

    Returns
    -------
    Gradient
        In units of the squared label per unit of the parameter.

    Raises
    ------
    ValueError, TypeError
        Shapes that do not fit, an unknown strategy, a setting that is symbolic or holds arrays.

    Examples
    --------
    A pretrained model attends to nothing at zero shots, so the zero-shot loss does not see its keys and
    queries:

    >>> import theory
    >>> setting = theory.Setting(d=5, noise_variance=0.1, pretrain_shots=20)
    >>> model = theory.fixed_point("pretrained", setting=setting)
    >>> bool(abs(gradient(model, setting, "pretrained").Q).max() < 1e-14)
    True
    >>> bool(abs(gradient(model, setting, "zero_shot").Q).max() == 0)
    True
    >>> bool(np.allclose(gradient(model, setting, "zero_shot").v[1], -2 * (setting.d + 2) * model.B[0, 0]))
    True
    """
    loss, v, Q = _prepare(model, setting, objective)
    dv, dQ = loss.gradient(v, Q)
    return Gradient(dv.reshape(model.v.shape), dQ.reshape(model.Q.shape))


def hessian(
    model: AttentionParameters,
    setting: Setting,
    objective: StrategyName | Objective,
    trained: TrainedBlock = "all",
) -> Array:
    """Exact Hessian of a loss on a trained block, as a dense symmetric matrix.

    Parameters
    ----------
    model, setting, objective
        As for :func:`gradient`.
    trained : {"all", "value", "key_query"}
        The coordinates: v followed by the entries of Q, row by row; v alone; Q alone. Of H heads, all of v, then all of Q.

    Returns
    -------
    (k, k) array
        k = (d+2) + (d+2)^2, d + 2, or (d+2)^2, times H. The last row of Q is dead: its rows and columns are zero.

    Raises
    ------
    ValueError, TypeError
        As for :func:`gradient`.

    Examples
    --------
    The pretrained point has no descent direction of the pretraining loss, to second order:

    >>> import theory
    >>> setting = theory.Setting(d=2, noise_variance=0.1, pretrain_shots=20)
    >>> model = theory.fixed_point("pretrained", setting=setting)
    >>> H = hessian(model, setting, "pretrained")
    >>> H.shape
    (20, 20)
    >>> bool(np.linalg.eigvalsh(H)[0] > -1e-14)
    True
    """
    choice("trained", trained, TRAINED_BLOCKS)
    loss, v, Q = _prepare(model, setting, objective)
    value, whole = v.size, v.size + Q.size
    first, last = {"all": (0, whole), "value": (0, value), "key_query": (value, whole)}[trained]
    out = np.empty((last - first, last - first))
    for start in range(first, last, CHUNK):
        stop = min(start + CHUNK, last)
        directions = np.zeros((stop - start, whole))
        directions[np.arange(stop - start), np.arange(start, stop)] = 1.0
        out[start - first : stop - first] = apply_hessian(loss, v, Q, directions)[:, first:last]
    return (out + out.T) / 2  # symmetric already, but for rounding


def heads(model: AttentionParameters, setting: Setting) -> tuple[Array, Array]:
    """(v, Q) of shapes (H, d + 2) and (H, d + 2, d + 2)."""
    require_dimension(model, setting.d)
    v = np.atleast_2d(np.array(model.v, dtype=float))
    return v, np.array(model.Q, dtype=float).reshape(*v.shape, -1)


CHUNK = 512  # directions at once: bounds the memory at d = 50 to some 100 MB


def apply_hessian(loss: PopulationLoss, v: Array, Q: Array, directions: Array) -> Array:
    """The Hessian times each row of `directions`, whose columns are (v, vec Q)."""
    dv, dQ = directions[:, : v.size].reshape(-1, *v.shape), directions[:, v.size :].reshape(-1, *Q.shape)
    return np.concatenate([part.reshape(len(directions), -1) for part in loss.hessian_product(v, Q, dv, dQ)], axis=1)


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


def _prepare(
    model: AttentionParameters, setting: Setting, objective: StrategyName | Objective
) -> tuple[PopulationLoss, Array, Array]:
    if is_layer(model):
        return layer_loss(setting, objective, model), *heads(model, setting)
    return population_loss(setting, objective), *one_head("model", model, setting)


def is_layer(model: AttentionParameters) -> bool:
    """Whether there is more than one head alone."""
    return model.n_heads > 1 or model.prompt is not None or model.skip is not None


def one_head(argument: str, model: AttentionParameters, setting: Setting) -> tuple[Array, Array]:
    """(v, Q), the variables of losses and flows, of a model that has no others and is of the setting's dimension."""
    if is_layer(model):
        raise reject(
            argument, model, "of one head, without a prompt or a skip, where losses are differentiated or descended"
        )
    v, Q = np.array(model.v, dtype=float), np.array(model.Q, dtype=float)
    size = v.shape[-1]
    if size != setting.d + 2:
        raise ValueError(
            f"{argument} with d = {size - 2} is not allowed: the setting has d = {setting.d}, so the shapes of v and Q must "
            f"be ({setting.d + 2},) and ({setting.d + 2}, {setting.d + 2})"
        )
    return v.reshape(size), Q.reshape(size, size)


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
