"""The store on a real S3 server: commits, retries, and all that can go wrong with a bucket."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import fsspec
import numpy as np
import pandas as pd
import pytest
from moto.server import ThreadedMotoServer

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff import writer as writers
from synaflow_core.handoff.prune import prunable, prune

SECRET = "hunter2/hunter2/hunter2"
BUCKET = "datasets"
URL = f"s3://{BUCKET}/synaflow"


def serve() -> tuple[ThreadedMotoServer, str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return server, f"http://{host}:{port}"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server, address = serve()
    yield address
    server.stop()


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> Iterator[None]:
    """A worker whose storage library finds the endpoint and credentials in its environment."""
    point_to(monkeypatch, endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "worker")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def point_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture
def client(worker: None) -> Iterator[Any]:
    """A client of the server, and a bucket that is empty in the end."""
    found = boto3.client("s3")
    found.create_bucket(Bucket=BUCKET)
    yield found
    found.delete_bucket_policy(Bucket=BUCKET)
    for key in keys(found):
        found.delete_object(Bucket=BUCKET, Key=key)
    found.delete_bucket(Bucket=BUCKET)


def keys(client: Any) -> list[str]:
    return [entry["Key"] for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def write(store: HandoffStore, count: int = 100, run: str = "r") -> DatasetRef:
    with store.writer("p", run, "d", type=str) as writer:
        for n in range(count):
            writer.write(f"{n:01000}")
        return writer.commit(errors=1)


# --- what works ----------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_datasets_on_s3(client: Any, compression: str | None) -> None:
    store = HandoffStore(URL, compression=compression)
    ref = write(store, 3000)
    assert ref.uri == f"{URL}/p/r/d/manifest.json"
    assert list(store.read(ref, str)) == [f"{n:01000}" for n in range(3000)]
    assert list(store.read(ref, str, start=2990, stop=2992)) == [f"{n:01000}" for n in (2990, 2991)]
    blocks = [key for key in keys(client) if "block-" in key]
    assert len(blocks) > 1


def test_tables_and_arrays_on_s3(client: Any) -> None:
    store = HandoffStore(URL)
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=pd.Index([3, 4], name="i"))
    ref = store.write_value("p", "r", "frame", frame, type=pd.DataFrame, codec="parquet")
    pd.testing.assert_frame_equal(store.read_value(ref, pd.DataFrame), frame)
    array = np.arange(1_000_000.0)
    ref = store.write_value("p", "r", "array", array, type=np.ndarray, codec="npy")
    assert np.array_equal(store.read_value(ref, np.ndarray), array)


def test_a_retry_replaces_the_dataset_and_its_blocks(client: Any) -> None:
    store = HandoffStore(URL)
    write(store, 5)
    before = set(keys(client))
    ref = write(store, 7)
    assert len(list(store.read(ref, str))) == 7
    assert len(keys(client)) == len(before) == 2


def test_nothing_is_visible_before_the_commit(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "BLOCK_BYTES", 1000)
    store = HandoffStore(URL)
    writer = store.writer("p", "r", "d", type=str)
    for n in range(20):
        writer.write(f"{n:01000}")
    assert keys(client)
    assert not store.exists("p", "r", "d")
    writer.commit()
    assert store.exists("p", "r", "d")
    with store.writer("p", "r", "other", type=str) as given_up:
        for n in range(20):
            given_up.write(f"{n:01000}")
    assert not [key for key in keys(client) if "/other/" in key]


def test_attempts_that_race_end_with_one_whole_dataset(client: Any) -> None:
    refs: list[DatasetRef] = []

    def attempt(count: int) -> None:
        refs.append(write(HandoffStore(URL), count))

    threads = [threading.Thread(target=attempt, args=(count,)) for count in (300, 300, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ref.digest for ref in refs}) == 1
    store = HandoffStore(URL)
    assert all(len(list(store.read(ref, str))) == 300 for ref in refs)


def test_pruning_a_bucket(client: Any) -> None:
    store = HandoffStore(URL)
    kept = write(store, run="a")
    write(store, run="b")
    client.put_object(Bucket=BUCKET, Key="synaflow/notes.txt", Body=b"mine")
    week = timedelta(days=7)
    assert list(prunable(URL, week)) == []
    later = datetime.now(UTC) + timedelta(days=8)
    found = {item.run_key: item for item in prunable(URL, week, now=later)}
    assert sorted(found) == ["a", "b"]
    assert found["b"].files == 2
    assert not prune(found["b"], week), "it is young by the server's clock"
    assert prune(found["b"], week, now=later)
    assert not store.exists("p", "b", "d")
    assert len(list(store.read(kept, str))) == 100
    assert "synaflow/notes.txt" in keys(client)


# --- what goes wrong -----------------------------------------------------------------------------


def refusal(work: Any) -> str:
    """The message of a failure; the whole of it, as a log would print it, holds no secret."""
    with pytest.raises(HandoffError) as caught:
        work()
    printed = "".join(traceback.format_exception(caught.value))
    assert SECRET not in printed
    assert "hunter2" not in printed
    return str(caught.value)


def test_a_bucket_that_does_not_exist(worker: None) -> None:
    store = HandoffStore("s3://no-such-bucket/x")
    told = refusal(lambda: write(store))
    assert "cannot write s3://no-such-bucket/x/p/r/d/_attempts/" in told
    assert "The specified bucket does not exist\n    -> create it, or set another store" in told
    ref = DatasetRef(store.uri("p", "r", "d"), "jsonl", "", "items", 0, 0, "sha256:0")
    for look in (
        lambda: list(store.read(ref, str)),
        lambda: store.exists("p", "r", "d"),
        lambda: list(prunable(store.url, timedelta(1))),
    ):
        assert "bucket does not exist" in refusal(look), "it must not look like no dataset"


def deny(client: Any, action: str) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client.put_bucket_policy(Bucket=BUCKET, Policy=policy)


def test_a_bucket_that_may_not_be_written(client: Any) -> None:
    store = HandoffStore(URL)
    ref = write(store)
    deny(client, "s3:PutObject")
    told = refusal(lambda: write(store, 5))
    assert "PermissionError" in told
    assert "-> let the user who runs the task read and write there" in told
    assert len(list(store.read(ref, str))) == 100, "what was there stays"


def test_a_bucket_that_may_not_be_read(client: Any) -> None:
    store = HandoffStore(URL)
    ref = write(store)
    deny(client, "s3:GetObject")
    assert "PermissionError" in refusal(lambda: list(store.read(ref, str)))


def test_a_worker_without_credentials(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    deny(client, "s3:*")  # S3 takes a request without credentials as one of anybody
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    told = refusal(lambda: write(HandoffStore(URL)))
    assert f"cannot write {URL}/p/r/d" in told
    client.delete_bucket_policy(Bucket=BUCKET)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes every request and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_store_that_does_not_answer(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, silent)
    monkeypatch.setenv("SYNAFLOW_STORE_TIMEOUT", "0.5")
    monkeypatch.setattr("synaflow_core.handoff.remote.CLEANING_TIMEOUT", 0.5)
    told = refusal(lambda: write(HandoffStore(URL)))
    assert "no answer within 0.5 s (SYNAFLOW_STORE_TIMEOUT sets how long to wait)" in told
    assert "-> check that the store is reachable from this machine" in told
    assert "no answer within" in refusal(lambda: HandoffStore(URL).exists("p", "r", "d"))


def test_a_store_that_is_not_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    point_to(monkeypatch, f"http://127.0.0.1:{closed}")
    monkeypatch.setenv("SYNAFLOW_STORE_TIMEOUT", "3")  # the storage library tries again and again
    told = refusal(lambda: HandoffStore(URL).exists("p", "r", "d"))
    assert f"cannot read {URL}/p/r/d/manifest.json" in told
    assert "-> check that the store is reachable from this machine" in told


def test_a_server_that_goes_away_half_way(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "BLOCK_BYTES", 1000)
    monkeypatch.setenv("SYNAFLOW_STORE_TIMEOUT", "10")  # on a busy machine a good server is slow
    monkeypatch.setattr("synaflow_core.handoff.remote.CLEANING_TIMEOUT", 0.5)
    healthy = os.environ["AWS_ENDPOINT_URL"]
    kept = write(HandoffStore(URL))
    going, address = serve()  # the same buckets, on another port
    point_to(monkeypatch, address)
    writer = HandoffStore(URL).writer("p", "r", "d", type=str)
    for n in range(5):
        writer.write(f"{n:01000}")
    going.stop()

    def rest() -> None:
        for n in range(5):
            writer.write(f"{n:01000}")
        writer.commit()

    assert f"cannot write {URL}/p/r/d/_attempts/" in refusal(rest)
    point_to(monkeypatch, healthy)
    assert len(list(HandoffStore(URL).read(kept, str))) == 100


def test_secrets_reach_neither_references_nor_manifests_nor_logs(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        store = HandoffStore(URL)
        ref = write(store)
        list(store.read(ref, str))
    written = [
        client.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys(client)
    ]
    for text in (json.dumps(ref.to_dict()), repr(store), caplog.text, *keys(client), *written):
        assert SECRET not in text
        assert "hunter2" not in text
    for url in (f"s3://worker:{SECRET}@{BUCKET}/x", f"{URL}?aws_secret_access_key={SECRET}"):
        assert "holds a credential" in refusal(lambda url=url: HandoffStore(url))
