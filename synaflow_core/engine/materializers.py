"""Materializers: what is done with a collection besides handing it to its consumers.

A materializer is a function ``value -> value``: it is called with the finished container and what
it returns is what the consumers get (None: the container as it was). Or it is a factory, told from
the former by a parameter that is called ``ctx`` or ``context`` or annotated
:class:`MaterializeContext`: called once per materialisation, it returns such a function or a
:class:`Materialization`, which can also be fed item by item while the stream runs.
A materializer that raises fails the step whose output it was to build, under that step's policy.
"""

from __future__ import annotations

import inspect
import os
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from synaflow_core.dag import Delivery
from synaflow_core.serializers import ItemWriter, Serializer, StreamingSerializer

Materializer = Callable[..., Any]


@dataclass(frozen=True)
class MaterializeContext:
    """What a materializer factory is told.

    Attributes:
        pipeline_name: The pipeline.
        dataset_name: The step whose output is materialised.
        run_id: Identifies the run.
        item_type: Type of one element.
        delivery: Container that is built (``Delivery.VALUE`` for a single value).
        consumer_name: The step that asked for it; empty for the copy that serves all.
        consumer_type: The annotation that asks for the container.
    """

    pipeline_name: str
    dataset_name: str
    run_id: str
    item_type: Any
    delivery: Delivery
    consumer_name: str = ""
    consumer_type: Any = None


class Materialization(Protocol):
    """One materialisation."""

    @property
    def streams(self) -> bool:
        """``put`` is to be called with every item; else only ``finish`` is called."""

    def put(self, item: Any) -> None:
        """Take one item while the stream runs."""

    def finish(self, value: Any) -> Any:
        """Take the finished container and return it or what replaces it; may be awaitable."""

    def abort(self) -> None:
        """It came to nothing: leave nothing behind."""


@dataclass(frozen=True)
class Plain:
    """A function ``value -> value`` as a materialisation."""

    function: Callable[[Any], Any]
    streams: bool = False

    def put(self, item: Any) -> None:
        """Never called."""

    def finish(self, value: Any) -> Any:
        """Call the function."""
        return self.function(value)

    def abort(self) -> None:
        """Nothing has begun."""


def is_factory(materializer: Materializer) -> bool:
    """The materializer wants a context and returns the one that is to be used."""
    try:
        parameters = inspect.signature(materializer).parameters.values()
    except (TypeError, ValueError):  # builtins such as 'sorted' take a value
        return False
    return any(
        parameter.name in ("ctx", "context")
        or MaterializeContext.__name__ in str(parameter.annotation)
        for parameter in parameters
        if parameter.default is parameter.empty
    )


def begun(materializer: Materializer, made: Any) -> Materialization:
    """What a materializer, or the thing its factory made, is as a materialisation.

    Raises:
        TypeError: It is neither a function nor a materialisation.
    """
    if hasattr(made, "finish") and hasattr(made, "put"):
        return made  # type: ignore[no-any-return]  # a Materialization, as far as can be told
    if callable(made):
        return Plain(made)
    name = getattr(materializer, "__name__", materializer)
    raise TypeError(
        f"the materializer factory '{name}' returned {made!r:.100}, "
        f"expected a function value -> value"
    )


# -- memory ----------------------------------------------------------------------------------------


class MemoryMaterializer:
    """The default: the container is kept in memory and nothing else is done."""

    __name__ = "memory_materializer"

    def __call__(self, value: Any) -> Any:
        """The value itself."""
        return value


def memory_materializer() -> MemoryMaterializer:
    """The default materializer: keep the container in memory."""
    return MemoryMaterializer()


# -- disk ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DiskMaterializer:
    """Writes what is materialised into a file; see :func:`disk_materializer`."""

    folder: Path
    serializer: Serializer | StreamingSerializer | Callable[[IO[Any], Any], None]
    file_name: str | None = None

    __name__ = "disk_materializer"

    def __call__(self, context: MaterializeContext) -> _DiskFile:
        """Begin one file."""
        extension = getattr(self.serializer, "extension", "txt")
        name = self.file_name or f"{context.dataset_name}.{extension}"
        return _DiskFile(self.folder / name, self.serializer, context.delivery)


