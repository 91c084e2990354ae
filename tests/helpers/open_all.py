# SPDX-License-Identifier: MIT
"""python3 open_all.py FILE: open a sweep as a notebook does and ask for every value of a few runs.
Exit codes: 0 read; 2 the file is wrong; 1 the system fails."""
import sys
import warnings

import ccmsweep_analysis as ours

if __name__ == "__main__":
    warnings.showwarning = lambda message, *_: print(f"ccmsweep_analysis: {message}",
                                                     file=sys.stderr)
    try:
        with ours.open(sys.argv[1], unfinished=True, damaged=True) as data:
            for name in data.variables:
                some = data[name]
                some.isel({dim: slice(0, 3) for dim in some.dims}).load()
        with ours.open(sys.argv[1]) as data:
            print(data.sizes["run"])
    except (ours.Unreadable, ours.Fault) as error:
        print(f"ccmsweep_analysis: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ours.Unreadable) else 1)
