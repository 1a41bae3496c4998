"""Exact theory of in-context learning under fine-tuning of linear attention: pictures.

``figures.six_strategies(setting=..., ax=..., look=...)`` draws that figure, and so does every name of
``figures.catalogue.NAMES``; ``python -m figures`` writes files. See :func:`figures.rendering.draw`.

Examples
--------
>>> import figures, theory
>>> picture = figures.memorisation(setting=theory.Setting(d=10, noise_variance=0.2, pretrain_shots=30))
>>> len(picture.axes)
2
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    from .catalogue import NAMES

    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from functools import partial

    import numerics.shadowed  # noqa: F401

    from .rendering import draw

    return partial(draw, name)


def __dir__() -> list[str]:
    from .catalogue import NAMES

    return sorted({*globals(), *NAMES})
