r"""R0.formula and R0.squares: the printed sum of squares over N^2, and that orthogonal squares are the quadratic form.

Both are arithmetic: of `risk_formula` and `prompt` for squares and variances that are free symbols, and of `space`'s
Gram-Schmidt in every case in which vectors degenerate. R0 says what the squares and variances are.
"""

from __future__ import annotations

from typing import Any

from sympy import ZZ
from sympy.polys.fields import field

from ..contractions import RiskTerms, Square
from ..prompt import beyond_shots, tokens
from ..risk_formula import exact_risk_formula, quadratic, risk_at
from ..space import orthogonal, polarised
from ..wick import Vector, substitute, vector
from .printed_lines import run_lines
from .theorem import Proof, Theorem

FORMULA = """\
eta = N - n
risk = sigma2 + (g_1*(n*a_1 + e_1 - (1 - eta)*t_1)**2 + g_2*(n*a_2 + e_2 - (1 - eta)*t_2)**2 + n*V + W)/N**2
"""

SQUARES = """\
g_1 = norm2(t)
g_2 = norm2(e - e_1*t)
g_3 = norm2(a - a_1*t - a_2*(e - e_1*t))
norm2(n*a + e - m*t) == g_1*(n*a_1 + e_1 - m)**2 + g_2*(n*a_2 + 1)**2 + g_3*n**2
"""


def derive_formula(proof: Proof) -> None:
    """The arithmetic of `risk_formula` and `prompt`, for squares and variances that are free symbols."""
    proof.step(
        "The printed sum of squares with its divisor, for free symbols and any N. The printed count of tokens is N = n "
        "+ 1 with 'tokens' and N = n with 'shots', but for n = 0, where N = 1 with both. A sum over squares is a loop: "
        "two of them stand for any number. (The code's intercept is $e_k - t_k$, what is left of $e_k$ where N = n.)"
    )
    names = "n N sigma2 V W " + " ".join(f"g_{k} a_{k} e_{k} t_{k}" for k in (1, 2))
    K, *generators = field(names, ZZ)
    known = dict(zip(names.split(), generators, strict=True))
    n, N, noise, V, W, *rest = generators
    squares = tuple(Square(g, a, e - t, t) for g, a, e, t in (rest[:4], rest[4:]))
    terms = RiskTerms(noise, squares, V, W)
    proof.formula("the risk at n shots", FORMULA, known, risk=risk_at(terms, n, N, N - n), main=True)
    cases = [("tokens", n, n + 1), ("shots", n, n), ("shots", 0, 1), ("shots", 1, 1), ("tokens", 0, 1), (N, n, N)]
    proof.zeros(
        "exact_risk_formula: both normalizations and an N of one's own, n a symbol",
        [
            exact_risk_formula(terms, count, normalization)
            - run_lines(FORMULA, known | {"n": K(count), "N": K(of_tokens)})[0]["risk"]
            for normalization, count, of_tokens in cases
        ],
    )
    counts = [(beyond_shots(c, kind, k), tokens(c, kind, k) - c) for kind, c, _ in cases for k in (0, 2)]
    proof.zeros("N - n, also with a prompt of two tokens", [K(known) - formed for known, formed in counts])
    risk = exact_risk_formula(terms, n, "tokens")
    coefficients = dict(zip(("c_0", "c_1", "c_2"), quadratic(terms, 1, 0), strict=True))
    proof.formula(
        "where the query counts as a token: a parabola over a square",
        "risk = sigma2 + (c_0 + c_1*n + c_2*n**2)/(n + 1)**2",
        known | coefficients,
        risk=risk,
        main=True,
    )
    c_0, c_1, c_2 = quadratic(terms, N, K(-1))
    proof.zero(
        "the same parabola for a fixed N", noise + (c_0 + c_1 * n + c_2 * n**2) / N**2 - risk_at(terms, n, N, N - n)
    )
    proof.step(r"As $n \to \infty$ the difference to $\sigma^2 + c_2$ vanishes, since it has $1/N$ as a factor.")
    proof.formula(
        "the limit of many shots",
        "limit = sigma2 + c_2\nrisk - limit == ((c_1 - 2*c_2)*n + c_0 - c_2)/(n + 1)**2",
        known | coefficients | {"risk": risk},
    )


