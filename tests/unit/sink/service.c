/* SPDX-License-Identifier: GPL-2.0-or-later */

/* STATUS=, as a service manager receives it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/sink/service.h"

static int manager; /* its end of NOTIFY_SOCKET */

static int manager_up(void **state) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    (void)state;

    /* abstract: nothing to remove */
    snprintf(name, sizeof(name), "@ctwatch-test-service-%d", (int)getpid());
    memcpy(address.sun_path, name, strlen(name));
    address.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(manager >= 0);
    assert_int_equal(bind(manager, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    return setenv("NOTIFY_SOCKET", name, 1);
}

static int manager_down(void **state) {
    (void)state;
    return close(manager);
}

static void assert_status(const struct ctw_tick *t, const struct ctw_verdict *v,
                          const char *expected) {
    struct ctw_service service = {0};
    char text[256] = "";

    ctw_service_status(&service, t, v);
    assert_true(recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(text, expected);
}

static void status_after_growth_shows_the_new_max(void **state) {
    static struct ctw_tick t = {
        .now_usec = 1,
        .sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK,
        .sample = {.count = 820, .max = 1000},
    };
    static struct ctw_verdict v = {.sample = {.count = 820, .max = 2000}};
    (void)state;

    assert_status(&t, &v, "STATUS=ok: 820 of 2000 entries (41.0 %)");
    v.sample.max = 0;
    assert_status(&t, &v, "STATUS=ok: 820 entries, no limit");
}

static void status_of_a_calm_table_is_not_repeated(void **state) {
    static struct ctw_tick t = {.now_usec = 1, .sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK};
    static struct ctw_verdict v = {.sample = {.count = 820, .max = 2000}};
    struct ctw_service service = {0};
    char text[256];
    (void)state;

    ctw_service_status(&service, &t, &v);
    assert_true(recv(manager, text, sizeof(text), MSG_DONTWAIT) > 0);
    t.now_usec += 3600 * CTW_USEC_PER_SEC;
    v.sample.count++;
    ctw_service_status(&service, &t, &v);
    assert_int_equal(recv(manager, text, sizeof(text), MSG_DONTWAIT), -1);
    v.sample.count++;
    ctw_service_status(&service, &t, &v);
    assert_true(recv(manager, text, sizeof(text), MSG_DONTWAIT) > 0);
}

static void status_without_table_gives_the_reason(void **state) {
    static struct ctw_tick t = {.now_usec = 1};
    static struct ctw_verdict v;
    (void)state;

    t.sources[CTW_SOURCE_TABLE] = ctw_source_health_of(CTW_HEALTH_ABSENT, 0, "/proc/x");
    assert_status(&t, &v, "STATUS=waiting: the nf_conntrack module is not loaded");
    t.sources[CTW_SOURCE_TABLE] = ctw_source_health_of(CTW_HEALTH_FAILED, -1, "/proc/x");
    assert_status(&t, &v, "STATUS=blind: cannot read /proc/x");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_after_growth_shows_the_new_max),
        cmocka_unit_test(status_of_a_calm_table_is_not_repeated),
        cmocka_unit_test(status_without_table_gives_the_reason),
    };
    return cmocka_run_group_tests(tests, manager_up, manager_down);
}
