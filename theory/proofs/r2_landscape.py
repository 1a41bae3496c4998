r"""R2, second part: that nothing but the zero-risk family attracts the flow of the zero-shot loss.

R2.landscape goes through all stationary points of the odd-symmetric loss (:math:`v_0 = k = 0`) for any covariance.
R2.zero_risk is in :mod:`theory.proofs.r2_families`. Source: new here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..wick import Matrix, Scalar, derivative, identity, matrix, outer, substitute, trace
from . import enumeration, r0_model, r1_pretrained
from .hypotheses import Given
from .printed_names import symbols
from .r0_model import B, Sigma, q, v_x
from .r2_families import H, V, beta, c, d, h, norm2, odd_excess, omega, phi, r, s, sigma2, tau, theta_0, v
from .theorem import Proof, Theorem

EIGENVECTOR = ("Sigma @ theta_0 == kappa*theta_0", "Psi @ theta_0 == mu*theta_0")


def derive_landscape(proof: Proof) -> None:
    loss = odd_excess()
    _without_value(proof, loss)
    least = best_matrix(loss)
    _complete_square(proof, loss, least)
    _saddles(proof, loss, least)
    _flow(proof, loss)


def _without_value(proof: Proof, loss: Scalar) -> None:
    proof.step(
        r"Where $v_x = 0$ the loss is the same whatever $(q, B)$, which therefore feel no force. $D_h$ is its derivative "
        r"along $v_x = h$."
    )
    pull = substitute(derivative(loss, v_x, h), {v_x: 0})
    proof.formula(
        "(ii) where v_x = 0",
        "L_ZS = sigma2 + norm2(theta_0)\n"
        "S = (B + B.T)/2\n"
        "D_h == -(2*inner(h, (q + trace(S @ Sigma))*theta_0 + 2*S @ Sigma @ theta_0))",
        symbols(Sigma, theta_0=theta_0, q=q, B=B, h=h, sigma2=sigma2, D_h=pull),
        L_ZS=sigma2 + substitute(loss, {v_x: 0}),
        main=True,
    )
    proof.step(
        r"So the second derivative in $(q, B)$ is zero there, but the mixed one in $(v_x, q)$, along $(\theta_0, 1)$, is not: "
        r"the Hessian is indefinite, a strict saddle."
    )
    mixed = substitute(derivative(derivative(loss, v_x, theta_0), q, 1), {v_x: 0})
    names = symbols(Sigma, theta_0=theta_0, D_mixed=mixed)
    proof.formula("the mixed derivative", "D_mixed == -(2*norm2(theta_0))", names)


GAP = {v @ Sigma @ omega: 0, v @ Sigma @ v: V}


def best_matrix(loss: Scalar) -> Matrix:
    """The multiple of v omega' + omega v' at which the loss is least, for theta_0 = tau v + omega and q = tau."""
    both = outer(v, omega) + outer(omega, v)
    along = substitute(loss, {v_x: v, q: tau, B: phi * both, theta_0: tau * v + omega})
    force = substitute(derivative(along, phi, 1), {**GAP, omega @ Sigma @ omega: s}).as_coefficient()
    least: Matrix = both * (-force.subs(phi, 0) / force.diff(phi))
    return least


def _complete_square(proof: Proof, loss: Scalar, least: Matrix) -> None:
    proof.step(
        r"Fix $v_x \ne 0$, $V = |v_x|_\Sigma^2$, and split $\theta_0 = \tau v_x + \omega$ with $v_x^\top\Sigma\omega = 0$. "
        r"The loss is quadratic in $(q, S)$. Seen from $q = \tau$, $S = S^*$, at the distances r and D, it is a sum of "
        r"squares, which are positive unless r = 0, D = 0."
    )
    line = "S_star = (outer(v_x, omega) + outer(omega, v_x))/(6*V)"
    proof.formula("the best matrix", line, {"outer": outer, "v_x": v, "omega": omega, "V": V}, S_star=least)
    moved = (H + H.T) / 2
    at = substitute(loss, {v_x: v, q: tau + r, B: least + moved, theta_0: tau * v + omega})
    proof.formula(
        "the square completed in (q, S)",
        "L_ZS = sigma2 + 2*norm2(omega)/3 + norm2((r + trace(D @ Sigma))*v_x + 2*D @ Sigma @ v_x)"
        " + 2*V*trace(D @ Sigma @ D @ Sigma) + 4*norm2(D @ Sigma @ v_x)",
        symbols(Sigma, omega=omega, v_x=v, r=r, D=moved, V=V, sigma2=sigma2)
        | {"norm2": lambda a: substitute(norm2(a), GAP)},
        L_ZS=sigma2 + substitute(at, GAP),
    )
    proof.step(
        r"So a stationary point with $v_x \ne 0$ sits at r = 0, D = 0. The derivative along $v_x = h$ there is zero for "
        r"every h if $\omega = 0$ (the zero-risk family) or $\tau = 0$ ($v_x \perp \theta_0$ in $\Sigma$)."
    )
    there = {v_x: v, q: tau, B: least, theta_0: tau * v + omega}
    slope = substitute(substitute(derivative(loss, v_x, h), there), GAP)
    names = symbols(Sigma, tau=tau, omega=omega, h=h, D_h=slope)
    proof.formula("the force on v_x", "D_h == -(4*tau*inner(h, omega)/3)", names)
    across = {v @ Sigma @ theta_0: 0, v @ Sigma @ v: V, theta_0 @ Sigma @ theta_0: s}
    S = substitute(least, {omega: theta_0})
    at_saddle = {v_x: v, q: 0, B: S}
    risk = sigma2 + substitute(loss, {**at_saddle, **across})
    proof.formula(
        "(iii) where v_x is not 0, but across the target",
        "q = 0\nS = (outer(v_x, theta_0) + outer(theta_0, v_x))/(6*V)\nL_ZS = sigma2 + 2*s/3",
        {"outer": outer, "v_x": v, "theta_0": theta_0, "V": V, "s": s, "sigma2": sigma2},
        q=at_saddle[q],
        S=S,
        L_ZS=risk,
        main=True,
    )


def _saddles(proof: Proof, loss: Scalar, least: Matrix) -> None:
    proof.step(
        r"At (iii) turn $v_x$ into $v_x + \phi\theta_0$ and let $(q, S)$ follow: along the turn the first derivative "
        r"vanishes at $\phi = 0$ and the second, $D_{\phi,\phi}$, is negative: a strict saddle."
    )
    norms = {v @ Sigma @ theta_0: 0, v @ Sigma @ v: V, theta_0 @ Sigma @ theta_0: s}
    turned = v + phi * theta_0
    square, overlap = (substitute(turned @ Sigma @ a, norms).as_coefficient() for a in (turned, theta_0))
    follows = substitute(least, {v: turned, omega: theta_0 - tau * turned, V: c})  # c short for the new square
    level = substitute(loss, {v_x: turned, q: tau, B: follows, **norms})
    level = substitute(level, {c: square, tau: overlap / square}).as_coefficient()
    names = {"s": s, "V": V, "phi": phi, "sigma2": sigma2}
    line = "L_ZS = sigma2 + 2*s*V/(3*(V + phi**2*s))"
    proof.formula("the loss along the turn", line, names, L_ZS=Scalar.of(sigma2) + level)
    proof.zero("the first derivative at the saddle", level.diff(phi).subs(phi, 0))
    second = level.diff(phi).diff(phi).subs(phi, 0)
    names = {"s": s, "V": V, "D_phi_phi": second}
    proof.formula("the second derivative at the saddle", "D_phi_phi == -(4*s**2/(3*V))", names)
    proof.word("saddles", -second, ("strict", "no strict"), also=("V > 0",))
    proof.brute_force("the gradient and the risk at a saddle, d = 2", _saddle_point())


def _saddle_point() -> Any:
    """theta_0 = (2, 0), v = (1, -2), with v'Sigma theta_0 = 0, |v|^2 = 10 and s = 8."""
    sigma, target, value = [[2, 1], [1, 3]], [2, 0], [0, 1, -2, 5]
    S = [[Fraction(2 * i, 60) for i in row] for row in ([2, -2], [-2, 0])]
    rows: Any = [[0] * 4, [0, *S[0], 0], [0, *S[1], 0], [0] * 4]
    yield Fraction(1, 7) + Fraction(2, 3) * 8, enumeration.exact_risk(value, rows, sigma, target, Fraction(1, 7), 0)
    dv, dQ = enumeration.exact_gradient(value, rows, sigma, target, Fraction(1, 7), 0)
    yield from ((0, slope) for row in (dv, *dQ) for slope in row)


