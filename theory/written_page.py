"""A page of Python lines in the names of a setting: numbers as Symbols, the world on two lines, N, a and what they need."""

from __future__ import annotations

import math
import re
from typing import Any

from .factoring import factored
from .kinds import is_symbolic
from .lines import LineOperator, Lines
from .points import World
from .programs import Numbers, isotropic_world
from .question import prompt_length
from .setting import Setting
from .space import objects
from .strategies import SETTING, Strategy

WEIGHTS = {"zero_shot": "kappa", "few_shot": "lam", "replay": "mu", "pull": "rho", "time": "t"}


def symbol(name: str) -> Any:
    """A positive Symbol."""
    import sympy

    return sympy.Symbol(name, positive=True)


def names_in(text: str) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", text)


class _NamedLines(Lines):
    """Two lines on which the inverse that pretraining asks for is a name."""

    found: Any = None  # what the name stands for

    def inverse(self, a: LineOperator) -> LineOperator:
        value = a.diagonal[1]
        if value == 1:
            return self.identity
        self.found = 1 / value
        named: LineOperator = symbol("a") * self.identity
        return named


class Page:
    """Lines, the numbers that they take, and the world that they are about."""

    def __init__(self, strategy: Strategy, setting: Setting, place: str) -> None:
        self.strategy, self.setting, self.place = strategy, setting, place
        self.lines: list[str] = []
        self.pretrained: Any = 1  # a
        self.numbers: dict[str, Any] = {}
        self.weights: dict[str, Any] = {name: self._weight(name, getattr(strategy, name)) for name in WEIGHTS}
        self.world = self._world()

    def _number(self, name: str, value: Any) -> Any:
        self.numbers[name] = value
        return symbol(name)

    def _weight(self, name: str, value: Any) -> Any:
        if name == "few_shot" and value == SETTING:
            value = self.setting.few_shot_weight
            if type(value) is int and value == 0:
                return SETTING
        if value is math.inf or (type(value) is int and value == 1 and name != "time"):
            return value
        if not is_symbolic(value) and value == 0 and name != "time":
            return 0
        return self._number(WEIGHTS[name], value)

    def _world(self) -> World:
        setting = self.setting
        kind = setting.normalization
        m: Any = None
        if setting.pretrain_shots != math.inf:
            m = self._number("m", setting.pretrain_shots)
        few = m
        if setting.few_shot_shots not in (None, setting.pretrain_shots):
            few = self._number("k", setting.few_shot_shots)
        if self._mixes() and few is None:
            setting.auxiliary_shots()  # says what is missing
        scale = None if setting.value_scale == "balanced" else self._number("w_0", setting.value_scale)
        if not isinstance(kind, str):
            kind = self._number("N", kind)
        d = self._number("d", setting.d)
        sigma2 = self._number("sigma2", setting.noise_variance)
        lam = 0 if self.weights["few_shot"] == SETTING else self.weights["few_shot"]
        numbers = Numbers(d, sigma2, 1, m, few, lam, scale, across_norm2=1 - symbol("cosine") ** 2)
        world = isotropic_world(numbers, kind, m is None)
        space = _NamedLines(world.space.multiplicity, objects(1, numbers.across_norm2), few=True)  # type: ignore[attr-defined]
        world = world._replace(space=space, sigma=space.identity, target=space.vector(objects(1, 0)))
        if m is not None and kind == "tokens":  # N of training as a name, in which fractions are short
            self.named = {"M": m + 1}
            world = world._replace(per_token=1 / symbol("M"))
        else:
            self.named = {}
        if few is not None and kind == "tokens":
            name = "M" if few is m else "K"
            self.named[name] = few + 1
            world = world._replace(few_shot_tokens=symbol(name))
        return world

    def _mixes(self) -> bool:
        return not (type(self.weights["few_shot"]) is int and self.weights["few_shot"] == 0)

    def _training_lines(self) -> None:
        kind = self.setting.normalization
        if isinstance(kind, str):
            k = prompt_length(self.strategy)
            self.lines.append(f"N = n + {1 + k}" if kind == "tokens" else "N = maximum(n, 1)")
        space: Any = self.world.space
        self.later = {name: str(value) for name, value in self.named.items()}
        if space.found is not None:
            self.pretrained = factored(self._unnamed(space.found))
            self._line("a", self.pretrained)

    def _unnamed(self, x: Any) -> Any:
        """With what the lines call M and K written out."""
        return x.xreplace({symbol(name): value for name, value in self.named.items()})

    def _vanishes(self, x: Any) -> bool:
        """Whether it is zero once a is what pretraining makes of it."""
        import sympy

        return bool(
            x == 0 or sympy.cancel(self._unnamed(sympy.sympify(x)).xreplace({symbol("a"): self.pretrained})) == 0
        )

    def _line(self, name: str, value: Any) -> Any:
        """A line, after those of the names that it needs; the name."""
        text = str(value)
        for needed in names_in(text):
            if needed in self.later:
                self.lines.append(f"{needed} = {self.later.pop(needed)}")
        self.lines.append(f"{name} = {text}")
        return symbol(name)
