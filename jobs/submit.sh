#!/bin/bash -p
# SPDX-License-Identifier: MIT
# Submit a sweep to SLURM: say what it will take, propose a time, show the command, submit.
#
# Usage: jobs/submit.sh SPEC.yaml -o FILE [--nodes N] [--ranks-per-node N] [--time T] [--extend]
#                       [--dry-run] [OPTION of sbatch…] [-- OPTION of ccmsweep run…]
#   -o FILE             the sweep's file; the output of its jobs goes to FILE.job/
#   --nodes N           nodes, or a range such as 1-4: as many of them as there are; 1
#   --ranks-per-node N  trainings at a time on each node; without it whole nodes (--exclusive)
#   --time T            time limit of one start: minutes, H:M:S or D-H:M:S; without it what the sweep
#                       will take and half of that more, within the partition's limit. The job starts
#                       again by itself until the sweep is complete: a short limit, which waits less
#                       for its place, does as well. 0: no limit
#   --extend            make the sweep of FILE that of SPEC, which is wider (ccmsweep run --extend)
#   --dry-run           show all that and submit nothing
# Anything else goes to sbatch unchanged, for example -n 1 for one training at a time, --partition,
# --mem-per-cpu. What holds for a whole cluster stands in jobs/env.sh. The options behind -- are those
# of every start of the job, but --retry and --check, which are those of the first, and --reuse of a
# file that has gone since.
# The job reads a copy of the spec, FILE.job/spec.yaml: SPEC may be changed as soon as it is submitted.
#
# Exit codes: 0 submitted, or nothing is left to do; 1 the queue cannot be asked; 2 wrong input; 4 a
# job for FILE is queued or running; else that of sbatch.
set -euo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
read_site
leave_allocation
leave_launcher

# What the user asks for: $spec, $file, $nodes, $per_node, $limit, $options for sbatch and
# $run_options for the program.
read_arguments() {
    nodes='' per_node='' limit='' file='' dry=false extend=() options=() run_options=()
    case ${1:-} in
    --help | -h | '-?') usage "${BASH_SOURCE[0]}" && exit 0 ;;
    '' | -*) fail 2 "jobs/submit.sh: no spec, expected jobs/submit.sh SPEC.yaml -o FILE (see --help)" ;;
    esac
    spec=$1
    shift
    read_options ${site_options[@]+"${site_options[@]}"}
    file=
    read_options "$@"
    run_options=(${extend[@]+"${extend[@]}"} ${run_options[@]+"${run_options[@]}"})
    [ -n "$file" ] || fail 2 "jobs/submit.sh: no file for the sweep, expected -o FILE"
    [ -f "$spec" ] || fail 2 "jobs/submit.sh: there is no spec $spec"
    check_file
    # A successor of the job gets its words line by line.
    [[ "$file ${options[*]-}" != *$'\n'* ]] ||
        fail 2 "jobs/submit.sh: no line feed can be in FILE or in an option of sbatch"
    # The job may start in another folder (sbatch --chdir).
    spec=$(realpath -- "$spec")
    file=$(realpath -- "$file")
    # sbatch would write the job's output elsewhere.
    [[ $file != *\\* ]] || fail 2 "jobs/submit.sh: $(quoted "$file") has a backslash in it"
}

check_file() {
    local folder
    folder=$(dirname -- "$file")
    [ -d "$folder" ] || fail 2 "jobs/submit.sh: there is no folder $folder for $file"
    [ -w "$folder" ] || fail 2 "jobs/submit.sh: nothing can be written into $folder"
    [ ! -d "$file" ] || fail 2 "jobs/submit.sh: $file is a folder, expected the name of a file"
    [ ! -e "$file" ] || [ -f "$file" ] || fail 2 "jobs/submit.sh: $file is not a regular file"
}

# Those of the site come first, so that the user's win.
read_options() {
    while [ "$#" -gt 0 ]; do
        case $1 in
        -o | --output | --nodes | -N | --ranks-per-node | --ntasks-per-node | --time | -t)
            [ "$#" -gt 1 ] || fail 2 "jobs/submit.sh: $1 needs a value"
            take "$1" "$2"
            shift
            ;;
        --output=* | --nodes=* | --ranks-per-node=* | --ntasks-per-node=* | --time=*)
            take "${1%%=*}" "${1#*=}"
            ;;
        -o* | -N* | -t*) take "${1:0:2}" "${1:2}" ;;
        --dry-run) dry=true ;;
        --extend) extend=(--extend) ;;
        --array | --array=* | -a*)
            fail 2 "jobs/submit.sh: no $1 for a sweep: one job trains all its cells"
            ;;
        --help | -h) usage "${BASH_SOURCE[0]}" && exit 0 ;;
        --)
            shift
            run_options=("$@")
            case " $* " in *' --d'*) dry=true ;; esac
            break
            ;;
        *) options+=("$1") ;;
        esac
        shift
    done
}

