"""Options from ``synaflow.toml`` and ``pyproject.toml``: what wins, and how mistakes are told."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

EVERY_LAYER = """
    retries = 1
    owner = "everybody"
    tags = [
        "nightly",
        "orders",
    ]

    [airflow]
    retries = 2
    owner = "airflow people"

    [env.prod]
    retries = 3
    [env.prod.airflow]
    retries = 4

    [pipeline.orders]
    retries = 5
    [pipeline.orders.airflow]
    retries = 6
    [env.prod.pipeline.orders]
    retries = 7
    [env.prod.pipeline.orders.airflow]
    retries = 8

    [pipeline.orders.task.parse]
    retries = 9
    [pipeline.orders.step.parse]
    retries = 10

    [env.prod.pipeline.another]
    retries = 99
    [env.test]
    retries = 99
"""


def effective(cli: Any, *arguments: str) -> Any:
    told = cli("config", "orders.py", "--target", "airflow", "--format", "json", *arguments)
    assert told.code == 0, told.err
    return json.loads(told.out)


def without(text: str, sections: int) -> str:
    """The file without the strongest sections for the pipeline as a whole."""
    parts = re.split(r"\n(?= *\[)", text)
    own = [part for part in parts if ".task." not in part and ".step." not in part]
    return "\n".join(own[: len(own) - 2 - sections] + own[-2:])


@pytest.mark.parametrize(("sections", "retries"), [(n, 8 - n) for n in range(8)])
def test_the_stronger_section_wins(
    cli: Any, orders: Path, project: Any, sections: int, retries: int
) -> None:
    project.write("synaflow.toml", without(EVERY_LAYER, sections))
    found = effective(cli, "--env", "prod")
    assert found["options"]["retries"]["value"] == retries
    assert found["tasks"] == {}
    assert found["options"]["tags"] == {
        "value": ["nightly", "orders"],
        "from": "synaflow.toml:3",
    }
    assert found["options"]["timezone"] == {"value": "UTC", "from": "default"}


def test_a_section_holds_where_it_says(cli: Any, orders: Path, project: Any) -> None:
    file = project.write("synaflow.toml", EVERY_LAYER)
    found = effective(cli)
    assert found["options"]["retries"] == {
        "value": 6,
        "from": "synaflow.toml:20",
        "section": "[pipeline.orders.airflow]",
    }
    assert found["tasks"] == {
        "parse": {
            "retries": {
                "value": 10,
                "from": "synaflow.toml:29",
                "section": "[pipeline.orders.step.parse]",
            }
        }
    }
    lines = file.read_text().splitlines()
    for setting in (*found["options"].values(), *found["tasks"]["parse"].values()):
        if setting["from"] != "default":  # the line that is named holds the value, or its start
            line = lines[int(setting["from"].rpartition(":")[2]) - 1]
            assert line.split("=")[1].strip() in (json.dumps(setting["value"]), "[")


def test_flags_win_over_everything(cli: Any, orders: Path, project: Any) -> None:
    project.write("synaflow.toml", EVERY_LAYER)
    assert cli("airflow", "orders.py", "--env", "prod", "--retries", "0").code == 0
    text = (project.folder / "dags/orders_dag.py").read_text()
    assert re.findall(r"retries\W+(\d+)", text.partition('"""')[2]) == ["0"]


