# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what one file sets the other one uses
# SPDX-License-Identifier: MIT
# The checks of jobs/selftest.sh. Sourced, not run: each prints rows of the table, and fails when those
# after it cannot be tried.

# ---- what the program says of a file ----

status() {
    timeout --foreground 60 "$program" status --json "$@" 2>/dev/null </dev/null
}

# The numbers of the runs that count, one a line.
done_runs() {
    [ ! -e "$1" ] || status --cells -- "$1" | awk '
        /"list":/ { list = 1 }
        list && /"run":/ { gsub(/[^0-9]/, ""); run = $0 }
        list && /"state": "done"/ { print run }' | sort -u
}

# Whether every finished run is as it was committed; if not, $finding says what is wrong.
is_in_order() {
    local code job said
    begin "$program" verify "$@"
    end_of "$job"
    finding=$(grep -av 'trained again$\|equal in all bytes' "$said" | head -n 1) || true
    finding=${finding:-verify $ended}
    [ "$code" = 0 ]
}

# Whether it is also what one process computes. Most that is wrong is found without training.
is_as_computed() {
    is_in_order "$1" && is_in_order "$1" --retrain all
}

# ---- the checks ----

write_specs() {
    cat >"$place/sweep.yaml" <<'END'
training: {batch: 16, episodes_after_stop: 600}
networks: {critic_hidden1: 32, critic_hidden2: 16}
environment: {agents: 3}
tracking: {log_every: 10, snapshot_every: 100}
evaluation: {every: 100, episodes: 2}
checkpoint: {every_s: 0.2}
grid:
  actor_lr: [0.1, 0.001]
  critic_lr: [0.01, 0.001]
  seed: [1, 2]
  training.episodes: [400, 2400]
END
    cat >"$place/one.yaml" <<'END'
training: {batch: 8, episodes: 30}
environment: {agents: 2}
END
    # Of hours: it is stopped.
    cat >"$place/long.yaml" <<'END'
environment: {agents: 10}
tracking: {log_every: 1000, snapshot_every: 0}
training: {episodes: 20000}
grid: {seed: [1, 2, 3, 4]}
END
}

check_launcher() {
    launch none 0 --version
    end_of "$job"
    if [ "$code" != 0 ] || ! grep -q '^ccmsweep ' "$said"; then
        flunk launcher "$LAUNCHER $ended: $(words_of "$said")" \
            "The ranks of a sweep cannot be started here: see jobs/env.sh and 'Elsewhere' in jobs/README.md."
        return 1
    fi
    pass launcher "$LAUNCHER starts $ranks ranks on $where"
}

check_fsync() {
    local k words unplaced=0 seen began each
    take_time
    began=$now_us
    for k in {1..20}; do
        if ! words=$(dd if=/dev/zero of="$place/sync.$k" bs=64K count=1 conv=fsync status=none 2>&1); then
            flunk fsync "${words##*dd: }" \
                "What a sweep has finished cannot be put on the disk: do not run sweeps in this folder."
            return
        fi
        # Where there is a place for it, the first extent has one once it is on the disk.
        ! filefrag -v "$place/sync.$k" 2>/dev/null | grep -q '^ *0: .*delalloc' || unplaced=$((unplaced + 1))
    done
    take_time
    each=$(((now_us - began) / 20000))
    if [ "$unplaced" -gt 0 ]; then
        flunk fsync "fsync succeeded, but $unplaced of 20 blocks had no place on the disk yet" \
            "fsync does nothing here (a library like eatmydata?): a power cut can lose finished cells."
        return
    fi
    seen="20 blocks, $each ms each"
    if filefrag -v "$place/sync.1" 2>/dev/null | grep -q '^ *0:'; then
        seen+="; all had their place on the disk afterwards"
    else
        seen+="; whether they were on the disk afterwards cannot be seen on this file system"
    fi
    pass fsync "$seen"
}

# Read a file, which is replaced all the time, until its last version or a flaw; print what was seen:
# FILE LAST
# shellcheck disable=SC2016 # for another shell
read_replaced='last=0 reads=0 flaw=
end=$((SECONDS + 100))
while [ "$last" -lt "$2" ] && [ -z "$flaw" ] && [ "$SECONDS" -lt "$end" ]; do
    lines=()
    reads=$((reads + 1))
    if ! mapfile -t lines <"$1"; then
        flaw="there was no file"
    elif [ "${#lines[@]}" -ne 200 ] || [ "${lines[0]}" != "${lines[199]}" ]; then
        flaw="only ${#lines[@]} of 200 lines were there"
    elif [ "${lines[0]}" -lt "$last" ]; then
        flaw="version ${lines[0]} came after version $last"
    else
        last=${lines[0]}
    fi 2>/dev/null
