"""Which files must travel with a loose ``pipe.py``: the modules of its own folder that it imports.

Two sources of truth are joined: the import statements of each file, followed transitively with
the import system's own path finder (so that imports inside functions count), and the modules that
were in fact imported while the file was loaded (so that ``importlib.import_module(name)`` counts).
Modules found elsewhere are installed packages: they are referenced by name and stay where they are.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import tokenize
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from synaflow_export.loading.importing import LocalImports
from synaflow_export.text.pyname import TAKEN_MODULES

__all__ = ["module_level_calls", "read_source", "travelling_files"]


def travelling_files(name: str, file: Path, imports: LocalImports) -> tuple[Path, ...]:
    """Find the files that a loose module needs on a worker.

    Args:
        name: The module's name, such as ``pipe`` or ``shop.pipe``.
        file: The module's file.
        imports: What was entered while the module was loaded.

    Returns:
        Python files below ``imports.root``, the module's own included, sorted.
    """
    found: dict[Path, str] = {}
    waiting = [(name, file), *_prefixes(name, imports), *_imported(imports)]
    while waiting:
        module_name, module_file = waiting.pop()
        if module_file in found:
            continue
        found[module_file] = module_name
        for imported in _imports_of(module_name, module_file):
            waiting.extend(_prefixes(imported, imports))
    return tuple(sorted(found))


def read_source(file: Path) -> str:
    """Read a Python file as text, honouring its declared encoding and keeping its line ends.

    Raises:
        OSError: If it cannot be read.
        SyntaxError: If the encoding is unknown or wrong.
    """
    with file.open("rb") as stream:
        encoding, _ = tokenize.detect_encoding(stream.readline)
    try:
        return file.read_bytes().decode(encoding)
    except UnicodeDecodeError as error:
        raise SyntaxError(f"the file is not valid {encoding}: {error.reason}") from error


def module_level_calls(file: Path, functions: frozenset[str]) -> tuple[int, ...]:
    """Find calls of imported ``functions`` that run whenever the file is imported.

    What stands in a function, or under ``if __name__ == "__main__":``, does not.

    Returns:
        Line numbers, ascending.
    """
    tree = _parse(file)
    if tree is None:
        return ()
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "synaflow_core"
        for alias in node.names
        if alias.name in functions
    }
    return tuple(
        sorted(
            node.lineno
            for node in _executed_on_import(tree)
            if isinstance(node, ast.Call)
            and (
                (isinstance(node.func, ast.Name) and node.func.id in names)
                or (
                    isinstance(node.func, ast.Attribute)
                    and node.func.attr in functions
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "synaflow_core"
                )
            )
        )
    )


def _executed_on_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "__name__" in ast.unparse(child.test):
            for other in child.orelse:
                yield from _executed_on_import(other)
            continue
        yield child
        yield from _executed_on_import(child)


def _parse(file: Path) -> ast.Module | None:
    try:
        return ast.parse(read_source(file), filename=str(file))
    except (OSError, SyntaxError, ValueError):
        return None  # whoever imports it will be told; here it only ends the search


def _imports_of(name: str, file: Path) -> Iterator[str]:
    """Yield the absolute names of everything that a file may import."""
    tree = _parse(file)
    if tree is None:
        return
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                try:
                    base = importlib.util.resolve_name("." * node.level + base, package)
                except ImportError:
                    continue
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Call) and node.args:
            literal = node.args[0]
            called = ast.unparse(node.func)
            if (
                called in ("__import__", "import_module", "importlib.import_module")
                and isinstance(literal, ast.Constant)
                and isinstance(literal.value, str)
                and not literal.value.startswith(".")
            ):
                yield literal.value


def _prefixes(name: str, imports: LocalImports) -> Iterator[tuple[str, Path]]:
    """Yield the local files that importing ``a.b.c`` executes, with the names of their modules."""
    parts = name.split(".")
    if not parts[0] or parts[0] in TAKEN_MODULES:
        return
    # The whole path, because a folder without __init__.py loses to a package further down it.
    path: list[str] = [*imports.search_path, *sys.path]
    for depth in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:depth]), path)
        if spec is None:
            return
        file = _python_file(spec)
        if file is not None:
            if not imports.holds(file):
                return
            yield spec.name, file
        path = list(spec.submodule_search_locations or ())
        if not path:
            return


def _python_file(spec: ModuleSpec) -> Path | None:
    if spec.has_location and spec.origin and spec.origin.endswith(".py"):
        return Path(spec.origin).resolve()
    return None


def _imported(imports: LocalImports) -> Iterator[tuple[str, Path]]:
    """Yield the local modules that were imported while loading, where a worker can find them again.

    A module that an import hook mapped to another place (an editable install) cannot be found by
    its path; it is installed, and so referenced by name.
    """
    for name in imports.modules:
        yield from _prefixes(name, imports)
