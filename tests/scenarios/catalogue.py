"""Every scenario: params, and the outputs, counts, files or failure that must come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PIPES = Path(__file__).parent / "pipes"


@dataclass(frozen=True)
class Scenario:
    """One pipeline and what comes out of it.

    Attributes:
        name: Of its file in ``pipes/``.
        params: As JSON values; ``{folder}`` stands for a folder of this run's own.
        outputs: Terminal step -> result, for results that are compared with a text of ours.
        counts: Step -> (ok, errors).
        statuses: Step -> status, where it is not ``ok``.
        fails: Words of the error that ends the run; empty when the run must succeed.
        files: Name -> sorted lines of the files that steps or handlers leave behind.
        lossy: Why results are only compared where they were made (they do not cross tasks).
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    fails: str = ""
    files: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """The pipeline's file."""
        return PIPES / f"{self.name}.py"

    @property
    def asynchronous(self) -> bool:
        """The pipeline is made of coroutine functions."""
        return self.name.startswith("async_")

    def params_for(self, folder: Path) -> dict[str, Any]:
        """The params of a run that may use a folder."""
        return {
            name: value.replace("{folder}", str(folder)) if isinstance(value, str) else value
            for name, value in self.params.items()
        }


_DIAMOND = [f"{n}: half of {n}" for n in (1, 2, 5, 7, 8)]

SCENARIOS = (
    Scenario(
        "linear",
        {"count": 5},
        {"total": 25},
        {"numbers": (5, 0), "doubled": (5, 0), "shifted": (5, 0), "total": (1, 0)},
    ),
    Scenario(
        "each_chain",
        {"words": ["1", "x", "0", "4", "3"]},
        {"rounded": [1.0, 0.25, 0.333]},
        {"words": (5, 0), "number": (4, 1), "inverse": (3, 1), "rounded": (3, 0)},
    ),
    Scenario(
        "fan_out",
        {},
        {"largest": 25, "total": 15, "first": 0},
        {"squares": (6, 0), "largest": (1, 0), "total": (1, 0), "first": (1, 0)},
    ),
    Scenario(
        "mixed",
        {},
        {
            "spelled": "abcab",
            "listed": ["a", "b", "c", "a", "b"],
            "distinct": {"a", "b", "c"},
            "fixed": ("a", "b", "c", "a", "b"),
        },
        {"letters": (5, 0)},
    ),
    Scenario(
        "diamond",
        {"count": 10},
        {"lines": _DIAMOND},
        {"numbers": (10, 0), "thirds": (6, 4), "halves": (9, 1), "joined": (5, 0)},
    ),
    Scenario(
        "phases",
        {"words": ["one", "three", "four"]},
        {
            "told": [
                "three",
                "{'one': 3, 'three': 5, 'four': 4}",
                "{} False",
                "{'words': 3} False",
                "{} True",
                "{} False",
            ]
        },
        {"work__measure": (1, 0), "work": (1, 0), "told": (1, 0)},
    ),
    Scenario("zipped", {}, {"listed": ["1a", "2b", "Nonec", "Noned"]}, {"pairs": (4, 0)}),
    Scenario("in_flight", {}, {"total": 10}, {"started": (4, 0), "lengths": (4, 0)}),
    Scenario("stopped", fails="pipeline stopped at step 'inverse'"),
    Scenario("threshold", {"words": ["1", "a", "b", "2"]}, fails="step 'number'"),
    Scenario(
        "broken_generator",
        {},
        {"listed": [2, 4]},
        {"numbers": (2, 1), "doubled": (2, 0)},
        {"numbers": "failed"},
    ),
    Scenario(
        "skipped",
        {},
        {"count": 3},
        {"rate": (0, 1), "amounts": (1, 0), "count": (1, 0)},
        {"rate": "failed", "priced": "skipped"},
    ),
    Scenario("included", {}, {"merged": ["A", "B", "c", "d"]}),
    Scenario("included_per_item", {}, {"total": 5}, {"texts": (3, 0), "total": (1, 0)}),
    Scenario(
        "resources",
        {},
        {"total": 443},
        {"numbered": (3, 0), "again": (1, 0), "each": (4, 0)},
    ),
    Scenario(
        "observed",
        {},
        {},
        {"sizes": (2, 1), "broken": (0, 1)},
        {"broken": "failed", "last": "skipped"},
        files={
            "events.txt": sorted(
                [
                    *(f"{name} STARTED" for name in ("numbers", "sizes", "listed", "broken")),
                    *(f"{name} COMPLETED" for name in ("numbers", "sizes", "listed")),
                    "broken FAILED",
                    "last SKIPPED",
                ]
            )
        },
    ),
    Scenario(
        "handlers",
        {},
        {"total": 22.0},
        {"inverse": (3, 1)},
        files={
            "errors.txt": ["inverse 0 division by zero"],
            "inverse.jsonl": ["12.0", "4.0", "6.0"],
        },
    ),
    Scenario("records", {}, {}, {"items": (4, 0), "labels": (4, 0), "kinds": (1, 0)}),
    Scenario(
        "tables",
        {},
        {"spans": [0.5, 4.5, 8.5, 24.5, 28.5, 32.5], "size": 17},
        {"batches": (3, 0), "doubled": (2, 1), "rows": (6, 0), "length": (6, 0)},
    ),
    Scenario("empty", {}, {"size": 0}, {"nothing": (0, 0), "doubled": (0, 0), "size": (1, 0)}),
    Scenario("many", {"count": 100_000}, {"total": 2_500_000_000}, {"odd": (50_000, 50_000)}),
    Scenario("unserialisable", {}, {"total": 9}, {"guarded": (3, 0)}),
    Scenario("hostile_names", {"dag": 7}, {}, {"task": (1, 0), "größe": (1, 0)}),
    Scenario(
        "disk",
        {"log": "{folder}/rows.txt"},
        {"read": ["0", "1", "2"]},
        files={"rows.txt": ["0", "1", "2"]},
    ),
    Scenario(
        "sinks",
        {"log": "{folder}/sink.txt"},
        {},
        {"numbers": (3, 0)},
        files={"sink.txt": ["0", "1", "2"]},
    ),
    Scenario("async_linear", {"count": 5}, {"total": 25.0}, {"inverse": (4, 1)}),
    Scenario("async_diamond", {}, {"spelled": "0=N0,2=N2,4=N4"}, {"even": (3, 3)}),
    Scenario("async_stopped", fails="pipeline stopped at step 'number'"),
)
