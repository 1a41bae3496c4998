"""What a law is asked and what it answers: a world, a model in its gauge, and the cases in which it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .contractions import Head, Inputs, Layer
from .kinds import Number, anywhere
from .space import Operator, Space, Vector
from .validation import reject


class World(NamedTuple):
    """What the laws depend on: distributions, shots, and the scale of the start."""

    space: Space
    sigma: Operator  # the inputs' covariance
    psi: Operator | None  # the pretraining tasks' E theta theta'; None: uniform on the unit sphere
    target: Vector
    d: Number
    noise_variance: Number
    per_token: Number  # 1/N at the shots of pretraining; 0 at infinitely many
    gain: Number  # (m + 1)/N there
    few_shot_shots: Number
    few_shot_tokens: Number  # N at these shots
    few_shot_weight: Number
    value_scale: Number  # None: balanced
    zero_shot_tokens: Number = 1  # N at no shots
    normalization: Any = "tokens"  # the convention of all these, which a prompt's tokens ask anew
    several: Any = ()  # pairs (weight, task) of several targets, whose mean is the target
    attends: Any = True  # whether the query attends to itself
    unit_keys: Any = False  # the pretrained model's gauge: B = I, which a multiple of I allows, rather than w = 1

    def regime(self) -> Regime:
        """What hypotheses speak of."""
        power = sum(p * inner(self, x, x) for p, x in self.several) if self.several else signal(self)
        return Regime(self.noise_variance, power, self.few_shot_tokens, self.zero_shot_tokens)

    def inputs(self) -> Inputs:
        """The tokens' laws: centred inputs, the query's like the shots'."""
        space, noise = self.space, self.noise_variance
        shot, query = space.token_operator(self.sigma, noise), space.token_operator(self.sigma, 0)
        return Inputs(shot, space.constant, query, space.constant, noise)


class Regime(NamedTuple):
    """What the laws' hypotheses speak of; arrays where the setting holds them."""

    noise_variance: Number
    signal: Number  # theta_0' Sigma theta_0
    few_shot_tokens: Number  # N at the few-shot loss's shots
    zero_shot_tokens: Number = 1  # N at zero shots


class Point(NamedTuple):
    """A one-head model in its gauge: v = (0, v_x, w), Q with q, B and b = q_xy."""

    v_x: Vector
    w: Number
    q: Number
    B: Operator
    b: Vector
    gain: Operator | None = None  # B Sigma, where the law has formed it
    residual: Operator | None = None  # I - w_0 B Sigma, likewise
    seen: Vector | None = None  # v_x + w theta_0, what the target's shots see, likewise
    limit: tuple[Vector, Number] | None = (
        None  # (v_x, q) as the query's own token meets them, where they run to infinity
    )
    skip: Vector | None = None  # the readout of x_q
    recital: Vector | None = None  # N times what a prompt's tokens add, at x_q
    second: tuple[Vector, Number] | None = None  # (v_x, q) of a second head
    start: Number = 1  # w_0, the pretrained model's w in this gauge

    def layer(self, world: World) -> Layer:
        """The model in token space, with what the law knows of it."""
        space = world.space
        zero = 0 * self.v_x

        def score(q: Number, B: Operator, b: Vector) -> Operator:
            return space.score(q, 0 * space.constant, zero, B, b)

        def known(x: Operator | None) -> Operator | None:
            return None if x is None else space.token_operator(x, 0)

        head = Head(
            space.token_vector(0, self.v_x, self.w),
            score(self.q, self.B, self.b),
            known(self.gain),
            known(self.residual),
            start=self.start,
        )
        if self.limit is not None:
            v_x, q = self.limit
            return Layer((head,), own=(Head(space.token_vector(0, v_x, 0), score(q, 0 * self.B, zero)),))
        if self.seen is not None:  # and the query meets c q = N_0, whatever the gauge
            anchor = space.token_vector(0, world.target, 0)
            own = Head(anchor, score(world.zero_shot_tokens, 0 * self.B, zero))
            return Layer((head._replace(v=space.token_vector(0, self.seen, self.w), anchor=anchor),), own=(own,))
        heads = [head]
        if self.second is not None:
            v_x, q = self.second
            heads.append(Head(space.token_vector(0, v_x, 0), score(q, 0 * self.B, zero)))
        skip, recital = (None if x is None else space.token_vector(0, x, 0) for x in (self.skip, self.recital))
        return Layer(tuple(heads), skip=skip, recital=recital)


def inner(world: World, a: Vector, b: Vector) -> Number:
    """a' Sigma b."""
    return a @ (world.sigma @ b)


def signal(world: World) -> Number:
    """s = theta_0' Sigma theta_0."""
    return inner(world, world.target, world.target)


def always(regime: Regime) -> Any:
    """No hypothesis."""
    return True


def noisy(regime: Regime) -> Any:
    """sigma^2 > 0."""
    noise = regime.noise_variance
    if anywhere((noise / regime.signal == 0) & (noise != 0)):  # it would be taken for no noise at all
        raise reject("noise_variance", noise, "0 or such that its ratio to the target's signal power is a float > 0")
    return noise != 0


def nothing_to_gain(regime: Regime) -> Any:
    """N at the few-shot loss's shots is N at none: one shot in "shots", and always where N is a number; else N_0 = 1."""
    return regime.few_shot_tokens == regime.zero_shot_tokens


class Case(NamedTuple):
    """A law and its hypotheses: the first case of a strategy that holds is the one that counts."""

    point: Callable[[World], Point]
    scale: Callable[[World], Number] | None  # k; None: the parameters run to infinity, only the risk has a limit
    holds: Callable[[Regime], Any] = always
    diverges_off_target: bool = False  # whether the risk is infinite at n >= 1 on every task but the target
    recorded: bool = True  # whether it does the same arithmetic for all numbers, as a tape needs it
