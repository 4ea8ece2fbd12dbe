"""What README and docs print is true: code runs, exports look as shown, links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text("utf-8")) if kind == language]


def synaflow_export(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "synaflow_export", *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200"},  # or long options of a help are cut
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", ["how-to.md", "reference/phases.md"])
def test_pages_run_from_top_to_bottom(page: str) -> None:
    code = "\n".join(blocks(ROOT / "docs" / page, "python"))
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_tutorial_runs_when_its_blocks_are_saved_as_it_says(tmp_path: Path) -> None:
    module, script = tmp_path / "words.py", tmp_path / "try_words.py"
    module.touch()
    scripts = 0
    for block in blocks(ROOT / "docs" / "tutorial.md", "python"):
        if "from words import" in block:
            script.write_text(block, encoding="utf-8")
            subprocess.run([sys.executable, script.name], cwd=tmp_path, check=True)
            scripts += 1
        else:
            module.write_text(f"{module.read_text('utf-8')}\n\n{block}", encoding="utf-8")
            synaflow_export("plan", "words.py", cwd=tmp_path)
    assert scripts == 2
    assert "2 macro-tasks" in synaflow_export("plan", "words.py", cwd=tmp_path)


def test_readme_example_runs_and_exports_as_printed(tmp_path: Path) -> None:
    readme = ROOT / "README.md"
    example, *excerpts = blocks(readme, "python")
    (tmp_path / "sales.py").write_text(example, encoding="utf-8")
    (tmp_path / "sales.csv").write_text("a,1\nb,oops\nc,4\nd,2.5\n", encoding="utf-8")
    run_shown, export_shown = blocks(readme, "console")

    ran = synaflow_export("run", "sales.py", "--param", "path=sales.csv", cwd=tmp_path)
    numbers = re.compile(r"\b\d+\.\d\d\b|─+")  # seconds, and a line as long as the terminal allows
    shown = [numbers.sub("", line).split() for line in run_shown.splitlines()[1:]]
    assert [numbers.sub("", line).split() for line in ran.rstrip().splitlines()] == shown

    exported = synaflow_export("airflow", "sales.py", "--out", "dags", cwd=tmp_path)
    assert exported.splitlines() == export_shown.splitlines()[1:]
    dag = (tmp_path / "dags" / "sales_dag.py").read_text("utf-8")
    assert len(excerpts) == 3
    for excerpt in excerpts:
        assert textwrap.indent(excerpt, "    ") in dag


COMMANDS = "airflow argo config contract dagster html mermaid plan prefect run targets".split()


def test_command_line_reference_names_every_option() -> None:
    reference = ROOT / "docs" / "reference"
    shared = (reference / "options.md").read_text("utf-8")  # by the names that a file gives them
    for command in COMMANDS:
        pages = [reference / "cli.md", reference / f"{command}.md"]  # a target has its own
        page = shared + "".join(file.read_text("utf-8") for file in pages if file.exists())
        text = synaflow_export(command, "--help", cwd=ROOT)
        found = re.findall(r"--(?:no-)?([a-z][a-z-]+)", text.partition("Examples")[0])
        options = {f"--{name}" for name in found} - {"--help"}
        assert options, text
        untold = {option for option in options if option not in page}
        assert {o for o in untold if f"| `{o[2:].replace('-', '_')}`" not in shared} == set()
