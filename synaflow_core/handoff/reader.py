"""Reading one dataset: block by block, each verified before its first element is handed out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import manifest as manifests
from synaflow_core.handoff.codecs import Codec
from synaflow_core.handoff.compression import decompress
from synaflow_core.handoff.folder import Folder
from synaflow_core.handoff.folders import open_folder
from synaflow_core.handoff.manifest import Block, Manifest, digest_of
from synaflow_core.handoff.places import redacted
from synaflow_core.handoff.ref import DatasetRef


class DatasetReader:
    """Reads what a reference refers to, and nothing else.

    A retry may replace the dataset while it is read. Where the new attempt has the same content,
    reading goes on with it; otherwise the reader is told.
    """

    def __init__(self, folder: Folder, ref: DatasetRef, codec: Codec, hint: Any) -> None:
        self._folder = folder
        self._ref = ref
        self._codec = codec
        self._hint = hint

    def batches(self, start: int, stop: int | None) -> Iterator[list[Any]]:
        """The elements ``start`` to ``stop``; blocks without any of them are not read.

        Raises:
            HandoffError: The manifest or a block is missing, damaged, replaced, or does not fit
                the type.
        """
        manifest = self.manifest()
        end = manifest.count if stop is None else min(stop, manifest.count)
        if manifest.parts:
            yield from self._parts(manifest, start, end)
            return
        decode = self._codec.decoder(self._hint)
        position = 0
        for number in range(len(manifest.blocks)):
            if position >= end:
                return
            count = manifest.blocks[number].count
            # A block in which no element ends is a part of the next one that does.
            if position + count > start or (count == 0 and position >= start):
                manifest, content = self._found(manifest, number)
                block = manifest.blocks[number]
                batches = iter(decode(content, block.count, block.marked))
                content = b""  # or two blocks would be held while the next one is read
                for batch in self._decoded(block, batches):
                    low = max(start - position, 0)
                    high = end - position
                    position += len(batch)
                    if low < len(batch) and high > 0:
                        inside = not low and high >= len(batch)
                        yield batch if inside else batch[low:high]
            else:
                position += count

    def _parts(self, manifest: Manifest, start: int, end: int) -> Iterator[list[Any]]:
        """The same for a dataset that consists of parts, which are opened one after another."""
        position = 0
        for part in manifest.parts:
            if position >= end:
                return
            if position + part.count > start:
                url = f"{self._folder.url}/{part.folder}"
                ref = replace(
                    self._ref,
                    uri=f"{url}/{manifests.FILE}",
                    count=part.count,
                    bytes=part.bytes,
                    digest=part.digest,
                )
                reader = DatasetReader(open_folder(url), ref, self._codec, self._hint)
                yield from reader.batches(max(start - position, 0), min(end - position, part.count))
            position += part.count

    def manifest(self) -> Manifest:
        """The manifest, checked against the reference.

        Raises:
            HandoffError: There is none, it is damaged, or it is of other data.
        """
        manifest = manifests.load(self._folder)
        if manifest is None:
            raise HandoffError(
                f"dataset {redacted(self._ref.uri)} is not there: nothing was committed, or it was "
                "removed\n    -> clear the task that writes it, so that it is written again"
            )
        if manifest.undone:
            raise HandoffError(
                f"dataset {redacted(self._ref.uri)} was withdrawn: the work that it is the result "
                "of was undone when its run was rolled back\n"
                "    -> run the task that writes it again, together with this one"
            )
        ref = self._ref
        found = (manifest.digest, manifest.count, manifest.bytes, manifest.kind, manifest.codec)
        if found != (ref.digest, ref.count, ref.bytes, ref.kind, ref.codec):
            raise HandoffError(
                f"dataset {redacted(ref.uri)} is not the one that the reference was made for: a "
                f"later attempt replaced it (expected {ref.count} elements, {ref.digest[:19]}; "
                f"found {manifest.count}, {manifest.digest[:19]})\n"
                "    -> clear this task together with the one that writes the dataset"
            )
        return manifest

    def _found(self, manifest: Manifest, number: int) -> tuple[Manifest, bytes]:
        """The content of a block, and the manifest of the attempt that it was found in."""
        while True:
            content = self._content(manifest, number)
            if content is not None:
                return manifest, content
            latest = self.manifest()
            if latest.attempt == manifest.attempt:
                raise self._damaged(manifest.blocks[number], "the file is missing")
            manifest = latest  # of equal content, and so of equal blocks

    def _content(self, manifest: Manifest, number: int) -> bytes | None:
        """The content of a block, verified; None when its file is not there."""
        block = manifest.blocks[number]
        data = self._folder.read(block.file)
        if data is None:
            return None
        if len(data) != block.bytes:
            raise self._damaged(block, f"it has {len(data)} bytes instead of {block.bytes}")
        if digest_of(data) != block.digest:
            raise self._damaged(block, "its digest is not the one that was written")
        if manifest.compression is None:
            return data
        try:
            content = decompress(data, manifest.compression, block.content_bytes)
        except HandoffError:
            raise
        except Exception as problem:  # classes of the compression library
            raise self._damaged(block, f"{type(problem).__name__}: {problem}") from problem
        if digest_of(content) != block.content_digest:
            raise self._damaged(block, "its content is not what was written")
        return content

    def _decoded(self, block: Block, batches: Iterator[list[Any]]) -> Iterator[list[Any]]:
        """The batches of a verified block; what goes wrong now is a matter of types."""
        count = 0
        while True:
            try:
                batch = next(batches, None)
            except Exception as problem:  # decoding runs code of the elements' classes
                from synaflow_core.hints import type_name  # only this message needs it

                raise HandoffError(
                    f"block {redacted(self._folder.url)}/{block.file} does not fit the type "
                    f"{type_name(self._hint)} that it is read as (written as {self._ref.type}): "
                    f"{type(problem).__name__}: {problem}\n"
                    "    -> export again if the code changed, and clear the task that writes it"
                ) from problem
            if batch is None:
                break
            count += len(batch)
            yield batch
        if count != block.count:
            raise self._damaged(block, f"it holds {count} elements instead of {block.count}")

    def _damaged(self, block: Block, what: str) -> HandoffError:
        return HandoffError(
            f"block {redacted(self._folder.url)}/{block.file} is damaged: {what}\n"
            "    -> clear the task that writes this dataset, so that it is written again"
        )
