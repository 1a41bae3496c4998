"""Strategies as data: which block trains, on which loss, for how long. The named ones are values of the type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple, get_args

from . import validation
from .kinds import Number, is_symbolic
from .names import Alias, CanonicalName
from .validation import describe, reject

TrainedBlock = Literal["all", "value", "key_query"]
Objective = Literal["pretraining", "zero_shot", "mixed", "composed"]
Trains = Literal["all", "value", "key_query", "all_but_q", "new_head", "prompt", "skip"]
Entry = Literal["v_0", "v_x", "w", "q", "r", "p", "B", "b"]

VALUE: tuple[Entry, ...] = ("v_0", "v_x", "w")
KEY_QUERY: tuple[Entry, ...] = ("q", "r", "p", "B", "b")
ALL_BUT_Q = tuple(x for x in VALUE + KEY_QUERY if x != "q")
SKIP = ("skip",)
PROMPT, NEW_HEAD = "prompt", "new_head"
ADDED = (PROMPT, NEW_HEAD, *SKIP)  # to a layer that stays as it is
SETTING = "setting"  # the few-shot loss's weight is the setting's few_shot_weight, of which 0 means the limit 0+


class _Told(NamedTuple):
    """What people call a strategy, and where its fixed point is proved."""

    name: CanonicalName
    aliases: tuple[Alias, ...]
    label: str
    theorem: str


@dataclass(frozen=True, slots=True)
class Strategy:
    r"""A way of training: gradient flow of a loss on some of the layer's entries, from `pretrained`, for some time.

    .. math:: L = a L_{ZS} + b L_{FS} + c L_{PT} + k |x - x_0|^2

    with the weights a (``zero_shot``), b (``few_shot``), c (``replay``) and k (``pull``).

    Parameters
    ----------
    trains : str or tuple of str
        "value" (v), "key_query" (Q), "all" (both), "all_but_q" (both but Q_00), or a tuple out of the blocks v_0, v_x, w of v
        and q = Q_00, r = Q_0x and Q_0y, p = Q_x0, B = Q_xx, b = Q_xy of Q. Or what is added to a layer that stays frozen:
        "prompt", one token (0, x_p, y_p) beside the shots; "skip", a linear readout of (1, x_q), from zero; "new_head", a
        second head. Prompt and head start small, the head odd-symmetric (no v_0, Q_0x, Q_x0): the limit of a start that
        tends to zero is what is meant.
    zero_shot : number or Symbol, >= 0
        Weight of the target's risk at no shots.
    few_shot : number or Symbol, >= 0, or "setting"
        Weight of the target's risk at ``few_shot_shots``; "setting": the setting's ``few_shot_weight``, of which 0 means the
        limit 0+ (the other losses first, then this one along their minimisers).
    replay : number or Symbol, >= 0
        Weight of the pretraining loss: the risk at ``pretrain_shots``, averaged over the pretraining tasks.
    pull : number or Symbol, >= 0
        Weight of the squared distance from the start (L2-SP), over the trained entries at the setting's value scale.
    time : number or Symbol, >= 0, or math.inf
        When the flow dx/dt = -gradient of the loss is stopped.
    start : "pretrained"
        Where it starts.

    Attributes
    ----------
    name, aliases, label : str, tuple of str, str
        What a named strategy is called, and its label in plots; for others a description.
    theorem : str
        Where a named strategy's fixed point is proved, as :func:`theory.prove` takes it; empty for others.
    trained : str or tuple of str
        The block that gradient flow moves.
    objective : {"pretraining", "zero_shot", "mixed", "composed"}
        L_PT, L_ZS, or L_ZS + lambda L_FS with the setting's lambda, in all three to the end of the flow; or another.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, its value and what is allowed.

    Notes
    -----
    Strategies are equal if their arguments are: ``Strategy("value")`` is `zero_shot_value`.

    Examples
    --------
    >>> find_strategy("zs_v") == Strategy("value")
    True
    >>> Strategy("value", replay=0.3, time=2.0).name
    'value: zero_shot + 0.3 replay, t = 2.0'
    >>> Strategy(("v_x", "w"), zero_shot=-1)
    Traceback (most recent call last):
        ...
    ValueError: zero_shot = -1 is not allowed: zero_shot must be a real number from 0 to 1e+50
    """

    trains: Trains | tuple[Entry, ...]
    zero_shot: Number = 1
    few_shot: Number | Literal["setting"] = 0
    replay: Number = 0
    pull: Number = 0
    time: Number = math.inf
    start: Literal["pretrained"] = "pretrained"

    def __post_init__(self) -> None:
        """Check every argument."""
        object.__setattr__(self, "trains", _checked_blocks(self.trains))
        for name in ("zero_shot", "few_shot", "replay", "pull", "time"):
            value = getattr(self, name)
            if (name == "few_shot" and _is(value, SETTING)) or (name == "time" and value is math.inf):
                continue
            if hasattr(value, "__len__") and not isinstance(value, str):
                raise reject(name, value, "one number or Symbol", TypeError)
            if name == "time" and isinstance(value, float) and value == math.inf:
                value = math.inf
            else:
                value = validation.real(name, value)
            object.__setattr__(self, name, value)
        if all(_is(x, 0) for x in (self.zero_shot, self.few_shot, self.replay)):
            raise ValueError(
                "zero_shot = few_shot = replay = 0 is not allowed: one of the losses must have a weight > 0, or nothing trains"
            )
        validation.choice("start", self.start, ("pretrained",))

    def entries(self) -> tuple[str, ...]:
        """The trained blocks of v and Q, or the skip; none where what trains is neither."""
        if isinstance(self.trains, tuple):
            return self.trains
        blocks: dict[str, tuple[str, ...]] = {
            "value": VALUE,
            "key_query": KEY_QUERY,
            "all": VALUE + KEY_QUERY,
            "all_but_q": ALL_BUT_Q,
            "skip": SKIP,
        }
        return blocks.get(self.trains, ())

    def numbers(self) -> tuple[Number, ...]:
        """The weights and the time, as far as they are numbers."""
        weights = (self.zero_shot, self.few_shot, self.replay, self.pull, self.time)
        return tuple(x for x in weights if not (isinstance(x, str) or x is math.inf))

    @property
    def name(self) -> str:
        """The canonical name, as :func:`theory.risk` takes it, or a description."""
        told = _TOLD.get(self)
        return self._description() if told is None else told.name

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other accepted spellings."""
        told = _TOLD.get(self)
        return () if told is None else told.aliases

    @property
    def label(self) -> str:
        """A short label for plots."""
        told = _TOLD.get(self)
        return self._description() if told is None else told.label

    @property
    def theorem(self) -> str:
        """Where the fixed point is proved."""
        told = _TOLD.get(self)
        return "" if told is None else told.theorem

    @property
    def trained(self) -> Any:
        """The block that gradient flow moves."""
        return self.trains

    @property
    def objective(self) -> Objective:
        """The loss, if it is one of the named strategies', to the end of the flow."""
        losses: dict[tuple[Any, ...], Objective] = {
            (0, 0, 1): "pretraining", (1, 0, 0): "zero_shot", (1, SETTING, 0): "mixed"
        }  # fmt: skip
        if not _is(self.pull, 0) or self.time is not math.inf:
            return "composed"
        return losses.get((self.zero_shot, self.few_shot, self.replay), "composed")

    @property
    def in_words(self) -> tuple[str, str]:
        """What trains, and on what loss.

        Examples
        --------
        >>> STRATEGIES["mixed_value"].in_words
        ('v', 'L_ZS + lambda L_FS')
        """
        blocks = {
            "all": "v, Q", "value": "v", "key_query": "Q", "all_but_q": "v, Q but Q_00", "prompt": "a prompt's token",
            "skip": "a linear readout", "new_head": "a second head",
        }  # fmt: skip
        block = blocks[self.trains] if isinstance(self.trains, str) else ", ".join(self.trains)
        return block, self._loss("L_ZS", "L_FS", "L_PT", "|x - x_0|^2")

    def _loss(self, *names: str) -> str:
        """The losses by their names, with their weights."""
        few_shot = "lambda" if _is(self.few_shot, SETTING) else self.few_shot
        weights = zip((self.zero_shot, few_shot, self.replay, self.pull), names, strict=True)
        return " + ".join(name if _is(x, 1) else f"{x} {name}" for x, name in weights if not _is(x, 0))

    def _description(self) -> str:
        block = self.trains if isinstance(self.trains, str) else "(" + ", ".join(self.trains) + ")"
        loss = self._loss("zero_shot", "few_shot", "replay", "pull")
        return f"{block}: {loss}" + ("" if self.time is math.inf else f", t = {self.time}")

    def __repr__(self) -> str:
        given = [repr(self.trains)]
        given += [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)[1:]
            if not _is(getattr(self, field.name), field.default)
        ]
        return f"Strategy({', '.join(given)})"


