"""Words that are asked to solve and to invert: they answer with an unknown and keep what they were asked.

A proof then knows of the unknown only the equation that it solves, for every dimension and covariance at once.
"""

from __future__ import annotations

from typing import Any

from ..points import World
from .words import Words


class Unknowns(Words):
    """`Words` with the given answers, one a question; ``asked`` are the questions' arguments."""

    def __init__(self, *answers: Any) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []
        self._answers = iter(answers)

    def _ask(self, *question: Any) -> Any:
        self.asked.append(question)
        return next(self._answers)

    def inverse(self, a: Any) -> Any:
        """A^-1."""
        return self._ask(a)

    def spans(self, psi: Any) -> bool:
        """Symbols have inverses."""
        return True

    def solve(self, a: Any, b: Any) -> Any:
        """A^-1 b."""
        return self._ask(a, b)

    def quotient(self, a: Any, b: Any) -> Any:
        """a / b."""
        return self._ask(a, b)


def symbolic_world(space: Words, sigma: Any, target: Any, noise_variance: Any, **numbers: Any) -> World:
    """A world of symbols; what is not given plays no role."""
    blank = {name: numbers.get(name) for name in World._fields[4:]} | {"noise_variance": noise_variance}
    blank["zero_shot_tokens"] = numbers.get("zero_shot_tokens", 1)
    blank |= {"several": numbers.get("several", ()), "attends": True}
    return World(space, sigma, numbers.get("psi"), target, **blank)
