/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is known of the machine besides the table and its counters: what a cause is found by, and a
 * remedy must go by.
 *
 * Reading it takes some twenty small files, so it is not read at each poll: daemon/source/machine
 * reads it when an alert needs it. Each part that cannot be read is absent, for instance
 * /proc/slabinfo without root.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/release.h"
#include "lib/kernel/timeouts.h"

/* Room for the name of a network namespace in /run/netns (NAME_MAX is 255). */
#define CTW_HOST_NETNS_MAX 256

/* Room for the name of a helper: NF_CT_HELPER_NAME_LEN of nf_conntrack_helper.h. */
#define CTW_HELPER_NAME_MAX 16

struct ctw_memory {
    uint64_t total_bytes; /* 0: not known */
    bool has_available;
    uint64_t available_bytes; /* MemAvailable: free without swapping */
    bool estimated;           /* available_bytes is: the kernel prints no MemAvailable */
};

/* Zero-initialised, nothing is known. */
struct ctw_host {
    struct ctw_release release;
    bool known;                 /* it was read */
    struct ctw_memory memory;   /* total_bytes 0: not known */
    uint32_t entry_bytes;       /* object size of nf_conntrack in /proc/slabinfo; 0: not known */
    uint32_t max_most;          /* how far max may be raised, by its memory and by growth.*; 0: not
                                 * known */
    uint32_t namespaces;        /* that can hold entries, with this one: at least 1; 0: not known */
    bool initial_netns;         /* nf_conntrack_max can be written here, by its mode */
    bool has_nft, has_iptables; /* found in /usr/sbin, /sbin, /usr/bin or /bin */
    char netns[CTW_HOST_NETNS_MAX]; /* the own namespace's name in /run/netns; "": it has none */
    uint32_t timeouts_sec[CTW_TIMEOUTS];     /* 0: not known */
    bool has_expectations;                   /* expectations could be counted */
    uint32_t expectations;                   /* connections announced by helpers, as of FTP data */
    uint32_t expect_max;                     /* nf_conntrack_expect_max; 0: not known */
    char expect_helper[CTW_HELPER_NAME_MAX]; /* that holds most of them: "ftp"; "": not known */
    bool has_queue; /* a program has a queue of nfnetlink_queue; needs root to be known */
    uint32_t queue_number, queue_held; /* the fullest queue, and the packets in it */
};

/** ctw_host_timeout() - in seconds; the kernel's default where @host is NULL or does not know it */
uint32_t ctw_host_timeout(const struct ctw_host *host, enum ctw_timeout timeout);

/** ctw_host_entry_most() - memory of one entry at worst, with its extensions; @host may be NULL */
uint32_t ctw_host_entry_most(const struct ctw_host *host);

/* --- what the kernel prints ------------------------------------------------------------------- */

/**
 * ctw_memory_parse() - read /proc/meminfo
 * @text:    the file, not NUL-terminated; it may be cut off behind the lines that are read
 * @length:  bytes in @text
 *
 * MemAvailable came with Linux 3.14. Before, it is estimated: MemFree, and what the kernel frees
 * when it needs room, Cached without Shmem, and SReclaimable. Missing lines are 0.
 *
 * Return: 0; -EBADMSG when MemTotal is missing, or one of these lines has no number.
 */
int ctw_memory_parse(const char *text, size_t length, struct ctw_memory *ret);

/** ctw_host_entry_bytes() - the object size of nf_conntrack in /proc/slabinfo; 0: not there */
uint32_t ctw_host_entry_bytes(const char *text, size_t length);

/** ctw_host_read_queues() - set has_queue, queue_number and queue_held from nfnetlink_queue */
void ctw_host_read_queues(const char *text, size_t length, struct ctw_host *h);

/* Helpers that are told apart: the kernel has ten. */
#define CTW_HELPERS_MAX 16u

/* Expectations being counted. Zero-initialised, there are none. */
struct ctw_expectations {
    uint32_t n;
    struct ctw_helper_count {
        char name[CTW_HELPER_NAME_MAX];
        uint32_t n;
    } helpers[CTW_HELPERS_MAX];
};

/**
 * ctw_expectations_add() - count one expectation of a ctnetlink dump
 * @message:  header included
 *
 * Return: 0; -EBADMSG when it is malformed; -ENOMSG when it is about something else.
 */
int ctw_expectations_add(struct ctw_expectations *e, const void *message, size_t length);

/** ctw_expectations_parse() - count all of /proc/net/nf_conntrack_expect */
void ctw_expectations_parse(struct ctw_expectations *e, const char *text, size_t length);

/** ctw_host_set_expectations() - has_expectations, expectations and expect_helper of @h */
void ctw_host_set_expectations(struct ctw_host *h, const struct ctw_expectations *e);
