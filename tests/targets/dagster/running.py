"""Exports a pipeline from source text into a folder of definitions, and runs it on Dagster."""

from __future__ import annotations

import importlib.util
import itertools
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from synaflow_core.handoff import HandoffStore
from synaflow_export.files.generated import GeneratedFile
from synaflow_export.files.write import write_files
from synaflow_export.loading.load import Loaded, load
from synaflow_export.plan.model import Plan, PlanOptions
from synaflow_export.plan.planner import make_plan
from synaflow_export.rehearse import results
from synaflow_export.target import Export, get_target

_numbers = itertools.count()


@dataclass(frozen=True)
class Exported:
    """A pipeline in a folder of definitions.

    Attributes:
        name: Under which Dagster knows it.
        loaded: The pipeline as the exporter saw it.
        plan: Its plan.
        files: What was generated.
        file: Where the definitions are.
    """

    name: str
    loaded: Loaded
    plan: Plan
    files: tuple[GeneratedFile, ...]
    file: Path

    @property
    def text(self) -> str:
        """The definitions file."""
        return self.file.read_text(encoding="utf-8")

    def config(self, params: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """The run config that gives the params."""
        if params is None:
            return None
        return {"resources": {f"{self.name}_params": {"config": dict(params)}}}


@dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
        success: Of the run.
        run_id: Dagster's.
        events: All events, in order.
    """

    success: bool
    run_id: str
    events: Sequence[Any]

    def of(self, kind: str) -> list[Any]:
        """Events of one kind, such as ``STEP_FAILURE``."""
        return [event for event in self.events if event.event_type_value == kind]

    def steps(self, kind: str) -> list[str]:
        """Step keys of the events of one kind."""
        return [event.step_key for event in self.of(kind)]

    def metadata(self, key: str) -> dict[str, Any]:
        """Metadata of what was materialised under a key written with slashes."""
        (event,) = (e for e in self.of("ASSET_MATERIALIZATION") if _key(e) == key)
        found = event.event_specific_data.materialization.metadata
        return {name: getattr(value, "value", value) for name, value in found.items()}

    def materialised(self) -> list[str]:
        """The keys of what was materialised, written with slashes."""
        return [_key(event) for event in self.of("ASSET_MATERIALIZATION")]

    def checks(self) -> dict[str, tuple[bool, str]]:
        """Check -> whether it passed, and how bad it would be."""
        found = (event.event_specific_data for event in self.of("ASSET_CHECK_EVALUATION"))
        return {check.check_name: (check.passed, check.severity.value) for check in found}

    def reported(self) -> dict[str, dict[str, Any]]:
        """Step -> what it did, as all events of the run tell."""
        return {row["step"]: row for metadata in self._told() for row in rows_of(metadata)}

    def errors(self) -> str:
        """What the failed steps told."""
        failures = (event.event_specific_data for event in self.of("STEP_FAILURE"))
        return "\n".join(str(failure.error_display_string) for failure in failures)

    def _told(self) -> Iterator[Mapping[str, Any]]:
        for event in self.events:
            data = event.event_specific_data
            if event.event_type_value == "ASSET_MATERIALIZATION":
                yield data.materialization.metadata
            elif event.event_type_value == "ASSET_OBSERVATION":
                yield data.asset_observation.metadata
            elif event.event_type_value == "STEP_FAILURE" and data.user_failure_data:
                yield data.user_failure_data.metadata


class DefsFolder:
    """A folder of definitions, and the Dagster that runs them."""

    def __init__(self, dagster: Any, work: Path) -> None:
        self.dagster = dagster
        self.folder = work / "defs"
        self.work = work
        self.store = work / "store"

    def export(
        self,
        source: str,
        *,
        plan: PlanOptions | None = None,
        modules: Mapping[str, str] | None = None,
        name: str = "pipe.py",
        **options: Any,
    ) -> Exported:
        """Export the pipeline in ``source``; further local modules by file name."""
        code = self.work / f"code{next(_numbers)}"
        code.mkdir()
        for file, text in {name: source, **(modules or {})}.items():
            (code / file).write_text(textwrap.dedent(text), encoding="utf-8")
        return self.export_file(code / name, plan=plan, **options)

    def export_file(
        self, file: Path | str, *, plan: PlanOptions | None = None, **options: Any
    ) -> Exported:
        """Export the pipeline in a file; retries do not wait."""
        loaded = load(str(file))
        target = get_target("dagster")
        made = make_plan(loaded.contract, plan or PlanOptions())
        chosen = {"store": str(self.store), "retries": 0, "retry_delay": 0, **options}
        export = Export(made, loaded.contract, target.make_options(chosen), loaded.sources)
        files = target.view(export)
        write_files(files, self.folder)
        written = self.folder / files[-1].path
        return Exported(written.parent.name, loaded, made, files, written)

    def run(
        self,
        exported: Exported,
        params: Mapping[str, Any] | None = None,
        *,
        only: Sequence[str] = (),
        more: Sequence[Any] = (),
        partition: str | None = None,
    ) -> Outcome:
        """Run the job of the pipeline in this process.

        Args:
            exported: The pipeline.
            params: Of the run, as JSON values.
            only: Keys of the assets to materialise, with slashes; all when empty.
            more: Assets of one's own that run, too.
            partition: Key of the partition that runs.
        """
        import dagster as dg

        definitions, job = import_file(exported.file).defs, exported.name
        if more:
            everything = dg.define_asset_job("everything", selection=dg.AssetSelection.all())
            own = dg.Definitions(assets=list(more), jobs=[everything])
            definitions, job = dg.Definitions.merge(definitions, own), "everything"
        done = definitions.resolve_job_def(job).execute_in_process(
            run_config=exported.config(params),
            instance=self.dagster,
            raise_on_error=False,
            asset_selection=[dg.AssetKey(key.split("/")) for key in only] or None,
            partition_key=partition,
        )
        return Outcome(done.success, done.run_id, done.all_events)

    def outputs(self, exported: Exported, outcome: Outcome) -> dict[str, Any]:
        """What the run produced, read from the store: the counterpart of ``RunResult.outputs``."""
        assert exported.loaded.pipeline is not None
        store = HandoffStore(str(self.store), allow_pickle=exported.plan.allow_pickle)
        with exported.loaded.importable():
            return results(exported.loaded.pipeline, exported.plan, self.references(outcome), store)

    def references(self, outcome: Outcome) -> dict[str, dict[str, Any]]:
        """Dataset -> the reference that the IO manager keeps of this run."""
        files = (self.store / ".dagster").rglob(f"{outcome.run_id}.json")
        found = [json.loads(file.read_bytes()) for file in files]
        return {reference["dataset"]: reference for reference in found}


def import_file(file: Path) -> ModuleType:
    """Load a definitions file as ``dagster dev -f`` does."""
    spec = importlib.util.spec_from_file_location(f"definitions_{next(_numbers)}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The table of inner steps in the metadata of an event."""
    return [dict(row.data) for row in metadata["steps"].records] if "steps" in metadata else []


@contextmanager
def instance(home: Path) -> Iterator[Any]:
    """A Dagster whose databases live in a folder."""
    import dagster as dg

    with dg.instance_for_test(temp_dir=str(home)) as found:
        yield found


def _key(event: Any) -> str:
    key: str = event.asset_key.to_user_string()
    return key
