"""The risk of the added practices as lines of Python, at any covariance: theorems R4 and R13 run these lines on symbols.

In a proof P = wB, N and N_0 are symbols; in a program (:data:`GENERAL`) N counts tokens, and what pretraining, or R22's
conserved quantity, makes of the rest stands before them.
"""

from __future__ import annotations

_SPREAD = "spread = n*((norm2(theta) + sigma2)*trace(P @ Sigma @ P @ Sigma) + norm2(P @ Sigma @ theta))\n"
PROMPT = f"""\
{_SPREAD}risk = sigma2 + (norm2(N*theta - n*(P @ Sigma @ theta) - N_0*theta_0) + spread)/N**2
"""
SKIP = f"""\
{_SPREAD}risk = sigma2 + (norm2(N*(theta - theta_0) - n*(P @ Sigma @ theta)) + spread)/N**2
"""
FROZEN = f"{_SPREAD}R_0 = sigma2 + (norm2(N*theta - n*(P @ Sigma @ theta)) + spread)/N**2\n"
HEAD = f"""\
{FROZEN}kept = N*inner(theta_0, theta) - n*inner(theta_0, P @ Sigma @ theta)
risk = R_0 + ((n + 1)*N_0**2*norm2(theta_0) - 2*N_0*kept)/N**2
"""
OTHER = f"""\
{_SPREAD}kappa = (n + 1)*p_0 + p_x
risk = sigma2 + (norm2(N*theta - n*(P @ Sigma @ theta) - kappa) + n*norm2(p_x) + spread)/N**2
"""

# Of v = (0, alpha theta_0, w) beside B = beta Sigma^-1.
VALUE = """\
u = w*theta + alpha*theta_0
C = n*inner(u, theta) + (d + 2)*alpha*inner(theta_0, theta)
P = (n*(n + 1 + d)*norm2(u) + n*d*w**2*sigma2 + 2*n*(d + 2)*alpha*inner(u, theta_0)
     + (d + 2)*(d + 4)*alpha**2*norm2(theta_0))
risk = sigma2 + norm2(theta) - 2*beta*C/N + beta**2*P/N**2
"""

_RIDGE = "*inv((m + 1)*Sigma + (trace(Psi @ Sigma) + sigma2)*inv(Psi))\n"
_TRAINED = f"P = (m + 1){_RIDGE}"
_HELD = """\
b = sqrt(trace(P @ P))
h = trace(inv(Sigma) @ inv(Sigma))/(d + 4)**2
alpha = 1
beta = 1/(d + 4)
w = sqrt(b)*sqrt((b + sqrt(b**2 + 4*h*(theta_0 @ theta_0)))/(2*h))
"""


def _printed(N: str, trained: str, lines: str) -> str:
    return f"N = {N}\n{trained}{lines}".replace("theta_0", "theta0").rstrip("\n")


def _beside(tokens: int) -> dict[str, str]:
    """Lines of what stands beside the pretrained layer; ``tokens``: by how many a prompt's N is above n, before any shot."""
    return {"soft_prompt": f"N_0 = {tokens}\n{PROMPT}", "skip": SKIP, "new_head": "N_0 = 1\n" + HEAD}


def frozen_lines(name: str, normalization: object, as_pretrained: bool, endless: bool) -> str | None:
    """Lines, in any of the conventions, of a strategy that leaves the layer as pretrained; None for others.

    The query's own token adds nothing to such a layer, masked or not. ``as_pretrained``: nothing is beside the layer either.
    ``endless``: infinitely many shots in pretraining.

    Examples
    --------
    >>> print(frozen_lines("skip", "shots", False, True).partition("spread")[0])
    N = maximum(n, 1)
    P = inv(Sigma)
    """
    if normalization not in ("tokens", "shots"):
        return None
    tokens = 2 if name == "soft_prompt" and normalization == "tokens" else 1
    body = FROZEN.replace("R_0 =", "risk =") if as_pretrained else _beside(tokens).get(name)
    if body is None:
        return None
    N, N_m = (f"n + {tokens}", "(m + 1)") if normalization == "tokens" else ("maximum(n, 1)", "m")
    return _printed(N, "P = inv(Sigma)\n" if endless else f"P = {N_m}{_RIDGE}", body)


GENERAL = {
    "soft_prompt": _printed("n + 2", _TRAINED, _beside(2)["soft_prompt"]),
    "skip": _printed("n + 1", _TRAINED, SKIP),
    "frozen_q": _printed("n + 1", _TRAINED, _HELD + VALUE),
    "new_head": _printed("n + 1", _TRAINED, _beside(1)["new_head"]),
}
