"""What holds for the plan of every pipeline, whatever its shape and the options."""

from __future__ import annotations

import dataclasses
from collections import Counter

import msgspec
import networkx as nx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from synaflow_core.contract import Contract
from synaflow_core.errors import ExportError
from synaflow_export.plan import GRANULARITIES, ON_CYCLE, Plan, PlanOptions, make_plan
from tests.plan.building import contract, contracts, step

options_strategy = st.builds(
    PlanOptions,
    granularity=st.sampled_from(GRANULARITIES),
    on_cycle=st.sampled_from(ON_CYCLE),
    allow_pickle=st.booleans(),
)
OPTIONS = (
    PlanOptions(),
    PlanOptions("step"),
    PlanOptions("scope"),
    PlanOptions(on_cycle="spill"),
)
many = settings(max_examples=80, deadline=None)


def edges_of(document: Contract) -> list[tuple[str, str, str]]:
    """(producer, consumer, delivery), read off the contract in the most direct way."""
    kinds = document.producers()
    return [
        (dep, name, form)
        for name, step_ in document.steps.items()
        for dep, form in step_.delivery.items()
        if kinds[name][dep] == "step"
    ]


def planned(document: Contract, options: PlanOptions) -> Plan | None:
    """The plan; None where two labels ask for a boundary that has no codec."""
    try:
        return make_plan(document, options)
    except ExportError as error:
        refused = error
    assert {p.code for p in refused.problems} == {"unserialisable-boundary"}
    assert len({s.macro_task for s in document.steps.values()} - {None}) > 1
    return None


def task_of(plan: Plan) -> dict[str, str]:
    return {name: task.name for task in plan.macro_tasks for name in task.steps}


@given(contracts(), options_strategy)
@many
def test_every_step_is_in_exactly_one_group(document: Contract, options: PlanOptions) -> None:
    plan = planned(document, options)
    if plan is not None:
        steps = [name for task in plan.macro_tasks for name in task.steps]
        assert sorted(steps) == sorted(document.steps)
        assert len({task.name for task in plan.macro_tasks}) == len(plan.macro_tasks)
        declared = list(document.steps)
        for task in plan.macro_tasks:
            assert list(task.steps) == sorted(task.steps, key=declared.index)


@given(contracts(), options_strategy)
@many
def test_the_quotient_is_acyclic_and_in_order(document: Contract, options: PlanOptions) -> None:
    plan = planned(document, options)
    if plan is None:
        return
    group = task_of(plan)
    quotient = nx.DiGraph()
    quotient.add_nodes_from(task.name for task in plan.macro_tasks)
    quotient.add_edges_from(
        (group[a], group[b]) for a, b, _ in edges_of(document) if group[a] != group[b]
    )
    assert nx.is_directed_acyclic_graph(quotient)
    first = {task.name: list(document.steps).index(task.steps[0]) for task in plan.macro_tasks}
    expected = nx.lexicographical_topological_sort(quotient, key=first.__getitem__)
    assert [task.name for task in plan.macro_tasks] == list(expected)
    for task in plan.macro_tasks:
        assert set(task.upstream) == set(quotient.predecessors(task.name))


@given(contracts(), st.booleans())
@many
def test_no_streaming_edge_crosses(document: Contract, allow_pickle: bool) -> None:
    plan = planned(document, PlanOptions(allow_pickle=allow_pickle))
    if plan is not None:
        group = task_of(plan)
        for producer, consumer, form in edges_of(document):
            if document.steps[consumer].streams(form) and document.steps[producer].lazy:
                assert group[producer] == group[consumer]


@given(contracts(), options_strategy)
@many
def test_what_cannot_be_serialised_does_not_cross(document: Contract, options: PlanOptions) -> None:
    options = dataclasses.replace(options, allow_pickle=False)
    plan = planned(document, options)
    if plan is not None:
        group = task_of(plan)
        for producer, consumer, _ in edges_of(document):
            step_ = document.steps[producer]
            if step_.codec is None and step_.output_kind != "none":
                assert group[producer] == group[consumer]


@given(contracts(), options_strategy)
@many
def test_steps_of_one_label_run_together(document: Contract, options: PlanOptions) -> None:
    plan = planned(document, options)
    if plan is not None:
        group = task_of(plan)
        for label in ("one", "two"):
            labelled = {group[n] for n, s in document.steps.items() if s.macro_task == label}
            assert len(labelled) <= 1


@given(contracts(), options_strategy)
@many
def test_a_boundary_for_every_crossing_edge_and_result_and_nothing_else(
    document: Contract, options: PlanOptions
) -> None:
    plan = planned(document, options)
    if plan is None:
        return
    group = task_of(plan)
    edges = edges_of(document)
    crossing = {
        (producer, group[consumer])
        for producer, consumer, _ in edges
        if group[producer] != group[consumer]
    }
    consumed = {producer for producer, _, _ in edges}
    results = {
        name
        for name, s in document.steps.items()
        if s.output_kind != "none"
        and (s.exported or (name not in consumed and not s.lazy))
        and (s.codec is not None or options.allow_pickle)
    }
    assert {(d.name, consumer) for d in plan.datasets for consumer in d.consumers} == crossing
    assert {d.name for d in plan.datasets if d.final} == results
    assert {d.name for d in plan.datasets} == {producer for producer, _ in crossing} | results
    assert {(i.dataset, t.name) for t in plan.macro_tasks for i in t.inputs} == crossing
    assert [d.name for d in plan.datasets] == [
        name for name in document.steps if name in {d.name for d in plan.datasets}
    ]
    for task in plan.macro_tasks:
        written = {o.dataset for o in task.outputs}
        assert written == {d.name for d in plan.datasets if d.producer_task == task.name}
        assert written <= set(task.steps)


