"""The risk of each strategy as short Python lines, for a reader to copy; R11 runs these very lines on symbols.

Convention: N = n + 1 ("tokens"), the balanced value scale, the limit lambda -> 0+, and the same m in both training
losses. Pages make the mathematics from the lines (:mod:`theory.python_to_latex`). A setup and the lines, joined by
:func:`program`, are a whole program.
"""

from __future__ import annotations

_EXAMPLE = """\
# Example values, to be replaced by your own.
n = 10  # shots in the prompt
m = 20  # shots in training
d = 5  # dimension of the inputs
sigma2 = 0.1  # variance of the label noise"""

# Before the general lines, which take NumPy arrays Sigma, Psi, theta0, theta, I and numbers n, m, d, sigma2.
PREAMBLE = """\
from numpy import arange, diag, eye, ones, sqrt, trace
from numpy.linalg import inv, solve

def norm2(a):  # |a|^2 in the metric Sigma
    return a @ Sigma @ a

def inner(a, b):
    return a @ Sigma @ b"""
GENERAL_SETUP = f"""\
{PREAMBLE}

{_EXAMPLE}
Sigma = eye(d) + 0.5*ones((d, d))  # covariance of the inputs
Psi = diag(1/arange(1, d + 1))  # E theta theta' of the tasks of pretraining
theta0 = eye(d)[0]  # the target
theta = ones(d)/d  # the task of the evaluation
I = eye(d)"""

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
UNIT_TASK_SETUP = f"""\
from numpy import sqrt

{_EXAMPLE}
cosine = 0.5  # of the angle between task and target: 1 on the target, -1 on its opposite

# On a task of unit length:
{UNIT_TASK}"""
UNSEEN_AVERAGE_SETUP = f"""\
from numpy import sqrt

{_EXAMPLE}

# On the average over unseen tasks, uniform on the unit sphere: the averages of the cosine and of its square.
{UNSEEN_AVERAGE}"""

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


def program(setup: str, lines: str) -> str:
    """Python that runs as it is and prints the risk.

    Examples
    --------
    >>> exec(program("n, sigma2 = 3, 0.5", "N = n + 1\\nrisk = sigma2 + n/N"))
    1.25
    """
    return f"{setup}\n\n{lines}\nprint(risk)\n"
