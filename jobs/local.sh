#!/bin/bash -p
# SPDX-License-Identifier: MIT
# Run a sweep on this machine: install what is missing, build, train all cells, show the result,
# write the report.
#
# Usage: jobs/local.sh [SPEC.yaml] [-o FILE] [OPTION…]
#
# OPTION is one of build/ccmsweep run (see its --help). Without SPEC: sweeps/demo.yaml, about a
# minute on two cores. Without -o: into the spec's name with .h5, in the current folder. The same
# command resumes a sweep that was stopped or killed, and trains nothing when it is complete.
# In the end it writes FILE.report/report.html, and says so; when it is stopped, how to have one.
#
# Ctrl-C (or TERM, HUP) stops politely: each worker saves a checkpoint, and the exit code is 75. A
# second one kills at once, as does $PATIENCE without an answer; what is committed stays. A job that
# crashes is started again, without --retry and --check, and without --reuse of a file that has gone; 3
# starts in a row without progress are the last, and so is one that fails (code 1) before there is a
# file, as on a full disk.
#
# Environment:
#   CORES     number of workers, from 1 to 64 times the machine's cores; without it as many as this
#             process has cores
#   CCMSWEEP  the program; without it build/ccmsweep, which is built first
#   PATIENCE  seconds after which a job is killed that does not answer, or lacks some of its ranks; 120
#   REPORT    no: write no report
# Exit codes: those of ccmsweep run, among them 0 complete, 2 wrong input, 3 finished but cells
# failed, 4 the file is in use, 75 stopped; 128 + n killed by signal n.
set -euo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

restarts_max=3

# What the user asked for: $spec, $file and $options, all that goes to the program.
read_arguments() {
    local word next='' shows=false
    spec=$root/sweeps/demo.yaml
    if [ "$#" -gt 0 ] && [ "${1#-}" = "$1" ]; then
        spec=$1
        shift
    fi
    options=("$spec")
    file=
    for word in "$@"; do
        if [ "$next" = output ]; then
            file=$word
        fi
        next=
        case $word in
        --help | -h | '-?') usage "${BASH_SOURCE[0]}" && exit 0 ;;
        -o | --output) next=output ;;
        -o*) file=${word#-o} ;;
        --output=*) file=${word#--output=} ;;
        --progress | --progress=*) shows=true ;;
        --d*) REPORT=no ;; # --dry-run, which may be cut short
        esac
    done
    if [ "$spec" = "$root/sweeps/demo.yaml" ]; then
        for word in "$@"; do
            case $word in
            *.yaml | *.yml) fail 2 "jobs/local.sh: the spec comes first: jobs/local.sh $word OPTION…" ;;
            esac
        done
    fi
    case $file in
    -*) file=./$file ;;
    esac
    if [ -z "$file" ]; then
        file=$(basename -- "$spec")
        file=${file%.*}.h5
        options+=(-o "$file")
    fi
    # Behind mpirun the program sees a pipe; whether there is a terminal is known here.
    if [ -t 2 ] && ! $shows; then
        options+=(--progress bar)
        COLUMNS=$(stty size <&2 2>/dev/null | cut -d ' ' -f 2)
        export COLUMNS
    fi
    # What the user says comes last, and wins.
    options+=("$@")
}

