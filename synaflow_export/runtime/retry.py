"""Which failures are worth another try. The rule of every target, in this one place.

A retry repeats a macro-task from the beginning with the same inputs. That helps against what
passes by itself (a network, a full queue, a killed process) and against nothing else:

========================================================================  ==========
what was raised                                                           verdict
========================================================================  ==========
bad params, drifted code, a pipeline or contract that is not valid        final
a value that the store cannot hold without loss                           final
an exceeded error threshold, a deadlock under ``strict_lockstep``         final
an attempt beside another, or in a run that was rolled back meanwhile     final
``PipelineStopException`` whose cause is an ``OSError`` (connection,      retry
timeout, file), whatever else that exception also is
``PipelineStopException`` whose cause says that data or code is wrong:    final
``ValueError``, ``TypeError``, ``LookupError``, ``ArithmeticError``,
``AssertionError``, ``AttributeError``, ``NameError``, ``ImportError``,
``NotImplementedError``, ``SyntaxError``, ``RecursionError``, and what
derives from these
``PipelineStopException`` with any other cause: a library's own           retry
exceptions, ``RuntimeError``, ``MemoryError``, a phase that reported
``success=False``
anything else, such as a store that cannot be reached                     retry
========================================================================  ==========

A step that knows better says so with the exception it raises: an ``OSError`` (or any class of its
own) is tried again, a ``ValueError`` is not.
"""

from __future__ import annotations

from synaflow_core.errors import (
    DriftError,
    LockstepDeadlockError,
    LossyValueError,
    PipelineStopException,
    ProblemsError,
    RunError,
    SupersededError,
    ThresholdExceededException,
    WrongEngineError,
)

_FINAL = (
    ProblemsError,  # params, definition, contract, export, overrides, replay
    DriftError,
    LockstepDeadlockError,
    LossyValueError,
    SupersededError,
    ThresholdExceededException,
    WrongEngineError,
)

_WRONG_DATA_OR_CODE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)


class ShardFailedError(RunError):
    """A shard failed in a process of its own, which judged by this table whether to try again.

    Attributes:
        again: What it came to.
    """

    def __init__(self, message: str, *, again: bool) -> None:
        self.again = again
        super().__init__(message)


def worth_retrying(error: BaseException) -> bool:
    """Whether the same macro-task may succeed when it is run again; see the table above."""
    if isinstance(error, ShardFailedError):
        return error.again
    if isinstance(error, PipelineStopException):
        cause = error.cause
        return isinstance(cause, OSError) or not isinstance(cause, (*_FINAL, *_WRONG_DATA_OR_CODE))
    return not isinstance(error, _FINAL)
