"""From a web server's access log to a report per client host.

    lines -> hits -+-> traffic --------------------------+
      (malformed   +-> clients -> lookups -> owners -----+-> report -> summary
       dropped)    +-> sessions (needs all hits, sorted) +

Run it here, or export it; the code is the same:

    synaflow-export run     examples/web_logs/pipe.py --param log_path=access.log
    synaflow-export airflow examples/web_logs/pipe.py --out dags/
"""

from __future__ import annotations

import csv
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Annotated, NamedTuple

from msgspec import Meta

from synaflow_core import OnError, pipeline, step


@dataclass(frozen=True)
class Params:
    """What one run needs to know."""

    log_path: Annotated[str, Meta(description="Access log in the combined format.")]
    report_path: Annotated[str, Meta(description="CSV file to write, one row per host.")] = (
        "web_logs_report.csv"
    )
    lookup_url: Annotated[str, Meta(description="Service that knows who owns a host.")] = (
        "http://127.0.0.1:8765"
    )
    lookup_timeout: Annotated[float, Meta(gt=0, description="Seconds to wait for it.")] = 5.0
    session_gap_minutes: Annotated[int, Meta(ge=1, description="Silence that ends a visit.")] = 30


class Hit(NamedTuple):
    """One valid line of the log."""

    host: str
    at: datetime
    method: str
    path: str
    status: int
    size: int


class Owner(NamedTuple):
    """Who a host belongs to, as the lookup service tells."""

    host: str
    name: str
    country: str


class Session(NamedTuple):
    """One visit: hits of one host without a long silence between them."""

    host: str
    start: datetime
    end: datetime
    hits: int


@dataclass
class Traffic:
    """What one host asked for, and what it got."""

    hits: int = 0
    errors: int = 0
    sent: int = 0
    statuses: dict[int, int] = field(default_factory=dict)

    def add(self, hit: Hit) -> None:
        """Count one more hit."""
        self.hits += 1
        self.errors += hit.status >= 400
        self.sent += hit.size
        self.statuses[hit.status] = self.statuses.get(hit.status, 0) + 1


class HostRow(NamedTuple):
    """One row of the report."""

    host: str
    owner: str
    country: str
    hits: int
    errors: int
    sent: int
    sessions: int
    longest_session_s: int


@dataclass(frozen=True)
class Summary:
    """The result of a run."""

    report: str
    hosts: int
    unknown_hosts: int
    hits: int
    errors: int
    sent: int
    sessions: int
    top_countries: dict[str, int]


# --- reading: one line at a time, whatever the size of the file -------------------------------

LINE = re.compile(
    r"(?P<host>\S+) \S+ \S+ \[(?P<at>[^\]]+)\] "
    r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" '
    r'(?P<status>[1-5]\d\d) (?P<size>\d+|-) "[^"]*" "[^"]*"'
)


def lines(log_path: str) -> Generator[str, None, None]:
    """Stream the log."""
    with Path(log_path).open(encoding="utf-8", errors="replace") as log:
        for line in log:
            yield line.rstrip("\n")


def parse(line: str) -> Hit:
    """Parse one line; a malformed one raises, and is dropped and counted."""
    match = LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"not in the combined log format: {line[:80]!a}")
    host, at, method, path, status, size = match.groups()
    when = datetime.strptime(at, "%d/%b/%Y:%H:%M:%S %z")
    return Hit(host, when, method, path, int(status), 0 if size == "-" else int(size))


# --- three consumers of the one stream of hits ------------------------------------------------


def traffic(hits: Iterator[Hit]) -> dict[str, Traffic]:
    """Add up per host while the hits stream by."""
    per_host: dict[str, Traffic] = {}
    for hit in hits:
        per_host.setdefault(hit.host, Traffic()).add(hit)
    return per_host


def clients(hits: Iterator[Hit]) -> Generator[str, None, None]:
    """Yield every host once, when it is first seen."""
    seen: set[str] = set()
    for hit in hits:
        if hit.host not in seen:
            seen.add(hit.host)
            yield hit.host