def derive_squares(proof: Proof) -> None:
    r"""Gram-Schmidt gives back the quadratic form, whichever of the vectors degenerate."""
    proof.step(
        "In the order t, e, a any three vectors are $t = l_1 f_1$, $e = c_1 f_1 + l_2 f_2$, $a = c_2 f_1 + c_3 f_2 + l_3 "
        "f_3$ in an orthonormal frame, where a length $l_k$ is zero or not (and $f_k$ is absent where it is zero): "
        "eight cases, which are those that the printed code tells apart."
    )
    K, n, m, *numbers = field("n m l_1 l_2 l_3 c_1 c_2 c_3", ZZ)
    frame = [vector(f"f_{i}") for i in range(3)]
    orthonormal = {frame[i] @ frame[j]: int(i == j) for i in range(3) for j in range(3)}

    def product(u: Vector, v: Vector) -> Any:
        return substitute(u @ v, orthonormal).as_coefficient()

    def norm2(u: Any) -> Any:
        u = Vector() + u  # sympy makes a number of a coefficient times the zero vector
        return product(u, u)

    for case in range(8):
        l_1, l_2, l_3 = (length if case >> i & 1 else K.zero for i, length in enumerate(numbers[:3]))
        c_1, c_2 = (c if l_1 else K.zero for c in numbers[3:5])
        c_3 = numbers[5] if l_2 else K.zero
        t = frame[0] * l_1
        e = frame[0] * c_1 + frame[1] * l_2
        a = frame[0] * c_2 + frame[1] * c_3 + frame[2] * l_3
        squares = orthogonal((a, e, t), product)
        for with_e, sum_of in (
            (1, squares),
            (1, polarised((a, e, t), product)),
            (0, orthogonal((a, None, t), product)),  # None stands for zero
            (0, polarised((a, None, t), product)),
        ):
            whole = a * n + e * with_e - t * m
            total = sum(g * (n * s + i * with_e - m * h) ** 2 for g, s, i, h in sum_of)
            proof.zero(f"orthogonal squares, case {case}", total - product(whole, whole))
        first, second, _ = squares
        names = {"a_1": first.slope, "e_1": first.intercept, "a_2": second.slope, "n": n, "m": m, "norm2": norm2}
        names |= {"a": a, "e": e, "t": t}
        weights = {f"g_{k}": square.weight for k, square in enumerate(squares, 1)}
        known, ((_, gap),) = run_lines(SQUARES, names)
        proof.zeros(f"squared lengths as weights, case {case}", [gap, *(known[g] - weights[g] for g in weights)])
    proof.step("Each weight is the squared length of what is left of a vector, hence not negative.")
    proof.formula("in any metric; each square in the order t, e, a", SQUARES, names, main=True, **weights)


THEOREMS = (
    Theorem(
        "R0.formula",
        "the printed formula is this sum over N^2, in both normalizations",
        r"For squares $g_k$, $a_k$, $e_k$, $t_k$ (here two, or any number), V and W the printed risk is as follows. "
        r"With $N = n + 1$ it is a quadratic in n over $N^2$, and tends to $\sigma^2 + c_2$ as $n \to \infty$.",
        (),
        "new here",
        derive_formula,
    ),
    Theorem(
        "R0.squares",
        "orthogonal squares are the quadratic form",
        r"The squared length of $n a + e - m t$ is a sum of three squares with weights $g_k \ge 0$, as follows, also "
        "where vectors are dependent (a coefficient that would divide by zero is zero).",
        (),
        "Gram and Schmidt",
        derive_squares,
    ),
)
