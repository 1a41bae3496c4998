"""Mutants of printed lines: each is the lines with one thing changed, as a misprint would change it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any


def numbers_and_signs(lines: str) -> Iterator[str]:
    """One number raised by one, or one sign changed, everywhere one can."""
    return _mutants(lines, _other_number_or_sign)


def names_and_marks(lines: str) -> Iterator[str]:
    """One name doubled, or one transpose or function of one argument left out, everywhere one can.

    A name that may be doubled counts for nothing. Where all count and no two of them stand for the same, none can
    replace another; and a term whose sign counts, or a factor whose names and numbers do, cannot be left out.
    """
    called = {node.func.id for node in ast.walk(ast.parse(lines)) if isinstance(node, ast.Call)}

    def change(node: ast.AST) -> ast.expr | None:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name not in called:
                return ast.BinOp(ast.Constant(2), ast.Mult(), node)
            case ast.Attribute(value=value, attr="T"):
                return value
            case ast.Call(args=[argument]):
                return argument
        return None

    return _mutants(lines, change)


def _mutants(lines: str, change: Callable[[ast.AST], ast.expr | None]) -> Iterator[str]:
    tree = ast.parse(lines)
    for holder, key in [*_places(tree)]:
        node = holder[key]
        changed = change(node) if isinstance(node, ast.AST) else None
        if changed is not None:
            holder[key] = changed
            yield ast.unparse(tree)
            holder[key] = node


def _places(tree: ast.AST) -> Iterator[tuple[Any, Any]]:
    """Where nodes hang: the attributes of a node, or a list, and the name or index in it."""
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                yield from ((value, k) for k in range(len(value)))
            else:
                yield vars(node), name


def _other_number_or_sign(node: ast.AST) -> ast.expr | None:
    match node:
        case ast.Constant(value=int() as value):
            return ast.Constant(value + 1)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return ast.BinOp(left, ast.Sub(), right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return ast.BinOp(left, ast.Add(), right)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return operand
        case ast.Compare(left=left, ops=[ast.Lt()], comparators=right):
            return ast.Compare(left, [ast.Gt()], right)
        case ast.Compare(left=left, ops=[ast.Gt()], comparators=right):
            return ast.Compare(left, [ast.Lt()], right)
    return None
