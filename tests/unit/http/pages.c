/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each page from a state file alone: no server, no root. */

#include "tests/support/state_directory.h"

#include "daemon/http/pages.h"
#include "lib/view/page.h"

#define STREAMS_MAX 8u
#define TEXT        "text/plain; charset=utf-8"
#define PROMETHEUS                                                                                 \
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

static struct ctw_pages *open_pages(const struct place *p, bool addresses) {
    struct ctw_pages *pages;

    assert_int_equal(ctw_pages_new(p->directory, addresses, &pages), 0);
    return pages;
}

static struct ctw_server_reply ask(struct ctw_pages *pages, const char *path, const char *accept) {
    const struct ctw_server_request request = {.path = path, .accept = accept};
    struct ctw_server_reply reply = {0};

    assert_int_equal(ctw_pages_answer(pages, &request, &reply), 0);
    return reply;
}

static void free_reply(struct ctw_server_reply *r) {
    if (r->stream.stream)
        r->stream.free(r->stream.stream);
    free(r->text);
}

static void assert_reply(struct ctw_pages *pages, const char *path, const char *accept,
                         unsigned status, const char *type) {
    struct ctw_server_reply r = ask(pages, path, accept);

    assert_int_equal(r.status, status);
    assert_string_equal(r.type, type);
    if (!r.stream.stream)
        assert_true(r.length > 0 && r.text[r.length - 1] == '\n');
    free_reply(&r);
}

static void pages_have_the_type_that_path_and_accept_name(void **state) {
    static const struct {
        const char *path, *accept, *type;
    } cases[] = {
        {"/", "application/json", "text/html; charset=utf-8"},
        {"/healthz", "application/json", TEXT},
        {"/metrics", NULL, "text/plain; version=0.0.4; charset=utf-8"},
        {"/metrics", "*/*", "text/plain; version=0.0.4; charset=utf-8"},
        {"/metrics", PROMETHEUS, "application/openmetrics-text; version=1.0.0; charset=utf-8"},
        {"/status", "", TEXT},
        {"/status", "text/html, Application/JSON", "application/json"},
        {"/status.json", "text/plain", "application/json"},
        {"/top", NULL, TEXT},
        {"/top", "application/json", "application/json"},
        {"/top.json", NULL, "application/json"},
        {"/history", NULL, TEXT},
        {"/history", "application/json", "application/json"},
        {"/history.json", NULL, "application/json"},
        {"/history.csv", "application/json", "text/csv; charset=utf-8"},
    };
    struct place *p = *state;
    struct ctw_pages *pages = open_pages(p, true);

    make_image(p);
    p->image.published.now.polled_usec = p->image.published.now.due_usec = ctw_monotonic_usec();
    leave_image(p);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_reply(pages, cases[i].path, cases[i].accept, 200, cases[i].type);
    assert_reply(pages, "/status.csv", NULL, 404, TEXT);
    assert_reply(pages, "", NULL, 404, TEXT);
    ctw_pages_free(pages);
}

static void pages_without_state_are_503_but_metrics(void **state) {
    static const char *const paths[] = {"/healthz", "/status",       "/status.json", "/top",
                                        "/history", "/history.json", "/history.csv"};
    struct ctw_pages *pages = open_pages(*state, true);

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_reply(pages, paths[i], NULL, 503, TEXT);
    assert_reply(pages, "/metrics", NULL, 200, "text/plain; version=0.0.4; charset=utf-8");
    ctw_pages_free(pages);
}

static void history_in_bins_is_tagged(void **state) {
    static const struct {
        const char *span, *points;
        unsigned status;
    } cases[] = {{"1h", "360", 200}, {"24h", NULL, 200},  {NULL, "1", 200},   {"1s", "360", 200},
                 {"25h", NULL, 400}, {"0", NULL, 400},    {"hour", "1", 400}, {"1h", "361", 400},
                 {"1h", "0", 400},   {"1h", "many", 400}, {"1h", "", 400}};
    struct place *p = *state;
    struct ctw_pages *pages = open_pages(p, false);

    make_image(p);
    leave_image(p);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ctw_server_request request = {
            .path = "/history.json", .span = cases[i].span, .points = cases[i].points};
        struct ctw_server_reply r = {0};
        assert_int_equal(ctw_pages_answer(pages, &request, &r), 0);
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(r.tagged, cases[i].status == 200);
        assert_null(r.stream.stream);
        free_reply(&r);
    }
    ctw_pages_free(pages);
}

