# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Drives ./subscriber, which is daemon/source/events in a loop of its own. After ../lib.sh:
#
#   subscribe COMMAND... -- OPTION...   start it by COMMAND (`ip netns exec NAME`, or nothing)
#   ask COMMAND                         the answer is in $answer
#   value NAME                          of NAME= in $answer
#   reported NAME OPERATOR NUMBER       ask for a report and compare

export answer=

# A budget that is never spent, even with CPU time stolen by a hypervisor: a hundred CPUs.
export boundless=1000000

# enum ctw_health of lib/watch/alert.h.
export unused=0 ok=1 failed=3

subscribe() {
    local enter=()
    while [ "$1" != -- ]; do enter+=("$1"); shift; done
    shift
    coproc SUBSCRIBER { exec "${enter[@]}" "$BUILD_DIR/tests/netns/subscriber" "$@"; }
    # shellcheck disable=SC2153 # coproc sets it
    subscriber=$SUBSCRIBER_PID
    exec {to_subscriber}>&"${SUBSCRIBER[1]}" {from_subscriber}<&"${SUBSCRIBER[0]}"
    defer end "$subscriber"
}

ask() {
    printf '%s\n' "$*" >&"$to_subscriber"
    read -r -t 20 answer <&"$from_subscriber" || fail "no answer to $*"
}

value() {
    local word
    for word in $answer; do
        [ "${word%%=*}" != "$1" ] || printf '%s\n' "${word#*=}"
    done
}

reported() {
    ask report
    test "$(value "$1")" "$2" "$3"
}

# expect NAME OPERATOR NUMBER: within five seconds.
expect() {
    wait_for 5 reported "$@" || fail "expected $*: $answer"
}

# near A B PERCENT: whether A is within PERCENT of B.
near() {
    local off=$(($1 - $2))
    [ $((${off#-} * 100)) -le $(($2 * $3)) ]
}

flood_in() { in_netns "$1" "$BUILD_DIR/tests/netns/flood" "${@:2}"; }
forget_flows() { in_netns "$1" conntrack -F 2>/dev/null; }
