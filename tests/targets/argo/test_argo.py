"""The files for Argo Workflows: as Argo's own API describes them, and doing what ``run`` does."""

from __future__ import annotations

import json
import os
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from hera.workflows import models

from synaflow_core.errors import ExportError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_export.files.write import write_files
from synaflow_export.loading.load import load
from synaflow_export.plan import PlanOptions, make_plan
from synaflow_export.target import Export, get_target
from tests.targets.argo.processes import Run

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden" / "argo"

PIPELINE = """
    from collections.abc import Iterator
    from enum import Enum
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Kind(Enum):
        PLAIN = "plain"
        LOUD = "loud"


    class Params(NamedTuple):
        text: str = "--5"
        count: int = 3
        factors: list[float] = [1.5, 2.0]
        kind: Kind = Kind.PLAIN
        limit: int | None = None
        größe: str = "ü {x}"
        flaky: str = ""


    def rows(count: int) -> Iterator[int]:
        yield from range(count)


    def doubled(row: int) -> int:
        if row == 1:
            raise ValueError("no ones")
        return 2 * row


    def total(doubled: list[int], factors: list[float]) -> float:
        return sum(doubled) * factors[1]


    def checked(total: float, flaky: str) -> float:
        if flaky and not Path(flaky).exists():
            Path(flaky).touch()
            raise ConnectionError("try again")
        if total < 0:
            raise ValueError("negative")
        return total


    def report(checked: float, text: str, kind: Kind, limit: int | None, größe: str) -> str:
        return f"{checked} {text} {kind.value} {limit} {größe}"


    p = pipeline(
        "my pipeline",
        Params,
        [
            step("rows", rows),
            step("doubled", doubled),
            step("total", total),
            step("checked", checked, on_error=OnError.STOP),
            step("report", report),
        ],
    )
"""


def exported(folder: Path, source: str = PIPELINE, **options: Any) -> Path:
    code = folder / "code" / "my_pipe.py"
    code.parent.mkdir(parents=True, exist_ok=True)
    code.write_text(textwrap.dedent(source), encoding="utf-8")
    loaded = load(str(code))
    target = get_target("argo")
    made = target.make_options({"store": str(folder / "store"), "retry_delay": 0, **options})
    plan = make_plan(loaded.contract, PlanOptions())
    write_files(target.view(Export(plan, loaded.contract, made, loaded.sources)), folder / "out")
    return folder / "out"


def result(run: Run, folder: Path, task: str = "report") -> str:
    ref = DatasetRef.from_dict(json.loads(run.outputs[f"{task}.{task}"]))
    value: str = HandoffStore(str(folder / "store")).read_value(ref, str)
    return value


def test_a_run_gives_what_run_gives(tmp_path: Path) -> None:
    run = Run(exported(tmp_path), "my-pipeline-abcde", {})
    assert run.start("my-pipeline.yaml"), run.logs
    assert result(run, tmp_path) == "8.0 --5 plain None ü {x}"
    report = json.loads(run.outputs["doubled.synaflow-report"])
    assert [(step["name"], step["errors"]) for step in report["steps"]] == [
        ("rows", 0),
        ("doubled", 1),
    ]
    given = {"text": '{"a": "b=c"}', "count": "5", "kind": "loud", "limit": "7"}
    again = Run(tmp_path / "out", "my-pipeline-fghij", given)
    assert again.start("my-pipeline.yaml"), again.logs
    assert result(again, tmp_path) == '36.0 {"a": "b=c"} loud 7 ü {x}'


def test_what_may_pass_is_tried_again_and_what_will_not_is_not(tmp_path: Path) -> None:
    out = exported(tmp_path)
    run = Run(out, "r1", {"flaky": str(tmp_path / "seen")})
    assert run.start("my-pipeline.yaml"), run.logs
    assert run.tries["checked"] == [1, 0]
    run = Run(out, "r2", {"factors": "[1, -1]"})
    assert not run.start("my-pipeline.yaml")
    assert run.tries == {"doubled": [0], "total": [0], "checked": [64]}
    assert "(not worth a retry)" in run.logs["checked"]
    run = Run(out, "r3", {"count": "many"})
    assert not run.start("my-pipeline.yaml")
    assert run.tries == {"doubled": [64]}
    assert "count" in run.logs["doubled"]


FULL: dict[str, Any] = {
    "schedule": "@daily",
    "timezone": "Europe/Rome",
    "namespace": "data",
    "service_account": "pipelines",
    "image": "registry.example.com/orders:1.2",
    "store": "s3://bucket/synaflow",
    "owner": "data: platform",
    "tags": ("a", "b: c"),
    "concurrency": 4,
    "timeout": "90m",
    "retries": 5,
    "retry_delay": "30s",
    "retry_backoff": 2,
    "cpu": "500m",
    "memory": "2Gi",
    "tasks": {"report": {"retries": 0, "memory": "4Gi"}},
}


@pytest.mark.parametrize("options", [{}, FULL], ids=["plain", "full"])
def test_every_field_is_one_of_argos_own(tmp_path: Path, options: dict[str, Any]) -> None:
    out = exported(tmp_path, **options)
    kinds = set()
    for file in sorted(out.glob("*.yaml")):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        model = getattr(models, document["kind"])
        read = model.model_validate(document)
        written = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
        assert written == document  # a field that Argo does not know would have gone missing
        kinds.add(document["kind"])
    assert kinds == {"WorkflowTemplate", *(["CronWorkflow"] if options else [])}


def test_the_files_are_the_reviewed_ones(tmp_path: Path) -> None:
    out = exported(tmp_path, **FULL)
    for name in ("my-pipeline.yaml", "my-pipeline-cron.yaml", "my-pipeline/Dockerfile"):
        text = (out / name).read_text(encoding="utf-8")
        text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:FINGERPRINT", text)
        text = re.sub(r"(synaflow-export(?:==| ))\d[\w.]*", r"\1VERSION", text)
        kept = GOLDEN / Path(name).name
        if os.environ.get("UPDATE_GOLDEN") == "1":
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(text, encoding="utf-8")
        assert text == kept.read_text(encoding="utf-8")


def test_what_pods_could_not_do_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no-store"):
        get_target("argo").make_options({})
    with pytest.raises(ExportError, match="double-braces") as caught:
        exported(tmp_path, PIPELINE.replace("ü {x}", "{{x}}"))
    (problem,) = caught.value.problems
    assert problem.subject == "param 'größe'"
    for option, value in (("retry_backoff", 1.5), ("max_active_runs", 2), ("id", "Not_Legal")):
        with pytest.raises(ExportError, match=option):
            get_target("argo").make_options({"store": "s3://b/x", option: value})
