/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/check.h"

#include <errno.h>
#include <inttypes.h>

#include "lib/report/message.h"
#include "lib/state/namespaces.h"
#include "lib/view/namespaces.h"
#include "lib/watch/level.h"

/* A longer time to full is an extrapolation of noise. */
#define FULL_WITHIN_USEC (3600 * CTW_USEC_PER_SEC)

/* Of another namespace's name: the numbers after it fit a line for node-problem-detector. */
#define NAME_BYTES 40u

/* What happened lately that makes the state critical, whatever the fill; the worst first. */
enum recent {
    RECENT_DROPS,     /* new connections */
    RECENT_EVICTIONS, /* entries, to make room for them */
    RECENT_FULL,      /* the daemon holds that level, though the count may have fallen */
    RECENT_NOTHING,
};

static bool alive(const struct ctw_view *v) {
    return v->liveness == CTW_LIVENESS_ALIVE;
}

static bool lately(const struct ctw_view *v, uint64_t usec) {
    return usec != 0 && ctw_view_ago(v, usec) < CTW_CHECK_LOSS_USEC;
}

/* One table, and what is found of it. */
struct subject {
    struct ctw_namespace_record of; /* our own, as it would be for another namespace's daemon */
    bool own;
    uint32_t max, usage_permyriad; /* 0 without a limit */
    enum recent recent;
    enum ctw_check_state state;
};

static enum recent find_recent(const struct ctw_view *v, const struct ctw_namespace_record *r) {
    if (!alive(v))
        return RECENT_NOTHING;
    if (lately(v, r->refused_usec))
        return RECENT_DROPS;
    if (lately(v, r->evicted_usec))
        return RECENT_EVICTIONS;
    return r->level == CTW_LEVEL_FULL ? RECENT_FULL : RECENT_NOTHING;
}

static enum ctw_check_state judge(const struct ctw_view *v, const struct ctw_check_limits *limits,
                                  const struct subject *s) {
    if (s->recent != RECENT_NOTHING)
        return CTW_CHECK_CRITICAL;
    if (!s->of.has_table) /* another one, that only the kernel log knows, has recovered */
        return s->own ? CTW_CHECK_UNKNOWN : CTW_CHECK_OK;
    if (s->usage_permyriad >= limits->critical_permyriad)
        return CTW_CHECK_CRITICAL;
    if (s->usage_permyriad >= limits->warning_permyriad || (limits->wants_daemon && !alive(v)))
        return CTW_CHECK_WARNING;
    return CTW_CHECK_OK;
}

static struct subject judged(const struct ctw_view *v, const struct ctw_check_limits *limits,
                             const struct ctw_namespace_record *r, uint32_t max, bool own) {
    struct subject s = {.of = *r, .own = own, .max = max};

    s.usage_permyriad = ctw_usage_permyriad(r->count, max);
    s.recent = find_recent(v, r);
    s.state = judge(v, limits, &s);
    return s;
}

static bool is_worse(const struct subject *a, const struct subject *b) {
    static const int ranks[] = {[CTW_CHECK_OK] = 0,
                                [CTW_CHECK_WARNING] = 1,
                                [CTW_CHECK_UNKNOWN] = 2,
                                [CTW_CHECK_CRITICAL] = 3};

    if (a->state != b->state)
        return ranks[a->state] > ranks[b->state];
    if (a->recent != b->recent)
        return a->recent < b->recent;
    return a->state != CTW_CHECK_OK && a->usage_permyriad > b->usage_permyriad;
}

static struct subject worst_table(const struct ctw_view *v, const struct ctw_check_limits *limits) {
    const struct ctw_namespaces *n = alive(v) ? v->namespaces : NULL;
    const struct ctw_snapshot *p = &v->snapshot;
    const struct ctw_namespace_record own = {.has_table = p->has_table,
                                             .fills = p->fills,
                                             .count = p->table.count,
                                             .level = p->level,
                                             .refused_usec = p->refused_usec,
                                             .evicted_usec = p->evicted_usec,
                                             .usec_to_full = p->usec_to_full};
    struct subject worst = judged(v, limits, &own, p->table.max, true);

    for (uint32_t i = 0; n && i < n->of.n; i++) {
        const struct subject s = judged(v, limits, &n->records[i], n->of.max, false);
        if ((limits->users || !s.of.name.below_user) && is_worse(&s, &worst))
            worst = s;
    }
    return worst;
}

int ctw_check_exit_status(enum ctw_check_form form, enum ctw_check_state state) {
    /* node-problem-detector knows no warning. */
    return (int)state - (form == CTW_CHECK_NPD && state != CTW_CHECK_OK);
}

