"""Gaussian (Isserlis/Wick) calculus with symbolic dimension, shot count and covariance.

Expectations of polynomials in Gaussian vectors, as exact polynomials in *contractions*: chains
``u'Sigma A Sigma v`` and loops ``tr(A Sigma B' Sigma)``. The matrices need not be symmetric nor commute; the
dimension d, the number of shots n and every other scalar are symbols. Nothing is numeric and nothing is
simplified: two results are equal if their difference has no terms left.

With prediction = (1/N) sum_i (w y_i) (x_q'B x_i), its correlation with the answer reads as on paper:

>>> from sympy import QQ
>>> from sympy.polys.rings import ring
>>> from theory.wick import Gaussian, Noise, Shots, expectation, matrix, vector
>>> K, n, w, sigma2 = ring("n w sigma2", QQ)
>>> theta, B, Sigma = vector("theta"), matrix("B"), matrix("Sigma", symmetric=True)
>>> x, x_q = Gaussian("x", covariance=Sigma), Gaussian("x_q", covariance=Sigma)
>>> eps = Noise("eps", variance=sigma2)
>>> shots = Shots(n, x, eps)
>>> y = theta @ x + eps                                         # the label of a shot
>>> prediction = w * shots.sum(y * (x_q @ B @ x))               # times N
>>> expectation((theta @ x_q) * prediction, shots, x_q)
n*w*theta'Sigma B Sigma theta

Read the modules in this order:

=============== ====================================================================================
`words`         words, chains and loops, and their canonical forms
`combinations`  exact coefficients, and the arithmetic of linear combinations
`expressions`   `Scalar`, `Vector`, `Matrix`: ``+ - * @``, `trace`, `outer`, ``.T``, ``.inverse``
`substitution`  `substitute` (the isotropic case is one substitution) and `derivative`
`gaussian`      `Gaussian`, `Noise`, `Sphere`: Stein's lemma
`samples`       `Shots`: sums over n shots, split by coincidence of indices
`averaging`     `expectation`: one variable after the other
`evaluation`    `evaluate`: the value at given rational numbers
`printing`      `text` and `latex`
=============== ====================================================================================

Sources: Isserlis (1918) and Wick (1950) for pairings; Stein (1981) for the integration by parts; Letac and
Massam (2004) for Wishart moments as polynomials in loops.
"""

from .averaging import expectation
from .evaluation import evaluate
from .expressions import Matrix, Scalar, Vector, identity, matrix, outer, trace, vector
from .gaussian import Gaussian, Noise, Sphere
from .printing import latex, text
from .samples import Shots
from .substitution import derivative, substitute

__all__ = [
    "Gaussian",
    "Matrix",
    "Noise",
    "Scalar",
    "Shots",
    "Sphere",
    "Vector",
    "derivative",
    "evaluate",
    "expectation",
    "identity",
    "latex",
    "matrix",
    "outer",
    "substitute",
    "text",
    "trace",
    "vector",
]
