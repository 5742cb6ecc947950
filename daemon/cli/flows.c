/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/entry.h"
#include "daemon/cli/terminal.h"
#include "daemon/source/dump.h"
#include "daemon/source/machine.h"
#include "daemon/sys/clock.h"
#include "daemon/sys/procfs.h"
#include "lib/filter/filter.h"
#include "lib/kernel/timeouts.h"
#include "lib/util/parse.h"
#include "lib/util/units.h"

/* Documented in ctwatch(8). */
#define EXIT_INTERRUPTED 130 /* 128 and SIGINT, as shells count */

/* Entries that are held to be sorted, or as a sample: with 300 bytes each, 3 MB. */
#define HELD_MAX 10000u

struct arguments {
    const char *n, *sample, *sort, *idle;
    bool expect, count, json, xml;
    struct ctw_cli_words filter;
};

enum order { UNSORTED, BY_TIMEOUT, BY_BYTES };

struct request {
    enum ctw_entry_format format;
    uint32_t n;      /* lines to print */
    uint32_t sample; /* 0: no sample */
    enum order order;
    uint64_t idle_sec; /* 0: any */
    bool expect, count;
};

struct held {
    uint64_t key;
    struct nlmsghdr *message;
};

struct flows {
    struct request request;
    struct ctw_filter filter;
    struct ctw_entry_printer *printer;
    struct ctw_progress progress;
    uint32_t timeouts[CTW_TIMEOUTS]; /* seconds; 0: not known */
    uint64_t read, matched, shown;
    int write_error;           /* a positive errno */
    uint64_t random;           /* state of the generator */
    bool counted;              /* bytes of an entry are known */
    struct held *held;         /* room for twice held_max */
    uint32_t n_held, held_max; /* 0: each entry is printed at once */
    uint64_t least; /* a key up to this is not among the highest held_max; 0: any may be */
};

/* --- the command line ------------------------------------------------------------------------ */

static const struct ctw_cli cli = {
    .program = "ctwatch flows",
    .synopses = "[OPTION...] [FILTER]",
    .about =
        "Shows the entries of the connection-tracking table that match, as conntrack -L prints "
        "them: ctwatch flows src 192.0.2.7 and tcp dport 443. The words of a FILTER are in "
        "ctwatch(8). Needs CAP_NET_ADMIN.",
    .options =
        {
            {'n', "lines", "N", offsetof(struct arguments, n), "at most N entries"},
            {0, "sample", "N", offsetof(struct arguments, sample),
             "N entries at random of those that match, 1 to 10000"},
            {0, "sort", "WHAT", offsetof(struct arguments, sort),
             "the largest first, by timeout or bytes: of all that match, or of the sample"},
            {0, "idle", "TIME", offsetof(struct arguments, idle),
             "only entries without a packet for this long, such as 1h"},
            {0, "expect", NULL, offsetof(struct arguments, expect),
             "expectations instead of entries; takes no FILTER"},
            {0, "count", NULL, offsetof(struct arguments, count),
             "only the number of entries that match"},
            {0, "json", NULL, offsetof(struct arguments, json),
             "as JSON, one object a line, with every attribute"},
            {0, "xml", NULL, offsetof(struct arguments, xml),
             "as XML, as conntrack -L -o xml prints it"},
            {0, "root", "DIR", CTW_OPTION_REFUSED,
             "a captured machine has no table whose entries could be read"},
        },
    .joins_operands = true,
    .operand = offsetof(struct arguments, filter),
};

static int read_words(const struct arguments *a, struct request *r) {
    uint64_t idle_usec = 0;

    if (a->sort && strcmp(a->sort, "timeout") == 0)
        r->order = BY_TIMEOUT;
    else if (a->sort && strcmp(a->sort, "bytes") == 0)
        r->order = BY_BYTES;
    else if (a->sort)
        return ctw_cli_bad(&cli, "--sort", a->sort, "timeout or bytes");
    if (a->idle && (ctw_text_duration(a->idle, &idle_usec) < 0 || idle_usec < CTW_USEC_PER_SEC))
        return ctw_cli_bad(&cli, "--idle", a->idle, "a time of at least a second, such as 1h");
    r->idle_sec = idle_usec / CTW_USEC_PER_SEC;
    if (a->expect && (a->filter.length > 0 || a->sample || a->sort || a->idle))
        return ctw_cli_bad(&cli, "--expect", "a FILTER, --sample, --sort or --idle",
                           "allowed with it");
    return ctw_entry_format(&cli, a->json, a->xml, &r->format);
}

/* Return: -1 to go on, or the exit status. */
static int make_request(const struct arguments *a, struct request *ret) {
    *ret = (struct request){.n = UINT32_MAX, .expect = a->expect, .count = a->count};
    int status = read_words(a, ret);
    if (status < 0)
        status = ctw_cli_number(&cli, "--lines", a->n, 1, UINT32_MAX - 1, "from 1 to 4294967294",
                                &ret->n);
    if (status < 0)
        status = ctw_cli_number(&cli, "--sample", a->sample, 1, HELD_MAX, "from 1 to 10000",
                                &ret->sample);
    if (a->count) { /* these are of what is printed */
        ret->order = UNSORTED;
        ret->sample = 0;
    }
    return status;
}

