"""Exact theory of in-context learning under fine-tuning of linear attention.

    strategy + setting  ->  model  ->  exact risk at n shots, on a task

Examples
--------
>>> import theory
>>> theory.risk("zero_shot_value", n_shots=10, d=5)
0.6201408019589838
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .calculator import fixed_point, risk
from .covariances import PowerLaw, Spiked
from .names import Normalization, Query, StrategyName, TaskName
from .parameters import AttentionParameters
from .setting import OFFICIAL, Setting
from .strategies import STRATEGIES, Strategy
from .validation import NoClosedForm

if TYPE_CHECKING:
    from .comparison import compare
    from .formulas import Formula, formula
    from .interpolation import interpolate
    from .layers import from_layer
    from .ledger import claims
    from .plotting import plot
    from .proofs.runner import prove
    from .thresholds import conditions

__all__ = [
    "OFFICIAL",
    "STRATEGIES",
    "AttentionParameters",
    "Formula",
    "NoClosedForm",
    "Normalization",
    "PowerLaw",
    "Query",
    "Setting",
    "Spiked",
    "Strategy",
    "StrategyName",
    "TaskName",
    "claims",
    "compare",
    "conditions",
    "fixed_point",
    "formula",
    "from_layer",
    "interpolate",
    "plot",
    "prove",
    "risk",
]

# Names whose modules load sympy, or are rarely needed: imported when first asked for.
_LAZY: dict[str, str] = {
    "Formula": ".formulas",
    "claims": ".ledger",
    "compare": ".comparison",
    "conditions": ".thresholds",
    "formula": ".formulas",
    "from_layer": ".layers",
    "interpolate": ".interpolation",
    "plot": ".plotting",
    "prove": ".proofs.runner",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("icl-finetuning-theory")
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
