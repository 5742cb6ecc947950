# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of growth share: the installed service with growth on, and floods of the initial
# namespace as fast as two processes can send.

# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# As on a machine of its own, root can write what the unit cannot.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1

max_key=net.netfilter.nf_conntrack_max
buckets_key=net.netfilter.nf_conntrack_buckets

# growth_host MAX BUCKETS: nothing but the flood tracked, and these limits until the end. No entry
# of a flood ends by itself, however long a slow machine takes to send it.
growth_host() {
    need_quiet_host
    host_track
    with_sysctl net.netfilter.nf_conntrack_udp_timeout 3600
    with_limits_alone "$1" "$2"
    defer stop_growing
}

# stop_growing: before the limits are put back, or they would grow again.
stop_growing() { in_machine systemctl stop ctwatch 2>/dev/null || true; }

# empty_with_limits MAX BUCKETS: with an empty table.
empty_with_limits() {
    wait_for 60 emptied || fail "$(host_count) entries stay in the table"
    set_limits "$@"
}

emptied() {
    host_flush || true
    [ "$(host_count)" -lt 200 ]
}

# restart_service: with the settings on standard input, and records counted from here on.
restart_service() {
    write /etc/ctwatch.conf
    since=@$(date +%s.%6N)
    in_machine systemctl restart ctwatch || fail "$(in_machine systemctl status ctwatch)"
    daemon=$(main_pid)
}

# twice N [KIND]: N flows by two processes; sets $dropped, $evicted and $refused_chains.
twice() {
    local drop early chain other
    drop=$(counter drop) early=$(counter early_drop) chain=$(counter chainlength)
    "$flood" "${2---udp}" --count $(($1 / 2)) >"$scratch/flood.1" &
    other=$!
    "$flood" "${2---udp}" --count $(($1 - $1 / 2)) --offset $(($1 / 2)) >"$scratch/flood.2"
    wait "$other"
    dropped=$(($(counter drop) - drop))
    evicted=$(($(counter early_drop) - early))
    refused_chains=$(($(counter chainlength) - chain))
}

# expect_no_loss WHAT
expect_no_loss() {
    [ "$dropped/$evicted/$refused_chains" = 0/0/0 ] ||
        fail "$1: $dropped dropped, $evicted evicted, $refused_chains refused for long chains"$'\n'"$(summary)"
}

# headroom: how many entries were free at each write of max, without those at the start.
headroom() {
    find_records grew begin | awk -F= '
        $1 == "CTWATCH_COUNT" { count = $2 }
        $1 == "CTWATCH_OLD_MAX" { old = $2 }
        $0 == "" { if (old && count > 200) print old - count; old = 0 }'
}
