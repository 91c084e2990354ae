#!/bin/bash -p
# SPDX-License-Identifier: MIT
# Try on this machine, with this file system and this launcher, what a sweep relies on: locks, fsync,
# rename, reading while another process writes, kills, a polite stop, the same bytes on any number of ranks.
#
# Usage: jobs/selftest.sh [FOLDER] [OPTION…] [-- OPTION of sbatch…]
#   FOLDER              where sweeps are to be; without it the current folder
#   --nodes N           as a job of SLURM on N nodes, to which it is submitted, or of the allocation that
#                       this is started in; without it all nodes of the allocation, or this machine
#   --kills N           number of SIGKILLs; 30
#   --seed N            which ranks are killed, and when; without it another seed each time, which is
#                       printed: the same seed repeats the choice, as far as the machine is as fast
#   --patience S        seconds that anything may take which takes a few on an idle machine; 240. What
#                       takes longer is ended, and its check fails: on a busy machine give it more
#   --only CHECK[,…]    these alone: launcher, fsync, rename, file, locks, nodes, ranks, readers, stop,
#                       kills, bytes
#
# It takes two to four minutes. All its files are in a folder of its own under FOLDER, which is removed
# in the end, or kept when something has failed. It ends only processes that it has started. With
# SLURM, FOLDER must be one that all nodes share, and $LAUNCHER of jobs/env.sh starts the ranks.
#
# Environment: CCMSWEEP, the program; without it build/ccmsweep, which is built first.
# Exit codes: 0 all checks passed; 2 wrong input, or nothing can be tried: with --nodes also when SLURM
# takes no job; 3 a check has failed: a sentence says what it means; 128 + n ended by signal n; any
# other is that of a job which SLURM has ended.
set -euo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=jobs/selftest_checks.sh
. "$root/jobs/selftest_checks.sh"
read_site

checks=(launcher fsync rename file locks nodes ranks readers stop kills bytes)
ranks_a_node=2 # and the scheduler's rank

read_arguments() {
    local name
    folder='' nodes='' kills=30 seed='' patience_s=240 only=" ${checks[*]} " submit_options=()
    words=("$@")
    while [ "$#" -gt 0 ]; do
        case $1 in
        --help | -h | '-?') usage "${BASH_SOURCE[0]}" && exit 0 ;;
        --nodes | --kills | --seed | --patience | --only)
            [ "$#" -gt 1 ] || fail 2 "jobs/selftest.sh: $1 needs a value"
            take "$1" "$2"
            shift
            ;;
        --nodes=* | --kills=* | --seed=* | --patience=* | --only=*) take "${1%%=*}" "${1#*=}" ;;
        --)
            shift
            submit_options=("$@")
            break
            ;;
        -*) fail 2 "jobs/selftest.sh: unknown option '$1' (see --help)" ;;
        *)
            [ -z "$folder" ] || fail 2 "jobs/selftest.sh: one folder only, not also '$1'"
            folder=$1
            ;;
        esac
        shift
    done
    [ -n "${only// /}" ] || fail 2 "jobs/selftest.sh: --only '', expected some of ${checks[*]}"
    [ "${#submit_options[@]}" -eq 0 ] || [ -n "$nodes" ] ||
        fail 2 "jobs/selftest.sh: ${submit_options[0]} is for sbatch, expected --nodes with it"
    for name in $only; do
        [[ " ${checks[*]} " == *" $name "* ]] ||
            fail 2 "jobs/selftest.sh: --only '$name', expected some of ${checks[*]}"
    done
    folder=${folder:-.}
    [ -d "$folder" ] || fail 2 "jobs/selftest.sh: there is no folder $folder"
    { [ -w "$folder" ] && [ -x "$folder" ]; } ||
        fail 2 "jobs/selftest.sh: nothing can be written into $folder"
    folder=$(realpath -- "$folder")
    take_time
    seed=${seed:-$((now_us / 1000000 % 1000000 + 1))}
    drawn=$seed
}

take() {
    case $1 in
    --nodes) nodes=$(need_number "jobs/selftest.sh: $1" "$2" 1000) ;;
    --kills) kills=$(need_number "jobs/selftest.sh: $1" "$2" 10000) ;;
    --seed) seed=$(need_number "jobs/selftest.sh: $1" "$2" 2147483647) ;;
    --patience) patience_s=$(need_number "jobs/selftest.sh: $1" "$2" 86400) ;;
    --only) only=" ${2//,/ } " ;;
    esac
}

