"""Data frames, tables and arrays, as streams and as single values; text and bytes as they are."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa

from synaflow_core import pipeline, step


def batches() -> Iterator[pd.DataFrame]:
    for start in range(0, 9, 3):
        yield pd.DataFrame({"n": range(start, start + 3), "kind": pd.Categorical(["a", "b", None])})


def doubled(batch: pd.DataFrame) -> pd.DataFrame:
    if 4 in set(batch["n"]):
        raise ValueError("four")
    return batch.assign(n=batch["n"] * 2)


def frame(doubled: Iterator[pd.DataFrame]) -> pl.DataFrame:
    return pl.concat([pl.from_pandas(batch) for batch in doubled])


def table(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow()


def rows(table: pa.Table) -> Iterator[npt.NDArray[np.float64]]:
    for n in table.column("n").to_pylist():
        yield np.array([n, n + 0.5])


def length(row: npt.NDArray[np.float64]) -> float:
    return float(row.sum())


def spans(length: list[float]) -> list[float]:
    return length


def text(table: pa.Table) -> str:
    return " ".join(str(kind) for kind in table.column("kind").to_pylist())


def encoded(text: str) -> bytes:
    return text.encode()


def size(encoded: bytes) -> int:
    return len(encoded)


p = pipeline(
    "tables",
    None,
    [
        step("batches", batches),
        step("doubled", doubled),
        step("frame", frame),
        step("table", table),
        step("rows", rows),
        step("length", length),
        step("spans", spans),
        step("text", text),
        step("encoded", encoded),
        step("size", size),
    ],
)
