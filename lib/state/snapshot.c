/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/state/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/report/message.h"
#include "lib/report/remedy.h"

/* The kernel's MAX_ERRNO (include/linux/err.h). */
#define ERRNO_MAX 4095

/* How often the new sources are published. */
#define NEW_SOURCES_USEC (250 * CTW_USEC_PER_MSEC)

/* --- the file -------------------------------------------------------------------------------- */

_Static_assert(offsetof(struct ctw_snapshot, recent_alerts) % sizeof(uint64_t) == 0 &&
                   sizeof(struct ctw_snapshot) % sizeof(uint64_t) == 0,
               "sums are of whole words");

static uint64_t word_at(const unsigned char *at) {
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* FNV-1a over words, in lanes that a CPU computes side by side. The factor is odd, so that no
 * change is lost. */
uint64_t ctw_state_sum(const void *bytes, size_t size) {
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    const unsigned char *at = bytes, *end = at + size;
    uint64_t a = 1, b = 2, c = 3, d = 4;

    for (; end - at >= 32; at += 32) {
        a = (a ^ word_at(at)) * factor;
        b = (b ^ word_at(at + 8)) * factor;
        c = (c ^ word_at(at + 16)) * factor;
        d = (d ^ word_at(at + 24)) * factor;
    }
    for (; at < end; at += 8)
        a = (a ^ word_at(at)) * factor;
    return ((a * factor ^ b) * factor ^ c) * factor ^ d;
}

static uint64_t rest_sum(const struct ctw_published *p) {
    const size_t from = offsetof(struct ctw_snapshot, recent_alerts);

    return ctw_state_sum((const unsigned char *)&p->now + from, sizeof(p->now) - from);
}

static uint64_t sum(const struct ctw_published *p) {
    const size_t from = offsetof(struct ctw_published, rest_sum);

    return ctw_state_sum((const unsigned char *)p + from,
                         offsetof(struct ctw_published, now.recent_alerts) - from);
}

struct ctw_state_head ctw_state_head(void) {
    return (struct ctw_state_head){.magic = CTW_STATE_MAGIC,
                                   .version = CTW_STATE_VERSION,
                                   .word_bits = 8 * sizeof(void *),
                                   .bytes = sizeof(struct ctw_state)};
}

int ctw_state_head_compare(const struct ctw_state_head *head, const struct ctw_state_head *own) {
    if (head->magic == __builtin_bswap64(own->magic))
        return -ENOEXEC;
    if (head->magic != own->magic)
        return -EBADMSG;
    if (head->version != own->version)
        return -ESTALE;
    if (head->word_bits != own->word_bits)
        return -ENOEXEC;
    return head->bytes == own->bytes ? 0 : -ESTALE;
}

int ctw_state_head_check(const struct ctw_state_head *head) {
    const struct ctw_state_head own = ctw_state_head();

    return ctw_state_head_compare(head, &own);
}

size_t ctw_published_seal(struct ctw_published *p, bool all) {
    if (all)
        p->rest_sum = rest_sum(p);
    p->sum = sum(p);
    return all ? sizeof(*p) : offsetof(struct ctw_published, now.recent_alerts);
}

bool ctw_published_is_whole(const struct ctw_published *p) {
    return p->sum == sum(p) && p->rest_sum == rest_sum(p);
}

/* --- the daemon's side ----------------------------------------------------------------------- */

static void note_latency(struct ctw_snapshot *p, uint64_t usec) {
    static const uint64_t bounds[CTW_LATENCY_BOUNDS] = CTW_LATENCY_BOUNDS_USEC;
    size_t i = 0;

    while (i < CTW_LATENCY_BOUNDS && usec > bounds[i])
        i++;
    p->latency[i]++;
    p->latency_sum_usec += usec;
    if (usec > p->latency_worst_usec)
        p->latency_worst_usec = usec;
}

static void note_table(struct ctw_snapshot *p, const struct ctw_watch *w, const struct ctw_tick *t,
                       const struct ctw_verdict *v) {
    p->has_table = t->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK;
    p->has_rate = p->has_table && ctw_trend_knows(&w->table.trend);
    p->rate = p->has_rate ? ctw_trend_rate(&w->table.trend) : 0;
    p->table = v->sample;
    p->fills = p->has_rate && ctw_trend_fills(&w->table.trend, &p->table, &p->usec_to_full);
    if (p->has_table && p->table.count > p->peak_count) {
        p->peak_count = p->table.count;
        p->peak_usec = t->now_usec;
    }
    if (p->rate > p->fastest_rate) {
        p->fastest_rate = p->rate;
        p->fastest_usec = t->now_usec;
    }
}

static void note_level(struct ctw_snapshot *p, enum ctw_level level, uint64_t now_usec) {
    if (level == p->level)
        return;
    p->level = level;
    p->level_since_usec = now_usec;
}

static void note_losses(struct ctw_snapshot *p, const struct ctw_losses *lost, uint64_t now_usec) {
    ctw_losses_add(&p->lost, lost);
    if (ctw_losses_drops(lost) > 0 || lost->chain_too_long > 0 || lost->log_lines > 0)
        p->refused_usec = now_usec;
    if (lost->early_drops > 0)
        p->evicted_usec = now_usec;
}

static void note_events(struct ctw_snapshot *p, const struct ctw_watch *w,
                        const struct ctw_event_counts *t) {
    p->subscribed = t->subscribed;
    if (!t->subscribed) {
        memset(&p->rates, 0, sizeof(p->rates));
        return;
    }
    p->rates = ctw_rates_now(&w->rates);
    p->events += t->events;
    p->created += t->created;
    p->destroyed += t->destroyed;
    p->overruns += t->overruns;
    p->events_lost += t->lost;
}

static void note_growth(struct ctw_snapshot *p, const struct ctw_settings *s,
                        const struct ctw_watch *w, const struct ctw_tick *t,
                        const struct ctw_verdict *v) {
    p->growth_enabled = s->growth.enabled;
    p->growth_dry_run = s->growth.dry_run;
    p->growth_refused = w->conditions[CTW_ALERT_GROWTH_REFUSED].active;
    p->refusal = p->growth_refused ? w->growth_state.refused_as : CTW_GROWTH_NOT_REFUSED;
    p->ceiling = v->growth.bounds.ceiling;
    p->bound = v->growth.bounds.bound;
    if (t->facts.memory.total_bytes != 0)
        p->memory_bytes = t->facts.memory.total_bytes;
}

/* Talkers and the machine are large, and seldom new. */
static void note_learned(struct ctw_snapshot *p, const struct ctw_watch *w) {
    p->lowered_from = w->lowered_from;
    if (w->talkers_usec != 0 && w->talkers_usec != p->talkers_usec) {
        p->talkers = w->talkers;
        p->talkers_usec = w->talkers_usec;
    }
    if (w->host_usec != p->host_usec)
        p->host = w->host;
    p->host_usec = w->host_usec;
}

/* Renewed four times a second at most, since all that is seldom written is written with them. */
static void note_new_sources(struct ctw_snapshot *p, const struct ctw_tick *t) {
    const bool known = t->new_sources && t->new_sources->known;

    if (!known && p->new_sources_usec != 0) {
        memset(&p->new_sources, 0, sizeof(p->new_sources));
        p->new_sources_usec = 0;
    }
    if (!known || t->now_usec - p->new_sources_usec < NEW_SOURCES_USEC)
        return;
    p->new_sources = *t->new_sources;
    p->new_sources_usec = t->now_usec;
}

void ctw_snapshot_poll(struct ctw_snapshot *p, const struct ctw_settings *s,
                       const struct ctw_watch *w, const struct ctw_tick *t,
                       const struct ctw_verdict *v, const struct ctw_poll_times *times) {
    p->polled_usec = t->now_usec;
    p->polled_realtime_usec = times->realtime_usec;
    p->booted_usec = times->booted_usec;
    p->due_usec = times->next_due_usec;
    p->polls++;
    p->late_polls += t->now_usec > times->due_usec + s->growth.reserve_usec / 2;
    note_latency(p, times->done_usec > times->due_usec ? times->done_usec - times->due_usec : 0);
    memcpy(p->sources, t->sources, sizeof(p->sources));
    p->command_failures = t->command_failures;
    note_table(p, w, t, v);
    note_level(p, v->level, t->now_usec);
    ctw_losses_add(&p->lost, &v->lost_before);
    note_losses(p, &v->lost, t->now_usec);
    note_events(p, w, &t->events);
    note_growth(p, s, w, t, v);
    note_learned(p, w);
    note_new_sources(p, t);
    p->warning_permyriad = s->levels.warning_permyriad;
    p->critical_permyriad = s->levels.critical_permyriad;
    p->clear_permyriad = s->levels.clear_permyriad;
    p->events_mode = s->events.mode;
    p->events_from_permyriad = s->events.from_permyriad;
}

void ctw_snapshot_inherit(struct ctw_snapshot *p, const struct ctw_snapshot *before) {
    p->refused_usec = before->refused_usec;
    p->evicted_usec = before->evicted_usec;
    if (p->netns_inode != before->netns_inode)
        return;
    p->lost = before->lost;
    p->peak_count = before->peak_count;
    p->peak_usec = before->peak_usec;
    p->fastest_rate = before->fastest_rate;
    p->fastest_usec = before->fastest_usec;
}

static void note_message(const struct ctw_alert *a, char ret[static CTW_RECENT_ALERT_BYTES]) {
    struct ctw_line l;

    ctw_message(a, &l);
    (void)snprintf(ret, CTW_RECENT_ALERT_BYTES, "%.*s", CTW_RECENT_ALERT_BYTES - 1, l.text);
}

void ctw_snapshot_alert(struct ctw_snapshot *p, const struct ctw_alert *a, uint64_t now_usec,
                        uint64_t realtime_usec) {
    struct ctw_recent_alert *recent = &p->recent_alerts[p->n_recent_alerts % CTW_RECENT_ALERTS];
    struct ctw_alert anonymous = *a;
    struct ctw_cause_facts facts;
    struct ctw_diagnosis diagnosis;
    struct ctw_remedy remedy;

    p->alerts[a->kind]++;
    p->n_recent_alerts++;
    recent->realtime_usec = realtime_usec;
    recent->kind = a->kind;
    recent->edge = a->edge;
    recent->level = a->level;
    recent->other_netns = a->other_netns;
    recent->has_cause = ctw_cause_facts_of(a, &facts);
    ctw_diagnose(&facts, &diagnosis);
    recent->cause = diagnosis.cause;
    anonymous.talkers = NULL;
    note_message(a, recent->message);
    note_message(&anonymous, recent->anonymous);
    ctw_remedy(a, &remedy);
    (void)snprintf(recent->remedy, sizeof(recent->remedy), "%.*s", CTW_RECENT_REMEDY_BYTES - 1,
                   remedy.sentence.text);
    if (a->kind != CTW_ALERT_GREW)
        return;
    p->growths++;
    p->grown_usec = now_usec;
    if (a->max_changed) {
        p->grown_from = a->old_max;
        p->grown_to = a->new_max;
    }
}

/* --- a reader's side ------------------------------------------------------------------------- */

bool ctw_state_bool_check(const bool *b) {
    return *(const unsigned char *)b <= 1;
}

static bool text_ok(const char *text, size_t size) {
    return memchr(text, '\0', size) != NULL;
}

static bool sources_ok(const struct ctw_snapshot *p) {
    for (size_t i = 0; i < CTW_SOURCES; i++) {
        const struct ctw_source_health *s = &p->sources[i];
        if ((unsigned)s->health > CTW_HEALTH_FAILED || !text_ok(s->what, sizeof(s->what)) ||
            s->error > 0 || s->error < -ERRNO_MAX)
            return false;
    }
    return true;
}

static bool recent_alerts_ok(const struct ctw_snapshot *p) {
    for (size_t i = 0; i < CTW_RECENT_ALERTS; i++) {
        const struct ctw_recent_alert *s = &p->recent_alerts[i];
        if ((unsigned)s->kind >= CTW_ALERT_KINDS || (unsigned)s->edge > CTW_EDGE_PAST ||
            (unsigned)s->level > CTW_LEVEL_FULL || (unsigned)s->cause >= CTW_CAUSES ||
            !ctw_state_bool_check(&s->has_cause) || !ctw_state_bool_check(&s->other_netns) ||
            !text_ok(s->message, sizeof(s->message)) ||
            !text_ok(s->anonymous, sizeof(s->anonymous)) || !text_ok(s->remedy, sizeof(s->remedy)))
            return false;
    }
    return true;
}

/* An address, a port or a state. It is shown as it is, so it is printable. */
static bool name_ok(const char *name, size_t size) {
    if (!text_ok(name, size))
        return false;
    for (; *name != '\0'; name++)
        if (*name < ' ' || *name > '~')
            return false;
    return true;
}

static bool shares_ok(const struct ctw_share *shares, uint32_t n) {
    if (n > CTW_TALKERS_TOP_MAX)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!name_ok(shares[i].name, sizeof(shares[i].name)) ||
            !name_ok(shares[i].owner, sizeof(shares[i].owner)) ||
            shares[i].permyriad > CTW_PERMYRIAD)
            return false;
    return true;
}

