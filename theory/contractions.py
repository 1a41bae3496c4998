r"""R12: the one risk formula's contractions, for any layer, on any space.

A *layer* predicts

.. math::

    \hat y_q = \frac1N \sum_h \Bigl[ \sum_i (v_h^\top z_i)(z_q^\top Q_h z_i) + \eta\,(v_h^\top z_q)(z_q^\top Q_h z_q)
        + \sum_p (v_h^\top z_p)(z_q^\top Q_h z_p) \Bigr] + c^\top (1, x_q)

over n shots :math:`z_i = (1, x_i, y_i)`, the query :math:`z_q = (1, x_q, 0)` (:math:`\eta = 1`: it attends to itself; 0: it
is masked) and fixed prompt tokens :math:`z_p`, with a skip c. A shot is written as :math:`z = \bar z + (\theta^\top\bar z)\,e_y`
with :math:`\bar z = (1, x, \varepsilon)`: a task changes only which (v, Q) meets :math:`\bar z`, :math:`v + (v^\top e_y)\theta`
and :math:`Q + (Q e_y)\theta^\top`. With :math:`C = \mathrm{Cov}\,\bar z`, :math:`\mu = E \bar z`, and the product
:math:`\langle a, b\rangle = E(a^\top z_q)(b^\top z_q)` of the query's law,

.. math:: N^2(\mathrm{risk} - \sigma^2) = |n a + e + (N-n)\tau|^2 + n V + W,

a the bias that each shot leaves, e what the query's own token and the prompt contribute (its part linear in
:math:`z_q`, with the sign of an error), V the variance of a shot, W what the query's own token adds in its higher Hermite parts.
Everything is written with ``@``, on every space (:mod:`theory.space`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .kinds import Number
from .problem import Head, Inputs, Layer, RiskTerms, Tasks
from .space import Images, Operator, Space, Square, Vector, exact_quotient

__all__ = ["Head", "Inputs", "Layer", "Polar", "RiskTerms", "Square", "Tasks", "contract"]


def contract(space: Space, inputs: Inputs, layer: Layer, tasks: Tasks) -> RiskTerms:
    """The contractions of a layer on a task, or on average over tasks."""
    return _Contraction(space, inputs, layer, tasks).terms()


def averaged(parts: Sequence[tuple[Number, RiskTerms]]) -> RiskTerms:
    """The contractions of a weighted average of risks of one noise, the weights of sum 1."""
    if len(parts) == 1:
        return parts[0][1]
    squares = tuple(x._replace(weight=p * x.weight) for p, terms in parts for x in terms.squares)
    per_shot = sum(p * terms.per_shot for p, terms in parts)
    fixed = sum(p * terms.fixed for p, terms in parts)
    return RiskTerms(parts[0][1].noise_variance, squares, per_shot, fixed)


class _Contraction:
    """One layer in one world; ``direction``: what is added to a layer, which answers for no part of the truth."""

    def __init__(self, space: Space, inputs: Inputs, layer: Layer, tasks: Tasks, direction: bool = False) -> None:
        self.space, self.inputs, self.layer, self.tasks, self.direction = space, inputs, layer, tasks, direction
        met = [_Own(space, inputs, head) for head in layer.heads]
        self.heads = [_Met(space, inputs, own, tasks.mean) for own in met]
        self.own = met if layer.own is None else [_Own(space, inputs, head) for head in layer.own]

    def product(self, a: Vector, b: Vector) -> Number:
        """<a, b> = E (a.z_q)(b.z_q)."""
        mean = self.inputs.query_mean
        return a @ (self.inputs.query @ b) + (a @ mean) * (b @ mean)

    def terms(self) -> RiskTerms:
        """All of it."""
        space, inputs, tasks = self.space, self.inputs, self.tasks
        slope, intercept, truth = self._biases()
        per_shot = self._variance(self)
        squares: tuple[Square, ...] = ()
        if tasks.spread is not None:
            shares = self._shares()
            slope = slope - shares.moment * shares.u
            spread = Square(self._varying_power(shares, shares), 1, 0, 0)
            squares = space.squares_of_operators(
                shares.slopes, shares.truth, inputs.query, inputs.query_mean, tasks.spread
            )
            squares, per_shot = (*squares, spread), per_shot + self._spread(shares, self, shares)
        squares = (*space.squares((slope, intercept, truth), inputs.query, inputs.query_mean), *squares)
        return RiskTerms(inputs.noise_variance, squares, per_shot, self._excess(self))

    def _biases(self) -> tuple[Vector, Vector, Vector]:
        """a, e and tau, but for what tasks around their mean add to a."""
        tasks, layer = self.tasks, self.layer
        truth = 0 * tasks.mean if self.direction else tasks.mean
        if layer.skip is not None:
            truth = truth - layer.skip
        slope, intercept = self._slope(truth), 0 * truth
        if layer.attends:
            for own in self.own:
                intercept = intercept - own.linear()
        for token in layer.prompt:
            for head in layer.heads:
                intercept = intercept - (head.v @ token) * (head.Q @ token)
        if layer.recital is not None:
            intercept = intercept - layer.recital
        return slope, intercept, truth

    def _slope(self, truth: Vector) -> Vector:
        """a: the truth less what a shot contributes in the mean."""
        heads = self.heads
        if heads and heads[0].residual is not None:
            head, *heads = heads
            mean, skip = self.tasks.mean, self.layer.skip
            truth = head.residual @ mean + head.right @ ((head.start - head.w) * mean - head.given)
            truth = truth if skip is None else truth - skip
        for head in heads:
            truth = truth - head.response
        return truth

    def _variance(self, other: _Contraction) -> Number:
        """V: of one shot's term, given the query, on average over the query; with another's heads its polar form."""
        total: Number = 0
        traces = self.space.traces_of_products([one.left for one in self.heads], [two.right for two in other.heads])
        images = [self.space.images(one.Q, [two.Cv for two in other.heads]) for one in self.heads]
        back = (
            images
            if other is self
            else [self.space.images(two.Q, [one.Cv for one in self.heads]) for two in other.heads]
        )
        for i, (one, row) in enumerate(zip(self.heads, traces, strict=True)):
            for two, keys, crossed, returned in zip(other.heads, row, images[i], back, strict=True):
                values = one.v @ two.Cv
                keys = keys + one.at_mean @ (self.inputs.shot @ two.at_mean)
                total = total + (values + one.constant * two.constant) * keys
                total = total + self.product(returned[i], crossed)
                total = total + 2 * (one.constant * self.product(two.scores, crossed))
                total = total + self.product(one.scores, two.scores) * values
        return total

    def _excess(self, other: _Contraction) -> Number:
        """W: the mean square of the quadratic and cubic Hermite parts of the query's own token; likewise."""
        total: Number = 0
        if not self.layer.attends:
            return total
        cov = self.inputs.query
        traces = self.space.traces_of_products([one.SC for one in self.own], [two.SC.T for two in other.own])
        images = [one.all_doubled([two.Cv for two in other.own]) for one in self.own]
        back = images if other is self else [two.all_doubled([one.Cv for one in self.own]) for two in other.own]
        for i, (one, row) in enumerate(zip(self.own, traces, strict=True)):
            for two, trace, turned, returned in zip(other.own, row, images[i], back, strict=True):
                squared = exact_quotient(trace, 2)  # 2 tr S C S' C
                values = one.v @ two.Cv
                C_scores = cov @ two.scores
                total = total + squared * values + turned @ (cov @ returned[i])  # cubic
                total = total + one.value * two.value * squared + 2 * (one.value * (turned @ C_scores))  # quadratic
                total = total + (one.scores @ C_scores) * values + (one.scores @ two.Cv) * (one.Cv @ two.scores)
        return total

    def _shares(self) -> _Shares:
        r"""What tasks around their mean meet: a shot sees :math:`\delta^\top\bar z` as its label's share.

        Given the query it adds :math:`(\delta^\top\bar z)\,g^\top\bar z` with :math:`g = G^\top z_q`, and
        :math:`(\delta^\top\bar z)^2 u^\top z_q`.
        """
        space, inputs, P = self.space, self.inputs, self.tasks.spread
        C, mean, query, query_mean = inputs.shot, inputs.mean, inputs.query, inputs.query_mean
        u = 0 * self.tasks.mean
        G = C_G = G_C = space.nothing
        for met in self.heads:
            u = u + met.w * met.keyed
            G = space.with_dyad(G + met.w * met.Q, met.keyed, met.v)
            C_G = space.with_dyad(C_G + met.w * met.left, query @ met.keyed, met.v)
            G_C = space.with_dyad(G_C + met.w * met.right, met.keyed, met.Cv)
        G_mean, at_mean = G @ mean, query_mean @ G
        P_mean = P @ mean
        C_P_mean = C @ P_mean
        CP = C @ P
        power, power2 = space.trace(CP), space.trace_of_product(CP, CP.T)  # tr PC, tr PCPC
        own, own2 = mean @ P_mean, P_mean @ C_P_mean
        moment, moment2 = power + own, power2 + 2 * own2 + own * own  # tr PM, tr PMPM with M = C + mean mean'

        varying = Images(G_C, space.with_dyad(query @ G_C, query_mean, query_mean @ G_C), G_C @ P)
        one = space.full(space.token_identity)  # on it query and P act as on everything
        truth = Images(one, space.with_dyad(space.full(query), query_mean, query_mean @ one), space.full(P))
        if self.direction:
            truth = 0 * truth
        at_query = query @ G_mean + (query_mean @ G_mean) * query_mean
        slopes = Images(
            space.with_dyad(truth.operator - varying.operator, -1 * G_mean, mean),
            space.with_dyad(truth.left - varying.left, -1 * at_query, mean),
            space.with_dyad(truth.right - varying.right, -1 * G_mean, P_mean),
        )
        if self.heads and self.heads[0].residual is not None and all(_is_zero(head.w) for head in self.heads[1:]):
            head = self.heads[0]  # the others read no label
            rest = head.residual + (head.start - head.w) * head.right
            slopes = space.sharper(slopes, rest, query, P)
        return _Shares(
            u, G, C_G, G_C, G_mean, at_mean, varying, slopes, truth, C_P_mean, power, power2, own, own2, moment, moment2
        )  # fmt: skip

    def _varying_power(self, mine: _Shares, theirs: _Shares) -> Number:
        """What a shot's bias owes to the tasks' power, which varies from task to task."""
        kappa, moment, moment2 = self.tasks.fourth_moment, mine.moment, mine.moment2
        variance = self.tasks.power_variance
        if variance is None:
            variance = kappa * (moment * moment + 2 * moment2) - moment * moment
        return self.product(mine.u, theirs.u) * variance

    def _spread(self, mine: _Shares, other: _Contraction, theirs: _Shares) -> Number:
        """What tasks around their mean add to V; with another's heads its polar form, up to the order of the two."""
        space, kappa = self.space, self.tasks.fourth_moment
        C, P, u = self.inputs.shot, self.tasks.spread, mine.u
        C_P_mean, power, power2, own, own2 = mine.C_P_mean, mine.power, mine.power2, mine.own, mine.own2
        keys = space.trace_of_product(mine.C_G, theirs.G_C) + mine.at_mean @ (C @ theirs.at_mean)  # tr M_q G C G'
        added = (power + own) * keys
        added = added + space.trace_of_product(mine.varying.left, theirs.varying.right)  # and tr M_q G CPC G'
        added = added + power * self.product(mine.G_mean, theirs.G_mean)
        added = added + 2 * self.product(mine.G_mean, theirs.G @ C_P_mean)
        for met in other.heads:
            along = met.Q @ (C @ (P @ met.Cv) + met.constant * C_P_mean) + (met.v @ C_P_mean) * met.scores
            added = added + 4 * self.product(u, along)
        weight = self.product(u, theirs.u)
        return added + weight * (kappa * (2 * (power * power + 2 * power2) + 4 * (own * power + 2 * own2)))


