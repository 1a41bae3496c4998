"""Any layer in, the truth out: heads, prompts, skips and masks through the public calls."""

from __future__ import annotations

import math
from fractions import Fraction as F
from functools import cache

import numpy as np
import pytest
import sympy
from test_proof_r12 import COUNTS, HEADS, KNOWN, SIGMA, THETA

import numerics
import theory
from theory import one_world, shot_ranges
from theory.contractions import Head, Inputs, Layer, Tasks, contract
from theory.head_sums import independent
from theory.matrices import Matrices
from theory.proofs.enumeration import exact_layer_risk
from theory.risk_formula import exact_risk_formula

PUBLISHED = theory.AttentionParameters(np.array([head.v for head in HEADS]), np.array([head.Q for head in HEADS]))


def floats(array):
    return None if array is None else np.asarray(array, dtype=float)


def in_floats(model):
    v, Q = model.entries()
    return theory.AttentionParameters(floats(v), floats(Q), floats(model.prompt), floats(model.skip))


# --- tasks -----------------------------------------------------------------------------------------------------------


SHEARED = theory.AttentionParameters(
    [0, 1, F(1, 3), 1], [[1, F(1, 5), 0, 0], [0, 1, F(1, 2), 0], [0, F(1, 4), 1, 0], [0, 0, 1, 0]]
)
TURNED = theory.AttentionParameters.from_isotropic(
    theory.fixed_point("mixed_value", 2, noise_variance=F(1, 3), pretrain_shots=4).isotropic, 2, [0, 1]
)


@pytest.mark.parametrize("model", [SHEARED, TURNED], ids=["dense", "another target"])
@pytest.mark.parametrize("of_kind", [float, F, sympy.Integer])
def test_beside_a_model_with_directions_a_cosine_is_the_target_or_its_opposite_or_refused(model, of_kind):
    """The tasks at any other cosine differ in their risks: there is no one number to give."""
    world = {"noise_variance": F(1, 3)}
    assert theory.risk(model, 3, task=[F(3, 5), F(4, 5)], **world) != theory.risk(
        model, 3, task=[F(3, 5), F(-4, 5)], **world
    )
    for cosine, name in ((1, "target"), (-1, "opposite")):
        assert theory.risk(model, 3, task=of_kind(cosine), **world) == theory.risk(model, 3, task=name, **world)
        drawn = [
            numerics.estimate(in_floats(model), 3, task=task, prompts=50, rng=1) for task in (of_kind(cosine), name)
        ]
        assert drawn[0] == drawn[1]
    for call in (theory.risk, numerics.estimate):
        with pytest.raises(
            ValueError, match=r"^task = .* is not allowed: .* a vector beside a model that has directions of its own"
        ):
            call(model, 3, task=of_kind(3) / 5, **world)


# --- R12's model of three heads in five dimensions -------------------------------------------------------------------


@pytest.mark.parametrize("query", ["attends", "masked"])
@pytest.mark.parametrize("count", range(4))
def test_three_heads_in_five_dimensions(query, count):
    (n, N), known = COUNTS[count], KNOWN[query][count]
    where = {"covariance": SIGMA, "target": THETA, "noise_variance": F(1, 10), "query": query}
    conventions = {n + 1: "tokens", n: "shots"}
    for normalization in (conventions[N], F(N)):
        found = theory.risk(PUBLISHED, n, normalization=normalization, **where)
        assert found == known if isinstance(known, F) else abs(found - known) < 1e-9  # half a unit of ten digits
        where["covariance"] = SIGMA
        ball = theory.risk(PUBLISHED, n, normalization=normalization, certify=True, **where)
        assert ball.overlaps(type(ball)(found.numerator) / found.denominator)
    plain = theory.risk(
        in_floats(PUBLISHED), n, covariance=floats(SIGMA), target=floats(THETA), noise_variance=0.1, query=query,
        normalization=conventions[N],
    )  # fmt: skip
    assert plain == pytest.approx(float(found), rel=1e-12)  # some 300 products of size 1: 1e-14, times 100


