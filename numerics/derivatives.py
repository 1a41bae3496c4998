"""Exact gradient and Hessian of the training losses (:mod:`numerics.objectives`) at any parameters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.names import StrategyName
from theory.parameters import AttentionParameters, require_dimension
from theory.setting import Setting
from theory.strategies import TrainedBlock
from theory.validation import choice, reject

from .objectives import Objective, layer_loss, population_loss
from .objectives import Term as Term
from .objectives import objective as objective
from .population_loss import PopulationLoss

Array = NDArray[np.float64]
TRAINED_BLOCKS = ("all", "value", "key_query")


class Gradient(NamedTuple):
    """Gradient of a loss: `v` and `Q` of the model's shapes, the last row of Q (of each head) zero."""

    v: Array
    Q: Array


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
