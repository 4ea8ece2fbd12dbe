"""The files around the code: sizes, versions, constraints."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tools.check_sizes import HARD_LIMIT, line_counts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_no_source_file_holds_more_than_one_concept() -> None:
    counts = line_counts()
    assert len(counts) > 20, "the packages were not found"
    assert [name for name, lines in counts.items() if lines > HARD_LIMIT] == []


OWN_CONSTRAINTS = {"cluster": "constraints-cluster.txt", "airflow2": "constraints-airflow2.txt"}
"""Extras that are installed into an environment of their own."""


@pytest.mark.parametrize("name", ["constraints.txt", *OWN_CONSTRAINTS.values()])
def test_constraints_are_exact_versions_without_addresses(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    pin = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ; [a-z_]+ .+)?")
    assert [line for line in pins if not pin.fullmatch(line)] == []
    assert pins == sorted(pins)


@pytest.mark.parametrize("own", [None, *OWN_CONSTRAINTS])
def test_constraints_pin_every_direct_dependency(project: dict[str, Any], own: str | None) -> None:
    text = (ROOT / OWN_CONSTRAINTS.get(own or "", "constraints.txt")).read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))
    wanted = [*project["dependencies"]]
    for extra, requirements in project["optional-dependencies"].items():
        if own == extra or (own is None and extra not in OWN_CONSTRAINTS):
            wanted += requirements
    names = {re.split(r"[<>=\[ ]", requirement)[0].lower() for requirement in wanted}
    assert names - {"synaflow-export"} - pinned == set()


def test_plain_install_brings_no_orchestrator(project: dict[str, Any]) -> None:
    names = {re.split(r"[<>=\[ ]", requirement)[0] for requirement in project["dependencies"]}
    assert names.isdisjoint({"apache-airflow", "prefect", "dagster", "dagster-webserver"})


def test_extras_are_the_documented_ones(project: dict[str, Any]) -> None:
    assert {"airflow", "prefect", "dagster", "all", "dev"} <= set(project["optional-dependencies"])
