"""Trains a small model on the iris measurements that come with scikit-learn, and publishes it.

    python -m examples.actions.train

Only addresses travel from phase to phase; the data and the model are files in the work folder,
which any fsspec URL can be.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import fsspec
import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synaflow_core.phases import StepResult, TrainAction, TrainContext

ROUNDS = 20


@dataclass(frozen=True)
class TrainParams:
    """Where to work and where to publish.

    Attributes:
        work: Folder for the prepared data and the trained model.
        registry: Folder that models are published in.
        test_share: Share of the data that is kept for testing.
        seed: Decides which rows those are.
    """

    work: str
    registry: str
    test_share: float = 0.25
    seed: int = 7


class TrainIris(TrainAction[TrainParams]):
    """Train a classifier of irises."""

    def load_dataset(self, context: TrainContext[TrainParams]) -> dict[str, Any]:
        """Split the measurements into rows to learn from and rows to test with."""
        params = context.params
        values, kinds = load_iris(return_X_y=True)
        parts = train_test_split(
            values, kinds, test_size=params.test_share, random_state=params.seed, stratify=kinds
        )
        names = ("train_x", "test_x", "train_y", "test_y")
        context.dataset = f"{params.work}/iris.npz"
        buffer = io.BytesIO()
        np.savez(buffer, **dict(zip(names, parts, strict=True)))
        _write(context.dataset, buffer.getvalue())
        return {"rows": len(values)}

    def train(self, context: TrainContext[TrainParams]) -> dict[str, Any]:
        """Learn in rounds, so that there is progress to show, and measure on the test rows."""
        with fsspec.open(context.dataset, "rb") as file:
            data = dict(np.load(io.BytesIO(file.read())))
        scale = StandardScaler().fit(data["train_x"])
        classifier = SGDClassifier(loss="log_loss", random_state=context.params.seed)
        kinds = np.unique(data["train_y"])
        for done in range(1, ROUNDS + 1):
            classifier.partial_fit(scale.transform(data["train_x"]), data["train_y"], kinds)
            context.set_progress(done, ROUNDS)
        model = make_pipeline(scale, classifier)
        context.metrics = {"accuracy": float(model.score(data["test_x"], data["test_y"]))}
        context.model = f"{context.params.work}/model.joblib"
        buffer = io.BytesIO()
        joblib.dump(model, buffer)
        _write(context.model, buffer.getvalue())
        return dict(context.metrics)

    def upload(self, context: TrainContext[TrainParams]) -> StepResult:
        """Copy the model into the registry, beside a card that says how good it is."""
        context.published = f"{context.params.registry}/iris"
        with fsspec.open(context.model, "rb") as file:
            _write(f"{context.published}/model.joblib", file.read())
        _write(f"{context.published}/card.json", json.dumps(context.metrics).encode())
        return StepResult(rollback_data={"published": context.published})

    def withdraw(self, context: TrainContext[TrainParams], result: StepResult) -> None:
        """Take the model out of the registry."""
        fs, path = fsspec.core.url_to_fs(result.rollback_data["published"])
        if fs.exists(path):
            fs.rm(path, recursive=True)


def _write(url: str, data: bytes) -> None:
    with fsspec.open(url, "wb", auto_mkdir=True) as file:
        file.write(data)


train_iris = TrainIris.to_pipeline("train_iris")

if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        action = TrainIris(
            {"work": f"{folder}/work", "registry": f"{folder}/registry"},
            progress_callback=lambda progress: print(f"{progress:6.1%}"),
        )
        print(action.run(), action.context.metrics)
