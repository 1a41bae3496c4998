r"""R16: value-only, four ways to stop short of forgetting are four filters, and one at Sigma = I.

Replay, a pull to the start (L2-SP), early stopping and weight interpolation all shrink R4's v_x; w never moves. The laws
are those that users run (:mod:`theory.block_law`), on Symbols. Source: new here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy
from sympy import ZZ
from sympy.polys.fields import field

from ..evaluation import model_of
from ..setting import Setting
from ..strategies import Strategy
from . import odd_predictions
from .enumeration import exact_average_gradient, exact_gradient
from .hypotheses import Given
from .odd_predictions import at as risk_at
from .odd_predictions import odd_form
from .radicals import compose
from .theorem import Proof, Theorem

SYMBOLS = sympy.symbols("d sigma2 m mu rho t w_0 n N tau E", positive=True)
FIELD = field(SYMBOLS, ZZ)[0]
d, sigma2, m, mu, rho, t, w_0, n, N, tau, E = FIELD.gens

FILTERS = """\
K_0 = beta**2*(d + 2)*(d + 4)
kappa_m = (1 + m*(m + 3*d + 5)/((d + 2)*(d + 4)))/(m + 1)**2
(d + 4)*beta*alpha_replay == 1/(1 + mu*kappa_m)
(d + 4)*beta*alpha_pull == K_0/(K_0 + rho)
(d + 4)*beta*alpha_stopped == 1 - E
rate == 2*K_0
"""
CURVE = """\
excess == 1 - tau*(2 - tau)*(d + 2)/(d + 4)
N**2*price == tau**2*(n**2 + (3*d + 5)*n + (d + 2)*(d + 4))/(d + 4)**2
"""


def derive(proof: Proof) -> None:
    """R16."""
    proof.step(
        r"The laws at $\Sigma = I$, by the code that users run, on Symbols: v_x is R4's times a number, and w is as pretrained."
    )
    base = _trained()
    models = [_trained(replay=SYMBOLS[3]), _trained(pull=SYMBOLS[4]), _trained(time=SYMBOLS[5])]
    proof.zeros("w stays", [_element(x.w - base.w) for x in models])
    proof.zeros("Q stays", [_element(a - b) for x in models for a, b in zip(x[2:], base[2:], strict=True)])
    (exponential,) = models[2].alpha.atoms(sympy.exp)
    stopped = models[2].alpha.xreplace({exponential: SYMBOLS[-1]})
    names = {"d": d, "m": m, "mu": mu, "rho": rho, "E": E, "beta": _element(base.beta)}
    alphas = {"replay": _element(models[0].alpha), "pull": _element(models[1].alpha), "stopped": _element(stopped)}
    names |= {f"alpha_{how}": x for how, x in alphas.items()} | {"rate": -_element(exponential.args[0] / SYMBOLS[5])}
    proof.formula(
        r"four filters; E is what is left of an exponential of that rate at the time", FILTERS, names, main=True
    )
    proof.step(
        "So all of them, and interpolation, run through one curve, at tau times R4's v_x: of the forms of R12.predictions, "
        r"$k = \tau/(d + 4)$ alone."
    )
    unseen, zero_shot = odd_form("unseen", "kbph"), odd_form("target", "k")
    k = tau / (d + 4)
    on = {"d": d, "n": n, "N": N, "sigma2": sigma2}
    excess = _moved(risk_at(zero_shot, k=odd_predictions.k), k)
    price = _moved(unseen.matrix[0, 0] * odd_predictions.k**2, k)
    proof.formula(
        "the curve",
        CURVE,
        {x: on[x] for x in ("d", "n", "N")} | {"tau": tau, "excess": excess, "price": price},
        main=True,
    )
    proof.step(
        "The pretraining loss has no slope in v_x at the start and no product of v_x with w: it is a quadratic about the start, "
        "so that its Hessian there as a penalty (EWC) is replay itself, to the last digit."
    )
    proof.zeros("no slope, no product", [unseen.slope[0], *unseen.matrix[0, 1:]])
    proof.step(
        "Replay at the shots of deployment minimises a positive mixture of both risks: none is below it in both."
    )
    mixture = excess + mu * price
    best = _at_tau(mixture, _element_tau())
    proof.zero("no slope at replay's tau, for m = n and N = n + 1", best)
    proof.word("no", N**2 * mixture.diff(tau).diff(tau), ("no", "some"))
    proof.brute_force("no slope of the losses in v, by enumeration", _points())


def _trained(**options: Any) -> Any:
    setting = Setting(SYMBOLS[0], noise_variance=SYMBOLS[1], pretrain_shots=SYMBOLS[2], value_scale=SYMBOLS[6])
    return model_of(Strategy("value", **options), setting).isotropic


def _element(x: Any) -> Any:
    return FIELD.from_expr(sympy.sympify(x))


def _moved(x: Any, k: Any) -> Any:
    """An element of the forms' field in this one."""
    here = {"d": d, "n": n, "N": N, "sigma2": sigma2, "k": k}
    return compose(x, {generator: here.get(str(generator), FIELD(0)) for generator in odd_predictions.FIELD.gens})


def _element_tau() -> Any:
    """Replay's tau at m = n shots."""
    kappa = (1 + n * (n + 3 * d + 5) / ((d + 2) * (d + 4))) / (n + 1) ** 2
    return 1 / (1 + mu * kappa)


def _at_tau(mixture: Any, best: Any) -> Any:
    images = {generator: generator for generator in FIELD.gens}
    return compose(mixture.diff(tau), images | {tau: best, N: n + 1})


def _points() -> Iterator[tuple[Any, Any]]:
    for dim, shots in ((1, 1), (2, 2)):
        weight, noise = Fraction(2, 3), Fraction(1, dim + 3)
        setting = Setting(dim, noise_variance=noise, pretrain_shots=shots, value_scale=Fraction(3, 2))
        v, Q = model_of(Strategy("value", replay=weight), setting).entries()
        identity = [[Fraction(int(i == j)) for j in range(dim)] for i in range(dim)]
        target = [Fraction(int(i == 0)) for i in range(dim)]
        one, _ = exact_gradient(v.tolist(), Q.tolist(), identity, target, noise, 0)
        two, _ = exact_average_gradient(v.tolist(), Q.tolist(), identity, noise, shots)
        yield from ((a + weight * b, 0) for a, b in zip(one, two, strict=True))


THEOREM = Theorem(
    name="R16",
    title="Value-only: replay, a pull, early stopping and interpolation are one curve where inputs are isotropic",
    statement=(
        r"$v_x$ is $\alpha\theta_0$, with a weight $\mu$ on the pretraining loss (in tokens), with a pull of weight $\rho$, and stopped "
        r"early, as follows; w stays. All are $\tau$ times R4's $v_x$, as interpolation is, and have the following excess and "
        "price on unseen tasks. EWC with the exact Hessian of the pretraining loss is replay. At the shots of deployment <<no>> "
        "value-only model is below replay in both risks."
    ),
    assumptions=("Isotropic, unit target, tasks uniform on the unit sphere.",),
    source="new here",
    derive=derive,
    given=(Given("mu > 0"),),
)
