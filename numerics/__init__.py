"""What the theory comes to: sweeps, gradients, flows, simulation and training of linear attention.

Every name is imported when first asked for, so that ``import numerics`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .monte_carlo import Estimate, estimate
    from .training import Training, train

_HOMES = {
    "Estimate": ".monte_carlo",
    "Training": ".training",
    "estimate": ".monte_carlo",
    "train": ".training",
}

__all__ = ["Estimate", "Training", "estimate", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
