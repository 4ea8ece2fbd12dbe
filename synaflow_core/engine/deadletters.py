"""Error materializers, and the dead-letter file: what failed, kept so that it can be replayed.

A dead-letter file holds one JSON object per failed call::

    {"pipeline": …, "step": …, "run_id": …, "at": …, "mode": "each",
     "error": {"type": …, "message": …, "traceback": …},
     "item": …, "item_as": "declared", "item_repr": …}

The item is encoded by its declared type and, before it is written, decoded again: ``item_as`` says
how it comes back equal (``declared``, ``tuple``, ``any``), or is null for an item that does not,
and then only ``item_repr`` tells what it was. :mod:`synaflow_core.engine.replay` runs a file.
"""

from __future__ import annotations

import inspect
import json
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from synaflow_core.engine.events import ErrorContext, log_error, logger, unwanted
from synaflow_core.errors import Problem, ReplayError

ErrorMaterializer = Callable[[ErrorContext], Any]

_REPR_LIMIT = 1000


def log_error_materializer() -> ErrorMaterializer:
    """The default error materializer: a warning in the log for the first failures of a step."""
    return log_error


# -- several ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CompositeErrorMaterializer:
    """Several error materializers; see :func:`composite_error_materializer`."""

    materializers: tuple[ErrorMaterializer, ...]

    __name__ = "composite_error_materializer"

    def __call__(self, context: ErrorContext) -> Any:
        """Tell all of them."""
        waits = [made for each in self.materializers if (made := _told(each, context)) is not None]
        return _Waits(waits) if waits else None


def _told(materializer: ErrorMaterializer, context: ErrorContext) -> Awaitable[Any] | None:
    try:
        made = materializer(context)
    except Exception:
        logger.exception("error materializer %r failed for %r", materializer, context)
        return None
    return made if inspect.isawaitable(made) else None


class _Waits:
    """What is still to be awaited of several; may be closed instead, as a coroutine may."""

    def __init__(self, made: list[Awaitable[Any]]) -> None:
        self._made = made

    def __await__(self) -> Generator[Any, None, None]:
        for each in self._made:
            try:
                yield from each.__await__()
            except Exception:
                logger.exception("an error materializer failed")

    def close(self) -> None:
        unwanted(self._made)


def composite_error_materializer(
    *materializers: ErrorMaterializer | None,
) -> CompositeErrorMaterializer:
    """Several error materializers, all told of every failure; one that fails is logged."""
    return CompositeErrorMaterializer(tuple(each for each in materializers if each is not None))


# -- writing ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DiskErrorMaterializer:
    """Appends failures to a file; see :func:`disk_error_materializer`."""

    path: Path

    __name__ = "disk_error_materializer"

    def __call__(self, context: ErrorContext) -> None:
        """Append one line, in one write, so that several writers do not mix theirs."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(_record(context), ensure_ascii=False) + "\n"
        with self.path.open("ab") as file:
            file.write(line.encode("utf-8", "backslashreplace"))


def disk_error_materializer(path: Path | str) -> DiskErrorMaterializer:
    """Append every failure to a dead-letter file of JSON lines, which ``run`` can replay.

    Args:
        path: The file; it and its folder are made when there is something to write. The files
            of several steps and runs may be one.
    """
    return DiskErrorMaterializer(Path(path))


def _record(context: ErrorContext) -> dict[str, Any]:
    error = context.exception
    item, item_as = None, None
    if context.mode.value == "each":
        item, item_as = _encoded(context.item, context.item_type)
    return {
        "pipeline": context.pipeline_name,
        "step": context.step_name,
        "run_id": context.run_id,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "mode": context.mode.value,
        "error": {
            "type": type(error).__name__,
            "message": str(error),
            "traceback": "".join(traceback.format_exception(error)),
        },
        "item": item,
        "item_as": item_as,
        "item_repr": f"{context.item!r:.{_REPR_LIMIT}}",
    }


def _encoded(item: Any, declared: Any) -> tuple[Any, str | None]:
    """The item as JSON values, and how they are decoded so that they equal it; (None, None)."""
    import msgspec  # only a failing run pays for it

    try:
        text = msgspec.json.encode(item)
    except Exception:  # encoding runs user code such as properties and __repr__
        return None, None
    for item_as in ("declared", "tuple", "any"):
        try:
            again = msgspec.json.decode(text, type=_type_as(item_as, declared))
            equal = (bool(again == item) and isinstance(again, type(item))) or _is_number(
                again, item
            )
        except Exception:  # a type that msgspec does not know, a value that does not fit it …
            continue
        if equal:
            return json.loads(text), item_as
    return None, None


def _is_number(again: Any, item: Any) -> bool:
    return type(again) is float and type(item) is int and again == item


def _type_as(item_as: str, declared: Any) -> Any:
    return {"declared": declared, "tuple": tuple, "any": Any}[item_as]


# -- reading ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DeadLetter:
    """One failed call.

    Attributes:
        line: Its line in the file, from 1.
        item: The item as JSON values; :meth:`decoded` gives the item itself.
    """

    line: int
    pipeline_name: str
    step_name: str
    run_id: str
    at: str
    mode: str
    exception_type: str
    exception_message: str
    traceback: str
    item: Any
    item_as: str | None
    item_repr: str

    def decoded(self, declared: Any) -> Any:
        """The item that the step was called with, by the type of the step's items."""
        import msgspec

        assert self.item_as is not None, "checked before"
        return msgspec.convert(
            self.item, type=_type_as(self.item_as, declared), builtin_types=(), str_keys=True
        )


