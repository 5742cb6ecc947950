# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A real incident: packets of hosts that a router forwards fill its table, ctwatchd runs there, and
# what its alert says is done. Source it after tests/lib.sh.
#
#   10.1.0.0/16, fd01::/112  <- clients ->  router  <- servers ->  10.2.0.0/16, fd02::/112
#           10.77.0.2, fd77::2                               10.78.0.2, fd78::2
#
# The flood's addresses belong to no host: what is sent to them is dropped. A session like ssh's runs
# from 10.77.0.2 to 10.78.0.2; the router forwards nothing else but what an incident needs.

# shellcheck disable=SC2034 # for with_limits
incident_max=8192 incident_buckets=2048
sessions=$SOURCE_DIR/tests/netns/sessions.py
closed_port=23 # the server answers there, the router's firewall lets nothing through to it

# incident_network NAME [FORWARDED]: the three namespaces in $clients, $router and $servers, with
# rules by which the router forwards FORWARDED (nft matches), sessions to port 22, and nothing else.
incident_network() {
    incident=$1
    clients=ctw-c-$1-$$ router=ctw-r-$1-$$ servers=ctw-s-$1-$$
    netns_new "$clients"
    netns_new "$router"
    netns_new "$servers"
    connect "$clients" 77 1
    connect "$servers" 78 2
    # shellcheck disable=SC2016 # for the namespace's shell
    in_netns "$router" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        for f in /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/send_redirects; do
            echo 0 >$f
        done'
    firewall "${2-}"
    start_sessions
}

# connect NAMESPACE NETWORK FLOOD: to the router.
connect() {
    ip link add name eth0 netns "$1" type veth peer name "net$2" netns "$router"
    ip -n "$1" address add "10.$2.0.2/24" dev eth0
    ip -n "$1" address add "fd$2::2/64" dev eth0 nodad
    ip -n "$router" address add "10.$2.0.1/24" dev "net$2"
    ip -n "$router" address add "fd$2::1/64" dev "net$2" nodad
    ip -n "$1" link set eth0 up
    ip -n "$router" link set "net$2" up
    ip -n "$1" route add default via "10.$2.0.1"
    ip -n "$1" -6 route add default via "fd$2::1"
    ip -n "$router" route add "10.$3.0.0/16" via "10.$2.0.2"
    ip -n "$router" -6 route add "fd0$3::/112" via "fd$2::2"
}

firewall() {
    in_netns "$router" nft -f - <<RULES
table inet firewall {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        ct state invalid drop
        tcp dport 22 accept
        ${1:+$1 accept}
    }
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        iifname "lo" accept
        tcp dport 22 accept
    }
}
RULES
    # a flood must be answered by no host
    in_netns "$servers" nft "table inet quiet { chain input { type filter hook input priority filter;
        policy drop; tcp dport { 22, $closed_port } accept; icmpv6 type { nd-neighbor-solicit,
        nd-neighbor-advert } accept; }; }"
    in_netns "$clients" nft 'table inet quiet { chain input { type filter hook input priority filter;
        policy drop; ip saddr 10.78.0.2 accept; ip saddr 10.77.0.1 accept; icmpv6 type {
        nd-neighbor-solicit, nd-neighbor-advert } accept; }; }'
}

# start_sessions: a server there and on the router, and a session that lasts; its answers are counted
# in $scratch/$incident-answers.
start_sessions() {
    answers=$scratch/$incident-answers
    start_in "$servers" "$sessions" serve 22 $closed_port >"$scratch/$incident-listening"
    start_in "$router" "$sessions" serve 22 >"$scratch/$incident-router-listening"
    wait_for 10 test -s "$scratch/$incident-listening"
    wait_for 10 test -s "$scratch/$incident-router-listening"
    start_in "$clients" "$sessions" keep 10.78.0.2 22 >"$answers" 2>&1
    session=$started
    wait_for 10 test -s "$answers" || fail "no session through the router"
}

# timeouts NAME=SECONDS...: of the router, nf_conntrack_NAME.
timeouts() {
    local t
    for t; do
        in_netns "$router" sh -c "echo ${t#*=} >/proc/sys/net/netfilter/nf_conntrack_${t%=*}"
    done
}

# flood_from NAMESPACE ARGUMENTS...: in the background until end_flood, and bounded in any case. One
# processor, so that no packet overtakes another.
flood_from() {
    local ns=$1
    shift
    start_in "$ns" taskset -c 0 "$flood" --count 2000000 "$@" >"$scratch/flood"
    flooding=$started
}

end_flood() { end "$flooding"; }

# watch_in NAMESPACE [COMMAND...]: a daemon there, by way of COMMAND; "": the initial one.
watch_in() {
    configure "$incident" <<'CONF'
levels: { hold = "1s"; forecast = 0; };
alerts: { command = "@RECORDER@"; };
CONF
    if [ -n "$1" ]; then start_daemon ip netns exec "$@"; else start_daemon; fi
}

