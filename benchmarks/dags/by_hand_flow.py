"""Ten tasks in a row as an engineer writes them by hand; generated files are compared with it."""

from pathlib import Path
from typing import Annotated, Any

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

TASK: dict[str, Any] = {"retries": 2, "retry_delay_seconds": 30}
FOLDER = Path(__file__).parent


@task(**TASK)
def t0(count: int) -> int:
    """First value."""
    from company.runtime import work

    return work(0, count)


@task(**TASK)
def t1(t0: int) -> int:
    """One more."""
    from company.runtime import work

    return work(1, t0)


@task(**TASK)
def t2(t1: int) -> int:
    """One more."""
    from company.runtime import work

    return work(2, t1)


@task(**TASK)
def t3(t2: int) -> int:
    """One more."""
    from company.runtime import work

    return work(3, t2)


@task(**TASK)
def t4(t3: int) -> int:
    """One more."""
    from company.runtime import work

    return work(4, t3)


@task(**TASK)
def t5(t4: int) -> int:
    """One more."""
    from company.runtime import work

    return work(5, t4)


@task(**TASK)
def t6(t5: int) -> int:
    """One more."""
    from company.runtime import work

    return work(6, t5)


@task(**TASK)
def t7(t6: int) -> int:
    """One more."""
    from company.runtime import work

    return work(7, t6)


@task(**TASK)
def t8(t7: int) -> int:
    """One more."""
    from company.runtime import work

    return work(8, t7)


@task(**TASK)
def t9(t8: int) -> int:
    """One more."""
    from company.runtime import work

    return work(9, t8)


@flow(
    name="by_hand",
    description=__doc__,
    task_runner=ThreadPoolTaskRunner(),
    persist_result=True,
    result_serializer="json",
    log_prints=True,
)
def by_hand(count: Annotated[int, Field(ge=0)] = 1) -> int:
    """Ten tasks.

    Args:
        count: First value.
    """
    v0 = t0.submit(count)
    v1 = t1.submit(v0)
    v2 = t2.submit(v1)
    v3 = t3.submit(v2)
    v4 = t4.submit(v3)
    v5 = t5.submit(v4)
    v6 = t6.submit(v5)
    v7 = t7.submit(v6)
    v8 = t8.submit(v7)
    v9 = t9.submit(v8)
    return v9.result()


if __name__ == "__main__":
    by_hand.serve()
