r"""R11. The short formulas of :mod:`theory.printed_formulas` are the calculator's, for every strategy.

The lines that a reader copies are run on symbols and held against the calculator's own code, run on the same symbols:
fixed point (R1 to R7), contractions and risk formula (R0). Inverses, solutions of linear systems and one ratio enter
as unknowns: the same equation has the same solution, and nothing else is used of it.

Source: new here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from ..points import World
from ..printed_formulas import (
    GENERAL,
    GENERAL_SETUP,
    ISOTROPIC,
    UNIT_TASK,
    UNIT_TASK_SETUP,
    UNSEEN_AVERAGE,
    UNSEEN_AVERAGE_SETUP,
)
from ..programs import Numbers, isotropic_terms, isotropic_world
from ..risk_formula import exact_risk_formula
from ..strategies import PUBLISHED, STRATEGIES
from ..wick import Scalar, Vector, matrix, substitute, trace, vector
from .any_covariance import INVERSE, PSI, SOLUTION, Dividing, case_of, terms_on
from .printed_lines import run_lines
from .printed_names import symbols
from .radicals import Roots
from .theorem import Proof, ProofFailed, Theorem

FIELD, d, n, m, sigma2, s, T, F, cosine, w = field("d n m sigma2 s T F x w", ZZ)
SIGMA = matrix("Sigma", symmetric=True)
THETA, THETA_0 = vector("theta"), vector("theta0")
NUMBERS = {"n": n, "m": m, "d": d, "sigma2": sigma2}


def derive(proof: Proof, name: str) -> None:
    """One strategy, for any covariance and in the isotropic case."""
    proof.step(
        r"The general lines, on any task: on symbols for $\Sigma$, $\Psi$, $\theta_0$, $\theta$ and every number, against "
        "the calculator's fixed point and risk formula on the same symbols."
    )
    (_with_memory if name in ("zero_shot", "mixed", "mixed_kq") else _with_matrices)(proof, name)
    proof.step(r"The isotropic lines: on every task of unit length, $x = \cos(\theta, \theta_0)$, and on average.")
    _isotropic(proof, name)


def _isotropic(proof: Proof, name: str) -> None:
    for setup in (UNIT_TASK_SETUP, UNSEEN_AVERAGE_SETUP):
        lift = Roots(FIELD)
        unseen = setup is UNSEEN_AVERAGE_SETUP
        across = None if unseen else lift(1 - cosine**2)
        numbers = Numbers(lift(d), lift(sigma2), lift(1), lift(m), lift(m), across_norm2=across)
        world = isotropic_world(numbers, "tokens", False)
        if unseen:
            task = r"the average over unseen tasks, $x = 0$ and $\overline{x^2} = 1/d$"
            place, _ = run_lines(UNSEEN_AVERAGE, NUMBERS)
        else:
            task = r"a task of unit length, $x = \cos(\theta, \theta_0)$ and $\overline{x^2} = x^2$"
            place, _ = run_lines(UNIT_TASK, NUMBERS | {"cosine": cosine})
        law = case_of(name, world).point
        terms = isotropic_terms(law, world, "sphere" if unseen else "task", lift(1 - cosine))
        names = place | {"sqrt": lambda x, lift=lift: lift(x) ** 0.5}
        risk = exact_risk_formula(terms, lift(n))
        proof.formula(f"isotropic, {task}", ISOTROPIC[name], names, setup=setup, risk=risk, main=True)


def world_of(space: Dividing, lift: Callable[[Any], Any], target: Vector, value_scale: Any) -> World:
    """Any covariances, the same m in both losses, N = m + 1."""
    return World(space, SIGMA, PSI, target, lift(d), lift(sigma2), lift(1 / (m + 1)), lift(d / d), lift(m), lift(m + 1), 0 * m,
                 value_scale)  # fmt: skip


# --- any covariance, B = 0: the target's lengths are numbers -----------------------------------------------------------


def _with_memory(proof: Proof, name: str) -> None:
    lift = Roots(FIELD)
    signal = THETA_0 @ SIGMA @ THETA_0
    numbers = {signal: s, THETA_0 @ THETA_0: T, trace(INVERSE @ INVERSE): F}
    space = Dividing(SIGMA, {contraction: lift(x) for contraction, x in numbers.items()})
    target = space.vector(THETA_0)
    # The start of zero_shot selects a ratio; else the scale cancels: R0.symmetry
    world = world_of(space, lift, target, None if name == "zero_shot" else lift(1))
    terms = terms_on(world, case_of(name, world).point(world), THETA)
    names = symbols(
        SIGMA, **NUMBERS, Psi=PSI, theta0=target, theta=THETA, inv=space.inverse, trace=space.trace,
        sqrt=lambda x: lift(x) ** 0.5,
    )  # fmt: skip

    def named(a: Vector, b: Vector) -> Any:
        return space.number(a @ SIGMA @ b)

    risk = substitute(Scalar.of(exact_risk_formula(terms, lift(n))), space.numbers)
    names |= {"norm2": lambda a: named(a, a), "inner": named}
    proof.formula("any covariance, any task", GENERAL[name], names, setup=GENERAL_SETUP, risk=risk, main=True)


# --- any covariance, B = K ---------------------------------------------------------------------------------------------


class Ratio:
    """w, the ratio of two contractions that a formula asks for: the same equation has the same solution."""

    def __init__(self, known: Callable[[Scalar], Scalar]) -> None:
        self.known = known  # puts in what the space knows of its solution
        self.asked: Any = None

    def divide(self, numerator: Scalar, denominator: Scalar) -> Any:
        """The one ratio that may be asked for."""
        if self.asked is None:
            self.asked = numerator, denominator
        first, second = self.asked
        if self.known(numerator * second - first * denominator) != 0:
            raise ProofFailed(f"different ratios: {numerator} over {denominator}, and {first} over {second}")
        return w


def _with_matrices(proof: Proof, name: str) -> None:
    def known(x: Any) -> Scalar:
        """With the target for what the system makes of its solution."""
        if space.system is None:
            return Scalar.of(x)
        matrix, right = space.system
        if right != THETA_0:
            raise ProofFailed(f"a system whose right-hand side is not the target: {right}")
        return substitute(Scalar.of(x), {THETA_0: matrix @ SOLUTION})

    ratio = Ratio(known)

    class Dividend(Scalar):
        """A scalar that another one may divide."""

        __slots__ = ()

        @classmethod
        def _kind(cls) -> Any:
            return Dividend

        def __truediv__(self, other: Any) -> Any:
            return ratio.divide(self, other) if isinstance(other, Scalar) else super().__truediv__(other)

    class Target(Vector):
        """The target, whose products may be divided."""

        __slots__ = ()

        def __matmul__(self, other: Any) -> Any:
            product = super().__matmul__(other)
            return Dividend(product.terms.items()) if isinstance(product, Scalar) else product

    space, target = Dividing(SIGMA), Target(THETA_0.terms.items())
    world = world_of(space, lambda x: x, target, 1)
    terms = terms_on(world, case_of(name, world).point(world), THETA)

    def inner(a: Vector, b: Vector) -> Scalar:
        return Dividend((a @ SIGMA @ b).terms.items())

    names = symbols(SIGMA, **NUMBERS, Psi=PSI, theta0=target, theta=THETA, inv=space.inverse, solve=space.solve)
    names |= {"inner": inner, "norm2": lambda a: inner(a, a)}
    risk = exact_risk_formula(terms, n)
    proof.formula("any covariance, any task", GENERAL[name], names, setup=GENERAL_SETUP, risk=risk, main=True)


THEOREMS = tuple(
    Theorem(
        name=f"R11.{name}",
        title=f"the printed formula of {STRATEGIES[name].label}",
        statement=(
            f"The lines printed for `{name}` are the risk that `theory.risk` computes: on any task, for any covariances, "
            r"and in the isotropic case, for every d, n, m and $\sigma^2$."
        ),
        assumptions=(
            'N = n + 1 ("tokens"), the balanced value scale, the limit lambda -> 0+, the same m in both losses.',
            "sigma^2 > 0 where a root of it is taken.",
            "Isotropic: Sigma = I, |theta_0| = |theta| = 1, the tasks of pretraining uniform on the unit sphere.",
        ),
        source="new here",
        derive=partial(derive, name=name),
    )
    for name in PUBLISHED
)