take() {
    local most
    case $1 in
    -o | --output) file=$2 ;;
    --nodes | -N)
        nodes=$(check_number --nodes "${2%%-*}")
        most=$(check_number --nodes "${2##*-}")
        [ "$nodes" -le "$most" ] ||
            fail 2 "jobs/submit.sh: --nodes '$2', expected the fewer nodes first"
        case $2 in *-*) nodes+=-$most ;; esac
        ;;
    --ranks-per-node | --ntasks-per-node) per_node=$(check_number "$1" "$2") ;;
    --time | -t)
        limit=$2
        case ${2^^} in
        UNLIMITED | INFINITE) limit=0 ;;
        esac
        [ -n "$(seconds_of "$limit")" ] ||
            fail 2 "jobs/submit.sh: --time '$2' is not a time, expected minutes, H:M:S or D-H:M:S"
        ;;
    esac
}

check_number() {
    need_number "jobs/submit.sh: $1" "$2" 1000000
}

# Seconds of a time as SLURM writes it; nothing when it is none: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S
seconds_of() {
    local text=$1 days='' field='([0-9]{1,9})' parts
    if [[ $text =~ ^$field-(.*)$ ]]; then
        days=${BASH_REMATCH[1]}
        text=${BASH_REMATCH[2]}
    fi
    if [[ $text =~ ^$field:$field:$field$ ]]; then
        parts=("${BASH_REMATCH[@]:1}")
    elif [[ $text =~ ^$field:$field$ ]]; then
        parts=("${BASH_REMATCH[@]:1}" 0)
    elif [[ $text =~ ^$field$ ]]; then
        parts=("$text" 0 0)
    else
        return 0
    fi
    # Without days, what is not there are the hours.
    if [ -z "$days" ] && [[ $text != *:*:* ]]; then
        parts=(0 "${parts[@]:0:2}")
    fi
    echo $((((10#${days:-0} * 24 + 10#${parts[0]}) * 60 + 10#${parts[1]}) * 60 + 10#${parts[2]}))
}

# Value of an option among those for sbatch: option_of LONG SHORT
option_of() {
    local word value='' next=false
    for word in ${options[@]+"${options[@]}"}; do
        if $next; then
            value=$word
            next=false
            continue
        fi
        case $word in
        "$1" | "$2") next=true ;;
        "$1"=*) value=${word#*=} ;;
        "$2"*) value=${word#"$2"} ;;
        esac
    done
    printf '%s' "$value"
}

# Options that say how large the job is, and $workers, as far as that is known. A training has a core
# of its own, unless the user knows better.
choose_size() {
    local tasks cpus sockets per_socket per_task a_core=()
    case " ${options[*]-}" in
    *' --hint'* | *' --threads-per-core'* | *' --ntasks-per-core'*) ;;
    *) a_core=(--hint=nomultithread) ;;
    esac
    tasks=$(option_of --ntasks -n)
    if [ -n "$tasks" ]; then
        tasks=$(check_number --ntasks "$tasks")
        size=(${nodes:+--nodes="$nodes"} ${per_node:+--ntasks-per-node="$per_node"}
            ${a_core[@]+"${a_core[@]}"})
        workers=$tasks
        return
    fi
    nodes=${nodes:-1}
    if [ -n "$per_node" ]; then
        # With a range, a number of tasks on each node would be one for the most nodes.
        case $nodes in
        *-*) size=(--nodes="$nodes" --mincpus="$per_node") ;;
        *) size=(--nodes="$nodes" --ntasks-per-node="$per_node") ;;
        esac
        size+=(${a_core[@]+"${a_core[@]}"})
        workers=$((${nodes%%-*} * per_node))
    else
        size=(--nodes="$nodes" --exclusive)
        read -r cpus sockets per_socket < <(ask_sinfo '%c %X %Y' | sort -n | head -n 1) || true
        cpus=$(whole_number "${cpus%+}" 1000000 1 || echo 1)
        sockets=$(whole_number "${sockets%+}" 1000000 || echo 0)
        per_socket=$(whole_number "${per_socket%+}" 1000000 || echo 0)
        tasks=$((sockets * per_socket))
        [ "$tasks" -gt 0 ] && [ "$tasks" -lt "$cpus" ] || tasks=$cpus
        per_task=$(option_of --cpus-per-task -c)
        per_task=$(check_number --cpus-per-task "${per_task:-1}")
        workers=$((${nodes%%-*} * (tasks / per_task)))
        [ "$workers" -gt 0 ] || workers=1
    fi
}

