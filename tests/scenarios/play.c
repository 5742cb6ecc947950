/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * play: plays a story through the decision core, in virtual time.
 *
 * A story is a text file: settings, the course of the table, and the alerts it must make. One
 * directive per line; blank lines and lines that start with # are ignored.
 *
 *   settings TEXT            configuration; consecutive lines make one, which replaces the former
 *   table KEY=VALUE ...      from now on: count max buckets other_entries drop early_drop
 *                            insert_failed chainlength inode; +=VALUE adds; "nocounters" or
 *                            "counters"
 *   log KEY=N ...            once, at the next poll: full expect suppressed lost others netns/INODE
 *   namespace NAME KEY=VALUE ...
 *                            from now on, the table of another namespace, read at each poll: count
 *                            drop early_drop insert_failed chainlength inode pid user=yes; +=VALUE
 *                            adds; or "gone"; pid=0 at first: only the kernel log knows it
 *   past KEY=N ... [age=TIME]
 *                            the same, of the log before the first poll
 *   events KEY=N ...         from now on, at each poll: created destroyed overruns lost sampling;
 *                            or off
 *   talkers KEY=VALUE ...    the result of a walk from now on: entries=N margin=N assured=N risk=N
 *                            loopback=N loopback_nat=N dns=N idle=N icmp=N icmpv6=N (permyriad),
 *                            source=NAME/N destination=NAME/N port=NAME/N state=NAME/N,
 *                            unconfirmed=N entries, service=ADDRESS/PORT/N snat=ADDRESS/PORT/N (of
 *                            TCP); or "unknown"
 *   host KEY=VALUE ...       what is read of the machine from now on: total available (sizes),
 *                            expectations expect_max helper=NAME queue=NUMBER/HELD; or "unknown"
 *   new_sources NAME/N ...   who opens new flows from now on, per second; or "unknown"
 *   walk takes TIME          how long each walk takes from now on; 0 at first
 *   requested                the administrator requests culprits, at the next poll
 *   machine KEY=VALUE ...    facts for growth: total available (sizes), namespaces, per_bucket,
 *                            permission=granted|denied|child, saved=MAX/BUCKETS,
 *                            writes=ok|fail|stay (the kernel takes them, refuses them, or changes
 *                            nothing)
 *   source NAME STATE        table, counters, kernel_log, events or journal: ok, absent or failed
 *   poll at TIME             one poll
 *   poll every STEP until TIME [count=N] [drop+=N ...]
 *   poll until TIME [count=N]
 *                            polls every STEP, or when the verdict asks for the next one; the
 *                            count goes to N in a straight line, counters rise at every poll
 *   stop                     ctwatchd ends
 *   former at TIME           first of all: a former ctwatchd polled the table last at TIME, and
 *                            found it as it is now
 *   alerts KIND EDGE [FIELD=VALUE ...]
 *                            the next alert; FIELD is a journal field without CTWATCH_ in lower
 *                            case, "-" if absent, "~" for a blank; FIELD*=PART is a part of it;
 *                            "at=TIME", "from=TIME" and "by=TIME" are the time it was sent
 *   alerts nothing           there are no more alerts
 *   next at_most TIME        when the last verdict wants the next poll
 *   next at_least TIME
 *   walks at_most N          walks since the last "walks" line
 *   wants events             the last verdict wants the subscription
 *   wants no_events
 *   polls at_most N          polls since the last "polls" line
 *
 * Alerts left over at the end of the story fail it.
 */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config/settings.h"
#include "lib/report/fields.h"
#include "lib/util/parse.h"
#include "lib/watch/namespaces.h"
#include "lib/watch/watch.h"

#define ALERTS_MAX 4096
#define WORDS_MAX  32
#define POLLS_MAX  50000000u

struct sent {
    uint64_t at_usec;
    struct ctw_fields fields;
};

#define NAMESPACES_MAX 32

struct play {
    const char *path;
    unsigned line;
    char settings_text[8192];
    bool settings_open; /* the last directive was a settings line */
    struct ctw_settings settings;
    struct ctw_watch watch;
    struct ctw_tick tick;
    struct ctw_verdict verdict;
    bool counters;
    struct ctw_waiting waiting;
    struct ctw_talkers talkers;
    struct ctw_host host;
    struct ctw_new_sources new_sources;
    struct ctw_namespaces_budget budget;
    struct ctw_namespace_verdict of_namespace;
    struct ctw_namespace namespaces[NAMESPACES_MAX];
    struct ctw_sample namespace_samples[NAMESPACES_MAX];
    size_t n_namespaces;
    uint64_t walk_takes_usec;
    bool walking;
    uint64_t walk_ends_usec;
    uint64_t walks;  /* since the last "walks" line */
    int write_error; /* of growth: the result of each write */
    uint64_t now_usec;
    uint64_t polls;       /* since the last "polls" line */
    uint64_t total_polls; /* bounds a story that asks for too much */
    struct sent *sent;
    size_t n_sent, next_sent;
};

