# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts share. Sourced, not run: sets $root, the folder of the project.

# Whether a function of this name would be run in place of a builtin or a tool; the commands of modules
# are to be functions: is_in_the_way NAME BUILTINS
is_in_the_way() {
    [[ ! $1 =~ ^(module|ml|spack|conda|mamba|neutralise)$ ]] || return 1
    [[ $'\n'$2$'\n' == *$'\n'"$1"$'\n'* ]] || type -P -- "$1" >/dev/null
}

# What the user has set for other purposes must not change what tools print, or how this shell reads.
neutralise() {
    local name builtins
    # For what is started here; their effect on this shell is undone below.
    export -n SHELLOPTS BASHOPTS
    # A standard stream that is shut would be the next file: results that go there are to fail.
    [ -e /proc/self/fd/0 ] || exec 0>/dev/null
    [ -e /proc/self/fd/1 ] || exec 1</dev/null
    # Bash then has the script itself there.
    if [ ! -e /proc/self/fd/2 ] || [ /proc/self/fd/2 -ef "$0" ]; then exec 2>/dev/null; fi
    set +o posix
    unset POSIXLY_CORRECT _POSIX2_VERSION BASH_COMPAT CDPATH GLOBIGNORE EXECIGNORE FUNCNEST TMOUT \
        GREP_OPTIONS GREP_COLOR GREP_COLORS BLOCKSIZE BLOCK_SIZE DF_BLOCK_SIZE QUOTING_STYLE \
        TIME_STYLE GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE LANGUAGE
    # Exported as SHELLOPTS and BASHOPTS, where this is run as an argument of bash.
    set +afkmC
    shopt -u failglob nullglob nocaseglob nocasematch dotglob lastpipe xpg_echo
    # Functions that are exported under the name of a tool.
    builtins=$(compgen -b)
    while IFS= read -r name; do
        ! is_in_the_way "$name" "$builtins" || unset -f "$name"
    done < <(compgen -A function)
    # Words in English, points in numbers, letters by their codes; what a character is stays.
    if [ -n "${LC_ALL:-}" ]; then
        export LC_CTYPE=$LC_ALL
        unset LC_ALL
    fi
    export LC_COLLATE=C LC_MESSAGES=C LC_NUMERIC=C LC_TIME=C
    case :${PATH:-}: in
    *:/usr/bin:*) ;;
    *) PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin ;;
    esac
    export PATH
}

# The scripts start as bash -p, which takes no option, function or start file from the environment:
# by these (SHELLOPTS=noexec, a function named set, a BASH_ENV that exits) a script would end with
# code 0 and have done nothing, before any line of it could help. But such a bash has no module
# command either, which is an exported function, and hands all of it on to what it starts. So a second
# bash takes over, in an environment that has been sorted out; read_site reads BASH_ENV.
start_afresh() {
    local entry name end builtins without=(-u SHELLOPTS -u BASHOPTS -u BASH_ENV)
    builtins=$(compgen -b)
    while IFS= read -r -d '' entry; do
        # Some systems write name() in place of name%%.
        [[ $entry =~ ^BASH_FUNC_([^=]+)(%%|\(\))= ]] || continue
        name=${BASH_REMATCH[1]} end=${BASH_REMATCH[2]}
        ! is_in_the_way "$name" "$builtins" || without+=(-u "BASH_FUNC_$name$end")
    done </proc/self/environ
    exec env "${without[@]}" CCMSWEEP_BASH_ENV="${BASH_ENV:-}" /bin/bash -- "$0" "$@"
}

# What is beyond the limit of file size then fails with words; its signal kills without any.
trap '' XFSZ
neutralise
[[ $- != *p* ]] || start_afresh "$@"
if [ -n "${CCMSWEEP_BASH_ENV:-}" ]; then
    # A job that is submitted here shall have it too.
    export BASH_ENV=$CCMSWEEP_BASH_ENV
fi
unset CCMSWEEP_BASH_ENV

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

# Tell the user something; standard output is kept for results.
say() {
    printf '%s\n' "$*" >&2
}

# A path as a shell takes it.
quoted() {
    printf '%q' "$1"
}

