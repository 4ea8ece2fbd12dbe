"""Writing one dataset: elements in, blocks out, the manifest last.

:meth:`DatasetWriter.write` is called inside the streaming loop, so it appends to a list and
nothing else; a full batch is encoded when the *next* element comes, by when the other consumers of
the last one are done with it. Batches become blocks of about 1 MiB. Where batches and blocks end
depends on the elements alone, so equal data gives equal blocks.
:class:`EagerWriter` encodes at once.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import msgspec

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import manifest as manifests
from synaflow_core.handoff.codecs import Codec, Encoder, Piece
from synaflow_core.handoff.codecs.same import same
from synaflow_core.handoff.compression import compress, suffix
from synaflow_core.handoff.folder import Content, Folder
from synaflow_core.handoff.manifest import Block, Manifest
from synaflow_core.handoff.ref import DatasetRef

BLOCK_BYTES = 1024 * 1024
"""Content of a block, about: one batch more at most. Peak memory of both sides depends on it."""
BATCH_ITEMS = 256
BATCH_BYTES = 64 * 1024


class DatasetWriter:
    """Writes one attempt at a dataset; made by :meth:`HandoffStore.writer`. Not thread-safe.

    As a context manager it aborts unless it was committed.
    """

    def __init__(self, folder: Folder, codec: Codec, encoder: Encoder, draft: Manifest) -> None:
        """Takes a manifest that has the names filled in, and no blocks."""
        self._folder = folder
        self._codec = codec
        self._encoder = encoder
        self._draft = draft
        self._compression = draft.compression
        self._attempt = f"_attempts/{draft.attempt}"
        self._state = "open"
        self._items: list[Any] = []
        self._seen: Any = None
        # 0: _make_room looks at every element. A value is one element, not worth a copy.
        self._limit = 0 if draft.kind == "items" else 1
        self._stage = "first" if draft.kind == "items" else "steady"
        self._encoded = 0
        self._buffer = bytearray()
        self._buffered = 0
        self._marked = 0
        self._blocks: list[Block] = []

    def write(self, item: Any) -> None:
        """Add one element.

        Raises:
            LossyValueError: An element would not come back unchanged (told for this or one of the
                elements before); the attempt is over.
            HandoffError: The storage failed, or the writer is closed.
        """
        items = self._items
        if len(items) >= self._limit:
            item = self._make_room(item)
        items.append(item)

    def encode(self) -> None:
        """Encode what was written so far, because its owner may change it; raises as ``write``."""
        self._check_open()
        self._flush_items()

    def commit(self, errors: int = 0) -> DatasetRef:
        """Write the rest, then the manifest, which makes the dataset visible as a whole.

        Args:
            errors: Failed calls of the producing step, kept in the reference.

        Raises:
            HandoffError: As :meth:`write`; nothing became visible.
        """
        self._check_open()
        try:
            self._flush_items()
            self._add(self._encoder.finish())
            self._flush_block()
            if self._draft.kind == "value" and self._encoded != 1:
                raise HandoffError(
                    f"step '{self._draft.dataset}': a value is one element, got {self._encoded}"
                    "\n    -> write a stream of elements with kind 'items'"
                )
            whole = self._whole(errors)
            data = manifests.encode(whole)
            replaced = manifests.visible_attempt(self._folder)
        except BaseException:
            self.abort()
            raise
        try:
            self._folder.publish(manifests.FILE, data, f"{self._attempt}/{manifests.FILE}")
        except BaseException:
            # It may be in place all the same (a lost answer): then the blocks must stay.
            if manifests.visible_attempt(self._folder, whole.attempt) != whole.attempt:
                self.abort()
            self._close("aborted")
            raise
        self._close("committed")
        if replaced and replaced != whole.attempt:
            # No manifest can come to name these blocks again, and their readers are told.
            self._folder.remove(f"_attempts/{replaced}")
        return manifests.ref_to(whole, self._folder)

    def abort(self) -> None:
        """Give the attempt up and remove its blocks; nothing happens after a commit."""
        if self._state == "open":
            self._close("aborted")
            self._folder.remove(self._attempt)

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    def _close(self, state: str) -> None:
        self._state = state
        self._limit = -1  # so that a further write is noticed
        self._items.clear()
        self._buffer = bytearray()

    def _check_open(self) -> None:
        if self._state != "open":
            raise HandoffError(
                f"step '{self._draft.dataset}': the dataset's writer is {self._state}"
                "\n    -> take a new writer for a new attempt"
            )

    def _make_room(self, item: Any) -> Any:
        """Encode what is waiting; the element to append, a copy of it where that is needed.

        A generator may yield one object again and again and change it in between. It is
        recognised by its second element; from then on copies are kept.
        """
        self._check_open()
        if self._stage == "first":
            self._seen = _snapshot(item)
            self._stage = "second"
            self._limit = 1
            return item
        if self._stage == "second":
            reused = item is self._items[0] and not _is_same(item, self._seen)
            if reused:
                self._items[0] = self._seen
            self._seen = None
            self._stage = "reused" if reused else "steady"
        self._flush_items()
        return _snapshot(item) if self._stage == "reused" else item

    def _flush_items(self) -> None:
        """Encode the waiting elements into the block, and choose the size of the next batch."""
        items = self._items
        if not items:
            return
        try:
            added = self._add(self._encoder.encode(items, self._encoded))
            self._encoded += len(items)
            size = max(1, added // len(items))
            few = self._stage == "reused"
            self._limit = 0 if few else max(1, min(BATCH_ITEMS, BATCH_BYTES // size))
            items.clear()
        except BaseException:
            self.abort()
            raise

    def _add(self, pieces: Iterable[Piece]) -> int:
        """Put pieces into blocks, each as it comes; how many bytes they have."""
        added = 0
        for piece in pieces:
            added += len(piece.data)
            if piece.alone:
                self._flush_block()
                self._write_block(piece.data, piece.ends, piece.marked)
                continue
            self._buffer += piece.data
            self._buffered += piece.ends
            self._marked += piece.marked
            if len(self._buffer) >= BLOCK_BYTES:
                self._flush_block()
        return added

    def _flush_block(self) -> None:
        if self._buffered or self._buffer:
            self._write_block(self._buffer, self._buffered, self._marked)
            self._buffer.clear()
            self._buffered = self._marked = 0

    def _write_block(self, content: Content, ends: int, marked: int) -> None:
        content_digest = manifests.digest_of(content)
        stored = compress(content, self._compression)
        block = Block(
            file=f"{self._attempt}/block-{len(self._blocks):05d}"
            f"{self._codec.suffix}{suffix(self._compression)}",
            count=ends,
            bytes=len(stored),
            digest=content_digest if self._compression is None else manifests.digest_of(stored),
            content_bytes=len(content),
            content_digest=content_digest,
            marked=marked,
        )
        self._folder.write(block.file, stored)
        self._blocks.append(block)

    def _whole(self, errors: int) -> Manifest:
        return msgspec.structs.replace(
            self._draft,
            count=self._encoded,
            bytes=sum(block.content_bytes for block in self._blocks),
            digest=manifests.content_digest(self._blocks),
            errors=errors,
            blocks=tuple(self._blocks),
        )


class EagerWriter(DatasetWriter):
    """Encodes every element when it is written, for codecs that ask for it.

    A data frame is worth a call of its own, must not wait in memory for the next one, and may be
    changed in place by whoever receives it.
    """

    def write(self, item: Any) -> None:
        """Add one element; raises as :meth:`DatasetWriter.write` does."""
        self._check_open()
        self._items.append(item)
        self._flush_items()


def new_attempt() -> str:
    """A name that no other attempt has."""
    return secrets.token_hex(8)


def _snapshot(item: Any) -> Any:
    try:
        return copy.deepcopy(item)
    except Exception:  # cannot be copied; the codec will have its say
        return item


def _is_same(item: Any, snapshot: Any) -> bool:
    try:
        return same(item, snapshot)
    except RecursionError:
        return True