wanted() {
    [[ $only == *" $1 "* ]]
}

# Microseconds since 1970, in $now_us. Bash knows them from 5.0 on; clusters have older ones.
take_time() {
    now_us=${EPOCHREALTIME:-$(date +%s.%6N)}
    now_us=${now_us/./}
}

# The next whole number below MOST, the same for a seed on any machine: draw MOST; in $draw.
draw() {
    drawn=$(((drawn * 1103515245 + 12345) % 2147483648))
    draw=$(((drawn >> 8) % $1))
}

# ---- what is printed ----

passed=0 failed=0
print_row() {
    printf '%-9s %-10s %s\n' "$1" "$2" "$3"
}

# A check that has passed: pass CHECK WHAT WAS SEEN
pass() {
    passed=$((passed + 1))
    print_row "$1" pass "$2"
}

# One that has not, and what that means: flunk CHECK WHAT WAS SEEN; WHAT IT MEANS
flunk() {
    local busy=''
    failed=$((failed + 1))
    print_row "$1" FAILED "$2"
    if $late; then
        busy="This may be a busy machine: run it again when it is idle, or with --patience"
        busy+=" $((4 * patience_s)). If it fails again: "
    fi
    printf '%20s %s\n' '' "$busy$3"
}

skip() {
    print_row "$1" 'not tried' "$2"
}

