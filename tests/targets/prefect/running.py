"""Exports a pipeline from source text and runs the flow against a real Prefect server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import textwrap
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synaflow_core.handoff import HandoffStore
from synaflow_export.files.generated import GeneratedFile
from synaflow_export.files.write import write_files
from synaflow_export.loading.load import Loaded, load
from synaflow_export.plan.model import Plan, PlanOptions
from synaflow_export.plan.planner import make_plan
from synaflow_export.rehearse import results
from synaflow_export.target import Export, get_target
from tests.targets.prefect.server import PREFECT

_LOOKS = 25


@dataclass(frozen=True)
class Exported:
    """A pipeline in a folder of flows.

    Attributes:
        loaded: The pipeline as the exporter saw it.
        plan: Its plan.
        files: What was generated.
        folder: Where it is.
    """

    loaded: Loaded
    plan: Plan
    files: tuple[GeneratedFile, ...]
    folder: Path

    @property
    def flow_file(self) -> Path:
        """The generated flow file."""
        (name,) = (file.path for file in self.files if file.path.endswith("_flow.py"))
        return self.folder / name

    @property
    def text(self) -> str:
        """The flow file."""
        return self.flow_file.read_text(encoding="utf-8")

    @property
    def entrypoint(self) -> str:
        """``<file>:<flow>``, as a deployment names it."""
        (line,) = (
            line for line in self.files[-1].text.splitlines() if line.strip().startswith("entry")
        )
        return f"{self.folder}/{line.split(': ', 1)[1]}"

    @property
    def outputs_of(self) -> Any:
        """Reads the final datasets that a run refers to."""
        return self._outputs

    def _outputs(self, refs: Mapping[str, Any], store: str) -> dict[str, Any]:
        assert self.loaded.pipeline is not None
        with self.loaded.importable():
            opened = HandoffStore(store, allow_pickle=self.plan.allow_pickle)
            return results(self.loaded.pipeline, self.plan, refs, opened)


@dataclass(frozen=True)
class Outcome:
    """One run of a flow.

    Attributes:
        state: Name of the flow run's state.
        message: Of the state.
        run_id: Id of the flow run.
        refs: What the flow returned; empty if it failed.
        tasks: Task -> name of its state, of the newest task run.
        tries: Task -> how often it was tried, likewise.
        messages: Task -> message of its state.
        artifacts: Key -> data, of the newest version.
    """

    state: str
    message: str
    run_id: str
    refs: Mapping[str, Any] = field(default_factory=dict)
    tasks: Mapping[str, str] = field(default_factory=dict)
    tries: Mapping[str, int] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, Any] = field(default_factory=dict)

    def reported(self, key: str) -> dict[str, dict[str, Any]]:
        """Step -> its row in the table of a task."""
        return {row["step"]: row for row in json.loads(self.artifacts[key])}


class FlowFolder:
    """A folder of generated flows.

    Args:
        work: A folder for one test.
    """

    def __init__(self, work: Path) -> None:
        self.work = work
        self.folder = work / "flows"
        self.store = work / "store"

    def export(
        self,
        source: str,
        *,
        plan: PlanOptions | None = None,
        modules: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Exported:
        """Export the pipeline in ``source``; further local modules by file name."""
        code = self.work / f"code{len(list(self.work.iterdir()))}"
        code.mkdir()
        for file, text in {"pipe.py": source, **(modules or {})}.items():
            (code / file).write_text(textwrap.dedent(text), encoding="utf-8")
        return self.export_file(code / "pipe.py", plan=plan, **options)

    def export_file(
        self, file: Path | str, *, plan: PlanOptions | None = None, **options: Any
    ) -> Exported:
        """Export the pipeline in a file; retries do not wait."""
        loaded = load(str(file))
        target = get_target("prefect")
        made = make_plan(loaded.contract, plan or PlanOptions())
        chosen = {"store": str(self.store), "retries": 0, "retry_delay": 0, **options}
        export = Export(made, loaded.contract, target.make_options(chosen), loaded.sources)
        files = target.view(export)
        write_files(files, self.folder)
        return Exported(loaded, made, files, self.folder)

    def load(self, exported: Exported) -> Any:
        """The flow, loaded as a worker loads it."""
        from prefect.flows import load_flow_from_entrypoint

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return load_flow_from_entrypoint(exported.entrypoint)

    def run(self, exported: Exported, params: Mapping[str, Any] | None = None) -> Outcome:
        """Run a flow to its end in this process."""
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        flow = self.load(exported)
        # The thread of the heartbeats sleeps for a second, and a flow waits for it when it ends.
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            ended = flow(**(params or {}), return_state=True)
            state = asyncio.run(ended) if flow.isasync else ended
        return outcome_of(str(state.state_details.flow_run_id))

    def retry(self, exported: Exported, outcome: Outcome) -> Outcome:
        """``prefect flow-run retry``, as somebody at a terminal would."""
        prefect("flow-run", "retry", outcome.run_id, "--entrypoint", exported.entrypoint)
        return outcome_of(outcome.run_id)

    def outputs(self, exported: Exported, outcome: Outcome) -> dict[str, Any]:
        """What a run produced: the counterpart of ``RunResult.outputs``."""
        found: dict[str, Any] = exported.outputs_of(outcome.refs, str(self.store))
        return found


def prefect(*words: str, cwd: Path | None = None) -> str:
    """Run Prefect's command line; returns what it printed."""
    done = subprocess.run(
        [*PREFECT, *words],
        cwd=cwd,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    return done.stdout + done.stderr


def outcome_of(run_id: str) -> Outcome:
    """What the server knows of a flow run that has ended."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        ArtifactFilter,
        ArtifactFilterFlowRunId,
        FlowRunFilter,
        FlowRunFilterId,
        FlowRunFilterParentFlowRunId,
    )

    with get_client(sync_client=True) as client:
        run = client.read_flow_run(run_id)
        ids = [run.id]
        for one in ids:  # subflows, and those in them
            inner = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[one]))
            ids += [child.id for child in client.read_flow_runs(flow_run_filter=inner)]
        only = FlowRunFilter(id=FlowRunFilterId(any_=ids))
        tasks = _told_by_now(run, lambda: client.read_task_runs(flow_run_filter=only))
        made_in = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=ids))
        artifacts = sorted(
            client.read_artifacts(artifact_filter=made_in), key=lambda artifact: artifact.updated
        )
    assert run.state is not None
    refs = run.state.result() if run.state.is_completed() else {}
    return Outcome(
        state=run.state.name,
        message=run.state.message or "",
        run_id=run_id,
        refs=refs,
        tasks={_name(task): task.state.name for task in tasks},
        tries={_name(task): task.run_count for task in tasks},
        messages={_name(task): task.state.message or "" for task in tasks},
        artifacts={artifact.key: artifact.data for artifact in artifacts if artifact.key},
    )


def _told_by_now(run: Any, ask: Callable[[], list[Any]]) -> list[Any]:
    """The task runs of a flow run, oldest first.

    The server hears of their states later than of the flow's, so it is asked again while some are
    not what they must come to; not for long, because a task that was killed tells nobody.
    """
    for _ in range(_LOOKS):
        tasks = sorted(ask(), key=lambda task: task.created)
        states = {_name(task): task.state for task in tasks}.values()
        if all(state is not None and _is_told(state, run.state) for state in states):
            break
        time.sleep(0.2)
    return [task for task in tasks if task.state is not None]


def _is_told(state: Any, of_run: Any) -> bool:
    if of_run.is_completed():
        return bool(state.is_completed())
    return bool(state.is_final()) or state.name == "NotReady"


def _name(task: Any) -> str:
    """Name of a task: its run's name without what Prefect puts at the end to tell runs apart."""
    return re.sub("-[0-9a-f]{3}$", "", str(task.name))
