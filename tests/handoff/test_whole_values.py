"""One big text or one big value of bytes: stored as it is, in blocks, in constant memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synaflow_core.errors import HandoffError, LossyValueError
from synaflow_core.handoff import HandoffStore
from synaflow_core.handoff.codecs import bytes as bytes_codec
from synaflow_core.handoff.codecs import text as text_codec
from tests.handoff.generated import anystr, anything
from tests.handoff.records import Ordinary, Text, fingerprint

MEBI = 1024 * 1024


def blocks(folder: Path) -> list[Path]:
    return sorted(folder.rglob("block-*"))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytes_codec, "CHUNK", 8)
    monkeypatch.setattr(text_codec, "_CHARACTERS", 3)


@pytest.mark.parametrize("size", [0, 1, MEBI - 1, MEBI, MEBI + 1, 5 * MEBI])
def test_bytes_lie_in_the_blocks_as_they_are(tmp_path: Path, size: int) -> None:
    value = bytes(i * 7 % 251 for i in range(1000)) * (size // 1000 + 1)
    value = value[:size]
    store = HandoffStore(tmp_path)
    ref = store.write_value("p", "r", "d", value, type=bytes, codec="bytes")
    assert (ref.count, ref.bytes, ref.kind) == (1, size, "value")
    assert b"".join(path.read_bytes() for path in blocks(tmp_path)) == value
    assert len(blocks(tmp_path)) == max(1, -(-size // MEBI))
    assert store.read_value(ref, bytes) == value


def test_text_lies_in_the_blocks_as_utf_8(tmp_path: Path) -> None:
    value = "grüße 🦆 " * 200_000
    store = HandoffStore(tmp_path)
    ref = store.write_value("p", "r", "d", value, type=str, codec="text")
    assert "".join(path.read_text("utf-8") for path in blocks(tmp_path)) == value
    assert len(blocks(tmp_path)) > 1
    assert store.read_value(ref, str) == value


@given(value=anystr | st.text(st.characters(codec=None), max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back(value: str) -> None:
    store = HandoffStore("memory://texts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_codec, "_CHARACTERS", 3)
        ref = store.write_value("p", "r", "d", value, type=str, codec="text")
    assert store.read_value(ref, str) == value


@pytest.mark.parametrize(("codec", "hint"), [("text", str), ("bytes", bytes)])
@given(value=anything)
@settings(max_examples=100, deadline=None)
def test_a_value_that_the_annotation_does_not_promise_is_kept_or_refused(
    codec: str, hint: Any, value: Any
) -> None:
    store = HandoffStore("memory://others")
    try:
        ref = store.write_value("p", "r", "d", value, type=hint, codec=codec)
    except LossyValueError:
        return
    assert fingerprint(store.read_value(ref, hint)) == fingerprint(value)


@pytest.mark.parametrize("value", [Text("x"), Ordinary(1)])
def test_what_would_not_come_back_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(LossyValueError, match="step 'd', item 0"):
        HandoffStore(tmp_path).write_value("p", "r", "d", value, type=str, codec="text")
    assert not blocks(tmp_path)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("compression", [None, "zstd"])
def test_a_stream_of_them_keeps_its_elements_apart(tmp_path: Path, compression: Any) -> None:
    store = HandoffStore(tmp_path, compression=compression)
    items = [b"", b"x" * 20, b"y" * 8, b"", b"z" * 9]
    with store.writer("p", "r", "d", type=bytes, codec="bytes") as writer:
        for item in items:
            writer.write(item)
        ref = writer.commit()
    assert list(store.read(ref, bytes)) == items
    for start in range(6):
        for stop in range(start, 6):
            assert list(store.read(ref, bytes, start=start, stop=stop)) == items[start:stop]


@pytest.mark.usefixtures("small_chunks")
def test_every_block_of_a_value_is_verified(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    ref = store.write_value("p", "r", "d", b"0123456789" * 4, type=bytes, codec="bytes")
    for path in blocks(tmp_path):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + b"?")
        with pytest.raises(HandoffError, match="its digest is not the one that was written"):
            store.read_value(ref, bytes)
        path.unlink()
        with pytest.raises(HandoffError, match="the file is missing"):
            store.read_value(ref, bytes)
        path.write_bytes(whole)


def test_writing_holds_one_block_beside_the_value(tmp_path: Path) -> None:
    value = bytes(32 * MEBI)
    store = HandoffStore(tmp_path)
    tracemalloc.start()
    try:
        store.write_value("p", "r", "d", value, type=bytes, codec="bytes")
        assert tracemalloc.get_traced_memory()[1] < 4 * MEBI
    finally:
        tracemalloc.stop()
