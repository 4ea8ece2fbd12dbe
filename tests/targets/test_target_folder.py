"""Writing generated files into a folder where other things live, and comparing with it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from synaflow_core.errors import ExportError
from synaflow_export.files.check import compare
from synaflow_export.files.generated import Editable, GeneratedFile, Role, manifest_file
from synaflow_export.files.write import write_files

BLOCK = Editable("# --- begin", "# --- end")


def dag_text(retries: int = 2, body: str = "use(RETRIES)") -> str:
    return f"from x import use\n# --- begin\nRETRIES = {retries}  # tries\n# --- end\n\n{body}\n"


def export(
    retries: int = 2,
    body: str = "use(RETRIES)",
    sources: dict[str, str] | None = None,
    pipeline: str = "p",
    id: str = "p",
) -> tuple[GeneratedFile, ...]:
    files = [
        GeneratedFile(f"p/src/{name}", text)
        for name, text in (sources or {"a.py": "A = 1\n"}).items()
    ]
    dag = GeneratedFile("p_dag.py", dag_text(retries, body), editable=BLOCK)
    manifest = manifest_file("p", "airflow", pipeline, id, [*files, dag])
    ignored = GeneratedFile(".airflowignore", "# ours\np/\n", Role.SHARED)
    return (ignored, *files, manifest, dag)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_first_export_makes_the_folder_and_everything_in_it(tmp_path: Path) -> None:
    out = tmp_path / "new" / "dags"
    written = write_files(export(), out)

    assert set(written.created) == {".airflowignore", "p/src/a.py", "p/export.json", "p_dag.py"}
    assert set(tree(out)) == set(written.created)
    assert tree(out)["p_dag.py"].decode() == dag_text()


def test_exporting_twice_changes_nothing(tmp_path: Path) -> None:
    write_files(export(), tmp_path)
    before = {path: (tmp_path / path).stat().st_mtime_ns for path in tree(tmp_path)}

    assert compare(export(), tmp_path) == []
    written = write_files(export(), tmp_path)

    assert (written.created, written.updated, written.removed) == ((), (), ())
    assert {path: (tmp_path / path).stat().st_mtime_ns for path in tree(tmp_path)} == before


def test_a_new_version_replaces_the_old_and_removes_what_is_no_longer_needed(
    tmp_path: Path,
) -> None:
    write_files(export(sources={"a.py": "A = 1\n", "sub/b.py": "B = 1\n"}), tmp_path)
    new = export(body="use(RETRIES + 1)", sources={"a.py": "A = 2\n"})

    assert {(d.path, d.kind) for d in compare(new, tmp_path)} == {
        ("p/src/a.py", "changed"),
        ("p/src/sub/b.py", "stale"),
        ("p/export.json", "changed"),
        ("p_dag.py", "changed"),
    }
    written = write_files(new, tmp_path)

    assert written.removed == ("p/src/sub/b.py",)
    assert not (tmp_path / "p/src/sub").exists()
    assert (tmp_path / "p/src/a.py").read_text() == "A = 2\n"
    assert compare(new, tmp_path) == []


def test_edits_in_the_editable_block_are_no_difference_and_survive(tmp_path: Path) -> None:
    write_files(export(), tmp_path)
    dag = tmp_path / "p_dag.py"
    dag.write_text(dag_text(retries=7).replace("# tries", "# flaky source"))

    assert compare(export(), tmp_path) == []
    written = write_files(export(body="use(RETRIES, 1)"), tmp_path)

    assert written.kept_edits == ("p_dag.py",)
    assert "RETRIES = 7  # flaky source" in dag.read_text()
    assert "use(RETRIES, 1)" in dag.read_text()
    # ... and again, now that the manifest was written after the edit
    write_files(export(body="use(RETRIES, 2)"), tmp_path)
    assert "RETRIES = 7  # flaky source" in dag.read_text()


def test_an_unedited_block_follows_the_options(tmp_path: Path) -> None:
    write_files(export(retries=2), tmp_path)
    write_files(export(retries=4), tmp_path)
    assert (tmp_path / "p_dag.py").read_text() == dag_text(retries=4)


@pytest.mark.parametrize(
    ("block", "name"),
    [("TRIES = 1", "RETRIES"), ("RETRIES = timedelta(1)", "timedelta"), ("RETRIES = (", "valid")],
)
def test_a_block_that_no_longer_fits_is_told_not_lost(
    tmp_path: Path, block: str, name: str
) -> None:
    write_files(export(), tmp_path)
    dag = tmp_path / "p_dag.py"
    dag.write_text(dag_text().replace("RETRIES = 2  # tries", block))
    before = tree(tmp_path)

    with pytest.raises(ExportError, match=name) as caught:
        write_files(export(body="use(RETRIES, 1)"), tmp_path)

    assert [problem.code for problem in caught.value.problems] == ["block-does-not-fit"]
    assert tree(tmp_path) == before


def test_an_edit_elsewhere_stops_the_export_until_it_is_forced(tmp_path: Path) -> None:
    write_files(export(), tmp_path)
    dag = tmp_path / "p_dag.py"
    dag.write_text(dag_text() + "use(1)\n")
    new = export(sources={"a.py": "A = 2\n"})
    before = tree(tmp_path)

    assert ("p_dag.py", "edited") in {(d.path, d.kind) for d in compare(new, tmp_path)}
    with pytest.raises(ExportError, match=r"(?s)p_dag.py: the file was edited .* --force"):
        write_files(new, tmp_path)
    assert tree(tmp_path) == before

    write_files(new, tmp_path, force=True)
    assert dag.read_text() == dag_text()


def test_a_formatter_may_run_over_the_folder(tmp_path: Path) -> None:
    write_files(export(), tmp_path)
    dag = tmp_path / "p_dag.py"
    laid_out_anew = dag_text().replace("use(RETRIES)", "use(\n    RETRIES,\n)")
    dag.write_text(laid_out_anew)

    assert compare(export(), tmp_path) == []
    write_files(export(), tmp_path)
    assert dag.read_text() == laid_out_anew
    write_files(export(body="use(RETRIES, 1)"), tmp_path)
    assert dag.read_text() == dag_text(body="use(RETRIES, 1)")


def test_a_change_inside_a_string_is_an_edit_even_if_it_is_only_white_space(
    tmp_path: Path,
) -> None:
    write_files(export(body="use('a b')"), tmp_path)
    differences = compare(export(body="use('ab')"), tmp_path)
    assert {(d.path, d.kind) for d in differences} == {("p_dag.py", "changed")}


def test_foreign_files_are_never_overwritten_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "p_dag.py").write_text("print('somebody else')\n")

    with pytest.raises(ExportError, match=r"p_dag.py.*was not generated") as caught:
        write_files(export(), tmp_path)
    assert caught.value.problems[0].code == "not-generated"
    assert set(tree(tmp_path)) == {"p_dag.py"}

    write_files(export(), tmp_path, force=True)
    assert (tmp_path / "p_dag.py").read_text() == dag_text()


@pytest.mark.parametrize(("pipeline", "id"), [("other", "p"), ("p", "other")])
def test_a_folder_of_another_export_is_refused(tmp_path: Path, pipeline: str, id: str) -> None:
    write_files(export(pipeline=pipeline, id=id), tmp_path)
    before = tree(tmp_path)
    with pytest.raises(ExportError, match="another id") as caught:
        write_files(export(body="use(RETRIES, 1)"), tmp_path)
    assert "folder-taken" in {problem.code for problem in caught.value.problems}
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "# ours\np/\n"),
        ("other/\n", "other/\n# ours\np/\n"),
        ("other/", "other/\n# ours\np/\n"),
        ("# ours\nq/\n", "# ours\nq/\np/\n"),
        ("x\n  p/  \ny", "x\n  p/  \ny"),
    ],
)
def test_shared_files_gain_lines_and_lose_none(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / ".airflowignore").write_text(before)
    write_files(export(), tmp_path)
    assert (tmp_path / ".airflowignore").read_text() == after
    assert compare(export(), tmp_path) == []
    write_files(export(), tmp_path, force=True)
    assert (tmp_path / ".airflowignore").read_text() == after


def test_a_folder_where_a_file_should_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "p_dag.py").mkdir()
    with pytest.raises(ExportError, match=r"p_dag\.py"):
        write_files(export(), tmp_path)
    assert tree(tmp_path) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_one_clear_error(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(ExportError, match="cannot-write"):
            write_files(export(), locked / "dags")
    finally:
        locked.chmod(stat.S_IRWXU)
    assert tree(locked) == {}


def test_a_file_where_the_folder_should_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "dags").write_text("a file")
    with pytest.raises(ExportError, match="--out"):
        write_files(export(), tmp_path / "dags")
    assert tree(tmp_path) == {"dags": b"a file"}


def test_a_rename_that_fails_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(export(), tmp_path)
    before = tree(tmp_path)
    real, calls = os.replace, []

    def failing(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 3:
            raise OSError(28, "No space left on device", str(target))
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    new = export(body="use(RETRIES, 1)", sources={"b.py": "B = 1\n"})
    with pytest.raises(ExportError, match="No space left"):
        write_files(new, tmp_path)
    monkeypatch.undo()

    assert tree(tmp_path) == before


def test_a_damaged_manifest_is_told_and_force_gets_past_it(tmp_path: Path) -> None:
    write_files(export(), tmp_path)
    (tmp_path / "p/export.json").write_text('{"files": 3')
    with pytest.raises(ExportError, match=r"export\.json"):
        write_files(export(), tmp_path)
    write_files(export(), tmp_path, force=True)
    assert compare(export(), tmp_path) == []


def test_a_manifest_cannot_make_us_remove_files_elsewhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("precious")
    out = tmp_path / "dags"
    write_files(export(), out)
    manifest = out / "p/export.json"
    manifest.write_text(manifest.read_text().replace("p/src/a.py", "../victim.txt"))
    with pytest.raises(ExportError, match=r"export\.json"):
        write_files(export(sources={"c.py": ""}), out)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.py", "a/../../x.py", "", "a\\..\\b"])
def test_generated_files_stay_below_the_folder(path: str) -> None:
    with pytest.raises(ValueError, match="below the target folder"):
        GeneratedFile(path, "")


def test_line_ends_and_permissions_are_kept(tmp_path: Path) -> None:
    write_files(export(sources={"a.py": "A = 1\r\nB = 2\r\n"}), tmp_path)
    place = tmp_path / "p/src/a.py"
    assert place.read_bytes() == b"A = 1\r\nB = 2\r\n"
    place.chmod(0o640)
    write_files(export(sources={"a.py": "A = 2\r\n"}), tmp_path)
    assert stat.S_IMODE(place.stat().st_mode) == 0o640


def test_a_difference_is_shown_as_a_diff(tmp_path: Path) -> None:
    write_files(export(), tmp_path)
    (found,) = [d for d in compare(export(retries=3), tmp_path) if d.path == "p_dag.py"]
    assert "-RETRIES = 2  # tries\n+RETRIES = 3  # tries\n" in found.diff
    (missing,) = [d for d in compare(export(), tmp_path / "none") if d.path == "p/src/a.py"]
    assert (missing.kind, missing.diff) == (
        "missing",
        "--- /dev/null\n+++ generated/p/src/a.py\n@@ -0,0 +1 @@\n+A = 1\n",
    )


def test_a_folder_with_files_of_others_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "my_dag.py").write_text("mine = True\n")
    with pytest.raises(ExportError, match=r"p/my_dag"):
        write_files(export(), tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["my_dag.py", "p"]
    write_files(export(), tmp_path, force=True)
    assert (tmp_path / "p" / "my_dag.py").read_text() == "mine = True\n"
