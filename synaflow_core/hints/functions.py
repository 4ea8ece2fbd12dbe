"""What a callable asks for and returns: its signature with every annotation resolved.

Understands functions, methods, classes, callable objects, ``functools.partial`` and decorated
functions that keep ``__wrapped__``. Annotations written as strings (forward references,
``from __future__ import annotations``) are evaluated with the function's globals and the
variables it closes over. What cannot be understood becomes a :class:`Complaint`, a value: the
compiler makes a problem of it that names the step.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from synaflow_core.hints.names import type_name
from synaflow_core.hints.shape import Kind, shape_of

_EMPTY = inspect.Parameter.empty
_STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter to bind. ``annotation`` is ``Any`` where there is none."""

    name: str
    annotation: Any
    has_default: bool = False


@dataclass(frozen=True)
class Complaint:
    """Something about a callable that cannot be used; ``parameter`` is empty for the whole."""

    code: str
    message: str
    hint: str
    parameter: str = ""


@dataclass(frozen=True)
class Function:
    """A callable, understood.

    Attributes:
        parameters: In the order of the signature, without those that a partial has fixed.
        returns: The resolved return annotation; for an unannotated generator function a stream
            of ``Any``; else ``Any`` where there is none.
        is_async: A coroutine function, an async generator function, or annotated to return an
            async iterator.
        where: ``pipe.py:12``, or empty for what has no Python source.
    """

    fn: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    returns: Any
    is_async: bool
    where: str
    complaints: tuple[Complaint, ...] = ()


def read_function(fn: Callable[..., Any]) -> Function:
    """Resolve the signature of a callable; never raises for what users may write."""
    where = place_of(fn)
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError) as error:
        complaint = Complaint(
            "no-signature",
            f"expected a Python function with named parameters, got {fn!r} ({error})",
            "wrap it in a function: def my_step(name: type) -> type: ...",
        )
        return Function(fn, (), Any, False, where, (complaint,))
    hints, complaints = _resolve(fn)
    written = _written_in(signature, fn)
    if written:
        hints, complaints = {**hints, **written}, []
    fixed = _fixed_by_partial(fn)
    parameters = []
    for name, parameter in signature.parameters.items():
        if name in fixed:
            continue
        if parameter.kind in _STARS or parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            complaints.append(_unbindable(parameter))
            continue
        parameters.append(Parameter(name, hints.get(name, Any), parameter.default is not _EMPTY))
    returns, wrong = _returned(fn, hints)
    complaints.extend(wrong)
    is_async = is_async_callable(fn) or shape_of(returns).is_async
    return Function(fn, tuple(parameters), returns, is_async, where, tuple(complaints))


def read_fields(params: type[Any]) -> tuple[dict[str, Any], tuple[Complaint, ...]]:
    """Field name -> resolved type of a NamedTuple or dataclass, in field order."""
    if dataclasses.is_dataclass(params):
        names = [field.name for field in dataclasses.fields(params) if field.init]
    else:
        names = list(getattr(params, "_fields", ()))
    try:
        hints = typing.get_type_hints(params, include_extras=True)
    except Exception:  # whatever the user's annotation raises is told field by field below
        module = inspect.getmodule(params)
        scope = dict(vars(module)) if module else {}
        annotations: dict[str, Any] = {}
        for base in reversed(params.__mro__):
            annotations.update(vars(base).get("__annotations__", {}))
        hints, complaints = _one_by_one(annotations, scope, {})
        return {name: hints.get(name, Any) for name in names}, tuple(complaints)
    return {name: hints.get(name, Any) for name in names}, ()


def place_of(fn: Any) -> str:
    """``pipe.py:12`` of a callable's source (base name only: no machine's paths); may be ''."""
    code = _code_of(fn)
    return f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}" if code else ""


