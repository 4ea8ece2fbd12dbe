"""Where the datasets of a run are: what Dagster's context says, in the words of the shared half."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synaflow_core.handoff import HandoffStore
    from synaflow_export.runtime.dagster.export import Export
    from synaflow_export.runtime.exported import Exported
    from synaflow_export.runtime.running import Place

_PARTITION = "dagster/partition"  # tag of a run

OnReport = Callable[[dict[str, Any]], None]


class Placing:
    """One pipeline in one step of a run.

    Args:
        context: Dagster's context of the step.
        export: The folder of the export.
    """

    def __init__(self, context: Any, export: Export) -> None:
        self.context = context
        self.pipeline = export.name
        self._export = export

    @cached_property
    def exported(self) -> Exported:
        """What was exported."""
        from synaflow_export.runtime.exported import Exported

        return Exported(self._export.folder)

    def place(self, run_id: str, on_report: OnReport = lambda _: None) -> Place:
        """Where the macro-tasks of a run are at work.

        Args:
            run_id: Dagster's; it, or the window of its partition, is the key of the run's datasets.
            on_report: Is told the counts per inner step.
        """
        from synaflow_export.runtime.run_key import key_under
        from synaflow_export.runtime.running import Place
        from synaflow_export.targets.dagster.names import pipeline_name

        pipeline = self.exported.contract.name
        key = self.windowed(run_id, {})[1]
        return Place(
            store=self._export.store,
            home=Path(self.context.instance.root_directory),
            run_key=key_under(self.pipeline, pipeline, key, pipeline_name(pipeline)),
            logger=self.context.log,
            on_report=on_report,
            run_id=run_id,
        )

    def windowed(self, run_id: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """The params of a run, completed by its partition, and the key of its datasets.

        Raises:
            ParamsError: Params are bound to windows, and the run is of no partition.
        """
        from synaflow_export.runtime.windowing import windowed
        from synaflow_export.targets.dagster.partitions import key_format

        spec = self.exported.window
        bounds: tuple[datetime | None, datetime | None] = None, None
        run = self.context.instance.get_run_by_id(run_id)
        partition = run.tags.get(_PARTITION) if run is not None else None
        if spec is not None and partition is not None:
            began = datetime.strptime(partition, key_format(spec.unit))
            window = spec.calendar.window_of(began)
            bounds = window.start, window.end
        return windowed(self.exported, given, bounds, run=run_id, run_key=run_id)

    def store(self) -> HandoffStore:
        """The handoff store."""
        from synaflow_export.runtime.storage import open_store

        home = Path(self.context.instance.root_directory)
        pickled = self.exported.allow_pickle
        return open_store(self._export.store, home, allow_pickle=pickled, log=None)