# Say why and leave with a code.
fail() {
    local code=$1
    shift
    say "$*" || true
    exit "$code"
}

# Whether files may become so large: may_write KB
may_write() {
    local limit
    limit=$(ulimit -f)
    [ "$limit" = unlimited ] || [ "$limit" -ge "$1" ]
}

# End where the limit of file size is 0: every program started here would fail with a message of its
# own. With arguments, where it is below what something takes: need_files [KB WHAT]
need_files() {
    may_write 1 ||
        fail 2 "the limit of file size is 0 (ulimit -f), expected one that the results fit in"
    may_write "${1:-1}" ||
        fail 2 "the limit of file size is $(ulimit -f) KB (ulimit -f), expected at least $1 KB: $2"
}

# A folder for what is temporary must be there, for everything that is started here.
if [ -n "${TMPDIR:-}" ] && ! { [ -d "$TMPDIR" ] && [ -w "$TMPDIR" ] && [ -x "$TMPDIR" ]; }; then
    say "TMPDIR is $(quoted "$TMPDIR"), where nothing can be written: /tmp is taken instead"
    export TMPDIR=/tmp
fi

# Print a whole number as (( )) takes it: without it a text there could run commands. Fails when it
# is none from LEAST to MOST: whole_number TEXT MOST [LEAST]
whole_number() {
    [[ ${1:0:99} =~ ^0*([0-9]{1,15})$ ]] && [ "${BASH_REMATCH[1]}" -le "$2" ] &&
        [ "${BASH_REMATCH[1]}" -ge "${3:-0}" ] && printf '%s\n' "$((10#${BASH_REMATCH[1]}))"
}

# Print such a number from 1, or leave: need_number WHAT TEXT MOST
need_number() {
    local bound=
    whole_number "$2" "$3" 1 && return
    [[ ${2:0:99} =~ ^[0-9]*[1-9][0-9]*$ ]] && bound=" to $3"
    fail 2 "$1 '${2:0:99}', expected a whole number from 1$bound"
}

# Run a command whose output matters only when it fails: run_quietly "what it does" COMMAND… With
# $unsaid=true not even what it does is said.
run_quietly() {
    local what=$1 said code=0
    shift
    [ "${unsaid:-}" = true ] || say "$what"
    # Kept here and not in a file: a disk may be full.
    said=$("$@" 2>&1 </dev/null | tr -d '\0'; exit "${PIPESTATUS[0]}") || code=$?
    if [ "$code" -ne 0 ]; then
        # Without ninja's count of what went well.
        printf '%s\n' "$said" | grep -v '^\[[0-9]*/[0-9]*\] ' >&2 || true
        say "failed: $what (exit code $code)"
    fi
    return "$code"
}

# Configure $root/NAME, if it is not or when options are given: configure_in NAME [MESON OPTION…]
configure_in() {
    local name=$1 folder=$root/$1
    shift
    if [ ! -f "$folder/build.ninja" ]; then
        run_quietly "Configuring $name/" meson setup "$@" "$folder" "$root"
    elif [ "$#" -gt 0 ]; then
        run_quietly "Configuring $name/" meson configure "$@" "$folder"
    fi
}

# Compile in $root/NAME, everything or the targets given: compile_in NAME [TARGET…]
compile_in() {
    local name=$1
    shift
    run_quietly "Building $name/" meson compile -C "$root/$name" "$@"
}

# Print the comment at the head of a script: usage SCRIPT
usage() {
    sed -n '/^# SPDX/,/^set/{/^# SPDX/d;s/^# \{0,1\}//p}' "$1"
}

# KB of the largest file that a build writes, the program with room to grow.
build_kb=4096

