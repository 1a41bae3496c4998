r"""R8, R9: the numbers of shots at which one risk is below another, exactly.

At any parameters :math:`N^2(\mathrm{risk} - \sigma^2) = k_0 + k_1 n + k_2 n^2` for n >= 1 (the risk formula), so that
"risk A < risk B at n shots" is the sign of a quadratic in n. Against a model's own zero-shot risk
:math:`\sigma^2 + c_0`,

.. math::

    (n+1)^2\,(\mathrm{risk}(n) - \mathrm{risk}(0)) = n\,\bigl[(k_1 - 2 c_0) + (k_2 - c_0)\, n\bigr],
    \qquad n^2\,(\mathrm{risk}(n) - \mathrm{risk}(0)) = k_0 + k_1 n + (k_2 - c_0)\, n^2

in the conventions "tokens" and "shots". Two models whose N differ, one of them having prompt tokens, are compared by
:math:`N_A^2 N_B^2(\mathrm{risk}_A - \mathrm{risk}_B)`, of degree 4. No strategy has a formula of its own here: the short thresholds that people
quote are theorems, proved equal to this in :mod:`theory.proofs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Unpack

from . import validation
from .contractions import RiskTerms
from .evaluation import terms_of
from .kinds import Number, is_symbolic
from .names import Numbers, StrategyName, Task
from .parameters import AttentionParameters, dimension_beside
from .prompt import tokens
from .question import prompt_length
from .readable_relations import readable
from .risk_formula import quadratic
from .setting import Setting, SettingArguments, settled
from .shot_ranges import Comparison, Polynomial, Shots, common, describe_shots, roots, sign_at, tidy, where
from .signatures import spelt_out
from .strategies import STRATEGIES, Strategy, find_strategy
from .tables import html_table
from .tasks import TARGET, TASKS, UNSEEN, checked_task
from .worlds import has_arrays


def shot_polynomial(terms: RiskTerms, normalization: Any, prompt_tokens: int = 0) -> Polynomial:
    """k_0, k_1, k_2 with N^2 (risk - sigma^2) = k_0 + k_1 n + k_2 n^2 at every n >= 1."""
    if isinstance(normalization, str):
        return quadratic(terms, 1 + prompt_tokens if normalization == "tokens" else 0, 0)
    return quadratic(terms, normalization, -1)


def zero_shot_excess(terms: RiskTerms, normalization: Any, prompt_tokens: int = 0) -> Number:
    """risk - sigma^2 at no shots."""
    N = tokens(0, normalization, prompt_tokens)
    excess, _, _ = quadratic(terms, N, 0)
    return excess if type(N) is int and N == 1 else excess / (N * N)


def below_zero_shot(terms: RiskTerms, normalization: Any, prompt_tokens: int = 0) -> Comparison:
    """Risk at n shots < risk at 0 shots, n >= 1."""
    k_0, k_1, k_2 = shot_polynomial(terms, normalization, prompt_tokens)
    c_0 = zero_shot_excess(terms, normalization, prompt_tokens)
    if normalization == "tokens":  # k_0 = N_0^2 c_0, N = N_0 + n, and a factor n divides out
        N_0 = tokens(0, normalization, prompt_tokens)
        return Comparison((k_1, k_2, 0 * c_0), (2 * N_0 * c_0, c_0, 0 * c_0), None)
    if normalization == "shots":
        return Comparison((k_0, k_1, k_2), (0 * c_0, 0 * c_0, c_0), None)
    return Comparison((k_1, k_2, 0 * c_0), (0 * c_0, 0 * c_0, 0 * c_0), None)  # k_0 = N^2 c_0; a factor n divides out


def below(terms: RiskTerms, other: RiskTerms, normalization: Any, prompts: tuple[int, int] = (0, 0)) -> Comparison:
    """The first risk < the second, both at n shots, n >= 0; ``prompts``: how many prompt tokens each model has."""
    k, k_other = prompts
    at_zero = (zero_shot_excess(terms, normalization, k), zero_shot_excess(other, normalization, k_other))
    first, second = shot_polynomial(terms, normalization, k), shot_polynomial(other, normalization, k_other)
    if normalization == "tokens" and k != k_other:  # each times the other's N^2
        first, second = _times_square(first, 1 + k_other), _times_square(second, 1 + k)
    return Comparison(first, second, at_zero)


def _times_square(polynomial: Polynomial, N_0: int) -> Polynomial:
    """The polynomial in n times (n + N_0)^2."""
    out = [0 * polynomial[0]] * (len(polynomial) + 2)
    for k, coefficient in enumerate(polynomial):
        for j, factor in enumerate((N_0 * N_0, 2 * N_0, 1)):
            out[k + j] = out[k + j] + factor * coefficient
    return tuple(out)


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A statement about one number of shots n, and where it is true.

    Attributes
    ----------
    name : str
        The statement.
    task : str, number or array
        The evaluation task (None where two tasks enter).
    comparisons : tuple of Comparison
        The inequalities between risks that all must hold, as polynomials in n.
    truth : bool or None
        Whether it holds at the ``n_shots`` that was asked for.
    """

    name: str
    task: Any
    comparisons: tuple[Comparison, ...]
    truth: bool | None = None

    @property
    def is_symbolic(self) -> bool:
        """Whether symbols leave it open where the condition holds; :attr:`relation` then says when."""
        numbers = (x for left, right, at_zero in self.comparisons for x in (*left, *right, *(at_zero or ())))
        return any(is_symbolic(x) and x.free_symbols for x in numbers)

    @property
    def shots(self) -> Shots:
        """Where it holds: ranges (first, last) of whole numbers, last = math.inf without end; () is never."""
        self._require_numbers("shots")
        return common(*(where(comparison, -1) for comparison in self.comparisons))

    @property
    def ties(self) -> Shots:
        """Where the risks that it compares are equal (in floats: to within rounding)."""
        self._require_numbers("ties")
        return common(*(where(comparison, 0) for comparison in self.comparisons))

    @property
    def roots(self) -> tuple[Any, ...]:
        """The thresholds: positive real n at which the two risks are equal; with symbols, all roots in n.

        Floats for float inputs; else a Fraction where rational, an exact sympy number where not; of degree 4 with irrational
        coefficients, 30 digits.
        """
        found = [root for comparison in self.comparisons for root in roots(comparison, self.is_symbolic)]
        return tuple(found if self.is_symbolic else sorted(found))

    @property
    def relation(self) -> Any:
        """The inequality as a sympy relation in the Symbol n (n >= 1), factored where rational."""
        import sympy

        n = sympy.Symbol("n")
        relations = []
        for comparison in self.comparisons:
            terms = (tidy(x) * n**k for k, x in enumerate(comparison.difference()))
            relations.append(sympy.Lt(tidy(sum(terms, start=sympy.Integer(0))), 0))
        return sympy.And(*relations)

    def holds(self, n: int) -> bool:
        """Whether it holds at n shots; ValueError where symbols leave it open."""
        n = validation.count("n", n)
        self._require_numbers(f"holds({n})")
        return all(sign_at(comparison, n) == -1 for comparison in self.comparisons)

    def _require_numbers(self, what: str) -> None:
        if self.is_symbolic:
            raise ValueError(f"{what} of {self.name!r} depends on symbols; its relation is {self.relation}")

    def __repr__(self) -> str:
        shots = readable(self.relation) if self.is_symbolic else describe_shots(self.shots)
        return f"{self.name}: {shots}" + ("" if self.truth is None else f" ({self.truth})")


