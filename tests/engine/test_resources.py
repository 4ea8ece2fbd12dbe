"""Resources: made once per step or per item, left when their use ends, with its exception."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from synaflow_core import OnError, PipelineStopException, per_item, pipeline, step
from synaflow_core.errors import DefinitionError
from tests.engine.twins import COLOURS, coloured, source
from tests.engine.watching import run_any

log: list[str] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    log.clear()


class Session:
    def __enter__(self) -> Session:
        log.append("enter")
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        log.append(f"exit {type(error).__name__}" if error else "exit")


def generator() -> Iterator[Session]:
    with Session() as session:
        yield session


@contextlib.contextmanager
def manager() -> Iterator[Session]:
    with Session() as session:
        yield session


async def async_generator() -> AsyncIterator[Session]:
    with Session() as session:
        yield session


class AsyncSession(Session):
    async def __aenter__(self) -> AsyncSession:
        self.__enter__()
        return self

    async def __aexit__(self, *details: Any) -> None:
        self.__exit__(*details)


async def opened() -> AsyncSession:
    return AsyncSession()


FORMS = [
    pytest.param(a, form, id=f"{'async' if a else 'sync'} {getattr(form, '__name__', form)}")
    for a, forms in (
        (False, (Session, generator, manager)),
        (True, (Session, generator, manager, async_generator, AsyncSession, opened)),
    )
    for form in forms
]


@pytest.mark.parametrize(("asynchronous", "factory"), FORMS)
def test_once_per_step_whatever_the_step(asynchronous: bool, factory: Callable[..., Any]) -> None:
    def value(session: Any) -> int:
        log.append("value")
        return 1

    def each(numbers: int, session: Any) -> None:
        log.append(f"each {numbers}")

    def pull(numbers: Iterator[int], session: Any) -> None:
        for number in numbers:
            log.append(f"pull {number}")

    async def pull_async(numbers: AsyncIterator[int], session: Any) -> None:
        async for number in numbers:
            log.append(f"pull {number}")

    def use(*steps: Any) -> list[str]:
        log.clear()
        result = run_any(pipeline("p", None, steps, resources={"session": factory}))
        assert {report.status for report in result.steps.values()} == {"ok"}
        return list(log)

    numbers = step("numbers", source(asynchronous, 2))
    assert use(step("value", coloured(asynchronous, value))) == ["enter", "value", "exit"]
    assert use(numbers, step("each", coloured(asynchronous, each))) == [
        "enter",
        "each 0",
        "each 1",
        "exit",
    ]
    pulling = pull_async if asynchronous else pull
    assert use(numbers, step("pull", pulling)) == ["enter", "pull 0", "pull 1", "exit"]


@pytest.mark.parametrize(("asynchronous", "factory"), FORMS)
def test_per_item(asynchronous: bool, factory: Callable[..., Any]) -> None:
    def each(numbers: int, session: Any) -> int:
        log.append(f"each {numbers}")
        if numbers == 1:
            raise ValueError("one")
        return numbers

    def total(each: list[int]) -> int:
        return sum(each)

    steps = [
        step("numbers", source(asynchronous, 3)),
        step("each", coloured(asynchronous, each)),
        step("total", coloured(asynchronous, total)),
    ]
    result = run_any(pipeline("p", None, steps, resources={"session": per_item(factory)}))
    assert result.outputs == {"total": 2}
    assert result.steps["each"].errors == 1
    assert log == [
        *("enter", "each 0", "exit"),
        *("enter", "each 1", "exit ValueError"),
        *("enter", "each 2", "exit"),
    ]


@COLOURS
def test_a_resource_is_left_when_its_own_step_ends(asynchronous: bool) -> None:
    def first(session: Any) -> int:
        return 1

    def early(numbers: Iterator[int], session: Any) -> None:
        next(numbers)

    async def early_async(numbers: AsyncIterator[int], session: Any) -> None:
        await anext(numbers)

    def late(numbers: int) -> None:
        log.append(f"late {numbers}")

    steps = [
        step("numbers", source(asynchronous, 3)),
        step("early", early_async if asynchronous else early),
        step("late", coloured(asynchronous, late)),
    ]
    run_any(pipeline("p", None, steps, resources={"session": Session}))
    assert log.index("exit") < log.index("late 2")


@COLOURS
@pytest.mark.parametrize("kind", ["value", "each", "pull"])
def test_a_factory_that_fails_fails_the_step(asynchronous: bool, kind: str) -> None:
    def broken() -> Session:
        raise ConnectionError("refused")

    def value(session: Any) -> int:
        return 1

    def each(numbers: int, session: Any) -> int:
        return numbers

    def pull(numbers: Iterator[int], session: Any) -> int:
        return sum(numbers)

    async def pull_async(numbers: AsyncIterator[int], session: Any) -> int:
        return sum([number async for number in numbers])

    def other(numbers: int) -> None:
        log.append(f"other {numbers}")

    def after(work: Any) -> None:
        log.append("after")

    work = {"value": value, "each": each, "pull": pull}[kind]
    made = coloured(asynchronous, work) if kind != "pull" else pull_async if asynchronous else pull

    def built(policy: OnError) -> Any:
        steps = [
            step("numbers", source(asynchronous, 2)),
            step("work", made, on_error=policy),
            step("other", coloured(asynchronous, other)),
            step("after", coloured(asynchronous, after)),
        ]
        return pipeline("p", None, steps, resources={"session": broken})

    result = run_any(built(OnError.CONTINUE))
    report = result.steps["work"]
    assert (report.status, report.reason) == ("failed", "ConnectionError: refused")
    assert result.steps["after"].reason == "'work' failed: ConnectionError: refused"
    assert log == ["other 0", "other 1"]
    with pytest.raises(PipelineStopException) as caught:
        run_any(built(OnError.STOP))
    assert caught.value.step_name == "work"


@COLOURS
@pytest.mark.parametrize("policy", list(OnError))
def test_a_resource_sees_what_its_step_failed_with(asynchronous: bool, policy: OnError) -> None:
    def value(session: Any) -> int:
        raise ValueError("no")

    p = pipeline(
        "p",
        None,
        [step("value", coloured(asynchronous, value), on_error=policy)],
        resources={"session": Session},
    )
    with (
        pytest.raises(PipelineStopException) if policy is OnError.STOP else contextlib.nullcontext()
    ):
        run_any(p)
    assert log == ["enter", "exit ValueError"]


@COLOURS
def test_a_resource_that_fails_when_it_is_left_fails_its_step(asynchronous: bool) -> None:
    class Unwilling(Session):
        def __exit__(self, *details: Any) -> None:
            raise OSError("cannot commit")

    def value(session: Any) -> int:
        return 1

    def each(numbers: int, session: Any) -> None: ...

    steps = [
        step("value", coloured(asynchronous, value)),
        step("numbers", source(asynchronous, 2)),
        step("each", coloured(asynchronous, each)),
    ]
    result = run_any(pipeline("p", None, steps, resources={"session": Unwilling}))
    assert result.outputs == {}
    assert result.steps["value"].reason == "OSError: cannot commit"
    assert result.steps["each"].reason == "OSError: cannot commit"


def test_unused_and_colliding_names_are_refused() -> None:
    def value() -> int:
        return 1

    with pytest.raises(DefinitionError, match="session"):
        pipeline("p", None, [step("value", value)], resources={"session": per_item(Session)})
    with pytest.raises(DefinitionError, match="value"):
        pipeline("p", None, [step("value", value)], resources={"value": Session})


def test_what_a_per_item_factory_makes_has_a_type() -> None:
    def use(session: Session) -> int:
        return 1

    p = pipeline("p", None, [step("use", use)], resources={"session": per_item(generator)})
    assert p.dag.resource_types == {"session": Session}
    assert run_any(p).outputs == {"use": 1}
    assert log == ["enter", "exit"]


def test_an_async_factory_in_a_sync_pipeline_is_refused() -> None:
    def use(session: Any) -> int:
        return 1

    for factory in (async_generator, opened, per_item(async_generator)):
        with pytest.raises(DefinitionError, match=r"resource 'session', factory .*'async def'"):
            pipeline("p", None, [step("use", use)], resources={"session": factory})