static const char *const words[] = {[CTW_CHECK_OK] = "OK",
                                    [CTW_CHECK_WARNING] = "WARNING",
                                    [CTW_CHECK_CRITICAL] = "CRITICAL",
                                    [CTW_CHECK_UNKNOWN] = "UNKNOWN"};

/* Why there are no numbers. */
static void add_fault(struct ctw_line *l, const struct ctw_source_health *s) {
    struct ctw_line fault;

    ctw_message_fault(s, &fault);
    if (s->health == CTW_HEALTH_FAILED)
        ctw_line_add(l, "cannot read %s", fault.text);
    else
        ctw_line_add(l, "no conntrack table: nf_conntrack is not loaded");
}

static void add_fill(struct ctw_line *l, const struct subject *s, const char *percent) {
    if (s->max == 0)
        ctw_line_add(l, "no limit (%" PRIu32 " entries)", s->of.count);
    else
        ctw_line_add(l, "%s %s (%" PRIu32 " of %" PRIu32 ")", ctw_percent(s->usage_permyriad).text,
                     percent, s->of.count, s->max);
}

/* Of a daemon that polls rarely, at a table that this machine cannot read. */
static void add_age(struct ctw_line *l, const struct ctw_view *v) {
    const uint64_t usec = ctw_view_ago(v, v->snapshot.polled_usec);

    if (alive(v) && usec > CTW_LATE_USEC)
        ctw_line_add(l, ", seen %" PRIu64 " s ago", usec / CTW_USEC_PER_SEC);
}

static void add_recent(struct ctw_line *l, const struct ctw_view *v, const struct subject *s) {
    const uint64_t ago_sec = ctw_view_ago(v, s->of.refused_usec) / CTW_USEC_PER_SEC;

    switch (s->recent) {
    case RECENT_DROPS:
        ctw_line_add(l, ", new connections dropped");
        if (ago_sec > 0)
            ctw_line_add(l, " %" PRIu64 " s ago", ago_sec);
        break;
    case RECENT_EVICTIONS: ctw_line_add(l, ", entries evicted to make room"); break;
    case RECENT_FULL:
        if (s->of.has_table && s->usage_permyriad < CTW_PERMYRIAD)
            ctw_line_add(l, ", was full just now");
        break;
    case RECENT_NOTHING: break;
    }
}

static void add_outlook(struct ctw_line *l, const struct ctw_view *v, const struct subject *s) {
    if (alive(v) && s->of.has_table && s->recent == RECENT_NOTHING && s->of.fills &&
        s->of.usec_to_full < FULL_WITHIN_USEC)
        ctw_line_add(l, ", full in %s", ctw_duration(s->of.usec_to_full).text);
}

static void add_daemon(struct ctw_line *l, const struct ctw_view *v,
                       const struct ctw_check_limits *limits) {
    if (!limits->wants_daemon || alive(v))
        return;
    ctw_line_add(l, ", ctwatchd ");
    if (v->liveness == CTW_LIVENESS_LATE)
        ctw_line_add(l, "has stopped polling");
    else if (v->liveness == CTW_LIVENESS_STOPPED || v->state_error == 0 ||
             v->state_error == -ENOENT)
        ctw_line_add(l, "is not running");
    else if (v->state_error == -EXDEV)
        ctw_line_add(l, "watches another network namespace");
    else
        ctw_line_add(l, "not seen (state: %s)", ctw_state_fault(v->state_error));
}

/* Cut off between two characters. */
static void cut(struct ctw_line *l, size_t length) {
    if (l->length <= length)
        return;
    while (length > 0 && ((unsigned char)l->text[length] & 0xc0) == 0x80)
        length--;
    l->text[length] = '\0';
    l->length = length;
}

/* "podman 3f2a9c1b7d20: 100.0 % (262144 of 262144); own table 12.1 %" */
static void add_other(struct ctw_line *l, const struct ctw_view *v, const struct subject *s,
                      const char *percent) {
    const struct ctw_sample *own = &v->snapshot.table;
    struct ctw_line name = {0};

    ctw_namespaces_add_name(&name, &s->of);
    cut(&name, NAME_BYTES);
    ctw_line_add(l, "%s: ", name.text);
    if (s->of.has_table)
        add_fill(l, s, percent);
    else
        ctw_line_add(l, "full");
    add_recent(l, v, s);
    add_outlook(l, v, s);
    if (v->snapshot.has_table && own->max > 0)
        ctw_line_add(l, "; own table %s %%",
                     ctw_percent(ctw_usage_permyriad(own->count, own->max)).text);
}

