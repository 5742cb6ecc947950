/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/sink/hook.h"
#include "lib/report/message.h"
#include "tests/support/alert_samples.h"
#include "tests/support/folder.h"

/* A test that hangs ends after this. */
#define PATIENCE_SECONDS 120

/* As in daemon/sink/hook.c. */
#define QUEUE_MAX 16

/* What the programs write goes into a folder, which is also their first argument. */
struct bench {
    char folder[64];
    char program[128];
    char command[256];
    int true_stderr, stderr_pipe;
    const char *socket; /* of the runner; NULL: it is a child */
    sd_event *event;
    struct ctw_hook *hook;
};

static void make_hook(struct bench *b, uint64_t limit_usec) {
    b->hook = ctw_hook_free(b->hook);
    assert_int_equal(ctw_hook_new(b->event, b->socket, limit_usec, &b->hook), 0);
}

static int set_up(void **state) {
    struct bench *b = calloc(1, sizeof *b);
    int fd[2];
    sigset_t child_ended;

    (void)sigemptyset(&child_ended);
    (void)sigaddset(&child_ended, SIGCHLD);
    assert_int_equal(sigprocmask(SIG_BLOCK, &child_ended, NULL), 0); /* for sd_event_add_child() */
    if (!b)
        return -1;
    snprintf(b->folder, sizeof b->folder, "/tmp/ctwatch-test-command.XXXXXX");
    if (!mkdtemp(b->folder) || sd_event_new(&b->event) < 0 || pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    snprintf(b->program, sizeof b->program, "%s/program", b->folder);
    snprintf(b->command, sizeof b->command, "%s %s", b->program, b->folder);
    b->true_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    b->stderr_pipe = fd[0];
    dup2(fd[1], STDERR_FILENO);
    close(fd[1]);
    make_hook(b, CTW_HOOK_LIMIT_USEC);
    *state = b;
    alarm(PATIENCE_SECONDS);
    return 0;
}

static int tear_down(void **state) {
    struct bench *b = *state;

    alarm(0);
    (void)ctw_hook_free(b->hook);
    sd_event_unref(b->event);
    dup2(b->true_stderr, STDERR_FILENO);
    close(b->true_stderr);
    close(b->stderr_pipe);
    remove_folder(b->folder);
    free(b);
    return 0;
}

/* A shell script; $1 is the folder. */
static void write_program(struct bench *b, const char *body) {
    char script[1024];

    const int n = snprintf(script, sizeof script, "#!/bin/sh\nset -eu\ncd \"$1\"\n%s\n", body);
    assert_in_range(n, 1, sizeof script - 1);
    const int fd = open(b->program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    assert_return_code(fd, errno);
    assert_int_equal(write(fd, script, (size_t)n), n);
    close(fd);
}

static void render(uint64_t drops, struct ctw_fields *ret) {
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);

    a.losses.drops = drops;
    ctw_fields_of(&a, ret);
}

static void run_command(struct bench *b, const char *command, uint64_t drops) {
    struct ctw_fields f;

    render(drops, &f);
    ctw_hook_run(b->hook, command, &f);
}

static void run(struct bench *b, uint64_t drops) {
    run_command(b, b->command, drops);
}

/* What is in a file of the folder, "" while it is not there. */
static const char *contents(struct bench *b, const char *name, char *ret, size_t size) {
    char path[256];

    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, ret, size - 1);
    if (fd >= 0)
        close(fd);
    ret[n > 0 ? n : 0] = '\0';
    return ret;
}

static void turn(struct bench *b) {
    assert_return_code(sd_event_run(b->event, 10 * CTW_USEC_PER_MSEC), errno);
}

/* Run the loop until the file has this content; the alarm bounds it. */
static void wait_until(struct bench *b, const char *name, const char *expected) {
    char text[8192];

    while (strcmp(contents(b, name, text, sizeof text), expected) != 0)
        turn(b);
}

