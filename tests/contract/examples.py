"""The documents under ``contract/examples/``, as the code makes them.

``python -m tests.contract.examples`` writes them anew; the change is reviewed like code.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from synaflow_core.contract import Contract, Source, contract_of

FOLDER = Path(__file__).resolve().parents[2] / "contract" / "examples"
PIPELINES = {"quickstart": "my_pipeline", "orders": "daily_orders"}
"""Example -> variable of the pipeline in ``pipelines/<example>.py``."""


def example(name: str) -> Contract:
    """Compile an example, loaded under its own name, as a user's loose file would be."""
    if name not in sys.modules:
        file = Path(__file__).parent / "pipelines" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    attribute = PIPELINES[name]
    compiled = getattr(sys.modules[name], attribute)
    return contract_of(compiled.dag, source=Source(module=name, attribute=attribute))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in PIPELINES:
        (FOLDER / f"{each}.json").write_bytes(example(each).to_json())
