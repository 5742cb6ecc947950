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
    if ! ip netns exec "$name" nft add table inet probe 2>/dev/null; then
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

netns_delete() { [ ! -e "/run/netns/$1" ] || ip netns del "$1"; }

# netns_track NAME: switch tracking on there and let nobody answer. Packets are dropped after
# their entry has been confirmed, so entries stay and no reset or ICMP error touches them.
netns_track() {
    in_netns "$1" nft -f - <<'RULES'
table inet ctwatch_test {
    chain track { type filter hook output priority filter; ct state new counter; }
    chain quiet { type filter hook input priority filter; drop; }
}
RULES
}

# --- the initial network namespace -----------------------------------------------------------

# host_track: the same here, undone at the end. Everything but loopback is taken out of tracking
# first, or a full table would drop the machine's own new connections; and only the flood's
# packets are dropped.
host_track() {
    if nft list table inet ctwatch_test >/dev/null 2>&1; then
        fail "the nft table inet ctwatch_test is there already"
    fi
    defer host_untrack
    nft -f - <<'RULES'
table inet ctwatch_test {
    chain spare_in { type filter hook prerouting priority raw; iifname != "lo" notrack; }
    chain spare_out { type filter hook output priority raw; oifname != "lo" notrack; }
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
