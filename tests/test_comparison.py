"""theory.compare: rows by theorems typed by hand, exact numbers, what has no closed form, and the frontier's column."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import pytest
import sympy
from matplotlib.figure import Figure
from sympy import Symbol, simplify

import theory
from numerics import frontier, solve
from theory import Strategy
from theory.__main__ import main

SETTING = theory.OFFICIAL


def exact(**changes):
    return SETTING.replace(noise_variance=Fraction(1, 10), value_scale=1, **changes)


def test_rows_are_the_theorems():
    rows = {row.strategy: row for row in theory.compare(exact(), 20)}
    assert list(rows) == list(theory.STRATEGIES)
    assert rows["pretrained"][1:] == (1, rows["pretrained"].unseen, rows["pretrained"].unseen, 0, 0, None)
    value = rows["zero_shot_value"]  # R4, R9 at d = 5, n = 20
    assert (value.excess, value.limit) == (Fraction(2, 9), Fraction(1, 81))
    assert value.price == Fraction(20 * 26 + 2 * 20 * 7 + 7 * 9, 81 * 21**2)
    assert rows["mixed_kq"].target == Fraction(1, 10) + Fraction(2, 22)  # R6 at n = m: sigma^2 + 2 s/(m + 2)
    assert rows["zero_shot"].excess == rows["mixed"].excess == 0


def test_a_symbol_for_the_shots():
    n = Symbol("n", positive=True)
    (row,) = theory.compare(exact(), n, "zero_shot_value")
    assert simplify(row.price - (n * (n + 6) + 14 * n + 63) / (81 * (n + 1) ** 2)) == 0


def test_what_has_no_closed_form_or_no_limit():
    rows = theory.compare(SETTING.replace(few_shot_weight=2.0), 20, ["mixed", "pretrained"])
    assert rows[0][1:] == (None,) * 6
    assert repr(rows).splitlines()[1].split() == ["mixed", *"-----"]
    fixed = theory.compare(SETTING.replace(normalization=20.0), 20, ["zero_shot_value"])
    assert fixed[0].limit is None
    endless = theory.compare(theory.Setting(d=5), 20)  # no shots for a few-shot loss
    assert not {row.strategy for row in endless} & {"mixed", "mixed_value", "mixed_kq"}


def test_models_and_the_frontier_beside_them():
    """All parameters with replay lie on the frontier of one head; the value matrix alone does not."""
    practices = {"replay": solve(theory.Strategy("all", replay=3), SETTING), "value": "zero_shot_value"}
    rows = theory.compare(SETTING, 20, practices, frontier=partial(frontier, models="one_head"))
    assert [row.strategy for row in rows] == ["replay", "value"]
    # n is the m of the replay, whose flow ends within 1e-11: and a stationary point is on the frontier to second order
    assert rows[0].unseen == pytest.approx(rows[0].frontier, abs=1e-10)
    assert rows[1].unseen - rows[1].frontier == pytest.approx(0.369442 - 0.349856, abs=1e-6)
    assert "above it" in repr(rows)
    assert "above it" in rows._repr_html_()


def test_models_of_ones_own_in_a_list_and_in_a_plot():
    """Their rows and curves are the risks of the strategies that they are the ends of."""
    names = ["zero_shot_value", "zero_shot"]
    models = [theory.fixed_point(name, setting=SETTING) for name in names]
    rows = theory.compare(SETTING, 20, ["pretrained", *models])
    assert [row.strategy for row in rows] == ["pretrained", "model", "model 2"]
    for row, name in zip(rows[1:], names, strict=True):
        assert row.target == pytest.approx(theory.risk(name, 20, setting=SETTING), rel=1e-12)  # rounding: 1e-15
    for given, labels in ((models, ["model", "model 2"]), ({"mine": models[0], "zs": "zero_shot"}, ["mine", "zs"])):
        lines = theory.plot(SETTING, given, "unseen", Figure().subplots(), n_shots=[0, 20]).lines
        assert [line.get_label() for line in lines] == labels
        for line, name in zip(lines, names, strict=True):
            expected = theory.risk(name, [0, 20], setting=SETTING, task="unseen")
            assert line.get_ydata() == pytest.approx(expected, rel=1e-12)
    (row,) = theory.compare(SETTING, 20, ["pretrained"], baseline=models[0])
    assert row.price == pytest.approx(-0.0241595, abs=1e-7)  # the value matrix's own price, as printed in the docstring
    with pytest.raises(TypeError, match=r"strategies = 5 .*AttentionParameters, or a mapping"):
        theory.compare(SETTING, 20, 5)


@pytest.mark.parametrize(("d", "m", "noise"), [(2, 1000, 0.0), (2, 100, 0.0), (3, 50, 0.1), (5, 20, 0.2)])
def test_a_price_that_vanishes_is_nothing_with_many_shots(d, m, noise):
    """A head's price falls as 1/n at every covariance (R13): what rounding leaves of the limit is no price."""
    setting = theory.Setting(d, noise_variance=noise, pretrain_shots=m, covariance=theory.PowerLaw(1.0))
    (row,) = theory.compare(setting, 20, "new_head")
    assert row.limit == 0
    assert row.price > 1e-6
    (kept,) = theory.compare(setting, 20, "zero_shot_value")  # a price that many shots do not remove (R4) stays
    assert kept.limit > 1e-3


