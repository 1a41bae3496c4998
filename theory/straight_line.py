"""Straight-line programs: what a formula does to its numbers, recorded once and then run without the formula.

The closed forms are written for any space (:mod:`theory.space`), which costs objects, loops and products with zero. A
*tape* records the arithmetic that a formula does on a few input numbers, drops what is known beforehand (products with 0
and 1, sums with 0, what was computed before), and writes the rest down as one plain Python function. It is the accelerator
of the everyday call, and nothing is defined here: the program is the formula's own arithmetic, in its own order.

>>> tape = Tape("x y")
>>> x, y = tape.inputs
>>> program = tape.program([(x + 0) * y + 1 * x * y])
>>> print(program.source)
def program(x, y):
    t0 = x * y
    return (t0 + t0,)
>>> program(3, 5)
(30,)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from .kinds import Number, square_root

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


class Recorded:
    """A number that stands for what a program will compute; its arithmetic is written on the tape."""

    __slots__ = ("arguments", "operation", "tape")

    def __init__(self, tape: Tape, operation: str, arguments: tuple[Any, ...]) -> None:
        self.tape, self.operation, self.arguments = tape, operation, arguments

    def __add__(self, other: Any) -> Any:
        return self.tape.add(self, other) if isinstance(other, _NUMBERS) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return self.tape.add(other, self) if isinstance(other, _NUMBERS) else NotImplemented

    def __sub__(self, other: Any) -> Any:
        return self.tape.subtract(self, other) if isinstance(other, _NUMBERS) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return self.tape.subtract(other, self) if isinstance(other, _NUMBERS) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        return self.tape.multiply(self, other) if isinstance(other, _NUMBERS) else NotImplemented

    def __rmul__(self, other: Any) -> Any:
        return self.tape.multiply(other, self) if isinstance(other, _NUMBERS) else NotImplemented

    def __truediv__(self, other: Any) -> Any:
        return self.tape.divide(self, other) if isinstance(other, _NUMBERS) else NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        return self.tape.divide(other, self) if isinstance(other, _NUMBERS) else NotImplemented

    def __neg__(self) -> Any:
        return self.tape.subtract(0, self)

    def __pow__(self, exponent: int) -> Any:
        if type(exponent) is not int or exponent < 0:
            raise TypeError(f"a recorded number takes whole powers; got {exponent!r}")
        out: Any = 1
        for _ in range(exponent):
            out = self.tape.multiply(out, self)
        return out

    def sqrt(self) -> Recorded:
        """Its square root, taken in the kind of number that the program is given."""
        return self.tape.record("sqrt", self)


_NUMBERS = (int, Fraction, Recorded)


class Tape:
    """The operations recorded so far, each once."""

    def __init__(self, names: str, exact: bool = False, unit: str | None = None) -> None:
        self.names = tuple(names.split())
        self.exact = exact  # whether the program is for numbers that do not round
        self.unit = unit  # the input that is 1, in numbers of any kind
        self._made: dict[tuple[Any, ...], Recorded] = {}
        self.inputs = tuple(self.record("input", name) for name in self.names)

    def record(self, operation: str, *arguments: Any) -> Recorded:
        """The number that an operation gives; the same operation again gives the same number."""
        key = (operation, *((id(x), None) if isinstance(x, Recorded) else (type(x), x) for x in arguments))
        if key not in self._made:
            self._made[key] = Recorded(self, operation, arguments)
        return self._made[key]

    def add(self, a: Any, b: Any) -> Any:
        """a + b."""
        if _is(a, 0):
            return b
        if _is(b, 0):
            return a
        for x, other in ((a, b), (b, a)):  # (x - c) + c, as in d - 1 dimensions and one more
            if isinstance(x, Recorded) and x.operation == "-" and type(other) is int and _is(x.arguments[1], other):
                return x.arguments[0]
        return self.record("+", a, b)

    def subtract(self, a: Any, b: Any) -> Any:
        """a - b."""
        if _is(b, 0):
            return a
        if a is b:
            return 0
        return self.record("-", a, b)

    def multiply(self, a: Any, b: Any) -> Any:
        """a b."""
        if _is(a, 0) or _is(b, 0):
            return 0
        if _is(a, 1) or self._drops(a, b):
            return b
        if _is(b, 1) or self._drops(b, a):
            return a
        if _is(a, -1):
            return self.subtract(0, b)
        if _is(b, -1):
            return self.subtract(0, a)
        if isinstance(a, Fraction):
            return self.divide(self.multiply(a.numerator, b), a.denominator)
        if isinstance(b, Fraction):
            return self.divide(self.multiply(a, b.numerator), b.denominator)
        return self.record("*", a, b)

    def divide(self, a: Any, b: Any) -> Any:
        """a / b."""
        if _is(a, 0):
            return 0
        if _is(b, 1) or self._drops(b, a):
            return a
        if a is b:
            return 1
        return self.record("/", a, b)

    def _drops(self, x: Any, other: Any) -> bool:
        """Whether x is the unit, which makes no difference beside a recorded number; whole ones it keeps from dividing as floats."""
        return isinstance(other, Recorded) and isinstance(x, Recorded) and x.arguments == (self.unit,)

    def program(self, outputs: Iterable[Any], name: str = "program") -> Program:
        """The program that computes these numbers."""
        return Program(self.names, tuple(outputs), name)


def _is(x: Any, number: int) -> bool:
    return type(x) is int and x == number


class Program:
    """A recorded computation as a Python function of the tape's inputs.

    ``source`` is the function's text; calling it returns the tuple of outputs, in whatever kind of number comes in.
    """

    def __init__(self, names: tuple[str, ...], outputs: tuple[Any, ...], name: str) -> None:
        self.names = names
        self.outputs = outputs
        self.source = _source(names, outputs, name)
        self._name = name
        self.run: Callable[..., tuple[Number, ...]] = self._compiled(square_root)

    def _compiled(self, sqrt: Callable[[Any], Any]) -> Callable[..., tuple[Number, ...]]:
        space: dict[str, Any] = {"sqrt": sqrt}
        exec(compile(self.source, f"<{self._name}>", "exec"), space)
        return space[self._name]  # type: ignore[no-any-return]

    def __call__(self, *numbers: Number, square_root: Callable[[Any], Any] | None = None) -> tuple[Number, ...]:
        """The outputs; with a square root of the caller's, if given."""
        return (self.run if square_root is None else self._compiled(square_root))(*numbers)


