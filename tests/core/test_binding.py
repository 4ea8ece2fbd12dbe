from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from synaflow_core.dag import Delivery, Source
from synaflow_core.definition import step
from tests.core.building import compiled, function, refused, refused_once


class Urls(NamedTuple):
    urls: list[str]
    count: int = 0


class People(NamedTuple):
    user: int
    users: int


def bound_to(pipeline: Any, name: str) -> list[tuple[str, str, Source]]:
    return [(e.parameter, e.producer, e.source) for e in pipeline.dag.steps[name].edges]


@pytest.mark.parametrize("name", ["users", "user", "user_list", "user_set", "user_tuple"])
@pytest.mark.parametrize("declared", ["users", "user", "user_list"])
def test_one_dataset_has_many_names(declared: str, name: str) -> None:
    p = compiled(
        step(declared, function(list[int])), step("last", function(int, **{name: list[int]}))
    )
    assert bound_to(p, "last") == [(name, declared, Source.STEP)]


def test_irregular_plurals_bind() -> None:
    p = compiled(step("people", function(list[str])), step("last", function(int, person=str)))
    assert bound_to(p, "last") == [("person", "people", Source.STEP)]


def test_an_exact_name_wins_over_a_base_name() -> None:
    p = compiled(
        step("first", function(list[int], user=int)),
        step("last", function(int, user=int, count=int)),
        params=NamedTuple("P", [("user", int), ("users", int), ("count", int)]),
    )
    assert bound_to(p, "last")[0] == ("user", "user", Source.PARAM)


def test_the_nearest_kind_wins_resource_step_param() -> None:
    p = compiled(
        step("count", function(int, urls=list[str], db=str)),
        step("last", function(int, count=int)),
        params=Urls,
        resources={"db": function(str)},
    )
    assert bound_to(p, "count") == [
        ("urls", "urls", Source.PARAM),
        ("db", "db", Source.RESOURCE),
    ]
    assert bound_to(p, "last") == [("count", "count", Source.STEP)]


def test_a_step_reads_the_field_of_its_own_name_and_shadows_it() -> None:
    p = compiled(
        step("urls", function(list[str], urls=list[str])),
        step("last", function(int, url=str)),
        params=Urls,
    )
    assert bound_to(p, "urls") == [("urls", "urls", Source.PARAM)]
    assert bound_to(p, "last") == [("url", "urls", Source.STEP)]


def test_a_step_never_reads_itself() -> None:
    problem = refused_once(step("urls", function(list[str], urls=list[str])))
    assert problem.code == "reads-itself"
    assert problem.subject == "step 'urls', parameter 'urls'"
    assert "params class" in problem.hint


def test_a_step_reads_a_params_field_by_base_name_even_when_it_has_that_name() -> None:
    p = compiled(step("url", function(str, url=str)), params=Urls)
    assert bound_to(p, "url") == [("url", "urls", Source.PARAM)]


def test_defaults_are_honoured_when_nothing_has_the_name() -> None:
    def scale(count: int, factor: int = 3) -> int:
        return count * factor

    p = compiled(step("scale", scale), params=Urls)
    assert bound_to(p, "scale") == [("count", "count", Source.PARAM)]


def test_a_default_gives_way_to_a_producer() -> None:
    def scale(count: int = 3) -> int:
        return count

    p = compiled(step("scale", scale), params=Urls)
    assert bound_to(p, "scale") == [("count", "count", Source.PARAM)]


def test_a_self_named_default_is_a_default() -> None:
    def limit(limit: int = 3) -> int:
        return limit

    assert compiled(step("limit", limit)).dag.steps["limit"].edges == ()


def test_a_name_fixed_by_a_partial_is_not_bound() -> None:
    import functools

    def scale(count: int, factor: int) -> int:
        return count * factor

    p = compiled(
        step("scale", functools.partial(scale, count=2)),
        params=NamedTuple("P", [("factor", int), ("count", int)]),
    )
    assert bound_to(p, "scale") == [("factor", "factor", Source.PARAM)]


def test_an_unknown_name_is_told_with_what_there_is_and_a_guess() -> None:
    problem = refused_once(
        step("orders", function(int)),
        step("last", function(int, ordres=int)),
        params=Urls,
        resources={},
    )
    assert problem.code == "unknown-name"
    assert problem.subject == "step 'last', parameter 'ordres'"
    assert "'orders'" in problem.message
    assert "'count'" in problem.message
    assert problem.hint == "did you mean 'orders'?"


def test_without_a_near_name_the_hint_says_what_to_do() -> None:
    problem = refused_once(step("last", function(int, zebra=int)))
    assert "there are no earlier steps and no params" in problem.message
    assert "add a step or a params field" in problem.hint


def test_all_problems_of_a_pass_are_told_at_once() -> None:
    problems = refused(
        step("first", function(int, foo=int, bar=int)), step("last", function(int, baz=int))
    )
    assert [p.subject for p in problems] == [
        "step 'first', parameter 'bar'",
        "step 'first', parameter 'foo'",
        "step 'last', parameter 'baz'",
    ]


def test_a_step_declared_later_must_be_moved() -> None:
    problem = refused_once(step("last", function(int, first=int)), step("first", function(int)))
    assert problem.code == "declared-later"
    assert problem.hint == "declare 'first' before 'last'"


def test_a_later_step_is_found_by_base_name_too() -> None:
    problem = refused_once(
        step("last", function(int, user=int)), step("users", function(list[int]))
    )
    assert problem.code == "declared-later"
    assert "step 'users'" in problem.message


