r"""R13.selection: which of its two solutions a small new head grows into.

Near zero the flow is linear, and the mode that grows fastest outgrows the others as the start tends to zero. Source: new here.
"""

from __future__ import annotations

from sympy import ZZ
from sympy.polys.fields import field

from ..wick import Gaussian, expectation, identity, matrix, outer, substitute, vector
from ..wick import trace as loop
from .hypotheses import Given
from .theorem import Proof, Theorem

_, d, N_0, k, T, s_y = field("d N_0 k T s_y", ZZ)
SIGMA = matrix("Sigma", symmetric=True)
THETA0, H = vector("theta0"), vector("h")
X_Q = Gaussian("x_q", SIGMA)
ONE = 1 + 0 * d


def derive(proof: Proof) -> None:
    """R13.selection."""
    proof.step(
        r"Near zero the flow is that of $2E(\theta_0^\top x_q)\hat y_q$, bilinear in v and Q: modes grow at twice the singular "
        r"values of this form over $N_0$. At $\Sigma = kI$, $|\theta_0|^2 = T$: those of $v_x$ with $(Q_{00}, Q_{xx})$, along the target and "
        r"across it, and those of $v_0$ with $(Q_{0x}, Q_{x0})$."
    )
    x, S, V = X_Q, matrix("S"), vector("v")
    form = expectation((THETA0 @ x) * (V @ x) * (1 * ONE + x @ S @ x), x)
    q_part = substitute(form, {S: 0 * SIGMA})
    a = SIGMA @ THETA0
    slope = (V @ a) * SIGMA + outer(SIGMA @ V, a) + outer(a, SIGMA @ V)  # in S
    proof.zero("the form's gradient in S", form - q_part - loop(slope @ S))
    isotropic = {SIGMA: k * identity, loop(identity): d, THETA0 @ THETA0: T}
    squared = q_part**2 + loop(slope @ slope.T)
    along = substitute(substitute(squared, {V: THETA0}), isotropic).as_coefficient() / T
    across = substitute(squared, {**isotropic, THETA0 @ V: 0, V @ V: s_y}).as_coefficient() / s_y
    bias = expectation((THETA0 @ x) * (H @ x), x)  # v_0's, in the direction h of Q_0x + Q_x0
    second = 2 * substitute(substitute(bias, {H: a}), {SIGMA: k * identity, THETA0 @ THETA0: T}).as_coefficient()
    shared = {"k": k, "T": T, "d": d, "N_0": N_0}
    proof.formula(
        "the squares of the rates at which the families' modes grow",
        "F_1 = 4*k**2*T*(1 + (d + 8)*k**2)/N_0**2\nF_2 = 8*k**2*T/N_0**2",
        shared,
        F_1=4 * along / N_0**2,
        F_2=4 * second / N_0**2,
        main=True,
    )
    proof.positive("F1's fastest mode is along the target", along - across)
    proof.condition(
        "F1 grows faster",
        "(d + 8)*k**2 > 1",
        shared,
        4 * (along - second) / N_0**2,
        4 * k**2 * T / N_0**2,
        main=True,
    )


THEOREM = Theorem(
    name="R13.selection",
    title="A small new head grows into F1 where inputs are large, into F2 where they are small",
    statement=(
        r"Where $\Sigma$ is k times the identity and T the target's squared length, the fastest modes of R13's families grow at the square "
        r"roots of the rates below; from a start that tends to zero, whatever its symmetry, the faster one decides."
    ),
    assumptions=("The linear flow near zero, from almost all directions.",),
    source="new here",
    derive=derive,
    given=(Given("k > 0"), Given("T > 0"), Given("N_0 > 0")),
)
