"""One macro-task of a rehearsal, in a process of its own.

:mod:`synaflow_export.rehearse` starts ``python -m synaflow_export.runtime.rehearsal FILE`` for each
macro-task and each shard. The file holds a :class:`Request`; its answer is written beside it. What
the steps print goes to stderr, as does the log.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from synaflow_core.engine.ledger import describe
from synaflow_core.errors import SynaflowError
from synaflow_core.macro import task as macro
from synaflow_export.loading.importing import stdout_to_stderr
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.retry import worth_retrying
from synaflow_export.runtime.rollback import roll_back
from synaflow_export.runtime.running import Place, returned, run_exported
from synaflow_export.runtime.shards import part_of
from synaflow_export.runtime.storage import open_store
from synaflow_export.stopping import STOPS, leave_lost_terminal, only_in

LOGGER = logging.getLogger("synaflow.rehearsal")
LOGGER.setLevel(logging.ERROR)  # counts are in the rehearsal's own tables


class Request(msgspec.Struct, frozen=True):
    """What a process is to do.

    Attributes:
        folder: Holds contract, plan and code, as an export does.
        macro_task: Name of the macro-task; empty: all steps in this one process, writing the
            datasets of the whole plan.
        store: URL of the handoff store.
        run_key: Key of the run.
        params: The run's params, as JSON values.
        inputs: Dataset -> what its task returned.
        shard: The slice to work on, if the macro-task is sharded.
        answer: Where the answer goes.
        run_id: Stands for this rehearsal among all runs of that key.
        undo: Undo what the run has done instead; this is why.
    """

    folder: str
    macro_task: str
    store: str
    run_key: str
    params: dict[str, Any]
    inputs: dict[str, Any]
    shard: dict[str, Any] | None
    answer: str
    run_id: str
    undo: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a process did.

    Attributes:
        returned: Dataset -> reference, as tasks return them.
        part: What an instance of a sharded macro-task returns instead.
        steps: Reports of the inner steps, as JSON values; also after a failure.
        seconds: How long the macro-task took, without the start of the process.
        error: What it failed with; empty when it succeeded.
        again: Another try may succeed.
        undone: Steps that were undone, newest first.
    """

    returned: dict[str, Any] = {}
    part: dict[str, Any] | None = None
    steps: list[dict[str, Any]] = []
    seconds: float = 0.0
    error: str = ""
    again: bool = False
    undone: list[str] = []


def answer(request: Request) -> Answer:
    """Do what is asked for; a failure that is no bug of ours is an answer, too."""
    told: list[dict[str, Any]] = []
    try:
        return _run(request, told)
    except (KeyboardInterrupt, SystemExit, SynaflowError) as error:
        return _failed(error, told)
    except Exception as error:  # raised by the user's code outside of any step, most likely
        LOGGER.exception("macro-task '%s' failed", request.macro_task)
        return _failed(error, told)


def _run(request: Request, told: list[dict[str, Any]]) -> Answer:
    exported = Exported(Path(request.folder))
    place = Place(
        store=request.store,
        home=Path(request.folder),
        run_key=request.run_key,
        logger=LOGGER,
        on_report=told.append,
        run_id=request.run_id,
    )
    if request.undo:
        rolled_back = roll_back(exported, place, error=request.undo)
        failed = [f"step '{each.step}': {each.error}" for each in rolled_back.failed]
        return Answer(
            undone=[each.step for each in rolled_back.undone],
            error="; ".join(failed),
        )
    if request.macro_task:
        spec, result = run_exported(
            exported,
            request.macro_task,
            place,
            params=request.params,
            inputs=request.inputs,
            shard=request.shard,
        )
    else:
        spec = exported.whole()
        store = open_store(
            request.store, place.home, allow_pickle=exported.allow_pickle, log=place.logger
        )
        with exported.pipeline() as pipeline:
            result = macro.run_macro_task(
                pipeline,
                spec,
                params=request.params,
                inputs={},
                store=store,
                run_key=request.run_key,
                exported=exported.contract,
                run_id=place.run_id,
            )
    return Answer(
        returned={out.dataset: returned(result.refs[out.dataset]) for out in spec.outputs},
        part=None if request.shard is None else part_of(request.shard, result),
        steps=result.report.to_dict()["steps"],
        seconds=result.report.duration,
    )


def _failed(error: BaseException, told: list[dict[str, Any]]) -> Answer:
    interrupted = isinstance(error, KeyboardInterrupt)
    if interrupted:
        message = "it was interrupted"
    elif isinstance(error, SystemExit):
        message = f"a step ended the process: {describe(error)}"
    else:
        message = str(error) if isinstance(error, SynaflowError) else describe(error)
    report = told[-1] if told else {}
    return Answer(
        steps=report.get("steps", []),
        seconds=report.get("duration", 0.0),
        error=message,
        again=not interrupted and worth_retrying(error),
    )


def _interruptible(*, once: bool) -> None:
    """Take the first interrupt, or none: whoever started this passes on what this may have got.

    Cleaning up is not cut off; a second interrupt of whoever started this kills.
    """

    def ignore(number: int, frame: Any) -> None:
        leave_lost_terminal()

    def interrupt(number: int, frame: Any) -> None:
        for each in taken:
            signal.signal(each, handled(ignore))
        leave_lost_terminal()
        raise KeyboardInterrupt

    handled = partial(only_in, os.getpid())
    defaults = (signal.default_int_handler, signal.SIG_DFL)  # others: ignored, as by nohup
    taken = [each for each in (signal.SIGINT, *STOPS) if signal.getsignal(each) in defaults]
    for each in taken:
        signal.signal(each, handled(interrupt if once else ignore))


def main() -> None:
    """Read the request that the command line names, and answer it."""
    request = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Request)
    _interruptible(once=not request.undo)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    with stdout_to_stderr():
        found = answer(request)
    Path(request.answer).write_bytes(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
