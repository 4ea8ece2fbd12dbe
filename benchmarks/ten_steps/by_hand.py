"""The same ten functions, each as a task that reads a pickled list and writes the next one."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from benchmarks.ten_steps.pipe import ITEMWISE, s0, s9


def first(folder: str, count: int) -> str:
    """Write what the first step makes."""
    return _write(folder, 0, list(s0(count)))


def itemwise(folder: str, index: int, source: str) -> str:
    """Read a list, call step ``index`` with each item, write the next list."""
    return _write(folder, index, [ITEMWISE[index - 1](item) for item in _read(source)])


def last(source: str) -> int:
    """Read the last list and add it up."""
    return s9(iter(_read(source)))


def _write(folder: str, index: int, value: list[Any]) -> str:
    file = Path(folder) / f"s{index}.pickle"
    with file.open("wb") as stream:
        pickle.dump(value, stream, protocol=pickle.HIGHEST_PROTOCOL)
    return str(file)


def _read(file: str) -> list[Any]:
    with Path(file).open("rb") as stream:
        found: list[Any] = pickle.load(stream)
        return found
