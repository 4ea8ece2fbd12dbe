"""What one macro-task more costs on each orchestrator, and one shard more of two at a time.

A chain of tasks that do next to nothing runs twice, the second time with ten tasks more: the tenth
of the difference is what one costs, whatever starting a run costs. A sharded task is measured the
same way, with four shards and with twenty more. Each orchestrator that is installed is real and as
its users run it; Celery, Dask and Ray are in the environment of ``make setup-cluster``:

    .venv-cluster/bin/python -m benchmarks one_more_task

``python -m benchmarks.one_more_task celery`` prints the four durations of one of them, in seconds.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, duration, fresh_python
from synaflow_export.plan import PlanOptions

CHAIN, MORE_TASKS = 5, 10
SHARDS, MORE_SHARDS = 4, 20
SLOTS = 2
REPEAT = int(os.environ.get("BENCH_REPEAT", "2"))
"""Runs of each, of which the quicker counts: what else the machine does only adds."""

NEEDS = {
    "airflow": ("apache-airflow",),
    "celery": ("apache-airflow-providers-celery", "psycopg2-binary"),
    "prefect": ("prefect",),
    "dask": ("prefect-dask",),
    "ray": ("prefect-ray",),
    "dagster": ("dagster",),
    "shard_steps": ("dagster",),
}
"""What is measured -> packages that it needs."""

TITLES = {
    "airflow": "Airflow, LocalExecutor",
    "celery": "Airflow, Celery on PostgreSQL and Redis",
    "prefect": "Prefect, threads",
    "dask": "Prefect, Dask",
    "ray": "Prefect, Ray",
    "dagster": "Dagster, multiprocess, shards as processes",
    "shard_steps": "Dagster, multiprocess, shards as steps",
}

Measured = Callable[[str, PlanOptions], float]
"""Exports the pipeline in a text, runs it, and returns the seconds of the run."""


def results() -> list[Row]:
    """Two rows per orchestrator that is installed."""
    rows: list[Row] = []
    for name, packages in NEEDS.items():
        if not all(map(_installed, packages)):
            rows.append({"what": TITLES[name], "ours": "not installed"})
            continue
        lines = fresh_python("-m", "benchmarks.one_more_task", name).splitlines()
        tasks, more_tasks, shards, more_shards = json.loads(lines[-1])
        task, shard = (more_tasks - tasks) / MORE_TASKS, (more_shards - shards) / MORE_SHARDS
        each = {"target": "", "ratio": None, "baseline": ""}
        rows += [
            {**each, "what": f"{TITLES[name]}: a task more in a chain", "ours": duration(task)},
            {
                **each,
                "what": f"{TITLES[name]}: a shard more, {SLOTS} at a time",
                "ours": duration(shard),
            },
        ]
    return rows


def chain(count: int) -> tuple[str, PlanOptions]:
    """Tasks one after the other."""
    functions = ["def s0() -> int:\n    return 0\n"] + [
        f"def s{n}(s{n - 1}: int) -> int:\n    return s{n - 1} + 1\n" for n in range(1, count)
    ]
    steps = ", ".join(f'step("s{n}", s{n})' for n in range(count))
    return _pipeline(f"chain_{count}", functions, steps), PlanOptions(granularity="step")


def wide(count: int) -> tuple[str, PlanOptions]:
    """One task in shards, between the one that makes its rows and the one that adds them up."""
    functions = [
        "from collections.abc import Iterator\n",
        "def rows() -> Iterator[int]:\n    yield from range(1000)\n",
        "def half(row: int) -> float:\n    return row / 2\n",
        "def total(halves: list[float]) -> float:\n    return sum(halves)\n",
    ]
    steps = 'step("rows", rows), step("half", half), step("total", total)'
    return _pipeline(f"wide_{count}", functions, steps), PlanOptions(shards=(("half", count),))


def _pipeline(name: str, parts: list[str], steps: str) -> str:
    head = "from synaflow_core import pipeline, step\n"
    return "\n\n".join([head, *parts, f'p = pipeline("{name}", None, [{steps}])\n'])


def durations(measured: Measured) -> list[float]:
    """The four durations, after a first run that loads what has to be loaded."""
    cases = [chain(CHAIN), chain(CHAIN + MORE_TASKS), wide(SHARDS), wide(SHARDS + MORE_SHARDS)]
    measured(*chain(2))
    return [min(measured(*case) for _ in range(REPEAT)) for case in cases]


@contextlib.contextmanager
def on_airflow(home: Path, celery: bool) -> Iterator[Measured]:
    """A whole Airflow; a run's duration is what its API tells."""
    from datetime import datetime

    from tests.targets.airflow.running import DagFolder

    with _airflow(home, celery) as running:
        dags = DagFolder(running, home)

        def measured(text: str, plan: PlanOptions) -> float:
            dag_id = dags.export(text, plan=plan).dag_file.stem.removesuffix("_dag")
            run = running.wait_for_run(dag_id, running.trigger(dag_id, {}))
            assert run["state"] == "success", run
            start, end = (datetime.fromisoformat(run[f"{when}_date"]) for when in ("start", "end"))
            return (end - start).total_seconds()

        yield measured


