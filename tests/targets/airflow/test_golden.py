"""Whole DAG files, reviewed as code.

To write them anew: ``UPDATE_GOLDEN=1 pytest tests/targets/airflow/test_golden.py``. The
fingerprint and the version are masked: they change for reasons of their own.
"""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from synaflow_export.files.generated import GeneratedFile
from synaflow_export.loading.load import load
from synaflow_export.plan.model import PlanOptions
from synaflow_export.plan.planner import make_plan
from synaflow_export.target import Export, get_target
from tests.targets.airflow.halves import HALVES
from tests.targets.airflow.rolling_back import SOURCE
from tests.targets.airflow.test_running import EVERY_PARAM, LABELLED, LINEAR
from tests.targets.test_pylayout import complaints

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden" / "airflow"
GOLDEN_2 = GOLDEN.with_name("airflow2")

SUBPIPELINES = """
    from collections.abc import Generator, Iterator
    from typing import NamedTuple

    from synaflow_core import OnError, include, pipeline, step


    class Clean(NamedTuple):
        rows: list[str]
        limit: int = 3


    def stripped(row: str) -> str:
        '''Strip one row.'''
        return row.strip()

    def kept(stripped: list[str], limit: int) -> list[str]:
        '''Keep the first rows.'''
        return stripped[:limit]

    clean = pipeline(
        name="clean",
        params=Clean,
        steps=[step("stripped", fn=stripped), step("kept", fn=kept)],
        exports="kept",
    )

    def read() -> list[str]:
        '''Read all rows.'''
        return ["a ", " b"]

    def cleaned(read: list[str]) -> Clean:
        return Clean(read)

    def write(cleaned: list[str]) -> None:
        '''Write the rows.'''
        print(cleaned)

    def count(read: list[str]) -> int:
        return len(read)

    main = pipeline(
        name="Sub pipelines!",
        description='Two levels | a "quoted" word, a \\\\ backslash and {{ braces }}; a text that'
        " is too long for a single line of a file, so it has to be broken somewhere in the middle",
        steps=[
            step("read", fn=read),
            include("cleaned", fn=cleaned, pipeline=clean),
            step("write", fn=write, on_error=OnError.STOP),
            step("count", fn=count),
        ],
    )
"""

GROUPS = """
    from typing import NamedTuple

    from synaflow_core import include, pipeline, step


    class Words(NamedTuple):
        lines: list[str]


    def words(lines: list[str]) -> list[str]:
        '''Split the lines.'''
        return [word for line in lines for word in line.split()]

    def long_words(words: list[str]) -> list[str]:
        return [word for word in words if len(word) > 3]

    long = pipeline("long words", Words, [step("words", words), step("long_words", long_words)])

    def cleaned(lines: list[str]) -> list[str]:
        return [line.strip() for line in lines]

    def to_long(cleaned: list[str]) -> Words:
        return Words(cleaned)

    def count(long: list[str]) -> int:
        return len(long)

    counting = pipeline(
        "counting",
        Words,
        [step("cleaned", cleaned), include("long", to_long, long), step("count", count)],
    )

    def read() -> list[str]:
        return ["one three ", "five eleven"]

    def to_counting(read: list[str]) -> Words:
        return Words(read)

    def report(counted: int, read: list[str]) -> str:
        return f"{counted} long words in {len(read)} lines"

    p = pipeline(
        "groups",
        steps=[
            step("read", read),
            include("counted", to_counting, counting),
            step("report", report),
        ],
    )
"""

SCHEDULED: dict[str, Any] = {
    "schedule": "30 6 * * 1-5",
    "timezone": "Europe/Rome",
    "start_date": "2025-05-01T06:00",
    "catchup": True,
    "max_active_runs": 4,
    "retries": 5,
    "retry_delay": "30s",
    "timeout": "1h",
    "owner": "data platform",
    "tags": ("synaflow", "names", "a tag that is rather long", "another tag that is long as well"),
    "store": "s3://data-platform-production/synaflow/handoff",
    "id": "team.names-v2",
    "retry_backoff": 2,
    "max_retry_delay": "10m",
    "pool": "database",
    "queue": "large",
    "outlet_uris": ("squares=s3://data-platform-production/squares",),
    "airflow_version": "3.3",
    "tasks": {
        "total": {"retries": 0, "pool": "gpu", "pool_slots": 2, "priority_weight": 10},
        "squares": {"timeout": "90m", "owner": "research", "retry_backoff": 1},
    },
}

CASES: dict[str, tuple[str, dict[str, Any], PlanOptions]] = {
    "linear": (LINEAR, {}, PlanOptions()),
    "linear_by_step": (LINEAR, {"id": "linear_by_step"}, PlanOptions(granularity="step")),
    "every_param": (EVERY_PARAM, {}, PlanOptions()),
    "fused": (LABELLED, {}, PlanOptions()),
    "sub_pipelines": (SUBPIPELINES, {}, PlanOptions(granularity="scope")),
    "groups": (GROUPS, {"outlets": "all"}, PlanOptions(granularity="step")),
    "scheduled": (
        LINEAR.replace("count: int\n", "count: int = 3\n"),
        SCHEDULED,
        PlanOptions(granularity="step"),
    ),
    "shards": (HALVES, {"tasks": {"text": {"max_active_tis_per_dagrun": 2}}}, PlanOptions()),
    "rollback": (SOURCE, {}, PlanOptions()),
    "web_logs": ("examples/web_logs/pipe.py", {}, PlanOptions()),
    "quickstart": ("examples/quickstart/pipe.py", {}, PlanOptions()),
}


ON_AIRFLOW_2 = ("every_param", "groups", "scheduled", "shards")


def dag_file(name: str, folder: Path, **further: Any) -> GeneratedFile:
    source, options, plan_options = CASES[name]
    file = ROOT / source if source.endswith(".py") else folder / "pipe.py"
    if not source.endswith(".py"):
        file.write_text(textwrap.dedent(source), encoding="utf-8")
    loaded = load(str(file))
    target = get_target("airflow")
    plan = make_plan(loaded.contract, plan_options)
    chosen = target.make_options({**options, **further})
    return target.view(Export(plan, loaded.contract, chosen, loaded.sources))[-1]


@pytest.mark.parametrize(
    ("name", "version"),
    [*((name, "3") for name in CASES), *((name, "2.10") for name in ON_AIRFLOW_2)],
)
def test_the_dag_file_is_the_reviewed_one(name: str, version: str, tmp_path: Path) -> None:
    further = {"airflow_version": version} if version != "3" else {}
    made = dag_file(name, tmp_path, **further)

    # AIR3 is for those who leave Airflow 2
    assert complaints(made.text, ignore="AIR3" if version != "3" else "") == ""
    masked = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", made.text)
    masked = re.sub(r"(?<=^# Generated by synaflow-export )\S+", "0.0.0", masked)
    golden = (GOLDEN if version == "3" else GOLDEN_2) / name / made.path
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(masked, encoding="utf-8")
    assert masked == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in CASES if name != "scheduled"])
def test_versions_differ_in_where_names_come_from_and_in_nothing_else(
    name: str, tmp_path: Path
) -> None:
    def without(text: str) -> str:
        text = re.sub(r"^(from airflow|#  ).*\n", "", text, flags=re.MULTILINE)
        return re.sub(r"\bDataset\(", "Asset(", text)

    three = dag_file(name, tmp_path, airflow_version="3.3").text
    assert without(dag_file(name, tmp_path, airflow_version="2.11").text) == without(three)
    assert dag_file(name, tmp_path, airflow_version="3.3.2").text.replace("3.3.2", "3.3") == three