static bool talkers_ok(const struct ctw_talkers *w) {
    const uint32_t largest = CTW_PERMYRIAD;

    return ctw_state_bool_check(&w->known) && ctw_state_bool_check(&w->sampled) &&
           ctw_state_bool_check(&w->has_drop_risk) && w->margin_permyriad <= largest &&
           w->assured_permyriad <= largest && w->unreplied_permyriad <= largest &&
           w->drop_risk_permyriad <= largest && w->loopback_permyriad <= largest &&
           w->dns_permyriad <= largest && ctw_state_bool_check(&w->whole) &&
           shares_ok(&w->service.address, 1) && shares_ok(&w->snat_service.address, 1) &&
           shares_ok(w->sources, w->n_sources) && shares_ok(w->destinations, w->n_destinations) &&
           shares_ok(w->ports, w->n_ports) && shares_ok(w->states, w->n_states);
}

static bool new_sources_ok(const struct ctw_new_sources *s) {
    if (!ctw_state_bool_check(&s->known) || s->n > CTW_TALKERS_TOP_MAX)
        return false;
    for (uint32_t i = 0; i < s->n; i++)
        if (!name_ok(s->top[i].name, sizeof(s->top[i].name)))
            return false;
    return true;
}

static bool host_ok(const struct ctw_host *h) {
    return ctw_state_bool_check(&h->known) && ctw_state_bool_check(&h->memory.has_available) &&
           ctw_state_bool_check(&h->memory.estimated) && ctw_state_bool_check(&h->initial_netns) &&
           ctw_state_bool_check(&h->has_nft) && ctw_state_bool_check(&h->has_iptables) &&
           ctw_state_bool_check(&h->has_expectations) && ctw_state_bool_check(&h->has_queue) &&
           ctw_state_bool_check(&h->release.insert_failed_in_drop) &&
           ctw_state_bool_check(&h->release.buckets_writable) &&
           ctw_state_bool_check(&h->release.chain_limit) &&
           ctw_state_bool_check(&h->release.nft_counts) && name_ok(h->netns, sizeof(h->netns)) &&
           name_ok(h->expect_helper, sizeof(h->expect_helper));
}