@contextlib.contextmanager
def _airflow(home: Path, celery: bool) -> Iterator[Any]:
    if celery:
        from tests.cluster.celery_airflow import celery as whole

        with whole(home / "airflow", {}) as cluster:
            yield cluster.airflow
    else:
        from tests.targets.airflow.starting import airflow_3

        with airflow_3(home / "airflow") as running:
            yield running


@contextlib.contextmanager
def on_prefect(home: Path, runner: str) -> Iterator[Measured]:
    """Flows in this process against a server in another; a run's duration is what that tells.

    The call takes up to a second longer: Prefect waits for the thread of its heartbeats.
    """
    from tests.targets.prefect.running import FlowFolder
    from tests.targets.prefect.server import prefect_home

    prefect_home()
    from prefect.client.orchestration import get_client

    flows = FlowFolder(home)
    with contextlib.ExitStack() as stack:
        made: Any = None
        if runner == "dask":
            from prefect_dask import DaskTaskRunner

            from tests.cluster.dask import dask

            made = DaskTaskRunner(address=stack.enter_context(dask(home)).address)
        elif runner == "ray":
            import ray
            from prefect_ray import RayTaskRunner

            os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
            ray.init(num_cpus=SLOTS, include_dashboard=False, _node_ip_address="127.0.0.1")
            stack.callback(ray.shutdown)
            made = RayTaskRunner()

        def measured(text: str, plan: PlanOptions) -> float:
            flow = flows.load(flows.export(text, plan=plan, concurrency=SLOTS))
            flow = flow if made is None else flow.with_options(task_runner=made)
            state = flow(return_state=True)
            assert state.is_completed(), state
            with get_client(sync_client=True) as client:
                run = client.read_flow_run(state.state_details.flow_run_id)
            assert run.start_time is not None
            assert run.end_time is not None
            return float((run.end_time - run.start_time).total_seconds())

        yield measured


@contextlib.contextmanager
def on_dagster(home: Path, shard_steps: bool) -> Iterator[Measured]:
    """``dagster job execute``; a run's duration is what the instance tells."""
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    os.environ |= {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    import dagster as dg

    from tests.targets.dagster.running import DefsFolder

    with dg.DagsterInstance.get() as dagster:
        defs = DefsFolder(dagster, home)
        how: dict[str, Any] = {
            "executor": "multiprocess",
            "concurrency": SLOTS,
            "shard_steps": shard_steps,
        }

        def measured(text: str, plan: PlanOptions) -> float:
            exported = defs.export(text, plan=plan, **how)
            job = ("job", "execute", "-f", str(exported.file), "-j", exported.name)
            command = [sys.executable, "-m", "dagster", *job]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            (run,) = dagster.get_run_records(limit=1)
            assert run.start_time is not None
            assert run.end_time is not None
            return float(run.end_time - run.start_time)

        yield measured


def measure(name: str) -> list[float]:
    """The four durations on one orchestrator."""
    with tempfile.TemporaryDirectory(prefix="synaflow-bench-") as folder:
        home = Path(folder)
        if name in ("airflow", "celery"):
            place = on_airflow(home, name == "celery")
        elif name in ("dagster", "shard_steps"):
            place = on_dagster(home, name == "shard_steps")
        else:
            place = on_prefect(home, name)
        with place as measured:
            return durations(measured)


def _installed(package: str) -> bool:
    """Without an import: Airflow's own makes a home where there is none."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return bool(importlib.metadata.version(package))
    return False


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
