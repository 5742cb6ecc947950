/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * /run/ctwatch/namespaces: the tables of other network namespaces, as ctwatchd last read them.
 *
 * The file is written and read as /run/ctwatch/state is (lib/state/snapshot.h), by the same daemon,
 * with the same owner and mode. A copy that holds parts of two publications does not have the sum.
 * A reader gets bytes from outside: only ctw_namespaces_check() makes them records.
 *
 * Times are CLOCK_MONOTONIC in microseconds; 0: never.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/losses.h"
#include "lib/kernel/netns_name.h"
#include "lib/state/snapshot.h"
#include "lib/watch/level.h"
#include "lib/watch/namespaces.h"

#define CTW_NAMESPACES_MAGIC   UINT64_C(0x63746e6574736e21) /* "ctnetsn!" */
#define CTW_NAMESPACES_VERSION 1u

/* One namespace, other than that of ctwatchd. */
struct ctw_namespace_record {
    struct ctw_netns_name name; /* below_user: all its processes lie below user.slice */
    bool has_table;             /* count is of read_usec; false: known from the kernel log alone */
    bool has_rate;
    bool fills;
    uint32_t pid;          /* a process in it; 0: none is known */
    uint32_t count;        /* entries; the limit is that of the head */
    uint32_t level;        /* enum ctw_level: the worst of fill and losses, with hysteresis */
    uint64_t netns_inode;  /* as lsns(8) shows it; 0: not known */
    uint64_t read_usec;    /* when count was read */
    int64_t rate;          /* net entries per second */
    uint64_t usec_to_full; /* at that rate, where fills is set */
    /* By its counters since it was made: drops are those of a full table (`dropped_full`),
     * early_drops the evictions (`evicted`). Log lines, since ctwatchd knows it. */
    struct ctw_losses lost;
    uint64_t refused_usec; /* when it last refused a new flow, clashes aside; 0: not since then */
    uint64_t evicted_usec; /* when it last evicted an entry */
};

/* What precedes the records. */
struct ctw_namespaces_head {
    uint32_t pid;            /* of the ctwatchd that wrote this: that of the snapshot */
    uint32_t sight;          /* enum ctw_namespaces_sight */
    uint32_t max;            /* nf_conntrack_max, one for all namespaces; 0: no limit */
    uint32_t n;              /* records that follow */
    uint32_t known;          /* namespaces with processes; above namespaces.max, more than n */
    uint32_t names_unseen;   /* names in /run/netns whose namespace has no process that is known */
    uint64_t metrics;        /* namespaces.metrics: how many of the fullest have metrics */
    uint64_t entries;        /* sum of the counts of all records */
    uint64_t booted_usec;    /* as of struct ctw_snapshot */
    uint64_t published_usec; /* when this was written */
    uint64_t round_usec;     /* when all processes had last been gone through; 0: not yet */
};

struct ctw_namespaces {
    struct ctw_state_head head;
    uint64_t sum; /* of all that follows */
    struct ctw_namespaces_head of;
    struct ctw_namespace_record records[];
};

/** ctw_namespace_record_of() - what is known of @n */
void ctw_namespace_record_of(const struct ctw_namespace *n, struct ctw_namespace_record *ret);

/** ctw_namespaces_bytes() - of a file with @n records */
size_t ctw_namespaces_bytes(uint32_t n);

/** ctw_namespaces_seal() - set the head and the sum; of.n is set. Return: how many bytes to write
 */
size_t ctw_namespaces_seal(struct ctw_namespaces *p);

/**
 * ctw_namespaces_head_check() - whether this program understands what follows, and how much it is
 * @p:  up to records
 *
 * Return: 0; as of ctw_state_head_check(); -EBADMSG: of.n is above CTW_NAMESPACES_MAX.
 */
int ctw_namespaces_head_check(const struct ctw_namespaces *p);

/** ctw_namespaces_is_whole() - whether these bytes, with of.n records, are one publication */
bool ctw_namespaces_is_whole(const struct ctw_namespaces *p);

/**
 * ctw_namespaces_check() - whether whole bytes can be namespaces
 *
 * Every enumeration is one of its values, and every name ends and is printable.
 *
 * Return: 0 or -EBADMSG.
 */
int ctw_namespaces_check(const struct ctw_namespaces *p);

/** ctw_namespace_compare() - for qsort(): the fullest record first; full by the kernel log alone
 * counts as full */
int ctw_namespace_compare(const void *a, const void *b);

/** ctw_namespaces_redact() - of "user 1000: NAME" leave "user 1000": a page may be public, and
 * users choose these names */
void ctw_namespaces_redact(struct ctw_namespaces *p);
