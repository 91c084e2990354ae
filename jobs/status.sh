#!/bin/bash -p
# SPDX-License-Identifier: MIT
# Say how far a sweep is, and what SLURM says about its job.
#
# Usage: jobs/status.sh FILE [OPTION of ccmsweep status…]
#
# With --json, standard output is the program's alone. Exit codes: those of ccmsweep status; 0 when
# the job has not made the file yet.
set -euo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
read_site

# The queue's view, and what the job said last about itself.
print_job() {
    [[ $why != 'is '* ]] || return 0
    local id state row output used left nodes where
    if ! id=$(recall_number id ''); then
        echo "job       not known"
        return
    elif [ -z "$id" ]; then
        return
    fi
    if ! command -v squeue >/dev/null; then
        echo "job       $id: no squeue here to ask"
    elif ! ask_queue "$id"; then
        echo "job       $id: the queue does not answer ($state)"
    elif [ -z "$state" ]; then
        echo "job       $id: not in the queue"
    else
        row=$(slurm_tool squeue -h -j "$id" -o '%M|%L|%D|%R' 2>/dev/null | grep -F '|' | tail -n 1) ||
            true
        IFS='|' read -r used left nodes where <<<"$row"
        echo "job       $id: $state for $used, $left left, $nodes nodes ($where)"
        case $where in
        *Partition*Limit* | *PartitionConfig* | *BadConstraints*)
            echo "          the partition never has that: scancel $id, and submit a smaller job"
            ;;
        esac
    fi
    output=
    if [[ ! $(doubt regular "$file.job/$id.out") == 'is '* ]]; then
        # In a folder that is shared, anybody may have written it: also one line of gigabytes.
        output=$(tail -c 65536 -- "$file.job/$id.out" 2>/dev/null |
            sed -n "s/^\([0-9: -]*\) job $id: /\1: /p" | tail -n 1 | head -c 1000 | tr -d '\000-\011\013-\037\177') || true
    fi
    echo "said      ${output:-nothing yet}"
}

file='' json=false options=true
for word in "$@"; do
    if ! $options; then
        file=$word
        continue
    fi
    case $word in
    --help | -h | '-?') usage "${BASH_SOURCE[0]}" && exit 0 ;;
    --json) json=true ;;
    --) options=false ;;
    -*) ;;
    *) file=$word ;;
    esac
done
[ -n "$file" ] || fail 2 "jobs/status.sh: no file, expected jobs/status.sh FILE"
# As jobs/submit.sh does.
file=$(realpath -m -- "$file")
why=$(doubt folder "$file.job")
[ -z "$why" ] || say "$(quoted "$file.job") $why"
code=0
if [ -e "$file" ]; then
    # One that is built is taken as it is: this is to be quick.
    program=$root/build/ccmsweep
    if [ -n "${CCMSWEEP:-}" ] || [ ! -x "$program" ]; then
        find_program
    fi
    "$program" status "$@" || code=$?
elif [[ $why == 'is '* ]] || { said=$(recall id 2>/dev/null) && [ -z "$said" ]; }; then
    fail 2 "jobs/status.sh: there is no file $file"
elif ! $json; then
    echo "sweep     $file: not begun yet"
fi
if $json; then
    print_job >&2
else
    print_job
fi
exit "$code"
