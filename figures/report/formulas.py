"""The risk of each strategy as short Python lines, each run against theory.risk before it is shown.

One source a formula: the lines are what a reader copies, the mathematics is made from them, and the report is not
written unless they agree with :func:`theory.risk` at settings drawn at random. Convention: N = n + 1 ("tokens"), the
balanced value scale, the limit lambda -> 0+, and the same m in both training losses.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from theory import STRATEGIES, risk

PREAMBLE = """\
from numpy import eye, sqrt, trace
from numpy.linalg import inv, solve

def norm2(a):  # |a|^2 in the metric Sigma
    return a @ Sigma @ a

def inner(a, b):
    return a @ Sigma @ b"""

TOLERANCE = 1e-12  # relative; float arithmetic with condition numbers up to a few hundred

_PRODUCT = "K = (m + 1)*inv((m + 1)*Sigma + (trace(Psi @ Sigma) + sigma2)*inv(Psi))"
_VALUE = (
    "N = n + 1",
    _PRODUCT,
    "M = K @ Sigma",
    "t1 = trace(M)",
    "t2 = trace(M @ M)",
    "v = solve((t1**2 + 2*t2)*I + 4*t1*M + 8*(M @ M), t1*theta0 + 2*M @ theta0)",
)
_VALUE_RISK = (
    "eta = v + w*theta",
    "risk = sigma2 + (norm2(N*theta - n*M @ eta - (t1*I + 2*M) @ v) + n*((norm2(eta) + w**2*sigma2)*t2"
    " + norm2(M @ eta)) + 2*t2*norm2(v) + 4*norm2(M @ v))/N**2",
)
_PRETRAINED = (
    "N = n + 1",
    _PRODUCT,
    "M = K @ Sigma",
    "risk = sigma2 + (norm2(N*theta - n*M @ theta) + n*((norm2(theta) + sigma2)*trace(M @ M) + norm2(M @ theta)))/N**2",
)

GENERAL: dict[str, tuple[str, ...]] = {
    "pretrained": _PRETRAINED,
    "zero_shot": (
        "N = n + 1",
        _PRODUCT,
        "b = sqrt(trace(K @ K))",
        "omega = sqrt(b*(b + sqrt(b**2 + 4*(theta0 @ theta0)))/2)",
        "risk = sigma2 + (norm2(N*theta - theta0) + n*(norm2(theta0 + omega*theta) + omega**2*sigma2))/N**2",
    ),
    "zero_shot_value": (*_VALUE, "w = 1", *_VALUE_RISK),
    "zero_shot_kq": _PRETRAINED,
    "mixed": (
        "N = n + 1",
        "s = norm2(theta0)",
        "rho = sigma2/s",
        "p = (m*sqrt(rho*(1 + rho)) - rho)/(m + 2)",
        "omega = (sqrt(p) - 1)/(1 + rho)",
        "D = m*sqrt(p)/(s*((m + 2)*p + rho))",
        "nu = norm2(theta) + sigma2",
        "H = inner(theta0, theta) + omega*nu",
        "T = norm2(theta0 + omega*theta) + omega**2*sigma2",
        "risk = sigma2 + (norm2(N*theta - (1 + n*D*H)*theta0) + n*(T + D**2*s*(T*nu + H**2)))/N**2",
    ),
    "mixed_value": (
        *_VALUE,
        "r = (m + 3)*(M @ M @ theta0) + t1*M @ theta0 + t2*theta0",
        "w = ((m + 1)*inner(theta0, M @ theta0) - inner(r, v))"
        "/((m + 1)*norm2(M @ theta0) + t2*(norm2(theta0) + sigma2))",
        *_VALUE_RISK,
    ),
    "mixed_kq": (
        "N = n + 1",
        "kappa = (m + 1)/((m + 2)*(norm2(theta0) + sigma2))",
        "nu = norm2(theta) + sigma2",
        "risk = sigma2 + (norm2(N*theta - n*kappa*nu*theta0) + 2*n*kappa**2*nu**2*norm2(theta0))/N**2",
    ),
}

_A = "a = (m + 1)/(m + 1 + d + d*sigma2)"
_ISOTROPIC_VALUE_RISK = (
    "eta = alpha**2 + w**2 + 2*alpha*w*cosine",
    "risk = sigma2 + ((N - n*w)**2 + (n + d + 2)**2*alpha**2 - 2*(N - n*w)*(n + d + 2)*alpha*cosine"
    " + n*((d + 1)*eta + d*w**2*sigma2) + 2*(d + 2)*alpha**2)/N**2",
)
_ISOTROPIC_PRETRAINED = (
    "N = n + 1",
    _A,
    "risk = sigma2 + ((N - n*a)**2 + n*a**2*(d + 1 + d*sigma2))/N**2",
)

# Sigma = I, |theta| = |theta_0| = 1: cosine and square are (1, 1) on the target, (-1, 1) on its opposite, (0, 1/d) on
# the average over unseen tasks.
ISOTROPIC: dict[str, tuple[str, ...]] = {
    "pretrained": _ISOTROPIC_PRETRAINED,
    "zero_shot": (
        "N = n + 1",
        _A,
        "b = a*sqrt(d)",
        "omega = sqrt(b*(b + sqrt(b**2 + 4))/2)",
        "risk = sigma2 + (N**2 - 2*N*cosine + 1 + n*(1 + 2*omega*cosine + omega**2*(1 + sigma2)))/N**2",
    ),
    "zero_shot_value": ("N = n + 1", _A, "alpha = 1/(d + 4)", "w = a", *_ISOTROPIC_VALUE_RISK),
    "zero_shot_kq": _ISOTROPIC_PRETRAINED,
    "mixed": (
        "N = n + 1",
        "p = (m*sqrt(sigma2*(1 + sigma2)) - sigma2)/(m + 2)",
        "omega = (sqrt(p) - 1)/(1 + sigma2)",
        "D = m*sqrt(p)/((m + 2)*p + sigma2)",
        "z = omega*(1 + sigma2)",
        "T = 1 + 2*omega*cosine + omega*z",
        "H = square + 2*z*cosine + z**2",
        "risk = sigma2 + (N**2 - 2*N*(cosine + n*D*(square + z*cosine)) + 1 + 2*n*D*(cosine + z)"
        " + n*(n + 1)*D**2*H + n*T*(1 + D**2*(1 + sigma2)))/N**2",
    ),
    "mixed_value": (
        "N = n + 1",
        "alpha = 1/(d + 4)",
        "w = (m + 1 - (m + 3 + 2*d)/(d + 4))/(m + 1 + d + d*sigma2)",
        *_ISOTROPIC_VALUE_RISK,
    ),
    "mixed_kq": (
        "N = n + 1",
        "g = (m + 1)/(m + 2)",
        "risk = sigma2 + (N**2 - 2*N*n*g*cosine + n*(n + 2)*g**2)/N**2",
    ),
}


class Agreement(NamedTuple):
    """How far a strategy's lines are from theory.risk, relative, at so many settings drawn at random."""

    general: float
    isotropic: float
    settings: int


