"""Data frames of pandas as Parquet, by way of Arrow.

pyarrow converts a frame, its index and its dtypes both ways and writes down how; what it loses is
added here: ranges as columns, the frequency of the index, objects in place of text, which missing
value an object column has, the class of a time zone. The first rows of every frame are converted
back and compared; of a frame with a column whose dtype does not vouch for its values, all rows.
Refused are mixed columns, subclasses, two columns of one name, sparse and complex columns.
"""

from __future__ import annotations

import json
import math
from datetime import UTC
from typing import Any

from synaflow_core.handoff.codecs.library import library
from synaflow_core.handoff.codecs.same import same
from synaflow_core.handoff.codecs.tables import NotKeptError
from synaflow_core.handoff.codecs.tables.arrow import ArrowTables

MORE = b"synaflow.pandas"
"""Key of a table's metadata: what pyarrow's own note on the frame leaves out."""

CHECKED_ROWS = 100
SMALL_BYTES = 8 * 1024 * 1024
"""A frame up to this size may be small in Arrow (booleans become bits), and so has to wait."""


class PandasFrames(ArrowTables):
    """See :class:`~synaflow_core.handoff.codecs.tables.Tables`; a form is a ``pyarrow.Table``."""

    def __init__(self) -> None:
        super().__init__(extra="pandas")
        self._pd = library("pandas", "parquet", "pandas")
        self._np = library("numpy", "parquet", "pandas")

    def take(self, value: Any) -> Any:
        """The frame as a table that shares no memory with a frame that waits for others."""
        if type(value) is not self._pd.DataFrame:
            advice = "return a DataFrame: pandas.DataFrame(...) of it"
            raise NotKeptError("it is not the pandas.DataFrame announced", advice)
        small = int(value.memory_usage(index=True).sum()) <= SMALL_BYTES
        form = self._form(value.copy() if small else value)
        head = value if not self._vouches(value) else value.iloc[:CHECKED_ROWS]
        try:
            changed = self._lost(head, self.give(form if head is value else self._form(head)))
        except NotKeptError:
            raise
        except Exception as problem:  # any of pandas: it was made of what cannot be made again
            raise NotKeptError(f"{type(problem).__name__}: {problem}", _CONVERT) from problem
        if changed is not None:
            raise NotKeptError(f"Parquet does not keep {changed}", _CONVERT)
        return form

    def give(self, form: Any) -> Any:
        """The frame again."""
        more = json.loads(form.schema.metadata[MORE])
        frame = form.to_pandas(use_threads=False)
        for position, missing in more.get("objects", {}).items():
            values = form.column(int(position)).to_pylist()
            if missing == "nan":
                values = [math.nan if value is None else value for value in values]
            column = self._pd.Series(values, index=frame.index, dtype=object)
            frame.isetitem(int(position), column)
        if "columns" in more:
            frame.columns = self._pd.RangeIndex(*more["columns"])
        self._restore_zones(frame, more.get("zones", {}))
        if "freq" in more and len(frame.index) == more["rows"]:
            frame.index.freq = more["freq"]
        return frame

    def _form(self, frame: Any) -> Any:
        pd = self._pd
        more: dict[str, Any] = {"rows": len(frame)}
        columns = frame.columns
        if type(columns) is pd.RangeIndex and columns.name is None:
            more["columns"] = [columns.start, columns.stop, columns.step]
        freq = getattr(frame.index, "freq", None)
        if freq is not None and not isinstance(frame.index.dtype, pd.PeriodDtype):
            more["freq"] = freq.freqstr
        objects = {
            position: self._missing(frame.iloc[:, position])
            for position, dtype in enumerate(frame.dtypes)
            if isinstance(dtype, self._np.dtype) and dtype.hasobject
        }
        if objects:
            more["objects"] = objects
        zones = self._zones(frame)
        if zones:
            more["zones"] = zones
        try:
            table = self._pa.Table.from_pandas(frame, nthreads=1)
        except Exception as problem:  # Arrow's own classes, and any of pandas
            raise NotKeptError(f"{type(problem).__name__}: {problem}", _CONVERT) from problem
        metadata = {**table.schema.metadata, MORE: json.dumps(more).encode()}
        return table.replace_schema_metadata(metadata)

    def _zones(self, frame: Any) -> dict[str, str]:
        """Position (``index`` for the index) -> class of a time zone that Arrow knows by name only.

        Arrow gives every named zone back as a ``zoneinfo.ZoneInfo``.
        """
        dtypes = {str(i): dtype for i, dtype in enumerate(frame.dtypes)}
        if not isinstance(frame.index, self._pd.MultiIndex):
            dtypes["index"] = frame.index.dtype
        found = {}
        for place, dtype in dtypes.items():
            zone = getattr(dtype, "tz", None)
            if zone is UTC:
                found[place] = "utc"
            elif type(zone).__module__.partition(".")[0] == "pytz":
                found[place] = "pytz"
        return found

    def _restore_zones(self, frame: Any, zones: dict[str, str]) -> None:
        for place, kind in zones.items():
            old = frame.index if place == "index" else frame.iloc[:, int(place)]
            zone: Any = UTC
            if kind == "pytz":
                zone = library("pytz", "parquet", "pandas").timezone(str(old.dtype.tz))
            if place == "index":
                frame.index = old.tz_convert(zone)
            else:
                frame.isetitem(int(place), old.dt.tz_convert(zone))

    def _missing(self, column: Any) -> str:
        """Which missing value an object column has: the first one; others are found when read."""
        missing = column[column.isna()]
        return "nan" if len(missing) and type(missing.iloc[0]) is float else "none"

    def _vouches(self, frame: Any) -> bool:
        """Every column and index level has a dtype of which Arrow and Parquet keep all values."""
        index = frame.index
        levels = index.levels if isinstance(index, self._pd.MultiIndex) else [index]
        return all(map(self._is_certain_dtype, [*frame.dtypes, *(each.dtype for each in levels)]))

    def _is_certain_dtype(self, dtype: Any) -> bool:
        pd = self._pd
        if isinstance(dtype, pd.CategoricalDtype):
            return self._is_certain_dtype(dtype.categories.dtype)
        if isinstance(dtype, pd.StringDtype | pd.DatetimeTZDtype | pd.BooleanDtype):
            return True
        return getattr(dtype, "kind", "O") in "biufmM" and not hasattr(dtype, "pyarrow_dtype")

    def _lost(self, one: Any, other: Any) -> str | None:
        """What of a frame is not in another one."""
        if not self._is_same_index(one.columns, other.columns):
            return "the names of its columns"
        if not self._is_same_index(one.index, other.index):
            return "its index"
        if not same(one.attrs, other.attrs) or one.flags != other.flags:
            return "its attrs or flags"
        for position, name in enumerate(one.columns):
            if not self._is_same_column(one.iloc[:, position], other.iloc[:, position]):
                return f"the values of column {name!r} of dtype {one.dtypes.iloc[position]}"
        return None

    def _is_same_index(self, one: Any, other: Any) -> bool:
        if type(one) is not type(other) or not same(list(one.names), list(other.names)):
            return False
        if isinstance(one, self._pd.MultiIndex):
            return all(
                _is_same_dtype(a.dtype, b.dtype)
                and self._is_same_column(one.get_level_values(i), other.get_level_values(i))
                for i, (a, b) in enumerate(zip(one.levels, other.levels, strict=True))
            )
        return bool(
            getattr(one, "freq", None) == getattr(other, "freq", None)
            and self._is_same_column(one, other)
        )

    def _is_same_column(self, one: Any, other: Any) -> bool:
        """Values of two columns or of two levels of an index."""
        if not _is_same_dtype(one.dtype, other.dtype) or len(one) != len(other):
            return False
        if isinstance(one.dtype, self._pd.CategoricalDtype):
            a, b = one.array, other.array
            return self._is_same_column(a.categories, b.categories) and bool(
                (a.codes == b.codes).all()
            )
        if isinstance(one.dtype, self._np.dtype) and one.dtype.hasobject:
            return same(list(one), list(other))
        a, b = one.array, other.array
        if not (a.isna() == b.isna()).all():
            return False
        there = ~a.isna()
        return bool((a[there] == b[there]).all()) and _is_same_missing(one, other)


def _is_same_dtype(one: Any, other: Any) -> bool:
    zones = getattr(one, "tz", None), getattr(other, "tz", None)
    return bool(one == other) and type(zones[0]) is type(zones[1]) and repr(one) == repr(other)


def _is_same_missing(one: Any, other: Any) -> bool:
    """Nullable floats tell NaN, which is a value, from NA."""
    if type(one.dtype).__name__ not in ("Float32Dtype", "Float64Dtype"):
        return True
    a, b = (each.to_numpy(dtype="float64", na_value=0.0) for each in (one, other))
    return bool(((a == b) | ((a != a) & (b != b))).all())


_CONVERT = "convert that to plain dtypes (one type per column), or choose codec pickle"
