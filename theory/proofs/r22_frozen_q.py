r"""R22: all of (v, Q) but the one entry Q_00, trained on the zero-shot loss.

Where :math:`q = Q_{00}` stays 0 (and, by symmetry, :math:`v_0`, :math:`Q_{0x}`, :math:`Q_{x0}`), N_0 times the zero-shot prediction is a
cubic, :math:`f(x) = (v_x^\top x)(x^\top Sx)` with S the symmetric part of :math:`Q_{xx}`. On cubics the target's :math:`\theta_0^\top x` is
:math:`h(x) = (\theta_0^\top x)(x^\top\Sigma^{-1}x)/(d+4)`: what no cubic has is the floor, and of all f one is h. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from .. import practices
from ..contractions import Tasks, contract
from ..laws import pretrained, pretrained_scale, product_norm2
from ..points import World
from ..prompt import tokens as tokens_at
from ..risk_formula import risk_at
from ..wick import Gaussian, Scalar, expectation, identity, matrix, substitute, trace, vector
from . import enumeration, r0_model
from .hypotheses import Given
from .printed_names import symbols
from .theorem import Proof, Theorem
from .value_model import matrix_worlds

_, d, N_0, c, s, sigma2 = field("d N_0 c s sigma2", ZZ)
SIGMA, S = matrix("Sigma", symmetric=True), matrix("S", symmetric=True)
THETA0, V = vector("theta0"), vector("v")
X_Q = Gaussian("x_q", SIGMA)
INVERSE = SIGMA.inverse
DIMENSION = {trace(identity): d}

POINT = """\
v_x = c*theta_0
B = N_0*inv(Sigma)/(c*(d + 4))
L_ZS = sigma2 + 2*norm2(theta_0)/(d + 4)
"""


def cubic(v: Any = V, symmetric_part: Any = S) -> Scalar:
    """N_0 times the zero-shot prediction."""
    return Scalar.of((v @ X_Q) * (X_Q @ symmetric_part @ X_Q))


def mean(x: Any) -> Scalar:
    """The average over the query."""
    return substitute(expectation(x, X_Q), DIMENSION)


def derive(proof: Proof) -> None:
    """R22."""
    proof.step(
        r"Gradient flow from an odd-symmetric start stays there, so that $v_0$, $Q_{0x}$, $Q_{x0}$ stay zero; with q frozen too "
        r"the query's own token gives a cubic. The loss knows neither w nor $Q_{xy}$, nor the antisymmetric part of B."
    )
    r = r0_model
    odd = {r.v_0: 0, r.r_x: 0, r.r_y: 0, r.p: 0, r.q: 0}
    own = substitute(r.token(r.x_q, 0), odd)
    proof.zero("the query's own token", own - Scalar.of((r.v_x @ r.x_q) * (r.x_q @ r.B @ r.x_q)))
    proof.step(
        r"Every cubic has with $\theta_0^\top x$ the product that it has with $h = (\theta_0^\top x)(x^\top\Sigma^{-1}x)/(d+4)$. "
        r"So the loss is $E(h - f/N_0)^2$ and what of $\theta_0^\top x$ is beyond h: the floor, for every $\Sigma$."
    )
    answer = Scalar.of(THETA0 @ X_Q)
    nearest = cubic(THETA0, INVERSE) / (d + 4)
    f = cubic()
    proof.zero("the two products", mean(f * (answer - nearest)))
    loss = mean((answer - f / N_0) ** 2)
    floor = mean(answer**2) - mean(nearest**2)
    proof.zero("the loss is a square above the floor", loss - mean((nearest - f / N_0) ** 2) - floor)
    at_end = {V: c * THETA0, S: N_0 * INVERSE / (c * (d + 4))}
    proof.zero("no loss above it at the end", mean((nearest - cubic(at_end[V], at_end[S]) / N_0) ** 2))
    names = symbols(SIGMA, theta_0=THETA0, c=c, d=d, N_0=N_0, sigma2=sigma2, inv=lambda a: a.inverse)
    proof.formula("where the loss is least", POINT, names, v_x=at_end[V], B=at_end[S], L_ZS=sigma2 + floor, main=True)
    proof.step(
        r"A cubic factors in one way ($x^\top\Sigma^{-1}x$ has no linear factor unless d = 1, where f is one number): no other $(v_x, S)$ "
        r"is h. What is left is c, and $|v|^2 - |Q|_F^2$ is conserved, for the loss is the same at (tv, Q) and (v, tQ) (R10): with w "
        "and the antisymmetric part as they were, c is the root of the line below."
    )
    proof.zero("the loss at (c v, Q) and at (v, c Q)", substitute(loss, {V: c * V}) - substitute(loss, {S: c * S}))
    _selected(proof)
    proof.step(
        r"The gate is q: there the loss still falls along it, so that training the one entry more changes the floor. "
    )
    slope = -2 * mean((answer - cubic(at_end[V], at_end[S]) / N_0) * (at_end[V] @ X_Q)) / N_0
    proof.formula(
        "the slope of the loss in Q_00 at the end",
        "slope = -4*c*norm2(theta_0)/(N_0*(d + 4))",
        names,
        slope=slope,
        main=True,
    )
    ratio = -substitute(slope, {THETA0 @ SIGMA @ THETA0: s}).as_coefficient()
    proof.word("falls", ratio, ("falls", "rises"))
    proof.brute_force("the law's model, and no slope but that of Q_00, by enumeration", _enumerated())


def _selected(proof: Proof) -> None:
    """The law's c satisfies the conserved quantity, exactly, in worlds where nothing commutes."""
    v_x, B = c * THETA0, N_0 * INVERSE / (c * (d + 4))
    proof.formula(
        "what is conserved, less w^2",
        "start = c**2*(theta_0 @ theta_0) - N_0**2*trace(inv(Sigma) @ inv(Sigma))/(c*(d + 4))**2",
        {"c": c, "theta_0": THETA0, "d": d, "N_0": N_0, "trace": trace, "inv": lambda a: a.inverse, "Sigma": SIGMA},
        start=v_x @ v_x - trace(B @ B.T),
        main=True,
    )

    def pairs() -> Iterator[tuple[Any, Any]]:
        for _, world in _worlds():
            k, space = practices.frozen_q_scale(world), world.space
            inverse = space.inverse(world.sigma)
            share = world.zero_shot_tokens / (world.d + 4)
            held = share * share * space.trace_of_product(inverse, inverse)
            squared = k * k
            start = product_norm2(world) / pretrained_scale(world) ** 2
            yield squared * squared * (world.target @ world.target) + start * squared, held

    proof.brute_force("printed: c, which is positive", pairs())


