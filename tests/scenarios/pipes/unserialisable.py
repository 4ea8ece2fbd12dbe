"""A value that no codec can write keeps its steps together; around it datasets cross."""

import threading
from collections.abc import Iterator

from synaflow_core import pipeline, step


def numbers() -> list[int]:
    return [1, 2, 3]


def lock() -> threading.Lock:
    return threading.Lock()


def guarded(numbers: list[int], lock: threading.Lock) -> Iterator[int]:
    for number in numbers:
        with lock:
            yield number + 1


def total(guarded: list[int]) -> int:
    return sum(guarded)


p = pipeline(
    "unserialisable",
    None,
    [
        step("numbers", numbers),
        step("lock", lock),
        step("guarded", guarded),
        step("total", total),
    ],
)
