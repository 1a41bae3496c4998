"""risk and fixed_point: from a strategy and a setting to a model, and from a model to its exact risk."""

from __future__ import annotations

from typing import Any, Literal, Unpack, overload

import numpy as np

from . import validation
from .evaluation import model_of, risk_of
from .names import Numbers, StrategyName, Task, TaskName
from .parameters import AttentionParameters, dimension_beside
from .setting import SETTING_ARGUMENTS, FloatArguments, Setting, SettingArguments, settled
from .signatures import spelt_out
from .strategies import Strategy, find_strategy


class _Required:
    """The default of an argument that must be given: a misspelt one is then answered by what was meant."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()
_OF_RISK = ("model", "n_shots", "task", "setting", "certify")


@overload
def risk(
    model: StrategyName,
    n_shots: float,
    d: int | None = None,
    *,
    task: TaskName | float = "target",
    setting: None = None,
    certify: Literal[False] = False,
    **arguments: Unpack[FloatArguments],
) -> float: ...
@overload
def risk(
    model: StrategyName,
    n_shots: range | list[int] | tuple[int, ...] | np.ndarray[Any, np.dtype[np.integer[Any]]],
    d: int | None = None,
    *,
    task: TaskName | float = "target",
    setting: None = None,
    certify: Literal[False] = False,
    **arguments: Unpack[FloatArguments],
) -> np.ndarray[Any, np.dtype[np.float64]]: ...
@overload
def risk(
    model: StrategyName | Strategy | AttentionParameters,
    n_shots: Numbers,
    d: Numbers | None = None,
    *,
    task: Task = "target",
    setting: Setting | None = None,
    certify: bool = False,
    **arguments: Unpack[SettingArguments],
) -> Any: ...
@spelt_out
def risk(
    model: StrategyName | Strategy | AttentionParameters,
    n_shots: Numbers = REQUIRED,
    d: Numbers | None = None,
    *,
    task: Task = "target",
    setting: Setting | None = None,
    certify: bool = False,
    **arguments: Unpack[SettingArguments],
) -> Any:
    r"""Exact risk :math:`E(y_q - \hat y_q)^2` of a strategy, or of a model of your own, at n shots.

    Parameters
    ----------
    model : str, Strategy or AttentionParameters
        A strategy's name or alias (``python -m theory strategies`` lists them), a :class:`theory.Strategy` of your own, or
        (v, Q) in a strategy's place.
    n_shots : int >= 0, math.inf, array or Symbol
        Shots in the prompt; 0 is the zero-shot risk, infinity the limit of many shots.
    d : int >= 1, array or Symbol
        Input dimension; may be left out when another argument has it in its shape.
    task : "target", "opposite", "unseen", number or array (d,)
        The task at evaluation: :math:`\theta_0`, :math:`-\theta_0`, the average over the pretraining tasks, a task of
        the target's length at this cosine to it (isotropic settings, and no model with directions of its own), or
        :math:`\theta` itself.
    setting : Setting, optional
        Where it happens; arguments beside it override its own.
    **arguments
        The arguments of :class:`theory.Setting`, which says what they are. How a model came to be makes no difference to it:
        beside (v, Q) only d, the covariances, noise, target, normalization and query count.
    certify : bool
        Return flint balls that contain the exact value for the numbers given (a float is a rational number), of
        relative radius 2^-100 or less. Needs python-flint, the extra ``exact``.

    Returns
    -------
    float, array, Fraction, sympy expression or flint ball
        In units of the label's square; never below sigma^2. Plain numbers give a float; an array anywhere broadcasts; a
        Fraction among the real-valued arguments (and no float) gives the exact value; a Symbol an expression. ``inf``
        in one case: `mixed` without label noise (``noise_variance=0``, the default) at n >= 1 on any task but the
        target, unless ``few_shot_shots=1`` in "shots", which has nothing to gain from its shot.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, the value and what is allowed.
    NoClosedForm
        `mixed` at a finite few_shot_weight; a Strategy that trains entries of both v and Q and is none of the named.
    ImportError
        ``certify`` without python-flint.

    Notes
    -----
    One formula serves every model: :mod:`theory.risk_formula`. `mixed` without label noise has no fixed point, and its
    risk is the limit of vanishing noise: a shot's score then grows without bound while its value on the target shrinks,
    so that their product has a limit there; on any other task the value stays, and the risk at n >= 1 is infinite.

    References
    ----------
    Lee, Sohn, Lee 2026, arXiv 2602.23197 (the question); the general formula is new here.

    Examples
    --------
    >>> risk("pretrained", 10, 5)
    0.5041322314049587
    >>> risk("zs_v", range(3), 5, noise_variance=0.1, pretrain_shots=20, task="opposite").round(4)
    array([3.4333, 2.0168, 1.456 ])
    >>> from fractions import Fraction
    >>> risk("pretrained", 10, 5, noise_variance=Fraction(0))
    Fraction(61, 121)
    >>> from theory import Strategy
    >>> round(risk(Strategy("value", replay=3.0), 10, 5, noise_variance=0.1, pretrain_shots=20, task="unseen"), 6)
    0.546507
    """
    if not isinstance(model, AttentionParameters):
        model = find_strategy(model, "model")  # before d, whose absence would be blamed for what is no model
    else:
        d = dimension_beside(model, d, setting, *map(arguments.get, ("covariance", "task_covariance", "target")))
    if n_shots is REQUIRED:
        validation.unknown_keywords("risk", arguments.keys() - set(SETTING_ARGUMENTS), _OF_RISK + SETTING_ARGUMENTS)
        raise TypeError(
            "risk() needs n_shots, the number of shots in the prompt: theory.risk('zero_shot_value', 10, d=5)"
        )
    n_shots = validation.count("n_shots", n_shots, 0, True)
    setting = settled("risk", setting, d, arguments, _OF_RISK)
    if certify is not False:
        if certify is not True:
            raise validation.reject("certify", certify, "True or False", TypeError)
        from .certified import certified_risk

        return certified_risk(model, n_shots, setting, task)
    return risk_of(model, n_shots, setting, task)


@spelt_out
def fixed_point(
    strategy: StrategyName | Strategy,
    d: Numbers | None = None,
    *,
    setting: Setting | None = None,
    **arguments: Unpack[SettingArguments],
) -> AttentionParameters:
    r"""The parameters (v, Q) where population gradient flow from `pretrained` ends.

    Parameters
    ----------
    strategy : str or Strategy
        One of the named strategies, or one composed of a block, weights and a time.
    d : int, array or Symbol, >= 1
        Input dimension; may be left out when another argument has it.
    setting : Setting, optional
        Where it happens; arguments beside it override its own.
    **arguments
        The other arguments of :class:`theory.Setting`.

    Returns
    -------
    AttentionParameters
        ``.v`` of shape (d + 2,), ``.Q`` of shape (d + 2, d + 2), ``.value_scale`` = V_yy.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, the value and what is allowed.
    NoClosedForm
        `mixed` at a finite few_shot_weight, and `mixed` without label noise where the infimum is not attained: always but
        for ``few_shot_shots=1`` in "shots".

    Notes
    -----
    `mixed_kq` without label noise: the few-shot loss has a flat family of minimisers, from which the start selects one;
    the point at sigma^2 = 0 differs from the limit of vanishing noise, though not in its risk on the target.

    References
    ----------
    THEORY R1-R7: Ahn et al. 2023 (arXiv 2306.00297) for `pretrained`; Lee, Sohn, Lee 2026 (arXiv 2602.23197) for the
    strategies; the selected constants are new here.

    Examples
    --------
    >>> model = fixed_point("zero_shot", d=5, noise_variance=0.1, pretrain_shots=20)
    >>> round(float(model.v_x[0]) / model.value_scale, 5)
    0.50396
    """
    found = find_strategy(strategy)
    return model_of(found, settled("fixed_point", setting, d, arguments, ("strategy",)))
