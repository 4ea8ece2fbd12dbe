from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaflow_core.naming import Scope, base_name, name_trouble

SAME_DATASET = [
    ("users", ["user", "user_list", "users_list", "user_set", "users_dict", "user_tuple"]),
    ("people", ["person", "person_list", "people_set"]),
    ("statuses", ["status", "status_list"]),
    ("addresses", ["address"]),
    ("classes", ["class", "class_list"]),
    ("analyses", ["analysis"]),
    ("queries", ["query"]),
    ("children", ["child"]),
    ("women", ["woman"]),
    ("humans", ["human"]),
    ("germans", ["german"]),
    ("buses", ["bus"]),
    ("gases", ["gas"]),
    ("bonuses", ["bonus"]),
    ("viruses", ["virus"]),
    ("indices", ["index", "indexes"]),
    ("matrices", ["matrix"]),
    ("leaves", ["leaf"]),
    ("heroes", ["hero"]),
    ("feet", ["foot"]),
    ("geese", ["goose"]),
    ("criteria", ["criterion"]),
    ("phenomena", ["phenomenon"]),
    ("lenses", ["lens"]),
    ("cpus", ["cpu"]),
    ("menus", ["menu"]),
    ("skus", ["sku"]),
    ("raw_log_lines", ["raw_log_line", "raw_log_line_list"]),
    ("log_entries", ["log_entry", "log_entries"]),
]


@pytest.mark.parametrize(("base", "names"), SAME_DATASET, ids=[base for base, _ in SAME_DATASET])
def test_these_names_mean_the_same_dataset(base: str, names: list[str]) -> None:
    assert {base_name(name) for name in [base, *names]} == {base}


@pytest.mark.parametrize(
    "name",
    [
        "data",
        "news",
        "series",
        "species",
        "info",
        "metadata",
        "feedback",
        "staff",
        "s1",
        "step_12",
        "utf8",
        "v2_0",
    ],
)
def test_these_names_have_no_other_form(name: str) -> None:
    assert base_name(name) == name


@pytest.mark.parametrize("name", ["_list", "_dict", "_", "__", "list", "dict", ""])
def test_a_suffix_alone_is_not_stripped_to_nothing(name: str) -> None:
    assert base_name(name) or name == ""


def test_only_one_suffix_is_stripped() -> None:
    assert base_name("user_list_set") == "user_lists"


@given(st.from_regex(r"[a-z]{1,8}(_[a-z0-9]{1,6}){0,2}", fullmatch=True))
def test_a_base_name_is_an_identifier(name: str) -> None:
    assert base_name(name).isidentifier()


@given(
    st.from_regex(r"[a-z]{1,8}(_[a-z0-9]{1,6}){0,2}", fullmatch=True),
    st.sampled_from(["_list", "_set", "_dict", "_tuple"]),
)
def test_a_container_suffix_never_changes_the_dataset(name: str, suffix: str) -> None:
    if not name.endswith(("_list", "_set", "_dict", "_tuple")):
        assert base_name(name + suffix) == base_name(name)


@pytest.mark.parametrize("name", ["a", "clean_rows", "Users", "_private", "größe", "step_1"])
def test_identifiers_are_legal(name: str) -> None:
    assert name_trouble(name) is None


@pytest.mark.parametrize("name", keyword.kwlist)
def test_keywords_are_legal_step_names(name: str) -> None:
    assert name_trouble(name) is None


@pytest.mark.parametrize(
    ("name", "reason", "suggestion"),
    [
        ("1_load", "starts with a digit", "call it 'load_1'"),
        ("42", "starts with a digit", "call it 'step_42'"),
        ("clean rows", "spaces or hyphens", "call it 'clean_rows'"),
        ("clean-rows", "spaces or hyphens", "call it 'clean_rows'"),
        ("inc__rows", "reserved", "call it 'inc_rows'"),
        ("a.b", "not a Python identifier", "call it 'a_b'"),
        ("", "empty", "dataset"),
        ("!!", "not a Python identifier", "letters"),
        ("ﬁle", "not a Python identifier", "call it 'file'"),
        (7, "must be a str", "text"),
        (None, "must be a str", "text"),
    ],
)
def test_illegal_names_come_with_a_reason_and_a_suggestion(
    name: object, reason: str, suggestion: str
) -> None:
    trouble = name_trouble(name)
    assert trouble is not None
    assert reason in trouble[0]
    assert suggestion in trouble[1]


@given(st.text(max_size=30))
def test_a_suggested_name_is_legal(name: str) -> None:
    trouble = name_trouble(name)
    if trouble and trouble[1].startswith("call it '"):
        assert name_trouble(trouble[1].removeprefix("call it '")[:-1]) is None


def test_scope_spells_compiled_names() -> None:
    assert Scope("sub")("validate") == "sub__validate"
    assert Scope("outer", "sub")("validate") == "outer__sub__validate"
    assert Scope("outer").scope("sub")("validate") == "outer__sub__validate"
    assert str(Scope("outer", "sub")) == "outer__sub"
    assert Scope("a") == Scope("a")


@pytest.mark.parametrize("path", [(), ("",), ("a", "")])
def test_a_scope_needs_names(path: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="Scope"):
        Scope(*path)
