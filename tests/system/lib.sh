# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the system tests share: a machine with its own systemd and journal, in which ctwatch has
# been installed by systemd/install. Source it first:  . "$(dirname "$0")/lib.sh"
#
# The machine is a Debian container of this kernel and of its initial network namespace, so its
# conntrack table is the real one. It is made once, kept in $cache, and booted with a layer in
# memory above it, so that nothing a test does there stays. Where a container with systemd is what
# we run in already, that one is used; if ctwatch is installed there, it is afterwards, too.

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

cache=${CTWATCH_TEST_ROOT:-/var/tmp/ctwatch-test-root}

# What systemd/install needs is there from the start: that it can install it is seen elsewhere.
packages=systemd,systemd-sysv,dbus,procps,iproute2
packages+=,gcc,libc6-dev,make,cmake,pkg-config,libsystemd-dev,libconfig-dev,libmnl-dev,libnetfilter-conntrack-dev,libjansson-dev,libmicrohttpd-dev
packages+=,dpkg-dev,file # and what cpack needs

# A test of containers sets with_containers=yes before it sources this. Its root has their programs,
# and cgroup v2 alone, without controllers where the kernel's are those of v1.
with_containers=${with_containers-}
if [ -n "$with_containers" ]; then
    cache+=-containers
    packages+=,podman,crun,systemd-container,busybox-static
fi

machine=    # process id of its init; empty: the machine is this one
checkout=   # where it has the sources
files=      # its root, as seen from here
own_table=  # set before it is booted: it has a network namespace, and a table, of its own

# in_machine COMMAND...: as root there.
in_machine() {
    if [ -z "$machine" ]; then
        "$@"
    else
        nsenter -t "$machine" -m -p -u -i ${own_table:+-n} -- \
            env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@" </dev/null
    fi
}

# --- making it -------------------------------------------------------------------------------

make_root() {
    local made=$cache.$$
    [ ! -e "$cache/.packages" ] || [ "$(cat "$cache/.packages")" != "$packages" ] || return 0
    need mmdebstrap
    say "Making $cache, once"
    defer rm -rf "$made"
    if ! mmdebstrap --quiet --variant=minbase --include="$packages" --dpkgopt='path-exclude=/usr/share/doc/*' \
        --aptopt='Acquire::Retries "3"' bookworm "$made" >"$scratch/mmdebstrap.log" 2>&1; then
        tail -n 3 "$scratch/mmdebstrap.log"
        skip "mmdebstrap cannot make a Debian root here"
    fi
    mkdir -p "$made/root/ctwatch"
    say "$packages" >"$made/.packages"
    rm -rf "$cache"
    mv "$made" "$cache"
}

# --- booting it ------------------------------------------------------------------------------

# What would change the kernel that the machine shares, or be in the way.
masked=(systemd-sysctl.service systemd-modules-load.service apt-daily.timer apt-daily-upgrade.timer)

# is_up PID: of systemd-nspawn, whose child is init in the end, but at first another one, which would
# ask the systemd of here.
is_up() {
    local state
    machine=$(pgrep -P "$1") || return 1
    [ "$(readlink "/proc/$machine/ns/pid")" != "$(readlink /proc/self/ns/pid)" ] || return 1
    state=$(in_machine systemctl is-system-running 2>/dev/null) || true
    [[ $state == running || $state == degraded ]]
}

boot() {
    local nspawn lock
    need systemd-nspawn nsenter pgrep flock
    exec {lock}>>/run/lock/ctwatch-test-root
    flock "$lock" # another test may be making it
    make_root
    exec {lock}>&-
    # In a session of its own, or Ctrl-C would reach it before the cleanups that still need it.
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=${with_containers:+1} setsid systemd-nspawn --quiet --directory="$cache" \
        --volatile=overlay --boot ${own_table:+--private-network} --register=no --keep-unit --machine="ctwatch-test-$$" \
        --capability=all --bind=/dev/kmsg --bind-ro="$SOURCE_DIR:/root/ctwatch" --resolv-conf=off \
        "${masked[@]/#/systemd.mask=}" >"$scratch/boot.log" 2>&1 </dev/null &
    nspawn=$!
    defer shut_down "$nspawn"
    if ! wait_for 60 is_up "$nspawn"; then
        tail -n 5 "$scratch/boot.log"
        skip "systemd does not boot in a container here"
    fi
    checkout=/root/ctwatch
    files=/proc/$machine/root
}

shut_down() {
    kill "$1" 2>/dev/null || return 0 # systemd-nspawn asks init to power off
    wait_for 15 gone "$1" || kill -KILL "$machine" "$1"
    wait "$1" 2>/dev/null || true
}

