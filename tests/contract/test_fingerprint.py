"""The fingerprint changes with what a run does, and with nothing else."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from synaflow_core import Observer, OnError, include, pipeline, step
from synaflow_core.contract import Contract, Source, contract_of, fingerprint_of
from tests.contract.examples import example

SOURCE = '''
from __future__ import annotations
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from synaflow_core import OnError, pipeline, step

@dataclass
class Row:
    """A row."""
    id: int

class Params(NamedTuple):
    """Params.

    Args:
        count: How many.
    """
    count: int = 3

def rows(count: int) -> Iterator[Row]:
    """All rows."""
    for number in range(count):
        yield Row(number)

def kept(row: Row) -> Row:
    return row

def total(kept: list[Row]) -> int:
    return len(kept)

p = pipeline("sums", Params, [
    step("rows", fn=rows),
    step("kept", fn=kept),
    step("total", fn=total),
])
'''


def contract(folder: Path, source: str, module: str = "pipe") -> Contract:
    """Compile a source file, loaded under a module name."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{module}.py"
    file.write_text(source, encoding="utf-8")
    loaded = types.ModuleType(module)
    loaded.__file__ = str(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, module, loaded)
        exec(compile(source, str(file), "exec"), vars(loaded))
        return contract_of(loaded.p.dag)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("All rows.", "Every row."),
        ('"""A row."""', '"""Something else."""'),
        ("How many.", "The number of rows."),
        ("def kept", "\n\n# moved down\ndef kept"),
        ("return row", "return (row)  # as it is"),
        ("fn=total),\n]", 'fn=total),\n], description="Sums."'),
    ],
)
def test_texts_and_places_do_not_count(tmp_path: Path, old: str, new: str) -> None:
    before, after = contract(tmp_path, SOURCE), contract(tmp_path, SOURCE.replace(old, new))

    assert after.fingerprint == before.fingerprint


def test_the_module_does_not_count(tmp_path: Path) -> None:
    here = contract(tmp_path / "a", SOURCE, "pipe")
    there = contract(tmp_path / "b", SOURCE, "package_of_the_worker")

    assert here.steps["rows"].fn_ref != there.steps["rows"].fn_ref
    assert here.fingerprint == there.fingerprint
    moved = msgspec.structs.replace(here, source=Source(module="elsewhere", attribute="p"))
    assert fingerprint_of(moved) == here.fingerprint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return len(kept)", "return len(kept) + 1"),
        ('"sums"', '"totals"'),
        ("count: int = 3", "count: int = 4"),
        ("count: int = 3", "count: int"),
        ("id: int", "id: str"),
        ("kept: list[Row]", "kept: tuple[Row, ...]"),
        ("fn=kept)", "fn=kept, on_error=OnError.STOP)"),
        ("fn=kept)", "fn=kept, max_in_flight=2)"),
        ("fn=kept)", "fn=kept, force_materialize=True)"),
        ("fn=kept)", "fn=kept, shards=2)"),
        ("fn=kept)", "fn=kept, macro_task='a')"),
        ("fn=kept)", "fn=kept, error_threshold_absolute=1)"),
        ("fn=kept)", "fn=kept, error_threshold_pct=0.5)"),
        ("fn=kept)", "fn=kept, progress_weight=2)"),
        ("fn=kept)", "fn=kept, rollback=lambda: None)"),
        ("fn=total)", "fn=total, materializer=sorted)"),
        ('step("total", fn=total),', ""),
    ],
)
def test_what_a_run_does_counts(tmp_path: Path, old: str, new: str) -> None:
    assert old in SOURCE
    before, after = contract(tmp_path, SOURCE), contract(tmp_path, SOURCE.replace(old, new))

    assert after.fingerprint != before.fingerprint


def test_the_order_of_steps_counts() -> None:
    def left(count: int) -> None: ...
    def right(count: int) -> None: ...

    steps = [step("left", fn=left), step("right", fn=right)]
    one = pipeline("p", Count, steps).contract()
    other = pipeline("p", Count, steps[::-1]).contract()

    assert one.fingerprint != other.fingerprint


def test_a_field_that_says_nothing_is_not_hashed() -> None:
    """So that a field added later does not change every fingerprint there is."""
    contract = example("quickstart")
    shorter = msgspec.defstruct(
        "Contract",
        [(f.name, Any) for f in msgspec.structs.fields(Contract) if f.name != "resources"],
    )
    values = {name: getattr(contract, name) for name in shorter.__struct_fields__}

    assert fingerprint_of(shorter(**values)) == contract.fingerprint


class Count(NamedTuple):
    count: int


class Handle:
    pass


@dataclasses.dataclass
class Inner:
    handle: Handle


class Item(NamedTuple):
    number: int


def numbers(count: int) -> list[int]:
    return list(range(count))


def item(number: int) -> Item:
    return Item(number)


def doubled(number: int) -> int:
    return number * 2


def tripled(number: int) -> int:
    return number * 3


def nested(fn: Callable[[int], int], adapter: Callable[[int], Item] = item) -> Contract:
    inner = pipeline("inner", Item, [step("result", fn=fn)])
    steps = [step("numbers", fn=numbers), include("each", fn=adapter, pipeline=inner)]
    return pipeline("outer", Count, steps, exports="each").contract()


def test_an_include_that_runs_per_item_counts_with_all_its_steps() -> None:
    def other_item(number: int) -> Item:
        return Item(-number)

    assert nested(doubled).steps["each"].mode == "each"
    assert nested(doubled).fingerprint == nested(doubled).fingerprint
    assert nested(doubled).fingerprint != nested(tripled).fingerprint
    assert nested(doubled).fingerprint != nested(doubled, other_item).fingerprint


def test_params_of_a_nested_run_need_not_be_json() -> None:
    def result(handle: Handle) -> int:
        return 1

    def open_one(number: int) -> Inner:
        return Inner(Handle())

    inner = pipeline("inner", Inner, [step("result", fn=result)])
    steps = [step("numbers", fn=numbers), include("each", fn=open_one, pipeline=inner)]
    contract = pipeline("outer", Count, steps, exports="each").contract()

    assert Contract.from_json(contract.to_json()) == contract


def test_odd_callables_have_names() -> None:
    class Doubler:
        def __call__(self, number: int) -> int:
            return number * 2

    def watch(context: Any) -> None: ...

    steps = [
        step("numbers", fn=numbers),
        step("doubled", fn=Doubler(), on_error=OnError.STOP, observers=[Observer(watch)]),
        step("shown", fn=lambda doubled: None),
    ]
    contract = pipeline("p", Count, steps).contract()

    assert [s.fn for s in contract.steps.values()] == ["numbers", "__call__", "<lambda>"]
    assert contract.steps["doubled"].fn_ref.endswith("Doubler.__call__")
    assert Contract.from_json(contract.to_json()) == contract


def test_lone_surrogates_do_not_break_the_document() -> None:
    def made(count: int) -> Iterator[int]:
        yield count

    made.__doc__ = "half \ud800 a character"
    contract = pipeline("p", Count, [step("made", fn=made)], exports="made").contract()

    assert Contract.from_json(contract.to_json()).steps["made"].doc == "half ? a character"
