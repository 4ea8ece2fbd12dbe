"""A whole plan on this machine: each macro-task in a fresh process, as an orchestrator would do it.

Nothing of the orchestrator is there, everything of ours is: the exported folder, the import of the
user's code, the store, references as JSON, shards, their joining, another try after what may pass.
What a macro-task's process does is :mod:`synaflow_export.runtime.rehearsal`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from signal import SIGTERM, Signals
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec

from synaflow_core.dag import Delivery, OutputKind
from synaflow_core.engine.collect import build
from synaflow_core.engine.ledger import ROLLED_BACK
from synaflow_core.engine.run import params_of
from synaflow_core.errors import ExportError, RunError, SynaflowError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff.writer import new_attempt
from synaflow_export.children import GRACE, Children, Interrupted, together
from synaflow_export.loading.load import LoadError
from synaflow_export.plan.boundaries import store_problems
from synaflow_export.refusals import unstorable_rollbacks
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.rehearsal import LOGGER, Answer, Request
from synaflow_export.runtime.running import Place, is_absent, returned
from synaflow_export.runtime.shards import join_shards, plan_shards

if TYPE_CHECKING:
    from synaflow_core.contract import Contract
    from synaflow_core.pipeline import Pipeline
    from synaflow_export.loading.load import Loaded
    from synaflow_export.plan import MacroTask, Plan

__all__ = ["Done", "MacroTaskError", "Rehearsal", "rehearsal", "results"]

Steps = list[dict[str, Any]]


class MacroTaskError(RunError):
    """A macro-task of a rehearsal failed; the message is that of its process.

    Attributes:
        macro_task: Its name.
        steps: Reports of its inner steps, as JSON values.
        undone: Steps whose ``rollback`` undid what they had done in the run, newest first.
    """

    def __init__(self, macro_task: str, message: str, steps: Steps) -> None:
        self.macro_task = macro_task
        self.steps = steps
        self.undone: list[str] = []
        super().__init__(message)


@dataclass(frozen=True)
class Done:
    """What one macro-task came to.

    Attributes:
        macro_task: Its name.
        shards: Number of instances; 0 when it is not sharded.
        tries: Processes that were started for it.
        seconds: From its beginning to its end, with the start of its processes.
        steps: Reports of its inner steps, as JSON values; over all shards.
        returned: Dataset -> what it passes on.
    """

    macro_task: str
    shards: int
    tries: int
    seconds: float
    steps: Steps
    returned: dict[str, Any]


@dataclass
class Rehearsal:
    """One plan, ready to be run.

    Attributes:
        exported: Contract, plan and code, written to a folder as an export does.
        plan: The plan.
        store: URL of the handoff store.
        run_key: Key of the run.
        params: Params of the run, as JSON values.
        jobs: Shards that may run at a time.
        retries: Further tries of what may pass by itself, and of a process that was killed.
        tries: Processes started so far, by macro-task.
        run_id: Stands for it among all runs of that key.
    """

    exported: Exported
    plan: Plan
    store: str
    run_key: str
    params: Mapping[str, Any]
    jobs: int = 1
    retries: int = 0
    tries: dict[str, int] = field(default_factory=dict)
    run_id: str = field(default_factory=lambda: f"rehearsal {new_attempt()}")

    @property
    def datasets(self) -> HandoffStore:
        """The store, opened."""
        return HandoffStore(self.store, allow_pickle=self.plan.allow_pickle)

    def run(self) -> Iterator[Done]:
        """Run the macro-tasks in the plan's order; when one fails, undo what can be undone.

        Yields:
            What each came to, when it has ended.

        Raises:
            MacroTaskError: One failed; those after it do not run.
            Interrupted: Somebody has interrupted it; after the same rollbacks.
        """
        passed: dict[str, Any] = {}
        for task in self.plan.macro_tasks:
            inputs = {entry.dataset: passed[entry.dataset] for entry in task.inputs}
            try:
                done = self._task(task, inputs)
            except MacroTaskError as error:
                self._undo(error, [error], str(error))
                raise
            except KeyboardInterrupt as error:
                here = Interrupted([], [], hurried=False)  # not while a process was at work
                interrupt = error if isinstance(error, Interrupted) else here
                self._undo(interrupt, interrupt.failures, "the run was interrupted")
                raise interrupt from None
            passed |= done.returned
            yield done

    def whole(self) -> Done:
        """Run all steps in one process, as ``run()`` does, and write the datasets of the plan."""
        began = perf_counter()
        (found,) = together([partial(self._process, "", {}, None)])
        return Done("", 0, self.tries[""], perf_counter() - began, found.steps, found.returned)

    def _task(self, task: MacroTask, inputs: dict[str, Any]) -> Done:
        began = perf_counter()
        if task.shards is None:
            (found,) = together([partial(self._process, task.name, inputs, None)])
            steps, passed, count = found.steps, found.returned, 0
        else:
            shards = plan_shards(self.exported, task.name, inputs)
            calls = [partial(self._process, task.name, inputs, shard) for shard in shards]
            answers = together(calls, jobs=self.jobs)
            steps, passed = self._join(task.name, [a.part for a in answers if a.part is not None])
            count = len(shards)
        seconds = perf_counter() - began
        return Done(task.name, count, self.tries[task.name], seconds, steps, passed)

    def _undo(
        self, error: MacroTaskError | Interrupted, failures: Iterable[BaseException], why: str
    ) -> None:
        """What a target does when a run has failed or was cancelled; tells ``error`` of it.

        Raises:
            Interrupted: In the meantime; what was undone is in it.
        """
        if not self.exported.contract.undoable:
            return
        error.undone = [
            step["name"]
            for each in failures
            if isinstance(each, MacroTaskError)
            for step in reversed(each.steps)
            if step["rollback"] == ROLLED_BACK  # by its macro-task, before it ended
        ]
        again = None
        if isinstance(error, Interrupted) and error.hurried:
            found = Answer(error="the run was interrupted once more")
        else:
            patience = 0 if isinstance(error, Interrupted) else GRACE
            call = partial(self._once, "", {}, None, undo=why or "the run failed")
            try:
                (found,) = together([call], grace=patience)
            except Interrupted as interrupt:
                again, (found,) = interrupt, interrupt.results
        error.undone = list(dict.fromkeys((*error.undone, *found.undone)))
        if found.error:
            error.add_note(f"not all could be rolled back: {found.error}")
        if again is not None and isinstance(error, MacroTaskError):
            again.undone = error.undone
            again.add_note(f"macro-task '{error.macro_task}' had failed: {error}")
            for text in getattr(error, "__notes__", ()):
                again.add_note(text)
            raise again

    def _join(self, name: str, parts: Iterable[dict[str, Any]]) -> tuple[Steps, dict[str, Any]]:
        told: list[dict[str, Any]] = []
        place = Place(
            store=self.store,
            home=self.exported.folder,
            run_key=self.run_key,
            logger=LOGGER,
            on_report=told.append,
        )
        try:
            spec, result = join_shards(self.exported, name, place, parts)
        except SynaflowError as error:
            steps = told[-1]["steps"] if told else []
            raise MacroTaskError(name, str(error), steps) from error
        passed = {output.dataset: returned(result.refs[output.dataset]) for output in spec.outputs}
        return result.report.to_dict()["steps"], passed

    def _process(
        self,
        name: str,
        inputs: dict[str, Any],
        shard: dict[str, Any] | None,
        children: Children,
    ) -> Answer:
        """One instance, again as often as it may be."""
        for left in range(self.retries, -1, -1):
            self.tries[name] = self.tries.get(name, 0) + 1
            found = self._once(name, inputs, shard, children)
            if not found.error:
                return found
            if not (left and found.again):
                break
        what = f"{name} {shard['label']}" if shard is not None else name
        raise MacroTaskError(what, found.error, found.steps)

    def _once(
        self,
        name: str,
        inputs: dict[str, Any],
        shard: dict[str, Any] | None,
        children: Children,
        undo: str = "",
    ) -> Answer:
        with tempfile.TemporaryDirectory(prefix="synaflow-") as folder:
            answer, request = Path(folder, "answer.json"), Path(folder, "request.json")
            asked = Request(
                folder=str(self.exported.folder),
                macro_task=name,
                store=self.store,
                run_key=self.run_key,
                params=dict(self.params),
                inputs=inputs,
                shard=shard,
                answer=str(answer),
                run_id=self.run_id,
                undo=undo,
            )
            request.write_bytes(msgspec.json.encode(asked))
            command = [sys.executable, "-m", "synaflow_export.runtime.rehearsal", str(request)]
            code = children.run(command)
            if answer.exists():
                return msgspec.json.decode(answer.read_bytes(), type=Answer)
        how = f"was killed by {Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return Answer(
            error=f"its process {how} before it was done (see stderr)", again=code != -SIGTERM
        )


@contextmanager
def rehearsal(
    loaded: Loaded,
    plan: Plan,
    params: Mapping[str, Any],
    *,
    store: str | None = None,
    run_key: str = "rehearsal",
    jobs: int = 1,
    retries: int = 0,
) -> Iterator[Rehearsal]:
    """Write what an export writes for workers to a temporary folder, for the time of the context.

    Args:
        loaded: The pipeline.
        plan: Its plan.
        params: Params of the run, as JSON values.
        store: URL of the handoff store; None: a temporary folder.
        run_key: Key of the run.
        jobs: Shards that may run at a time.
        retries: Further tries of what may pass by itself.

    Raises:
        LoadError: There is no code, only a contract.
        ParamsError: The params do not fit.
        ExportError: Other processes would not reach the store, or what a rollback asks for.
        HandoffError: The store cannot be reached at all.
    """
    if loaded.pipeline is None:
        raise LoadError.one(
            loaded.sources.argument,
            loaded.sources.argument,
            "no-code",
            "a contract holds no code that could be run",
            "give the Python file or module that the contract was made from",
        )
    with loaded.importable():  # where hints that are text name classes of its module
        params_of(loaded.pipeline.dag, dict(params))
    problems = [] if plan.allow_pickle else [*unstorable_rollbacks(loaded.contract)]
    if store is not None:
        problems += store_problems(plan.datasets, store, distributed=False)
    if problems:
        raise ExportError(f"pipeline {plan.pipeline!r} cannot be rehearsed", problems)
    if store is not None:
        HandoffStore(store).exists(plan.pipeline, run_key, plan.pipeline)
    with tempfile.TemporaryDirectory(prefix="synaflow-rehearsal-") as home:
        folder = Path(home, "export")
        _write(folder, loaded.contract, plan, loaded)
        url = str(Path(home, "store") if store is None else store)
        yield Rehearsal(Exported(folder), plan, url, run_key, params, jobs, retries)


def results(
    pipeline: Pipeline, plan: Plan, passed: Mapping[str, Any], store: HandoffStore
) -> dict[str, Any]:
    """The final datasets, in the form in which ``run()`` returns them.

    Args:
        pipeline: The compiled pipeline.
        plan: Says which datasets are final.
        passed: Dataset -> what its task returned, for those that are known.
        store: Where they are.

    Raises:
        HandoffError: One cannot be read.
    """
    found: dict[str, Any] = {}
    for dataset in plan.datasets:
        if not dataset.final or is_absent(passed.get(dataset.name) or {"uri": None}):
            continue
        ref = DatasetRef.from_dict(dict(passed[dataset.name]))
        node = pipeline.dag.steps[dataset.producer_step]
        if dataset.representation == "value":
            found[dataset.name] = store.read_value(ref, node.returns)
        else:
            streamed = node.output_kind is OutputKind.STREAM
            kind = Delivery.LIST if streamed else Delivery(node.output_kind.value)
            found[dataset.name] = build(store.read(ref, node.element), kind)
    return found


def _write(folder: Path, contract: Contract, plan: Plan, loaded: Loaded) -> None:
    folder.mkdir(parents=True)
    (folder / "contract.json").write_bytes(contract.to_json())
    (folder / "plan.json").write_bytes(plan.to_json())
    for source in loaded.sources.files:
        file = folder / "src" / source.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(source.text.encode("utf-8"))