static void add_words(struct ctw_line *l, const struct ctw_view *v,
                      const struct ctw_check_limits *limits, const struct subject *s,
                      const char *percent) {
    if (!s->own) {
        add_other(l, v, s, percent);
        return;
    }
    if (s->of.has_table)
        add_fill(l, s, percent);
    else
        add_fault(l, &v->snapshot.sources[CTW_SOURCE_TABLE]);
    add_recent(l, v, s);
    add_outlook(l, v, s);
    add_age(l, v);
    add_daemon(l, v, limits);
}

/* A bar begins the performance data, so the name of a file must not have one. */
static void blot_bars(struct ctw_line *l) {
    for (size_t i = 0; i < l->length; i++)
        if (l->text[i] == '|')
            l->text[i] = '?';
}

/* 8250: "82.5" */
static void add_permyriad(struct ctw_line *l, uint32_t permyriad) {
    ctw_line_add(l, "%" PRIu32, permyriad / 100);
    if (permyriad % 10 != 0)
        ctw_line_add(l, ".%02" PRIu32, permyriad % 100);
    else if (permyriad % 100 != 0)
        ctw_line_add(l, ".%" PRIu32, permyriad / 10 % 10);
}

static uint32_t entries_at(uint32_t max, uint32_t permyriad) {
    return (uint32_t)((uint64_t)max * permyriad / CTW_PERMYRIAD);
}

/* Performance data: LABEL=VALUE[UNIT];WARNING;CRITICAL;MIN;MAX */
static void add_table(struct ctw_line *l, const struct ctw_view *v,
                      const struct ctw_check_limits *limits) {
    const struct ctw_sample *t = &v->snapshot.table;
    const uint32_t usage = ctw_usage_permyriad(t->count, t->max);

    if (t->max == 0) {
        ctw_line_add(l, " entries=%" PRIu32 ";;;0", t->count);
        return;
    }
    ctw_line_add(l, " usage=%" PRIu32 ".%02" PRIu32 "%%;", usage / 100, usage % 100);
    add_permyriad(l, limits->warning_permyriad);
    ctw_line_add(l, ";");
    add_permyriad(l, limits->critical_permyriad);
    ctw_line_add(l, ";0;100 entries=%" PRIu32 ";%" PRIu32 ";%" PRIu32 ";0;%" PRIu32, t->count,
                 entries_at(t->max, limits->warning_permyriad),
                 entries_at(t->max, limits->critical_permyriad), t->max);
}

static void add_performance(struct ctw_line *l, const struct ctw_view *v,
                            const struct ctw_check_limits *limits) {
    const struct ctw_losses *lost = &v->snapshot.lost;

    if (!v->snapshot.has_table && !alive(v))
        return;
    ctw_line_add(l, " |");
    if (v->snapshot.has_table)
        add_table(l, v, limits);
    if (alive(v) || v->snapshot.table.has_counters)
        ctw_line_add(l, " drops=%" PRIu64 "c early_drops=%" PRIu64 "c",
                     ctw_losses_drops(lost) + lost->chain_too_long, lost->early_drops);
}

enum ctw_check_state ctw_check(const struct ctw_view *v, const struct ctw_check_limits *limits,
                               enum ctw_check_form form, struct ctw_line *ret) {
    const struct subject s = worst_table(v, limits);

    ctw_line_start(ret);
    switch (form) {
    case CTW_CHECK_PLUGIN:
        ctw_line_add(ret, "CONNTRACK %s - ", words[s.state]);
        add_words(ret, v, limits, &s, "%");
        blot_bars(ret);
        add_performance(ret, v, limits);
        break;
    case CTW_CHECK_NPD:
        if (s.of.has_table || !s.own)
            ctw_line_add(ret, "conntrack: ");
        add_words(ret, v, limits, &s, "% full");
        cut(ret, CTW_CHECK_NPD_BYTES);
        break;
    }
    return s.state;
}

void ctw_check_unknown(enum ctw_check_form form, const char *reason, struct ctw_line *ret) {
    ctw_line_start(ret);
    if (form == CTW_CHECK_PLUGIN)
        ctw_line_add(ret, "CONNTRACK %s - ", words[CTW_CHECK_UNKNOWN]);
    ctw_line_add(ret, "%s", reason);
    blot_bars(ret);
    if (form == CTW_CHECK_NPD)
        cut(ret, CTW_CHECK_NPD_BYTES);
}
