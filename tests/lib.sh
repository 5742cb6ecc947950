# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the test scripts share. Source it first:  . "$(dirname "$0")/../lib.sh"
#
# A script ends with 0 (passed), 77 after `skip REASON` (could not run here) or anything else
# (failed). Whatever it makes it hands to `defer`, so that nothing stays behind however it ends.

set -euo pipefail

: "${SOURCE_DIR:=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}"
: "${BUILD_DIR:=$SOURCE_DIR/build}"
export LC_ALL=C

say() { printf '%s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
skip() { printf 'skipped: %s\n' "$*"; exit 77; }

# --- cleaning up -----------------------------------------------------------------------------

cleanups=()

# defer COMMAND...: run it when the script ends, the last one first.
defer() { cleanups+=("$(printf '%q ' "$@")"); }

run_cleanups() {
    local code=$? i
    trap '' INT TERM HUP
    set +e
    for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do eval "${cleanups[i]}"; done
    exit "$code"
}
trap run_cleanups EXIT
trap 'printf "FAILED: line %s: %s\n" "$LINENO" "$BASH_COMMAND" >&2' ERR
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# scratch: a folder of its own in $scratch, gone at the end.
scratch() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/ctwatch-test.XXXXXX")
    defer rm -rf "$scratch"
}

# start COMMAND...: a program in the background, its process id in $started, ended at the end.
start() {
    [ "$1" != in_netns ] || set -- ip netns exec "${@:2}" # a function would be a shell in between
    "$@" &
    started=$!
    defer end "$started"
}

# end PID: terminate a child and wait for it; one that does not listen is killed after 5 s.
end() {
    kill "$1" 2>/dev/null || return 0
    wait_for 5 gone "$1" || kill -KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null || true
}