# --- using it --------------------------------------------------------------------------------

is_disposable() { [ -d /run/systemd/system ] && systemd-detect-virt --quiet --container; }

# What is installed here is put back in the end; an edited configuration is not ours to take away,
# even for a while.
use_this_machine() {
    was_installed=
    checkout=$SOURCE_DIR
    ! dpkg-query -S /usr/sbin/ctwatchd >/dev/null 2>&1 || skip "ctwatch is a Debian package in this container"
    if [ -e /etc/ctwatch.conf ] && ! cmp -s /etc/ctwatch.conf /usr/share/ctwatch/ctwatch.conf; then
        skip "ctwatch is installed in this container, with a configuration of its own"
    fi
    if [ -e /usr/share/ctwatch/installed ]; then
        was_installed=yes
        "$checkout/systemd/install" --remove >/dev/null
    fi
    defer put_away
}

put_away() {
    [ ! -e /usr/share/ctwatch/installed ] || "$checkout/systemd/install" --remove >/dev/null
    rm -rf /etc/ctwatch.conf /etc/ctwatch.conf.new /etc/systemd/system/ctwatch.service.d
    systemctl daemon-reload
    [ -z "$was_installed" ] || "$checkout/systemd/install" >/dev/null
}

# machine_new: one without ctwatch.
machine_new() {
    need_root
    scratch
    if is_disposable; then
        use_this_machine
    else
        boot
    fi
    since=@$(date +%s.%6N)
}

# machine_with_service [CONF]: with ctwatch installed and running, with the settings on standard
# input if CONF is - , otherwise as shipped.
machine_with_service() {
    machine_new
    in_machine "$checkout/systemd/install" >"$scratch/install.log" 2>&1 ||
        fail "systemd/install: $(cat "$scratch/install.log")"
    [ "${1-}" != - ] || { write /etc/ctwatch.conf; in_machine systemctl restart ctwatch; }
    wait_for 5 in_machine systemctl is-active --quiet ctwatch || fail "ctwatch is not active"
    daemon=$(main_pid)
}

# installed_files: those of ctwatch, by their names; other programs of the machine write their own.
installed_files() {
    in_machine find /usr /etc /var/lib -xdev -not -type d -path '*ctwatch*' | sort
}

# there FILE: of the machine
there() { [ -e "$files$1" ]; }

# is WHAT STATE [UNIT]: as `systemctl is-WHAT` says, of the service
is() { [ "$(in_machine systemctl "is-$1" "${3-ctwatch.service}" 2>/dev/null || true)" = "$2" ]; }

# main_pid [UNIT]
main_pid() { in_machine systemctl show --value -p MainPID "${1-ctwatch.service}"; }

# healthy: the HTTP service reports that the daemon polls
healthy() {
    in_machine bash -c 'exec 3<>/dev/tcp/127.0.0.1/9817 && printf "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n" >&3 && head -n 1 <&3' |
        grep -q ' 200 '
}

# write FILE: of the machine, from standard input.
write() { cat >"$files$1"; }

# all_records: those of ctwatchd in this machine's journal since machine_new. (With a filter,
# --after-cursor= of systemd 252 leaves out the first one.)
all_records() { in_machine journalctl -t ctwatchd -o export --since="$since"; }

# --- namespaces of the machine ---------------------------------------------------------------

# in_machine_netns NAME COMMAND...: in that namespace of the machine, but with the files of here.
in_machine_netns() { nsenter --net="$files/run/netns/$1" "${@:2}"; }

# machine_netns_new NAME: with loopback up and tracking on; deleted at the end.
machine_netns_new() {
    in_machine ip netns add "$1"
    defer in_machine ip netns del "$1"
    in_machine ip -n "$1" link set lo up
    track_by in_machine_netns "$1"
}

# --- the initial namespace's table, which is the machine's -----------------------------------

host_count() { sysctl -n net.netfilter.nf_conntrack_count; }

# need_quiet_host: where little of the table is in use.
need_quiet_host() {
    need nft conntrack sysctl
    [ -e /proc/sys/net/netfilter/nf_conntrack_count ] || skip "this kernel tracks no connections"
    [ "$(host_count)" -lt 200 ] || skip "the machine's own table is in use: $(host_count) entries"
}

host_fill() {
    local missing
    missing=$(($1 - $(host_count)))
    "$flood" --assured --count "$missing" --offset $flows >"$scratch/flood"
    flows=$((flows + missing))
}

host_flush() { conntrack -D -s 127.16.0.0/16 >/dev/null 2>&1; }
