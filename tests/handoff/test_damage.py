"""Damage: every byte of a small dataset changed, cut off or removed in turn is always noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff import writer as writers
from tests.handoff.records import Plain

ITEMS = [Plain(i, f"r{i}", i / 3, True) for i in range(5)]
Damage = Callable[[bytes], Iterator[bytes]]


def flipped(data: bytes) -> Iterator[bytes]:
    for i in range(len(data)):
        yield data[:i] + bytes([data[i] ^ (1 << i % 8)]) + data[i + 1 :]


def removed(data: bytes) -> Iterator[bytes]:
    return (data[:i] + data[i + 1 :] for i in range(len(data)))


def cut(data: bytes) -> Iterator[bytes]:
    return (data[:i] for i in range(len(data)))


def added(data: bytes) -> Iterator[bytes]:
    return (data[:i] + b" " + data[i:] for i in range(len(data) + 1))


def swapped(data: bytes) -> Iterator[bytes]:
    return (
        data[:i] + data[i + 1 : i + 2] + data[i : i + 1] + data[i + 2 :]
        for i in range(len(data) - 1)
        if data[i] != data[i + 1]
    )


@pytest.fixture(params=[None, "zstd"])
def written(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[HandoffStore, DatasetRef, list[Path]]:
    """A store, a dataset of two blocks, and its files."""
    if request.param:
        pytest.importorskip("zstandard")
    monkeypatch.setattr(writers, "BLOCK_BYTES", 100)
    monkeypatch.setattr(writers, "BATCH_ITEMS", 3)
    store = HandoffStore(tmp_path, compression=request.param)
    with store.writer("p", "r", "clean", type=Plain) as writer:
        for item in ITEMS:
            writer.write(item)
        ref = writer.commit()
    assert list(store.read(ref, Plain)) == ITEMS
    paths = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert [path.name[:8] for path in paths] == ["block-00", "block-00", "manifest"]
    return store, ref, paths


@pytest.mark.parametrize("damage", [flipped, removed, cut, added, swapped])
def test_any_damaged_byte_is_noticed_before_an_element_of_its_block_is_out(
    written: tuple[HandoffStore, DatasetRef, list[Path]], damage: Damage
) -> None:
    store, ref, paths = written
    for number, path in enumerate(paths):
        whole = path.read_bytes()
        before = [] if number != 1 else ITEMS[: _count(store)]
        for bad in damage(whole):
            path.write_bytes(bad)
            out = []
            with pytest.raises(HandoffError) as caught:
                out.extend(_each(store, ref, out))
            assert out == before
            assert path.name in str(caught.value)
            assert "-> " in str(caught.value)
        path.write_bytes(whole)
    assert list(store.read(ref, Plain)) == ITEMS


def _count(store: HandoffStore) -> int:
    manifest = store.read_manifest("p", "r", "clean")
    assert manifest is not None
    return manifest.blocks[0].count


def _each(store: HandoffStore, ref: DatasetRef, out: list[Plain]) -> list[Plain]:
    for item in store.read(ref, Plain):
        out.append(item)
    return []


def test_a_missing_file_is_told(written: tuple[HandoffStore, DatasetRef, list[Path]]) -> None:
    store, ref, paths = written
    for path in paths:
        whole = path.read_bytes()
        path.unlink()
        with pytest.raises(HandoffError, match=path.name.split(".")[0]):
            list(store.read(ref, Plain))
        path.write_bytes(whole)


def test_blocks_that_changed_places_are_noticed(
    written: tuple[HandoffStore, DatasetRef, list[Path]],
) -> None:
    store, ref, (one, two, _) = written
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    with pytest.raises(HandoffError, match="block-00000"):
        list(store.read(ref, Plain))


def test_a_damaged_dataset_is_simply_written_again(
    written: tuple[HandoffStore, DatasetRef, list[Path]],
) -> None:
    store, ref, paths = written
    paths[-1].write_bytes(b"{")
    with pytest.raises(HandoffError, match="is damaged"):
        store.exists("p", "r", "clean")
    with store.writer("p", "r", "clean", type=Plain) as writer:
        for item in ITEMS:
            writer.write(item)
        assert writer.commit() == ref
    assert list(store.read(ref, Plain)) == ITEMS


def test_a_manifest_of_a_newer_version_says_so(
    written: tuple[HandoffStore, DatasetRef, list[Path]],
) -> None:
    store, ref, paths = written
    paths[-1].write_bytes(paths[-1].read_bytes().replace(b'"format":1', b'"format":3', 1))
    with pytest.raises(HandoffError, match="has format 3, this version reads up to 2"):
        list(store.read(ref, Plain))


def test_a_type_that_does_not_fit_is_told(
    written: tuple[HandoffStore, DatasetRef, list[Path]],
) -> None:
    store, ref, _ = written
    with pytest.raises(HandoffError, match=r"block-00000.*does not fit the type .*int"):
        list(store.read(ref, int))


def test_a_reference_that_lies_is_told(
    written: tuple[HandoffStore, DatasetRef, list[Path]],
) -> None:
    store, ref, _ = written
    lies = {"count": 4, "bytes": 1, "digest": "sha256:00", "kind": "value"}
    for name, lie in lies.items():
        false = DatasetRef.from_dict({**ref.to_dict(), name: lie})
        read = store.read_value if name == "kind" else lambda r, t: list(store.read(r, t))
        with pytest.raises(HandoffError, match="not the one that the reference was made for"):
            read(false, Plain)
