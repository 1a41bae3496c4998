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

from typing import NamedTuple

from .kinds import Number
from .space import Images, Operator, Space, Square, Vector, exact_quotient

__all__ = ["Head", "Inputs", "Layer", "RiskTerms", "Square", "Tasks", "contract"]


class Head(NamedTuple):
    """One head: v, the last row of its value matrix, and Q, its merged key-query matrix, in token space.

    What a law knows beforehand saves products, or digits that differences would lose: ``product`` is Q times the inputs'
    covariance, Q being symmetric, and ``residual`` the inputs' identity less that product, for a model that reads neither
    a constant nor (in Q) labels. ``anchor`` is a task, at which v is given: v + w (theta - anchor) is what a task sees.
    """

    v: Vector
    Q: Operator
    product: Operator | None = None
    residual: Operator | None = None
    anchor: Vector | None = None


class Layer(NamedTuple):
    """What predicts: heads, prompt tokens, a skip, and whether the query attends to itself.

    ``own`` are the heads as the query's own token meets them; None: the same. (They differ in a limit of parameters that
    run to infinity.)
    """

    heads: tuple[Head, ...]
    attends: bool = True
    prompt: tuple[Vector, ...] = ()
    skip: Vector | None = None
    own: tuple[Head, ...] | None = None


class Inputs(NamedTuple):
    """The laws of the tokens (1, x, noise) and (1, x_q, 0): covariances and means in token space."""

    shot: Operator
    mean: Vector
    query: Operator
    query_mean: Vector
    noise_variance: Number
    shifted: bool = False  # whether the query's inputs have another covariance than the shots'


class Tasks(NamedTuple):
    r"""Tasks :math:`\bar\theta + \delta`: their mean, and the law of :math:`\delta`.

    ``spread`` is :math:`E\,\delta\delta^\top`, None for one fixed task; ``fourth_moment`` is :math:`\kappa` in
    :math:`E(\delta^\top X\delta)^2 = \kappa\,[(\mathrm{tr} XP)^2 + 2\,\mathrm{tr} XPXP]`: 1 for Gaussian tasks, d/(d+2) on a
    sphere. ``power_variance`` is the variance of :math:`\delta^\top M\delta`, M the inputs' second moment, where it is known
    beforehand: none on a sphere among inputs without a direction.
    """

    mean: Vector
    spread: Operator | None = None
    fourth_moment: Number = 1
    power_variance: Number | None = None


class RiskTerms(NamedTuple):
    """The contractions of a layer with a task that the risk formula speaks in; free of n and N."""

    noise_variance: Number
    squares: tuple[Square, ...]
    per_shot: Number  # V
    fixed: Number  # W


def contract(space: Space, inputs: Inputs, layer: Layer, tasks: Tasks) -> RiskTerms:
    """The contractions of a layer on a task, or on average over tasks."""
    return _Contraction(space, inputs, layer, tasks).terms()