done 2>/dev/null
[ "$last" -ge "$2" ] || flaw=${flaw:-"the last version did not appear"}
echo "$reads reads${flaw:+: $flaw}"
[ -z "$flaw" ]'

write_version() {
    local k
    for ((k = 0; k < 200; k++)); do
        echo "$1"
    done >"$place/version.new"
    mv -fT -- "$place/version.new" "$place/version"
}

check_rename() {
    local last=200 k words='' lines readers=() seen=() outputs=() node flaw='' left=false
    if ! words=$(write_version 0 2>&1); then
        flunk rename "${words##*mv: }" "No file can be made here: do not run sweeps in this folder."
        return
    fi
    for node in 0 ${hosts[1]+$((${#hosts[@]} - 1))}; do
        begin ${node_launcher[@]+"${node_launcher[@]}"} ${hosts[$node]+"-w" "${hosts[$node]}"} \
            bash -p -c "$read_replaced" read "$place/version" "$last"
        readers+=("$job")
        outputs+=("$said")
    done
    for ((k = 1; k <= last; k++)); do
        # One that has ended has found something.
        for job in "${readers[@]}"; do
            runs "$job" || break 2
        done
        if ! words=$(write_version "$k" 2>&1); then
            flaw=${words##*mv: }
            break
        fi
        lines=()
        mapfile -t lines <"$place/version" || true
        if [ "${#lines[@]}" -ne 200 ] || [ "${lines[199]}" != "$k" ]; then
            flaw="after a rename the file had not its new content"
            break
        fi
    done
    [ "$k" -gt "$last" ] || left=true
    for k in "${!readers[@]}"; do
        ! $left || end_job "${readers[k]}"
        end_of "${readers[k]}"
        words=$(tail -n 1 "${outputs[k]}")
        [ "$code" = 0 ] || flaw=${flaw:-$words}
        seen+=("$words")
    done
    ! $left && [ "$code" = 0 ] || flaw=${flaw:-a reader $ended}
    if [ -n "$flaw" ]; then
        flunk rename "$flaw" \
            "Renaming does not replace a file as a whole here: a kill or a reader can meet half a file."
    else
        words=${seen[*]/%/,}
        pass rename "$last times a file was replaced during ${words%,}: always whole"
    fi
}

# What a failure of the program means, from its own words.
meaning_of() {
    case $1 in
    *'cannot lock '*)
        echo "This file system has no locks, so sweeps do not start here: mount it with locks (Lustre:" \
            "-o flock; NFS: version 4, or its lock service), or take another one."
        ;;
    *'cannot sync '*)
        echo "fsync fails, so nothing that is finished would be safe: do not run sweeps in this folder."
        ;;
    *'cannot rename '*) echo "A finished file cannot get its name: do not run sweeps in this folder." ;;
    *'No space left'* | *'quota'*) echo "The disk, or your quota, is full." ;;
    *) echo "Sweeps do not work in this folder: the words before say why." ;;
    esac
}

# One cell, by one process: what fails here fails all that follows.
check_file() {
    local words
    begin_on 0 run "$place/one.yaml" -o "$place/one.h5" --progress none --wait 0
    end_of "$job"
    words=$(words_of "$said")
    if [ "$code" != 0 ]; then
        flunk file "a sweep of one cell $ended: $words" "$(meaning_of "$words")"
        return 1
    elif ! is_in_order "$place/one.h5"; then
        flunk file "$finding" "What was written is not what is read: do not run sweeps in this folder."
        return 1
    fi
    pass file "a sweep of one cell was made, and verified"
}

# How many starts have been noted in a file.
starts_of() {
    [ ! -e "$1" ] || status -- "$1" | sed -n '/"last_start": {/{n;s/[^0-9]//gp}'
}

# Wait until the job, which makes FILE, works: it has noted its start there. If not, it has ended, and
# how is in $code and $ended.
wait_for_start() {
    local end=$((SECONDS + patience_s))
    until [ -n "$(starts_of "$2")" ]; do
        if ! runs "$1"; then
            end_of "$1"
            return 1
        elif [ "$SECONDS" -ge "$end" ]; then
            give_up "$1" "did not begin"
            return 1
        fi
        sleep 0.05
    done
}

