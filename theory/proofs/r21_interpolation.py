r"""R21: the risk on a line between two models.

The prediction is linear in :math:`\sum_h v_h \otimes Q_h`, which is a quadratic in the share t of the way; the risk, a quadratic in the
prediction, is a quartic in t, and a quadratic where v alone or Q alone differs. Between `pretrained` and `zero_shot` its value
without shots is the line below. Source: new here; the practice is Wortsman et al. 2022 (arXiv 2109.01903).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import ZZ
from sympy.polys.fields import field

from ..interpolation import between, interpolate
from ..parameters import AttentionParameters
from ..programs import of_scalars
from ..risk_formula import risk_at
from ..wick import Scalar, derivative, matrix, vector
from . import enumeration, r0_model
from .hypotheses import Given
from .on_lines import Field
from .r0_model import BLOCKS, Blocks, printed_excess, printed_terms
from .theorem import Proof, Theorem
from .value_model import at as at_numbers

FIELD, d, s, sigma2, t, c, w_0, beta_0, N_0, other = field("d s sigma2 t c w_0 beta_0 N_0 x", ZZ)
LINE = """\
k = t*(1 - t)*c*beta_0/N_0
L_ZS = sigma2 + s*((1 - t**2)**2 - 2*(1 - t**2)*k*(d + 2) + k**2*(d + 2)*(d + 4))
"""
# Another model, whose entries are other symbols: with them the line is a general one.
ENDS = Blocks(0, vector("u"), r0_model.u_y, r0_model.root_1, r0_model.r_x, 0, 0, matrix("C"), vector("e"))


def derive(proof: Proof) -> None:
    """R21."""
    _to_zero_shot(proof)
    proof.step(
        r"Between any two models of odd symmetry, for every $\Sigma$, n and N, the risk has the degree 4 in t, and 2 where v or Q "
        "is the same; other entries add to the same product."
    )
    zeros = {"v_0": 0, "r_x": 0 * r0_model.r_x, "r_y": 0, "p": 0 * r0_model.p}
    first, second = BLOCKS._replace(**zeros), ENDS._replace(**zeros)
    for fixed, degree in (((), 4), (("q", "B", "b"), 2), (("v_x", "w"), 2)):
        end = second._replace(**{name: getattr(first, name) for name in fixed})
        line = Blocks(*(between(a, b, r0_model.t) for a, b in zip(first, end, strict=True)))
        excess = printed_excess(printed_terms(line))
        beyond = Scalar.of(excess)
        for _ in range(degree):
            beyond = derivative(beyond, r0_model.t, 1)
        proof.inequality(f"the degree is {degree}, not less, where {len(fixed)} blocks are the same", beyond != 0)
        proof.zero(f"and not more, where {len(fixed)} blocks are the same", derivative(beyond, r0_model.t, 1))
    proof.brute_force("printed: the line, and its fifth difference in the definition's risk", _enumerated())


def _to_zero_shot(proof: Proof) -> None:
    proof.step(
        r"From `pretrained`, $w_0$ and $\beta_0I$, to `zero_shot`, $v_x = c\,\theta_0$, $Q_{00} = N_0/c$: what t adds to one half of "
        r"$v_x Q_{00}$ it takes from B, and on the way $v_x$ meets what is left of it."
    )
    zero = 0 * d
    ends = ((zero, w_0, zero, beta_0, zero, zero), (c, w_0, N_0 / c, zero, zero, zero))
    scalars = [between(a, b, t) for a, b in zip(*ends, strict=True)]
    lines = Field(FIELD)
    world = lines.world(N_0, True, N_0, d=d, noise_variance=sigma2, target_norm2=s, across_norm2=other)
    terms = lines.terms(of_scalars(*map(lines.lift, scalars)), world, "target")
    names = {"d": d, "s": s, "sigma2": sigma2, "t": t, "c": c, "beta_0": beta_0, "N_0": N_0}
    loss = risk_at(terms, 0, N_0, N_0)
    proof.formula("the zero-shot loss on the line", LINE, names, L_ZS=loss, main=True)
    proof.step(
        r"It is a sum of two squares, the second of them $2(d+2)k^2$, which vanishes at the ends alone: between them the noise is not "
        r"reached. With $t = x/(1 + x)$, x goes from 0 to infinity."
    )
    k = t * (1 - t) * c * beta_0 / N_0
    second = 2 * (d + 2) * k**2
    proof.zero("the two squares", loss - sigma2 - s * ((1 - t**2 - (d + 2) * k) ** 2 + second))
    proof.word("falls", -at_numbers(loss.diff(t), {t: 0}), ("falls", "rises"))
    between_ends = at_numbers(s * second, {t: other / (1 + other)})
    proof.word("above", between_ends, ("above", "at"), also=("x > 0",))


def _enumerated() -> Iterator[tuple[Any, Any]]:
    """Six points of a line determine a polynomial of degree 5, which the risk is not."""
    d, shares = 2, range(6)

    def entries(shape: tuple[int, ...], k: int) -> Any:
        return np.array(
            [Fraction((k * j) % 7 - 3, 4) for j in range(1, 1 + int(np.prod(shape)))], dtype=object
        ).reshape(shape)

    first, second = (AttentionParameters(entries((d + 2,), k), entries((d + 2, d + 2), k + 1)) for k in (2, 4))
    risks = []
    for share in shares:
        model = interpolate(first, second, share)
        v, Q = model.entries()
        yield from zip(v, between(first.v, second.v, Fraction(share)), strict=True)
        sigma: list[list[Any]] = [[2, Fraction(1, 2)], [Fraction(1, 2), 1]]
        risks.append(enumeration.exact_risk(v.tolist(), Q.tolist(), sigma, [1, Fraction(-1, 2)], Fraction(1, 3), 1))
    yield sum(x * y for x, y in zip(risks, (-1, 5, -10, 10, -5, 1), strict=True)), 0


THEOREM = Theorem(
    name="R21",
    title="Weight interpolation: risks are quartics in the share of the way",
    statement=(
        r"On a line between two models in (v, Q) risks are polynomials in the share t of degree 4, and of degree 2 where v alone or Q "
        r"alone differs. Isotropic, from `pretrained` to `zero_shot` and a target of signal power s, the zero-shot loss is as follows: it "
        "<<falls>> at first, and up to the end is <<above>> the noise."
    ),
    assumptions=("The degree: models of odd symmetry, any Sigma, on one task; N does not depend on t.",),
    source="new here; the practice is Wortsman et al. 2022 (arXiv 2109.01903)",
    derive=derive,
    given=(Given("s > 0"), Given("c > 0"), Given("beta_0 > 0"), Given("N_0 > 0")),
)