def test_the_header_says_how_to_make_it_again(cli: Any, orders: Path, project: Any) -> None:
    project.write("synaflow.toml", 'retries = 5\nowner = "ops"\n[env.prod]\ntimeout = "1h"\n')
    # 2 is the default, and must be told all the same: the file says 5
    arguments = ("--retries", "2", "--granularity", "stream", "--no-catchup")
    assert cli("airflow", "orders.py", "--env", "prod", *arguments).code == 0
    made = {path: path.read_bytes() for path in (project.folder / "dags").rglob("*.*")}
    text = (project.folder / "dags/orders_dag.py").read_text()
    header = text.partition('"""')[0].replace("\\\n#", "")
    (line,) = re.findall(r"^# +(synaflow-export airflow.*)$", header, re.MULTILINE)
    assert "the pipeline or synaflow.toml" in header
    assert "ops" not in line  # the file says it, and will say it again
    words = shlex.split(line.replace("DAGS_FOLDER", "dags"))[1:]
    assert cli(*words, "--check").code == 0
    for path in made:
        path.unlink()
    assert cli(*words).code == 0
    assert {path: path.read_bytes() for path in made} == made
    assert cli("airflow", "orders.py", "--check").code == 1


def test_the_same_from_pyproject_and_from_a_folder_above(
    cli: Any, orders: Path, project: Any
) -> None:
    code = project.write("shop/etl/orders.py", orders.read_text())
    project.write(
        "pyproject.toml", '[project]\nname = "shop"\n\n[tool.synaflow-export]\nretries = 4'
    )
    told = cli("config", str(code), "--target", "airflow", "--format", "json")
    assert json.loads(told.out)["options"]["retries"] == {"value": 4, "from": "pyproject.toml:5"}

    project.write("shop/synaflow.toml", "retry_delay = '9s'")  # the nearest file holds, alone
    told = cli("config", str(code), "--target", "airflow", "--format", "json")
    options = json.loads(told.out)["options"]
    assert options["retry_delay"]["from"] == f"{Path('shop/synaflow.toml')}:1"
    assert options["retries"]["from"] == "default"

    project.write("shop/etl/.git/HEAD", "")  # nothing above the repository is read
    told = cli("config", str(code), "--target", "airflow", "--format", "json")
    assert json.loads(told.out)["file"] is None


def test_a_broken_pyproject_of_somebody_else_is_none_of_our_business(
    cli: Any, orders: Path, project: Any
) -> None:
    project.write("pyproject.toml", "[project\n")
    assert cli("airflow", "orders.py").code == 0


def test_the_plan_follows_the_file(cli: Any, orders: Path, project: Any) -> None:
    project.write("synaflow.toml", '[airflow]\ngranularity = "pipeline"\n')
    assert "3 steps in 3 macro-tasks" in cli("plan", "orders.py").out
    assert "3 steps in 1 macro-task " in cli("plan", "orders.py", "--target", "airflow").out
    assert cli("airflow", "orders.py").out.endswith("in 1 task\n")
    told = cli("airflow", "orders.py", "--granularity", "stream", "--check")
    assert told.code == 1


def test_steps_of_one_macro_task_may_not_disagree(cli: Any, orders: Path, project: Any) -> None:
    project.write(
        "synaflow.toml",
        """
        granularity = "pipeline"
        [pipeline.orders.task.report]
        retries = 1
        [pipeline.orders.step.parse]
        timeout = "5m"
        retries = 2
        [pipeline.orders.step.total]
        retries = 2
        timeout = "1h"
        """,
    )
    told = cli("airflow", "orders.py")
    assert told.code == 2
    assert (
        "synaflow.toml:9: step 'total', option 'timeout': '1h', but '5m' for step 'parse' "
        "(synaflow.toml:5), and both run in macro-task 'report' [steps-disagree]"
    ) in told.err
    assert "retries" not in told.err
    assert cli("airflow", "orders.py", "--timeout", "1h").code == 0  # flags win


ROWS = """
    from collections.abc import Iterator
    from synaflow_core import pipeline, step

    def rows() -> Iterator[int]:
        yield from range(10)

    def doubled(row: int) -> int:
        return row * 2

    def halved(doubled: int) -> int:
        return doubled // 2

    orders = pipeline("orders", steps=[step("rows", rows), step("doubled", doubled),
                                       step("halved", halved)])
"""


