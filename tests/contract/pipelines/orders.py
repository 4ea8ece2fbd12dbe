"""One of everything that a contract can say; written down in ``contract/examples/orders.json``."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from synaflow_core import Observer, OnError, include, pipeline, step


class Region(Enum):
    NORTH = "north"
    EAST = "east"


@dataclass
class Order:
    """One line of the order book."""

    id: int
    region: Region
    amount: Decimal
    placed: datetime | None = None
    tags: frozenset[str] = frozenset()


class Total(NamedTuple):
    region: Region
    amount: Decimal


@dataclass
class Window:
    """Which orders are read.

    Attributes:
        day: The day on which
            they were placed.
        urls: Where the order books are.
    """

    day: date
    urls: list[str] = field(default_factory=lambda: ["orders.csv"])
    region: Region | None = None
    detail: Literal["low", "high", "full"] = "low"
    page_size: Annotated[int, msgspec.Meta(ge=1, le=1000, description="Rows per page.")] = 100
    until: datetime | None = None
    """Stop before this moment."""
    dry_run: bool = False


class Report(NamedTuple):
    totals: list[Total]
    currency: str = "EUR"


class Database:
    def save(self, text: str) -> None: ...


def urls(urls: list[str], day: date) -> Iterator[str]:
    """Addresses of the order books of a day.

    The params field of the same name holds the templates.
    """
    yield from urls


def fetch(url: str, page_size: int) -> Future[bytes]:
    """Start to download one order book."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(url.encode)


def orders(fetch: Iterator[Future[bytes]]) -> Iterator[Order]:
    """Rows of all order books."""
    for number, _ in enumerate(fetch):
        yield Order(number, Region.NORTH, Decimal(number))


def checked(order: Order) -> Order:
    """Drop orders without an amount."""
    if not order.amount:
        raise ValueError(order.id)
    return order


def totals(checked: Iterator[Order], region: Region | None) -> dict[Region, Decimal]:
    """Amount per region."""
    sums: dict[Region, Decimal] = {}
    for order in checked:
        sums[order.region] = sums.get(order.region, Decimal()) + order.amount
    return sums


def backlog(checked: list[Order]) -> set[int]:
    return {order.id for order in checked}


def report_params(totals: dict[Region, Decimal]) -> Report:
    """Params of the report."""
    return Report([Total(*pair) for pair in totals.items()])


def lines(totals: list[Total], currency: str) -> list[str]:
    """One line per region."""
    return [f"{total.region.value}: {total.amount} {currency}" for total in totals]


def text(lines: list[str]) -> str:
    """The whole report."""
    return "\n".join(lines)


def save(report: str, backlog: set[int], db: Database, dry_run: bool) -> None:
    """Write the report."""
    if not dry_run:
        db.save(report)


def unsave(report: str, db: Database, error: BaseException) -> None:
    """Remove the report."""


def connect() -> Database:
    return Database()


def sorted_list(items: Iterator[Any]) -> list[Any]:
    return sorted(items)


def dead_letter(context: Any) -> None:
    """Keep what failed."""


def audit(context: Any) -> None:
    """Told about every event of the pipeline."""


def count_drops(context: Any) -> None:
    """Told about the events of one step."""


reporting = pipeline(
    "reporting",
    params=Report,
    steps=[step("lines", fn=lines), step("text", fn=text)],
    description="Totals as text.",
)

daily_orders = pipeline(
    "daily_orders",
    params=Window,
    steps=[
        step("urls", fn=urls),
        step("fetch", fn=fetch, max_in_flight=8, macro_task="download"),
        step("orders", fn=orders, macro_task="download", force_materialize=True),
        step(
            "checked",
            fn=checked,
            error_materializer=dead_letter,
            error_threshold_absolute=100,
            error_threshold_pct=0.05,
            observers=[Observer(count_drops)],
            progress_weight=3,
            shards=4,
        ),
        step("totals", fn=totals, on_error=OnError.STOP),
        step("backlog", fn=backlog, materializer=sorted_list),
        include("report", fn=report_params, pipeline=reporting),
        step("save", fn=save, rollback=unsave),
    ],
    resources={"db": connect},
    observers=[Observer(audit)],
    description="Orders of one day, summed per region.",
)