# Two that begin a new file at one moment, the second on NODE: $flaw is empty when one was refused.
begin_two() {
    local file=$place/two.$1.$2.h5 first second said_first said_second end=$((SECONDS + refusal_s))
    local work=(run "$place/long.yaml" -o "$file" --progress none --wait 0)
    begin_on 0 "${work[@]}"
    first=$job said_first=$said
    begin_on "$1" "${work[@]}"
    second=$job said_second=$said
    while runs "$first" && runs "$second" && [ "$SECONDS" -lt "$end" ]; do
        sleep 0.05
    done
    flaw=
    if runs "$first" && runs "$second"; then
        flaw="of two processes that began at one moment none was refused within $refusal_s s"
        late=true
        end_job "$second"
    elif runs "$first"; then
        end_of "$second"
        [ "$code" = 4 ] || flaw="a second process $ended: $(words_of "$said_second")"
    elif runs "$second"; then
        end_of "$first"
        first=$second
        [ "$code" = 4 ] || flaw="a second process $ended: $(words_of "$said_first")"
    else
        end_of "$first"
        flaw="of two processes that began at one moment both ended, the first $ended: $(words_of "$said_first")"
    fi
    stop_job "$first"
}

cannot_stop="A sweep cannot be stopped politely here: up to the last checkpoint work is lost each time."

# Whether a second process, on NODE, is kept from the file: check_second CHECK NODE
check_second() {
    local file=$place/lock.$2.h5 holder tries=0 meaning end refusal_s=$((patience_s / 12 + 1))
    if [ "$2" -eq 0 ]; then
        meaning="Locks do not work here: never start two jobs on one file. On Lustre mount with -o flock,"
        meaning+=" on NFS without nolock and local_lock."
    else
        meaning="Locks do not reach other nodes here: never start two jobs on one file. On Lustre mount"
        meaning+=" with -o flock (not localflock), on NFS without nolock and local_lock; BeeGFS:"
        meaning+=" tuneUseGlobalFileLocks=true."
    fi
    begin_on 0 run "$place/long.yaml" -o "$file" --progress none --wait 0
    holder=$job
    flaw=
    if ! wait_for_start "$holder" "$file"; then
        flunk "$1" "a sweep does not begin, it $ended: $(words_of "$said")" "$(meaning_of "$(words_of "$said")")"
        return
    fi
    for ((tries = 0; tries < 3; tries++)); do
        begin_on "$2" run "$place/long.yaml" -o "$file" --progress none --wait 0
        end=$((SECONDS + refusal_s))
        while runs "$job" && [ "$(starts_of "$file")" = 1 ] && [ "$SECONDS" -lt "$end" ]; do
            sleep 0.05
        done
        if runs "$job" && [ "$(starts_of "$file")" != 1 ]; then
            flaw="a second process began to work on the file while the first one held it"
            end_job "$job"
            break
        elif runs "$job"; then
            flaw="a second process was not refused within $refusal_s s"
            late=true
            end_job "$job"
            break
        fi
        end_of "$job"
        if [ "$code" != 4 ]; then
            flaw="a second process was not refused, but $ended: $(words_of "$said")"
            break
        fi
    done
    if [ -z "$flaw" ] && ! on_node "$2" "$program" status --json -- "$file" 2>/dev/null </dev/null |
        grep -q '"locked": true'; then
        flaw="status does not see the lock of a process that holds it"
    fi
    stop_job "$holder"
    if [ -z "$flaw" ] && [ "$code" != 75 ]; then
        flaw="the process that held the lock was asked to stop, and $ended"
        meaning=$cannot_stop
    fi
    for ((tries = 0; tries < 3; tries++)); do
        [ -z "$flaw" ] || break
        begin_two "$2" "$tries"
    done
    if [ -n "$flaw" ]; then
        flunk "$1" "$flaw" "$meaning"
    else
        pass "$1" "a second process was refused 6 of 6 times, of these 3 as both began at one moment"
    fi
}

check_locks() {
    check_second locks 0
}

