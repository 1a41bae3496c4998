"""theory.formula: every program runs as it is and prints theory.risk's number; so does the mathematics' source, called."""

from __future__ import annotations

import contextlib
import io
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

import theory
from theory import OFFICIAL, STRATEGIES, NoClosedForm, Setting, Strategy, formula, risk, written_laws
from theory.__main__ import main
from theory.formulas import Formula
from theory.readable_relations import readable
from theory.strategies import PUBLISHED
from theory.which_theorem import theorem_of

CLOSE = 1e-12  # relative; both sides are sums of some ten terms in floats, whose worst was 7e-15 here
SHOTS = OFFICIAL.replace(normalization="shots", value_scale=1.3)
WORLD = Setting(
    covariance=[[2, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 1.5]], task_covariance=[1, 0.5, 0.25], noise_variance=0.3,
    pretrain_shots=7, target=[1.0, -1.0, 0.5],
)  # fmt: skip
EXAMPLE = OFFICIAL.replace(d=5, covariance=np.eye(5) + 0.5, task_covariance=1 / np.arange(1, 6))  # of the general lines


def printed(code: str) -> float:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    return float(out.getvalue())


def agrees(found: Formula, expected: float) -> None:
    assert printed(found.code) == pytest.approx(expected, rel=CLOSE)
    assert found() == pytest.approx(expected, rel=CLOSE)
    rows = found.latex.splitlines()
    assert rows[0] == "\\begin{aligned}"
    assert rows[-2].startswith("\\operatorname{risk} &= ")
    assert found._repr_latex_() == f"$\\displaystyle {found.latex}$"


@pytest.mark.parametrize("task", ["target", "opposite", "unseen", 0.25])
@pytest.mark.parametrize("name", STRATEGIES)
def test_the_usual_convention_is_the_printed_lines(name: str, task: Any) -> None:
    found = formula(name, task)
    agrees(found, risk(name, 10, setting=OFFICIAL, task=task))
    assert found.theorem == (f"R11.{name}" if name in PUBLISHED else STRATEGIES[name].theorem)
    other = {"n": 3, "d": 9, "m": 6, "sigma2": 0.7}
    expected = risk(name, 3, 9, pretrain_shots=6, noise_variance=0.7, task=task)
    assert found(**other) == pytest.approx(expected, rel=CLOSE)


@pytest.mark.parametrize("setting", [None, WORLD, WORLD.replace(task_covariance=None)])
@pytest.mark.parametrize("name", STRATEGIES)
def test_any_covariance(name: str, setting: Setting | None) -> None:
    """On average over Gaussian tasks and over a sphere too, where the program averages by a rule of degree 5."""
    world = setting or EXAMPLE
    for task in ("target", "opposite", "unseen", np.linspace(-1, 2, world.d)):
        found = formula(name, task, "general", setting)
        agrees(found, risk(name, 10, setting=world, task=task))
        assert found(n=3, sigma2=2.0) == pytest.approx(
            risk(name, 3, setting=world, noise_variance=2.0, task=task), rel=CLOSE
        )


VALUE = Strategy("value", few_shot=0.2, replay=0.3, pull=0.1)
OTHERS: list[tuple[Any, Setting]] = [
    ("zero_shot", SHOTS),
    ("mixed", SHOTS),
    ("mixed_kq", SHOTS.replace(few_shot_shots=4)),
    ("mixed_kq", OFFICIAL.replace(pretrain_shots=math.inf, few_shot_shots=5)),
    (Strategy(("v_0",)), OFFICIAL),
    ("zs_v", OFFICIAL.replace(pretrain_shots=math.inf)),
    ("zs_v", OFFICIAL.replace(normalization=7.0)),
    ("mixed_value", OFFICIAL.replace(few_shot_weight=0.5, few_shot_shots=7)),
    ("mixed_value", SHOTS),
    ("mixed_value", OFFICIAL.replace(query="masked")),
    ("soft_prompt", SHOTS.replace(query="masked")),
    ("new_head", OFFICIAL.replace(query="masked")),
    (Strategy("value", few_shot=0.0, replay=3.0), OFFICIAL),
    (VALUE, OFFICIAL),
    (VALUE, OFFICIAL.replace(value_scale=0.7)),
    (Strategy("value", replay=0.3, time=0.02), OFFICIAL),
    (Strategy("value", few_shot=0.4, replay=0.3, time=0.02), OFFICIAL),
    (Strategy("key_query", few_shot=0.2, replay=0.3), OFFICIAL),
    (Strategy("skip", few_shot=0.2, time=0.5), SHOTS),
]