def _worlds() -> Iterator[tuple[Any, World]]:
    return ((convention, world._replace(d=Fraction(world.d))) for convention, world in matrix_worlds())


def _enumerated() -> Iterator[tuple[Any, Any]]:
    for convention, world in _worlds():
        point = practices.frozen_q(world)._replace(w=Fraction(2, 3))  # on which the zero-shot loss does not depend
        layer, space = point.layer(world), world.space
        (head,) = layer.heads
        v, Q = list(head.v), head.Q.tolist()
        where = (world.sigma.tolist(), list(world.target), world.noise_variance)
        terms = contract(space, world.inputs(), layer, Tasks(space.token_vector(0, world.target, 0)))
        for shots in (0, 1):
            at = tokens_at(shots, convention)
            yield risk_at(terms, shots, at, at - shots), enumeration.exact_risk(v, Q, *where, shots, convention)
        signal = world.target @ (world.sigma @ world.target)
        yield (
            risk_at(terms, 0, tokens_at(0, convention), tokens_at(0, convention)),
            world.noise_variance + 2 * signal / (world.d + 4),
        )
        dv, dQ = enumeration.exact_gradient(v, Q, *where, 0, convention)
        yield dQ[0][0], -4 * signal / (tokens_at(0, convention) * (world.d + 4))
        dQ[0][0] = Fraction(0)
        yield from ((slope, 0) for slope in (*dv, *(x for row in dQ for x in row)))
        start = pretrained(world)
        yield int(not any(point.b)) + int(point.q == 0), 2
        yield practices.frozen_q(world).w * practices.frozen_q_scale(world), start.w * pretrained_scale(world)


THEOREM = Theorem(
    name="R22",
    title="All parameters but the one entry Q_00: the value matrix's floor, and in-context learning kept",
    statement=(
        r"From `pretrained`, with all of v and Q trained on $L_{ZS}$ but $Q_{00}$, the loss is at least that of $v_x$ and B below, whatever "
        r"$\Sigma$; w stays, and c is what the conserved quantity selects, start being $-|B_0|_F^2$. It is the floor that v alone "
        r"has where B is a multiple of $\Sigma^{-1}$: to train Q beside v gains nothing unless $Q_{00}$ is trained, along which the loss "
        "<<falls>> there."
    ),
    assumptions=(
        "Sigma positive definite, B symmetric at the start.",
        "That flow ends at the least loss, and not at a saddle, is seen in floats (tests).",
    ),
    source="new here",
    derive=derive,
    given=(Given("c > 0"), Given("s > 0"), Given("N_0 > 0")),
)