@pytest.mark.parametrize("kind", ["varies", "shifted"])
def test_what_a_setting_cannot_say_in_floats(kind):
    """Tasks around a mean and inputs around one go through the contractions; a setting centres both."""
    space, noise, skip, spread = Matrices(5), 0.1, None, None
    query, task = space.token_operator(floats(SIGMA), 0), space.token_vector(0, floats(THETA), 0)
    mean = query_mean = space.constant
    if kind == "varies":
        spread = space.token_operator(np.eye(5) / 4, 0)
    else:
        mean = space.token_vector(1, np.array([0.5, 0, -0.25, 0, 1]), 0)
        query_mean = space.token_vector(1, np.array([0, 1, 0, 0.5, 0]), 0)
        query = space.token_operator(0.5 + 1.5 * np.eye(5), 0)
        task = space.token_vector(0.5, floats(THETA), 0)
        skip = np.array([0.125, 0.25, 0, -0.25, 0, 0.5, 0])
    inputs = Inputs(space.token_operator(floats(SIGMA), noise), mean, query, query_mean, noise, kind == "shifted")
    heads = tuple(
        Head(v, Q)
        for v, Q in independent(
            *(np.array([floats(x) for x in given]) for given in zip(*((head.v, head.Q) for head in HEADS), strict=True))
        )
    )
    terms = contract(space, inputs, Layer(heads, True, (), skip), Tasks(task, spread))
    for (n, N), known in zip(COUNTS, KNOWN[kind], strict=True):
        assert exact_risk_formula(terms, n, N) == pytest.approx(float(known), rel=1e-9)  # ten digits were written down


# --- the definition --------------------------------------------------------------------------------------------------


