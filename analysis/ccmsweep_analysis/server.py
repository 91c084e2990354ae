# SPDX-License-Identifier: MIT
"""The live page of a sweep for browsers on this machine.

It answers at 127.0.0.1 alone, and there only to processes of its own user, where the system tells
whose they are: on a login node all users share that address. Pages of other sites cannot read it: a
name that they let point to 127.0.0.1 is not one that it answers to. Nothing of a request is ever a
name of a file."""
import contextlib
import getpass
import http.server
import os
import pathlib
import shlex
import socket
import socketserver
import struct
import sys
import tempfile
import threading
import time

from . import live
from .output import workshop
from .redrawing import Redrawing
from .study import aggregate, ask
from .sweep import Unreadable
from .words import say, shown

ADDRESS = "127.0.0.1"
PORT = 8765
NAMES = ("127.0.0.1", "localhost", "[::1]")  # by which a browser, or the near end of ssh -L, asks
FRESH = 1.0     # seconds for which a look at the sweep is shown to all who ask
PATIENCE = 30   # seconds for a browser to say what it wants
FEW = ("--bootstrap=40", "--permutations=99")


class Looks:
    """Looks at a sweep: however many ask, one at a time and one a second."""

    def __init__(self, path):
        self.path, self.lock, self.last, self.due = path, threading.Lock(), None, 0.0

    def now(self):
        """The last look. While another thread looks, it is the one before."""
        if self.lock.acquire(blocking=self.last is None):
            try:
                if time.monotonic() >= self.due:
                    self.last = live.look_at(self.path, time.time())
                    self.due = time.monotonic() + FRESH
            finally:
                self.lock.release()
        return self.last


def owner_of(client, port):
    """Number of the user whose process is at the other end of a connection to a port of this
    machine; None where the kernel does not tell. Of IPv6 it lists the same address in more digits."""
    ends = [f"{struct.unpack('=I', socket.inet_aton(host))[0]:08X}:{number:04X}"
            for host, number in (client, (ADDRESS, port))]
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(table).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
                    return int(fields[7])
    return None


class Answer(http.server.BaseHTTPRequestHandler):
    """The answer to one request."""
    timeout = PATIENCE
    server_version, sys_version = "ccmsweep", ""

    def refusal(self):
        """Code and words with which this is refused; None: it is not."""
        name, *others = [name.lower() for name in self.headers.get_all("Host", [""])]
        if others:
            return 400, "A request has one line 'Host:', expected no more."
        if name.rpartition(":")[0] not in NAMES and name not in NAMES:
            return 403, f"This page answers to {' or '.join(NAMES[:2])} only."
        if owner_of(self.client_address, self.server.server_address[1]) not in (
                None, 0, os.geteuid()):
            return 403, "This page answers only to the user who has started it."
        if self.path not in ("/", "/live", "/report"):
            return 404, "There is nothing else here than the page /."
        return None

    def do_GET(self):
        if refused := self.refusal():
            self.send(refused[0], "text/plain", refused[1])
            return
        redrawn, path = self.server.redrawing.shown, self.server.looks.path
        if self.path == "/report":
            self.send(200, "text/html", redrawn.report)
            return
        page = live.page_of(path, self.server.looks.now(), (redrawn.words, redrawn.version),
                            redrawn.report if self.path == "/" else "")
        self.send(200, "text/html", page)

    do_HEAD = do_GET

    def refuse_method(self):
        self.send(405, "text/plain", "This page can only be read (GET, HEAD).",
                  [("Allow", "GET, HEAD")])

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = refuse_method

    def send(self, code, kind, text, more=()):
        data = text.encode("utf-8", "replace")
        self.send_response(code)
        for name, value in [("Content-Type", f"{kind}; charset=utf-8"),
                            ("Content-Length", str(len(data))), ("Cache-Control", "no-store"),
                            ("Content-Security-Policy", live.POLICY),
                            ("Cross-Origin-Resource-Policy", "same-origin"),
                            ("Referrer-Policy", "no-referrer"),
                            ("X-Content-Type-Options", "nosniff"), *more]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_):
        """Requests are not logged."""


class Server(socketserver.ThreadingTCPServer):
    """Requests are answered by threads; figures are begun and collected by the main thread. It is no
    http.server.HTTPServer, which asks for the name of this machine, perhaps on the network."""
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

    def __init__(self, port, looks, redrawing):
        self.looks, self.redrawing = looks, redrawing
        try:
            super().__init__((ADDRESS, port), Answer)
        except OSError as error:
            raise Unreadable(f"port {port} of {ADDRESS}: {error.strerror}, expected a free one; "
                             "0 takes any") from error

    def service_actions(self):
        self.redrawing.step(self.looks.last)

    def handle_error(self, request, client_address):
        """A browser may be closed at any time."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def port_of(text):
    """A port that was asked for."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < 65536):
        raise Unreadable(f"port '{text}', expected a whole number up to 65535; 0 takes any")
    return int(text)


def first_look(looks, options):
    """What is wrong with the file or the options is said before there is a page. A file that is not
    there may yet come: a sweep waits in a queue."""
    path = looks.path
    if looks.now().told is not None:
        if options:
            aggregate(path, [*FEW, *options])
    elif os.path.lexists(path) or not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        ask("status", path, ["--json"])
    else:
        say(f"{shown(path)}: there is no such file yet; the page waits for it")


def tell(port):
    address = f"http://{ADDRESS}:{port}/"
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "USER"
    there = shlex.quote(f"{user}@{socket.gethostname()}")
    print(address, flush=True)
    say(f"to see it from another machine, run there: ssh -L {port}:{ADDRESS}:{port} {there}, and "
        "open the same address. Ctrl-C ends it")


def serve(path, port, options):
    """Serve the page of a sweep until the program is told to end."""
    looks = Looks(path)
    first_look(looks, options)
    with workshop(tempfile.gettempdir()) as folder:
        redrawing = Redrawing(path, options, folder)
        with Server(port, looks, redrawing) as server:
            try:
                tell(server.server_address[1])
                # To be told to end is how this ends.
                with contextlib.suppress(KeyboardInterrupt, SystemExit):
                    server.serve_forever()
            finally:
                redrawing.stop()
