"""Exports where Dagster users keep them: in a ``dg`` project, on the command line, on a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.targets.airflow.test_running import LINEAR
from tests.targets.dagster.running import DefsFolder
from tests.targets.dagster.server import BIN, dagster_home, environment, serving
from tests.targets.dagster.test_shards import SQUARES

DOWNSTREAM = """
    import dagster as dg


    @dg.asset(ins={"squares": dg.AssetIn(["linear", "squares"])})
    def biggest(squares: list) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"biggest": max(squares)})
"""


def test_in_a_dg_project_the_folder_is_found_and_the_users_source_is_left_alone(
    defs: DefsFolder, tmp_path: Path
) -> None:
    files = {
        "pyproject.toml": """
            [tool.dg]
            directory_type = "project"

            [tool.dg.project]
            root_module = "acme"
        """,
        "acme/__init__.py": "",
        "acme/definitions.py": """
            from pathlib import Path

            import dagster as dg


            @dg.definitions
            def defs():
                return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
        """,
        "acme/defs/__init__.py": "",
        "acme/defs/downstream.py": DOWNSTREAM,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))
    defs.folder = tmp_path / "acme" / "defs"
    tell = "\n    print('imported', __name__)\n"
    for name in ("linear", "other"):
        defs.export(LINEAR.replace('"linear"', f'"{name}"') + tell)

    code = """
        import dagster as dg
        from acme.definitions import defs
        found = defs()
        keys = found.resolve_asset_graph().get_all_asset_keys()
        print("keys", *sorted(key.to_user_string() for key in keys))
        with dg.instance_for_test() as instance:
            job = dg.define_asset_job("all", selection='group:"linear" or key:"biggest"')
            merged = dg.Definitions.merge(found, dg.Definitions(jobs=[job]))
            done = merged.resolve_job_def("all").execute_in_process(
                instance=instance,
                run_config={"resources": {"linear_params": {"config": {"count": 8}}}},
            )
        (event,) = done.asset_materializations_for_node("biggest")
        print("biggest", event.metadata["biggest"].value)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    assert done.returncode == 0, done.stderr
    keys, *rest = done.stdout.splitlines()
    assert keys.split()[1:] == [
        "biggest",
        *(
            f"{name}/{part}"
            for name in ("linear", "other")
            for part in ("odds", "squares", "total")
        ),
    ]
    assert rest == ["imported pipe"] * 3 + ["biggest 49"]  # by two tasks, and to read the rows


def test_on_the_command_line_each_step_and_each_shard_is_a_process(
    defs: DefsFolder, home: Path
) -> None:
    exported = defs.export(SQUARES, concurrency=2, shard_steps=True)
    config = home / "config.yaml"
    params = {"count": 10, "folder": str(home)}
    config.write_text(json.dumps(exported.config(params)))  # JSON is YAML
    done = subprocess.run(
        [
            str(BIN / "dagster"),
            *("job", "execute", "-f", str(exported.file), "-j", "squares"),
            *("--config", str(config)),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=environment(home),
    )
    assert done.returncode == 0, done.stderr
    assert "RUN_SUCCESS" in done.stderr
    assert "step 'squares': ok, 8 done, 2 errors" in done.stderr
    assert len([name for name in home.iterdir() if name.name.isdecimal()]) == 3  # processes
    (manifest,) = (defs.store / "squares").rglob("total/manifest.json")
    assert json.loads(manifest.read_bytes())["count"] == 1


@pytest.mark.slow
def test_on_a_server_a_run_is_launched_from_its_typed_form(defs: DefsFolder, home: Path) -> None:
    exported = defs.export(LINEAR, executor="in_process")
    with serving(exported.file, home) as server:
        refused = server.launch("linear", exported.config({"count": "ten"}))
        assert refused["__typename"] == "RunConfigValidationInvalid"
        assert "Int" in refused["errors"][0]["message"]

        run = server.launch("linear", exported.config({"count": 10}))
        assert server.finished(run["run"]["runId"]) == "SUCCESS"

        nodes = {
            "/".join(node["assetKey"]["path"]): node for node in server.ask(ASSETS)["assetNodes"]
        }
        assert set(nodes) == {"linear/odds", "linear/total", "linear/squares"}
        odds = nodes["linear/odds"]
        assert (odds["groupName"], odds["staleStatus"]) == ("linear", "FRESH")
        (event,) = odds["assetMaterializations"]
        told = {entry["label"]: entry for entry in event["metadataEntries"]}
        assert told["dagster/row_count"]["intValue"] == 5
        assert [json.loads(row)["step"] for row in told["steps"]["table"]["records"]] == [
            "numbers",
            "odds",
            "total",
        ]
        form = server.ask(FORM, selector=server.selector("linear"))["runConfigSchemaOrError"]
        filled_in = "resources:\n  linear_params:\n    config:\n      double: false\n"
        assert form["rootDefaultYaml"] == filled_in  # the required param is asked for


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of Dagster of its own."""
    return dagster_home(tmp_path)


ASSETS = """
{
  assetNodes {
    assetKey { path } groupName staleStatus
    assetMaterializations(limit: 1) {
      metadataEntries {
        label
        ... on IntMetadataEntry { intValue }
        ... on TableMetadataEntry { table { records } }
      }
    }
  }
}
"""

FORM = """
query($selector: PipelineSelector!) {
  runConfigSchemaOrError(selector: $selector) { ... on RunConfigSchema { rootDefaultYaml } }
}
"""
