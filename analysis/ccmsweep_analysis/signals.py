# SPDX-License-Identifier: MIT
"""Signals that stop the program."""
import contextlib
import signal

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def undisturbed():
    """Put off the signals that stop the program. Their exceptions can come between any two steps:
    what was just made would stay, as nobody knows of it yet, and a pool of processes that is
    interrupted while it begins or ends would wait for ever. Not by blocking them, as that is of one
    thread: a thread of a library takes them, and the main one has the exception all the same."""
    came = []
    before = {}
    try:
        for number in STOPS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
