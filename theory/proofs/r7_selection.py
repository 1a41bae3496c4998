r"""R7, third part: the scale c of the mixed fixed point, from the conserved quantity.

The minimum of R7 leaves c free: the prediction does not change under :math:`(v, Q) \to (kv, Q/k)`. The flow of
:math:`L_{ZS} + \lambda L_{FS}` conserves :math:`|v|^2 - |Q|_F^2` at every :math:`\lambda`, for the same reason, and
so selects c. Source: new here.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from sympy import QQ
from sympy.polys.fields import field

from .. import dense_fixed_points, fixed_points, isotropic
from ..wick import Vector, matrix, substitute, trace
from . import r0_arrays
from .hypotheses import Given
from .printed_lines import run_lines
from .r7_manifold import theta_0
from .radicals import Roots
from .theorem import Proof, Theorem

FIELD, z, n, d, s, w_0, A, B, c, T, kappa, g, u, x = field("z n d s w_0 A B c T kappa g u x", QQ)

END_LINES = "v_x = c*theta_0\nw = kappa*c\nq = 1/c\nq_xy = g*theta_0/c\nK = v_x @ v_x + w**2 - q**2 - q_xy @ q_xy"
ROOT_LINES = "A = T + kappa**2\nC = 1 + T*g**2\nc = sqrt((K + sqrt(K**2 + 4*A*C))/(2*A))"


class _Target(Vector):
    """theta_0, whose squared length is the field element T, so that it can be divided by."""

    __slots__ = ()

    def __matmul__(self, other: Any) -> Any:
        return T if other is self else super().__matmul__(other)


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
    A_, C_ = lift(known["A"]), lift(known["C"])
    root = A_ * c**2 + C_ / c**2
    code = r0_arrays.on_symbols(fixed_points, np=np, is_symbolic=lambda x: True)  # K has no sign: the form for K >= 0
    proof.zeros(
        "the printed root, and its two forms",
        [code.selected_scale(lift(K), A_, C_) - c,
         fixed_points._falling_square(lift(K), root, C_) - c**2,
         fixed_points._rising_square(lift(K), root, A_) - c**2],
    )  # fmt: skip
    negative = fixed_points.selected_scale(-3, 1, 4), fixed_points.selected_scale(np.array([-3.0, 3.0]), 1.0, 4.0)
    proof.brute_force(
        "its branches on ints and arrays", [(negative[0], 1.0), *zip(negative[1], (1.0, 2.0), strict=True)]
    )
    _scale_code(proof)
    _matrix_code(proof)


def _scale_code(proof: Proof) -> None:
    proof.step("The scalar code hands the right K, A and C to that root (K as in R2.selection).")
    point = isotropic.contract(isotropic.IsotropicScalars(A, B, n, 0, 0, d), d, z, s)  # any alpha, w, q, delta
    value, key_query = s * A**2 + B**2, n**2 + s * d**2
    for scale in (w_0, None):
        asked = r0_arrays.Asked(u)
        code = r0_arrays.on_symbols(
            fixed_points,
            mixed=lambda world: point,
            selected_scale=asked,
            square_root=asked,
            pretrained_key_query_norm2=lambda world: x,
        )
        factor = code.mixed_scale(fixed_points.IsotropicWorld(d, z, s, n, n, 0, scale, 1))
        if scale is None:
            form = [asked[0][0] * value - key_query, asked[1][0] - u]
        else:
            form = [got - due for got, due in zip(asked[0], (w_0**2 - x, value, key_query), strict=True)]
        proof.zeros(f"scalar code, {'given w_0' if scale is not None else 'balanced'}", [factor - u, *form])


def _matrix_code(proof: Proof) -> None:
    proof.step(
        r"The matrix code asks for the same roots, with $T = \theta_0^\top\theta_0$, for any $\Sigma$ and $\Psi$."
    )
    product = r0_arrays.Array.of(matrix("P"))
    point = isotropic.IsotropicPoint(A, B, n, 0, 0, d, 1, 0, 0, 0, 0)  # any alpha, w, q, delta
    value, key_query = T * A**2 + B**2, n**2 + T * d**2
    for scale in (w_0, None):
        asked = r0_arrays.Asked(z)
        code = r0_arrays.on_symbols(
            dense_fixed_points,
            pretrained_product=lambda world: product,
            mixed=lambda world: point,
            selected_scale=asked,
            square_root=asked,
            _number=lambda x: x,
        )
        world = SimpleNamespace(target=_Target(theta_0.terms.items()), value_scale=scale, signal_world=lambda: None)
        blocks, factor, memory = code.mixed_all(world)[:3]
        form = [blocks.v_x - A * theta_0, blocks.w - B, blocks.q - n, blocks.b - d * theta_0, blocks.B, factor - z]
        if scale is None:
            form.extend([asked[0][0] * value - key_query, asked[1][0] - z])
        else:
            K, *others = asked[0]
            form.extend([K * w_0**2 - w_0**4 + trace(product @ product.T), others[0] - value, others[1] - key_query])
        proof.zeros(f"matrix code, {'given w_0' if scale is not None else 'balanced'}", form)
        proof.zeros(
            "it hands on the scalar form", [got - due for got, due in zip(memory[:11], point[:11], strict=True)]
        )


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