/* The story's time 0: no time in a tick may be 0. */
#define EPOCH_USEC (1000 * CTW_USEC_PER_SEC)

static void fail(const struct play *p, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

static void fail(const struct play *p, const char *format, ...) {
    va_list ap;

    (void)fprintf(stderr, "%s:%u: ", p->path, p->line);
    va_start(ap, format);
    (void)vfprintf(stderr, format, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

static uint64_t number(const struct play *p, const char *text) {
    uint64_t n = 0;

    if (ctw_text_decimal(text, strlen(text), UINT64_MAX, &n) < 0)
        fail(p, "not a number: %s", text);
    return n;
}

static uint64_t duration(const struct play *p, const char *text) {
    uint64_t usec = 0;

    if (!text || ctw_text_duration(text, &usec) < 0)
        fail(p, "not a time: %s", text ? text : "(nothing)");
    return usec;
}

static uint64_t bytes(const struct play *p, const char *text) {
    uint64_t n = 0;

    if (ctw_text_size(text, &n) < 0)
        fail(p, "not a size: %s", text);
    return n;
}

/* Splits "key=value" in place; returns the value. */
static char *value_of(const struct play *p, char *word) {
    char *equals = strchr(word, '=');

    if (!equals)
        fail(p, "not KEY=VALUE: %s", word);
    *equals = '\0';
    return equals + 1;
}

/* "key=5" sets, "key+=5" adds. Return: the new value. */
static uint64_t assigned(const struct play *p, const char *key, const char *value, uint64_t is) {
    const size_t length = strlen(key);
    const uint64_t n = number(p, value);

    return length > 0 && key[length - 1] == '+' ? is + n : n;
}

static bool key_is(const char *key, const char *name) {
    const size_t length = strlen(name);

    return strncmp(key, name, length) == 0 && (!key[length] || strcmp(key + length, "+") == 0);
}

/* Return: false: a sample has no such value. */
static bool set_sample(struct play *p, struct ctw_sample *s, const char *word, const char *value) {
    const struct {
        const char *name;
        uint32_t *target;
        uint64_t *sum;
    } keys[] = {
        {"count", &s->count, NULL},
        {"max", &s->max, NULL},
        {"buckets", &s->buckets, NULL},
        {"other_entries", &s->other_entries, NULL},
        {"drop", NULL, &s->counters.drop},
        {"early_drop", NULL, &s->counters.early_drop},
        {"insert_failed", NULL, &s->counters.insert_failed},
        {"chainlength", NULL, &s->counters.chainlength},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (key_is(word, keys[i].name)) {
            if (keys[i].sum)
                *keys[i].sum = assigned(p, word, value, *keys[i].sum);
            else
                *keys[i].target = (uint32_t)assigned(p, word, value, *keys[i].target);
            return true;
        }
    return false;
}

static void set_table(struct play *p, char *word) {
    if (strcmp(word, "nocounters") == 0 || strcmp(word, "counters") == 0) {
        p->counters = word[0] == 'c';
        return;
    }

    const char *value = value_of(p, word);
    if (set_sample(p, &p->tick.sample, word, value))
        return;
    if (strcmp(word, "inode") != 0)
        fail(p, "a table has no %s", word);
    p->tick.netns_inode = number(p, value);
}

static void send_waiting(struct play *p, uint64_t at_usec);

static struct ctw_namespace *add_namespace(struct play *p, const char *name, uint64_t inode) {
    if (p->n_namespaces == NAMESPACES_MAX)
        fail(p, "too many namespaces");
    p->namespace_samples[p->n_namespaces] = (struct ctw_sample){.has_counters = true};
    struct ctw_namespace *n = &p->namespaces[p->n_namespaces++];
    *n = (struct ctw_namespace){.netns_inode = inode};
    (void)snprintf(n->name.text, sizeof(n->name.text), "%s", name);
    return n;
}

static void forget_namespace(struct play *p, size_t at) {
    p->n_namespaces--;
    memmove(&p->namespaces[at], &p->namespaces[at + 1],
            (p->n_namespaces - at) * sizeof(p->namespaces[0]));
    memmove(&p->namespace_samples[at], &p->namespace_samples[at + 1],
            (p->n_namespaces - at) * sizeof(p->namespace_samples[0]));
}

static void send_of_namespace(struct play *p, uint64_t at_usec) {
    for (size_t i = 0; i < p->of_namespace.n_alerts; i++) {
        ctw_waiting_add(&p->waiting, &p->of_namespace.alerts[i]);
        send_waiting(p, at_usec);
    }
}

static void set_namespace(struct play *p, char *words[], size_t n) {
    size_t at = 0;

    while (at < p->n_namespaces && strcmp(p->namespaces[at].name.text, words[1]) != 0)
        at++;
    if (at == p->n_namespaces)
        add_namespace(p, words[1], 0)->pid = 1000;
    struct ctw_namespace *ns = &p->namespaces[at];
    for (size_t i = 2; i < n; i++) {
        if (strcmp(words[i], "gone") == 0) {
            ctw_namespace_end(&p->budget, ns, &p->settings, EPOCH_USEC + p->now_usec,
                              &p->of_namespace);
            send_of_namespace(p, p->now_usec);
            forget_namespace(p, at);
            return;
        }
        const char *value = value_of(p, words[i]);
        if (set_sample(p, &p->namespace_samples[at], words[i], value))
            continue;
        if (strcmp(words[i], "inode") == 0)
            ns->netns_inode = number(p, value);
        else if (strcmp(words[i], "user") == 0)
            ns->name.below_user = strcmp(value, "yes") == 0;
        else
            fail(p, "a namespace has no %s", words[i]);
    }
}

static void step_namespaces(struct play *p, const struct ctw_tick *tick, bool with_process) {
    for (size_t i = 0; i < p->n_namespaces; i++) {
        struct ctw_namespace *n = &p->namespaces[i];
        struct ctw_namespace_reading r = {.now_usec = tick->now_usec,
                                          .readable = n->pid != 0,
                                          .sample = p->namespace_samples[i],
                                          .release = tick->release};
        if ((n->pid != 0) != with_process && n->log_lines == 0)
            continue;
        r.sample.max = tick->sample.max;
        ctw_namespace_step(&p->budget, n, &p->settings, &r, &p->of_namespace);
        send_of_namespace(p, tick->now_usec - EPOCH_USEC);
    }
}

static void settle_lines(struct play *p, uint64_t inode, uint32_t lines) {
    struct ctw_netns_match m = {.inode = inode};

    for (size_t i = 0; lines > 0 && i < p->n_namespaces; i++)
        ctw_netns_match_add(&m, &p->namespaces[i]);
    if (lines > 0 && !ctw_netns_match_end(&m, lines))
        add_namespace(p, "", inode)->log_lines = lines;
}

/* As daemon/source/namespaces, without its slices. */
static void poll_namespaces(struct play *p, const struct ctw_tick *tick) {
    const struct ctw_log_counts *log = &p->verdict.other_log;
    struct ctw_alert rest;

    step_namespaces(p, tick, true);
    settle_lines(p, 0, log->full_lines);
    for (uint32_t i = 0; i < log->n_netns; i++)
        settle_lines(p, log->netns[i].inode, log->netns[i].lines);
    step_namespaces(p, tick, false);
    if (ctw_namespaces_rest(&p->budget, tick->now_usec, &rest)) {
        ctw_waiting_add(&p->waiting, &rest);
        send_waiting(p, p->now_usec);
    }
    for (size_t i = p->n_namespaces; i-- > 0;)
        if (p->namespaces[i].pid == 0 && !ctw_namespace_troubled(&p->namespaces[i]))
            forget_namespace(p, i);
}

static void set_log(struct play *p, char *word, struct ctw_log_counts *log) {
    const char *value = value_of(p, word);
    const uint32_t n = (uint32_t)number(p, value);

    if (strcmp(word, "full") == 0)
        log->full_lines = n;
    else if (strcmp(word, "expect") == 0)
        log->expect_lines = n;
    else if (strcmp(word, "suppressed") == 0)
        log->suppressed = n;
    else if (strcmp(word, "lost") == 0)
        log->lost_records = n;
    else if (strcmp(word, "others") == 0)
        log->other_netns_lines = n;
    else if (strncmp(word, "netns/", 6) == 0 && log->n_netns < CTW_LOG_COUNTS_NETNS_MAX)
        log->netns[log->n_netns++] = (struct ctw_log_counts_netns){number(p, word + 6), n};
    else
        fail(p, "a log has no %s", word);
}

static void set_events(struct play *p, char *word) {
    struct ctw_event_counts *e = &p->tick.events;

    if (strcmp(word, "off") == 0) {
        memset(e, 0, sizeof(*e));
        return;
    }
    const uint64_t n = number(p, value_of(p, word));
    e->subscribed = true;
    if (e->sampling == 0)
        e->sampling = 1;
    if (strcmp(word, "created") == 0)
        e->created = n;
    else if (strcmp(word, "destroyed") == 0)
        e->destroyed = n;
    else if (strcmp(word, "overruns") == 0)
        e->overruns = n;
    else if (strcmp(word, "lost") == 0)
        e->lost = n;
    else if (strcmp(word, "sampling") == 0)
        e->sampling = (uint32_t)n;
    else
        fail(p, "events have no %s", word);
}

/* "192.0.2.7/6000": the name, then its share. */
static void add_share(const struct play *p, struct ctw_share *list, uint32_t *n, char *text) {
    char *slash = strrchr(text, '/');

    if (!slash || *n == CTW_TALKERS_TOP_MAX)
        fail(p, "not NAME/PERMYRIAD: %s", text);
    *slash = '\0';
    (void)snprintf(list[*n].name, sizeof(list[*n].name), "%s", text);
    list[(*n)++].permyriad = (uint32_t)number(p, slash + 1);
}

/* Some states have a share of their own, which is not one of the first few. */
static void add_state(const struct play *p, struct ctw_talkers *t, char *text) {
    const struct {
        const char *name;
        uint32_t *share;
    } shares[] = {
        {"tcp/SYN_SENT", &t->half_open_permyriad},
        {"tcp/SYN_RECV", &t->half_open_permyriad},
        {"tcp/TIME_WAIT", &t->time_wait_permyriad},
        {"tcp/CLOSE_WAIT", &t->close_wait_permyriad},
        {"udp/unreplied", &t->udp_unreplied_permyriad},
    };
    const uint32_t n = t->n_states;

    add_share(p, t->states, &t->n_states, text);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
        if (strcmp(t->states[n].name, shares[i].name) == 0)
            *shares[i].share += t->states[n].permyriad;
}

/* "192.0.2.7/443/6000" */
static void set_busiest(const struct play *p, struct ctw_busiest *b, char *text) {
    char *port = strchr(text, '/'), *share = port ? strchr(port + 1, '/') : NULL;

    if (!share)
        fail(p, "not ADDRESS/PORT/PERMYRIAD: %s", text);
    *port = *share = '\0';
    *b = (struct ctw_busiest){.protocol = IPPROTO_TCP, .port = (uint16_t)number(p, port + 1)};
    (void)snprintf(b->address.name, sizeof(b->address.name), "%s", text);
    b->address.permyriad = (uint32_t)number(p, share + 1);
}

static void set_talkers(struct play *p, char *word) {
    struct ctw_talkers *talkers = &p->talkers;

    if (strcmp(word, "unknown") == 0) {
        memset(talkers, 0, sizeof(*talkers));
        return;
    }
    char *value = value_of(p, word);
    const struct {
        const char *name;
        uint32_t *target;
    } keys[] = {
        {"entries", &talkers->entries},
        {"margin", &talkers->margin_permyriad},
        {"assured", &talkers->assured_permyriad},
        {"risk", &talkers->drop_risk_permyriad},
        {"loopback", &talkers->loopback_permyriad},
        {"dns", &talkers->dns_permyriad},
        {"idle", &talkers->idle_tcp_permyriad},
        {"loopback_nat", &talkers->loopback_nat_permyriad},
        {"icmp", &talkers->icmp_permyriad},
        {"icmpv6", &talkers->icmpv6_permyriad},
        {"unconfirmed", &talkers->unconfirmed},
    };
    talkers->known = talkers->has_drop_risk = true;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strcmp(word, keys[i].name) == 0) {
            *keys[i].target = (uint32_t)number(p, value);
            return;
        }
    if (strcmp(word, "source") == 0)
        add_share(p, talkers->sources, &talkers->n_sources, value);
    else if (strcmp(word, "port") == 0)
        add_share(p, talkers->ports, &talkers->n_ports, value);
    else if (strcmp(word, "destination") == 0)
        add_share(p, talkers->destinations, &talkers->n_destinations, value);
    else if (strcmp(word, "state") == 0)
        add_state(p, talkers, value);
    else if (strcmp(word, "service") == 0)
        set_busiest(p, &talkers->service, value);
    else if (strcmp(word, "snat") == 0)
        set_busiest(p, &talkers->snat_service, value);
    else
        fail(p, "a walk finds no %s", word);
}

static void set_new_source(struct play *p, char *word) {
    struct ctw_new_sources *s = &p->new_sources;
    char *slash = strrchr(word, '/');

    p->tick.new_sources = slash ? s : NULL;
    if (!slash || s->n == CTW_TALKERS_TOP_MAX)
        return;
    *slash = '\0';
    s->known = true;
    (void)snprintf(s->top[s->n].name, sizeof(s->top[s->n].name), "%s", word);
    s->top[s->n++].per_second = number(p, slash + 1);
}

static void set_host(struct play *p, char *word) {
    struct ctw_host *h = &p->host;

    if (strcmp(word, "unknown") == 0) {
        memset(h, 0, sizeof(*h));
        return;
    }
    char *value = value_of(p, word);
    h->known = true;
    if (strcmp(word, "total") == 0)
        h->memory.total_bytes = bytes(p, value);
    else if (strcmp(word, "available") == 0) {
        h->memory.has_available = true;
        h->memory.available_bytes = bytes(p, value);
    } else if (strcmp(word, "expectations") == 0) {
        h->has_expectations = true;
        h->expectations = (uint32_t)number(p, value);
    } else if (strcmp(word, "expect_max") == 0)
        h->expect_max = (uint32_t)number(p, value);
    else if (strcmp(word, "helper") == 0)
        (void)snprintf(h->expect_helper, sizeof(h->expect_helper), "%s", value);
    else if (strcmp(word, "queue") == 0 && strchr(value, '/')) {
        char *slash = strchr(value, '/');
        *slash = '\0';
        h->has_queue = true;
        h->queue_number = (uint32_t)number(p, value);
        h->queue_held = (uint32_t)number(p, slash + 1);
    } else
        fail(p, "a host has no %s", word);
}

static void set_source(struct play *p, const char *name, const char *state) {
    for (int i = 0; i < CTW_SOURCES; i++) {
        struct ctw_source_health *s = &p->tick.sources[i];
        if (!name || !state || strcmp(name, ctw_source_name((enum ctw_source)i)) != 0)
            continue;
        if (strcmp(state, "ok") == 0)
            *s = ctw_source_health_of(CTW_HEALTH_OK, 0, NULL);
        else if (strcmp(state, "absent") == 0)
            *s = ctw_source_health_of(CTW_HEALTH_ABSENT, 0, "/proc/file");
        else if (strcmp(state, "failed") == 0)
            *s = ctw_source_health_of(CTW_HEALTH_FAILED, -EBADMSG, "/proc/file");
        else
            fail(p, "a source is ok, absent or failed, not %s", state);
        return;
    }
    fail(p, "no such source: %s", name ? name : "(nothing)");
}

/* "65536/16384": the limits grown before the boot, from half of them. */
static void set_saved(struct play *p, char *value) {
    struct ctw_growth_facts *f = &p->tick.facts;
    char *slash = strchr(value, '/');

    if (!slash)
        fail(p, "saved=MAX/BUCKETS, not %s", value);
    *slash = '\0';
    f->has_saved = true;
    f->saved.max = (uint32_t)number(p, value);
    f->saved.buckets = (uint32_t)number(p, slash + 1);
    f->saved.before_max = f->saved.max / 2;
    f->saved.before_buckets = f->saved.buckets / 2;
}

/* The index of the word. */
static int word_of(const struct play *p, const char *value, const char *const words[3]) {
    for (int i = 0; i < 3; i++)
        if (strcmp(value, words[i]) == 0)
            return i;
    fail(p, "%s, %s or %s, not %s", words[0], words[1], words[2], value);
}

static void set_machine(struct play *p, char *word) {
    struct ctw_growth_facts *f = &p->tick.facts;
    char *value = value_of(p, word);

    if (strcmp(word, "total") == 0)
        f->memory.total_bytes = bytes(p, value);
    else if (strcmp(word, "available") == 0)
        f->memory.available_bytes = bytes(p, value);
    else if (strcmp(word, "namespaces") == 0)
        f->namespaces = (uint32_t)number(p, value);
    else if (strcmp(word, "per_bucket") == 0)
        f->release.entries_per_bucket = (uint32_t)number(p, value);
    else if (strcmp(word, "permission") == 0) {
        static const enum ctw_permission permissions[] = {
            CTW_PERMISSION_GRANTED, CTW_PERMISSION_DENIED, CTW_PERMISSION_CHILD};
        f->permission =
            permissions[word_of(p, value, (const char *const[]){"granted", "denied", "child"})];
        f->permission_error = f->permission == CTW_PERMISSION_DENIED ? -EROFS : 0;
    } else if (strcmp(word, "saved") == 0)
        set_saved(p, value);
    else if (strcmp(word, "writes") == 0)
        p->write_error = (const int[]){
            0, -EINVAL, -EPROTO}[word_of(p, value, (const char *const[]){"ok", "fail", "stay"})];
    else
        fail(p, "a machine has no %s", word);
}

/* What the kernel makes of a decision to grow. */
static void carry_out(struct play *p, const struct ctw_tick *tick) {
    const struct ctw_growth_decision *d = &p->verdict.growth;
    struct ctw_sample *t = &p->tick.sample;
    struct ctw_growth_outcome o = {.count = t->count, .max = t->max, .buckets = t->buckets};

    if (!d->write)
        return;
    o.max_error = d->new_max ? p->write_error : 0;
    if (d->new_max && o.max_error == 0) {
        o.max_written = true;
        o.max = t->max = d->new_max;
    }
    if (d->new_buckets && o.max_error == 0) {
        o.buckets_written = true;
        o.buckets = t->buckets = d->new_buckets;
        o.stall_usec = 20000;
    }
    ctw_watch_grown(&p->watch, &p->settings, tick, &o, &p->verdict);
}

static void send_waiting(struct play *p, uint64_t at_usec) {
    const struct ctw_alert *a;

    while ((a = ctw_waiting_next(&p->waiting))) {
        if (p->n_sent == ALERTS_MAX)
            fail(p, "more than %d alerts", ALERTS_MAX);
        p->sent[p->n_sent].at_usec = at_usec;
        ctw_fields_of(a, &p->sent[p->n_sent++].fields);
    }
}

static void end_walk(struct play *p) {
    p->walking = false;
    ctw_watch_learn(&p->watch, &p->talkers, EPOCH_USEC + p->walk_ends_usec);
    p->tick.culprits_due = ctw_waiting_learned(&p->waiting, p->talkers.known);
    send_waiting(p, p->walk_ends_usec);
}

static void poll_once(struct play *p, uint64_t at_usec) {
    struct ctw_tick tick = p->tick;
    const bool readable = tick.sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK;

    p->now_usec = at_usec;
    tick.now_usec = EPOCH_USEC + at_usec;
    tick.sample.has_buckets = tick.sample.has_counters = false;
    if (readable && ctw_watch_wants_counters(&p->watch, &tick)) {
        tick.sample.has_buckets = tick.sample.buckets > 0;
        tick.sample.has_counters =
            p->counters && tick.sources[CTW_SOURCE_COUNTERS].health != CTW_HEALTH_FAILED;
    }

    ctw_watch_step(&p->watch, &p->settings, &tick, &p->verdict);
    carry_out(p, &tick);
    if (p->verdict.want_host)
        ctw_watch_learn_host(&p->watch, &p->settings, &p->host, tick.now_usec);
    memset(&p->tick.log, 0, sizeof(p->tick.log));
    p->tick.has_past = p->tick.requested = p->tick.culprits_due = false;
    for (size_t i = 0; i < p->verdict.n_alerts; i++) {
        ctw_waiting_add(&p->waiting, &p->verdict.alerts[i]);
        send_waiting(p, at_usec);
    }
    poll_namespaces(p, &tick);
    if (p->verdict.want_walk) {
        p->walking = true;
        p->walk_ends_usec = at_usec + p->walk_takes_usec;
        p->walks++;
        if (p->walk_takes_usec == 0)
            end_walk(p);
    }
    p->polls++;
    if (++p->total_polls > POLLS_MAX)
        fail(p, "more than %u polls", POLLS_MAX);
}

/* The end of a walk is a wake-up, and so a poll, when culprits are due. */
static void poll(struct play *p, uint64_t at_usec) {
    if (p->walking && p->walk_ends_usec <= at_usec) {
        end_walk(p);
        if (p->tick.culprits_due && p->walk_ends_usec < at_usec)
            poll_once(p, p->walk_ends_usec);
    }
    poll_once(p, at_usec);
}

/* poll at T | poll until T [...] | poll every D until T [...] */
static void do_poll(struct play *p, char *words[], size_t n) {
    uint64_t every = 0;
    size_t i = 1;

    if (n == 3 && strcmp(words[1], "at") == 0) {
        poll(p, duration(p, words[2]));
        return;
    }
    if (n > 3 && strcmp(words[1], "every") == 0) {
        every = duration(p, words[2]);
        i = 3;
    }
    if (i + 1 >= n || strcmp(words[i], "until") != 0)
        fail(p, "poll at TIME, poll until TIME, or poll every STEP until TIME");

    const uint64_t from = p->now_usec, until = duration(p, words[i + 1]);
    const int64_t first = p->tick.sample.count;
    int64_t last = first;
    char *rises[WORDS_MAX];
    size_t n_rises = 0;
    for (i += 2; i < n; i++) {
        if (strncmp(words[i], "count=", 6) == 0)
            last = (int64_t)number(p, words[i] + 6);
        else
            rises[n_rises++] = words[i];
    }
    while (p->now_usec < until) {
        uint64_t step = every ? every : p->total_polls ? p->verdict.next_poll_usec : 1;
        if (step > until - p->now_usec)
            step = until - p->now_usec;
        const int64_t passed = (int64_t)(p->now_usec + step - from);
        p->tick.sample.count =
            (uint32_t)(first + (last - first) * passed / (int64_t)(until - from));
        for (size_t k = 0; k < n_rises; k++) {
            char word[64];
            (void)snprintf(word, sizeof(word), "%s", rises[k]);
            set_table(p, word);
        }
        poll(p, p->now_usec + step);
    }
}

/* In a story "~" stands for a blank, and KEY*=TEXT for a field that contains the text. */
static void check_field(const struct play *p, const struct sent *t, const char *key, char *wanted) {
    char name[64] = "CTWATCH_";
    size_t length = strlen(name), used = strlen(key);
    const bool part = used > 0 && key[used - 1] == '*';

    for (size_t i = 0; i < used - part && length + 1 < sizeof(name); i++)
        name[length++] = (char)toupper((unsigned char)key[i]);
    name[length] = '\0';
    for (char *c = wanted; *c; c++)
        if (*c == '~')
            *c = ' ';

    const char *is = ctw_fields_get(&t->fields, name);
    if (!is && strcmp(wanted, "-") == 0)
        return;
    if (!is || (part ? !strstr(is, wanted) : strcmp(is, wanted) != 0))
        fail(p, "%s is %s, should %s %s (%s)", name, is ? is : "absent", part ? "contain" : "be",
             wanted, t->fields.field[0]);
}

static void check_time(const struct play *p, const struct sent *t, const char *key,
                       uint64_t wanted) {
    const bool right = strcmp(key, "at") == 0     ? t->at_usec == wanted
                       : strcmp(key, "from") == 0 ? t->at_usec >= wanted
                                                  : t->at_usec <= wanted;
    if (!right)
        fail(p, "was sent at %" PRIu64 " us, should be %s %" PRIu64 " us (%s)", t->at_usec, key,
             wanted, t->fields.field[0]);
}

static void do_alerts(struct play *p, char *words[], size_t n) {
    if (n == 2 && strcmp(words[1], "nothing") == 0) {
        if (p->next_sent < p->n_sent)
            fail(p, "an alert more: %s", p->sent[p->next_sent].fields.field[0]);
        return;
    }
    if (n < 3)
        fail(p, "alerts KIND EDGE [FIELD=VALUE ...], or alerts nothing");
    if (p->next_sent == p->n_sent)
        fail(p, "no more alerts");

    const struct sent *t = &p->sent[p->next_sent++];
    check_field(p, t, "alert", words[1]);
    check_field(p, t, "edge", words[2]);
    for (size_t i = 3; i < n; i++) {
        char *value = value_of(p, words[i]);
        if (strcmp(words[i], "at") == 0 || strcmp(words[i], "from") == 0 ||
            strcmp(words[i], "by") == 0)
            check_time(p, t, words[i], duration(p, value));
        else
            check_field(p, t, words[i], value);
    }
}

static void check_bound(const struct play *p, char *words[], size_t n, uint64_t is,
                        uint64_t (*read)(const struct play *, const char *)) {
    if (n != 3)
        fail(p, "%s at_most or at_least what?", words[0]);
    const uint64_t bound = read(p, words[2]);
    if (strcmp(words[1], "at_most") == 0 ? is > bound : is < bound)
        fail(p, "%s is %" PRIu64 ", should be %s %" PRIu64, words[0], is, words[1], bound);
}

static void do_settings(struct play *p, const char *text) {
    struct ctw_settings_error error;

    if (!p->settings_open)
        p->settings_text[0] = '\0';
    const size_t used = strlen(p->settings_text);
    (void)snprintf(p->settings_text + used, sizeof(p->settings_text) - used, "%s\n", text);
    p->settings_open = true;
    if (ctw_settings_parse(p->settings_text, strlen(p->settings_text), &p->settings, &error) < 0)
        fail(p, "%s: %s", error.key, error.reason);
}

static void do_line(struct play *p, char *line) {
    static const char blanks[] = " \t\n";
    char *words[WORDS_MAX], *rest = NULL;
    size_t n = 0;

    line += strspn(line, blanks);
    if (strncmp(line, "settings ", 9) == 0) {
        do_settings(p, line + 9);
        return;
    }
    for (char *w = strtok_r(line, blanks, &rest); w && n < WORDS_MAX;
         w = strtok_r(NULL, blanks, &rest))
        words[n++] = w;
    if (n == 0 || words[0][0] == '#')
        return;

    p->settings_open = false;
    if (strcmp(words[0], "table") == 0)
        for (size_t i = 1; i < n; i++)
            set_table(p, words[i]);
    else if (strcmp(words[0], "log") == 0)
        for (size_t i = 1; i < n; i++)
            set_log(p, words[i], &p->tick.log);
    else if (strcmp(words[0], "namespace") == 0 && n > 1)
        set_namespace(p, words, n);
    else if (strcmp(words[0], "past") == 0) {
        p->tick.has_past = true;
        for (size_t i = 1; i < n; i++)
            if (strncmp(words[i], "age=", 4) == 0)
                p->tick.past_age_usec = duration(p, words[i] + 4);
            else
                set_log(p, words[i], &p->tick.past);
    } else if (strcmp(words[0], "events") == 0)
        for (size_t i = 1; i < n; i++)
            set_events(p, words[i]);
    else if (strcmp(words[0], "talkers") == 0)
        for (size_t i = 1; i < n; i++)
            set_talkers(p, words[i]);
    else if (strcmp(words[0], "new_sources") == 0) {
        p->new_sources = (struct ctw_new_sources){0};
        for (size_t i = 1; i < n; i++)
            set_new_source(p, words[i]);
    } else if (strcmp(words[0], "host") == 0)
        for (size_t i = 1; i < n; i++)
            set_host(p, words[i]);
    else if (strcmp(words[0], "walk") == 0) {
        if (n != 3 || strcmp(words[1], "takes") != 0)
            fail(p, "walk takes TIME");
        p->walk_takes_usec = duration(p, words[2]);
    } else if (strcmp(words[0], "former") == 0) {
        p->tick.sample.has_buckets = p->tick.sample.buckets > 0;
        p->tick.sample.has_counters = p->counters;
        ctw_watch_resume(&p->watch, &p->tick.sample,
                         EPOCH_USEC + duration(p, n == 3 ? words[2] : NULL));
    } else if (strcmp(words[0], "stop") == 0) {
        ctw_waiting_flush(&p->waiting);
        send_waiting(p, p->now_usec);
    } else if (strcmp(words[0], "requested") == 0)
        p->tick.requested = true;
    else if (strcmp(words[0], "wants") == 0) {
        if (n != 2 || (strcmp(words[1], "events") == 0) != p->verdict.want_events)
            fail(p, "events wanted: %d, because %s", p->verdict.want_events, p->verdict.events_why);
    } else if (strcmp(words[0], "machine") == 0)
        for (size_t i = 1; i < n; i++)
            set_machine(p, words[i]);
    else if (strcmp(words[0], "walks") == 0) {
        check_bound(p, words, n, p->walks, number);
        p->walks = 0;
    } else if (strcmp(words[0], "source") == 0)
        set_source(p, n > 1 ? words[1] : NULL, n > 2 ? words[2] : NULL);
    else if (strcmp(words[0], "poll") == 0)
        do_poll(p, words, n);
    else if (strcmp(words[0], "alerts") == 0)
        do_alerts(p, words, n);
    else if (strcmp(words[0], "next") == 0)
        check_bound(p, words, n, p->verdict.next_poll_usec, duration);
    else if (strcmp(words[0], "polls") == 0) {
        check_bound(p, words, n, p->polls, number);
        p->polls = 0;
    } else
        fail(p, "no such directive: %s", words[0]);
}

static void set_stage(struct play *p) {
    p->counters = true;
    p->tick.netns_inode = 4026531840;
    p->tick.sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK;
    p->tick.sources[CTW_SOURCE_COUNTERS].health = CTW_HEALTH_OK;
    p->tick.sources[CTW_SOURCE_KERNEL_LOG].health = CTW_HEALTH_OK;
    p->tick.facts = (struct ctw_growth_facts){
        .memory = {.total_bytes = UINT64_C(24) << 30,
                   .has_available = true,
                   .available_bytes = UINT64_C(20) << 30},
        .release = {.entries_per_bucket = 8,
                    .insert_failed_in_drop = true,
                    .buckets_writable = true,
                    .chain_limit = true},
        .namespaces = 1,
        .permission = CTW_PERMISSION_GRANTED,
        .limit_path = "/proc/max",
        .buckets_path = "/proc/buckets",
        .save_path = "/limits",
    };
    p->tick.release = &p->tick.facts.release;
    ctw_settings_defaults(&p->settings);
}

int main(int argc, char *argv[]) {
    char line[1024];

    if (argc != 2) {
        (void)fputs("usage: play FILE.story\n", stderr);
        return EXIT_FAILURE;
    }
    struct play *p = calloc(1, sizeof(*p));
    FILE *f = fopen(argv[1], "re");
    if (!p || !f || !(p->sent = calloc(ALERTS_MAX, sizeof(*p->sent)))) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }

    p->path = argv[1];
    set_stage(p);
    while (fgets(line, sizeof(line), f)) {
        p->line++;
        do_line(p, line);
    }
    do_line(p, (char[]){"alerts nothing"});
    (void)printf("%s: %zu alerts, each as the story has it\n", p->path, p->n_sent);
    (void)fclose(f);
    free(p->sent);
    free(p);
    return EXIT_SUCCESS;
}
