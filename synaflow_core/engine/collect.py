"""Containers: how items become the list, set or dict that a consumer asked for, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from synaflow_core.dag import Delivery, Node
from synaflow_core.engine.program import CollectKey

_CONTAINERS: dict[Delivery, type[Any]] = {
    Delivery.LIST: list,
    Delivery.SET: set,
    Delivery.FROZENSET: frozenset,
    Delivery.TUPLE: tuple,
    Delivery.DICT: dict,
}


def elements(value: Any) -> Iterator[Any]:
    """The elements of a finished value: pairs of a mapping, items of anything else."""
    return iter(value.items() if isinstance(value, Mapping) else value)


def checked(value: Any, node: Node) -> Any:
    """What a step returned, if it is the whole container that the step declares.

    A forgotten ``return``, or a generator in place of a list, would otherwise be told as a failure
    of whoever reads it.

    Raises:
        TypeError: It cannot be read more than once, or not at all.
    """
    if node.output_kind.is_collection and (
        not isinstance(value, Iterable) or isinstance(value, Iterator)
    ):
        raise TypeError(
            f"step '{node.name}' is declared to return a {node.output_kind.value} but returned "
            f"{value!r:.100} ({node.where})"
        )
    return value


def deliver(value: Any, delivery: Delivery) -> Any:
    """A finished value in the form that a parameter asks for; itself where it already fits."""
    if delivery is Delivery.STREAM:
        return elements(value)
    container = _CONTAINERS.get(delivery)
    if container is None or type(value) is container:
        return value
    return build(elements(value), delivery)


def build(items: Iterable[Any], delivery: Delivery) -> Any:
    """Collect items into the container of a delivery."""
    return _CONTAINERS[delivery](items)


@dataclass
class Collector:
    """Gathers one collected branch while the stream runs.

    Lists and tuples grow by ``list.append`` itself; sets and dicts drop duplicates as they come,
    so memory is that of the result. A value that does not fit (unhashable, not a pair) ends the
    collecting and is kept in ``error``.
    """

    key: CollectKey
    error: Exception | None = None
    _items: Any = field(default=None)

    def __post_init__(self) -> None:
        unique = {Delivery.SET: set, Delivery.FROZENSET: set, Delivery.DICT: dict}
        self._items = unique.get(self.key.delivery, list)()

    @property
    def put(self) -> Callable[[Any], Any]:
        """What the loop calls with every item."""
        if isinstance(self._items, list):
            return self._items.append
        return self._put_pair if isinstance(self._items, dict) else self._put_member

    def _put_member(self, item: Any) -> None:
        if self.error is None:
            try:
                self._items.add(item)
            except TypeError as error:
                self.error = error

    def _put_pair(self, item: Any) -> None:
        if self.error is None:
            try:
                key, value = item
                self._items[key] = value
            except (TypeError, ValueError) as error:
                self.error = error

    def finish(self) -> Any:
        """The finished container."""
        return deliver(self._items, self.key.delivery)
