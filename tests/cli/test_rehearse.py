"""``rehearse`` and ``verify``: real processes, real shards, a real store."""

from __future__ import annotations

import json
from typing import Any

import pytest

PIPE = """
    import os
    import signal
    from collections.abc import Iterator
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        count: int = 20
        killed: str = ""
        stopped: int = -1


    def rows(count: int) -> Iterator[int]:
        yield from range(count)


    def half(row: int, killed: str, stopped: int) -> float:
        if row == stopped:
            raise ValueError(f"stopped at {row}")
        if row == 12 and killed and not Path(killed).exists():
            Path(killed).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return row / 2


    def total(halves: list[float]) -> float:
        return sum(halves)


    steps = [step("rows", rows), step("half", half, on_error=OnError.STOP), step("total", total)]
    p = pipeline("p", Params, steps)
"""
WORKFLOW = """
    import os
    from dataclasses import dataclass, field

    from synaflow_core.phases import BaseStep, BaseStepContext, StepRegistry, StepResult


    @dataclass
    class Seen(BaseStepContext):
        seen: list[str] = field(default_factory=list)


    class See(BaseStep[Seen]):
        progress_weight = 1
        name = ""

        def __init__(self, name: str) -> None:
            self.name = name

        def execute(self, context: Seen) -> StepResult:
            context.seen.append(self.name)
            return StepResult(data={})


    registry = StepRegistry[Seen]()
    registry.register(See("first"))
    registry.register(See("second"))
    p = registry.to_pipeline("work", context=Seen)
"""
LUCK = """
    import os
    from collections.abc import Iterator

    from synaflow_core import pipeline, step


    def rows() -> Iterator[int]:
        yield from range(5)
        yield os.getpid()


    def total(rows: list[int]) -> int:
        return len(rows)


    p = pipeline("luck", None, [step("rows", rows), step("total", total)])
"""


@pytest.fixture
def pipe(project: Any) -> None:
    project.write("pipe.py", PIPE)


def test_a_plan_is_run_task_by_task(cli: Any, project: Any, pipe: None) -> None:
    done = cli("rehearse", "pipe.py", "--param", "count=9", "--shard", "half=3", "--store", "kept")
    assert done.code == 0
    assert "total = 18.0" in done.out
    assert "rows 9" in done.out
    assert "note: 2/3 half in 3 shards: " in done.err
    assert len([f for f in project.files() if f.startswith("kept/p/rehearsal/half/_parts/")]) > 3
    loose = cli("rehearse", "pipe.py", "--format", "json", "--quiet")
    found = json.loads(loose.out)
    assert loose.err == ""
    assert found["outputs"] == {"total": 95.0}
    assert [task["name"] for task in found["macro_tasks"]] == ["half", "total"]
    assert found["steps"]["half"]["ok"] == 20


def test_a_shard_that_was_killed_is_tried_again(cli: Any, project: Any, pipe: None) -> None:
    marker = ["--param", f"killed={project.folder}/marker", "--shard", "half=4"]
    done = cli("rehearse", "pipe.py", *marker, "--retries", "1", "--jobs", "2")
    assert done.code == 0
    assert "half in 4 shards: " in done.err
    assert ", 1 tried again" in done.err
    assert "total = 95.0" in done.out
    (project.folder / "marker").unlink()
    failed = cli("rehearse", "pipe.py", *marker, "--format", "json")
    assert failed.code == 1
    assert "macro-task 'half 3/4' failed: its process was killed by SIGKILL" in failed.err
    assert json.loads(failed.out)["outputs"] == {}
    assert [task["name"] for task in json.loads(failed.out)["macro_tasks"]] == ["rows"]


def test_a_step_that_stops_ends_the_rehearsal(cli: Any, pipe: None) -> None:
    done = cli("rehearse", "pipe.py", "--param", "stopped=3", "--retries", "2")
    assert done.code == 1
    assert "pipeline stopped at step 'half': ValueError: stopped at 3" in done.err
    assert "failed" in done.out


