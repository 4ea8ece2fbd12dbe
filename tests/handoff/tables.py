"""Generated tables and arrays of four libraries, and what of them must come back."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.handoff.records import fingerprint

MICRO = dt.timedelta(microseconds=1)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
texts = st.text(st.characters(codec="utf-8"), max_size=6)
decimals = st.decimals(-1000, 1000, places=2)
moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))


def ints(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


# --- pyarrow -------------------------------------------------------------------------------------

ARROW_LEAVES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int8(), ints(8)),
    (pa.int64(), ints(64)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    (pa.bool_(), st.booleans()),
    (pa.string(), texts),
    (pa.large_string(), texts),
    (pa.string_view(), texts),
    (pa.binary(), st.binary(max_size=5)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.date32(), st.dates(dt.date(1, 1, 1))),
    (pa.date64(), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))),
    (pa.time32("s"), st.times().map(lambda t: t.replace(microsecond=0))),
    (pa.time64("us"), st.times()),
    (pa.timestamp("s"), moments.map(lambda m: m.replace(microsecond=0))),
    (pa.timestamp("us"), moments),
    (pa.timestamp("us", "Europe/Paris"), moments.map(lambda m: m.replace(tzinfo=dt.UTC))),
    (pa.timestamp("ns"), ints(62)),
    (pa.duration("us"), st.timedeltas(dt.timedelta(-9999), dt.timedelta(9999))),
    (pa.decimal128(9, 2), decimals),
    (pa.decimal256(50, 2), decimals),
    (pa.null(), st.none()),
    (pa.dictionary(pa.int8(), pa.string()), texts),
    (pa.dictionary(pa.int32(), pa.int64()), ints(64)),
    (pa.month_day_nano_interval(), st.just((1, 2, 3))),
]
arrow_types = st.recursive(
    st.sampled_from(ARROW_LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda t: (pa.list_(t[0]), st.lists(t[1] | st.none(), max_size=3))),
        inner.map(
            lambda t: (pa.list_(t[0], 2), st.lists(t[1] | st.none(), min_size=2, max_size=2))
        ),
        st.tuples(inner, inner).map(
            lambda p: (
                pa.struct([("a", p[0][0]), ("b", p[1][0])]),
                st.fixed_dictionaries({"a": p[0][1] | st.none(), "b": p[1][1]}),
            )
        ),
        inner.map(
            lambda t: (
                pa.map_(pa.string(), t[0]),
                st.dictionaries(texts, t[1], max_size=2).map(lambda d: list(d.items())),
            )
        ),
    ),
    max_leaves=3,
)


@st.composite
def arrow_tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 5))
    columns, fields = [], []
    for _ in range(draw(st.integers(1, 3))):
        kind, values = draw(arrow_types)
        given = draw(st.lists(values | st.none(), min_size=rows, max_size=rows))
        columns.append(arrow_array(given, kind))
        more = draw(st.none() | st.dictionaries(texts, texts, max_size=2))
        fields.append(pa.field(draw(names), kind, metadata=more))
    table = pa.Table.from_arrays(columns, schema=pa.schema(fields))
    if draw(st.booleans()):
        table = pa.concat_tables([table, table])
    return table.replace_schema_metadata(draw(st.none() | st.dictionaries(texts, texts)))


def arrow_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Dictionaries inside other types cannot be made of values, only cast to."""
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return pa.nulls(len(values), kind)


def arrow_print(table: pa.Table) -> Any:
    """Types, metadata, and every value of a table, told by the bits of floats."""
    schema = table.schema
    fields = tuple((f.name, str(f.type), f.nullable, metadata_print(f.metadata)) for f in schema)
    nested = schema.equals(schema.with_metadata(None), check_metadata=False)
    values = tuple(fingerprint(column.to_pylist()) for column in arrow_plain(table))
    return fields, metadata_print(schema.metadata), table.num_rows, nested, values


def arrow_plain(table: pa.Table) -> list[pa.ChunkedArray]:
    """Nanoseconds are no Python objects: as numbers."""
    return [
        column.cast(pa.int64()) if str(column.type).startswith("timestamp[ns") else column
        for column in table.columns
    ]


def metadata_print(metadata: dict[bytes, bytes] | None) -> Any:
    return tuple(sorted((metadata or {}).items()))  # Arrow tells no difference


# --- pandas --------------------------------------------------------------------------------------

ZONES = [
    "UTC",
    "Europe/Paris",
    dt.UTC,
    ZoneInfo("Asia/Kolkata"),
    dt.timezone(dt.timedelta(hours=5)),
]


