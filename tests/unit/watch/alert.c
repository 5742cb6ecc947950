/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The queue of alerts that wait for a sample. Names and priorities are in report/fields. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/watch/alert.h"

static const struct ctw_talkers culprits = {.known = true, .entries = 5000};

/* Priority 4, or 2 when critical. */
static struct ctw_alert usage(enum ctw_level level, bool waits) {
    return (struct ctw_alert){
        .kind = CTW_ALERT_USAGE,
        .edge = CTW_EDGE_BEGIN,
        .level = level,
        .wants_talkers = waits,
        .talkers = waits ? &culprits : NULL,
    };
}

static struct ctw_alert of_kind(enum ctw_alert_kind kind) {
    return (struct ctw_alert){.kind = kind, .edge = CTW_EDGE_BEGIN, .level = CTW_LEVEL_FULL};
}

static void assert_next(struct ctw_waiting *q, enum ctw_alert_kind kind, enum ctw_level level,
                        bool with_culprits) {
    const struct ctw_alert *a = ctw_waiting_next(q);

    assert_non_null(a);
    assert_int_equal(a->kind, kind);
    assert_int_equal(a->level, level);
    assert_int_equal(a->talkers != NULL, with_culprits);
}

static void add(struct ctw_waiting *q, struct ctw_alert a) {
    ctw_waiting_add(q, &a);
}

static void waiting_alert_without_sample_is_sent_at_once(void **state) {
    struct ctw_waiting q = {0};
    (void)state;

    for (size_t i = 0; i < 3 * CTW_WAITING_MAX; i++) {
        add(&q, usage(CTW_LEVEL_WARNING, false));
        assert_next(&q, CTW_ALERT_USAGE, CTW_LEVEL_WARNING, false);
        assert_null(ctw_waiting_next(&q));
    }
    assert_false(ctw_waiting_learned(&q, true));
}

static void waiting_alert_gets_its_culprits_when_the_sample_ends(void **state) {
    struct ctw_waiting q = {0};
    (void)state;

    add(&q, usage(CTW_LEVEL_WARNING, true));
    add(&q, usage(CTW_LEVEL_CRITICAL, true)); /* asked for by the same poll */
    assert_null(ctw_waiting_next(&q));
    assert_false(ctw_waiting_learned(&q, true));
    assert_next(&q, CTW_ALERT_USAGE, CTW_LEVEL_WARNING, true);
    assert_next(&q, CTW_ALERT_USAGE, CTW_LEVEL_CRITICAL, true);
    assert_null(ctw_waiting_next(&q));
}

static void waiting_less_urgent_alert_stays_behind(void **state) {
    struct ctw_waiting q = {0};
    (void)state;

    add(&q, usage(CTW_LEVEL_WARNING, true));
    add(&q, of_kind(CTW_ALERT_LIMIT_CHANGED)); /* priority 4 */
    assert_null(ctw_waiting_next(&q));
    assert_false(ctw_waiting_learned(&q, false));
    assert_next(&q, CTW_ALERT_USAGE, CTW_LEVEL_WARNING, true);
    assert_next(&q, CTW_ALERT_LIMIT_CHANGED, CTW_LEVEL_FULL, false);
    assert_null(ctw_waiting_next(&q));
}

static void waiting_urgent_alert_sends_all_before_it(void **state) {
    static const enum ctw_alert_kind urgent[] = {CTW_ALERT_TABLE_FULL, CTW_ALERT_CHAIN_TOO_LONG};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct ctw_waiting q = {0};
        add(&q, usage(CTW_LEVEL_WARNING, true));
        add(&q, of_kind(CTW_ALERT_FORECAST));
        add(&q, of_kind(urgent[i]));
        assert_next(&q, CTW_ALERT_USAGE, CTW_LEVEL_WARNING, false);
        assert_next(&q, CTW_ALERT_FORECAST, CTW_LEVEL_FULL, false);
        assert_next(&q, urgent[i], CTW_LEVEL_FULL, false);
        assert_null(ctw_waiting_next(&q));
        /* the culprits come as a reminder, once */
        assert_true(ctw_waiting_learned(&q, true));
        assert_false(ctw_waiting_learned(&q, true));
        assert_null(ctw_waiting_next(&q));
    }
}

