"""Writing and reading tables and arrays against the libraries' own files, and flat memory.

Files of both sides are on the disk when the clock stops; only ours are hashed and checked.
``python -m benchmarks.tables 10000`` writes and reads a stream of so many rows in batches of ten
thousand, and prints the peak KiB.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import Row, compared, peak_kib
from benchmarks.streaming import own_peak_kib
from synaflow_core.handoff import DatasetRef, HandoffStore

ROWS = 1_000_000
BATCH_ROWS = 10_000
FEW = 200_000
MANY = 2_000_000
"""Rows: with fewer the libraries have not yet taken the memory that they then keep."""


def table(rows: int, start: int = 0) -> pa.Table:
    """Rows of an access log: numbers, text that repeats and text that does not."""
    ids = np.arange(start, start + rows)
    return pa.table(
        {
            "id": ids,
            "host": pa.array([f"host{i % 97}.example.org" for i in ids]),
            "path": pa.array([f"/a/{i}" for i in ids]),
            "milliseconds": np.sin(ids) * 1000,
            "status": (200 + ids % 5).astype("int16"),
            "cached": ids % 2 == 0,
        }
    )


def _synced(path: Path, write: Callable[..., object], *arguments: Any) -> None:
    """Write a file and wait until it is on the disk, as ours are when a dataset is committed."""
    write(*arguments)
    with open(path, "rb") as file:
        os.fsync(file.fileno())


class Cases:
    """The same rows stored in our way and by the libraries alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = HandoffStore(folder / "store")

    def value(self, name: str, value: Any, codec: str) -> DatasetRef:
        """One value, in our way."""
        return self.store.write_value("bench", "run", name, value, type=type(value), codec=codec)

    def stream(self, frames: list[pd.DataFrame]) -> DatasetRef:
        """A stream of data frames, in our way."""
        with self.store.writer(
            "bench", "run", "frames", type=pd.DataFrame, codec="parquet"
        ) as writer:
            for frame in frames:
                writer.write(frame)
            return writer.commit()

    def files(self, frames: list[pd.DataFrame]) -> None:
        """A stream of data frames: one file each."""
        for number, frame in enumerate(frames):
            path = self.folder / f"frame-{number}.parquet"
            _synced(path, frame.to_parquet, path)

    def read_files(self, count: int) -> None:
        """Its counterpart."""
        for number in range(count):
            pd.read_parquet(self.folder / f"frame-{number}.parquet")


def results() -> list[Row]:
    """Speed of both ways for each library, and how memory grows with the rows of a stream."""
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(Path(folder))
        return [
            *_arrow(cases),
            *_polars(cases),
            *_pandas(cases),
            *_numpy(cases),
            _memory(),
        ]


def _pair(
    what: str,
    ours: tuple[Callable[[], Any], Callable[[], Any]],
    theirs: tuple[Callable[[], Any], Callable[[], Any]],
) -> list[Row]:
    write = compared(f"{what}: write", ours[0], theirs[0], target="")
    return [write, compared(f"{what}: read", ours[1], theirs[1], target="")]


def _arrow(cases: Cases) -> list[Row]:
    made = table(ROWS)
    path = cases.folder / "table.parquet"
    ref = cases.value("table", made, "parquet")
    return _pair(
        "pyarrow.Table, 1e6 rows, against pyarrow.parquet",
        (
            lambda: cases.value("table", made, "parquet"),
            lambda: cases.store.read_value(ref, pa.Table),
        ),
        (lambda: _synced(path, pq.write_table, made, path), lambda: pq.read_table(path)),
    )


def _polars(cases: Cases) -> list[Row]:
    made = pl.DataFrame(table(ROWS))
    path = cases.folder / "polars.parquet"
    ref = cases.value("polars", made, "parquet")
    return _pair(
        "polars.DataFrame, 1e6 rows, against its write_parquet",
        (
            lambda: cases.value("polars", made, "parquet"),
            lambda: cases.store.read_value(ref, pl.DataFrame),
        ),
        (lambda: _synced(path, made.write_parquet, path), lambda: pl.read_parquet(path)),
    )


def _pandas(cases: Cases) -> list[Row]:
    frames = list(batches(ROWS // 5))
    ref = cases.stream(frames)
    return _pair(
        f"{len(frames)} pandas.DataFrames of 1e4 rows, against to_parquet",
        (lambda: cases.stream(frames), lambda: list(cases.store.read(ref, pd.DataFrame))),
        (lambda: cases.files(frames), lambda: cases.read_files(len(frames))),
    )


def _numpy(cases: Cases) -> list[Row]:
    made = np.random.default_rng(0).random(5_000_000)
    path = cases.folder / "array.npy"
    ref = cases.value("array", made, "npy")
    return _pair(
        "numpy array of 40 MB, against numpy.save",
        (
            lambda: cases.value("array", made, "npy"),
            lambda: cases.store.read_value(ref, np.ndarray),
        ),
        (lambda: _synced(path, np.save, path, made), lambda: np.load(path)),
    )


def batches(rows: int) -> Iterator[pd.DataFrame]:
    """Data frames of ten thousand rows."""
    for start in range(0, rows, BATCH_ROWS):
        yield table(BATCH_ROWS, start).to_pandas()


def _memory() -> Row:
    few, many = (
        min(peak_kib("benchmarks.tables", [count]) for _ in range(2)) for count in (FEW, MANY)
    )
    return {
        "what": "peak memory, stream of data frames written and read, 2e5 -> 2e6 rows",
        "ours": f"{many / 1024:.1f} MB",
        "baseline": f"{few / 1024:.1f} MB",
        "ratio": f"{(many - few) / 1024:+.2f} MB",
        "target": "flat",
    }


def main(count: int) -> None:
    """Write and read a stream, dropping each frame before the next one is made."""
    with tempfile.TemporaryDirectory() as folder:
        store = HandoffStore(folder)
        with store.writer("bench", "run", "d", type=pd.DataFrame, codec="parquet") as writer:
            for frame in batches(count):
                writer.write(frame)
            ref = writer.commit()
        rows = sum(len(frame) for frame in store.read(ref, pd.DataFrame))
        assert rows == count
    print(own_peak_kib())


if __name__ == "__main__":
    main(*(json.loads(argument) for argument in sys.argv[1:]))