# Say it when the partition will never have what the job asks for: SLURM would let it wait.
check_room() {
    local have=0 cpus=0 more most
    while read -r more most; do
        more=$(whole_number "$more" 1000000) && most=$(whole_number "${most%+}" 1000000) || return 0
        have=$((have + more))
        [ "$most" -le "$cpus" ] || cpus=$most
    done < <(ask_sinfo '%D %c')
    [ "$have" -gt 0 ] || return 0
    [ -z "$nodes" ] || [ "${nodes%%-*}" -le "$have" ] ||
        say "Warning: the partition has $have nodes, so a job of ${nodes%%-*} nodes waits for ever"
    [ -z "$per_node" ] || [ "$per_node" -le "$cpus" ] ||
        say "Warning: the partition's nodes have $cpus CPUs, so a job of $per_node ranks a node waits" \
            "for ever"
}

# What sinfo knows of the partition: ask_sinfo FORMAT
ask_sinfo() {
    local partition
    partition=$(option_of --partition -p)
    partition=${partition:-${SBATCH_PARTITION:-}}
    # Without a partition, the default one, whose name ends in a star.
    slurm_tool sinfo -h -e ${partition:+-p "$partition"} -o "%P $1" 2>/dev/null | sed '/^CLUSTER: /d' |
        if [ -n "$partition" ]; then cat; else grep '^[^ ]*\* ' || true; fi | cut -d ' ' -f 2-
}

# What the program would refuse is refused now.
check_run() {
    local said code=0
    said=$("$program" run "$spec" -o "$file" --dry-run ${run_options[@]+"${run_options[@]}"} 2>&1) ||
        code=$?
    [ "$code" -eq 0 ] || fail "$code" "$said"
}

# Ask the plan: $left_s, $longest_s, $cells, $finished, and $extends, whether the file is to become a
# wider one.
ask_plan() {
    local plan words=("$spec") word value=false
    [ ! -f "$file" ] || words+=("$file")
    for word in ${run_options[@]+"${run_options[@]}"}; do
        if $value; then
            words+=(--set "$word")
            value=false
            continue
        fi
        case $word in
        --se | --set) value=true ;;
        --se=* | --set=*) words+=("--set=${word#*=}") ;;
        --e | --ex | --ext | --exte | --exten | --extend) words+=(--extend) ;;
        esac
    done
    plan=$("$program" plan "${words[@]}" --json) || exit "$?"
    if ! cells=$(whole_number "$(number_in cells <<<"$plan")" 999999999999) ||
        ! finished=$(whole_number "$(number_in finished_cells <<<"$plan")" 999999999999); then
        fail 1 "jobs/submit.sh: $program plan does not say how many cells there are"
    fi
    extends=false
    case $plan in
    *'"extension": {'*)
        extends=true
        # They have taught what cells take, but are to be trained on.
        finished=$((finished - $(number_in continued <<<"$plan") - $(number_in anew <<<"$plan")))
        [ "$finished" -ge 0 ] || finished=0
        ;;
    esac
    left_s=$(number_in left_s <<<"$plan")
    longest_s=$(number_in longest_cell_s <<<"$plan")
}

# Whether an option of the run is one of these, cut short or not: has_option PATTERN|…
has_option() {
    local word
    for word in ${run_options[@]+"${run_options[@]}"}; do
        # shellcheck disable=SC2053 # it is a pattern
        [[ $word != @($1) ]] || return 0
    done
    return 1
}

in_words() {
    awk -v s="$1" 'BEGIN {
        if (s < 90) printf "%.0f s", s
        else if (s < 5400) printf "%.0f min", s / 60
        else printf "%.1f h", s / 3600
    }'
}