class _Shares(NamedTuple):
    """What tasks around their mean meet in a layer, and what their law says of them."""

    u: Vector
    G: Operator
    C_G: Operator
    G_C: Operator
    G_mean: Vector
    at_mean: Vector
    varying: Images  # G C, and its images
    slopes: Images
    truth: Images
    C_P_mean: Vector
    power: Number
    power2: Number
    own: Number
    own2: Number
    moment: Number
    moment2: Number


class Polar:
    r"""A layer's share in a loss, as a vector of a space with a product: :math:`\mathrm{risk} - \sigma^2` is its square.

    At fixed v or Q what a layer predicts is linear in the other, so its risk is a quadratic form in its heads, and the
    risk of x_0 + sum c_i e_i is the square of the start's vector plus those of the directions. ``share`` is n/N,
    ``per_token`` 1/N: 1 and 0 at infinitely many shots.
    """

    def __init__(
        self,
        space: Space,
        inputs: Inputs,
        layer: Layer,
        tasks: Tasks,
        share: Number,
        per_token: Number,
        direction: bool = False,
    ) -> None:
        self._of = of = _Contraction(space, inputs, layer, tasks, direction)
        self._share, self._per_token = share, per_token
        slope, intercept, truth = of._biases()
        self._shares = None if tasks.spread is None else of._shares()
        if self._shares is not None:
            slope = slope - self._shares.moment * self._shares.u
            self._slopes = share * self._shares.slopes + (1 - share) * self._shares.truth
        self._bias = share * slope + per_token * intercept + (1 - share) * truth

    def __matmul__(self, other: Polar) -> Number:
        """The polar form of the risk's excess over sigma^2."""
        one, two, share, per_token = self._of, other._of, self._share, self._per_token
        per_shot, power = one._variance(two) + two._variance(one), 0
        total = one.product(self._bias, other._bias)
        if self._shares is not None and other._shares is not None:
            per_shot = per_shot + one._spread(self._shares, two, other._shares)
            per_shot = per_shot + two._spread(other._shares, one, self._shares)
            power = one._varying_power(self._shares, other._shares)
            total = total + one.space.trace_of_product(self._slopes.left, other._slopes.right)
        excess = one._excess(two) + two._excess(one)
        per_shot, excess = exact_quotient(per_shot, 2), exact_quotient(excess, 2)  # symmetric
        return total + share * (per_token * per_shot + share * power) + per_token * per_token * excess


