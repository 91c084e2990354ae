# SPDX-License-Identifier: MIT
"""Count single results in Meson's logs: the points of TAP, not the programs that printed them.

Usage: python3 count.py LABEL=LOG... (no LOG: LABEL did not build). Prints each failure with what
was said about it, each skip with its reason, and last "N passed, N failed" (", N skipped"). A
program that crashed, ran out of time, printed fewer points than its plan says or returned an error
without a failed point counts as one more failure. Returns 1 when something failed or nothing
passed.
"""
import collections
import itertools
import json
import os
import re
import sys

POINT = re.compile(r"^(not )?ok\b[\s\d-]*(.*?)(?:\s*# *(skip|todo)\S*\s*(.*))?$", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)(?:\s*# *skip\S*\s*(.*))?$", re.IGNORECASE)


DETAIL_LINES = 25


class Tally:
    """What passed, failed and was skipped so far."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = []

    def fail(self, what, detail=()):
        """Count a failure and print it with the first lines of what is known about it."""
        self.failed += 1
        print(f"FAILED: {what}")
        for line in list(detail)[:DETAIL_LINES]:
            print(f"    {line}")

    def add_points(self, program, lines):
        """Count the points; returns how many there are."""
        count = 0
        for number, line in enumerate(lines):
            match = POINT.match(line)
            if not match:
                continue
            count += 1
            wrong, name, directive, reason = match.groups()
            what = f"{program}: {name}" if name else program
            if directive and directive.lower() == "skip":
                if not name:
                    # cmocka: the test's name stands here, the reason in a comment before it.
                    what = f"{what}: {reason}"
                    before = lines[number - 1] if number > 0 else ""
                    reason = before[1:].strip() if before.startswith("#") else ""
                self.skipped.append(f"{what}: {reason or 'no reason given'}")
            elif wrong and not directive:
                comments = itertools.takewhile(lambda text: text.startswith("#"),
                                               lines[number + 1:])
                self.fail(what, (comment[2:] for comment in comments))
            else:
                self.passed += 1
        return count

    def add_program(self, record, label):
        """Count what one test program reported, and how it ended."""
        program = f"{label}: {record['name'].split(' / ', 1)[-1]}"
        result = record["result"]
        stderr = record.get("stderr", "").splitlines()
        lines = [line.rstrip() for line in record.get("stdout", "").splitlines()]
        plans = [match for match in map(PLAN.match, lines) if match]
        failed_before = self.failed
        points = self.add_points(program, lines)
        planned = int(plans[0].group(1)) if plans else points
        if plans and planned == 0 and points == 0:
            self.skipped.append(f"{program}: {plans[0].group(2) or 'no reason given'}")
        elif result == "SKIP" and points == 0:
            self.skipped.append(f"{program}: it said so by its exit code")
        elif points < planned:
            self.fail(f"{program}: {points} results of {planned}, then {result}", stderr)
        elif result == "OK":
            self.passed += 1 if points == 0 else 0
        elif result not in ("SKIP", "EXPECTEDFAIL") and self.failed == failed_before:
            self.fail(f"{program}: {result}, exit code {record.get('returncode')}", stderr)
        elif self.failed > failed_before:
            for line in stderr[:DETAIL_LINES]:
                print(f"    {line}")


def main(arguments):
    tally = Tally()
    for argument in arguments:
        label, path = argument.split("=", 1)
        if not os.path.isfile(path):
            tally.fail(f"{label}: " + ("no test was run" if path else "did not build"))
            continue
        with open(path, encoding="utf-8") as log:
            for line in log:
                tally.add_program(json.loads(line), label)
    for reason, count in collections.Counter(tally.skipped).items():
        print(f"skipped: {reason}" + (f" ({count} times)" if count > 1 else ""))
    skipped = f", {len(tally.skipped)} skipped" if tally.skipped else ""
    print(f"{tally.passed} passed, {tally.failed} failed{skipped}")
    return 0 if tally.passed > 0 and tally.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
