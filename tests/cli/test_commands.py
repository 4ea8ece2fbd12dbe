"""``plan``, ``contract``, ``run`` and the general options, called in this process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synaflow_export import __version__
from synaflow_export.cli import options
from synaflow_export.plan import GRANULARITIES, ON_CYCLE


def test_no_arguments_show_the_help(cli: Any) -> None:
    shown = cli()
    assert shown.code == 0
    assert cli("--help").out == shown.out
    assert "synaflow-export run pipe.py --param count=5" in shown.out


@pytest.mark.parametrize("command", ["airflow", "plan", "contract", "run", "rehearse", "verify"])
def test_every_command_explains_itself_with_examples(cli: Any, command: str) -> None:
    shown = cli(command, "--help")
    assert shown.code == 0
    assert f"synaflow-export {command} pipe.py" in shown.out
    assert command in cli("--help").out


def test_version(cli: Any) -> None:
    assert cli("--version").out == f"synaflow-export {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["aiflow", "pipe.py"], "airflow"),
        (["plan"], "CODE"),
        (["plan", "pipe.py", "--granularty", "step"], "--granularity"),
        (["plan", "pipe.py", "--granularity", "steps"], "'steps'"),
        (["airflow", "pipe.py", "--retries", "many"], "--retries"),
        (["airflow", "pipe.py", "--templates", "nowhere"], "'nowhere' does not exist"),
    ],
)
def test_a_wrong_command_line(cli: Any, arguments: list[str], message: str) -> None:
    told = cli(*arguments)
    assert told.code == 2
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert message in told.err
    assert "--help' shows what can be given" in told.err


def test_the_choices_are_the_planners() -> None:
    assert tuple(options.Granularity) == GRANULARITIES
    assert tuple(options.OnCycle) == ON_CYCLE


def test_contract_is_the_pipelines_own(cli: Any, orders: Any) -> None:
    told = cli("contract", "orders.py")
    assert told.code == 0
    document = json.loads(told.out)
    assert document["source"] == {"module": "orders", "attribute": "orders"}
    assert list(document["steps"]) == ["parse", "total", "report"]
    assert cli("contract", "orders.py:orders").out == told.out


def test_stdout_holds_nothing_of_what_the_code_prints(cli: Any, quickstart: Any) -> None:
    told = cli("contract", "pipe.py")
    assert json.loads(told.out)["name"] == "example"
    assert "Consumed: 40" in told.err


def test_plan_as_a_table(cli: Any, orders: Any) -> None:
    told = cli("plan", "orders.py")
    assert told.code == 0
    assert told.out.startswith("orders: 3 steps in 3 macro-tasks (granularity stream)\n")
    header = next(line for line in told.out.splitlines() if line.startswith("macro-task"))
    assert header.split() == ["macro-task", "steps", "why", "together", "reads", "writes"]
    row = next(line for line in told.out.splitlines() if line.startswith("parse  "))
    assert row.split()[-1] == "parse"
    datasets = told.out[told.out.index("dataset ") :]
    assert "Stream[int]" in datasets
    assert "jsonl" in datasets
    assert "(result)" in datasets


def test_plan_says_why_steps_run_together(cli: Any, quickstart: Any) -> None:
    told = cli("plan", "pipe.py")
    assert "3 steps in 1 macro-task " in told.out
    assert "producer + transformer" in told.out
    assert cli("plan", "pipe.py", "--granularity", "step").out != told.out


def test_plan_tells_what_a_step_is_undone_by(cli: Any, project: Any) -> None:
    code = """
        from synaflow_core import pipeline, step

        def order() -> int:
            return 1

        def cancel(output: int) -> None: ...

        def report(order: int) -> str:
            return str(order)

        p = pipeline("p", None, [step("order", order, rollback=cancel), step("report", report)])
    """
    project.write("pipe.py", code)
    rows = cli("plan", "pipe.py").out.splitlines()
    assert [line.split()[1:5] for line in rows if line.startswith(("order  ", "report  "))][:2] == [
        ["order", "(undone", "by", "cancel)"],
        ["report", "order", "report"],
    ]


def test_plan_as_json_and_as_a_picture(cli: Any, orders: Any) -> None:
    made = json.loads(cli("plan", "orders.py", "--format", "json").out)
    assert [task["name"] for task in made["macro_tasks"]] == ["parse", "total", "report"]
    whole = json.loads(
        cli("plan", "orders.py", "--format", "json", "--granularity", "pipeline").out
    )
    assert [task["steps"] for task in whole["macro_tasks"]] == [["parse", "total", "report"]]
    assert cli("plan", "orders.py", "--format", "mermaid").out.startswith("flowchart LR\n")


def test_plan_of_a_contract_equals_that_of_the_code(cli: Any, orders: Any) -> None:
    of_code = cli("plan", "orders.py", "--format", "json").out
    orders.with_name("c.json").write_text(cli("contract", "orders.py").out)
    orders.unlink()
    assert cli("plan", "c.json", "--format", "json").out == of_code


def test_run_tells_steps_and_outputs(cli: Any, orders: Any) -> None:
    told = cli("run", "orders.py", "--param", "amounts=[5, -1, 7]", "--param", "currency=USD")
    assert told.code == 0
    parse = next(line for line in told.out.splitlines() if line.startswith("parse"))
    assert parse.split()[:4] == ["parse", "ok", "2", "1"]
    assert "negative amount -1" in parse
    assert told.out.endswith("\nreport = '1200 USD'\n")


def test_run_with_defaults_and_with_a_file(cli: Any, orders: Any, project: Any) -> None:
    assert cli("run", "orders.py").out.endswith("report = '600 EUR'\n")
    project.write("p.json", '{"amounts": [1], "currency": "CHF"}')
    assert cli("run", "orders.py", "--params-file", "p.json").out.endswith("report = '100 CHF'\n")


def test_run_as_json(cli: Any, project: Any) -> None:
    project.write(
        "pipe.py",
        """
        from datetime import date
        from pathlib import PurePosixPath
        from synaflow_core import pipeline, step

        def day() -> date:
            print("a step prints")
            return date(2024, 2, 29)

        def place() -> PurePosixPath:
            return PurePosixPath("/data")

        p = pipeline("p", steps=[step("day", day), step("place", place)])
        """,
    )
    told = cli("run", "pipe.py", "--format", "json")
    outcome = json.loads(told.out)
    assert outcome["outputs"] == {"day": "2024-02-29", "place": "PurePosixPath('/data')"}
    assert outcome["steps"]["day"]["ok"] == 1
    assert "a step prints" in told.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--param", "count=many"], "count"),
        (["--param", "cuont=5"], "did you mean 'count'?"),
        ([], "count"),
        (["--params-file", "none.json"], "none.json"),
    ],
)
def test_run_with_wrong_params(
    cli: Any, quickstart: Any, arguments: list[str], message: str
) -> None:
    told = cli("run", "pipe.py", *arguments)
    assert told.code == 2
    assert told.out == ""
    assert message in told.err[told.err.index("error: ") :]
    assert "Traceback" not in told.err


FAILING = """
    from synaflow_core import OnError, pipeline, step

    def broken() -> int:
        raise OSError("no such device")

    def after(broken: int) -> int:
        return broken

    first = step("broken", broken, on_error=OnError.{policy})
    p = pipeline("p", steps=[first, step("after", after)])