def _is(x: Any, number: Any) -> bool:
    """Whether x is this number or word; a Symbol is none."""
    return not is_symbolic(x) and type(x == number) is bool and x == number


def _checked_blocks(trains: Any) -> Any:
    """A block's name, or a tuple of entries in the library's order; the name of a block that a tuple makes up."""
    if isinstance(trains, str):
        return validation.choice("trains", trains, get_args(Trains))
    entries = VALUE + KEY_QUERY
    if not isinstance(trains, Sequence):
        raise reject("trains", trains, f"a block's name or a tuple out of {', '.join(entries)}", TypeError)
    if not trains:
        raise reject("trains", trains, f"not empty: a tuple out of {', '.join(entries)}")
    for block in trains:
        validation.choice("trains", block, entries)
    chosen = tuple(x for x in entries if x in trains)
    names = {VALUE: "value", KEY_QUERY: "key_query", entries: "all", ALL_BUT_Q: "all_but_q"}
    return names.get(chosen, chosen)


_TOLD: dict[Strategy, _Told] = {
    Strategy("all", zero_shot=0, replay=1): _Told("pretrained", (), "pretrained", "R1"),
    Strategy("all"): _Told("zero_shot", ("zs",), "zero-shot, all", "R2.selection"),
    Strategy("value"): _Told("zero_shot_value", ("zs_v",), "zero-shot, value", "R4"),
    Strategy("key_query"): _Told("zero_shot_kq", ("zs_kq",), "zero-shot, key-query", "R3"),
    Strategy("all", few_shot=SETTING): _Told("mixed", ("zs_fs", "both"), "mixed, all", "R7"),
    Strategy("value", few_shot=SETTING): _Told("mixed_value", ("zs_fs_v", "both_v"), "mixed, value", "R5"),
    Strategy("key_query", few_shot=SETTING): _Told("mixed_kq", ("zs_fs_kq", "both_kq"), "mixed, key-query", "R6"),
    Strategy("prompt"): _Told("soft_prompt", ("prompt",), "soft prompt", "R13p"),
    Strategy("skip"): _Told("skip", ("linear_readout",), "linear readout", "R13s"),
    Strategy("all_but_q"): _Told("frozen_q", ("all_but_q",), "all but one entry", "R22"),
    Strategy("new_head"): _Told("new_head", ("adapter",), "new head", "R13"),
}

