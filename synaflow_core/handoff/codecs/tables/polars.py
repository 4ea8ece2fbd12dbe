"""Data frames of polars as Parquet, by polars itself; pyarrow is not needed.

Every file is read back and compared with what was written, which polars does at the speed of
writing; a frame with a column of Python objects cannot be written at all.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from synaflow_core.handoff.codecs.library import library
from synaflow_core.handoff.codecs.tables import NotKeptError

HEADER = "synaflow.tables"
"""Key of the file's metadata: the rows of each frame in it."""


class PolarsFrames:
    """See :class:`~synaflow_core.handoff.codecs.tables.Tables`; a form is a frame of its own."""

    def __init__(self) -> None:
        self._pl = library("polars", "parquet", "polars")

    def take(self, value: Any) -> Any:
        """A frame that shares its columns with the given one until that is changed."""
        if type(value) is not self._pl.DataFrame:
            advice = "return a DataFrame; of a LazyFrame, collect()"
            raise NotKeptError("it is not the polars.DataFrame announced", advice)
        if not value.width and value.height:
            raise NotKeptError(f"it has {value.height} rows without columns", "add a column")
        return value.clone()

    def give(self, form: Any) -> Any:
        """The frame."""
        return form

    def size(self, form: Any) -> int:
        """Bytes in memory, about."""
        return int(form.estimated_size())

    def rows(self, form: Any) -> int:
        """Number of rows."""
        return int(form.height)

    def slice(self, form: Any, start: int, count: int) -> Any:
        """Some rows."""
        return form.slice(start, count)

    def join(self, forms: Sequence[Any]) -> Any:
        """The slices again as one frame."""
        return self._pl.concat(forms)

    def alike(self, one: Any, other: Any) -> bool:
        """Columns of equal names and types."""
        return bool(one.schema == other.schema)

    def write(self, forms: Sequence[Any]) -> bytes:
        """The file, read back and compared."""
        whole = self._pl.concat(forms, rechunk=True)
        header = json.dumps([form.height for form in forms])
        sink = io.BytesIO()
        try:
            whole.write_parquet(sink, compression="zstd", metadata={HEADER: header})
            content = sink.getvalue()
            back = self._pl.read_parquet(io.BytesIO(content))
        except Exception as problem:  # polars has many classes, and panics
            cause = f"{type(problem).__name__}: {problem}"
            raise NotKeptError(cause, _CONVERT) from problem
        if back.schema != whole.schema or not back.equals(whole, null_equal=True):
            different = [
                name
                for name in whole.columns
                if back.schema.get(name) != whole.schema[name]
                or not back[name].equals(whole[name], null_equal=True)
            ]
            raise NotKeptError(f"Parquet does not keep {', '.join(different)}", _CONVERT)
        return content

    def read(self, content: bytes) -> list[Any]:
        """The frames in a file."""
        header = self._pl.read_parquet_metadata(io.BytesIO(content))[HEADER]
        whole = self._pl.read_parquet(io.BytesIO(content))
        forms, start = [], 0
        for rows in json.loads(header):
            forms.append(whole.slice(start, rows))
            start += rows
        return forms


_CONVERT = "convert that column to a type that Parquet has, or choose codec pickle"