static bool bools_ok(const struct ctw_snapshot *p) {
    return ctw_state_bool_check(&p->has_table) && ctw_state_bool_check(&p->table.has_buckets) &&
           ctw_state_bool_check(&p->table.has_counters) &&
           ctw_state_bool_check(&p->table.counters.has_chainlength) &&
           ctw_state_bool_check(&p->has_rate) && ctw_state_bool_check(&p->fills) &&
           ctw_state_bool_check(&p->subscribed) && ctw_state_bool_check(&p->rates.known) &&
           ctw_state_bool_check(&p->rates.lower_bound) &&
           ctw_state_bool_check(&p->growth_enabled) && ctw_state_bool_check(&p->growth_dry_run) &&
           ctw_state_bool_check(&p->growth_refused);
}

int ctw_snapshot_check(const struct ctw_snapshot *p) {
    if (!bools_ok(p) || !text_ok(p->version, sizeof(p->version)) ||
        !text_ok(p->netns, sizeof(p->netns)) || !sources_ok(p) || !recent_alerts_ok(p) ||
        !talkers_ok(&p->talkers) || !host_ok(&p->host) || !new_sources_ok(&p->new_sources))
        return -EBADMSG;
    if ((unsigned)p->level > CTW_LEVEL_FULL || (unsigned)p->refusal > CTW_GROWTH_PERSIST_FAILED ||
        (unsigned)p->bound >= CTW_BOUNDS || (unsigned)p->events_mode > CTW_EVENTS_ALWAYS)
        return -EBADMSG;
    return 0;
}

