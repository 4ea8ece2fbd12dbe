"""What goes wrong with storage is told with the address, the cause and a next step."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from synaflow_core.errors import HandoffError, LossyValueError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff.places import redacted
from tests.handoff.records import Ordinary, Plain

ROOT = Path(__file__).resolve().parents[2]


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(HandoffError, match=r"cannot \w+ file://.*/store/p/r/d.*\n.*remove it"):
        HandoffStore(tmp_path / "store").write_value("p", "r", "d", 1, type=int)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(HandoffError, match=r"PermissionError.*\n.*let the user who runs the task"):
        HandoffStore(tmp_path).write_value("p", "r", "d", 1, type=int)


FULL = """
    import resource, signal, sys
    from synaflow_core.errors import HandoffError
    from synaflow_core.handoff import HandoffStore

    store = HandoffStore(sys.argv[1])
    kept = store.write_value("p", "r", "d", "kept", type=str)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
    writer = store.writer("p", "r", "d", type=str)
    try:
        for n in range(3):
            writer.write("x" * 3_000_000)
    except HandoffError as problem:
        print(problem)
    assert store.read_value(kept, str) == "kept"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_full_disk_ends_the_attempt_and_leaves_what_was_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"cannot write file://{tmp_path}/p/r/d/_attempts/" in done.stdout
    assert "-> free some space there, or set another store" in done.stdout
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("this user may not mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_keeps_what_was_there(small_disk: Path) -> None:
    store = HandoffStore(small_disk)
    kept = store.write_value("p", "r", "d", "kept", type=str, codec="text")
    before = {path for path in small_disk.rglob("*") if path.is_file()}
    with pytest.raises(HandoffError) as caught:
        store.write_value("p", "r", "d", "x" * 5_000_000, type=str, codec="text")
    assert f"cannot write file://{small_disk}/p/r/d/_attempts/" in str(caught.value)
    assert "No space left on device" in str(caught.value)
    assert "-> free some space there, or set another store" in str(caught.value)
    assert {path for path in small_disk.rglob("*") if path.is_file()} == before
    assert store.read_value(kept, str) == "kept"


def test_a_protocol_that_is_not_known() -> None:
    with pytest.raises(HandoffError, match=r"Protocol not known: nosuch(.|\n)*check the protocol"):
        HandoffStore("nosuch://bucket/x").writer("p", "r", "d", type=int)
    ref = DatasetRef("nosuch://b/x/manifest.json", "jsonl", "int", "items", 1, 2, "sha256:0")
    with pytest.raises(HandoffError, match="Protocol not known: nosuch"):
        list(HandoffStore("/tmp").read(ref, int))


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("s3://bucket/x", "s3fs", "s3"),
        ("gs://bucket/x", "gcsfs", "gcs"),
        ("az://container/x", "adlfs", "azure"),
        ("abfs://container@account.dfs.core.windows.net/x", "adlfs", "azure"),
    ],
)
def test_a_protocol_without_its_package(
    monkeypatch: pytest.MonkeyPatch, url: str, package: str, extra: str
) -> None:
    loaded = importlib.import_module("fsspec.registry")._registry
    monkeypatch.delitem(loaded, url.partition("://")[0], raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(HandoffError) as caught:
        HandoffStore(url).writer("p", "r", "d", type=int)
    assert f"cannot open {url}" in str(caught.value)
    assert package in str(caught.value)
    assert f"-> pip install 'synaflow-export[{extra}]' on every machine" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://KEY:hunter2@bucket/x", "s3://***@bucket/x"),
        ("s3://KEY:/hunter2/hunter2@bucket/x", "s3://***@bucket/x"),
        ("ftp://me:hunter2@host:21/x", "ftp://***@host:21/x"),
        ("simplecache::s3://a:hunter2@b", "simplecache::s3://***@b"),
        ("https://h/x?a=1&sig=hunter2&b=2", "https://h/x?a=1&sig=***&b=2"),
        ("gs://b/x?access_token=hunter2", "gs://b/x?access_token=***"),
        ("az://c/x?X-Amz-Signature=hunter2", "az://c/x?X-Amz-Signature=***"),
    ],
)
def test_a_credential_in_the_url_is_refused_and_never_shown(url: str, shown: str) -> None:
    with pytest.raises(HandoffError) as caught:
        HandoffStore(url)
    assert shown in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["abfs://container@account.dfs.core.windows.net/x", "sftp://me@host/x", "s3://b/a:b@c"]
)
def test_a_user_or_container_in_the_url_is_no_credential(url: str) -> None:
    assert redacted(url) == url
    assert HandoffStore(url).url == url


