"""``airflow``: what is written, listed, compared and refused. One command serves all targets."""

from __future__ import annotations

import dataclasses
import inspect
import json
import shlex
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest

from synaflow_export.cli.export import export_command
from synaflow_export.files.generated import GeneratedFile
from synaflow_export.options import checks
from synaflow_export.options.model import TargetOptions, option, option_names
from synaflow_export.target import ENTRY_POINT_GROUP, Target, get_target
from synaflow_export.targets.airflow.options import AirflowOptions

EXPORTED = {
    ".airflowignore",
    "orders/contract.json",
    "orders/export.json",
    "orders/plan.json",
    "orders/src/orders.py",
    "orders_dag.py",
}


def exported(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_go_to_the_folder_dags(cli: Any, orders: Path, project: Any) -> None:
    told = cli("airflow", "orders.py")
    assert (told.code, told.err) == (0, "")
    assert project.files() == {"orders.py", *(f"dags/{path}" for path in EXPORTED)}
    assert f"created    {Path('dags/orders_dag.py')}\n" in told.out
    assert told.out.endswith("3 steps of 'orders' in 3 tasks\n")
    assert (project.folder / "dags/orders/src/orders.py").read_bytes() == orders.read_bytes()


def test_exporting_twice_changes_nothing(cli: Any, orders: Path, project: Any) -> None:
    cli("airflow", "orders.py", "--out", "out")
    first = exported(project.folder / "out")
    told = cli("airflow", "orders.py", "--out", "out")
    assert exported(project.folder / "out") == first
    assert "created" not in told.out
    assert "updated" not in told.out


def test_code_and_its_contract_export_alike(cli: Any, orders: Path, project: Any) -> None:
    cli("airflow", "orders.py", "--out", "a")
    project.write("orders.json", cli("contract", "orders.py").out)
    orders.unlink()
    told = cli("airflow", "orders.json", "--out", "b")
    assert told.code == 0
    assert "module 'orders', which must be installed there" in told.err
    a, b = exported(project.folder / "a"), exported(project.folder / "b")
    assert a["orders/contract.json"] == b["orders/contract.json"]
    assert a["orders/plan.json"] == b["orders/plan.json"]
    assert set(a) - set(b) == {"orders/src/orders.py"}


def test_a_contract_that_does_not_say_where_its_code_is(
    cli: Any, orders: Path, project: Any
) -> None:
    document = json.loads(cli("contract", "orders.py").out)
    document["source"] = None  # as to_dict() has it
    project.write("c.json", json.dumps(document))
    assert cli("plan", "c.json").code == 0
    told = cli("airflow", "c.json")
    assert told.code == 2
    assert "c.json: the contract does not say where the code is" in told.err
    assert project.files() == {"orders.py", "c.json"}


def test_dry_run_lists_and_writes_nothing(cli: Any, orders: Path, project: Any) -> None:
    told = cli("airflow", "orders.py", "--dry-run")
    assert told.code == 0
    listed = {line.removeprefix("would create ").strip() for line in told.out.splitlines()}
    assert listed == {str(Path("dags") / path) for path in EXPORTED}
    assert project.files() == {"orders.py"}


def test_check_and_diff(cli: Any, orders: Path, project: Any) -> None:
    missing = cli("airflow", "orders.py", "--check")
    assert missing.code == 1
    assert f"missing  {Path('dags/orders_dag.py')}\n" in missing.out
    assert project.files() == {"orders.py"}

    cli("airflow", "orders.py")
    same = cli("airflow", "orders.py", "--check", "--diff")
    assert (same.code, same.out, same.err) == (0, "", "")
    before = exported(project.folder / "dags")

    orders.write_text(orders.read_text().replace("amount * 100", "amount * 1000"))
    changed = cli("airflow", "orders.py", "--check")
    assert changed.code == 1
    assert f"changed  {Path('dags/orders/src/orders.py')}\n" in changed.out
    differing = cli("airflow", "orders.py", "--diff")
    assert differing.code == 1
    assert "-    return amount * 100\n+    return amount * 1000\n" in differing.out
    assert exported(project.folder / "dags") == before


def test_edits_by_hand_are_not_overwritten_unless_forced(
    cli: Any, orders: Path, project: Any
) -> None:
    cli("airflow", "orders.py")
    dag = project.folder / "dags/orders_dag.py"
    edited = dag.read_text() + "\nprint('edited by hand')\n"
    dag.write_text(edited)
    for arguments in ([], ["--dry-run"]):
        told = cli("airflow", "orders.py", *arguments)
        assert told.code == 2
        assert "--force" in told.err
        assert dag.read_text() == edited
    assert cli("airflow", "orders.py", "--force").code == 0
    assert "edited by hand" not in dag.read_text()


def test_options_reach_the_file_and_its_header_tells_how_to_repeat_it(
    cli: Any, orders: Path, project: Any
) -> None:
    arguments = ["airflow", "orders.py", "--id", "nightly", "--schedule", "0 2 * * *"]
    arguments += ["--retries", "5", "--owner", "ops", "--tag", "a", "--tag", "b", "--catchup"]
    arguments += ["--store", "/data/synaflow", "--retry-delay", "90s", "--granularity", "step"]
    assert cli(*arguments).code == 0
    text = (project.folder / "dags/nightly_dag.py").read_text()
    header = [line[1:].strip() for line in text.splitlines() if line.startswith("#")]
    start = next(i for i, line in enumerate(header) if line.startswith("synaflow-export airflow"))
    words: list[str] = []
    for line in header[start:]:
        words += shlex.split(line.removesuffix("\\").replace("DAGS_FOLDER", "dags"))
        if not line.endswith("\\"):
            break
    before = exported(project.folder / "dags")
    assert cli(*words[1:], "--check").code == 0
    (project.folder / "dags/nightly_dag.py").unlink()
    assert cli(*words[1:]).code == 0
    assert exported(project.folder / "dags") == before


def test_a_value_that_cannot_cross(cli: Any, project: Any) -> None:
    project.write(
        "pipe.py",
        """
        from synaflow_core import pipeline, step

        class Connection:
            pass

        def a() -> Connection:
            return Connection()

        def b(a: Connection) -> int:
            return 1

        p = pipeline("p", steps=[step("a", a, macro_task="x"), step("b", b, macro_task="y")])
        """,
    )
    told = cli("airflow", "pipe.py")
    assert told.code == 2
    assert "pipe.py:6: dataset 'a' (Connection)" in told.err
    assert "--allow-pickle" in told.err
    assert project.files() == {"pipe.py"}
    assert cli("airflow", "pipe.py", "--allow-pickle").code == 0


@pytest.mark.parametrize("arguments", [[], ["--check"], ["--diff"], ["--dry-run"]])
def test_a_folder_that_cannot_be_written(
    cli: Any, orders: Path, project: Any, arguments: list[str]
) -> None:
    project.write("taken", "a file where a folder is wanted")
    told = cli("airflow", "orders.py", "--out", "taken/dags", *arguments)
    assert told.code == 2
    assert "taken" in told.err
    assert "--out" in told.err
    assert "Traceback" not in told.err
    assert project.files() == {"orders.py", "taken"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--schedule", "every day"], "cron"),
        (["--store", "s3://key:secret@bucket/x"], "credential"),
        (["--retry-delay", "soon"], "duration"),
        (["--id", "no spaces"], "--id"),
        (["--airflow-version", "1.10"], "Airflow 3"),
    ],
)
def test_options_that_cannot_be_honoured(
    cli: Any, orders: Path, project: Any, arguments: list[str], message: str
) -> None:
    told = cli("airflow", "orders.py", *arguments)
    assert told.code == 2
    assert message in told.err
    assert "secret" not in told.err + told.out
    assert project.files() == {"orders.py"}


