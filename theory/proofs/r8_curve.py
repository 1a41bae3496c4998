r"""R8, second part: what a weight on the few-shot loss buys, as a curve.

The zero-shot loss does not contain w, so that the minimisers of :math:`L_{ZS} + \lambda L_{FS}` over v move on a
straight segment, from the limit :math:`\lambda \to 0^+` to the minimiser of :math:`L_{FS}`; every risk is a parabola
in the position on it.

Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..risk_formula import exact_risk_formula
from .hypotheses import Given
from .printed_lines import run_lines
from .r8_auxiliary_window import field_world, law_of, terms_at, value_only, weights
from .radicals import compose
from .theorem import Proof, Theorem
from .value_model import (
    CONVENTIONS,
    FIELD,
    SIGMA,
    THETA0,
    alpha,
    d,
    excess_risk,
    in_isotropic,
    m,
    n,
    s,
    sigma2,
    tokens,
    w,
    weight,
)

RISES = ("rises", "falls at first")
SEGMENT = """mu = lam/N**2
D_0 = (d + 2)*(d + 4)*(m + 1 + d + d*sigma2)
D_1 = m*d*sigma2*(m + 3 + 2*d) + (d + 2)*(m*(2 + d*sigma2) + (d + 4)*(1 + d + d*sigma2))
tau = mu*D_1/(D_0 + mu*D_1)"""


def derive(proof: Proof) -> None:
    """The curve of target risk against unseen risk in lambda, isotropic."""
    proof.step(
        r"$L_{ZS}$ depends on $\alpha$ alone, so that the minimisers of $L_{ZS} + \lambda L_{FS}$ move on a straight line "
        r"in $(\alpha, w)$ (gauge $B = I$), from the limit $\lambda \to 0^+$ (index 0) to the minimiser of $L_{FS}$ (index 1)."
    )
    point, start, end = segment(tokens)  # N is open: m + 1 or m
    names = {"d": d, "m": m, "N": tokens, "sigma2": sigma2, "lam": weight}
    tau = (point[0] - start[0]) / (end[0] - start[0])
    proof.formula("the position on the segment", SEGMENT, names, tau=tau, main=True)
    proof.formula(
        "the far end, and w moves as alpha does",
        "alpha_1 = N*(m*d*sigma2 + (d + 2)*(1 + d + d*sigma2))/D_1\n"
        "w_1 = (d + 2)*N*(1 - d)/D_1\n"
        "w == (1 - tau)*w_0 + tau*w_1",
        names | {"D_1": run_lines(SEGMENT, names)[0]["D_1"], "tau": tau, "w": point[1], "w_0": start[1]},
        alpha_1=end[0],
        w_1=end[1],
    )
    proof.step(
        r"Every risk at every n is a parabola in $\tau$ then. On the target $L_{ZS}$ is least at $\tau = 0$ and $L_{FS}$ at "
        r"1: relative to its value at the other end, the square roots of how far each is above its minimum add up to 1."
    )
    excess = in_isotropic(excess_risk(alpha * THETA0, w, SIGMA.inverse, THETA0))  # from the definition
    zero_shot, few_shot = (
        Parabola.of(sigma2 + compose(excess, {g: g for g in FIELD.gens} | {s: 1 + 0 * s, n: shots, tokens: N}) / N**2)
        for shots, N in ((0 * n, 1 + 0 * n), (m, tokens))
    )
    for what, loss, name, line in (
        ("the zero-shot loss", zero_shot, "L_ZS", "L_ZS == L_ZS_0 + tau**2*(L_ZS_1 - L_ZS_0)"),
        ("the few-shot loss", few_shot, "L_FS", "L_FS == L_FS_1 + (1 - tau)**2*(L_FS_0 - L_FS_1)"),
    ):
        values = {name + index: loss.value(*x) for index, x in (("", point), ("_0", start), ("_1", end))}
        proof.formula(what, line, values | {"tau": tau}, main=True)
    proof.step(
        r"At n = m the unseen risk is $U_0 + U_1\tau + U_2\tau^2$ with $U_1, U_2 > 0$: more weight on the few-shot loss "
        r"always buys target risk with unseen risk there. For N = n this needs m >= 2; at m = 1 unseen tasks gain too at "
        r"first, $U_1 < 0$."
    )
    generic, unit = value_only(alpha, w), field_world("tokens", target_norm2=1, few_shot_shots=m)
    on_target, on_sphere = (terms_at(generic, unit, place) for place in ("target", "sphere"))
    for normalization, eta, _ in CONVENTIONS:
        _, start, end = segment(m + eta)
        zero_shot, few_shot, unseen = (
            Parabola.of(exact_risk_formula(terms, shots, normalization))
            for terms, shots in ((on_target, 0), (on_target, m), (on_sphere, m))
        )
        proof.zeros(f"zero-shot risk is least at tau = 0, {normalization}", zero_shot.gradient(*start))
        proof.zeros(f"m-shot risk is least at tau = 1, {normalization}", few_shot.gradient(*end))
        in_a, in_w = unseen.gradient(*start)
        slope = in_a * (end[0] - start[0]) + in_w * (end[1] - start[1])  # U_1
        if normalization == "shots":
            at_one = compose(slope, {g: g for g in FIELD.gens} | {m: 1})
            proof.word("one_shot", at_one, RISES)
        proof.word(normalization, slope, RISES, where=normalization)
        proof.zero(f"no mixed second derivative of the unseen risk, {normalization}", unseen.aw)
        for second in (unseen.aa, unseen.ww):  # so U_2 > 0 unless the segment is a point, where U_1 = 0
            proof.positive(f"the unseen risk is convex, {normalization}", second)


def segment(N: Any) -> Iterator[tuple[Any, Any]]:
    """The printed (alpha, w) at weight lambda, in the limit of no weight, and in that of infinite weight."""
    law = law_of("mixed_value")
    (alpha, w), origin = (
        weights(law, field_world(N, pretrain_shots=m, few_shot_shots=m, target_norm2=1, few_shot_weight=x))
        for x in (weight, 0 * d)
    )
    yield alpha, w
    yield origin
    lam = weight.numer  # both are quotients of linear functions of it
    end_alpha, end_w = (FIELD(x.numer.diff(lam)) / FIELD(x.denom.diff(lam)) for x in (alpha, w))
    yield end_alpha, end_w


class Parabola(NamedTuple):
    """A risk as a quadratic in (alpha, w): its second derivatives, and its gradient and value at the origin."""

    aa: Any
    aw: Any
    ww: Any
    a: Any
    w: Any
    constant: Any

    @classmethod
    def of(cls, risk: Any) -> Parabola:
        """From a polynomial in alpha and w."""
        in_a, in_w = risk.diff(alpha), risk.diff(w)
        at_origin = (x.subs([(alpha, 0), (w, 0)]) for x in (in_a, in_w, risk))
        return cls(in_a.diff(alpha), in_a.diff(w), in_w.diff(w), *at_origin)

    def gradient(self, alpha: Any, w: Any) -> tuple[Any, Any]:
        """The gradient at a point."""
        return self.aa * alpha + self.aw * w + self.a, self.aw * alpha + self.ww * w + self.w

    def value(self, alpha: Any, w: Any) -> Any:
        """The risk at a point."""
        in_a, in_w = self.gradient(alpha, w)
        return self.constant + (alpha * (self.a + in_a) + w * (self.w + in_w)) / 2


THEOREM = Theorem(
    name="R8.curve",
    title="The curve of target risk against unseen risk in the weight of the auxiliary loss",
    statement=(
        r"Isotropic: the minimisers of $L_{ZS} + \lambda L_{FS}(m)$ over $v$ fill a segment; $\tau$ below is the place on "
        r"it. A risk is a parabola in $\tau$, the two losses on the target as below, where 0 and 1 mark the ends "
        r"$\lambda \to 0^+$ and $\lambda \to \infty$; at n equal to m the unseen risk <<tokens>> with $\tau$ in tokens, and "
        r"in shots it <<shots>> (with one shot it <<one_shot>>)."
    ),
    assumptions=("Isotropic, tasks uniform on the unit sphere, the target among them, the same m in both losses.",),
    source="new here",
    derive=derive,
    given=(Given("m >= 2", "shots"),),
)