@pytest.mark.parametrize("size", [2, 3, 7])
def test_a_cycle_is_spelled_out_once_along_the_data(size: int) -> None:
    steps = [step(f"s{i}", function(int, **{f"s{(i - 1) % size}": int})) for i in range(size)]
    problem = refused_once(*steps)
    assert problem.code == "cycle"
    circle = " -> ".join([f"s{i}" for i in range(size)] + ["s0"])
    assert circle in problem.message


def test_a_cycle_in_the_other_direction_is_told_once_as_well() -> None:
    problem = refused_once(
        step("x", function(int, y=int)),
        step("y", function(int, z=int)),
        step("z", function(int, x=int)),
    )
    assert "x -> z -> y -> x" in problem.message


def test_a_field_of_the_same_name_breaks_a_cycle() -> None:
    p = compiled(
        step("urls", function(list[str], urls=list[str])),
        step("count", function(int, urls=list[str])),
        params=Urls,
    )
    assert bound_to(p, "count") == [("urls", "urls", Source.STEP)]


def test_two_parameters_of_one_dataset_are_refused() -> None:
    problem = refused_once(
        step("users", function(list[int])),
        step("last", function(int, users=list[int], user_list=list[int])),
    )
    assert problem.code == "same-dataset"
    assert "'users'" in problem.message
    assert problem.subject == "step 'last', parameter 'user_list'"


def test_two_fields_of_the_params_that_are_named_exactly_are_two_things() -> None:
    class Files(NamedTuple):
        file: str
        files: list[str]

    p = compiled(step("last", function(int, files=list[str], file=str)), params=Files)
    assert bound_to(p, "last") == [("files", "files", Source.PARAM), ("file", "file", Source.PARAM)]


def test_two_steps_of_one_dataset_are_refused() -> None:
    problem = refused_once(step("user", function(int)), step("user_list", function(list[int])))
    assert problem.code == "same-dataset"
    assert "'user'" in problem.message


def test_a_name_that_two_fields_could_mean_must_be_exact() -> None:
    problem = refused_once(step("last", function(int, user_list=int)), params=People)
    assert problem.code == "ambiguous-name"
    assert "'user', 'users'" in problem.message


def test_a_keyword_is_a_step_name_that_base_names_reach() -> None:
    p = compiled(
        step("class", function(list[int])),
        step("sizes", function(int, class_list=list[int])),
        step("last", function(int, classes=int)),
    )
    assert bound_to(p, "sizes") == [("class_list", "class", Source.STEP)]
    assert bound_to(p, "last") == [("classes", "class", Source.STEP)]


def test_an_underscore_after_a_keyword_is_explained() -> None:
    problem = refused_once(
        step("class", function(list[int])), step("last", function(int, class_=list[int]))
    )
    assert problem.code == "unknown-name"
    assert "'classes' or 'class_list'" in problem.hint


@pytest.mark.parametrize("name", ["1_load", "clean rows", "clean-rows", "a__b", ""])
def test_illegal_step_names_are_refused(name: str) -> None:
    problem = refused_once(step(name, function(int)))
    assert problem.code == "illegal-name"
    assert problem.hint


def test_duplicate_steps_are_refused_with_both_places() -> None:
    def load() -> int:
        return 1

    problem = refused_once(step("load", load), step("load", load))
    assert problem.code == "duplicate-step"
    line = load.__code__.co_firstlineno
    assert f"test_binding.py:{line}" in problem.message
    assert problem.where == f"test_binding.py:{line}"


def test_what_is_no_step_is_refused() -> None:
    problem = refused_once(function(int), step("a", function(int)))
    assert problem.code == "not-a-step"
    assert problem.subject == "steps[0]"
    assert "step('name', fn=function)" in problem.hint


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_a_pipeline_has_a_name(name: Any) -> None:
    from synaflow_core.errors import DefinitionError
    from synaflow_core.pipeline import pipeline

    with pytest.raises(DefinitionError, match="pipeline-name"):
        pipeline(name)


def test_star_parameters_are_refused() -> None:
    def greedy(count: int, **rest: int) -> int:
        return count

    problem = refused_once(step("greedy", greedy), params=Urls)
    assert problem.code == "star-parameter"
    assert problem.subject == "step 'greedy', parameter '**rest'"


def test_params_may_be_absent_or_empty() -> None:
    class Nothing(NamedTuple):
        pass

    assert compiled(step("a", function(int))).dag.params == {}
    assert compiled(step("a", function(int)), params=Nothing).dag.params == {}
    assert compiled().dag.steps == {}


@pytest.mark.parametrize("params", [dict, int, object, {"a": 1}, "P", 3, lambda: None])
def test_other_params_are_refused(params: Any) -> None:
    problem = refused_once(params=params)
    assert problem.code == "params-class"
    assert "NamedTuple" in problem.hint


def test_an_unresolvable_params_field_is_named() -> None:
    class P(NamedTuple):
        count: Missing  # noqa: F821 - that is the point

    problem = refused_once(step("a", function(int)), params=P)
    assert problem.code == "unresolvable-annotation"
    assert problem.subject == "params class 'P', field 'count'"


def test_deliveries_of_bound_names() -> None:
    p = compiled(step("last", function(int, url=str, count=int)), params=Urls)
    assert [e.delivery for e in p.dag.steps["last"].edges] == [Delivery.ITEM, Delivery.PARAM]