def _is_zero(x: Number) -> bool:
    return type(x) is int and x == 0


class _Own:
    """A head as the query's own token meets it."""

    def __init__(self, space: Space, inputs: Inputs, head: Head) -> None:
        cov, mean = inputs.query, inputs.query_mean
        self.space = space
        self.v, self.Q, product, self.residual, self.anchor, self.start = head
        if product is None or inputs.shifted:  # known is the product with the shots' covariance
            self.QC, self.CQ = self.Q @ cov, cov @ self.Q
        else:
            self.QC, self.CQ = product, product.T
        self.SC = self.QC + self.CQ.T  # 2 S C, S the symmetric part of Q: zero to within its rounding where S is
        self.Cv = cov @ self.v
        self.value = self.v @ mean
        self.scores = self.doubled(mean)  # 2 S mean
        self.score = mean @ (self.Q @ mean)

    def doubled(self, x: Vector) -> Vector:
        """2 S x, S the symmetric part of Q."""
        return self.all_doubled([x])[0]

    def all_doubled(self, several: list[Vector]) -> list[Vector]:
        """The same of several vectors."""
        images = self.space.images
        return [Qx + xQ for Qx, xQ in zip(images(self.Q, several), images(self.Q.T, several), strict=True)]

    def linear(self) -> Vector:
        """The best linear approximation of the query's own term."""
        linear = (self.space.trace(self.CQ) + self.score) * self.v + self.doubled(self.Cv) + self.value * self.scores
        return linear - (2 * (self.score * self.value)) * self.space.constant


class _Met:
    """A head as the shots of a task meet it: v and Q with the task put in."""

    def __init__(self, space: Space, inputs: Inputs, own: _Own, task: Vector) -> None:
        C, mean = inputs.shot, inputs.mean
        self.w = own.v @ space.label
        self.keyed = own.Q @ space.label
        self.given, self.residual, self.start = own.v, own.residual, own.start
        self.v = own.v + self.w * (task if own.anchor is None else task - own.anchor)
        self.Q = space.with_dyad(own.Q, self.keyed, task)
        self.Cv = C @ self.v
        self.constant = self.v @ mean
        self.scores = self.Q @ mean
        self.at_mean = inputs.query_mean @ self.Q
        self.left = space.with_dyad(own.CQ, inputs.query @ self.keyed, task)  # C_q Q
        if inputs.shifted:
            self.right = self.Q @ C
        else:  # C = C_q but for the label's noise
            self.right = space.with_dyad(own.QC, self.keyed, C @ task + inputs.noise_variance * space.label)
        self.response = self.Q @ self.Cv + self.constant * self.scores
