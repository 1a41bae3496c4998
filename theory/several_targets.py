r"""R24: fine-tuning on several tasks :math:`\theta_1 \dots \theta_K` at once.

Averaged over tasks of mean :math:`\bar\theta` and covariance V the zero-shot loss is that of :math:`\bar\theta` and
:math:`\mathrm{tr}\,\Sigma V`, whatever the model: every law on that loss holds with :math:`\bar\theta` for the target. The few-shot loss
sees more of the tasks: for v alone their covariance, for Q alone the moments below. New here.
"""

from __future__ import annotations

import numpy as np

from .block_law import block_cases
from .kinds import FLOATS, common_kind
from .laws import pretrained, pretrained_scale
from .points import Case, Point, World, inner, noisy
from .setting import Setting
from .strategies import STRATEGIES, Strategy
from .targets import mean_target, weighed
from .validation import NoClosedForm, reject

_TOWARDS_THE_MEAN = tuple(STRATEGIES[name] for name in ("zero_shot", "frozen_q", "new_head"))


def mixed_key_query(world: World) -> Point:
    r"""R24: v frozen; with :math:`\nu_k = s_k + \sigma^2`, :math:`\omega = E\nu\theta`, :math:`\kappa = E\nu^2`, averages over the tasks,

    .. math::

        wB\,[(m+1)\Sigma E\theta\theta^\top + E\nu - (m+2)\Sigma\omega\omega^\top/\kappa] =
        N\,[E\theta\theta^\top - \omega\omega^\top/\kappa], \qquad w q_{xy} = [N\omega/(m+2) - wB\Sigma\omega]/\kappa .

    Gauge: w = 1. One task gives R6; tasks of mean zero and one power :math:`s_k` give R1's ridge: in-context learning is kept on the
    span of the tasks' differences.
    """
    space, sigma, m = world.space, world.sigma, world.few_shot_shots
    nu = [(p, inner(world, x, x) + world.noise_variance, x) for p, x in world.several]
    power, kappa = sum(p * y for p, y, _ in nu), sum(p * (y * y) for p, y, _ in nu)
    second = sum((space.outer(p * x, x) for p, _, x in nu[1:]), start=space.outer(nu[0][0] * nu[0][2], nu[0][2]))
    omega = sum(((p * y) * x for p, y, x in nu[1:]), start=(nu[0][0] * nu[0][1]) * nu[0][2])
    share = space.quotient(1, kappa) * omega
    seen = (m + 1) * (sigma @ second) + power * space.identity - (m + 2) * space.outer(sigma @ omega, share)
    wanted = world.few_shot_tokens * (second - space.outer(omega, share))
    B = space.solve(seen.T, wanted.T).T
    b = (world.few_shot_tokens / (m + 2)) * share - B @ (sigma @ share)
    return pretrained(world)._replace(B=B, b=b, gain=None, residual=None)


def cases_of_several(strategy: Strategy, setting: Setting) -> tuple[Case, ...] | None:
    """The cases that differ from those of one target; None where the law is the mean target's."""
    if strategy == STRATEGIES["mixed"]:
        raise NoClosedForm(
            f"target of shape {setting.target.shape} has no closed form for strategy 'mixed': the few-shot loss of several tasks "
            "along the zero-shot loss's minimisers holds their fourth moments; allowed: one target, or a strategy that trains one "
            "block ('mixed_value', 'mixed_kq')"
        )
    if strategy in _TOWARDS_THE_MEAN and setting.query == "attends":
        kind = common_kind((setting.target, setting.target_weights)) if setting.target.dtype == object else FLOATS
        mean = mean_target(weighed(setting.target, setting.target_weights, kind))
        if not np.any(mean != 0):
            raise reject(
                "target", setting.target, f"of a mean that is not zero for {strategy.name!r}, or nothing moves"
            )
    if strategy == STRATEGIES["mixed_kq"]:
        return (Case(mixed_key_query, pretrained_scale, noisy), *block_cases(strategy))
    if strategy == STRATEGIES["mixed_value"] and setting.query == "masked":
        return block_cases(strategy)
    return None
