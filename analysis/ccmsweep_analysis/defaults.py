# SPDX-License-Identifier: MIT
"""Matplotlib as it is when nobody has changed its settings, for the commands: imported before it is.
In a notebook it is the user's, and only the figures of this package start from its defaults."""
import contextlib
import logging
import os
import pathlib

# Matplotlib starts from the first matplotlibrc it finds, and looks in the current folder before all
# others. So it is started in a folder that has an empty one, which leaves its own defaults.
DEFAULTS = pathlib.Path(__file__).parent / "templates"


@contextlib.contextmanager
def standing_in(folder):
    """Work in another current folder."""
    here = os.open(".", os.O_PATH)
    try:
        os.chdir(folder)
        yield
    finally:
        os.fchdir(here)
        os.close(here)


# Matplotlib warns when it cannot write its cache, which does not concern the reader of a report.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
os.environ["MPLBACKEND"] = "agg"
with standing_in(DEFAULTS):
    import matplotlib  # noqa: E402, F401
