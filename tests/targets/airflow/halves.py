"""A pipeline with shards; two of its tests need its text."""

HALVES = """
    from collections.abc import Iterator
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        count: int = 20
        scale: float = 0.5
        marker: str = ""


    def rows(count: int) -> Iterator[int]:
        yield from range(count)


    def half(row: int, scale: float, marker: str) -> float:
        if marker and row == 7 and not Path(marker).exists():
            Path(marker).touch()
            raise ConnectionResetError("the first try of this one fails")
        if row % 5 == 0:
            raise ValueError(f"{row} is refused")
        return row * scale


    def text(half: float) -> str:
        return str(half)


    def total(halves: list[float]) -> float:
        return sum(halves)


    p = pipeline(
        "halves",
        Params,
        [
            step("rows", rows),
            step("half", half, shards=3),
            step("text", text),
            step("total", total),
        ],
    )
"""
