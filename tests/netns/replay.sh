# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The alerts of a ctwatchd, and those of the replay of its history.

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

ctwatch=$BUILD_DIR/daemon/ctwatch

# note_times: each record keeps the time at which it was sent, from now on. Call it after configure.
# shellcheck disable=SC2016,SC2154 # the recorder expands it; configure sets it
note_times() { sed -i '2i export AT="$(date +%s.%N)"' "${recorder%% *}"; }

# replayed [ARGUMENT...]: the alerts of the replay.
replayed() { "$ctwatch" replay --config "$conf" --json "$@" >"$scratch/replay.json"; }

# replays TIMES KIND EDGE: whether the history so far has TIMES alerts of that kind and edge.
replays() {
    replayed --state "$run"
    [ "$(grep -c "\"alert\":\"$2\",\"edge\":\"$3\"" "$scratch/replay.json")" = "$1" ]
}

# same WHAT NETNS N: $records holds N alerts or more. Each alert about this table has its counterpart
# within a second, or up to three seconds earlier, as the recorder notes the time only when it gets to
# run; none is left over. (The kernel log also shows other namespaces and the time before the start:
# neither is in a history.)
same() {
    say "Replayed from $1"
    python3 - "$records" "$scratch/replay.json" "$2" "$3" <<'COMPARE' || fail "the replay differs from the alerts"
import json, sys

live, wrong = [], 0
for record in open(sys.argv[1]).read().split("\n\n"):
    f = dict(line.split("=", 1) for line in record.splitlines() if "=" in line)
    if f.get("CTWATCH_NETNS", "") == sys.argv[3] and f.get("CTWATCH_EDGE", "past") not in ("past", "reminder"):
        live.append((float(f["AT"]), f["CTWATCH_ALERT"], f["CTWATCH_EDGE"], f["CTWATCH_LEVEL"]))
replayed = [json.loads(line) for line in open(sys.argv[2])]
again = [(a["seconds"], a["alert"], a["edge"], a["level"]) for a in replayed if "alert" in a and a["edge"] != "reminder"]
for at, *what in live:
    near = [a for a in again if list(a[1:]) == what and -3 <= a[0] - at <= 1]
    best = min(near, key=lambda a: abs(a[0] - at), default=None)
    print("%.3f %-8s %-16s %-8s" % (at, what[2], what[0], what[1]),
          "%+.3f s" % (best[0] - at) if best else "MISSING")
    if best:
        again.remove(best)
    else:
        wrong += 1
for at, kind, edge, level in again:
    print("%.3f %-8s %-16s %-8s is not in the alerts" % (at, level, kind, edge))
sys.exit(wrong > 0 or len(again) > 0 or len(live) < int(sys.argv[4]))
COMPARE
}