def test_under_a_masked_query_the_table_says_what_did_not_train():
    names = ["pretrained", "zero_shot", "new_head", "soft_prompt", "skip", "mixed_value", Strategy("value", replay=1)]
    rows = theory.compare(SETTING.replace(query="masked"), 20, names)
    assert rows.note.startswith("zero_shot, new_head: as pretrained")
    assert rows[0][1:] == rows[1][1:]
    assert repr(rows).splitlines()[-1] == rows.note
    assert f"<p>{rows.note}</p>" in rows._repr_html_()
    assert not theory.compare(SETTING, 20, names).note


def test_the_command(capsys):
    assert main(["compare", "--shots", "5", "--frontier", "two_heads"]) == 0
    assert "above it" in capsys.readouterr().out
    assert main(["compare", "--shots", "20", "--d", "3"]) == 0
    told, header, first, *rest = capsys.readouterr().out.splitlines()
    assert told.startswith("risks at 20 shots; d = 3, pretrained at m = 20 shots")
    assert header.split()[0] == "strategy"
    assert first.split()[0] == "pretrained"
    assert len(rest) == len(theory.STRATEGIES) - 1


def test_what_is_refused():
    with pytest.raises(TypeError, match="setting = 5"):
        theory.compare(5, 20)
    with pytest.raises(ValueError, match="strategy = 'zeroshot' is unknown"):
        theory.compare(SETTING, 20, ["zeroshot"])


D, M, N, T, MU, RHO = sympy.symbols("d m n t mu rho", positive=True)


@pytest.mark.parametrize(
    ("strategy", "noise", "tau"),
    [
        (Strategy("value", replay=MU), 0, lambda K_0, kappa: 1 / (1 + MU * kappa)),
        (Strategy("value", pull=RHO), sympy.Rational(1, 10), lambda K_0, kappa: K_0 / (K_0 + RHO)),
        (Strategy("value", time=T), sympy.Rational(1, 10), lambda K_0, kappa: 1 - sympy.exp(-2 * K_0 * T)),
    ],
)
def test_prices_with_symbols_are_short(strategy, noise, tau):
    """R16's curve, typed here, at the balanced start beta_0^2 = a/sqrt(d); printed as a product that fits a line or two."""
    m = M if noise == 0 else 7  # symbols for all of replay's; the others' take long to expand
    setting = theory.Setting(D, noise_variance=noise, pretrain_shots=m)
    (row,) = theory.compare(setting, N, [strategy])
    assert len(str(row.price)) < 300
    a = (M + 1) / (M + 1 + D + D * noise)
    kappa = (1 + M * (M + 3 * D + 5) / ((D + 2) * (D + 4))) / (M + 1) ** 2
    expected = tau(a / sympy.sqrt(D) * (D + 2) * (D + 4), kappa) ** 2 / ((D + 4) * (N + 1)) ** 2
    expected = expected * (N**2 + (3 * D + 5) * N + (D + 2) * (D + 4))
    point = dict(
        zip(
            (D, M, N, T, MU, RHO),
            (3, 7, 4, sympy.Rational(1, 50), sympy.Rational(2, 3), sympy.Rational(5, 2)),
            strict=True,
        )
    )
    assert float(row.price.subs(point)) == pytest.approx(float(expected.subs(point)), rel=1e-13)
