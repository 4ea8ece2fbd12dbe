"""Finds the syntax tree of a function or class in the file that it was written in.

``inspect.getsource`` cuts text by line, which fails for lambdas and costs a parse per call. Here
each file is parsed once and looked up by position (functions) or qualified name (classes), so a
lambda in the middle of a call is found too. Whatever cannot be found is None; nothing raises.
"""

from __future__ import annotations

import ast
import linecache
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import CodeType, FunctionType

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass
class _File:
    """One parsed file; ``lines`` is linecache's own list, so identity tells if it is current."""

    lines: list[str]
    functions: dict[int, list[FunctionNode]] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)


_files: dict[str, _File] = {}

_one_at_a_time = threading.Lock()
_TRIES = 5


def function_node(fn: FunctionType) -> FunctionNode | None:
    """The definition of ``fn``, decorators included; None when its source is not at hand."""
    code = fn.__code__
    file = _parsed(code.co_filename, fn.__globals__)
    if file is None:
        return None
    found = [n for n in file.functions.get(code.co_firstlineno, ()) if _name(n) == code.co_name]
    if len(found) > 1:  # several lambdas on one line: the columns of the compiled code tell
        found = [node for node in found if _holds(node, code)][-1:]
    return found[0] if found else None


def class_node(cls: type) -> ast.ClassDef | None:
    """The definition of ``cls``; None when its source is not at hand."""
    module = sys.modules.get(cls.__module__)
    filename = getattr(module, "__file__", None)
    if module is None or not isinstance(filename, str):
        return None
    file = _parsed(filename, vars(module))
    return None if file is None else file.classes.get(cls.__qualname__.replace("<locals>.", ""))


def _parsed(filename: str, module_globals: dict[str, object]) -> _File | None:
    linecache.checkcache(filename)  # a file that was edited and loaded again in this process
    lines = linecache.getlines(filename, module_globals)
    if not lines:
        return None
    known = _files.get(filename)
    if known is not None and known.lines is lines:
        return known
    file = _File(lines)
    try:
        _index(_tree("".join(lines)), file)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        file = _File(lines)  # nothing to be found in it, and no reason to try again
    _files[filename] = file
    return file


def _tree(text: str) -> ast.Module:
    """The syntax tree of a file.

    Python counts how deep it is in a tree for all threads together, so two that parse at the same
    moment can make it raise SystemError. One at a time here; others may parse, too: then again.
    """
    for _ in range(_TRIES - 1):
        with _one_at_a_time, suppress(SystemError):
            return ast.parse(text)
    return ast.parse(text)


def _index(tree: ast.Module, file: _File) -> None:
    """Fill ``file``; with a stack, since generated code may nest deeper than Python calls."""
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, prefix = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
            first = min(part.lineno for part in (node, *decorators))
            file.functions.setdefault(first, []).append(node)
        if isinstance(node, ast.ClassDef):
            file.classes[prefix + node.name] = node
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            prefix = f"{prefix}{node.name}."
        stack.extend((child, prefix) for child in reversed(list(ast.iter_child_nodes(node))))


def _name(node: FunctionNode) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def _holds(node: FunctionNode, code: CodeType) -> bool:
    """All of the compiled code comes from the body of ``node``."""
    body = node.body if isinstance(node.body, ast.expr) else node
    start = (body.lineno, body.col_offset)
    end = (body.end_lineno or 0, body.end_col_offset or 0)
    places = [place for place in code.co_positions() if None not in place and place[2] != place[3]]
    return bool(places) and all(
        start <= (line or 0, column or 0) and (end_line or 0, end_column or 0) <= end
        for line, end_line, column, end_column in places
    )
