"""The page: everything is on it, nothing of it is code, boxes never overlap, and it opens."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaflow_core import pipeline, step
from synaflow_export.loading.load import load
from synaflow_export.plan import make_plan
from synaflow_export.target import Export, Sources, get_target
from synaflow_export.targets.html.layout import place

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
VOID = {"meta", "input", "rect", "circle", "path", "br"}


class Page(HTMLParser):
    """Texts and tags of a page; fails on a tag that is closed wrongly."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:  # a browser writes </path>
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def attributes(self, name: str) -> list[str | None]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def page_of(contract: Any, sources: Sources | None = None) -> str:
    target = get_target("html")
    export = Export(
        make_plan(contract), contract, target.make_options({}), sources or Sources("pipe.py")
    )
    (file,) = target.view(export)
    assert target.view(export) == (file,)
    return file.text


@pytest.fixture(scope="module")
def web_logs() -> str:
    loaded = load(str(ROOT / "examples" / "web_logs" / "pipe.py"))
    return page_of(loaded.contract, loaded.sources)


def test_everything_is_on_the_page(web_logs: str) -> None:
    page = Page(web_logs)
    contract = load(str(ROOT / "examples" / "web_logs" / "pipe.py")).contract
    assert page.attributes("data-name") == list(contract.steps)
    told = " ".join(" ".join(page.texts).split())
    for name, one in contract.steps.items():
        assert f"step {name} {one.doc}".strip() in told
    assert "def clients(hits: Iterator[Hit]) -> Generator[str, None, None]:" in told
    for field in contract.params:
        assert field in told
    curves = [(a["data-from"], a["data-to"]) for tag, a in page.tags if tag == "path"]
    links = [dep for one in contract.steps.values() for dep in one.deps if dep in contract.steps]
    assert len(curves) == len(links)


def test_the_page_needs_nothing_else(web_logs: str) -> None:
    assert not re.findall(r"""(?:src|href|@import|url\()\s*=?\s*["'(]?""", web_logs)
    assert [tag for tag, _ in Page(web_logs).tags if tag in ("link", "img", "iframe")] == []


HOSTILE = "</script><script>alert(1)</script>\"' {{ 7 * 7 }} {% raw %} & <b>"


def test_names_are_text(tmp_path: Path) -> None:
    def first() -> int:
        return 1

    made = pipeline(HOSTILE, steps=[step("first", first)], description=HOSTILE)
    text = page_of(made.contract())
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert page.texts.count(HOSTILE) >= 2
    assert page.attributes("content")[-1] == f"synaflow-export html: {HOSTILE}"


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, float], list[tuple[str, str]]]:
    count = draw(st.integers(1, 12))
    pairs = list(combinations(range(count), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    heights = draw(st.lists(st.integers(30, 300), min_size=count, max_size=count))
    return {str(n): float(h) for n, h in enumerate(heights)}, [(str(a), str(b)) for a, b in edges]


@given(graphs())
def test_boxes_never_overlap_and_edges_run_to_the_right(
    graph: tuple[dict[str, float], list[tuple[str, str]]],
) -> None:
    heights, edges = graph
    placed = place(heights, edges, box_width=100, column_gap=40)
    for one, other in combinations(heights, 2):
        (x, y), (u, v) = placed.boxes[one], placed.boxes[other]
        assert x != u or y + heights[one] <= v + 1e-6 or v + heights[other] <= y + 1e-6
    for first, last in edges:
        crossed = [placed.boxes[first][0], *(x for x, _ in placed.waypoints[first, last])]
        assert [
            b - a for a, b in zip(crossed, [*crossed[1:], placed.boxes[last][0]], strict=True)
        ] == [140] * len(crossed)
        for x, y in placed.waypoints[first, last]:  # between the boxes, not behind them
            for name, (u, v) in placed.boxes.items():
                assert x != u or not v < y < v + heights[name]
    assert placed == place(heights, edges, box_width=100, column_gap=40)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to open the page with")
def test_a_browser_opens_the_page_and_chooses_a_step(web_logs: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(web_logs, encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    command = [
        str(CHROMIUM),
        *flags.split(),
        "--disable-component-update",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        f"file://{tmp_path}/page.html#step=clients",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    page = Page(done.stdout)
    chosen = [a for _, a in page.tags if "chosen" in (a.get("class") or "").split()]
    steps = {a["data-step"]: a for _, a in page.tags if "data-name" in a}
    (number,) = (n for n, a in steps.items() if a["data-name"] == "clients")
    assert [a["id"] for a in chosen] == [f"step-{number}"]
    marked = {a["data-name"] for a in steps.values() if "on" in (a["class"] or "").split()}
    assert marked == {"lines", "hits", "clients", "lookups", "owners", "report", "summary"}
