"""What the theory comes to: sweeps, gradients, flows, simulation and training of linear attention.

Every name is imported when first asked for, so that ``import numerics`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory import PowerLaw, Spiked

    from .attention_factors import factored_flow
    from .best_models import Optimum, frontier
    from .certificates import certify
    from .derivatives import gradient, hessian
    from .hysteresis import LocalMinimum, Transition, local_minima, transition
    from .lora import LoraTrajectory, lora_flow
    from .monte_carlo import Estimate, estimate
    from .new_head import NewHeadMinimum, new_head_minima
    from .objectives import Term, objective
    from .phases import LinearSchedule
    from .random_starts import basins, singular_limit
    from .solution import solve
    from .sweep import grid
    from .table import Table
    from .training import Training, train
    from .trajectory import Trajectory, flow

_HOMES = {
    "Estimate": ".monte_carlo",
    "LinearSchedule": ".phases",
    "LocalMinimum": ".hysteresis",
    "LoraTrajectory": ".lora",
    "NewHeadMinimum": ".new_head",
    "Optimum": ".best_models",
    "PowerLaw": "theory",
    "Spiked": "theory",
    "Table": ".table",
    "Term": ".objectives",
    "Training": ".training",
    "Trajectory": ".trajectory",
    "Transition": ".hysteresis",
    "basins": ".random_starts",
    "certify": ".certificates",
    "estimate": ".monte_carlo",
    "factored_flow": ".attention_factors",
    "flow": ".trajectory",
    "frontier": ".best_models",
    "gradient": ".derivatives",
    "grid": ".sweep",
    "hessian": ".derivatives",
    "local_minima": ".hysteresis",
    "lora_flow": ".lora",
    "new_head_minima": ".new_head",
    "objective": ".objectives",
    "singular_limit": ".random_starts",
    "solve": ".solution",
    "train": ".training",
    "transition": ".hysteresis",
}

__all__ = [
    "Estimate",
    "LinearSchedule",
    "LocalMinimum",
    "LoraTrajectory",
    "NewHeadMinimum",
    "Optimum",
    "PowerLaw",
    "Spiked",
    "Table",
    "Term",
    "Training",
    "Trajectory",
    "Transition",
    "basins",
    "certify",
    "estimate",
    "factored_flow",
    "flow",
    "frontier",
    "gradient",
    "grid",
    "hessian",
    "local_minima",
    "lora_flow",
    "new_head_minima",
    "objective",
    "singular_limit",
    "solve",
    "train",
    "transition",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        importlib.import_module(".shadowed", __name__)
        return getattr(importlib.import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
