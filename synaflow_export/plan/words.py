"""The reasons of a plan in plain words: one place for every sentence that `plan` prints.

Each function returns a finished :class:`~synaflow_export.plan.model.Reason`. Lists of names are
cut short, so that a sentence stays a sentence for any number of steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from synaflow_export.plan.fuse import Fusion
from synaflow_export.plan.graph import StepGraph
from synaflow_export.plan.model import Reason, ReasonKind

_SHOWN = 6


def shorten(names: Sequence[str], separator: str = ", ", *, last: str | None = None) -> str:
    """Join names, leaving out the middle of a long list."""
    if len(names) > _SHOWN + 1:
        left_out = f"... {len(names) - _SHOWN} more ..."
        names = [*names[: _SHOWN - 2], left_out, *names[-2:]]
    if last is not None and len(names) > 1:
        return f"{separator.join(names[:-1])}{last}{names[-1]}"
    return separator.join(names)


class Wording:
    """Writes reasons about the steps of one graph."""

    def __init__(self, graph: StepGraph) -> None:
        self._graph = graph

    def names(self, positions: Iterable[int]) -> tuple[str, ...]:
        """Names of steps in declaration order."""
        return tuple(self._graph.names[position] for position in sorted(set(positions)))

    def visible_first(self, positions: Iterable[int]) -> list[str]:
        """Names for a text: steps that the user wrote before those that an include added."""
        graph = self._graph
        ordered = sorted(set(positions), key=lambda p: (graph.steps[p].hidden, p))
        return [graph.names[position] for position in ordered]

    def _reason(
        self, kind: ReasonKind, steps: Sequence[int], edges: Iterable[tuple[int, int]], text: str
    ) -> Reason:
        names = self._graph.names
        together = shorten(self.visible_first(steps), " + ")
        pairs = tuple((names[a], names[b]) for a, b in edges)
        return Reason(kind, self.names(steps), pairs, f"{together}: {text}")

    def streaming(self, producer: int, consumers: Sequence[int]) -> Reason:
        """``clean + load: clean streams to load, item by item``."""
        name = self._graph.names[producer]
        to = shorten(self.visible_first(consumers), last=" and ")
        return self._reason(
            "streaming",
            [producer, *consumers],
            [(producer, c) for c in consumers],
            f"{name} streams to {to}, item by item",
        )

    def unserialisable(self, producer: int, consumers: Sequence[int]) -> Reason:
        """``fetch + gather: fetch's items (Future) cannot be serialised``."""
        return self._reason(
            "unserialisable",
            [producer, *consumers],
            [(producer, c) for c in consumers],
            self.why_unserialisable(producer),
        )

    def why_unserialisable(self, producer: int) -> str:
        """``fetch's items (Future) cannot be serialised``."""
        step = self._graph.steps[producer]
        what = "value" if step.output_kind == "value" else "items"
        shown = step.output
        if step.output_kind == "stream" and shown.startswith("Stream[") and shown.endswith("]"):
            shown = shown[len("Stream[") : -1]
        return f"{self._graph.names[producer]}'s {what} ({shown}) cannot be serialised"

    def declared(self, fusion: Fusion, steps: Sequence[int]) -> Reason:
        """``extract + load: labelled macro_task='etl'``; likewise for a scope or everything."""
        match fusion.kind:
            case "label":
                return self._reason("label", steps, [], f"labelled macro_task={fusion.about!r}")
            case "scope":
                text = f"granularity 'scope' keeps the included pipeline {fusion.about!r} together"
                return self._reason("scope", steps, [], text)
            case "include":
                text = f"the params of the include {fusion.about!r} are made where they are read"
                return self._reason("include", steps, [], text)
        return self._reason(
            "pipeline", steps, [], "granularity 'pipeline' runs everything together"
        )

    def shared_labels(self, labelled: Mapping[str, int]) -> Reason:
        """Steps with different labels that had to run together."""
        labels = shorten([repr(label) for label in labelled], last=" and ")
        text = f"the labels {labels} share one macro-task, for the reasons given there"
        return self._reason("label", list(labelled.values()), [], text)

    def sharded(self, fusion: Fusion, steps: Sequence[int]) -> Reason:
        """``parse + clean: items pass through them one by one, in the shards of clean``."""
        text = f"items pass through them one by one, in the shards of {fusion.about}"
        return self._reason("shards", steps, [], text)

    def unsharded(self, step: int, granularity: str) -> Reason:
        """A step that asks for shards in vain."""
        name, shards = self._graph.names[step], self._graph.steps[step].shards
        text = f"{name}: shards={shards!r} has no effect with granularity {granularity!r}"
        return Reason("shards", (name,), (), text)

    def cycle(
        self,
        joining: Sequence[int],
        cluster: Sequence[int],
        stations: Sequence[tuple[int, ...]],
        edges: Sequence[tuple[int, int]],
        causes: Sequence[str],
    ) -> Reason:
        """``C joined A, B, D: it lies on a path A -> B -> C -> D between steps that must run ...``.

        Args:
            joining: The steps that join.
            cluster: The steps that they join; may be long, only its first ones are read.
            stations: The path, beginning and ending in the cluster.
            edges: The links that make the path.
            causes: Why its two ends are together.
        """
        names = self._graph.names
        who = shorten(self.visible_first(joining))
        shown = [names[position] for position in sorted(cluster[:_SHOWN])]
        more = f" and {len(cluster) - _SHOWN} more" if len(cluster) > _SHOWN else ""
        path = shorten([" + ".join(names[s] for s in station) for station in stations], " -> ")
        lies = "it lies" if len(joining) == 1 else "they lie"
        because = shorten(causes, "; ")
        text = (
            f"{who} joined {', '.join(shown)}{more}: {lies} on a path {path} "
            f"between steps that must run together because {because}"
        )
        steps = [*joining, *(step for station in stations for step in station)]
        return Reason(
            "cycle", self.names(steps), tuple((names[a], names[b]) for a, b in edges), text
        )

    def cause(self, fusion: Fusion) -> str:
        """One demand as half a sentence: ``A's value (Future) cannot be serialised``."""
        names = self._graph.names
        about = repr(fusion.about)
        match fusion.kind:
            case "streaming":
                text = f"{names[fusion.first]} streams to {names[fusion.second]}"
            case "unserialisable":
                text = self.why_unserialisable(fusion.first)
            case "label":
                text = f"they are labelled macro_task={about}"
            case "scope":
                text = f"they belong to the included pipeline {about}"
            case "include":
                text = f"they make the params of the include {about}"
            case "shards":
                text = f"they run in the shards of {fusion.about}"
            case _:  # `pipeline` and `cycle` never lie on a cycle
                text = "they were joined already"
        return text

    def cut(self, producer: int, consumers: Sequence[int], because: str) -> Reason:
        """A stream that is written to the store for consumers in other macro-tasks."""
        to = shorten(self.visible_first(consumers), last=" and ")
        names = self._graph.names
        text = f"{names[producer]} -> {to}: written to the store instead of streamed: {because}"
        edges = tuple((names[producer], names[c]) for c in consumers)
        return Reason("cut", self.names([producer, *consumers]), edges, text)

    def unstored(self, producer: int) -> Reason:
        """A result that stays where it was made."""
        name = self._graph.names[producer]
        text = f"{name}: the result is not stored, because {self.why_unserialisable(producer)}"
        return Reason("unstored", (name,), (), text)
