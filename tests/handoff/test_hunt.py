"""A hunt for values that change: generated types, values of theirs, and values of other types."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from synaflow_core.errors import LossyValueError
from tests.handoff.generated import Typed, anything, typed
from tests.handoff.records import Loose, fingerprint
from tests.handoff.trips import assert_unchanged, read, stored


@given(st.data(), typed)
@settings(max_examples=200, deadline=None)
def test_no_value_of_its_type_changes_or_is_refused(data: st.DataObject, of: Typed) -> None:
    hint, values = of
    assert_unchanged(hint, data.draw(st.lists(values, max_size=4)))


@given(st.data(), typed)
@settings(max_examples=200, deadline=None)
def test_no_value_of_another_type_changes_unseen(data: st.DataObject, of: Typed) -> None:
    hint, values = of
    other = typed.flatmap(lambda t: t[1])
    items = data.draw(st.lists(values | anything | other, max_size=4))
    try:
        content, marked = stored(hint, items)
    except LossyValueError:
        return
    back = read(hint, content, marked)
    assert [fingerprint(item) for item in back] == [fingerprint(item) for item in items]


@given(st.lists(anything, max_size=5))
@settings(max_examples=200, deadline=None)
def test_no_untyped_value_changes_unseen(items: list[Any]) -> None:
    for hint in (Any, object, Loose):
        given_items = [Loose(item) for item in items] if hint is Loose else items
        try:
            content, marked = stored(hint, given_items)
        except LossyValueError:
            continue
        back = read(hint, content, marked)
        assert [fingerprint(i) for i in back] == [fingerprint(i) for i in given_items]


@given(st.data(), typed, st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_equal_values_give_equal_bytes(data: st.DataObject, of: Typed, times: int) -> None:
    hint, values = of
    items = data.draw(st.lists(values, max_size=4))
    contents = {stored(hint, list(items))[0] for _ in range(times)}
    assert len(contents) == 1
