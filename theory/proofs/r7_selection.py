r"""R7, third part: the scale c of the mixed fixed point, from the conserved quantity.

The minimum of R7 leaves c free: the prediction does not change under :math:`(v, Q) \to (kv, Q/k)`. The flow of
:math:`L_{ZS} + \lambda L_{FS}` conserves :math:`|v|^2 - |Q|_F^2` at every :math:`\lambda`, for the same reason, and
so selects c. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import ZZ
from sympy.polys.fields import field

from .. import laws
from ..laws import LAWS
from ..points import Point, World
from ..programs import Numbers, isotropic_world, of_scalars
from ..wick import substitute, trace
from .any_covariance import INVERSE, any_world
from .hypotheses import Given
from .printed_lines import run_lines
from .r0_model import Sigma
from .r7_manifold import theta_0
from .radicals import Roots, Surd
from .theorem import Proof, Theorem

FIELD, z, n, N, d, w_0, A, B, c, T, kappa, g, a = field("z n N d w_0 A B c T kappa g a", ZZ)

END_LINES = "v_x = c*theta_0\nw = kappa*c\nq = 1/c\nq_xy = g*theta_0/c\nK = v_x @ v_x + w**2 - q**2 - q_xy @ q_xy"
ROOT_LINES = "A = T + kappa**2\nC = 1 + T*g**2\nc = sqrt((K + sqrt(K**2 + 4*A*C))/(2*A))"


class Signed(Roots):
    """Numbers whose sign is not known, compared with zero as if it were: both branches of a printed formula run."""

    def __init__(self, field: Any, negative: bool) -> None:
        super().__init__(field)
        self.negative = negative

    def is_negative(self, x: Surd) -> bool:
        return self.negative


def derive(proof: Proof) -> None:
    proof.step(
        r"Both losses are invariant under $(v, Q) \to (kv, Q/k)$, so $|v|^2 - |Q|_F^2$ is conserved at every $\lambda$ "
        r"(R10.conservation), and c follows from its start K. At the end it is $Ac^2 - C/c^2$ with A and C of R7's "
        r"minimum: it increases with c from minus to plus infinity, so one c > 0 has the value K."
    )
    lift = Roots(FIELD)
    v_x, q_xy = c * theta_0, g / c * theta_0
    end = v_x @ v_x + (kappa * c) ** 2 - 1 / c**2 - q_xy @ q_xy
    flat = {"c": c, "kappa": kappa, "g": g, "theta_0": theta_0}
    proof.formula("the end", END_LINES, flat, main=True, v_x=v_x, q_xy=q_xy, K=end)
    K = substitute(end, {theta_0 @ theta_0: T}).as_coefficient()
    names = {"T": T, "kappa": kappa, "g": g, "K": lift(K), "sqrt": lift.root}
    proof.formula("the scale", ROOT_LINES, names, main=True, c=c)
    rest = (K * c**2).subs(c, 0)
    balanced = lift(-rest * c**4 / (K * c**2 - rest)) ** 0.5  # c^2 where K = 0
    proof.formula("balanced, K = 0", "c**4 == (1 + T*g**2)/(T + kappa**2)", names | {"c": balanced**0.5}, main=True)
    proof.positive("K increases with c", K.diff(c), also=("c > 0",))
    proof.word("roots", T + kappa**2, ("one", "at most one"))  # so it increases without bound
    proof.step("Printed, for every c: the form for K < 0 and the other are this root.")
    known = run_lines(ROOT_LINES, names)[0]
    for negative in (False, True):
        signed = Signed(FIELD, negative)
        found = laws.selected_scale(signed(K), signed(known["A"]), signed(known["C"]))
        proof.zero(f"the printed root, in the form for K {'< 0' if negative else '>= 0'}", found - c)
    one, many = laws.selected_scale(-3, 1, 4), laws.selected_scale(np.array([-3.0, 3.0]), 1.0, 4.0)
    proof.brute_force("its branches on ints and arrays", [(one, 1.0), *zip(many, (1.0, 2.0), strict=True)])
    _scale_code(proof)
    _matrix_code(proof)


def _scale_code(proof: Proof) -> None:
    proof.step("The scalar code hands the right K, A and C to that root (K as in R2.selection).")
    for scale in (w_0, None):
        for negative in (False, True):
            lift = Signed(FIELD, negative)
            K, value, key_query = _selecting()
            # |B|_F^2 = a^2 d/w_0^2 is w_0^2 - K for this d; N is then what gives this a.
            size = (w_0**2 - K) * w_0**2 / a**2
            w_given = None if scale is None else lift(scale)
            numbers = Numbers(lift(size), lift(z), lift(T), lift(n), lift(n), value_scale=w_given)
            world = isotropic_world(numbers, lift(a * (n + 1 + size * (1 + z))), False)
            found = laws.mixed_scale(of_scalars(*map(lift, (A, B, d, 0, 0, g))))(world)
            _check(proof, "scalar code", found, scale, negative, value, key_query)


def _selecting() -> tuple[Any, Any, Any]:
    """K, A and C of the model with any alpha, w, q, delta: K so that c is selected."""
    value, key_query = T * A**2 + B**2, d**2 + T * g**2
    return value * c**2 - key_query / c**2, value, key_query


def _check(proof: Proof, what: str, found: Any, scale: Any, negative: bool, value: Any, key_query: Any) -> None:
    if scale is None:
        proof.zero(f"{what}, balanced", found**4 * value - key_query)
    else:
        proof.zero(f"{what}, given w_0, in the form for K {'< 0' if negative else '>= 0'}", found - c)


def _matrix_code(proof: Proof) -> None:
    proof.step(
        r"The matrix code asks for the same roots, with $T = \theta_0^\top\theta_0$, for any $\Sigma$ and $\Psi$."
    )
    for scale in (w_0, None):
        for negative in (False, True):
            lift = Signed(FIELD, negative)
            K, value, key_query = _selecting()
            size = (w_0**2 - K) * w_0**2
            lengths = {trace(INVERSE @ INVERSE): size, theta_0 @ theta_0: T, theta_0 @ Sigma @ theta_0: a}
            world = any_world(lift, Sigma, theta_0, lengths, d=d, noise=z, m=n, N=N, value_scale=scale)

            def point(world: World, lift: Roots = lift) -> Point:
                theta = world.target
                return Point(lift(A) * theta, lift(B), lift(d), 0 * world.sigma, lift(g) * theta)

            found = laws.mixed_scale(point)(world)
            _check(proof, "matrix code", found, scale, negative, value, key_query)
    proof.brute_force("the scale of each law is that of its point", _scales_of_laws())


def _scales_of_laws() -> Iterator[tuple[Any, Any]]:
    """rho = 1/3 and m = 1, where u is rational; N = 2 and 1."""
    for case in LAWS["mixed"]:
        if case.scale is not None:
            for normalization in ("tokens", "shots"):
                numbers = Numbers(Fraction(2), Fraction(1, 3), Fraction(1), Fraction(4), Fraction(1))
                world = isotropic_world(numbers, normalization, False)
                if case.point is not laws.mixed or normalization == "tokens":  # at N = 1 the law has u = 0: idle
                    yield case.scale(world), laws.mixed_scale(case.point)(world)


THEOREM = Theorem(
    name="R7.selection",
    title="The scale c of the mixed fixed point, from the conserved quantity",
    statement=(
        r"Among the points that R7 leaves, those with its $\kappa$ and g in the following, $|v|^2 - |Q|_F^2$ has its value at the "
        r"start, K, at <<roots>> positive c, as below; T is the squared length of $\theta_0$ in the flat metric."
    ),
    assumptions=("As R7.",),
    source="New here.",
    derive=derive,
    given=(Given("T > 0"),),
)