def _flow(proof: Proof, loss: Scalar) -> None:
    proof.step(
        r"The flow of $L_{ZS}$ moves neither w, nor b, nor the antisymmetric part of B; it keeps "
        r"$|v_x|^2 - q^2 - |B|_F^2$ (flat norms), since the prediction is invariant under $(v, Q) \to (kv, Q/k)$."
    )
    proof.zero("no force on the antisymmetric part", derivative(loss, B, H - H.T))
    euler = derivative(loss, v_x, v_x) - derivative(loss, q, q) - derivative(loss, B, B)
    proof.zero("the conserved quantity", euler)
    proof.step(
        r"It stays bounded: if $|v_x| \to \infty$ then by conservation $|(q, S)| \to \infty$, and "
        r"$E\,[(v_x^\top x)(q + x^\top Sx)]^2$ is at least $\kappa\,|v_x|^2|(q, S)|^2$ with $\kappa > 0$ (compactness and "
        r"R2.zero_risk), against the falling loss. A bounded gradient flow of a polynomial converges (Łojasiewicz)."
    )
    proof.step(
        r"From `pretrained` ($v_x = 0$, $q = 0$, B positive definite) $D_h$ is negative at $h = \theta_0$, so the "
        r"loss is below $\sigma^2 + s$ at once and forever, and $v_x$ never returns to 0."
    )
    stays_on_target_line(proof, loss)
    proof.step(
        r"So $v_x = \alpha\theta_0$ throughout. $\alpha$ starts upward and is never 0 again: $\alpha > 0$. The "
        r"limit has $v_x \ne 0$, not $\perp \theta_0$: it is the zero-risk point with $c > 0$. This is a proof, with "
        r"nothing left to the numbers. At the isotropic start, $B = \beta I$, the derivative $D_\alpha$ is:"
    )
    pull = derivative(loss, v_x, h)
    across = {Sigma: identity, B: beta * identity + phi * outer(theta_0, theta_0), v_x: c * theta_0}
    proof.zero("isotropic: no force across the target", substitute(pull, {**across, h @ theta_0: 0}))
    start = {Sigma: identity, B: beta * identity, v_x: 0, q: 0, h: theta_0}
    upward = substitute(pull, {**start, trace(identity): d, theta_0 @ theta_0: s})
    names = {"d": d, "beta": beta, "s": s, "D_alpha": upward}
    proof.formula("isotropic: alpha starts upward", "D_alpha == -(2*(d + 2)*beta*s)", names)
    upward = Scalar.of(upward).as_coefficient()
    proof.word("c_sign", -upward, ("a positive", "no positive"), also=("beta > 0",))
    proof.step(
        r"For other covariances: the limit is zero-risk or the strict saddle above, which attracts a set of starts of "
        r"measure zero only. That the one start `pretrained` is not among them, and that then $c > 0$, is observed, "
        r"not proved."
    )


