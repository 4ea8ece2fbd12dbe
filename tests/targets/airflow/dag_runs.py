"""Runs DAGs of a folder with the Airflow that is installed, and tells about them in JSON values.

Airflow 3 is in the environment of the tests and is used in their own process; Airflow 2 needs an
environment of its own, where this module is a process that answers one request per line:

    {"call": "run", "folder": ..., "dag_id": ..., "conf": {...}, "how": {...}, "environ": {...}}
    {"call": "describe", "folder": ...}
    {"call": "load", "file": ...}

It must import on both, and nothing but Airflow and the standard library. The environment variables
of a home have to be set before.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import io
import json
import logging
import operator
import os
import runpy
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


def prepare(home: str) -> str:
    """Make the database of a new home; returns the version of Airflow."""
    Path(home, "dags").mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(ImportError):
        import airflow.providers.fab.auth_manager.models
    import airflow
    from airflow.utils import db

    db.initdb()
    logging.getLogger().setLevel(logging.INFO)  # the migrations of Airflow 2 turn it down
    return str(airflow.__version__)


def parse(folder: str) -> Any:
    """The folder as Airflow sees it; fails when a file cannot be imported."""
    try:
        from airflow.dag_processing.dagbag import DagBag  # 3.2 and later
    except ImportError:
        from airflow.models.dagbag import DagBag

    bag = DagBag(
        str(folder), **({"include_examples": False} if _has(DagBag, "include_examples") else {})
    )
    assert bag.import_errors == {}, bag.import_errors
    return bag


def run(
    folder: str, dag_id: str, conf: dict[str, Any], how: dict[str, Any], environ: dict[str, str]
) -> dict[str, Any]:
    """Run a DAG to its end with Airflow's own machinery; ``at`` in ``how`` is its logical date."""
    bag = parse(folder)
    dag = bag.dags[dag_id]
    if not _has_assets():  # Airflow 2 announces nothing of a DAG that it has not stored
        bag.sync_to_db()
    if "at" in how:
        name = "logical_date" if _has(dag.test, "logical_date") else "execution_date"
        how = {name: datetime.fromisoformat(how["at"])}
    output = io.StringIO()
    with _environ(environ), _messages(output) as messages, contextlib.redirect_stdout(output):
        done = dag.test(run_conf=conf, **how)
    if done is None:  # Airflow 2.10 and 3.0 return nothing
        done = _last_run(dag_id)
    return {
        "state": str(getattr(done.state, "value", done.state)),
        "run_id": done.run_id,
        "tasks": [
            [ti.task_id, ti.map_index, str(ti.state), ti.try_number] for ti in _instances(done)
        ],
        "xcoms": _xcoms(dag_id, done.run_id),
        "events": _events(dag_id, done.run_id),
        "log": "\n".join(messages),
        "output": output.getvalue(),
    }


def _has_assets() -> bool:
    return importlib.util.find_spec("airflow.sdk") is not None


def describe(folder: str) -> dict[str, Any]:
    """What Airflow understands of the DAGs in a folder."""
    return {dag_id: _described(dag) for dag_id, dag in parse(folder).dags.items()}


def load(file: str) -> dict[str, Any]:
    """What a DAG file defines, and whether it set the variable BROKEN_OUT."""
    described = _described(runpy.run_path(file)["dag"])
    return {**described, "broken": os.environ.get("BROKEN_OUT")}


def _has(function: Any, parameter: str) -> bool:
    return parameter in inspect.signature(function).parameters


def _described(dag: Any) -> dict[str, Any]:
    return {
        "schedule": type(dag.timetable).__name__,
        "max_active_tasks": dag.max_active_tasks,
        "groups": sorted(str(group) for group in dag.task_group_dict),
        "params": {
            name: [_plain(p.value), p.schema, p.description] for name, p in dag.params.items()
        },
        "tasks": {task.task_id: _task(task) for task in dag.tasks},
    }


def _task(task: Any) -> dict[str, Any]:
    fields = (
        "owner retries retry_delay retry_exponential_backoff max_retry_delay execution_timeout "
        "pool pool_slots queue priority_weight max_active_tis_per_dagrun trigger_rule doc_md "
        "is_teardown"
    )
    found = {name: _plain(getattr(task, name)) for name in fields.split()}
    return {
        **found,
        "upstream": sorted(task.upstream_task_ids),
        "outlets": [outlet.uri for outlet in task.outlets],
        "mapped": hasattr(task, "expand_input"),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    plain = isinstance(value, str | int | float | list | dict | None)
    return value if plain and not hasattr(value, "name") else str(getattr(value, "value", value))


def _instances(run: Any) -> list[Any]:
    return sorted(run.get_task_instances(), key=lambda ti: (ti.task_id, ti.map_index))


def _last_run(dag_id: str) -> Any:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        runs = session.query(DagRun).filter_by(dag_id=dag_id).order_by(DagRun.id.desc())
        found = runs.first()
        session.expunge_all()
        return found


def _xcoms(dag_id: str, run_id: str) -> list[list[Any]]:
    try:
        from airflow.models.xcom import XComModel as Model

        read = Model.deserialize_value
    except ImportError:
        from airflow.models.xcom import BaseXCom as Model

        read = operator.attrgetter("value")  # Airflow 2 deserializes what it loads
    from airflow.utils.session import create_session

    with create_session() as session:
        rows = session.query(Model).filter_by(dag_id=dag_id, run_id=run_id).all()
        return [[row.task_id, row.map_index, row.key, read(row)] for row in rows]


def _events(dag_id: str, run_id: str) -> list[list[Any]]:
    """URI and extra of each asset event that the run emitted."""
    try:
        from airflow.models.asset import AssetEvent as Event

        uri = "asset"
    except ImportError:
        from airflow.models.dataset import DatasetEvent as Event

        uri = "dataset"
    from airflow.utils.session import create_session

    with create_session() as session:
        rows = session.query(Event).filter_by(source_dag_id=dag_id, source_run_id=run_id)
        return [[getattr(row, uri).uri, row.extra] for row in rows.order_by(Event.id)]


@contextlib.contextmanager
def _environ(further: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in further}
    os.environ.update(further)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _messages(output: io.StringIO) -> Iterator[list[str]]:
    """Collect the messages of our own loggers; all that is logged goes to ``output``, too."""
    found: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            output.write(self.format(record) + "\n")
            if record.name.startswith("synaflow"):
                found.append(f"{record.levelname} {record.getMessage()}")

    handler = Collect()
    loggers = [logging.getLogger(name) for name in (None, "airflow.task")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield found
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    calls = {"prepare": prepare, "run": run, "describe": describe, "load": load}
    try:
        return {"answer": calls[request.pop("call")](**request)}
    except BaseException as error:
        import traceback

        return {"raised": str(error), "type": type(error).__name__, "trace": traceback.format_exc()}


def serve() -> None:
    """Answer requests until the input ends."""
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Airflow prints, too
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
