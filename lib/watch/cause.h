/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The one cause to act upon first. CTWATCH_CAUSE.
 *
 * The names are a contract with users (ctwatchd(8), "CAUSES"). Every verb that names a cause calls
 * ctw_diagnose(), so that no two can disagree.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/host.h"
#include "lib/kernel/losses.h"
#include "lib/kernel/sample.h"
#include "lib/talkers/census.h"
#include "lib/watch/alert.h"

enum ctw_cause {
    CTW_CAUSE_UNKNOWN,          /* what fills the table is not known: there is no sample of it */
    CTW_CAUSE_ONE_SOURCE,       /* one source has more than half of the entries */
    CTW_CAUSE_ONE_DESTINATION,  /* one destination has more than half of the entries */
    CTW_CAUSE_LOOPBACK,         /* the host talks to itself, which need not be tracked */
    CTW_CAUSE_DNS,              /* DNS queries */
    CTW_CAUSE_SYN_FLOOD,        /* half-open TCP */
    CTW_CAUSE_UDP_UNREPLIED,    /* UDP without a reply */
    CTW_CAUSE_ICMP,             /* ICMP or ICMPv6 */
    CTW_CAUSE_IDLE_ESTABLISHED, /* established TCP without a packet for an hour */
    CTW_CAUSE_TIME_WAIT,        /* closed TCP in TIME_WAIT */
    CTW_CAUSE_CLOSE_WAIT,       /* TCP that one end has closed and the other has not */
    CTW_CAUSE_UNCONFIRMED,      /* counted, but in no dump: packets that wait in a queue */
    CTW_CAUSE_NAT_PORTS,        /* clashes: NAT has run out of ports */
    CTW_CAUSE_CLASH_RACE,       /* clashes: packets of one flow on two CPUs at once */
    CTW_CAUSE_TOO_FEW_BUCKETS,  /* hash chains are too long */
    CTW_CAUSE_EXPECTATIONS,     /* the table of expectations is full */
    CTW_CAUSE_HELPER,           /* a helper refuses packets below the limit */
    CTW_CAUSE_MEMORY,           /* the kernel has no memory for an entry */
    CTW_CAUSE_FOREIGN_WRITER,   /* another program lowered the limit */
    CTW_CAUSE_OTHER_NETNS,      /* the table of another network namespace fills, or is full */
    CTW_CAUSE_TOO_SMALL,        /* nothing stands out: the load is legitimate */
};
#define CTW_CAUSES (CTW_CAUSE_TOO_SMALL + 1)

/* What the cause is asked of. */
enum ctw_trouble {
    CTW_TROUBLE_ANY,          /* the worst loss; without one, the fill */
    CTW_TROUBLE_FILL,         /* the table fills, or is full */
    CTW_TROUBLE_CHAINS,       /* chains are too long */
    CTW_TROUBLE_BELOW_MAX,    /* new flows are refused below the limit */
    CTW_TROUBLE_CLASHES,      /* insertions clash */
    CTW_TROUBLE_EXPECTATIONS, /* the table of expectations is full */
    CTW_TROUBLE_LOWERED,      /* another program lowered a limit */
    CTW_TROUBLE_OTHER_NETNS,  /* of another namespace, whose entries are not known */
};

/* What the cause is found by. Each pointer may be NULL: not known. */
struct ctw_cause_facts {
    enum ctw_trouble trouble;
    const struct ctw_sample *table;
    const struct ctw_losses *losses;   /* since the episode began, or since boot */
    const struct ctw_talkers *talkers; /* a sample of the entries */
    const struct ctw_host *host;
    /* Another program lowered nf_conntrack_max from this (CTW_MAX_LARGEST: there was no limit), and
     * with it the table would be at level ok; 0: neither. */
    uint32_t lowered_from;
};

/* The cause, and what it is about. Zero-initialised, it is unknown. */
struct ctw_diagnosis {
    enum ctw_cause cause;
    uint32_t permyriad; /* of the entries that the cause accounts for; 0: not known */
    /* The source, the destination, the queue's number or the helper's name; "": none. Printable. */
    char culprit[CTW_TALKER_NAME_MAX];
    bool has_address;    /* culprit is an address, which follows as parsed */
    uint8_t family;      /* AF_INET or AF_INET6 */
    uint8_t prefix;      /* its length in bits: 32 or 128 where it is a single address */
    uint8_t address[16]; /* network order; 4 bytes used with AF_INET */
    /* Where the entries of a destination, a flood or NAT go to. */
    bool has_port;
    uint8_t protocol; /* IPPROTO_* */
    uint16_t port;
};

/**
 * ctw_diagnose() - the cause to act upon first
 *
 * Of a table that fills, in this order: foreign_writer, unconfirmed, loopback (from a quarter of
 * the entries on), time_wait, close_wait, idle_established, dns, icmp (each from half on),
 * one_source (more than half), dns (a quarter), syn_flood, udp_unreplied (half), one_destination
 * (more than half), too_small. The remedy of one that is named first harms less than those of the
 * others, and frees at least half of the entries, or a quarter.
 * @ret:  set completely
 */
void ctw_diagnose(const struct ctw_cause_facts *f, struct ctw_diagnosis *ret);

/** ctw_trouble_of() - what alerts of this kind are about; CTW_TROUBLE_ANY: no loss, no limit */
enum ctw_trouble ctw_trouble_of(enum ctw_alert_kind kind);

/**
 * ctw_cause_facts_of() - the facts that an alert carries; they point into it
 *
 * Return: false where the alert names no cause: it is about ctwatchd itself, about growth that
 * succeeded, or says that a thing is over.
 */
bool ctw_cause_facts_of(const struct ctw_alert *a, struct ctw_cause_facts *ret);

/** ctw_cause_name() - "one_source", "loopback", ... the value of CTWATCH_CAUSE */
const char *ctw_cause_name(enum ctw_cause cause);
