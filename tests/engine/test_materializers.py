"""Materializers: what is done with a collection besides handing it on, on both engines."""

from __future__ import annotations

import json
import pickle
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from synaflow_core import (
    MaterializeContext,
    OnError,
    Pipeline,
    PipelineStopException,
    composite_materializer,
    csv_serializer,
    disk_materializer,
    json_serializer,
    jsonl_serializer,
    memory_materializer,
    pickle_serializer,
    pipeline,
    step,
    text_serializer,
)
from tests.engine.twins import COLOURS, coloured, reader, source
from tests.engine.watching import Watch, run_any


def build(
    asynchronous: bool, count: int = 3, watch: Watch | None = None, **options: Any
) -> Pipeline:
    """numbers -> (a list branch, a lazy branch)."""

    def whole(numbers: list[int]) -> list[int]:
        return numbers

    return pipeline(
        "p",
        None,
        [
            step("numbers", source(asynchronous, count), **options),
            step("whole", coloured(asynchronous, whole)),
            step("lazy", reader(asynchronous, "numbers")),
        ],
        observers=[watch.observer(asynchronous)] if watch else [],
    )


@COLOURS
def test_a_function_gets_the_container_and_may_replace_it(asynchronous: bool) -> None:
    result = run_any(build(asynchronous, materializer=lambda value: [-item for item in value]))
    assert result.outputs == {"whole": [0, -1, -2], "lazy": 3}


@COLOURS
def test_a_function_that_returns_nothing_leaves_the_container(asynchronous: bool) -> None:
    seen: list[Any] = []
    result = run_any(build(asynchronous, materializer=seen.append))
    assert seen == [[0, 1, 2]]
    assert result.outputs["whole"] == [0, 1, 2]


@COLOURS
def test_a_factory_is_told_what_it_is_for(asynchronous: bool) -> None:
    told: list[MaterializeContext] = []

    def factory(ctx: Any) -> Any:
        told.append(ctx)
        return memory_materializer()

    result = run_any(build(asynchronous, materializer=factory))
    (context,) = told
    assert (context.pipeline_name, context.dataset_name) == ("p", "numbers")
    assert (context.item_type, context.consumer_type) == (int, list[int])
    assert context.consumer_name == "whole"
    assert context.run_id == result.run_id


def test_what_a_materializer_in_an_async_pipeline_returns_is_awaited() -> None:
    async def doubled(value: list[int]) -> list[int]:
        return value * 2

    assert run_any(build(True, materializer=doubled)).outputs["whole"] == [0, 1, 2] * 2
    both = composite_materializer(doubled, list.copy, doubled)
    assert run_any(build(True, materializer=both)).outputs["whole"] == [0, 1, 2] * 4


def test_an_async_materializer_behind_a_sync_pipeline_fails_its_producer() -> None:
    async def later(value: list[int]) -> list[int]:
        return value

    result = run_any(build(False, materializer=lambda value: later(value)))
    assert "write it with 'def'" in result.steps["numbers"].reason


@COLOURS
@pytest.mark.parametrize("streams", [True, False])
def test_a_failing_materializer_fails_its_producer(
    asynchronous: bool, streams: bool, tmp_path: Path
) -> None:
    class Refusing:
        extension = "x"

        def serialize(self, file: Any, data: Any) -> None:
            raise OSError("disk full")

    class RefusingItems(Refusing):
        def begin(self, file: Any) -> Any:
            raise OSError("disk full")

    refusing = disk_materializer(tmp_path, RefusingItems() if streams else Refusing())
    watch = Watch()
    result = run_any(build(asynchronous, materializer=refusing, watch=watch))
    report = result.steps["numbers"]
    assert (report.status, report.reason, report.ok) == ("failed", "OSError: disk full", 3)
    assert result.steps["whole"].reason == "'numbers' failed: OSError: disk full"
    assert result.outputs == {"lazy": 3}
    assert list(tmp_path.iterdir()) == []
    assert watch.of("materialization") == [
        ("materialization_started", "numbers"),
        ("materialization_failed", "numbers"),
    ]
    assert watch.events.count(("step_failed", "numbers")) == 1
    assert ("step_completed", "numbers") not in watch.events

    with pytest.raises(PipelineStopException) as caught:
        run_any(build(asynchronous, materializer=refusing, on_error=OnError.STOP))
    assert caught.value.step_name == "numbers"