# gone PID: true once it has ended, reaped or not.
gone() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    [[ ${stat##*) } == Z* ]]
}

# --- waiting ---------------------------------------------------------------------------------

# wait_for SECONDS COMMAND...: until COMMAND succeeds; fails when it has not by then.
wait_for() {
    local until=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    until "$@"; do
        [ "${EPOCHREALTIME/./}" -lt "$until" ] || return 1
        sleep 0.02
    done
}

# --- what a test needs -----------------------------------------------------------------------

need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }

need() {
    local command
    for command; do
        command -v "$command" >/dev/null || skip "needs the program $command"
    done
}

# need_netns: root, the tools, and a kernel that lets us make namespaces and track in them.
need_netns() {
    need_root
    need ip nft conntrack
    local name=ctw-probe-$$
    ip netns add "$name" 2>/dev/null || skip "cannot make a network namespace here"
    # The rule also loads what does the tracking, where that is a module.
    if ! ip netns exec "$name" nft 'add table inet probe; add chain inet probe c;
            add rule inet probe c ct state new counter' 2>/dev/null; then
        ip netns del "$name"
        skip "nftables does not work here"
    fi
    ip netns del "$name"
}

# --- network namespaces ----------------------------------------------------------------------

in_netns() { ip netns exec "$@"; }

# start_in NAME COMMAND...: start, in that namespace. `ip` becomes the command, so $started is it.
start_in() { start in_netns "$@"; }

netns_inode() { stat -L -c %i "/run/netns/$1"; }
netns_count() { in_netns "$1" cat /proc/sys/net/netfilter/nf_conntrack_count; }

# netns_new NAME: with loopback up; deleted at the end.
netns_new() {
    ip netns add "$1"
    defer netns_delete "$1"
    ip -n "$1" link set lo up
}

netns_flush() { in_netns "$1" conntrack -F >/dev/null 2>&1; }

netns_delete() { [ ! -e "/run/netns/$1" ] || ip netns del "$1"; }

# netns_track NAME: switch tracking on there, and let no packet be answered. Packets are dropped after
# their entry has been confirmed, so entries stay and no reset or ICMP error touches them.
netns_track() { track_by in_netns "$1"; }

# track_by COMMAND...: the same, in the namespace that COMMAND enters.
track_by() {
    "$@" nft -f - <<'RULES'
table inet ctwatch_test {
    chain track { type filter hook output priority filter; ct state new counter; }
    chain quiet { type filter hook input priority filter; drop; }
}
RULES
}

# --- the initial network namespace -----------------------------------------------------------

# host_track: the same here, undone at the end. Everything but the flood's packets is taken out of
# tracking first, or a full table would drop the machine's own new connections, and count each time
# that they are tried again; and only the flood's packets are dropped.
host_track() {
    if nft list table inet ctwatch_test >/dev/null 2>&1; then
        fail "the nft table inet ctwatch_test is there already"
    fi
    defer host_untrack
    nft -f - <<'RULES'
table inet ctwatch_test {
    chain spare {
        ip saddr 127.16.0.0/16 return
        ip daddr 127.16.0.0/16 return
        notrack
    }
    chain spare_in { type filter hook prerouting priority raw; jump spare; }
    chain spare_out { type filter hook output priority raw; jump spare; }
    chain track { type filter hook output priority filter; ct state new counter; }
    chain quiet {
        type filter hook input priority filter;
        iifname "lo" ip saddr 127.16.0.0/16 drop
        iifname "lo" ip daddr 127.16.0.0/16 drop
    }
}
RULES
}

# host_untrack: also forgets the flood's entries, and no others.
host_untrack() {
    nft delete table inet ctwatch_test
    conntrack -D -s 127.16.0.0/16 >/dev/null 2>&1 || true
}

# with_sysctl KEY VALUE: set it, put back at the end.
with_sysctl() {
    local was
    was=$(sysctl -n "$1")
    defer sysctl -qw "$1=$was"
    sysctl -qw "$1=$2"
}

# --- the machine's limits --------------------------------------------------------------------

# nf_conntrack_max and nf_conntrack_buckets are one for the whole machine. Tests that want the same
# values run side by side and hold a shared lock; a test that wants others waits for them to end.
# The last to end puts back what the machine had.
limits_lock=/run/lock/ctwatch-test-limits
limits_before=/run/ctwatch-test-limits # MAX BUCKETS of the machine; there while they are changed
limits_folder=/proc/sys/net/netfilter

# with_limits [MAX BUCKETS]: these limits until the end of the test; $max is the first. The number of
# buckets is a quarter of the limit: to evict, the kernel searches eight buckets and refuses the flow
# when they are all empty, which with as many buckets as entries happens once in 9 million flows.
with_limits() {
    take_limits "${1-262144}" "${2-65536}"
    flock -s -w 900 "$limits_fd" || fail "another test keeps the limits of this machine locked"
    until limits_are "$max" "$buckets"; do
        flock -x -w 900 "$limits_fd" || fail "another test keeps the limits of this machine locked"
        set_limits "$max" "$buckets"
        flock -s -w 900 "$limits_fd"
    done
}

# with_limits_alone MAX BUCKETS: the same, and no other test runs that needs limits, so that this one
# may change them.
with_limits_alone() {
    take_limits "$1" "$2"
    flock -x -w 900 "$limits_fd" || fail "another test keeps the limits of this machine locked"
    set_limits "$max" "$buckets"
}

# Their count is in $max and $buckets, the lock is $limits_fd.
take_limits() {
    need flock
    max=$1 buckets=$2
    [ -e $limits_folder/nf_conntrack_max ] || skip "this kernel tracks no connections"
    [ "$(cat $limits_folder/nf_conntrack_count)" -lt 20000 ] ||
        skip "the machine's own table is in use: changing its buckets would stop its packets for too long"
    exec {limits_fd}>>$limits_lock
    defer put_limits_back
}

limits_are() { [ "$(cat $limits_folder/nf_conntrack_{max,buckets} | xargs)" = "$*" ]; }

# The present limits are recorded even if they are already the wanted ones: a test that runs alone
# may change them later.
set_limits() {
    [ -e $limits_before ] || cat $limits_folder/nf_conntrack_{max,buckets} | xargs >$limits_before
    limits_are "$@" && return
    write_limits "$@" || skip "the limits of this machine cannot be changed here"
}

write_limits() {
    [ "$(cat $limits_folder/nf_conntrack_buckets)" = "$2" ] ||
        echo "$2" >$limits_folder/nf_conntrack_buckets || return
    echo "$1" >$limits_folder/nf_conntrack_max
}

# Where another test still uses them, that one does it.
put_limits_back() {
    local before
    flock -x -n "$limits_fd" || return 0
    read -r before 2>/dev/null <$limits_before || return 0
    # shellcheck disable=SC2086 # two words
    write_limits $before
    rm -f $limits_before
}

# --- ctwatchd and its records ----------------------------------------------------------------

ctwatchd=$BUILD_DIR/daemon/ctwatchd
flood=$BUILD_DIR/tests/netns/flood

# configure NAME: a folder for one daemon, named after it: its settings in $conf (read them from
# standard input), the records it makes in $records, the lines on its stderr in $lines, and what it
# publishes in $run.
# Records come by way of alerts.command and are kept as `journalctl -o export` prints them.
configure() {
    mkdir -p "$scratch/$1"
    conf=$scratch/$1/ctwatch.conf
    records=$scratch/$1/records
    lines=$scratch/$1/lines
    run=$scratch/$1/run
    recorder="$scratch/$1/recorder $records"
    cat >"$scratch/$1/recorder" <<'RECORDER'
#!/bin/sh
printf '%s\n\n' "$(/usr/bin/env)" >>"$1"
RECORDER
    chmod +x "$scratch/$1/recorder"
    : >"$records"
    settings
}

# settings: from standard input; every @RECORDER@ becomes the command that keeps the records. The
# namespaces of tests that run beside this one are not watched, unless the settings have it so.
settings() {
    sed "s|@RECORDER@|$recorder|" >"$conf"
    grep -q '^namespaces:' "$conf" || echo 'namespaces: { enabled = false; };' >>"$conf"
}

# start_daemon [COMMAND...]: by way of COMMAND, a program that becomes what it runs (ip netns exec
# NAME), with the settings in $conf. Its process id is in $daemon once it has opened the table.
start_daemon() {
    start "$@" "$ctwatchd" --config "$conf" --state "$run" >"$lines" 2>&1
    daemon=$started
    if ! wait_for 10 has_table "$daemon"; then
        cat "$lines" >&2
        fail "ctwatchd does not open the table"
    fi
}

# stop_daemon: its exit status must be 0; a leak that a sanitizer finds makes it another.
stop_daemon() {
    local code=0
    kill "$daemon" || fail "ctwatchd has ended by itself:"$'\n'"$(tail -n 20 "$lines")"
    wait_for 10 gone "$daemon" || fail "ctwatchd does not end"
    wait "$daemon" || code=$?
    [ $code = 0 ] || fail "ctwatchd ended with $code:"$'\n'"$(tail -n 20 "$lines")"
}

# capture: a captured machine in $root, with 100 of 1000 entries, for tests that need no kernel.
capture() {
    root=$scratch/root
    sysctls=$root/proc/sys/net/netfilter
    mkdir "$root"
    cp -r "$SOURCE_DIR/tests/fixtures/roots/linux-6.18/." "$root"
    chmod -R u+w "$root"
    echo 1000 >"$sysctls/nf_conntrack_max"
    echo 100 >"$sysctls/nf_conntrack_count"
}

# put FILE: from standard input, and in one piece, as the kernel does it.
put() {
    cat >"$scratch/new"
    mv "$scratch/new" "$1"
}

# start_daemon_in_root [OPTION...]: the same for the captured machine, whose files are opened at each
# poll. It publishes nothing unless an OPTION makes it.
start_daemon_in_root() {
    start "$ctwatchd" --config "$conf" --root "$root" "$@" >"$lines" 2>&1
    daemon=$started
    if ! wait_for 10 has_read "$daemon" 30; then
        cat "$lines" >&2
        fail "ctwatchd does not poll"
    fi
}

# has_read PID TIMES: since it began; the start and the first poll take 24 reads, a calm poll 3.
has_read() { [ "$(sed -n 's/^syscr: //p' "/proc/$1/io")" -ge "$2" ]; }

has_table() { [ -n "$(find "/proc/$1/fd" -lname '*nf_conntrack_count' 2>/dev/null)" ]; }
alive() { [ -e "/proc/$1" ] && ! gone "$1"; }

# all_records: of the daemon, in the form of `journalctl -o export`.
all_records() { cat "$records"; }

# find_records KIND EDGE [NAME=VALUE...]: those that have all these fields; * is any kind or edge.
find_records() {
    local kind=$1 edge=$2
    shift 2
    [ "$kind" = '*' ] || set -- "CTWATCH_ALERT=$kind" "$@"
    [ "$edge" = '*' ] || set -- "CTWATCH_EDGE=$edge" "$@"
    all_records | WANTED=$(printf '%s\n' "$@") awk '
        BEGIN { RS = ""; n = split(ENVIRON["WANTED"], wanted, "\n") }
        { for (i = 1; i <= n; i++) if (!index("\n" $0 "\n", "\n" wanted[i] "\n")) next
          print $0 "\n" }'
}

count_records() { find_records "$@" | grep -c '^CTWATCH_ALERT='; }

# await SECONDS KIND EDGE [NAME=VALUE...]: the first such record, which goes to $record.
await() {
    local seconds=$1
    shift
    if ! wait_for "$seconds" find_first "$@"; then
        summary >&2
        fail "no such record within $seconds s: $*"
    fi
}

# sed reads to the end: with `head`, the writer before it would fail.
find_first() {
    record=$(find_records "$@" | sed -n '1,/^$/p')
    [ -n "$record" ]
}

# summary: all records, a line each, to show why a test failed.
summary() { all_records | sed -n 's/^MESSAGE=/    /p'; }

# field NAME: its value in $record, nothing when it is not there.
field() { sed -n "s/^$1=//p" <<<"$record"; }

# expect_field NAME VALUE: in $record; "" means that it must not be there.
expect_field() {
    local is
    is=$(field "$1")
    [ "$is" = "$2" ] || fail "$1 is '$is', not '$2', in:"$'\n'"$record"
}

# expect_number NAME FROM TO
expect_number() {
    local is
    is=$(field "$1")
    [[ $is =~ ^-?[0-9]+$ ]] || fail "$1 is '$is', not a number, in:"$'\n'"$record"
    if [ "$is" -lt "$2" ] || [ "$is" -gt "$3" ]; then
        fail "$1 is $is, not from $2 to $3, in:"$'\n'"$record"
    fi
}

# expect_table MAX FROM TO: $record shows this limit, a count within these bounds, and the
# percentage that the two make.
expect_table() {
    local permille
    expect_field CTWATCH_MAX "$1"
    expect_number CTWATCH_COUNT "$2" $(($3 + $(nproc))) # a packet being refused is counted meanwhile
    permille=$(($(field CTWATCH_COUNT) * 1000 / $1))
    expect_field CTWATCH_USAGE_PERCENT $((permille / 10)).$((permille % 10))
}

# counter COLUMN [COMMAND...]: of /proc/net/stat/nf_conntrack, summed over the CPUs, as COMMAND
# (in_netns NAME) sees it.
counter() {
    local column=$1 sum=0 at=-1 i words
    shift
    while read -ra words; do
        if [ "$at" -ge 0 ]; then
            sum=$((sum + 16#${words[at]}))
            continue
        fi
        for i in "${!words[@]}"; do [ "${words[i]}" != "$column" ] || at=$i; done
        [ "$at" -ge 0 ] || fail "this kernel has no counter $column"
    done < <("$@" cat /proc/net/stat/nf_conntrack)
    say $sum
}

# fill NAME TO: the table of that namespace, with assured entries, which cannot be evicted; $flows
# counts them.
flows=0
fill() {
    local missing
    missing=$(($2 - $(netns_count "$1")))
    [ "$missing" -gt 0 ] || return 0
    in_netns "$1" "$flood" --assured --count "$missing" --offset $flows >"$scratch/flood"
    flows=$((flows + missing))
}

# line_names_netns: whether a table-full line names its namespace (Linux 6.17 and later).
line_names_netns() { printf '6.17\n%s\n' "$(uname -r)" | sort -CV; }

# line_of NAME: what stands behind "table full" in the line about that namespace.
line_of() {
    if line_names_netns; then
        say " in netns $(netns_inode "$1"),"
    else
        say ,
    fi
}

# full_lines WHERE [SINCE]: table-full lines that the kernel log holds now, those later than that
# log_time; WHERE is as above, and "," for the initial namespace. Without a time, lines that are
# overwritten meanwhile are missing, and those of an earlier namespace with the same inode are in it.
full_lines() {
    dmesg | awk -v line="table full$1 dropping packet" -v since="${2-0}" '
        index($0, line) && substr($0, 2) + 0 > since { n++ }
        END { print n + 0 }'
}

# log_time: that of the newest line of the kernel log.
log_time() { dmesg | sed -n '$s/^\[ *\([0-9.]*\)\].*/\1/p'; }

# overflow WHERE [COMMAND...]: flows that are refused, by way of COMMAND (in_netns NAME), until the
# kernel has written a line about it, at most for 20 s: it shares ten lines in 5 s among all that
# it warns of. The number of flows refused is in $refused.
overflow() {
    local where=$1 since more
    shift
    since=$(log_time)
    refused=0
    for _ in {1..40}; do
        "$@" "$flood" --assured --count 500 --offset $flows >"$scratch/flood"
        flows=$((flows + 500))
        more=$(sed 's/.* refused=\([0-9]*\) .*/\1/' "$scratch/flood")
        refused=$((refused + more))
        [ "$(full_lines "$where" "$since")" = 0 ] || return 0
        sleep 0.5
    done
    fail "the kernel writes no 'table full$where' ($refused flows were refused)"
}
