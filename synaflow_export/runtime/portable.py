"""Errors that can be sent to a process that does not have the user's code.

A step may fail with an exception of a class that the user's module defines. Where tasks run in
processes of their own, the orchestrator pickles what they raise, and could not unpickle that.
"""

from __future__ import annotations

import pickle

from synaflow_core.errors import PipelineStopException
from synaflow_export.runtime.retry import worth_retrying


def portable(error: Exception) -> Exception:
    """The error itself, or one that says the same and can be unpickled anywhere.

    To be called when the user's code is not imported any more. What takes the place of a cause is
    judged by :func:`~synaflow_export.runtime.retry.worth_retrying` as the cause is.
    """
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        pass
    else:
        return error
    text = f"{type(error).__name__}: {error}"
    if not isinstance(error, PipelineStopException):
        return RuntimeError(text)
    told = f"{type(error.cause).__name__}: {error.cause}"
    cause = ConnectionError(told) if worth_retrying(error) else ValueError(told)
    found = PipelineStopException(error.step_name, cause)
    found.args = error.args
    return found
