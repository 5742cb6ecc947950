/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/state/namespaces.h"

/* A file of two namespaces, as the daemon makes it. */
static struct ctw_namespaces *two_namespaces(void) {
    /* Room for n with one bit changed, as a reader makes it after the check of the head. */
    struct ctw_namespaces *p = calloc(1, ctw_namespaces_bytes(2 | 0x40));

    assert_non_null(p);
    p->of.sight = CTW_NAMESPACES_SEEN;
    p->of.n = p->of.known = 2;
    p->of.entries = 30;
    p->records[0].name.kind = CTW_NETNS_IP_NETNS;
    (void)snprintf(p->records[0].name.text, sizeof(p->records[0].name.text), "%s", "blue");
    p->records[0].count = 10;
    p->records[1].count = 20;
    p->records[1].level = CTW_LEVEL_FULL;
    assert_int_equal(ctw_namespaces_seal(p), ctw_namespaces_bytes(2));
    return p;
}

static void namespaces_sealed_are_whole_and_checked(void **state) {
    struct ctw_namespaces *p = two_namespaces();
    (void)state;

    assert_int_equal(ctw_namespaces_head_check(p), 0);
    assert_true(ctw_namespaces_is_whole(p));
    assert_int_equal(ctw_namespaces_check(p), 0);
    free(p);
}

static void namespaces_any_changed_byte_is_found(void **state) {
    struct ctw_namespaces *p = two_namespaces();
    (void)state;

    for (size_t i = offsetof(struct ctw_namespaces, sum); i < ctw_namespaces_bytes(2); i++) {
        ((unsigned char *)p)[i] ^= 0x40;
        assert_true(ctw_namespaces_head_check(p) < 0 || !ctw_namespaces_is_whole(p));
        ((unsigned char *)p)[i] ^= 0x40;
    }
    free(p);
}

static void namespaces_of_another_program_are_refused(void **state) {
    struct ctw_namespaces *p = two_namespaces();
    (void)state;

    p->head.version++;
    assert_int_equal(ctw_namespaces_head_check(p), -ESTALE);
    p->head.version--;
    p->head.magic = __builtin_bswap64(p->head.magic);
    assert_int_equal(ctw_namespaces_head_check(p), -ENOEXEC);
    p->head = ctw_state_head();
    assert_int_equal(ctw_namespaces_head_check(p), -EBADMSG);
    (void)ctw_namespaces_seal(p);
    p->of.n = CTW_NAMESPACES_MAX + 1;
    assert_int_equal(ctw_namespaces_head_check(p), -EBADMSG);
    free(p);
}

static void namespaces_impossible_values_are_refused(void **state) {
    struct ctw_namespaces *p = two_namespaces();
    struct ctw_namespace_record *r = &p->records[1];
    const struct ctw_namespace_record good = *r;
    (void)state;

#define REFUSED(change)                                                                            \
    do {                                                                                           \
        change;                                                                                    \
        assert_int_equal(ctw_namespaces_check(p), -EBADMSG);                                       \
        *r = good;                                                                                 \
    } while (0)

    REFUSED(r->name.kind = CTW_NETNS_KINDS);
    REFUSED(memset(&r->name.below_user, 2, 1));
    REFUSED(memset(r->name.text, 'a', sizeof(r->name.text)));
    REFUSED((void)snprintf(r->name.text, sizeof(r->name.text), "%s", "\x1b[2J"));
    REFUSED((void)snprintf(r->name.text, sizeof(r->name.text), "%s", "\xff"));
    REFUSED(memset(&r->has_table, 2, 1));
    REFUSED(memset(&r->has_rate, 2, 1));
    REFUSED(memset(&r->fills, 2, 1));
    REFUSED(r->level = CTW_LEVEL_FULL + 1);
    assert_int_equal(ctw_namespaces_check(p), 0);
    p->of.metrics = CTW_NAMESPACES_METRICS_MAX + 1;
    assert_int_equal(ctw_namespaces_check(p), -EBADMSG);
    p->of.metrics = 0;
    p->of.sight = CTW_NAMESPACES_SIGHTS;
    assert_int_equal(ctw_namespaces_check(p), -EBADMSG);
    free(p);
}

static void namespaces_sorted_have_the_fullest_first(void **state) {
    struct ctw_namespaces *p = two_namespaces();
    (void)state;

    p->records[0].has_table = p->records[1].has_table = true;
    qsort(p->records, 2, sizeof(p->records[0]), ctw_namespace_compare);
    assert_int_equal(p->records[0].count, 20);
    p->records[1] = (struct ctw_namespace_record){.level = CTW_LEVEL_FULL};
    qsort(p->records, 2, sizeof(p->records[0]), ctw_namespace_compare);
    assert_int_equal(p->records[0].count, 0); /* full by the kernel log */
    p->records[0] = p->records[1];
    p->records[1].netns_inode = 1;
    p->records[0].netns_inode = 2;
    qsort(p->records, 2, sizeof(p->records[0]), ctw_namespace_compare);
    assert_int_equal(p->records[0].netns_inode, 1);
    free(p);
}

static void namespaces_redacted_keep_the_user_alone(void **state) {
    struct ctw_namespaces *p = two_namespaces();
    struct ctw_netns_name *name = &p->records[0].name;
    (void)state;

    ctw_namespaces_redact(p);
    assert_string_equal(name->text, "blue");
    *name = (struct ctw_netns_name){CTW_NETNS_USER, true, "user 1000: 192.0.2.7: x"};
    ctw_namespaces_redact(p);
    assert_string_equal(name->text, "user 1000");
    *name = (struct ctw_netns_name){CTW_NETNS_COMMAND, true, "command 192.0.2.7:"};
    ctw_namespaces_redact(p);
    assert_string_equal(name->text, "");
    assert_int_equal(ctw_namespaces_check(p), 0);
    free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(namespaces_sealed_are_whole_and_checked),
        cmocka_unit_test(namespaces_any_changed_byte_is_found),
        cmocka_unit_test(namespaces_of_another_program_are_refused),
        cmocka_unit_test(namespaces_impossible_values_are_refused),
        cmocka_unit_test(namespaces_sorted_have_the_fullest_first),
        cmocka_unit_test(namespaces_redacted_keep_the_user_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