class _Contraction:
    """One layer in one world."""

    def __init__(self, space: Space, inputs: Inputs, layer: Layer, tasks: Tasks) -> None:
        self.space, self.inputs, self.layer, self.tasks = space, inputs, layer, tasks
        met = [_Own(space, inputs, head) for head in layer.heads]
        self.heads = [_Met(space, inputs, own, tasks.mean) for own in met]
        self.own = met if layer.own is None else [_Own(space, inputs, head) for head in layer.own]

    def product(self, a: Vector, b: Vector) -> Number:
        """<a, b> = E (a.z_q)(b.z_q)."""
        mean = self.inputs.query_mean
        return a @ (self.inputs.query @ b) + (a @ mean) * (b @ mean)

    def terms(self) -> RiskTerms:
        """All of it."""
        space, tasks, layer = self.space, self.tasks, self.layer
        truth = tasks.mean if layer.skip is None else tasks.mean - layer.skip
        slope, intercept = self._slope(truth), 0 * truth
        if layer.attends:
            for own in self.own:
                intercept = intercept - own.linear()
        for token in layer.prompt:
            for head in layer.heads:
                intercept = intercept - (head.v @ token) * (head.Q @ token)
        per_shot = self._variance()
        squares: tuple[Square, ...] = ()
        if tasks.spread is not None:
            slope, more, added = self._spread(slope)
            squares, per_shot = more, per_shot + added
        squares = (*space.squares((slope, intercept, truth), self.inputs.query, self.inputs.query_mean), *squares)
        return RiskTerms(self.inputs.noise_variance, squares, per_shot, self._excess())

    def _slope(self, truth: Vector) -> Vector:
        """a: the truth less what a shot contributes in the mean."""
        if len(self.heads) == 1 and self.heads[0].residual is not None and self.layer.skip is None:
            (head,) = self.heads
            return head.residual @ truth + head.right @ (truth - head.w * truth - head.given)
        for head in self.heads:
            truth = truth - head.response
        return truth

    def _variance(self) -> Number:
        """V: of one shot's term, given the query, on average over the query."""
        total: Number = 0
        for one in self.heads:
            for two in self.heads:
                values = one.v @ two.Cv
                keys = self.space.trace_of_product(one.left, two.right)
                keys = keys + one.at_mean @ (self.inputs.shot @ two.at_mean)
                total = total + (values + one.constant * two.constant) * keys
                crossed = one.Q @ two.Cv
                total = total + self.product(two.Q @ one.Cv, crossed)
                total = total + 2 * (one.constant * self.product(two.scores, crossed))
                total = total + self.product(one.scores, two.scores) * values
        return total

    def _excess(self) -> Number:
        """W: the mean square of the quadratic and cubic Hermite parts of the query's own token."""
        total: Number = 0
        if not self.layer.attends:
            return total
        cov = self.inputs.query
        for one in self.own:
            for two in self.own:
                squared = exact_quotient(self.space.trace_of_product(one.SC, two.SC.T), 2)  # 2 tr S C S' C
                values = one.v @ two.Cv
                C_scores = cov @ two.scores
                turned = one.doubled(two.Cv)
                total = total + squared * values + turned @ (cov @ two.doubled(one.Cv))  # cubic
                total = total + one.value * two.value * squared + 2 * (one.value * (turned @ C_scores))  # quadratic
                total = total + (one.scores @ C_scores) * values + (one.scores @ two.Cv) * (one.Cv @ two.scores)
        return total

    def _spread(self, slope: Vector) -> tuple[Vector, tuple[Square, ...], Number]:
        r"""What tasks around their mean add: to a, to the squares, to V.

        A shot sees :math:`\delta^\top\bar z` as its label's share: given the query it adds
        :math:`(\delta^\top\bar z)\,g^\top\bar z` with :math:`g = G^\top z_q`, and :math:`(\delta^\top\bar z)^2 u^\top z_q`.
        """
        space, inputs, P, kappa = self.space, self.inputs, self.tasks.spread, self.tasks.fourth_moment
        C, mean, query, query_mean = inputs.shot, inputs.mean, inputs.query, inputs.query_mean
        u = 0 * slope
        G = G_C = space.outer(u, u)
        for met in self.heads:
            u = u + met.w * met.keyed
            G = G + met.w * met.Q + space.outer(met.keyed, met.v)
            G_C = G_C + met.w * met.right + space.outer(met.keyed, met.Cv)
        G_mean, at_mean = G @ mean, query_mean @ G
        P_mean = P @ mean
        C_P_mean = C @ P_mean
        CP = C @ P
        power, power2 = space.trace(CP), space.trace_of_product(CP, CP.T)  # tr PC, tr PCPC
        own, own2 = mean @ P_mean, P_mean @ C_P_mean
        moment, moment2 = power + own, power2 + 2 * own2 + own * own  # tr PM, tr PMPM with M = C + mean mean'
        weight = self.product(u, u)

        linear = Images(G_C, query @ G_C + space.outer(query_mean, query_mean @ G_C), G_C @ P)
        keys = space.trace_of_product(query @ G, G_C) + at_mean @ (C @ at_mean)  # tr M_q G C G'
        added = (power + own) * keys + space.trace_of_product(linear.left, linear.right)  # and tr M_q G CPC G'
        added = added + power * self.product(G_mean, G_mean) + 2 * self.product(G_mean, G @ C_P_mean)
        for met in self.heads:
            along = met.Q @ (C @ (P @ met.Cv) + met.constant * C_P_mean) + (met.v @ C_P_mean) * met.scores
            added = added + 4 * self.product(u, along)
        added = added + weight * (kappa * (2 * (power * power + 2 * power2) + 4 * (own * power + 2 * own2)))

        one = space.token_operator(space.identity, 0)
        truth = Images(one, query @ one + space.outer(query_mean, query_mean @ one), one @ P)
        constant = space.outer(G_mean, mean)
        linear = linear + Images(
            constant,
            space.outer(query @ G_mean + (query_mean @ G_mean) * query_mean, mean),
            space.outer(G_mean, P_mean),
        )
        slopes = truth - linear
        if len(self.heads) == 1 and self.heads[0].residual is not None:
            (head,) = self.heads
            rest = head.residual + (1 - head.w) * head.right
            slopes = Images(rest, query @ rest, rest @ P)
        squares = space.squares_of_operators(slopes, truth, inputs.query, query_mean, P)
        variance = self.tasks.power_variance
        if variance is None:
            variance = kappa * (moment * moment + 2 * moment2) - moment * moment
        spread = Square(weight * variance, 1, 0, 0)
        return slope - moment * u, (*squares, spread), added


class _Own:
    """A head as the query's own token meets it."""

    def __init__(self, space: Space, inputs: Inputs, head: Head) -> None:
        cov, mean = inputs.query, inputs.query_mean
        self.space = space
        self.v, self.Q, product, self.residual, self.anchor = head
        self.QC = self.Q @ cov if product is None else product
        self.CQ = cov @ self.Q if product is None else product.T
        self.SC = self.QC + self.CQ.T  # 2 S C, S the symmetric part of Q: zero to within its rounding where S is
        self.Cv = cov @ self.v
        self.value = self.v @ mean
        self.scores = self.doubled(mean)  # 2 S mean
        self.score = mean @ (self.Q @ mean)

    def doubled(self, x: Vector) -> Vector:
        """2 S x, S the symmetric part of Q."""
        return self.Q @ x + x @ self.Q

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
        self.given, self.residual = own.v, own.residual
        self.v = own.v + self.w * (task if own.anchor is None else task - own.anchor)
        self.Q = own.Q + space.outer(self.keyed, task)
        self.Cv = C @ self.v
        self.constant = self.v @ mean
        self.scores = self.Q @ mean
        self.at_mean = inputs.query_mean @ self.Q
        self.left = own.CQ + space.outer(inputs.query @ self.keyed, task)  # C_q Q
        if inputs.shifted:
            self.right = self.Q @ C
        else:  # C = C_q but for the label's noise
            self.right = own.QC + space.outer(self.keyed, C @ task + inputs.noise_variance * space.label)
        self.response = self.Q @ self.Cv + self.constant * self.scores
