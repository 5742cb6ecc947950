/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_SIZING_GROWTH_H
#define CTW_LIB_SIZING_GROWTH_H

/*
 * Whether the table may grow, to what, and if not, why not.
 *
 * Raising nf_conntrack_max is one write of ten microseconds and takes no memory until entries
 * come, so it is done early and generously, and what bounds it is the ceiling, not a timer. Raising
 * nf_conntrack_buckets stops every tracked packet of the machine for 0.4 us per entry, so it is
 * done once, while the table is small. Nothing here ever lowers a limit or proposes 0.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/sample.h"
#include "lib/kernel/sysinfo.h"
#include "lib/sizing/saved_limits.h"

/* One entry at worst: 256 bytes from the slab, and 128 of extensions, which it has as soon as
 * anybody listens for conntrack events or accounting is on (nf_ct_ext_add(), NF_CT_EXT_PREALLOC).
 * Measured as MemAvailable lost over 500,000 entries. */
#define CTW_ENTRY_BYTES 384u

/* One bucket: a list head. */
#define CTW_BUCKET_BYTES 8u

/* What a growth was for. CTWATCH_REASON of grew and growth_dry_run. */
enum ctw_growth_reason {
    CTW_GROWTH_FILL,    /* growth.at was reached */
    CTW_GROWTH_BURST,   /* full soon at the present rate */
    CTW_GROWTH_RESERVE, /* less is free than a burst out of nowhere can take */
    CTW_GROWTH_SAVED,   /* what had been grown before the boot */
    CTW_GROWTH_STARTUP, /* buckets for what is to come */
};

/* Why not. CTWATCH_REASON of growth_refused. */
enum ctw_growth_refusal {
    CTW_GROWTH_NOT_REFUSED,
    CTW_GROWTH_DISABLED,
    CTW_GROWTH_UNLIMITED,       /* max is 0: there is nothing to raise */
    CTW_GROWTH_AT_CEILING,      /* growth.ceiling, growth.memory or the largest there is */
    CTW_GROWTH_NO_MEMORY,       /* MemAvailable */
    CTW_GROWTH_TOO_FEW_BUCKETS, /* more entries would make chains that the kernel refuses */
    CTW_GROWTH_FOREIGN_WRITER,  /* somebody keeps lowering what was raised */
    CTW_GROWTH_NOT_PERMITTED,   /* read-only /proc/sys, or a capability is missing */
    CTW_GROWTH_CHILD_NAMESPACE, /* the limit belongs to the initial network namespace */
    CTW_GROWTH_WRITE_FAILED,    /* the kernel did not take the value */
    CTW_GROWTH_PERSIST_FAILED,  /* grown, but growth.persist could not write it down */
};

/* What bounds the ceiling. CTWATCH_BOUND. */
enum ctw_growth_bound {
    CTW_BOUND_SETTING,   /* growth.ceiling */
    CTW_BOUND_MEMORY,    /* growth.memory percent of RAM */
    CTW_BOUND_AVAILABLE, /* half of MemAvailable now: the other half is for everybody else */
    CTW_BOUND_BUCKETS,   /* 8 entries a bucket, or 1 */
    CTW_BOUND_KERNEL,    /* the largest number the sysctl takes */
};
#define CTW_BOUNDS (CTW_BOUND_KERNEL + 1)

/* What trying to write the present value said. */
enum ctw_permission {
    CTW_PERMISSION_UNKNOWN, /* not tried: growth is off, or a dry run */
    CTW_PERMISSION_GRANTED,
    CTW_PERMISSION_DENIED,
    CTW_PERMISSION_CHILD, /* this is not the initial network namespace */
};

/* What the machine is like. */
struct ctw_growth_facts {
    struct ctw_memory memory;
    uint32_t entries_per_bucket; /* ctw_release_entries_per_bucket() */
    uint32_t namespaces;         /* that can hold entries, this one included: at least 1 */
    enum ctw_permission permission;
    int permission_error;          /* DENIED: negative errno */
    bool has_saved;                /* limits of before the boot were found */
    struct ctw_saved_limits saved; /* these */
    int save_error;                /* negative errno of reading or writing them */
    const char *limit_path;        /* the sysctl, for messages; outlives the facts */
    const char *buckets_path;      /* likewise */
    const char *save_path;
};

/* Each bound alone, and the least of them. */
struct ctw_growth_bounds {
    uint32_t by[CTW_BOUNDS]; /* CTW_MAX_LARGEST: does not bind */
    uint32_t ceiling;
    enum ctw_growth_bound bound;
};

