"""What Dagster thinks is out of date after an edit: the steps concerned, and nobody else."""

from __future__ import annotations

from typing import Any

from tests.targets.airflow.test_running import LINEAR
from tests.targets.dagster.running import DefsFolder, Exported, import_file

PARAMS = {"count": 6}


def stale(defs: DefsFolder, exported: Exported) -> dict[str, str]:
    """Key of each asset that is out of date -> why."""
    from dagster._core.definitions.data_version import CachingStaleStatusResolver
    from dagster._core.loader import LoadingContextForTest

    graph = import_file(exported.file).defs.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(defs.dagster, graph, LoadingContextForTest(defs.dagster))
    found: dict[str, str] = {}
    for key in graph.materializable_asset_keys:
        if resolver.get_status(key).value != "FRESH":
            causes: list[Any] = list(resolver.get_stale_root_causes(key))
            found[key.to_user_string()] = "; ".join(cause.reason for cause in causes)
    return found


def test_an_edit_makes_its_own_macro_task_stale_and_equal_data_nobody_else(
    defs: DefsFolder,
) -> None:
    source = LINEAR.replace('"linear"', '"edited"')
    exported = defs.export(source)
    assert defs.run(exported, PARAMS).success
    assert stale(defs, exported) == {}

    # A comment, the docstring, the order of nothing: no new code.
    same = source.replace("'''Refuse even numbers.'''", "'''Refuse them.'''  # a comment")
    assert stale(defs, defs.export(same)) == {}

    # The last step is another one: only its asset is stale.
    edited = source.replace("return [odd * odd for odd in odds]", "return [odd**2 for odd in odds]")
    assert stale(defs, defs.export(edited)) == {"edited/squares": "has a new code version"}

    # A step of the first macro-task: its two assets are.
    rewritten = source.replace("yield from range(count)", "yield from list(range(count))")
    found = defs.export(rewritten)
    assert stale(defs, found) == {
        "edited/odds": "has a new code version",
        "edited/total": "has a new code version",
    }

    # Made anew the data is the same, so nothing after it has to be.
    assert defs.run(found, PARAMS, only=["edited/odds", "edited/total"]).success
    assert stale(defs, found) == {}

    # With other data it is.
    assert defs.run(found, {"count": 8}, only=["edited/odds", "edited/total"]).success
    assert stale(defs, found) == {"edited/squares": "has a new data version"}
