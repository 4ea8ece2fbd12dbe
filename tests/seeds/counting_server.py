"""A real HTTP server on this machine that knows how many requests it holds at once.

It answers nothing before the expected number of requests is there together, and a moment later
than it could: a client that has more requests in flight than it should is seen with them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MOMENT = 0.02  # for stray requests to arrive in; nothing is asserted about time


class CountingServer(ThreadingHTTPServer):
    """Counts the requests that are open at once; ``hold`` of them must come before any is answered.

    A client that never has that many in flight waits for ever, so its own timeout ends the test.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, hold: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hold = hold
        self.open = self.peak = self.served = 0
        self.lock = threading.Lock()
        self.enough = threading.Event()

    def urls(self, count: int) -> list[str]:
        """Addresses of this server, each another one."""
        return [f"http://127.0.0.1:{self.server_port}/item/{n}" for n in range(count)]


class _Handler(BaseHTTPRequestHandler):
    server: CountingServer

    def do_GET(self) -> None:
        server = self.server
        with server.lock:
            server.open += 1
            server.peak = max(server.peak, server.open)
            if server.open == server.hold:
                server.enough.set()
        server.enough.wait(timeout=30)
        threading.Event().wait(_MOMENT)
        body = f"you asked for {self.path}".encode()
        with server.lock:  # before the answer: the client's next request may come at once
            server.open -= 1
            server.served += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: tests read what the block prints."""


@contextmanager
def counting_server(hold: int) -> Iterator[CountingServer]:
    """A server on a free port, for the duration of the context."""
    server = CountingServer(hold)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
