"""Seconds and memory of one run inside its process, printed as the last line."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path


def report(run: Callable[[], object]) -> None:
    """Call ``run`` and print what it took; memory is the peak of this process and its children."""
    before = _tree_kib()
    peak = before
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.02):
            peak = max(peak, _tree_kib())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    start = time.perf_counter()
    run()
    taken = time.perf_counter() - start
    over.set()
    watcher.join()
    sys.stdout.flush()
    print(json.dumps({"seconds": taken, "kib": max(peak - before, 1)}))


def _tree_kib() -> int:
    """Resident memory of this process and of those it started."""
    total, todo = 0, [os.getpid()]
    while todo:
        pid = todo.pop()
        try:
            fields = Path(f"/proc/{pid}/statm").read_text().split()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            continue
        total += int(fields[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
        todo += [int(child) for child in children]
    return total