# Copy what comes, at once, but for what Open MPI says about a program that left with a code of its
# own: that comes last, and goes to the file: without_banner FILE
without_banner() {
    local line='' part code place=0 held=() rule='^-{70,}$' news='mpirun: Forwarding signal '
    local banner=("$rule" '^Primary job +terminated normally, but ' '^a non-zero exit code' "$rule"
        "$rule" '^mpirun detected that one or more processes exited with non-zero status, '
        '^the job to be terminated' '^$' '^ *Process name: ' '^ *Exit code: ' "$rule")
    while :; do
        code=0
        IFS= read -r -t 0.1 part || code=$?
        line+=$part
        # Part of a line, and more to come: a bar is such a part, unless it may be mpirun's.
        if [ "$code" -gt 128 ]; then
            part=${line##*$'\r'}
            part=${part:0:${#news}}
            if [ "${#held[@]}" -eq 0 ] && [ -n "${line//-/}" ] &&
                [ "$part" != "${news:0:${#part}}" ]; then
                printf '%s' "$line"
                line=
            fi
            continue
        fi
        [ "$code" -eq 0 ] || break
        # A bar that was wiped away is in front.
        part=${line##*$'\r'}
        printf '%s' "${line%"$part"}"
        line=$part
        if [[ $line =~ ^(.*)"$news"[0-9]+\ to\ job$ ]]; then
            printf '%s' "${BASH_REMATCH[1]}"
            line=
            continue
        fi
        # The first half may be missing.
        [ "$place" -ne 1 ] || ! [[ $line =~ ${banner[5]} ]] || place=5
        if [ "${#held[@]}" -gt 0 ] && ! [[ $line =~ ${banner[place]:-^\.^} ]]; then
            printf '%s\n' "${held[@]}"
            held=()
            place=0
        fi
        if [[ $line =~ ${banner[place]} ]]; then
            held+=("$line")
            place=$((place + 1))
        else
            printf '%s\n' "$line"
        fi
        line=
    done
    : >"$1"
    if [ "${#held[@]}" -gt 0 ]; then
        printf '%s\n' "${held[@]}" >"$1"
    fi
    printf '%s' "$line"
}

# The processes of the job but its launcher, as far as they have become other programs.
workers_of_job() {
    local pid name launcher
    launcher=$(<"/proc/$job/comm") || return 0
    for pid in $(session_members "$job"); do
        { name=$(<"/proc/$pid/comm"); } 2>/dev/null || continue
        [ "$name" = "$launcher" ] || printf '%s\n' "$pid"
    done
}

# The launcher first: it would speak about the others.
kill_job() {
    local pid
    for pid in "$job" $(session_members "$job"); do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# A signal has come: ask_or_kill NUMBER
ask_or_kill() {
    interrupted=true
    signals=$((signals + 1))
    killed_by=$1
    if [ "$signals" -gt 2 ]; then
        # Whatever it is that does not even die.
        trap '' HUP INT TERM
        [ -z "$job" ] || kill_job
        exit $((128 + killed_by))
    elif [ "$signals" -eq 1 ]; then
        say "Stopping: each worker saves a checkpoint. Once more kills at once." 2>&3
        ask_to_stop
    elif [ -n "$job" ]; then
        kill_job
    fi
}

# Whether every rank would obey SIGUSR1: it runs the program already, which catches the signal.
all_listen() {
    local pid key value listening=0 bit=$(($(kill -l USR1) - 1))
    for pid in $(workers_of_job); do
        while read -r key value; do
            [ "$key" != SigCgt: ] || listening=$((listening + (0x$value >> bit & 1)))
        done <"/proc/$pid/status"
    done 2>/dev/null
    [ "$listening" -gt "$cores" ]
}

# Sleep without a process that would have to be ended, and end with this script: rest SECONDS
rest() {
    read -r -t "$1" -u "$never" || true
    kill -0 "$$" 2>/dev/null || exit 0
}

# Say why the job is given up, tell this script, and kill the job: give_up REASON
give_up() {
    say "$1: it is killed; what is committed stays." 2>&3
    kill -USR2 "$$"
    kill_job
}

# Pass the stop on, once: before the ranks listen it would be lost or kill them, and again, when the
# launcher ends the job, it would kill that.
ask_to_stop() {
    [ -n "$job" ] || return 0
    (
        trap '' INT TERM HUP
        end=$((SECONDS + patience_s))
        until all_listen || [ "$SECONDS" -ge "$end" ]; do
            rest 0.1
        done
        [ "$SECONDS" -ge "$end" ] || kill -USR1 "$job"
        end=$((SECONDS + patience_s))
        while [ "$SECONDS" -lt "$end" ]; do
            rest 1
        done
        give_up "The job does not answer"
    ) </dev/null >/dev/null 2>&1 &
    asking=$!
}

# A rank that could not start, or was lost without the launcher's noticing, leaves the others waiting.
watch_job() {
    (
        trap '' INT TERM HUP
        end=$((SECONDS + patience_s))
        while [ "$SECONDS" -lt "$end" ]; do
            rest 5
            [ "$(workers_of_job | wc -l)" -le "$cores" ] || end=$((SECONDS + patience_s))
        done
        give_up "The job has lacked some of its $((cores + 1)) ranks for $patience_s s"
    ) </dev/null >/dev/null 2>&1 &
    watching=$!
}

end_helper() {
    [ -n "$1" ] || return 0
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# Bytes that are free in a folder where something can be made: free_in FOLDER
free_in() {
    local bytes
    [ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ] || return 1
    bytes=$(df --output=avail -B1 -- "$1" 2>/dev/null | tail -n 1) &&
        whole_number "${bytes// /}" 999999999999999
}

# Make $scratch, a folder for the sockets of Open MPI and the memory its ranks share, which it leaves
# behind when it is killed. Where there is no room for the memory, $transport makes it do without: a
# page that cannot be had would be a crash, or wait for ever.
make_scratch() {
    local beside folder bytes shared limit mapped=true small=$((2 ** 20 + (cores + 1) * 2 ** 16))
    shared=$((2 ** 24 + (cores + 1) * 5 * 2 ** 20))
    # Each rank's part is a file.
    limit=$(ulimit -f)
    [ "$limit" = unlimited ] || [ "$limit" -ge 8192 ] || mapped=false
    beside=$(dirname -- "$(realpath -m -- "$file")")
    # Memory in a file on a network would be slow, and is not for all of them.
    for bytes in "$shared" "$small"; do
        for folder in /dev/shm "${TMPDIR:-/tmp}" /tmp "$beside"; do
            [ "$bytes" -eq "$small" ] || { [ "$folder" != "$beside" ] && $mapped; } || continue
            [ "$(free_in "$folder" || echo 0)" -ge "$bytes" ] || continue
            scratch=$(mktemp -d "$(realpath -- "$folder")/ccmsweep.XXXXXX" 2>/dev/null) || continue
            mkfifo "$scratch/stderr" "$scratch/never" 2>/dev/null || { rm -rf "$scratch" && continue; }
            [ "$bytes" -eq "$shared" ] ||
                transport=(--mca btl 'self,tcp' --mca btl_tcp_if_include lo)
            return
        done
    done
    fail 1 "jobs/local.sh: no folder has $((small / 1024)) KB free for the sockets of Open MPI:" \
        "not /dev/shm, ${TMPDIR:-/tmp}, /tmp nor $beside"
}

# In a job of SLURM that still runs, the program has to know it, for its end. Open MPI does not: it is
# to stay on this node, with the cores of this process.
find_allocation() {
    local id=${SLURM_JOB_ID:-} end=${SLURM_JOB_END_TIME:-} state
    allocation=()
    if id=$(whole_number "$id" 4294967295 1) && type -P squeue >/dev/null && ask_queue "$id" &&
        [ "$state" = RUNNING ]; then
        allocation=(env SLURM_JOB_ID="$id")
        ! end=$(whole_number "$end" 999999999999 1) || allocation+=(SLURM_JOB_END_TIME="$end")
    fi
    leave_allocation
    leave_launcher
}

# Run the job to its end; its exit code is left in $code, and what the launcher said in $ended.
run_job() {
    (
        trap '' INT TERM HUP
        without_banner "$scratch/banner"
    ) <"$scratch/stderr" >&2 &
    filter=$!
    # In a session of its own: the terminal's Ctrl-C comes here alone.
    setsid mpirun --oversubscribe --bind-to none \
        --mca orte_tmpdir_base "$scratch" --mca btl_vader_backing_directory "$scratch" \
        ${transport[@]+"${transport[@]}"} -n "$((cores + 1))" \
        ${allocation[@]+"${allocation[@]}"} "$program" run "${options[@]}" \
        </dev/null 2>"$scratch/stderr" &
    job=$!
    watch_job
    if [ "$signals" -gt 0 ]; then
        ask_to_stop
    fi
    wait_for "$job"
    ended=$code
    job=
    end_helper "$watching"
    end_helper "$asking"
    watching='' asking=''
    wait_for "$filter"
    filter=
    code=$ended
    doubt_end
    case $code in
    2 | 3 | 4 | 75) ;;
    *) cat "$scratch/banner" >&2 ;;
    esac
    rm "$scratch/banner"
}

# Write the report of a sweep that has ended. What counts is the sweep: this changes no exit code.
write_report() {
    [ "${REPORT:-}" != no ] || return 0
    trap - HUP INT TERM
    CCMSWEEP=$program "$root/jobs/report.sh" "$file" || true
}

# A sweep that was stopped has no report yet.
leave_stopped() {
    if [ "${REPORT:-}" != no ] && [ -e "$file" ]; then
        say "A report of what there is by now: jobs/report.sh $(quoted "$file")"
    fi
    exit 75
}

# Leave when there is no reason to start the job again.
leave_if_ended() {
    case $code in
    0 | 3) write_report && exit "$code" ;;
    75) leave_stopped ;;
    2 | 4) exit "$code" ;;
    126 | 127) fail "$code" "mpirun cannot be run: see jobs/setup.sh" ;;
    esac
    if $lost; then
        [ "$signals" -eq 0 ] || leave_stopped
        exit 1
    fi
    if [ "$signals" -gt 1 ]; then
        say "Killed; the same command resumes from what is committed."
        exit $((128 + killed_by))
    fi
    if [ "$signals" -gt 0 ]; then
        # The request may find the launcher before it is up, or no more.
        [ "$code" -ne $((128 + $(kill -l USR1))) ] || leave_stopped
        exit "$code"
    fi
}