@given(contracts(), options_strategy)
@many
def test_equal_contracts_have_byte_identical_plans(
    document: Contract, options: PlanOptions
) -> None:
    plan = planned(document, options)
    if plan is not None:
        again = msgspec.convert(msgspec.to_builtins(document), Contract)
        assert make_plan(again, options).to_json() == plan.to_json()
        assert Plan.from_json(plan.to_json()) == plan


@given(contracts(), st.sampled_from(ON_CYCLE))
@many
def test_granularity_pipeline_is_one_group(document: Contract, on_cycle: str) -> None:
    plan = make_plan(document, PlanOptions(granularity="pipeline", on_cycle=on_cycle))  # type: ignore[arg-type]
    assert len(plan.macro_tasks) == 1
    assert all(dataset.final for dataset in plan.datasets)


@given(contracts(max_steps=8), options_strategy, st.integers(0, 8), st.sampled_from(["new", "a"]))
@many
def test_an_unrelated_step_renames_nothing(
    document: Contract, options: PlanOptions, place: int, name: str
) -> None:
    plan = planned(document, options)
    if plan is None or options.granularity == "pipeline":
        return
    steps = list(document.steps.items())
    steps.insert(place, step(name, {"events": "param"}))
    more = make_plan(contract(*steps), options)
    names = {task.steps: task.name for task in plan.macro_tasks}
    assert {t.steps: t.name for t in more.macro_tasks if t.steps != (name,)} == names


@given(contracts(), options_strategy)
@many
def test_every_group_of_several_steps_says_why(document: Contract, options: PlanOptions) -> None:
    plan = planned(document, options)
    if plan is None:
        return
    for task in plan.macro_tasks:
        assert bool(task.reasons) == (len(task.steps) > 1)
        explained = {name for reason in task.reasons for name in reason.steps}
        assert explained == (set(task.steps) if len(task.steps) > 1 else set())
        # The reasons alone tie all steps of the group together: nothing is there without one.
        ties = nx.Graph()
        ties.add_nodes_from(task.steps)
        for reason in task.reasons:
            nx.add_path(ties, reason.steps)
        assert nx.is_connected(ties)


@given(contracts(includes=False))
@many
def test_spilling_never_joins_more_than_merging(document: Contract) -> None:
    merged = planned(document, PlanOptions(on_cycle="merge"))
    spilled = planned(document, PlanOptions(on_cycle="spill"))
    if merged is not None and spilled is not None:
        group = task_of(merged)
        for task in spilled.macro_tasks:
            assert len({group[name] for name in task.steps}) == 1


@given(contracts(), options_strategy)
@many
def test_weights_are_shares(document: Contract, options: PlanOptions) -> None:
    plan = planned(document, options)
    if plan is not None:
        assert sum(task.weight for task in plan.macro_tasks) == pytest.approx(1, abs=1e-4)
        assert all(task.weight >= 0 for task in plan.macro_tasks)


@given(contracts(includes=False))
@many
def test_merging_gives_the_finest_partition_there_is(document: Contract) -> None:
    """An independent oracle: what must run together is what can reach each other both ways."""
    plan = planned(document, PlanOptions())
    if plan is None:
        return
    reach = nx.DiGraph()
    reach.add_nodes_from(document.steps)
    for producer, consumer, form in edges_of(document):
        made, read = document.steps[producer], document.steps[consumer]
        reach.add_edge(producer, consumer)
        streams = made.lazy and read.streams(form)
        labels = {made.macro_task, read.macro_task}
        storable = made.codec is not None or made.output_kind == "none"
        if (streams and storable) or not (storable or (None not in labels and len(labels) == 2)):
            reach.add_edge(consumer, producer)
    for label in ("one", "two"):
        labelled = [name for name, s in document.steps.items() if s.macro_task == label]
        nx.add_path(reach, labelled)
        nx.add_path(reach, labelled[::-1])
    expected = {frozenset(group) for group in nx.strongly_connected_components(reach)}
    assert {frozenset(task.steps) for task in plan.macro_tasks} == expected


def test_the_random_pipelines_above_exercise_what_they_should() -> None:
    """Keeps the properties honest: merges, spills, alignment and refusals all come up."""
    seen: Counter[str] = Counter()

    @settings(
        max_examples=300, deadline=None, database=None, derandomize=True, phases=[Phase.generate]
    )
    @given(contracts())
    def look(document: Contract) -> None:
        for options in OPTIONS:
            plan = planned(document, options)
            if plan is None:
                seen["refused"] += 1
                continue
            reasons = [r for task in plan.macro_tasks for r in task.reasons] + list(plan.reasons)
            seen.update({reason.kind for reason in reasons})
            seen["aligned"] += any(dataset.aligned for dataset in plan.datasets)
            seen[f"{options.on_cycle}: several"] += len(plan.macro_tasks) > 1

    look()
    wanted = {"streaming", "unserialisable", "label", "scope", "include", "cycle", "cut"}
    assert seen["aligned"]
    assert wanted | {"refused", "unstored", "merge: several", "spill: several"} <= set(seen)
