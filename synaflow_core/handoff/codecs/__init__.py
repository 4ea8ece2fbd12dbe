"""Codecs: how elements become the content of blocks and come back equal, types included.

One file per codec; :func:`codec_named` finds it. A codec gets elements in small batches, because
work per batch is cheap where work per element is not, and gives them back in batches. What it makes
of them are pieces, which the writer joins to blocks: several elements may share a block, and one
big element may take several. It raises :class:`LossyValueError` for an element that would not come
back equal; then nothing is committed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from synaflow_core.contract.codecs import ForeignCodec, foreign_codec
from synaflow_core.errors import HandoffError


class Piece(NamedTuple):
    """Some content of a block.

    Attributes:
        data: The bytes, which are appended to the block.
        ends: Elements that *end* in it: 0 for all parts of a big element but the last.
        marked: How many of them are in the codec's second, self-describing form.
        alone: It is a whole block: nothing may stand in the same file with it.
    """

    data: bytes | memoryview
    ends: int
    marked: int = 0
    alone: bool = False


class Encoder(Protocol):
    """Writes the elements of one dataset."""

    def encode(self, items: Sequence[Any], first: int) -> Iterable[Piece]:
        """The pieces of some elements, the first of which has the index ``first``.

        An eager codec may keep elements back to write them together with later ones.
        """

    def finish(self) -> Iterable[Piece]:
        """The pieces of what was kept back."""


Decode = Callable[[bytes, int, int], Iterable[list[Any]]]
"""``(content of a block, elements that end in it, how many are marked) -> batches of elements``.

It is called with one block after another, and with every block of an element that takes several.
"""


class Codec(Protocol):
    """Turns elements into bytes and back.

    Attributes:
        name: As in contracts, plans, manifests and references.
        suffix: What the name of a block's file ends with.
        eager: Elements are big, or change after they were handed on (arrays, data frames): each
            is encoded when it is written.
        compressed: The content is compressed as it is, so the store does not do it again.
    """

    name: str
    suffix: str
    eager: bool
    compressed: bool

    def encoder(self, hint: Any, dataset: str) -> Encoder:
        """Writes elements annotated with the type ``hint``; ``dataset`` is for messages."""

    def decoder(self, hint: Any) -> Decode:
        """Reads elements that were written with the same type."""


def codec_named(name: str, *, allow_pickle: bool) -> Codec:
    """The codec of a name.

    Raises:
        HandoffError: There is none, or it is pickle and that is not allowed.
    """
    if name == "pickle" and not allow_pickle:
        raise HandoffError(
            "codec 'pickle' is not allowed: reading a pickle runs whatever code it names\n"
            "    -> annotate the element as a dataclass or TypedDict to use jsonl, or, when "
            "all who can write to the store are trusted, allow it (--allow-pickle)"
        )
    if name in _BUILT_IN:
        module, cls = _BUILT_IN[name]
        found: Codec = getattr(importlib.import_module(f"{__name__}.{module}"), cls)()
        return found
    foreign = foreign_codec(name)
    if foreign is not None:
        return _Complete(foreign)
    raise HandoffError(
        f"codec {name!r} is not known\n    -> use one of: {', '.join(sorted(_BUILT_IN))}, or "
        "install the package that brings it on every machine that runs the pipeline"
    )


class _Complete:
    """A codec of another package, with what it need not say filled in."""

    def __init__(self, codec: ForeignCodec) -> None:
        self.name = codec.name
        self.suffix = codec.suffix
        self.eager = bool(getattr(codec, "eager", True))
        self.compressed = bool(getattr(codec, "compressed", False))
        self.encoder = codec.encoder
        self.decoder = codec.decoder


_BUILT_IN = {
    "bytes": ("bytes", "BytesCodec"),
    "jsonl": ("jsonl", "JsonlCodec"),
    "npy": ("npy", "NpyCodec"),
    "parquet": ("parquet", "ParquetCodec"),
    "pickle": ("pickle", "PickleCodec"),
    "text": ("text", "TextCodec"),
}
"""Name -> module in this package, which is imported when it is needed, and class."""
