/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/state/namespaces.h"
#include "lib/view/history.h"
#include "lib/view/page.h"
#include "tests/support/snapshot_samples.h"

#define XSS        "\"'><img src=x onerror=alert(1)><script>alert(2)</script>&amp;"
#define NAMESPACES 20u

struct stage {
    struct ctw_view view;
    struct ctw_history history;
    char page[CTW_RENDER_PAGE_MAX];
};

static int up(void **state) {
    struct stage *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    s->view.namespaces = calloc(1, ctw_namespaces_bytes(NAMESPACES));
    assert_non_null(s->view.namespaces);
    s->view.now_usec = SAMPLE_NOW_USEC;
    s->view.realtime_usec = SAMPLE_WALL_USEC;
    s->view.liveness = CTW_LIVENESS_ALIVE;
    s->view.history = &s->history;
    *state = s;
    return 0;
}

static int down(void **state) {
    struct stage *s = *state;

    free(s->view.namespaces);
    free(s);
    return 0;
}

static const char *render(struct stage *s, bool addresses) {
    const size_t size = ctw_render_page(&s->view, addresses, s->page, sizeof(s->page));

    assert_true(size < sizeof(s->page));
    assert_int_equal(size, strlen(s->page));
    return s->page;
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        n++;
    return n;
}

static void assert_has(const char *page, const char *part) {
    if (!strstr(page, part))
        fail_msg("no \"%s\" in the page", part);
}

static void assert_lacks(const char *page, const char *part) {
    if (strstr(page, part))
        fail_msg("\"%s\" in the page", part);
}

static void assert_balanced(const char *page) {
    static const char *const names[] = {"section", "div", "svg",  "dl",  "ol",     "ul",   "li",
                                        "table",   "tr",  "td",   "h2",  "p",      "span", "figure",
                                        "main",    "pre", "code", "nav", "footer", "time"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char open[16], open_with[16], closed[16];
        (void)snprintf(open, sizeof(open), "<%s>", names[i]);
        (void)snprintf(open_with, sizeof(open_with), "<%s ", names[i]);
        (void)snprintf(closed, sizeof(closed), "</%s>", names[i]);
        if (count(page, open) + count(page, open_with) != count(page, closed))
            fail_msg("<%s> is not closed", names[i]);
    }
}

static void page_of_full_table_shows_all(void **state) {
    static const char *const parts[] = {
        "<title>FULL 100.0 - conntrack table</title>",
        "<section id=\"now\" class=\"full\"",
        "role=\"status\">FULL</span>",
        "since <time datetime=\"2026-11-22T09:58:25.000Z\">09:58:25</time>, <span id=\"ago\">95 s",
        "id=\"bar\" width=\"100.0%\"",
        "x1=\"75.0%\"",
        "x1=\"90.0%\"",
        "262144 of 262144, 262144 buckets",
        "98 MiB when full",
        "1234 new flows dropped (table full)",
        "56789 entries evicted",
        "up to 262144 (set by growth.ceiling)",
        "kernel log: /dev/kmsg",
        "<b>table full</b>",
        "Last hour",
        "Last day",
        "UTC, as are all times here",
    };
    struct stage *s = *state;

    sample_full(&s->view.snapshot);
    const char *page = render(s, true);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_has(page, parts[i]);
    assert_balanced(page);
}

static void page_without_addresses_lacks_talkers_and_commands(void **state) {
    struct stage *s = *state;

    sample_full(&s->view.snapshot);
    s->view.snapshot.host = sample_host();
    s->view.snapshot.host_usec = SAMPLE_NOW_USEC;
    (void)snprintf(s->view.snapshot.recent_alerts[0].remedy, CTW_RECENT_REMEDY_BYTES,
                   "Raise max, for 192.0.2.77 & others.");
    assert_has(render(s, true), "<pre tabindex");
    assert_has(s->page, "<summary>Remedy</summary>Raise max, for 192.0.2.77 &amp; others.");
    assert_has(s->page, "192.0.2.77");
    ctw_snapshot_redact(&s->view.snapshot);
    assert_lacks(render(s, false), "<pre ");
    assert_lacks(s->page, "192.0.2.");
    assert_balanced(s->page);
}

static void set(char *field, size_t size) {
    const size_t n = size <= sizeof(XSS) ? size - 1 : sizeof(XSS) - 1;

    memcpy(field, XSS, n);
    field[n] = '\0';
}

