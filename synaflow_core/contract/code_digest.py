"""Digest of what a step's function is: its own source, normalised.

Comments, formatting, quotes and docstrings do not count, nor does the Python version: the syntax
tree is walked here instead of dumped by ``ast``, empty and absent fields are skipped (newer
versions add some) and constants are spelled in ASCII. What a function calls or closes over is not
part of it. Where there is no source (``exec``), the parts of the compiled code that do not depend
on the interpreter stand in. Nothing raises, whatever callable comes.
"""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from synaflow_core.contract.syntax import function_node

_IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOADS = frozenset({"LOAD_CONST", "LOAD_SMALL_INT", "RETURN_CONST", "KW_NAMES"})
_OPERATORS = frozenset({"BINARY_OP", "COMPARE_OP", "CONTAINS_OP", "IS_OP"})
_KIND_FLAGS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_SCALARS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))


@dataclass(frozen=True)
class _Mark:
    """Text of ours between the values of a tree."""

    text: str


_END = _Mark(")")


def code_digest(fn: Callable[..., Any]) -> str:
    """``sha256:`` + digest of the function's own source; see the module for what counts."""
    text = "\0".join(_callable_tokens(fn))
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def plain_function(fn: Callable[..., Any]) -> Callable[..., Any]:
    """What is behind partials, wrappers, bound methods and callable objects."""
    for _ in range(100):  # a wrapper that wraps itself must not hold us
        if isinstance(fn, functools.partial):
            fn = fn.func
        elif inspect.ismethod(fn):
            fn = fn.__func__
        elif callable(wrapped := inspect.getattr_static(fn, "__wrapped__", None)):
            fn = wrapped
        else:
            break
    if isinstance(fn, FunctionType) or inspect.isroutine(fn):
        return fn
    owner, method = (fn, "__init__") if isinstance(fn, type) else (type(fn), "__call__")
    found = inspect.getattr_static(owner, method, None)
    return found if isinstance(found, FunctionType) else fn


def _callable_tokens(fn: Callable[..., Any]) -> Iterator[str]:
    if isinstance(fn, functools.partial):
        yield "partial"
        yield from (_constant(value) for value in fn.args)
        yield from (f"{name}={_constant(value)}" for name, value in fn.keywords.items())
    function = plain_function(fn)
    if not isinstance(function, FunctionType):
        named = function if hasattr(function, "__qualname__") else type(function)
        yield f"{getattr(named, '__module__', '')}:{named.__qualname__}"
        return
    node = function_node(function)
    yield from _code_tokens(function.__code__) if node is None else _tree_tokens(node)


def _tree_tokens(root: ast.AST) -> Iterator[str]:
    """The tree in prefix order; with a stack, since long expressions nest deeper than Python."""
    stack: list[Any] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, _Mark):
            yield item.text
        elif isinstance(item, ast.AST):
            yield f"({type(item).__name__}"
            stack.append(_END)
            for name in reversed(item._fields):
                value = _normalised(item, name)
                if value is not None:
                    stack.extend((_END, value, _Mark(f"[{name}")))
        elif isinstance(item, list):
            stack.extend(reversed(item))
        else:
            yield _constant(item)


def _normalised(node: ast.AST, name: str) -> object:
    """A field of a node, or None where it says nothing or depends on the Python version."""
    value = getattr(node, name, None)
    if name in _IGNORED_FIELDS or value == []:
        return None
    if name == "body" and isinstance(node, _DOCUMENTED):
        return _without_docstring(node.body)
    if isinstance(node, ast.JoinedStr):
        return _joined(node.values)
    if isinstance(node, ast.Constant):
        return _Mark(_constant(value))
    return value


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return body[1:] if isinstance(first.value.value, str) else body
    return body


def _joined(parts: Iterable[ast.expr]) -> list[ast.expr]:
    """Parts of an f-string with neighbouring text merged: versions split it differently."""
    merged: list[ast.expr] = []
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            last = merged[-1] if merged else None
            if isinstance(last, ast.Constant) and isinstance(last.value, str):
                merged[-1] = ast.Constant(last.value + part.value)
            elif part.value:
                merged.append(part)
        else:
            merged.append(part)
    return merged


def _constant(value: object) -> str:
    """One spelling per value: ``repr`` of text depends on the interpreter's Unicode tables."""
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{type(value).__name__} {ascii(value) if isinstance(value, _SCALARS) else ''}"
    return f"int {value:x}"  # decimal has a length limit


def _code_tokens(code: CodeType) -> Iterator[str]:
    """Sorted, because versions order, inline and fold differently what means the same."""
    names: set[str] = set()
    constants: set[str] = set()
    operators: list[str] = []
    pending = [code]
    while pending:
        block = pending.pop()
        names.update(block.co_names, block.co_varnames, block.co_freevars, block.co_cellvars)
        pending.extend(part for part in block.co_consts if isinstance(part, CodeType))
        for instruction in dis.get_instructions(block):
            if instruction.opname in _LOADS:  # a docstring is a constant that nothing loads
                small = instruction.opname == "LOAD_SMALL_INT"
                value = instruction.arg if small else block.co_consts[instruction.arg or 0]
                constants.update(_flat_constants((value,)))
            elif instruction.opname in _OPERATORS:
                text = instruction.argrepr.removeprefix("bool(").removesuffix(")")
                operators.append(f"{instruction.opname} {text or instruction.arg}")
            elif instruction.opname.startswith("UNARY_"):
                operators.append(instruction.opname)
    yield f"{code.co_name} {code.co_argcount} {code.co_posonlyargcount} {code.co_kwonlyargcount}"
    yield f"flags {code.co_flags & _KIND_FLAGS}"
    yield from sorted(name for name in names if not name.startswith("."))
    yield from sorted(constants)
    yield from sorted(operators)


def _flat_constants(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, tuple | frozenset):
            yield from _flat_constants(value)
        elif isinstance(value, _SCALARS) and value is not None:
            yield _constant(value)