@pytest.mark.parametrize(("strategy", "setting"), OTHERS)
def test_what_is_written_from_the_laws(strategy: Any, setting: Setting) -> None:
    for task in (0.25, "unseen"):
        agrees(formula(strategy, task, setting=setting), risk(strategy, 10, setting=setting, task=task))


COVERED: list[
    tuple[Any, Setting, str, Any]
] = [  # what the theorem's statement says: another strategy's end, or R16's tau
    (Strategy("value", replay=3.0), OFFICIAL, "R16", lambda d, m, t: 1 / (1 + 3 * t["kappa"])),
    (Strategy(("v_x",), pull=2.0), SHOTS, "R16", lambda d, m, t: t["K"] / (t["K"] + 2)),
    (Strategy("value", time=0.01), SHOTS, "R16", lambda d, m, t: 1 - math.exp(-2 * t["K"] * 0.01)),
    (Strategy(("v_x", "w")), OFFICIAL, "R4", "zero_shot_value"),
    (Strategy(("v_x", "w"), few_shot=0.5), SHOTS.replace(few_shot_weight=0.5), "R5", "mixed_value"),
    (Strategy(("q", "B"), pull=1, time=2.0), OFFICIAL, "R3", "pretrained"),
    (Strategy("key_query", few_shot=0.5), OFFICIAL, "R6", "mixed_kq"),
    ("zero_shot", OFFICIAL.replace(query="masked"), "R3.masked", "pretrained"),
    ("zs_v", OFFICIAL.replace(query="masked"), "R3.masked", "pretrained"),
    ("frozen_q", OFFICIAL.replace(query="masked"), "R3.masked", "pretrained"),
    ("pretrained", OFFICIAL.replace(query="masked"), "R12.one_head", "pretrained"),
    ("zs_v", SHOTS, "R4", "zero_shot_value"),
]


@pytest.mark.parametrize(("strategy", "setting", "name", "end"), COVERED)
def test_a_theorem_is_named_where_its_statement_is_what_the_formula_gives(
    strategy: Any, setting: Setting, name: str, end: Any
) -> None:
    found = formula(strategy, "unseen", setting=setting)
    assert found.theorem == name
    if isinstance(end, str):
        assert found(n=7) == pytest.approx(risk(end, 7, setting=setting, task="unseen"), rel=CLOSE)
        return
    # R16: v_x is tau times R4's, and unseen tasks pay tau^2 Pi_n
    d, m, n = 5, 20, 7
    beta = float(theory.fixed_point("pretrained", setting=setting).B[0, 0])
    known = {
        "K": beta**2 * (d + 2) * (d + 4),
        "kappa": (1 + m * (m + 3 * d + 5) / ((d + 2) * (d + 4))) / (m + 1) ** 2,
    }
    N = n + 1 if setting.normalization == "tokens" else n
    price = end(d, m, known) ** 2 * (n**2 + (3 * d + 5) * n + (d + 2) * (d + 4)) / ((d + 4) * N) ** 2
    expected = risk("pretrained", n, setting=setting, task="unseen") + price
    assert found(n=n) == pytest.approx(expected, rel=CLOSE)


