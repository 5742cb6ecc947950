# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What a daemon said, and what the replay of its history says.

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

ctwatch=$BUILD_DIR/daemon/ctwatch

# note_times: each record keeps when it was said, from now on. After configure.
# shellcheck disable=SC2016,SC2154 # the recorder expands it; configure sets it
note_times() { sed -i '2i export AT="$(date +%s.%N)"' "${recorder%% *}"; }

# replayed [ARGUMENT...]: what the replay says.
replayed() { "$ctwatch" replay --config "$conf" --json "$@" >"$scratch/replay.json"; }

# replays TIMES KIND EDGE: whether the history so far says that so often.
replays() {
    replayed --state "$run"
    [ "$(grep -c "\"alert\":\"$2\",\"edge\":\"$3\"" "$scratch/replay.json")" = "$1" ]
}

# same WHAT NETNS N: N alerts or more are in $records, and each about this table has its counterpart
# within a second, or as much earlier as whoever notes the time may take to get to run; none is left
# over. (The log also tells of other namespaces, and of what was before the start: a history knows
# nothing of that.)
same() {
    say "Replayed from $1"
    python3 - "$records" "$scratch/replay.json" "$2" "$3" <<'COMPARE' || fail "the replay is not what was said"
import json, sys

live, wrong = [], 0
for record in open(sys.argv[1]).read().split("\n\n"):
    f = dict(line.split("=", 1) for line in record.splitlines() if "=" in line)
    if f.get("CTWATCH_NETNS", "") == sys.argv[3] and f.get("CTWATCH_EDGE", "past") != "past":
        live.append((float(f["AT"]), f["CTWATCH_ALERT"], f["CTWATCH_EDGE"], f["CTWATCH_LEVEL"]))
said = [json.loads(line) for line in open(sys.argv[2])]
again = [(a["seconds"], a["alert"], a["edge"], a["level"]) for a in said if "alert" in a]
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
    print("%.3f %-8s %-16s %-8s was not said" % (at, level, kind, edge))
sys.exit(wrong > 0 or len(again) > 0 or len(live) < int(sys.argv[4]))
COMPARE
}
