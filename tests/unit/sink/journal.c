/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/sink/journal.h"
#include "daemon/sys/clock.h"
#include "tests/support/alert_samples.h"

/* A test that hangs ends after this. */
#define PATIENCE_SECONDS 120

/* As in daemon/sink/journal.c: alerts held while the journal takes none. */
#define HELD_MAX 64

/* stderr is replaced during a test. */
struct bench {
    uint64_t began_usec;
    int true_stderr;
    int read_end;
    int journal; /* a stand-in for journald's socket */
    struct ctw_journal *journal_sink;
};

static int set_up(void **state) {
    struct bench *b = calloc(1, sizeof *b);

    if (!b)
        return -1;
    *b = (struct bench){.began_usec = ctw_monotonic_usec(),
                        .true_stderr = dup(STDERR_FILENO),
                        .read_end = -1,
                        .journal = -1};
    unsetenv("JOURNAL_STREAM");
    *state = b;
    alarm(PATIENCE_SECONDS);
    return 0;
}

static int tear_down(void **state) {
    struct bench *b = *state;

    alarm(0);
    (void)ctw_journal_free(b->journal_sink);
    dup2(b->true_stderr, STDERR_FILENO);
    close(b->true_stderr);
    if (b->read_end >= 0)
        close(b->read_end);
    if (b->journal >= 0)
        close(b->journal);
    unlink("/run/systemd/journal/socket");
    free(b);
    return 0;
}

static void pipe_as_stderr(struct bench *b) {
    int fd[2];

    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    assert_return_code(dup2(fd[1], STDERR_FILENO), errno);
    close(fd[1]);
    b->read_end = fd[0];
}

/* Set $JOURNAL_STREAM to the present stderr; @off is added to the inode. */
static void claim_journal_stream(unsigned off) {
    struct stat st;
    char text[64];

    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + off);
    assert_int_equal(setenv("JOURNAL_STREAM", text, 1), 0);
}

/* Bind a socket at the path of journald. */
static void start_journal(struct bench *b) {
    const struct sockaddr_un address = {.sun_family = AF_UNIX,
                                        .sun_path = "/run/systemd/journal/socket"};

    unlink(address.sun_path);
    b->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_return_code(b->journal, errno);
    assert_int_equal(bind(b->journal, (const struct sockaddr *)&address, sizeof address), 0);
}

static void stop_journal(struct bench *b) {
    close(b->journal);
    b->journal = -1;
}

static void report_to_journal(struct bench *b) {
    pipe_as_stderr(b);
    claim_journal_stream(0);
    assert_int_equal(ctw_journal_new(&b->journal_sink), 0);
}

static void send_alert(struct bench *b, uint64_t drops) {
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);
    struct ctw_fields f;

    a.losses.drops = drops;
    ctw_fields_of(&a, &f);
    ctw_journal_send(b->journal_sink, &f);
}

/* The next record the journal got, its NUL included; "" when there is none. */
static const char *received(struct bench *b, char ret[static 8192]) {
    const ssize_t n = recv(b->journal, ret, 8191, 0);

    if (n < 0)
        assert_int_equal(errno, EAGAIN);
    ret[n < 0 ? 0 : n] = '\0';
    return ret;
}

/* A delayed record has the seconds: at most what the test has taken. */
static void expect_delay(const struct bench *b, const char *record, bool delayed) {
    static const char name[] = "\nCTWATCH_DELAYED_SECONDS=";
    const char *at = strstr(record, name);
    char *end;

    assert_int_equal(at != NULL, delayed);
    if (!delayed)
        return;
    assert_in_range(strtoul(at + strlen(name), &end, 10), 0,
                    (ctw_monotonic_usec() - b->began_usec) / CTW_USEC_PER_SEC);
    assert_int_equal(*end, '\n');
}

static void expect_drops(struct bench *b, unsigned drops, bool delayed) {
    char record[8192], wanted[64];

    received(b, record);
    snprintf(wanted, sizeof wanted, "\nCTWATCH_DROPS=%u\n", drops);
    assert_non_null(strstr(record, wanted));
    expect_delay(b, record, delayed);
}

static void expect_state(struct bench *b, enum ctw_health health, int error) {
    struct ctw_source_health s;

    ctw_journal_flush(b->journal_sink, &s);
    assert_int_equal(s.health, health);
    assert_int_equal(s.error, error);
}

/* --- stderr --------------------------------------------------------------------------------- */