static bool is_past(uint64_t usec, uint64_t now_usec) {
    return now_usec > usec && now_usec - usec > CTW_LATE_USEC;
}

/* A poll in the future, or one due later than poll.interval allows. */
static bool is_of_another_clock(const struct ctw_snapshot *p, uint64_t now_usec) {
    return is_past(now_usec, p->polled_usec) ||
           p->due_usec - p->polled_usec > CTW_INTERVAL_MAX_USEC; /* wraps when it was due before */
}

bool ctw_snapshot_is_of_boot(const struct ctw_snapshot *p, uint64_t booted_usec) {
    const uint64_t apart =
        p->booted_usec > booted_usec ? p->booted_usec - booted_usec : booted_usec - p->booted_usec;

    return apart < CTW_BOOT_TOLERANCE_USEC;
}

enum ctw_liveness ctw_snapshot_liveness(const struct ctw_snapshot *p, uint64_t now_usec) {
    if (p->pid == 0)
        return CTW_LIVENESS_NONE;
    if (p->stopped_usec != 0)
        return CTW_LIVENESS_STOPPED;
    return is_of_another_clock(p, now_usec) || is_past(p->due_usec, now_usec) ? CTW_LIVENESS_LATE
                                                                              : CTW_LIVENESS_ALIVE;
}

