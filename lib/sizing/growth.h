/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Whether the table should grow, to what size, and if not, why not.
 *
 * Raising nf_conntrack_max is one write of 10 us and takes no memory until entries come, so growth
 * raises it early and far; the ceiling bounds it, not a timer. Raising nf_conntrack_buckets stops
 * all tracked packets for 0.4 us per entry, so growth does it once, while the table is small. No
 * function here lowers a limit or proposes 0.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/host.h"
#include "lib/kernel/release.h"
#include "lib/kernel/sample.h"
#include "lib/sizing/saved_limits.h"

/* Limits chosen here are multiples of this. */
#define CTW_MAX_ROUND 4096u

/* Why a limit was raised. CTWATCH_REASON of grew and growth_dry_run. */
enum ctw_growth_reason {
    CTW_GROWTH_FILL,    /* the fill reached growth.at */
    CTW_GROWTH_BURST,   /* the table would be full within 200 ms at the present rate */
    CTW_GROWTH_RESERVE, /* fewer entries are free than growth.reserve asks for */
    CTW_GROWTH_SAVED,   /* the limits from before the last boot */
    CTW_GROWTH_STARTUP, /* room for the growth to come: buckets, and a max of two reserves */
};

/* Why a limit was not raised. CTWATCH_REASON of growth_refused. */
enum ctw_growth_refusal {
    CTW_GROWTH_NOT_REFUSED,
    CTW_GROWTH_DISABLED,
    CTW_GROWTH_UNLIMITED,       /* max is 0 */
    CTW_GROWTH_AT_CEILING,      /* growth.ceiling, growth.memory or CTW_MAX_LARGEST */
    CTW_GROWTH_NO_MEMORY,       /* MemAvailable */
    CTW_GROWTH_TOO_FEW_BUCKETS, /* the kernel would refuse entries of longer chains */
    CTW_GROWTH_FOREIGN_WRITER,  /* another program keeps lowering max */
    CTW_GROWTH_NOT_PERMITTED,   /* read-only /proc/sys, or a missing capability */
    CTW_GROWTH_CHILD_NAMESPACE, /* only the initial network namespace can write the limit */
    CTW_GROWTH_WRITE_FAILED,    /* the kernel refused the value */
    CTW_GROWTH_PERSIST_FAILED,  /* growth.persist could not save or read the limits */
};
#define CTW_GROWTH_REFUSALS (CTW_GROWTH_PERSIST_FAILED + 1)

/* What sets the ceiling. CTWATCH_BOUND. */
enum ctw_growth_bound {
    CTW_BOUND_SETTING,   /* growth.ceiling */
    CTW_BOUND_MEMORY,    /* growth.memory percent of RAM */
    CTW_BOUND_AVAILABLE, /* half of MemAvailable at this poll */
    CTW_BOUND_BUCKETS,   /* facts.release.entries_per_bucket for each bucket */
    CTW_BOUND_KERNEL,    /* CTW_MAX_LARGEST */
};
#define CTW_BOUNDS (CTW_BOUND_KERNEL + 1)

/* The result of writing the present max once more. */
enum ctw_permission {
    CTW_PERMISSION_UNKNOWN, /* not tried: growth is off, or a dry run */
    CTW_PERMISSION_GRANTED,
    CTW_PERMISSION_DENIED,
    CTW_PERMISSION_CHILD, /* this is not the initial network namespace */
};

/* What growth must know of the machine. */
struct ctw_growth_facts {
    struct ctw_memory memory;
    struct ctw_release release;
    uint32_t namespaces; /* that can hold entries, with this one: at least 1 */
    enum ctw_permission permission;
    int permission_error;          /* DENIED: negative errno */
    bool has_saved;                /* limits from before the boot were found: saved */
    struct ctw_saved_limits saved; /* max and buckets before and after growth */
    int save_error;                /* negative errno of reading or writing them */
    const char *limit_path;        /* the sysctl, for messages; outlives the facts */
    const char *buckets_path;      /* outlives the facts, as save_path does */
    const char *save_path;
};

/* Each bound in entries, and the lowest of them. */
struct ctw_growth_bounds {
    uint32_t by[CTW_BOUNDS]; /* CTW_MAX_LARGEST: no bound */
    uint32_t ceiling;
    enum ctw_growth_bound bound;
};

/* How often an hour max is raised again after another program lowered it. */
#define CTW_GROWTH_AGAIN_MAX 3u

/* The memory of growth about one table. Zero-initialised, nothing has grown. */
struct ctw_growth {
    bool sized;    /* startup, first half: the buckets were sized, or are large enough */
    bool started;  /* startup, second half: max was raised to two reserves or the saved max */
    uint32_t ours; /* the highest max set by growth; 0: none */
    struct ctw_saved_limits limits;            /* to be saved; max 0: nothing yet */
    uint64_t again_usec[CTW_GROWTH_AGAIN_MAX]; /* when max was raised back to @ours */
    uint64_t failed_usec;                      /* of the last failed write; 0: none */
    int failed_error;
    bool buckets_failed; /* the buckets cannot be changed here */
};

/* One poll. */
struct ctw_growth_input {
    uint64_t now_usec;
    struct ctw_sample sample; /* its buckets may be of an earlier poll */
    int64_t rate;             /* net entries per second since the last poll */
    bool losing;              /* the full table has cost flows since the last poll */
    struct ctw_growth_facts facts;
};