/* Re-growths in an hour after somebody else lowered max. */
#define CTW_GROWTH_AGAIN_MAX 3u

/* What is remembered between looks at one table; zero-initialised nothing has been grown. */
struct ctw_growth {
    bool sized;      /* buckets have been sized, or need not be, since the table appeared */
    bool saved_done; /* kept limits have been applied, likewise */
    uint32_t ours;   /* the highest max that was set here; 0: none */
    struct ctw_saved_limits limits;            /* what to keep; max 0: nothing yet */
    uint64_t again_usec[CTW_GROWTH_AGAIN_MAX]; /* when max was raised again to what it had been */
    uint64_t failed_usec;                      /* of the last write that failed; 0: none did */
    int failed_error;
    bool buckets_failed; /* they cannot be changed here */
};

/* One look, and what is known besides. */
struct ctw_growth_input {
    uint64_t now_usec;
    struct ctw_sample sample; /* buckets: the last known */
    int64_t rate;             /* net entries per second, between the last two looks */
    struct ctw_growth_facts facts;
};

/* What is to be done. */
struct ctw_growth_decision {
    bool needed;                     /* max should be higher, or cannot be when it should */
    bool write;                      /* carry it out: never in a dry run, never when refused */
    enum ctw_growth_refusal refusal; /* of what is needed */
    int error;                       /* NOT_PERMITTED, WRITE_FAILED: negative errno */
    enum ctw_growth_reason reason;
    uint32_t old_max, new_max;         /* new 0: leave it */
    uint32_t old_buckets, new_buckets; /* likewise */
    struct ctw_growth_bounds bounds;
};

/* What came of it. */
struct ctw_growth_outcome {
    uint32_t count; /* read again just before the write */
    bool max_written;
    uint32_t max;  /* read back */
    int max_error; /* 0; -EAGAIN: changed by somebody since the look; -EPROTO: "succeeded" and
                      changed nothing; another negative errno */
    bool buckets_written;
    uint32_t buckets; /* read back */
    int buckets_error;
    uint64_t stall_usec; /* what writing buckets took */
};

/** ctw_growth_on() - whether anything is to be decided: enabled, or to be tried in a dry run */
bool ctw_growth_on(const struct ctw_settings *s);

/** ctw_growth_writes() - whether limits are to be written */
bool ctw_growth_writes(const struct ctw_settings *s);

/** ctw_growth_bytes_per_entry() - at worst, in all namespaces, with its share of the buckets */
uint64_t ctw_growth_bytes_per_entry(const struct ctw_growth_facts *f);

/** ctw_growth_bytes() - what so many entries of this table take at most, with its buckets */
uint64_t ctw_growth_bytes(const struct ctw_sample *table, uint32_t entries);

/** ctw_growth_bounds() - how high max may go now, and why no higher */
void ctw_growth_bounds(const struct ctw_settings *s, const struct ctw_sample *sample,
                       const struct ctw_growth_facts *facts, struct ctw_growth_bounds *ret);

/** ctw_growth_buckets_for() - how many buckets a table with this max should have: 4 entries each */
uint32_t ctw_growth_buckets_for(uint32_t max, uint32_t entries_per_bucket);

/** ctw_growth_decide() - one look; changes nothing */
void ctw_growth_decide(const struct ctw_growth *g, const struct ctw_settings *s,
                       const struct ctw_growth_input *poll, struct ctw_growth_decision *ret);

/** ctw_growth_done() - remember what came of a decision; without @outcome: that it was a dry run */
void ctw_growth_done(struct ctw_growth *g, uint64_t now_usec, const struct ctw_growth_decision *d,
                     const struct ctw_growth_outcome *outcome);

/**
 * ctw_growth_next_poll() - when to look again at the latest, from now
 *
 * Before half of what is free could be used up by poll.worst_rate entries a second.
 *
 * Return: microseconds, UINT64_MAX where growth does not care.
 */
uint64_t ctw_growth_next_poll(const struct ctw_growth *g, const struct ctw_settings *s,
                              const struct ctw_sample *sample, const struct ctw_growth_decision *d);

/** "fill", "burst", ... */
const char *ctw_growth_reason_name(enum ctw_growth_reason reason);
/** "at_ceiling", "no_memory", ... */
const char *ctw_growth_refusal_name(enum ctw_growth_refusal refusal);
/** "growth.ceiling", "growth.memory", "MemAvailable", "buckets", "kernel" */
const char *ctw_growth_bound_name(enum ctw_growth_bound bound);

#endif