def _source(names: tuple[str, ...], outputs: tuple[Any, ...], name: str) -> str:
    """One assignment for each number that is used more than once; the rest where it is used."""
    uses: dict[int, int] = {}
    order: list[Recorded] = []

    def count(x: Any) -> None:
        stack = [(x, False)]
        while stack:
            node, done = stack.pop()
            if not isinstance(node, Recorded):
                continue
            if done:
                order.append(node)
                continue
            uses[id(node)] = uses.get(id(node), 0) + 1
            if uses[id(node)] == 1:
                stack.append((node, True))
                if node.operation != "input":
                    stack.extend((argument, False) for argument in reversed(node.arguments))

    for output in outputs:
        count(output)
    text: dict[int, tuple[str, int]] = {}
    lines = [f"def {name}({', '.join(names)}):"]

    def shown(x: Any) -> tuple[str, int]:
        if isinstance(x, Recorded):
            return text[id(x)]
        if isinstance(x, int) and x >= 0:
            return repr(x), 9
        if isinstance(x, int):
            return f"({x!r})", 9
        raise TypeError(f"a program holds whole numbers and what it computes, not {x!r} ({type(x).__name__})")

    temporaries = 0
    for node in order:
        if node.operation == "input":
            text[id(node)] = node.arguments[0], 9
            continue
        if node.operation == "sqrt":
            written = f"sqrt({shown(node.arguments[0])[0]})", 9
        else:
            rank = _PRECEDENCE[node.operation]
            (left, l_rank), (right, r_rank) = map(shown, node.arguments)
            if _is(node.arguments[0], 0) and node.operation == "-":
                written = f"-({right})" if r_rank < 9 else f"-{right}", 1
            else:
                left = f"({left})" if l_rank < rank else left
                right = f"({right})" if r_rank <= rank else right  # the order of the arithmetic is the formula's
                written = f"{left} {node.operation} {right}", rank
        if uses[id(node)] > 1:
            lines.append(f"    t{temporaries} = {written[0]}")
            written = f"t{temporaries}", 9
            temporaries += 1
        text[id(node)] = written
    lines.append(f"    return ({', '.join(shown(x)[0] for x in outputs)}{',' if len(outputs) == 1 else ''})")
    return "\n".join(lines)
