"""prove: run every theorem's derivation, or those of one name."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator

from ..tables import html_table
from .theorem import ProofResult, Theorem, run


class ProofResults(tuple[ProofResult, ...]):
    """The results of some proofs; prints a line a theorem."""

    __slots__ = ()

    @property
    def proved(self) -> bool:
        """Whether every theorem was proved."""
        return all(result.proved for result in self)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))

    def _repr_html_(self) -> str:
        rows = [
            (r.theorem.name, r.theorem.title, "proved" if r.proved else "FAILED", r.summary(), f"{r.seconds:.2f}")
            for r in self
        ]
        return html_table(("theorem", "", "verdict", "how", "seconds"), rows)


def theorems() -> tuple[Theorem, ...]:
    """Every theorem: ours (R), then those of published formulas (C), in the order of their numbers; imports sympy."""
    names = [module.name for module in pkgutil.iter_modules(sys.modules[__package__].__path__)]
    numbered = [(match[1] == "c", int(match[2]), name) for name in names if (match := re.match(r"([rc])(\d+)_", name))]
    found: list[Theorem] = []
    for _, _, name in sorted(numbered):
        module = importlib.import_module(f".{name}", __package__)
        found.extend(getattr(module, "THEOREMS", None) or ((module.THEOREM,) if hasattr(module, "THEOREM") else ()))
    return tuple(found)


def selected(name: str | None) -> tuple[Theorem, ...]:
    """The theorems of a name: "R2" also means "R2.selection"; None means all."""
    known = theorems()
    if name is None:
        return known
    if not isinstance(name, str):
        raise TypeError(f"name = {name!r} is not allowed: name must be a theorem's name or None")
    chosen = tuple(t for t in known if t.name.lower() == name.lower() or t.name.lower().startswith(name.lower() + "."))
    if not chosen:
        names = [t.name for t in known]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"name = {name!r} is unknown{hint}; allowed: {', '.join(names)}, and R2 for all that begin so")
    return chosen


def proofs(name: str | None = None) -> Iterator[ProofResult]:
    """Run the proofs one by one, with a progress bar on a terminal."""
    from tqdm import tqdm

    chosen = selected(name)
    bar = tqdm(chosen, desc="proving", unit="theorem", disable=not sys.stderr.isatty(), leave=False)
    for theorem in bar:
        bar.set_postfix_str(theorem.name)
        yield run(theorem)


def prove(name: str | None = None) -> ProofResults:
    """Derive every theorem from the model's definition, and hold the derivation against the printed formulas.

    Parameters
    ----------
    name : str, optional
        One theorem ("R4") with its parts; default: all.

    Returns
    -------
    ProofResults
        A tuple of :class:`~theory.proofs.theorem.ProofResult`: the theorem, the derivation's steps, the checks and how
        each was made, seconds. ``.proved`` is True if all are.

    Raises
    ------
    ValueError, TypeError
        For an unknown name.

    Examples
    --------
    >>> prove("R6").proved
    True
    """
    return ProofResults(proofs(name))
