"""What the codec :mod:`~synaflow_core.handoff.codecs.parquet` needs of each library of tables.

A value is first taken into a *form* that nobody changes any more, then forms are written: several
small ones into one file, or slices of a big one into several. One module per library; each is
loaded when a value of its library is written or read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from synaflow_core.contract.codecs import Library
from synaflow_core.errors import HandoffError


class NotKeptError(Exception):
    """A value would not come back unchanged; says why, and what can be done."""

    def __init__(self, cause: str, advice: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.advice = advice


class Tables(Protocol):
    """Takes the tables of one library and gives them back; writes and reads Parquet files."""

    def take(self, value: Any) -> Any:
        """The form of a value, checked to come back as it was.

        Raises:
            NotKeptError: It would not.
        """

    def give(self, form: Any) -> Any:
        """The value again."""

    def size(self, form: Any) -> int:
        """Bytes in memory, about."""

    def rows(self, form: Any) -> int:
        """Number of rows."""

    def slice(self, form: Any, start: int, count: int) -> Any:
        """Some of its rows, without copying them."""

    def join(self, forms: Sequence[Any]) -> Any:
        """Slices put together again."""

    def alike(self, one: Any, other: Any) -> bool:
        """Whether both may stand in one file."""

    def write(self, forms: Sequence[Any]) -> bytes:
        """A Parquet file of forms that are alike.

        Raises:
            NotKeptError: One of them would not come back unchanged.
        """

    def read(self, content: bytes) -> list[Any]:
        """The forms in a file."""


def tables_of(library: Library | None) -> Tables:
    """The module for the values of a library.

    Raises:
        HandoffError: The library or pyarrow is not installed, or its values are no tables.
    """
    if library in ("pyarrow.Table", "pyarrow.RecordBatch"):
        from synaflow_core.handoff.codecs.tables.arrow import ArrowTables

        return ArrowTables(is_batch=library == "pyarrow.RecordBatch")
    if library == "pandas":
        from synaflow_core.handoff.codecs.tables.pandas import PandasFrames

        return PandasFrames()
    if library == "polars":
        from synaflow_core.handoff.codecs.tables.polars import PolarsFrames

        return PolarsFrames()
    raise HandoffError(
        "codec 'parquet' stores tables of pyarrow, pandas and polars only\n"
        "    -> annotate what the step returns with one of their types, or choose another codec"
    )
