"""Certificates: that each fixed point is stationary, a minimum on its trained block, and where the flow ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from theory import fixed_point
from theory.names import StrategyName
from theory.parameters import AttentionParameters
from theory.setting import Setting
from theory.strategies import ADDED, NEW_HEAD, PROMPT, PUBLISHED, SKIP, Strategy, named_strategy

from .beside import Beside
from .derivatives import Gradient, gradient, hessian
from .integrator import FLAT
from .objectives import Objective, few_shot_objective, objective, population_loss, zero_shot_tokens
from .quadratic_flow import flat_directions
from .random_starts import require_attending
from .slow_manifold import ZeroShotManifold
from .subspaces import AffineSpace, unseen_at_zero_shots
from .targets import mean_of_targets
from .trajectory import flow

Array = NDArray[np.float64]

_SMALL = 1e-3  # a new head's size where its flow begins


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
        Largest difference, in any entry that trains, between the fixed point and the end of the flow from
        `pretrained`, with what is added small and balanced, a new head along theta_0. The loss of a token, in x y, and of
        a readout is a quadratic, whose flow ends at its minimum.
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


def certify(
    strategies: StrategyName | Strategy | Iterable[StrategyName | Strategy] | None, setting: Setting
) -> Certificates:
    """Check the fixed points of strategies in a setting: zero gradient, no descent direction, the end of the flow.

    Parameters
    ----------
    strategies : str, Strategy, a sequence of them, or None
        None means the seven that train all of v, Q or both.
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
    if strategy.trains in ADDED or strategy.entries() == SKIP:
        return [_of_what_is_added(strategy, setting)]
    point = fixed_point(strategy, setting=setting)
    end = flow(strategy, setting, until="converged").end
    distance = float(max(np.abs(end.v - point.v).max(), np.abs(end.Q - point.Q).max()))
    loss = objective(strategy, setting)
    slope, curvature = _on_block(strategy, point, setting, loss)
    values = np.linalg.eigvalsh(curvature)
    block = None if strategy.trained in ("all", "all_but_q") else _block(strategy, point)
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
    size = len(slope.v)
    if strategy.trained == "value":
        return slope.v, hessian(point, setting, loss, "value")
    live = np.arange(size + size**2 - size)  # the last row of Q is dead
    live = (
        live[size:]
        if strategy.trained == "key_query"
        else np.delete(live, size)
        if strategy.trained == "all_but_q"
        else live
    )
    return np.concatenate((slope.v, slope.Q.ravel()))[live], hessian(point, setting, loss)[np.ix_(live, live)]


def _of_what_is_added(strategy: Strategy, setting: Setting) -> Certificate:
    """Of a token, a readout or a new head beside the pretrained layer."""
    if strategy.trains == NEW_HEAD:
        require_attending(setting)
    point, before = fixed_point(strategy, setting=setting), fixed_point("pretrained", setting=setting)
    loss = objective("zero_shot", setting)
    if strategy.trains != NEW_HEAD:
        added = Beside(before, setting, loss, strategy.trains == PROMPT)
        here = np.asarray(point.prompt if added.prompt else point.skip, dtype=float)
        here = here[0, 1:] if added.prompt else here
        return _row(
            strategy, "L_ZS", added.slope(here), np.linalg.eigvalsh(added.curvature(here)),
            float(np.abs(added.end() - here).max()), None,
        )  # fmt: skip
    # Small and odd-symmetric, along theta_0, and as balanced as its end: what the flow conserves is zero.
    theta, size = mean_of_targets(setting), setting.d + 2
    v, Q = (np.stack((np.asarray(x, dtype=float), np.zeros(x.shape))) for x in (before.v, before.Q))
    v[1, 1:-1], Q[1, 0, 0] = _SMALL * theta, _SMALL * np.linalg.norm(theta)
    end = flow("zero_shot", setting, start=AttentionParameters(v, Q), freeze=[0], until="converged").end
    distance = float(max(np.abs(end.v - point.v).max(), np.abs(end.Q - point.Q).max()))
    slope, curvature = gradient(point, setting, loss), hessian(point, setting, loss)
    live = np.concatenate((np.arange(size, 2 * size), 2 * size + size**2 + np.arange(size**2 - size)))
    values = np.linalg.eigvalsh(curvature[np.ix_(live, live)])
    return _row(strategy, "L_ZS", np.concatenate((slope.v, slope.Q), axis=None)[live], values, distance, None)


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
