"""No mutant of what R12 prints is proved, and its second route stands on its own."""

from fractions import Fraction

import numpy as np
import pytest
from mutants import assert_refuted, mutate

from theory import contractions, risk_formula
from theory.contractions import Head, Inputs, Layer, Tasks, contract
from theory.kinds import FRACTIONS
from theory.matrices import Matrices
from theory.proofs import r12_layers, r12_one_head
from theory.proofs.enumeration import exact_layer_risk, exact_risk
from theory.proofs.r0_points import NOISE, covariance, rationals
from theory.proofs.theorem import Proof
from theory.risk_formula import exact_risk_formula


def array(entries):
    return np.array(entries, dtype=object)


THEOREMS = {theorem.name: theorem for theorem in (r12_layers.THEOREM, r12_one_head.THEOREM)}

MUTANTS = [
    ("R12", contractions, "_Contraction._biases", "truth - layer.skip", "truth + layer.skip"),
    ("R12", contractions, "_Contraction._biases", "(head.v @ token) * (head.Q @ token)", "(head.v @ token) * head.v"),
    ("R12", contractions, "_Contraction._biases", "if layer.attends", "if not layer.attends"),
    ("R12", contractions, "_Contraction._excess", "if not self.layer.attends", "if self.layer.attends"),
    ("R12", contractions, "_Contraction._excess", "cov @ returned[i]", "cov @ turned"),
    ("R12", contractions, "_Contraction._excess", "one.value * two.value", "one.value * one.value"),
    ("R12", contractions, "_Contraction._excess", "(one.Cv @ two.scores)", "(two.Cv @ two.scores)"),
    ("R12", contractions, "_Contraction._variance", "returned[i], crossed", "crossed, crossed"),
    ("R12", contractions, "_Contraction._variance", "one.at_mean @ (self.inputs.shot @ two", "one.at_mean @ (self.inputs.query @ two"),
    ("R12", contractions, "_Contraction._variance", "one.constant * two.constant", "one.constant * one.constant"),
    ("R12", contractions, "_Contraction.product", "(a @ mean) * (b @ mean)", "0"),
    ("R12", contractions, "_Met.__init__", "self.right = self.Q @ C", "self.right = own.QC"),
    ("R12", contractions, "_Met.__init__", "own.CQ, inputs.query @ self.keyed", "own.CQ, C @ self.keyed"),
    ("R12", contractions, "_Own.linear", "2 * (self.score * self.value)", "self.score * self.value"),
    ("R12", contractions, "_Contraction._shares", "2 * own2 + own * own  #", "own2 + own * own  #"),
    ("R12", contractions, "_Contraction._spread", "+ power * self.product(mine.G_mean, theirs.G_mean)", ""),
    ("R12", contractions, "_Contraction._spread", "4 * (own * power", "2 * (own * power"),
    ("R12", contractions, "_Contraction._spread", "(met.v @ C_P_mean) * met.scores", "met.scores"),
    ("R12", contractions, "_Contraction.terms", "slope - shares.moment * shares.u", "slope - shares.power * shares.u"),
    ("R12", contractions, "_Contraction._shares", "-1 * G_mean, P_mean", "-1 * G_mean, mean"),
    ("R12", risk_formula, "risk_at", "fixed + n_shots * per_shot", "fixed + per_shot"),
    ("R12.one_head", contractions, "_Met.__init__", "+ inputs.noise_variance * space.label", ""),
    ("R12.one_head", contractions, "_Contraction._variance", "returned[i], crossed", "crossed, crossed"),
    ("R12.one_head", contractions, "_Contraction._excess", "if not self.layer.attends", "if self.layer.attends"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "function", "old", "new"), MUTANTS)
def test_mutant_is_caught(monkeypatch, name, module, function, old, new):
    if name == "R12":  # its lines run on the calculus alone, which no mutant here changes
        monkeypatch.setattr(Proof, "formula", lambda *_, **__: None)
    assert_refuted(monkeypatch, THEOREMS[name], module, function, old, new)


def test_brute_force_alone_catches_a_mutant(monkeypatch):
    """Heads that are mistaken for one another: seen wherever there is a shot."""
    mutate(monkeypatch, contractions, "_Contraction._variance", "returned[i], crossed", "crossed, crossed")
    shots = [0, 2, 2, 0, 1, 2]  # as in the points
    assert [printed == enumerated for printed, enumerated in r12_layers._points()] == [count == 0 for count in shots]


