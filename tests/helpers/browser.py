# SPDX-License-Identifier: MIT
"""A page in headless Chromium for as long as a test wants it, over its pipes (Chrome DevTools
Protocol): what is in the page, what it says on its console, and what it asks for."""
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# It finds no other machine, and asks for nothing itself.
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-default-apps", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


class Browser:
    """One tab. `console` has what pages said, of any level; `requests` what they asked for."""

    def __init__(self, folder):
        if not CHROMIUM:
            pytest.skip("no chromium")
        self.console, self.requests, self.number = [], [], 0
        self.answers, self.rest = {}, b""
        theirs_in, self.out = os.pipe()
        self.into, theirs_out = os.pipe()
        # Numbers 3 and 4 are those that it reads and writes; neither is the other's source.
        script = f'exec 9<&{theirs_in} 8>&{theirs_out}; exec 3<&9 4>&8 9<&- 8>&-; exec "$@"'
        self.process = subprocess.Popen(
            ["bash", "-c", script, "bash", CHROMIUM, *QUIET, "--remote-debugging-pipe",
             f"--user-data-dir={folder}/profile", "about:blank"], pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.out)
        os.close(self.into)

    def read(self):
        """Take in what it has sent, at least one message."""
        while b"\0" not in self.rest:
            data = os.read(self.into, 1 << 20)
            assert data, "the browser has ended"
            self.rest += data
        *messages, self.rest = self.rest.split(b"\0")
        for told in map(json.loads, messages):
            if "id" in told:
                self.answers[told["id"]] = told
            self.note(told.get("method"), told.get("params"))

    def note(self, method, params):
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Log.entryAdded":
            self.console.append(params["entry"]["text"])
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.console.append(json.dumps(params))

    def ask(self, method, **params):
        self.number += 1
        told = {"id": self.number, "method": method, "params": params}
        os.write(self.out, json.dumps(told | ({"sessionId": self.session} if self.session else {}))
                 .encode() + b"\0")
        while self.number not in self.answers:
            self.read()
        answer = self.answers.pop(self.number)
        assert "error" not in answer, answer
        return answer["result"]

    def go(self, url):
        self.ask("Page.navigate", url=url)
        self.wait_for(f"location.href === '{url}' && document.readyState === 'complete'")

    def value(self, expression):
        """The value of an expression in the page, which may be a promise."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True,
                        awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait_for(self, expression, seconds=240):
        """Wait until an expression is true of the page; returns its value."""
        end = time.monotonic() + seconds
        while not (found := self.value(expression)):
            assert time.monotonic() < end, (expression, self.value("document.body.innerText"))
            time.sleep(0.05)
        return found
