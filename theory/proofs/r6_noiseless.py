r"""R6.noiseless: without label noise the minimisers of R6 are a family, and the flow keeps :math:`b - B\theta_0`.

The weight of :math:`|u|^2` in R6's sum of squares is :math:`\sigma^2/s`: at zero only :math:`B + b\theta_0^\top` is
determined, and the start selects the rest. Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .. import laws
from ..wick import Matrix, Scalar, derivative, identity, outer, substitute, trace, vector
from .any_covariance import INVERSE, case_of, model, scale_of
from .hypotheses import Given
from .r0_model import B, b
from .r6_mixed_key_query import (
    N,
    T,
    general_world,
    h,
    isotropic,
    m,
    matrix_entries,
    odd_few_shot,
    points,
    printed_names,
    q,
    recital,
    s,
    sigma2,
    theta_0,
    w,
    with_s,
)
from .theorem import Proof, Theorem

OPTIMUM = "P_star = N*outer(theta_0, theta_0)/((m + 2)*w*s)"


def derive_noiseless(proof: Proof) -> None:
    loss = substitute(odd_few_shot(), proof.rules("sigma2 == 0", {"sigma2": sigma2}))
    proof.step(
        r"Without noise the weight of $|u|^2$ is zero. The minimisers are $q = 0$, $B_\perp = 0$ and the g of R6: "
        r"$B + q_{xy}\theta_0^\top = P^*$, a flat family, as on the target a label is $y = \theta_0^\top x$ and only "
        r"$B + q_{xy}\theta_0^\top$ matters."
    )
    shifted = substitute(loss, {B: B - outer(h, theta_0), b: b + h})
    proof.zero("only B + b theta_0' matters", with_s(shifted) - loss)
    optimal = recital(loss) * outer(theta_0, theta_0)
    family = {q: 0, B: optimal - outer(b, theta_0)}
    names = {name: of for name, of in printed_names(q_xy=b).items() if name != "q"}
    proof.formula(
        "the minimisers, whatever q_xy",
        f"{OPTIMUM}\nq = 0\nB = P_star - outer(q_xy, theta_0)\nL_FS = 2*s/(m + 2)",
        names,
        main=True,
        q=family[q],
        B=family[B],
        L_FS=with_s(substitute(loss, family)) / N**2,
    )
    proof.step(
        r"The flow is $\dot B = -G$, $\dot q_{xy} = -G\theta_0$ with one matrix G: $q_{xy} - B\theta_0$ is conserved. "
        r"From $B_0$ and $q_{xy} = 0$ it ends at the one $B = B_0 + D$, $q_{xy} = D\theta_0$ with $B_0 + D(I + "
        r"\theta_0\theta_0^\top) = P^*$ (flat lengths, $T = \theta_0^\top\theta_0$), which the matrix code returns, "
        r"for any $\Sigma$ and N."
    )
    force = derivative(loss, b, h) - derivative(loss, B, outer(h, theta_0))
    proof.zero("D_b L[h] = D_B L[h theta_0']", with_s(force))
    world = general_world(0)
    v, Q = model(world, case_of("mixed_kq", world).point(world), scale_of("mixed_kq", world))
    begin = INVERSE / w  # the pretrained product is w B_0
    in_family = Q.xx + outer(Q.xy, theta_0) - optimal
    conserved = outer(Q.xy - (Q.xx - begin) @ theta_0, theta_0)
    proof.zeros(
        "the point of the matrix code: in the family, b - B theta_0 as at the start",
        [_entries(in_family), _entries(conserved), *v.parts[:2], v.parts[2] - w,
         *(block for block in Q.blocks if block is not Q.xx and block is not Q.xy)],
    )  # fmt: skip
    proof.formula(
        "where the flow ends",
        f"{OPTIMUM}\nD = (P_star - B_0) @ inv(I + outer(theta_0, theta_0))\nB = B_0 + D\nq_xy = D @ theta_0",
        printed_names(B_0=begin, inv=_inverse),
        P_star=optimal,
        B=Q.xx,
        q_xy=Q.xy,
        main=True,
    )
    _printed_noiseless(proof)
    proof.brute_force("exact gradient and risk at the matrix code's point", points(Fraction(0)))


def _entries(difference: Any) -> Scalar:
    """x'Mz with free x and z, theta_0'theta_0 = T: zero if and only if the matrix M is."""
    return substitute(Scalar.of(vector("x") @ difference @ vector("z")), {theta_0 @ theta_0: T})


def _inverse(matrix: Matrix) -> Matrix:
    """(I + U)^-1 = I - U/(1 + tr U), where U has rank one."""
    update = matrix - identity
    size = substitute(trace(update), {theta_0 @ theta_0: T}).as_coefficient()
    return _Known((identity - update / (1 + size)).terms.items())


class _Known(Matrix):
    """A matrix in whose products theta_0'theta_0 is the number T."""

    __slots__ = ()

    def __matmul__(self, other: Any) -> Any:
        return substitute(super().__matmul__(other), {theta_0 @ theta_0: T})

    def __rmatmul__(self, other: Matrix) -> Matrix:
        product = other @ Matrix(self.terms.items())
        return _Known(substitute(product, {theta_0 @ theta_0: T}).terms.items())


def _printed_noiseless(proof: Proof) -> None:
    proof.step(
        r"Isotropic, $w = 1$, $B_0 = aI$: with $B = \beta I + \gamma\theta_0\theta_0^\top$, $q_{xy} = \delta\theta_0$ "
        r"the family says that $\beta = 0$, conservation that $\delta - \gamma s - \beta = -a$."
    )
    world = isotropic(0)
    point = case_of("mixed_kq", world).point(world)
    a = laws.pretrained(world).B.diagonal[1]
    delta_, gamma_ = point.b.coordinates[0], (point.B @ world.target).coordinates[0] / s
    dyad = point.B - world.space.outer(gamma_ * world.target, world.target)
    proof.zeros(
        "printed point: of the family, and with what is conserved",
        [*matrix_entries(world, dyad), point.q, *point.v_x.coordinates, point.w - 1, point.b.coordinates[1],
         gamma_ + delta_ - N / ((m + 2) * s), delta_ - gamma_ * s + a],
    )  # fmt: skip
    proof.formula(
        "isotropic, w = 1: B = gamma theta_0 theta_0', q_xy = delta theta_0",
        "rho = N/((m + 2)*s)\ngamma = (rho + a)/(1 + s)\ndelta = (rho*s - a)/(1 + s)",
        {"N": N, "m": m, "s": s, "a": a},
        gamma=gamma_,
        delta=delta_,
        main=True,
    )


THEOREM = Theorem(
    name="R6.noiseless",
    title="Without noise the minimisers are flat; the flow keeps b - B theta_0",
    statement=(
        r"Without noise the odd-symmetric minimisers are a family, and the flow from $B_0$ without $q_{xy}$ ends at one of "
        r"them, as below, s being the target's signal power; isotropic, with w scaled to 1 and a the factor of $B_0$, at the "
        r"B along $\theta_0\theta_0^\top$ and the $q_{xy}$ along $\theta_0$ with the following factors."
    ),
    assumptions=(r"$\Sigma$ positive definite; flat metric on Q.",),
    source="New here.",
    derive=derive_noiseless,
    given=(Given("sigma2 == 0"),),
)
