"""A pipeline for many windows on this machine, one after the other.

Each window is a rehearsal of the whole plan under the key of the window, so that running it again
replaces its own datasets and no others, and a run on an orchestrator replaces what was made here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from synaflow_core.errors import ExportError
from synaflow_export.children import Interrupted
from synaflow_export.files.generated import GeneratedFile
from synaflow_export.options.common import CommonOptions
from synaflow_export.rehearse import Done, MacroTaskError, rehearsal
from synaflow_export.runtime.run_key import key_under
from synaflow_export.target import Export, Target
from synaflow_export.windows.binding import bind_window

if TYPE_CHECKING:
    from synaflow_core.contract import Contract
    from synaflow_export.loading.load import Loaded
    from synaflow_export.options.model import TargetOptions
    from synaflow_export.plan import Plan
    from synaflow_export.windows.calendar import Window


class ThisMachine(Target[CommonOptions]):
    """Its options are those for all targets, and the section ``backfill`` of a settings file."""

    name: ClassVar[str] = "backfill"
    title: ClassVar[str] = "this machine"
    options_type: ClassVar[type[CommonOptions]] = CommonOptions
    only_shows: ClassVar[bool] = True  # how an orchestrator runs tasks does not concern it

    def view(self, export: Export[CommonOptions]) -> tuple[GeneratedFile, ...]:
        """Nothing is generated.

        Raises:
            ExportError: Always.
        """
        raise ExportError("a backfill makes no files", [])


@dataclass(frozen=True)
class WindowRun:
    """What became of one window.

    Attributes:
        window: The window.
        key: Of its datasets.
        seconds: How long it took.
        done: Its macro-tasks.
        error: Why it failed; empty when it did not.
        undone: Steps that were rolled back then, newest first.
        notes: What else there is to tell of that: rollbacks that failed.
    """

    window: Window
    key: str
    seconds: float
    done: tuple[Done, ...]
    error: str = ""
    undone: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def backfill(
    loaded: Loaded,
    plan: Plan,
    windows: Iterable[Window],
    params: Mapping[str, Any],
    *,
    store: str,
    called: str | None = None,
    jobs: int = 1,
    retries: int = 0,
) -> Iterator[WindowRun]:
    """Run a plan for each window; one that fails does not keep the others from running.

    Args:
        loaded: The pipeline.
        plan: Its plan, with a window.
        windows: Oldest first.
        params: Values of the params that no window gives, as JSON values.
        store: URL of the handoff store.
        called: What orchestrators call the pipeline; None: as it is called. Under another name it
            shares no datasets with what is exported under its own.
        jobs: Shards that may run at a time.
        retries: Further tries of what may pass by itself.

    Yields:
        What became of each window.

    Raises:
        SynaflowError: As :func:`synaflow_export.rehearse.rehearsal` does; before the first window.
        Interrupted: Somebody has interrupted it; after what became of the window at work.
    """
    assert plan.window is not None, "the command line asks for one"
    schema, types = loaded.contract.params_schema, loaded.contract.params
    bound = [
        (window, *bind_window(plan.window, schema, types, params, window, run=str(window.start)))
        for window in windows
    ]
    if not bound:
        return
    first = bound[0][1]
    with rehearsal(loaded, plan, first, store=store, jobs=jobs, retries=retries) as prepared:
        for window, values, own_key in bound:
            key = key_under(called or plan.pipeline, plan.pipeline, own_key)
            run = dataclasses.replace(prepared, params=values, run_key=key, tries={})
            began, error = perf_counter(), ""
            failure: MacroTaskError | Interrupted | None = None
            done: list[Done] = []
            try:
                done.extend(run.run())
            except MacroTaskError as stopped:
                failure, error = stopped, f"{stopped.macro_task}: {stopped}"
            except Interrupted as interrupt:
                failure, error = interrupt, "interrupted"
            yield WindowRun(
                window,
                key,
                perf_counter() - began,
                tuple(done),
                error,
                tuple(failure.undone if failure is not None else ()),
                tuple(getattr(failure, "__notes__", ())),
            )
            if isinstance(failure, Interrupted):
                raise failure


def native_commands(
    plan: Plan,
    contract: Contract,
    windows: list[Window],
    chosen: Iterable[tuple[Target[Any], TargetOptions]],
) -> tuple[dict[str, list[str]], list[ExportError]]:
    """Target -> the commands that do the same there; and why others have none.

    Args:
        plan: The plan, with a window.
        contract: The pipeline's contract.
        windows: Oldest first.
        chosen: Targets that bind windows, and with what the pipeline was exported to them.
    """
    assert plan.window is not None, "the command line asks for one"
    schema, types = contract.params_schema, contract.params
    values = [bind_window(plan.window, schema, types, {}, window, run="")[0] for window in windows]
    commands, refused = {}, []
    for target, options in chosen:
        try:
            commands[target.name] = list(target.backfill_commands(plan, options, windows, values))
        except ExportError as error:
            refused.append(error)
    return commands, refused
