/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What to set on this machine so that its table needs no ctwatchd: findings, each with the present
 * and the advised value, and the lines of files that set them at each boot.
 *
 * Findings rest on limits, memory and losses, with margins for what changes by the moment, so that
 * advice that was followed does not come back.
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

struct ctw_advice_facts {
    bool has_table; /* otherwise only memory is known */
    struct ctw_sample table;
    struct ctw_host host;
    struct ctw_growth_facts machine; /* memory, release, namespaces */
    bool has_sysctls;                /* net.netfilter.nf_conntrack_*: not with ip_conntrack */
    bool buckets_writable;           /* by its mode: and since Linux 4.8 */
    enum ctw_module_kind module;
    enum ctw_census_lack lack;
    struct ctw_talkers talkers; /* when TAKEN */
};

enum ctw_finding_kind {
    CTW_FINDING_MAX,     /* the limit is low */
    CTW_FINDING_BUCKETS, /* chains would be too long at the limit */
    CTW_FINDING_TIMEOUT,
    CTW_FINDING_LOOPBACK, /* connections of the host to itself need no tracking */
    CTW_FINDING_DNS,      /* queries need no tracking */
    CTW_FINDING_MEMORY,   /* a full table takes more than half of it; no line */
    CTW_FINDING_CEILING,  /* the limit is low and cannot be raised; no line */
    CTW_FINDING_FOREIGN,  /* the initial network namespace sets the limits; no line */
    CTW_FINDING_OLD,      /* the kernel is older than nf_conntrack; no line */
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
    CTW_FILE_MODULES_LOAD, /* loaded before sysctl.d is read */
    CTW_FILE_MODPROBE,
    CTW_FILE_NFT,
};
#define CTW_ADVICE_FILES    (CTW_FILE_NFT + 1)
#define CTW_ADVICE_FILE_MAX 1536

struct ctw_advice {
    /* Memory of a table that is full to its limit, without and with extensions. */
    uint64_t bytes_least, bytes_most;
    bool has_bounds;                  /* the machine's memory is known */
    struct ctw_growth_bounds bounds;  /* how far ctwatchd would raise max */
    struct ctw_growth_bounds resized; /* the same with enough buckets */
    struct ctw_losses lost;           /* by the counters: since the boot as a rule */
    uint32_t max, buckets;            /* as advised */
    size_t n_findings;
    struct ctw_finding findings[CTW_FINDINGS_MAX];
    char files[CTW_ADVICE_FILES][CTW_ADVICE_FILE_MAX]; /* "": not needed */
};

/** ctw_advise() - @ret is some 20 KiB */
void ctw_advise(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                struct ctw_advice *ret);

/** ctw_advice_file_path() - where the lines belong; those of nft are added to the file */
const char *ctw_advice_file_path(enum ctw_advice_file file);

/** "max", "buckets", "timeout", "loopback", "dns", "memory", "ceiling", "namespace", "kernel" */
const char *ctw_finding_name(enum ctw_finding_kind kind);

/** ctw_finding_changes() - whether the finding has lines */
bool ctw_finding_changes(enum ctw_finding_kind kind);