read_arguments "$@"
need_files
most=$((64 * $(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc --all)))
cores=${CORES:-$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)}
cores=$(need_number "jobs/local.sh: CORES is" "$cores" "$most")
patience_s=$(need_number "jobs/local.sh: PATIENCE is" "${PATIENCE:-120}" 86400)
find_program
find_allocation
allow_root

# Kept for what is said while standard error is shut.
exec 3>&2
signals=0 killed_by=0 job='' asking='' code=0 interrupted=false lost=false
trap 'ask_or_kill 1' HUP
trap 'ask_or_kill 2' INT
trap 'ask_or_kill 15' TERM
trap 'interrupted=true; lost=true' USR2
scratch='' transport=() watching='' filter=''
trap 'end_helper "$watching" && end_helper "$asking" && end_helper "$filter" &&
    { [ -z "$scratch" ] || rm -rf "$scratch"; }' EXIT
make_scratch
exec {never}<>"$scratch/never"
# Its values come over sockets: those of memory hang where there is little.
export PMIX_MCA_gds=hash

restarts=0
before=$(run_states)
while :; do
    [ "$signals" -eq 0 ] || exit 75
    run_job
    leave_if_ended
    if [ "$ended" -eq 1 ] && [ ! -e "$file" ]; then
        say "The job ended with code 1 and has made no file: starting it again at once would not help."
        exit 1
    fi
    now=$(run_states)
    if [ "$now" != "$before" ]; then
        restarts=0
        before=$now
    fi
    if [ "$restarts" -ge "$restarts_max" ]; then
        say "The job ended with code $code, as after $restarts_max restarts without progress."
        exit "$code"
    fi
    restarts=$((restarts + 1))
    say "The job ended with code $code: starting it again."
    leave_out_once "$file" "${options[@]}"
    options=("${later[@]}")
done
