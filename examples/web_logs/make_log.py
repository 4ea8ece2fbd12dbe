"""Writes a web server's access log that looks real and is the same every time.

    python examples/web_logs/make_log.py access.log

Two weeks of traffic in the combined format: busy and quiet hours, some busy hosts and many quiet
ones, visits, downloads, crawlers, scanners, and here and there a line that is not a log line.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sys
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

LINES = 220_000
SEED = 20_260_105
START = datetime(2026, 1, 5, tzinfo=timezone(timedelta(hours=1)))
DAYS = 14

# traffic per hour of the day, from midnight
HOURS = [2, 1, 1, 1, 1, 2, 4, 8, 12, 15, 16, 16, 14, 15, 16, 16, 15, 13, 11, 10, 9, 7, 5, 3]
PATHS = {
    "/": 20,
    "/products": 14,
    "/products/{n}": 30,
    "/search?q=item+{n}": 9,
    "/cart": 6,
    "/checkout": 3,
    "/static/app.js": 12,
    "/static/site.css": 12,
    "/img/{n}.jpg": 25,
    "/api/v1/items/{n}": 10,
    "/robots.txt": 1,
    "/wp-login.php": 2,
    "/downloads/catalogue-{n}.pdf": 1,
}
STATUSES = {200: 820, 304: 90, 301: 20, 404: 45, 403: 8, 500: 10, 502: 4, 503: 3}
METHODS = {"GET": 93, "POST": 5, "HEAD": 2}
REFERRERS = {"-": 55, "https://www.example.com/": 25, "https://search.example.net/?q=shop": 20}
AGENTS = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36": 45,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile": 30,
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0": 15,
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example.org/)": 8,
    "curl/8.5.0": 2,
}


@dataclass(frozen=True)
class LogFacts:
    """What was written, to compare a result with.

    Attributes:
        lines: All lines of the file.
        malformed: Lines among them that are not valid log lines.
        hosts: Different client hosts on the valid lines.
    """

    lines: int
    malformed: int
    hosts: int


def write_log(path: Path, *, lines: int = LINES, seed: int = SEED) -> LogFacts:
    """Write the log, all or nothing, with its facts beside it in ``<path>.facts.json``."""
    rng = random.Random(seed)
    malformed = 0
    seen = set()
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with partial.open("wb") as log:
        for second, host in _visits(rng, lines):
            line = _line(rng, host, START + timedelta(seconds=second)).encode()
            if rng.random() < 0.006:
                line = _spoil(rng, line)
                malformed += 1
            else:
                seen.add(host)
            log.write(line + b"\n")
    partial.replace(path)
    facts = LogFacts(lines, malformed, len(seen))
    _facts_path(path).write_text(json.dumps(asdict(facts)) + "\n", encoding="utf-8")
    return facts


def read_facts(path: Path) -> LogFacts | None:
    """The facts of a log written before, or None when it is not there whole."""
    try:
        facts = json.loads(_facts_path(path).read_text(encoding="utf-8"))
        return LogFacts(**facts) if path.stat().st_size else None
    except (OSError, ValueError, TypeError):
        return None


def _facts_path(path: Path) -> Path:
    return path.with_name(path.name + ".facts.json")


def _hosts(rng: random.Random) -> list[str]:
    """Addresses from the ranges reserved for documentation, IPv6 among them, and a few names."""
    v4 = [f"{net}.{n}" for net in ("192.0.2", "198.51.100", "203.0.113") for n in range(1, 101)]
    v6 = [f"2001:db8:{n:x}::{n + 10:x}" for n in range(1, 31)]
    names = [f"crawl-{n}.bot.example.org" for n in range(1, 11)]
    hosts = v4 + v6 + names
    rng.shuffle(hosts)
    return hosts


def _visits(rng: random.Random, lines: int) -> list[tuple[int, str]]:
    """Seconds since the start, and who calls, in order of time: hosts come, look around and go."""
    hosts = _hosts(rng)
    weights = list(itertools.accumulate(1000 / (rank + 8) for rank in range(len(hosts))))
    calls: list[tuple[int, str]] = []
    while len(calls) < lines:
        host = rng.choices(hosts, cum_weights=weights)[0]
        second = _second_of_day(rng) + 86_400 * rng.randrange(DAYS)
        for _ in range(min(1 + int(rng.expovariate(1 / 8)), lines - len(calls))):
            calls.append((second, host))
            second += int(rng.expovariate(1 / 20))
    return sorted(calls)


def _second_of_day(rng: random.Random) -> int:
    return rng.choices(range(24), HOURS)[0] * 3600 + rng.randrange(3600)


def _pick(rng: random.Random, weighted: dict[str, int]) -> str:
    return rng.choices(list(weighted), list(weighted.values()))[0]


def _line(rng: random.Random, host: str, at: datetime) -> str:
    path = _pick(rng, PATHS).format(n=rng.randrange(1, 5000))
    status = rng.choices(list(STATUSES), list(STATUSES.values()))[0]
    size = "-" if status == 304 else str(int(rng.lognormvariate(8.5, 1.2)))
    user = "-" if rng.random() < 0.97 else f"user{rng.randrange(1, 400)}"
    return (
        f"{host} - {user} [{at:%d/%b/%Y:%H:%M:%S %z}] "
        f'"{_pick(rng, METHODS)} {path} HTTP/1.1" {status} {size} '
        f'"{_pick(rng, REFERRERS)}" "{_pick(rng, AGENTS)}"'
    )


def _spoil(rng: random.Random, line: bytes) -> bytes:
    """One of the ways in which real logs hold lines that are none."""
    return rng.choice(
        [
            b"",
            # the disk was full, or the process was killed
            line[: rng.randrange(5, 60)],
            # a TLS handshake on the plain port
            line[: line.index(b'"')] + rb'"\x16\x03\x01" 400 226 "-" "-"',
            # a block of the file was never written
            b"\x00\xff\xfe\x00" * 8,
            # another program writes to the same file
            b'{"level": "warn", "msg": "slow upstream", "took_ms": 5012}',
            # a clock that nobody set
            line.replace(b"/Jan/2026", b"/Foo/2026"),
            # a status that is none
            line.replace(b'HTTP/1.1" ', b'HTTP/1.1" x'),
        ]
    )


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "access.log")
    print(f"{target}: {write_log(target)}")