@COLOURS
@pytest.mark.parametrize("lazily_fed", [True, False])
def test_a_value_passes_through_its_materializer(asynchronous: bool, lazily_fed: bool) -> None:
    def table() -> dict[str, int]:
        return {"a": 1}

    def after(table: dict[str, int]) -> int:
        return table["a"]

    def doubled(value: dict[str, int]) -> dict[str, int]:
        return {key: item * 2 for key, item in value.items()}

    def broken(value: Any) -> Any:
        raise ValueError("no")

    steps = [step("after", coloured(asynchronous, after))]
    made = coloured(asynchronous, table)
    if lazily_fed:

        def pull(numbers: Iterator[int]) -> dict[str, int]:
            return {"a": sum(1 for _ in numbers)}

        async def pull_async(numbers: AsyncIterator[int]) -> dict[str, int]:
            return {"a": len([item async for item in numbers])}

        made = pull_async if asynchronous else pull
        steps.insert(0, step("numbers", source(asynchronous, 1)))

    def built(materializer: Any) -> Pipeline:
        return pipeline(
            "p", None, [*steps[:-1], step("table", made, materializer=materializer), steps[-1]]
        )

    assert run_any(built(doubled)).outputs["after"] == 2
    result = run_any(built(broken))
    assert result.steps["table"].status == "failed"
    assert result.steps["after"].status == "skipped"


@COLOURS
def test_the_pipelines_materializer_is_for_collections(asynchronous: bool) -> None:
    def single() -> int:
        return 1

    def several() -> list[int]:
        return [1]

    seen: list[Any] = []
    steps = [
        step("single", coloured(asynchronous, single)),
        step("several", coloured(asynchronous, several)),
    ]
    run_any(pipeline("p", None, steps, materializer=seen.append))
    assert seen == [[1]]
    own = [step("single", coloured(asynchronous, single), materializer=seen.append)]
    run_any(pipeline("p", None, own))
    assert seen == [[1], 1]


@COLOURS
def test_events_of_a_materialisation(asynchronous: bool) -> None:
    watch = Watch()
    run_any(build(asynchronous, watch=watch))
    told = [c for c in watch.contexts if c.event.value.startswith("materialization")]
    assert [c.event.value for c in told] == ["materialization_started", "materialization_completed"]
    assert {(c.dataset_name, c.consumer_name, c.materializer_name) for c in told} == {
        ("numbers", "whole", "memory_materializer")
    }
    completed = ("step_completed", "numbers")
    assert watch.events.index(("materialization_completed", "numbers")) < watch.events.index(
        completed
    )
    assert watch.events.count(completed) == 1


# -- disk ------------------------------------------------------------------------------------------


@COLOURS
def test_a_file_grows_while_the_stream_runs_and_appears_when_it_is_complete(
    asynchronous: bool, tmp_path: Path
) -> None:
    names: list[list[str]] = []

    def note(numbers: int) -> None:
        names.append([path.name for path in tmp_path.iterdir()])

    def whole(numbers: list[int]) -> list[int]:
        return numbers

    disk = disk_materializer(tmp_path, jsonl_serializer)
    steps = [
        step("numbers", source(asynchronous, 3), materializer=disk),
        step("note", coloured(asynchronous, note)),
        step("whole", coloured(asynchronous, whole)),
    ]
    result = run_any(pipeline("p", None, steps))
    assert result.outputs["whole"] == [0, 1, 2]
    for seen in names:
        assert len(seen) == 1
        assert seen[0].startswith(".numbers.jsonl.")
        assert seen[0].endswith(".tmp")
    assert [path.name for path in tmp_path.iterdir()] == ["numbers.jsonl"]
    assert (tmp_path / "numbers.jsonl").read_text() == "0\n1\n2\n"


@COLOURS
def test_a_stopped_run_leaves_the_old_file(asynchronous: bool, tmp_path: Path) -> None:
    def refuse(numbers: int) -> None:
        if numbers == 1:
            raise ValueError("one")

    def whole(numbers: list[int]) -> list[int]:
        return numbers

    (tmp_path / "numbers.jsonl").write_text("old")
    watch = Watch()
    steps = [
        step(
            "numbers",
            source(asynchronous, 3),
            materializer=disk_materializer(tmp_path, jsonl_serializer),
        ),
        step("refuse", coloured(asynchronous, refuse), on_error=OnError.STOP),
        step("whole", coloured(asynchronous, whole)),
    ]
    with pytest.raises(PipelineStopException):
        run_any(pipeline("p", None, steps, observers=[watch.observer(asynchronous)]))
    assert [path.name for path in tmp_path.iterdir()] == ["numbers.jsonl"]
    assert (tmp_path / "numbers.jsonl").read_text() == "old"
    assert watch.of("materialization")[-1] == ("materialization_failed", "numbers")


@COLOURS
def test_a_source_that_breaks_leaves_its_valid_prefix_in_the_file(
    asynchronous: bool, tmp_path: Path
) -> None:
    def whole(numbers: list[int]) -> list[int]:
        return numbers

    disk = disk_materializer(tmp_path, text_serializer, "n.txt")
    steps = [
        step("numbers", source(asynchronous, 5, fail_at=2), materializer=disk),
        step("whole", coloured(asynchronous, whole)),
    ]
    result = run_any(pipeline("p", None, steps))
    assert result.outputs == {"whole": [0, 1]}
    assert (tmp_path / "n.txt").read_text() == "0\n1\n"