# Set $program: $CCMSWEEP, or the one of build/, which is built first where this user can do that.
find_program() {
    local build=$root/build unsaid=true
    if [ -n "${CCMSWEEP:-}" ]; then
        # As a command is found: a name alone is looked up.
        program=$CCMSWEEP
        case $program in
        /*) ;;
        */*) program=$PWD/$program ;;
        *) program=$(type -P -- "$program") || program=$CCMSWEEP ;;
        esac
        check_program "CCMSWEEP is"
        # A job may start elsewhere.
        export CCMSWEEP=$program
        return
    fi
    program=$build/ccmsweep
    if ! may_write "$build_kb"; then
        # A linker would have removed the one that is there, by the time it fails.
        [ -e "$program" ] ||
            need_files "$build_kb" "$(quoted "$program") is not built yet (or set CCMSWEEP)"
        if is_stale; then
            say "Warning: $(quoted "$program") is older than its source, and with a limit of file" \
                "size of $(ulimit -f) KB (ulimit -f) it is not built anew, for which $build_kb KB do"
        fi
    elif can_build; then
        # A folder that is configured has found all it needs, whoever installed it.
        [ -f "$build/build.ninja" ] || "$root/jobs/setup.sh" run
        ! is_stale || unsaid=false
        configure_in build || exit 1
        compile_in build ccmsweep:executable || exit 1
    elif [ ! -e "$program" ]; then
        fail 2 "$(quoted "$program") is not built yet, and cannot be by you, who cannot write there:" \
            "ask its owner to run meson setup build && meson compile -C build, or set CCMSWEEP"
    fi
    check_program "The program is"
    if [ -e "$root/.git" ] && [[ $version == *$'\n'revision\ *unknown$'\n'* ]]; then
        say "Warning: git does not tell the revision of $(quoted "$root"): files will not name it"
    fi
}

# Whether the program is to be built. What else ninja does is to look for the revision.
is_stale() {
    [ ! -e "$program" ] ||
        [ -n "$(find "$root/src" "$root/include" "$root/meson.build" -newer "$program" -print -quit)" ]
}

# Whether this user may build: an installation that is shared or read-only is taken as it is.
can_build() {
    local folder=$root/build
    [ -e "$folder" ] || folder=$root
    [ -w "$folder" ] && { [ ! -e "$root/build/build.ninja" ] || [ -w "$root/build/build.ninja" ]; }
}

# Leave when $program is none of ours that runs here: check_program WHOSE. $version is what it says.
check_program() {
    local code=0 why
    if [ "${program#*/}" = "$program" ]; then
        why="not there"
    elif [ -d "$program" ]; then
        why="a folder"
    elif [ ! -e "$program" ]; then
        why="not there"
    elif [ ! -f "$program" ] || [ ! -x "$program" ]; then
        why="not a program that you may run"
    else
        version=$(timeout 60 "$program" --version 2>&1 </dev/null | head -c 4096 | tr -dc '\n -~') || code=$?
        [[ $version != 'ccmsweep '* ]] || return 0
        why="not ccmsweep (its --version ends with code $code: '$(head -n 1 <<<"$version")')"
    fi
    fail 2 "$1 $(quoted "$program"), which is $why"
}

