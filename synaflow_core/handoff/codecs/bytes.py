"""The ``bytes`` codec: one big value as it is, in blocks; ``cat`` puts the blocks together.

The annotation does not bind anybody: a value that is not exactly ``bytes`` is stored as the codec
``jsonl`` would store it, in a block that is marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from synaflow_core.handoff.codecs import Decode, Encoder, Piece
from synaflow_core.handoff.codecs.jsonl import JsonlCodec

CHUNK = 1024 * 1024
"""Length of a block."""


class BytesCodec:
    """See :class:`~synaflow_core.handoff.codecs.Codec`."""

    name = "bytes"
    suffix = ".bin"
    eager = True
    compressed = False

    _exact: type[Any] = bytes

    def encoder(self, hint: Any, dataset: str) -> Encoder:
        """Writes values chunk by chunk."""
        return _Encoder(self, JsonlCodec().encoder(hint, dataset))

    def decoder(self, hint: Any) -> Decode:
        """Puts the chunks of each value together."""
        any_value = JsonlCodec().decoder(hint)
        chunks: list[Any] = []

        def decode(content: bytes, ends: int, marked: int) -> Iterable[list[Any]]:
            if marked:
                yield from any_value(content, ends, marked)
                return
            chunks.append(self.value_of(content))
            if ends:
                whole = chunks[0] if len(chunks) == 1 else self._exact().join(chunks)
                chunks.clear()
                yield [whole]

        return decode

    def fits(self, value: Any) -> bool:
        """Whether a value is stored as it is."""
        return type(value) is self._exact

    def chunks(self, value: Any) -> Iterator[bytes | memoryview]:
        """The content of a value, piece by piece; one empty piece for an empty value."""
        view = memoryview(value)
        for start in range(0, len(value) or 1, CHUNK):
            yield view[start : start + CHUNK]

    def value_of(self, content: bytes) -> Any:
        """What a chunk was made of."""
        return content


class _Encoder:
    def __init__(self, codec: BytesCodec, any_value: Encoder) -> None:
        self._codec = codec
        self._any_value = any_value

    def encode(self, items: Sequence[Any], first: int) -> Iterator[Piece]:
        for index, item in enumerate(items, first):
            if self._codec.fits(item):
                yield from self._pieces(item)
            else:
                for piece in self._any_value.encode([item], index):
                    yield Piece(piece.data, 1, marked=1, alone=True)

    def _pieces(self, item: Any) -> Iterator[Piece]:
        previous: bytes | memoryview | None = None
        for chunk in self._codec.chunks(item):
            if previous is not None:
                yield Piece(previous, 0, alone=True)
            previous = chunk
        yield Piece(b"" if previous is None else previous, 1, alone=True)

    def finish(self) -> tuple[()]:
        return ()
