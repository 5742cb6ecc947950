/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sink/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sys/stdio.h"
#include "lib/config/settings.h"

#define QUEUE_MAX     16
#define ARGUMENTS_MAX 64
#define SEARCH_PATH   "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct waiting {
    size_t used;
    char text[CTW_FIELDS_BYTES]; /* the fields, each ended by a NUL */
};

struct ctw_hook {
    sd_event *event;
    uint64_t limit_usec;
    char command[CTW_COMMAND_MAX]; /* the latest */

    pid_t pid; /* the running program, and its process group; 0: none */
    sd_event_source *ended;
    sd_event_source *limit;
    int failure; /* a pipe, into which a child that cannot exec writes the errno */
    bool overdue;

    int fault; /* the errno of the last run; 0: it succeeded */
    uint64_t n_dropped;
    size_t head, n_waiting;
    struct waiting queue[QUEUE_MAX];
};

static void print(const char *fault) {
    char line[256];

    const int length = snprintf(line, sizeof(line), "alerts.command: %.200s\n", fault);
    ctw_write_if_ready(STDERR_FILENO, line, (size_t)length);
}

/* Prints a fault once until another fault or success. @error: an errno; 0: success */
static void report(struct ctw_hook *h, int error) {
    if (error != 0 && error != h->fault)
        print(error == ETIMEDOUT ? "killed at its time limit" : strerror(error));
    h->fault = error;
}

/* Splits @text at blanks, in place. Return: 0; -E2BIG; -ENOENT: there are only blanks. */
static int split(char *text, char *ret_argv[static ARGUMENTS_MAX + 1]) {
    static const char blanks[] = " \t";
    size_t n = 0;

    while (*(text += strspn(text, blanks))) {
        if (n == ARGUMENTS_MAX)
            return -E2BIG;
        ret_argv[n++] = text;
        text += strcspn(text, blanks);
        if (*text)
            *text++ = '\0';
    }
    ret_argv[n] = NULL;
    return n > 0 ? 0 : -ENOENT;
}

/* PATH and the fields. An environment cannot hold a name twice: the values of a repeated field are
 * one variable, separated by newlines. @text has room for all fields. */
static void build_environment(const struct waiting *w, char *text,
                              char *ret[static CTW_FIELDS_MAX + 2]) {
    size_t n = 0, used = 0;

    ret[n++] = (char *)SEARCH_PATH;
    for (size_t at = 0; at < w->used && n <= CTW_FIELDS_MAX;) {
        const char *field = w->text + at;
        const size_t size = strlen(field) + 1, name = strcspn(field, "=") + 1;
        const bool again = strncmp(ret[n - 1], field, name) == 0;

        if (again)
            text[used - 1] = '\n';
        else
            ret[n++] = text + used;
        const size_t skip = again ? name : 0;
        memcpy(text + used, field + skip, size - skip);
        used += size - skip;
        at += size;
    }
    ret[n] = NULL;
}

/* Between fork and exec: only what signal-safety(7) allows. */
static void __attribute__((noreturn)) child(char *argv[], char *env[], int failure) {
    sigset_t none;

    setsid();
    /* The daemon's capabilities are ambient: the program would inherit them. */
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int s = 1; s <= SIGRTMAX; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
        dup2(null, STDERR_FILENO) >= 0) {
        /* Descriptors of a library may not be close-on-exec. */
        close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
        execve(argv[0], argv, env);
    }
    const int error = errno;
    const ssize_t written = write(failure, &error, sizeof error);
    (void)written;
    _exit(127);
}

static void start_next(struct ctw_hook *h);

static int kill_all(const struct ctw_hook *h) {
    kill(-h->pid, SIGKILL);
    return kill(h->pid, SIGKILL); /* it may not lead its group yet */
}

static void clear(struct ctw_hook *h) {
    h->ended = sd_event_source_disable_unref(h->ended);
    h->limit = sd_event_source_disable_unref(h->limit);
    close(h->failure);
    h->pid = 0;
    h->overdue = false;
}

static int on_ended(sd_event_source *s, const siginfo_t *info, void *userdata) {
    struct ctw_hook *h = userdata;
    int error = 0;

    /* Kill its remaining children. The program is reaped after the return, so its process id is
     * still that of the group. */
    kill_all(h);
    if (read(h->failure, &error, sizeof error) != sizeof error)
        error = h->overdue ? ETIMEDOUT : 0;
    report(h, error);
    clear(h);
    start_next(h);
    return 0;
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata) {
    struct ctw_hook *h = userdata;

    h->overdue = true;
    kill_all(h);
    return 0;
}

/* Kills the running program, and waits for its end. A program of another user (set-user-ID) cannot
 * be killed, and is not waited for. */
static void stop(struct ctw_hook *h) {
    if (kill_all(h) == 0)
        while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    clear(h);
}

static int start(struct ctw_hook *h, const struct waiting *w) {
    char command[CTW_COMMAND_MAX], *argv[ARGUMENTS_MAX + 1];
    char text[CTW_FIELDS_BYTES], *env[CTW_FIELDS_MAX + 2];
    int failure[2];

    snprintf(command, sizeof command, "%s", h->command);
    int r = split(command, argv);
    if (r < 0)
        return r;
    build_environment(w, text, env);

    if (pipe2(failure, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    const pid_t pid = fork();
    if (pid == 0)
        child(argv, env, failure[1]);
    r = -errno;
    close(failure[1]);
    if (pid < 0) {
        close(failure[0]);
        return r;
    }

    h->pid = pid;
    h->failure = failure[0];
    r = sd_event_add_child(h->event, &h->ended, pid, WEXITED, on_ended, h);
    if (r >= 0)
        r = sd_event_add_time_relative(h->event, &h->limit, CLOCK_MONOTONIC, h->limit_usec, 0,
                                       on_limit, h);
    if (r < 0)
        stop(h);
    return r;
}

static void start_next(struct ctw_hook *h) {
    while (h->pid == 0 && h->n_waiting > 0) {
        const struct waiting *w = &h->queue[h->head];

        h->head = (h->head + 1) % QUEUE_MAX;
        h->n_waiting--;
        const int r = start(h, w);
        if (r < 0)
            report(h, -r);
    }
    if (h->pid == 0 && h->n_dropped > 0) {
        char drops[96];
        (void)snprintf(drops, sizeof(drops), "too slow, %" PRIu64 " alerts were not passed to it",
                       h->n_dropped);
        print(drops);
        h->n_dropped = 0;
    }
}

int ctw_hook_new(sd_event *event, uint64_t limit_usec, struct ctw_hook **ret) {
    struct ctw_hook *h = calloc(1, sizeof *h);

    if (!h)
        return -ENOMEM;
    h->event = sd_event_ref(event);
    h->limit_usec = limit_usec;
    *ret = h;
    return 0;
}

struct ctw_hook *ctw_hook_free(struct ctw_hook *h) {
    if (!h)
        return NULL;
    if (h->pid != 0)
        stop(h);
    sd_event_unref(h->event);
    free(h);
    return NULL;
}

void ctw_hook_run(struct ctw_hook *h, const char *command, const struct ctw_fields *f) {
    if (*command == '\0')
        return;
    if (strcmp(h->command, command) != 0) {
        snprintf(h->command, sizeof h->command, "%s", command);
        h->fault = 0;
    }
    if (h->n_waiting == QUEUE_MAX) {
        h->n_dropped++;
        return;
    }

    struct waiting *w = &h->queue[(h->head + h->n_waiting++) % QUEUE_MAX];
    w->used = f->used;
    memcpy(w->text, f->text, f->used);
    start_next(h);
}
