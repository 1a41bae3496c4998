r"""The space of the Gaussian calculus: contractions and laws on symbols, for every dimension and covariance at once.

A token's vector is :math:`(c, x, y)` and a token's operator three by three blocks over it, of scalars, vectors and matrices
of the calculus (:mod:`theory.wick`). With it the code that users call (:mod:`theory.contractions`, :mod:`theory.laws`)
runs as it stands: a proof meets the printed formula itself, and not a transcription of it.

>>> from theory.wick import matrix, vector
>>> space = Words()
>>> v, Q = space.token_vector(0, vector("v"), 0), space.token_operator(matrix("B"), 0)
>>> v @ (Q @ v)
v'B v
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..space import Space, Square, Triple, polarised
from ..wick import Matrix, Scalar, Vector, identity, outer, substitute, trace

ZERO_VECTOR, ZERO_MATRIX = Vector(), Matrix()


class TokenVector:
    """(c, x, y): a scalar, a vector, a scalar."""

    __array_ufunc__ = None  # scalars of the calculus, like NumPy's, leave products with this to __rmul__
    __slots__ = ("parts",)

    def __init__(self, constant: Any, x: Any, label: Any) -> None:
        self.parts = (constant, ZERO_VECTOR + x, label)

    def __add__(self, other: TokenVector) -> TokenVector:
        return TokenVector(*(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    def __sub__(self, other: TokenVector) -> TokenVector:
        return TokenVector(*(a - b for a, b in zip(self.parts, other.parts, strict=True)))

    def __mul__(self, factor: Any) -> TokenVector:
        return TokenVector(*(factor * a for a in self.parts))

    __rmul__ = __mul__

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, TokenOperator):
            return other.T @ self
        return (
            Scalar.of(self.parts[0] * other.parts[0]) + self.parts[1] @ other.parts[1] + self.parts[2] * other.parts[2]
        )


class TokenOperator:
    """Blocks in the order constant, inputs, label: rows of scalars or vectors."""

    __array_ufunc__ = None
    __slots__ = ("cc", "cx", "cy", "xc", "xx", "xy", "yc", "yx", "yy")

    def __init__(self, cc: Any, cx: Any, cy: Any, xc: Any, xx: Any, xy: Any, yc: Any, yx: Any, yy: Any) -> None:
        self.cc, self.cy, self.yc, self.yy = cc, cy, yc, yy
        self.cx, self.xc, self.xy, self.yx = (ZERO_VECTOR + block for block in (cx, xc, xy, yx))
        self.xx = ZERO_MATRIX + xx

    @property
    def blocks(self) -> tuple[Any, ...]:
        """All nine, row by row."""
        return (self.cc, self.cx, self.cy, self.xc, self.xx, self.xy, self.yc, self.yx, self.yy)

    @property
    def T(self) -> TokenOperator:
        """The transpose."""
        return TokenOperator(self.cc, self.xc, self.yc, self.cx, self.xx.T, self.yx, self.cy, self.xy, self.yy)

    def __add__(self, other: TokenOperator) -> TokenOperator:
        return TokenOperator(*(a + b for a, b in zip(self.blocks, other.blocks, strict=True)))

    def __sub__(self, other: TokenOperator) -> TokenOperator:
        return TokenOperator(*(a - b for a, b in zip(self.blocks, other.blocks, strict=True)))

    def __mul__(self, factor: Any) -> TokenOperator:
        return TokenOperator(*(factor * a for a in self.blocks))

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> TokenOperator:
        return TokenOperator(*(a / divisor for a in self.blocks))

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, TokenVector):
            c, x, y = other.parts
            return TokenVector(
                Scalar.of(self.cc * c) + self.cx @ x + self.cy * y,
                c * self.xc + self.xx @ x + y * self.xy,
                Scalar.of(self.yc * c) + self.yx @ x + self.yy * y,
            )
        o = other
        return TokenOperator(
            Scalar.of(self.cc * o.cc) + self.cx @ o.xc + self.cy * o.yc,
            self.cc * o.cx + self.cx @ o.xx + self.cy * o.yx,
            Scalar.of(self.cc * o.cy) + self.cx @ o.xy + self.cy * o.yy,
            o.cc * self.xc + self.xx @ o.xc + o.yc * self.xy,
            outer(self.xc, o.cx) + self.xx @ o.xx + outer(self.xy, o.yx),
            o.cy * self.xc + self.xx @ o.xy + o.yy * self.xy,
            Scalar.of(self.yc * o.cc) + self.yx @ o.xc + self.yy * o.yc,
            self.yc * o.cx + self.yx @ o.xx + self.yy * o.yx,
            Scalar.of(self.yc * o.cy) + self.yx @ o.xy + self.yy * o.yy,
        )


class Words(Space):
    """Expressions of the Gaussian calculus; what would divide is asked for, not done (`inverse`, `solve`)."""

    def __init__(self) -> None:
        self.constant, self.label = TokenVector(1, ZERO_VECTOR, 0), TokenVector(0, ZERO_VECTOR, 1)

    identity = identity

    def outer(self, left: Any, right: Any) -> Any:
        if not isinstance(left, TokenVector):
            return outer(left, right)
        (c, x, y), (p, z, q) = left.parts, right.parts
        return TokenOperator(c * p, c * z, c * q, p * x, outer(x, z), q * x, y * p, y * z, y * q)

    def trace(self, a: Any) -> Any:
        return trace(a) if isinstance(a, Matrix) else Scalar.of(a.cc) + trace(a.xx) + a.yy

    def trace_of_product(self, a: Any, b: Any) -> Any:
        return self.trace(a @ b.T)

    def ridge(self, sigma: Any, psi: Any, noise: Any) -> Any:
        """The inverse of sigma + noise psi^-1."""
        return self.inverse(sigma + noise * psi.inverse)

    def gain(self, product: Any, sigma: Any, per_token: Any) -> Any:
        return product @ sigma

    def token_vector(self, constant: Any, x: Any, label: Any) -> TokenVector:
        return TokenVector(constant, x, label)

    def token_operator(self, x: Any, label: Any) -> TokenOperator:
        return TokenOperator(0, ZERO_VECTOR, 0, ZERO_VECTOR, x, ZERO_VECTOR, 0, ZERO_VECTOR, label)

    def score(self, q: Any, r: TokenVector, p: Any, b_xx: Any, b: Any) -> TokenOperator:
        return TokenOperator(q, r.parts[1], r.parts[2], p, b_xx, b, 0, ZERO_VECTOR, 0)

    def squares(self, vectors: Triple, metric: Any, mean: Any) -> tuple[Square, ...]:
        return polarised(vectors, lambda x, y: x @ (metric @ y) + (x @ mean) * (y @ mean))

    def squares_of_operators(self, slope: Any, truth: Any, metric: Any, mean: Any, inside: Any) -> tuple[Square, ...]:
        return polarised((slope, None, truth), lambda x, y: self.trace_of_product(x.left, y.right))


class NumberedWords(Words):
    """Words in which some contractions are numbers."""

    def __init__(self, numbers: Mapping[Scalar, Any] | None = None) -> None:
        super().__init__()
        self.numbers = dict(numbers or {})

    def number(self, x: Any) -> Any:
        """A scalar with the named contractions replaced: the number that it is, if no other is left in it."""
        named = substitute(Scalar.of(x), self.numbers)
        return named.as_coefficient() if named.terms.keys() <= {()} else named

    def trace(self, a: Any) -> Any:
        return self.number(super().trace(a))

    def trace_of_product(self, a: Any, b: Any) -> Any:
        return self.number(super().trace_of_product(a, b))
