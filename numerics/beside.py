"""What trains beside a frozen layer, a prompt's token or a linear readout: its loss's slope and curvature, and its flow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.parameters import AttentionParameters
from theory.setting import Setting

from .derivatives import Objective, heads, loss_beside
from .integrator import Integrator, System, symmetric

Array = NDArray[np.float64]

TOLERANCE = 1e-12  # of a step
_START = 1e-3  # a token's size where its flow begins
_STEP = 1e-30  # of a complex step, whose error is its square


class Beside:
    """A prompt's token (0, x, y), coordinates (x, y), or a readout (c_0, c) of (1, x_q), beside a layer's heads.

    The loss is of degree four in a token and a quadratic in a readout.
    """

    def __init__(self, model: AttentionParameters, setting: Setting, objective: Objective, prompt: bool) -> None:
        self._heads, self._setting, self._objective, self.prompt = heads(model, setting), setting, objective, prompt
        self.d = model.d

    def slope(self, y: NDArray[Any]) -> NDArray[Any]:
        """The gradient in the coordinates (k,), real or complex."""
        empty: NDArray[Any] = np.zeros((0, self.d + 2))
        token = np.concatenate(([0.0], y))[None]
        prompt, skip = (token, np.zeros(self.d + 1)) if self.prompt else (empty, y)
        loss = loss_beside(self._setting, self._objective, prompt, skip)
        along_prompt, along_skip = loss.gradient_beside(*self._heads)
        return along_prompt[0, 1:] if self.prompt else along_skip

    def curvature(self, y: Array) -> Array:
        """The Hessian, by complex steps of the gradient, a polynomial: exact to rounding."""
        out = np.array([self.slope(y + 1j * _STEP * one).imag / _STEP for one in np.eye(len(y))])
        return (out + out.T) / 2

    def end(self) -> Array:
        """Where the flow ends: that of a readout from zero, that of a token from a small balanced one, |x| = |y|, y > 0."""
        start = np.zeros(self.d + 1)
        if not self.prompt:
            return np.asarray(start - np.linalg.solve(self.curvature(start), self.slope(start)))
        start[-1] = _START
        towards = -self.slope(start)[:-1]
        start[:-1] = _START * towards / np.linalg.norm(towards)

        def velocity(_: Array, y: Array) -> Array:
            return -np.apply_along_axis(self.slope, -1, y)

        system = System(velocity, lambda _, y: symmetric(-self.curvature(y)), lambda y: -self.slope(y))
        # The one symmetry is not told: where the path passes a point of inflection its direction would be taken for it.
        end = Integrator(system, start, TOLERANCE).settle(1.0)
        x, label = end[:-1], end[-1]
        length = np.linalg.norm(x)
        size = np.sqrt(length * abs(label))  # |x|^2 - y^2 is conserved, and no loss changes along (k x, y/k)
        return np.concatenate((size / length * x, [np.copysign(size, label)]))
