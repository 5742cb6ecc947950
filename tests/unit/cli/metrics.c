/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `ctwatch metrics`: what it prints beside the metrics when the daemon does not poll. */

#include "tests/support/state_directory.h"

#include "daemon/cli/cli.h"
#include "daemon/sys/clock.h"

/* Run the verb on what is left in the directory. Return: its exit status; @ret: its stderr. */
static int run(struct place *p, char *ret, size_t size) {
    char *argv[] = {(char *)"metrics", (char *)"--state", p->directory, NULL};
    char path[128];

    snprintf(path, sizeof(path), "%s/stderr", p->above);
    leave_image(p);
    (void)fflush(stdout);
    const int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(out >= 0 && err >= 0 && null >= 0 && file >= 0);
    (void)dup2(null, STDOUT_FILENO);
    (void)dup2(file, STDERR_FILENO);
    optind = 0; /* a verb parses once in a process */
    const int status = ctw_verb_metrics(3, argv);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(err, STDERR_FILENO);
    memset(ret, 0, size);
    assert_true(pread(file, ret, size - 1, 0) >= 0);
    close(out), close(err), close(null), close(file);
    return status;
}

static void metrics_of_a_poll_in_the_future_was_0_s_ago(void **state) {
    struct place *p = *state;
    char error[512];

    make_image(p);
    p->image.published.now.polled_usec = ctw_monotonic_usec() + 3600 * CTW_USEC_PER_SEC;
    p->image.published.now.due_usec = p->image.published.now.polled_usec;
    assert_int_equal(run(p, error, sizeof(error)), 0);
    assert_string_equal(error, "ctwatch metrics: ctwatchd has not polled for 0 s\n");
}

static void metrics_of_a_stopped_daemon_name_it(void **state) {
    struct place *p = *state;
    char error[512];

    make_image(p);
    p->image.published.now.stopped_usec = 1;
    assert_int_equal(run(p, error, sizeof(error)), 0);
    assert_string_equal(error, "ctwatch metrics: ctwatchd has been stopped\n");
}

static void metrics_of_a_damaged_state_fail(void **state) {
    struct place *p = *state;
    char error[512];

    make_image(p);
    p->image.head.magic = 0;
    assert_int_equal(run(p, error, sizeof(error)), 1);
    assert_non_null(strstr(error, "/state: damaged\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(metrics_of_a_poll_in_the_future_was_0_s_ago),
        TEST(metrics_of_a_stopped_daemon_name_it),
        TEST(metrics_of_a_damaged_state_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
