# SPDX-License-Identifier: MIT
"""Shared objects that stand between a program and the system's calls (tests/hostile)."""
import os
import shutil
import tempfile

# The dynamic linker takes a blank or a colon in LD_PRELOAD for the end of a path.
_folder = tempfile.TemporaryDirectory(prefix="ccmsweep-", dir="/tmp")


def shim(name):
    """A path for LD_PRELOAD of failing_calls or lying_calls."""
    return shutil.copy(os.environ[f"CCMSWEEP_{name.upper()}"], _folder.name)
