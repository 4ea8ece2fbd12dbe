"""Generated DAGs on a real Airflow: what they compute and what they tell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synaflow_core.errors import DefinitionError, ExportError
from synaflow_export.plan.model import PlanOptions
from tests.targets.airflow.running import DagFolder, in_process, on_both

pytestmark = [pytest.mark.airflow, on_both]

LINEAR = """
    from collections.abc import Generator, Iterator
    from typing import NamedTuple

    from synaflow_core import pipeline, step


    class Params(NamedTuple):
        count: int
        double: bool = False


    def numbers(count: int) -> Generator[int, None, None]:
        '''Count up.'''
        yield from range(count)


    def odd(number: int, double: bool) -> int:
        '''Refuse even numbers.'''
        assert double is True or double is False
        if number % 2 == 0:
            raise ValueError(f"{number} is even")
        return number * 2 if double else number


    def total(odds: Iterator[int]) -> int:
        return sum(odds)


    def squares(odds: list[int]) -> list[int]:
        return [odd * odd for odd in odds]


    p = pipeline(
        name="linear",
        params=Params,
        steps=[
            step("numbers", fn=numbers),
            step("odds", fn=odd),
            step("total", fn=total),
            step("squares", fn=squares),
        ],
    )
"""


def test_a_run_gives_what_the_same_run_gives_in_process(dags: DagFolder) -> None:
    exported = dags.export(LINEAR)
    params = {"count": 10, "double": True}

    outcome = dags.run("linear", params)

    assert outcome.state == "success", outcome.log
    expected = {"total": 50, "squares": [4, 36, 100, 196, 324]}
    assert dags.outputs(exported, outcome) == in_process(exported, params) == expected


def test_an_async_pipeline_runs_in_an_ordinary_task(dags: DagFolder) -> None:
    source = LINEAR.replace("    def ", "    async def ")
    source = source.replace("Generator[int, None, None]", "AsyncGenerator[int, None]")
    source = source.replace("Iterator[int]) -> int:", "AsyncIterator[int]) -> int:")
    source = source.replace("import Generator, Iterator", "import AsyncGenerator, AsyncIterator")
    source = source.replace("yield from range(count)", "for i in range(count): yield i")
    source = source.replace("return sum(odds)", "return sum([odd async for odd in odds])")
    exported = dags.export(source)
    params = {"count": 10, "double": False}

    outcome = dags.run("linear", params)

    assert outcome.state == "success", outcome.log
    expected = {"total": 25, "squares": [1, 9, 25, 49, 81]}
    assert dags.outputs(exported, outcome) == in_process(exported, params) == expected
    assert outcome.reported("total")["odds"]["errors"] == 5


def test_inner_steps_are_told_in_the_log_and_as_xcom(dags: DagFolder) -> None:
    dags.export(LINEAR)
    outcome = dags.run("linear", {"count": 10})

    steps = outcome.reported("total")
    assert list(steps) == ["numbers", "odds", "total"]
    assert {name: (s["ok"], s["errors"]) for name, s in steps.items()} == {
        "numbers": (10, 0),
        "odds": (5, 5),
        "total": (1, 0),
    }
    assert steps["odds"]["first_error"] == "ValueError: 0 is even"
    assert "INFO macro-task 'total': steps numbers, odds, total" in outcome.log
    assert "INFO step 'numbers': ok, 10 done" in outcome.log
    assert "WARNING step 'odds': ok, 5 done, 5 errors" in outcome.log


def test_xcom_holds_references_and_never_data(dags: DagFolder) -> None:
    source = LINEAR.replace("yield from range(count)", "yield from range(1000, 1000 + count)")
    dags.export(source)
    outcome = dags.run("linear", {"count": 500})

    assert outcome.state == "success", outcome.log
    for value in outcome.xcoms.values():
        assert "1499" not in json.dumps(value)
        assert len(json.dumps(value)) < 1500
    reference = outcome.xcoms["total", "odds"]
    assert (reference["count"], reference["errors"]) == (250, 250)
    assert outcome.xcoms["total", "return_value"]["odds"] == reference


@pytest.mark.parametrize("granularity", ["step", "scope", "pipeline"])
def test_every_granularity_gives_the_same_result(dags: DagFolder, granularity: Any) -> None:
    exported = dags.export(LINEAR, plan=PlanOptions(granularity=granularity))
    outcome = dags.run("linear", {"count": 7})
    assert outcome.state == "success", outcome.log
    assert dags.outputs(exported, outcome) == {"total": 9, "squares": [1, 9, 25]}
    assert len(outcome.tasks) == {"step": 4, "scope": 2, "pipeline": 1}[granularity]


EVERY_PARAM = """
    import enum
    from dataclasses import dataclass, field
    from datetime import date, datetime
    from typing import Annotated, Literal, Optional

    from msgspec import Meta

    from synaflow_core import pipeline, step


    class Color(enum.Enum):
        RED = "red"
        BLUE = "blue"


    @dataclass(frozen=True)
    class Params:
        need: Annotated[int, Meta(ge=1, description="How many.")]
        ratio: float = 0.5
        text: str = "a 'quoted' \\"text\\" with {{ braces }}"
        flag: bool = False
        names: list[str] = field(default_factory=list)
        sizes: dict[str, int] = field(default_factory=dict)
        note: Optional[str] = None
        region: Literal["eu", "us"] = "eu"
        color: Color = Color.RED
        other: Optional[Color] = None
        day: date = date(2024, 1, 2)
        at: Optional[datetime] = None


    def facts(
        need: int, ratio: float, text: str, flag: bool, names: list[str], sizes: dict[str, int],
        note: Optional[str], region: str, color: Color, other: Optional[Color], day: date,
        at: Optional[datetime],
    ) -> list[str]:
        values = (need, ratio, text, flag, names, sizes, note, region, color, other, day, at)
        return [f"{type(value).__name__} {value!r}" for value in values]


    p = pipeline(name="every_param", params=Params, steps=[step("facts", fn=facts)])