class Named(NamedTuple):
    id: int
    text: str


@dataclass
class Data:
    id: int
    text: str


ROWS = [(1, "ä"), (2, 'q"')]


@pytest.mark.parametrize(
    ("serializer", "value", "expected"),
    [
        (jsonl_serializer, [Data(*ROWS[0]), {"a": {3}}], '{"id": 1, "text": "ä"}\n{"a": [3]}\n'),
        (jsonl_serializer, {"a": 1}, '["a", 1]\n'),
        (json_serializer, {"a": Data(1, "b")}, '{"a": {"id": 1, "text": "b"}}\n'),
        (json_serializer, [1, "b"], '[\n1,\n"b"\n]\n'),
        (json_serializer, [], "[]\n"),
        (csv_serializer, [Named(*row) for row in ROWS], 'id,text\r\n1,ä\r\n2,"q"""\r\n'),
        (csv_serializer, [Data(*row) for row in ROWS], 'id,text\r\n1,ä\r\n2,"q"""\r\n'),
        (csv_serializer, [{"a": 1, "b": 2}, {"b": 3}], "a,b\r\n1,2\r\n,3\r\n"),
        (csv_serializer, [(1, 2), 3], "1,2\r\n3\r\n"),
        (csv_serializer, {"a": 1}, "a,1\r\n"),
        (text_serializer, ["a", 1], "a\n1\n"),
        (text_serializer, "whole text", "whole text"),
        (lambda file, value: file.write(f"<{value}>"), [1], "<[1]>"),
    ],
)
def test_what_the_serializers_write(
    serializer: Any, value: Any, expected: str, tmp_path: Path
) -> None:
    def made() -> Any:
        return value

    disk = disk_materializer(tmp_path / "new", serializer, "file")
    run_any(pipeline("p", None, [step("made", made, materializer=disk)]))
    assert (tmp_path / "new" / "file").read_bytes().decode() == expected


@pytest.mark.parametrize("container", [list, set, dict])
def test_what_is_streamed_equals_what_is_written_whole(container: type, tmp_path: Path) -> None:
    def pairs() -> list[tuple[int, int]]:
        return [(1, 2), (1, 2), (3, 4)]

    def item(pairs: tuple[int, int]) -> tuple[int, int]:
        return pairs

    def whole(item: Any) -> Any:
        return item

    hint = {list: list[tuple[int, int]], set: set[tuple[int, int]], dict: dict[int, int]}
    whole.__annotations__["item"] = hint[container]
    disk = disk_materializer(tmp_path, json_serializer)
    steps = [step("pairs", pairs), step("item", item, materializer=disk), step("whole", whole)]
    made = run_any(pipeline("p", None, steps)).outputs["whole"]
    assert made == container(pairs())
    written = json.loads((tmp_path / "item.json").read_text())
    expected = {"1": 2, "3": 4} if container is dict else [list(pair) for pair in made]
    assert written == expected


def test_a_row_with_a_key_that_the_header_lacks_is_an_error(tmp_path: Path) -> None:
    def rows() -> list[dict[str, int]]:
        return [{"a": 1}, {"b": 2}]

    disk = disk_materializer(tmp_path, csv_serializer)
    result = run_any(pipeline("p", None, [step("rows", rows, materializer=disk)]))
    assert "fields not in fieldnames" in result.steps["rows"].reason
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_is_the_container(tmp_path: Path) -> None:
    run_any(build(False, materializer=disk_materializer(tmp_path, pickle_serializer)))
    assert pickle.loads((tmp_path / "numbers.pkl").read_bytes()) == [0, 1, 2]


@COLOURS
def test_several_materializers_in_turn(asynchronous: bool, tmp_path: Path) -> None:
    lines = disk_materializer(tmp_path, jsonl_serializer)
    table = disk_materializer(tmp_path, csv_serializer)
    result = run_any(build(asynchronous, materializer=composite_materializer(lines, None, table)))
    assert result.outputs["whole"] == [0, 1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["numbers.csv", "numbers.jsonl"]

    def tripled(value: list[int]) -> list[int]:
        return [item * 3 for item in value]

    result = run_any(build(asynchronous, materializer=composite_materializer(tripled, lines)))
    assert result.outputs["whole"] == [0, 3, 6]
    assert (tmp_path / "numbers.jsonl").read_text() == "0\n3\n6\n"


@COLOURS
def test_a_forced_collection_is_materialised_once_for_all(asynchronous: bool) -> None:
    told: list[Any] = []

    def factory(context: MaterializeContext) -> Any:
        told.append(context.consumer_name)
        return list

    result = run_any(build(asynchronous, materializer=factory, force_materialize=True))
    assert result.outputs == {"whole": [0, 1, 2], "lazy": 3}
    assert told == [""]