def test_shards_from_the_file_and_from_flags(cli: Any, project: Any) -> None:
    project.write("orders.py", ROWS)
    project.write(
        "synaflow.toml",
        """
        rows_per_shard = 500
        granularity = "step"
        shards = ["doubled=2", "halved=3"]
        [pipeline.orders.step.doubled]
        shards = 4
        """,
    )

    def shards(*flags: str) -> dict[str, int]:
        document = json.loads(cli("plan", "orders.py", "--format", "json", *flags).out)
        tasks = document["macro_tasks"]
        return {task["name"]: task["shards"]["count"] for task in tasks if task["shards"]}

    assert shards() == {"doubled": 4, "halved": 3}
    assert shards("--shard", "doubled=1") == {"halved": 3}  # the others stay as they are
    project.write("synaflow.toml", "[pipeline.orders.step.halvd]\nshards = 2\n")
    told = cli("plan", "orders.py")
    assert told.code == 2
    assert "synaflow.toml:2: shard 'halvd'" in told.err
    project.write("synaflow.toml", '[pipeline.orders]\nwindow = "day"\n')
    told = cli("airflow", "orders.py")
    assert told.code == 2
    assert "synaflow.toml:2: option 'window'" in told.err
    told = cli("plan", "orders.py", "--shard", "doubled=x", "--rows-per-shard", "0")
    assert told.code == 2
    assert "'doubled=x' is not like STEP=8" in told.err
    assert "option 'rows_per_shard'" in told.err


def test_as_a_table(cli: Any, orders: Path, project: Any) -> None:
    project.write("synaflow.toml", EVERY_LAYER)
    told = cli("config", "orders.py", "--target", "airflow", "--env", "prod")
    assert told.code == 0
    rows = [line.split() for line in told.out.splitlines()]
    assert ["retries", "8", "synaflow.toml:24", "[env.prod.pipeline.orders.airflow]"] in rows
    assert ["parse", "retries", "10", "synaflow.toml:29", "[pipeline.orders.step.parse]"] in rows
    assert ["tags", "nightly,", "orders", "synaflow.toml:3"] in rows
    assert ["catchup", "false", "default"] in rows


MISTAKES = {
    "unknown key": ("retrys = 3", "1: option 'retrys': there is no such option", "'retries'"),
    "unknown key of a target": ("\n[airflow]\nretrys = 3", "2: option 'retrys'", "'retries'"),
    "unknown key of the plan": ("granularty = 'step'", "1: option 'granularty'", "'granularity'"),
    "schedule": ("#\n\nschedule = 'every day'", "3: option 'schedule'", "0 2 * * *"),
    "schedule of another pipeline": ("[pipeline.x]\nschedule = '61 * * * *'", "2: option", "night"),
    "timezone": ("timezone = 'Mars/Olympus'", "1: option 'timezone'", "Europe/Rome"),
    "start date": ("start_date = 2024-01-01T00:00:00Z", "1: option 'start_date'", "2024-01-01"),
    "retries": ("retries = true", "1: option 'retries'", "such a number"),
    "type of a list": ("tags = 'one'", "1: option 'tags'", "shorten"),
    "table for a value": ("[retries]\nx = 1", "1: option 'retries'", "such a number"),
    "granularity": ("granularity = 'steps'", "1: option 'granularity'", "choose one"),
    "version": ("[airflow]\nairflow_version = '1.10'", "2: option 'airflow_version'", "every"),
    "unknown table": ("[airflw]\nretries = 1", "1: [airflw]", "'airflow'"),
    "table in a target's": ("[airflow.env.prod]\nretries = 1", "1: [airflow.env]", "[env.NAME]"),
    "task without pipeline": (
        "[task.parse]\nretries = 1",
        "1: [task]",
        "[pipeline.NAME.task.NAME]",
    ),
    "env in env": ("[env.a.env.b]\nretries = 1", "1: [env.a.env]", "[env.NAME]"),
    "pipeline as a value": ("pipeline = 'orders'", "1: [pipeline]", "[pipeline.NAME]"),
    "pipeline without a name": ("[pipeline]\nretries = 1", "1: [pipeline]", "[pipeline.NAME]"),
    "shards of a step": ("[pipeline.orders.step.parse]\nshards = 0", "2: option 'shards'", "each"),
    "shards of a task": ("[pipeline.orders.task.parse]\nshards = 2", "2: option 'shards'", "move"),
    "not per task": (
        "[pipeline.orders.task.parse]\nschedule = '@daily'",
        "2: option",
        "move it up",
    ),
    "unknown task": ("[pipeline.orders.task.prse]\nretries = 1", "1: macro-task 'prse'", "'parse'"),
    "unknown step": ("[pipeline.orders.step.totl]\nretries = 1", "1: step 'totl'", "'total'"),
    "credential": ("owner = 'ghp_0123456789abcdefghijABCDEFGHIJ'", "1: option 'owner'", "remove"),
    "store": ("store = 's3://key:hunter2@bucket'", "1: option 'store'", "SYNAFLOW_STORE"),
    "syntax": ("retries = 1\nowner = \n", "2: Invalid value", "mend the syntax"),
    "repeated": ("retries = 1\nretries = 2\n", "2: Cannot overwrite", "mend the syntax"),
}


