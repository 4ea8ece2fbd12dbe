"""The example actions do real work, and leave nothing behind when they fail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import fsspec
import pyarrow.parquet as pq
import pytest

from examples.actions.export import ExportOrders, export_orders, make_database
from examples.actions.train import TrainIris, train_iris
from examples.actions.upload import UploadFolder, upload_folder
from synaflow_core import DefinitionError, ParamsError, PipelineStopException, run
from synaflow_core.phases import (
    Action,
    BaseStep,
    BaseUploadAction,
    RuntimeContext,
    StepFailedError,
    StepRegistry,
    StepResult,
    TrainAction,
    UploadAction,
    UploadContext,
    ValidationStep,
)


def weights(pipeline: Any) -> dict[str, float]:
    return {name: node.progress_weight for name, node in pipeline.dag.steps.items()}


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def refuse(context: Any) -> tuple[bool, str | None]:
    return False, "not today"


class Withdrawn(TrainIris):
    """A check behind the usual phases fails."""

    def setup_steps(self, registry: StepRegistry[Any]) -> None:
        super().setup_steps(registry)
        registry.insert_after("upload", ValidationStep(refuse, "approve"))


def test_training_publishes_a_model_that_has_learnt(tmp_path: Path) -> None:
    told: list[float] = []
    params = {"work": f"{tmp_path}/work", "registry": f"{tmp_path}/registry"}
    action = TrainIris(params, progress_callback=told.append)
    assert action.run() == {"success": True, "steps_executed": 3, "steps_total": 3}
    assert action.context.metrics["accuracy"] > 0.85
    assert files(tmp_path / "registry") == ["iris/card.json", "iris/model.joblib"]
    assert {0.2, 0.8, 1.0} <= {round(progress, 9) for progress in told}
    assert len(told) > 20
    assert weights(train_iris) == {"dataset": 0.2, "train": 0.6, "upload": 0.2}
    again = run(train_iris, {**params, "registry": f"{tmp_path}/other"}).outputs["upload"]
    assert again.metrics == action.context.metrics
    assert len(files(tmp_path / "other")) == 2


def test_a_model_is_withdrawn_when_a_later_phase_fails(tmp_path: Path) -> None:
    params = {"work": f"{tmp_path}/work", "registry": f"{tmp_path}/registry"}
    with pytest.raises(StepFailedError, match="'approve' failed: not today"):
        Withdrawn(params).run()
    assert files(tmp_path / "registry") == []


def test_exporting_writes_the_rows_as_parquet(tmp_path: Path) -> None:
    make_database(tmp_path / "orders.db", 50)
    params = {"database": f"{tmp_path}/orders.db", "out": f"{tmp_path}/out", "region": "north"}
    assert ExportOrders(params).run()["steps_executed"] == 4
    rows = pq.read_table(tmp_path / "out/orders.parquet").to_pylist()
    assert len(rows) == 25
    assert rows[1]["cents"] == 220
    assert {row["region"] for row in rows} == {"north"}
    assert weights(export_orders) == {"fetch": 0.3, "enough": 0.05, "convert": 0.4, "write": 0.3}
    (tmp_path / "out/orders.parquet").unlink()
    run(export_orders, params)
    assert pq.read_table(tmp_path / "out/orders.parquet").to_pylist() == rows


def test_too_few_rows_are_not_written(tmp_path: Path) -> None:
    make_database(tmp_path / "orders.db", 3)
    params = {"database": f"{tmp_path}/orders.db", "out": f"{tmp_path}/out", "least_rows": 4}
    with pytest.raises(StepFailedError, match="expected at least 4 rows, found 3"):
        ExportOrders(params).run()
    with pytest.raises(PipelineStopException, match="expected at least 4 rows, found 3"):
        run(export_orders, params)
    assert files(tmp_path) == ["orders.db"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for name in ("a.txt", "b.txt", "deep/c.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize("target", ["memory://uploads/{}", "{}/store"])
def test_uploading_fills_the_store(tmp_path: Path, source: Path, target: str) -> None:
    target = target.format(str(tmp_path).lstrip("/") if "memory" in target else tmp_path)
    action = UploadFolder(
        {"source": str(source), "target": target}, runtime_ctx=RuntimeContext("j")
    )
    assert action.run()["steps_executed"] == 4
    assert action.context.runtime_ctx.job_id == "j"
    fs, path = fsspec.core.url_to_fs(target)
    assert sorted(each.removeprefix(path).lstrip("/") for each in fs.find(path)) == [
        "a.txt",
        "b.txt",
        "deep/c.txt",
        "index.txt",
    ]
    assert fs.cat_file(f"{path}/deep/c.txt") == b"deep/c.txt"
    assert weights(upload_folder) == {
        "initialize": 0.05,
        "validate": 0.1,
        "upload": 0.8,
        "cleanup": 0.05,
    }


class Unlucky(UploadFolder):
    """The second file cannot be uploaded."""

    def upload_file(self, context: UploadContext[Any], file: str) -> str:
        if file == "b.txt":
            raise ConnectionError("the line is dead")
        return super().upload_file(context, file)


class Unfinished(UploadFolder):
    """All is uploaded, and then the index cannot be written."""

    def cleanup(self, context: UploadContext[Any]) -> dict[str, Any]:
        raise ConnectionError("the line is dead")


@pytest.mark.parametrize("action", [Unlucky, Unfinished])
def test_an_upload_that_fails_is_undone(
    tmp_path: Path, source: Path, action: type[UploadFolder]
) -> None:
    params = {"source": str(source), "target": f"{tmp_path}/store"}
    with pytest.raises(StepFailedError, match="ConnectionError: the line is dead"):
        action(params).run()
    assert files(tmp_path / "store") == []


def test_params_are_validated(tmp_path: Path) -> None:
    with pytest.raises(ParamsError) as caught:
        UploadFolder({"source": 3, "traget": "x"})
    assert {problem.subject for problem in caught.value.problems} == {
        "'source'",
        "'target'",
        "'traget'",
    }
    with pytest.raises(ParamsError, match="expected UploadParams, got PosixPath"):
        UploadFolder(tmp_path)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Count:
    count: int = 2


def test_actions_say_what_is_missing() -> None:
    class Bare(Action[Count]):
        pass

    assert Bare().params == Count()
    with pytest.raises(DefinitionError, match=r"test_actions.py:\d+: action Bare: .*'setup_steps'"):
        Bare().run()

    class Unsaid(Action):  # type: ignore[type-arg]
        pass

    with pytest.raises(
        DefinitionError, match=r"test_actions.py:\d+: action Unsaid: .* got nothing"
    ):
        Unsaid()

    class Number(Action[int]):
        pass

    with pytest.raises(DefinitionError, match=r"got int(.|\n)*write 'class Number\(Action\[MyP"):
        Number()


X = TypeVar("X")
Y = TypeVar("Y")


class Between(UploadAction[Y], Generic[X, Y]):
    """An action whose params are its second argument."""


class Below(Between[int, Count]):
    pass


class Lowest(Below):
    pass


def test_params_are_found_whatever_lies_between() -> None:
    assert Below().params == Count()
    assert Lowest({"count": 3}).params == Count(3)


def test_an_action_may_have_phases_of_its_own_only() -> None:
    class Say(BaseStep[UploadContext[Any]]):
        progress_weight = 1
        name = ""

        def __init__(self, name: str) -> None:
            self.name = name  # type: ignore[misc]

        def execute(self, context: UploadContext[Any]) -> StepResult:
            context.uploaded.append(f"{self.name} {context.params.count}")
            return StepResult()

    class MyUploadAction(BaseUploadAction[Count]):
        def setup_steps(self, registry: StepRegistry[Any]) -> None:
            registry.register(Say("initialize"))
            registry.register(Say("upload"))

    action = MyUploadAction({"count": 3})
    assert action.run() == {"success": True, "steps_executed": 2, "steps_total": 2}
    assert action.context.uploaded == ["initialize 3", "upload 3"]
    outputs = run(MyUploadAction.to_pipeline("mine"), {"count": 4}).outputs
    assert outputs["upload"].uploaded == ["initialize 4", "upload 4"]


def test_an_action_may_have_no_params() -> None:
    class Check(Action[None]):
        def setup_steps(self, registry: StepRegistry[Any]) -> None:
            registry.register(ValidationStep(lambda context: (context.params is None, "params")))

    assert Check().run()["success"]
    made = Check.to_pipeline("check")
    assert made.params_type is None
    assert run(made).outputs["validate"].step_results[0].success


def test_the_methods_to_write_are_those_that_phases_call(tmp_path: Path) -> None:
    class Listed(UploadAction[Count]):
        def initialize(self, context: Any) -> dict[str, Any]:
            context.files = ["a"]
            return {}

        def upload_file(self, context: Any, file: str) -> str:
            return file

    told = r"test_actions.py:\d+: action Listed, step 'upload': it calls 'delete_file', which List"
    with pytest.raises(DefinitionError, match=told):
        Listed().run()
    with pytest.raises(DefinitionError, match=told):
        Listed.to_pipeline("listed")

    class Whole(Listed):
        def delete_file(self, context: Any, uploaded: str) -> None: ...

    assert Whole().run()["steps_executed"] == 4

    class Untrained(TrainAction[Count]):
        pass

    with pytest.raises(DefinitionError, match="step 'dataset': it calls 'load_dataset'"):
        Untrained().run()


def test_actions_are_refused_whose_methods_or_init_nobody_would_call() -> None:
    class Async(UploadFolder):
        async def upload_file(self, context: Any, file: str) -> str:  # type: ignore[override]
            return file

    class Made(UploadFolder):
        def __init__(self, params: Any, client: Any) -> None:
            super().__init__(params)
            self.client = client

    params = {"source": "a", "target": "b"}
    told = r"test_actions.py:\d+: action Async: 'upload_file' is asynchronous"
    with pytest.raises(DefinitionError, match=told):
        Async(params).run()
    with pytest.raises(DefinitionError, match=told):
        Async.to_pipeline("upload")
    with pytest.raises(DefinitionError, match=r"test_actions.py:\d+: action Made: .*'__init__'"):
        Made.to_pipeline("upload")

    class Unfitting(UploadFolder):  # would be found out only when an upload is undone
        def delete_file(self, uploaded: str) -> None: ...  # type: ignore[override]

    told = r"'delete_file' is called with \(context, uploaded\), and does not fit"
    with pytest.raises(DefinitionError, match=told):
        Unfitting.to_pipeline("upload")


def test_a_method_that_returns_no_data_has_failed(tmp_path: Path, source: Path) -> None:
    class Counting(UploadFolder):
        def cleanup(self, context: Any) -> Any:
            return 3

    params = {"source": str(source), "target": f"{tmp_path}/store"}
    with pytest.raises(
        StepFailedError, match=r"expected cleanup\(\) to return a mapping, .* got 3"
    ):
        Counting(params).run()
    assert files(tmp_path / "store") == []