class Case:
    """A random layer in a random world, all in Fractions."""

    def __init__(self, index):
        rng = np.random.default_rng(index)

        def rationals(*shape):
            tops, bottoms = rng.integers(-4, 5, np.prod(shape)), rng.integers(1, 4, np.prod(shape))
            flat = [F(int(a), int(b)) for a, b in zip(tops, bottoms, strict=True)]
            return np.array([*flat, None], dtype=object)[:-1].reshape(shape)

        def covariance(d, rank=None):
            root = rationals(d, d if rank is None else rank)
            return root @ root.T + (F(1, 2) * np.eye(d, dtype=int) if rank is None else 0 * root[:, :1])

        self.d, self.heads = int(rng.integers(1, 3)), int(rng.integers(1, 4))
        self.n = int(rng.integers(0, 3))
        self.query = ("attends", "masked")[index % 2]
        self.normalization = ("tokens", "shots", F(5, 2))[index // 2 % 3]
        self.tasks = ("vector", "target", "gaussian", "low rank", "sphere")[index // 6 % 5]
        k = int(rng.integers(0, 3))
        width = self.d + 2
        shape = (width,) if self.heads == 1 else (self.heads, width)
        self.model = theory.AttentionParameters(
            rationals(*shape),
            rationals(*shape, width),
            rationals(k, width) if k else None,
            rationals(width - 1) if rng.integers(2) else None,
        )
        target = rationals(self.d)
        self.setting = {
            "d": self.d,
            "covariance": covariance(self.d) if rng.integers(3) else None,
            "query_covariance": covariance(self.d) if rng.integers(2) else None,
            "noise_variance": abs(rationals(1)[0]),
            "target": target if any(target) else None,
            "query": self.query,
            "normalization": self.normalization,
        }
        self.psi = covariance(self.d) if self.tasks == "gaussian" else None
        if self.tasks == "low rank":
            root = np.array([[F(1)], [rationals(1)[0]]], dtype=object)[: self.d]
            self.psi = root @ root.T
        self.theta = rationals(self.d)
        self.theta[0] = self.theta[0] or F(1)
        if self.tasks == "target":
            first = np.array([F(int(i == 0)) for i in range(self.d)], dtype=object)
            self.theta = first if self.setting["target"] is None else target
        if self.psi is not None:
            self.setting["task_covariance"] = self.psi

    @property
    def task(self):
        return {"vector": self.theta, "target": "target"}.get(self.tasks, "unseen")

    def risk(self, n=None, model=None, **others):
        return theory.risk(
            model or self.model, self.n if n is None else n, task=self.task, **{**self.setting, **others}
        )

    def by_definition(self):
        """The same from the definition; a sphere by a design, points that average polynomials of degree 4 as it does."""
        identity = [[F(int(i == j)) for j in range(self.d)] for i in range(self.d)]
        sigma = identity if self.setting["covariance"] is None else self.setting["covariance"]
        k = 0 if self.model.prompt is None else len(self.model.prompt)
        N = {"tokens": self.n + 1 + k, "shots": max(self.n, 1)}.get(self.normalization, self.normalization)

        def on(task, psi=None):
            return exact_layer_risk(
                self.model.heads(), sigma, task, self.setting["noise_variance"], self.n, N,
                attends=self.query == "attends", prompt=() if k == 0 else self.model.prompt, skip=self.model.skip,
                query_covariance=self.setting["query_covariance"], task_covariance=psi,
            )  # fmt: skip

        if self.tasks == "sphere":
            return sum(weight * on(task) for task, weight in design(self.d))
        return on(self.theta) if self.psi is None else on([F(0)] * self.d, self.psi)


def design(d):
    """Points on the sphere with weights; on the circle E x^4 = 3/8 and E x^2 y^2 = 1/8 fix them."""
    if d == 1:
        return [([F(sign)], F(1, 2)) for sign in (1, -1)]
    axes = [[F(x), F(y)] for x, y in ((1, 0), (0, 1))]
    others = [[F(x, 5), F(y, 5)] for x, y in ((3, 4), (4, 3), (-3, 4), (-4, 3))]
    both = [(point, F(527, 1152) / 4) for point in axes] + [(point, F(625, 1152) / 8) for point in others]
    return [([sign * x for x in point], weight) for point, weight in both for sign in (1, -1)]


CASES = 240
BLOCKS = 20


@cache
def case(index):
    return Case(index)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_layers_are_the_definition(block):
    for index in range(block, CASES, BLOCKS):
        one = case(index)
        assert one.risk() == one.by_definition(), index


def test_the_random_layers_have_everything():
    cases = [case(index) for index in range(CASES)]
    seen = {(x.heads, x.d, x.query, x.normalization) for x in cases}
    assert len(seen) == 3 * 2 * 2 * 3
    assert {(x.tasks, x.query, x.normalization) for x in cases} == {
        (tasks, query, normalization)
        for tasks in ("vector", "target", "gaussian", "low rank", "sphere")
        for query in ("attends", "masked")
        for normalization in ("tokens", "shots", F(5, 2))
    }
    for has in (
        lambda x: x.model.prompt is not None and len(x.model.prompt) == 2,
        lambda x: x.model.skip is not None,
        lambda x: x.setting["query_covariance"] is not None,
        lambda x: x.psi is not None and x.d == 2 and x.psi[0, 0] * x.psi[1, 1] == x.psi[0, 1] ** 2,
    ):
        assert sum(map(has, cases)) > CASES // 20


def test_the_design_averages_as_the_circle_does():
    moments = {(a, b): sum(w * x**a * y**b for (x, y), w in design(2)) for a in range(5) for b in range(5 - a)}
    circle = {(0, 0): F(1), (2, 0): F(1, 2), (0, 2): F(1, 2), (4, 0): F(3, 8), (0, 4): F(3, 8), (2, 2): F(1, 8)}
    assert moments == {powers: circle.get(powers, 0) for powers in moments}


# --- kinds of number -------------------------------------------------------------------------------------------------

SOME = list(range(0, CASES, 7))


@pytest.mark.parametrize("index", SOME)
def test_floats_arrays_and_balls_are_the_exact_number(index):
    one = case(index)
    exact = [one.risk(n) for n in range(4)]
    plain = {name: floats(x) if isinstance(x, np.ndarray) else x for name, x in one.setting.items()}
    plain["noise_variance"] = float(plain["noise_variance"])
    task = one.task if isinstance(one.task, str) else floats(one.task)
    model = in_floats(one.model)
    array = theory.risk(model, np.arange(4), task=task, **plain)
    # Sums of some 1e4 products that may cancel to a hundredth: 1e-14 at worst, and a factor of 100.
    np.testing.assert_allclose(array, floats(exact), rtol=1e-12)
    for n in range(4):
        assert theory.risk(model, n, task=task, **plain) == array[n]
    balls = theory.risk(one.model, np.arange(4), task=one.task, certify=True, **one.setting)
    for ball, value in zip(balls, exact, strict=True):
        assert ball.overlaps(type(ball)(value.numerator) / value.denominator)
        assert ball.rad() <= abs(ball.mid()) * 2.0**-100 or value == 0


@pytest.mark.parametrize("index", [index for index in SOME if case(index).normalization in ("tokens", "shots")][:12])
def test_the_limit_of_many_shots_is_the_limit(index):
    one = case(index)
    limit, many = one.risk(math.inf), [one.risk(10**power) for power in (6, 12)]
    near, nearer = (abs(value - limit) for value in many)
    assert nearer <= near / 10**5 or near == 0  # of order 1/n
    plain = theory.risk(in_floats(one.model), np.array([3.0, math.inf]), task=one.task if isinstance(one.task, str) else floats(one.task), **one.setting)  # fmt: skip
    assert plain[1] == pytest.approx(float(limit), rel=1e-12)


def test_no_limit_where_the_sum_is_divided_by_a_number():
    with pytest.raises(ValueError, match="n_shots = inf"):
        theory.risk(PUBLISHED, math.inf, 5, normalization=2)


@pytest.mark.parametrize("query", ["attends", "masked"])
@pytest.mark.parametrize("part", range(5))
def test_a_symbol_anywhere_in_a_layer(part, query):
    """In v, Q, a prompt, a skip or the noise, and for n: with numbers put in, the exact number."""
    symbol, n = sympy.Symbol("a", positive=True), sympy.Symbol("n", positive=True, integer=True)

    def risk(entry, count):
        v = np.array([[F(1), F(1, 2), F(-1)], [F(0), F(2), F(1)]], dtype=object)
        Q = np.array(
            [[[F((i + 2 * j + h) % 3, 2) for j in range(3)] for i in range(3)] for h in range(2)], dtype=object
        )
        prompt, skip = np.array([[F(1), F(2), F(1, 3)]], dtype=object), np.array([F(1, 2), F(-1)], dtype=object)
        noise = np.array([F(1)], dtype=object)
        array = (v, Q, prompt, skip, noise)[part]
        array[(0,) * array.ndim] = entry
        model = theory.AttentionParameters(v, Q, prompt, skip)
        return theory.risk(
            model,
            count,
            task="unseen",
            noise_variance=noise[0],
            query=query,
            task_covariance=[[F(2)]],
            covariance=[[F(3)]],
        )

    found = risk(symbol, n)
    assert found.free_symbols == {symbol, n}
    exact = risk(F(3, 2), 4)
    assert found.subs({symbol: sympy.Rational(3, 2), n: 4}) == sympy.Rational(exact.numerator, exact.denominator)


@pytest.mark.parametrize("part", ["prompt", "skip"])
def test_a_prompt_and_a_skip_decide_the_kind_of_number(part):
    """They are numbers of the model as v and Q are: a Symbol, a Fraction or a float in them is one in the risk."""
    v, Q = np.array([0, 1, 1]), np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]])

    def risk(entry, **others):
        given = {"prompt": [[1, entry, 2]]} if part == "prompt" else {"skip": [0, entry]}
        return theory.risk(theory.AttentionParameters(v, Q, **given), 2, **others)

    assert type(risk(F(1, 3))) is F
    assert type(risk(1)) is float
    assert risk(0.5) == pytest.approx(float(risk(F(1, 2))), rel=1e-14)  # a few products
    symbol = sympy.Symbol("u")
    assert sympy.simplify(risk(symbol).subs(symbol, sympy.Rational(1, 3)) - risk(sympy.Rational(1, 3))) == 0
    with pytest.raises(ValueError, match=r"model .*certify=True"):
        risk(symbol, certify=True)


