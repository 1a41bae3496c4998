"""Exact theory of in-context learning under fine-tuning of linear attention: pictures.

``figures.six_strategies(setting, ax=..., look=...)`` draws that figure, and so does every name of ``figures.NAMES``, of which
``help(figures.six_strategies)`` tells more; ``figures.numbers("six_strategies", setting)`` is its table, and ``python -m figures``
writes files.

Examples
--------
>>> import figures, theory
>>> picture = figures.memorisation(setting=theory.Setting(d=10, noise_variance=0.2, pretrain_shots=30))
>>> len(picture.axes)
2
>>> figures.numbers("six_strategies").columns
('task', 'strategy', 'n_shots', 'risk')
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogue import NAMES as NAMES
    from .rendering import numbers as numbers


def __getattr__(name: str) -> Any:
    from .catalogue import NAMES

    if name == "NAMES":
        return NAMES
    if name not in (*NAMES, "numbers"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import numerics.shadowed  # noqa: F401

    if name == "numbers":
        from .rendering import numbers

        return numbers
    from .calls import function

    return function(name)


def __dir__() -> list[str]:
    from .catalogue import NAMES

    return sorted({*globals(), *NAMES, "NAMES", "numbers"})
