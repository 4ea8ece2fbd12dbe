"""Renders templates; the only module that imports jinja2.

Templates lay out and decide nothing. Pages (``.html.jinja``) escape all that they paste, other
templates escape nothing: what reaches them is already safe to paste (see
:mod:`.pyname`) and already laid out (:mod:`.pylayout`).
A name that a template uses and the view does not have is an error, never an empty string.

A user's template folder is searched first, so one template can be replaced and the others kept.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from synaflow_core.errors import ExportError, Problem

_PACKAGE = Path(__file__).resolve().parents[1]


def template_folder() -> Path:
    """Where the built-in templates are: in the package in a wheel, at the top of a checkout."""
    installed = _PACKAGE / "templates"
    return installed if installed.is_dir() else _PACKAGE.parent / "templates"


def templates_beside(file: str) -> Path:
    """The folder of templates of a target in another package: beside its module."""
    return Path(file).resolve().parent / "templates"


def render(
    template: str,
    values: Mapping[str, Any],
    templates: Path | None = None,
    own: Path | None = None,
) -> str:
    """Render one template; a Python file must parse.

    Args:
        template: Name such as ``airflow/dag.py.jinja``.
        values: What the template may use.
        templates: The user's template folder, searched first.
        own: That of a target in another package, searched next; then the built-in one.

    Returns:
        The text, with exactly one newline at its end.

    Raises:
        ExportError: If the template is missing or broken, uses what it was not given, or does not
            give valid Python; names the template and the line.
    """
    try:
        text = _environment(templates, own).get_template(template).render(values)
    except jinja2.TemplateNotFound as error:
        raise _broken(template, f"template '{error}' was not found", templates) from error
    except jinja2.TemplateSyntaxError as error:
        where = f"{error.name or template}:{error.lineno}"
        raise _broken(where, error.message or "syntax error", templates) from error
    except jinja2.UndefinedError as error:
        raise _broken(template, error.message or "undefined name", templates) from error
    except Exception as error:
        if templates is None:
            raise
        raise _broken(template, f"{type(error).__name__}: {error}", templates) from error
    text = text.rstrip("\n") + "\n"
    if template.removesuffix(".jinja").endswith(".py"):
        try:
            ast.parse(text)
        except SyntaxError as error:
            line = (error.text or "").strip()
            message = f"it does not give valid Python: {error.msg} in {line!r}"
            raise _broken(template, message, templates) from error
    return text


@functools.cache
def _environment(*given: Path | None) -> jinja2.Environment:
    folders = [folder for folder in (*given, template_folder()) if folder is not None]
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(["html.jinja"]),  # other files are no HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _broken(where: str, message: str, templates: Path | None) -> ExportError:
    hint = (
        f"mend the template in {templates}, or export without your own templates"
        if templates
        else "this is a fault of synaflow-export; please report it"
    )
    return ExportError(
        "a template cannot be rendered", [Problem(where, "", "bad-template", message, hint)]
    )
