"""One export on several orchestrators, and made up for here, shares its datasets; two do not."""

from __future__ import annotations

import pytest

from synaflow_export.runtime.run_key import key_under


@pytest.mark.parametrize(
    ("name", "pipeline", "key"),
    [
        ("sales", "sales", "k"),
        ("other", "sales", "other@k"),
        ("my-flow", "sales", "my-flow@k"),
        ("nightly.sales", "sales", "nightly.sales@k"),
        ("daily sales", "daily sales", "k"),  # here
        ("daily_sales", "daily sales", "k"),  # on all others
        ("daily-sales", "daily-sales", "k"),  # on Airflow and Prefect
        ("daily_sales", "daily-sales", "k"),  # on Dagster
        ("daily_sales", "daily", "daily_sales@k"),
    ],
)
def test_the_key_of_an_export(name: str, pipeline: str, key: str) -> None:
    assert key_under(name, pipeline, "k") == key


def test_what_one_orchestrator_alone_makes_of_the_name() -> None:
    assert key_under("context_", "context", "k") == "context_@k"
    assert key_under("context_", "context", "k", "context_") == "k"
