/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sink/service.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "lib/util/strbuf.h"

#define STATUS_INTERVAL_USEC (10 * CTW_USEC_PER_SEC)

static void set_fill(const struct ctw_sample *s, enum ctw_level level) {
    if (s->max == 0)
        (void)sd_notifyf(0, "STATUS=%s: %" PRIu32 " entries, no limit", ctw_level_name(level),
                         s->count);
    else
        (void)sd_notifyf(0, "STATUS=%s: %" PRIu32 " of %" PRIu32 " entries (%s %%)",
                         ctw_level_name(level), s->count, s->max,
                         ctw_percent(ctw_usage_permyriad(s->count, s->max)).text);
}

void ctw_service_status(struct ctw_service *n, const struct ctw_tick *t,
                        const struct ctw_verdict *v) {
    const struct ctw_source_health *table = &t->sources[CTW_SOURCE_TABLE];
    const uint32_t permille = ctw_usage_permyriad(v->sample.count, v->sample.max) / 10;
    const bool same = table->health == n->table && permille == n->permille;

    if (v->level == n->level && n->usec != 0 &&
        (same || t->now_usec - n->usec < STATUS_INTERVAL_USEC))
        return;
    *n = (struct ctw_service){v->level, table->health, permille, t->now_usec};

    switch (table->health) {
    case CTW_HEALTH_OK: set_fill(&v->sample, v->level); break;
    case CTW_HEALTH_ABSENT:
        (void)sd_notify(0, "STATUS=waiting: the nf_conntrack module is not loaded");
        break;
    case CTW_HEALTH_UNUSED:
    case CTW_HEALTH_FAILED: (void)sd_notifyf(0, "STATUS=blind: cannot read %s", table->what); break;
    }
}