@pytest.mark.parametrize(
    ("strategy", "changed"),
    [
        (VALUE, {}),
        (Strategy("value", zero_shot=2.0), {}),
        (Strategy("value", replay=3.0), {"normalization": "shots"}),
        (Strategy("value", replay=3.0), {"pretrain_shots": math.inf}),
        (Strategy("value", pull=3.0), {"normalization": 7.0}),
        (Strategy("value", pull=3.0, time=1.0), {}),
        (Strategy(("v_x",), few_shot=0.5), {}),
        (Strategy(("v_0",)), {}),
        (Strategy(("q",), few_shot=0.5), {}),
        (Strategy("key_query", few_shot=0.5), {"noise_variance": 0}),
        (Strategy("skip", time=1.0), {}),
    ],
)
def test_no_theorem_is_named_that_does_not_cover_the_strategy(strategy: Strategy, changed: dict[str, Any]) -> None:
    assert theorem_of(strategy, OFFICIAL.replace(**changed)) == ""


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"normalization": "shots"}, ("pretrained", "soft_prompt", "skip", "new_head")),
        ({"query": "masked", "value_scale": 1.3}, ("zero_shot", "frozen_q", "new_head", "soft_prompt")),
        ({"query": "masked", "normalization": "shots", "task_covariance": None}, ("pretrained", "soft_prompt", "skip")),
        ({"pretrain_shots": math.inf, "few_shot_shots": 4}, ("zero_shot_kq", "soft_prompt")),
    ],
)
def test_a_layer_that_stays_as_pretrained_has_general_lines_in_any_convention(
    changed: dict[str, Any], names: tuple[Any, ...]
) -> None:
    setting = WORLD.replace(**changed)
    for name in names:
        for task in ("target", "unseen"):
            found = formula(name, task, "general", setting)
            agrees(found, risk(name, 10, setting=setting, task=task))
            assert found(n=0) == pytest.approx(risk(name, 0, setting=setting, task=task), rel=CLOSE)
            assert found.theorem == theorem_of(STRATEGIES[name], setting) != ""


def test_psi_stays_where_the_average_is_over_the_sphere() -> None:
    """Another Psi would change the pretraining and not the average, whose tasks stay on the sphere."""
    world = WORLD.replace(task_covariance=None)
    for task, gaussian, replaceable in (("unseen", False, False), ("unseen", True, True), ("target", False, True)):
        setting = world.replace(task_covariance=[1, 0.5, 0.25]) if gaussian else world
        found = formula("zs_v", task, "general", setting)
        assert ("Psi" in found.arrays) == replaceable
        assert ("not to be replaced" in found.code) == ("not to be replaced" in found.assumptions[0]) != replaceable
    with pytest.raises(TypeError, match="no argument 'Psi'; allowed: n, m, d, sigma2, Sigma, theta0"):
        formula("zs_v", "unseen", "general", world)(Psi=np.eye(3))


def test_a_wrong_law_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The printed program follows the code: with another w from R1 both the formula and this test's risk differ."""
    written_laws.written.cache_clear()
    whole = written_laws.quadratic_flow
    monkeypatch.setattr(
        written_laws,
        "quadratic_flow",
        lambda *a: (f := whole(*a)) and f._replace(stages=[(2 * g, h) for g, h in f.stages]),
    )
    with pytest.raises(AssertionError):
        agrees(formula(VALUE, 0.25), risk(VALUE, 10, setting=OFFICIAL, task=0.25))
    written_laws.written.cache_clear()


