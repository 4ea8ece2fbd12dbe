"""Which line of the user's code an exception comes from: messages name it, nobody reads tracebacks.

A frame is the user's unless it lies in the standard library, in an installed package or in ours.
"""

from __future__ import annotations

import site
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

__all__ = ["describe", "user_line"]

_OURS = Path(__file__).resolve().parents[1]


def user_line(error: BaseException, root: Path | None = None) -> str:
    """Find the innermost line of user code that an exception passed through.

    Args:
        error: The exception, with its traceback.
        root: Folder that file names are shown relative to; others are shown by base name.

    Returns:
        ``pipe.py:12``, or an empty string if no user code took part.
    """
    found = ""
    for file, line in _lines(error):
        if not _is_users(file):
            continue
        if root is not None and file.is_relative_to(root):
            found = f"{file.relative_to(root).as_posix()}:{line}"
        else:
            found = f"{file.name}:{line}"
    return found


def describe(error: BaseException) -> str:
    """Name an exception in one line: ``ValueError: no such host``."""
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception as failure:  # the user's own __str__
        text = f"(its text cannot be had: {type(failure).__name__})"
    lines = text.strip().splitlines()
    first = f"{lines[0]} ..." if len(lines) > 1 else "".join(lines)
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _lines(error: BaseException) -> Iterator[tuple[Path, int]]:
    """Yield files and lines, outermost first; a syntax error ends with its own."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        yield Path(frame.f_code.co_filename).resolve(), line
    if isinstance(error, SyntaxError) and error.filename:
        yield Path(error.filename).resolve(), error.lineno or 1


def _is_users(file: Path) -> bool:
    return (
        file.suffix == ".py"
        and file.is_file()
        and not any(file.is_relative_to(place) for place in _not_users())
    )


def _not_users() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    installed = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]]
    folders = [*installed, *site.getsitepackages(), site.getusersitepackages()]
    core = _OURS.parent / "synaflow_core"
    return (_OURS, core, *(Path(folder).resolve() for folder in folders))