def test_a_schedule_needs_defaults_for_all_params(cli: Any, quickstart: Path) -> None:
    told = cli("airflow", "pipe.py", "--schedule", "@daily")
    assert told.code == 2
    assert "param 'count'" in told.err


def test_the_quickstart_exports(cli: Any, quickstart: Path, project: Any) -> None:
    told = cli("airflow", "pipe.py")
    assert told.code == 0
    assert "runs a pipeline whenever it is imported" in told.err
    assert "Consumed" not in told.out
    assert (project.folder / "dags/example/src/pipe.py").read_bytes() == quickstart.read_bytes()


def test_a_flag_that_another_target_has_is_told(cli: Any, orders: Path, tiny: None) -> None:
    told = cli("tiny", "orders.py", "--size", "3")
    assert told.code == 2
    assert "--size: target 'tiny' cannot honour it" in told.err
    assert "paint it bigger" in told.err
    told = cli("tiny", "orders.py", "--colr", "3")
    assert "No such option: --colr" in told.err


def anything(value: object) -> None:
    """Accept every value."""


@dataclasses.dataclass(frozen=True)
class TinyOptions(TargetOptions):
    """Options of a target of another package.

    Attributes:
        id: Its id.
        colour: Its colour, told in
            two lines.
        labels: Its labels.
        loud: Whether it is loud.
        factor: By how much.
    """

    cannot: ClassVar[dict[str, str]] = {"size": "paint it bigger"}

    id: str | None = option(None, checks.text)
    colour: str | int = option("red", checks.text)
    labels: tuple[str, ...] = option(("x",), checks.texts())
    loud: bool = option(False, checks.flag)
    factor: float = option(1.0, anything)


class TinyTarget(Target[TinyOptions]):
    """Shows what it was asked."""

    name = "tiny"
    title = "Tiny"
    options_type = TinyOptions

    def view(self, export: Any) -> Any:
        return (GeneratedFile("asked.txt", f"{export.options}\n"),)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The target as if its package were installed: tests/project installs a real one."""
    point = EntryPoint("tiny", f"{__name__}:TinyTarget", ENTRY_POINT_GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: TinyTarget)
    monkeypatch.setattr("synaflow_export.target.entry_points", lambda **selected: (point,))


def test_any_target_gets_a_command_of_its_own(
    cli: Any, orders: Path, project: Any, tiny: None
) -> None:
    arguments = ["--id", "i", "--colour", "5", "--label", "a", "--label", "b", "--loud"]
    told = cli("tiny", "orders.py", "--out", "o", "--factor", "2", *arguments)
    assert told.code == 0, told.err
    wanted = TinyOptions(id="i", colour="5", labels=("a", "b"), loud=True, factor=2.0)
    assert (project.folder / "o/asked.txt").read_text() == f"{wanted}\n"
    shown = " ".join(cli("tiny", "--help").out.replace("│", "").split())
    assert "Its colour, told in two lines." in shown
    assert "By how much." in shown
    assert "--loud --no-loud" in shown.replace("/", " ")
    assert "tiny" in cli("--help").out


def test_every_option_of_airflow_is_explained() -> None:
    parameters = inspect.signature(export_command(get_target("airflow"))).parameters
    for name in option_names(AirflowOptions):
        (parameter,) = parameters[name].annotation.__metadata__
        assert parameter.help
