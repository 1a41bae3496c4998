"""What trains beside a frozen layer, a prompt's token or a linear readout: its loss's slope and curvature, and where its flow ends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.parameters import AttentionParameters
from theory.setting import Setting

from .derivatives import heads
from .objectives import Objective, loss_beside

Array = NDArray[np.float64]

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
        return np.asarray(along_prompt[0, 1:] if self.prompt else along_skip)

    def curvature(self, y: Array) -> Array:
        """The Hessian, by complex steps of the gradient, a polynomial: exact to rounding."""
        out = np.array([self.slope(y + 1j * _STEP * one).imag / _STEP for one in np.eye(len(y))])
        return np.asarray((out + out.T) / 2)

    def end(self) -> Array:
        r"""Where the flow ends: that of a readout from zero, that of a token from a small balanced one, |x| = |y|, y > 0.

        A token is seen as h = x y alone, in which the loss is a convex quadratic. The flow keeps :math:`|x| = y`, and so
        :math:`\dot h = -(|h| I + hh^\top/|h|)\,\nabla L(h)`: a descent in a metric that is positive definite but at h = 0, where a start
        of a lower loss does not lead. It ends at the quadratic's minimum.
        """
        start = np.zeros(self.d + 1)
        if self.prompt:
            start[-1] = 1.0  # with y = 1, x is h
        live = self.d if self.prompt else self.d + 1
        step = np.linalg.lstsq(self.curvature(start)[:live, :live], self.slope(start)[:live], rcond=1e-12)[0]
        if not self.prompt:
            return np.asarray(-step)
        size = np.sqrt(np.linalg.norm(step))
        return np.concatenate((-step / size, [size]))