check_nodes() {
    if [ "${#hosts[@]}" -lt 2 ]; then
        skip nodes "whether locks reach other nodes: jobs/selftest.sh --nodes 2 tells"
        return
    fi
    check_second nodes $((${#hosts[@]} - 1))
}

# Verify a file again and again until there is FLAG; print what was seen: PROGRAM FILE FLAG
# shellcheck disable=SC2016 # for another shell
read_growing='reads=0 finished=0 flaw=
while [ ! -e "$3" ] && [ -z "$flaw" ]; do
    if [ -e "$2" ]; then
        if answer=$("$1" verify --json -- "$2" 2>&1); then
            now=$(sed -n "s/^ *\"finished\": \([0-9]*\).*/\1/p" <<<"$answer")
            [ "${now:-0}" -ge "$finished" ] || flaw="of $finished finished runs $now were left"
            finished=${now:-0}
        else
            flaw=$(sed -n "s/^.*\"text\": *//p;s/^ccmsweep: //p" <<<"$answer" | head -n 1)
            flaw=${flaw:-"verify failed"}
        fi
        reads=$((reads + 1))
    fi
    sleep 0.1
done
echo "$reads times${flaw:+: $flaw}"
[ -z "$flaw" ]'

# A sweep of all ranks, read while it is written; $took_ms.
check_ranks() {
    local file=$place/ranks.h5 node readers=() outputs=() words flaw='' times='' k began sweep swept seen
    for node in 0 ${hosts[1]+$((${#hosts[@]} - 1))}; do
        begin ${node_launcher[@]+"${node_launcher[@]}"} ${hosts[$node]+"-w" "${hosts[$node]}"} \
            bash -p -c "$read_growing" read "$program" "$file" "$place/read"
        readers+=("$job")
        outputs+=("$said")
    done
    take_time
    began=$now_us
    launch none 0 run "$place/sweep.yaml" -o "$file" --progress none
    end_of "$job"
    sweep=$code swept=$ended
    take_time
    took_ms=$(((now_us - began) / 1000))
    words=$(words_of "$said")
    : >"$place/read"
    for k in "${!readers[@]}"; do
        end_of "${readers[k]}"
        seen=$(tail -n 1 "${outputs[k]}")
        times+=${times:+, }$seen
        [ "$code" = 0 ] || flaw=${seen:-a reader $ended}
    done
    if [ "$sweep" != 0 ]; then
        flunk ranks "a sweep on $ranks ranks $swept: $words" "$(meaning_of "$words")"
        return 1
    elif ! is_as_computed "$file"; then
        flunk ranks "$finding" "$(other_bytes)"
    else
        pass ranks "16 cells on $ranks ranks in $((took_ms / 1000)).$((took_ms / 100 % 10)) s, then all by one process: the same bytes"
    fi
    if [ -n "$flaw" ]; then
        flunk readers "verified while it was written, $flaw" \
            "A file that is being written cannot be read reliably here: look at it when no job runs."
    else
        pass readers "verified while it was written, $times: never anything wrong"
    fi
}

# What it means that bytes differ.
other_bytes() {
    if [[ $finding == *'their arithmetic differs'* ]]; then
        echo "The nodes' CPUs compute differently: take nodes of one kind for one sweep."
    else
        echo "What ranks write is lost or changed here: do not run sweeps in this folder. On NFS set" \
            "OMPI_MCA_io=romio321 in jobs/env.sh."
    fi
}

check_stop() {
    local file=$place/stop.h5 try words
    for try in 1 2 3 4 5; do
        rm -rf -- "$file" "$file".*
        launch none 0 run "$place/sweep.yaml" -o "$file" --progress none
        if wait_for_start "$job" "$file"; then
            sleep 0.3
            stop_job "$job"
        elif [ "$code" != 0 ]; then
            words=$(words_of "$said")
            flunk stop "the sweep $ended: $words" "$(meaning_of "$words")"
            return
        fi
        [ "$code" = 0 ] || break
    done
    words=$(words_of "$said")
    if [ "$code" != 75 ]; then
        flunk stop "asked to stop by SIGUSR1 to $LAUNCHER, the sweep $ended: $words" "$cannot_stop"
        return
    fi
    launch none 0 run "$place/sweep.yaml" -o "$file" --progress none
    end_of "$job"
    if [ "$code" != 0 ]; then
        flunk stop "the stopped sweep was resumed, and $ended: $(words_of "$said")" \
            "A sweep that was stopped does not go on here."
    elif ! is_in_order "$file"; then
        flunk stop "$finding" "$(other_bytes)"
    else
        pass stop "stopped with code 75 after SIGUSR1 to $LAUNCHER, resumed to the end"
    fi
}

# Kill a sweep once, at a drawn moment: $target, $after (s), $code, and whether it was killed.
kill_once() {
    local targets=("rank 0" "a worker" everything) end
    # The steps of SLURM outlive an srun that is killed.
    [ "${#hosts[@]}" -gt 0 ] || targets+=("$LAUNCHER")
    draw "${#targets[@]}"
    target=${targets[draw]}
    victim=none
    case $target in
    'rank 0') victim=0 ;;
    'a worker')
        draw $((ranks - 1))
        victim=$((draw + 1))
        ;;
    everything) victim=all ;;
    esac
    draw "$window_ms"
    printf -v after '%d.%03d' $((draw / 1000)) $((draw % 1000))
    rm -f -- "$place/killed"
    launch "$victim" "$after" run "$place/sweep.yaml" -o "$place/kills.h5" --progress none
    if [ "$victim" = none ]; then
        take_time
        end=$((now_us + draw * 1000))
        while runs "$job" && [ "$now_us" -lt "$end" ]; do
            sleep 0.05
            take_time
        done
        # Nobody has waited for it yet: the number is still its own.
        if runs "$job"; then
            : >"$place/killed"
            kill -KILL "$job"
        fi
    fi
    end_of "$job"
} 2>/dev/null

# The file after a kill: $flaw is empty when it is as it should be.
look_after_kill() {
    local file=$place/kills.h5 now
    flaw=
    if [ ! -e "$file" ]; then
        [ -z "$counted" ] || flaw="the file is gone"
        return
    fi
    if ! is_in_order "$file"; then
        flaw=$finding
        return
    fi
    now=$(done_runs "$file")
    [ -z "$(comm -23 <(echo "$counted") <(echo "$now") | tr -d '\n')" ] ||
        flaw="runs that were finished are not any more"
    counted=$now
}

check_kills() {
    local file=$place/kills.h5 done=0 tries=0 words counted='' sweeps=0
    # As long as the sweep took, where all that comes to some minutes.
    window_ms=$((300000 / kills > 3000 ? 300000 / kills : 3000))
    [ "${took_ms:-3000}" -ge "$window_ms" ] || window_ms=${took_ms:-3000}
    flaw=
    while [ "$done" -lt "$kills" ] && [ "$tries" -lt $((3 * kills + 10)) ]; do
        tries=$((tries + 1))
        kill_once
        words=$(words_of "$said")
        echo "kill $((done + 1)): $target (rank $victim) after $after s, code $code, $(wc -w <<<"$counted") runs before" >>"$place/kills.txt"
        case $code in
        0)
            # It was faster: another sweep begins.
            counted=
            sweeps=$((sweeps + 1))
            if is_in_order "$file"; then
                rm -rf -- "$file" "$file".*
            else
                flaw=$finding
            fi
            ;;
        4) flaw="30 s after a kill the file was still in use: $words" ;;
        2 | 3 | 75 | none) flaw="resumed after a kill, it $ended: $words" ;;
        *)
            [ -e "$place/killed" ] || flaw="it $ended by itself: $words"
            done=$((done + 1))
            [ -n "$flaw" ] || look_after_kill
            ;;
        esac
        [ -z "$flaw" ] || break
    done
    if [ -z "$flaw" ] && [ "$done" -lt "$kills" ]; then
        flaw="only $done of $kills kills found the sweep at work"
    fi
    if [ -n "$flaw" ]; then
        case $flaw in
        *'still in use'*) words="The lock of a killed process is freed late here: start with --wait 120." ;;
        only*) words="The machine is too uneven for this check: run it again." ;;
        *) words="Kills cost finished work here: do not run sweeps in this folder. Again: --seed $seed." ;;
        esac
        flunk kills "kill $done ($target, after $after s): $flaw" "$words"
        return 1
    fi
    pass kills "$done SIGKILLs of workers, rank 0 and everything, resumed each time: nothing finished was lost"
}

check_bytes() {
    local file=$place/kills.h5 left
    launch none 0 run "$place/sweep.yaml" -o "$file" --progress none
    end_of "$job"
    left=$(cd -- "$place" && printf '%s ' kills.h5*)
    if [ "$code" != 0 ]; then
        flunk bytes "the sweep that was killed $ended: $(words_of "$said")" \
            "A sweep that was killed does not go on here."
    elif ! is_as_computed "$file"; then
        flunk bytes "$finding" "$(other_bytes)"
    elif [ "$left" != 'kills.h5 kills.h5.lock ' ]; then
        flunk bytes "beside the file is left: $left" "What a killed process left is not tidied up here."
    else
        pass bytes "the killed sweep ended, then all cells by one process: the same bytes"
    fi
}