def test_it_takes_any_kind_of_number() -> None:
    found = formula("zero_shot_value", "unseen")
    expected = risk("zs_v", 20, 5, pretrain_shots=20, noise_variance=Fraction(1, 10), task="unseen")
    assert found(n=20, sigma2=Fraction(1, 10)) == expected
    fmpq = pytest.importorskip("flint").fmpq
    assert found(n=fmpq(20), sigma2=fmpq(1, 10)) == expected
    assert formula("zero_shot", "unseen")(sigma2=fmpq(1, 10)) == formula("zero_shot", "unseen")(sigma2=Fraction(1, 10))
    n = np.arange(4)
    assert found(n=n) == pytest.approx(risk("zs_v", n, setting=OFFICIAL, task="unseen"), rel=CLOSE)
    symbolic = found(n=sympy.Symbol("n"), sigma2=Fraction(1, 10))
    assert symbolic.subs("n", 20) == sympy.Rational(expected.numerator, expected.denominator)
    mu = sympy.Symbol("mu", positive=True)
    replayed = formula(Strategy("value", replay=mu), "unseen")
    assert replayed(mu=0.3) == pytest.approx(
        risk(Strategy("value", replay=0.3), 10, setting=OFFICIAL, task="unseen"), rel=CLOSE
    )
    with pytest.raises(TypeError, match="no argument 'noise'; allowed: n, m, d, sigma2"):
        found(noise=1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("zero_shoot",), ValueError, "did you mean 'zero_shot'"),
        ((theory.AttentionParameters([0.0, 0, 1], np.eye(3)),), TypeError, r"theory.risk\(model, sympy.Symbol\('n'\)"),
        (("zs", "target", "generall"), ValueError, "did you mean 'general'"),
        (("zs", "target", "general", SHOTS), NoClosedForm, "'tokens'"),
        (("zs", "target", "isotropic", WORLD), ValueError, "'general' for a setting"),
        (("zs", [1.0, 0, 0, 0, 0]), ValueError, "covariance='general' takes vectors"),
        (("mixed", "target", "isotropic", Setting(d=5, pretrain_shots=9)), ValueError, "noise_variance = 0"),
        ((Strategy("all", replay=2),), NoClosedForm, "no printed formula"),
        ((Strategy("prompt", few_shot=2),), NoClosedForm, "no printed formula"),
        (("zs", "target", "isotropic", Setting(d=sympy.Symbol("d"))), ValueError, "^d = d"),
    ],
)
def test_what_has_no_formula_is_said(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        formula(*arguments)


def test_the_command_prints_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formula", "mixed_value", "--few-shot-weight", "1/2", "--task", "unseen", "--d", "7"]) == 0
    text = capsys.readouterr().out
    expected = risk("mixed_value", 10, 7, noise_variance=0.1, pretrain_shots=20, few_shot_weight=0.5, task="unseen")
    assert printed(text) == pytest.approx(expected, rel=CLOSE)
    assert main(["formula", "zs", "--latex"]) == 0
    assert capsys.readouterr().out == formula("zs").latex + "\n"
    practice = ["formula", "value", "--task", "unseen", "--replay", "3"]
    for given, weights, proof in (
        ([], {}, "prove R16 -v"),
        (["--few-shot", "1/5"], {"few_shot": 0.2}, "No theorem of its own"),
    ):
        assert main([*practice, *given]) == 0
        text = capsys.readouterr().out
        assert proof in text
        expected = risk(Strategy("value", replay=3.0, **weights), 10, setting=OFFICIAL, task="unseen")
        assert printed(text) == pytest.approx(expected, rel=CLOSE)
    assert main(["formula", "soft_prompt", "--covariance", "2,1", "--query", "masked"]) == 0
    text = capsys.readouterr().out
    setting = OFFICIAL.replace(d=2, covariance=[2.0, 1.0], query="masked")
    assert printed(text) == pytest.approx(risk("soft_prompt", 10, setting=setting), rel=CLOSE)
    assert main(["formula", "zs", "--replay", "3"]) == 2
    assert "--replay is not allowed with 'zs'" in capsys.readouterr().err


def test_the_mathematics_says_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """x, the cosine of task and target, has its value; on the average over unseen tasks x and its square have their averages."""
    for task, x in (("target", "1"), ("opposite", "-1"), ("unseen", "0"), (0.5, "0.5")):
        assert formula("zero_shot_value", task=task).latex.splitlines()[1] == rf"x &= {x} \\"
    assert r"\overline{x^2} &= \frac{1}{d}" in formula("mixed", task="unseen").latex
    assert "x &=" not in formula("soft_prompt", task="unseen").latex  # whose lines have none
    assert main(["formula", "zs_v"]) == 0
    assert "prove R4 -v derives the model, R11.zero_shot_value these lines" in capsys.readouterr().out
    assert main(["prove", "R0.squares", "C7"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[:-1]] == ["R0.squares", "C7"]


def test_conditions_are_one_readable_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    d, m, sigma2 = sympy.symbols("d m sigma2", positive=True)
    found = theory.conditions("pretrained", d, noise_variance=sigma2, pretrain_shots=m, task="target")
    assert (
        str(found)
        == "few-shot beats zero-shot on target: n > (d*m*sigma2 + d*m - d*sigma2 - d - m - 1)/(2*d*sigma2 + 2*d + m + 1)"
    )
    # R1's printed threshold, n + 1 > a d (1 + sigma2)/(2 - a), a = (m + 1)/(m + 1 + d + d sigma2)
    a = (m + 1) / (m + 1 + d + d * sigma2)
    bound = sympy.sympify(str(found).split("n > ")[1], {"d": d, "m": m, "sigma2": sigma2})
    assert sympy.simplify(bound - (a * d * (1 + sigma2) / (2 - a) - 1)) == 0
    assert readable(found[0].relation) in repr(found)
    assert len(str(theory.conditions("zs_v", 5)).splitlines()) == 6
    assert main(["conditions", "zs_v"]) == 0
    assert str(theory.conditions("zs_v", setting=OFFICIAL)) in capsys.readouterr().out
