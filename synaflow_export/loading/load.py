"""From what a user types to a contract: loads the code, picks the pipeline, says what must travel.

Order: :mod:`.locate` finds the place, :mod:`.importing` executes the code and leaves no trace, this
module picks the pipeline and takes its contract, and :mod:`.local_modules` lists the files that a
worker needs. A ``contract.json`` needs none of that: the exporter works without the user's code at
hand.

Every mistake is one :class:`LoadError` that names the line of the user's code; the user's own
exception is its ``__cause__``.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from synaflow_core.errors import ContractError, DefinitionError, Problem
from synaflow_export.loading.blame import describe, user_line
from synaflow_export.loading.importing import LocalImports, stdout_to_stderr
from synaflow_export.loading.local_modules import module_level_calls, read_source, travelling_files
from synaflow_export.loading.locate import LoadError, Place, locate
from synaflow_export.target import SourceFile, Sources

if TYPE_CHECKING:
    from synaflow_core.contract import Contract
    from synaflow_core.pipeline import Pipeline

__all__ = ["LoadError", "Loaded", "load"]

_RUNNERS = frozenset({"run", "async_run"})


@dataclass(frozen=True)
class Loaded:
    """A pipeline that was loaded.

    Attributes:
        contract: Its contract; ``contract.source`` says how a worker imports it.
        pipeline: The pipeline itself; None when only the contract was given.
        folder: Where settings for the pipeline are looked up.
        sources: What was given, and the files that must travel with an export.
        notes: What the user should know about the code and the choice made, as sentences.
        worker_notes: What workers need besides the files that travel.
        imports: The loose module's surroundings; None for an installed module or a contract.
    """

    contract: Contract
    pipeline: Pipeline | None
    sources: Sources
    folder: Path
    notes: tuple[str, ...] = ()
    worker_notes: tuple[str, ...] = ()
    imports: LocalImports | None = None

    def importable(self) -> AbstractContextManager[object]:
        """Make the loose module and its neighbours importable again, for steps that import."""
        return self.imports if self.imports is not None else contextlib.nullcontext()


def load(target: str, pipeline_name: str | None = None) -> Loaded:
    """Load the pipeline, or the contract, that ``target`` names.

    Args:
        target: ``pipe.py``, ``package.module`` (either with ``:attribute``) or ``contract.json``.
            A file's code is executed with its folder first on ``sys.path``; what it prints
            goes to stderr.
        pipeline_name: Which one, if there are several: the pipeline's name or its variable's.

    Raises:
        LoadError: If there is no such code, it raises, or it has no (one) pipeline.
        DefinitionError: If the pipeline does not compile.
        ContractError: If the JSON is not a valid contract.
    """
    place = locate(target)
    if not place.module:
        return _load_contract(place, pipeline_name)
    imports = LocalImports(place.root) if place.root is not None else None
    import msgspec

    from synaflow_core.contract import Source
    from synaflow_export.loading.choose import choose

    with imports or contextlib.nullcontext():
        module, printed = _import(place, imports)
        choice = choose(module, place, pipeline_name)
        contract = choice.pipeline.contract()
    contract = msgspec.structs.replace(
        contract, source=Source(module=place.module, attribute=choice.attribute)
    )
    files: tuple[SourceFile, ...] = ()
    worker_notes = []
    if imports is not None and place.file is not None:
        files = tuple(_sources(place, imports))
    elif place.target.endswith(".py"):
        worker_notes.append(
            f"{place.target} is installed here as '{place.module}' and is referenced by that name: "
            "workers need it installed, too"
        )
    argument = place.argument + (f":{place.attribute}" if place.attribute else "")
    sources = Sources(argument, files, pipeline_name)
    notes = [*([choice.note] if choice.note else []), *_import_notes(place, module, printed)]
    return Loaded(
        contract, choice.pipeline, sources, place.folder, tuple(notes), tuple(worker_notes), imports
    )


def _load_contract(place: Place, pipeline_name: str | None) -> Loaded:
    from synaflow_core.contract import Contract

    assert place.file is not None
    try:
        contract = Contract.from_json(place.file.read_bytes())
    except OSError as error:
        raise LoadError.one(
            place.target, place.shown, "unreadable", describe(error), "check the file's permissions"
        ) from error
    except ContractError as error:
        title = f"{place.target} is not a valid contract"
        hint = "make it again: synaflow-export contract pipe.py > contract.json"
        problems = [
            Problem(place.shown, p.where or p.subject, p.code, p.message, p.hint or hint)
            for p in error.problems
        ]
        raise ContractError(title, problems) from error
    if pipeline_name not in (None, contract.name):
        raise LoadError.one(
            place.target,
            place.shown,
            "unknown-pipeline",
            f"the contract is of pipeline '{contract.name}', not of '{pipeline_name}'",
            "drop --pipeline, or give the contract of that pipeline",
        )
    notes = []
    if contract.source is not None:
        notes.append(
            f"workers import the code as module '{contract.source.module}', which must be "
            "installed there: a contract holds no code"
        )
    sources = Sources(place.argument)
    return Loaded(contract, None, sources, place.folder, worker_notes=tuple(notes))


def _import(place: Place, imports: LocalImports | None) -> tuple[ModuleType, bool]:
    """Execute the module; also returns whether it printed anything."""
    arguments, sys.argv = sys.argv, [place.target]
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # leave no trace
    try:
        with stdout_to_stderr() as output:
            if imports is not None and place.file is not None:
                module = imports.import_file(place.module, place.file)
            else:
                module = importlib.import_module(place.module)
    except DefinitionError:
        raise  # says everything itself
    except (Exception, SystemExit) as error:
        raise _raised(error, place) from error
    finally:
        sys.argv, sys.dont_write_bytecode = arguments, bytecode
    return module, output.used


def _raised(error: BaseException, place: Place) -> LoadError:
    line = user_line(error, place.root) or place.shown
    traceback = "(--traceback shows how it came there)"
    message = describe(error)
    hint = f"mend it there; the file is executed to find its pipelines {traceback}"
    if isinstance(error, SystemExit):
        message = f"the file ended the program while it was imported ({message})"
        hint = "move what runs as a script under `if __name__ == '__main__':`"
    elif isinstance(error, ModuleNotFoundError) and error.name:
        hint = (
            f"install '{error.name.partition('.')[0]}' here; a module of your own must stand in "
            f"the folder of {place.shown} {traceback}"
        )
    elif isinstance(error, SyntaxError):
        hint = "mend the syntax there"
    return LoadError.one(place.target, line, "raised-on-import", message, hint)


def _sources(place: Place, imports: LocalImports) -> Iterator[SourceFile]:
    assert place.file is not None
    for file in travelling_files(place.module, place.file, imports):
        relative = file.relative_to(imports.root).as_posix()
        try:
            yield SourceFile(relative, read_source(file))
        except (OSError, SyntaxError) as error:
            raise LoadError.one(
                place.target,
                relative,
                "unreadable-source",
                f"the file cannot be copied for the workers: {describe(error)}",
                "save it as UTF-8",
            ) from error


def _import_notes(place: Place, module: ModuleType, printed: bool) -> Iterator[str]:
    """What importing the module does besides defining a pipeline: each worker imports it, too."""
    file = getattr(module, "__file__", None)
    lines = module_level_calls(Path(file), _RUNNERS) if file else ()
    guard = "put that under `if __name__ == '__main__':`"
    here = "here (see stderr)" if printed else "here"
    if lines:
        line = f"{place.shown}:{lines[0]}"
        yield f"{line} runs a pipeline whenever it is imported, {here} and by every task; {guard}"
    elif printed:
        yield f"{place.shown} prints when it is imported, {here} and by every task; {guard}"
