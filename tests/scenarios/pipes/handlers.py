"""Data and errors go to files by materializers, wherever the steps run."""

import os
from collections.abc import Iterator
from pathlib import Path

from synaflow_core import ErrorContext, disk_materializer, jsonl_serializer, pipeline, step


def folder() -> Path:
    return Path(os.environ.get("SCENARIO_FOLDER", "."))


def kept(context: ErrorContext) -> None:
    with (folder() / "errors.txt").open("a", encoding="utf-8") as file:
        file.write(f"{context.step_name} {context.item} {context.exception}\n")


def numbers() -> Iterator[int]:
    yield from range(4)


def inverse(number: int) -> float:
    return 12 / number


def listed(inverse: list[float]) -> list[float]:
    return inverse


def total(listed: list[float]) -> float:
    return sum(listed)


p = pipeline(
    "handlers",
    None,
    [
        step("numbers", numbers),
        step(
            "inverse",
            inverse,
            error_materializer=kept,
            materializer=disk_materializer(folder(), jsonl_serializer),
        ),
        step("listed", listed),
        step("total", total),
    ],
)
