"""Every error that a user can meet, and how it is told.

A mistake found before anything runs is a :class:`Problem`: a value with a stable code, the
place where the user can mend it and a next step. Problems are collected, sorted and raised
together. What goes wrong while a pipeline runs is one of the ``RunError`` classes.
This module imports nothing of ours, so that everything may import it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake, told so that it can be mended without reading our code.

    Attributes:
        where: Place of the mistake: ``pipe.py:12`` where known, else the pipeline or file.
        subject: What it is about: ``step 'clean', parameter 'row'``; may be empty.
        code: Stable identifier such as ``unknown-name``; tests and docs refer to it.
        message: What is wrong, with what was expected and what was found.
        hint: The next step, as an instruction; may be empty.
    """

    where: str
    subject: str
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.where, self.subject) if part)
        text = (
            f"{place}: {self.message} [{self.code}]" if place else f"{self.message} [{self.code}]"
        )
        return f"{text}\n    -> {self.hint}" if self.hint else text


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """A hint that offers the nearest known name, or says what else to do."""
    import difflib  # only a pipeline that is refused pays for it

    candidates = list(islice(known, 1000))  # beyond that, a typo is not worth the wait
    near = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else otherwise


def _reading_order(problem: Problem) -> tuple[str, int, Problem]:
    """By file and line number: ``pipe.py:9`` comes before ``pipe.py:12``."""
    file, _, line = problem.where.rpartition(":")
    return (file, int(line), problem) if line.isdecimal() else (problem.where, 0, problem)


class SynaflowError(Exception):
    """Base of all our errors: the command line prints them without a traceback.

    They can be pickled, whatever their constructors take: orchestrators send them from process to
    process.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (type(self), self.args, self.__dict__)


def _unpickled(
    kind: type[SynaflowError], args: tuple[Any, ...], attributes: dict[str, Any]
) -> SynaflowError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(attributes)
    error.__cause__ = attributes.get("cause")
    return error


class ProblemsError(SynaflowError):
    """Several problems told at once, sorted by place.

    Attributes:
        title: One line that says what could not be done.
        problems: All problems found, sorted.
    """

    def __init__(self, title: str, problems: Iterable[Problem]) -> None:
        self.title = title
        self.problems = tuple(sorted(problems, key=_reading_order))
        lines = [title, *(f"  {line}" for p in self.problems for line in str(p).split("\n"))]
        super().__init__("\n".join(lines))


class DefinitionError(ProblemsError):
    """A pipeline that does not compile."""


class ContractError(ProblemsError):
    """A contract document that is not valid."""


class ParamsError(ProblemsError):
    """Run parameters that do not fit the pipeline's params class."""


class OverridesError(ProblemsError):
    """Overrides of a run that do not fit the pipeline; nothing was run."""


class ReplayError(ProblemsError):
    """Dead letters that cannot be replayed; nothing was run."""

    @classmethod
    def one(cls, where: str, message: str, hint: str) -> ReplayError:
        """A single problem of a whole file."""
        problem = Problem(where, "", "replay", message, hint)
        return cls("the dead letters cannot be replayed", [problem])


class ExportError(ProblemsError):
    """A pipeline that cannot be exported as asked; nothing was written."""


class RunError(SynaflowError):
    """Base of what goes wrong while a pipeline runs."""


class PipelineStopException(RunError):  # noqa: N818 - the public name of the SynaFlow packages
    """A step failed under ``OnError.STOP``.

    Attributes:
        step_name: The step that failed.
        cause: The user's exception, also ``__cause__``.
    """

    def __init__(self, step_name: str, cause: BaseException) -> None:
        self.step_name = step_name
        self.cause = cause
        super().__init__(f"pipeline stopped at step '{step_name}': {type(cause).__name__}: {cause}")
        self.__cause__ = cause


class ThresholdExceededException(RunError):  # noqa: N818 - as above
    """More items of an EACH step failed than the step allows; raised after all inputs.

    Attributes:
        step_name: The step.
        error_count: Calls that raised.
        success_count: Calls that returned.
        threshold_absolute: The step's ``error_threshold_absolute`` or None.
        threshold_pct: The step's ``error_threshold_pct`` (a fraction, 0.1 is 10 %) or None.
    """

    def __init__(
        self,
        step_name: str,
        error_count: int,
        success_count: int,
        threshold_absolute: int | None = None,
        threshold_pct: float | None = None,
    ) -> None:
        self.step_name = step_name
        self.error_count = error_count
        self.success_count = success_count
        self.threshold_absolute = threshold_absolute
        self.threshold_pct = threshold_pct
        calls = error_count + success_count
        limits = []
        if threshold_absolute is not None:
            limits.append(f"error_threshold_absolute={threshold_absolute}")
        if threshold_pct is not None:
            limits.append(f"error_threshold_pct={threshold_pct}")
        super().__init__(
            f"step '{step_name}' failed for {error_count} of {calls} items "
            f"({error_count / calls if calls else 0:.1%}); "
            f"the run fails at {' or '.join(limits)}"
        )


class StepFailedError(RunError, RuntimeError):
    """A phase of a workflow failed; those before it have been rolled back.

    Attributes:
        step_name: The phase that failed.
        reason: Why: ``Type: message`` of what it raised, or the error that it reported.
        cause: What it raised, also ``__cause__``; None when it reported the failure.
    """

    def __init__(self, step_name: str, reason: str, cause: BaseException | None = None) -> None:
        self.step_name = step_name
        self.reason = reason
        self.cause = cause
        super().__init__(f"step '{step_name}' failed: {reason}")
        self.__cause__ = cause


class LockstepDeadlockError(RunError):
    """Nothing could advance within the bounds of ``max_in_flight``, and they may not be lifted."""


class WrongEngineError(RunError):
    """``run`` was given an async pipeline, or ``async_run`` a sync one."""


class HandoffError(RunError):
    """A dataset could not be written or read; names the dataset, the file and the block."""


class DamagedError(HandoffError):
    """What the store has is not what was written; nobody can read it."""


class LossyValueError(HandoffError):
    """A value would not have come back equal from the handoff store, so nothing was written."""


class SupersededError(RunError):
    """A macro-task was still at work when its run was rolled back, or another attempt began."""


class DriftError(RunError):
    """The pipeline's code is not the one that was exported."""
