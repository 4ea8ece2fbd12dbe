"""What crosses between macro-tasks or to the user, in which form, and what is refused."""

from __future__ import annotations

import pytest

from synaflow_core.contract import Contract
from synaflow_core.errors import ExportError
from synaflow_export.plan import PlanOptions, make_plan
from tests.plan.building import contract, future, groups, step


def test_one_dataset_per_producer_whoever_reads_it() -> None:
    plan = make_plan(
        contract(
            step("rows", {}, "list"),
            step("a", {"rows": "list"}),
            step("b", {"rows": "item"}, "none"),
            step("c", {"rows": "stream"}, "none"),
        )
    )
    assert [(d.name, d.consumers) for d in plan.datasets] == [("rows", ("a", "b", "c")), ("a", ())]
    assert [spec.dataset for spec in plan.task("b").inputs] == ["rows"]
    assert plan.task("b").inputs[0].producer == "rows"


@pytest.mark.parametrize(
    ("gives", "more", "stored"),
    [
        ("value", {}, "value"),
        ("list", {}, "items"),
        ("dict", {}, "items"),
        ("stream", {"force_materialize": True}, "items"),
        ("stream", {"exported": True}, "items"),
        ("stream", {}, None),
        ("none", {}, None),
        ("value", {"codec": None}, None),
    ],
)
def test_results_of_terminal_steps_are_stored(
    gives: str, more: dict[str, object], stored: str | None
) -> None:
    plan = make_plan(contract(step("end", {"events": "param"}, gives, **more)))
    found = [(d.representation, d.final) for d in plan.datasets]
    assert found == ([] if stored is None else [(stored, True)])
    assert len(plan.task("end").outputs) == len(found)


def test_an_exported_step_is_a_result_although_another_reads_it() -> None:
    plan = make_plan(
        contract(
            step("rows", {}, "stream", exported=True),
            step("load", {"rows": "item"}, "none"),
        )
    )
    assert [(d.name, d.final, d.consumers) for d in plan.datasets] == [("rows", True, ())]


def test_a_result_without_codec_stays_where_it_was_made_and_says_so() -> None:
    plan = make_plan(contract(future("connect")))
    assert plan.datasets == ()
    assert [reason.text for reason in plan.reasons] == [
        "connect: the result is not stored, because connect's value (Future) cannot be serialised"
    ]


def test_pickle_stores_what_has_no_codec_and_cuts_there() -> None:
    document = contract(future("a"), step("b", {"a": "value"}))
    assert groups(make_plan(document)) == {"b": ("a", "b")}
    plan = make_plan(document, PlanOptions(allow_pickle=True))
    assert groups(plan) == {"a": ("a",), "b": ("b",)}
    assert [(d.name, d.codec) for d in plan.datasets] == [("a", "pickle"), ("b", "jsonl")]
    assert plan.task("a").outputs[0].codec == "pickle"
    assert plan.allow_pickle


def test_a_step_may_wait_for_one_that_returns_nothing() -> None:
    plan = make_plan(
        contract(step("setup", {}, "none", codec=None), step("work", {"setup": "value"}, "none"))
    )
    (dataset,) = plan.datasets
    assert (dataset.name, dataset.representation, dataset.codec) == ("setup", "value", "jsonl")
    assert plan.task("work").upstream == ("setup",)


def test_labels_that_ask_for_an_unserialisable_boundary_are_refused() -> None:
    document = contract(
        future("connect", macro_task="open", where="pipe.py:12"),
        step("query", {"connect": "value"}, macro_task="use"),
        step("again", {"connect": "value"}, macro_task="use"),
    )
    with pytest.raises(ExportError) as caught:
        make_plan(document)
    (problem,) = caught.value.problems
    assert problem.code == "unserialisable-boundary"
    assert str(caught.value).split("\n") == [
        "pipeline 'p' cannot be planned",
        "  pipe.py:12: dataset 'connect' (Future): step 'connect' in macro-task 'open' feeds "
        "'query' in 'use', but its type has no codec [unserialisable-boundary]",
        "      -> give the steps the same macro_task label (or none), return plain data or a "
        "dataclass from 'connect', or allow pickle (--allow-pickle)",
    ]
    assert len(make_plan(document, PlanOptions(allow_pickle=True)).macro_tasks) == 2


class TestStore:
    two = contract(step("a"), step("b", {"a": "value"}))

    @pytest.mark.parametrize(
        ("url", "distributed", "why"),
        [
            ("s3://bucket/x", True, None),
            ("/mnt/shared", True, None),
            ("file:///mnt/shared", True, None),
            ("C:\\shared", True, None),
            ("/tmp/x", False, None),
            ("data", False, None),
            ("memory://x", False, "ends with the process"),
            ("memory://x", True, "ends with the process"),
            ("filecache::memory://x", False, "ends with the process"),
            ("/tmp", True, "a temporary folder belongs to one machine"),
            ("file:///tmp/x", True, "a temporary folder belongs to one machine"),
            ("/tmpfiles", True, None),
            ("data", True, "a relative path"),
            ("./data", True, "a relative path"),
            ("file://data", True, "a relative path"),
        ],
    )
    def test_a_store_that_others_cannot_reach_is_refused(
        self, url: str, distributed: bool, why: str | None
    ) -> None:
        options = PlanOptions(store_url=url, distributed=distributed)
        if why is None:
            assert make_plan(self.two, options) == make_plan(self.two)
            return
        with pytest.raises(ExportError) as caught:
            make_plan(self.two, options)
        (problem,) = caught.value.problems
        assert problem.code == "unreachable-store"
        assert problem.message.startswith(why) or why in problem.message
        assert "dataset 'a', written by macro-task 'a', would not reach 'b'" in problem.message

    def test_without_datasets_every_store_will_do(self) -> None:
        document = contract(step("a", {}, "none"))
        assert make_plan(document, PlanOptions(store_url="memory://")).datasets == ()

    def test_a_password_is_refused_and_not_repeated(self) -> None:
        with pytest.raises(ExportError) as caught:
            make_plan(self.two, PlanOptions(store_url="s3://key:hunter2@bucket/x"))
        assert [problem.code for problem in caught.value.problems] == ["secret-in-store-url"]
        assert "hunter2" not in str(caught.value)

    def test_all_problems_are_told_at_once(self) -> None:
        document: Contract = contract(
            future("a", macro_task="x"),
            step("b", {"a": "value"}, macro_task="y"),
        )
        with pytest.raises(ExportError) as caught:
            make_plan(document, PlanOptions(store_url="memory://"))
        codes = {problem.code for problem in caught.value.problems}
        assert codes == {"unserialisable-boundary", "unreachable-store"}