static void waiting_critical_sends_the_warning_before_it(void **state) {
    struct ctw_waiting q = {0};
    (void)state;

    add(&q, usage(CTW_LEVEL_WARNING, true));
    add(&q, usage(CTW_LEVEL_CRITICAL, false)); /* of a later poll, which asked for no sample */
    assert_next(&q, CTW_ALERT_USAGE, CTW_LEVEL_WARNING, false);
    assert_next(&q, CTW_ALERT_USAGE, CTW_LEVEL_CRITICAL, false);
    assert_null(ctw_waiting_next(&q));
    assert_true(ctw_waiting_learned(&q, true));
}

static void waiting_failed_sample_leaves_no_reminder(void **state) {
    struct ctw_waiting q = {0};
    (void)state;

    add(&q, usage(CTW_LEVEL_WARNING, true));
    add(&q, of_kind(CTW_ALERT_TABLE_FULL));
    while (ctw_waiting_next(&q))
        ;
    assert_false(ctw_waiting_learned(&q, false));
    assert_false(ctw_waiting_learned(&q, true));
}

static void waiting_flush_sends_all_without_culprits(void **state) {
    struct ctw_waiting q = {0};
    (void)state;

    add(&q, usage(CTW_LEVEL_WARNING, true));
    add(&q, of_kind(CTW_ALERT_LIMIT_CHANGED));
    ctw_waiting_flush(&q);
    assert_next(&q, CTW_ALERT_USAGE, CTW_LEVEL_WARNING, false);
    assert_next(&q, CTW_ALERT_LIMIT_CHANGED, CTW_LEVEL_FULL, false);
    assert_null(ctw_waiting_next(&q));
}

static void waiting_full_queue_sends_all(void **state) {
    struct ctw_waiting q = {0};
    (void)state;

    for (size_t round = 0; round < 2; round++) {
        add(&q, usage(CTW_LEVEL_WARNING, true));
        for (size_t i = 2; i < CTW_WAITING_MAX; i++) {
            add(&q, of_kind(CTW_ALERT_FORECAST));
            assert_null(ctw_waiting_next(&q));
        }
        add(&q, of_kind(CTW_ALERT_FORECAST));
        assert_next(&q, CTW_ALERT_USAGE, CTW_LEVEL_WARNING, false);
        for (size_t i = 1; i < CTW_WAITING_MAX; i++)
            assert_next(&q, CTW_ALERT_FORECAST, CTW_LEVEL_FULL, false);
        assert_null(ctw_waiting_next(&q));
    }
}

static void runs_command_excludes_alerts_about_the_command(void **state) {
    (void)state;
    for (int kind = 0; kind < CTW_ALERT_KINDS; kind++) {
        for (int source = 0; source < CTW_SOURCES; source++) {
            const struct ctw_alert a = {.kind = (enum ctw_alert_kind)kind,
                                        .source = (enum ctw_source)source};
            const bool about_it = source == CTW_SOURCE_COMMAND &&
                                  (kind == CTW_ALERT_BLIND || kind == CTW_ALERT_SIGHTED);
            assert_int_equal(ctw_alert_runs_command(&a), !about_it);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_alert_without_sample_is_sent_at_once),
        cmocka_unit_test(waiting_alert_gets_its_culprits_when_the_sample_ends),
        cmocka_unit_test(waiting_less_urgent_alert_stays_behind),
        cmocka_unit_test(waiting_urgent_alert_sends_all_before_it),
        cmocka_unit_test(waiting_critical_sends_the_warning_before_it),
        cmocka_unit_test(waiting_failed_sample_leaves_no_reminder),
        cmocka_unit_test(waiting_flush_sends_all_without_culprits),
        cmocka_unit_test(waiting_full_queue_sends_all),
        cmocka_unit_test(runs_command_excludes_alerts_about_the_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
