/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/alert_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct ctw_alert own(enum ctw_alert_kind kind, enum ctw_edge edge, enum ctw_level level) {
    return (struct ctw_alert){
        .kind = kind,
        .edge = edge,
        .level = level,
        .has_table = true,
        .table = {.count = 199754, .max = 262144, .buckets = 262144, .has_buckets = true},
        .netns_inode = 4026531840,
    };
}

struct ctw_alert full(enum ctw_alert_kind kind, enum ctw_edge edge) {
    struct ctw_alert a = own(kind, edge, CTW_LEVEL_FULL);

    a.table.count = a.table.max;
    a.has_losses = true;
    return a;
}

struct ctw_alert other_netns(enum ctw_edge edge, uint64_t inode, const char *name) {
    struct ctw_alert a = {
        .kind = CTW_ALERT_TABLE_FULL,
        .edge = edge,
        .level = CTW_LEVEL_FULL,
        .other_netns = true,
        .netns_kind = CTW_NETNS_IP_NETNS,
        .netns_inode = inode,
        .has_losses = true,
        .losses = {.log_lines = 12},
    };

    snprintf(a.netns, sizeof a.netns, "%s", name);
    return a;
}

struct ctw_alert blind(enum ctw_source source, enum ctw_health health, int error,
                       const char *what) {
    return (struct ctw_alert){
        .kind = CTW_ALERT_BLIND,
        .edge = CTW_EDGE_BEGIN,
        .source = source,
        .health = ctw_source_health_of(health, error, what),
    };
}

void assert_field(const struct ctw_alert *a, const char *name, const char *expected) {
    struct ctw_fields f;

    ctw_fields_of(a, &f);
    const char *value = ctw_fields_get(&f, name);
    if (!expected) {
        assert_null(value);
        return;
    }
    assert_non_null(value);
    assert_string_equal(value, expected);
}
