# SPDX-License-Identifier: MIT
"""How much memory a command takes at its peak."""
import os
import subprocess
import sys

# A process starts with the size of what it was forked from: that has to be a small one.
MEASURE = """\
import os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, file=sys.stderr)
"""


def peak_of(command, out, **environment):
    """Bytes that it, or any process that it began, had at most: what /proc calls VmHWM."""
    with open(out, "wb") as file:
        done = subprocess.run([sys.executable, "-I", "-S", "-c", MEASURE, *map(str, command)],
                              stdout=file, stderr=subprocess.PIPE, check=True, timeout=300,
                              env={**os.environ, **environment})
    code, peak = map(int, done.stderr.split()[-2:])
    assert code == 0, done.stderr
    return peak * 1024
