"""theory.conditions against theory.risk: at every n, in every kind of number, ties included."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from theory.__main__ import main
from theory.shot_ranges import common, describe_shots
from theory.strategies import PUBLISHED

STRATEGIES = PUBLISHED
RATIONAL = ("pretrained", "zero_shot_value", "zero_shot_kq", "mixed_value", "mixed_kq")
TASKS = ("target", "opposite", "unseen")
FAR = 10**7


def inside(shots, n):
    return any(first <= n <= last for first, last in shots)


def compared(name, strategy, n, task, setting, risk=theory.risk):
    """The two risks that a condition compares, by theory.risk: (should be smaller, should be larger)."""
    here = risk(strategy, n, task=task, setting=setting)
    if name.startswith("few-shot"):
        return here, risk(strategy, 0, task=task, setting=setting)
    if name.startswith("beats"):
        return here, risk("pretrained", n, task=task, setting=setting)
    other = risk("zero_shot_value", n, task=task, setting=setting)
    return (here, other) if "helps" in name else (other, here)


def counts(shots):
    """Whole numbers worth a look: small ones, and both sides of every threshold."""
    ends = {int(end) for pair in shots for end in pair if end != math.inf}
    return sorted({0, 1, 2, 3, 7, FAR} | {end + k for end in ends for k in (-1, 0, 1) if end + k >= 0})


def check_against_risk(strategy, setting, exact):
    """Every single comparison at every count worth a look."""
    found: dict[tuple[str, int, str], object] = {}

    def risk(strategy, n, *, task, setting):  # conditions ask for the same ones
        if (strategy, n, task) not in found:
            found[strategy, n, task] = theory.risk(strategy, n, task=task, setting=setting)
        return found[strategy, n, task]

    for condition in theory.conditions(strategy, setting=setting):
        if condition.task is None:
            continue
        shots, ties = condition.shots, condition.ties
        for n in counts(shots + ties):
            smaller, larger = compared(condition.name, strategy, n, condition.task, setting, risk)
            assert condition.holds(n) == inside(shots, n)
            if n == 0 and condition.name.startswith("few-shot"):
                assert not condition.holds(0)
            elif exact:
                assert condition.holds(n) == (smaller < larger), (condition, n)
                assert inside(ties, n) == (smaller == larger), (condition, n)
            elif abs(smaller - larger) > 1e-11 * larger:  # ten times the rounding that conditions allows for
                assert condition.holds(n) == (smaller < larger), (condition, n)


@st.composite
def exact_settings(draw):
    """Isotropic settings in Fractions, small and large."""
    return theory.Setting(
        draw(st.integers(1, 12) | st.just(500)),
        noise_variance=draw(st.fractions(0, 3, max_denominator=20)),
        pretrain_shots=draw(st.integers(1, 60) | st.just(math.inf)),
        few_shot_shots=draw(st.integers(1, 60)),
        few_shot_weight=draw(st.just(Fraction(0)) | st.fractions(0, 2, max_denominator=5)),
        normalization=draw(st.sampled_from(("tokens", "shots"))),
    )


@settings(max_examples=40, deadline=None)
@given(strategy=st.sampled_from(RATIONAL), setting=exact_settings())
def test_exact_conditions_are_the_comparisons_of_exact_risks(strategy, setting):
    check_against_risk(strategy, setting, exact=True)


@settings(max_examples=60, deadline=None)
@given(
    strategy=st.sampled_from(STRATEGIES),
    setting=exact_settings(),
    noise=st.floats(1e-3, 10),
)
def test_conditions_in_floats_are_the_comparisons_of_risks(strategy, setting, noise):
    weight = 0.0 if strategy == "mixed" else float(setting.few_shot_weight)
    check_against_risk(strategy, setting.replace(noise_variance=noise, few_shot_weight=weight), exact=False)


@settings(max_examples=25, deadline=None)
@given(
    strategy=st.sampled_from(STRATEGIES),
    seed=st.integers(0, 2**32 - 1),
    d=st.integers(1, 5),
    normalization=st.sampled_from(("tokens", "shots")),
)
def test_conditions_with_covariances_are_the_comparisons_of_risks(strategy, seed, d, normalization):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, d, d))
    setting = theory.Setting(
        covariance=a @ a.T + 0.1 * np.eye(d), task_covariance=b @ b.T + 0.1 * np.eye(d), target=rng.normal(size=d),
        noise_variance=rng.uniform(0.01, 2), pretrain_shots=int(rng.integers(1, 50)), normalization=normalization,
    )  # fmt: skip
    check_against_risk(strategy, setting, exact=False)


@pytest.mark.parametrize("normalization", ["tokens", "shots"])
@pytest.mark.parametrize("strategy", ["zero_shot", "mixed"])
def test_irrational_risks_are_compared_exactly(strategy, normalization):
    setting = theory.Setting(3, noise_variance=Fraction(1, 4), pretrain_shots=6, normalization=normalization)
    for condition in theory.conditions(strategy, setting=setting, task="opposite"):
        for n in counts(condition.shots):
            smaller, larger = compared(condition.name, strategy, n, condition.task, setting)
            if not (n == 0 and condition.name.startswith("few-shot")):
                assert condition.holds(n) == bool(smaller < larger)


def test_ideal_pretraining_ties_at_d_minus_one():
    """The dashed lines n = d - 1: equal there, better from n = d on; whole numbers count as exact."""
    for d in (1, 2, 6, 21):
        for condition in theory.conditions("pretrained", d):
            assert condition.shots == ((d, math.inf),)
            assert condition.ties == (((d - 1, d - 1),) if d > 1 else ())


def test_the_window_of_the_official_setting():
    *_, helps, hurts, trades = theory.conditions(
        "mixed_value", 5, noise_variance=Fraction(1, 10), pretrain_shots=20, n_shots=20
    )
    assert (helps.shots, hurts.shots, trades.shots) == (((1, 31),), ((14, math.inf),), ((14, 31),))
    assert (helps.roots, hurts.roots) == ((Fraction(4909, 158),), (Fraction(107, 8),))
    assert [condition.truth for condition in (helps, hurts, trades)] == [True] * 3
    assert not trades.holds(13)
    assert not trades.holds(32)
    assert repr(trades) == "auxiliary loss trades unseen for target: 14 <= n <= 31 (True)"


def test_value_only_beats_pretrained_not_monotonically():
    (condition,) = [
        c
        for c in theory.conditions("zs_v", 5, noise_variance=0.1, pretrain_shots=20, task="target")
        if c.name == "beats pretrained on target"
    ]
    assert condition.shots == ((0, 1), (22, math.inf))
    assert condition.roots == pytest.approx((1.0771622834144803, 21.378010130378645), rel=1e-12)
    assert repr(condition) == "beats pretrained on target: n <= 1 or n >= 22"


def test_any_strategy_against_any_other_is_the_comparison_of_their_risks():
    """At every n to 2,000 in Fractions; a tie (n = 3), a prompt against none, a prompt of two tokens against one."""
    setting = theory.Setting(3, noise_variance=Fraction(1, 2), pretrain_shots=8, value_scale=Fraction(1))
    value = theory.fixed_point("zs_v", setting=setting)
    prompt = [[0, 1, 0, 0, Fraction(1, 2)], [0, 0, 1, 0, Fraction(1, 2)]]
    models = {
        "zero_shot_value": ("zero_shot_value", 2000),
        "new_head": ("new_head", 2000),
        "soft_prompt": ("soft_prompt", 200),
        "pretrained": ("pretrained", 20),
        "the other model": (theory.AttentionParameters(value.v, value.Q, prompt=prompt), 20),
    }
    risks = {name: [theory.risk(x, n, setting=setting) for n in range(end + 1)] for name, (x, end) in models.items()}
    ranges = set()
    for a, b in itertools.permutations(models, 2):
        (found,) = theory.conditions(models[a][0], against=models[b][0], setting=setting, task="target")
        assert found.name == f"beats {b} on target"
        shots, ties = found.shots, found.ties
        ranges.add(shots)
        for n, (one, other) in enumerate(zip(risks[a], risks[b], strict=False)):
            assert inside(shots, n) == (one < other), (a, b, n)
            assert inside(ties, n) == (one == other), (a, b, n)
    assert len(ranges) > 10  # not all of them "always" and "never"


def test_the_new_head_is_cheaper_than_the_value_matrix_from_62_shots_on():
    """On unseen tasks, whatever m and the noise: where n^2 - (d^2 + 5 d + 11) n - 2 (d + 4) > 0."""
    d, m, noise, n = *sympy.symbols("d m sigma2", positive=True), sympy.Symbol("n")
    world = {"pretrain_shots": m, "noise_variance": noise}
    (found,) = theory.conditions("new_head", d, against="zs_v", task="unseen", **world)
    quotient = sympy.cancel(found.relation.lhs / (n**2 - (d**2 + 5 * d + 11) * n - 2 * (d + 4)))
    assert quotient.is_negative
    (at_five,) = theory.conditions("new_head", 5, against=theory.Strategy("value"), task="unseen", n_shots=61)
    assert repr(at_five) == "beats zero_shot_value on unseen: n >= 62 (False)"


def test_an_infinite_risk_beats_nothing():
    world = {"d": 4, "pretrain_shots": 5, "task": "unseen"}
    ours, theirs, own = (
        theory.conditions(a, against=b, **world)[0]
        for a, b in (("zs_v", "mixed"), ("mixed", "zs_v"), ("mixed", "mixed"))
    )
    assert ours.shots == ((0, math.inf),)
    assert theirs.shots == own.shots == ()
    assert own.ties == ((0, math.inf),)


def test_where_risks_in_roots_meet_at_degree_four():
    """A prompt against a scale in nested roots: 30 digits of the threshold, on whose sides the risks are compared."""
    setting = theory.Setting(5, noise_variance=Fraction(1, 10), pretrain_shots=20)
    (found,) = theory.conditions("frozen_q", against="soft_prompt", setting=setting, task="opposite")
    (threshold,) = (root for root in found.roots if root > 1)
    last = int(threshold)
    risks = [
        [theory.risk(x, n, setting=setting, task="opposite") for x in ("frozen_q", "soft_prompt")]
        for n in (last, last + 1)
    ]
    assert [bool(one < other) for one, other in risks] == [found.holds(n) for n in (last, last + 1)]
    assert found.holds(last) != found.holds(last + 1)


def test_the_command_compares_two(capsys):
    assert (
        main(["conditions", "value", "--replay", "3", "--against", "both_v", "--task=-1/4", "--covariance", "1,1"]) == 2
    )
    assert "d" in capsys.readouterr().err
    assert main(["conditions", "value", "--replay", "3", "--against", "both_v", "--task=-1/4", "--noise", "1/4"]) == 0
    strategy = theory.Strategy("value", replay=3.0)
    expected = theory.conditions(strategy, 5, against="mixed_value", task=-0.25, noise_variance=0.25, pretrain_shots=20)
    heading, told = capsys.readouterr().out.splitlines()
    assert heading.startswith(f"{strategy.name}; d = 5")
    assert told == repr(expected)
    assert main(["conditions", "zs_v", "--against", "mixed_v"]) == 2
    assert "--against = 'mixed_v' is unknown (did you mean 'mixed_value'?)" in capsys.readouterr().err


def test_without_noise_mixed_has_infinite_risk_off_the_target():
    found = {c.name: c for c in theory.conditions("mixed", 4, few_shot_shots=5, pretrain_shots=5)}
    assert found["few-shot beats zero-shot on opposite"].shots == ()
    assert found["beats pretrained on opposite"].shots == ()
    assert found["beats pretrained on unseen"].shots == ()
    assert found["beats pretrained on target"].holds(3)


def test_one_task_given_by_cosine_or_vector():
    by_cosine = theory.conditions("zs_v", 2, pretrain_shots=9, task=Fraction(3, 5))
    by_vector = theory.conditions("zs_v", 2, pretrain_shots=9, task=[Fraction(3, 5), Fraction(4, 5)])
    assert [c.shots for c in by_cosine] == [c.shots for c in by_vector]
    assert [c.name for c in by_cosine] == [
        "few-shot beats zero-shot on the given task",
        "beats pretrained on the given task",
    ]


def test_a_model_of_your_own():
    setting = {"noise_variance": Fraction(1, 10), "pretrain_shots": 20}
    model = theory.fixed_point("zs_v", 5, **setting, value_scale=Fraction(1))
    for ours, named in zip(theory.conditions(model, **setting), theory.conditions("zs_v", 5, **setting), strict=True):
        assert (ours.name, ours.shots, ours.roots) == (named.name, named.shots, named.roots)
    dense = theory.AttentionParameters(model.v, model.Q)
    for ours, named in zip(theory.conditions(dense, **setting), theory.conditions("zs_v", 5, **setting), strict=True):
        assert (ours.shots, ours.roots) == (named.shots, named.roots)


@pytest.mark.parametrize(
    ("strategy", "normalization"),
    [*((name, "tokens") for name in RATIONAL), ("pretrained", "shots"), ("zero_shot_value", "shots")],
)
def test_symbols_give_the_relation_that_numbers_satisfy(strategy, normalization):
    d, m, noise = sympy.symbols("d m sigma2", positive=True)
    values = {d: 4, m: 7, noise: sympy.Rational(2, 5)}
    symbolic = theory.conditions(
        strategy, d, pretrain_shots=m, noise_variance=noise, normalization=normalization, task="target"
    )
    numeric = theory.conditions(
        strategy, 4, pretrain_shots=7, noise_variance=Fraction(2, 5), normalization=normalization, task="target"
    )
    n = sympy.Symbol("n")
    for general, special in zip(symbolic, numeric, strict=True):
        assert general.name == special.name
        relations = (general.relation.subs(values), special.relation)
        for shots in (1, 2, 5, 9, 40):
            assert [bool(relation.subs(n, shots)) for relation in relations] == [special.holds(shots)] * 2
        roots = sorted(x for x in (root.subs(values).evalf() for root in general.roots) if x.is_real and x > 0)
        assert [float(x) for x in roots] == pytest.approx([float(x) for x in special.roots])


def test_symbols_leave_the_truth_open():
    (condition,) = theory.conditions("pretrained", sympy.Symbol("d"), task="target", n_shots=4)
    assert condition.is_symbolic
    assert condition.truth is None
    for ask in (lambda: condition.shots, lambda: condition.ties, lambda: condition.holds(3)):
        with pytest.raises(ValueError, match="depends on symbols; its relation is"):
            ask()


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"model": "zs_w"}, ValueError, "model = 'zs_w' is unknown"),
        ({"noise_variance": -1}, ValueError, "noise_variance = -1"),
        ({"noise_varianc": 1}, TypeError, "did you mean 'noise_variance'"),
        ({"n_shots": 1.5}, ValueError, "n_shots = 1.5"),
        ({"task": "targt"}, ValueError, "task = 'targt'"),
        ({"noise_variance": [0.1, 0.2]}, ValueError, "not arrays"),
        ({"model": "mixed", "few_shot_weight": 1, "pretrain_shots": 3}, theory.NoClosedForm, "few_shot_weight"),
        ({"model": "mixed_value"}, ValueError, "few_shot_shots"),
        (
            {"against": "mixed_valu", "pretrain_shots": 3},
            ValueError,
            "against = 'mixed_valu' is unknown .did you mean 'mixed_value'",
        ),
        ({"against": 3}, TypeError, "against = 3"),
        ({"against": "mixed", "few_shot_weight": 1, "pretrain_shots": 3}, theory.NoClosedForm, "few_shot_weight"),
    ],
)
def test_bad_input_is_refused_as_by_risk(arguments, error, match):
    with pytest.raises(error, match=match):
        theory.conditions(**{"model": "zs_v", "d": 3, **arguments})


def test_holds_takes_whole_numbers_only():
    (condition,) = theory.conditions("pretrained", 3, task="target")
    with pytest.raises(ValueError, match="n = -1"):
        condition.holds(-1)


def test_ranges_in_words_and_in_common():
    assert describe_shots(((0, 0), (4, math.inf))) == "n = 0 or n >= 4"
    assert common(((0, 5), (9, math.inf)), ((5, 9),)) == ((5, 5), (9, 9))


@pytest.mark.parametrize(("noise", "ties"), [(1e-14, ((4, 4),)), (1e-10, ()), (1e-8, ())])
def test_floats_count_as_equal_within_rounding_and_no_further(noise, ties):
    """At n = d - 1 shots the risks differ by the share ``noise``; "within 1e-12 of each other count as equal"."""
    for condition in theory.conditions("pretrained", 5, noise_variance=noise, task="target"):
        assert condition.ties == ties
        assert condition.shots == ((5, math.inf),)
        assert not condition.holds(4)


def test_sympy_is_not_loaded_for_numbers():
    import subprocess
    import sys

    code = (
        "import sys, theory; print(*theory.conditions('zs_v', 5, noise_variance=.1)); assert 'sympy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("strategy", theory.STRATEGIES)
@pytest.mark.parametrize("noise", [Fraction(3, 10), Fraction(1, 10)])
def test_a_decimal_says_what_its_fraction_says(strategy, noise):
    """Two risks of one limit do not seem to meet at 1e12 shots, where a float's rounding outgrows their difference."""
    world = {"d": 8, "pretrain_shots": 40, "few_shot_shots": 40}
    exact = theory.conditions(strategy, noise_variance=noise, **world)
    floats = theory.conditions(strategy, noise_variance=float(noise), **world)
    assert [(c.name, c.task, c.shots) for c in floats] == [(c.name, c.task, c.shots) for c in exact]
