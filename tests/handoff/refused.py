"""What the handoff store refuses, each as a case whose message is kept; see ``test_messages.py``.

A case gets a store and its folder, and does what raises. ``WRITTEN`` is what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypedDict

from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff.prune import prunable
from synaflow_core.macro.joining import ShardResult
from synaflow_core.macro.shards import ShardSpec, check_shard, shard_from_json, split

Case = Callable[[HandoffStore, Path], Any]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    """Register a case under the name of its function."""
    CASES[function.__name__] = function
    return function


class Order(TypedDict):
    """What is stored."""

    number: int
    note: str


def written(store: HandoffStore, *notes: str, part: tuple[int, int] | None = None) -> DatasetRef:
    """A dataset of orders."""
    with store.writer(
        "shop", "monday", "orders", type=Order, type_name="Stream[Order]", part=part
    ) as writer:
        for number, note in enumerate(notes or ("one", "two")):
            writer.write(Order(number=number, note=note))
        return writer.commit()


def block(folder: Path) -> Path:
    """The file of the only block."""
    (found,) = folder.rglob("block-*")
    return found


def manifest(folder: Path) -> Path:
    """The file of the only manifest."""
    (found,) = folder.rglob("manifest.json")
    return found


def read(store: HandoffStore, ref: DatasetRef, kind: Any = Order) -> list[Any]:
    """All of a dataset."""
    return list(store.read(ref, kind))


# -- stores and references -------------------------------------------------------------------------


@case
def store_without_a_url(store: HandoffStore, folder: Path) -> None:
    HandoffStore("")


@case
def store_with_a_credential(store: HandoffStore, folder: Path) -> None:
    HandoffStore("s3://AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY@bucket/orders")


@case
def store_of_an_unknown_protocol(store: HandoffStore, folder: Path) -> None:
    HandoffStore("sharepoint://orders").exists("shop", "monday", "orders")


@case
def compression_unknown(store: HandoffStore, folder: Path) -> None:
    HandoffStore(folder, compression="rar")


@case
def codec_unknown(store: HandoffStore, folder: Path) -> None:
    store.writer("shop", "monday", "orders", type=Order, codec="xml")


@case
def codec_pickle_not_allowed(store: HandoffStore, folder: Path) -> None:
    store.writer("shop", "monday", "orders", type=object, codec="pickle")


@case
def kind_unknown(store: HandoffStore, folder: Path) -> None:
    store.writer("shop", "monday", "orders", type=Order, kind="table")


@case
def reference_that_is_none(store: HandoffStore, folder: Path) -> None:
    DatasetRef.from_dict("orders")  # type: ignore[arg-type] # what an orchestrator may pass on


@case
def reference_with_bad_fields(store: HandoffStore, folder: Path) -> None:
    made = written(store).to_dict()
    del made["uri"]
    DatasetRef.from_dict({**made, "count": "2"})


@case
def reference_to_no_manifest(store: HandoffStore, folder: Path) -> None:
    read(store, replace(written(store), uri="file:///orders.csv"))


@case
def value_read_as_items(store: HandoffStore, folder: Path) -> None:
    read(store, store.write_value("shop", "monday", "total", 3, type=int), int)


@case
def items_read_as_a_value(store: HandoffStore, folder: Path) -> None:
    store.read_value(written(store), Order)


# -- writing ---------------------------------------------------------------------------------------


@case
def two_elements_for_one_value(store: HandoffStore, folder: Path) -> None:
    writer = store.writer("shop", "monday", "total", type=int, kind="value")
    writer.write(1)
    writer.write(2)
    writer.commit()


@case
def writing_after_the_commit(store: HandoffStore, folder: Path) -> None:
    writer = store.writer("shop", "monday", "orders", type=Order)
    writer.commit()
    writer.write(Order(number=3, note="late"))


@case
def value_that_would_come_back_changed(store: HandoffStore, folder: Path) -> None:
    with store.writer("shop", "monday", "orders", type=Order) as writer:
        writer.write({"number": 1, "note": object()})  # type: ignore[typeddict-item] # on purpose
        writer.commit()


@case
def file_in_the_place_of_a_folder(store: HandoffStore, folder: Path) -> None:
    (folder / "shop").write_text("")
    written(store)


# -- reading ---------------------------------------------------------------------------------------


@case
def dataset_that_is_gone(store: HandoffStore, folder: Path) -> None:
    ref = written(store)
    manifest(folder).unlink()
    read(store, ref)


@case
def dataset_that_was_withdrawn(store: HandoffStore, folder: Path) -> None:
    ref = written(store)
    store.withdraw(ref.uri)
    read(store, ref)


@case
def dataset_that_was_replaced(store: HandoffStore, folder: Path) -> None:
    ref = written(store)
    written(store, "other")
    read(store, ref)


@case
def block_that_is_missing(store: HandoffStore, folder: Path) -> None:
    ref = written(store)
    block(folder).unlink()
    read(store, ref)


@case
def block_that_is_cut(store: HandoffStore, folder: Path) -> None:
    ref = written(store)
    block(folder).write_bytes(block(folder).read_bytes()[:-1])
    read(store, ref)


@case
def block_with_a_changed_byte(store: HandoffStore, folder: Path) -> None:
    ref = written(store)
    block(folder).write_bytes(block(folder).read_bytes().replace(b"one", b"ono"))
    read(store, ref)


@case
def block_of_another_type(store: HandoffStore, folder: Path) -> None:
    @dataclass
    class Invoice:
        number: int
        customer: str

    read(store, written(store), Invoice)


@case
def manifest_that_is_damaged(store: HandoffStore, folder: Path) -> None:
    ref = written(store)
    text = manifest(folder).read_text()
    manifest(folder).write_text(text.replace('"shop"', '"shed"'))
    read(store, ref)


@case
def manifest_of_a_later_version(store: HandoffStore, folder: Path) -> None:
    ref = written(store)
    found = json.loads(manifest(folder).read_text())
    manifest(folder).write_text(json.dumps({**found, "format": 99}))
    read(store, ref)


# -- parts and shards ------------------------------------------------------------------------------


@case
def part_of_another_place(store: HandoffStore, folder: Path) -> None:
    parts = [written(store, part=(index, 2)) for index in range(2)]
    store.join("shop", "monday", "orders", parts[::-1])


@case
def part_of_another_type(store: HandoffStore, folder: Path) -> None:
    first, second = (written(store, part=(index, 2)) for index in range(2))
    store.join("shop", "monday", "orders", [first, replace(second, type="Stream[Invoice]")])


@case
def part_that_was_replaced(store: HandoffStore, folder: Path) -> None:
    parts = [written(store, part=(index, 2)) for index in range(2)]
    written(store, "other", part=(1, 2))
    store.join("shop", "monday", "orders", parts)


@case
def shard_of_other_data(store: HandoffStore, folder: Path) -> None:
    shards = split(ShardSpec(dataset="orders", count=2, rows_per_shard=10, max_shards=8), 30)
    check_shard(shards[1], "orders", 31)


@case
def shard_that_is_none(store: HandoffStore, folder: Path) -> None:
    shard_from_json({"index": "first"})


@case
def result_of_no_shard(store: HandoffStore, folder: Path) -> None:
    ShardResult.from_json({"shard": 1})


@case
def pruning_no_store(store: HandoffStore, folder: Path) -> None:
    list(prunable(str(folder / "elsewhere"), timedelta(days=1)))
