"""The manifest of a dataset: what it consists of, and how damage to it is found.

A manifest is one line of JSON in canonical form with a seal, the digest of all the rest; a file
with any byte changed, cut off or added is refused. Blocks lie under the prefix of the attempt that
wrote them, so the manifest is the only file of a dataset that is ever replaced.
"""

from __future__ import annotations

import hashlib
import re
import secrets

import msgspec

from synaflow_core.errors import DamagedError, HandoffError
from synaflow_core.handoff.folder import Content, Folder
from synaflow_core.handoff.places import redacted
from synaflow_core.handoff.ref import DatasetRef

FILE = "manifest.json"
FORMAT = 1
FORMAT_WITH_PARTS = 2
"""Of a dataset that consists of parts, which versions before cannot read."""

_BLOCK_FILE = re.compile(r"_attempts/[0-9a-f]{16}/block-[0-9]{5,}\.[a-z0-9.]{1,20}")
_ATTEMPT = re.compile(r"[0-9a-f]{16}")
_PART_FOLDER = re.compile(r"_parts/[0-9]{5,}-of-[0-9]{5,}")


class Block(msgspec.Struct, frozen=True):
    """One file of a dataset.

    Attributes:
        file: Path relative to the manifest.
        count: Elements in it.
        bytes: Size of the file.
        digest: Digest of the file as it lies there.
        content_bytes: Size before compression.
        content_digest: Digest before compression.
        marked: Elements stored in the codec's second, self-describing form.
    """

    file: str
    count: int
    bytes: int
    digest: str
    content_bytes: int
    content_digest: str
    marked: int


class Part(msgspec.Struct, frozen=True):
    """One part of a dataset: a dataset of its own; see :mod:`synaflow_core.handoff.parts`.

    Attributes:
        folder: Path of its folder relative to the manifest of the whole.
        count: Elements in it.
        bytes: Size of its content.
        digest: Digest of its content.
    """

    folder: str
    count: int
    bytes: int
    digest: str


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """All about one committed dataset; see :class:`~synaflow_core.handoff.ref.DatasetRef`.

    Attributes:
        format: Version of this layout.
        attempt: Random name of the attempt that wrote the blocks.
        compression: ``zstd`` or None.
        seal: Digest of the manifest with an empty seal.
        parts: What it consists of instead of blocks, when several processes wrote it.
        undone: The work that it is the result of was undone, so nobody may go on from it.
    """

    format: int
    pipeline: str
    run_key: str
    dataset: str
    attempt: str
    codec: str
    compression: str | None
    type: str
    kind: str
    count: int
    bytes: int
    digest: str
    errors: int
    blocks: tuple[Block, ...]
    seal: str
    parts: tuple[Part, ...] = ()
    undone: bool = False


class _Version(msgspec.Struct):
    format: int


def digest_of(data: Content) -> str:
    """``sha256:...`` of some bytes (with SHA instructions twice as fast as blake2b)."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def content_digest(blocks: tuple[Block, ...] | list[Block]) -> str:
    """The digest of a dataset: over the digests of its blocks' content, in order.

    Where a block ends depends on the content alone, so equal data has an equal digest.
    """
    return digest_of("".join(block.content_digest for block in blocks).encode())


def parts_digest(parts: tuple[Part, ...] | list[Part]) -> str:
    """The digest of a dataset of parts: over those of the parts, in order."""
    return digest_of("".join(part.digest for part in parts).encode())


def ref_to(manifest: Manifest, folder: Folder) -> DatasetRef:
    """The reference to a committed dataset."""
    return DatasetRef(
        uri=f"{folder.url}/{FILE}",
        codec=manifest.codec,
        type=manifest.type,
        kind=manifest.kind,
        count=manifest.count,
        bytes=manifest.bytes,
        digest=manifest.digest,
        errors=manifest.errors,
    )


def visible_attempt(folder: Folder, unknown: str = "") -> str:
    """The attempt that readers see now; ``unknown`` when that cannot be told."""
    try:
        manifest = load(folder)
    except HandoffError:
        return unknown
    return "" if manifest is None else manifest.attempt


def withdraw(folder: Folder) -> bool:
    """Mark the dataset in a folder as undone, at once; its data stays until it is replaced.

    Returns:
        Whether there was one that was not marked yet. A damaged one needs no mark.

    Raises:
        HandoffError: It was written by a newer version, or the storage failed.
    """
    try:
        found = load(folder)
    except DamagedError:
        return False
    if found is None or found.undone:
        return False
    marked = encode(msgspec.structs.replace(found, undone=True))
    folder.publish(FILE, marked, f"_attempts/{found.attempt}/undone-{secrets.token_hex(8)}.json")
    return True


def encode(manifest: Manifest) -> bytes:
    """The sealed bytes of a manifest."""
    bare = msgspec.json.encode(msgspec.structs.replace(manifest, seal=""))
    return msgspec.json.encode(msgspec.structs.replace(manifest, seal=digest_of(bare))) + b"\n"


def load(folder: Folder) -> Manifest | None:
    """The manifest of the dataset in ``folder``, or None when none was committed.

    Raises:
        HandoffError: It cannot be read, is damaged, or was written by a newer version.
    """
    data = folder.read(FILE)
    return None if data is None else decode(data, f"{folder.url}/{FILE}")


def decode(data: bytes, url: str) -> Manifest:
    """Read a manifest and check that it is whole.

    Raises:
        DamagedError: It is damaged.
        HandoffError: It was written by a newer version.
    """
    try:
        version = msgspec.json.decode(data, type=_Version).format
        if version > FORMAT_WITH_PARTS:
            raise HandoffError(
                f"manifest {redacted(url)} has format {version}, this version reads up to "
                f"{FORMAT_WITH_PARTS}"
                "\n    -> install the version of synaflow-export that wrote it, or a newer one"
            )
        manifest = msgspec.json.decode(data, type=Manifest)
        whole = encode(manifest) == data and _consistent(manifest)
    except (msgspec.MsgspecError, UnicodeError):
        whole = False
    if not whole:
        raise DamagedError(
            f"manifest {redacted(url)} is damaged: its content does not match its seal"
            "\n    -> clear the task that writes this dataset, so that it is written again"
        )
    return manifest


def _consistent(manifest: Manifest) -> bool:
    """Its parts fit together, and no path in it leads out of the dataset's folder."""
    pieces: tuple[Block, ...] | tuple[Part, ...] = manifest.parts or manifest.blocks
    of_parts = manifest.format == FORMAT_WITH_PARTS
    digest = parts_digest(manifest.parts) if of_parts else content_digest(manifest.blocks)
    return (
        _ATTEMPT.fullmatch(manifest.attempt) is not None
        and of_parts == bool(manifest.parts)
        and not (manifest.parts and manifest.blocks)
        and all(_BLOCK_FILE.fullmatch(block.file) for block in manifest.blocks)
        and all(_PART_FOLDER.fullmatch(part.folder) for part in manifest.parts)
        and sum(piece.count for piece in pieces) == manifest.count
        and digest == manifest.digest
        and manifest.bytes
        == sum(piece.bytes if isinstance(piece, Part) else piece.content_bytes for piece in pieces)
    )
