"""Records of every kind cross from task to task with their types."""

import enum
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple, TypedDict

from synaflow_core import pipeline, step


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    x: int
    y: float


class Label(TypedDict):
    text: str
    colour: Colour


@dataclass(frozen=True)
class Item:
    id: uuid.UUID
    price: Decimal
    day: date
    at: datetime
    when: time
    lasted: timedelta
    raw: bytes
    point: Point
    label: Label
    note: str | None
    tags: frozenset[str]
    nested: dict[str, list[Point]]


def _item(number: int) -> Item:
    return Item(
        id=uuid.UUID(int=number),
        price=Decimal(number) / 8,
        day=date(2026, 1, 1 + number),
        at=datetime(2026, 1, 1, 12, number, tzinfo=UTC),
        when=time(3, number),
        lasted=timedelta(seconds=number, microseconds=1),
        raw=bytes([number, 255]),
        point=Point(number, number / 2),
        label={"text": f"n{number}\n\u2028\U0001f600", "colour": Colour.BLUE},
        note=None if number % 2 else "even",
        tags=frozenset({"a", str(number)}),
        nested={"points": [Point(number, 0.5)]},
    )


def items() -> Iterator[Item]:
    yield from (_item(number) for number in range(4))


def sorted_items(items: list[Item]) -> list[Item]:
    return sorted(items, key=lambda item: item.price, reverse=True)


def labels(sorted_item: Item) -> Label:
    return sorted_item.label


def points(sorted_items: list[Item]) -> dict[str, Point]:
    return {str(item.id): item.point for item in sorted_items}


def kinds(sorted_items: list[Item], labels: list[Label], points: dict[str, Point]) -> list[str]:
    first = sorted_items[0]
    values = [getattr(first, name) for name in first.__dataclass_fields__]
    values += [labels[0]["colour"], next(iter(points.values()))]
    return [
        f"{type(value).__name__} {value!r}" for value in values if not isinstance(value, frozenset)
    ]


p = pipeline(
    "records",
    None,
    [
        step("items", items),
        step("sorted_items", sorted_items),
        step("labels", labels, force_materialize=True),
        step("points", points),
        step("kinds", kinds),
    ],
)
