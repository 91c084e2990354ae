#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Say how far a sweep is, and what SLURM says about its job.
#
# Usage: jobs/status.sh FILE [OPTION of ccmsweep status…]
# Exit codes: those of ccmsweep status; 0 when the job has not made the file yet.
set -euo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
read_site

# The queue's view, and what the job said last about itself.
print_job() {
    local id row output state used left nodes where
    id=$(recall id)
    if [ -z "$id" ]; then
        return
    fi
    row=$(squeue -h -j "$id" -o '%T|%M|%L|%D|%R' 2>/dev/null | head -n 1 || true)
    output=$(sed -n "s/^[0-9: -]* job $id: //p" "$file.job/$id.out" 2>/dev/null | tail -n 1) || true
    if [ -n "$row" ]; then
        IFS='|' read -r state used left nodes where <<<"$row"
        echo "job       $id: $state for $used, $left left, $nodes nodes ($where)"
    elif command -v squeue >/dev/null; then
        echo "job       $id: not in the queue"
    else
        echo "job       $id: no squeue here to ask"
    fi
    echo "said      ${output:-nothing yet}"
}

case ${1:-} in
--help | -h | '-?') usage "${BASH_SOURCE[0]}" && exit 0 ;;
'' | -*) fail 2 "jobs/status.sh: no file, expected jobs/status.sh FILE" ;;
esac
# As jobs/submit.sh does.
file=$(realpath -m -- "$1")
program=${CCMSWEEP:-$root/build/ccmsweep}
[ -x "$program" ] || find_program
code=0
if [ ! -e "$file" ] && [ -n "$(recall id)" ]; then
    echo "sweep     $file: not begun yet"
else
    "$program" status "$@" || code=$?
fi
print_job
exit "$code"
