"""Tables of pyarrow, pandas and polars: back as they were, or refused; in files others read."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synaflow_core.errors import HandoffError, LossyValueError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff.codecs import parquet
from tests.handoff import tables

KINDS: dict[str, tuple[Any, st.SearchStrategy[Any], Callable[[Any], Any]]] = {
    "pyarrow": (pa.Table, tables.arrow_tables(), tables.arrow_print),
    "pandas": (pd.DataFrame, tables.pandas_frames(), tables.pandas_print),
    "polars": (pl.DataFrame, tables.polars_frames(), tables.polars_print),
}
each_library = pytest.mark.parametrize("library", KINDS)


def numbers(library: str, count: int, start: int = 0) -> Any:
    columns = {"n": np.arange(start, start + count), "x": np.arange(count) / 7}
    make: Any = {"pyarrow": pa.table, "pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
    return make(columns)


def write(store: HandoffStore, library: str, items: Iterator[Any] | list[Any]) -> DatasetRef:
    with store.writer("p", "r", "d", type=KINDS[library][0], codec="parquet") as writer:
        for item in items:
            writer.write(item)
        return writer.commit()


def blocks(folder: Path) -> list[Path]:
    return sorted(folder.rglob("block-*"))


@each_library
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_a_table_comes_back_as_it_was_or_is_refused(library: str, data: st.DataObject) -> None:
    hint, values, printed = KINDS[library]
    store = HandoffStore("memory://tables")
    table = data.draw(values)
    try:
        ref = store.write_value("p", "r", "d", table, type=hint, codec="parquet")
    except LossyValueError:
        return
    assert printed(store.read_value(ref, hint)) == printed(table)


@each_library
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_stream_of_tables_keeps_them_apart(library: str, data: st.DataObject) -> None:
    hint, values, printed = KINDS[library]
    store = HandoffStore("memory://streams")
    once = data.draw(st.lists(values, min_size=1, max_size=2))
    items = data.draw(st.lists(st.sampled_from(once), max_size=6))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "SPLIT_BYTES", data.draw(st.sampled_from([20, 10**6])))
        patch.setattr(parquet, "PACK_BYTES", data.draw(st.sampled_from([1, 200, 10**6])))
        try:
            ref = write(store, library, items)
        except LossyValueError:
            return
    assert ref.count == len(items)
    assert [printed(t) for t in store.read(ref, hint)] == [printed(t) for t in items]
    stop = data.draw(st.integers(0, len(items)))
    part = store.read(ref, hint, start=1, stop=stop)
    assert [printed(t) for t in part] == [printed(t) for t in items[1:stop]]


REFUSED: list[tuple[str, Any, str]] = [
    ("pandas", pd.DataFrame({"a": [1, "x"]}), "column a"),
    ("pandas", pd.DataFrame({"a": pd.Series([None, float("nan")], dtype=object)}), "column 'a'"),
    ("pandas", pd.DataFrame([[1, 2]], columns=["a", "a"]), "Duplicate column names"),
    ("pandas", pd.DataFrame([[1, 2]], columns=["a", 1]), "the names of its columns"),
    ("pandas", pd.DataFrame({"a": [1j]}), "column a"),
    ("pandas", pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}), "Sparse"),
    ("pandas", pd.Series([1]), "is not the pandas.DataFrame announced"),
    ("pandas", None, "is not the pandas.DataFrame announced"),
    ("pandas", pa.table({"a": [1]}), "is not the pandas.DataFrame announced"),
    ("pyarrow", pa.table({"a": [1]}).select([]), "1 rows without columns"),
    ("pyarrow", pa.table({"a": pa.array([{}], pa.struct([]))}), "struct type 'a'"),
    ("pyarrow", pd.DataFrame({"a": [1]}), "is not the pyarrow.Table announced"),
    ("polars", pl.DataFrame({"a": [object()]}), "Object"),
    ("polars", pl.LazyFrame({"a": [1]}), "of a LazyFrame, collect"),
]


@pytest.mark.filterwarnings("ignore:The DataFrame has column names of mixed type")
@pytest.mark.parametrize(("library", "value", "told"), REFUSED)
def test_what_would_change_is_refused(tmp_path: Path, library: str, value: Any, told: str) -> None:
    with pytest.raises(LossyValueError, match="would not come back unchanged") as caught:
        write(HandoffStore(tmp_path), library, [numbers(library, 3), value])
    assert told in str(caught.value)
    assert "step 'd', item 1" in str(caught.value)
    assert not blocks(tmp_path)


def test_a_subclass_is_refused() -> None:
    class GeoFrame(pd.DataFrame):
        pass

    with pytest.raises(LossyValueError, match="GeoFrame"):
        write(HandoffStore("memory://x"), "pandas", [GeoFrame({"a": [1]})])


@each_library
def test_blocks_are_parquet_files_that_anybody_reads(tmp_path: Path, library: str) -> None:
    ref = write(HandoffStore(tmp_path), library, [numbers(library, 3, i * 3) for i in range(100)])
    assert ref.count == 100
    (block,) = blocks(tmp_path)
    assert block.suffix == ".parquet"
    assert pq.read_table(block).column("n").to_pylist() == list(range(300))
    assert pl.read_parquet(block)["n"].to_list() == list(range(300))


@each_library
def test_a_big_table_takes_several_blocks(tmp_path: Path, library: str) -> None:
    table = numbers(library, 2_000_000)
    store = HandoffStore(tmp_path, compression="zstd")
    ref = store.write_value("p", "r", "d", table, type=type(table), codec="parquet")
    assert len(blocks(tmp_path)) > 2
    assert all(block.suffix == ".parquet" for block in blocks(tmp_path)), "not compressed twice"
    assert pq.read_table(blocks(tmp_path)[0]).num_rows < 2_000_000
    _, _, printed = KINDS[library]
    back = store.read_value(ref, type(table))
    assert len(back) == len(table)
    assert printed(back[-1000:]) == printed(table[-1000:])


@each_library
def test_a_table_that_is_changed_afterwards_is_stored_as_it_was(library: str) -> None:
    def reusing() -> Iterator[Any]:
        frame = numbers(library, 3)
        for n in range(50):
            if library == "pandas":
                frame.loc[0, "n"] = n
            elif library == "polars":
                frame[0, "n"] = n
            yield frame

    if library == "pyarrow":
        pytest.skip("nobody can change an Arrow table")
    store = HandoffStore("memory://reused")
    back = list(store.read(write(store, library, reusing()), KINDS[library][0]))
    assert [int(frame["n"][0]) for frame in back] == list(range(50))


@each_library
def test_equal_tables_have_an_equal_digest(tmp_path: Path, library: str) -> None:
    refs = [
        write(HandoffStore(tmp_path / str(i)), library, [numbers(library, 1000)]) for i in range(2)
    ]
    assert refs[0].digest == refs[1].digest
    other = write(HandoffStore(tmp_path / "x"), library, [numbers(library, 1001)])
    assert other.digest != refs[0].digest


def test_the_chunks_of_an_arrow_table_do_not_change_its_digest(tmp_path: Path) -> None:
    whole = numbers("pyarrow", 1000)
    cut = pa.concat_tables([whole[:10], whole[10:400], whole[400:]])
    one, two = (
        write(HandoffStore(tmp_path / n), "pyarrow", [t]) for n, t in (("a", whole), ("b", cut))
    )
    assert one.digest == two.digest


def test_a_record_batch_comes_back_as_one(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    for batch in (
        pa.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", None]}),
        pa.RecordBatch.from_pydict({"a": []}),
    ):
        ref = store.write_value("p", "r", "d", batch, type=pa.RecordBatch, codec="parquet")
        back = store.read_value(ref, pa.RecordBatch)
        assert type(back) is pa.RecordBatch
        assert back.equals(batch)


MISSING = """
    import sys
    sys.modules[sys.argv[1]] = None
    from synaflow_core.errors import HandoffError
    from synaflow_core.handoff import HandoffStore
    {setup}
    try:
        HandoffStore(sys.argv[2]).writer("p", "r", "d", type={hint}, codec="{codec}")
    except HandoffError as problem:
        print(problem)
