"""theory.formula: a strategy's risk as mathematics and as a program to copy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from . import validation
from .kinds import as_fraction, is_rational, is_symbolic, square_root
from .names import StrategyName, Task
from .parameters import AttentionParameters
from .printed_formulas import (
    EXAMPLE,
    GENERAL,
    ISOTROPIC,
    UNIT_TASK,
    UNSEEN_AVERAGE,
    general_setup,
    isotropic_setup,
    program,
    program_of_average,
)
from .printed_practices import GENERAL as GENERAL_ADDED
from .printed_practices import frozen_lines
from .prompt import at_least_one
from .python_to_latex import latex_of, lines_of
from .question import prompt_length
from .running import exponential, run_program
from .setting import OFFICIAL, Setting, as_matrix
from .strategies import PUBLISHED, Strategy, find_strategy
from .tasks import OPPOSITE, TARGET, UNSEEN, checked_task
from .validation import NoClosedForm
from .which_law import stays_pretrained
from .which_theorem import theorem_of
from .worlds import NUMBER_FIELDS
from .written_laws import written

COVARIANCES = ("isotropic", "general")


@dataclass(frozen=True, slots=True)
class Formula:
    """A strategy's risk: lines of Python, the mathematics made from them, and what they assume.

    Attributes
    ----------
    code : str
        A complete program, which prints the risk for example values.
    lines : str
        Its lines alone, of which the last gives ``risk`` its value.
    latex : str
        The same lines as LaTeX, an ``aligned`` environment; before them x, the cosine of the angle between task and target, and on
        the average over unseen tasks that of x and of x squared, where the lines use them.
    assumptions : tuple of str
        The conventions and the world in which it holds.
    theorem : str
        What proves these lines (R11), or else states where training ends (R12 proves the risk of any model), as
        :func:`theory.prove` takes it; empty where no statement covers the strategy, and the law of a quadratic loss gives its end.
    numbers : dict
        The numbers that it takes by name, with the example's values.
    arrays : tuple of str
        The names of the arrays that a general formula takes beside them.

    Notes
    -----
    Call it with numbers, arrays, Fractions or Symbols by these names; what is left out has the example's value.
    """

    code: str
    lines: str
    assumptions: tuple[str, ...]
    theorem: str
    numbers: Mapping[str, Any] = field(repr=False)
    arrays: tuple[str, ...] = field(default=(), repr=False)
    place: str = field(default="", repr=False)  # lines that give the cosine, and its square, their values

    def _used(self, place: str) -> list[str]:
        """Of the lines that give the cosine, and its square, their values, those that the others use."""
        return [line for line in lines_of(place) if re.search(rf"\b{line.split(' =')[0]}\b", self.lines)]

    @property
    def latex(self) -> str:
        """The lines as LaTeX."""
        rows = [latex_of(line).replace(" = ", " &= ", 1) for line in (*self._used(self.place), *lines_of(self.lines))]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def __call__(self, **numbers: Any) -> Any:
        """The risk at these numbers."""
        allowed = (*self.numbers, *self.arrays)
        for name in numbers:
            if name not in allowed:
                raise TypeError(f"the formula has no argument {name!r}; allowed: {', '.join(allowed)}")
        if self.arrays:
            return run_program(self.code, numbers)
        values = {**self.numbers, **numbers}
        if not any(isinstance(x, float | np.ndarray) for x in values.values()):
            values = {name: as_fraction(x) if is_rational(x) else x for name, x in values.items()}
        place = "\n".join(self._used(UNIT_TASK if "cosine" in values else UNSEEN_AVERAGE))
        known = {"sqrt": square_root, "exp": exponential, "maximum": lambda n, one: at_least_one(n), **values}
        exec(f"{place}\n{self.lines}", known)
        return known["risk"]

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __str__(self) -> str:
        return self.code


_COSINES: dict[str, int] = {TARGET: 1, OPPOSITE: -1}


def formula(
    strategy: StrategyName | Strategy,
    task: Task = TARGET,
    covariance: Literal["isotropic", "general"] = "isotropic",
    setting: Setting | None = None,
) -> Formula:
    r"""A strategy's risk as short lines: mathematics, and a program that runs as it is.

    Parameters
    ----------
    strategy : str or Strategy
        A strategy's name, or one of your own.
    task : "target", "opposite", "unseen", number or array (d,)
        The task at evaluation, as :func:`theory.risk` takes it.
    covariance : {"isotropic", "general"}
        Lines in numbers, for inputs N(0, I) and a target of length 1, or lines in matrices, for any covariances and tasks.
    setting : Setting, optional
        Its conventions (N, mask, value scale, weights, infinitely many shots) decide the formula; its numbers are the example's.
        Default: the published experiments'.

    Returns
    -------
    Formula
        With ``code``, ``latex``, ``lines``, ``assumptions``, ``theorem``; callable with numbers.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, its value and what is allowed.
    NoClosedForm
        As :func:`theory.risk`; and where general lines are asked for in another than the usual convention.

    Notes
    -----
    The seven published strategies in the usual convention have lines that R11 runs on symbols, the added ones general lines that R4
    and R13 run (the scale of `frozen_q` in them is held against the law by tests), in every convention where the layer stays as
    pretrained; any other isotropic formula is written from
    the laws that :func:`theory.risk` runs (:mod:`theory.written_laws`). On the average over unseen tasks the general program
    averages exactly, by a rule of degree 5.

    References
    ----------
    Lee, Sohn, Lee 2026, arXiv 2602.23197 (the question); the formulas are new here.

    Examples
    --------
    >>> found = formula("zero_shot_value", task="unseen")
    >>> print(found.lines)
    N = n + 1
    a = (m + 1)/(m + 1 + d + d*sigma2)
    alpha = 1/(d + 4)
    w = a
    h = alpha**2 + w**2 + 2*alpha*w*cosine
    risk = sigma2 + (
        (N - n*w)**2 + (n + d + 2)**2*alpha**2 - 2*(N - n*w)*(n + d + 2)*alpha*cosine
        + n*((d + 1)*h + d*w**2*sigma2) + 2*(d + 2)*alpha**2
    )/N**2
    >>> from fractions import Fraction
    >>> found(n=20, sigma2=Fraction(1, 10))
    Fraction(6994333, 18932130)
    >>> formula(Strategy("value", replay=3.0)).latex.splitlines()[7]
    '\\alpha &= -\\frac{g_\\alpha}{H_\\alpha} \\\\'
    """
    given_model: Any = strategy
    if isinstance(given_model, AttentionParameters):
        allowed = (
            "a strategy; a model's formula in n is theory.risk(model, sympy.Symbol('n'), ...), and sympy.latex of that"
        )
        raise validation.reject("strategy", strategy, allowed, TypeError)
    found = find_strategy(strategy)
    validation.choice("covariance", covariance, COVARIANCES)
    given = OFFICIAL if setting is None else setting
    if not isinstance(given, Setting):
        raise validation.reject("setting", setting, "a theory.Setting", TypeError)
    for name, value in given._asdict().items():
        if (isinstance(value, np.ndarray) and value.dtype == object) or (
            is_symbolic(value) and not isinstance(value, np.ndarray)
        ):
            raise validation.reject(
                name, value, "a number: the formula has a name for it already, and this is its example's value"
            )
        if isinstance(value, np.ndarray) and name in NUMBER_FIELDS:
            raise validation.reject(name, value, "one number: the formula takes arrays when it is called")
    if covariance == "general":
        return _general(found, task, given, setting is None)
    return _isotropic(found, checked_task(task, given), given)


def _usual(strategy: Strategy, setting: Setting) -> bool:
    """Whether the printed lines, which a proof ran, are the formula."""
    return strategy.name in PUBLISHED and _usual_convention(strategy, setting)


def _usual_convention(strategy: Strategy, setting: Setting) -> bool:
    return (
        (setting.normalization, setting.query, setting.value_scale) == ("tokens", "attends", "balanced")
        and setting.few_shot_shots in (None, setting.pretrain_shots)
        and not (strategy.objective == "mixed" and setting.few_shot_weight != 0)
        and setting.pretrain_shots != math.inf
    )


def _isotropic(strategy: Strategy, task: Any, setting: Setting) -> Formula:
    if not setting.is_isotropic:
        raise validation.reject(
            "covariance", "isotropic", "'general' for a setting with a covariance of inputs, tasks or queries"
        )
    if setting.target is not None or isinstance(task, np.ndarray):
        name, value = ("target", setting.target) if setting.target is not None else ("task", task)
        raise validation.reject(
            name, value, "left out or a cosine in isotropic formulas; covariance='general' takes vectors"
        )
    _require_noise(strategy, setting)
    cosine = None if task == UNSEEN else _COSINES.get(task, task) if isinstance(task, str) else task
    usual = _usual(strategy, setting)
    if usual:
        lines, numbers = ISOTROPIC[strategy.name], _numbers(setting)
    else:
        rows, numbers = written(strategy, setting, "unseen" if cosine is None else "task")
        lines, numbers = "\n".join(rows), {"n": EXAMPLE["n"], **numbers}
    functions = [name for name in ("exp", "maximum", "sqrt") if f"{name}(" in lines]
    shown, at = {name: _text(x) for name, x in numbers.items()}, None if cosine is None else _text(cosine)
    setup = isotropic_setup(shown, at, ", ".join(functions or ["sqrt"]), square=usual)
    if cosine is not None:
        numbers = {**numbers, "cosine": cosine}
    assumptions = (
        "Inputs N(0, I), a target of length 1, pretraining tasks uniform on the unit sphere.",
        *_conventions(strategy, setting),
    )
    theorem = f"R11.{strategy.name}" if usual else theorem_of(strategy, setting)
    place = UNSEEN_AVERAGE if at is None else f"cosine = {at}\n{UNIT_TASK}"
    return Formula(program(setup, lines), lines, assumptions, theorem, numbers, place=place)


def _general(strategy: Strategy, task: Any, setting: Setting, example: bool) -> Formula:
    printed, endless = {**GENERAL, **GENERAL_ADDED}, setting.pretrain_shots == math.inf
    if usual := strategy.name in printed and _usual_convention(strategy, setting):
        lines: str | None = printed[strategy.name]
    else:
        lines = frozen_lines(strategy.name, setting.normalization, stays_pretrained(strategy, setting), endless)
    if lines is None or setting.query_covariance is not None:
        raise NoClosedForm(
            f"covariance = 'general' has printed lines for the named strategies alone, in one convention: normalization = 'tokens', "
            "query = 'attends', value_scale = 'balanced', few_shot_weight = 0, one finite number of shots in both losses, no "
            "query_covariance; and in 'shots', with the query masked or with infinitely many shots where the layer stays as pretrained; "
            f"got strategy {strategy.name!r} and {setting!r}. theory.risk computes it"
        )
    _require_noise(strategy, setting)
    arrays: dict[str, str] = {}
    if not example:
        d = setting.d
        if type(d) is not int:
            raise validation.reject("d", d, "one whole number in general formulas")
        arrays["Sigma"] = "eye(d)" if setting.covariance is None else _array(as_matrix(setting.covariance, d))
        arrays["Psi"] = "eye(d)/d" if setting.task_covariance is None else _array(as_matrix(setting.task_covariance, d))
        if setting.target is not None:
            arrays["theta0"] = _array(setting.target)
    if isinstance(task, str):
        if task not in (TARGET, OPPOSITE, UNSEEN):
            raise validation.nearest("task", task, (TARGET, OPPOSITE, UNSEEN), " or a vector of shape (d,)")
        arrays["theta"] = {TARGET: "theta0", OPPOSITE: "-theta0"}.get(task, "theta0")
    else:
        arrays["theta"] = _array(validation.vector("task", task, setting.d))
    numbers = _numbers(setting)
    if endless:
        del numbers["m"]
    unseen = isinstance(task, str) and task == UNSEEN
    gaussian = example or setting.task_covariance is not None
    on_sphere = unseen and not gaussian
    setup = general_setup({name: _text(x) for name, x in numbers.items()}, on_sphere, **arrays)
    if any("array(" in text for text in arrays.values()):
        setup = setup.replace("import arange, diag", "import arange, array, diag")
    if "maximum(" in lines:
        setup = setup.replace("eye, ones", "eye, maximum, ones", 1)
    code = program_of_average(setup, lines, gaussian) if unseen else program(setup, lines)
    names = ("Sigma", *(() if on_sphere else ("Psi",)), "theta0", *(() if unseen else ("theta",)))
    tasks = "Tasks of pretraining" + (" N(0, Psi)" if gaussian else " uniform on the unit sphere, Psi = I/d")
    if on_sphere:
        tasks += (
            ", and so those of the average: Psi is not to be replaced (beside a task_covariance they are N(0, Psi))"
        )
    assumptions = (f"Inputs N(0, Sigma), Sigma positive definite. {tasks}.", *_conventions(strategy, setting))
    theorem = f"R11.{strategy.name}" if usual and strategy.name in PUBLISHED else theorem_of(strategy, setting)
    return Formula(code, lines, assumptions, theorem, numbers, names)


def _numbers(setting: Setting) -> dict[str, Any]:
    return {**EXAMPLE, "m": setting.pretrain_shots, "d": setting.d, "sigma2": setting.noise_variance}


def _require_noise(strategy: Strategy, setting: Setting) -> None:
    if setting.noise_variance == 0 and strategy.objective == "mixed" and strategy.trains != "value":
        raise validation.reject(
            "noise_variance",
            setting.noise_variance,
            f"> 0 in the formula of {strategy.name!r}, which is another without noise",
        )


def _conventions(strategy: Strategy, setting: Setting) -> tuple[str, ...]:
    """What the formula takes for granted of the layer and of the training."""
    N = {"tokens": f'N = n + {1 + prompt_length(strategy)} ("tokens")', "shots": 'N = max(n, 1) ("shots")'}.get(
        setting.normalization, "N a fixed number"
    )
    query = "the query attends to itself" if setting.query == "attends" else "the query is masked"
    told = [f"{N}; {query}."]
    if setting.value_scale == "balanced":
        told.append("The start is balanced, |v|^2 = |Q|_F^2.")
    if strategy.objective == "mixed":
        told.append("The few-shot loss's weight is " + ("the limit 0+." if setting.few_shot_weight == 0 else "lam."))
        same = setting.few_shot_shots in (None, setting.pretrain_shots)
        told.append(
            "The same m in both training losses." if same else "k shots in the few-shot loss, m in pretraining."
        )
        told.append("sigma^2 > 0.")
    if setting.pretrain_shots == math.inf:
        told.append("Infinitely many shots in pretraining.")
    return tuple(told)


def _text(x: Any) -> Any:
    """A number as Python writes it."""
    if is_symbolic(x) and not x.is_number:
        return 0.5  # a Symbol is an argument by this name: an example of it
    return repr(x) if isinstance(x, float) else str(x)


def _array(x: Any) -> str:
    return f"array({np.asarray(x).tolist()})"
