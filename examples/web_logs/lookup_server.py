"""A small HTTP service that knows who owns a host; the example's stand-in for a real one.

    python examples/web_logs/lookup_server.py        serves on http://127.0.0.1:8765 until Ctrl-C

``GET /owner/<host>`` answers ``{"host": ..., "name": ..., "country": ...}`` after a short while,
and 404 for some hosts, always the same ones. It remembers how many requests it served at once.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

PORT = 8765
DELAY_S = 0.02
OWNERS = ("Northwind Net", "Blue Fibre", "Acme Cloud", "Campus Network", "Metro Mobile")
COUNTRIES = ("DE", "FR", "BR", "US", "JP", "IN", "PL", "CA")
UNKNOWN_IN = 40  # one host of so many is not known


class LookupServer:
    """Serves on a thread of its own between ``with`` and its end.

    Attributes:
        requests: Answered so far.
        most_at_once: The largest number of requests that were open at one moment.
    """

    def __init__(self, port: int = 0, *, delay_s: float = DELAY_S) -> None:
        """Bind the port at once; 0 takes a free one."""
        self.requests = 0
        self.most_at_once = 0
        self._delay_s = delay_s
        self._open = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Address of the service, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> LookupServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, host: str) -> dict[str, str] | None:
        """Who owns ``host``, or None; takes its time, like a service across a network."""
        with self._lock:
            self.requests += 1
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            time.sleep(self._delay_s)
            return owner_of(host)
        finally:
            with self._lock:
                self._open -= 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner = service.answer(urllib.parse.unquote(self.path.removeprefix("/owner/")))
                body = json.dumps(owner or {"error": "unknown host"}).encode()
                self.send_response(200 if owner else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the terminal for the one who started the server."""

        return Handler


def owner_of(host: str) -> dict[str, str] | None:
    """The same owner for the same host, always; None for a host that nobody knows."""
    number = zlib.crc32(host.encode())
    if number % UNKNOWN_IN == 0:
        return None
    name = OWNERS[number // 7 % len(OWNERS)]
    return {"host": host, "name": name, "country": COUNTRIES[number // 3 % len(COUNTRIES)]}


if __name__ == "__main__":
    with LookupServer(PORT) as server:
        print(f"serving {server.url}, stop with Ctrl-C")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{server.requests} requests, at most {server.most_at_once} at once")
