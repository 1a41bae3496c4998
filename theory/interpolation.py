"""R21: weight interpolation, the models on the line between two."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import validation
from .evaluation import model_of
from .kinds import Array, Kind, Number, common_kind
from .names import StrategyName
from .parameters import AttentionParameters, IsotropicScalars
from .setting import Setting
from .strategies import Strategy, find_strategy


def interpolate(
    model: StrategyName | Strategy | AttentionParameters,
    other: StrategyName | Strategy | AttentionParameters,
    t: Number,
    *,
    setting: Setting | None = None,
) -> AttentionParameters:
    r"""The model a share t of the way from one to another, in their weights.

    .. math:: (v, Q)(t) = (1 - t)\,(v, Q) + t\,(v', Q'),

    and so for the tokens of prompts and for skips. Every risk on this line is a quartic in t; a quadratic where v alone or
    Q alone differs.

    Parameters
    ----------
    model, other : str, Strategy or AttentionParameters
        The ends: strategies, each at the value scale that its flow selects, or models of one's own. A head, a prompt's token
        or a skip that one of them lacks counts as zeros (a token of zeros adds nothing, but counts in N = n + 1 + k).
    t : number or Symbol
        The share, not per cent; 0 is the first, 1 the other. Any real number: outside [0, 1] the line goes on beyond its
        ends, so that 50 is far past the other, not half way. An array where both ends are six isotropic scalars.
    setting : Setting, optional
        The strategies' world; needed where there is one.

    Returns
    -------
    AttentionParameters
        Of six scalars where both ends are; else of v, Q, and what else they hold.

    Raises
    ------
    ValueError, TypeError, NoClosedForm
        Ends of different dimensions or targets, a strategy without a setting or without a law.

    Notes
    -----
    Heads are paired in the order in which they are given. A model's risk does not depend on that order; that of the model
    half-way does.

    References
    ----------
    Wortsman et al. 2022 (arXiv 2109.01903), "WiSE-FT", for the practice; its risk here is new.

    Examples
    --------
    >>> from theory import OFFICIAL, risk
    >>> middle = interpolate("pretrained", "zero_shot", 0.3115, setting=OFFICIAL)
    >>> round(risk(middle, 0, setting=OFFICIAL), 4), round(risk(middle, 20, setting=OFFICIAL, task="unseen"), 4)
    (0.2948, 0.4534)
    """
    ends = [_model(name, given, setting) for name, given in (("model", model), ("other", other))]
    t = validation.real("t", t, -validation.LARGEST_REAL)
    first, second = ends
    if not (np.ndim(first.d) == np.ndim(second.d) == 0 and first.d == second.d):
        raise validation.reject("other", other, f"a model of dimension d = {first.d}, as the first")
    if first.isotropic is not None and second.isotropic is not None and _same(first.target, second.target):
        kind = common_kind((*first.isotropic, *second.isotropic, t))
        pairs = zip(first.isotropic, second.isotropic, strict=True)
        scalars = IsotropicScalars(*(kind.present(between(*map(kind.number, (a, b, t)))) for a, b in pairs))
        return AttentionParameters.from_isotropic(scalars, first.d, first.target)
    if np.ndim(t):
        raise validation.reject("t", t, "one number here: v and Q of the model are arrays")
    parts = [{"v": np.array([v for v, _ in x.heads()]), "Q": np.array([Q for _, Q in x.heads()])} for x in ends]
    for part, end in zip(parts, ends, strict=True):
        part |= {name: x for name, x in (("prompt", end.prompt), ("skip", end.skip)) if x is not None}
    kind = common_kind((*(x for part in parts for x in part.values()), t))
    mixed = {
        name: kind.presented(between(*_alike(kind, *(part.get(name) for part in parts)), kind.number(t)))
        for name in ("v", "Q", "prompt", "skip")
        if any(name in part for part in parts)
    }
    if len(mixed["v"]) == 1:
        mixed |= {"v": mixed["v"][0], "Q": mixed["Q"][0]}
    return AttentionParameters(**mixed)


def _model(name: str, given: Any, setting: Setting | None) -> AttentionParameters:
    if isinstance(given, AttentionParameters):
        return given
    strategy = find_strategy(given)
    if not isinstance(setting, Setting):
        raise validation.reject("setting", setting, f"a theory.Setting where {name} is a strategy", TypeError)
    return model_of(strategy, setting)


def between(a: Any, b: Any, t: Any) -> Any:
    """The point a share t of the way from a to b."""
    return (1 - t) * a + t * b


def _alike(kind: Kind, a: Array | None, b: Array | None) -> tuple[Array, Array]:
    """Both with as many heads or tokens: zeros for what one of them lacks."""
    given = [x for x in (a, b) if x is not None]
    size = max(map(len, given))

    def filled(x: Array | None) -> Array:
        x = given[0][:0] if x is None else x
        zeros = np.zeros((size - len(x), *x.shape[1:]), dtype=int)
        return np.concatenate([kind.array(x), kind.array(zeros)])

    return filled(a), filled(b)


def _same(a: Array | None, b: Array | None) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))
