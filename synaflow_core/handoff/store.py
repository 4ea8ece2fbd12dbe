"""The handoff store: where datasets are, and the way in for writing and reading them.

Layout: ``{base}/{pipeline}/{run_key}/{dataset}/manifest.json`` and, beside it, one folder per
attempt, ``_attempts/<random>/block-00000.jsonl``. Blocks are invisible until a manifest names
them, and the manifest is put in place at once, so a reader sees a whole dataset or none; of several
attempts the last to commit wins and removes the blocks of the one it replaced. A killed attempt
leaves blocks behind that nobody sees. A dataset that several processes write together lies in
parts below the same folder: :mod:`synaflow_core.handoff.parts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import PurePath
from typing import Any

import msgspec

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import compression as compressions
from synaflow_core.handoff import manifest as manifests
from synaflow_core.handoff.codecs import codec_named
from synaflow_core.handoff.folder import Folder
from synaflow_core.handoff.folders import open_folder
from synaflow_core.handoff.manifest import Manifest
from synaflow_core.handoff.parts import commit_parts, part_folder
from synaflow_core.handoff.places import base_url, redacted, segment_of
from synaflow_core.handoff.reader import DatasetReader
from synaflow_core.handoff.ref import DatasetRef
from synaflow_core.handoff.writer import DatasetWriter, EagerWriter, new_attempt

KINDS = ("items", "value")


class HandoffStore:
    """A place for datasets: a local folder, ``memory://`` or any fsspec URL.

    Args:
        url: Folder or URL. Credentials do not belong in it.
        compression: ``zstd`` or None, for what is written; what is read says it itself.
        allow_pickle: Allow the codec ``pickle``, which runs code that the data names.

    Raises:
        HandoffError: The URL or the compression cannot be used.
    """

    def __init__(
        self,
        url: str | PurePath,
        *,
        compression: str | None = None,
        allow_pickle: bool = False,
    ) -> None:
        compressions.check(compression)
        self.url = base_url(url)
        self._compression = compression
        self._allow_pickle = allow_pickle

    def __repr__(self) -> str:
        return f"HandoffStore({self.url!r})"

    def uri(self, pipeline: str, run_key: str, dataset: str) -> str:
        """Address of a dataset's manifest, whether or not there is one."""
        return self.part_uri(pipeline, run_key, dataset, None)

    def part_uri(
        self,
        pipeline: str,
        run_key: str,
        dataset: str,
        part: tuple[int, int] | None,
        *,
        aside: bool = False,
    ) -> str:
        """The same for one part of a dataset, or what lies aside of it; see :meth:`writer`."""
        names = [segment_of(name) for name in (pipeline, run_key, dataset)]
        if aside:
            names.append("_positions")
        if part is not None:
            names.append(part_folder(*part))
        return "/".join((self.url, *names, manifests.FILE))

    def writer(
        self,
        pipeline: str,
        run_key: str,
        dataset: str,
        *,
        type: Any,
        codec: str = "jsonl",
        kind: str = "items",
        type_name: str = "",
        part: tuple[int, int] | None = None,
        aside: bool = False,
    ) -> DatasetWriter:
        """Begin an attempt at a dataset; nothing is visible before its commit.

        Args:
            pipeline: Name of the pipeline.
            run_key: Key of the run: a later run with the same key replaces the dataset.
            dataset: Name of the dataset, which is that of the step that produces it.
            type: Python type of one element (of the value, for kind ``value``); may be ``Any``.
            codec: ``jsonl`` or ``pickle``.
            kind: ``items`` or ``value``.
            type_name: Name of the type, for people.
            part: ``(index from 0, number of parts)``: write one part of the dataset, which
                becomes visible when :meth:`join` has joined all.
            aside: Write the positions of the elements in their source, beside the dataset.

        Raises:
            HandoffError: The codec or kind cannot be used, or the store's protocol is not there.
        """
        if kind not in KINDS:
            raise HandoffError(
                f"dataset '{dataset}': kind {kind!r} is not known\n    -> use one of: items, value"
            )
        found = codec_named(codec, allow_pickle=self._allow_pickle)
        uri = self.part_uri(pipeline, run_key, dataset, part, aside=aside)
        folder = open_folder(_folder_of(uri))
        draft = msgspec.structs.replace(
            _draft(pipeline, run_key, dataset),
            codec=codec,
            compression=None if found.compressed else self._compression,
            type=_printable(type_name),
            kind=kind,
        )
        writer = EagerWriter if found.eager else DatasetWriter
        return writer(folder, found, found.encoder(type, dataset), draft)

    def join(
        self,
        pipeline: str,
        run_key: str,
        dataset: str,
        parts: Sequence[DatasetRef],
        *,
        errors: int = 0,
    ) -> DatasetRef:
        """Make the parts of a dataset one, in their order; see :meth:`writer`.

        Positions that were written aside are joined, too, and first.

        Args:
            pipeline: Name of the pipeline.
            run_key: Key of the run.
            dataset: Name of the dataset.
            parts: What the commits of all its parts returned, the first part first.
            errors: Failed calls of the producing step, over all parts.

        Raises:
            HandoffError: A part is missing or is not of this dataset; nothing became visible.
        """
        place = _folder_of(self.uri(pipeline, run_key, dataset))
        draft = _draft(pipeline, run_key, dataset)
        aside = [part.positions for part in parts if part.positions is not None]
        positions = None
        if len(aside) == len(parts):
            positions = commit_parts(open_folder(f"{place}/_positions"), draft, aside, 0)
        whole = commit_parts(open_folder(place), draft, parts, errors)
        return replace(whole, positions=positions)

    def write_value(
        self,
        pipeline: str,
        run_key: str,
        dataset: str,
        value: Any,
        *,
        type: Any,
        codec: str = "jsonl",
        type_name: str = "",
        errors: int = 0,
    ) -> DatasetRef:
        """Write a dataset that is one value; see :meth:`writer`.

        Raises:
            LossyValueError: The value would not come back unchanged.
            HandoffError: The storage failed.
        """
        with self.writer(
            pipeline, run_key, dataset, type=type, codec=codec, kind="value", type_name=type_name
        ) as writer:
            writer.write(value)
            return writer.commit(errors)

    def read(
        self, ref: DatasetRef, type: Any, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Any]:
        """The elements of a dataset, lazily; nothing is opened before the first is asked for.

        Args:
            ref: The reference that its commit returned.
            type: The Python type that it was written with.
            start: Index of the first element.
            stop: Index after the last one; None for all. Blocks outside are not read.

        Raises:
            HandoffError: While iterating: the dataset is missing, damaged or replaced, or does not
                fit the type. No element of a damaged block is handed out.
        """
        self._check_kind(ref, "items", "read_value")
        return chain.from_iterable(self._reader(ref, type).batches(start, stop))

    def read_value(self, ref: DatasetRef, type: Any) -> Any:
        """The value of a dataset that is one value.

        Raises:
            HandoffError: As :meth:`read`.
        """
        self._check_kind(ref, "value", "read")
        (value,) = chain.from_iterable(self._reader(ref, type).batches(0, None))
        return value

    def read_manifest(self, pipeline: str, run_key: str, dataset: str) -> Manifest | None:
        """The manifest of a dataset, or None when none was committed.

        Raises:
            HandoffError: It is damaged or the storage failed.
        """
        return manifests.load(open_folder(_folder_of(self.uri(pipeline, run_key, dataset))))

    def exists(self, pipeline: str, run_key: str, dataset: str) -> bool:
        """Whether a dataset was committed, and not withdrawn since.

        Raises:
            HandoffError: Its manifest is damaged or the storage failed.
        """
        manifest = self.read_manifest(pipeline, run_key, dataset)
        return manifest is not None and not manifest.undone

    def withdraw(self, uri: str) -> bool:
        """Invalidate a dataset, because the work that it is the result of is undone.

        Whoever reads it is told so, until an attempt writes it again.

        Args:
            uri: Address of its manifest.

        Returns:
            Whether there was one that was not withdrawn yet, nor damaged.

        Raises:
            HandoffError: Its manifest was written by a newer version, or the storage failed.
        """
        return manifests.withdraw(open_folder(_folder_of(uri)))

    def folder(self, pipeline: str, run_key: str, name: str) -> Folder:
        """The folder of something that a run keeps beside its datasets.

        Raises:
            HandoffError: The store's protocol is not there.
        """
        return open_folder(_folder_of(self.uri(pipeline, run_key, name)))

    def _reader(self, ref: DatasetRef, hint: Any) -> DatasetReader:
        codec = codec_named(ref.codec, allow_pickle=self._allow_pickle)
        return DatasetReader(open_folder(_folder_of(ref.uri)), ref, codec, hint)

    def _check_kind(self, ref: DatasetRef, kind: str, instead: str) -> None:
        if ref.kind != kind:
            raise HandoffError(
                f"dataset {redacted(ref.uri)} is of kind {ref.kind!r}, not {kind!r}\n"
                f"    -> read it with {instead}()"
            )


def _draft(pipeline: str, run_key: str, dataset: str) -> Manifest:
    """A manifest with the names filled in, and nothing of the content."""
    return Manifest(
        format=manifests.FORMAT,
        pipeline=_printable(pipeline),
        run_key=_printable(run_key),
        dataset=_printable(dataset),
        attempt=new_attempt(),
        codec="",
        compression=None,
        type="",
        kind="items",
        count=0,
        bytes=0,
        digest="",
        errors=0,
        blocks=(),
        seal="",
    )


def _printable(name: str) -> str:
    """A name that JSON can hold; the folders keep the difference."""
    return name.encode("utf-8", "backslashreplace").decode()


def _folder_of(uri: str) -> str:
    """The folder of a manifest's address."""
    folder, _, name = uri.rpartition("/")
    if name != manifests.FILE or not folder:
        raise HandoffError(
            f"{redacted(uri)!r} is not the address of a dataset's {manifests.FILE}\n"
            "    -> pass on the reference that the upstream task returned, unchanged"
        )
    return folder