# --- heads that cancel -----------------------------------------------------------------------------------------------


def cancelling(rng, left, d=4, opposite=True):
    """Heads whose sum is of size 1 and who are 1/left times larger."""
    v, u = rng.standard_normal((2, d + 2)) / left
    Q, D = rng.standard_normal((2, d + 2, d + 2))
    if opposite:
        return np.array([v, -v]), np.array([Q, Q + left * D])
    return np.array([v, u, -(v + 0.7 * u)]), np.array([Q, 0.7 * Q, Q + left * D])


def exactly(array):
    return np.array([*map(F, array.ravel().tolist()), None], dtype=object)[:-1].reshape(array.shape)


@pytest.mark.parametrize(("opposite", "left"), [(True, 1e-12), (False, 1e-6), (False, 1e-9), (False, 1e-12)])
def test_heads_that_cancel_have_cancelled(opposite, left):
    """One v and its opposite, or three that add up to nothing: the numbers given are exact, and so is what is left of them."""
    rng = np.random.default_rng(3)
    for _ in range(10):
        v, Q = cancelling(rng, left, opposite=opposite)
        found = theory.risk(theory.AttentionParameters(v, Q), 7, 4, noise_variance=0.25)
        model = theory.AttentionParameters(exactly(v), exactly(Q))
        exact = theory.risk(model, 7, 4, noise_variance=F(1, 4))
        # As of heads that do not cancel: some hundred roundings; the error of the sum is 2^-90 / left.
        assert found == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize("heads", [2, 3, 9])
