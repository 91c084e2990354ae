# SPDX-License-Identifier: MIT
"""The server of a live page as a process, and what it answers."""
import http.client
import os
import signal
import subprocess
import sys
import time

from analysis_case import FEW_FIGURES
from sweep_case import SOURCE

SCRIPT = str(SOURCE / "jobs/report.sh")


class Serving:
    """It runs until `with` ends. Figures are few, but where the script is asked."""

    def __init__(self, file, *words, cwd, script=False):
        self.folder = cwd / "temporary"
        self.folder.mkdir(exist_ok=True)
        command = [SCRIPT, file, "--serve", "0"] if script else [
            sys.executable, *FEW_FIGURES, "serve", file, "--port", "0"]
        self.process = subprocess.Popen(
            [*map(str, command), *words], cwd=cwd, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(SOURCE / "analysis"), "TMPDIR": str(self.folder)})

    def __enter__(self):
        self.address = self.process.stdout.readline().strip()
        assert self.address, self.process.communicate()[1]
        self.port = int(self.address.rstrip("/").rpartition(":")[2])
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ask(self, path="/", method="GET", **headers):
        """Code, headers and text of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, headers={"Host": f"localhost:{self.port}", **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode("utf-8")
        finally:
            connection.close()

    def wait_for(self, words, path="/live", seconds=240):
        """Wait until the page has these words; returns it."""
        end = time.monotonic() + seconds
        while words not in (page := self.ask(path)[2]):
            assert time.monotonic() < end, page
            time.sleep(0.1)
        return page

    def stop(self, number=signal.SIGTERM):
        """End it by a signal: code, and what it has said."""
        self.process.send_signal(number)
        said = self.process.communicate(timeout=60)
        return self.process.returncode, *said