/* Wait for content without the loop, which kills a program at its limit: a busy machine does not
 * make one late. */
static void wait_without_loop(struct bench *b, const char *name) {
    char text[16];

    while (*contents(b, name, text, sizeof text) == '\0')
        usleep(1000);
}

/* Run the loop until a run has failed. */
static void wait_for_fault(struct bench *b, const char *expected) {
    struct ctw_source_health health;
    struct ctw_line fault;

    while (ctw_hook_health(b->hook, b->command, &health), health.health != CTW_HEALTH_FAILED)
        turn(b);
    ctw_message_fault(&health, &fault);
    assert_string_equal(fault.text, expected);
}

static void expect_no_fault(struct bench *b) {
    struct ctw_source_health health;

    (void)ctw_hook_health(b->hook, b->command, &health);
    assert_int_equal(health.health, CTW_HEALTH_OK);
}

/* Run the loop until there is no child: the next is started before the last is reaped. */
static void wait_until_idle(struct bench *b) {
    siginfo_t info;

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        turn(b);
}

static void expect_silence(struct bench *b) {
    char text[16];

    assert_int_equal(read(b->stderr_pipe, text, sizeof text), -1);
}

static int number(const char *digits) {
    return (int)strtol(digits, NULL, 10);
}

/* Ended, reaped or not: a container may have no process that reaps. */
static bool gone(const char *pid) {
    char path[64], stat[512] = "";

    snprintf(path, sizeof path, "/proc/%d/stat", number(pid));
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true;
    const ssize_t n = read(fd, stat, sizeof stat - 1);
    close(fd);
    const char *after_name = strrchr(stat, ')');
    return n <= 0 || !after_name || after_name[2] == 'Z' || after_name[2] == 'X';
}

static void wait_for_end_of(struct bench *b, const char *file) {
    char pid[32];

    contents(b, file, pid, sizeof pid);
    assert_true(number(pid) > 1);
    while (!gone(pid))
        turn(b);
}

/* --- environment ---------------------------------------------------------------------------- */

static void hook_environment_is_path_and_fields(void **state) {
    struct bench *b = *state;
    struct ctw_fields f;
    char text[8192];

    render(1234, &f);
    write_program(b, "env -u PWD -u OLDPWD -u _ -0 >env.new; mv env.new env; echo 1 >done");
    ctw_hook_run(b->hook, b->command, &f);
    wait_until(b, "done", "1\n");

    contents(b, "env", text, sizeof text);
    size_t at = 0, n = 0;
    bool path = false;
    for (; text[at]; at += strlen(text + at) + 1) {
        bool known = strncmp(text + at, "PATH=/", 6) == 0;
        path |= known;
        for (size_t i = 0; i < f.n && !known; i++)
            known = strcmp(text + at, f.field[i]) == 0;
        if (!known)
            fail_msg("not a field: %s", text + at);
        n++;
    }
    assert_true(path);
    assert_int_equal(n, f.n + 1);
}

static void hook_arguments_are_split_at_blanks_without_shell(void **state) {
    struct bench *b = *state;
    char command[512];

    write_program(b, "shift; printf '%s|' \"$#\" \"$@\" >out");
    snprintf(command, sizeof command, "  %s %s  a\t'b  c' $(id);`id` *  ", b->program, b->folder);
    run_command(b, command, 1);
    wait_until(b, "out", "5|a|'b|c'|$(id);`id`|*|");
}