def test_independent_heads_are_the_same_layer(heads):
    rng = np.random.default_rng(heads)
    v, Q = rng.standard_normal((heads, 5)), rng.standard_normal((heads, 5, 5))
    if heads == 3:
        v[2] = 2 * v[0]
    found = independent(v, Q)
    assert len(found) == {2: 2, 3: 2, 9: 5}[heads]  # no more than are independent
    both = [sum(np.multiply.outer(a, b) for a, b in some) for some in (found, zip(v, Q, strict=True))]
    # Elimination of at most 9 heads without multiples above 1: some ten roundings.
    np.testing.assert_allclose(*both, atol=1e-13)


def test_what_heads_leave_is_known_to_twice_the_digits():
    """Forty heads, more than a product of slices holds at 22 digits each; against Fractions."""
    rng = np.random.default_rng(1)
    v, Q = rng.standard_normal((40, 5)), rng.standard_normal((40, 5, 5))
    v[20:], Q[20:] = v[:20], 1e-9 * rng.standard_normal((20, 5, 5)) - Q[:20]
    left = np.einsum("hi,hjk->ijk", exactly(v), exactly(Q)).astype(float)
    found = sum(np.multiply.outer(*head) for head in independent(v, Q))
    np.testing.assert_allclose(found, left, rtol=0, atol=1e-13 * np.abs(left).max())  # the sum of five outer products


def test_heads_without_values_predict_nothing():
    model = theory.AttentionParameters(np.zeros((2, 3)), np.ones((2, 3, 3)))
    assert theory.risk(model, 3, 1, noise_variance=0.5) == 1.5


# --- predictions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", SOME)
def test_predict_is_its_definition(index):
    """Token by token, with loops, on prompts of whole numbers."""
    one, rng = case(index), np.random.default_rng(index)
    n, width = 3, one.d + 2
    tokens = np.array([[F(int(x)) for x in row] for row in rng.integers(-3, 4, (n + 1, width))], dtype=object)
    tokens[:, 0], tokens[-1, -1] = F(1), F(0)
    query, shots = tokens[-1], tokens[:-1]
    seen = [
        *shots,
        *([query] if one.query == "attends" else []),
        *([] if one.model.prompt is None else one.model.prompt),
    ]
    k = 0 if one.model.prompt is None else len(one.model.prompt)
    total = F(0)
    for v, Q in one.model.heads():
        for z in seen:
            value = sum(v[i] * z[i] for i in range(width))
            total += value * sum(query[i] * Q[i, j] * z[j] for i in range(width) for j in range(width))
    expected = total / {"tokens": n + 1 + k, "shots": n}.get(one.normalization, one.normalization)
    if one.model.skip is not None:
        expected += sum(c * x for c, x in zip(one.model.skip, query[:-1], strict=True))
    assert one.model.predict(tokens, one.normalization, one.query) == expected
    several = one.model.predict(np.array([tokens, tokens]), one.normalization, one.query)
    assert several.tolist() == [expected, expected]