STRATEGIES: dict[CanonicalName, Strategy] = {told.name: strategy for strategy, told in _TOLD.items()}

# Those of Lee, Sohn, Lee 2026 (arXiv 2602.23197), which train v, Q or both.
PUBLISHED: tuple[CanonicalName, ...] = (
    "pretrained",
    "zero_shot",
    "zero_shot_value",
    "zero_shot_kq",
    "mixed",
    "mixed_value",
    "mixed_kq",
)

_BY_ANY_NAME = {
    spelling: strategy for strategy in STRATEGIES.values() for spelling in (strategy.name, *strategy.aliases)
}


def named_strategy(name: str | Strategy) -> Strategy:
    """One of the named strategies, for what knows no other."""
    strategy = find_strategy(name)
    if strategy not in _TOLD:
        raise reject("strategy", strategy, f"one of {', '.join(STRATEGIES)} here")
    return strategy


def find_strategy(name: str | Strategy, argument: str = "strategy") -> Strategy:
    """The strategy of a name or an alias; an unknown name is a ValueError that lists the valid ones."""
    if type(name) is str:
        strategy = _BY_ANY_NAME.get(name)
        if strategy is not None:
            return strategy
        import difflib  # only where something is wrong

        near = [known for known in _BY_ANY_NAME if name and known.startswith(name)]
        near = near or difflib.get_close_matches(name, _BY_ANY_NAME, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        block: Any = name.removesuffix("_only")
        if block in get_args(Trains):
            hint = f" (did you mean {Strategy(block).name!r}, which is theory.Strategy({block!r})?)"
        elif block in VALUE + KEY_QUERY:
            hint = f" (did you mean theory.Strategy(({block!r},))?)"
        raise ValueError(f"{argument} = {describe(name)} is unknown{hint}; allowed: {', '.join(_BY_ANY_NAME)}")
    if isinstance(name, Strategy):
        return name
    raise TypeError(
        f"{argument} = {describe(name)} ({type(name).__name__}) must be a strategy's name or a Strategy or, where a risk is "
        f"asked for, AttentionParameters(v, Q); names: {', '.join(_BY_ANY_NAME)}"
    )