"""


def named(name: str, module: str) -> str:
    """Code for a class that only looks like that of a library that is not there."""
    return f"{name} = type('{name}', (), {{'__module__': '{module}'}})"


@pytest.mark.parametrize(
    ("package", "setup", "hint", "codec", "extra"),
    [
        ("pyarrow", "import pandas", "pandas.DataFrame", "parquet", "pandas"),
        ("pyarrow", named("Table", "pyarrow.lib"), "Table", "parquet", "parquet"),
        ("polars", named("DataFrame", "polars.dataframe"), "DataFrame", "parquet", "polars"),
        ("numpy", named("ndarray", "numpy"), "ndarray", "npy", "numpy"),
    ],
)
def test_a_missing_library_is_told_with_its_extra(
    tmp_path: Path, package: str, setup: str, hint: str, codec: str, extra: str
) -> None:
    code = textwrap.dedent(MISSING).format(setup=setup, hint=hint, codec=codec)
    done = subprocess.run(
        [sys.executable, "-c", code, package, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"codec '{codec}' needs the package {package}" in done.stdout
    assert f"pip install 'synaflow-export[{extra}]' on every machine" in done.stdout


def test_parquet_of_a_type_that_is_no_table() -> None:
    with pytest.raises(HandoffError, match="tables of pyarrow, pandas and polars only"):
        HandoffStore("memory://x").writer("p", "r", "d", type=int, codec="parquet")
