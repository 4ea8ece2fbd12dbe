"""Exports the rows of a database table as a Parquet file.

python -m examples.actions.export
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synaflow_core.phases import (
    ExportAction,
    ExportContext,
    StepRegistry,
    StepResult,
    ValidationStep,
)


@dataclass(frozen=True)
class ExportParams:
    """What to export and where to.

    Attributes:
        database: A SQLite file with a table ``orders``.
        out: Folder for the Parquet file.
        region: Only orders of this region; empty for all.
        least_rows: Fewer rows than this are a mistake upstream.
    """

    database: str
    out: str
    region: str = ""
    least_rows: int = 1


SCHEMA = pa.schema(
    [("id", pa.int64()), ("region", pa.string()), ("day", pa.date32()), ("cents", pa.int64())]
)


class ExportOrders(ExportAction[ExportParams]):
    """Export orders to Parquet."""

    def setup_steps(self, registry: StepRegistry[Any]) -> None:
        """The usual phases, with one more that checks what was fetched."""
        super().setup_steps(registry)
        registry.insert_after("fetch", ValidationStep(_enough, "enough"))

    def fetch(self, context: ExportContext[ExportParams]) -> dict[str, Any]:
        """Read the orders."""
        params = context.params
        query = "select id, region, day, amount from orders where ? in ('', region) order by id"
        with closing(sqlite3.connect(params.database)) as database:
            database.row_factory = sqlite3.Row
            context.rows = [dict(row) for row in database.execute(query, [params.region])]
        return {"rows": len(context.rows)}

    def convert(self, context: ExportContext[ExportParams]) -> None:
        """Amounts become whole cents: '12.30' -> 1230."""
        for number, row in enumerate(context.rows, 1):
            whole, _, cents = row.pop("amount").partition(".")
            row["cents"] = int(whole) * 100 + int(cents.ljust(2, "0"))
            context.set_progress(number, len(context.rows))

    def write(self, context: ExportContext[ExportParams]) -> StepResult:
        """Write all rows as one file."""
        rows = [{**row, "day": date.fromisoformat(row["day"])} for row in context.rows]
        file = Path(context.params.out) / "orders.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), file)
        context.files = [str(file)]
        return StepResult(data={"rows": len(rows)}, rollback_data={"files": context.files})

    def remove(self, context: ExportContext[ExportParams], result: StepResult) -> None:
        """Remove the file again."""
        for file in result.rollback_data["files"]:
            Path(file).unlink(missing_ok=True)


def _enough(context: ExportContext[ExportParams]) -> tuple[bool, str | None]:
    found, least = len(context.rows), context.params.least_rows
    return found >= least, f"expected at least {least} rows, found {found}"


export_orders = ExportOrders.to_pipeline("export_orders")


def make_database(path: Path, count: int = 100) -> None:
    """A small table of orders to try it with."""
    rows = [
        (i, ("north", "south")[i % 2], f"2026-01-{1 + i % 28:02d}", f"{i}.{i % 10}")
        for i in range(count)
    ]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table orders (id integer, region text, day text, amount text)")
        database.executemany("insert into orders values (?, ?, ?, ?)", rows)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        make_database(Path(folder) / "orders.db")
        action = ExportOrders({"database": f"{folder}/orders.db", "out": f"{folder}/out"})
        print(action.run())
        print(pq.read_table(action.context.files[0]).slice(0, 3).to_pylist())