static void hook_program_inherits_nothing(void **state) {
    struct bench *b = *state;
    char text[8192];

    /* Everything that would be inherited: a descriptor without close-on-exec, a blocked
     * signal (SIGCHLD is one), an ignored one, an ambient capability if we have any to give. */
    const int leak = fcntl(b->stderr_pipe, F_DUPFD, 20);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[2];
    assert_int_equal(syscall(SYS_capget, &header, caps), 0);
    caps[0].inheritable |= caps[0].permitted & (1u << CAP_NET_ADMIN);
    assert_int_equal(syscall(SYS_capset, &header, caps), 0);
    const bool ambient = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) == 0;
    if (!ambient)
        print_message("no CAP_NET_ADMIN: not tested that it is not inherited\n");
    signal(SIGUSR1, SIG_IGN);

    write_program(
        b, "streams=$(readlink /proc/$$/fd/0 /proc/$$/fd/1; readlink /proc/$$/fd/2 | tr -d 0-9)\n"
           "echo \"$streams\" >streams\n"
           "[ ! -e /proc/$$/fd/20 ] && echo closed >leak\n"
           "[ $(cut -d' ' -f5,6 /proc/$$/stat | tr ' ' =) = $$=$$ ] && echo own >group\n"
           "cat /proc/$$/oom_score_adj >oom\n"
           "grep -E '^(SigBlk|SigIgn|Cap(Inh|Prm|Eff|Amb))' /proc/$$/status | cut -f2 | sort -u "
           ">status.new\n"
           "mv status.new status");
    run(b, 1);
    wait_until(b, "status", "0000000000000000\n");
    assert_string_equal(contents(b, "oom", text, sizeof text), "0\n");
    assert_string_equal(contents(b, "streams", text, sizeof text),
                        "/dev/null\n/dev/null\npipe:[]\n");
    assert_string_equal(contents(b, "leak", text, sizeof text), "closed\n");
    assert_string_equal(contents(b, "group", text, sizeof text), "own\n");

    signal(SIGUSR1, SIG_DFL);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    close(leak);
}

/* --- queue ---------------------------------------------------------------------------------- */

static void hook_runs_alerts_in_order_one_at_a_time(void **state) {
    struct bench *b = *state;

    write_program(b, "mkdir busy; echo $CTWATCH_DROPS >>log; rmdir busy");
    for (uint64_t i = 1; i <= 5; i++)
        run(b, i);
    wait_until(b, "log", "1\n2\n3\n4\n5\n");
    expect_silence(b);
}

