"""A workflow as a pipeline: run here, as macro-tasks, and refused where it cannot travel."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from synaflow_core import DefinitionError, PipelineStopException, run
from synaflow_core.contract import Contract
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro.task import MacroSpec, run_macro_task
from synaflow_core.phases import (
    BaseStep,
    BaseStepContext,
    LoggingStep,
    StepFailedError,
    StepRegistry,
    ValidationStep,
)
from synaflow_core.pipeline import Pipeline
from synaflow_export.plan import PlanOptions, make_plan
from tests.phases.workflows import Phase, Trail, registry


@dataclass
class Typed(Trail):
    """A context with fields of its own.

    Attributes:
        sizes: How large each is.
    """

    sizes: dict[str, float] = field(default_factory=dict)
    limit: int | None = None


@dataclass
class Undescribed(Trail):
    count: int = 0


def rehearsed(made: Pipeline, store: HandoffStore, params: dict[str, Any]) -> DatasetRef | None:
    """Run each phase as a task of its own; references travel as JSON."""
    plan = make_plan(Contract.from_json(made.contract().to_json()), PlanOptions())
    refs: dict[str, DatasetRef | None] = {}
    for task in plan.macro_tasks:
        spec = msgspec.json.decode(msgspec.json.encode(task), type=MacroSpec)
        assert len(spec.steps) == 1
        refs |= run_macro_task(
            made, spec, params=params, inputs=refs, store=store, run_key="r"
        ).refs
    return refs[plan.macro_tasks[-1].steps[0]]


def test_each_phase_is_a_step_and_a_task(tmp_path: Path) -> None:
    made = registry(Phase("a", 2), LoggingStep(Phase("b", 1)), Phase("c")).to_pipeline(
        "work", context=Typed
    )
    assert list(made.dag.params) == ["done", "skip", "sizes", "limit"]
    params = {"sizes": {"x": 0.5}, "limit": 3, "skip": ["b"]}
    here = run(made, params).outputs["c"]
    assert (here.done, here.sizes, here.limit) == (["a", "c"], {"x": 0.5}, 3)
    store = HandoffStore(tmp_path)
    ref = rehearsed(made, store, params)
    assert ref is not None
    there: Typed = store.read_value(ref, Typed)
    assert (there.done, there.sizes, there.limit) == (here.done, here.sizes, here.limit)
    assert [r.skipped for r in there.step_results] == [False, True, False]


def test_phases_are_known_by_what_the_user_wrote() -> None:
    def has_data(context: Trail) -> tuple[bool, str | None]:
        return True, None

    made = registry(LoggingStep(Phase("a")), ValidationStep(has_data)).to_pipeline(
        "work", context=Trail
    )
    steps = made.to_dict()["steps"]
    assert steps["a"]["fn_ref"] == "tests.phases.workflows:Phase.execute"
    assert steps["a"]["where"].startswith("workflows.py:")
    assert steps["a"]["doc"] == ""
    assert steps["validate"]["fn_ref"].endswith("has_data")
    assert steps["validate"]["where"].startswith("test_compiled.py:")
    assert (steps["a"]["rollback"], steps["validate"]["rollback"]) == ("Phase.rollback", None)
    assert steps["validate"]["deps"] == {"a": "Trail"}
    assert {step["on_error"] for step in steps.values()} == {"stop"}
    changed = registry(LoggingStep(Phase("a")), ValidationStep(lambda _: (True, None)))
    other = changed.to_pipeline("work", context=Trail).to_dict()["steps"]
    assert other["a"]["code_digest"] == steps["a"]["code_digest"]
    assert other["validate"]["code_digest"] != steps["validate"]["code_digest"]


def test_params_are_described_by_nobody_but_the_author() -> None:
    """``@dataclass`` gives a class without a docstring its signature, with the engine's fields."""
    for context, told in ((Typed, "A context with fields of its own."), (Undescribed, "")):
        made = registry(Phase("a")).to_pipeline("work", context=context)
        schema = made.contract().params_schema
        assert schema is not None
        assert schema.get("description", "").partition("\n")[0] == told


def test_a_failing_phase_stops_the_run() -> None:
    made = registry(Phase("a"), Phase("b", fails="no")).to_pipeline("work", context=Trail)
    with pytest.raises(PipelineStopException, match=r"'b'.*no") as caught:
        run(made)
    assert isinstance(caught.value.cause, StepFailedError)


