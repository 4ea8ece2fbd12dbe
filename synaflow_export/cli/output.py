"""Where the command line writes: results to stdout, everything about them to stderr.

Programs read our stdout (JSON, diffs, tables through ``grep``), so nothing else goes there, and
nothing is wrapped or coloured unless it is a terminal. ``NO_COLOR`` is respected by rich.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

from synaflow_core.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

__all__ = ["OutputError", "ReaderGone", "console", "error", "note", "show", "tabulate", "write"]

_UNWRAPPED = 100_000
_CONTROLS = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"
}
"""Names and data are any text; they must not be able to command the terminal."""


class OutputError(ProblemsError):
    """What we have to say cannot be written: the disk is full, for example."""


class ReaderGone(Exception):  # noqa: N818  # no error: `| head` has seen enough
    """Whoever read our stdout has closed it."""


def console(stream: IO[str]) -> Console:
    """A rich console that prints text as it is: no markup, no emoji, no guessed highlights."""
    from rich.console import Console

    found = Console(file=stream, highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = _UNWRAPPED
    return found


def write(text: str) -> None:
    """Write a finished text to stdout, exactly.

    Raises:
        ReaderGone: If nobody reads any more.
        OutputError: If it cannot be written.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        _silence_stdout()
        raise ReaderGone from error
    except OSError as error:
        _silence_stdout()
        message = f"{type(error).__name__}: {error.strerror or error}"
        problem = Problem("stdout", "", "cannot-write", message, "send the output elsewhere")
        raise OutputError("the output cannot be written", [problem]) from error


def show(*renderables: RenderableType) -> None:
    """Print rich renderables (or plain text) to stdout; raises as :func:`write` does."""
    out = console(sys.stdout)
    with out.capture() as captured:
        for renderable in renderables:
            out.print(_visible(renderable) if isinstance(renderable, str) else renderable)
    write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def note(text: str) -> None:
    """Tell the user something that is no error, on stderr."""
    _labelled("note: ", "cyan", text)


def error(text: str) -> None:
    """Tell the user what went wrong, on stderr."""
    _labelled("error: ", "bold red", text)


def tabulate(headers: Iterable[str], rows: Iterable[Iterable[str]], *, right: str = "") -> Table:
    """Make a plain table.

    Args:
        headers: Names of the columns.
        rows: Cells; a cell may have several lines.
        right: Names, separated by spaces, of the columns that hold numbers.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    numbers = right.split()
    for header in headers:
        table.add_column(header, justify="right" if header in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_visible(cell)) for cell in row))
    return table


def _labelled(label: str, style: str, text: str) -> None:
    from rich.text import Text

    console(sys.stderr).print(Text.assemble((label, style), _visible(text)), soft_wrap=True)


def _visible(text: str) -> str:
    return text.translate(_CONTROLS)


def _silence_stdout() -> None:
    """Let what is still buffered go nowhere: the interpreter's last flush would fail once more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