static void hook_full_queue_drops_and_counts(void **state) {
    struct bench *b = *state;
    char text[4096], expected[256] = "";

    write_program(b, "while [ ! -e gate ]; do sleep 0.01; done; echo $CTWATCH_DROPS >>log");
    for (uint64_t i = 0; i < 1 + QUEUE_MAX + 3; i++)
        run(b, i);
    snprintf(text, sizeof text, "%s/gate", b->folder);
    close(open(text, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));

    wait_for_fault(b, "too slow, 3 alerts were not passed to it");
    wait_until_idle(b);
    expect_no_fault(b);
    for (unsigned i = 0; i < 1 + QUEUE_MAX; i++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%u\n", i);
    assert_string_equal(contents(b, "log", text, sizeof text), expected);
}

static void hook_without_command_runs_nothing(void **state) {
    struct bench *b = *state;

    run_command(b, "", 1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child at all */
    assert_int_equal(errno, ECHILD);
}

/* --- faults --------------------------------------------------------------------------------- */

static void hook_exit_status_is_reported_with_the_last_line(void **state) {
    struct bench *b = *state;
    struct ctw_source_health health;

    write_program(b,
                  "[ $CTWATCH_DROPS != 1 ] || { echo connecting >&2; echo no pager >&2; exit 7; }\n"
                  "[ $CTWATCH_DROPS != 2 ] || kill -SEGV $$");
    run(b, 1);
    wait_for_fault(b, "exit 7: no pager");
    run(b, 2);
    wait_until_idle(b);
    wait_for_fault(b, "signal 11");
    run(b, 3);
    wait_until_idle(b);
    expect_no_fault(b);
    assert_int_equal(ctw_hook_health(b->hook, b->command, &health), 2);
    (void)ctw_hook_health(b->hook, "", &health);
    assert_int_equal(health.health, CTW_HEALTH_UNUSED);
}

/* The last run succeeded: the failure before it is reported all the same, once. */
static void hook_fault_before_a_success_is_reported(void **state) {
    struct bench *b = *state;

    write_program(b, "exit $CTWATCH_DROPS");
    run(b, 7);
    run(b, 0);
    wait_until_idle(b);
    wait_for_fault(b, "exit 7");
    expect_no_fault(b);
}

static void hook_program_that_cannot_start_is_reported(void **state) {
    struct bench *b = *state;

    run(b, 1);
    wait_for_fault(b, "exit 127: No such file or directory");
    write_program(b, "echo $CTWATCH_DROPS >>log");
    chmod(b->program, 0644);
    run(b, 2);
    wait_until_idle(b);
    wait_for_fault(b, "exit 127: Permission denied");
}

static void hook_too_many_arguments_are_refused(void **state) {
    struct bench *b = *state;
    char command[512], text[4096];

    write_program(b, "echo ran >out");
    snprintf(command, sizeof command, "%s %s", b->program, b->folder);
    for (int i = 0; i < 70; i++)
        strncat(command, " x", sizeof command - strlen(command) - 1);
    run_command(b, command, 1);
    wait_for_fault(b, "exit 127: Argument list too long");
    assert_string_equal(contents(b, "out", text, sizeof text), "");
}

static void hook_hanging_program_is_killed_and_next_runs(void **state) {
    struct bench *b = *state;

    make_hook(b, CTW_USEC_PER_SEC);
    write_program(b, "trap '' TERM INT HUP\n"
                     "[ $CTWATCH_DROPS = 1 ] || { echo next >out; exit; }\n"
                     "sleep 1000 & echo $! >child; echo $$ >parent; wait");
    run(b, 1);
    run(b, 2);
    wait_without_loop(b, "parent");
    wait_for_fault(b, "timeout");
    wait_without_loop(b, "out");
    wait_until(b, "out", "next\n");
    wait_for_end_of(b, "child");
    wait_for_end_of(b, "parent");
}

static void hook_children_left_behind_are_killed(void **state) {
    struct bench *b = *state;

    write_program(b, "sleep 1000 & echo $! >child.new; mv child.new child; echo 1 >done");
    run(b, 1);
    wait_until(b, "done", "1\n");
    wait_for_end_of(b, "child");
    expect_silence(b);
}

static void hook_output_of_megabytes_is_read(void **state) {
    struct bench *b = *state;

    write_program(b, "head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2; echo 1 >done");
    run(b, 1);
    wait_until(b, "done", "1\n");
    expect_silence(b);
}

static void hook_free_kills_the_program(void **state) {
    struct bench *b = *state;
    char pid[32];

    write_program(b, "trap '' TERM; echo $$ >pid.new; mv pid.new pid; sleep 1000");
    run(b, 1);
    while (*contents(b, "pid", pid, sizeof pid) == '\0')
        turn(b);
    b->hook = ctw_hook_free(b->hook);
    assert_int_equal(kill(number(pid), 0), -1); /* reaped, not only killed */
    assert_int_equal(errno, ESRCH);
    assert_null(ctw_hook_free(NULL));
}

/* --- the runner behind a socket -------------------------------------------------------------- */

/* A listening socket in the folder. */
static int listen_in(struct bench *b, char ret_path[static 96]) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(ret_path, 96, "%s/socket", b->folder);
    memcpy(address.sun_path, ret_path, strlen(ret_path) + 1);
    assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof address), errno);
    assert_return_code(listen(fd, 8), errno);
    return fd;
}

/* As the service manager would start it. */
static pid_t start_runner(struct bench *b, int listener, const char *config) {
    char self[16];

    const pid_t pid = fork();
    if (pid != 0)
        return pid;
    dup2(listener, 3);
    snprintf(self, sizeof self, "%d", (int)getpid());
    setenv("LISTEN_PID", self, 1);
    setenv("LISTEN_FDS", "1", 1);
    _exit(-ctw_hook_serve(config, CTW_HOOK_LIMIT_USEC));
}

