"""What a run shows in Prefect's UI: bars for the run and long tasks, tables of steps and datasets.

An artifact that cannot be made, because the server does not answer, is a warning in the log and
never a reason to fail. Imported by the flow file, so it is light.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

_LONGEST_KEY = 100


class RunProgress:
    """The bar of one run: the weights of the macro-tasks that have ended, as the plan has them.

    A flow and its subflows run in one process and move the same bar: see :func:`progress_of`.
    """

    def __init__(self, artifact: str | None, weights: Mapping[str, float]) -> None:
        self._artifact = artifact
        self._weights = weights
        self._ended: set[str] = set()

    def ended(self, macro_task: str) -> None:
        """Move on by the weight of a macro-task; once for each."""
        if macro_task not in self._ended:
            self._ended.add(macro_task)
            self.show(100 * sum(self._weights.get(task, 0.0) for task in self._ended))

    def show(self, percent: float) -> None:
        """Show a percentage."""
        if self._artifact is not None:
            percent = round(min(percent, 100.0), 1)
            _quietly(update_progress_artifact, UUID(self._artifact), progress=percent)


_bars: dict[str, RunProgress] = {}


def begin_progress(name: str, run_id: str, weights: Mapping[str, float]) -> None:
    """Show that a run has begun."""
    made = _quietly(
        create_progress_artifact,
        progress=0.0,
        key=artifact_key(name, "progress"),
        description=f"How far the run of `{name}` is",
    )
    _bars[run_id] = RunProgress(str(made) if made is not None else None, weights)


def progress_of(run_id: str) -> RunProgress:
    """The bar of a run; one that shows nothing if the run did not begin in this process."""
    return _bars.get(run_id) or RunProgress(None, {})


def end_progress(run_id: str, *, done: bool) -> None:
    """Forget the bar of a run that has ended; a run that succeeded is at 100 %."""
    bar = _bars.pop(run_id, None)
    if bar is not None and done:
        bar.show(100.0)


class TaskProgress:
    """The bar of one task; made only when the task takes so long that its progress is asked for.

    Args:
        name: Name of the flow's folder.
        macro_task: The macro-task.
    """

    def __init__(self, name: str, macro_task: str) -> None:
        self._key = artifact_key(name, macro_task, "progress")
        self._about = f"How far `{macro_task}` is"
        self._context = copy_context()  # which task run it belongs to, for the thread that watches
        self._artifact: UUID | None = None

    def show(self, share: float) -> None:
        """Show how far the task is, from 0.0 to 1.0."""
        self._context.run(self._show, round(100 * share, 1))

    def done(self) -> None:
        """Show that the task is done, if anything was shown before."""
        if self._artifact is not None:
            self.show(1.0)

    def _show(self, percent: float) -> None:
        if self._artifact is not None:
            _quietly(update_progress_artifact, self._artifact, progress=percent)
        else:
            make = create_progress_artifact
            self._artifact = _quietly(
                make, progress=percent, key=self._key, description=self._about
            )


def show_steps(name: str, macro_task: str, report: Mapping[str, Any]) -> None:
    """A table of what the steps of one macro-task did."""
    omitted = report["steps_omitted"]
    more = f", {omitted} further steps without errors" if omitted else ""
    create_table_artifact(
        table=[
            {
                "step": step["name"],
                "status": step["status"],
                "ok": step["ok"],
                "errors": step["errors"],
                "skipped": step["skipped"],
                "seconds": step["duration"],
                "remark": step["reason"] or step["first_error"],
            }
            for step in report["steps"]
        ],
        key=artifact_key(name, macro_task),
        description=f"Steps of `{macro_task}`, {report['duration']} s{more}",
        _sync=True,
    )


def show_datasets(name: str, refs: Mapping[str, Mapping[str, Any]]) -> None:
    """A table of the datasets of a run; the folder that they share is told once, above it."""
    uris = [ref["uri"] for ref in refs.values() if ref["uri"]]
    shared = os.path.commonprefix(uris)  # noqa: RUF071 -- of URLs, whose slashes all count
    folder = shared.rpartition("/")[0] if len(uris) > 1 else ""
    rows = [
        {
            "dataset": dataset,
            "rows": ref.get("count"),
            "bytes": ref.get("bytes"),
            "errors": ref.get("errors"),
            "place": (ref["uri"] or "").removeprefix(f"{folder}/") or ref.get("reason"),
        }
        for dataset, ref in refs.items()
    ]
    if rows:
        _quietly(
            create_table_artifact,
            table=rows,
            key=artifact_key(name, "datasets"),
            description=f"Datasets written by this run of `{name}`"
            + (f", in `{folder}`" if folder else ""),
        )


def artifact_key(*words: str) -> str:
    """A key that Prefect accepts: small letters, digits and dashes, different for different words.

    Where letters are lost or the words are long, a digest keeps keys apart.
    """
    text = "-".join(words)
    key = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(key) > _LONGEST_KEY or len(key) < len(text) or re.search(r"[^A-Za-z0-9_-]", text):
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
        key = f"{key[:_LONGEST_KEY]}-{digest}".strip("-")
    return key


def _quietly(make: Callable[..., Any], *positional: Any, **named: Any) -> Any:
    try:
        return make(*positional, **named, _sync=True)
    except Exception:
        get_run_logger().warning("an artifact could not be made", exc_info=True)
        return None
