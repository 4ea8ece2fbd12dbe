"""Serializers: how a collection is written into a file for people and other programs.

A serializer has an ``extension``, says whether its file is ``binary`` and writes whole collections
with ``serialize(file, data)``. One that also has ``begin(file)`` writes item by item, so that a
file grows while a stream runs. Yours may have the one or both. These files are copies for others
to read; what a pipeline itself hands on losslessly is the business of :mod:`synaflow_core.handoff`.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import pickle
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, ClassVar, Protocol, runtime_checkable


class ItemWriter(Protocol):
    """Writes the items of one file."""

    def write(self, item: Any) -> None:
        """Append one item."""

    def end(self) -> None:
        """All items have been written; the file itself is closed by whoever opened it."""


class Serializer(Protocol):
    """Writes whole collections."""

    extension: str

    def serialize(self, file: IO[Any], data: Any) -> None:
        """Write ``data`` into an open file."""


@runtime_checkable
class StreamingSerializer(Protocol):
    """Writes item by item."""

    extension: str

    def serialize(self, file: IO[Any], data: Any) -> None:
        """Write ``data`` into an open file."""

    def begin(self, file: IO[Any]) -> ItemWriter:
        """Begin a file that is written item by item."""


class _Itemwise:
    """Writes a collection as its items: pairs of a mapping, a text as one item."""

    def begin(self, file: IO[Any]) -> ItemWriter:
        raise NotImplementedError

    def serialize(self, file: IO[Any], data: Any) -> None:
        """Write all items of ``data``."""
        writer = self.begin(file)
        for item in _items(data):
            writer.write(item)
        writer.end()


def _items(data: Any) -> Iterator[Any]:
    if isinstance(data, Mapping):
        return iter(data.items())
    single = isinstance(data, str | bytes) or not isinstance(data, Iterable)
    return iter([data] if single else data)


def _plain(value: Any) -> Any:
    """What json cannot write by itself: dataclasses, dates, sets, decimals, enums and more."""
    import msgspec  # only values that need it pay for it

    return msgspec.to_builtins(value, str_keys=True)


def _json(value: Any) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False)


@dataclasses.dataclass(frozen=True)
class CsvSerializer(_Itemwise):
    """One row per item.

    Mappings, dataclasses and named tuples get a header: the keys of the first item unless
    ``fieldnames`` says otherwise. Other tuples and lists are rows without one, all else is a row
    of one cell. A later item with a key that the header lacks is an error, a missing one is empty.
    """

    fieldnames: tuple[str, ...] | None = None
    delimiter: str = ","
    extension: ClassVar[str] = "csv"
    binary: ClassVar[bool] = False

    def begin(self, file: IO[Any]) -> ItemWriter:
        """Begin a file."""
        return _CsvWriter(self, file)


class _CsvWriter:
    def __init__(self, serializer: CsvSerializer, file: IO[Any]) -> None:
        self._serializer = serializer
        self._file = file
        self._rows = csv.writer(file, delimiter=serializer.delimiter)
        self._named: csv.DictWriter[str] | None = None

    def write(self, item: Any) -> None:
        fields = _fields(item)
        if fields is None:
            self._rows.writerow(item if isinstance(item, list | tuple) else [item])
            return
        if self._named is None:
            names = list(self._serializer.fieldnames or fields)
            self._named = csv.DictWriter(
                self._file, names, restval="", delimiter=self._serializer.delimiter
            )
            self._named.writeheader()
        self._named.writerow(fields)

    def end(self) -> None:
        pass


def _fields(item: Any) -> Mapping[str, Any] | None:
    if isinstance(item, Mapping):
        return item
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    if isinstance(item, tuple) and hasattr(item, "_asdict"):
        named: Mapping[str, Any] = item._asdict()
        return named
    return None


class JsonSerializer(_Itemwise):
    """One JSON document: an array of the items, or the object of a mapping."""

    extension: ClassVar[str] = "json"
    binary: ClassVar[bool] = False

    def begin(self, file: IO[Any]) -> ItemWriter:
        """Begin an array."""
        return _JsonWriter(file)

    def serialize(self, file: IO[Any], data: Any) -> None:
        """Write ``data``; anything but a mapping or a single value is an array."""
        if isinstance(data, Mapping | str | bytes) or not isinstance(data, Iterable):
            file.write(_json(data) + "\n")
        else:
            super().serialize(file, data)


class _JsonWriter:
    def __init__(self, file: IO[Any]) -> None:
        self._file = file
        self._before = "["

    def write(self, item: Any) -> None:
        self._file.write(f"{self._before}\n{_json(item)}")
        self._before = ","

    def end(self) -> None:
        self._file.write("[]\n" if self._before == "[" else "\n]\n")


class JsonlSerializer(_Itemwise):
    """One JSON value per line; a mapping gives a line per pair."""

    extension: ClassVar[str] = "jsonl"
    binary: ClassVar[bool] = False

    def begin(self, file: IO[Any]) -> ItemWriter:
        """Begin a file."""
        return _LineWriter(file, _json)


class TextSerializer(_Itemwise):
    """``str(item)`` and a line break per item; a text as the whole data is written as it is."""

    extension: ClassVar[str] = "txt"
    binary: ClassVar[bool] = False

    def begin(self, file: IO[Any]) -> ItemWriter:
        """Begin a file."""
        return _LineWriter(file, _text)

    def serialize(self, file: IO[Any], data: Any) -> None:
        """Write ``data``."""
        if isinstance(data, str | bytes):
            file.write(_text(data))
        else:
            super().serialize(file, data)


def _text(item: Any) -> str:
    return item.decode() if isinstance(item, bytes) else str(item)


class _LineWriter:
    def __init__(self, file: IO[Any], spell: Any) -> None:
        self._file = file
        self._spell = spell

    def write(self, item: Any) -> None:
        self._file.write(self._spell(item) + "\n")

    def end(self) -> None:
        pass


class PickleSerializer:
    """The collection as one pickle: ``pickle.load`` gives it back. Written when it is complete."""

    extension: ClassVar[str] = "pkl"
    binary: ClassVar[bool] = True

    def serialize(self, file: IO[Any], data: Any) -> None:
        """Write ``data``."""
        pickle.dump(data, file)


csv_serializer = CsvSerializer()
json_serializer = JsonSerializer()
jsonl_serializer = JsonlSerializer()
text_serializer = TextSerializer()
pickle_serializer = PickleSerializer()