"""


def test_a_run_that_a_step_stops(cli: Any, project: Any) -> None:
    project.write("pipe.py", FAILING.replace("{policy}", "STOP"))
    told = cli("run", "pipe.py")
    assert told.code == 1
    assert "broken" in told.out
    assert "failed" in told.out
    assert "pipeline stopped at step 'broken': OSError: no such device" in told.err
    assert "-> raised at pipe.py:4" in told.err
    assert "Traceback" not in told.err
    assert "Traceback" in cli("run", "pipe.py", "--traceback").err


@pytest.mark.parametrize("command", ["run", "rehearse"])
def test_a_step_that_leaves_the_process_has_failed(cli: Any, project: Any, command: str) -> None:
    """Command line functions end in ``sys.exit(0)``; what needs the step has not run."""
    failing = 'raise OSError("no such device")'
    assert failing in FAILING
    text = FAILING.replace(failing, "raise SystemExit(0)")
    project.write("pipe.py", text.replace("{policy}", "CONTINUE"))
    done = cli(command, "pipe.py")
    assert done.code == 1
    assert "a step ended the process: SystemExit: 0" in done.err


def test_a_failed_run_as_json(cli: Any, project: Any) -> None:
    project.write("pipe.py", FAILING.replace("{policy}", "STOP"))
    told = cli("run", "pipe.py", "--format", "json")
    assert told.code == 1
    outcome = json.loads(told.out)
    assert outcome["run_id"]
    assert outcome["outputs"] == {}
    assert outcome["error"] == "pipeline stopped at step 'broken': OSError: no such device"
    assert list(outcome["steps"]) == ["broken", "after"]
    assert outcome["steps"]["broken"]["status"] == "failed"
    assert outcome["error"] in told.err
    assert "-> raised at pipe.py:4" in told.err


def test_an_exceeded_threshold_as_json(cli: Any, project: Any) -> None:
    project.write(
        "pipe.py",
        """
        from synaflow_core import pipeline, step

        def numbers() -> list[str]:
            return ["1", "x"]

        def parsed(number: str) -> int:
            return int(number)

        steps = [step("numbers", numbers), step("parsed", parsed, error_threshold_absolute=1)]
        p = pipeline("p", steps=steps)
        """,
    )
    told = cli("run", "pipe.py", "--format", "json")
    assert told.code == 1
    outcome = json.loads(told.out)
    assert outcome["outputs"] == {}
    assert "parsed" in outcome["error"]
    assert outcome["steps"]["parsed"]["errors"] == 1
    assert outcome["error"] in told.err
    assert "table" not in told.err


def test_a_step_that_fails_and_lets_the_run_go_on(cli: Any, project: Any) -> None:
    project.write("pipe.py", FAILING.replace("{policy}", "CONTINUE"))
    told = cli("run", "pipe.py")
    assert told.code == 0
    assert "note: step 'broken' failed, and the run went on" in told.err
    after = next(line for line in told.out.splitlines() if line.startswith("after"))
    assert after.split()[1] == "skipped"


def test_a_run_needs_code(cli: Any, orders: Any) -> None:
    orders.with_name("c.json").write_text(cli("contract", "orders.py").out)
    told = cli("run", "c.json")
    assert told.code == 2
    assert "a contract holds no code that could be run" in told.err


def test_async_pipelines_run_as_well(cli: Any, project: Any) -> None:
    project.write(
        "pipe.py",
        """
        from synaflow_core import pipeline, step

        async def a() -> int:
            return 1

        p = pipeline("p", steps=[step("a", a)])
        """,
    )
    told = cli("run", "pipe.py")
    assert told.code == 0, told.err
    assert "a = 1" in told.out


@pytest.mark.parametrize("command", ["airflow", "plan", "contract", "run"])
@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (None, "pipe.py", "there is no such file"),
        ("x = 1\nx / 0\n", "pipe.py:2", "ZeroDivisionError: division by zero"),
        ("x = (\n", "pipe.py:1", "SyntaxError: '(' was never closed"),
        ("x = 1\n", "pipe.py", "no Pipeline object was found"),
        (
            "from synaflow_core import pipeline, step\ndef a(b: int) -> int: ...\n"
            "p = pipeline('p', steps=[step('a', a)])\n",
            "pipe.py:2",
            "b",
        ),
        (
            "from synaflow_core import pipeline, step\ndef a() -> int: ...\n"
            "p = pipeline('p', steps=[step('a', a)])\nq = pipeline('q', steps=[step('a', a)])\n",
            "pipe.py",
            "there are 2 pipelines: 'p', 'q'",
        ),
    ],
)
def test_bad_code_gets_one_message_from_every_command(
    cli: Any, project: Any, command: str, text: str | None, place: str, message: str
) -> None:
    if text is not None:
        project.write("pipe.py", text)
    before = project.files()
    told = cli(command, "pipe.py")
    assert told.code == 2
    assert told.out == ""
    assert told.err.count("error: ") == 1
    assert f"  {place}: " in told.err
    assert message in told.err
    assert "    -> " in told.err
    assert "Traceback" not in told.err
    assert project.files() == before


def test_the_traceback_is_there_for_those_who_ask(cli: Any, project: Any) -> None:
    project.write("pipe.py", "def f():\n    raise ValueError('why')\nf()\n")
    told = cli("plan", "pipe.py", "--traceback")
    assert told.code == 2
    assert 'pipe.py", line 2, in f' in told.err
    assert told.err.index("ValueError: why") < told.err.index("error: ")


def test_a_bug_of_ours_is_called_one(
    cli: Any, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synaflow_export.plan.make_plan", lambda *_: 1 / 0)
    told = cli("plan", "orders.py")
    assert told.code == 70
    assert "Traceback" in told.err
    assert f"this is a bug in synaflow-export {__version__}" in told.err
