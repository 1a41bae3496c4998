"""Words and contractions: the alphabet of the calculus and its canonical forms.

A *word* is a product of matrix symbols and of their transposes and inverses, e.g. ``B' Sigma B``. Closed by
two vectors it is a *chain*, the number ``u' B' Sigma B v``; closed on itself it is a *loop*, the number
``tr(B' Sigma B)``. Both are numbers, hence equal to their own transposes, and a loop may start at any letter:

    u' A B v = v' B' A' u,        tr(A B C) = tr(B C A) = tr(C' B' A').

So one number has many spellings. Each constructor below returns the least of them in lexicographic order, and
equality of numbers becomes equality of tuples. The dimension never enters: ``tr(I)`` is the loop of the empty
word, a symbol like any other.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, TypeAlias

__all__ = ["Contraction", "Letter", "Word", "chain", "join", "loop", "transpose", "variable"]


class Letter(NamedTuple):
    """A matrix symbol, or its transpose, its inverse, or both."""

    name: str
    transposed: bool = False
    inverted: bool = False
    symmetric: bool = False


Word: TypeAlias = tuple[Letter, ...]


class Contraction(NamedTuple):
    """A number made of symbols: ``kind`` is "chain", "loop", "scalar" (random) or "sum" (over shots).

    Chains and loops come from `chain` and `loop`, which bring them into canonical form.
    """

    kind: str
    left: str
    word: Word
    right: str


@cache
def transpose(word: Word) -> Word:
    """(A B C)' = C' B' A'; a symmetric letter is its own transpose."""
    return tuple(
        letter if letter.symmetric else Letter(letter.name, not letter.transposed, letter.inverted)
        for letter in reversed(word)
    )


@cache
def join(left: Word, right: Word) -> Word:
    """The product of two words, in which a letter cancels its neighbour if that is its inverse."""
    while left and right and _cancel(left[-1], right[0]):
        left, right = left[:-1], right[1:]
    return left + right


@cache
def chain(left: str, word: Word, right: str) -> Contraction:
    """The number ``left' word right`` of two vectors."""
    left, word, right = min((left, word, right), (right, transpose(word), left))
    return Contraction("chain", left, word, right)


@cache
def loop(word: Word) -> Contraction:
    """The trace of a word; the dimension, tr(I), for the empty word."""
    while len(word) > 1 and _cancel(word[-1], word[0]):
        word = word[1:-1]
    spellings = [
        spelling[start:] + spelling[:start]
        for spelling in (word, transpose(word))
        for start in range(max(1, len(word)))
    ]
    return Contraction("loop", "", min(spellings), "")


def variable(name: str) -> Contraction:
    """A random scalar, such as label noise."""
    return Contraction("scalar", name, (), "")


def _cancel(left: Letter, right: Letter) -> bool:
    return (
        left.name == right.name
        and left.inverted != right.inverted
        and left.transposed == right.transposed
        and left.symmetric == right.symmetric
    )