def test_a_prompt_counts_among_the_tokens():
    """One prompt token z_p beside no shots and a masked query: N = 2, and (v.z_p)(z_q'Q z_p)/2 is all."""
    model = theory.AttentionParameters(np.array([0, 0, F(1)]), np.diag([0, 1, 0]), prompt=[[0, 1, F(3)]])
    assert model.predict([[F(1), F(1), 0]], query="masked") == F(3, 2)
    assert model.predict([[F(1), F(1), 0]], "shots", query="masked") == 3
    assert theory.risk(model, 0, 1, query="masked") == F(1, 4)  # (1 - 3/2)^2
    assert theory.risk(model, 0, 1, query="masked", normalization="shots") == 4


@pytest.mark.parametrize("noise", [F(1, 10), sympy.Symbol("s", positive=True)])
def test_many_shot_counts_are_contracted_once(noise, monkeypatch):
    """Each is what it is alone; infinity takes the limit."""
    setting = {"covariance": [[F(2), F(1, 2)], [F(1, 2), F(1)]], "noise_variance": noise, "pretrain_shots": 7}
    contracted = []
    monkeypatch.setattr(one_world, "contract", lambda *args: contracted.append(args) or contract(*args))
    found = theory.risk("pretrained", [[0, 1], [5, 40]], 2, **setting)
    assert len(contracted) == 1
    counts = [0, 1, 5, 40, math.inf]
    alone = [theory.risk("pretrained", n, 2, **setting) for n in counts]
    assert [*found.flat] == alone[:-1]
    assert [*map(type, found.flat)] == [*map(type, alone[:-1])]
    assert [*theory.risk("pretrained", counts, 2, **setting)] == alone


# --- conditions ------------------------------------------------------------------------------------------------------

CONDITIONED = [index for index in range(CASES) if case(index).model.prompt is not None and case(index).psi is None][:24]


@cache
def near_pretrained(index):
    """A case's heads, prompt and skip in small beside the pretrained head, whose risk is then near."""
    one = case(index)
    where = {**one.setting, "query_covariance": None, "pretrain_shots": 7, "value_scale": F(1)}
    before = theory.fixed_point("pretrained", **where).entries()
    small = F(1, 8)
    heads = [before, *((small * v, small * Q) for v, Q in one.model.heads()[:1])]
    skip = None if one.model.skip is None else small * one.model.skip
    model = theory.AttentionParameters(*map(np.array, zip(*heads, strict=True)), small * 5 * one.model.prompt, skip)
    risks = [one.risk(list(range(40)), each, **where) for each in (model, "pretrained")]
    return one, model, where, risks


@pytest.mark.parametrize("index", CONDITIONED)
def test_conditions_are_the_inequalities_between_risks(index):
    """With a prompt N differs from that of `pretrained`: shot by shot, and every root between."""
    one, model, where, (ours, theirs) = near_pretrained(index)
    few_shot, pretrained = theory.conditions(model, task=one.task, **where)
    for n in range(40):
        assert pretrained.holds(n) == (ours[n] < theirs[n]), n
        assert few_shot.holds(n) == (n > 0 and ours[n] < ours[0]), n
    for condition in (few_shot, pretrained):
        held = {n for first, last in condition.shots for n in range(int(first), int(min(last, 39)) + 1)}
        assert held == {n for n in range(40) if condition.holds(n)}
        difference = condition.comparisons[0].difference()
        for root in condition.roots:
            assert root > 0
            value = sum(sympy.sympify(c) * sympy.sympify(root) ** k for k, c in enumerate(difference))
            assert abs(value.evalf(30)) < 1e-15  # of coefficients of size 1 to 1e6 at roots up to 100