# Become a Python that takes no module from the current folder, whatever its version, and that the
# user's variables for Python do not change: become_python PYTHON SCRIPT [ARGUMENT…]. Of PYTHONPATH,
# with which sites show where modules are, it keeps what names a folder once for all places.
become_python() {
    local parts part kept='' name
    IFS=: read -r -d '' -a parts <<<"${PYTHONPATH:-}:" || true
    for part in "${parts[@]}"; do
        case $part in
        "$PWD" | "$PWD/") ;;
        /*) kept=$kept${kept:+:}$part ;;
        esac
    done
    for name in "${!PYTHON@}"; do
        case $name in
        PYTHONUSERBASE | PYTHONNOUSERSITE | PYTHONDONTWRITEBYTECODE | PYTHONPYCACHEPREFIX) ;;
        *) unset "$name" ;;
        esac
    done
    export PYTHONUTF8=1
    [ -z "$kept" ] || export PYTHONPATH=$kept
    exec "$@"
}

# Run it as a process of its own: run_python PYTHON SCRIPT [ARGUMENT…]
run_python() (
    become_python "$@"
)

# Print a Python that has what a script of ours takes, for the first on PATH may not: find_python SCRIPT
find_python() {
    local python
    for python in python3 /usr/bin/python3; do
        if run_python "$python" "$1" --help >/dev/null 2>&1 </dev/null; then
            printf '%s\n' "$python"
            return 0
        fi
    done
    return 1
}

# Read jobs/env.sh. Modules, Spack and conda do not bear the strictness of these scripts.
read_site() {
    set +eu +o pipefail
    # On some clusters modules come by it alone. One that ends the shell would end this with its code.
    if [ -n "${BASH_ENV:-}" ]; then
        # shellcheck disable=SC1090 # the user's
        if [ "$(. "$BASH_ENV" >/dev/null 2>&1 </dev/null; echo read)" = read ]; then
            . "$BASH_ENV" </dev/null
            neutralise
        else
            say "BASH_ENV is $(quoted "$BASH_ENV"), which ends the shell: it is not read"
        fi
    fi
    # shellcheck source=jobs/env.sh
    . "$root/jobs/env.sh"
    set -eu -o pipefail
}

# Forget the variables of an allocation that this runs in, or that has ended: they would be taken for
# the new job's.
leave_allocation() {
    local name
    for name in ${!SLURM_*}; do
        case $name in
        SLURM_CONF | SLURM_CLUSTERS) ;;
        *) unset "$name" ;;
        esac
    done
    # By these mpirun knows other batch systems.
    unset PBS_ENVIRONMENT PBS_JOBID PBS_NODEFILE LSB_JOBID LSB_HOSTS LSB_MCPU_HOSTS PE_HOSTFILE
}

# Forget what an mpirun or srun around this has told its rank. What users set for Open MPI stays.
leave_launcher() {
    local name
    for name in ${!OMPI_*} ${!PMIX_*} ${!PMI_*} ${!ORTE_*} MPI_LOCALRANKID MPI_LOCALNRANKS; do
        case $name in
        OMPI_ALLOW_RUN_AS_ROOT*) ;;
        OMPI_MCA_ess | OMPI_MCA_ess_* | OMPI_MCA_pmix | OMPI_MCA_initial_wdir | \
            OMPI_MCA_mpi_oversubscribe) unset "$name" ;;
        OMPI_MCA_orte_app_num | OMPI_MCA_orte_bound_at_launch | OMPI_MCA_orte_ess_* | \
            OMPI_MCA_orte_*_uri | OMPI_MCA_orte_*_session_dir | OMPI_MCA_orte_launch | \
            OMPI_MCA_orte_num_nodes | OMPI_MCA_orte_precondition_transports | \
            OMPI_MCA_orte_tmpdir_base | OMPI_MCA_shmem_RUNTIME_QUERY_hint) unset "$name" ;;
        OMPI_MCA_* | PMIX_MCA_* | OMPI_CC | OMPI_CFLAGS | OMPI_LDFLAGS | OMPI_LIBS) ;;
        *) unset "$name" ;;
        esac
    done
}

# A tool of SLURM without the variables that change what it prints, and those that change what a job
# of ours is: slurm_tool NAME [ARGUMENT…]
slurm_tool() {
    local name without=()
    for name in ${!SQUEUE_*} ${!SINFO_*} ${!SCONTROL_*} SLURM_TIME_FORMAT SLURM_BITSTR_LEN \
        SLURM_DEBUG_FLAGS SBATCH_{ARRAY_INX,DEBUG,ERROR,INPUT,NO_REQUEUE,OPEN_MODE,OUTPUT,SIGNAL} \
        SBATCH_{TEST_ONLY,WAIT,WRAP}; do
        without+=(-u "$name")
    done
    env "${without[@]}" "$@"
}

# Set $state to that of a job in the queue, empty when it is not there any more: ask_queue JOB.
# Without an answer it fails, and $state is what was said instead.
ask_queue() {
    state=$(slurm_tool timeout 60 squeue -h -j "$1" -o %T 2>&1) || case $state in
    *'Invalid job id'*) state= ;;
    *) return 1 ;;
    esac
    # Of several clusters, it names them.
    state=$(grep -xE '[A-Z_]+' <<<"$state" | tail -n 1) || true
}

# shellcheck disable=SC2034 # $code is the caller's, whose traps set $interrupted and $gave_up
# Wait for a process, whatever signals come, unless they give it up; its exit code is left in $code.
wait_for() {
    local answer
    code=
    while :; do
        interrupted=false
        answer=0
        # Without what bash has to say about a process that was killed.
        wait "$1" 2>/dev/null || answer=$?
        # 127: it had ended as the signal came, and its code is known.
        [ "$answer" -eq 127 ] && [ -n "$code" ] || code=$answer
        if ! $interrupted || ${gave_up:-false}; then
            return
        fi
    done
}

# Set $later to the options of ccmsweep run for a start after the first. Cells that crash again would
# be tried again for ever (--retry), and rows are compared once (--check). What was not copied when
# the first start was killed is copied now: --reuse and --prefer stay, as far as their files do. What
# was trained meanwhile stays too, whatever else these files have by now: leave_out_once FILE OPTION…
leave_out_once() {
    local option value words reused=false preferred=()
    [ ! -e "$1" ] || preferred=(--prefer "$1")
    shift
    later=()
    while [ "$#" -gt 0 ]; do
        words=("$1") option=${1%%=*} value=${1#*=}
        shift
        # As getopt_long does, it takes names cut short.
        case $option in
        --ret* | --reu* | --pre*)
            if [ "${words[0]}" = "$option" ] && [ "$#" -gt 0 ]; then
                value=$1
                words+=("$1")
                shift
            fi
            ;;
        esac
        case $option in
        --ret* | --c | --ch | --che | --chec | --check) continue ;;
        --pre*)
            [ ! -e "$value" ] || preferred=("${words[@]}")
            continue
            ;;
        --reu*)
            if [ ! -e "$value" ]; then
                say "--reuse: $(quoted "$value") is not there any more: runs that were not copied are trained"
                continue
            fi
            reused=true
            ;;
        esac
        later+=("${words[@]}")
    done
    # Without files there is nothing to choose from.
    ! $reused || later+=(${preferred[@]+"${preferred[@]}"})
}

# Open MPI asks root to mean it.
allow_root() {
    if [ "$EUID" -eq 0 ]; then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
}

# The processes of a session: session_members SESSION
session_members() {
    local stat line fields
    for stat in /proc/[0-9]*/stat; do
        { line=$(<"$stat"); } 2>/dev/null || continue
        # After the name, which may hold anything: state, parent, group, session.
        read -r -a fields <<<"${line##*) }"
        if [ "${fields[3]}" = "$1" ]; then
            stat=${stat%/stat}
            printf '%s\n' "${stat#/proc/}"
        fi
    done
}

