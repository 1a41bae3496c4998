"""Hypotheses are needed as they stand, and the words of a statement are found by its proof, not typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
from sympy import QQ
from sympy.polys.fields import field

import theory
from theory import flint_polynomials
from theory.proofs import hypotheses, radicals
from theory.proofs.hypotheses import DOMAIN, Given, Signs
from theory.proofs.runner import ProofResults, theorems
from theory.proofs.theorem import ALWAYS, Proof, ProofFailed, ProofResult, Theorem, filled, run

THEOREMS = {theorem.name: theorem for theorem in theorems()}
GUARDED = [name for name in THEOREMS if re.match(r"R([124-9]|13[ps]?|1[4-9]|2\d)(\.|$)", name)]


@pytest.fixture(scope="session")
def proved(proofs: ProofResults) -> Callable[[str], ProofResult]:
    """A theorem as it stands, proved once in a run of the suite."""
    results = {result.theorem.name: result for result in proofs}
    assert all(result.proved for result in proofs)
    return results.__getitem__


HYPOTHESES = [(name, k) for name, theorem in THEOREMS.items() for k in range(len(theorem.given))]


# --- what a proof knows of a number -----------------------------------------------------------------------------------

F, a, b, m, n = field("a b m n", QQ)


@pytest.mark.parametrize(
    ("lines", "x", "positive", "nonnegative"),
    [
        (["a > 0", "b > 0"], a * b + 1, True, True),
        (["a > 0", "b > 0"], a - b, False, False),  # changes sign
        (["a > 0", "b > 0"], -a, False, False),
        (["a > 0"], -1 / a, False, False),
        (["a > 0", "b > 0"], F(0), False, True),
        (["a > 0", "b > 0"], 1 / (a - b), False, False),  # the denominator changes sign
        (["a > 0", "b > 0"], (a + 1) / (a**2 - a + 1), False, False),  # positive, but not by its coefficients
        (["a > 0", "b > 0"], a / b, True, True),
        (["a > 0", "b >= 0"], a / b, False, False),  # b may be zero
        (["a > 0", "b >= 0"], a + b, True, True),
        (["a >= 0", "b >= 0"], a + b, False, True),
        (["a != 0"], a**2, True, True),
        (["a != 0"], a, False, False),
        (["a != 0"], 1 / a**2, True, True),
        ([], a**2, False, True),  # a may be zero
        ([], a**3, False, False),
        (["m >= 2"], m - 1, True, True),
        ([], m - 1, False, True),  # a count is at least 1
        (["m > 1"], m - 1, True, True),
        (["m >= 2"], 2 - m, False, False),
        (["n >= 1"], n, True, True),
        ([], n, False, True),
    ],
)
def test_signs_are_read_off_the_hypotheses(lines, x, positive, nonnegative):
    signs = Signs(lines)
    assert (signs.positive(x), signs.nonnegative(x)) == (positive, nonnegative)


def test_bounds_of_one_number_add_up():
    _, sigma2, rho, T = field("sigma2 rho T", QQ)
    assert Signs(["sigma2 > 0"]).positive(rho)
    assert not Signs([]).positive(rho)
    assert Signs(["s > 0"]).positive(T)
    assert Signs(["sigma2 >= 0", "sigma2 != 0"]).positive(sigma2)
    assert not Signs(["m >= 3", "m >= 2"]).positive(m - 3)
    assert Signs(["m > 2", "m >= 1"]).positive(m - 2)
    with pytest.raises(ValueError, match="one comparison"):
        hypotheses.bound_of("a")


def test_the_domain_is_what_a_setting_takes():
    """d >= 1, m >= 1, sigma2 >= 0, n >= 0: taken at the bound, refused below it."""
    bounds = dict(map(hypotheses.bound_of, DOMAIN))
    keyword = {
        "d": "d",
        "m": "few_shot_shots",
        "m_0": "pretrain_shots",
        "sigma2": "noise_variance",
        "lam": "few_shot_weight",
    }
    for name, argument in keyword.items():
        low, strict = bounds[name]
        assert not strict
        given = {"d": 2, "few_shot_shots": 2, "noise_variance": Fraction(1), argument: low}
        assert theory.risk("mixed_value", 1, **given) > 0
        with pytest.raises(ValueError, match=argument):
            theory.risk("mixed_value", 1, **{**given, argument: low - 1})
    assert theory.risk("pretrained", bounds["n"].low, 2) > 0
    with pytest.raises(ValueError, match="n_shots"):
        theory.risk("pretrained", bounds["n"].low - 1, 2)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (a + b, True), (a * b + 1, True), (2 * a / (b + 1), True), (-a, False), (a - b, False), (F(0), False),
        (F(-1), False), (1 / (a - b), False), ((a + b) / (a - b), False), (-1 / a, False), (1 / (1 + a), True),
        ((a + b) / (a**2 - a + 1), False), ((a - b) / (a + b), False),
    ],
)  # fmt: skip
def test_the_branch_of_a_root_is_read_off_all_coefficients(x, expected):
    assert radicals.positive(x) is expected


# --- hypotheses -------------------------------------------------------------------------------------------------------


def weaker(given: Given) -> Iterator[Given | None]:
    """The hypothesis dropped (None), and weakened by as little as it can be."""
    yield None
    if match := re.fullmatch(r"(\w+) >= (-?\d+)", given.line):
        yield given._replace(line=f"{match[1]} >= {int(match[2]) - 1}")
    elif match := re.fullmatch(r"(\w+) ([<>]) (\w+)", given.line):
        yield given._replace(line=f"{match[1]} {match[2]}= {match[3]}")


def with_given(theorem: Theorem, k: int, given: Given | None) -> Theorem:
    kept = [*theorem.given]
    kept[k : k + 1] = [] if given is None else [given]
    return replace(theorem, given=tuple(kept))


@pytest.mark.parametrize(("name", "k"), HYPOTHESES)
def test_a_theorem_is_not_proved_without_a_hypothesis_nor_with_a_weaker_one(name, k):
    theorem = THEOREMS[name]
    for given in weaker(theorem.given[k]):
        result = run(with_given(theorem, k, given))
        assert not result.proved, given
        assert "not" in result.failure


@pytest.mark.parametrize("name", GUARDED)
def test_what_is_assumed_is_printed(name):
    theorem = THEOREMS[name]
    printed = " ".join(theorem.all_assumptions())
    assert all(given.latex() in printed for given in theorem.given)


@pytest.mark.parametrize(
    ("name", "line", "mutant"),
    [
        ("R1", "d >= 2", "d >= 3"),
        ("R1.threshold", "n >= 1", "n >= 2"),
        ("R2.risk", "w >= 0", "w > 0"),
        ("R7.basin", "m_prime >= 1", "m_prime >= 2"),
        ("R7.basin", "w_0 >= 0", "w_0 > 0"),
        ("R8.curve", "m >= 2", "m >= 3"),
        ("R13", "n >= 1", "n >= 2"),
        ("R13p", "n >= 1", "n >= 2"),
        ("R15", "d >= 2", "d >= 3"),
        ("R17", "n >= 1", "n >= 2"),
    ],
)
def test_a_hypothesis_stronger_than_needed_shows(name, line, mutant):
    """The theorem is then proved with a weaker one, on which the test above fails."""
    k = [given.line for given in THEOREMS[name].given].index(line)
    changed = with_given(THEOREMS[name], k, THEOREMS[name].given[k]._replace(line=mutant))
    assert any(run(with_given(changed, k, given)).proved for given in weaker(changed.given[k]))


def test_a_hypothesis_that_is_not_needed_shows():
    theorem = THEOREMS["R2.risk"]
    added = replace(theorem, given=(*theorem.given, Given("sigma2 > 0")))
    assert any(run(with_given(added, len(theorem.given), given)).proved for given in weaker(added.given[-1]))


# --- words ------------------------------------------------------------------------------------------------------------

# Words that claim how often: a proof puts them where they stand. "If and only if" is what `Proof.condition` shows, or what
# the squares of a derivation say.
CLAIMS = re.compile(
    r"\b(always|never|exactly|every|everywhere|no|none|nowhere|unique(?:ly)?|strict(?:ly)?|(?<!and )(?<!-)only)\b", re.I
)
RELATIONS = re.compile(r"[<>=≤≥≠]|\\(?:le|ge|ne|lt|gt|leq|geq|neq|iff)\b")


def typed(theorem: Theorem) -> list[str]:
    """What a person typed of a theorem, without the places that its proof fills."""
    texts = (theorem.title, theorem.statement, *theorem.assumptions)
    return [re.sub(r"<<\w+>>", "", text).replace("->", "") for text in texts]


def slots(theorem: Theorem) -> set[str]:
    return set(re.findall(r"<<(\w+)>>", theorem.statement))


SPOKEN = [name for name, theorem in THEOREMS.items() if slots(theorem)]


@pytest.mark.parametrize("name", GUARDED)
def test_no_relation_and_no_claim_is_typed(name, proved):
    """A statement's relations are lines that ran, and its "never" a word that was found: neither can be mistyped."""
    theorem = THEOREMS[name]
    for text in typed(theorem):
        assert not RELATIONS.findall(text), text
        assert not CLAIMS.findall(text), text
    assert not any(CLAIMS.search(check.what) for check in proved(name).checks if check.main)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("R9.thresholds", "<<zero_shot>> and", "always and"),
        ("R9.thresholds", "<<zero_shot>> and", "never and"),  # true, but typed
        ("R2.zero_risk", "with a number c", "$q = c$ with a number c"),
        ("R2.risk", "<<shots>> n", "no n"),
        ("R6", "<<unique>> minimiser", "a unique minimiser"),
        ("R7.basin", "without $q_{xy}$", r"for $\sigma^2 \ge 0$"),
        ("R8.window", "<<falls>> below", "never below"),
        ("R13", "<<below>> that", "never below that"),
        ("R13p", "$N_0$ the tokens", "$N_0 = 1$, the tokens"),
        ("R13s", "the price <<falls>>", "the price never falls"),
        ("R21", "up to the end is <<above>>", "is always above"),
        ("R24", "<<one>> w", "no w"),
    ],
)
def test_what_is_typed_in_a_proofs_place_shows(name, right, wrong):
    theorem = THEOREMS[name]
    assert theorem.statement.count(right) == 1
    mutant = replace(theorem, statement=theorem.statement.replace(right, wrong))
    assert any(RELATIONS.search(text) or CLAIMS.search(text) for text in typed(mutant))