bool ctw_snapshot_is_old(const struct ctw_snapshot *p, uint64_t now_usec) {
    return ctw_snapshot_liveness(p, now_usec) == CTW_LIVENESS_ALIVE &&
           is_past(p->polled_usec, now_usec);
}

void ctw_snapshot_renew(struct ctw_snapshot *p, const struct ctw_snapshot *own) {
    p->polled_usec = own->polled_usec;
    p->polled_realtime_usec = own->polled_realtime_usec;
    p->sources[CTW_SOURCE_TABLE] = own->sources[CTW_SOURCE_TABLE];
    p->has_table = own->has_table;
    if (own->has_table) {
        p->sources[CTW_SOURCE_COUNTERS] = own->sources[CTW_SOURCE_COUNTERS];
        const uint32_t others = p->table.other_entries;
        p->table = own->table;
        p->table.other_entries = others;
        note_level(p, own->level > p->level ? own->level : p->level, own->polled_usec);
    }
    p->has_rate = p->fills = false;
    p->rate = 0;
    memset(&p->rates, 0, sizeof(p->rates));
}

const struct ctw_recent_alert *ctw_snapshot_recent(const struct ctw_snapshot *p, uint64_t back) {
    return &p->recent_alerts[(p->n_recent_alerts - 1 - back) % CTW_RECENT_ALERTS];
}

