/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cli/fetch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/source/machine.h"
#include "daemon/source/netns.h"
#include "daemon/source/table.h"
#include "daemon/state/reader.h"
#include "daemon/sys/clock.h"

static int read_table(const char *root, const struct ctw_settings *settings, uint64_t now_usec,
                      struct ctw_snapshot *p) {
    struct ctw_table *t = NULL;
    struct ctw_level_state level = {0}; /* without a past: no level is held */
    struct ctw_source_health *table = &p->sources[CTW_SOURCE_TABLE];

    int r = ctw_table_new(root, &t);
    if (r < 0)
        return r;
    ctw_table_read(t, &p->table, table);
    p->has_table = table->health == CTW_HEALTH_OK;
    if (p->has_table) {
        ctw_table_read_counters(t, &p->table, &p->sources[CTW_SOURCE_COUNTERS]);
        p->level = ctw_level_step(
            &level, settings, ctw_usage_permyriad(p->table.count, p->table.max), false, now_usec);
    }
    (void)ctw_table_free(t);
    return 0;
}

int ctw_fetch_machine(const char *root, const struct ctw_settings *settings,
                      const struct ctw_sample *sample, struct ctw_host *ret) {
    struct ctw_machine *m = NULL;

    const int r = ctw_machine_new(NULL, root, &m);
    if (r < 0)
        return r;
    (void)ctw_machine_release(m, sample);
    ctw_machine_host(m, ctw_monotonic_usec(), ret);
    ret->max_most = ctw_growth_bounds_of(settings, sample, ret, true).ceiling;
    (void)ctw_machine_free(m);
    return 0;
}

static int poll(const char *root, const struct ctw_settings *settings, struct ctw_view *g) {
    struct ctw_snapshot *p = &g->snapshot;

    memset(p, 0, sizeof(*p));
    p->polled_usec = g->now_usec;
    p->polled_realtime_usec = g->realtime_usec;
    p->warning_permyriad = settings->levels.warning_permyriad;
    p->critical_permyriad = settings->levels.critical_permyriad;
    p->clear_permyriad = settings->levels.clear_permyriad;
    p->events_mode = settings->events.mode;
    int r = read_table(root, settings, g->now_usec, p);
    if (r == 0)
        r = ctw_fetch_machine(root, settings, &p->table, &p->host);
    if (r < 0)
        return r;
    p->memory_bytes = p->host.memory.total_bytes;
    p->lost = ctw_losses_total(&p->table, &p->host.release);
    return 0;
}

/* Replace the table, which the daemon polled long ago; the thresholds stay the daemon's. */
static int poll_again(const char *root, const struct ctw_settings *settings, struct ctw_view *g) {
    struct ctw_snapshot *p = &g->snapshot;
    struct ctw_snapshot own = {.polled_usec = g->now_usec,
                               .polled_realtime_usec = g->realtime_usec};
    struct ctw_settings theirs = *settings;

    theirs.levels.warning_permyriad = p->warning_permyriad;
    theirs.levels.critical_permyriad = p->critical_permyriad;
    const int r = read_table(root, &theirs, g->now_usec, &own);
    if (r < 0)
        return r;
    g->daemon_polled_usec = p->polled_usec;
    ctw_snapshot_renew(p, &own);
    return 0;
}

/* Whether the daemon polls the table that is below @root. */
static bool is_same_table(const char *root, const struct ctw_snapshot *p) {
    const uint64_t inode = root[0] == '\0' ? ctw_netns_own_inode() : 0;

    return p->netns_inode == 0 || inode == 0 || p->netns_inode == inode;
}

/* A root that is no folder must not pass for a machine without conntrack. */
static int check_root(const char *root) {
    struct stat st;

    if (root[0] == '\0')
        return 0;
    return stat(root, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int ctw_fetch_from(const char *root, const char *directory, bool named,
                   const struct ctw_settings *settings, struct ctw_view *ret) {
    const int r = check_root(root);

    if (r < 0)
        return r;
    if (directory)
        ctw_state_view(directory, ret);
    else
        *ret = (struct ctw_view){.now_usec = ctw_monotonic_usec(),
                                 .realtime_usec = ctw_realtime_usec()};
    const bool polls = ret->liveness == CTW_LIVENESS_ALIVE;
    if (!is_same_table(root, &ret->snapshot)) {
        if (polls && named)
            return 0;
        ret->state_error = -EXDEV;
        if (polls)
            ret->liveness = CTW_LIVENESS_NONE; /* not at this table */
        return poll(root, settings, ret);
    }
    if (!polls)
        return poll(root, settings, ret);
    return ctw_snapshot_is_old(&ret->snapshot, ret->now_usec) ? poll_again(root, settings, ret) : 0;
}

const char *ctw_fetch_directory(const char *root, const char *state) {
    return state ? state : root[0] == '\0' ? CTWATCH_RUN_PATH : NULL;
}

int ctw_fetch(const char *root, const char *state, const struct ctw_settings *settings,
              struct ctw_view *ret) {
    return ctw_fetch_from(root, ctw_fetch_directory(root, state), state != NULL, settings, ret);
}

void ctw_fetch_namespaces(const char *root, const char *state, struct ctw_view *v) {
    const char *directory = ctw_fetch_directory(root, state);

    if (directory)
        (void)ctw_state_view_namespaces(directory, v);
}

bool ctw_fetch_published(const char *root, const char *state, struct ctw_view *ret) {
    const char *directory = ctw_fetch_directory(root, state);

    if (!directory)
        return false;
    ctw_state_view(directory, ret);
    return ret->state_error == 0 && is_same_table(root, &ret->snapshot);
}
