/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What to set on this machine so that its table lasts without ctwatchd: findings, each with the
 * present and the advised value, and the lines of files that set them at each boot.
 *
 * Sizes follow the need: the highest count since the boot, how fast it was reached, and what was
 * lost at it; memory only bounds them. Margins keep advice that was followed from coming back.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/host.h"
#include "lib/kernel/losses.h"
#include "lib/kernel/sample.h"
#include "lib/sizing/growth.h"
#include "lib/talkers/census.h"
#include "lib/util/strbuf.h"
#include "lib/watch/cause.h"

/* Whether options in modprobe.d have an effect. */
enum ctw_module_kind {
    CTW_MODULE_UNKNOWN, /* a captured machine may not show it */
    CTW_MODULE_LOADABLE,
    CTW_MODULE_BUILT_IN,
};

/* Why there was no census of the entries. */
enum ctw_census_lack {
    CTW_CENSUS_TAKEN,
    CTW_CENSUS_EMPTY,         /* the table is empty */
    CTW_CENSUS_NOT_PERMITTED, /* without CAP_NET_ADMIN */
    CTW_CENSUS_CAPTURED,      /* a captured machine has no entries */
    CTW_CENSUS_FAILED,
};

/* What a ctwatchd of this table has seen in this boot. Zero-initialised: none has run. */
struct ctw_advice_past {
    struct ctw_losses lost;
    uint32_t peak_count;   /* the highest count; 0: not known */
    int64_t fastest_rate;  /* the most entries gained in a second; 0: not known */
    uint64_t lost_per_sec; /* refused and evicted by the full table in its worst second */
    uint64_t new_per_sec;  /* flows created now; 0: not known */
};

struct ctw_advice_facts {
    bool has_table; /* otherwise only memory is known */
    struct ctw_sample table;
    struct ctw_advice_past past;
    struct ctw_host host;
    bool has_sysctls; /* net.netfilter.nf_conntrack_*: not with ip_conntrack */
    enum ctw_module_kind module;
    enum ctw_census_lack lack;
    struct ctw_talkers talkers; /* when TAKEN */
};

enum ctw_finding_kind {
    CTW_FINDING_MAX,     /* the limit is low */
    CTW_FINDING_BUCKETS, /* chains are too long, or would be at the limit */
    CTW_FINDING_TIMEOUT,
    CTW_FINDING_LOOPBACK,     /* connections of the host to itself need no tracking */
    CTW_FINDING_DNS,          /* queries need no tracking */
    CTW_FINDING_EXPECTATIONS, /* they are at their limit */
    /* without a line */
    CTW_FINDING_MEMORY,  /* a full table takes more than half of it */
    CTW_FINDING_CEILING, /* the limit is low and cannot be raised */
    CTW_FINDING_RELIEF,  /* what helps where the limit cannot be raised as far as needed */
    CTW_FINDING_PAST,    /* the table was full, at another limit or at an unknown time */
    CTW_FINDING_CLASHES, /* insertions were refused because the tuple was taken */
    CTW_FINDING_CHAINS,  /* chains were too long, though there are buckets enough now */
    CTW_FINDING_REFUSED, /* new flows were refused below the limit */
    CTW_FINDING_FOREIGN, /* the initial network namespace sets the limits */
    CTW_FINDING_OLD,     /* the kernel is older than nf_conntrack */
};

struct ctw_finding {
    enum ctw_finding_kind kind;
    const char *name; /* what follows nf_conntrack_: "max", "tcp_timeout_established", or NULL */
    uint64_t is, advised; /* where there is a name */
    const char *cause;    /* ctw_cause_name() of what was lost; NULL: nothing */
    struct ctw_line text;
};

/* Each kind at most once, but timeouts. */
#define CTW_FINDINGS_MAX (CTW_TIMEOUTS + CTW_FINDING_OLD)

enum ctw_advice_file {
    CTW_FILE_SYSCTL,
    CTW_FILE_MODULES_LOAD, /* loaded before sysctl.d is read */
    CTW_FILE_MODPROBE,
    CTW_FILE_NFT,
};
#define CTW_ADVICE_FILES    (CTW_FILE_NFT + 1)
#define CTW_ADVICE_FILE_MAX 1536

/* What the table must hold. */
struct ctw_need {
    uint32_t peak; /* the highest count that is known */
    bool full;     /* the present limit was reached, and lost flows: more would have come */
    uint64_t
        lifetime_sec; /* how long an entry lives, on average; 0: not known, or below a second */
    uint64_t enough;  /* a limit from which on nothing is advised */
    uint32_t wanted;  /* the limit advised below that */
};

struct ctw_advice {
    /* Memory of a table that is full to its limit, without and with extensions; and of one that is
     * full to the advised limit, with the advised buckets, at worst. */
    uint64_t bytes_least, bytes_most, bytes_advised;
    bool has_bounds;                  /* the machine's memory is known */
    struct ctw_growth_bounds bounds;  /* how far ctwatchd would raise max */
    struct ctw_growth_bounds resized; /* the same with enough buckets */
    struct ctw_losses lost;           /* since the kernel began to count */
    struct ctw_need need;
    uint32_t max, buckets; /* as advised */
    size_t n_findings;
    struct ctw_finding findings[CTW_FINDINGS_MAX];
    char files[CTW_ADVICE_FILES][CTW_ADVICE_FILE_MAX]; /* "": not needed */
};

/** ctw_advise() - @ret is some 30 KiB */
void ctw_advise(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                struct ctw_advice *ret);

/** ctw_advice_file_path() - where the lines belong; those of nft are added to the file */
const char *ctw_advice_file_path(enum ctw_advice_file file);

/** "max", "buckets", "timeout", "loopback", "dns", "expectations", "memory", "ceiling", "relief",
 * "past", "clashes", "chains", "refused", "namespace", "kernel" */
const char *ctw_finding_name(enum ctw_finding_kind kind);

/** ctw_finding_changes() - whether the finding has lines */
bool ctw_finding_changes(enum ctw_finding_kind kind);