/* Each string that comes from outside, in turn. */
static void page_of_hostile_strings_has_no_markup_of_theirs(void **state) {
    struct stage *s = *state;
    struct ctw_snapshot *p = &s->view.snapshot;
    struct ctw_namespaces *n = s->view.namespaces;

    sample_full(p);
    const size_t scripts = count(render(s, true), "<script");
    set(p->version, sizeof(p->version));
    set(p->netns, sizeof(p->netns));
    for (size_t i = 0; i < CTW_SOURCES; i++) {
        p->sources[i].health = CTW_HEALTH_FAILED;
        set(p->sources[i].what, sizeof(p->sources[i].what));
    }
    for (size_t i = 0; i < CTW_RECENT_ALERTS; i++) {
        set(p->recent_alerts[i].message, CTW_RECENT_ALERT_BYTES);
        set(p->recent_alerts[i].remedy, CTW_RECENT_REMEDY_BYTES);
    }
    p->n_recent_alerts = CTW_RECENT_ALERTS;
    p->talkers.n_destinations = 2;
    for (size_t i = 0; i < 2; i++) {
        set(p->talkers.sources[i].name, CTW_TALKER_NAME_MAX);
        set(p->talkers.destinations[i].name, CTW_TALKER_NAME_MAX);
        set(p->talkers.ports[i].name, CTW_TALKER_NAME_MAX);
        set(p->talkers.states[i].name, CTW_TALKER_NAME_MAX);
    }
    n->of.n = n->of.known = 1;
    n->records[0].name.kind = CTW_NETNS_IP_NETNS;
    set(n->records[0].name.text, CTW_NETNS_TEXT_MAX);
    const char *page = render(s, true);
    assert_int_equal(count(page, "<script"), scripts);
    assert_lacks(page, "<img");
    assert_lacks(page, "\"'>");
    assert_true(count(page, "&quot;&#39;&gt;&lt;img") >= 8 + 1 + 4 + 1);
    assert_balanced(page);
    sample_hostile(p);
    for (const char *c = render(s, true); *c != '\0'; c++)
        assert_true((unsigned char)*c >= ' ' ? *c != 0x7f : *c == '\n');
}

static void page_at_its_widest_is_below_40_kb(void **state) {
    struct stage *s = *state;
    struct ctw_namespaces *n = s->view.namespaces;

    sample_widest(&s->view.snapshot);
    n->of.n = n->of.known = NAMESPACES;
    for (uint32_t i = 0; i < NAMESPACES; i++) {
        n->records[i] = (struct ctw_namespace_record){.has_table = true, .count = UINT32_MAX};
        n->records[i].name.kind = CTW_NETNS_DOCKER;
        memset(n->records[i].name.text, 'x', CTW_NETNS_TEXT_MAX - 1);
    }
    for (uint32_t ago = 1; ago <= 86400; ago++) {
        const uint64_t at_usec = SAMPLE_NOW_USEC - ago * CTW_USEC_PER_SEC;
        const struct ctw_record slot = {.polls = 1, .high = ago * 7919 % 262144, .max = 262144};
        for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++) {
            const uint32_t width_sec = r == CTW_RESOLUTION_FINE ? 1 : 10;
            struct ctw_record *to = &s->history.slots[ctw_history_index(r, at_usec)];
            *to = slot;
            to->width_sec = width_sec;
            to->low = slot.high / 2;
            to->at_usec = at_usec - at_usec % (width_sec * CTW_USEC_PER_SEC);
            to->losses.drops = ago % 100 == 0;
        }
    }
    const size_t size = strlen(render(s, true));
    if (size >= 40000)
        fail_msg("%zu bytes", size);
    assert_balanced(s->page);
}

static void page_has_no_attribute_that_its_policy_forbids(void **state) {
    static const char *const forbidden[] = {
        " style=", " onclick=", " onload=", "src=", "url(", "http:", "https:", "@import"};
    struct stage *s = *state;

    sample_full(&s->view.snapshot);
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
        assert_lacks(render(s, true), forbidden[i]);
    assert_has(ctw_page_policy, "default-src 'none'; script-src 'sha256-");
    assert_int_equal(count(s->page, "<script>"), 1);
    assert_int_equal(count(s->page, "</script>"), 1);
    assert_int_equal(count(s->page, "<style>"), 1);
}

static void page_says_what_is_not_as_it_should_be(void **state) {
    struct stage *s = *state;

    sample_calm(&s->view.snapshot);
    assert_has(render(s, false), "role=\"alert\"></p>");
    s->view.liveness = CTW_LIVENESS_LATE;
    assert_has(render(s, false), "ctwatchd has stopped polling. Showing its last poll");
    sample_absent(&s->view.snapshot);
    assert_has(render(s, false), "UNKNOWN");
    sample_unlimited(&s->view.snapshot);
    assert_lacks(render(s, false), "id=\"bar\"");
    memset(&s->view.snapshot, 0, sizeof(s->view.snapshot));
    s->view.state_error = -ENOENT;
    s->view.liveness = CTW_LIVENESS_NONE;
    assert_has(render(s, false),
               ">ctwatchd is not running. Start it with: systemctl start ctwatch</p>");
    assert_balanced(s->page);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(page_of_full_table_shows_all),
        TEST(page_without_addresses_lacks_talkers_and_commands),
        TEST(page_of_hostile_strings_has_no_markup_of_theirs),
        TEST(page_at_its_widest_is_below_40_kb),
        TEST(page_has_no_attribute_that_its_policy_forbids),
        TEST(page_says_what_is_not_as_it_should_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
