"""The risk of each strategy as short Python lines, for a reader to copy; R11 runs these very lines on symbols.

Convention: N = n + 1 ("tokens"), the balanced value scale, the limit lambda -> 0+, and the same m in both training
losses. Pages make the mathematics from the lines (:mod:`theory.python_to_latex`). A setup and the lines, joined by
:func:`program`, are a whole program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MEANING = {
    "n": "shots in the prompt", "m": "shots in training", "k": "shots of the few-shot loss", "d": "dimension of the inputs",
    "sigma2": "variance of the label noise", "N": "what the attention sum is divided by", "w_0": "V_yy after pretraining",
    "kappa": "weight of the zero-shot loss", "lam": "weight of the few-shot loss", "mu": "weight of the replayed pretraining loss",
    "rho": "weight of the pull to the start", "t": "time of the flow",
}  # fmt: skip
EXAMPLE: dict[str, Any] = {"n": 10, "m": 20, "d": 5, "sigma2": 0.1}


def example(numbers: Mapping[str, Any]) -> str:
    """Lines that give the numbers their values, each with what it is.

    Examples
    --------
    >>> print(example({"n": 3, "sigma2": 0.5}))
    # Example values, to be replaced by your own.
    n = 3  # shots in the prompt
    sigma2 = 0.5  # variance of the label noise
    """
    lines = [
        f"{name} = {value}" + (f"  # {_MEANING[name]}" if name in _MEANING else "") for name, value in numbers.items()
    ]
    return "\n".join(["# Example values, to be replaced by your own.", *lines])


# Before the general lines, which take NumPy arrays Sigma, Psi, theta0, theta, I and numbers n, m, d, sigma2.
PREAMBLE = """\
from numpy import arange, diag, eye, ones, sqrt, trace
from numpy.linalg import inv, solve

def norm2(a):  # |a|^2 in the metric Sigma
    return a @ Sigma @ a

def inner(a, b):
    return a @ Sigma @ b"""
_ARRAYS = {
    "Sigma": ("eye(d) + 0.5*ones((d, d))", "covariance of the inputs"),
    "Psi": ("diag(1/arange(1, d + 1))", "E theta theta' of the tasks of pretraining"),
    "theta0": ("eye(d)[0]", "the target"),
    "theta": ("ones(d)/d", "the task of the evaluation"),
}
_ON_SPHERE = "not to be replaced: these tasks, and those of the average below, are uniform on the unit sphere"


def general_setup(numbers: Mapping[str, Any], fixed: bool = False, **arrays: str) -> str:
    """What stands before general lines; the arrays are NumPy expressions, with an example for those that are not given.

    ``fixed``: Psi is no example, for what follows averages over the sphere.

    Examples
    --------
    >>> print(general_setup({"d": 2}, theta="theta0").partition("Example")[2])
     values, to be replaced by your own.
    d = 2  # dimension of the inputs
    Sigma = eye(d) + 0.5*ones((d, d))  # covariance of the inputs
    Psi = diag(1/arange(1, d + 1))  # E theta theta' of the tasks of pretraining
    theta0 = eye(d)[0]  # the target
    theta = theta0  # the task of the evaluation
    I = eye(d)
    """
    known = {**_ARRAYS, "Psi": ("eye(d)/d", _ON_SPHERE)} if fixed else _ARRAYS
    lines = [f"{name} = {arrays.get(name, value)}  # {told}" for name, (value, told) in known.items()]
    return "\n".join([PREAMBLE, "", example(numbers), *lines, "I = eye(d)"])


GENERAL_SETUP = general_setup(EXAMPLE)

_PRODUCT = """\
N = n + 1
K = (m + 1)*inv((m + 1)*Sigma + (trace(Psi @ Sigma) + sigma2)*inv(Psi))
"""
_PRETRAINED = f"""\
{_PRODUCT}M = K @ Sigma
risk = sigma2 + (
    norm2(N*theta - n*M @ theta) + n*((norm2(theta) + sigma2)*trace(M @ M) + norm2(M @ theta))
)/N**2"""
_VALUE = f"""\
{_PRODUCT}M = K @ Sigma
t1 = trace(M)
t2 = trace(M @ M)
y = solve((t1**2 + 2*t2)*I + 4*t1*M + 8*(M @ M), theta0)
v = t1*y + 2*M @ y
"""
_VALUE_RISK = """
risk = sigma2 + (
    norm2(N*theta - n*M @ u - (t1*I + 2*M) @ v)
    + n*((norm2(u) + %s)*t2 + norm2(M @ u))
    + 2*t2*norm2(v) + 4*norm2(M @ v)
)/N**2"""

GENERAL = {
    "pretrained": _PRETRAINED,
    "zero_shot": f"""\
{_PRODUCT}b = sqrt(trace(K @ K))
omega = sqrt(b)*sqrt((b + sqrt(b**2 + 4*(theta0 @ theta0)))/2)
risk = sigma2 + (norm2(N*theta - theta0) + n*(norm2(theta0 + omega*theta) + omega**2*sigma2))/N**2""",
    "zero_shot_value": f"""\
{_VALUE}u = v + theta{_VALUE_RISK % "sigma2"}""",
    "zero_shot_kq": _PRETRAINED,
    "mixed": """\
