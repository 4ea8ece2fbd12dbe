"""A dataset that several processes wrote, each a part of it, and that is read as one.

Part ``i`` of ``n`` is a dataset of its own below the folder of the whole,
``_parts/00002-of-00008/manifest.json``, committed, replaced and verified like any other. The
whole is a manifest that names the parts in order; writing it is the commit. Reading (see
:mod:`synaflow_core.handoff.reader`) follows the parts' own manifests, so a part that is written
again with equal content stays readable.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import manifest as manifests
from synaflow_core.handoff.folder import Folder
from synaflow_core.handoff.folders import open_folder
from synaflow_core.handoff.manifest import Manifest, Part
from synaflow_core.handoff.places import redacted
from synaflow_core.handoff.ref import DatasetRef

_LOOKING = 16
"""Manifests looked at side by side: a store far away answers each in milliseconds."""


def part_folder(index: int, count: int) -> str:
    """Where part ``index`` (from 0) of ``count`` lies below the folder of the whole."""
    return f"_parts/{index + 1:05d}-of-{count:05d}"


def commit_parts(
    folder: Folder, draft: Manifest, parts: Sequence[DatasetRef], errors: int
) -> DatasetRef:
    """Make the parts one visible dataset.

    Args:
        folder: The folder of the whole.
        draft: Its manifest with the names filled in; codec and type are those of the parts.
        parts: What the commits of the parts returned, in order; at least one.
        errors: Failed calls of the producing step, over all parts.

    Raises:
        HandoffError: A part is not there, lies elsewhere, or is not of one kind with the others.
    """
    first = parts[0]
    listed = []
    for index, ref in enumerate(parts):
        place = part_folder(index, len(parts))
        if ref.uri != f"{folder.url}/{place}/{manifests.FILE}":
            raise HandoffError(
                f"part {index + 1} of {len(parts)} of dataset {redacted(folder.url)} is expected "
                f"in {place}, but its reference says {redacted(ref.uri)}\n"
                "    -> pass on what the tasks of one run returned, unchanged"
            )
        if (ref.kind, ref.codec, ref.type) != ("items", first.codec, first.type):
            raise HandoffError(
                f"part {index + 1} of {len(parts)} of dataset {redacted(folder.url)} does not fit "
                f"the first one: {ref.kind}, {ref.codec}, {ref.type} beside items, {first.codec}, "
                f"{first.type}\n    -> clear all tasks that write its parts"
            )
        listed.append(Part(place, ref.count, ref.bytes, ref.digest))
    with ThreadPoolExecutor(min(_LOOKING, len(parts))) as looking:
        # A whole without one of its parts must never become visible.
        list(looking.map(lambda part, ref: _check(folder, part, ref), listed, parts))
    whole = msgspec.structs.replace(
        draft,
        format=manifests.FORMAT_WITH_PARTS,
        codec=first.codec,
        compression=None,
        type=first.type,
        count=sum(part.count for part in listed),
        bytes=sum(part.bytes for part in listed),
        digest=manifests.parts_digest(listed),
        errors=errors,
        parts=tuple(listed),
    )
    _publish(folder, whole)
    return manifests.ref_to(whole, folder)


def _check(folder: Folder, part: Part, ref: DatasetRef) -> None:
    found = manifests.load(open_folder(f"{folder.url}/{part.folder}"))
    if found is None or found.undone or found.digest != ref.digest:
        what = "is not there" if found is None else "was replaced by other data"
        if found is not None and found.undone:
            what = "was withdrawn, because its run was rolled back"
        raise HandoffError(
            f"part {part.folder} of dataset {redacted(folder.url)} {what}\n"
            "    -> clear the task that writes this part, so that it is written again"
        )


def _publish(folder: Folder, whole: Manifest) -> None:
    replaced = manifests.visible_attempt(folder)
    folder.publish(manifests.FILE, manifests.encode(whole), f"_attempts/{whole.attempt}/draft")
    if replaced and replaced != whole.attempt:
        # No manifest can come to name these blocks again, and their readers are told.
        folder.remove(f"_attempts/{replaced}")