static void hook_runner_behind_a_socket_runs_its_own_command(void **state) {
    struct bench *b = *state;
    char path[96], config[96], text[4096];

    const int listener = listen_in(b, path);
    snprintf(config, sizeof config, "%s/ctwatch.conf", b->folder);
    FILE *f = fopen(config, "we");
    assert_non_null(f);
    (void)fprintf(f, "alerts: { command = \"%s\"; };", b->command);
    (void)fclose(f);
    write_program(b,
                  "echo $CTWATCH_DROPS >>log; echo said $CTWATCH_DROPS >&2; exit $CTWATCH_DROPS");
    const pid_t runner = start_runner(b, listener, config);
    b->socket = path;
    make_hook(b, CTW_HOOK_LIMIT_USEC);

    run_command(b, "/bin/false", 0);
    run_command(b, "/bin/false", 7);
    wait_for_fault(b, "exit 7: said 7");
    assert_string_equal(contents(b, "log", text, sizeof text), "0\n7\n");
    const ssize_t n = read(b->stderr_pipe, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    assert_non_null(strstr(text, "table_full: exit 0: said 0\n"));

    /* A page that has begun goes out. */
    write_program(b, "echo 1 >begun; while [ ! -e gate ]; do sleep 0.01; done; echo 1 >ended");
    run_command(b, "/bin/false", 0);
    wait_until(b, "begun", "1\n");
    b->hook = ctw_hook_free(b->hook);
    snprintf(text, sizeof text, "%s/gate", b->folder);
    close(open(text, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    wait_without_loop(b, "ended");

    kill(runner, SIGKILL);
    waitpid(runner, NULL, 0);
    close(listener);
}

static void hook_runner_that_is_missing_or_ends_is_a_fault(void **state) {
    struct bench *b = *state;
    char path[96], expected[160];

    const int listener = listen_in(b, path);
    b->socket = path;
    make_hook(b, CTW_HOOK_LIMIT_USEC);
    run(b, 1);
    close(accept(listener, NULL, NULL));
    snprintf(expected, sizeof expected, "%s: Connection reset by peer", path);
    wait_for_fault(b, expected);
    close(listener);
    run(b, 1);
    snprintf(expected, sizeof expected, "%s: Connection refused", path);
    wait_for_fault(b, expected);
}

static void hook_test_waits_for_the_outcome(void **state) {
    struct bench *b = *state;
    struct ctw_outcome outcome;
    struct ctw_fields f;

    render(7, &f);
    write_program(b, "exit $CTWATCH_DROPS");
    assert_int_equal(ctw_hook_test(b->hook, b->command, &f, &outcome), 0);
    assert_int_equal(outcome.ending, CTW_ENDED_EXIT);
    assert_int_equal(outcome.number, 7);
}

#define commanded(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        commanded(hook_environment_is_path_and_fields),
        commanded(hook_arguments_are_split_at_blanks_without_shell),
        commanded(hook_program_inherits_nothing),
        commanded(hook_runs_alerts_in_order_one_at_a_time),
        commanded(hook_full_queue_drops_and_counts),
        commanded(hook_without_command_runs_nothing),
        commanded(hook_exit_status_is_reported_with_the_last_line),
        commanded(hook_fault_before_a_success_is_reported),
        commanded(hook_program_that_cannot_start_is_reported),
        commanded(hook_too_many_arguments_are_refused),
        commanded(hook_hanging_program_is_killed_and_next_runs),
        commanded(hook_children_left_behind_are_killed),
        commanded(hook_output_of_megabytes_is_read),
        commanded(hook_free_kills_the_program),
        commanded(hook_runner_behind_a_socket_runs_its_own_command),
        commanded(hook_runner_that_is_missing_or_ends_is_a_fault),
        commanded(hook_test_waits_for_the_outcome),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
