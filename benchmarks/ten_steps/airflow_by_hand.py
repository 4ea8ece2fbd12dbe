"""The DAG that people write: one task per step, pickled lists between them."""

from __future__ import annotations

from airflow.sdk import DAG, Param, task

PARAMS = {"count": Param(1_000_000, type="integer"), "folder": Param("/tmp", type="string")}

with DAG("by_hand", schedule=None, params=PARAMS) as dag:

    @task
    def first(params: dict | None = None) -> str:
        """Make the records."""
        from benchmarks.ten_steps import by_hand

        return by_hand.first(params["folder"], params["count"])

    @task
    def itemwise(index: int, source: str, params: dict | None = None) -> str:
        """Call one step with each of them."""
        from benchmarks.ten_steps import by_hand

        return by_hand.itemwise(params["folder"], index, source)

    @task
    def last(source: str) -> int:
        """Add all up."""
        from benchmarks.ten_steps import by_hand

        return by_hand.last(source)

    source = first()
    for index in range(1, 9):
        source = itemwise.override(task_id=f"s{index}")(index, source)
    last(source)