N = n + 1
s = norm2(theta0)
rho = sigma2/s
p = (m*sqrt(rho*(1 + rho)) - rho)/(m + 2)
omega = (sqrt(p) - 1)/(1 + rho)
D = m*sqrt(p)/(s*((m + 2)*p + rho))
nu = norm2(theta) + sigma2
H = inner(theta0, theta) + omega*nu
T = norm2(theta0 + omega*theta) + omega**2*sigma2
risk = sigma2 + (norm2(N*theta - (1 + n*D*H)*theta0) + n*(T + D**2*s*(T*nu + H**2)))/N**2""",
    "mixed_value": f"""\
{_VALUE}r = (m + 3)*(M @ M @ theta0) + t1*M @ theta0 + t2*theta0
w = ((m + 1)*inner(theta0, M @ theta0) - inner(r, v))/((m + 1)*norm2(M @ theta0) + t2*(norm2(theta0) + sigma2))
u = v + w*theta{_VALUE_RISK % "w**2*sigma2"}""",
    "mixed_kq": """\
N = n + 1
kappa = (m + 1)/((m + 2)*(norm2(theta0) + sigma2))
nu = norm2(theta) + sigma2
risk = sigma2 + (norm2(N*theta - n*kappa*nu*theta0) + 2*n*kappa**2*nu**2*norm2(theta0))/N**2""",
}

_GAIN = """\
N = n + 1
a = (m + 1)/(m + 1 + d + d*sigma2)
"""
_ISOTROPIC_PRETRAINED = f"""\
{_GAIN}risk = sigma2 + ((N - n*a)**2 + n*a**2*(d + 1 + d*sigma2))/N**2"""
_ISOTROPIC_VALUE_RISK = """
h = alpha**2 + w**2 + 2*alpha*w*cosine
risk = sigma2 + (
    (N - n*w)**2 + (n + d + 2)**2*alpha**2 - 2*(N - n*w)*(n + d + 2)*alpha*cosine
    + n*((d + 1)*h + d*w**2*sigma2) + 2*(d + 2)*alpha**2
)/N**2"""

# Before the isotropic lines, Sigma = I and |theta_0| = 1: what square is on a task of unit length, whose cosine with the
# target may be any number, and what both are on the average over unseen tasks. R11 runs these lines too.
UNIT_TASK = "square = cosine**2"
UNSEEN_AVERAGE = "cosine = 0\nsquare = 1/d"
_COSINE = "of the angle between task and target: 1 on the target, -1 on its opposite"
_UNIT_TASK = f"# On a task of unit length:\n{UNIT_TASK}"
_UNSEEN = f"# On the average over unseen tasks, uniform on the unit sphere: the averages of the cosine and of its square.\n{UNSEEN_AVERAGE}"


def isotropic_setup(numbers: Mapping[str, Any], cosine: Any, imports: str = "sqrt", square: bool = True) -> str:
    """What stands before isotropic lines; a cosine of None is the average over unseen tasks.

    ``square``: whether the lines ask for the mean square of the cosine.

    Examples
    --------
    >>> print(isotropic_setup({"n": 3}, None))
    from numpy import sqrt
    <BLANKLINE>
    # Example values, to be replaced by your own.
    n = 3  # shots in the prompt
    <BLANKLINE>
    # On the average over unseen tasks, uniform on the unit sphere: the averages of the cosine and of its square.
    cosine = 0
    square = 1/d
    """
    head = f"from numpy import {imports}\n\n{example(numbers)}\n"
    if cosine is not None:
        head += f"cosine = {cosine}  # {_COSINE}\n"
    place = _UNSEEN if cosine is None else _UNIT_TASK
    return f"{head}\n{place}" if square else head.rstrip("\n")


UNIT_TASK_SETUP = isotropic_setup(EXAMPLE, 0.5)
UNSEEN_AVERAGE_SETUP = isotropic_setup(EXAMPLE, None)

ISOTROPIC = {
    "pretrained": _ISOTROPIC_PRETRAINED,
    "zero_shot": f"""\
{_GAIN}b = a*sqrt(d)
omega = sqrt(b)*sqrt((b + sqrt(b**2 + 4))/2)
risk = sigma2 + (N**2 - 2*N*cosine + 1 + n*(1 + 2*omega*cosine + omega**2*(1 + sigma2)))/N**2""",
    "zero_shot_value": f"""\
{_GAIN}alpha = 1/(d + 4)
w = a{_ISOTROPIC_VALUE_RISK}""",
    "zero_shot_kq": _ISOTROPIC_PRETRAINED,
    "mixed": """\
