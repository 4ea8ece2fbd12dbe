"""Arrays of numpy: bit for bit back as they were, or refused."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synaflow_core.errors import LossyValueError
from synaflow_core.handoff import HandoffStore
from synaflow_core.handoff.codecs import npy
from tests.handoff.tables import array_print, arrays

MEBI = 1024 * 1024


@given(data=st.data(), items=st.lists(arrays(), max_size=5))
@settings(max_examples=100, deadline=None)
def test_arrays_come_back_bit_for_bit_or_are_refused(data: st.DataObject, items: list[Any]) -> None:
    store = HandoffStore("memory://arrays")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(npy, "CHUNK", data.draw(st.sampled_from([1, 7, 100, MEBI])))
        try:
            with store.writer("p", "r", "d", type=np.ndarray, codec="npy") as writer:
                for item in items:
                    writer.write(item)
                ref = writer.commit()
        except LossyValueError:
            return
    back = list(store.read(ref, np.ndarray))
    assert [array_print(a) for a in back] == [array_print(a) for a in items]
    for one, other in zip(back, items, strict=True):
        assert one.flags.writeable
        if other.flags.forc:
            assert (one.flags.fnc, one.flags.carray) == (other.flags.fnc, not other.flags.fnc)
    stop = data.draw(st.integers(0, len(items)))
    part = list(store.read(ref, np.ndarray, start=1, stop=stop))
    assert [array_print(a) for a in part] == [array_print(a) for a in items[1:stop]]


REFUSED: list[tuple[Any, str]] = [
    (np.array([None, 1]), "dtype object.*\n.*allow pickle"),
    (np.array(["a"], dtype=np.dtypes.StringDType()), "StringDType"),
    (np.zeros(1, np.dtype("f8", metadata={"unit": "m"})), "metadata"),
    (np.zeros(1, np.dtype([("a", "i1"), ("b", "f8")], align=True)), "align=True"),
    (np.zeros(1, [("é", "i4"), ("Ω", "i4")]), "names"),
    (
        np.zeros(1, {"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [4, 0]}),
        "does not hold all of its dtype",
    ),
    (np.ma.masked_array([1, 2], [True, False]), "MaskedArray.*\n.*numpy.asarray"),
    (np.float64(1), "float64"),
    ([1.0], "list"),
    (None, "NoneType"),
]


@pytest.mark.parametrize(("value", "told"), REFUSED, ids=[told[:12] for _, told in REFUSED])
def test_what_the_format_does_not_hold_is_refused(value: Any, told: str) -> None:
    with pytest.raises(LossyValueError, match=f"step 'd', item 0(.|\n)*{told}"):
        HandoffStore("memory://x").write_value("p", "r", "d", value, type=np.ndarray, codec="npy")


def test_a_block_of_a_small_array_is_a_file_that_numpy_reads(tmp_path: Path) -> None:
    HandoffStore(tmp_path).write_value("p", "r", "d", np.eye(3), type=np.ndarray, codec="npy")
    (block,) = tmp_path.rglob("block-*")
    assert block.suffix == ".npy"
    assert np.array_equal(np.load(block), np.eye(3))


def test_one_array_filled_again_and_again_is_stored_as_it_was() -> None:
    def reusing() -> Iterator[Any]:
        array = np.zeros(4)
        for n in range(100):
            array[:] = n
            yield array

    store = HandoffStore("memory://reused")
    with store.writer("p", "r", "d", type=np.ndarray, codec="npy") as writer:
        for item in reusing():
            writer.write(item)
        ref = writer.commit()
    assert [a[0] for a in store.read(ref, np.ndarray)] == list(range(100))


def test_neither_side_holds_more_than_a_block_beside_the_array(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    array = np.zeros((64, MEBI // 8))
    tracemalloc.start()
    try:
        ref = store.write_value("p", "r", "d", array, type=np.ndarray, codec="npy")
        assert tracemalloc.get_traced_memory()[1] < 12 * MEBI
        tracemalloc.reset_peak()
        back = store.read_value(ref, np.ndarray)
        assert tracemalloc.get_traced_memory()[1] < array.nbytes + 12 * MEBI
    finally:
        tracemalloc.stop()
    assert np.array_equal(back, array)