def test_an_error_of_the_storage_library_is_told_without_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = pytest.importorskip("fsspec.implementations.memory")

    class BrokenError(Exception):
        """As storage libraries have their own."""

    def fail(*args: object, **more: object) -> None:
        raise BrokenError("GET https://h/x?X-Amz-Signature=hunter2 by letmein2024 timed out")

    monkeypatch.setenv("SOME_ACCESS_KEY", "letmein2024")
    monkeypatch.setattr(memory.MemoryFileSystem, "pipe_file", fail)
    with pytest.raises(HandoffError) as caught:
        HandoffStore("memory://broken").write_value("p", "r", "d", 1, type=int)
    text = str(caught.value)
    assert "cannot write memory://broken/p/r/d/_attempts/" in text
    assert "BrokenError: GET https://h/x?X-Amz-Signature=*** by *** timed out" in text
    logged = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in logged
    assert "letmein2024" not in logged
    assert "check that the store is reachable" in text


def test_a_commit_that_fails_removes_its_blocks_but_never_visible_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = pytest.importorskip("fsspec.implementations.memory")
    real = memory.MemoryFileSystem.pipe_file
    lost_answer = False

    def fail(self: object, path: str, value: bytes, **more: object) -> None:
        if not path.endswith("manifest.json"):
            real(self, path, value, **more)
            return
        if lost_answer:
            real(self, path, value, **more)
        raise TimeoutError("no answer")

    monkeypatch.setattr(memory.MemoryFileSystem, "pipe_file", fail)
    store = HandoffStore("memory://timeouts")
    with pytest.raises(HandoffError, match="no answer"):
        store.write_value("p", "r", "d", 1, type=int)
    assert not store.exists("p", "r", "d")
    assert not memory.MemoryFileSystem().find("/timeouts")
    lost_answer = True
    with pytest.raises(HandoffError, match="no answer"):
        store.write_value("p", "r", "d", 1, type=int)
    manifest = store.read_manifest("p", "r", "d")
    assert manifest is not None
    ref = DatasetRef(
        store.uri("p", "r", "d"), "jsonl", "", "value", 1, manifest.bytes, manifest.digest
    )
    assert store.read_value(ref, int) == 1, "it did become visible, so it must be whole"


def test_unknown_codecs_kinds_and_compressions() -> None:
    store = HandoffStore("memory://x")
    with pytest.raises(HandoffError, match="codec 'xml' is not known"):
        store.writer("p", "r", "d", type=int, codec="xml")
    with pytest.raises(HandoffError, match="kind 'heap' is not known"):
        store.writer("p", "r", "d", type=int, kind="heap")
    with pytest.raises(HandoffError, match="compression 'rar' is not known"):
        HandoffStore("memory://x", compression="rar")
    for url in ("", "  "):
        with pytest.raises(HandoffError, match="the store has no URL"):
            HandoffStore(url)


def test_zstd_without_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    ref = HandoffStore(tmp_path, compression="zstd").write_value("p", "r", "d", 1, type=int)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(HandoffError, match=r"needs the package zstandard\n.*pip install"):
        HandoffStore(tmp_path, compression="zstd")
    with pytest.raises(HandoffError, match="needs the package zstandard"):
        HandoffStore(tmp_path).read_value(ref, int)


def test_opening_a_local_store_does_not_import_fsspec() -> None:
    code = (
        "import sys; from synaflow_core.handoff import HandoffStore; "
        "HandoffStore('/tmp/x').exists('p', 'r', 'd'); print('fsspec' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


# --- pickle --------------------------------------------------------------------------------------


def test_pickle_is_refused_unless_allowed(tmp_path: Path) -> None:
    allowed = HandoffStore(tmp_path, allow_pickle=True)
    ref = allowed.write_value("p", "r", "d", 1, type=int, codec="pickle")
    for call in (
        lambda: HandoffStore(tmp_path).writer("p", "r", "d", type=int, codec="pickle"),
        lambda: HandoffStore(tmp_path).read_value(ref, int),
    ):
        with pytest.raises(HandoffError, match=r"'pickle' is not allowed(.|\n)*--allow-pickle"):
            call()


def test_pickle_takes_what_json_does_not(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path, allow_pickle=True)

    def items() -> Iterator[object]:
        yield from (Plain(1, "a", 0.5, True), {1, 2}, Ordinary(3), frozenset, range(3))
        yield from ({"n": n} for n in range(1000))

    with store.writer("p", "r", "d", type=object, codec="pickle") as writer:
        for item in items():
            writer.write(item)
        ref = writer.commit()
    back = list(store.read(ref, object))
    assert vars(back[2]) == {"a": 3}
    assert [*back[:2], *back[3:]] == [item for i, item in enumerate(items()) if i != 2]
    assert list(store.read(ref, object, start=990, stop=995)) == back[990:995]


def test_what_cannot_be_pickled_is_told_with_its_place(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path, allow_pickle=True)
    writer = store.writer("p", "r", "clean", type=object, codec="pickle")
    writer.write(1)
    writer.write(2)
    writer.write(lambda: 1)
    with pytest.raises(LossyValueError, match=r"step 'clean', item 2.*function.*cannot be pickled"):
        writer.commit()