@dataclass(frozen=True)
class DeadLetters:
    """Failed calls, in the order of the file; iterate it for :class:`DeadLetter` objects."""

    path: str
    letters: tuple[DeadLetter, ...] = field(repr=False)

    @property
    def steps(self) -> dict[str, int]:
        """Step -> number of its letters, in the order of their first."""
        return dict(Counter(letter.step_name for letter in self.letters))

    def of(self, step: str) -> DeadLetters:
        """The letters of one step."""
        return DeadLetters(self.path, tuple(x for x in self.letters if x.step_name == step))

    def __iter__(self) -> Iterator[DeadLetter]:
        return iter(self.letters)

    def __len__(self) -> int:
        return len(self.letters)


def dead_letters(
    path: Path | str, *, step: str | None = None, run_id: str | None = None
) -> DeadLetters:
    """Read a dead-letter file, whole: a replay may append to it.

    ``run(pipeline, params, replay=dead_letters(path))`` calls the step again with the items that
    it failed for and runs the steps that follow on what comes of them. One replay is of one step:
    for a file with letters of several, replay ``letters.of(name)`` for each of ``letters.steps``.

    Args:
        path: What :func:`disk_error_materializer` wrote.
        step: Only letters of this step (its compiled name).
        run_id: Only letters of this run.

    Raises:
        ReplayError: A line is no dead letter; tells all such lines.
        OSError: The file cannot be read.
    """
    letters: list[DeadLetter] = []
    problems: list[Problem] = []
    with Path(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                letters.append(_letter(number, json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                place = f"{Path(path).name}:{number}"
                text = f"this line is no dead letter ({type(error).__name__}: {error})"
                problems.append(Problem(place, "", "dead-letter", text, "remove or mend the line"))
    if problems:
        raise ReplayError(f"the dead letters of {path} cannot be read", problems)
    return DeadLetters(str(path), tuple(_chosen(letters, step, run_id)))


def _chosen(
    letters: Iterable[DeadLetter], step: str | None, run_id: str | None
) -> Iterator[DeadLetter]:
    for letter in letters:
        if step in (None, letter.step_name) and run_id in (None, letter.run_id):
            yield letter


def _letter(line: int, record: dict[str, Any]) -> DeadLetter:
    error = record["error"]
    return DeadLetter(
        line=line,
        pipeline_name=record["pipeline"],
        step_name=record["step"],
        run_id=record["run_id"],
        at=record["at"],
        mode=record["mode"],
        exception_type=error["type"],
        exception_message=error["message"],
        traceback=error["traceback"],
        item=record["item"],
        item_as=record["item_as"],
        item_repr=record["item_repr"],
    )
