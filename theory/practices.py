r"""R13, R13p, R13s, R22: fine-tuning that leaves the layer frozen, or all of it but one entry.

========== ============================================= ================ ===============================================
strategy   what trains on the zero-shot loss             zero-shot excess price on unseen tasks at n shots, "tokens"
========== ============================================= ================ ===============================================
soft prompt one token beside the shots                   0                :math:`4 s_0/(n+2)^2`
new head   a second head, odd-symmetric and small        0                :math:`s_0/(n+1)`
skip       a linear readout of the query                 0                :math:`s_0`
frozen q   all of (v, Q) but :math:`Q_{00}`              :math:`2s_0/(d+4)` about the value matrix's alone
========== ============================================= ================ ===============================================

(:math:`s_0 = \theta_0^\top\Sigma\theta_0`; where tasks vary in every direction.) At the pretrained point
:math:`v^\top z_q = 0` for every query, so that the frozen head predicts nothing at zero shots, and what is added answers
for all of the target.

Sources: prompt tuning is Lester et al. 2021 (arXiv 2104.08691), adapters Houlsby et al. 2019 (arXiv 1902.00751); these laws
are new here.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from .block_law import losses_of, stages_of
from .kinds import Array, Kind, Number, common_kind, square_root
from .laws import pretrained, pretrained_product, pretrained_scale
from .points import Case, Point, World
from .prompt import tokens
from .space import Vector
from .strategies import NEW_HEAD, PROMPT, STRATEGIES, Strategy
from .validation import NoClosedForm

# --- R13p: a soft prompt ---------------------------------------------------------------------------------------------


def soft_prompt(world: World) -> Point:
    r"""R13p: a token (0, x_p, y_p) adds :math:`g^\top x_q/N`, :math:`g = wB\,x_p y_p`, and flow ends at :math:`g = N_0\theta_0`.

    N_0 counts the token, in "tokens". Where tasks vary in some directions alone, :math:`wB` reaches these, and :math:`g/N_0`
    is the nearest point in the metric :math:`\Sigma`. Gauge: w = 1.
    """
    reached = _reachable(world, world.target)
    return pretrained(world)._replace(recital=tokens(0, world.normalization, 1) * reached)


def prompted(strategy: Strategy, world: World) -> Point:
    r"""R13p with any weights: each loss is :math:`|r - g/N|_\Sigma^2` and what g does not change, r the frozen layer's error."""
    start, theta = pretrained(world), world.target
    losses = losses_of(strategy, _beside_prompt(world))
    kind = common_kind((*strategy.numbers(), *(x for loss in losses for x in loss[:3]), world.noise_variance, world.d))
    for stage in stages_of(losses):  # one that sees g at all leaves nothing to the next
        wanted, total = 0 * theta, kind.number(0)
        for weight, share, per_token, tasks, _ in stage:
            weight, share, per_token = map(kind.number, (weight, share, per_token))
            total = total + weight * per_token * per_token
            if tasks.spread is None:  # the unseen tasks' errors are zero in the mean
                wanted = wanted + (weight * per_token) * (theta - share * (start.gain @ theta))
        if total != 0:
            return start._replace(recital=_reachable(world, wanted / total))
    return start._replace(recital=0 * theta)


def _beside_prompt(world: World) -> World:
    """The same conventions with one more token at every loss."""
    if world.normalization != "tokens":
        return world
    few = None if world.few_shot_tokens is None else world.few_shot_tokens + 1
    per_token, gain = world.per_token, world.gain
    if not (type(per_token) is int and per_token == 0):
        per_token, gain = (x / (1 + world.per_token) for x in (per_token, gain))
    return world._replace(zero_shot_tokens=2, few_shot_tokens=few, per_token=per_token, gain=gain)


def _reachable(world: World, x: Vector) -> Vector:
    """The nearest point to x, in the metric Sigma, in the span of the pretraining tasks."""
    if world.psi is None or world.space.spans(world.psi):
        return x
    return world.space.ridge(world.sigma, world.psi, 0) @ (world.sigma @ x)


# --- R13s, R13: a linear readout, a new head ----------------------------------------------------------------------------


def skip(world: World) -> Point:
    r"""R13s: :math:`c = \theta_0`. Gauge: w = 1."""
    return pretrained(world)._replace(skip=world.target)


def new_head(world: World) -> Point:
    r"""R13: the new head is R2's, :math:`v_x = c\,\theta_0`, :math:`q = N_0/c`, and holds nothing else. Gauge: w = 1, c = 1."""
    return pretrained(world)._replace(second=(world.target, world.zero_shot_tokens))


# --- R22: all parameters but one entry ----------------------------------------------------------------------------------


