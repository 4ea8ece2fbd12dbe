"""Datasets that several processes wrote: joined whole or not at all, read and damaged as one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff import writer as writers
from tests.handoff.records import Plain
from tests.handoff.test_crash import calls_of, dying_at, ended, in_child


def rows(start: int, stop: int, version: int = 0) -> list[Plain]:
    return [Plain(i, f"row {i}", version / 8, True) for i in range(start, stop)]


def part(store: HandoffStore, index: int, count: int, items: list[Plain]) -> DatasetRef:
    with store.writer("p", "r", "clean", type=Plain, part=(index, count)) as writer:
        for item in items:
            writer.write(item)
        return writer.commit(errors=index)


def joined(store: HandoffStore, parts: list[DatasetRef]) -> DatasetRef:
    return store.join("p", "r", "clean", parts, errors=sum(ref.errors for ref in parts))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "BLOCK_BYTES", 500)
    monkeypatch.setattr(writers, "BATCH_ITEMS", 5)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=6),
    start=st.integers(0, 120),
    stop=st.none() | st.integers(0, 140),
)
def test_any_parts_read_as_one(sizes: list[int], start: int, stop: int | None) -> None:
    store = HandoffStore("memory://parts")
    whole, parts = [], []
    for index, size in enumerate(sizes):
        items = rows(len(whole), len(whole) + size)
        whole += items
        parts.append(part(store, index, len(sizes), items))
    ref = joined(store, parts)
    assert ref.count == len(whole)
    assert ref.errors == sum(range(len(sizes)))
    assert list(store.read(ref, Plain)) == whole
    assert list(store.read(ref, Plain, start=start, stop=stop)) == whole[start:stop]
    assert DatasetRef.from_dict(ref.to_dict()) == ref


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_every_store_and_a_part_that_is_written_again(
    tmp_path: Path, compression: str | None, small_blocks: None
) -> None:
    store = HandoffStore(tmp_path, compression=compression)
    parts = [part(store, i, 3, rows(20 * i, 20 * i + 20)) for i in range(3)]
    ref = joined(store, parts)
    reading = store.read(ref, Plain)
    first = next(reading)
    part(store, 2, 3, rows(40, 60))  # equal content: whoever reads goes on with it
    assert [first, *reading] == rows(0, 60)
    part(store, 1, 3, rows(20, 40, version=1))
    with pytest.raises(HandoffError, match="a later attempt replaced it"):
        list(store.read(ref, Plain))


def test_a_whole_may_replace_parts_and_parts_a_whole(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    for _ in range(2):
        with store.writer("p", "r", "clean", type=Plain) as writer:
            for item in rows(0, 7):
                writer.write(item)
            assert list(store.read(writer.commit(), Plain)) == rows(0, 7)
        ref = joined(store, [part(store, i, 2, rows(5 * i, 5 * i + 5)) for i in range(2)])
        assert list(store.read(ref, Plain)) == rows(0, 10)
    assert len(list(tmp_path.glob("p/r/clean/_attempts/*/block-*"))) == 0


def test_parts_of_other_places_and_kinds_are_refused(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    parts = [part(store, i, 2, rows(0, 3)) for i in range(2)]
    for wrong in (parts[::-1], parts[:1], [*parts, parts[1]]):
        with pytest.raises(HandoffError, match=r"is expected in _parts/0000\d-of-0000\d"):
            joined(store, wrong)
    texts = HandoffStore(tmp_path, allow_pickle=True)
    with texts.writer("p", "r", "clean", type=Plain, codec="pickle", part=(1, 2)) as writer:
        writer.write(rows(0, 1)[0])
        other = writer.commit()
    with pytest.raises(HandoffError, match="does not fit the first one"):
        joined(store, [parts[0], other])
    assert not store.exists("p", "r", "clean")


def test_damage_to_any_file_of_any_part_is_found(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    ref = joined(store, [part(store, i, 2, rows(3 * i, 3 * i + 3)) for i in range(2)])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 5
    for path in files:
        kept = path.read_bytes()
        for place in range(0, len(kept), 7):
            path.write_bytes(kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :])
            with pytest.raises(HandoffError):
                list(store.read(ref, Plain))
        path.unlink()
        with pytest.raises(HandoffError):
            list(store.read(ref, Plain))
        path.write_bytes(kept)
    assert list(store.read(ref, Plain)) == rows(0, 6)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_joining_killed_at_any_call_leaves_the_old_data_or_the_new(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    old = [part(store, i, 2, rows(3 * i, 3 * i + 3)) for i in range(2)]
    new = [part(store, i, 3, rows(2 * i, 2 * i + 2, version=1)) for i in range(3)]
    before, after = joined(store, old), joined(store, new)
    last = calls_of(lambda: joined(store, new))
    outcomes = set()
    for call in range(1, last + 10, 2):
        joined(store, old)
        code = ended(in_child(dying_at(call, lambda: joined(store, new))))
        assert code in (0, -signal.SIGKILL)
        found = store.read_manifest("p", "r", "clean")
        assert found is not None
        assert found.digest in (before.digest, after.digest)
        ref = before if found.digest == before.digest else after
        items = list(store.read(ref, Plain))
        assert items == (rows(0, 6) if ref is before else rows(0, 6, version=1))
        outcomes.add((code == 0, ref is after))
    assert {(False, False), (True, True)} <= outcomes
    assert joined(store, new) == after