def _series(dtype: Any, values: st.SearchStrategy[Any], size: int) -> st.SearchStrategy[Any]:
    return st.lists(values, min_size=size, max_size=size).map(lambda v: pd.array(v, dtype=dtype))


def _objects(values: st.SearchStrategy[Any], size: int) -> st.SearchStrategy[Any]:
    def made(items: list[Any]) -> Any:
        array = np.empty(len(items), dtype=object)
        array[:] = items
        return array

    return st.lists(values, min_size=size, max_size=size).map(made)


@st.composite
def pandas_columns(draw: st.DrawFn, size: int) -> Any:
    nullable = st.none()
    kinds = [
        _series("int64", ints(64), size),
        _series("uint8", st.integers(0, 255), size),
        _series("float64", st.floats(), size),
        _series("float32", st.floats(width=32), size),
        _series("bool", st.booleans(), size),
        _series("Int64", ints(64) | nullable, size),
        _series("Float64", st.floats(-10, 10) | nullable, size),
        _series("boolean", st.booleans() | nullable, size),
        _series("str", texts | nullable, size),
        _series("string", texts | nullable, size),
        _series("int64[pyarrow]", ints(64) | nullable, size),
        _series("datetime64[ns]", moments | st.just(pd.NaT), size),
        _series("datetime64[s]", moments.map(lambda m: m.replace(microsecond=0)), size),
        _series("timedelta64[us]", st.timedeltas(dt.timedelta(-9), dt.timedelta(9)), size),
        _series("period[M]", moments.map(lambda m: pd.Period(m, "M")), size),
        st.sampled_from(ZONES).flatmap(
            lambda zone: _series(
                pd.DatetimeTZDtype("us", zone),
                moments.map(lambda m: m.replace(tzinfo=dt.UTC)),
                size,
            )
        ),
        st.tuples(
            st.lists(texts, unique=True, min_size=1, max_size=3), st.booleans(), st.randoms()
        ).map(
            lambda p: pd.Categorical(
                [p[2].choice([*p[0], None]) for _ in range(size)], categories=p[0], ordered=p[1]
            )
        ),
        st.lists(ints(16), unique=True, min_size=1, max_size=3).map(
            lambda c: pd.Categorical([c[0]] * size, categories=c)
        ),
        _objects(texts | nullable, size),
        _objects(texts | st.just(float("nan")), size),
        _objects(st.booleans() | nullable, size),
        _objects(ints(64) | nullable | st.integers(2**70, 2**71), size),
        _objects(decimals | nullable, size),
        _objects(st.dates(dt.date(1, 1, 1)), size),
        _objects(st.binary(max_size=3), size),
        _objects(st.lists(ints(8), max_size=2), size),
        _objects(texts | ints(8) | st.floats() | st.booleans() | nullable, size),
    ]
    return draw(st.one_of(kinds))


@st.composite
def pandas_indexes(draw: st.DrawFn, size: int) -> pd.Index:
    def exactly(values: st.SearchStrategy[Any]) -> Any:
        return draw(st.lists(values, min_size=size, max_size=size))

    name = draw(st.none() | names | st.tuples(names, st.integers(0, 3)))
    kind = draw(st.sampled_from(["range", "step", "int", "str", "float", "dates", "zone", "multi"]))
    if kind == "range":
        return pd.RangeIndex(size, name=name)
    if kind == "step":
        return pd.RangeIndex(5, 5 + 2 * size, 2, name=name)
    if kind == "dates":
        return pd.date_range("2024-01-01", periods=size, freq=draw(st.sampled_from(["D", "2h"])))
    if kind == "zone":
        return pd.DatetimeIndex(exactly(moments), name=name).tz_localize("UTC")
    if kind == "multi":
        return pd.MultiIndex.from_arrays([exactly(ints(8)), exactly(texts)], names=[name, "two"])
    values = {"int": ints(64), "str": texts | st.none(), "float": st.floats()}[kind]
    dtype = {"int": "int64", "str": "str", "float": "float64"}[kind]
    return pd.Index(exactly(values), dtype=dtype, name=name)


@st.composite
def pandas_frames(draw: st.DrawFn) -> pd.DataFrame:
    size = draw(st.integers(0, 4))
    count = draw(st.integers(0, 3))
    index = draw(pandas_indexes(size))
    columns = [draw(pandas_columns(size)) for _ in range(count)]
    frame = pd.DataFrame(dict(enumerate(columns)), index=index)
    labels = draw(
        st.sampled_from(
            [
                pd.RangeIndex(count),
                pd.Index(range(count), dtype="int64"),
                pd.Index([f"c{i}" for i in range(count)], dtype="str", name=draw(names)),
                pd.Index(["c"] * count, dtype="str"),
                pd.MultiIndex.from_tuples([("a", str(i)) for i in range(count)])
                if count
                else pd.RangeIndex(0),
            ]
        )
    )
    frame.columns = labels
    if draw(st.booleans()):
        frame.attrs = draw(st.dictionaries(texts, ints(8) | texts, max_size=2))
    return frame