def frozen_q(world: World) -> Point:
    r"""R22: :math:`v_x = c\,\theta_0`, :math:`B = N_0\Sigma^{-1}/(c(d+4))`, w as pretrained, q = 0, c conserved. Gauge: c = 1."""
    space, start = world.space, pretrained(world)
    share = world.zero_shot_tokens / (world.d + 4)
    gain = share * space.identity
    return start._replace(
        v_x=world.target,
        w=pretrained_scale(world) * _inverse_scale(world),
        B=share * space.inverse(world.sigma),
        gain=gain,
        residual=(1 - share) * space.identity,
        start=1,
    )


def frozen_q_scale(world: World) -> Number:
    """k = c of R22."""
    return 1 / _inverse_scale(world)


def _inverse_scale(world: World) -> Number:
    r"""R22's 1/c, of :math:`c^2|\theta_0|^2 - N_0^2|\Sigma^{-1}|_F^2/(c(d+4))^2 = -|B_0|_F^2`: |v|^2 - |Q|_F^2 is conserved."""
    space, inverse = world.space, world.space.inverse(world.sigma)
    share = world.zero_shot_tokens / (world.d + 4)
    held = share * share * space.trace_of_product(inverse, inverse)
    w_0 = pretrained_scale(world)
    product = pretrained_product(world)
    start = space.trace_of_product(product, product) / (w_0 * w_0)
    root = square_root(start * start + 4 * held * (world.target @ world.target))
    return square_root((start + root) / (2 * held))


# --- which law when -----------------------------------------------------------------------------------------------------

CASES: dict[Strategy, tuple[Case, ...]] = {
    STRATEGIES["soft_prompt"]: (Case(soft_prompt, pretrained_scale),),
    STRATEGIES["skip"]: (Case(skip, pretrained_scale),),
    STRATEGIES["new_head"]: (Case(new_head, pretrained_scale),),
    STRATEGIES["frozen_q"]: (Case(frozen_q, frozen_q_scale),),
}
_IDLE = (Case(pretrained, pretrained_scale),)
_UNSEEN_BY_MASKED = (STRATEGIES["new_head"], STRATEGIES["frozen_q"])


def practice_cases(strategy: Strategy, query: str) -> tuple[Case, ...] | None:
    """The cases of a strategy that leaves the layer frozen, or all of it but q; None for others."""
    if query == "masked" and strategy in _UNSEEN_BY_MASKED:
        return _IDLE  # the zero-shot loss is a constant
    cases = CASES.get(strategy)
    if cases is not None:
        return cases
    if strategy.trains == NEW_HEAD:
        raise NoClosedForm(
            f"{strategy!r} has no closed form: a new head has one on the zero-shot loss alone, to the end of the flow. With "
            "few_shot = 'setting' of the weight 0+ and nothing else, isotropic, numerics.solve(strategy, setting) finds its end; for "
            "others give a layer with a small second head to numerics.flow(strategy of all parameters, setting, start=layer, freeze=[0])"
        )
    if strategy.trains != PROMPT:
        return None
    if strategy.time is not math.inf or strategy.pull != 0:
        raise NoClosedForm(
            f"{strategy!r} has no closed form: a prompt token's input and label meet as a product, so that its loss is no "
            "quadratic in them; allowed: pull = 0 and time = math.inf. theory.risk takes any prompt in AttentionParameters"
        )
    return (Case(partial(prompted, strategy), pretrained_scale, recorded=False),)


# --- as arrays ----------------------------------------------------------------------------------------------------------


def model_arrays(point: Point, world: World, k: Number, kind: Kind) -> dict[str, Array]:
    """A model's v, Q, prompt and skip, the layer at the value scale k.

    A prompt's token and a new head start small, so that what their flows conserve is zero: :math:`|x_p| = |y_p|`,
    :math:`c|\\theta_0| = N_0/c`.
    """
    space: Any = world.space
    v, Q = space.arrays(point, k)
    added = {}
    if point.second is not None:
        v_x, q = point.second
        c = square_root(q / square_root(v_x @ v_x))
        new = Point(v_x, 0, q, 0 * point.B, 0 * point.b)
        v, Q = (np.stack(pair) for pair in zip((v, Q), space.arrays(new, c), strict=True))
    if point.recital is not None:
        product = pretrained_product(world)
        if world.psi is None:
            x = space.solve(product, point.recital)
        else:
            x = space.ridge(product, world.psi, 0) @ point.recital
        length2 = x @ x
        y = square_root(square_root(length2))
        added["prompt"] = np.concatenate([[0], _entries(x if length2 == 0 else x / y), [y]])[None]
    if point.skip is not None:
        added["skip"] = np.concatenate([[0], _entries(point.skip)])
    return {name: kind.presented(kind.array(x)) for name, x in {"v": v, "Q": Q, **added}.items()}


def _entries(x: Any) -> Any:
    return getattr(x, "coordinates", x)