@pytest.mark.parametrize("command", ["airflow", "config"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_line(
    cli: Any, orders: Path, project: Any, name: str, command: str
) -> None:
    text, place, hint = MISTAKES[name]
    project.write("synaflow.toml", text)
    arguments = ["--target", "airflow"] if command == "config" else []
    told = cli(command, "orders.py", *arguments)
    assert (told.code, told.out) == (2, "")
    assert f"synaflow.toml:{place}" in told.err
    assert hint in told.err.partition("->")[2]
    assert told.err.count("->") == 1
    assert not {"ghp_", "hunter2"} & set(re.findall("ghp_|hunter2", told.err))
    assert project.files() == {"orders.py", "synaflow.toml"}


def test_every_mistake_is_told_at_once(cli: Any, orders: Path, project: Any) -> None:
    project.write("synaflow.toml", "retrys = 3\n[airflow]\nschedule = 'x'\n[env.prod]\nstore = ''")
    told = cli("airflow", "orders.py")
    assert [line.split(":")[1] for line in told.err.splitlines() if "toml:" in line] == [
        "1",
        "3",
        "5",
    ]


@pytest.mark.parametrize("arguments", [["--env", "prod"], ["--env", "producton"]])
def test_an_environment_that_is_not_there(
    cli: Any, orders: Path, project: Any, arguments: list[str]
) -> None:
    told = cli("airflow", "orders.py", *arguments)
    assert told.code == 2
    assert "there is no settings file" in told.err
    project.write("synaflow.toml", "[env.production]\nretries = 1")
    told = cli("airflow", "orders.py", *arguments)
    assert told.code == 2
    assert "synaflow.toml: environment" in told.err
    assert "-> did you mean 'production'?" in told.err or "-> known: production" in told.err


def test_two_files_in_one_folder(cli: Any, orders: Path, project: Any) -> None:
    project.write("synaflow.toml", "retries = 1")
    project.write("pyproject.toml", "[tool.synaflow-export]\nretries = 2")
    told = cli("airflow", "orders.py")
    assert told.code == 2
    assert "pyproject.toml:1 beside it" in told.err
    project.write("pyproject.toml", "[tool.other]\nretries = 2")
    assert cli("airflow", "orders.py").code == 0


def test_a_section_of_a_pipeline_that_is_written_wrong(
    cli: Any, orders: Path, project: Any
) -> None:
    project.write("synaflow.toml", "[pipeline.order]\nretries = 1\n[pipeline.x]\nretries = 1")
    told = cli("airflow", "orders.py")
    assert told.code == 0
    assert told.err == "note: synaflow.toml:1: [pipeline.order] does not hold for 'orders'\n"