def is_async_callable(fn: Any) -> bool:
    """A coroutine function or an async generator function, also behind partials and objects."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    if inspect.iscoroutinefunction(fn) or inspect.isasyncgenfunction(fn):
        return True
    if inspect.isroutine(fn) or isinstance(fn, type):
        return inspect.isasyncgenfunction(_holder(fn))
    call = type(fn).__call__ if callable(fn) else None
    return inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)


def _holder(fn: Any) -> Any:
    """The function that carries the annotations and the code of a callable."""
    while True:
        if isinstance(fn, functools.partial):
            fn = fn.func
        elif hasattr(fn, "__wrapped__"):
            fn = fn.__wrapped__
        elif inspect.ismethod(fn):
            fn = fn.__func__
        elif isinstance(fn, type):
            return next(
                (f for f in (vars(fn).get("__init__"), fn.__new__) if inspect.isfunction(f)), fn
            )
        elif inspect.isroutine(fn) or not callable(fn):
            return fn
        else:
            return getattr(type(fn).__call__, "__func__", type(fn).__call__)


def _code_of(fn: Any) -> Any:
    return getattr(_holder(fn), "__code__", None)


def _resolve(fn: Any) -> tuple[dict[str, Any], list[Complaint]]:
    holder = _holder(fn)
    scope = getattr(holder, "__globals__", {})
    local = _closure_of(holder)
    try:
        hints = typing.get_type_hints(holder, scope, local, include_extras=True)
        complaints: list[Complaint] = []
    except Exception:  # any error at all may come out of evaluating a user's annotation
        annotations = getattr(holder, "__annotations__", {})
        hints, complaints = _one_by_one(annotations, scope, local)
    target = fn
    while isinstance(target, functools.partial):
        target = target.func
    if isinstance(target, type):
        hints["return"] = target
    return hints, complaints


def _written_in(signature: inspect.Signature, fn: Any) -> dict[str, Any]:
    """Annotations of a ``__signature__`` that somebody gave to a wrapper.

    They are not those of the wrapped function, which are found otherwise.
    """
    if getattr(fn, "__signature__", None) is not signature:
        return {}
    found = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    found["return"] = signature.return_annotation
    return {n: a for n, a in found.items() if a is not _EMPTY and not isinstance(a, str)}


def _closure_of(holder: Any) -> dict[str, Any]:
    found = {p.__name__: p for p in getattr(holder, "__type_params__", ())}
    code, cells = getattr(holder, "__code__", None), getattr(holder, "__closure__", None)
    for name, cell in zip(code.co_freevars if code else (), cells or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # the variable is not assigned yet
            continue
    return found


def _one_by_one(
    annotations: Mapping[str, Any], scope: dict[str, Any], local: dict[str, Any]
) -> tuple[dict[str, Any], list[Complaint]]:
    hints: dict[str, Any] = {}
    complaints = []
    for name, annotation in annotations.items():
        carrier = SimpleNamespace(__annotations__={name: annotation})
        try:
            hints.update(typing.get_type_hints(carrier, scope, local, include_extras=True))
        except Exception as error:  # as above: anything may come out of an annotation
            complaints.append(_unresolvable(name, type_name(annotation), error))
    return hints, complaints


def _unresolvable(name: str, text: str, error: Exception) -> Complaint:
    kind = "return annotation" if name == "return" else "annotation"
    return Complaint(
        "unresolvable-annotation",
        f"the {kind} '{text}' cannot be evaluated ({type(error).__name__}: {error})",
        "define or import the type at module level, outside 'if TYPE_CHECKING:', so that it "
        "exists when the pipeline is built",
        "" if name == "return" else name,
    )


def _unbindable(parameter: inspect.Parameter) -> Complaint:
    if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
        return Complaint(
            "positional-only-parameter",
            "parameters are bound by name, but this one is positional-only",
            "remove the '/' from the signature, or wrap the function",
            parameter.name,
        )
    stars = _STARS[parameter.kind]
    return Complaint(
        "star-parameter",
        f"expected named parameters, got {stars}{parameter.name}: a name is needed to bind it",
        "name each parameter after the dataset that feeds it",
        f"{stars}{parameter.name}",
    )


def _fixed_by_partial(fn: Any) -> frozenset[str]:
    fixed: set[str] = set()
    while isinstance(fn, functools.partial):
        fixed.update(fn.keywords)
        fn = fn.func
    return frozenset(fixed)


def _returned(fn: Any, hints: Mapping[str, Any]) -> tuple[Any, list[Complaint]]:
    holder = _holder(fn)
    yields_async = inspect.isasyncgenfunction(holder)
    yields = inspect.isgeneratorfunction(holder) and not isinstance(fn, type)
    if "return" not in hints:
        if yields_async:
            return typing.AsyncIterator[Any], []
        return (typing.Iterator[Any] if yields else Any), []
    returns = hints["return"]
    decorated = holder is not fn and hasattr(fn, "__wrapped__")
    if decorated or not (yields or yields_async):
        return returns, []  # a decorator may well turn a generator into something else
    shape = shape_of(returns)
    if shape.kind is Kind.UNKNOWN:
        return (typing.AsyncIterator[Any] if yields_async else typing.Iterator[Any]), []
    if shape.kind is Kind.STREAM and shape.is_async == yields_async:
        return returns, []
    kind = "async generator" if yields_async else "generator"
    wanted = "AsyncIterator[T]" if yields_async else "Iterator[T]"
    return returns, [
        Complaint(
            "not-a-stream",
            f"the function contains 'yield', so it returns a{'n' * yields_async} {kind}, "
            f"but it is annotated '-> {type_name(returns)}'",
            f"annotate it '-> {wanted}', or return instead of yielding",
        )
    ]
