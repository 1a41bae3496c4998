r"""R22.lora, R22.ranks: what low-rank factors of V and Q make of the zero-shot flow.

LoRA adds :math:`L R` with L zero at the start. Of V the last row is read: :math:`v = v_0 + A^\top b`, and of rank one b is a number
and A a row. Of Q it is :math:`B = B_0 + D` with D of rank r at most. Source: new here; LoRA is Hu et al. 2022 (arXiv 2106.09685).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from ..wick import Gaussian, Scalar, derivative, expectation, identity, matrix, substitute, trace, vector
from . import enumeration, r0_model
from .hypotheses import Given
from .radicals import Roots
from .theorem import Proof, Theorem
from .value_model import at, minimiser

FIELD, b, K, V, d, r, k, beta_0, alpha, A, x, s = field("b K V d r k beta_0 alpha A x s", ZZ)
SIGMA, B_0, CHANGE = matrix("Sigma", symmetric=True), matrix("B_0", symmetric=True), matrix("D")
THETA0, X, KERNEL = vector("theta0"), Gaussian("x_q", SIGMA), vector("x")

RANK_ONE = """\
b**4 + K*b**2 == V
2*b**2 == sqrt(K**2 + 4*V) - K
"""


def derive(proof: Proof) -> None:
    """R22.lora."""
    proof.step(
        r"With g the slope of $L_{ZS}$ in v the flow is $\dot A = -bg$, $\dot b = -A^\top g$. The loss does not contain w, so that A's "
        r"last entry stays; of the others, K their squared length at the start, $|A|^2 - b^2$ is conserved, whatever the loss."
    )
    loss = r0_model.excess()
    at_zero = substitute(loss, {r0_model.n: 0})
    proof.zero("no slope in w", derivative(at_zero, r0_model.w, 1))
    odd = {r0_model.v_0: 0, r0_model.r_x: 0, r0_model.r_y: 0, r0_model.p: 0, r0_model.q: 0}
    slope = substitute(derivative(at_zero, r0_model.v_0, 1), odd)
    proof.zero("none in v_0 at v_0 = 0: there its least is", slope)
    # x is g'A over the entries that the loss sees: A'(dA/dt) = -b x and db/dt = -x
    proof.zero("what is conserved", 2 * (-b * x) - 2 * b * (-x))
    proof.step(
        r"The loss is a convex quadratic in v (R4): it ends at $bA = v_x^*$, R4's, and $v_0 = 0$, so that $|A|^2 = V/b^2$, V the squared "
        r"length of $v_x^*$. b has the sign of its first slope for ever, for at $b = 0$ the loss is what it was at the start."
    )
    lift = Roots(FIELD)
    known = V / b**2 - b**2  # K, by what is conserved
    named = {"b": b, "K": known, "V": V}
    proof.formula("b at the end", RANK_ONE.splitlines()[0], named)
    root = {"b": lift(b), "K": lift(known), "V": lift(V), "sqrt": lift.root}
    proof.formula("b at the end, from the start", RANK_ONE, root, main=True)
    proof.word("one", V, ("one", "no"))
    proof.word("more", b**2, ("drifts", "stays"))
    proof.brute_force("no slope in the factors there, and what is conserved, by enumeration", _rank_one())


def _rank_one() -> Iterator[tuple[Any, Any]]:
    """Isotropic, d = 1 and 2: v_x* = theta_0/((d + 4) beta)."""
    for dim in (1, 2):
        beta, size, b = Fraction(2, 3), dim + 2, Fraction(1, 2)
        star = 1 / ((dim + 4) * beta)
        A = [Fraction(0), star / b, *[Fraction(0)] * (dim - 1), Fraction(-3, 4)]
        v = [b * a for a in A]
        v[-1] += Fraction(5, 4)
        Q = [[beta if 0 < i == j <= dim else Fraction(0) for j in range(size)] for i in range(size)]
        unit = [[Fraction(int(i == j)) for j in range(dim)] for i in range(dim)]
        g, _ = enumeration.exact_gradient(v, Q, unit, unit[0], Fraction(1, 3), 0)
        yield from ((b * slope, 0) for slope in g)
        yield sum(a * slope for a, slope in zip(A, g, strict=True)), 0
        K = star**2 / b**2 - b**2  # of A at the start, where b is 0
        yield sum(a * a for a in A[:-1]) - b**2, K


def derive_ranks(proof: Proof) -> None:
    """R22.ranks."""
    proof.step(
        r"Odd-symmetric points without zero-shot risk have no symmetric part of B (R2). D of rank r has $Dx = 0$ for x in a space of "
        r"k = d - r dimensions, and there B is as it was."
    )
    form = Scalar.of(KERNEL @ (B_0 + CHANGE) @ KERNEL)
    proof.zero("on the kernel B is B_0", substitute(form, {KERNEL @ CHANGE @ KERNEL: 0 * b}) - KERNEL @ B_0 @ KERNEL)
    isotropic = substitute(Scalar.of(KERNEL @ (beta_0 * identity) @ KERNEL), {KERNEL @ KERNEL: s}).as_coefficient()
    also = proof.gap("r", "d", "k")
    proof.word("never", k * isotropic, ("never", "always"), also=also)
    proof.step(
        r"With B what is left, $\beta_0$ on k directions across the target, and the best $v_x = \alpha\theta_0$, $Q_{00}$ beside it, the "
        r"loss is that of $(\theta_0^\top x)(A + \alpha\beta_0\,x^\top Px)$, P the projection on them: least at one A."
    )
    P, theta, query = matrix("P", symmetric=True), vector("theta"), Gaussian("x", identity)
    rest = expectation(((1 - A) * (theta @ query) - alpha * beta_0 * (theta @ query) * (query @ P @ query)) ** 2, query)
    rules = {trace(P): k, trace(P @ P): k, theta @ P @ theta: 0 * k, theta @ P @ P @ theta: 0 * k, theta @ theta: s}
    loss = substitute(Scalar.of(rest), rules).as_coefficient()
    (best,) = minimiser(loss, A)
    excess = at(loss, {A: best})
    proof.formula(
        "what is left beside the best Q_00",
        "excess == 2*s*k*(alpha*beta_0)**2",
        {"s": s, "k": k, "alpha": alpha, "beta_0": beta_0, "excess": excess},
        main=True,
    )
    proof.word("above", excess, ("above", "at"), also=also)


THEOREMS = (
    Theorem(
        name="R22.lora",
        title="LoRA of rank one on the value matrix: R4's inputs, and another label weight",
        statement=(
            r"From factors b, zero, and A, K the squared length of A without its label entry, trained on $L_{ZS}$ with Q frozen: $v_x$ ends "
            r"at R4's, of squared length V, with <<one>> $b^2$ below, b having the sign of its first slope; by b times A's label entry w "
            "<<more>>, which losses without shots do not see."
        ),
        assumptions=("Any Sigma, symmetric B; almost all A, with a slope of b at the start.",),
        source="new here; LoRA: Hu et al. 2022 (arXiv 2106.09685)",
        derive=derive,
        given=(Given("V > 0"), Given("b != 0")),
    ),
    Theorem(
        name="R22.ranks",
        title="LoRA of a rank below d on V and Q: the noise is an infimum that is not attained",
        statement=(
            r"From `pretrained`, isotropic with $B_0$ equal to $\beta_0$ times the identity, changes of rank r of Q <<never>> remove B's "
            r"symmetric part. Where k directions across the target are left of B, the zero-shot risk is <<above>> the noise, with the best "
            r"$Q_{00}$ by what is below: it falls with $\alpha$ alone, while $Q_{00}$ goes to infinity with its inverse."
        ),
        assumptions=(
            "Odd-symmetric points.",
            "That flow leaves d - r directions of B and goes that way is observed (tests).",
        ),
        source="new here; LoRA: Hu et al. 2022 (arXiv 2106.09685)",
        derive=derive_ranks,
        given=(Given("r < d"), Given("beta_0 > 0"), Given("s > 0"), Given("alpha != 0")),
    ),
)
