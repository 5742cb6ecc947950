#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The alerts in the code, in the journal's catalog and in the manual page are the same ones, and
# journalctl takes the catalog.
#
# The manual page names every field, and every kind of alert as an item of its own (".It Sy usage")
# in the subsection ".Ss Kinds" of the section ".Sh ALERTS".
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$SOURCE_DIR"

catalog=systemd/ctwatch.catalog
manual=daemon/ctwatchd.8
scratch
work=$scratch
differ=0

# wrong WHAT...: say it and go on, so that one run shows all that does not agree
wrong() {
    say "$*"
    differ=1
}

# same LIST_A LIST_B: two sorted lists, one per line, hold the same words, each once
same() {
    local differences
    differences=$(diff "$1" "$2" | grep '^[<>]' || true)
    if [ -n "$differences" ]; then
        wrong "$(basename "$1") (<) and $(basename "$2") (>) differ:"$'\n'"$differences"
    fi
}

# The words that must agree, each read from where it is written down.
table=$(sed -n '/^} kinds\[/,/^};/p' lib/alert.c)
grep -oE '"[0-9a-f]{32}"' <<<"$table" | tr -d '"' | sort >"$work/ids-in-code"
grep -oE '\{"[a-z_]+"' <<<"$table" | tr -d '{"' | sort >"$work/kinds-in-code"
sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' "$catalog" | sort >"$work/ids-in-catalog"
grep -ohE '"CTWATCH_[A-Z_]+[="]' lib/alert.c daemon/report.c | tr -d '"=' | sort -u \
    >"$work/fields-in-code"

[ -s "$work/kinds-in-code" ] || wrong "no kinds found in lib/alert.c: has the table moved?"
[ "$(wc -l <"$work/ids-in-code")" = "$(wc -l <"$work/kinds-in-code")" ] ||
    wrong "lib/alert.c: a kind without a MESSAGE_ID of 32 lower-case hexadecimal digits"
[ -z "$(uniq -d "$work/ids-in-code")" ] || wrong "lib/alert.c: a MESSAGE_ID is used twice"
same "$work/ids-in-code" "$work/ids-in-catalog"

# Fields named in the catalog, as @FIELD@ or in its text, are ones that are sent.
grep -oE 'CTWATCH_[A-Z_]+' "$catalog" | sort -u >"$work/fields-in-catalog"
comm -13 "$work/fields-in-code" "$work/fields-in-catalog" >"$work/unknown"
[ ! -s "$work/unknown" ] || wrong "$catalog: never sent: $(tr '\n' ' ' <"$work/unknown")"
for word in $(grep -oE '@[^@ ]+@' "$catalog" | tr -d '@' | sort -u); do
    grep -qx "$word" "$work/fields-in-code" || wrong "$catalog: @$word@ is no field of ours"
done

# An entry is headers, an empty line, text.
awk '
    function close_entry() { if (id != "" && !(subject && text)) { print id; bad = 1 } }
    /^-- /                  { close_entry(); id = $2; subject = text = head = 0; head = 1; next }
    id == ""                { next }
    head && /^Subject: ./   { subject = 1 }
    head && /^$/            { head = 0; next }
    !head && /./            { text = 1 }
    END                     { close_entry(); exit bad }
' "$catalog" >"$work/incomplete" || wrong "$catalog: no subject or no text: $(cat "$work/incomplete")"

if command -v journalctl >/dev/null; then
    install -D -m 644 "$catalog" "$work/root/usr/lib/systemd/catalog/ctwatch.catalog"
    mkdir -p "$work/root/var/lib/systemd/catalog"
    journalctl --root="$work/root" --update-catalog >"$work/journalctl" 2>&1 ||
        wrong "journalctl refuses the catalog: $(cat "$work/journalctl")"
    [ ! -s "$work/journalctl" ] || wrong "journalctl complains: $(cat "$work/journalctl")"
    journalctl --root="$work/root" --list-catalog 2>"$work/journalctl" |
        sed -n 's/^\([0-9a-f]\{32\}\) .*/\1/p' | sort >"$work/ids-in-database"
    same "$work/ids-in-catalog" "$work/ids-in-database"
else
    echo "no journalctl here: that it takes the catalog was not tried"
fi

if [ -e "$manual" ]; then
    sed 's/\\-/-/g; s/\\_/_/g' "$manual" >"$work/manual"
    grep -oE 'CTWATCH_[A-Z_]+[A-Z]' "$work/manual" | sort -u >"$work/fields-in-manual"
    awk '
        /^\.Sh / { alerts = ($2 == "ALERTS") }
        /^\.S[hs] / { kinds = alerts && $1 == ".Ss" && $2 == "Kinds" }
        kinds && $1 == ".It" { print $3 }
    ' "$work/manual" | sort >"$work/kinds-in-manual"
    same "$work/fields-in-code" "$work/fields-in-manual"
    same "$work/kinds-in-code" "$work/kinds-in-manual"
else
    wrong "$manual is missing: nothing documents the alerts"
fi

[ "$differ" = 0 ] || fail "the alerts in the code, the catalog and the manual differ"
say "$(wc -l <"$work/kinds-in-code") alerts and $(wc -l <"$work/fields-in-code") fields agree"
