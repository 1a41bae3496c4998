"""The isotropic core on two lines, as users run it, with the elements of a field for numbers.

They go in as :class:`~theory.proofs.radicals.Surd`, which leaves products with vectors to these and has the roots that
some laws take, and come out as elements of the field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..contractions import RiskTerms, Square
from ..points import Point, World
from ..programs import Numbers, isotropic_terms, isotropic_world
from .radicals import Roots, Surd

Law = Callable[[World], Point]


class Field:
    """A field of fractions, whose elements are the numbers of isotropic worlds."""

    def __init__(self, field: Any) -> None:
        self.lift = Roots(field)

    def world(
        self, normalization: Any, infinite_pretraining: bool = False, zero_shot_tokens: Any = 1, **numbers: Any
    ) -> World:
        """The world of these numbers (see :class:`~theory.programs.Numbers`); N may be one of the field's elements."""
        known = {name: x if x is None or type(x) is int else self.lift(x) for name, x in numbers.items()}
        if not isinstance(normalization, str):
            normalization = self.lift(normalization)
        at_zero = zero_shot_tokens if type(zero_shot_tokens) is int else self.lift(zero_shot_tokens)
        world = isotropic_world(Numbers(**known), normalization, infinite_pretraining)
        return world._replace(zero_shot_tokens=at_zero)

    def terms(self, law: Law, world: World, place: str, departure: Any = 0) -> RiskTerms:
        """The contractions that the risk formula speaks in, as elements of the field."""
        noise_variance, squares, per_shot, fixed = isotropic_terms(law, world, place, self.lift(departure))
        of_field = tuple(Square(*map(plain, square)) for square in squares)
        return RiskTerms(plain(noise_variance), of_field, plain(per_shot), plain(fixed))


def plain(x: Any) -> Any:
    """A number in which no root is left, as an element of the field."""
    return x.rational() if isinstance(x, Surd) else x


def coordinates(x: Any) -> list[Any]:
    """Along the target and across it: of a vector, or the eigenvalues of an operator without dyads."""
    if hasattr(x, "dyads"):
        assert not x.dyads
    return [plain(entry) for entry in (x.diagonal if hasattr(x, "dyads") else x.coordinates)]


def carried(world: World, point: Point) -> list[Any]:
    """What a law knows of its model beforehand, less what the model implies, entry by entry: zeros, or it is wrong."""
    B_Sigma = point.B @ world.sigma
    known = [] if point.gain is None else [point.gain - B_Sigma]
    known += [] if point.residual is None else [point.residual - (world.space.identity - point.start * B_Sigma)]
    known += [] if point.seen is None else [point.seen - (point.v_x + point.w * world.target)]
    return [entry for x in known for entry in coordinates(x)]
