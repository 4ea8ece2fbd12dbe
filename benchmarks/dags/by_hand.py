"""Ten tasks in a row as an engineer writes them by hand; generated files are compared with it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param, task

STORE = os.environ.get("STORE", "")

with DAG(
    dag_id="by_hand",
    description="Ten tasks.",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"count": Param(1, type="integer", description="First value.")},
    default_args={"owner": "data", "retries": 2, "retry_delay": timedelta(seconds=30)},
    tags=["by-hand"],
) as dag:

    @task
    def t0(**context):
        """First value."""
        from company.runtime import work

        return work(0, context)

    @task
    def t1(t0, **context):
        """One more."""
        from company.runtime import work

        return work(t0, context)

    @task
    def t2(t1, **context):
        """One more."""
        from company.runtime import work

        return work(t1, context)

    @task
    def t3(t2, **context):
        """One more."""
        from company.runtime import work

        return work(t2, context)

    @task
    def t4(t3, **context):
        """One more."""
        from company.runtime import work

        return work(t3, context)

    @task
    def t5(t4, **context):
        """One more."""
        from company.runtime import work

        return work(t4, context)

    @task
    def t6(t5, **context):
        """One more."""
        from company.runtime import work

        return work(t5, context)

    @task
    def t7(t6, **context):
        """One more."""
        from company.runtime import work

        return work(t6, context)

    @task
    def t8(t7, **context):
        """One more."""
        from company.runtime import work

        return work(t7, context)

    @task
    def t9(t8, **context):
        """One more."""
        from company.runtime import work

        return work(t8, context)

    t9(t8(t7(t6(t5(t4(t3(t2(t1(t0())))))))))
