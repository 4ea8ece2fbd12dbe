"""There and back again: what the jsonl codec stores, and what it reads from that."""

from __future__ import annotations

from typing import Any

from synaflow_core.handoff.codecs.jsonl import JsonlCodec
from tests.handoff.records import fingerprint

JSONL = JsonlCodec()


def stored(hint: Any, items: list[Any]) -> tuple[bytes, int]:
    """The content that a writer would store, and how many lines are self-describing."""
    return JSONL.encoder(hint, "step")(items, 0)


def read(hint: Any, content: bytes, marked: int) -> list[Any]:
    return [item for batch in JSONL.decoder(hint)(content, marked) for item in batch]


def assert_unchanged(hint: Any, items: list[Any]) -> int:
    content, marked = stored(hint, items)
    back = read(hint, content, marked)
    assert [fingerprint(item) for item in back] == [fingerprint(item) for item in items]
    assert content.count(b"\n") == len(items)
    return marked