def test_a_context_without_fields_needs_no_params() -> None:
    class Quiet(Phase):
        def can_skip(self, context: Any) -> bool:
            return True

    made = StepRegistry[Any]()
    made.register(Quiet("a"))
    compiled = made.to_pipeline("work", context=BaseStepContext)
    assert compiled.params_type is None
    assert run(compiled).outputs["a"].step_results[0].skipped


@dataclass
class Connected(BaseStepContext):
    database: sqlite3.Connection | None = None
    check: Callable[[int], bool] | None = None


class Undecorated(BaseStepContext):
    rows: list[int] = []  # noqa: RUF012 - the mistake that is told


@dataclass
class Limited(BaseStepContext):
    """What is no field of a context does not travel, and need not."""

    limit: ClassVar[int] = 3


class Named(Limited):
    kind: ClassVar[str] = "named"


@dataclass
class Seeded(BaseStepContext):
    seed: InitVar[int] = 1


@dataclass
class Later(BaseStepContext):
    database: sqlite3.Connection | None = field(default=None, init=False)


@pytest.mark.parametrize("context", [Limited, Named])
def test_class_variables_are_no_fields(context: type[BaseStepContext]) -> None:
    assert registry(Phase("a")).to_pipeline("work", context=context).params_type is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("context", "codes", "told"),
    [
        (
            Connected,
            {"context-not-serialisable"},
            r"test_compiled.py:\d+: context Connected, field",
        ),
        (Undecorated, {"no-context"}, "write '@dataclass' above 'class Undecorated'"),
        (Seeded, {"context-not-serialisable"}, r"context Seeded: .* `InitVar` fields are not supp"),
        (Later, {"context-not-serialisable"}, r"context Later: .* Connection is not a type that"),
        (int, {"no-context"}, "expected a subclass of BaseStepContext"),
    ],
)
def test_a_context_that_cannot_travel_is_refused(context: Any, codes: set[str], told: str) -> None:
    with pytest.raises(DefinitionError, match=told) as caught:
        registry(Phase("a")).to_pipeline("work", context=context)
    assert {problem.code for problem in caught.value.problems} == codes
    if context is Connected:
        assert len(caught.value.problems) == 2


def test_workflows_that_are_no_pipelines_are_refused() -> None:
    with pytest.raises(DefinitionError, match="the workflow has no steps"):
        registry().to_pipeline("work", context=Trail)
    with pytest.raises(DefinitionError, match=r"workflows.py:\d+: step 'up-load'"):
        registry(Phase("up-load")).to_pipeline("work", context=Trail)
    with pytest.raises(DefinitionError, match="every step is 0"):
        registry(Phase("a", 0)).to_pipeline("work", context=Trail)
    with pytest.raises(DefinitionError, match="call it 'up_load'") as caught:
        registry(Phase("up load"), Phase("2nd"), Phase("c")).to_pipeline("work", context=Trail)
    assert {problem.code for problem in caught.value.problems} == {"illegal-name"}
    assert len(caught.value.problems) == 2


def test_fields_of_a_context_may_be_a_word_and_its_plural() -> None:
    @dataclass
    class Files(Trail):
        file: str = ""
        files: list[str] = field(default_factory=list)

    made = registry(Phase("file")).to_pipeline("work", context=Files)
    context = run(made, {"file": "a", "files": ["b"]}).outputs["file"]
    assert (context.file, context.files) == ("a", ["b"])


def test_phases_may_be_called_like_what_python_uses_itself() -> None:
    names = ["import", "class", "self", "return"]
    made = registry(*map(Phase, names)).to_pipeline("work", context=Trail)
    assert run(made).outputs["return"].done == names


def test_a_rollback_that_a_phase_got_when_it_was_made_is_kept() -> None:
    undone: list[str] = []

    class Made(Phase):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.rollback = lambda context, result: undone.append(name)  # type: ignore[method-assign]

        rollback = BaseStep.rollback

    made = registry(Made("a"), Phase("b", fails="no")).to_pipeline("work", context=Trail)
    with pytest.raises(PipelineStopException):
        run(made)
    assert undone == ["a"]
