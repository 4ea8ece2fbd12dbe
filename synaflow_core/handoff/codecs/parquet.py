"""The ``parquet`` codec: tables of pyarrow, pandas and polars, as one value or a stream of them.

**Lossless or refused**, as for :mod:`.jsonl`: types, nulls, NaN, categories, index and metadata
come back, or the write fails; what each library's tables are tested for is told in
:mod:`.tables.arrow`, :mod:`.tables.pandas` and :mod:`.tables.polars`. Not kept: how the columns of
an Arrow table are cut into chunks.

Every block is a Parquet file that any other tool can read. Small tables of one schema share a
file, and a big table takes several, so neither side holds more than one block beside the table
itself. Tables are encoded when they are written, so a step may change one afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from synaflow_core.contract.codecs import library_of
from synaflow_core.handoff.codecs import Decode, Encoder, Piece
from synaflow_core.handoff.codecs.library import refusal
from synaflow_core.handoff.codecs.tables import NotKeptError, Tables, tables_of

PACK_BYTES = 1024 * 1024
"""Small tables share a file until they have so many bytes in memory."""
SPLIT_BYTES = 8 * 1024 * 1024
"""A table that has more is cut into slices of about that size."""


class ParquetCodec:
    """See :class:`~synaflow_core.handoff.codecs.Codec`."""

    name = "parquet"
    suffix = ".parquet"
    eager = True
    compressed = True

    def encoder(self, hint: Any, dataset: str) -> Encoder:
        """Writes tables of the library that the annotation names."""
        return _Encoder(tables_of(library_of(hint)), dataset)

    def decoder(self, hint: Any) -> Decode:
        """Reads tables; slices of one are put together."""
        tables = tables_of(library_of(hint))
        slices: list[Any] = []

        def decode(content: bytes, ends: int, marked: int) -> Iterator[list[Any]]:
            forms = tables.read(content)
            if not ends or slices:
                slices.extend(forms)
                forms = [tables.join(slices)] if ends else []
                if ends:
                    slices.clear()
            for form in forms:
                yield [tables.give(form)]

        return decode


class _Encoder:
    def __init__(self, tables: Tables, dataset: str) -> None:
        self._tables = tables
        self._dataset = dataset
        self._kept: list[Any] = []
        self._kept_bytes = 0
        self._written = 0

    def encode(self, items: Sequence[Any], first: int) -> Iterator[Piece]:
        tables = self._tables
        for index, item in enumerate(items, first):
            try:
                form = tables.take(item)
            except NotKeptError as problem:
                raise self._refusal(index, item, problem) from problem.__cause__
            size = tables.size(form)
            if self._kept and not tables.alike(self._kept[0], form):
                yield from self.finish()
            if size > SPLIT_BYTES and tables.rows(form) > 1:
                yield from self.finish()
                yield from self._split(form, size)
                continue
            self._kept.append(form)
            self._kept_bytes += size
            if self._kept_bytes >= PACK_BYTES:
                yield from self.finish()

    def finish(self) -> Iterator[Piece]:
        """The file of the tables that were kept back."""
        if self._kept:
            forms, self._kept, self._kept_bytes = self._kept, [], 0
            yield self._file(forms, ends=len(forms))

    def _split(self, form: Any, size: int) -> Iterator[Piece]:
        rows = self._tables.rows(form)
        step = max(1, rows * SPLIT_BYTES // size)
        for start in range(0, rows, step):
            part = self._tables.slice(form, start, min(step, rows - start))
            yield self._file([part], ends=int(start + step >= rows))

    def _file(self, forms: list[Any], ends: int) -> Piece:
        try:
            data = self._tables.write(forms)
        except NotKeptError as problem:
            if len(forms) > 1:  # find the one that is at fault
                for form in forms:
                    self._file([form], ends=1)
            value = self._tables.give(forms[0])
            raise self._refusal(self._written, value, problem) from problem.__cause__
        self._written += ends
        return Piece(data, ends, alone=True)

    def _refusal(self, index: int, value: Any, problem: NotKeptError) -> Exception:
        return refusal(self._dataset, index, value, problem.cause, problem.advice)
