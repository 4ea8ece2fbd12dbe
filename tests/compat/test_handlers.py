"""Handlers of the public package are called in its own terms, by both engines alike."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import synaflow
from synaflow.core.observers import StepCompletedContext
from synaflow.core.types import ErrorContext as PublicErrorContext
from synaflow.core.types import MaterializeContext as PublicMaterializeContext
from synaflow.materializers.composite import composite_materializer
from synaflow.materializers.disk import disk_materializer
from synaflow.materializers.errors import disk_error_materializer
from synaflow.materializers.memory import memory_materializer

from synaflow_core import PipelineStopException, run
from synaflow_core.compat import from_public
from tests.compat.running import Outcome, on_ours, on_theirs
from tests.compat.scenarios import (
    SCENARIOS,
    Build,
    Count,
    Rows,
    Texts,
    counting,
    counting_async,
    halving,
    listing,
    shouting,
    total_of,
    words_of,
)


def both(build: Build) -> tuple[Outcome, Outcome]:
    return on_ours(build, public=True), on_theirs(build)


def same(build: Build, *, ordered: bool = True) -> Outcome:
    """Run on both; calls, outputs and errors must be equal."""
    ours, theirs = both(build)
    assert ours.error == theirs.error
    if ordered:
        assert ours.calls == theirs.calls
    else:
        assert sorted(ours.calls) == sorted(theirs.calls)
    assert ours.outputs == {name: theirs.outputs.get(name) for name in ours.outputs}
    return ours


# -- materializers ------------------------------------------------------------------------------


def test_a_factory_is_told_which_dataset_it_is_for() -> None:
    def build(api: Any, log: list[Any]) -> Any:
        def noted(ctx: PublicMaterializeContext) -> Callable[[Any], Any]:
            assert type(ctx) is PublicMaterializeContext
            log.append((ctx.pipeline_name, ctx.dataset_name, ctx.consumer_type))
            return list

        steps = [
            api.step("numbers", counting(log), materializer=noted),
            api.step("whole", listing(log)),
        ]
        return api.pipeline("told", Count, steps), Count(2)

    assert same(build).calls[0] == ("told", "numbers", list[int])


def test_a_materializer_is_called_once_for_two_collecting_consumers() -> None:
    def build(api: Any, log: list[Any]) -> Any:
        def noted(items: list[int]) -> list[int]:
            log.append(f"materialize {items}")
            return items

        def largest(numbers: list[int]) -> int:
            return max(numbers)

        steps = [
            api.step("numbers", counting(log), materializer=noted),
            api.step("whole", listing(log)),
            api.step("largest", largest),
        ]
        return api.pipeline("twice", Count, steps), Count(3)

    assert same(build).calls.count("materialize [0, 1, 2]") == 1


@pytest.mark.parametrize(
    "steps_of",
    [
        lambda api, log, made: [api.step("made", made, materializer=_noting(log))],
        lambda api, log, made: [
            api.step("made", made, materializer=_noting(log)),
            api.step("longest", _longest),
        ],
        lambda api, log, made: [
            api.step("made", made, materializer=_noting(log), force_materialize=True)
        ],
    ],
    ids=["nobody collects", "a consumer collects", "forced"],
)
def test_a_returned_list_is_materialised_only_where_somebody_collects(steps_of: Any) -> None:
    def build(api: Any, log: list[Any]) -> Any:
        def made(rows: list[int]) -> list[int]:
            return rows

        return api.pipeline("values", Rows, steps_of(api, log, made)), Rows([1, 2])

    same(build)


def _noting(log: list[Any]) -> Callable[[Any], Any]:
    def noted(items: Any) -> Any:
        log.append(f"materialize {items}")
        return items

    return noted


def _longest(made: list[int]) -> int:
    return len(made)


def test_factories_of_the_package(tmp_path: Path) -> None:
    def build(api: Any, log: list[Any]) -> Any:
        to_disk = disk_materializer(tmp_path, synaflow.jsonl_serializer)
        steps = [
            api.step("numbers", counting(log), materializer=memory_materializer()),
            api.step("whole", listing(log)),
            api.step("half", halving(log), materializer=composite_materializer(to_disk, list)),
            api.step("total", total_of(log)),
        ]
        return api.pipeline("files", _Both, steps), _Both(3, [2, 4])

    same(build, ordered=False)
    lines = (tmp_path / "half.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [1, 2]


class _Both(NamedTuple):
    count: int
    rows: list[int]


def test_a_sub_pipelines_materializer_is_for_each_dataset_it_becomes(tmp_path: Path) -> None:
    def build(api: Any, log: list[Any]) -> Any:
        sub = shouting(api, log)
        sub.steps[1].materializer = disk_materializer(tmp_path, synaflow.json_serializer)

        def reversed_words(texts: list[str]) -> Any:
            return words_of(texts[::-1])

        reversed_words.__annotations__["return"] = words_of.__annotations__["return"]
        steps = [api.include("loud", words_of, sub), api.include("back", reversed_words, sub)]
        return api.pipeline("twice", Texts, steps), Texts(["a", "b"])

    for run_it in (lambda: on_ours(build, public=True), lambda: on_theirs(build)):
        assert not run_it().error
        left = {path.name: json.loads(path.read_text("utf-8")) for path in tmp_path.iterdir()}
        assert left == {"loud__shout.json": ["A?", "B?"], "back__shout.json": ["B?", "A?"]}
        for path in tmp_path.iterdir():
            path.unlink()


@pytest.mark.parametrize("factory", [True, False])
def test_async_materializers_read_a_stream(factory: bool) -> None:
    def build(api: Any, log: list[Any]) -> Any:
        async def collected(items: AsyncIterator[int]) -> list[int]:
            found = [item async for item in items]
            log.append(f"materialize {found}")
            return found

        def noted(ctx: Any) -> Callable[[Any], Any]:
            assert ctx.is_async_pipeline

            return collected

        async def whole(numbers: list[int]) -> int:
            return sum(numbers)

        steps = [
            api.step("numbers", counting_async(log), materializer=noted if factory else collected),
            api.step("whole", whole),
        ]
        return api.pipeline("amat", Count, steps), Count(2)

    assert "materialize [0, 1]" in same(build).calls


# -- error materializers ------------------------------------------------------------------------


def failing(log: list[Any], api: Any, handler: Any, **options: Any) -> Any:
    steps = [
        api.step("half", halving(log), error_materializer=handler),
        api.step("total", total_of(log)),
    ]
    return api.pipeline("bad", Rows, steps, **options), Rows([1, 2, 3])


def test_an_error_materializer_gets_the_packages_context() -> None:
    def build(api: Any, log: list[Any]) -> Any:
        def noted(error_ctx: Any) -> None:
            assert type(error_ctx) is PublicErrorContext
            assert error_ctx.mode is synaflow.StepMode.EACH
            assert error_ctx.on_error is synaflow.OnError.CONTINUE
            assert error_ctx.completed_all_inputs is False
            log.append(
                (
                    error_ctx.pipeline_name,
                    error_ctx.dataset_name,
                    error_ctx.step_name,
                    str(error_ctx.exception),
                    error_ctx.success_count,
                    error_ctx.error_count,
                )
            )

        return failing(log, api, noted)

    calls = same(build).calls
    assert ("bad", "half", "half", "1 is odd", 0, 1) in calls
    assert ("bad", "half", "half", "3 is odd", 1, 2) in calls


def test_error_materializers_of_the_package_write_one_file_per_dataset(tmp_path: Path) -> None:
    def build(api: Any, log: list[Any]) -> Any:
        handler = disk_error_materializer(tmp_path, synaflow.jsonl_serializer)
        p, params = failing(log, api, None, error_materializer=handler)
        return p, params

    on_ours(build, public=True)
    lines = (tmp_path / "half.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["exception_message"] for line in lines] == ["1 is odd", "3 is odd"]


# -- observers ----------------------------------------------------------------------------------


def observed(build: Build) -> tuple[list[Any], list[Any]]:
    """All events of the run of a scenario, there and here, in comparable words."""
    found = []
    for runner in (on_theirs, lambda b: on_ours(b, public=True)):
        events: list[Any] = []

        def with_observer(api: Any, log: list[Any], events: list[Any] = events) -> Any:
            declared, params = build(api, log)

            def sync_handler(ctx: Any) -> None:
                events.append(_words(ctx))

            async def async_handler(ctx: Any) -> None:
                events.append(_words(ctx))

            is_async = declared.name.startswith("a")
            declared.observers.append(api.Observer(async_handler if is_async else sync_handler))
            return declared, params

        runner(with_observer)
        found.append(events)
    return found[0], found[1]


def _words(ctx: Any) -> tuple[Any, ...]:
    fields = {name: getattr(ctx, name, None) for name in _COMPARED}
    exception = getattr(ctx, "exception", None)
    return (
        type(ctx).__name__,
        ctx.event,
        tuple(fields.items()),
        exception and type(exception).__name__,
    )


_COMPARED = (
    "pipeline_name",
    "step_name",
    "mode",
    "on_error",
    "pipeline_scope",
    "step_index_in_scope",
    "step_total_in_scope",
    "dataset_name",
    "scope_step_totals",
)


def events_of_steps(events: list[Any]) -> list[Any]:
    return sorted((e for e in events if not e[0].startswith("Materialization")), key=str)


@pytest.mark.parametrize(
    "name",
    [
        "linear",
        "each_chain_after_a_generator",
        "fan_out",
        "include_once",
        "include_twice",
        "include_nested",
        "continue_drops_the_item",
        "async_linear",
        "async_include",
    ],
)
def test_observers_are_told_the_same(name: str) -> None:
    [scenario] = [s for s in SCENARIOS if s.name == name]
    theirs, ours = observed(scenario.build)
    assert events_of_steps(ours) == events_of_steps(theirs)
    assert len(ours) >= 4


def test_a_stopped_run_is_told_with_its_cause() -> None:
    [scenario] = [s for s in SCENARIOS if s.name == "stop_in_a_value_step"]
    theirs, ours = observed(scenario.build)
    failed = [e for e in ours if e[0] == "PipelineFailedContext"]
    assert failed == [e for e in theirs if e[0] == "PipelineFailedContext"]
    assert failed[0][3] == "OSError"


def test_an_exceeded_threshold_fails_the_step_and_the_run() -> None:
    [scenario] = [s for s in SCENARIOS if s.name == "threshold_absolute"]
    theirs, ours = observed(scenario.build)
    failed = [e for e in ours if e[0].endswith("FailedContext")]
    assert failed == [e for e in theirs if e[0].endswith("FailedContext")]
    assert [e[3] for e in failed] == ["ThresholdExceededException"] * 2


def test_skipped_steps_are_not_told_to_its_observers() -> None:
    [scenario] = [s for s in SCENARIOS if s.name == "continue_in_a_value_step"]
    _, ours = observed(scenario.build)
    assert not [e for e in ours if dict(e[2])["step_name"] == "shown"]


def test_a_steps_own_observer() -> None:
    def build(api: Any, log: list[Any]) -> Any:
        def noted(ctx: Any) -> None:
            if isinstance(ctx, StepCompletedContext):
                log.append((ctx.step_name, ctx.success_count, ctx.error_count))

        steps = [
            api.step("half", halving(log), observers=[api.Observer(noted)]),
            api.step("total", total_of(log)),
        ]
        return api.pipeline("own", Rows, steps), Rows([1, 2])

    ours, theirs = both(build)
    assert ("half", 1, 1) in ours.calls
    assert ("half", 1, 1) in theirs.calls


@pytest.mark.parametrize("name", ["step_materializer", "list_consumer"])
def test_materialisations_are_told(name: str) -> None:
    [scenario] = [s for s in SCENARIOS if s.name == name]
    theirs, ours = observed(scenario.build)
    found = [e for e in ours if e[0].startswith("Materialization")]
    assert found == [e for e in theirs if e[0].startswith("Materialization")]
    assert [e[1].name for e in found] == ["STARTED", "COMPLETED"]


# -- exceptions ---------------------------------------------------------------------------------


def test_a_step_may_stop_the_run_by_its_exception() -> None:
    def enough(row: int) -> int:
        if row == 2:
            raise synaflow.PipelineStopException("enough", ValueError("two"))
        return row

    def seen(enough: Iterator[int]) -> int:
        return len(list(enough))

    p = synaflow.pipeline(
        "stop", Rows, [synaflow.step("enough", enough), synaflow.step("seen", seen)]
    )
    with pytest.raises(PipelineStopException) as caught:
        run(from_public(p), Rows([1, 2, 3]))
    assert caught.value.step_name == "enough"
    assert isinstance(caught.value.cause, synaflow.PipelineStopException)


def test_a_step_that_is_called_once_may_raise_a_threshold_itself() -> None:
    def checked(rows: list[int]) -> int:
        raise synaflow.ThresholdExceededException("checked", error_count=2, success_count=1)

    def after(checked: int) -> int:
        return checked

    p = synaflow.pipeline(
        "own", Rows, [synaflow.step("checked", checked), synaflow.step("after", after)]
    )
    with pytest.raises(PipelineStopException) as caught:
        run(from_public(p), Rows([1]))
    assert isinstance(caught.value.cause, synaflow.ThresholdExceededException)


def test_an_each_step_that_raises_a_threshold_only_drops_its_item() -> None:
    def checked(row: int) -> int:
        raise synaflow.ThresholdExceededException("checked", error_count=2, success_count=1)

    p = synaflow.pipeline("own", Rows, [synaflow.step("checked", checked)])
    assert run(from_public(p), Rows([1])).steps["checked"].errors == 1


def test_a_failing_adapter_stops_the_run() -> None:
    def build(api: Any, log: list[Any]) -> Any:
        def broken(texts: list[str]) -> Any:
            raise OSError("no words")

        broken.__annotations__["return"] = words_of.__annotations__["return"]
        return api.pipeline("s", Texts, [api.include("loud", broken, shouting(api, log))]), Texts(
            ["a"]
        )

    ours, theirs = both(build)
    assert theirs.error == "PipelineStopException at loud__adapter"
    assert ours.error == "PipelineStopException at loud__params"


@pytest.mark.parametrize("lazily", [True, False])
def test_an_adapter_may_make_the_params_of_many_runs(lazily: bool) -> None:
    def build(api: Any, log: list[Any]) -> Any:
        def made(rows: list[int]) -> list[_One]:
            return [_One(row) for row in rows]

        def made_lazily(rows: list[int]) -> Iterator[_One]:
            yield from made(rows)

        def twice(row: int) -> int:
            return 2 * row

        def stored(double: int) -> None:
            log.append(double)

        sub = api.pipeline("one", _One, [api.step("twice", twice)], exports="twice")
        steps = [
            api.include("doubles", made_lazily if lazily else made, sub),
            api.step("stored", stored),
        ]
        return api.pipeline("many", Rows, steps), Rows([1, 2, 3])

    assert same(build).calls == [2, 4, 6]
    p = from_public(build(synaflow, [])[0])
    assert p.contract() == from_public(build(synaflow, [])[0]).contract()


class _One(NamedTuple):
    row: int


def test_only_its_pipelines_are_taken() -> None:
    with pytest.raises(TypeError, match=r"expected what synaflow\.pipeline"):
        from_public(object())