static void journal_absent_alert_is_one_line(void **state) {
    struct bench *b = *state;
    char line[4096];
    int hour, minute, second;

    pipe_as_stderr(b);
    assert_int_equal(ctw_journal_new(&b->journal_sink), 0);
    send_alert(b, 1234);
    const ssize_t n = read(b->read_end, line, sizeof line - 1);
    assert_in_range(n, 1, sizeof line - 1);
    line[n] = '\0';
    assert_int_equal(sscanf(line, "%2d:%2d:%2d", &hour, &minute, &second), 3);
    assert_string_equal(line + strlen("HH:MM:SS"),
                        " alert table_full: Conntrack table full: new connections are being "
                        "dropped (1234 so far), 262144 of 262144 entries.\n");
    expect_state(b, CTW_HEALTH_UNUSED, 0);
}

static void journal_redirected_stderr_gets_lines(void **state) {
    struct bench *b = *state;
    char line[4096], record[8192];

    start_journal(b);
    pipe_as_stderr(b);
    claim_journal_stream(1);
    assert_int_equal(ctw_journal_new(&b->journal_sink), 0);
    send_alert(b, 1);
    assert_true(read(b->read_end, line, sizeof line) > 0);
    assert_string_equal(received(b, record), "");
    expect_state(b, CTW_HEALTH_UNUSED, 0);
}

