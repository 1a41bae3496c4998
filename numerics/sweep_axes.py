"""The axes of a sweep: from what a user passes to named, checked values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from theory import STRATEGIES, AttentionParameters, PowerLaw, Spiked, Strategy
from theory.prompt import NORMALIZATIONS
from theory.strategies import find_strategy
from theory.tasks import TASKS
from theory.validation import count, covariance, nearest, normalization, real, reject, vector

from .covariances import ALIGNMENTS
from .prompts import Array


class Named(NamedTuple):
    """A value of an axis and the name that the table gives it."""

    name: str
    value: Any


def numbers(argument: str, values: Any, check: Callable[[str, Any], Any]) -> Array:
    """A number or a sequence of numbers as a float array, each checked."""
    array = np.asarray(check(argument, values))
    if array.ndim > 1 or array.size == 0:
        raise reject(argument, values, f"a number or a non-empty one-dimensional sequence, not of shape {array.shape}")
    try:
        return np.atleast_1d(array).astype(np.float64)
    except TypeError:
        allowed = "made of numbers; theory.risk takes symbols"
        raise reject(argument, values, allowed, TypeError) from None


def counts(argument: str, values: Any, least: int = 0, infinite: bool = False) -> Array:
    """Whole numbers as a float array."""
    return numbers(argument, values, lambda name, value: count(name, value, least, infinite))


def reals(argument: str, values: Any, least: float = 0.0) -> Array:
    """Real numbers as a float array."""
    return numbers(argument, values, lambda name, value: real(name, value, least))


def _depth(values: Any) -> int:
    """How deep sequences are nested, by their first items: those of a sequence of tasks need not be alike."""
    if isinstance(values, list | tuple | range):
        return 1 + (_depth(values[0]) if len(values) else 0)
    return int(getattr(values, "ndim", 0))


def _items(argument: str, values: Any, one: Callable[[Any], bool]) -> list[tuple[str | None, Any]]:
    """(name or None, value) of a mapping, of a sequence, or of one value."""
    if isinstance(values, Mapping):
        items: list[tuple[str | None, Any]] = [(str(name), value) for name, value in values.items()]
    elif one(values):
        items = [(None, values)]
    else:
        try:
            items = [(None, value) for value in values]
        except TypeError:
            items = [(None, values)]
    if not items:
        raise reject(argument, values, "non-empty")
    return items


def models(values: Any) -> list[Named]:
    """Strategies by their names; models as "model 1", "model 2", ... unless a mapping names them."""
    out = []
    for k, (name, value) in enumerate(
        _items("strategies", values, lambda x: isinstance(x, str | Strategy | AttentionParameters)), 1
    ):
        if isinstance(value, AttentionParameters):
            out.append(Named(name or f"model {k}", value))
        else:
            strategy = find_strategy(value)
            named = strategy.name in STRATEGIES  # a composed one stands for itself
            out.append(Named(name or strategy.name, strategy.name if named else strategy))
    return out


def covariances(values: Any) -> list[Named]:
    """Families by their repr, the identity as "isotropic", others as "eigenvalues 1", "matrix 2", ... unless a mapping names them.

    A nested sequence is a matrix, never several vectors of eigenvalues.
    """

    def is_one(value: Any) -> bool:
        words = (str, PowerLaw, Spiked)
        flat = _depth(value) == 1 and not any(x is None or isinstance(x, words) or _depth(x) for x in value)
        return value is None or isinstance(value, words) or flat or _depth(value) == 2

    out = []
    for k, (name, value) in enumerate(_items("covariance", values, is_one), 1):
        if value is None or isinstance(value, str):
            if value is not None and value != "isotropic":
                raise nearest("covariance", value, ("isotropic",), ", a PowerLaw, a Spiked, eigenvalues or a matrix")
            out.append(Named(name or "isotropic", None))
        elif isinstance(value, PowerLaw | Spiked):
            out.append(Named(name or repr(value), value))
        else:
            checked = covariance("covariance", value, definite=True).astype(np.float64)
            out.append(Named(name or f"{'eigenvalues' if checked.ndim == 1 else 'matrix'} {k}", checked))
    return out


def semidefinite(argument: str, value: Any) -> Any:
    """A covariance of tasks or of queries, one for the sweep: a family, or floats."""
    if value is None or isinstance(value, PowerLaw | Spiked):
        return value
    return covariance(argument, value, definite=False).astype(np.float64)


def targets(values: Any) -> list[Named]:
    """Alignments by name; vectors as "vector 1", ... unless a mapping names them."""

    def is_one(value: Any) -> bool:
        return isinstance(value, str) or (_depth(value) == 1 and not any(isinstance(x, str) for x in value))

    out = []
    for k, (name, value) in enumerate(_items("target", values, is_one), 1):
        if isinstance(value, str):
            if value not in ALIGNMENTS:
                raise nearest("target", value, ALIGNMENTS, " or a vector of shape (d,)")
            out.append(Named(name or value, value))
        else:
            out.append(Named(name or f"vector {k}", vector("target", value, None).astype(np.float64)))
    return out


def tasks(values: Any, dimensions: Array) -> list[Named]:
    """Tasks by name, cosines by their digits; vectors as "vector 1", ... unless a mapping names them."""
    items = _items("task", values, lambda x: isinstance(x, str) or _depth(x) == 0)
    ambiguous = not isinstance(values, Mapping) and all(_depth(x) == 0 and not isinstance(x, str) for _, x in items)
    if ambiguous and len(items) > 1 and len(dimensions) == 1 and len(items) == dimensions[0]:
        raise reject(
            "task", values, "[task] for one vector, or a mapping from names to cosines: d numbers could be either"
        )
    out = []
    for k, (name, value) in enumerate(items, 1):
        if isinstance(value, str):
            if value not in TASKS:
                raise nearest("task", value, TASKS, ", a cosine or a vector of shape (d,)")
            out.append(Named(name or value, value))
        elif _depth(value) == 0:
            cosine = float(real("task", value, -1, 1))
            if abs(cosine) != 1 and (dimensions == 1).any():
                raise reject("task", value, "a cosine of -1 or 1 where d = 1")
            out.append(Named(name or repr(cosine), cosine))
        else:
            out.append(Named(name or f"vector {k}", vector("task", value, None).astype(np.float64)))
    return out


def normalizations(values: Any) -> list[Named]:
    """Normalizations by name."""
    items = _items("normalization", values, lambda x: isinstance(x, str) or not np.ndim(x))
    checked = [(name, normalization(value, NORMALIZATIONS)) for name, value in items]
    return [Named(name or str(value), value if isinstance(value, str) else float(value)) for name, value in checked]


def fingerprint(value: Any) -> Any:
    """A value in JSON types, arrays by their SHA-256: equal exactly for equal values."""
    if isinstance(value, Named):
        return [value.name, fingerprint(value.value)]
    if isinstance(value, list | tuple):
        return [fingerprint(item) for item in value]
    if isinstance(value, np.ndarray):
        return [list(value.shape), hashlib.sha256(np.ascontiguousarray(value, np.float64).tobytes()).hexdigest()]
    if isinstance(value, AttentionParameters):
        if value.isotropic is not None:
            return [str(value.d), [repr(x) for x in value.isotropic], fingerprint(value.target)]
        return [fingerprint(x) for x in (value.v, value.Q, value.prompt, value.skip) if x is not None]
    return value if value is None or isinstance(value, str) else repr(value)


def one_dimension(d: Any, *sources: list[Named]) -> Array:
    """The dimensions swept over: as given, or the one that models, matrices and vectors have in their shape."""
    if d is not None:
        return counts("d", d, 1)
    found = set()
    for named in (item for source in sources for item in source):
        if isinstance(named.value, AttentionParameters):
            found.add(named.value.d)
        elif isinstance(named.value, np.ndarray):
            found.add(len(named.value))
    if len(found) != 1:
        which = "nothing else has it" if not found else f"the others say {sorted(found)}"
        raise ValueError(f"d = None is not allowed: {which}; d must be a whole number >= 1 or a sequence of them")
    return np.array([float(found.pop())])


def agree_on_dimension(dimensions: Array, argument: str, named: list[Named]) -> None:
    """Models, matrices and vectors exist at one dimension: a sweep that has them must stay there."""
    for name, value in named:
        size = (
            value.d if isinstance(value, AttentionParameters) else len(value) if isinstance(value, np.ndarray) else None
        )
        if size is not None and not (len(dimensions) == 1 and dimensions[0] == size):
            swept = ", ".join(f"{x:g}" for x in dimensions)
            raise ValueError(
                f"{argument} {name!r} of dimension {size} is not allowed with d = {swept}; they must agree"
            )