/* --- what is held ----------------------------------------------------------------------------- */

static uint64_t rank_of(struct flows *f, const struct ctw_flow *flow, const void *message) {
    struct ctw_flow_details details;

    if (f->request.order == BY_TIMEOUT)
        return flow->timeout_sec;
    if (ctw_flow_parse_details(message, flow, &details) < 0)
        return 0;
    f->counted |= details.bytes > 0;
    return details.bytes;
}

static int highest_first(const void *a, const void *b) {
    const uint64_t x = ((const struct held *)a)->key, y = ((const struct held *)b)->key;

    return x < y ? 1 : x > y ? -1 : 0;
}

/* Keeps the entries with the highest keys, in descending order. */
static void trim(struct flows *f) {
    qsort(f->held, f->n_held, sizeof(*f->held), highest_first);
    while (f->n_held > f->held_max) {
        free(f->held[--f->n_held].message);
        f->least = f->held[f->held_max - 1].key;
    }
}

/* Holds the entries with the highest keys. Random keys make that a random sample. */
static int hold(struct flows *f, uint64_t key, const void *message, size_t length) {
    if (f->least > 0 && key <= f->least)
        return 0;
    struct nlmsghdr *copy = malloc(length);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, message, length);
    f->held[f->n_held++] = (struct held){.key = key, .message = copy};
    if (f->n_held == 2 * f->held_max)
        trim(f);
    return 0;
}

/* A sample has been held by random keys. */
static void sort(struct flows *f) {
    struct ctw_flow flow;

    trim(f);
    if (f->request.sample == 0 || !f->request.order)
        return;
    for (uint32_t i = 0; i < f->n_held; i++)
        if (ctw_flow_parse(f->held[i].message, f->held[i].message->nlmsg_len, &flow) == 0)
            f->held[i].key = rank_of(f, &flow, f->held[i].message);
    trim(f);
}

/* --- while walking ---------------------------------------------------------------------------- */

/* What has gone of the timeout that the last packet set. */
static bool is_idle(const struct flows *f, const struct ctw_flow *flow,
                    const struct ctw_flow_details *details) {
    const enum ctw_timeout i = ctw_flow_timeout(flow, details->state);

    return i < CTW_TIMEOUTS && f->timeouts[i] > 0 && flow->timeout_sec <= f->timeouts[i] &&
           f->timeouts[i] - flow->timeout_sec >= f->request.idle_sec;
}

static bool matches(const struct flows *f, const struct ctw_flow *flow, const void *message) {
    struct ctw_flow_details details;
    enum ctw_filter_verdict verdict = ctw_filter_match(&f->filter, flow, NULL);

    if (verdict == CTW_FILTER_NO)
        return false;
    if (verdict == CTW_FILTER_YES && f->request.idle_sec == 0)
        return true;
    if (ctw_flow_parse_details(message, flow, &details) < 0)
        return false;
    if (verdict == CTW_FILTER_UNKNOWN)
        verdict = ctw_filter_match(&f->filter, flow, &details);
    return verdict == CTW_FILTER_YES && (f->request.idle_sec == 0 || is_idle(f, flow, &details));
}

/* Return: 1 when that was the last one. */
static int print(struct flows *f, const void *message) {
    ctw_progress_clear(&f->progress);
    const int r = f->request.expect ? ctw_entry_print_expectation(f->printer, message)
                                    : ctw_entry_print(f->printer, message);
    if (r == -ENOMEM)
        return r;
    return ctw_cli_writing_failed(&f->write_error) || ++f->shown >= f->request.n ? 1 : 0;
}

static int on_message(const void *message, size_t length, void *userdata) {
    struct flows *f = userdata;
    struct ctw_flow flow;

    if (ctw_interrupted())
        return 1;
    ctw_progress_show(&f->progress, ++f->read);
    if (!f->request.expect) {
        if (ctw_flow_parse(message, length, &flow) < 0 || !matches(f, &flow, message))
            return 0;
    }
    f->matched++;
    if (f->request.count)
        return 0;
    if (f->held_max == 0)
        return print(f, message);
    return hold(f, f->request.sample > 0 ? ctw_next_random(&f->random) : rank_of(f, &flow, message),
                message, length);
}

/* --- the walk --------------------------------------------------------------------------------- */

/*
 * The entries of all network namespaces, which share one hash table:
 *
 *   nf_conntrack        131    160    256   16    1 : tunables ...
 */
static uint64_t entries_of_machine(void) {
    FILE *file = fopen("/proc/slabinfo", "re");
    uint64_t entries = UINT64_MAX;
    char line[256];

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "nf_conntrack %" SCNu64, &entries) == 1)
            break;
    if (file)
        (void)fclose(file);
    return entries;
}