static void journal_unread_pipe_drops_lines(void **state) {
    struct bench *b = *state;

    pipe_as_stderr(b);
    assert_int_equal(ctw_journal_new(&b->journal_sink), 0);
    for (unsigned i = 0; i < 2000; i++)
        send_alert(b, i);
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

static void journal_closed_pipe_drops_lines(void **state) {
    struct bench *b = *state;

    pipe_as_stderr(b);
    assert_int_equal(ctw_journal_new(&b->journal_sink), 0);
    close(b->read_end);
    b->read_end = -1;
    send_alert(b, 1); /* SIGPIPE would end this program */
}

static void journal_stuck_terminal_drops_lines(void **state) {
    struct bench *b = *state;
    int master, slave;

    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    b->read_end = master;
    assert_return_code(dup2(slave, STDERR_FILENO), errno);
    close(slave);
    assert_int_equal(ctw_journal_new(&b->journal_sink), 0);
    for (unsigned i = 0; i < 2000; i++)
        send_alert(b, i);
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

/* --- the journal ---------------------------------------------------------------------------- */

static void journal_record_has_all_fields_and_no_location(void **state) {
    struct bench *b = *state;
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);
    struct ctw_fields f;
    char record[8192], expected[8192] = "";

    start_journal(b);
    report_to_journal(b);
    ctw_fields_of(&a, &f);
    for (size_t i = 0; i < f.n; i++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s\n",
                 f.field[i]);
    ctw_journal_send(b->journal_sink, &f);
    assert_string_equal(received(b, record), expected);
    expect_state(b, CTW_HEALTH_OK, 0);

    struct pollfd p = {.fd = b->read_end, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0); /* and nothing on stderr */
}

static void journal_back_gets_held_alerts_in_order(void **state) {
    struct bench *b = *state;
    char record[8192];

    report_to_journal(b);
    send_alert(b, 1);
    send_alert(b, 2);
    expect_state(b, CTW_HEALTH_FAILED, -ENOENT);

    start_journal(b);
    expect_state(b, CTW_HEALTH_OK, 0);
    send_alert(b, 3);
    expect_drops(b, 1, true);
    expect_drops(b, 2, true);
    expect_drops(b, 3, false);
    assert_string_equal(received(b, record), "");
}

static void journal_new_alert_follows_held_ones(void **state) {
    struct bench *b = *state;

    report_to_journal(b);
    send_alert(b, 1);
    start_journal(b);
    send_alert(b, 2); /* without a flush between */
    expect_drops(b, 1, true);
    expect_drops(b, 2, false);
}

static void journal_restarted_is_found(void **state) {
    struct bench *b = *state;

    start_journal(b);
    report_to_journal(b);
    send_alert(b, 1);
    expect_drops(b, 1, false);

    stop_journal(b); /* the file stays, and refuses */
    send_alert(b, 2);
    expect_state(b, CTW_HEALTH_FAILED, -ECONNREFUSED);
    start_journal(b); /* another inode */
    expect_state(b, CTW_HEALTH_OK, 0);
    expect_drops(b, 2, true);
}

/* Tests the kernel, too: a connected datagram socket polls writable only while the queue of its
 * peer has room. Otherwise, a blocking send would stop the daemon. */
static void journal_stopped_delays_and_loses_nothing(void **state) {
    struct bench *b = *state;
    struct ctw_source_health s = {.health = CTW_HEALTH_OK};
    unsigned sent = 0;

    start_journal(b);
    report_to_journal(b);
    while (s.health == CTW_HEALTH_OK && sent < 10000) {
        send_alert(b, sent++);
        ctw_journal_flush(b->journal_sink, &s);
    }
    assert_int_equal(s.health, CTW_HEALTH_FAILED);
    assert_int_equal(s.error, -ENOBUFS);
    for (unsigned i = 0; i < 10; i++)
        send_alert(b, sent++);

    /* For each record read, the queue takes one that was held. */
    unsigned delayed = 0;
    for (unsigned i = 0; i < sent; i++) {
        char record[8192], wanted[64];

        received(b, record);
        snprintf(wanted, sizeof wanted, "\nCTWATCH_DROPS=%u\n", i);
        assert_non_null(strstr(record, wanted));
        delayed += strstr(record, "\nCTWATCH_DELAYED_SECONDS=") != NULL;
        ctw_journal_flush(b->journal_sink, &s);
    }
    assert_int_equal(delayed, 11);
    expect_state(b, CTW_HEALTH_OK, 0);
}

static void journal_long_outage_keeps_ends_and_reports_gap(void **state) {
    struct bench *b = *state;
    struct ctw_source_health s;
    char record[8192];
    unsigned n = 0;

    report_to_journal(b);
    for (unsigned i = 0; i < HELD_MAX + 10; i++)
        send_alert(b, i);

    start_journal(b);
    for (; n < HELD_MAX - 1; n++) {
        ctw_journal_flush(b->journal_sink, &s); /* the queue is shorter than what is held */
        expect_drops(b, n, true);
    }
    ctw_journal_flush(b->journal_sink, &s);
    received(b, record);
    assert_non_null(strstr(record, "MESSAGE=10 alerts were lost here: the journal took no "
                                   "records.\n"));
    assert_non_null(strstr(record, "\nPRIORITY=4\n"));
    ctw_journal_flush(b->journal_sink, &s);
    expect_drops(b, HELD_MAX + 9, true);
    expect_state(b, CTW_HEALTH_OK, 0);
    assert_string_equal(received(b, record), "");
}

/* --- a /run of our own ---------------------------------------------------------------------- */

static int write_file(const char *path, const char *text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    const int error = errno;

    if (fd >= 0)
        close(fd);
    return written ? 0 : -error;
}

/* A user namespace in which we are root, to be allowed a mount namespace. */
static int become_root(void) {
    char users[64], groups[64];

    snprintf(users, sizeof users, "0 %u 1", (unsigned)getuid());
    snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getgid());
    if (unshare(CLONE_NEWUSER) < 0)
        return -errno;
    int r = write_file("/proc/self/uid_map", users);
    if (r == 0)
        r = write_file("/proc/self/setgroups", "deny");
    return r < 0 ? r : write_file("/proc/self/gid_map", groups);
}

/* A /run of our own for the socket, since libsystemd's path for it is fixed. */
static int make_own_run(void) {
    if (unshare(CLONE_NEWNS) < 0) {
        const int r = become_root();
        if (r < 0)
            return r;
        if (unshare(CLONE_NEWNS) < 0)
            return -errno;
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
        return -errno;
    if (mkdir("/run/systemd", 0755) < 0 || mkdir("/run/systemd/journal", 0755) < 0)
        return -errno;
    return 0;
}

#define reported(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        reported(journal_absent_alert_is_one_line),
        reported(journal_redirected_stderr_gets_lines),
        reported(journal_unread_pipe_drops_lines),
        reported(journal_closed_pipe_drops_lines),
        reported(journal_stuck_terminal_drops_lines),
        reported(journal_record_has_all_fields_and_no_location),
        reported(journal_back_gets_held_alerts_in_order),
        reported(journal_new_alert_follows_held_ones),
        reported(journal_restarted_is_found),
        reported(journal_stopped_delays_and_loses_nothing),
        reported(journal_long_outage_keeps_ends_and_reports_gap),
    };

    const int r = make_own_run();
    if (r < 0) {
        printf("cannot have a /run of its own: %s\n", strerror(-r));
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
