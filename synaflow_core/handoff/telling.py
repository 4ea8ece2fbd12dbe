"""How a failure of the storage is told: action, URL without secrets, cause, next step."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from synaflow_core.errors import HandoffError
from synaflow_core.handoff.places import redacted

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "adl": "azure",
}
"""Scheme of a URL -> extra of this package that installs what it needs."""


_SECRET_VARIABLE = re.compile(r"(?i)secret|token|passw|credential|connection_string|sas|_key$")


@contextmanager
def told(action: str, url: str) -> Iterator[None]:
    """Turn whatever the storage raises into a :class:`HandoffError` with a next step.

    Where the library's own text holds a secret, the error does not carry that exception along: a
    traceback would print it.
    """
    try:
        yield
    except HandoffError:
        raise
    except Exception as problem:  # storage libraries raise classes of their own
        text = f"{type(problem).__name__}: {problem}".rstrip(": ")
        cause = _without_secrets(text)
        raise HandoffError(
            f"cannot {action} {redacted(url)}: {cause}\n    -> {_next_step(problem, url)}"
        ) from (problem if cause == text else None)


def is_missing_bucket(problem: FileNotFoundError) -> bool:
    """It is not the file that is missing, but the place where all files would be."""
    return "bucket does not exist" in str(problem) or "container does not exist" in str(problem)


def _without_secrets(text: str) -> str:
    """A text without credentials of URLs and without the secrets of this process's environment."""
    text = redacted(text)
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET_VARIABLE.search(name):
            text = text.replace(value, "***")
    return text


def _next_step(problem: Exception, url: str) -> str:
    number = problem.errno if isinstance(problem, OSError) else None
    extra = _EXTRAS.get(url.partition("://")[0])
    install = f"pip install 'synaflow-export[{extra}]'" if extra else "install that package"
    is_missing = isinstance(problem, FileNotFoundError) and is_missing_bucket(problem)
    is_denied = isinstance(problem, PermissionError) or number == errno.EROFS
    is_in_the_way = isinstance(problem, NotADirectoryError | FileExistsError | IsADirectoryError)
    other = "set another store (SYNAFLOW_STORE)"
    steps = (
        (isinstance(problem, ImportError), f"{install} on every machine that runs the pipeline"),
        (isinstance(problem, ValueError), "check the protocol at the start of the store's URL"),
        (is_missing, f"create it, or {other}"),
        (number in _FULL, f"free some space there, or {other}"),
        (is_denied, f"let the user who runs the task read and write there, or {other}"),
        (is_in_the_way, "a file is where a folder is needed: remove it, or set another store"),
    )
    unreachable = (
        "check that the store is reachable from this machine and that its credentials are set"
    )
    return next((step for applies, step in steps if applies), unreachable)
