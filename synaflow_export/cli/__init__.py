"""The command line: reads arguments, prints results, and turns every failure into an exit code.

=====  ============================================================================
0      done
1      ``--check`` or ``--diff`` found differences; ``run``: the pipeline failed
2      a mistake of the user's: one message that says what, where, and what to do
70     a bug of ours: a traceback, and the request to report it
130    interrupted with Ctrl-C; 143, 129: stopped by SIGTERM, by SIGHUP
141    whoever read our output stopped reading (``| head``)
=====  ============================================================================

One module per command (:mod:`.export` serves all targets); :mod:`.app` puts them together. Heavy
libraries are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import traceback
from collections.abc import Sequence

from synaflow_core.errors import SynaflowError
from synaflow_export.cli.output import ReaderGone, error
from synaflow_export.stopping import Stop, interrupted_by_stops

__all__ = ["main"]

_MISTAKE, _BUG, _INTERRUPTED, _NOBODY_READS = 2, 70, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Without the program's name; by default those of the process.

    Returns:
        The exit code; see the table above.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names are any text; terminals are not
            stream.reconfigure(errors="backslashreplace")
    with interrupted_by_stops() as stop:
        return _code(given, stop)


def _code(given: list[str], stop: Stop) -> int:
    try:
        return _run(given or ["--help"])
    except ReaderGone:
        return _NOBODY_READS
    except KeyboardInterrupt:
        _tell(f"stopped by {stop.signal.name}" if stop.signal else "interrupted")
        return 128 + (stop.signal or signal.SIGINT)
    except SynaflowError as mistake:
        if "--traceback" in given:
            traceback.print_exception(mistake.__cause__ or mistake)
        _tell(str(mistake))
        return _MISTAKE
    except Exception as failure:
        if _is_usage_error(failure):
            return _tell_usage(failure)
        traceback.print_exception(failure)
        _tell_bug()
        return _BUG


def _run(arguments: list[str]) -> int:
    from synaflow_export.cli.app import command

    # Not "standalone": errors and exit codes are decided above, in one place.
    result = command().main(args=arguments, prog_name="synaflow-export", standalone_mode=False)
    if result == _INTERRUPTED:  # typer has caught the KeyboardInterrupt
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _tell(text: str) -> None:
    with contextlib.suppress(OSError):  # stderr may be gone, too; the exit code still tells
        error(text)


def _is_usage_error(failure: Exception) -> bool:
    """Typer's usage errors have no public base class that all its versions share."""
    return hasattr(failure, "format_message") and hasattr(failure, "exit_code")


def _tell_usage(failure: Exception) -> int:
    context = getattr(failure, "ctx", None)
    path = context.command_path if context is not None else "synaflow-export"
    flag = getattr(failure, "option_name", None)  # of an option that does not exist
    if context is not None and flag and (foreign := _foreign(flag, str(context.info_name))):
        _tell(f"these options cannot be honoured\n  {foreign}")
        return _MISTAKE
    message: str = failure.format_message()  # type: ignore[attr-defined]  # see _is_usage_error
    _tell(f"{message}\n    -> '{path} --help' shows what can be given")
    return _MISTAKE


def _foreign(flag: str, command: str) -> str:
    from synaflow_export.cli.foreign_options import foreign_option

    problem = foreign_option(flag, command)
    return str(problem).replace("\n", "\n  ") if problem else ""


def _tell_bug() -> None:
    from synaflow_export import __version__

    _tell(
        f"this is a bug in synaflow-export {__version__}\n"
        "    -> please report it with the lines above; nothing in your code is to blame"
    )