static void page_has_its_policy_and_is_shared(void **state) {
    struct place *p = *state;
    struct ctw_pages *pages = open_pages(p, false);

    struct ctw_server_reply before = ask(pages, "/", NULL);
    assert_string_equal(before.policy, ctw_page_policy);
    assert_non_null(strstr(before.text, "ctwatchd is not running"));
    make_image(p);
    leave_image(p);
    struct ctw_server_reply soon = ask(pages, "/", NULL); /* within a quarter of a second */
    struct ctw_server_reply other = ask(pages, "/status.json", NULL);
    assert_int_equal(other.status, 200);
    assert_null(other.policy);
    assert_ptr_not_equal(before.text, soon.text);
    free_reply(&before);
    free_reply(&soon);
    free_reply(&other);
    ctw_pages_free(pages);
}

static void top_without_addresses_is_403(void **state) {
    struct ctw_pages *pages = open_pages(*state, false);

    assert_reply(pages, "/top", NULL, 403, TEXT);
    assert_reply(pages, "/top.json", NULL, 403, TEXT);
    ctw_pages_free(pages);
}

static void healthz_of_a_late_daemon_is_503(void **state) {
    struct place *p = *state;
    struct ctw_pages *pages = open_pages(p, false);

    make_image(p);
    p->image.published.now.polled_usec = p->image.published.now.due_usec =
        ctw_monotonic_usec() - 60 * CTW_USEC_PER_SEC;
    leave_image(p);
    assert_reply(pages, "/healthz", NULL, 503, TEXT);
    assert_reply(pages, "/status", NULL, 200, TEXT);
    ctw_pages_free(pages);
}

/* Return: bytes, or the negative errno of the read that failed. */
static ssize_t drain(const struct ctw_server_stream *s) {
    char buffer[512];
    ssize_t n, sum = 0;

    while ((n = s->read(s->stream, buffer, sizeof(buffer))) > 0)
        sum += n;
    return n < 0 ? n : sum;
}

static void history_above_the_limit_ends_another(void **state) {
    struct place *p = *state;
    struct ctw_pages *pages = open_pages(p, false);
    struct ctw_server_reply r[STREAMS_MAX + 2];
    size_t ended = 0;

    make_image(p);
    leave_image(p);
    for (size_t i = 0; i < STREAMS_MAX + 2; i++)
        r[i] = ask(pages, "/history.csv", NULL);
    assert_true(drain(&r[STREAMS_MAX + 1].stream) > 0);
    for (size_t i = 0; i < STREAMS_MAX + 1; i++)
        ended += drain(&r[i].stream) == -ECANCELED;
    assert_int_equal(ended, 2);
    for (size_t i = 0; i < STREAMS_MAX + 2; i++)
        free_reply(&r[i]);
    ctw_pages_free(pages);
}

/* Whether the text of a page has @part. */
static bool page_has(struct ctw_pages *pages, const char *path, const char *part) {
    struct ctw_server_reply r = ask(pages, path, NULL);
    const bool has = memmem(r.text, r.length, part, strlen(part));

    free_reply(&r);
    return has;
}

static void namespaces_of_users_have_no_name_without_addresses(void **state) {
    static const char *const paths[] = {"/", "/status", "/status.json"};
    struct place *p = *state;
    struct ctw_pages *public = open_pages(p, false), *all = open_pages(p, true);

    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, ctw_monotonic_usec(), &p->writer),
                     0);
    struct ctw_snapshot *now = ctw_state_writer_snapshot(p->writer);
    sample_calm(now);
    now->pid = (uint32_t)getpid();
    now->booted_usec = ctw_booted_usec();
    now->polled_usec = now->due_usec = ctw_monotonic_usec();
    ctw_state_writer_publish(p->writer);
    assert_false(page_has(public, "/status", "podman")); /* not yet */
    ctw_state_writer_namespaces(p->writer, sample_namespaces());
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_true(page_has(public, paths[i], "podman 3f2a9c1b7d20"));
        assert_true(page_has(public, paths[i], "user 1000"));
        assert_false(page_has(public, paths[i], "session-3"));
        assert_true(page_has(all, paths[i], "user 1000: session-3.scope"));
    }
    assert_true(page_has(public, "/metrics", "\nctwatch_namespace_entries{namespace=\"podman "));
    assert_false(page_has(all, "/metrics", "session-3"));
    ctw_pages_free(public);
    ctw_pages_free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(pages_have_the_type_that_path_and_accept_name),
        TEST(pages_without_state_are_503_but_metrics),
        TEST(history_in_bins_is_tagged),
        TEST(page_has_its_policy_and_is_shared),
        TEST(top_without_addresses_is_403),
        TEST(healthz_of_a_late_daemon_is_503),
        TEST(history_above_the_limit_ends_another),
        TEST(namespaces_of_users_have_no_name_without_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