"""


def test_params_arrive_with_their_types_and_a_bool_stays_a_bool(dags: DagFolder) -> None:
    exported = dags.export(EVERY_PARAM)
    conf = {
        "need": 3,
        "flag": True,
        "names": ["x"],
        "sizes": {"k": 1},
        "note": "n",
        "region": "us",
        "color": "blue",
        "other": "red",
        "day": "2025-02-03",
        "at": "2025-02-03T04:05:06Z",
    }
    given = dags.run("every_param", conf)
    defaults = dags.run("every_param", {"need": 1})

    assert dags.outputs(exported, given)["facts"] == [
        "int 3",
        "float 0.5",
        "str 'a \\'quoted\\' \"text\" with {{ braces }}'",
        "bool True",
        "list ['x']",
        "dict {'k': 1}",
        "str 'n'",
        "str 'us'",
        "Color <Color.BLUE: 'blue'>",
        "Color <Color.RED: 'red'>",
        "date datetime.date(2025, 2, 3)",
        "datetime datetime.datetime(2025, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)",
    ]
    assert dags.outputs(exported, defaults) == in_process(exported, {"need": 1})
    assert "bool False" in dags.outputs(exported, defaults)["facts"]


def test_the_form_refuses_what_the_types_rule_out(dags: DagFolder) -> None:
    dags.export(EVERY_PARAM)
    for conf in ({}, {"need": 0}, {"need": 1, "region": "mars"}, {"need": 1, "flag": "yes"}):
        with pytest.raises(ValueError, match="Invalid input for param"):
            dags.run("every_param", conf)


UNSERIALISABLE = """
    import threading
    from typing import Any

    from synaflow_core import pipeline, step


    def a() -> threading.Lock:
        '''A value that cannot leave the process.'''
        return threading.Lock()

    def b(a: threading.Lock) -> list[int]:
        return [1, 2, 3] if a.acquire() else []

    def c(b: list[int]) -> int:
        return sum(b)

    def d(a: threading.Lock, c: int) -> str:
        return f"{c} {a.locked()}"

    p = pipeline(
        name="diamond",
        steps=[step("a", fn=a), step("b", fn=b), step("c", fn=c), step("d", fn=d)],
    )
"""

LABELLED = (
    UNSERIALISABLE.replace("threading.Lock:", "list[int]:")
    .replace("return threading.Lock()", "return [7]")
    .replace("a: threading.Lock", "a: list[int]")
    .replace("[1, 2, 3] if a.acquire() else []", "[*a, 3]")
    .replace("a.locked()", "len(a)")
    .replace('"a", fn=a', '"a", fn=a, macro_task="load"')
    .replace('"b", fn=b', '"b", fn=b, macro_task="load"')
    .replace('"d", fn=d', '"d", fn=d, macro_task="load"')
)


@pytest.mark.parametrize("source", [UNSERIALISABLE, LABELLED], ids=["unserialisable", "label"])
def test_fusing_around_a_step_pulls_it_in_and_says_why(dags: DagFolder, source: str) -> None:
    exported = dags.export(source)

    (task,) = exported.plan.macro_tasks
    assert set(task.steps) == {"a", "b", "c", "d"}
    assert any(reason.kind == "cycle" and "c" in reason.text for reason in task.reasons)

    outcome = dags.run("diamond")
    assert outcome.state == "success", outcome.log
    assert dags.outputs(exported, outcome) == in_process(exported)


ASYMMETRIC = """
    from collections.abc import Generator, Iterator

    from synaflow_core import pipeline, step


    def a() -> Generator[int, None, None]:
        yield from range(5)

    def b(a: list[int]) -> int:
        return len(a)

    def c(a: Iterator[int], b: int) -> list[int]:
        return [x * b for x in a]

    p = pipeline(
        name="asymmetric", steps=[step("a", fn=a), step("b", fn=b), step("c", fn=c)]
    )
