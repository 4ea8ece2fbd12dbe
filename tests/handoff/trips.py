"""There and back again: what the jsonl codec stores, and what it reads from that."""

from __future__ import annotations

from typing import Any

from synaflow_core.handoff.codecs.jsonl import JsonlCodec
from tests.handoff.records import fingerprint

JSONL = JsonlCodec()


def stored(hint: Any, items: list[Any]) -> tuple[bytes, int]:
    """The content that a writer would store, and how many lines are self-describing."""
    (piece,) = JSONL.encoder(hint, "step").encode(items, 0)
    return bytes(piece.data), piece.marked


def read(hint: Any, content: bytes, marked: int) -> list[Any]:
    return [item for batch in JSONL.decoder(hint)(content, 0, marked) for item in batch]


def assert_unchanged(hint: Any, items: list[Any]) -> int:
    content, marked = stored(hint, items)
    back = read(hint, content, marked)
    assert [fingerprint(item) for item in back] == [fingerprint(item) for item in items]
    assert content.count(b"\n") == len(items)
    return marked