# without_empty_iptables: iptables makes its table and chains at its first use, whatever that is, and
# leaves them.
without_empty_iptables() {
    awk '/^# Warning: table ip/ { getline; skip = 1; next }
         /^table ip6? (mangle|raw) / { skip = 1 }
         skip && / counter / { print }
         !skip
         /^}/ { skip = 0 }'
}

# settings_of NAMESPACE: what an undo line must leave as it was.
settings_of() {
    in_netns "$1" nft -s list ruleset | without_empty_iptables
    in_netns "$1" grep -H . /proc/sys/net/netfilter/nf_* 2>/dev/null | grep -v '_count:' || true
}

# expect_cause CAUSE [CULPRIT]: in $record; the sentence names the culprit, a pattern.
expect_cause() {
    local text
    expect_field CTWATCH_CAUSE "$1"
    text=$(field CTWATCH_REMEDY)
    [ -n "$text" ] || fail "no remedy, in:"$'\n'"$record"
    # shellcheck disable=SC2053 # a pattern
    [[ $text == *${2-}* ]] || fail "the remedy does not name $2: $text"
}

# await_cause CAUSE [CULPRIT]: the alert of the fill, with its cause. Where the table fills between two
# polls it may go out before the entries have been sampled, and comes again when they have been.
await_cause() {
    await 30 usage begin
    [ "$(field CTWATCH_CAUSE)" != unknown ] || await 30 usage reminder
    expect_cause "$@"
}

# paste LINE: into a root shell where ctwatchd runs.
paste() {
    say "    # $1"
    if [ -n "$watched_from" ]; then in_netns "$watched_from" bash -c "$1"; else bash -c "$1"; fi ||
        fail "this line does not work: $1"
}

# permille_of NAMESPACE: its entries, of max.
permille_of() { say $(($(netns_count "$1") * 1000 / $(cat "$limits_folder/nf_conntrack_max"))); }

below_warning() { [ "$(permille_of "$router")" -lt 750 ]; }

# stays_below_warning POLLS: at each of them, half a second apart.
stays_below_warning() {
    local i
    for ((i = 0; i < $1; i++)); do
        below_warning || fail "the table fills again: $(permille_of "$router") permille"
        sleep 0.5
    done
}

answered() { [ "$(sed -n '$=' "$answers")" -gt "$1" ]; }

# sessions_live: the session that there was goes on, new ones can be opened, through the router and
# to it, and what the firewall kept out stays out.
sessions_live() {
    local n
    n=$(sed -n '$=' "$answers")
    alive "$session" || fail "the session has ended"
    wait_for 10 answered $((n + 2)) || fail "the session is not answered any more"
    in_netns "$clients" "$sessions" open 10.78.0.2 22 || fail "no new session through the router"
    in_netns "$clients" "$sessions" open 10.77.0.1 22 || fail "no new session to the router"
    ! in_netns "$clients" timeout 1 bash -c "exec 3<>/dev/tcp/10.78.0.2/$closed_port" 2>/dev/null ||
        fail "the firewall has been opened"
}

# ends_incident SECONDS POLLS: paste the command of $record twice while the flood goes on; the table
# must then be below its warning level within SECONDS and stay there. Then undo it. The command stays
# in $command.
ends_incident() {
    local undo
    command=$(field CTWATCH_COMMAND)
    undo=$(field CTWATCH_UNDO)
    [ -n "$command" ] || fail "no command, in:"$'\n'"$record"
    [ -n "$undo" ] || fail "nothing to take it back, in:"$'\n'"$record"
    say "    $(field CTWATCH_REMEDY)"
    paste "$command"
    paste "$command"
    alive "$flooding" || fail "the flood has ended by itself: $(cat "$scratch/flood")"
    wait_for "$1" below_warning ||
        fail "the table is at $(permille_of "$router") permille, $1 s after: $command"
    stays_below_warning "$2"
    alive "$flooding" || fail "the flood has ended by itself: $(cat "$scratch/flood")"
    sessions_live
    end_flood
    paste "$undo"
    expect_settings
}

expect_settings() {
    settings_of "${watched_from:-$router}" >"$scratch/after"
    diff "$scratch/before" "$scratch/after" || fail "the undo line leaves something behind"
}

# begin_incident: notes what the undo lines must leave, and starts the daemon, by way of the command
# in the array by_way_of.
by_way_of=()
begin_incident() {
    watched_from=$router
    settings_of "$router" >"$scratch/before"
    watch_in "$router" "${by_way_of[@]}"
}

end_incident() {
    stop_daemon
    end "$session"
    netns_flush "$router"
    netns_delete "$clients"
    netns_delete "$servers"
    netns_delete "$router"
}

# fills NAME FORWARDED CAUSE CULPRIT SECONDS ARGUMENTS...: a flood with these ARGUMENTS fills the
# table; SECONDS after the command has been pasted it must be below its warning level. Set the
# timeouts that concern it in the array lives.
fills() {
    say "$1"
    incident_network "$1" "$2"
    timeouts "${lives[@]}"
    begin_incident
    flood_from "$clients" "${@:6}"
    await_cause "$3" "$4"
    ends_incident "$5" 10
    end_incident
}