/* Of losses below the limit that an alert began, and none has ended. ANY: there are none. */
static enum ctw_trouble ongoing(const struct ctw_snapshot *p) {
    static const enum ctw_alert_kind kinds[] = {CTW_ALERT_CHAIN_TOO_LONG, CTW_ALERT_EXPECT_FULL,
                                                CTW_ALERT_DROPPED_BELOW_MAX,
                                                CTW_ALERT_INSERT_FAILED};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (uint64_t back = 0; back < CTW_RECENT_ALERTS && back < p->n_recent_alerts; back++) {
            const struct ctw_recent_alert *a = ctw_snapshot_recent(p, back);
            if (a->kind != kinds[i] || a->other_netns)
                continue;
            if (a->edge == CTW_EDGE_BEGIN || a->edge == CTW_EDGE_REMINDER)
                return ctw_trouble_of(kinds[i]);
            break;
        }
    return CTW_TROUBLE_ANY;
}

bool ctw_snapshot_facts(const struct ctw_snapshot *p, struct ctw_cause_facts *ret) {
    const bool ok = p->level == CTW_LEVEL_OK;

    *ret = (struct ctw_cause_facts){
        .trouble = ok ? ongoing(p) : CTW_TROUBLE_FILL,
        .table = p->has_table ? &p->table : NULL,
        .losses = &p->lost,
        .talkers = p->talkers.known ? &p->talkers : NULL,
        .host = p->host.known ? &p->host : NULL,
    };
    if (ctw_usage_permyriad(p->table.count, p->lowered_from) < p->warning_permyriad)
        ret->lowered_from = p->lowered_from;
    return p->has_table && (ret->trouble != CTW_TROUBLE_ANY || ctw_losses_any(&p->lost));
}

void ctw_snapshot_redact(struct ctw_snapshot *p) {
    struct ctw_talkers *t = &p->talkers;

    /* The shares stay, or another cause would be found. */
    t->n_sources = t->n_destinations = t->n_ports = t->n_states = 0;
    for (size_t i = 0; i < CTW_TALKERS_TOP_MAX; i++) {
        memset(t->sources[i].name, 0, sizeof(t->sources[i].name));
        memset(t->sources[i].owner, 0, sizeof(t->sources[i].owner));
        memset(t->destinations[i].name, 0, sizeof(t->destinations[i].name));
        memset(t->destinations[i].owner, 0, sizeof(t->destinations[i].owner));
    }
    memset(t->ports, 0, sizeof(t->ports));
    memset(t->states, 0, sizeof(t->states));
    memset(t->service.address.name, 0, sizeof(t->service.address.name));
    memset(t->snat_service.address.name, 0, sizeof(t->snat_service.address.name));
    p->new_sources.n = 0;
    memset(p->new_sources.top, 0, sizeof(p->new_sources.top));
    for (size_t i = 0; i < CTW_RECENT_ALERTS; i++) {
        struct ctw_recent_alert *recent = &p->recent_alerts[i];
        memcpy(recent->message, recent->anonymous, sizeof(recent->message));
        memset(recent->remedy, 0, sizeof(recent->remedy));
    }
}

uint64_t ctw_snapshot_wall_usec(const struct ctw_snapshot *p, uint64_t usec) {
    const uint64_t origin = p->polled_realtime_usec - p->polled_usec; /* may wrap, and back */

    return origin + usec;
}

const char *ctw_state_fault(int error) {
    switch (error) {
    case -ENOENT: return "no ctwatchd publishes there";
    case -EACCES:
    case -EPERM: return "for root and the group ctwatch";
    case -ESTALE: return "of another version of ctwatchd";
    case -ENOEXEC: return "of a ctwatchd for another kind of processor";
    case -EBADMSG: return "damaged";
    case -EAGAIN: return "ctwatchd stopped in the middle of writing it";
    case -EXDEV: return "of another network namespace";
    default: /* the kernel's values, not ours */ return strerror(-error);
    }
}

uint64_t ctw_view_ago(const struct ctw_view *v, uint64_t usec) {
    return usec < v->now_usec ? v->now_usec - usec : 0;
}
