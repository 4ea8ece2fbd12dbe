"""Runs a generated workflow without Kubernetes: every container as a process, in the DAG's order.

It is no Argo. It does what Argo's documentation says of the few things that our workflows use:
``dependencies``, text in double braces, output parameters from files, and ``retryStrategy``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
_BRACES = re.compile(r"\{\{([^{}]+)\}\}")


@dataclass
class Run:
    """One run of a workflow.

    Attributes:
        folder: The folder of the export; its image folder is read in place.
        name: Name of the run.
        parameters: Values that differ from the defaults.
        outputs: ``task.parameter`` -> what a task gave.
        tries: Task -> exit codes, one per try.
        logs: Task -> all that it printed.
    """

    folder: Path
    name: str
    parameters: dict[str, str]
    outputs: dict[str, str] = field(default_factory=dict)
    tries: dict[str, list[int]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)

    def start(self, file: str) -> bool:
        """Run it; returns whether it succeeded."""
        document: Any = yaml.safe_load((self.folder / file).read_text(encoding="utf-8"))
        spec = document["spec"]
        defaults = {p["name"]: p.get("value") for p in spec["arguments"]["parameters"]}
        known = {f"workflow.parameters.{k}": v for k, v in {**defaults, **self.parameters}.items()}
        missing = [name for name, value in known.items() if value is None]
        assert not missing, f"required: {missing}"
        templates = {template["name"]: template for template in spec["templates"]}
        done: set[str] = set()
        for task in templates[spec["entrypoint"]]["dag"]["tasks"]:
            if not set(task.get("dependencies", ())) <= done:
                continue
            given = task.get("arguments", {}).get("parameters", ())
            values = {p["name"]: self._filled(p["value"], known | self._done()) for p in given}
            if self._run(task["name"], templates[task["template"]], known, values):
                done.add(task["name"])
        return len(done) == len(templates) - 1

    def _done(self) -> dict[str, str]:
        return {
            f"tasks.{task}.outputs.parameters.{name}": value
            for key, value in self.outputs.items()
            for task, _, name in [key.partition(".")]
        }

    def _run(self, task: str, template: Any, known: dict[str, str], inputs: dict[str, str]) -> bool:
        declared = {p["name"] for p in template.get("inputs", {}).get("parameters", ())}
        assert declared == set(inputs)
        values = {**known, "workflow.name": self.name}
        values |= {f"inputs.parameters.{name}": value for name, value in inputs.items()}
        container = template["container"]
        out = self.folder / "pods" / task
        arguments = [self._filled(a, values) for a in container["args"]]
        # a pod has its own /tmp and the image; here both are folders
        arguments = [
            a.replace("/tmp/synaflow", str(out)).replace("/synaflow/", f"{self.folder}/", 1)
            if a.startswith(("--output=", "--report=", "/synaflow/"))
            else a
            for a in arguments
        ]
        env = {e["name"]: self._filled(e["value"], values) for e in container["env"]}
        command = [sys.executable, *container["command"][1:], *arguments]
        limit = int(template["retryStrategy"]["limit"])
        for _ in range(1 + limit):
            done = subprocess.run(
                command,
                env={**os.environ, **env, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=False,
            )
            self.logs[task] = self.logs.get(task, "") + done.stdout + done.stderr
            self.tries.setdefault(task, []).append(done.returncode)
            if done.returncode == 0:
                break
            if done.returncode == 64:  # as the expression of the strategy says
                return False
        else:
            return False
        for parameter in template["outputs"]["parameters"]:
            source = parameter["valueFrom"]
            path = Path(source["path"].replace("/tmp/synaflow", str(out)))
            text = path.read_text(encoding="utf-8") if path.exists() else source["default"]
            self.outputs[f"{task}.{parameter['name']}"] = text
        return True

    @staticmethod
    def _filled(text: str, values: dict[str, str]) -> str:
        return _BRACES.sub(lambda found: values[found[1]], text)
