"""Datasets from end to end: written, referred to, read whole or in part, replaced, refused."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synaflow_core.errors import HandoffError, LossyValueError
from synaflow_core.handoff import DatasetRef, DatasetWriter, HandoffStore
from synaflow_core.handoff import writer as writers
from synaflow_core.handoff.places import name_of, segment_of
from tests.handoff.records import Plain, Text

RUN = "manual__2024-01-01T00:00:00+00:00"


def rows(count: int, seed: int = 0) -> list[Plain]:
    chance = random.Random(seed)
    return [Plain(i, f"row {i}", chance.random(), i % 3 == 0) for i in range(count)]


def write(store: HandoffStore, items: list[Any], hint: Any = Plain, **more: Any) -> DatasetRef:
    with store.writer("p", RUN, "clean", type=hint, type_name="Plain", **more) as writer:
        for item in items:
            writer.write(item)
        return writer.commit()


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(writers, "BATCH_ITEMS", 7)


@pytest.fixture(params=["path", "file", "memory", "chained", "zstd"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> HandoffStore:
    if request.param == "zstd":
        pytest.importorskip("zstandard")
        return HandoffStore(tmp_path, compression="zstd")
    if request.param == "memory":
        return HandoffStore(f"memory://{tmp_path.name}")
    if request.param == "chained":
        return HandoffStore(f"dir::file://{tmp_path}")
    return HandoffStore(f"file://{tmp_path}" if request.param == "file" else tmp_path)


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 3000])
def test_what_is_read_is_what_was_written(store: HandoffStore, count: int) -> None:
    items = rows(count)
    ref = write(store, items)
    assert (ref.count, ref.kind, ref.codec, ref.type) == (count, "items", "jsonl", "Plain")
    assert list(store.read(ref, Plain)) == items
    carried = json.dumps(ref.to_dict())  # as an orchestrator does
    assert len(carried) < 1000
    assert list(store.read(DatasetRef.from_dict(json.loads(carried)), Plain)) == items


def test_the_layout_is_manifest_and_blocks_of_one_attempt(
    tmp_path: Path, small_blocks: None
) -> None:
    ref = write(HandoffStore(tmp_path), rows(50))
    folder = tmp_path / "p" / "manual__2024-01-01T00=3A00=3A00=2B00=3A00" / "clean"
    assert ref.uri == f"file://{folder}/manifest.json"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert files(folder) == [*(block["file"] for block in manifest["blocks"]), "manifest.json"]
    assert len(manifest["blocks"]) > 2
    first = (folder / manifest["blocks"][0]["file"]).read_text().splitlines()
    assert [json.loads(line)["name"] for line in first[:2]] == ["row 0", "row 1"]


def test_a_value_is_one_element(store: HandoffStore) -> None:
    value = {"rows": rows(2), "more": []}
    ref = store.write_value("p", RUN, "total", value, type=dict[str, list[Plain]], errors=3)
    assert (ref.kind, ref.count, ref.errors) == ("value", 1, 3)
    assert store.read_value(ref, dict[str, list[Plain]]) == value
    with pytest.raises(HandoffError, match="read it with read_value"):
        store.read(ref, Any)
    with pytest.raises(HandoffError, match=r"read it with read\(\)"):
        store.read_value(write(store, rows(1)), Plain)


def test_a_value_that_never_came_is_not_committed(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    with (
        store.writer("p", RUN, "total", type=int, kind="value") as writer,
        pytest.raises(HandoffError, match="a value is one element, got 0"),
    ):
        writer.commit()
    assert not store.exists("p", RUN, "total")


@given(
    count=st.integers(0, 120),
    bounds=st.tuples(st.integers(0, 130), st.none() | st.integers(0, 130)),
)
@settings(max_examples=60, deadline=None)
def test_a_slice_is_the_slice_of_the_list(count: int, bounds: tuple[int, int | None]) -> None:
    store = HandoffStore("memory://slices")
    start, stop = bounds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writers, "BLOCK_BYTES", 100)
        patch.setattr(writers, "BATCH_ITEMS", 3)
        ref = write(store, list(range(count)), int)
    assert list(store.read(ref, int, start=start, stop=stop)) == list(range(count))[start:stop]


def test_a_slice_reads_only_its_blocks(tmp_path: Path, small_blocks: None) -> None:
    store = HandoffStore(tmp_path)
    ref = write(store, rows(200))
    manifest = store.read_manifest("p", RUN, "clean")
    assert manifest is not None
    folder = Path(ref.uri.removeprefix("file://")).parent
    (folder / manifest.blocks[0].file).unlink()
    (folder / manifest.blocks[-1].file).unlink()
    start = manifest.blocks[0].count
    stop = ref.count - manifest.blocks[-1].count
    assert list(store.read(ref, Plain, start=start, stop=stop)) == rows(200)[start:stop]


def test_nothing_is_opened_before_the_first_element_is_asked_for(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    ref = write(store, rows(3))
    Path(ref.uri.removeprefix("file://")).unlink()
    items = store.read(ref, Plain)
    with pytest.raises(HandoffError, match="is not there"):
        next(items)


def test_equal_data_has_an_equal_digest(tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    one = write(HandoffStore(tmp_path / "a"), rows(20_000))
    two = write(HandoffStore(tmp_path / "b", compression="zstd"), rows(20_000))
    assert (one.digest, one.bytes, one.count) == (two.digest, two.bytes, two.count)
    assert one.digest != write(HandoffStore(tmp_path / "a"), rows(20_000, seed=1)).digest
    with HandoffStore(tmp_path).writer("p", "r", "d", type=Plain) as writer:
        for item in rows(20_000):
            writer.write(item)
        assert writer.commit(errors=5).digest == one.digest


def test_nothing_is_visible_before_the_commit(store: HandoffStore, small_blocks: None) -> None:
    writer = store.writer("p", RUN, "clean", type=Plain)
    for item in rows(100):
        writer.write(item)
        assert not store.exists("p", RUN, "clean")
    writer.commit()
    assert store.exists("p", RUN, "clean")


def test_an_aborted_attempt_leaves_nothing(tmp_path: Path, small_blocks: None) -> None:
    store = HandoffStore(tmp_path)

    def attempt() -> None:
        with store.writer("p", RUN, "clean", type=Plain) as writer:
            for item in rows(100):
                writer.write(item)
            assert files(tmp_path)
            raise RuntimeError("the step failed")

    with pytest.raises(RuntimeError, match="the step failed"):
        attempt()
    assert files(tmp_path) == []


def test_a_refused_element_leaves_nothing_and_is_told_with_its_index(
    tmp_path: Path, small_blocks: None
) -> None:
    writer = HandoffStore(tmp_path).writer("p", RUN, "clean", type=Plain)

    def feed(items: list[Plain]) -> None:
        for item in items:
            writer.write(item)

    feed(rows(100))
    assert files(tmp_path)
    with pytest.raises(LossyValueError, match=r"step 'clean', item 100, field \.name"):
        feed([Plain(100, Text("x"), 0.5, True), *rows(20)])
    assert files(tmp_path) == []
    for call in (lambda: writer.write(1), writer.commit):
        with pytest.raises(HandoffError, match="the dataset's writer is aborted"):
            call()


def test_a_retry_replaces_the_dataset_and_its_blocks(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    first = write(store, rows(10))
    second = write(store, rows(20))
    assert first.uri == second.uri
    assert len(files(tmp_path)) == 2
    assert list(store.read(second, Plain)) == rows(20)
    with pytest.raises(HandoffError, match="a later attempt replaced it"):
        list(store.read(first, Plain))
    again = write(store, rows(10))
    assert list(store.read(first, Plain)) == rows(10), "the same data again"
    assert again == first


def test_racing_attempts_end_with_the_last_to_commit(
    store: HandoffStore, small_blocks: None
) -> None:
    writers_: list[DatasetWriter] = []
    for number in (1, 2, 3):
        racing = store.writer("p", RUN, "clean", type=Plain)
        for item in rows(300, number):
            racing.write(item)
        writers_.append(racing)
    refs = [writers_[i].commit() for i in (1, 0)]
    writers_[2].abort()
    assert list(store.read(refs[1], Plain)) == rows(300, 1)
    with pytest.raises(HandoffError, match="replaced"):
        list(store.read(refs[0], Plain))


def test_a_reader_goes_on_when_an_equal_attempt_takes_over(
    tmp_path: Path, small_blocks: None
) -> None:
    store = HandoffStore(tmp_path)
    items = store.read(write(store, rows(100)), Plain)
    begun = [next(items), next(items)]
    write(store, rows(100))
    assert begun + list(items) == rows(100)


def test_a_reader_is_told_when_other_data_takes_over(tmp_path: Path, small_blocks: None) -> None:
    store = HandoffStore(tmp_path)
    items = store.read(write(store, rows(100)), Plain)
    begun = [next(items)]
    write(store, rows(100, seed=1))
    with pytest.raises(HandoffError, match="a later attempt replaced it"):
        begun.extend(items)
    assert begun == rows(100)[: len(begun)]


def test_one_object_yielded_again_and_again_is_kept_as_it_was(store: HandoffStore) -> None:
    def reusing() -> Iterator[dict[str, int]]:
        row = {"n": -1}
        for n in range(1000):
            row["n"] = n
            yield row

    writer = store.writer("p", RUN, "clean", type=dict[str, int])
    for item in reusing():
        writer.write(item)
    assert [row["n"] for row in store.read(writer.commit(), dict[str, int])] == list(range(1000))


def test_an_element_is_kept_as_it_was_when_the_next_one_came(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    writer = store.writer("p", RUN, "clean", type=dict[str, int])
    for n in range(2000):
        row = {"n": n}
        writer.write(row)
        row["seen"] = n  # by another consumer of the same item
    ref = writer.commit()
    assert all(row == {"n": n, "seen": n} for n, row in enumerate(store.read(ref, dict[str, int])))


@pytest.mark.parametrize("big", [500, 100_000])
def test_memory_does_not_grow_with_the_number_of_elements(tmp_path: Path, big: int) -> None:
    store = HandoffStore(tmp_path)

    def peak(count: int) -> int:
        tracemalloc.start()
        writer = store.writer("p", RUN, "clean", type=str)
        for n in range(count):
            writer.write(f"{n:0{big}}")
        for _ in store.read(writer.commit(), str):
            pass
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    blocks = 2_000_000 // big
    assert peak(5 * blocks) < peak(blocks) + 1_000_000
    assert peak(5 * blocks) < 8_000_000


# --- names and addresses -------------------------------------------------------------------------

# fmt: off
HOSTILE = [
    "..", ".", "/", "a/b", "../../x", "", "a b", "é", "%2e", "=-", "=2F", "A" * 1000, "\x00",
    "x" * 149 + "é", "~", "nul.", "-rf", "\ud800", "s3://b", "a::b", "?token=x", "#", "\n",
]
# fmt: on


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leaves_its_folder(tmp_path: Path, name: str) -> None:
    store = HandoffStore(tmp_path / "base")
    ref = store.write_value(name, name, name, 1, type=int)
    assert store.read_value(ref, int) == 1
    assert store.exists(name, name, name)
    (manifest,) = tmp_path.rglob("manifest.json")
    assert manifest.parent.parent.parent.parent == tmp_path / "base"
    assert "/_attempts/" in files(tmp_path)[0]


@given(st.lists(st.text(st.characters(codec=None)), min_size=2, max_size=5, unique=True))
def test_different_names_have_different_segments(names: list[str]) -> None:
    segments = [segment_of(name) for name in names]
    assert len(set(segments)) == len(names)
    for name, segment in zip(names, segments, strict=True):
        assert name_of(segment) in (name, None)
        assert set(segment) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.="
        )
        assert len(segment) <= 150
        assert segment.strip(".")


def test_a_long_name_is_cut_but_unique() -> None:
    assert segment_of("x" * 999 + "a") != segment_of("x" * 999 + "b")
    assert name_of(segment_of("x" * 999)) is None


def test_a_relative_folder_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ref = HandoffStore("store").write_value("p", "r", "d", 1, type=int)
    monkeypatch.chdir("/")
    assert HandoffStore("elsewhere").read_value(ref, int) == 1


@pytest.mark.parametrize("name", ["a b", "a#b", "a::b", "50%", "%20", "é", "x?y=1&z", "it's", "~"])
def test_any_folder_may_be_the_store(tmp_path: Path, name: str) -> None:
    for url in (tmp_path / name, f"file://{tmp_path / name}"):
        ref = HandoffStore(url).write_value("p", "r", "d", [1], type=list[int])
        assert HandoffStore("memory://other").read_value(ref, list[int]) == [1]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_universal_path_may_be_the_store(tmp_path: Path) -> None:
    upath = pytest.importorskip("upath")
    for url in (upath.UPath(tmp_path), upath.UPath("memory://universal/x")):
        store = HandoffStore(url)
        assert store.read_value(store.write_value("p", "r", "d", 1, type=int), int) == 1
    assert HandoffStore(upath.UPath("memory://universal/x")).url == "memory://universal/x"


def test_a_reference_with_bad_fields_names_them_all() -> None:
    good = DatasetRef(
        "file:///x/manifest.json", "jsonl", "int", "items", 1, 2, "sha256:0"
    ).to_dict()
    assert DatasetRef.from_dict({**good, "later": 1}).to_dict() == good
    with pytest.raises(HandoffError, match=r"'count' \(expected int, got str\), 'digest'"):
        DatasetRef.from_dict({**good, "count": "1", "digest": None})
    with pytest.raises(HandoffError, match="JSON object, got NoneType"):
        DatasetRef.from_dict(None)  # type: ignore[arg-type]
    bad = DatasetRef.from_dict({**good, "uri": "/etc/passwd"})
    with pytest.raises(HandoffError, match=r"not the address of a dataset's manifest\.json"):
        list(HandoffStore("/tmp").read(bad, int))