def stays_on_target_line(proof: Proof, loss: Scalar) -> None:
    """Where the target is an eigenvector, neither the start nor the zero-shot flow leaves its line."""
    proof.step(
        r"Let $\theta_0$ be an eigenvector of $\Sigma$ and of $\Psi$ (the isotropic case among them), $h \perp \theta_0$. Then "
        r"$A\theta_0 \parallel \theta_0$ for the A of R1, and K, the solution of $AK = N\Sigma\Psi$, maps $\theta_0$ to a "
        r"multiple of it: so does B at the start, which is $\phi\,\theta_0\theta_0^\top$ and a P with $P\theta_0 = 0$. At such "
        r"a B and $v_x = \alpha\theta_0$ no force leads away from this form."
    )
    P = matrix("P", symmetric=True)
    of_sigma, of_psi = EIGENVECTOR
    along = (h, h @ Sigma @ r1_pretrained.Psi, h @ Sigma @ P, theta_0 @ Sigma @ P, h @ Sigma @ P @ Sigma @ P)
    across = {h @ theta_0: 0} | {row @ theta_0: 0 for row in along[2:]}

    names = {"Sigma": Sigma, "Psi": r1_pretrained.Psi, "theta_0": theta_0, "kappa": r0_model.kappa, "mu": r0_model.eta}
    rules = (
        proof.rules(of_sigma, names, *along),
        proof.rules(of_psi, names, h @ Sigma),
        proof.rules(of_sigma, names, h),
        across,
    )

    def on_line(force: Any) -> Scalar:
        found = Scalar.of(force)
        for rule in rules:
            found = substitute(found, rule)
        return found

    proof.zero("the start maps the target to a multiple of it", on_line(h @ r1_pretrained.A @ theta_0))
    form = {v_x: r0_model.alpha * theta_0, B: r0_model.phi * outer(theta_0, theta_0) + P}
    forces = derivative(loss, v_x, h), derivative(loss, B, outer(h, theta_0) + outer(theta_0, h))
    proof.zeros("no force across the target", [on_line(substitute(force, form)) for force in forces])


THEOREM = Theorem(
    name="R2.landscape",
    title="The other stationary points of the zero-shot loss are saddles",
    statement=(
        r"The odd-symmetric stationary points of $L_{ZS}$ are (i) the zero-risk family; (ii) those without $v_x$ where the "
        r"derivative $D_h$ along a step h of $v_x$ vanishes, whatever h; (iii) those whose $v_x$, of signal power V, is "
        r"orthogonal to $\theta_0$ in $\Sigma$, as follows. (ii) and (iii) are <<saddles>> saddles. The flow converges; from "
        r"`pretrained` it converges to (i) with <<c_sign>> c."
    ),
    assumptions=(
        r"$\Sigma$ positive definite; odd-symmetric parameters.",
        r"Where $\theta_0$ is an eigenvector of one covariance at most, that the flow avoids (iii), and the sign of c, is observed.",
    ),
    source="New here.",
    derive=derive_landscape,
    given=(Given("s > 0"), *(Given(line, "for the end of the flow") for line in EIGENVECTOR)),
)