def test_these_conditions_change_with_the_shots():
    """Else any comparison would do."""
    changes = {"tokens": 0, "shots": 0, F(5, 2): 0}
    for index in CONDITIONED:
        one, _, _, (ours, theirs) = near_pretrained(index)
        changes[one.normalization] += len({a < b for a, b in zip(ours, theirs, strict=True)}) == 2
    assert min(changes.values()) >= 2, changes


def soft_prompt(y):
    """One ideal demonstration beside `pretrained`, in exact numbers."""
    before = theory.fixed_point("pretrained", 2, pretrain_shots=20, noise_variance=F(1, 10), value_scale=F(1))
    return theory.AttentionParameters(*before.entries(), prompt=[[0, F(1), 0, F(y)]])


def test_comparing_with_another_N_is_of_degree_four():
    where = {"d": 2, "pretrain_shots": 20, "noise_variance": F(1, 10)}
    model = soft_prompt(6)
    _, beats = theory.conditions(model, task="target", **where)
    (comparison,) = beats.comparisons
    assert len(comparison.left) == len(comparison.right) == 5
    n = sympy.Symbol("n")
    assert beats.shots == ((7, math.inf),)
    for at in (1, 6, 7, 100):
        below = theory.risk(model, at, **where) < theory.risk("pretrained", at, **where)
        assert bool(beats.relation.subs(n, at)) is below is beats.holds(at)
    plain = theory.AttentionParameters(*map(floats, model.entries()), prompt=floats(model.prompt))
    _, in_plain = theory.conditions(plain, task="target", d=2, pretrain_shots=20, noise_variance=0.1)
    (first, last), (root,) = in_plain.shots[0], in_plain.roots
    assert first == 7
    assert last > 1e9  # risks within 1e-12 of each other count as equal, and these have one limit
    assert root == pytest.approx(float(beats.roots[0]), rel=1e-9)  # a simple root, of coefficients of some 14 digits


def test_symbols_in_conditions_of_a_prompt():
    s = sympy.Symbol("s", positive=True)
    v, Q = np.array([0, 0, 1]), np.diag([0, 1, 0])
    model = theory.AttentionParameters(v, Q, prompt=[[0, 1, s]])
    _, beats = theory.conditions(model, task="target", pretrain_shots=3, noise_variance=sympy.Rational(1, 10))
    n = sympy.Symbol("n")
    for at in (1, 4, 30):
        for value in (F(1, 2), F(5)):
            one = theory.AttentionParameters(v, Q, prompt=[[0, 1, value]])
            where = {"pretrain_shots": 3, "noise_variance": F(1, 10), "d": 1}
            truth = theory.risk(one, at, **where) < theory.risk("pretrained", at, **where)
            assert bool(beats.relation.subs({n: at, s: sympy.Rational(value.numerator, value.denominator)})) is truth
    with pytest.raises(ValueError, match="depends on symbols"):
        beats.holds(3)


@pytest.mark.parametrize(
    "roots", [(3, 17, 40, 1000), (5, 5, 900, 901), (2, 2, 2, 2), (1, 10**6, 10**12, 10**15), (7, -3, -4, 8)]
)
def test_where_a_quartic_is_negative(roots):
    polynomial = [F(1)]
    for root in roots:
        polynomial = [a - root * b for a, b in zip([F(0), *polynomial], [*polynomial, F(0)], strict=True)]
    zero = (F(0),) * 5
    comparison = shot_ranges.Comparison(tuple(polynomial), zero, None)
    assert [int(root) for root in shot_ranges.roots(comparison, False)] == sorted({root for root in roots if root > 0})
    ties = {n for first, last in shot_ranges.where(comparison, 0) for n in range(int(first), int(last) + 1)}
    assert ties == {root for root in roots if root > 0}
    ranges = shot_ranges.where(comparison, -1)
    for n in {max(root + step, 1) for root in roots for step in (-1, 0, 1)} | {10**16}:
        negative = math.prod((n - root > 0) - (n - root < 0) for root in roots) < 0
        assert any(first <= n <= last for first, last in ranges) == negative, n