class Contrary(Proof):
    """Finds every word for the opposite sign."""

    def word(self, name, excess, words=ALWAYS, **options):
        try:
            super().word(name, excess, words, **options)
            self.before = self.words[name]
            super().word(name, -excess, words, **options)
        except ProofFailed:
            self.words[name] = "(not proved)"
        assert self.words[name] != self.before or excess == 0


@pytest.mark.parametrize("name", SPOKEN)
def test_every_word_of_a_statement_follows_a_sign(name, proved):
    theorem = THEOREMS[name]
    result = proved(name)
    assert "<<" not in result.statement
    assert "(not proved)" not in result.statement
    with flint_polynomials.by_flint():
        theorem.derive(Contrary(theorem.given))


def often(strategy, **setting):
    """The word that theory.conditions has for the shots n >= 1 at which few-shot beats zero-shot on the target."""
    condition, *_ = theory.conditions(strategy, task="target", **setting)
    return {((1, float("inf")),): "always", (): "never"}.get(condition.shots, "not always")


SETTINGS = [
    {"d": d, "noise_variance": noise, "pretrain_shots": shots}
    for d in (1, 5, 40)
    for noise in (0.01, 1.0)
    for shots in (1, 20)
]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_words_are_true_of_the_calculator(setting, proved):
    """The same words by another route: theory.conditions, in numbers."""
    thresholds, harm, window = (proved(name).statement for name in ("R9.thresholds", "R2.risk", "R8.window"))
    found = {name: often(name, **setting) for name in ("zero_shot", "mixed", "mixed_kq")}
    assert f"`zero_shot` {found['zero_shot']} and `mixed` {found['mixed']} on the target" in thresholds
    assert f"`mixed_kq` on the target {found['mixed_kq']} in tokens" in thresholds
    for normalization in ("tokens", "shots"):
        risks = theory.risk("zero_shot", range(1, 30), normalization=normalization, **setting)
        assert (risks > setting["noise_variance"]).all()
        assert f"every n in {normalization}" in harm
    beats = theory.conditions("zero_shot_value", task="target", **setting)[1]
    assert beats.holds(0)
    assert "beats `pretrained` on the target, in tokens, always at zero shots" in thresholds
    helps, hurts, _ = theory.conditions("mixed_value", **setting)[-3:]
    m = setting["pretrain_shots"]
    assert helps.holds(m)
    assert hurts.holds(m)
    assert hurts.shots[-1][1] == float("inf")
    assert "the target gains and unseen tasks lose" in window
    assert "lower end is finite" in window


def test_a_word_must_be_proved_and_a_place_without_one_says_so():
    proof = Proof((Given("a > 0"),))
    proof.word("often", a)
    proof.word("other", -a)
    assert proof.words == {"often": "always", "other": "never"}
    with pytest.raises(ProofFailed, match="neither 'always' nor 'never'"):
        proof.word("third", a - b)
    assert filled("<<often>> and <<third>>", proof.words) == "always and (not proved)"
    with pytest.raises(ProofFailed, match="does not follow from the hypotheses"):
        proof.positive("b", b)
    assert proof.rules("x == y", {}) == {}
    assert proof.gap("a", "b", "y") == ()
    assert Proof((Given("a < b"),)).gap("a", "b", "y") == ("y > 0",)
    assert Given("sigma2 > 0", "isotropic").latex() == r"$\sigma^2 > 0$ (isotropic)"
