/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/view/top.h"
#include "tests/support/snapshot_samples.h"

static struct ctw_view view = {.now_usec = SAMPLE_NOW_USEC};
static struct ctw_snapshot *const p = &view.snapshot;
static char text[CTW_RENDER_TALKERS_MAX];

static void render(void) {
    const size_t n = ctw_render_talkers_text(&view, text, sizeof(text));

    assert_int_equal(n, strlen(text));
}

static json_t *parse(void) {
    const size_t n = ctw_render_talkers_json(&view, text, sizeof(text));

    assert_int_equal(n, strlen(text));
    assert_int_equal(text[n - 1], '\n');
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    return o;
}

static void it_reads_like_this(void **state) {
    (void)state;
    sample_full(p);
    render();
    assert_string_equal(
        text, "asked 95 s ago: a random sample of 5000 entries, shares are right within 1.4 %\n"
              "\n"
              "SOURCE                                               SHARE\n"
              "192.0.2.77                                          61.2 %  ############\n"
              "2001:db8:1:2::/64                                   18.9 %  ####\n"
              "\n"
              "DESTINATION PORT                                     SHARE\n"
              "tcp/443                                             60.1 %  ############\n"
              "udp/53                                              14.0 %  ###\n"
              "\n"
              "STATE                                                SHARE\n"
              "tcp/ESTABLISHED                                     70.5 %  ##############\n"
              "udp                                                 20.1 %  ####\n"
              "\n"
              "assured     90.2 %  of the entries cannot be evicted from a full table\n"
              "drop risk   19.2 %  of new connections lost, should it fill up with the like\n");
}

static void json_has_the_same(void **state) {
    const char *name;
    double share;
    int ago, counted;

    (void)state;
    sample_full(p);
    json_t *o = parse();
    assert_int_equal(json_unpack(o, "{s:b, s:i, s:i, s:[{s:s, s:f}, {}]}", "known", &(int){0},
                                 "asked_seconds_ago", &ago, "counted", &counted, "source", "name",
                                 &name, "share_percent", &share),
                     0);
    assert_int_equal(ago, 95);
    assert_int_equal(counted, 5000);
    assert_string_equal(name, "192.0.2.77");
    assert_true(share > 61.19 && share < 61.21);
    json_decref(o);
}

static void nobody_was_asked(void **state) {
    (void)state;
    sample_calm(p);
    render();
    assert_non_null(strstr(text, "nobody has been asked yet"));
    json_t *o = parse();
    assert_true(json_is_false(json_object_get(o, "known")));
    json_decref(o);
}

static void the_longest_of_all_fits(void **state) {
    (void)state;
    sample_full(p);
    p->talkers.n_sources = p->talkers.n_ports = p->talkers.n_states = CTW_TALKERS_TOP_MAX;
    for (size_t i = 0; i < CTW_TALKERS_TOP_MAX; i++) {
        char name[CTW_TALKER_NAME_MAX];
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        sample_share(&p->talkers.sources[i], name, UINT32_MAX);
        sample_share(&p->talkers.ports[i], name, UINT32_MAX);
        sample_share(&p->talkers.states[i], name, UINT32_MAX);
    }
    p->talkers.entries = UINT32_MAX;
    p->talkers.margin_permyriad = p->talkers.assured_permyriad = p->talkers.drop_risk_permyriad =
        UINT32_MAX;
    render();
    assert_true(strlen(text) < sizeof(text));
    for (const char *line = strchr(text, '\n'); line[1] != '\0'; line = strchr(line + 1, '\n'))
        assert_in_range(strcspn(line + 1, "\n"), 0, 80);
    json_decref(parse());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_like_this),
        cmocka_unit_test(json_has_the_same),
        cmocka_unit_test(nobody_was_asked),
        cmocka_unit_test(the_longest_of_all_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
