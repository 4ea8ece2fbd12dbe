"""Removing what is old: whole runs, and attempts that nobody committed.

A run is old when nothing in it was written for as long as the caller says, by the clock of the
storage; so a run that is being written now is never old. In a run that stays, an attempt goes when
no manifest names it and it is old itself. What does not look like a dataset of ours is left alone,
so a store may share its place with other files. Right before it is removed everything is looked
at once more, and only the files that were seen are removed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import manifest as manifests
from synaflow_core.handoff.folder import Entry, Folder
from synaflow_core.handoff.folders import open_folder
from synaflow_core.handoff.places import base_url, local_path, name_of, segment_of

_OURS = re.compile(
    r"(?P<place>[^/]+/[^/]+/[^/]+(?:/.+)?)/(?:manifest\.json|_attempts/(?P<attempt>[0-9a-f]{16})/.+"
    r"|[0-9]{20}(?:\.[0-9a-f]{16}){2}\.json"
    r"|[0-9]{20}\.(?:run|[0-9a-f]{21})\.[0-9a-f]{16}\.fence)"
)
"""A file of a dataset, ``pipeline/run/dataset/...``, or of a ledger, relative to the store."""


@dataclass(frozen=True)
class Prunable:
    """Something that is old.

    Attributes:
        pipeline: Name of the pipeline.
        run_key: Key of the run.
        what: ``run``, or ``attempt`` for blocks in a run that stays.
        dataset: Dataset of the attempt; empty for a run.
        written: When something in it was written last.
        files: Their number.
        bytes: Their size as they lie there.
    """

    pipeline: str
    run_key: str
    what: Literal["run", "attempt"]
    dataset: str
    written: datetime
    files: int
    bytes: int
    _store: str
    _path: str


def pipelines_in(url: str) -> list[str]:
    """Names of the pipelines that have a folder in a store; other folders are among them.

    Raises:
        HandoffError: The store cannot be read.
    """
    return [name_of(segment) or segment for segment in _store(base_url(url)).folders("")]


def prunable(
    url: str, older_than: timedelta, pipeline: str | None = None, now: datetime | None = None
) -> Iterator[Prunable]:
    """What is old in a store, run by run; removes nothing.

    Args:
        url: URL of the store.
        older_than: Nothing in it was written for so long.
        pipeline: Name of the only pipeline to look at.
        now: The time to count from.

    Raises:
        HandoffError: The store cannot be read.
    """
    limit = (now or datetime.now(UTC)) - older_than
    base = base_url(url)
    store = _store(base)
    segments = store.folders("") if pipeline is None else [segment_of(pipeline)]
    for segment in segments:
        for run in store.folders(segment):
            yield from _old_in_run(store, segment, run, limit)


def prune(found: Prunable, older_than: timedelta, now: datetime | None = None) -> bool:
    """Remove what :func:`prunable` found, unless it has been written to in the meantime.

    Returns:
        Whether it was removed.

    Raises:
        HandoffError: It cannot be removed.
    """
    limit = (now or datetime.now(UTC)) - older_than
    folder = open_folder(found._store)
    entries = list(folder.entries(found._path))
    if any(entry.written > limit for entry in entries):
        return False
    # Manifests first: a reader sees a whole dataset or none.
    entries.sort(key=lambda entry: not entry.name.endswith(manifests.FILE))
    folder.delete([entry.name for entry in entries])
    return True


def _store(base: str) -> Folder:
    path = local_path(base)
    if path is not None and not os.path.isdir(path):
        raise HandoffError(
            f"there is no store at {path}\n    -> give the folder or URL that the tasks write to"
        )
    return open_folder(base)


def _old_in_run(store: Folder, segment: str, run: str, limit: datetime) -> Iterator[Prunable]:
    entries = list(store.entries(f"{segment}/{run}"))
    ours = [(entry, match) for entry in entries if (match := _OURS.fullmatch(entry.name))]
    if not ours:
        return
    names = name_of(segment) or segment, name_of(run) or run
    if max(entry.written for entry in entries) <= limit:
        yield _found(names, "run", "", entries, store.url, f"{segment}/{run}")
        return
    attempts: dict[tuple[str, str], list[Entry]] = {}
    for entry, match in ours:
        if match["attempt"]:
            attempts.setdefault((match["place"], match["attempt"]), []).append(entry)
    for (place, attempt), blocks in attempts.items():
        if max(entry.written for entry in blocks) > limit:
            continue
        folder = open_folder(f"{store.url}/{place}")
        if manifests.visible_attempt(folder, unknown=attempt) != attempt:
            dataset = place.split("/")[2]
            path = f"{place}/_attempts/{attempt}"
            yield _found(names, "attempt", name_of(dataset) or dataset, blocks, store.url, path)


def _found(
    names: tuple[str, str],
    what: Literal["run", "attempt"],
    dataset: str,
    entries: list[Entry],
    url: str,
    path: str,
) -> Prunable:
    return Prunable(
        pipeline=names[0],
        run_key=names[1],
        what=what,
        dataset=dataset,
        written=max(entry.written for entry in entries),
        files=len(entries),
        bytes=sum(entry.bytes for entry in entries),
        _store=url,
        _path=path,
    )
