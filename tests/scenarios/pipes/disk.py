"""A materializer writes what a step gave to a file of the user's, besides the result."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synaflow_core import pipeline, step


@dataclass(frozen=True)
class Params:
    log: str


def rows() -> Iterator[dict[str, int]]:
    yield from ({"n": number} for number in range(3))


def written(rows: list[dict[str, int]], log: str) -> str:
    Path(log).write_text("".join(f"{row['n']}\n" for row in rows), encoding="utf-8")
    return Path(log).name


def read(written: str, log: str) -> list[str]:
    return Path(log).with_name(written).read_text(encoding="utf-8").split()


p = pipeline(
    "disk",
    Params,
    [step("rows", rows), step("written", written), step("read", read)],
)