# Run a command once on each node: on_each_node COMMAND…
on_each_node() {
    timeout 60 srun --mpi=none --export=ALL --overcommit --nodes="$SLURM_JOB_NUM_NODES" \
        --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 "$@" </dev/null || true
}

# The scheduler's rank shares a core: ranks are not bound. A cluster that never binds says so.
unbind_ranks() {
    if slurm_tool scontrol show config 2>/dev/null | grep -qE '^TaskPlugin .*(affinity|cgroup)'; then
        export SLURM_CPU_BIND=none
    fi
}

# The first number with this key in the JSON on standard input: number_in KEY
number_in() {
    sed -n '/"'"$1"'": *[0-9]/{s/^.*"'"$1"'": *\([0-9.e+-]*\).*$/\1/p;q}'
}

# shellcheck disable=SC2154 # $program and $file are the caller's
# Set $cells and $finished, the sweep's cells and those that need no more work, as its file says.
count_cells() {
    local json
    json=$(timeout --foreground 60 "$program" status --json -- "$file" 2>/dev/null </dev/null) &&
        cells=$(whole_number "$(number_in cells <<<"$json")" 999999999999) &&
        finished=$(whole_number "$(number_in 'done' <<<"$json")" 999999999999)
}

# shellcheck disable=SC2154 # as above, and $options
# A launcher can end with 0 although the program never ran: srun does when a node refuses the step at
# a certain moment. So an end is believed when the file agrees; else $code becomes 1. Of a part of the
# cells (--only, --limit-cells) the file says in its log that the last start came to its end.
doubt_end() {
    local word cells finished part=false
    [ "$code" -eq 0 ] || return 0
    for word in "${options[@]}"; do
        case $word in
        --d* | --h* | --us* | '-?') return 0 ;; # it was asked to train nothing
        --on* | --l*) part=true ;;
        esac
    done
    if $part && [ "$("$program" status --json -- "$file" 2>/dev/null | number_in code)" = 0 ]; then
        return 0
    fi
    if ! count_cells || [ "$finished" -ne "$cells" ]; then
        say "The launcher ended with code 0, but the sweep is not complete: this counts as code 1."
        code=1
    fi
}