"""


def test_asymmetric_lockstep_is_refused_with_the_fix_and_the_fix_runs(dags: DagFolder) -> None:
    with pytest.raises(DefinitionError, match="force_materialize=True"):
        dags.export(ASYMMETRIC)

    exported = dags.export(ASYMMETRIC.replace("fn=a)", "fn=a, force_materialize=True)"))
    outcome = dags.run("asymmetric")
    assert outcome.state == "success", outcome.log
    assert dags.outputs(exported, outcome) == in_process(exported) == {"c": [0, 5, 10, 15, 20]}


NAMES = """
    from synaflow_core import pipeline, step

    def first() -> list[int]:
        return [1]

    def second({parameter}: list[int]) -> list[int]:
        return {parameter} + [2]

    p = pipeline(
        name="names", steps=[step("{name}", fn=first), step("task", fn=second)]
    )
"""


@pytest.mark.parametrize(
    ("name", "parameter"),
    [("class", "class_list"), ("dag", "dag"), ("größe", "größe"), ("return_value", "return_value")],
)
def test_names_that_mean_something_in_python_or_airflow_run(
    dags: DagFolder, name: str, parameter: str
) -> None:
    source = NAMES.format(name=name, parameter=parameter)
    exported = dags.export(source, plan=PlanOptions(granularity="step"))
    outcome = dags.run("names")
    assert outcome.state == "success", outcome.log
    assert dags.outputs(exported, outcome) == in_process(exported) == {"task": [1, 2]}


def test_a_name_that_no_parameter_can_have_is_refused_with_a_reason(dags: DagFolder) -> None:
    with pytest.raises(DefinitionError, match=r"(?s)1_load.*starts with a digit.*load_1"):
        dags.export(NAMES.format(name="1_load", parameter="load"))


def test_several_outputs_with_awkward_names_travel_through_one_task(dags: DagFolder) -> None:
    source = """
        from collections.abc import Generator, Iterator

        from synaflow_core import pipeline, step

        def größe() -> Generator[int, None, None]:
            yield from range(4)

        def return_value(größe: Iterator[int]) -> list[int]:
            return [x + 1 for x in größe]

        def end(größe: list[int], return_value: list[int]) -> int:
            return sum(größe) * sum(return_value)

        p = pipeline(
            name="awkward",
            steps=[
                step("größe", fn=größe), step("return_value", fn=return_value), step("end", fn=end),
            ],
        )
    """
    exported = dags.export(source)
    outcome = dags.run("awkward")
    assert outcome.state == "success", outcome.log
    assert dags.outputs(exported, outcome) == in_process(exported) == {"end": 60}


def test_a_step_that_failed_under_continue_skips_its_dependents_in_other_tasks(
    dags: DagFolder,
) -> None:
    source = """
        from synaflow_core import pipeline, step

        def broken() -> list[int]:
            raise ValueError("no data today")

        def fine() -> list[int]:
            return [1]

        def needs_both(broken: list[int], fine: list[int]) -> int:
            return 1

        def needs_one(fine: list[int]) -> int:
            return len(fine)

        p = pipeline(
            name="skipping",
            steps=[
                step("broken", fn=broken),
                step("fine", fn=fine),
                step("needs_both", fn=needs_both),
                step("needs_one", fn=needs_one),
            ],
        )
    """
    exported = dags.export(source)
    outcome = dags.run("skipping")

    assert in_process(exported) == {"needs_one": 1}
    assert outcome.state == "success", outcome.log
    assert outcome.reported("broken")["broken"]["status"] == "failed"
    assert outcome.reported("needs_both")["needs_both"]["status"] == "skipped"
    assert outcome.xcoms["needs_both", "return_value"]["uri"] is None
    assert dags.reference(outcome, "needs_one", "needs_one").count == 1


def test_the_same_pipeline_under_two_ids_keeps_its_data_apart(dags: DagFolder) -> None:
    for dag_id in ("linear.eu", "linear-us"):
        dags.export(LINEAR, id=dag_id)
    runs = {dag_id: dags.run(dag_id, {"count": 3}) for dag_id in ("linear.eu", "linear-us")}
    assert {outcome.state for outcome in runs.values()} == {"success"}
    uris = {outcome.xcoms["squares", "return_value"]["uri"] for outcome in runs.values()}
    assert len(uris) == 2
    assert {path.name for path in dags.folder.iterdir()} == {
        ".airflowignore",
        "linear_eu",
        "linear_eu_dag.py",
        "linear_us",
        "linear_us_dag.py",
    }


def test_two_ids_that_need_the_same_folder_are_refused(dags: DagFolder) -> None:
    dags.export(LINEAR, id="linear.eu")
    with pytest.raises(ExportError, match="another id"):
        dags.export(LINEAR, id="linear-eu")