def test_the_second_route_is_the_old_one_where_both_speak():
    d, v, Q = 2, rationals(4, seed=1), rationals(4, 4, seed=2)
    sigma, theta = covariance(d, 3), rationals(d, seed=4)
    one = exact_risk(v, Q, sigma, theta, NOISE, 2)
    assert exact_layer_risk([(v, Q)], sigma, theta, NOISE, 2, 3) == one
    halves = [(v * Fraction(1, 2), Q), (v, Q * Fraction(1, 2))]
    assert exact_layer_risk(halves, sigma, theta, NOISE, 2, 3) == one
    nothing = exact_layer_risk([], sigma, theta, NOISE, 1, 1, skip=[0, *theta])
    assert nothing == NOISE  # a skip that is the task answers it
    shown = exact_layer_risk([(v, Q)], sigma, theta, NOISE, 0, 1, attends=False, prompt=[[1, 2, 3, 4]])
    value, score = v @ [1, 2, 3, 4], Q @ [1, 2, 3, 4]  # a prompt alone: a function c.(1, x_q) of the query
    assert shown == exact_layer_risk([], sigma, theta, NOISE, 0, 1, skip=(value * score)[:-1])


def test_a_further_head_is_felt_elsewhere():
    """What vanishes at R1's model is there at another: the proof's slope is not zero by itself."""
    d, psi = 1, covariance(1, 5)
    v, Q = rationals(d + 2, seed=6), rationals(d + 2, d + 2, seed=7)
    elsewhere = ([0, 0, 1], [[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    up, down = (
        exact_layer_risk([elsewhere, (sign * v, Q)], covariance(1, 4), [0], NOISE, 1, 2, task_covariance=psi)
        for sign in (1, -1)
    )
    assert up != down


HEADS = tuple(
    Head(
        array([Fraction((3 * h + 2 * j + 1) % 7 - 3, 8) for j in range(7)]),
        array([[Fraction((5 * h + 3 * k + 2 * i + k * i) % 11 - 5, 16) for i in range(7)] for k in range(7)]),
    )
    for h in range(3)
)
SIGMA = array([[Fraction(1, 2 ** abs(i - j)) for j in range(5)] for i in range(5)])
THETA = array([1, -1, Fraction(1, 2), 0, Fraction(1, 4)])
COUNTS = ((0, 1), (1, 2), (10, 11), (10, 10))  # n, N
KNOWN = {
    "attends": (2.17040679455, Fraction(46056926359, 26843545600), 1.25129974156, 1.28604044547),
    "masked": (Fraction(119375, 100000), Fraction(37770270119, 26843545600), 1.22189338712, 1.25187599292),
    "varies": (3.42040679455, 3.473566566, 2.92480696217, 3.07991042142),
    "shifted": (15.5780654907, Fraction(187162144037, 26843545600), 4.12403651656, 4.22140016404),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_three_heads_in_five_dimensions(kind):
    """Against numbers that another evaluator found, to all the digits that were written down."""
    space, noise, skip = Matrices(5, FRACTIONS), Fraction(1, 10), None
    query, task, spread = space.token_operator(SIGMA, 0), space.token_vector(0, THETA, 0), None
    mean = query_mean = space.constant
    if kind == "varies":
        spread = space.token_operator(space.identity * Fraction(1, 4), 0)
    if kind == "shifted":
        mean = space.token_vector(1, array([Fraction(1, 2), 0, Fraction(-1, 4), 0, 1]), 0)
        query_mean = space.token_vector(1, array([0, 1, 0, Fraction(1, 2), 0]), 0)
        query = space.token_operator(
            array([[Fraction(1, 2) + Fraction(3, 2) * (i == j) for j in range(5)] for i in range(5)]), 0
        )
        task = space.token_vector(Fraction(1, 2), THETA, 0)
        skip = array([Fraction(1, 8), Fraction(1, 4), 0, Fraction(-1, 4), 0, Fraction(1, 2), 0])
    inputs = Inputs(space.token_operator(SIGMA, noise), mean, query, query_mean, noise, kind == "shifted")
    terms = contract(space, inputs, Layer(HEADS, kind != "masked", (), skip), Tasks(task, spread))
    for (n, N), known in zip(COUNTS, KNOWN[kind], strict=True):
        found = exact_risk_formula(terms, n, N)
        assert found == known if isinstance(known, Fraction) else abs(found - known) < 1e-9  # half a unit of ten digits