def sessions(hits: list[Hit], session_gap_minutes: int) -> list[Session]:
    """Cut each host's hits into visits: needs them all, in order of time."""
    gap = timedelta(minutes=session_gap_minutes)
    found: list[Session] = []
    for host, visits in groupby(sorted(hits), key=lambda hit: hit.host):
        times = [hit.at for hit in visits]
        start, end, count = times[0], times[0], 0
        for at in times:
            if at - end > gap:
                found.append(Session(host, start, end, count))
                start, count = at, 0
            end, count = at, count + 1
        found.append(Session(host, start, end, count))
    return found


# --- lookups: a window of requests in flight, never more, never waiting for one alone ---------

WINDOW = 8
POOL = ThreadPoolExecutor(max_workers=4 * WINDOW, thread_name_prefix="lookup")


def ask(host: str, url: str, timeout: float) -> Owner:
    """Ask the lookup service who owns ``host``; an unknown host raises."""
    address = f"{url}/owner/{urllib.parse.quote(host, safe='')}"
    try:
        with urllib.request.urlopen(address, timeout=timeout) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise LookupError(f"no owner known for {host}: {error}") from error
    return Owner(host, answer["name"], answer["country"])


def look_up(client: str, lookup_url: str, lookup_timeout: float) -> Future[Owner]:
    """Start one request; `max_in_flight` bounds how many are under way."""
    return POOL.submit(ask, client, lookup_url, lookup_timeout)


def owner(lookup: Future[Owner]) -> Owner:
    """Wait for one answer; a failed lookup is dropped and counted."""
    return lookup.result()


# --- the results ------------------------------------------------------------------------------


def report(
    traffic: dict[str, Traffic],
    owners: list[Owner],
    sessions: list[Session],
    report_path: str,
) -> list[HostRow]:
    """Join all that is known of each host and write it down, busiest host first."""
    known = {owner.host: owner for owner in owners}
    visits = Counter(session.host for session in sessions)
    longest: dict[str, int] = {}
    for session in sessions:
        seconds = int((session.end - session.start).total_seconds())
        longest[session.host] = max(seconds, longest.get(session.host, 0))

    rows = []
    for host, total in sorted(traffic.items(), key=lambda item: (-item[1].hits, item[0])):
        who = known.get(host, Owner(host, "unknown", "??"))
        sums = (total.hits, total.errors, total.sent, visits[host], longest[host])
        rows.append(HostRow(host, who.name, who.country, *sums))

    with Path(report_path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HostRow._fields)
        writer.writerows(rows)
    return rows


def summary(report: list[HostRow], report_path: str) -> Summary:
    """Say in a few numbers what the report holds."""
    countries: Counter[str] = Counter()
    for row in report:
        countries[row.country] += row.hits
    return Summary(
        report=report_path,
        hosts=len(report),
        unknown_hosts=sum(row.owner == "unknown" for row in report),
        hits=sum(row.hits for row in report),
        errors=sum(row.errors for row in report),
        sent=sum(row.sent for row in report),
        sessions=sum(row.sessions for row in report),
        top_countries=dict(countries.most_common(5)),
    )


web_logs = pipeline(
    name="web_logs",
    description="Per-host report of a web server's access log.",
    params=Params,
    steps=[
        step("lines", fn=lines, on_error=OnError.STOP, macro_task="read_log"),
        # a log of which every tenth line is malformed is some other file
        step("hits", fn=parse, on_error=OnError.CONTINUE, error_threshold_pct=0.1),
        step("traffic", fn=traffic, on_error=OnError.STOP),
        step("clients", fn=clients, on_error=OnError.STOP),
        step("lookups", fn=look_up, max_in_flight=WINDOW),
        # some hosts are not known; when most of them are not, the service is ill
        step("owners", fn=owner, on_error=OnError.CONTINUE, error_threshold_pct=0.5),
        step("sessions", fn=sessions, on_error=OnError.STOP),
        step("report", fn=report, on_error=OnError.STOP),
        step("summary", fn=summary, on_error=OnError.STOP),
    ],
)
