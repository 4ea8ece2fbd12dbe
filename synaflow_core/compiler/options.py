"""Pass 3: values of options. What ``step(...)`` and ``pipeline(...)`` were given is usable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synaflow_core.compiler.draft import Draft, subject_of
from synaflow_core.definition import (
    Include,
    Observer,
    OnError,
    Step,
    StepMode,
    weight_trouble,
)
from synaflow_core.errors import Problem
from synaflow_core.hints import place_of

_CALLABLES = ("materializer", "error_materializer", "rollback")


def check_options(draft: Draft) -> Draft:
    """Check every option for its type and range."""
    problems = list(_pipeline_options(draft))
    steps: tuple[object, ...] = draft.definition.steps
    for entry in steps:
        if not isinstance(entry, Step | Include):
            continue  # told with the names
        where = place_of(entry.fn) or draft.pipeline_place
        for option, message, hint in _wrong_options(entry):
            subject = f"{subject_of(entry)}, {option}" if option else subject_of(entry)
            problems.append(Problem(where, subject, "invalid-option", message, hint))
    return draft.with_problems(problems)


def _pipeline_options(draft: Draft) -> Iterator[Problem]:
    definition = draft.definition
    declared: list[Any] = [
        entry.progress_weight
        for entry in definition.steps
        if isinstance(entry, Step) and entry.progress_weight is not None
    ]
    if declared and all(weight == 0 for weight in declared):
        yield Problem(
            draft.pipeline_place,
            "progress_weight",
            "invalid-option",
            "every step that has a weight has the weight 0, so there is no progress to speak of",
            "give at least one of them a weight above 0, or leave the weights out",
        )
    for option, message, hint in (
        *_wrong_callables(definition, ("materializer", "error_materializer")),
        *_wrong_observers(definition.observers),
    ):
        yield Problem(draft.pipeline_place, option, "invalid-option", message, hint)


def _wrong_options(entry: Step | Include) -> Iterator[tuple[str, str, str]]:
    # What the annotations of step() promise is not yet known to be true.
    fn: object = entry.fn
    if not callable(fn):
        yield "fn", f"expected a function, got {fn!r}", "pass the function itself, uncalled"
    if isinstance(entry, Include):
        if not hasattr(entry.pipeline, "dag"):
            got = type(entry.pipeline).__name__
            yield "pipeline", f"expected a compiled pipeline, got {got}", "pass pipeline(...)"
        return
    on_error: object = entry.on_error
    if not isinstance(on_error, OnError):
        yield "on_error", f"expected an OnError, got {on_error!r}", "use OnError.STOP"
    mode: object = entry.mode
    if not isinstance(mode, StepMode):
        yield "mode", f"expected a StepMode, got {mode!r}", "use StepMode.EACH"
    if not _is_count(entry.max_in_flight):
        yield (
            "max_in_flight",
            f"expected a whole number of at least 1, got {entry.max_in_flight!r}",
            "1 hands over one item at a time; use a larger number for a window",
        )
    if entry.shards not in (None, "auto") and not _is_count(entry.shards):
        yield (
            "shards",
            f"expected a whole number of at least 1, or 'auto', got {entry.shards!r}",
            "leave it out to run unsharded",
        )
    trouble = None if entry.progress_weight is None else weight_trouble(entry.progress_weight)
    if trouble:
        yield ("progress_weight", *trouble)
    label: Any = entry.macro_task
    if label is not None and not (isinstance(label, str) and label.strip()):
        yield (
            "macro_task",
            f"expected a label, got {label!r}",
            "leave it out for automatic grouping",
        )
    yield from _wrong_thresholds(entry)
    yield from _wrong_callables(entry, _CALLABLES)
    yield from _wrong_observers(entry.observers)


def _wrong_thresholds(entry: Step) -> Iterator[tuple[str, str, str]]:
    absolute: Any = entry.error_threshold_absolute
    fraction: Any = entry.error_threshold_pct
    if absolute is not None and not _is_count(absolute):
        yield (
            "error_threshold_absolute",
            f"expected a whole number of at least 1, got {absolute!r}",
            "use on_error=OnError.STOP to stop at the first error",
        )
    if fraction is not None and not (_is_number(fraction) and 0 < fraction <= 1):
        percent = _is_number(fraction) and 1 < fraction <= 100
        yield (
            "error_threshold_pct",
            f"expected a fraction above 0 and up to 1, got {fraction!r}",
            f"write {fraction / 100:g} for {fraction:g} %" if percent else "0.1 is 10 %",
        )
    if entry.on_error is OnError.STOP and (absolute, fraction) != (None, None):
        yield (
            "on_error",
            "an error threshold counts errors that are survived, but OnError.STOP survives none",
            "remove the threshold, or use on_error=OnError.CONTINUE",
        )


def _wrong_callables(holder: Any, options: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for option in options:
        value = getattr(holder, option)
        if value is not None and not callable(value):
            yield option, f"expected a callable, got {value!r}", "pass a function, or leave it out"


def _wrong_observers(observers: tuple[Any, ...]) -> Iterator[tuple[str, str, str]]:
    for observer in observers:
        if not isinstance(observer, Observer) or not callable(observer.handler):
            got = type(observer).__name__ if not isinstance(observer, Observer) else "no callable"
            yield (
                "observers",
                f"expected Observer(handler) with a callable handler, got {got}",
                "write observers=[Observer(my_handler)]",
            )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