# shellcheck disable=SC2154 # as above
# What changes when the sweep in $file comes on: the cells that need no more work, and the newest
# checkpoint.
run_states() {
    local path
    path=$(realpath -m -- "$file")
    timeout --foreground 60 "$program" status --json -- "$file" 2>/dev/null </dev/null |
        grep -oE '"(done|failed|quarantined)": *[1-9][0-9]*' || true
    stat -c '%.9Y %n' -- "$path".ckpt/*.ckpt 2>/dev/null | sort -n | tail -n 1 || true
}

# Say on standard output why a file or folder that others may have put there is not believed, nothing
# when all is well or nothing is there: doubt regular|folder PATH
doubt() {
    local mode owner name
    [ -e "$2" ] || [ -L "$2" ] || return 0
    # Most is the user's own, which is seen without another process.
    if [ ! -L "$2" ] && [ -O "$2" ]; then
        case $1 in
        regular) [ ! -f "$2" ] || return 0 ;;
        folder) [ ! -d "$2" ] || return 0 ;;
        esac
    fi
    read -r mode owner name < <(stat -c '%f %u %U' -- "$2" 2>/dev/null) || return 0
    mode=$((16#$mode))
    case $1:$((mode >> 12)) in
    regular:8 | folder:4) [ "$owner" -eq "$EUID" ] || [ "$owner" -eq 0 ] || echo "belongs to $name" ;;
    *:10) echo "is a symbolic link" ;;
    regular:*) echo "is not a regular file" ;;
    folder:*) echo "is not a folder" ;;
    esac
}

# The same for a file that decides what is run: nobody else may be able to write to it.
doubt_command() {
    local why
    why=$(doubt regular "$1")
    if [ -z "$why" ] && [ -e "$1" ] && [ $((0$(stat -c %a -- "$1") & 022)) -ne 0 ]; then
        why="can be written to by others"
    fi
    [ -z "$why" ] || echo "$why"
}

# What is known of the SLURM jobs of the sweep in $file is in the folder $file.job, a small file for
# each thing: remember NAME VALUE; recall NAME (empty when there is none). Others may write to the
# folder above: nothing there is followed, waited for or run. No job ends because it cannot be
# written, but $forgetful is true then.
forgetful=false
# shellcheck disable=SC2034 # jobs/sweep.sbatch uses it
remember() {
    local new=$file.job/.$1.$$
    (
        set -o noclobber
        make_books && { { [ ! -e "$new" ] && [ ! -L "$new" ]; } || rm -f -- "$new"; } &&
            printf '%s\n' "$2" >"$new" && mv -fT -- "$new" "$file.job/$1"
    ) 2>/dev/null || forgetful=true
}

# Make the folder, and what is made there from now on, such that nobody else can write to it.
make_books() {
    umask go-w
    [ -d "$file.job" ] || mkdir -p -- "$file.job" || return 1
    [ -z "$(doubt folder "$file.job")" ] || return 1
    [ ! -O "$file.job" ] || chmod go-w -- "$file.job"
}

# It fails, and says why, for what is no file.
recall() {
    local path=$file.job/$1 why
    [ -e "$path" ] || [ -L "$path" ] || return 0
    why=$(doubt regular "$path")
    [ -z "$why" ] || say "$(quoted "$path") $why"
    case $why in
    'is '*) return 1 ;;
    esac
    dd if="$path" iflag=nofollow,nonblock bs=64K count=1 status=none 2>/dev/null | tr -d '\0' || true
}

# A number that is remembered, $2 when there is none; fails, and says so, when it is no number.
recall_number() {
    local text
    text=$(recall "$1") || return 1
    whole_number "${text:-$2}" 4294967295 && return
    [ -n "$text" ] || return 0
    say "$(quoted "$file.job/$1") is $(quoted "${text:0:40}"), expected a number"
    return 1
}
