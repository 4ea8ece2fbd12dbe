"""Tables and record batches of pyarrow as Parquet.

Parquet says less than Arrow: it has no seconds, knows no order of categories and names the items of
a list its own way. So the schema of each table (with the dictionaries of dictionary columns) is
written into the file's metadata, and columns are cast back to it. Types whose values Parquet is
known to keep are taken as kept; for a table with any other type, and for the first file of every
schema, the file is read back and compared before it is stored.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from synaflow_core.handoff.codecs.library import library
from synaflow_core.handoff.codecs.tables import NotKeptError

HEADER = b"synaflow.tables"
"""Key of the file's metadata: the rows, schema and dictionaries of each table in it."""

_OPTIONS: dict[str, Any] = {"compression": "zstd", "dictionary_pagesize_limit": 64 * 1024}
"""Of writing: a column of mostly different values gives up its dictionary early, which makes
writing twice as fast and the file smaller."""


class ArrowTables:
    """See :class:`~synaflow_core.handoff.codecs.tables.Tables`; a form is a ``pyarrow.Table``."""

    def __init__(self, *, is_batch: bool = False, extra: str = "parquet") -> None:
        self._pa = library("pyarrow", "parquet", extra)
        self._pq = library("pyarrow.parquet", "parquet", extra)
        self._pc = library("pyarrow.compute", "parquet", extra)
        self._class = self._pa.RecordBatch if is_batch else self._pa.Table
        self._is_batch = is_batch
        self._checked: Any = None
        types = self._pa.types
        self._certain = (
            types.is_boolean,
            types.is_integer,
            types.is_floating,
            types.is_string,
            types.is_large_string,
            types.is_binary,
            types.is_large_binary,
            types.is_decimal128,
            types.is_date32,
            types.is_duration,
        )

    def take(self, value: Any) -> Any:
        """The table itself, which nobody can change."""
        if type(value) is not self._class:
            name = self._class.__name__
            raise NotKeptError(f"it is not the pyarrow.{name} announced", f"return a {name}")
        return self._pa.Table.from_batches([value]) if self._is_batch else value

    def give(self, form: Any) -> Any:
        """The table, or its only batch."""
        if not self._is_batch:
            return form
        batches = form.combine_chunks().to_batches()
        if batches:
            return batches[0]
        empty = [self._pa.array([], field.type) for field in form.schema]
        return self._pa.RecordBatch.from_arrays(empty, schema=form.schema)

    def size(self, form: Any) -> int:
        """Bytes of its part of the buffers."""
        try:
            return int(form.nbytes)
        except self._pa.ArrowException:  # views, in older versions
            return int(form.get_total_buffer_size())

    def rows(self, form: Any) -> int:
        """Number of rows."""
        return int(form.num_rows)

    def slice(self, form: Any, start: int, count: int) -> Any:
        """Some rows."""
        return form.slice(start, count)

    def join(self, forms: Sequence[Any]) -> Any:
        """The slices again as one table."""
        return self._pa.concat_tables(forms)

    def alike(self, one: Any, other: Any) -> bool:
        """Columns of equal names and types; metadata may differ."""
        return bool(one.schema.equals(other.schema))

    def write(self, forms: Sequence[Any]) -> bytes:
        """The file; read back and compared where that is needed."""
        try:
            content = self._file(forms)
        except self._pa.ArrowException as problem:
            advice = "leave out or convert the columns of that type"
            raise NotKeptError(f"{type(problem).__name__}: {problem}", advice) from problem
        self._check(forms, content)
        return content

    def _file(self, forms: Sequence[Any]) -> bytes:
        pa = self._pa
        schemas: list[bytes] = []
        elements = []
        plain = []
        for form in forms:
            form = form.unify_dictionaries().combine_chunks()
            schema = form.schema.serialize().to_pybytes()
            if schema not in schemas:
                schemas.append(schema)
            table, dictionaries = self._without_dictionaries(form)
            entry: dict[str, Any] = {"rows": form.num_rows, "schema": schemas.index(schema)}
            elements.append({**entry, "dictionaries": dictionaries} if dictionaries else entry)
            plain.append(table.replace_schema_metadata(None))
        header = {"tables": elements, "schemas": [_text(schema) for schema in schemas]}
        metadata = {**(forms[0].schema.metadata or {}), HEADER: json.dumps(header).encode()}
        whole = pa.concat_tables(plain).combine_chunks().replace_schema_metadata(metadata)
        sink = pa.BufferOutputStream()
        self._pq.write_table(whole, sink, **_OPTIONS)
        content: bytes = sink.getvalue().to_pybytes()
        return content

    def read(self, content: bytes) -> list[Any]:
        """The tables in a file."""
        # One thread: a pool's threads that still run when the interpreter ends can abort it.
        source = self._pa.BufferReader(content)
        with self._pq.ParquetFile(source, pre_buffer=False) as file:
            whole = file.read(use_threads=False)
        header = json.loads(whole.schema.metadata[HEADER])
        schemas = [self._read_schema(base64.b64decode(text)) for text in header["schemas"]]
        forms, start = [], 0
        for entry in header["tables"]:
            part = whole.slice(start, entry["rows"])
            start += entry["rows"]
            schema = schemas[entry["schema"]]
            forms.append(self._restored(part, schema, entry.get("dictionaries", {})))
        return forms

    def _read_schema(self, serialised: bytes) -> Any:
        return self._pa.ipc.read_schema(self._pa.py_buffer(serialised))

    def _without_dictionaries(self, table: Any) -> tuple[Any, dict[str, str]]:
        """Dictionary columns as their values, and the dictionaries, by position."""
        pa = self._pa
        found: dict[str, str] = {}
        for position, field in enumerate(table.schema):
            if not pa.types.is_dictionary(field.type):
                continue
            column = table.column(position)
            values = column.chunk(0).dictionary if column.num_chunks else pa.array([], field.type)
            found[str(position)] = self._packed(values)
            plain = column.cast(field.type.value_type)
            table = table.set_column(position, field.with_type(field.type.value_type), plain)
        return table, found

    def _packed(self, dictionary: Any) -> str:
        pa = self._pa
        batch = pa.RecordBatch.from_arrays([dictionary], ["values"])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return _text(sink.getvalue().to_pybytes())

    def _unpacked(self, text: str) -> Any:
        table = self._pa.ipc.open_stream(base64.b64decode(text)).read_all()
        return table.column(0).combine_chunks()

    def _restored(self, table: Any, schema: Any, dictionaries: dict[str, str]) -> Any:
        """A table with the columns that Parquet gave back, as the schema has them."""
        columns = []
        for position, (column, field) in enumerate(zip(table.columns, schema, strict=True)):
            if str(position) in dictionaries:
                values = self._unpacked(dictionaries[str(position)])
                columns.append(self._encoded(column, field.type, values))
            elif column.type.equals(field.type, check_metadata=True):
                columns.append(column)
            else:
                columns.append(column.cast(field.type))
        return self._pa.Table.from_arrays(columns, schema=schema)

    def _encoded(self, column: Any, type_: Any, dictionary: Any) -> Any:
        pa = self._pa
        found = self._pc.index_in(column.combine_chunks(), value_set=dictionary, skip_nulls=True)
        indices = found.cast(type_.index_type)
        array = pa.DictionaryArray.from_arrays(indices, dictionary, ordered=type_.ordered)
        return pa.chunked_array([array])

    def _check(self, forms: Sequence[Any], content: bytes) -> None:
        """Read a file back and compare, unless its types are known and it is not the first."""
        schema = forms[0].schema
        if self._checked == schema and all(self._is_certain(field.type) for field in schema):
            return
        self._checked = schema
        try:
            back = self.read(content)
        except Exception as problem:  # whatever a type that Parquet does not know leads to
            raise NotKeptError(f"{type(problem).__name__}: {problem}", _CONVERT) from problem
        for form, found in zip(forms, back, strict=True):
            changed = self._changed(form, found)
            if changed is not None:
                raise NotKeptError(f"Parquet does not keep {changed}", _CONVERT)

    def _changed(self, one: Any, other: Any) -> str | None:
        """What of a table is not in another one."""
        if one.num_rows != other.num_rows:
            return f"{one.num_rows} rows without columns"
        for field, found in zip(one.schema, other.schema, strict=True):
            if not field.equals(found, check_metadata=True):
                return f"the type of column {field.name!r}, {field.type}"
        if one.schema.metadata != other.schema.metadata:
            return "the metadata of the schema"
        for field, a, b in zip(one.schema, one.columns, other.columns, strict=True):
            if not self._is_same(a, b):
                return f"the values of column {field.name!r} of type {field.type}"
        return None

    def _is_same(self, a: Any, b: Any) -> bool:
        pa = self._pa
        if pa.types.is_dictionary(a.type):
            a = a.unify_dictionaries().combine_chunks() if a.num_chunks else b
            b = b.combine_chunks()
            is_same = self._is_same_array(a.dictionary, b.dictionary)
            return is_same and bool(a.indices.equals(b.indices))
        return self._is_same_array(a.combine_chunks(), b.combine_chunks())

    def _is_same_array(self, a: Any, b: Any) -> bool:
        if a.equals(b):
            return True
        if self._pa.types.is_floating(a.type):  # NaN does not equal itself; its bits do
            bits = self._pa.from_numpy_dtype(f"u{a.type.bit_width // 8}")
            return bool(a.view(bits).equals(b.view(bits)))
        from synaflow_core.handoff.codecs.same import same

        return same(a.to_pylist(maps_as_pydicts=None), b.to_pylist(maps_as_pydicts=None))

    def _is_certain(self, type_: Any) -> bool:
        """Parquet keeps every value of the type: known by reasoning, not only by trial."""
        types = self._pa.types
        if types.is_dictionary(type_):
            return False
        if types.is_list(type_) or types.is_large_list(type_):
            return self._is_certain(type_.value_type)
        if types.is_struct(type_):
            return all(self._is_certain(field.type) for field in type_)
        if types.is_timestamp(type_):
            return bool(type_.unit != "s")
        return any(is_kind(type_) for is_kind in self._certain)


_CONVERT = "convert that column to a type that Parquet has, or choose codec pickle"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