def pandas_print(frame: pd.DataFrame) -> Any:
    """Everything that a user of a frame can see."""
    columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
    return (
        index_print(frame.columns),
        index_print(frame.index),
        tuple(values_print(column) for column in columns),
        fingerprint(frame.attrs),
        frame.flags.allows_duplicate_labels,
    )


def index_print(index: pd.Index) -> Any:
    bounds = (index.start, index.stop, index.step) if isinstance(index, pd.RangeIndex) else None
    levels = (
        [index.get_level_values(i) for i in range(index.nlevels)]
        if isinstance(index, pd.MultiIndex)
        else [index]
    )
    names = fingerprint(list(index.names))
    freq = str(getattr(index, "freq", None))
    return type(index), names, bounds, freq, tuple(map(values_print, levels))


def values_print(values: Any) -> Any:
    dtype = values.dtype
    zone = getattr(dtype, "tz", None)
    categories = values_print(dtype.categories) if isinstance(dtype, pd.CategoricalDtype) else None
    listed = [("missing", repr(v)) if v is pd.NA or v is pd.NaT else fingerprint(v) for v in values]
    return repr(dtype), type(zone), repr(zone), categories, tuple(listed)


# --- polars --------------------------------------------------------------------------------------

POLARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (pl.Int8, ints(8)),
    (pl.Int64, ints(64)),
    (pl.UInt64, st.integers(0, 2**64 - 1)),
    (pl.Int128, ints(128)),
    (pl.Float32, st.floats(width=32)),
    (pl.Float64, st.floats()),
    (pl.Boolean, st.booleans()),
    (pl.String, texts),
    (pl.Binary, st.binary(max_size=4)),
    (pl.Date, st.dates(dt.date(1, 1, 1))),
    (pl.Time, st.times()),
    (pl.Datetime("us"), moments),
    (pl.Datetime("ms", "Europe/Paris"), moments.map(lambda m: m.replace(microsecond=0))),
    (pl.Duration("us"), st.timedeltas(dt.timedelta(-99), dt.timedelta(99))),
    (pl.Decimal(10, 2), decimals),
    (pl.Categorical, texts),
    (pl.Enum(["c", "a", "b"]), st.sampled_from(["a", "b"])),
    (pl.Null, st.none()),
    (pl.List(pl.Int64), st.lists(ints(64) | st.none(), max_size=3)),
    (pl.Array(pl.Int8, 2), st.lists(ints(8), min_size=2, max_size=2)),
    (
        pl.Struct({"a": pl.String, "b": pl.List(pl.Float64)}),
        st.fixed_dictionaries({"a": texts | st.none(), "b": st.lists(st.floats(), max_size=2)}),
    ),
    (pl.Object, st.builds(object)),
]


@st.composite
def polars_frames(draw: st.DrawFn) -> pl.DataFrame:
    rows = draw(st.integers(0, 5))
    made = {}
    for _ in range(draw(st.integers(0, 3))):
        dtype, values = draw(st.sampled_from(POLARS))
        given = draw(st.lists(values | st.none(), min_size=rows, max_size=rows))
        name = draw(names)
        made[name] = pl.Series(name, given, dtype=dtype, strict=False)
    return pl.DataFrame(made)


def polars_print(frame: pl.DataFrame) -> Any:
    values = tuple(fingerprint(column.to_list()) for column in frame)
    return tuple((name, repr(dtype)) for name, dtype in frame.schema.items()), values, frame.height


# --- numpy ---------------------------------------------------------------------------------------

dtypes = st.one_of(
    hnp.scalar_dtypes(),
    hnp.array_dtypes(hnp.scalar_dtypes(), max_size=3),
    hnp.nested_dtypes(hnp.scalar_dtypes(), max_leaves=4),
)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    array = draw(hnp.arrays(draw(dtypes), draw(shapes)))
    order = draw(st.sampled_from(["C", "F", "reversed", "every second"]))
    if order == "F":
        return np.asfortranarray(array)
    if order == "reversed":
        return array[::-1] if array.ndim else array
    return array[..., ::2] if order == "every second" and array.ndim else array


def array_print(array: Any) -> Any:
    return type(array), repr(array.dtype), array.shape, array.tobytes()
