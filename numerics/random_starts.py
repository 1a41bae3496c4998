"""Where random starts end, and how key-query fine-tuning depends on a small v_x."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory import fixed_point
from theory.names import StrategyName
from theory.parameters import AttentionParameters
from theory.setting import Setting
from theory.strategies import named_strategy
from theory.validation import count, reject

from .derivatives import hessian
from .integrator import FLAT, NoConvergence
from .trajectory import flow

Array = NDArray[np.float64]

_HORIZON = 1e6  # the degenerate family is approached like t^(-1/2): far enough to tell, and quick


def require_attending(setting: Setting) -> None:
    """The zero-shot loss has minimisers to tell apart only where the query attends: masked, it predicts 0 at zero shots."""
    if setting.query != "attends":
        raise reject("query", setting.query, "'attends' where the zero-shot loss is asked for its minimisers")


def basins(
    strategy: StrategyName,
    setting: Setting,
    starts: int = 100,
    *,
    rng: Any = None,
    odd_symmetric: bool = False,
) -> Counter[str]:
    """Which of the known limits the flow reaches from random starts with standard normal entries.

    The zero-shot prediction (v_0 + v_x.x)(z_q'Qz_q) can equal theta_0.x in two ways only, since theta_0.x has
    no factors but itself and constants: "I", v_x = c theta_0 with a constant second factor, and "II", v_0 = c
    with a linear one. From an odd-symmetric start only I is within reach. Along I the few-shot loss has two
    roots, at equal loss: u and -u in w / c = (u - 1) / (1 + sigma^2 / s).

    Parameters
    ----------
    strategy : "zero_shot" or "mixed"
        The others descend quadratic losses, or none. `mixed` is taken in the limit lambda -> 0+.
    setting : Setting
    starts : int
    rng : int, numpy Generator or None
        Seed, as :func:`numpy.random.default_rng` takes it.
    odd_symmetric : bool
        Start with v_0 = Q_x0 = Q_0x = Q_0y = 0.

    Returns
    -------
    Counter
        From the labels "I", "II", "I, +u", "I, -u" and "no limit" to numbers of starts.

    Examples
    --------
    >>> import theory
    >>> setting = theory.Setting(d=2, noise_variance=0.1, pretrain_shots=20)
    >>> sorted(basins("zero_shot", setting, 3, rng=0, odd_symmetric=True))
    ['I']
    """
    name = named_strategy(strategy).name
    if name not in ("zero_shot", "mixed"):
        raise ValueError(f"strategy = {strategy!r} is not allowed: basins are asked of 'zero_shot' and 'mixed' only")
    require_attending(setting)
    setting = setting.replace(few_shot_weight=0)
    generator = np.random.default_rng(rng)
    size = setting.d + 2
    reached: Counter[str] = Counter()
    for _ in range(int(count("starts", starts, 1))):
        v, Q = generator.standard_normal(size), generator.standard_normal((size, size))
        if odd_symmetric:
            v[0], Q[1:-1, 0], Q[0, 1:] = 0.0, 0.0, 0.0
        reached[_limit(name, setting, AttentionParameters(v, Q))] += 1
    return reached


def _limit(name: str, setting: Setting, start: AttentionParameters) -> str:
    path = flow("zero_shot", setting, [_HORIZON], start=start)
    theta = np.asarray(setting.target_vector(), dtype=float)
    power = float(theta @ np.asarray(setting.sigma(), dtype=float) @ theta)
    noise = float(setting.noise_variance)
    if path.loss[-1] - noise > 1e-6 * power:
        return "no limit"
    v = path.end.v
    if abs(v[0]) > np.linalg.norm(v[1:-1]):
        return "II"
    if name == "zero_shot":
        return "I"
    try:
        v = flow("mixed", setting, start=start, until="converged").end.v
    except NoConvergence:
        return "no limit"
    scale = v[1:-1] @ theta / (theta @ theta)
    return "I, +u" if 1 + (1 + noise / power) * v[-1] / scale > 0 else "I, -u"


class SingularLimit(NamedTuple):
    """Key-query fine-tuning on the zero-shot loss from v_x = epsilon e.

    Attributes
    ----------
    epsilon : (k,) array
    q : (k,) array
        Q_00 at the end of the flow: of order 1 / epsilon.
    B : (k, d, d) array
        Q_xx at the end.
    time : (k,) array
        1 / the slowest rate of the flow: of order 1 / epsilon^2.
    """

    epsilon: Array
    q: Array
    B: Array
    time: Array


def singular_limit(setting: Setting, epsilons: Iterable[float]) -> SingularLimit:
    r"""R3: how `zero_shot_kq` depends on v_x, which a real pretraining leaves small, not zero.

    At the pretrained point v_x = 0 the zero-shot loss does not depend on Q, and nothing moves. From
    :math:`v_x = \epsilon\,\theta_0`, however small :math:`\epsilon \ne 0`, the loss is strictly convex in
    what it sees of Q: its minimum :math:`Q_{00} = 1/\epsilon`, sym(B) = 0 recites :math:`\theta_0` exactly.
    So B moves all the way from its pretrained value to 0, in a time of order :math:`1/\epsilon^2`: the limits
    :math:`\epsilon \to 0` and :math:`t \to \infty` do not commute.

    Parameters
    ----------
    setting : Setting
    epsilons : sequence of float
        Not zero.

    Returns
    -------
    SingularLimit

    Examples
    --------
    >>> import theory
    >>> setting = theory.Setting(d=5, noise_variance=0.1, pretrain_shots=20)
    >>> data = singular_limit(setting, [1e-1, 1e-3])
    >>> bool(abs(data.B).max() < 1e-9), (data.q * data.epsilon).round(6)
    (True, array([1., 1.]))
    >>> bool(np.ptp(data.time * data.epsilon**2) < 1e-9)
    True
    """
    require_attending(setting)
    model = fixed_point("pretrained", setting=setting)
    ends, times = [], []
    for epsilon in epsilons:
        if not epsilon:
            raise ValueError("epsilon = 0 is not allowed: at zero nothing moves")
        v = np.array(model.v, dtype=float)
        v[1:-1] = epsilon * np.asarray(setting.target_vector(), dtype=float)
        start = AttentionParameters(v, model.Q)
        ends.append(flow("zero_shot_kq", setting, start=start, until="converged").end.Q)
        rates = np.linalg.eigvalsh(hessian(start, setting, "zero_shot", "key_query"))
        times.append(1 / rates[rates > FLAT * rates[-1]][0])
    points = np.array(ends)
    return SingularLimit(np.array(list(epsilons), dtype=float), points[:, 0, 0], points[:, 1:-1, 1:-1], np.array(times))
