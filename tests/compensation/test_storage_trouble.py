"""Attempts whose store fails them or does not answer, and rollbacks that find what is torn."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from synaflow_core import HandoffError, Pipeline, pipeline, step
from synaflow_core.compensation import rollback_run, undone_macro_tasks
from synaflow_core.compensation.ledger import Entry, Ledger
from synaflow_core.errors import DamagedError
from synaflow_core.handoff import HandoffStore
from tests.compensation.world import Refs, lines, run_task, specs, world_pipeline


def told(undone: list[bool]) -> Pipeline:
    """One step; its rollback leaves whether it was told that it may have been called before."""

    def save() -> int:
        return 1

    def unsave(output: int, repeated: bool) -> None:
        undone.append(repeated)

    return pipeline("p", None, [step("save", save, rollback=unsave)])


@pytest.mark.parametrize("how", [HandoffError("no answer within 120 s"), KeyboardInterrupt()])
@pytest.mark.parametrize("placed", [True, False])
def test_an_entry_that_may_be_in_place_is_undone_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, placed: bool, how: BaseException
) -> None:
    add, undone = Ledger.add, list[bool]()

    def cut_short(ledger: Ledger, entry: Entry) -> None:
        if placed:
            add(ledger, entry)
        raise how

    made, store = told(undone), HandoffStore(tmp_path)
    monkeypatch.setattr(Ledger, "add", cut_short)
    with pytest.raises(type(how)):
        run_task(made, specs(made)[0], Refs(), store, {})
    assert undone == [False]
    result = rollback_run(made, "r", store)
    assert undone == [False]
    assert [each.step for each in result.already] == ["save"] * placed


def test_what_the_store_cannot_take_any_more_is_undone_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise HandoffError("the disk is full")

    undone: list[bool] = []
    made, store = told(undone), HandoffStore(tmp_path)
    for operation in ("add", "mark"):
        monkeypatch.setattr(Ledger, operation, full)
    with pytest.raises(HandoffError, match="the disk is full"):
        run_task(made, specs(made)[0], Refs(), store, {})
    assert undone == [False]


def test_a_damaged_entry_is_told_and_the_others_are_undone(tmp_path: Path) -> None:
    made, store, world = world_pipeline(), HandoffStore(tmp_path / "store"), tmp_path / "world"
    refs = Refs()
    for spec in specs(made)[:2]:
        run_task(made, spec, refs, store, {"world": str(world)})
    name = Ledger(store, "world", "r").listing().entries[0]
    file = next((tmp_path / "store").rglob(f"{name}.json"))
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole.replace(b"create", b"delete"), b""):
        file.write_bytes(damaged)
        result = rollback_run(made, "r", store)
        (failed,) = result.failed
        assert f"{name}.json is damaged" in failed.error
        assert "undo by hand what that step has done, then remove this file" in failed.error
        with pytest.raises(DamagedError):
            undone_macro_tasks("world", "r", store)
    assert lines(world)[-1].startswith("undo insert")
    file.write_bytes(whole)
    (file.parent / "stray.json").write_bytes(b"{}")
    assert rollback_run(made, "r", store).complete
    assert lines(world)[-1] == "undo create1"


def test_an_entry_of_a_newer_version_is_told_as_such(tmp_path: Path) -> None:
    made, store = told([]), HandoffStore(tmp_path)
    run_task(made, specs(made)[0], Refs(), store, {})
    (file,) = tmp_path.rglob("rollback=20ledger/*.json")
    newer = {**msgspec.json.decode(file.read_bytes()), "format": 2, "more": True}
    file.write_bytes(msgspec.json.encode(newer))
    with pytest.raises(HandoffError, match="written by a newer version"):
        rollback_run(made, "r", store)


def test_a_torn_manifest_does_not_keep_its_step_from_being_undone(tmp_path: Path) -> None:
    """Where the storage cannot put a file in place at once, a kill leaves one."""
    undone: list[bool] = []
    made, store = told(undone), HandoffStore(tmp_path)
    run_task(made, specs(made)[0], Refs(), store, {})
    manifest = tmp_path / "p" / "r" / "save" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-5])
    assert rollback_run(made, "r", store).complete
    assert undone == [False]
