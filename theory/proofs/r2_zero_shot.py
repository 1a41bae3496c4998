r"""R2, second part: which zero-risk point the flow selects, and what it has forgotten.

The flow of the zero-shot loss conserves w, b, the antisymmetric part of B and :math:`|v_x|^2 - q^2 - |B|_F^2`
(R2.landscape). At `pretrained` :math:`v_x = 0`, :math:`q = 0`; at the end
:math:`v_x = c\,\theta_0`, :math:`q = 1/c`, :math:`B = 0`. Hence

.. math::

    c^2|\theta_0|^2 - 1/c^2 = -|B_{\text{start}}|_F^2 .

R2.risk then puts this point into the risk at n shots, on any task.

Source: new here (the paper leaves c free; the official notebook hard-codes c = 0.52).
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from sympy import QQ
from sympy.polys.fields import field

from .. import dense, dense_fixed_points, fixed_points, isotropic, risk_formula
from ..wick import Scalar, Sphere, derivative, expectation, identity, matrix, substitute, trace, vector
from . import enumeration, r0_arrays, r0_model
from .hypotheses import Given
from .printed_lines import run_lines
from .printed_names import symbols
from .r0_model import B, Sigma, b, v_x
from .r2_landscape import odd_excess
from .radicals import Roots, compose
from .theorem import EVERY, Proof, Theorem

FIELD, a, e, n, N, sigma2, s, K, T, w, c, y, phi, across = field("a e n N sigma2 s K T w c y phi across", QQ)
theta, theta_0, h = vector("theta"), vector("theta0"), vector("h")

END_LINES = "w = w_0\nv_x = c*theta_0\nq = 1/c\nB = 0\nq_xy = 0"
RISK_LINE = "risk = sigma2 + norm2(theta - theta_0/N) + n*(norm2(c*theta_0 + w*theta) + w**2*sigma2)/(c*N)**2"


def derive_selection(proof: Proof) -> None:
    loss = odd_excess()
    proof.step(r"The zero-shot loss does not contain w, nor b: both stay as pretrained, w = w_0 and b = 0.")
    proof.zeros("no force on w and b", [derivative(loss, r0_model.w, 1), derivative(loss, b, h)])
    quantity = v_x @ v_x - r0_model.q**2 - trace(B @ B.T)
    start, end = (
        substitute(quantity, images)
        for images in ({v_x: 0, r0_model.q: 0}, {v_x: c * theta_0, r0_model.q: 1 / c, B: 0, theta_0 @ theta_0: T})
    )
    proof.step(
        r"From `pretrained`, $v_x = 0$ and $q = 0$, to the zero-risk family the conserved $|v_x|^2 - q^2 - |B|_F^2$ changes "
        r"by $\Delta$, which must be zero."
    )
    change = substitute(end - start, {trace(B @ B.T): K})
    proof.formula("the change", "Delta = c**2*T - 1/c**2 + K", {"c": c, "T": T, "K": K}, Delta=change)
    lift = Roots(FIELD)
    proof.step(
        r"So $Y = 1/c^2$ solves $Y^2 - KY - T = 0$, whose roots have the product $-T < 0$: exactly one is positive. The "
        r"printed function returns its root: for every $y, T > 0$, at $K = y^2 - T/y^2$ (which covers every K, increasing "
        r"in y), it returns y."
    )
    selected = 1 / fixed_points.inverse_zero_shot_scale(lift(K), lift(T))
    memory = {r0_model.w: w, v_x: c * theta_0, r0_model.q: 1 / c, B: 0, b: 0}
    end_names = {"w_0": w, "c": c, "theta_0": theta_0}
    ends = {"w": r0_model.w, "v_x": v_x, "q": r0_model.q, "B": B, "q_xy": b}
    proof.formula("the end", END_LINES, end_names, main=True, **{name: memory[of] for name, of in ends.items()})
    proof.zero("which has zero risk", substitute(loss, memory | {r0_model.w: w}))
    proof.formula(
        "what the start selects",
        "c**2*T - 1/c**2 == -K\n2/c**2 == K + sqrt(K**2 + 4*T)",
        {"c": selected, "K": lift(K), "T": lift(T), "sqrt": lift.root},
        main=True,
    )
    proof.zero("the printed 1/c", fixed_points.inverse_zero_shot_scale(lift(y**2 - T / y**2), lift(T)) - y)
    proof.positive("K increases with y from minus to plus infinity", (y**2 - T / y**2).diff(y), also=("y > 0",))
    proof.word("roots", T, ("one", "more than one"))
    for balanced in (False, True):
        _isotropic_point(proof, balanced)
    _matrix_point(proof)
    proof.step(
        r"Official setting (d = 5, m = 20, $\sigma^2$ = 0.1, w = 1): $a = 42/53$, $K = 5a^2$, and the polynomial "
        r"$Y^2 - KY - 1$ changes sign in between: $0.539 < c < 0.540$, for the 0.52 of the notebook."
    )
    world = fixed_points.IsotropicWorld(5, Fraction(1, 10), 1, 20, None, 0, Fraction(1), 1)
    norm2 = fixed_points.pretrained_key_query_norm2(world)
    low, high = (1 / Fraction(x, 1000) ** 2 for x in (540, 539))
    signs = low**2 - norm2 * low - 1 < 0 < high**2 - norm2 * high - 1
    proof.inequality("0.539 < c < 0.540 in the official setting", signs)
    proof.brute_force("matrix code at exact points: risk, gradient and conserved quantity", _matrix_points())


def printed_world(lift: Roots, eta: int, balanced: bool) -> fixed_points.IsotropicWorld:
    r"""Any isotropic setting, given by :math:`y = 1/c`, a, s, sigma2 and w_0 (balanced: e = sqrt d) instead of d and m.

    a and the selection law are solved for m and d, so that few roots are left in what the printed functions return.
    """
    norm2 = y**2 - s / y**2  # K, which is a^2 d / w_0^2, and a sqrt(d) where balanced
    d, gain = (e**2, norm2 / e) if balanced else (norm2 * w**2 / a**2, a)
    m = (d * (1 + sigma2) + 1 - eta) * gain / (1 - gain) - eta
    scale = None if balanced else lift(w)
    return fixed_points.IsotropicWorld(lift(d), lift(sigma2), lift(s), lift(m), None, 0, scale, eta)


def _isotropic_point(proof: Proof, balanced: bool) -> None:
    """The printed point and scale in the isotropic setting."""
    for eta in (1, 0):
        case = f"{'balanced' if balanced else 'given w_0'}, eta = {eta}"
        lift = Roots(FIELD)
        world = printed_world(lift, eta, balanced)
        start = fixed_points.pretrained(world).scalars.scaled(fixed_points.value_gauge_scale(world))
        point, k = fixed_points.zero_shot(world), fixed_points.zero_shot_scale(world)
        end = point.scalars.scaled(k)
        conserved = [
            s * p.alpha**2 + p.w**2 - p.q**2 - world.d * p.beta**2 - 2 * p.beta * p.gamma * s - (p.gamma * s) ** 2
            for p in (start, end)
        ]
        proof.zeros(
            f"conserved from pretrained to the printed point, {case}",
            [conserved[0] - conserved[1], start.w - end.w, start.alpha, start.q, start.gamma, start.delta],
        )
        balance = conserved[0] if balanced else start.w - w
        proof.zeros(f"the start has the value scale asked for, {case}", [balance])
        family = [end.alpha * end.q - 1, end.alpha * y - 1, end.beta, end.gamma, end.delta]
        proof.zeros(f"the printed point is of the family, c = 1/y, {case}", family)
        formed = isotropic.contract(point.scalars, world.d, world.noise_variance, world.target_norm2)
        proof.zeros(
            f"its contractions, {case}",
            [x - z for x, z in zip(point.filled(world.target_norm2), formed.filled(world.target_norm2), strict=True)],
        )


def _matrix_point(proof: Proof) -> None:
    """The matrix code on symbols: what it takes for K and T, and the point it returns."""
    product = r0_arrays.Array.of(matrix("P"))
    asked = r0_arrays.Asked(y)
    code = r0_arrays.on_symbols(
        dense_fixed_points,
        pretrained_product=lambda world: product,
        _pretrained_scale=lambda world, product: w,
        inverse_zero_shot_scale=asked,
        _number=lambda x: x,
    )
    world = SimpleNamespace(sigma=r0_arrays.Array.of(Sigma), target=theta_0, noise_variance=sigma2)
    blocks, k, memory = code.zero_shot(world)[:3]
    ((K_asked, T_asked),) = asked
    proof.step(r"The matrix code asks for $K = |wB|_F^2/w_0^2$ and $T = \theta_0^\top\theta_0$, whatever $\Sigma$.")
    proof.zeros("matrix code: K and T", [K_asked * w**2 - trace(product @ product.T), T_asked - theta_0 @ theta_0])
    end = blocks.scaled(k)
    proof.zeros(
        "matrix code: the point, any covariance",
        [end.v_x - theta_0 / y, end.q - y, end.w - w, end.B + end.B.T, end.B, end.b, *blocks.scaled(1)[:1]],
    )
    signal = theta_0 @ Sigma @ theta_0
    label = memory.alpha * signal + memory.w * (signal + sigma2)
    proof.zeros(
        "matrix code: its scalars",
        [memory.label - label, memory.value_sum - 1 - memory.w, memory.shrinkage - 1, memory.target_bias - 1,
         memory.query_bias, memory.w - w * y],
    )  # fmt: skip


def _matrix_points() -> Any:
    """Covariances at which c is rational: d = 1 and d = 2, both conventions where they differ."""
    cases = [
        ([[Fraction(1, 4)]], [15], Fraction(1), float("inf")),  # wB = 4: K = 16, T = 225, 1/c = 5
        (
            [[Fraction(11, 28), Fraction(-1, 7)], [Fraction(-1, 7), Fraction(1, 7)]],
            [9, 12],
            Fraction(13, 4),
            float("inf"),
        ),
    ]
    for sigma, target, w_0, shots in cases:
        arrays = [np.array(a, dtype=object) + Fraction(0) for a in (sigma, target)]
        for eta, normalization in ((1, "tokens"), (0, "shots")):
            noise = Fraction(1, 7)
            world = dense_fixed_points.DenseWorld(arrays[0], None, arrays[1], noise, shots, None, 0, w_0, eta)
            memory: Any
            blocks, k, memory = dense_fixed_points.zero_shot(world)[:3]
            end = blocks.scaled(k)
            start = dense_fixed_points.pretrained(world)
            begin = start.blocks.scaled(start.scale)
            yield np.sum(begin.B**2), end.q**2 - end.v_x @ end.v_x
            v: Any
            Q: Any
            v, Q = end.matrices()
            dv, dQ = enumeration.exact_gradient(v, Q, sigma, target, noise, 0)
            yield from ((0, slope) for row in (dv, *dQ) for slope in row)
            task = [Fraction(1, 2), *[Fraction(-3)] * (len(target) - 1)]
            terms = dense.terms_on_task(blocks, world.sigma, noise, np.array(task, dtype=object))
            for shots_given in (0, 1, 2):
                exact = enumeration.exact_risk(v, Q, sigma, task, noise, shots_given, normalization)
                yield risk_formula.exact_risk_formula(terms, shots_given, normalization), exact
                on_target = isotropic.terms_on_target(memory, len(target), noise, world.signal_world().target_norm2)
                exact = enumeration.exact_risk(v, Q, sigma, target, noise, shots_given, normalization)
                yield risk_formula.exact_risk_formula(on_target, shots_given, normalization), exact


@cache
def memory_excess() -> Scalar:
    """N^2 (risk - sigma^2) at n shots on a task theta, at v_x = c theta_0, q = 1/c, B = 0, b = 0 and any w."""
    images = {**r0_model.ODD, v_x: c * theta_0, r0_model.q: 1 / c, B: 0, b: 0}
    numbers = {r0_model.n: n, r0_model.N: N, r0_model.w: w, r0_model.sigma2: sigma2}
    return substitute(r0_model.excess(), {**images, **numbers})


def derive_risk(proof: Proof) -> None:
    forgotten = memory_excess()
    proof.step(
        r"There each shot adds $(c\,\theta_0^\top x + wy)/c$ and the query $\theta_0^\top x_q$, for any $\Sigma$, task, "
        "n and N."
    )
    names = symbols(Sigma, sigma2=sigma2, theta=theta, theta_0=theta_0, n=n, N=N, c=c, w=w)
    proof.formula("the risk at n shots", RISK_LINE, names, risk=sigma2 + forgotten / N**2, main=True)
    _printed_risk(proof, forgotten)
    _destroyed(proof, forgotten)


def _printed_risk(proof: Proof, forgotten: Scalar) -> None:
    proof.step(
        r"The printed composition: the point in gauge c = 1, its contractions, the risk formula; the same for any "
        r"$\Sigma$ with signal powers for squared lengths: $\theta = (1-\varphi)\theta_0 + \theta_\perp$, "
        r"$\theta_0^\top\Sigma\theta_\perp = 0$."
    )
    along = 1 - phi
    powers = {theta @ Sigma @ theta: along**2 * s + across, theta_0 @ Sigma @ theta: along * s}
    norms = {**powers, theta_0 @ Sigma @ theta_0: s}
    for normalization, tokens, eta in (("tokens", n + 1, 1), ("shots", n, 0)):
        lift = Roots(FIELD)
        world = printed_world(lift, eta, balanced=False)
        point, k = fixed_points.zero_shot(world), fixed_points.zero_shot_scale(world)
        setting = world.d, world.noise_variance, world.target_norm2
        images = {g: lift(g) for g in FIELD.gens} | {c: k, N: lift(tokens)}
        excess = across - s * phi * (2 - phi)
        off = isotropic.terms_on_task(point, *setting, *map(lift, (phi, across, excess)))
        on = isotropic.terms_on_target(point, *setting)
        derived = substitute(forgotten, norms).as_coefficient()
        for what, terms, at in (("any task", off, derived), ("target", on, derived.subs([(phi, 0), (across, 0)]))):
            printed = risk_formula.exact_risk_formula(terms, lift(n), normalization)
            proof.zero(f"printed risk, {what}, {normalization}", (printed - sigma2) * tokens**2 - compose(at, images))
        sphere = Sphere("theta", dimension=e)
        unit = substitute(forgotten, {Sigma: identity, theta: sphere})
        average = substitute(expectation(unit, sphere), {theta_0 @ theta_0: s, trace(identity): e})
        terms = isotropic.terms_on_sphere(point, *setting)
        printed = risk_formula.exact_risk_formula(terms, lift(n), normalization)
        mean = compose(average.as_coefficient(), images | {e: world.d})
        proof.zero(f"printed risk, unseen average, {normalization}", (printed - sigma2) * tokens**2 - mean)
        zero = risk_formula.exact_risk_formula(on, 0, normalization)
        proof.zero(f"printed risk at zero shots is the noise, {normalization}", zero - sigma2)


def _destroyed(proof: Proof, forgotten: Scalar) -> None:
    proof.step(
        r"On the target the excess over the zero-shot risk $\sigma^2$ is a sum of squares. In tokens it is positive "
        r"for c and w of either sign; in shots too, but for $n = 1$, $\sigma^2 = 0$, $w = -c$, which their signs exclude. "
        r"As $n \to \infty$ it tends to s: the risk to $s + \sigma^2$, that of predicting nothing."
    )
    target = substitute(forgotten, {theta: theta_0, theta_0 @ Sigma @ theta_0: s}).as_coefficient()
    proof.formula(
        "on the target, where the zero-shot risk is the noise",
        "risk - sigma2 == (1 - 1/N)**2*s + n*((c + w)**2*s + w**2*sigma2)/(c*N)**2",
        {"risk": sigma2 + target / N**2, "sigma2": sigma2, "N": N, "n": n, "s": s, "c": c, "w": w},
        main=True,
    )
    gens = {g: g for g in FIELD.gens}
    for tokens, normalization in ((n + 1, "tokens"), (n, "shots")):
        excess = compose(target, gens | {N: tokens}) / tokens**2
        proof.word(normalization, excess, EVERY)
        many = compose(excess, gens | {n: 1 / y})  # y = 1/n falls to 0
        at_end = [FIELD(part.subs(y.numer, 0)) for part in (many.numer, many.denom)]
        what = f"the limit of many shots on the target, {normalization}"
        names = {"s": s, "sigma2": sigma2}
        proof.formula(
            what, "limit = s + sigma2", names, limit=sigma2 + at_end[0] / at_end[1], main=normalization == "tokens"
        )
    proof.brute_force("against coordinates", _coordinates())


def _coordinates() -> Any:
    """The stated risk at c = 1/2, w = 2/3, tasks off the target, both conventions."""
    noise, c_, w_ = Fraction(1, 3), Fraction(1, 2), Fraction(2, 3)
    cases: Any = (([[2]], [3], [-1]), ([[2, 1], [1, 3]], [1, -1], [Fraction(1, 2), 2]))
    for sigma, target, task in cases:
        size = len(target)
        v = [0, *(c_ * t for t in target), w_]
        Q: Any = [[0] * (size + 2) for _ in range(size + 2)]
        Q[0][0] = 1 / c_

        def form(a: Any, b: Any, sigma: Any = sigma) -> Any:
            return sum(x * sigma[i][j] * z for i, x in enumerate(a) for j, z in enumerate(b))

        names = {"sigma2": noise, "theta": np.array(task), "theta_0": np.array(target), "c": c_, "w": w_}
        names |= {"norm2": lambda x, form=form: form(x, x), "inner": form}
        for shots, tokens, normalization in ((0, 1, "shots"), (1, 2, "tokens"), (2, 3, "tokens"), (2, 2, "shots")):
            stated = run_lines(RISK_LINE, names | {"n": shots, "N": Fraction(tokens)})[0]["risk"]
            yield stated, enumeration.exact_risk(v, Q, sigma, task, noise, shots, normalization)


SELECTION = Theorem(
    name="R2.selection",
    title="The start selects c: |v|^2 - |Q|^2 is conserved",
    statement=(
        r"The zero-risk point that the flow of $L_{ZS}$ reaches from `pretrained` is the following, all else zero. The start "
        r"selects <<roots>> $c^2$, where K and T are the squared lengths of $B_{start}$ and $\theta_0$ in the flat metric, "
        r"whatever $\Sigma$, $\Psi$, value scale and normalization."
    ),
    assumptions=(
        "The flow ends in the zero-risk family (proved in R2.landscape where the target is an eigenvector of both "
        "covariances, which also gives the sign of c; observed else).",
    ),
    source="New here; the paper leaves c free.",
    derive=derive_selection,
    given=(Given("T > 0"),),
)

RISK = Theorem(
    name="R2.risk",
    title="Zero-shot fine-tuning of all parameters destroys in-context learning",
    statement=(
        r"At that point the risk at n shots on a task $\theta$ is as follows. On the target, of signal power s, <<tokens>> n in "
        r"tokens and <<shots>> n in shots is worse than zero shots, and as n grows the risk has the following limit."
    ),
    assumptions=(r"$\Sigma$ positive definite.",),
    source="New here; the effect is that of Lee, Sohn, Lee 2026 (arXiv 2602.23197).",
    derive=derive_risk,
    given=(Given("n >= 1"), Given("s > 0"), Given("c > 0"), Given("w >= 0")),
)

THEOREMS = (SELECTION, RISK)
