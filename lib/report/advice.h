/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_REPORT_ADVICE_H
#define CTW_LIB_REPORT_ADVICE_H

/*
 * What to set on this machine so that its table does without ctwatchd: from what is to what should
 * be, and the lines that make it so after every boot.
 *
 * Only what differs is advised, and once it has been done it is not advised again: it rests on
 * limits, memory and what has been lost so far, and has margins for what changes by the moment.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/sample.h"
#include "lib/sizing/growth.h"
#include "lib/talkers/census.h"
#include "lib/util/strbuf.h"

/* Timeouts looked at. */
#define CTW_TIMEOUTS 14

/* What becomes of the options in modprobe.d. */
enum ctw_module_kind {
    CTW_MODULE_UNKNOWN, /* of a captured machine it need not be seen */
    CTW_MODULE_LOADABLE,
    CTW_MODULE_BUILT_IN,
};

/* Why there are no shares. */
enum ctw_census_lack {
    CTW_CENSUS_TAKEN,
    CTW_CENSUS_EMPTY,         /* there was no entry */
    CTW_CENSUS_NOT_PERMITTED, /* without CAP_NET_ADMIN */
    CTW_CENSUS_CAPTURED,      /* files hold no entries */
    CTW_CENSUS_FAILED,
};

struct ctw_advice_timeout {
    bool known;
    uint32_t seconds;
};

struct ctw_advice_facts {
    bool has_table; /* otherwise nothing is tracked, and only memory is known */
    struct ctw_sample table;
    struct ctw_growth_facts machine; /* memory, entries_per_bucket, namespaces */
    bool has_sysctls;                /* net.netfilter.nf_conntrack_*: not with ip_conntrack */
    bool max_writable;               /* by its mode: only in the initial network namespace */
    bool buckets_writable;           /* likewise, and since Linux 4.8 */
    enum ctw_module_kind module;
    struct ctw_advice_timeout timeouts[CTW_TIMEOUTS];
    enum ctw_census_lack lack;
    struct ctw_talkers talkers; /* when there is no lack */
};

enum ctw_finding_kind {
    CTW_FINDING_MAX,     /* the limit is low */
    CTW_FINDING_BUCKETS, /* chains may grow too long at the limit */
    CTW_FINDING_TIMEOUT,
    CTW_FINDING_LOOPBACK, /* need not be tracked */
    CTW_FINDING_DNS,      /* likewise */
    CTW_FINDING_MEMORY,   /* a full table would take too much of it; no line */
    CTW_FINDING_CEILING,  /* the limit should be higher, but cannot; no line */
    CTW_FINDING_FOREIGN,  /* limits are set in the initial network namespace; no line */
    CTW_FINDING_OLD,      /* the kernel is older than any line that could be given; no line */
};

struct ctw_finding {
    enum ctw_finding_kind kind;
    const char *name; /* what follows nf_conntrack_: "max", "tcp_timeout_established", or NULL */
    uint64_t is, advised; /* where there is a name */
    struct ctw_line text;
};

#define CTW_FINDINGS_MAX (CTW_TIMEOUTS + 6)

enum ctw_advice_file {
    CTW_FILE_SYSCTL,
    CTW_FILE_MODULES_LOAD, /* before the sysctls are set, or they are not there yet */
    CTW_FILE_MODPROBE,
    CTW_FILE_NFT,
};
#define CTW_ADVICE_FILES    (CTW_FILE_NFT + 1)
#define CTW_ADVICE_FILE_MAX 1536

struct ctw_advice {
    /* A table that is full as far as its limit allows; most: with an extension for each entry. */
    uint64_t bytes_least, bytes_most;
    bool has_bounds;                  /* the machine's memory is known */
    struct ctw_growth_bounds bounds;  /* how far ctwatchd would raise the limit */
    struct ctw_growth_bounds resized; /* and if it could size the buckets first */
    uint64_t refused, evicted;        /* so far, since the boot as a rule */
    uint64_t chain_too_long;          /* likewise: refused, too, but for want of buckets */
    uint32_t max, buckets;            /* once the advice has been followed */
    size_t n_findings;
    struct ctw_finding findings[CTW_FINDINGS_MAX];
    char files[CTW_ADVICE_FILES][CTW_ADVICE_FILE_MAX]; /* "": not needed */
};

/** ctw_advice_timeout_name() - what follows "nf_conntrack_" of timeout @i, below CTW_TIMEOUTS */
const char *ctw_advice_timeout_name(size_t i);

/** ctw_advice_established() - seconds an established TCP connection is kept, 0: not known */
uint32_t ctw_advice_established(const struct ctw_advice_facts *f);

/** ctw_advise() - @ret is some 20 KiB */
void ctw_advise(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                struct ctw_advice *ret);

/** ctw_advice_file_path() - where it belongs; the lines of nft are to be added to what is there */
const char *ctw_advice_file_path(enum ctw_advice_file file);

/** "max", "buckets", "timeout", "loopback", "dns", "memory", "ceiling", "namespace", "kernel" */
const char *ctw_finding_name(enum ctw_finding_kind kind);

/** ctw_finding_changes() - whether lines come of it */
bool ctw_finding_changes(enum ctw_finding_kind kind);

#endif
