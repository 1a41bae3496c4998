r"""A strategy's isotropic risk as short Python lines, written from the laws that compute it, for any convention.

Nothing is defined here. The laws, the block law's gradients and Hessians, the contractions and the risk formula run on two
lines with Symbols, one part at a time, and each part becomes a line: the pretrained a in wB = a I keeps its name, and so do
gradient g and Hessian H of the loss, the model's six scalars and the parts of the risk. (The seven strategies in the usual
convention have lines that a proof ran: :mod:`theory.printed_formulas`.)

Source: new here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from .block_law import quadratic_flow
from .factoring import factored
from .laws import pretrained
from .points import Case, Point, World
from .programs import isotropic_terms, of_scalars, scalars_of
from .setting import Setting
from .strategies import KEY_QUERY, SETTING, SKIP, STRATEGIES, VALUE, Strategy
from .validation import NoClosedForm
from .which_law import laws_of
from .written_page import Page, names_in, symbol

SCALARS = ("alpha", "w", "q", "beta", "gamma", "delta")
_ENTRIES = {"v_x": ("alpha", 0), "w": ("w", 1), "q": ("q", 0), "b": ("delta", 0), "skip": ("c", 0)}


class Written(NamedTuple):
    """Lines of Python, and the numbers that they take: name to value, in the order of an example."""

    lines: tuple[str, ...]
    numbers: dict[str, Any]


@lru_cache(maxsize=64)
def written(strategy: Strategy, setting: Setting, place: str) -> Written:
    """The lines; ``place`` is "task" (of unit length, at a cosine to the target) or "unseen"."""
    return _Writer(strategy, setting, place).written()


class _Writer(Page):
    def written(self) -> Written:
        strategy, masked = self.strategy, self.setting.query == "masked"
        start = pretrained(self.world)._replace(gain=None, residual=None)
        self._training_lines()
        blocks = (VALUE, KEY_QUERY, SKIP)
        cases: tuple[Case, ...] = ()
        if strategy.name in STRATEGIES and (masked or strategy.trains != "value"):
            cases = laws_of(strategy, self.setting)
        if cases:
            case = next(case for case in cases if case.holds(self.world.regime()))
            scalars = self._of_law(case.point(self.world))
        elif not masked and strategy.entries() and any(set(strategy.entries()) <= set(block) for block in blocks):
            scalars = self._of_block(start)
        else:
            raise NoClosedForm(
                f"{strategy!r} has no printed formula{' with a masked query' if masked else ''}: one of the named strategies has, "
                "and whatever trains entries of v alone, of Q alone or a skip; theory.risk says what else has a closed form"
            )
        self._risk_lines(scalars)
        used = {name for line in self.lines for name in names_in(line)}
        return Written(tuple(self.lines), {name: value for name, value in self.numbers.items() if name in used})

    # --- the model ------------------------------------------------------------------------------------------------------

    def _of_law(self, point: Point) -> dict[str, Any]:
        """The six scalars of a theorem's law."""
        import sympy

        if point.limit is not None:
            raise NoClosedForm(f"strategy {self.strategy.name!r} has a limit, and no model, without label noise")
        values = [sympy.sympify(x) for x in scalars_of(point)]
        shared, values = sympy.cse(
            values, symbols=sympy.numbered_symbols("x_", start=1, positive=True), order="canonical"
        )
        for name, value in shared:
            self._line(str(name), value)
        scalars = {name: self._scalar(name, value) for name, value in zip(SCALARS, values, strict=True)}
        for name, added in (("c", point.skip), ("g", point.recital)):  # along the target
            if added is not None:
                scalars[name] = self._scalar(name, sympy.sympify(added.coordinates[0]))
        if point.second is not None:
            v_x, q = point.second
            scalars |= {"alpha_2": sympy.sympify(v_x.coordinates[0]), "q_2": sympy.sympify(q)}
        return scalars

    def _scalar(self, name: str, value: Any) -> Any:
        return value if value.is_Number or value.is_Symbol else self._line(name, value)

    def _of_block(self, start: Point) -> dict[str, Any]:
        """The scalars where the flow of a quadratic loss stands."""
        entries = self._moved(start)
        scalars = {"alpha": 0, "w": 1, "q": 0, "delta": 0, "c": 0} | entries
        across = start.B.diagonal[1]
        if "beta_par" in entries or "beta_perp" in entries:
            beta = entries.get("beta_perp", across)
            along = entries.get("beta_par", across)
            return scalars | {"beta": beta, "gamma": 0 if beta is along else self._line("gamma", along - beta)}
        return scalars | {"beta": across, "gamma": 0}

    def _moved(self, start: Point) -> dict[str, Any]:
        """Each entry that moves, as a name: stage by stage, and in each the entries that move together."""
        values: dict[str, Any] = {}
        steps: dict[int, Any] = {}
        settled: set[int] = set()
        for stage, terms in enumerate(self._stages(start)):
            gradient, hessian, gram, labels = terms
            size = len(gradient)
            slope = {
                i: gradient[i] + sum(hessian[i][j] * step for j, step in steps.items() if hessian[i][j] != 0)
                for i in range(size) if i not in settled
            }  # fmt: skip
            for group in _coupled(list(slope), hessian):
                if all(self._vanishes(slope[i]) for i in group):
                    if any(hessian[i][i] != 0 for i in group):
                        settled.update(group)
                    continue
                tag = "_FS" if stage else ""
                found = self._steps(group, slope, hessian, gram, labels, tag)
                settled.update(group)
                for i, step in zip(group, found, strict=True):
                    name, origin = labels[i]
                    values[name] = self._line(name, origin + step)
                    steps[i] = values[name] - origin
        return values

    def _stages(self, start: Point) -> Iterator[tuple[list[Any], list[list[Any]], list[Any], list[tuple[str, Any]]]]:
        """Gradient and Hessian of each stage's loss: a weighted sum of those of single losses, each factored alone."""
        weights = self.weights
        limit = weights["few_shot"] == SETTING
        first = {
            name: weights[name] for name in ("zero_shot", "few_shot", "replay") if weights[name] not in (0, SETTING)
        }
        stages = [first] if first or weights["pull"] != 0 else []
        if limit and (weights["time"] is math.inf or not stages):
            stages.append({"few_shot": 1})
        for k, stage in enumerate(stages):
            gradient: Any = 0
            hessian: Any = 0
            for name, weight in stage.items():
                alone = {"zero_shot": 0, "time": symbol("t") if weights["time"] is not math.inf else math.inf}
                one = quadratic_flow(Strategy(self.strategy.trains, **{**alone, name: 1}), self.world, start)
                if one is None:  # nothing of what trains can move
                    return
                (parts,) = one.stages
                gradient, hessian = gradient + weight * parts[0], hessian + weight * parts[1]
            pulled = Strategy(self.strategy.trains, pull=1)  # whose metric counts, as a time's does
            metric = (
                pulled if weights["pull"] != 0 or weights["time"] is not math.inf else Strategy(self.strategy.trains)
            )
            found = quadratic_flow(metric, self.world, start)
            assert found is not None
            if weights["pull"] != 0 and k == 0:
                hessian = hessian + 2 * weights["pull"] * found.gram
            yield list(gradient), hessian.tolist(), list(found.gram.diagonal()), self._labels(found.basis, start)

    def _labels(self, basis: Sequence[Any], start: Point) -> list[tuple[str, Any]]:
        labels: list[tuple[str, Any]] = []
        for block, entry in basis:
            if block == "B":
                labels.append(("beta_perp" if entry.diagonal[1] == 1 else "beta_par", start.B.diagonal[1]))
            else:
                labels.append(_ENTRIES[block])
        return labels

    def _steps(
        self, group: Sequence[int], slope: dict[int, Any], hessian: Any, gram: Any, labels: Any, tag: str
    ) -> list[Any]:
        import sympy

        time = self.weights["time"]
        names = [labels[i][0].removeprefix("beta_") for i in group]
        if len(group) == 1:
            (i,), (name,) = group, names
            g, h = slope[i], hessian[i][i]
            if h == 0:
                return [-time * g / gram[i]]
            ratio = factored(-g / h)
            if time is math.inf and sympy.count_ops(ratio) <= sympy.count_ops(g) + sympy.count_ops(h):
                return [ratio]
            g, h = self._line(f"g_{name}{tag}", g), self._line(f"H_{name}{tag}", h)
            return [-g / h if time is math.inf else -g / h * (1 - sympy.exp(-h * time / gram[i]))]
        if len(group) > 2:
            raise NoClosedForm(f"{self.strategy!r} has no printed formula: more than two entries move together")
        i, j = group
        g1, g2 = (self._line(f"g_{name}{tag}", slope[k]) for k, name in zip(group, names, strict=True))
        h11, h22 = (self._line(f"H_{name}{tag}", hessian[k][k]) for k, name in zip(group, names, strict=True))
        h12 = self._line(f"H_{names[0]}_{names[1]}{tag}", hessian[i][j])
        D = self._line("D", h11 * h22 - h12**2)
        if time is math.inf:
            return [(h12 * g2 - h22 * g1) / D, (h12 * g1 - h11 * g2) / D]
        # phi_t of a 2 x 2 matrix, by its two rates r_1 and r_2 (the Gram matrix is a multiple of the identity)
        T = self._line("T", (h11 + h22) / 2)
        R = self._line("R", sympy.sqrt(((h11 - h22) / 2) ** 2 + h12**2))
        r1 = self._line("r_1", T + R)
        r2 = self._line("r_2", D / r1)
        f1, f2 = (self._line(f"f_{k}", (1 - sympy.exp(-r * time / gram[i])) / r) for k, r in ((1, r1), (2, r2)))
        mean, slant = (f1 + f2) / 2, (f1 - f2) / (2 * R)
        return [
            -mean * g1 - slant * ((h11 - T) * g1 + h12 * g2),
            -mean * g2 - slant * (h12 * g1 + (h22 - T) * g2),
        ]

    # --- the risk -------------------------------------------------------------------------------------------------------

    def _risk_lines(self, scalars: dict[str, Any]) -> None:
        """Bias, the variance V of a shot and W, of which the risk is made, in the model's scalars."""
        import sympy

        n, N, x = sympy.Symbol("n"), sympy.Symbol("N"), symbol("cosine")
        c, g, second = scalars.pop("c", 0), scalars.pop("g", 0), scalars.pop("alpha_2", 0)
        q = scalars.pop("q_2", 0)
        model = of_scalars(*(scalars[name] for name in SCALARS))

        def point(world: World) -> Point:
            along = [None if x == 0 else x * world.target for x in (c, g, second)]
            return model(world)._replace(skip=along[0], recital=along[1], second=None if second == 0 else (along[2], q))

        attends = self.setting.query == "attends"
        terms = isotropic_terms(point, self.world, "unseen" if self.place == "unseen" else "task", 1 - x, attends)
        weights: dict[tuple[Any, Any, Any], Any] = {}
        for weight, slope, intercept, truth in terms.squares:
            response = factored(truth - slope)
            key = response, factored(intercept), sympy.sympify(truth)
            weights[key] = weights.get(key, 0) + weight
        total: list[str] = []
        for (response, intercept, truth), weight in weights.items():
            weight = _shortest(weight)
            bias = N * truth - n * response + intercept
            bias = max(bias, -bias, key=lambda x: (not str(x).startswith("-"), x is bias))
            if weight != 0 and bias != 0:
                total.append(
                    str(weight * sympy.Symbol("bias") ** 2).replace("bias", f"({bias})")
                    if bias.args
                    else str(weight * bias**2)
                )
        V, W = map(_shortest, (terms.per_shot, terms.fixed))
        if V != 0:
            self._line("V", V)
            total.append("n*V")
        if W != 0:
            self._line("W", W)
            total.append("W")
        self.lines.append(f"risk = sigma2 + ({' + '.join(total)})/N**2")


def _coupled(indices: Sequence[int], hessian: Any) -> list[list[int]]:
    """The indices in groups that the Hessian does not couple."""
    groups: list[list[int]] = []
    for i in indices:
        meets = [group for group in groups if any(hessian[i][j] != 0 for j in group)]
        groups = [group for group in groups if group not in meets] + [sorted([i, *(j for g in meets for j in g)])]
    return groups


def _shortest(x: Any) -> Any:
    """The expression as it is, or factored."""
    import sympy

    x = sympy.sympify(x)
    return min(factored(x), x, key=sympy.count_ops)