N = n + 1
p = (m*sqrt(sigma2*(1 + sigma2)) - sigma2)/(m + 2)
omega = (sqrt(p) - 1)/(1 + sigma2)
D = m*sqrt(p)/((m + 2)*p + sigma2)
z = omega*(1 + sigma2)
T = 1 + 2*omega*cosine + omega*z
H = square + 2*z*cosine + z**2
risk = sigma2 + (
    N**2 - 2*N*(cosine + n*D*(square + z*cosine)) + 1 + 2*n*D*(cosine + z)
    + n*(n + 1)*D**2*H + n*T*(1 + D**2*(1 + sigma2))
)/N**2""",
    "mixed_value": f"""\
N = n + 1
alpha = 1/(d + 4)
w = (m + 1 - (m + 3 + 2*d)/(d + 4))/(m + 1 + d + d*sigma2){_ISOTROPIC_VALUE_RISK}""",
    "mixed_kq": """\
N = n + 1
g = (m + 1)/(m + 2)
risk = sigma2 + (N**2 - 2*N*n*g*cosine + n*(n + 2)*g**2)/N**2""",
}


_DIRECTIONS = """\
# The average over {tasks}: exact, by Stroud's rule of degree 5, for the risk has degree 4 in theta.
ends = [sign*e for e in I for sign in (1, -1)]
pairs = [(i*e + j*f)/sqrt(2) for k, e in enumerate(I) for f in I[:k] for i in (1, -1) for j in (1, -1)]
tasks = ends + pairs
weights = [(4 - d)/(2*d*(d + 2))]*len(ends) + [1/(d*(d + 2))]*len(pairs)
"""
_GAUSSIAN = """\
tasks = [0*theta0] + [sqrt(d + 2)*cholesky(Psi) @ u for u in tasks]
weights = [2/(d + 2)] + [d/(d + 2)*weight for weight in weights]
"""


def program_of_average(setup: str, lines: str, gaussian: bool) -> str:
    """The same for general lines on average over unseen tasks: N(0, Psi), or uniform on the unit sphere."""
    tasks = _DIRECTIONS.format(tasks="theta ~ N(0, Psi)" if gaussian else "the unit sphere") + (
        _GAUSSIAN if gaussian else ""
    )
    setup = setup.replace("import inv", "import cholesky, inv") if gaussian else setup
    body = "\n".join(f"    {line}" for line in lines.splitlines())
    return f"{setup}\n\n{tasks}total = 0\nfor theta, weight in zip(tasks, weights):\n{body}\n    total = total + weight*risk\nprint(total)\n"


def program(setup: str, lines: str) -> str:
    """Python that runs as it is and prints the risk.

    Examples
    --------
    >>> exec(program("n, sigma2 = 3, 0.5", "N = n + 1\\nrisk = sigma2 + n/N"))
    1.25
    """
    return f"{setup}\n\n{lines}\nprint(risk)\n"