def disk_materializer(
    path: Path | str,
    serializer: Serializer | StreamingSerializer | Callable[[IO[Any], Any], None],
    file_name: str | None = None,
) -> DiskMaterializer:
    """Write every materialised collection of a step into a file; consumers get it as always.

    Lists and tuples are written item by item while their stream runs, where the serializer can do
    that. The file appears under its name when it is complete and replaces an older one at once;
    when the run stops before that, nothing is left.

    Args:
        path: Folder; made if needed.
        serializer: For example ``jsonl_serializer``, or a function ``(file, value) -> None``.
        file_name: Name of the file; default ``<step>.<extension>``.
    """
    return DiskMaterializer(Path(path), serializer, file_name)


class _DiskFile:
    """One file on its way: written under a name of its own, renamed at the end."""

    def __init__(self, target: Path, serializer: Any, delivery: Delivery) -> None:
        self._target = target
        self._serializer = serializer
        # Sets and dicts drop what comes twice, so they are written when they are complete.
        ordered = delivery in (Delivery.LIST, Delivery.TUPLE)
        self.streams = ordered and isinstance(serializer, StreamingSerializer)
        self._temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        self._file: IO[Any] | None = None
        self._writer: ItemWriter | None = None

    def _open(self) -> IO[Any]:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        if getattr(self._serializer, "binary", False):
            self._file = self._temporary.open("xb")
        else:
            self._file = self._temporary.open("x", encoding="utf-8", newline="")
        return self._file

    def put(self, item: Any) -> None:
        if self._writer is None:
            self._writer = self._serializer.begin(self._open())
        self._writer.write(item)

    def finish(self, value: Any) -> Any:
        if self._writer is not None:
            self._writer.end()
        else:
            file = self._open()
            serialize = getattr(self._serializer, "serialize", self._serializer)
            serialize(file, value)
        assert self._file is not None, "opened above"
        self._file.close()
        os.replace(self._temporary, self._target)
        return value

    def abort(self) -> None:
        if self._file is not None:
            self._file.close()
            self._temporary.unlink(missing_ok=True)


# -- several ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CompositeMaterializer:
    """Several materializers in turn; see :func:`composite_materializer`."""

    materializers: tuple[Materializer, ...]

    __name__ = "composite_materializer"

    def __call__(self, context: MaterializeContext) -> _Stages:
        """Begin all of them."""
        stages: list[Materialization] = []
        try:
            for each in self.materializers:
                stages.append(begun(each, each(context) if is_factory(each) else each))
        except BaseException:
            for stage in stages:
                stage.abort()
            raise
        return _Stages(stages)


def composite_materializer(*materializers: Materializer | None) -> CompositeMaterializer:
    """Several materializers in turn: each gets what the one before returned.

    Items are written while the stream runs if all of them can do that.
    """
    return CompositeMaterializer(tuple(each for each in materializers if each is not None))


class _Stages:
    def __init__(self, stages: list[Materialization]) -> None:
        self._stages = stages
        self.streams = bool(stages) and all(stage.streams for stage in stages)

    def put(self, item: Any) -> None:
        for stage in self._stages:
            stage.put(item)

    def finish(self, value: Any, after: int = 0) -> Any:
        for index in range(after, len(self._stages)):
            made = self._stages[index].finish(value)
            if inspect.isawaitable(made):
                return self._go_on(made, value, index + 1)
            value = value if made is None else made
        return value

    async def _go_on(self, waited_for: Awaitable[Any], value: Any, after: int) -> Any:
        made = await waited_for
        rest = self.finish(value if made is None else made, after)
        return await rest if inspect.isawaitable(rest) else rest

    def abort(self) -> None:
        for stage in self._stages:
            stage.abort()
