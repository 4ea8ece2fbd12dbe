"""All commands in one Typer application; the targets' are made from the target registry.

A target's module is imported when its command runs or is listed, not before. To add a command
that is no target, write a module with a function and its ``EXAMPLES``, and add it to
:func:`command`.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from synaflow_core.errors import ExportError
from synaflow_export.cli import (
    backfill,
    config,
    contract,
    plan,
    prune,
    rehearse,
    run,
    targets,
    verify,
)
from synaflow_export.cli.options import examples
from synaflow_export.cli.output import note, write

__all__ = ["command"]

_HELP = "Run typed Python pipelines in process, or export them to an orchestrator as native code."
_EXAMPLES = examples(
    ("which tasks an export makes, and why", "synaflow-export plan pipe.py"),
    ("run it here", "synaflow-export run pipe.py --param count=5"),
    ("export it", "synaflow-export airflow pipe.py --out ~/airflow/dags"),
)


def command() -> Any:
    """Build what :func:`synaflow_export.cli.main` runs: a click command group."""
    app = _application(cls=_Commands, help=_HELP, epilog=_EXAMPLES)
    app.callback()(_global_options)
    app.command("plan", epilog=plan.EXAMPLES)(plan.plan)
    app.command("config", epilog=config.EXAMPLES)(config.config)
    app.command("targets", epilog=targets.EXAMPLES)(targets.targets)
    app.command("contract", epilog=contract.EXAMPLES)(contract.contract)
    app.command("run", epilog=run.EXAMPLES)(run.run)
    app.command("rehearse", epilog=rehearse.EXAMPLES)(rehearse.rehearse)
    app.command("verify", epilog=verify.EXAMPLES)(verify.verify)
    app.command("backfill", epilog=backfill.EXAMPLES)(backfill.backfill)
    app.command("prune", epilog=prune.EXAMPLES)(prune.prune)
    return get_command(app)


class _Commands(TyperGroup):
    """Our commands, and one per target, looked up when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names for ``--help``: the targets, then ours."""
        self._add_all_targets()
        ours = [name for name in self.commands if name in _OURS]
        return [*(name for name in self.commands if name not in _OURS), *ours]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a command; when there is none, the known targets serve the "did you mean"."""
        if cmd_name not in self.commands:
            try:
                self._add_target(cmd_name)
            except ExportError:
                self._add_all_targets()
        return super().get_command(ctx, cmd_name)

    def _add_all_targets(self) -> None:
        from synaflow_export.target import target_names

        for name in target_names():
            if name not in self.commands:
                try:
                    self._add_target(name)
                except Exception as error:
                    note(f"target '{name}' cannot be used: {type(error).__name__}: {error}")

    def _add_target(self, name: str) -> None:
        from synaflow_export.cli.export import export_command, export_examples
        from synaflow_export.target import get_target

        app = _application()
        app.command(name, epilog=export_examples(name))(export_command(get_target(name)))
        self.add_command(get_command(app), name)


_OURS = ("plan", "config", "targets", "contract", "run", "rehearse", "verify", "backfill", "prune")


def _application(**settings: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        from synaflow_export import __version__

        write(f"synaflow-export {__version__}\n")
        raise typer.Exit


def _global_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            show_default=False,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    pass