/* What to do at this poll. */
struct ctw_growth_decision {
    bool needed; /* max is too low */
    bool write;  /* write new_max and new_buckets; false in a dry run and when refused */
    enum ctw_growth_refusal refusal;
    bool alert_refusal; /* the refusal matters to users: the table fills, or is misconfigured */
    int error;          /* NOT_PERMITTED, WRITE_FAILED: negative errno */
    enum ctw_growth_reason reason;
    uint32_t old_max, new_max;         /* new 0: leave it */
    uint32_t old_buckets, new_buckets; /* new 0: leave them */
    struct ctw_growth_bounds bounds;
};

/* The result of carrying out a decision. */
struct ctw_growth_outcome {
    uint32_t count; /* read again just before the write */
    bool max_written;
    uint32_t max;  /* read back */
    int max_error; /* 0; -EAGAIN: another program changed max since the poll; -EPROTO: the write
                      succeeded and changed nothing; another negative errno */
    bool buckets_written;
    uint32_t buckets; /* read back */
    int buckets_error;
    uint64_t stall_usec; /* duration of the write of the buckets */
};

/** ctw_growth_on() - whether growth decides anything: enabled, or a dry run */
bool ctw_growth_on(const struct ctw_settings *s);

/** ctw_growth_writes() - whether growth writes limits */
bool ctw_growth_writes(const struct ctw_settings *s);

/** ctw_growth_bytes_per_entry() - memory of one entry at worst, with its share of the buckets */
uint64_t ctw_growth_bytes_per_entry(uint32_t entries_per_bucket);

/** ctw_growth_bytes() - memory at worst of @entries entries of this table, with those of other
 * namespaces and all buckets */
uint64_t ctw_growth_bytes(const struct ctw_sample *table, uint32_t entries);

/** ctw_growth_bounds() - the ceiling of max at this poll, and what sets it */
void ctw_growth_bounds(const struct ctw_settings *s, const struct ctw_sample *sample,
                       const struct ctw_growth_facts *facts, struct ctw_growth_bounds *ret);

/**
 * ctw_growth_bounds_of() - the same by what is known of the machine
 * @resized:  as if there were buckets enough
 */
struct ctw_growth_bounds ctw_growth_bounds_of(const struct ctw_settings *s,
                                              const struct ctw_sample *sample,
                                              const struct ctw_host *host, bool resized);

/**
 * ctw_growth_raised() - the limit to advise instead of @max
 * @most:  ctw_host.max_most
 *
 * Return: @wanted rounded up, or @most where that is lower; 0: by less than a sixteenth more, which
 * is not worth it, as MemAvailable changes from poll to poll.
 */
uint32_t ctw_growth_raised(uint32_t max, uint64_t wanted, uint32_t most);

/** ctw_growth_round_max() - rounded up to CTW_MAX_ROUND, at most CTW_MAX_LARGEST */
uint32_t ctw_growth_round_max(uint64_t entries);

/**
 * ctw_growth_entries_to_hold() - the entries that buckets are needed for
 * @max, @most:  the limit, and ctw_host.max_most: a limit that no memory here can hold is none
 * @peak:        the highest count
 *
 * Those of other namespaces come on top of it.
 */
uint64_t ctw_growth_entries_to_hold(const struct ctw_sample *table, uint32_t max, uint32_t most,
                                    uint32_t peak);

/** ctw_growth_stall_msec() - how long changing the buckets stops packets */
uint64_t ctw_growth_stall_msec(uint32_t count);

/**
 * ctw_growth_buckets_for() - the buckets that so many entries of all namespaces should have
 *
 * One for four entries, or one for each on kernels whose chains take no more.
 */
uint32_t ctw_growth_buckets_for(uint64_t entries, uint32_t entries_per_bucket);

/** ctw_growth_decide() - what to do at one poll; changes nothing */
void ctw_growth_decide(const struct ctw_growth *g, const struct ctw_settings *s,
                       const struct ctw_growth_input *in, struct ctw_growth_decision *ret);

/** ctw_growth_done() - note the outcome of a decision; NULL after a decision without a write */
void ctw_growth_done(struct ctw_growth *g, uint64_t now_usec, const struct ctw_growth_decision *d,
                     const struct ctw_growth_outcome *outcome);

/**
 * ctw_growth_next_poll() - the latest time of the next poll, from now
 *
 * Before poll.worst_rate could use up a third of the free entries.
 *
 * Return: microseconds, UINT64_MAX where growth needs no poll.
 */
uint64_t ctw_growth_next_poll(const struct ctw_growth *g, const struct ctw_settings *s,
                              const struct ctw_sample *sample, const struct ctw_growth_decision *d);

/** "fill", "burst", ... */
const char *ctw_growth_reason_name(enum ctw_growth_reason reason);
/** "at_ceiling", "no_memory", ... */
const char *ctw_growth_refusal_name(enum ctw_growth_refusal refusal);
/** "it is at its ceiling", "too little memory is available", ... why the table cannot grow */
const char *ctw_growth_refusal_clause(enum ctw_growth_refusal refusal);
/** "growth.ceiling", "growth.memory", "MemAvailable", "buckets", "kernel" */
const char *ctw_growth_bound_name(enum ctw_growth_bound bound);
