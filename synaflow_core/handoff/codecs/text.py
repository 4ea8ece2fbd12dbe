"""The ``text`` codec: one big text as UTF-8, in blocks; as :mod:`.bytes` in everything else.

Lone surrogates, which UTF-8 forbids, are written the way they would be encoded if it did not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synaflow_core.handoff.codecs.bytes import CHUNK, BytesCodec

_CHARACTERS = CHUNK // 4
"""Per block: a character has at most four bytes."""


class TextCodec(BytesCodec):
    """See :class:`~synaflow_core.handoff.codecs.Codec`."""

    name = "text"
    suffix = ".txt"

    _exact = str

    def chunks(self, value: Any) -> Iterator[bytes | memoryview]:
        """The text, piece by piece; no character is cut."""
        for start in range(0, len(value) or 1, _CHARACTERS):
            yield value[start : start + _CHARACTERS].encode("utf-8", "surrogatepass")

    def value_of(self, content: bytes) -> Any:
        """The text of a chunk."""
        return content.decode("utf-8", "surrogatepass")
