"""Practices of fine-tuning side by side: what each has learnt of the target, and what it costs unseen tasks."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any, NamedTuple

from . import validation
from .calculator import risk
from .factoring import factored
from .kinds import Number, anywhere, is_symbolic
from .names import Numeric, StrategyName
from .parameters import AttentionParameters
from .setting import Setting
from .strategies import PROMPT, SKIP, STRATEGIES, Strategy, find_strategy
from .tables import format_table, html_table, write_csv
from .validation import NoClosedForm

Model = StrategyName | Strategy | AttentionParameters
Frontier = Callable[[Setting, int, float], Any]

HEADER = ("strategy", "zero-shot excess", "target", "unseen", "price", "price, n = inf", "frontier", "above it")
NOTHING = "-"
_ROUNDING = 2e-13  # two risks, each accurate to 1e-13


class Practice(NamedTuple):
    """A row; None where there is no closed form, or no limit.

    Attributes
    ----------
    strategy : str
        Its name.
    excess : number
        Zero-shot risk on the target, less the noise that no model is below.
    target, unseen : number
        Risks at n shots, on the target and on average over the pretraining tasks.
    price : number
        ``unseen`` less that of the baseline, the pretrained model by default.
    limit : number
        The price in the limit of many shots; None where N is a number.
    frontier : number
        The least unseen risk that a model with this excess can have, where a frontier was asked for.
    """

    strategy: str
    excess: Number
    target: Number
    unseen: Number
    price: Number
    limit: Number
    frontier: Number = None


class Comparison(list[Practice]):
    """Rows that print as a table, in a notebook too; ``pandas.DataFrame(comparison)`` has the columns of :class:`Practice`."""

    note: str = ""  # a line under the table

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows to a CSV file under the names of :class:`Practice`'s attributes, numbers in full precision.

        What a row has not (None) is empty. The path "-" is standard output.
        """
        write_csv(path, Practice._fields, self)

    def _table(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        rows = []
        for row in self:
            above = None if row.frontier is None or row.unseen is None else row.unseen - row.frontier
            rows.append(tuple(NOTHING if x is None else x for x in (*row, above)))
        asked = any(row.frontier is not None for row in self)
        width = len(HEADER) if asked else len(HEADER) - 2
        return HEADER[:width], [row[:width] for row in rows]

    def __repr__(self) -> str:
        return format_table(*self._table()) + (f"\n{self.note}" if self.note else "")

    def _repr_html_(self) -> str:
        return html_table(*self._table()) + (f"<p>{escape(self.note)}</p>" if self.note else "")


def compare(
    setting: Setting,
    n_shots: Numeric,
    strategies: Iterable[Model] | Mapping[str, Model] | None = None,
    *,
    frontier: Frontier | None = None,
    baseline: Model = "pretrained",
) -> Comparison:
    """Practices of fine-tuning side by side, at n shots: what is learnt of the target, what unseen tasks pay.

    Parameters
    ----------
    setting : Setting
        One number each.
    n_shots : int >= 0 or Symbol
        Shots at which risks are compared.
    strategies : iterable of str, Strategy or AttentionParameters, or mapping of labels to these, optional
        Models of an iterable are called "model", "model 2" and so on. Default: every named strategy (without the few-shot loss where the setting has no shots for it).
    frontier : callable, optional
        ``frontier(setting, n_shots, excess).risk`` is the least unseen risk at that zero-shot excess: a column, and how
        far above it each practice is. ``functools.partial(numerics.frontier, models="one_head")`` is one. (It is handed
        over because theory does not import numerics.)

    baseline : str, Strategy or AttentionParameters
        What a price is the difference to; it needs a closed form.

    Returns
    -------
    Comparison
        A list of :class:`Practice` that prints as a table, in units of the squared label. Exact numbers in, exact out.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, its value and what is allowed.

    Notes
    -----
    A strategy without a closed form in the setting has dashes; ``numerics.solve`` makes a model of it, to be given in a
    mapping.

    References
    ----------
    R1-R9, R13, R16-R23; new here.

    Examples
    --------
    >>> from theory import OFFICIAL
    >>> compare(OFFICIAL, 20, ["pretrained", "zero_shot", "zero_shot_value"])
    strategy         zero-shot excess    target    unseen      price  price, n = inf
    pretrained                      1  0.345283  0.345283          0               0
    zero_shot                       0   1.42878   1.34404   0.998758        0.956924
    zero_shot_value          0.222222   0.34728  0.369442  0.0241595       0.0123457
    """
    if not isinstance(setting, Setting):
        raise validation.reject("setting", setting, "a theory.Setting", TypeError)
    if strategies is None:
        endless = setting.few_shot_shots is None and anywhere(setting.pretrain_shots == math.inf)
        strategies = [x for x in STRATEGIES.values() if not (endless and x.few_shot)]
    models = labelled(strategies)
    before = _Risks(setting, baseline, n_shots)
    rows = Comparison(_practice(name, model, setting, n_shots, before, frontier) for name, model in models.items())
    still = [name for name, model in models.items() if setting.query == "masked" and _rests(model)]
    if still:
        rows.note = (
            f"{', '.join(still)}: as pretrained, for heads answer a masked query 0 without shots: nothing is learnt"
        )
    return rows


def _rests(model: Model) -> bool:
    """Whether heads alone train, on the zero-shot loss alone, which under a masked query is constant."""
    if isinstance(model, AttentionParameters):
        return False
    strategy = find_strategy(model)
    learns = strategy.trains == PROMPT or strategy.entries() == SKIP
    return not learns and strategy.few_shot == 0 and strategy.replay == 0


def labelled(strategies: Any) -> dict[str, Model]:
    """Strategies and models by their labels: a mapping's own, names, or "model", "model 2" and so on."""
    if isinstance(strategies, Mapping):
        return dict(strategies)
    if isinstance(strategies, str | Strategy | AttentionParameters):
        strategies = (strategies,)
    if not isinstance(strategies, Iterable):
        allowed = "names, Strategies and AttentionParameters, or a mapping of labels to these"
        raise validation.reject("strategies", strategies, allowed, TypeError)
    found: dict[str, Model] = {}
    models = 0
    for model in strategies:
        if isinstance(model, AttentionParameters):
            models += 1
            found["model" if models == 1 else f"model {models}"] = model
        else:
            strategy = find_strategy(model)
            found[strategy.name] = strategy
    return found


class _Risks:
    """The unseen risks of one model."""

    def __init__(self, setting: Setting, model: Model, n_shots: Any) -> None:
        self.at_n = risk(model, n_shots, setting=setting, task="unseen")
        fixed = not isinstance(setting.normalization, str)  # N does not grow with n: there is no limit
        self.limit = None if fixed else risk(model, math.inf, setting=setting, task="unseen")


def _practice(
    name: str, model: Model, setting: Setting, n_shots: Any, before: _Risks, frontier: Frontier | None
) -> Practice:
    try:
        excess, target = risk(model, 0, setting=setting) - setting.noise_variance, risk(model, n_shots, setting=setting)
        after = _Risks(setting, model, n_shots)
    except NoClosedForm:
        return Practice(name, None, None, None, None, None)
    price = _short(after.at_n - before.at_n)
    limit = None if after.limit is None else _limit(after.limit, before.limit)
    least = None if frontier is None else frontier(setting, n_shots, max(excess, 0)).risk
    return Practice(name, excess, target, after.at_n, price, limit, least)


def _short(x: Number) -> Number:
    """A price as a product where it has Symbols; another number as it is."""
    return factored(x) if is_symbolic(x) else x


def _limit(after: Number, before: Number) -> Number:
    """The price of many shots; of floats 0 where it is no more than their rounding."""
    price = after - before
    if isinstance(price, float) and abs(price) <= _ROUNDING * max(abs(after), abs(before)):
        return 0.0
    return _short(price)
