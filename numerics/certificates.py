"""Certificates: that each fixed point is stationary, a minimum on its trained block, and where the flow ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from theory import fixed_point
from theory.parameters import AttentionParameters
from theory.setting import Setting
from theory.strategies import PUBLISHED, Strategy, named_strategy
from theory.validation import count, reject

from .derivatives import (
    Gradient,
    Objective,
    few_shot_objective,
    gradient,
    hessian,
    objective,
    population_loss,
    zero_shot_tokens,
)
from .integrator import FLAT, NoConvergence
from .quadratic_flow import flat_directions
from .slow_manifold import ZeroShotManifold
from .subspaces import AffineSpace, unseen_at_zero_shots
from .targets import mean_of_targets
from .trajectory import flow

Array = NDArray[np.float64]


class Certificate(NamedTuple):
    """What a fixed point satisfies, as numbers.

    Attributes
    ----------
    strategy : str
    loss : str
        The loss that is certified. A mixed strategy in the limit lambda -> 0+ has two rows: L_ZS, and then
        L_FS along the minimisers of L_ZS on the trained block.
    gradient : float
        Euclidean norm of the gradient on the trained block.
    smallest, largest : float
        Extreme eigenvalues of the Hessian on the trained block (the dead row of Q left out). Along a curved
        family of minimisers it is the Riemannian Hessian.
    flat : int
        Directions along which the loss is constant, where v alone or Q alone is trained; else those with an
        eigenvalue below 1e-10 of the largest.
    distance : float
        Largest difference, in any entry of v and Q, between the fixed point and the end of the flow from
        `pretrained`.
    """

    strategy: str
    loss: str
    gradient: float
    smallest: float
    largest: float
    flat: int
    distance: float


class Certificates(list[Certificate]):
    """Rows that print as an aligned table."""

    def __str__(self) -> str:
        cells = [list(Certificate._fields)]
        cells += [[f"{x:.2e}" if isinstance(x, float) else str(x) for x in row] for row in self]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join(
            "  ".join(c.ljust(w) if k < 2 else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in cells
        )


def certify(strategies: str | Strategy | Iterable[str | Strategy] | None, setting: Setting) -> Certificates:
    """Check the fixed points of strategies in a setting: zero gradient, no descent direction, the end of the flow.

    Parameters
    ----------
    strategies : str, Strategy, a sequence of them, or None
        None means the seven that train v, Q or both.
    setting : Setting
        Numbers only. The Hessian is dense, which limits d to about 50.

    Returns
    -------
    Certificates
        A list of :class:`Certificate` that prints as a table.

    Raises
    ------
    NoClosedForm
        A strategy without a fixed point in closed form: see :func:`theory.fixed_point`.
    NoConvergence
        A flow whose limit floats cannot tell: see :func:`numerics.flow`.

    References
    ----------
    THEORY R10; new here.

    Examples
    --------
    >>> import theory
    >>> table = certify(["zero_shot", "mixed"], theory.Setting(d=2, noise_variance=0.1, pretrain_shots=20))
    >>> [(row.strategy, row.loss, row.flat) for row in table]
    [('zero_shot', 'L_ZS', 8), ('mixed', 'L_ZS', 8), ('mixed', 'L_FS along argmin L_ZS', 1)]
    >>> all(row.gradient < 1e-12 and row.smallest > -1e-12 * row.largest and row.distance < 1e-8 for row in table)
    True
    """
    if strategies is None:
        strategies = PUBLISHED
    if isinstance(strategies, str | Strategy):
        strategies = (strategies,)
    return Certificates(row for name in strategies for row in _certificates(named_strategy(name), setting))


def _certificates(strategy: Strategy, setting: Setting) -> list[Certificate]:
    point = fixed_point(strategy, setting=setting)
    end = flow(strategy, setting, until="converged").end
    distance = float(max(np.abs(end.v - point.v).max(), np.abs(end.Q - point.Q).max()))
    loss = objective(strategy.name, setting)
    slope, curvature = _on_block(strategy, point, setting, loss)
    values = np.linalg.eigvalsh(curvature)
    block = None if strategy.trained == "all" else _block(strategy, point)
    flat = None if block is None else flat_directions(block, setting, loss)
    limit = strategy.objective == "mixed" and all(term.n_shots == 0 for term in loss)
    name = {"pretraining": "L_PT", "zero_shot": "L_ZS"}.get(
        strategy.objective, "L_ZS" if limit else "L_ZS + lambda L_FS"
    )
    rows = [_row(strategy, name, slope, values, distance, flat)]
    if limit:
        few_shot = few_shot_objective(setting)
        if block is None or flat is None:
            slope, curvature = _along_minimisers(point, setting, few_shot)
        else:
            slope, curvature = _on_block(strategy, point, setting, few_shot)
            slope, curvature = flat.T @ slope, flat.T @ curvature @ flat
            minimisers = AffineSpace(np.array(point.v, dtype=float), np.array(point.Q, dtype=float), block.basis @ flat)
            flat = flat_directions(minimisers, setting, few_shot)
        rows.append(_row(strategy, "L_FS along argmin L_ZS", slope, np.linalg.eigvalsh(curvature), distance, flat))
    return rows


def _block(strategy: Strategy, point: AttentionParameters) -> AffineSpace:
    """The live coordinates of a trained block, v alone or Q alone."""
    size = len(point.v)
    first, last = (0, size) if strategy.trained == "value" else (size, size**2)
    basis = scipy.sparse.eye_array(size + size**2, format="csc")[:, first:last].tocsr()
    return AffineSpace(np.array(point.v, dtype=float), np.array(point.Q, dtype=float), basis)


def _on_block(strategy: Strategy, point: AttentionParameters, setting: Setting, loss: Objective) -> tuple[Array, Array]:
    """Gradient and Hessian in the live coordinates of the trained block."""
    slope: Gradient = gradient(point, setting, loss)
    parts = {"all": (slope.v, slope.Q.ravel()), "value": (slope.v,), "key_query": (slope.Q.ravel(),)}
    live = slice(None) if strategy.trained == "value" else slice(-len(slope.v))  # the last row of Q is dead
    return np.concatenate(parts[strategy.trained])[live], hessian(point, setting, loss, strategy.trained)[live, live]


def _along_minimisers(point: AttentionParameters, setting: Setting, loss: Objective) -> tuple[Array, Array]:
    v, Q = np.array(point.v, dtype=float), np.array(point.Q, dtype=float)
    manifold = ZeroShotManifold(v, Q, mean_of_targets(setting), unseen_at_zero_shots(len(v)), zero_shot_tokens(setting))
    few_shot, y = population_loss(setting, loss), manifold.start()
    return manifold.gradient(few_shot, y), manifold.hessian(few_shot, y)


def _row(
    strategy: Strategy, loss: str, slope: Array, values: NDArray[Any], distance: float, flat: Array | None
) -> Certificate:
    count = int(np.sum(np.abs(values) <= FLAT * np.abs(values).max(initial=0.0))) if flat is None else flat.shape[1]
    norm = float(np.linalg.norm(slope))
    return Certificate(strategy.name, loss, norm, float(values.min()), float(values.max()), count, distance)


# Where random starts end.

_HORIZON = 1e6  # the degenerate family is approached like t^(-1/2): far enough to tell, and quick


def _attending(setting: Setting) -> None:
    """The zero-shot loss has minimisers to tell apart only where the query attends: masked, it predicts 0 at zero shots."""
    if setting.query != "attends":
        raise reject("query", setting.query, "'attends' where the zero-shot loss is asked for its minimisers")


def basins(
    strategy: str,
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
    _attending(setting)
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
    _attending(setting)
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