class Conditions(tuple[Condition, ...]):
    """Conditions; as text, one a line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))

    def _repr_html_(self) -> str:
        rows = [repr(condition).split(": ", 1) for condition in self]
        return html_table(("condition", "holds for"), rows)


@spelt_out
def conditions(
    model: StrategyName | Strategy | AttentionParameters,
    d: Numbers | None = None,
    *,
    against: StrategyName | Strategy | AttentionParameters | None = None,
    n_shots: int | None = None,
    task: Task | None = None,
    setting: Setting | None = None,
    **arguments: Unpack[SettingArguments],
) -> Conditions:
    r"""The numbers of shots at which few-shot beats zero-shot, fine-tuned beats pretrained, or one strategy another, exactly.

    Parameters
    ----------
    model : str, Strategy or AttentionParameters
        A strategy, or a model of your own.
    against : str, Strategy or AttentionParameters, optional
        What else it is compared with, and then with nothing more: where the model's risk is below that of ``against`` at as many
        shots.
    n_shots : int >= 0, optional
        Where to say whether each condition holds (``Condition.truth``).
    task : "target", "opposite", "unseen", number or array (d,), optional
        One evaluation task, as :func:`theory.risk` takes it; default: the three named ones.
    d : int, array or Symbol, >= 1
        Input dimension; may be left out when another argument has it.
    setting : Setting, optional
        Where it happens; arguments beside it override its own.
    **arguments
        The other arguments of :class:`theory.Setting`, one number each.

    Returns
    -------
    Conditions
        A tuple of :class:`Condition`, printed one a line. For each task "few-shot beats zero-shot" (the model's own, n >= 1) and "beats pretrained" (n >= 0); for
        `mixed_value` also where the auxiliary loss helps the target, hurts unseen tasks, and does both (against
        `zero_shot_value`). With ``against`` one condition for each task (n >= 0). "Beats" is strict; ``ties`` holds the equalities.

    Raises
    ------
    ValueError, TypeError, NoClosedForm
        As :func:`theory.risk`.

    Notes
    -----
    Whole numbers and Fractions are taken exactly, ties included. With a float, risks within 1e-12 of each other
    count as equal. With a Symbol each condition is a relation (``Condition.relation``), in which d, say, can be asked about as
    n can. A model with a prompt has an N of its own in "tokens", so that beating one without is a polynomial of degree 4 in n.

    References
    ----------
    Lee, Sohn, Lee 2026, arXiv 2602.23197 (the question); the thresholds are new here.

    Examples
    --------
    >>> conditions("pretrained", d=5)
    few-shot beats zero-shot on target: n >= 5
    few-shot beats zero-shot on opposite: n >= 5
    few-shot beats zero-shot on unseen: n >= 5
    >>> conditions("zs_v", d=5, noise_variance=0.1, pretrain_shots=20, task="target", n_shots=10)[1]
    beats pretrained on target: n <= 1 or n >= 22 (False)
    >>> conditions("soft_prompt", d=5, noise_variance=0.1, pretrain_shots=20, task="unseen", against="new_head")
    beats new_head on unseen: n >= 1
    >>> import sympy
    >>> few_shot, = conditions("pretrained", sympy.Symbol("d", positive=True), task="target")
    >>> few_shot, few_shot.relation, few_shot.roots
    (few-shot beats zero-shot on target: n > d - 1, d - n - 1 < 0, (d - 1,))
    """
    if not isinstance(model, AttentionParameters):
        model = find_strategy(model, "model")
    if not (against is None or isinstance(against, AttentionParameters)):
        against = find_strategy(against, "against")
    for one in (model, against):
        if isinstance(one, AttentionParameters):
            d = dimension_beside(one, d, setting, *map(arguments.get, ("covariance", "task_covariance", "target")))
    setting = settled("conditions", setting, d, arguments, ("model", "against", "n_shots", "task", "setting"))
    if has_arrays(setting):
        raise validation.reject("setting", setting, "one number for each argument, not arrays, for conditions")
    if type(setting.noise_variance) is int:  # one exact number, and whole numbers count as exact
        setting = setting.replace(noise_variance=Fraction(setting.noise_variance))
    n = None if n_shots is None else validation.count("n_shots", n_shots)
    tasks = TASKS if task is None else (checked_task(task, setting),)
    return Conditions(_all_conditions(model, against, setting, tasks, n))


def _all_conditions(
    model: Strategy | AttentionParameters,
    against: Strategy | AttentionParameters | None,
    setting: Setting,
    tasks: tuple[Any, ...],
    n: int | None,
) -> Iterator[Condition]:
    def made(name: str, task: Any, *comparisons: Comparison) -> Condition:
        condition = Condition(name, task, comparisons)
        if n is None or condition.is_symbolic:
            return condition
        return Condition(name, task, comparisons, condition.holds(n))

    places = [(task, f"on {task}" if isinstance(task, str) else "on the given task") for task in tasks]
    if against is not None:
        name = against.name if isinstance(against, Strategy) else "the other model"
        for task, place in places:
            yield made(f"beats {name} {place}", task, _between(model, against, setting, task))
        return
    for task, place in places:
        terms, infinite = terms_of(model, setting, task)
        comparison = below_zero_shot(terms, setting.normalization, prompt_length(model))
        yield made(f"few-shot beats zero-shot {place}", task, _infinite(comparison, infinite, False))
    if model == STRATEGIES["pretrained"]:
        return
    for task, place in places:
        yield made(f"beats pretrained {place}", task, _between(model, STRATEGIES["pretrained"], setting, task))
    if model == STRATEGIES["mixed_value"]:
        helps = _between(model, STRATEGIES["zero_shot_value"], setting, TARGET)
        hurts = _between(model, STRATEGIES["zero_shot_value"], setting, UNSEEN).reversed()
        yield made("auxiliary loss helps target", TARGET, helps)
        yield made("auxiliary loss hurts unseen", UNSEEN, hurts)
        yield made("auxiliary loss trades unseen for target", None, helps, hurts)


def _between(
    model: Strategy | AttentionParameters, other: Strategy | AttentionParameters, setting: Setting, task: Any
) -> Comparison:
    """The one's risk < the other's."""
    terms, infinite = terms_of(model, setting, task)
    reference, endless = terms_of(other, setting, task)
    comparison = below(terms, reference, setting.normalization, (prompt_length(model), prompt_length(other)))
    return _infinite(comparison, infinite, endless)


def _infinite(comparison: Comparison, left: bool, right: bool) -> Comparison:
    """The comparison, one of whose risks may be infinite at every n >= 1."""
    if not (left or right):
        return comparison
    return Comparison((int(left), 0, 0), (int(right), 0, 0), comparison.at_zero)
