"""Which codec stores a type: libraries' types by name, and the codecs of other packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from synaflow_core import pipeline, step
from synaflow_core.contract import codecs, contract_of
from synaflow_core.contract.codecs import codec_of, foreign_codec, register
from synaflow_core.errors import HandoffError
from synaflow_core.handoff import HandoffStore, Piece

ROOT = Path(__file__).resolve().parents[2]


class Series(pd.DataFrame):
    """A subclass would come back as a plain frame."""


@pytest.mark.parametrize(
    ("hint", "codec"),
    [
        (pd.DataFrame, "parquet"),
        (pl.DataFrame, "parquet"),
        (pa.Table, "parquet"),
        (pa.RecordBatch, "parquet"),
        (np.ndarray, "npy"),
        (npt.NDArray[np.float64], "npy"),
        (np.ndarray[tuple[int, int], np.dtype[np.int64]], "npy"),
        (npt.NDArray[np.object_], None),
        (Series, None),
        (pd.Series, None),
        (pl.LazyFrame, None),
        (pd.DataFrame | None, None),
        (list[pd.DataFrame], None),
        (Any, "jsonl"),
        (str, "jsonl"),
        (bytes, "jsonl"),
    ],
    ids=str,
)
def test_types_of_libraries_are_known_by_name(hint: Any, codec: str | None) -> None:
    assert codec_of(hint) == codec


@pytest.mark.parametrize(
    ("hint", "codec"),
    [(str, "text"), (bytes, "bytes"), (str | None, "jsonl"), (int, "jsonl"), (pa.Table, "parquet")],
    ids=str,
)
def test_one_value_of_text_or_bytes_is_stored_as_it_is(hint: Any, codec: str) -> None:
    assert codec_of(hint, whole=True) == codec


def test_the_contract_says_it_of_every_step() -> None:
    def frames() -> Iterator[pd.DataFrame]:
        yield pd.DataFrame({"a": [1]})

    def scale(frame: pd.DataFrame) -> pd.DataFrame:
        return frame * 2

    def total(scales: Iterator[pd.DataFrame]) -> npt.NDArray[np.float64]:
        return np.array([frame.to_numpy().sum() for frame in scales])

    def text(total: npt.NDArray[np.float64]) -> Annotated[str, "for people"]:
        return str(total)

    steps = [
        step("frames", frames),
        step("scales", scale),
        step("total", total),
        step("text", text),
    ]
    contract = contract_of(pipeline("p", None, steps).dag)
    found = {name: (s.codec, s.output_kind, s.element_schema) for name, s in contract.steps.items()}
    assert found == {
        "frames": ("parquet", "stream", None),
        "scales": ("parquet", "stream", None),
        "total": ("npy", "value", None),
        "text": ("text", "value", {"type": "string"}),
    }
    assert contract.steps["scales"].mode == "each"


LIGHT = """
import sys
class DataFrame: ...
DataFrame.__module__ = "pandas.core.frame"
from synaflow_core.contract import codec_of
from synaflow_core.handoff import HandoffStore
assert codec_of(DataFrame) == "parquet"
assert codec_of(set[int]) == "jsonl"
HandoffStore("memory://x").write_value("p", "r", "d", 1, type=int)
print(sorted({"numpy", "pandas", "polars", "pyarrow"} & set(sys.modules)))
"""


def test_no_library_is_loaded_to_know_its_types() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "[]\n"


# --- codecs of others ----------------------------------------------------------------------------


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


class MoneyCodec:
    """A line per amount; all that a codec needs."""

    name = "money"
    suffix = ".txt"

    def stores(self, type_: Any) -> bool:
        return type_ is Money

    def encoder(self, hint: Any, dataset: str) -> Any:
        class Encoder:
            def encode(self, items: Any, first: int) -> Iterator[Piece]:
                yield Piece(b"".join(b"%d\n" % item.cents for item in items), len(items))

            def finish(self) -> tuple[()]:
                return ()

        return Encoder()

    def decoder(self, hint: Any) -> Any:
        return lambda content, ends, marked: [[Money(int(line)) for line in content.split()]]


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(codecs, "_registered", {})
    codecs._installed.cache_clear()
    yield
    codecs._installed.cache_clear()


def test_a_registered_codec_stores_its_types(tmp_path: Path) -> None:
    assert codec_of(Money) is None
    register(MoneyCodec())
    register(MoneyCodec())  # a module that is imported twice
    assert codec_of(Money) == "money"
    store = HandoffStore(tmp_path)
    with store.writer("p", "r", "d", type=Money, codec="money") as writer:
        for cents in range(5):
            writer.write(Money(cents))
        ref = writer.commit()
    assert [money.cents for money in store.read(ref, Money, start=2)] == [2, 3, 4]


PACKAGE = """
from tests.contract.test_codecs import MoneyCodec
class Broken:
    def __init__(self): raise RuntimeError("no licence")
class Half:
    name = "half"
"""


def install(folder: Path, *points: str) -> None:
    """A package with entry points, as pip would leave it in a folder of ``sys.path``."""
    (folder / "moneypack.py").write_text(PACKAGE)
    info = folder / "moneypack-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: moneypack\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[synaflow.codecs]", *points]))


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("moneypack", None)


def test_an_installed_package_brings_its_codec(packages: Path) -> None:
    install(packages, "money = moneypack:MoneyCodec")
    assert codec_of(Money) == "money"
    found = foreign_codec("money")
    assert found is not None
    assert type(found).__name__ == "MoneyCodec"


@pytest.mark.parametrize(
    ("points", "told"),
    [
        (["x = moneypack:Broken"], "codec 'x' of package moneypack cannot be loaded: RuntimeError"),
        (["x = moneypack:Nothing"], "cannot be loaded: AttributeError"),
        (["x = moneypack:Half"], "is not a codec: it has no suffix, stores, encoder, decoder"),
        (["a = moneypack:MoneyCodec", "b = moneypack:MoneyCodec"], "two installed packages bring"),
    ],
)
def test_a_package_that_is_broken_is_named(packages: Path, points: list[str], told: str) -> None:
    install(packages, *points)
    assert codec_of(int) == "jsonl", "types of ours do not ask it"
    with pytest.raises(HandoffError, match=told):
        codec_of(Money)


def test_names_that_are_taken_and_things_that_are_no_codec() -> None:
    class Other(MoneyCodec):
        pass

    class Ours(MoneyCodec):
        name = "parquet"

    register(MoneyCodec())
    with pytest.raises(HandoffError, match="'money' is registered already, as MoneyCodec"):
        register(Other())
    with pytest.raises(HandoffError, match="'parquet' is a codec of ours"):
        register(Ours())
    with pytest.raises(HandoffError, match="is not a codec: it has no name, suffix"):
        register(object())  # type: ignore[arg-type]


def test_a_codec_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(HandoffError, match=r"codec 'money' is not known\n.*install the package"):
        HandoffStore(tmp_path).writer("p", "r", "d", type=Money, codec="money")