/* A kernel without marks, or one that takes no such filter, refuses it. */
static int walk(struct flows *f, struct ctw_walk_end *ret) {
    const enum ctw_walk_of of = f->request.expect ? CTW_WALK_EXPECTATIONS : CTW_WALK_ENTRIES;
    struct ctw_filter_kernel filter;

    ctw_filter_for_kernel(&f->filter, &filter);
    if (filter.nothing) {
        ret->whole = true;
        return 0;
    }
    if (!f->request.expect && entries_of_machine() < CTW_FILTER_DUMP_ENTRIES_MAX) {
        const int r = ctw_walk_messages(of, &filter, on_message, f, ret);
        if (r != -EOPNOTSUPP && r != -EINVAL)
            return r;
    }
    return ctw_walk_messages(of, NULL, on_message, f, ret);
}

static uint32_t sysctl_of(const char *const *paths) {
    const char *path;
    uint32_t value;

    return ctw_procfs_first_number("", paths, &value, &path) < 0 ? 0 : value;
}

/* What the reader of the list must know of it. */
static void note(const struct flows *f, const struct ctw_walk_end *end, bool resized) {
    const struct request *r = &f->request;

    if (ctw_interrupted())
        (void)fprintf(stderr, "%s: interrupted: %" PRIu64 " entries were read\n", cli.program,
                      f->read);
    else if (end->interrupted || resized)
        (void)fprintf(stderr,
                      "%s: the table changed during the dump: entries may be missing or come "
                      "twice\n",
                      cli.program);
    if (r->order && r->sample == 0 && f->matched > f->n_held && r->n == UINT32_MAX)
        (void)fprintf(stderr, "%s: the first %" PRIu32 " of %" PRIu64 " entries that match\n",
                      cli.program, f->n_held, f->matched);
    if (r->order == BY_BYTES && f->matched > 0 && !f->counted)
        (void)fprintf(stderr,
                      "%s: no entry has counted bytes: net.netfilter.nf_conntrack_acct "
                      "is off\n",
                      cli.program);
}

static void print_count(const struct flows *f) {
    if (f->request.format == CTW_ENTRY_JSON)
        (void)printf("{\"entries\":%" PRIu64 "}\n", f->matched);
    else
        (void)printf("%" PRIu64 "\n", f->matched);
}

/* Return: the exit status. */
static int show(struct flows *f) {
    struct ctw_walk_end end = {0};

    if (f->request.idle_sec > 0)
        ctw_machine_timeouts("", f->timeouts);
    ctw_progress_start(&f->progress, sysctl_of(ctw_count_paths));
    const uint32_t buckets = sysctl_of(ctw_buckets_paths);
    const int r = walk(f, &end);
    ctw_progress_clear(&f->progress);
    if (r < 0) {
        ctw_cli_cannot_read(&cli, r);
        return EXIT_CANNOT_READ;
    }
    sort(f);
    /* When the hash table is replaced, the kernel does not report it. */
    note(f, &end, buckets != sysctl_of(ctw_buckets_paths));
    for (uint32_t i = 0;
         i < f->n_held && i < f->request.n && !ctw_cli_writing_failed(&f->write_error); i++)
        (void)ctw_entry_print(f->printer, f->held[i].message);
    if (f->request.count)
        print_count(f);
    else
        ctw_entry_end(f->printer);
    const int status = ctw_cli_end_after(f->write_error);
    return status == EXIT_SUCCESS && ctw_interrupted() ? EXIT_INTERRUPTED : status;
}

/* --- the verb --------------------------------------------------------------------------------- */

static struct flows *flows_free(struct flows *f) {
    if (!f)
        return NULL;
    for (uint32_t i = 0; i < f->n_held; i++)
        free(f->held[i].message);
    free(f->held);
    (void)ctw_entry_printer_free(f->printer);
    free(f);
    return NULL;
}

/* Return: NULL when there is no memory. */
static struct flows *flows_new(const struct request *request) {
    struct flows *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;

    f->request = *request;
    f->printer = ctw_entry_printer_new(request->format, request->expect ? "expect" : "conntrack");
    if (request->sample > 0)
        f->held_max = request->sample;
    else if (request->order)
        f->held_max = request->n < HELD_MAX ? request->n : HELD_MAX;
    f->held = calloc(2 * f->held_max + 1, sizeof(*f->held));
    f->random = ctw_random_seed();
    return f->printer && f->held ? f : flows_free(f);
}

int ctw_verb_flows(int argc, char *argv[]) {
    struct arguments arguments = {0};
    struct request request;

    int status = ctw_cli_start(&cli, argc, argv, &arguments);
    if (status < 0)
        status = make_request(&arguments, &request);
    if (status >= 0)
        return status;
    struct flows *f = flows_new(&request);
    if (!f)
        return ctw_cli_no_memory(&cli);
    status = ctw_cli_filter(&cli, &arguments.filter, ctw_entry_label, f->printer, &f->filter);
    if (status < 0) {
        ctw_interrupt_catch();
        status = show(f);
    }
    (void)flows_free(f);
    return status;
}
