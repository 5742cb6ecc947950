#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fills corpus/flow with this kernel's messages about connections of each kind: events NEW, UPDATE
# and DESTROY, and entries of a dump, one message per file.
#
#   BUILD_DIR=build/test tests/fuzz/capture_flow.sh [FOLDER]    (default: corpus/flow beside it)
#
# Everything happens in a network namespace of its own, over its loopback. There are no answers:
# packets are dropped at input, when their entry is confirmed. Needs root, nft, conntrack, a C compiler,
# libmnl and BUILD_DIR/tests/netns/flood. The files are in the byte order of this machine.

. "$(dirname "$0")/../lib.sh"
need_netns
here=$SOURCE_DIR/tests/fuzz
folder=${1:-$here/corpus/flow}
flood=$BUILD_DIR/tests/netns/flood
[ -x "$flood" ] || skip "needs $flood"
mkdir -p "$folder"
scratch
# shellcheck disable=SC2154 # lib.sh sets it
cc -D_GNU_SOURCE -O1 -o "$scratch/capture_flow" "$here/capture_flow.c" -lmnl
ns=ctw-capture-$$
netns_new "$ns"
netns_track "$ns"

# capture CASE COMMAND...: the messages about it.
capture() { in_netns "$ns" "$scratch/capture_flow" "$folder" "$@" >/dev/null; }

# packet CASE 4|6 PROTOCOL HEX...: the messages about one packet.
packet() { capture "$1" "$scratch/capture_flow" --send "${@:2}"; }

# insert CASE ARGUMENTS...: the messages about an entry that conntrack(8) creates.
insert() { capture "$1" conntrack -I -t 60 "${@:2}"; }

# with RULES COMMAND...: under more nft rules.
with() {
    in_netns "$ns" nft -f - <<<"$1"
    "${@:2}"
    in_netns "$ns" nft delete table inet more
}
hook() { printf 'table inet more {\n%s\nchain more { type filter hook output priority %s; %s; }\n}\n' "$@"; }
nat() { printf 'table inet more {\nchain more { type nat hook %s; %s; }\n}\n' "$@"; }

# --- protocols -------------------------------------------------------------------------------
sctp_init=(0400 0050 00000000 00000000 01000014 11223344 00010000 000a000a 00000001)
capture tcp4-syn "$flood" --syn --count 1
capture tcp4-established "$flood" --assured --count 1
capture tcp6-syn "$flood" --syn -6 --count 1
capture tcp6-established "$flood" --assured -6 --count 1
capture udp4 "$flood" --udp --count 1
capture udp6 "$flood" --udp -6 --count 1
packet icmp4 4 1 0800 0000 1234 0001
packet icmp6 6 58 8000 0000 1234 0001
packet sctp4 4 132 "${sctp_init[@]}"
packet sctp6 6 132 "${sctp_init[@]}"
packet gre4 4 47 0000 0800
packet gre6 6 47 0000 86dd
packet udplite4 4 136 0400 0035 0008 1234
packet esp4 4 50 00000001 00000001
packet esp6 6 50 00000001 00000001
insert gre4-keys -p gre -s 192.0.2.1 -d 198.51.100.1 --orig-key-src 7 --orig-key-dst 8 --reply-key-src 8 --reply-key-dst 7
insert tcp4-time-wait -p tcp -s 192.0.2.1 -d 198.51.100.1 --sport 1024 --dport 80 --state TIME_WAIT -u ASSURED
insert tcp6-close-wait -p tcp -s 2001:db8::1 -d 2001:db8:1::1 --sport 1024 --dport 443 --state CLOSE_WAIT -u ASSURED
insert udp4-replied -p udp -s 192.0.2.1 -d 198.51.100.1 --sport 1024 --dport 53 -u SEEN_REPLY
insert udp6-assured -p udp -s 2001:db8::1 -d 2001:db8:1::1 --sport 1024 --dport 53 -u ASSURED

# --- what an entry can have besides ----------------------------------------------------------
with "$(nat "output priority -100" "udp dport 53 dnat ip to 127.0.0.2:5353")" capture udp4-dnat "$flood" --udp --count 1
with "$(nat "output priority -100" "tcp dport 1024-65535 dnat ip6 to [::1]:8080")" \
    capture tcp6-dnat "$flood" --syn -6 --count 1
with "$(nat "postrouting priority 100" "snat ip to 127.0.0.9")" capture tcp4-snat "$flood" --syn --count 1
with "$(hook "" raw "ct zone set 7")" capture tcp4-zone "$flood" --syn --count 1
with "$(hook "" raw "ct original zone set 513")" capture udp6-zone-original "$flood" --udp -6 --count 1
with "$(hook "" raw "ct reply zone set 9")" capture udp4-zone-reply "$flood" --udp --count 1
with "$(hook "" filter "ct label set 5; ct mark set 0x1234")" capture udp4-label-mark "$flood" --udp --count 1
with "$(hook "" filter "ct label set 127")" capture tcp6-label "$flood" --syn -6 --count 1
with "$(hook 'ct helper ftp4 { type "ftp" protocol tcp; }' filter 'tcp dport 80 ct helper set "ftp4"')" \
    capture tcp4-helper "$flood" --assured --count 1
with "$(hook 'ct helper tftp6 { type "tftp" protocol udp; }' filter 'meta l4proto udp ct helper set "tftp6"')" \
    capture udp6-helper "$flood" --udp -6 --count 1

in_netns "$ns" sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1
capture tcp4-accounted "$flood" --assured --count 1
capture udp6-accounted "$flood" --udp -6 --count 1
packet icmp6-accounted 6 58 8000 0000 1234 0001

say "$(find "$folder" -type f | wc -l) messages in $folder"
