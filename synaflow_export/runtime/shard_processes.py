"""The shards of a macro-task as processes of this machine, for orchestrators that see one task.

Each shard is ``python -m synaflow_export.runtime.shard_processes REQUEST ANSWER``: what it is to do
and what came of it are JSON files, its log goes where this process's does, and no orchestrator is
imported. When one fails, the others are stopped: what they are at is interrupted, so that steps can
clean up. The same happens when this process is killed, which they see by the end of their input. A
shard's parts are visible only once all are joined, so nothing is left half done. Who does not end
is killed, but not where there are rollbacks: one that is cut in half has to be done again.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from synaflow_core.errors import SynaflowError
from synaflow_core.macro.task import MacroResult, MacroSpec
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.retry import ShardFailedError, worth_retrying
from synaflow_export.runtime.running import Place, run_exported
from synaflow_export.runtime.shards import join_shards, part_of, plan_shards
from synaflow_export.runtime.watching import interrupted_after

_SECONDS_BETWEEN_LOOKS = 0.05
_SECONDS_TO_END = 10


@dataclass(frozen=True)
class _Request:
    """What a process is to do, as JSON values; the fields are those of :func:`run_exported`."""

    folder: str
    macro_task: str
    store: str | None
    home: str
    run_key: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Any]
    shard: Mapping[str, Any]
    run_id: str


def run_shards(
    exported: Exported,
    macro_task: str,
    place: Place,
    *,
    params: Mapping[str, Any],
    inputs: Mapping[str, Any],
    at_most: int | None = None,
) -> tuple[MacroSpec, MacroResult]:
    """Run a sharded macro-task: its shards in processes, as many at a time as there are cores.

    Args:
        exported: The folder of the export.
        macro_task: Name of the macro-task in the plan.
        place: Where it runs.
        params: Values of the pipeline's params, as JSON values.
        inputs: Dataset -> what the upstream task returned for it.
        at_most: Number of processes at a time; None: one per core that this process may use.

    Returns:
        As :func:`run_exported` for a macro-task without shards.

    Raises:
        ShardFailedError: One of them failed, or its process was killed.
        SynaflowError: As :func:`~synaflow_export.runtime.shards.join_shards` does.
    """
    requests = [
        _Request(
            str(exported.folder),
            macro_task,
            place.store,
            str(place.home),
            place.run_key,
            params,
            inputs,
            shard,
            place.run_id,
        )
        for shard in plan_shards(exported, macro_task, inputs)
    ]
    slots = at_most or _cores()
    place.logger.info("macro-task '%s': %d shards, %d at a time", macro_task, len(requests), slots)
    with tempfile.TemporaryDirectory(prefix="synaflow-shards-") as folder:
        patience = None if exported.contract.undoable else _SECONDS_TO_END
        parts = _Processes(Path(folder), place.logger, patience).run(requests, slots)
    return join_shards(exported, macro_task, place, parts)


@dataclass
class _Processes:
    """Processes at work, by the index of their request; how long they may take to end."""

    folder: Path
    logger: logging.Logger
    patience: float | None
    working: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(self, requests: list[_Request], slots: int) -> list[dict[str, Any]]:
        """Run all of them; what each answered, in order."""
        answers: dict[int, dict[str, Any]] = {}
        waiting = list(enumerate(requests))[::-1]
        try:
            while waiting or self.working:
                while waiting and len(self.working) < slots:
                    self._start(*waiting.pop())
                for index in [
                    i for i, process in self.working.items() if process.poll() is not None
                ]:
                    answers[index] = self._ended(index, requests[index])
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        finally:
            self._stop()
        return [answers[index] for index in range(len(requests))]

    def _start(self, index: int, request: _Request) -> None:
        ask, answer = self.folder / f"{index}.request", self.folder / f"{index}.answer"
        ask.write_text(json.dumps(asdict(request)))
        self.working[index] = subprocess.Popen(
            [sys.executable, "-m", __name__, str(ask), str(answer)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdin=subprocess.PIPE,  # nothing is written: it ends with this process
        )

    def _ended(self, index: int, request: _Request) -> dict[str, Any]:
        label = request.shard["label"]
        with self.working.pop(index) as process:
            returncode = process.wait()
        try:
            answer: dict[str, Any] = json.loads((self.folder / f"{index}.answer").read_bytes())
        except FileNotFoundError:
            raise ShardFailedError(
                f"shard {label} of '{request.macro_task}' did not end: its process ended with "
                f"exit code {returncode} (see the log of the task)",
                again=True,
            ) from None
        if "error" in answer:
            raise ShardFailedError(
                f"shard {label} of '{request.macro_task}': {answer['error']}", again=answer["again"]
            )
        self.logger.info("shard %s of '%s' is done", label, request.macro_task)
        part: dict[str, Any] = answer["part"]
        return part

    def _stop(self) -> None:
        for process in self.working.values():
            process.terminate()
        for process in self.working.values():
            with process:
                try:
                    process.wait(self.patience)
                except subprocess.TimeoutExpired:
                    process.kill()


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _interrupted(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # once: cleaning up is not cut off
    raise SystemExit(128 + number)  # as an interrupt of `run`: steps clean up, and are undone


def _work(ask: Path, answer: Path) -> None:
    """Run one shard: the whole of such a process."""
    parent = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # steps have no input
    signal.signal(signal.SIGTERM, _interrupted)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    request = _Request(**json.loads(ask.read_bytes()))
    place = Place(
        store=request.store,
        home=Path(request.home),
        run_key=request.run_key,
        logger=logging.getLogger("synaflow.shards"),
        on_report=lambda report: None,
        run_id=request.run_id,
    )
    try:
        with interrupted_after(parent, signal.SIGTERM):
            _, result = run_exported(
                Exported(Path(request.folder)),
                request.macro_task,
                place,
                params=request.params,
                inputs=request.inputs,
                shard=request.shard,
            )
        found: dict[str, Any] = {"part": part_of(request.shard, result)}
    except SynaflowError as error:
        found = {"error": str(error), "again": worth_retrying(error)}
    draft = answer.with_suffix(".draft")
    draft.write_text(json.dumps(found))
    draft.replace(answer)  # at once: whoever looks sees all of it or nothing


if __name__ == "__main__":
    _work(Path(sys.argv[1]), Path(sys.argv[2]))
