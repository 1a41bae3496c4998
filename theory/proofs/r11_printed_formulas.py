r"""R11. The short formulas of :mod:`theory.printed_formulas` are the calculator's, for every strategy.

The lines that a reader copies are run on symbols and held against the calculator's own code, run on the same symbols:
fixed point (R1 to R7), contractions and risk formula (R0). Inverses, solutions of linear systems and one ratio enter
as unknowns: the same equation has the same solution, and nothing else is used of it.

Source: new here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from sympy import QQ
from sympy.polys.fields import field

from .. import dense, dense_fixed_points, fixed_points, isotropic, risk_formula
from ..printed_formulas import (
    GENERAL,
    GENERAL_SETUP,
    ISOTROPIC,
    UNIT_TASK,
    UNIT_TASK_SETUP,
    UNSEEN_AVERAGE,
    UNSEEN_AVERAGE_SETUP,
)
from ..strategies import STRATEGIES
from ..wick import Scalar, Vector, matrix, substitute, trace, vector
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_arrays import Array, Columns, on_symbols, polarised
from .radicals import Roots
from .theorem import Proof, ProofFailed, Theorem

FIELD, d, n, m, sigma2, s, T, F, phi, across, cosine, w = field("d n m sigma2 s T F phi across x w", QQ)
SIGMA, PSI, INVERSE = (Array.of(matrix(name, symmetric=True)) for name in ("Sigma", "Psi", "X"))
THETA, SOLUTION = vector("theta"), vector("v")
NUMBERS = {"n": n, "m": m, "d": d, "sigma2": sigma2}
# The calculator's worlds, whose fields hold symbols here.
IsotropicWorld: Any = fixed_points.IsotropicWorld
DenseWorld: Any = dense_fixed_points.DenseWorld


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
        world = IsotropicWorld(*map(lift, (d, sigma2, 1, m, m, 0)), None, 1)
        point = fixed_points.POINTS[name][0](world)
        setting = world.d, world.noise_variance, world.target_norm2
        if setup is UNSEEN_AVERAGE_SETUP:
            task = r"the average over unseen tasks, $x = 0$ and $\overline{x^2} = 1/d$"
            place, _ = run_lines(UNSEEN_AVERAGE, NUMBERS)
            terms = isotropic.terms_on_sphere(point, *setting)
        else:
            task = r"a task of unit length, $x = \cos(\theta, \theta_0)$ and $\overline{x^2} = x^2$"
            place, _ = run_lines(UNIT_TASK, NUMBERS | {"cosine": cosine})
            terms = isotropic.terms_on_task(point, *setting, lift(1 - cosine), lift(1 - cosine**2), lift(0))
        names = place | {"sqrt": lambda x, lift=lift: lift(x) ** 0.5}
        risk = risk_formula.exact_risk_formula(terms, lift(n))
        proof.formula(f"isotropic, {task}", ISOTROPIC[name], names, setup=setup, risk=risk, main=True)


# --- any covariance, B = 0: lengths and the angle are all that counts ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class InPlane:
    r"""A vector :math:`a\,\theta_0 + b\,\theta_\perp`, the two orthogonal in the metric, of squared lengths s and across."""

    a: Any
    b: Any

    def __add__(self, other: Any) -> InPlane:
        return InPlane(self.a + other.a, self.b + other.b)

    def __sub__(self, other: Any) -> InPlane:
        return InPlane(self.a - other.a, self.b - other.b)

    def __rmul__(self, factor: Any) -> InPlane:
        return InPlane(factor * self.a, factor * self.b)

    def __matmul__(self, other: Any) -> Any:
        if not self == other == InPlane(FIELD(1), FIELD(0)):
            raise ProofFailed("a flat product of other vectors than the target itself")
        return T

    def inner(self, other: InPlane) -> Any:
        """The product in the metric."""
        return self.a * other.a * s + self.b * other.b * across


def _with_memory(proof: Proof, name: str) -> None:
    lift = Roots(FIELD)

    def number(x: Any) -> Any:
        """A number, with the name F for the one contraction of matrices that enters, the norm of K; others stay."""
        if isinstance(x, Scalar):
            x = substitute(x, {trace(INVERSE @ INVERSE): F})
            if any(x.terms.keys() - {()}):  # the trace in the definition of K
                return x
            x = x.as_coefficient()
        return lift(x)

    unknowns = Unknowns()
    code = on_symbols(
        dense_fixed_points,
        inverse=unknowns.inverse,
        inner=lambda a, sigma, b: a.inner(b),
        np=SimpleNamespace(sum=lambda products: number(products.sum()), generic=()),
        selected_scale=lambda *conserved: 1,
        _memory_blocks=lambda point, world: None,
    )
    target = InPlane(FIELD(1), FIELD(0))
    signal_world = IsotropicWorld(*map(lift, (d, sigma2, s, m, m, 0)), None, 1)
    world = SimpleNamespace(
        sigma=SIGMA, task_covariance=PSI, target=target, noise_variance=sigma2, pretrain_shots=m, query_counts=1,
        signal_world=lambda: signal_world,
        value_scale=None if name == "zero_shot" else 1,  # its start selects a ratio; else the scale cancels: R0.symmetry
    )  # fmt: skip
    memory = getattr(code, dense_fixed_points.POINTS[name].__name__)(world).memory
    there = map(lift, (phi, across, across - s * phi * (2 - phi)))
    terms = isotropic.terms_on_task(memory, *map(lift, (d, sigma2, s)), *there)
    names = {
        **NUMBERS, "sqrt": lambda x: lift(number(x)) ** 0.5, "norm2": lambda a: a.inner(a), "inner": InPlane.inner,
        "trace": trace, "inv": unknowns.inverse, "Sigma": SIGMA, "Psi": PSI, "theta0": target,
        "theta": InPlane(1 - phi, FIELD(1)),
    }  # fmt: skip
    risk = risk_formula.exact_risk_formula(terms, lift(n))
    proof.formula("any covariance, any task", GENERAL[name], names, setup=GENERAL_SETUP, risk=risk, main=True)


# --- any covariance, B = K ---------------------------------------------------------------------------------------------


class Unknowns:
    """The inverse, the solution and the ratio that a formula asks for: the same equation has the same solution."""

    def __init__(self) -> None:
        self.matrix: Any = None
        self.system: Any = None
        self.ratio: Any = None

    def inverse(self, a: Array) -> Any:
        """X with A X = I for the first A that is a sum; a multiple of it has X over the factor."""
        if len(a.terms) == 1:
            return a.inverse
        if self.matrix is None:
            self.matrix = a
        (sigma,) = SIGMA.terms
        factor = a.terms[sigma].as_coefficient() / self.matrix.terms[sigma].as_coefficient()
        if a != factor * self.matrix:
            raise ProofFailed(f"inverses of different matrices: {a} and {self.matrix}")
        return INVERSE / factor

    def solve(self, a: Array, b: Any) -> Any:
        """v with A v = b."""
        if isinstance(b, Columns):
            return Columns(self.solve(a, column) for column in tuple(b))
        if b == 0:
            return 0 * SOLUTION
        if self.system is None:
            self.system = a, b
        if (a, b) != self.system:
            raise ProofFailed(f"solutions of different systems: {(a, b)} and {self.system}")
        return SOLUTION

    def divide(self, numerator: Scalar, denominator: Scalar) -> Any:
        """w, the ratio of two contractions."""
        if self.ratio is None:
            self.ratio = numerator, denominator
        first, second = self.ratio
        if numerator * second != first * denominator:
            raise ProofFailed(f"different ratios: {numerator} over {denominator}, and {first} over {second}")
        return w


def _with_matrices(proof: Proof, name: str) -> None:
    unknowns = Unknowns()

    class Dividend(Scalar):
        """A scalar that another one may divide."""

        __slots__ = ()

        @classmethod
        def _kind(cls) -> Any:
            return Dividend

        def __truediv__(self, other: Any) -> Any:
            return unknowns.divide(self, other) if isinstance(other, Scalar) else super().__truediv__(other)

    class Target(Vector):
        """The target, whose products may be divided."""

        __slots__ = ()

        def __matmul__(self, other: Any) -> Any:
            product = super().__matmul__(other)
            return Dividend(product.terms.items()) if isinstance(product, Scalar) else product

    target = Target(vector("theta0").terms.items())
    code = on_symbols(
        dense_fixed_points,
        inverse=unknowns.inverse,
        solve=unknowns.solve,
        _pretrained_scale=lambda world, product: 1,  # the value scale cancels from the risk: R0.symmetry
    )
    world = DenseWorld(SIGMA, PSI, target, sigma2, m, m, 0 * m, None, 1)
    blocks, _, _, b_sigma = getattr(code, dense_fixed_points.POINTS[name].__name__)(world)
    risk_code = on_symbols(dense, orthogonal_squares=polarised)
    terms = risk_code.terms_on_task(blocks, SIGMA, sigma2, THETA, b_sigma)
    risk = on_symbols(risk_formula).exact_risk_formula(terms, n)

    def inner(a: Vector, b: Vector) -> Scalar:
        return Dividend((a @ SIGMA @ b).terms.items())

    names = symbols(
        SIGMA, **NUMBERS, Psi=PSI, theta0=target, theta=THETA, inv=unknowns.inverse, solve=unknowns.solve
    ) | {"inner": inner, "norm2": lambda a: inner(a, a)}
    proof.formula("any covariance, any task", GENERAL[name], names, setup=GENERAL_SETUP, risk=risk, main=True)


THEOREMS = tuple(
    Theorem(
        name=f"R11.{name}",
        title=f"the printed formula of {strategy.label}",
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
    for name, strategy in STRATEGIES.items()
)