def test_a_failed_rehearsal_is_rolled_back(cli: Any, project: Any) -> None:
    project.write(
        "undo.py",
        """
        from synaflow_core import OnError, pipeline, step


        def made() -> int:
            open("made", "w").close()
            return 1


        def unmade() -> None:
            import os
            os.remove("made")


        def listed(made: int) -> list[int]:
            return [made] * 4


        def fails(listed: int) -> int:
            raise ValueError("no")


        p = pipeline("undo", None, [
            step("made", made, rollback=unmade),
            step("listed", listed),
            step("fails", fails, on_error=OnError.STOP),
        ])
        """,
    )
    done = cli("rehearse", "undo.py", "--shard", "fails=2", "--format", "json")
    assert done.code == 1
    assert "rolled back, newest first: made" in done.err
    assert json.loads(done.out)["rolled_back"] == ["made"]
    assert "made" not in project.files()
    one = cli("rehearse", "undo.py", "--granularity", "pipeline", "--format", "json")
    assert json.loads(one.out)["rolled_back"] == ["made"]  # by the macro-task itself
    assert json.loads(one.out)["macro_tasks"] == []
    assert "made" not in project.files()


@pytest.mark.parametrize("command", ["rehearse", "verify"])
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--param", "count=many"], "count"),
        (["--param", "cuont=5"], "there is no param 'cuont'"),
        (["--store", "memory://x"], "ends with the process that filled it"),
        (["--store", "nowhere://x"], "nowhere"),
        (["--shard", "half=some"], "half=some"),
        (["--shard", "total=2"], "only a step that is called once per item can be sharded"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_bad_input(cli: Any, pipe: None, command: str, arguments: list[str], told: str) -> None:
    done = cli(command, "pipe.py", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert told in done.err


@pytest.mark.parametrize("command", ["rehearse", "verify"])
def test_a_rollback_that_an_export_would_refuse(cli: Any, project: Any, command: str) -> None:
    project.write(
        "pipe.py",
        """
        from threading import Lock

        from synaflow_core import pipeline, step

        def taken() -> Lock: raise AssertionError("it has run")
        def free(taken: Lock) -> None: ...

        p = pipeline("p", None, [step("taken", taken, rollback=free)])
        """,
    )
    done = cli(command, "pipe.py")
    assert (done.code, done.out) == (2, "")
    assert "pipe.py:5: step 'taken', rollback: it asks for the output of step 'taken'" in done.err


@pytest.mark.parametrize("command", ["rehearse", "verify"])
def test_a_contract_holds_no_code(cli: Any, project: Any, pipe: None, command: str) -> None:
    project.write("contract.json", cli("contract", "pipe.py").out)
    done = cli(command, "contract.json")
    assert done.code == 2
    assert "a contract holds no code that could be run" in done.err


@pytest.mark.parametrize(
    "arguments",
    [["--shard", "half=3", "--jobs", "2"], ["--granularity", "step"]],
    ids=["shards", "step"],
)
def test_what_is_equal(cli: Any, pipe: None, arguments: list[str]) -> None:
    done = cli("verify", "pipe.py", *arguments, "--quiet")
    assert done.code == 0
    assert "3 datasets and the counts of 3 steps are equal" in done.out
    assert "NO" not in done.out


def test_what_differs_is_shown(cli: Any, project: Any) -> None:
    project.write("luck.py", LUCK)
    done = cli("verify", "luck.py")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if "element 5" in line]
    assert line.startswith("rows ")
    assert len(set(line.split()[-2:])) == 2  # two processes, two numbers
    assert "the macro-tasks do not give what one process gives: 'rows'" in done.err
    found = json.loads(cli("verify", "luck.py", "--format", "json").out)
    assert found["equal"] is False
    assert [each["name"] for each in found["datasets"] if each["difference"]] == ["rows"]
    assert found["datasets"][0]["difference"]["place"] == "element 5"


def test_a_workflow_gives_the_same_everywhere(cli: Any, project: Any) -> None:
    project.write("work.py", WORKFLOW)
    done = cli("verify", "work.py", "--quiet")
    assert done.code == 0, done.out
    assert "2 datasets and the counts of 2 steps are equal" in done.out
    project.write("work.py", WORKFLOW.replace("data={}", 'data={"at": [os.getpid()]}'))
    found = json.loads(cli("verify", "work.py", "--format", "json").out)
    differences = [each["difference"] for each in found["datasets"]]
    assert [each["place"] for each in differences] == ["value.step_results[0].data['at'][0]"] * 2
    assert all(each["run"].isdigit() for each in differences)


def test_runs_that_fail_alike_leave_nothing_to_compare(cli: Any, pipe: None) -> None:
    done = cli("verify", "pipe.py", "--param", "stopped=3")
    assert done.code == 1
    assert "both runs fail in the same way" in done.err
    assert "ValueError: stopped at 3" in done.err
