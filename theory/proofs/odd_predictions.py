"""The forms of :mod:`theory.predictions` on symbols: what the frontier solves, as elements of a field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import QQ, ZZ
from sympy.polys.fields import field

from ..predictions import SEVEN, Form, axis_world, directions, form
from ..programs import tasks_of
from .enumeration import exact_average_risk, exact_risk
from .on_lines import plain
from .radicals import Roots, compose

FIELD, d, n, N, sigma2, A, k, g, b, p, h, e = field("d n N sigma2 A k g b p h e", ZZ)
NAMES = {"A": A, "k": k, "g": g, "b": b, "p": p, "h": h, "e": e}


def odd_form(place: str, coordinates: str) -> Form:
    """A risk in some of A, k, g, b, p, h, e: "unseen" or "few_shot" at n shots with any N, "target" at none; |theta_0| = 1."""
    lift = Roots(FIELD)
    world = axis_world(lift(d), lift(sigma2), 1)
    layers = [layer for name, layer in zip(SEVEN, directions(world), strict=False) if name in coordinates]
    share, per_token = (lift(FIELD(0)), lift(FIELD(1))) if place == "target" else (lift(n / N), lift(1 / N))
    tasks = tasks_of(world, "unseen" if place == "unseen" else "target", 0)
    return Form(*(_plain(x) for x in form(world, layers, tasks, share, per_token)))


def at(found: Form, **values: Any) -> Any:
    """The risk, less the noise, at these coordinates, in the order of A, k, g, b, p, h, e."""
    return found.at(np.array([*values.values()], dtype=object))


def coordinates_of(alpha: Any, w: Any, q: Any, beta: Any, gamma: Any, delta: Any) -> dict[str, Any]:
    """The seven coordinates of one head of six scalars."""
    return {
        "A": alpha * q, "k": alpha * beta, "g": alpha * gamma, "b": w * q, "p": w * beta, "h": w * gamma + alpha * delta,
        "e": w * delta,
    }  # fmt: skip


def enumerated(scalars: Sequence[Fraction], dim: int, shots: int, noise: Fraction, place: str) -> Fraction:
    """The risk of one head of six scalars less the noise, N = n + 1, by enumeration: no calculus, no lines, no forms."""
    alpha, w, q, beta, gamma, delta = scalars
    size = dim + 2
    v = [Fraction(0), alpha, *[Fraction(0)] * (dim - 1), w]
    Q = [[Fraction(0)] * size for _ in range(size)]
    for i in range(1, dim + 1):
        Q[i][i] = beta
    Q[0][0], Q[1][1], Q[1][-1] = q, beta + gamma, delta
    identity = [[Fraction(int(i == j)) for j in range(dim)] for i in range(dim)]
    if place == "unseen":
        return exact_average_risk(v, Q, identity, noise, shots) - noise
    return exact_risk(v, Q, identity, [Fraction(int(i == 0)) for i in range(dim)], noise, shots) - noise


GENERIC = tuple(Fraction(x, 4) for x in (3, -2, 5, 1, -3, 2))  # alpha, w, q, beta, gamma, delta


def points(
    value: Any, place: str, counts: Sequence[int] = (0, 1, 2), scalars: Sequence[Fraction] = GENERIC
) -> Iterator[tuple[Any, Any]]:
    """Pairs of a printed risk less the noise, a function of the coordinates and the setting's numbers, and the enumerated one."""
    for dim in (1, 2):
        for count in counts:
            noise = Fraction(1, 2 + dim)
            numbers = {"d": dim, "n": count, "N": count + 1, "sigma2": noise, **coordinates_of(*scalars)}
            at_point = {x: FIELD(QQ(*Fraction(numbers[str(x)]).as_integer_ratio())) for x in FIELD.gens}
            found = compose(value, at_point)
            number = QQ(found.numer.coeff(1), found.denom.coeff(1))
            yield Fraction(int(QQ.numer(number)), int(QQ.denom(number))), enumerated(scalars, dim, count, noise, place)


def _plain(x: Any) -> Any:
    if not isinstance(x, np.ndarray):
        return FIELD(0) + plain(x)
    out = np.empty(x.shape, dtype=object)
    for index in np.ndindex(x.shape):
        out[index] = FIELD(0) + plain(x[index])
    return out
