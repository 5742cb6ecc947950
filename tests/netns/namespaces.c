/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Processes with network namespaces of their own, for tests and benches.
 *
 *   namespaces many COUNT            COUNT of them, until this is ended; prints "ready"
 *   namespaces churn COUNT RATE MOST COUNT one after another, RATE a second, each with a process
 * for 20 ms; then prints how often one could not be made because MOST were there still, and waits
 * until none of them is namespaces at PID NAME           one, in a process with this id and name;
 * on SIGUSR1 it moves to a new one; prints "ready"
 *
 * churn runs in a user namespace whose limit of network namespaces is MOST: the kernel counts one
 * until it is taken apart, whoever keeps it.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How often one more is tried, 10 ms apart. */
#define TRIES_MAX 3000

static void check(bool ok, const char *what) {
    if (ok)
        return;
    perror(what);
    exit(1);
}

static void rest(long msec) {
    const struct timespec t = {msec / 1000, msec % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

static void say(const char *text) {
    (void)puts(text);
    (void)fflush(stdout);
}

/* --- many ------------------------------------------------------------------------------------- */

static void many(int count) {
    int pipes[2];
    char byte;

    check(pipe(pipes) == 0, "pipe");
    for (int i = 0; i < count; i++) {
        const pid_t pid = fork();
        check(pid >= 0, "fork");
        if (pid > 0)
            continue;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        check(unshare(CLONE_NEWNET) == 0, "unshare");
        check(write(pipes[1], "", 1) == 1, "write");
        for (;;)
            pause();
    }
    for (int i = 0; i < count; i++)
        check(read(pipes[0], &byte, 1) == 1, "read");
    say("ready");
    for (;;)
        pause();
}

/* --- churn ------------------------------------------------------------------------------------ */

static void put(const char *path, const char *text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);

    check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
    (void)close(fd);
}

/* A process that makes one and keeps it for @msec. Return: whether there was room for it. */
static bool one(long msec) {
    int pipes[2];
    char error;

    check(pipe2(pipes, O_CLOEXEC) == 0, "pipe");
    const pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        error = (char)(unshare(CLONE_NEWNET) < 0 ? errno : 0);
        (void)!write(pipes[1], &error, 1);
        if (error == 0)
            rest(msec);
        _exit(0);
    }
    (void)close(pipes[1]);
    check(read(pipes[0], &error, 1) == 1, "read");
    (void)close(pipes[0]);
    errno = error;
    check(error == 0 || error == ENOSPC, "unshare");
    return error == 0;
}

static void churn(int count, int rate, int most) {
    const uid_t uid = getuid();
    unsigned refused = 0;
    char text[64];

    (void)signal(SIGCHLD, SIG_IGN); /* none is left as a zombie */
    check(unshare(CLONE_NEWUSER) == 0, "unshare");
    (void)snprintf(text, sizeof(text), "0 %u 1", uid);
    put("/proc/self/uid_map", text);
    (void)snprintf(text, sizeof(text), "%d", most);
    put("/proc/sys/user/max_net_namespaces", text);
    for (int i = 0; i < count; i++) {
        for (int tries = 0; !one(20); tries++, refused++) {
            check(tries < TRIES_MAX, "no room for one more");
            rest(10);
        }
        rest(1000 / rate);
    }
    say("churned");
    /* All at once again: the kernel has none of them any more. */
    for (int made = 0, tries = 0; made < most; tries++) {
        made = 0;
        while (made < most && one(3000))
            made++;
        check(tries < TRIES_MAX / 300, "some are still there");
        rest(made < most ? 4000 : 0);
    }
    (void)printf("gone, %u times refused\n", refused);
}

/* --- at --------------------------------------------------------------------------------------- */

static void on_signal(int number) {
}

static void at(pid_t pid, const char *name) {
    struct clone_args args = {.flags = CLONE_NEWNET,
                              .exit_signal = SIGCHLD,
                              .set_tid = (uint64_t)(uintptr_t)&pid,
                              .set_tid_size = 1};
    const struct sigaction action = {.sa_handler = on_signal};
    const long r = syscall(SYS_clone3, &args, sizeof(args));

    check(r >= 0, "clone3");
    if (r == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)prctl(PR_SET_NAME, name);
        check(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
        say("ready");
        for (;;) {
            pause();
            check(unshare(CLONE_NEWNET) == 0, "unshare");
            say("moved");
        }
    }
    (void)waitpid((pid_t)r, NULL, 0);
}

int main(int argc, char *argv[]) {
    if (argc == 3 && strcmp(argv[1], "many") == 0)
        many((int)strtol(argv[2], NULL, 10));
    else if (argc == 5 && strcmp(argv[1], "churn") == 0)
        churn((int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10),
              (int)strtol(argv[4], NULL, 10));
    else if (argc == 4 && strcmp(argv[1], "at") == 0)
        at((int)strtol(argv[2], NULL, 10), argv[3]);
    else
        return 2;
    return 0;
}
