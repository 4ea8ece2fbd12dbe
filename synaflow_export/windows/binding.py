"""Which params take the bounds of a window, and the key under which its datasets are stored.

A run gets the bounds from its orchestrator (the data interval, the partition, the scheduled time),
or somebody gives them by hand; half of one and half of the other is refused. The key is made of the
values, so a window that is run again, by whatever means, replaces its own datasets and no others.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from synaflow_core.errors import ParamsError, Problem
from synaflow_export.params.form import forms, moments
from synaflow_export.windows.calendar import Calendar, Unit, Window
from synaflow_export.windows.pairs import Bound


class WindowSpec(msgspec.Struct, frozen=True):
    """How a pipeline's params depend on the window of a run; part of the plan.

    Attributes:
        unit: Length of a window.
        schedule: Cron expression that ticks once per window.
        timezone: Zone of the schedule.
        bind: Param -> the bound of the window that it takes.
    """

    unit: Unit
    schedule: str
    timezone: str
    bind: dict[str, Bound]

    @property
    def calendar(self) -> Calendar:
        """When windows begin and end."""
        return Calendar.of(self.unit, self.schedule, self.timezone)


def binding_problems(spec: WindowSpec, schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with what is bound: a param that does not exist or holds no time."""
    fields = forms(schema)
    for name in spec.bind:
        subject = f"param '{name}'"
        if name not in fields:
            known = ", ".join(sorted(fields)) or "none"
            yield Problem(
                "options",
                subject,
                "unknown-param",
                f"it is bound, and does not exist; there is {known}",
            )
        elif "string" not in _types(fields[name]) or "enum" in fields[name]:
            yield Problem(
                "options",
                subject,
                "param-holds-no-time",
                f"it cannot take the {spec.bind[name]} of a window",
                "declare it as date, datetime or str",
            )


def without_bound(spec: WindowSpec | None, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of the params in which those that are bound may be left empty."""
    found = copy.deepcopy(dict(schema))
    for name, bound in (spec.bind if spec else {}).items():
        field = found["properties"][name]
        about = " ".join(str(field.get("description", "")).split())
        note = f"Empty: the {bound} of the window."
        kept = {key: rule for key, rule in field.items() if key not in ("default", "description")}
        choices = kept.pop("anyOf", None) or [kept]
        null = {"type": "null"}
        found["properties"][name] = {
            "anyOf": [*(choice for choice in choices if choice != null), null],
            "description": f"{about} {note}".strip(),
            "default": None,
        }
        found["required"] = [each for each in found.get("required", ()) if each != name]
    return found


def unbound(spec: WindowSpec | None, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of the params without those that a window gives."""
    bound = spec.bind if spec else {}
    fields = schema.get("properties", {})
    return {
        **schema,
        "properties": {name: field for name, field in fields.items() if name not in bound},
        "required": [name for name in schema.get("required", ()) if name not in bound],
    }


def bind_window(
    spec: WindowSpec,
    schema: Mapping[str, Any],
    types: Mapping[str, str],
    given: Mapping[str, Any],
    window: Window | None,
    *,
    run: str,
) -> tuple[dict[str, Any], str]:
    """Complete the params of a run.

    Args:
        spec: From the plan.
        schema: The contract's ``params_schema``.
        types: The contract's ``params``.
        given: Values of the params, as JSON values; None or absent where the window decides.
        window: Of the run, if the orchestrator knows one.
        run: The run, for messages.

    Returns:
        All values, and the key of the run's datasets.

    Raises:
        ParamsError: Neither a window nor values, or only some of the values; or dates of an
            interval that somebody's edits of the schedule have moved away from the plan's.
    """
    own = {name: given[name] for name in spec.bind if given.get(name) is not None}
    missing = [name for name in spec.bind if name not in own]
    if own and missing:
        raise _refused(run, missing, "it belongs to a window of which only a part was given")
    if not own:
        if window is None:
            raise _refused(run, missing, "this run has no interval to take it from")
        fields = forms(schema)
        dates = [name for name in spec.bind if _format(fields[name]) == "date"]
        if any(not spec.calendar.ticks_at(getattr(window, spec.bind[name])) for name in dates):
            why = f"the interval {window.start} to {window.end} is no {spec.unit} of the plan"
            raise _refused(run, dates, why, "export again with the schedule and time zone it has")
        naive = {name for name, has_no_zone in moments(schema, types).items() if has_no_zone}
        for name, bound in spec.bind.items():
            local = getattr(window, bound).astimezone(ZoneInfo(spec.timezone))
            told = local.replace(tzinfo=None) if name in naive else local
            own[name] = (told.date() if name in dates else told).isoformat()
    return {**given, **own}, window_key(own)


def window_key(values: Mapping[str, Any]) -> str:
    """The key of a window's datasets: of the values, however they are spelt.

    Its characters are those that folders of a store have as they are.
    """
    return ".".join(["window", *(f"{name}-{_normal(value)}" for name, value in values.items())])


def _refused(run: str, missing: list[str], why: str, hint: str = "") -> ParamsError:
    instead = f"give {' and '.join(missing)}, or start the run for an interval (a backfill)"
    return ParamsError(
        "the window of this run is not known",
        [
            Problem(
                where=f"run {run}",
                subject=f"param '{name}'",
                code="no-window",
                message=why,
                hint=hint or instead,
            )
            for name in missing
        ],
    )


def _types(field: Mapping[str, Any]) -> set[str]:
    told = field.get("type", "string" if not field.get("anyOf") else ())
    found = {told} if isinstance(told, str) else set(told)
    for choice in field.get("anyOf", ()):
        found |= _types(choice)
    return found


def _format(field: Mapping[str, Any]) -> str:
    formats = [field.get("format"), *(choice.get("format") for choice in field.get("anyOf", ()))]
    return next((str(each) for each in formats if each), "")


def _normal(value: Any) -> str:
    text = str(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    try:
        return date.fromisoformat(text).strftime("%Y%m%d")
    except ValueError:
        pass
    zone = "" if moment.tzinfo is None else "Z"
    told = moment.astimezone(UTC) if zone else moment
    return told.strftime("%Y%m%dT%H%M%S" + (".%f" if told.microsecond else "")) + zone
