"""The three calls that generated files make for a sharded macro-task, on an exported folder."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from synaflow_core.errors import DriftError, HandoffError, ThresholdExceededException
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_export.loading.load import load
from synaflow_export.plan import PlanOptions, make_plan
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.running import Place, returned, run_exported
from synaflow_export.runtime.shards import join_shards, part_of, plan_shards

CODE = """\
from collections.abc import Iterator
from typing import NamedTuple

from synaflow_core import pipeline, step


class Params(NamedTuple):
    count: int = 20


def rows(count: int) -> Iterator[int]:
    yield from range(count)


def half(row: int) -> float:
    if row % 5 == 0:
        raise ValueError("five")
    return row / 2


def total(halves: list[float]) -> float:
    return sum(halves)


steps = [
    step("rows", rows),
    step("half", half, shards=3, error_threshold_pct=0.3),
    step("total", total),
]
p = pipeline("p", Params, steps)
"""


class Run:
    """A run of an export, as an orchestrator would do it; all that tasks return is JSON."""

    def __init__(self, tmp_path: Path, code: str = CODE, **options: Any) -> None:
        source = tmp_path / "pipe.py"
        source.write_text(code)
        contract = load(str(source), None).contract
        folder = tmp_path / "p"
        (folder / "src").mkdir(parents=True)
        (folder / "src" / "pipe.py").write_text(code)
        (folder / "contract.json").write_bytes(contract.to_json())
        (folder / "plan.json").write_bytes(make_plan(contract, PlanOptions(**options)).to_json())
        self.exported = Exported(folder)
        self.reports: list[dict[str, Any]] = []
        self.place = Place(
            store=str(tmp_path / "store"),
            home=tmp_path,
            run_key="r",
            logger=logging.getLogger("test"),
            on_report=self.reports.append,
        )
        self.returned: dict[str, Any] = {}

    def shard(self, name: str, shard: Any = None) -> Any:
        spec, result = run_exported(
            self.exported, name, self.place, params={}, inputs=self.returned, shard=shard
        )
        if shard is not None:
            return json.loads(json.dumps(part_of(shard, result)))
        self.returned |= {o.dataset: returned(result.refs[o.dataset]) for o in spec.outputs}
        return None

    def join(self, name: str, parts: Any) -> None:
        spec, result = join_shards(self.exported, name, self.place, parts)
        self.returned |= {o.dataset: returned(result.refs[o.dataset]) for o in spec.outputs}


def test_the_three_calls(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.shard("rows")
    shards = plan_shards(run.exported, "half", run.returned)
    assert json.loads(json.dumps(shards)) == shards
    assert [s["label"] for s in shards] == ["1/3", "2/3", "3/3"]
    parts = [run.shard("half", shard) for shard in shards]
    assert [part["report"]["steps"][0]["errors"] for part in parts] == [2, 1, 1]
    run.reports.clear()
    run.join("half", parts[::-1])
    (report,) = run.reports
    assert (report["steps"][0]["ok"], report["steps"][0]["errors"]) == (16, 4)
    run.shard("total")
    store = HandoffStore(tmp_path / "store")
    total = DatasetRef.from_dict(run.returned["total"])
    assert store.read_value(total, float) == sum(n / 2 for n in range(20) if n % 5)


def test_the_sums_are_told_even_when_they_exceed_a_threshold(tmp_path: Path) -> None:
    run = Run(tmp_path, CODE.replace("0.3", "0.2"))
    run.shard("rows")
    parts = [run.shard("half", s) for s in plan_shards(run.exported, "half", run.returned)]
    run.reports.clear()
    with pytest.raises(ThresholdExceededException, match="'half' failed for 4 of 20"):
        run.join("half", parts)
    assert run.reports[0]["steps"][0]["errors"] == 4


def test_a_dataset_that_was_not_produced_gives_one_shard_that_skips(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.returned["rows"] = returned(None)
    (shard,) = plan_shards(run.exported, "half", run.returned)
    assert (shard["start"], shard["stop"], shard["label"]) == (0, 0, "1/1")
    run.join("half", [run.shard("half", shard)])
    assert run.returned["half"]["uri"] is None


def test_what_does_not_belong_together_is_told(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(DriftError, match="macro-task 'total' is not sharded"):
        plan_shards(run.exported, "total", {})
    with pytest.raises(HandoffError, match="reference of dataset 'rows' is missing"):
        plan_shards(run.exported, "half", {})
    run.shard("rows")
    with pytest.raises(HandoffError, match="no description of a shard"):
        run.shard("half", {"index": "first"})
    with pytest.raises(HandoffError, match="no result of a shard"):
        run.join("half", [{"refs": None}])


WEIGHTED = CODE.replace(
    CODE[CODE.index("steps = [") : CODE.index("p = pipeline")],
    """\
def aside(rows: list[int]) -> int:
    return len(rows)


steps = [
    step("rows", rows, progress_weight=1),
    step("half", half, shards=3, progress_weight=5),
    step("total", total, progress_weight=2),
    step("aside", aside, progress_weight=2),
]
""",
)


def test_the_log_tells_how_much_of_a_run_is_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(tmp_path, WEIGHTED)
    caplog.set_level(logging.INFO)
    run.shard("rows")
    run.shard("aside")
    parts = [run.shard("half", each) for each in plan_shards(run.exported, "half", run.returned)]
    assert "'half' is done" not in caplog.text  # not before the shards are joined
    run.join("half", parts)
    run.shard("total")
    told = [line.message for line in caplog.records if "what it needs" in line.message]
    assert [line.partition("it is ")[2] for line in told] == [
        "10% of the run",
        "30% of the run",
        "60% of the run",
        "80% of the run",
    ]