def evaluate(lines: tuple[str, ...], values: dict[str, Any]) -> Any:
    """Run the lines as a reader would, in a namespace of these values."""
    namespace = {"sqrt": np.sqrt, **values}
    exec(PREAMBLE + "\n" + "\n".join(lines), namespace)
    return namespace["risk"]


def agreement(settings: int = 20) -> dict[str, Agreement]:
    """Run every line against theory.risk; ArithmeticError if one is wrong."""
    generator = np.random.default_rng(0)
    worst = {name: [0.0, 0.0] for name in STRATEGIES}
    for _ in range(settings):
        d, n, m = (int(generator.integers(low, high)) for low, high in ((1, 7), (0, 40), (1, 60)))
        sigma2 = float(generator.uniform(0.05, 2))
        Sigma, Psi = (_covariance(generator, d) for _ in range(2))
        theta0, theta = generator.standard_normal((2, d))
        numbers = {"d": d, "n": n, "m": m, "sigma2": sigma2}
        arrays = {"Sigma": Sigma, "Psi": Psi, "theta0": theta0, "theta": theta, "I": np.eye(d)}
        common: dict[str, Any] = {"noise_variance": sigma2, "pretrain_shots": m}
        for name, gap in worst.items():
            exact = risk(name, n, task=theta, covariance=Sigma, task_covariance=Psi, target=theta0, **common)
            gap[0] = max(gap[0], _distance(evaluate(GENERAL[name], numbers | arrays), exact))
            for task, cosine, square in (("target", 1, 1), ("opposite", -1, 1), ("unseen", 0, 1 / d)):
                value = evaluate(ISOTROPIC[name], numbers | {"cosine": cosine, "square": square})
                gap[1] = max(gap[1], _distance(value, risk(name, n, d, task=task, **common)))
    for name, gap in worst.items():
        if not max(gap) < TOLERANCE:
            raise ArithmeticError(f"the lines printed for {name} are not theory.risk: relative differences {gap}")
    return {name: Agreement(gap[0], gap[1], settings) for name, gap in worst.items()}


def _covariance(generator: np.random.Generator, d: int) -> np.ndarray[Any, Any]:
    root = generator.standard_normal((d, d + 2))
    return root @ root.T / d + 0.1 * np.eye(d)


def _distance(value: float, exact: float) -> float:
    return math.fabs(value / exact - 1)
