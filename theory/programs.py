"""Accelerator: the isotropic risk of a strategy or of six scalars as a straight-line program, made once for each question.

Nothing is defined here. A program is what the laws (:mod:`theory.laws`), the contractions and the risk formula do on two
lines (:meth:`theory.space.Lines.isotropic`), recorded on a tape; tests/test_programs.py holds it against them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from .contractions import RiskTerms, Square, Tasks, contract
from .factoring import as_product
from .kinds import is_symbolic, square_root
from .lines import Lines
from .parameters import IsotropicScalars
from .points import Point, World
from .prompt import tokens, training_tokens
from .risk_formula import risk_at
from .space import objects
from .straight_line import Program, Tape


class Numbers(NamedTuple):
    """The numbers of an isotropic setting and of a question; what is not asked for may be None."""

    d: Any
    noise_variance: Any
    target_norm2: Any = 1
    pretrain_shots: Any = None
    few_shot_shots: Any = None
    few_shot_weight: Any = 0
    value_scale: Any = None  # None: balanced
    normalization: Any = None  # a number where N is one
    departure: Any = None  # phi: a task is (1 - phi) theta_0 and something across
    across_norm2: Any = None  # of this squared length
    n_shots: Any = None
    tokens: Any = None  # N
    beyond: Any = None  # N - n


class Question(NamedTuple):
    """What a program is made for: everything but the numbers."""

    place: str  # "target", "task" or "unseen"
    normalization: str  # "tokens", "shots" or "number"
    infinite_pretraining: bool
    balanced: bool
    weighted: bool  # whether few_shot_weight counts
    exact: bool  # whether cancellation costs nothing
    attends: bool = True  # whether the query attends to itself
    prompt_tokens: int = 0  # k, which count in "tokens"
    unit_target: bool = False  # whether |theta_0| = 1 beforehand


def isotropic_world(numbers: Numbers, normalization: Any, infinite_pretraining: bool) -> World:
    """The world of two lines: along the target and across it."""
    across = 1 if numbers.across_norm2 is None else numbers.across_norm2
    space = Lines.isotropic(numbers.d, numbers.target_norm2, across)
    m, few = numbers.pretrain_shots, numbers.few_shot_shots
    per_token, gain = (0, 1) if infinite_pretraining or m is None else training_tokens(m, normalization)
    few_tokens = None if few is None else tokens(few, normalization)
    return World(
        space, space.identity, None, space.vector(objects(1, 0)), numbers.d, numbers.noise_variance, per_token, gain, few,
        few_tokens, numbers.few_shot_weight, numbers.value_scale, tokens(0, normalization), normalization,
    )  # fmt: skip


def tasks_of(world: World, place: str, departure: Any) -> Tasks:
    """The task or tasks of a place among two lines."""
    space: Any = world.space
    target = space.token_vector(0, world.target, 0)
    if place == "target":
        return Tasks(target)
    if place == "task":
        return Tasks(space.token_vector(0, space.vector(objects(1 - departure, 1)), 0))
    spread = space.token_operator(space.identity / world.d, 0)
    return Tasks(0 * target, spread, world.d / (world.d + 2), 0)  # |theta| = 1, and Sigma = I: s is constant


def isotropic_terms(
    point: Callable[[World], Point], world: World, place: str, departure: Any, attends: bool = True
) -> RiskTerms:
    """The contractions of a model on two lines."""
    layer = point(world).layer(world)._replace(attends=attends)
    return contract(world.space, world.inputs(), layer, tasks_of(world, place, departure))


def of_scalars(alpha: Any, w: Any, q: Any, beta: Any, gamma: Any, delta: Any) -> Callable[[World], Point]:
    """The model of six scalars."""

    def point(world: World) -> Point:
        theta = world.target
        B = beta * world.space.identity + world.space.outer(gamma * theta, theta)
        return Point(alpha * theta, w, q, B, delta * theta)

    return point


def scalars_of(point: Point) -> IsotropicScalars:
    """The six scalars of a model on two lines."""
    B = point.B
    gamma = sum(u.coordinates[0] * v.coordinates[0] for u, v in B.dyads)
    return IsotropicScalars(
        point.v_x.coordinates[0], point.w, point.q, B.diagonal[1], gamma, point.b.coordinates[0]
    )  # fmt: skip


SCALARS = ("alpha", "w", "q", "beta", "gamma", "delta")


def _tape(names: str, question: Question) -> Tape:
    return Tape(names, question.exact, "target_norm2" if question.unit_target else None)


def _world_on_tape(tape: Tape, question: Question) -> tuple[Numbers, World]:
    """The question's numbers as a tape's inputs, and their world."""
    numbers = Numbers(*tape.inputs[: len(Numbers._fields)])
    if question.balanced:
        numbers = numbers._replace(value_scale=None)
    if not question.weighted:
        numbers = numbers._replace(few_shot_weight=0)
    if question.place != "task":
        numbers = numbers._replace(across_norm2=None)
    kind = numbers.normalization if question.normalization == "number" else question.normalization
    world = isotropic_world(numbers, kind, question.infinite_pretraining)
    return numbers, world._replace(unit_keys=True)  # what does not depend on arrays then is one number


def _recorded(point: Callable[[World], Point] | None, question: Question) -> tuple[Tape, Numbers, RiskTerms]:
    names = " ".join((*Numbers._fields, *(SCALARS if point is None else ())))
    tape = _tape(names, question)
    if point is None:
        point = of_scalars(*tape.inputs[len(Numbers._fields) :])
    numbers, world = _world_on_tape(tape, question)
    return tape, numbers, isotropic_terms(point, world, question.place, numbers.departure, question.attends)


@cache
def risk_program(point: Callable[[World], Point] | None, question: Question) -> Program:
    """The risk at n shots, as a function of :class:`Numbers` (and of six scalars, where no law is given)."""
    tape, numbers, terms = _recorded(point, question)
    N, beyond = numbers.tokens, numbers.beyond
    if question.normalization == "tokens":
        beyond = 1 + question.prompt_tokens
        N = numbers.n_shots + beyond
    return tape.program([risk_at(terms, numbers.n_shots, N, beyond)])


@cache
def terms_program(point: Callable[[World], Point] | None, question: Question) -> Callable[..., RiskTerms]:
    """The contractions, likewise."""
    tape, _, terms = _recorded(point, question)
    flat = [x for square in terms.squares for x in square]
    program = tape.program([terms.noise_variance, terms.per_shot, terms.fixed, *flat])

    def run(*numbers: Any, square_root: Any = None) -> RiskTerms:
        noise_variance, per_shot, fixed, *rest = program(*numbers, square_root=square_root)
        squares = tuple(Square(*rest[i : i + 4]) for i in range(0, len(rest), 4))
        return RiskTerms(noise_variance, squares, per_shot, fixed)

    return run


@cache
def scalars_program(
    point: Callable[[World], Point], scale: Callable[[World], Any], question: Question
) -> Callable[..., tuple[Any, ...]]:
    """The six scalars of a law's model at its value scale, which must be balanced: a given one asks for a sign."""
    tape = _tape(" ".join(Numbers._fields), question)
    _, world = _world_on_tape(tape, question)
    found = point(world)
    return tape.program(scalars_of(found).scaled(scale(world) / found.start)).run


class Roots:
    """Square roots of expressions as symbols of their own, so that what holds them is factored as a rational function."""

    def __init__(self) -> None:
        self.roots: dict[Any, Any] = {}

    def __call__(self, x: Any) -> Any:
        """A symbol for the root of x, or the root itself where x is a number."""
        import sympy

        if not is_symbolic(x) or not x.free_symbols:
            return square_root(x)
        for symbol, base in self.roots.items():
            if base == x:
                return symbol
        symbol = sympy.Dummy(positive=True)
        self.roots[symbol] = x
        return symbol

    def readable(self, terms: RiskTerms) -> RiskTerms:
        """The contractions factored, the roots in their places."""
        squares = tuple(Square(*map(self._factored, square)) for square in terms.squares)
        return RiskTerms(terms.noise_variance, squares, self._factored(terms.per_shot), self._factored(terms.fixed))

    def _factored(self, x: Any) -> Any:
        import sympy

        x = sympy.sympify(x)
        candidates = [as_product(x), x]
        for symbol, base in reversed(self.roots.items()):  # a root may hold earlier ones
            candidates = [candidate.xreplace({symbol: sympy.sqrt(base)}) for candidate in candidates]
        return min(candidates, key=sympy.count_ops)
