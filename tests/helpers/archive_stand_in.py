"""A server on this machine that answers as the archives do: MAST's table service, cutouts, file server and bucket.

Real clients (astroquery, pyvo, requests) speak to it through their own settings, see `StandIn.write_settings`. What it
knows is given to it; it can also be slow, busy, broken or wrong (`StandIn.faults`).
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

#: Answers with a request: path, its form or query (last values), headers.
Answer = Callable[["Request"], "Reply"]


@dataclass
class Request:
    """What a client asks."""

    method: str
    path: str
    form: dict[str, str]
    headers: dict[str, str]


@dataclass
class Reply:
    """What it gets."""

    content: bytes = b""
    kind: str = "application/octet-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, content: object) -> "Reply":
        return cls(json.dumps(content).encode(), "application/json")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: object) -> None:
        """Say nothing of clients that went away."""


class StandIn:
    """The server; use it in a with block.

    Attributes
    ----------
    routes : dict
        Beginning of a path and what answers it; the longest that fits.
    requests : list of Request
        All that were made.
    faults : list of (str, str)
        Beginning of a path, and what goes wrong with the next request of it: each is used once.
        busy (503), gone (504), html (a page), cut (the connection breaks in the middle), silent (no answer for
        `silence_s`), empty (no content).
    """

    silence_s = 3.0

    def __init__(self) -> None:
        self.routes: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self.faults: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stand_in._answer(self)

            do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "StandIn":
        threading.Thread(target=self._server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def write_settings(self, folder: Path, **more: float) -> dict[str, str]:
        """Write settings of clients that name this server; return the environment that they need."""
        astropy = folder / "astropy"
        astropy.mkdir(parents=True, exist_ok=True)
        (astropy / "astroquery.cfg").write_text(f"[mast]\nserver = {self.url}\n")
        ours = {
            "archive_url": self.url,
            "bucket_url": f"{self.url}/stpubdata",
            "gaia_url": f"{self.url}/tap-server/tap",
            "retry_s": 0.01,
            "answer_s": 1.0,
        }
        lines = [f"{key} = {value}" for key, value in (ours | more).items()]
        (astropy / "photometry.cfg").write_text("\n".join(["[archive]", *lines, ""]))
        return {"XDG_CONFIG_HOME": str(folder)}

    def asked(self, path: str) -> list[Request]:
        """Return the requests whose path begins so."""
        with self._lock:
            return [request for request in self.requests if request.path.startswith(path)]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        where = urlsplit(handler.path)
        text = where.query
        if length := int(handler.headers.get("Content-Length", 0)):
            body = handler.rfile.read(length).decode()
            text = "&".join(filter(None, (text, body)))
        form = {key: values[-1] for key, values in parse_qs(text, keep_blank_values=True).items()}
        request = Request(handler.command, where.path, form, {k.lower(): v for k, v in handler.headers.items()})
        with self._lock:
            self.requests.append(request)
            fault = self._fault_of(request.path)
        if fault == "silent":
            time.sleep(self.silence_s)
        reply = _FAULTS[fault]() if fault in _FAULTS else self._reply(request)
        content = reply.content
        if fault == "cut":
            content, reply.headers["Content-Length"] = content[: len(content) // 2], str(len(content))
            handler.close_connection = True
        handler.send_response(reply.status)
        headers = {"Content-Type": reply.kind, "Content-Length": str(len(content))} | reply.headers
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if request.method != "HEAD":
            handler.wfile.write(content)

    def _fault_of(self, path: str) -> str | None:
        for place, (start, fault) in enumerate(self.faults):
            if path.startswith(start):
                del self.faults[place]
                return fault
        return None

    def _reply(self, request: Request) -> Reply:
        for start in sorted(self.routes, key=len, reverse=True):
            if request.path.startswith(start):
                return self.routes[start](request)
        return Reply(b"no such page", "text/plain", 404)


_FAULTS: dict[str, Callable[[], Reply]] = {
    "busy": lambda: Reply(b"busy", "text/plain", 503),
    "gone": lambda: Reply(b"time is over", "text/plain", 504),
    "html": lambda: Reply(b"<html><body>Scheduled maintenance</body></html>", "text/html"),
    "empty": lambda: Reply(b"", "text/plain"),
}
