"""Which values plain typed JSON brings back unchanged: a test made once for each type.

msgspec converts silently where a value does not match its annotation (``1`` in a ``float`` field
comes back ``1.0``, a tuple in untyped data comes back a list, an extra key of a TypedDict is
gone). So every element is tested before it is written plainly. The test demands *exact* types all
the way down and refuses the values whose JSON says less than they do (``nan``, ``fold=1``, named
time zones, undeclared attributes). For the types that are not listed here, and for classes that
run code when they are made, the test is a round trip of that part of every element.

The tests are generated as Python source, as the standard library does for dataclasses: they run
for every element, and closures take more than twice as long. The source holds only numbered names,
attribute names that were checked to be identifiers, and ``repr`` of keys.
"""

from __future__ import annotations

import enum
import re
import typing
from collections import abc
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from synaflow_core.handoff.codecs.fields import (
    bare,
    is_constrained,
    is_named_tuple,
    reachable,
    union_arms,
)
from synaflow_core.handoff.codecs.layout import Layout, layout_of
from synaflow_core.handoff.codecs.untyped import plain_any, plain_zone

Test = Callable[[Iterable[Any]], bool]
"""Whether all of some values come back unchanged."""

_MOMENT = "{v}.fold == 0 and ({v}.tzinfo is None or {v}.tzinfo is utc or plain_zone({v}.tzinfo))"
_LEAVES: dict[Any, str] = {
    None: "{v} is None",
    type(None): "{v} is None",
    bool: "type({v}) is bool",
    int: "type({v}) is int",
    str: "type({v}) is str",
    float: "type({v}) is float and {v} - {v} == 0.0",  # neither nan nor inf
    bytes: "type({v}) is bytes",
    bytearray: "type({v}) is bytearray",
    date: "type({v}) is date",
    datetime: f"type({{v}}) is datetime and {_MOMENT}",
    time: f"type({{v}}) is time and {_MOMENT}",
    timedelta: "type({v}) is timedelta",
    Decimal: "type({v}) is Decimal and {v}.is_finite()",
    UUID: "type({v}) is UUID",
}
_UNTYPED = (Any, object)
_TEXT = (str, bytes, bytearray, date, datetime, time, timedelta, Decimal, UUID)
_KEYS = (str, int, float, date, datetime, time, timedelta, Decimal, UUID)
_ORDERED = (int, float, str, bytes, date)
_LISTS = (list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
_SETS = (set, abc.Set, abc.MutableSet)
_DICTS = (dict, abc.Mapping, abc.MutableMapping)


def plain_test(hint: Any, round_trip: Callable[[Any], Test], *, sets_sorted: bool) -> Test:
    """The test for the elements of a type.

    Args:
        hint: The annotation of the elements.
        round_trip: Makes the test that tries out every value, for types not known here.
        sets_sorted: The encoder writes sets in a fixed order; otherwise only sets of one element
            pass, as equal data must give equal bytes.
    """
    test = _Writer(round_trip, sets_sorted).test(hint)

    def passes(items: Iterable[Any]) -> bool:
        try:
            return test(items)
        except Exception:  # a missing attribute or key, a hostile __hash__: not plain
            return False

    return passes


def can_sort_sets(hint: Any) -> bool:
    """The elements hold sets, and no dict whose own order the sorting encoder would lose too."""
    parts = [(typing.get_origin(part) or part, part) for part in reachable(hint)]
    return any(origin in _SETS or origin is frozenset for origin, _ in parts) and not any(
        origin in (*_DICTS, *_UNTYPED) or typing.is_typeddict(origin) or part in (*_LISTS, tuple)
        for origin, part in parts
    )


class _Writer:
    """Writes the tests of one type and of all the types in it."""

    def __init__(self, round_trip: Callable[[Any], Test], sets_sorted: bool) -> None:
        self._round_trip = round_trip
        self._sets_sorted = sets_sorted
        self._tests: dict[Any, str] = {}
        known = (*_TEXT, type, len, bool, int, float, list, set, frozenset, tuple, dict)
        self._names: dict[str, Any] = {thing.__name__: thing for thing in known}
        self._names.update(utc=UTC, plain_zone=plain_zone, plain_any=plain_any)

    def test(self, hint: Any) -> Test:
        try:
            found: Test = self._names[self._test_name(hint)]
        except Exception:  # an annotation that cannot be looked into
            found = self._round_trip(hint)
        return found

    def _name(self, thing: Any) -> str:
        name = f"x{len(self._names)}"
        self._names[name] = thing
        return name

    def _test_name(self, hint: Any) -> str:
        """The name of the function that tests values of a type, which may hold itself."""
        if hint in self._tests:
            return self._tests[hint]
        if bare(hint) in _UNTYPED and not is_constrained(hint):
            return "plain_any"
        name = self._tests[hint] = self._name(None)
        layout = None if is_constrained(hint) else layout_of(bare(hint))
        fits = self._condition(hint, "v") if layout is None else self._fields(layout)
        source = (
            f"def {name}(items):\n for v in items:\n  if not ({fits}): return False\n return True"
        )
        exec(source, self._names)  # see the module's docstring
        return name

    def _fields(self, layout: Layout) -> str:
        """The condition that ``v`` is of a class, part by part."""
        fits = [f"type(v) is {self._name(layout.cls)}"]
        if layout.length is not None:
            fits.append(f"len(v) == {layout.length}")
        if layout.keys is not None:
            fits.append(f"v.keys() <= {self._name(layout.keys)} and {self._all(str, 'v')}")
        for i, field in enumerate(layout.fields):
            part = f"v{i}"
            fit = self._condition(field.hint, part)
            # What is read once needs no variable: this is the hot loop of all writing.
            read = f"({part} := {field.read})" if fit.count(part) > 1 else field.read
            before, after = re.split(rf"\b{part}\b", fit, maxsplit=1)
            fit = before + read + after
            fits.append(f"({fit})" if field.key is None else f"({field.key!r} not in v or ({fit}))")
        if layout.attributes is not None:
            # One that is no field would be lost. Last: once asked for, a __dict__ slows the rest.
            fits.append(f"len(v.__dict__) == {layout.attributes}")
        return " and ".join(fits)

    def _all(self, hint: Any, values: str) -> str:
        """The condition that all values of an iterable fit a type."""
        return f"{self._test_name(hint)}({values})"

    def _tried(self, hint: Any, v: str) -> str:
        """The condition that a value comes back from a round trip of its own."""
        return f"{self._name(self._round_trip(hint))}(({v},))"

    def _condition(self, hint: Any, v: str) -> str:
        """The condition on a local variable, which may stand in it more than once."""
        if is_constrained(hint):
            return self._tried(hint, v)
        hint = bare(hint)
        if hint in _LEAVES:
            return _LEAVES[hint].format(v=v)
        if hint in _UNTYPED or layout_of(hint) is not None:
            return self._all(hint, f"({v},)")
        return self._choice(hint, v) or self._container(hint, v) or self._tried(hint, v)

    def _choice(self, hint: Any, v: str) -> str | None:
        if typing.get_origin(hint) is typing.Literal:
            return self._literal(hint, v)
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return self._enum(hint, v)
        arms = union_arms(hint)
        return None if arms is None else self._union(hint, arms, v)

    def _union(self, hint: Any, arms: tuple[Any, ...], v: str) -> str:
        if any(arm in _UNTYPED for arm in arms):
            return self._all(Any, f"({v},)")
        tokens = [_token(arm) for arm in arms if arm not in (None, type(None))]
        if len(tokens) > 1 and (None in tokens or len(set(tokens)) < len(tokens)):
            return self._tried(hint, v)
        args = typing.get_args(hint)  # not the arms, which have lost their constraints
        return "(" + " or ".join(f"({self._condition(arm, v)})" for arm in args) + ")"

    def _literal(self, hint: Any, v: str) -> str:
        values = typing.get_args(hint)
        if not all(type(value) in (str, int, bool, type(None)) for value in values):
            return self._tried(hint, v)
        kinds = self._name(frozenset(type(value) for value in values))
        exact = self._name(frozenset((type(value), value) for value in values))
        return f"type({v}) in {kinds} and (type({v}), {v}) in {exact}"

    def _enum(self, hint: type[enum.Enum], v: str) -> str:
        if {type(member.value) for member in hint} not in ({int}, {str}):
            return self._tried(hint, v)
        condition = f"type({v}) is {self._name(hint)}"
        if issubclass(hint, enum.Flag):  # a combination is no member in another process
            values = self._name(frozenset(member.value for member in hint))
            condition += f" and {v}.value in {values}"
        return condition

    def _container(self, hint: Any, v: str) -> str | None:
        origin = typing.get_origin(hint) or hint
        args = typing.get_args(hint)
        item = args[0] if args else Any
        if origin in _LISTS:
            return f"type({v}) is list and {self._all(item, v)}"
        if origin is tuple:
            return self._tuple(hint, args, v)
        if origin in _SETS or origin is frozenset:
            kind = "frozenset" if origin is frozenset else "set"
            fixed = self._sets_sorted and bare(item) in _ORDERED
            order = "" if fixed else f"len({v}) < 2 and "
            return f"type({v}) is {kind} and {order}{self._all(item, v)}"
        if origin in _DICTS:
            return self._dict(hint, args or (Any, Any), v)
        return None

    def _tuple(self, hint: Any, args: tuple[Any, ...], v: str) -> str:
        if hint is tuple or (args and args[-1] is Ellipsis):
            return f"type({v}) is tuple and {self._all(args[0] if args else Any, v)}"
        fits = [self._all(arg, f"({v}[{i}],)") for i, arg in enumerate(args)]
        return " and ".join([f"type({v}) is tuple and len({v}) == {len(fits)}", *fits])

    def _dict(self, hint: Any, args: tuple[Any, ...], v: str) -> str:
        key = bare(args[0])
        if key in _UNTYPED:
            key = str
        is_enum = isinstance(key, type) and issubclass(key, enum.Enum)
        if is_constrained(args[0]) or not (key in _KEYS or is_enum):
            return self._tried(hint, v)
        values = self._all(args[1], f"{v}.values()")
        return f"type({v}) is dict and {self._all(key, v)} and {values}"


def _token(arm: Any) -> str | None:
    """What the JSON of a type begins with; None where that alone does not tell the type."""
    origin = typing.get_origin(arm) or arm
    if arm in (bool, int, float):
        return str(arm)
    if arm in _TEXT:
        return "string"
    if origin in (*_LISTS, *_SETS, frozenset, tuple) or is_named_tuple(origin):
        return "array"
    if origin in _DICTS or layout_of(arm) is not None:
        return "object"
    return None
