# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests with Prometheus and its kin share. Source it first:  . "$(dirname "$0")/lib.sh"

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

ctwatch=$BUILD_DIR/daemon/ctwatch
conf_dir=$SOURCE_DIR/conf/prometheus

# metrics: of the daemon that publishes in $run, to $text.
metrics() { text=$("$ctwatch" metrics --state "$run"); }

# metric NAME{LABELS}: its value in $text, nothing when it is not there.
metric() { awk -v name="$1" '$1 == name { print $2 }' <<<"$text"; }

# shows SAMPLE VALUE: whether the daemon's metrics do now.
shows() {
    metrics 2>/dev/null
    [ "$(metric "$1")" = "$2" ]
}

# expect_metric SAMPLE VALUE: in $text; "" means that it must not be there.
expect_metric() {
    [ "$(metric "$1")" = "$2" ] || fail "$1 is '$(metric "$1")', not '$2', in:"$'\n'"$text"
}

# start_captured: a daemon that polls the captured machine in $root, and publishes in $run.
start_captured() {
    start "$ctwatchd" --config "$conf" --root "$root" --state "$run" >"$lines" 2>&1
    daemon=$started
    if ! wait_for 10 shows ctwatch_up 1; then
        cat "$lines" >&2
        fail "ctwatchd does not publish"
    fi
}

# free_port: a port of the loopback interface that is not in use at the moment.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# get URL: what is there, nothing when there is no answer.
get() { curl --silent --fail --max-time 5 "$1"; }

# answers URL: whether there is something.
answers() { get "$1" >/dev/null; }

# queries DASHBOARD: one a line, with what Grafana would put in for its variables.
queries() {
    jq -r '.panels[].targets[]?.expr | gsub("\\$instance"; ".+") | gsub("\\$__rate_interval"; "1m") |
        gsub("\\$__range"; "1h")' "$1" | sort -u
}