# $limit_s: the user's, or half as much again as the sweep will take and five minutes, in steps of
# five, within what the partition allows.
choose_time() {
    local most
    # More than there are cells have nothing to do.
    [ "$workers" -le $((cells - finished)) ] || [ "$finished" -eq "$cells" ] ||
        workers=$((cells - finished))
    wall_s=$(awk -v left="$left_s" -v longest="$longest_s" -v workers="$workers" \
        'BEGIN { s = left / workers; printf "%.0f", (s > longest) ? s : longest }')
    # A thousand years are as good as any longer time.
    wall_s=$(whole_number "$wall_s" 32000000000 || echo 32000000000)
    if [ -n "$limit" ]; then
        limit_s=$(seconds_of "$limit")
        return
    fi
    limit_s=$(((wall_s * 3 / 2 + 300 + 299) / 300 * 300))
    most=$(ask_sinfo %l | head -n 1) || true
    most=$(seconds_of "${most:-none}")
    [ -z "$most" ] || [ "$limit_s" -le "$most" ] || limit_s=$most
    limit=$(printf '%d-%02d:%02d:00' $((limit_s / 86400)) $((limit_s / 3600 % 24)) \
        $((limit_s / 60 % 60)))
    limit=${limit#0-}
}

# The polite stop must fit in, and a short job must not spend its time on it.
choose_signal() {
    local lead=$((limit_s / 4))
    # No limit, but the partition may have one.
    [ "$limit_s" -gt 0 ] && [ "$lead" -le 120 ] || lead=120
    [ "$lead" -ge 15 ] || lead=15
    signal=B:USR1@$lead
}

# Leave if a job for the file is queued or runs.
refuse_second() {
    local id state
    id=$(recall_number id '') ||
        fail 2 "jobs/submit.sh: cannot tell whether a job for $file is in the queue: look at" \
            "$(quoted "$file.job/id"), and remove it"
    [ -n "$id" ] || return 0
    ask_queue "$id" ||
        fail 1 "jobs/submit.sh: cannot tell whether job $id for $file is in the queue still: $state"
    [ -z "$state" ] ||
        fail 4 "jobs/submit.sh: job $id for $file is in the queue already ($state):" \
            "jobs/status.sh $(quoted "$file") tells more, scancel $id ends it"
}

# In a folder that is shared, others may have put things there first.
refuse_foreign() {
    local why
    why=$(doubt "$1" "$2")
    [ -z "$why" ] || fail 2 "jobs/submit.sh: $(quoted "$2") $why: remove it, or take another name"
}

# Submit, and write down what and as which job. Two of this script at a time wait for each other; one
# that comes to nothing leaves what was known.
submit() {
    local id code=0 new=false why fresh
    refuse_foreign folder "$file.job"
    [ -d "$file.job" ] || new=true
    (make_books) || fail 2 "jobs/submit.sh: cannot make the folder $file.job"
    refuse_foreign regular "$file.job/lock"
    { exec 9>>"$file.job/lock"; } 2>/dev/null ||
        fail 2 "jobs/submit.sh: cannot write to $(quoted "$file.job/lock")"
    flock -w 30 9 2>/dev/null || true
    refuse_second
    # What is there is replaced, not written to: it may be a link.
    if [ "$spec" != "$copy" ]; then
        fresh=$copy.$$
        rm -f -- "$fresh"
        if ! (umask go-w && set -o noclobber && cat -- "$spec" >"$fresh") ||
            ! mv -fT -- "$fresh" "$copy"; then
            fail 2 "jobs/submit.sh: cannot copy the spec to $(quoted "$copy")"
        fi
    fi
    id=$(slurm_tool sbatch --parsable "${command[@]}" "${job[@]}" 9>&-) || code=$?
    id=${id%%;*}
    case $id in
    *[!0-9]* | '')
        ! $new || rm -r -- "$file.job"
        say "Nothing was submitted."
        exit "$code"
        ;;
    esac
    remember id "$id"
    remember sbatch "$(printf '%s\n' "${command[@]}")"
    ! $forgetful || say "Warning: $(quoted "$file.job") cannot be written to: only you know of this job"
    say "Submitted as job $id. How far it is: jobs/status.sh $(quoted "$file")"
    say "What it says: $(quoted "$file.job/$id.out")"
    exit "$code"
}

read_arguments "$@"
need_files
choose_size
find_program
check_run
ask_plan
say "$spec: $cells cells, $((cells - finished)) of them left"
# These change what is done.
if [ "$finished" -eq "$cells" ] && ! $extends &&
    ! has_option '--ret*|--reu*|--pre*|--c|--ch|--che|--chec|--check'; then
    say "Nothing to do: $file is complete."
    exit 0
fi
choose_time
choose_signal
check_room
starts=1 limit_said="no time limit"
if [ "$limit_s" -gt 0 ]; then
    starts=$(((wall_s + limit_s - 1) / limit_s))
    limit_said="time limit $limit"
fi
say "Expected: $(in_words "$left_s") of core time, $(in_words "$wall_s") with $workers at a time;" \
    "$limit_said$([ "$starts" -le 1 ] || echo ", $starts starts")"
! has_option '--on*|--l*' || say "This is for all cells that are left: those of --only and --limit-cells take less." \
    "A --time of your own may be shorter."
copy=$file.job/spec.yaml
# A percent sign is sbatch's.
command=(${size[@]+"${size[@]}"} --time="$limit" --signal="$signal"
    --output="${file//%/%%}.job/%j.out" ${options[@]+"${options[@]}"})
job=("$root/jobs/sweep.sbatch" "$root" "$copy" "$file" ${run_options[@]+"${run_options[@]}"})
printf -v shown ' %q' "${command[@]}" "${job[@]}"
say "sbatch$shown"
if $dry; then
    refuse_foreign folder "$file.job"
    ! command -v squeue >/dev/null || refuse_second
    exit 0
fi
command -v sbatch >/dev/null ||
    fail 2 "jobs/submit.sh: there is no sbatch here: run this where jobs are submitted, or jobs/local.sh"
submit