# What a command has said, in one line: the program's last words that are no news of Open MPI.
words_of() {
    local line
    line=$(grep -a '^ccmsweep: ' -- "$1" | tail -n 1) || line=$(grep -av '^-*$' -- "$1" | tail -n 1) || true
    line=${line//[^[:print:]]/ }
    printf '%s' "${line:0:400}"
}

# ---- processes ----

# A rank, on its node: ROOM for what MPI shares, and the rank that kills itself (a number, all, none)
# after so many seconds: VICTIM AFTER NOTE ROOM PROGRAM WORD… The one that kills is its child, and looks
# whether it still is.
# shellcheck disable=SC2016 # for another shell
as_rank='victim=$1 after=$2 note=$3 room=$4.${SLURMD_NODENAME:-here}
shift 4
if mkdir -p -m 700 "$room" 2>/dev/null && [ -O "$room" ] && [ ! -L "$room" ]; then
    export OMPI_MCA_btl_vader_backing_directory="$room"
    export OMPI_MCA_orte_tmpdir_base="${OMPI_MCA_orte_tmpdir_base:-$room}"
else
    export OMPI_MCA_btl=^vader
fi
if [ "$victim" = all ] || [ "$victim" = "${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-0}}" ]; then
    (
        sleep "$after"
        read -r _ _ _ parent _ <"/proc/$BASHPID/stat"
        [ "$parent" = "$$" ] || exit
        : >"$note"
        kill -KILL "$$"
    ) </dev/null >/dev/null 2>&1 &
fi
exec "$@"'

# Begin a process in a session of its own, so that Ctrl-C comes here alone: $job, and its words are in
# $said.
jobs_begun=()
begin() {
    said=$place/said.${#jobs_begun[@]}
    setsid "$@" </dev/null >"$said" 2>&1 &
    job=$!
    jobs_begun+=("$job")
}

# Begin the program on all ranks: launch VICTIM AFTER WORD…
launch() {
    local rank=("$1" "$2" "$place/killed" "$room")
    shift 2
    begin "${launcher[@]}" bash -p -c "$as_rank" rank "${rank[@]}" "$program" "$@"
}

# A command on one node, the first is 0: on_node NODE COMMAND…
on_node() {
    local node=$1
    shift
    ${node_launcher[@]+"${node_launcher[@]}"} ${hosts[$node]+"-w" "${hosts[$node]}"} "$@"
}

# Begin the program alone on a node: begin_on NODE WORD…
begin_on() {
    local node=$1
    shift
    begin ${node_launcher[@]+"${node_launcher[@]}"} ${hosts[$node]+"-w" "${hosts[$node]}"} \
        "$program" "$@"
}

runs() {
    kill -0 "$1" 2>/dev/null
}

# Wait until a job has ended, $patience_s at most; its exit code is in $code, and in $ended how it
# ended, in words: end_of JOB
end_of() {
    local end=$((SECONDS + patience_s))
    while runs "$1"; do
        if [ "$SECONDS" -ge "$end" ]; then
            give_up "$1" "did not end"
            return
        fi
        sleep 0.05
    done
    code=0
    wait "$1" || code=$?
    ended="ended with code $code"
} 2>/dev/null # what bash has to say about processes that were killed

# End a job that has used up its time: give_up JOB WHAT IT DID NOT
give_up() {
    end_job "$1"
    late=true
    code=none
    ended="$2 within $patience_s s"
}

# srun ends the ranks on all nodes itself when it is asked to; those of mpirun are in its session.
end_job() {
    local pid try
    runs "$1" || return 0
    if [ "${#hosts[@]}" -gt 0 ]; then
        kill -TERM "$1" 2>/dev/null || true
        for ((try = 0; try < 100; try++)); do
            runs "$1" || break
            sleep 0.1
        done
    fi
    for pid in "$1" $(session_members "$1"); do
        kill -KILL "$pid" || true
    done
    wait "$1" || true
} 2>/dev/null

# Ask a job for a polite stop, and wait for its end.
stop_job() {
    kill -USR1 "$1" 2>/dev/null || true
    end_of "$1"
}

end_all() {
    local job
    for job in ${jobs_begun[@]+"${jobs_begun[@]}"}; do
        # Ended jobs are not in the shell's table any more, or have no process.
        ! jobs -pr | grep -qx "$job" || end_job "$job"
    done
}

clean_nodes() {
    if [ "${#hosts[@]}" -gt 0 ]; then
        on_each_node bash -p -c "rm -rf -- $(quoted "$room").*"
    else
        rm -rf -- "$room".*
    fi
}

# A job that waits is only taken back; one that runs is to clean up first.
end_submitted() {
    local try
    slurm_tool scancel --state=PENDING "$submitted" || true
    slurm_tool scancel --batch --signal=TERM "$submitted" || true
    for ((try = 0; try < 300; try++)); do
        runs "$waiting" || break
        sleep 0.2
    done
    slurm_tool scancel "$submitted" || true
    wait "$waiting" || true
} >/dev/null 2>&1

# However this ends.
leave() {
    local code=$?
    trap '' HUP INT TERM
    [ -z "$submitted" ] || end_submitted
    rm -f -- ${answer:+"$answer" "$answer.words"} ${out:+"$out"}
    [ -n "$place" ] || exit "$code"
    end_all
    clean_nodes
    if [ "$code" -ne 3 ]; then
        rm -rf -- "$place"
    fi
    exit "$code"
}

# ---- where it runs ----

# The nodes of the allocation in $hosts, none without SLURM; $launcher and $node_launcher.
find_nodes() {
    local id=${SLURM_JOB_ID:-} slots
    hosts=() node_launcher=()
    if id=$(whole_number "$id" 4294967295 1) && type -P srun squeue >/dev/null && ask_queue "$id" &&
        [ "$state" = RUNNING ]; then
        mapfile -t hosts < <(slurm_tool scontrol show hostnames "$SLURM_JOB_NODELIST")
        [ "${nodes:-1}" -le "${#hosts[@]}" ] ||
            fail 2 "jobs/selftest.sh: --nodes $nodes, but the allocation has ${#hosts[@]}"
        hosts=("${hosts[@]:0:${nodes:-${#hosts[@]}}}")
    elif [ -n "$nodes" ]; then
        submit
    fi
    leave_launcher
    allow_root
    export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 HDF5_USE_FILE_LOCKING=FALSE PMIX_MCA_gds=hash
    if [ "${#hosts[@]}" -eq 0 ]; then
        leave_allocation
        LAUNCHER=mpirun
        ranks=$((ranks_a_node + 1))
        launcher=(mpirun --oversubscribe --bind-to none -n "$ranks")
        return
    fi
    unbind_ranks
    unset SLURM_NTASKS_PER_NODE SLURM_HINT SLURM_THREADS_PER_CORE
    # Steps run beside each other.
    export SLURM_OVERLAP=1
    SLURM_JOB_NUM_NODES=${#hosts[@]}
    ranks=$((ranks_a_node * ${#hosts[@]} + 1))
    node_launcher=(srun --mpi=none --export=ALL --overcommit --nodes=1 --ntasks=1)
    slots=$((ranks_a_node + 1))
    [ "${#hosts[@]}" -eq 1 ] || slots+=",$ranks_a_node(x$((${#hosts[@]} - 1)))"
    case $LAUNCHER in
    srun)
        launcher=(srun --mpi="$PMIX" --export=ALL --overcommit --kill-on-bad-exit=0 --wait=10
            --nodes="${#hosts[@]}" --ntasks="$ranks" --distribution=cyclic)
        ;;
    mpirun)
        launcher=(env SLURM_TASKS_PER_NODE="$slots" mpirun --oversubscribe --bind-to none
            --map-by node -n "$ranks")
        ;;
    *) fail 2 "LAUNCHER is '$LAUNCHER', expected srun or mpirun: see jobs/env.sh" ;;
    esac
}

# Run this as a job, show what it says, and leave with its exit code.
submit() {
    local code=0 command word words
    type -P sbatch >/dev/null ||
        fail 2 "jobs/selftest.sh: --nodes needs SLURM, and there is no sbatch here"
    [[ $folder != *\\* ]] || fail 2 "jobs/selftest.sh: $(quoted "$folder") has a backslash in it"
    find_program
    leave_allocation
    leave_launcher
    command='exec'
    for word in /bin/bash -p "$root/jobs/selftest.sh" "$folder" --kills "$kills" --seed "$seed" \
        --patience "$patience_s" --nodes "$nodes" --only "$(tr -s ' ' , <<<"$only" | sed 's/^,//;s/,$//')"; do
        command+=" '${word//\'/\'\\\'\'}'"
    done
    answer=$folder/ccmsweep-selftest.$$.sbatch
    out=${answer%.sbatch}.out
    : >"$out"
    slurm_tool sbatch --parsable --wait --job-name=selftest --nodes="$nodes" \
        --ntasks-per-node=$((ranks_a_node + 1)) --time=$((patience_s > 240 ? patience_s / 12 : 20)) --open-mode=append --output="${out//%/%%}" \
        ${site_options[@]+"${site_options[@]}"} ${submit_options[@]+"${submit_options[@]}"} \
        --wrap "$command" >"$answer" 2>"$answer.words" </dev/null &
    waiting=$!
    until [ -s "$answer" ] || ! runs "$waiting"; do
        sleep 0.2
    done
    submitted=$(whole_number "$(head -n 1 "$answer" | cut -d ';' -f 1)" 4294967295 1) || submitted=
    if [ -z "$submitted" ]; then
        wait "$waiting" || code=$?
        words=$(tr -s '[:space:]' ' ' <"$answer.words" | tr -cd '[:print:]')
        fail 2 "jobs/selftest.sh: SLURM takes no job, so nothing was tried: sbatch ended with code $code and" \
            "said '${words:0:400}'"
    fi
    say "Submitted as job $submitted: what it says comes here."
    tail -n +1 -f --pid="$waiting" "$out" &
    wait "$waiting" || code=$?
    wait "$!" || true
    submitted=
    cat -- "$answer.words" >&2
    exit "$code"
}

place='' submitted='' answer='' out='' hosts=()
read_arguments "$@"
need_files
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
find_nodes
find_program
place=$(mktemp -d "$folder/ccmsweep-selftest.XXXXXX") ||
    fail 2 "jobs/selftest.sh: nothing can be written into $folder"
room=/dev/shm
[ -w "$room" ] || room=/tmp
room=$room/ccmsweep-selftest.$(basename -- "$place")
write_specs
where="this machine"
[ "${#hosts[@]}" -eq 0 ] || where=${hosts[*]}
say "Self-test in $folder ($(stat -f -c %T -- "$folder")), $ranks ranks by $LAUNCHER on $where, seed $seed"
began=$SECONDS
sound=true late=false
for check in "${checks[@]}"; do
    wanted "$check" || continue
    late=false
    if ! $sound && [ "$check" != locks ] && [ "$check" != nodes ]; then
        skip "$check" "what it needs has failed"
    elif [ "$check" != readers ]; then
        "check_$check" || sound=false
    elif ! wanted ranks; then
        check_ranks || sound=false
    fi
done
echo "$passed passed, $failed failed, in $((SECONDS - began)) s"
if [ "$failed" -gt 0 ]; then
    say "What was written is in $(quoted "$place"). The same choice of kills: --seed $seed"
    exit 3
fi
