/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sink/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/config/settings.h"
#include "lib/report/fields.h"

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
    char command[CTW_COMMAND_MAX]; /* the last one asked for */

    pid_t pid; /* what runs, and its process group; 0: nothing does */
    sd_event_source *ended;
    sd_event_source *limit;
    int failure; /* pipe from a child that cannot exec: it sends the errno */
    bool overdue;

    int complaint; /* the errno last complained of; 0 when all has gone well since */
    uint64_t n_dropped;
    size_t head, n_waiting;
    struct waiting queue[QUEUE_MAX];
};

/* --- what goes wrong ----------------------------------------------------------------------- */

static void alert(const char *why) {
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    char line[256];

    const int length = snprintf(line, sizeof line, "alerts.command: %.200s\n", why);
    if (poll(&p, 1, 0) != 1 || p.revents != POLLOUT)
        return; /* nobody reads: that must not stop us */
    const ssize_t written = write(STDERR_FILENO, line, (size_t)length);
    (void)written;
}

/* One line for a fault, however many alerts it costs; @error 0: this time it went well. */
static void complain(struct ctw_hook *c, int error) {
    if (error == c->complaint)
        return;
    c->complaint = error;
    if (error == ETIMEDOUT)
        alert("had not ended when its time was up, and was killed");
    else if (error != 0)
        alert(strerror(error));
}

static void own_up_to_drops(struct ctw_hook *c) {
    char why[96];

    if (c->n_dropped == 0)
        return;
    snprintf(why, sizeof why, "too slow, %" PRIu64 " alerts were not passed to it", c->n_dropped);
    c->n_dropped = 0;
    alert(why);
}

/* --- the child ----------------------------------------------------------------------------- */

/* Split at blanks, in place. Return: 0, -E2BIG. */
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

/* The fields and PATH; an environment cannot hold a name twice, so the values of a repeated field
 * follow each other in one variable, a newline between them. @text has room for all fields. */
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

/* Between fork and exec: nothing but what signal-safety(7) allows. */
static void __attribute__((noreturn)) child(char *argv[], char *env[], int failure) {
    sigset_t none;

    setsid();
    /* The daemon's capabilities are ambient: without this the program would inherit them. */
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int s = 1; s <= SIGRTMAX; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
        dup2(null, STDERR_FILENO) >= 0) {
        /* Descriptors are made close-on-exec in the first place; a library may have forgotten. */
        close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
        execve(argv[0], argv, env);
    }
    const int error = errno;
    const ssize_t written = write(failure, &error, sizeof error);
    (void)written;
    _exit(127);
}

/* --- the course of one run ----------------------------------------------------------------- */

static void start_next(struct ctw_hook *c);

static int kill_all(const struct ctw_hook *c) {
    kill(-c->pid, SIGKILL);
    return kill(c->pid, SIGKILL); /* it may not have got as far as leading its group */
}

static void forget(struct ctw_hook *c) {
    c->ended = sd_event_source_disable_unref(c->ended);
    c->limit = sd_event_source_disable_unref(c->limit);
    close(c->failure);
    c->pid = 0;
    c->overdue = false;
}

static int on_ended(sd_event_source *s, const siginfo_t *info, void *userdata) {
    struct ctw_hook *c = userdata;
    int error = 0;

    (void)s;
    (void)info;
    /* It is not reaped before we return, so its number still means its group: what it left behind
     * goes the same way. */
    kill_all(c);
    if (read(c->failure, &error, sizeof error) != sizeof error)
        error = c->overdue ? ETIMEDOUT : 0;
    complain(c, error);
    forget(c);
    start_next(c);
    return 0;
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata) {
    struct ctw_hook *c = userdata;

    (void)s;
    (void)usec;
    c->overdue = true;
    kill_all(c);
    return 0;
}

static int watch_over(struct ctw_hook *c) {
    int r = sd_event_add_child(c->event, &c->ended, c->pid, WEXITED, on_ended, c);

    if (r >= 0)
        r = sd_event_add_time_relative(c->event, &c->limit, CLOCK_MONOTONIC, c->limit_usec, 0,
                                       on_limit, c);
    return r < 0 ? r : 0;
}

/* End what runs, whatever it is doing. Nothing survives SIGKILL, so this does not wait long; a
 * program that became another user's (set-user-ID) cannot be killed, and is not waited for. */
static void stop(struct ctw_hook *c) {
    if (kill_all(c) == 0)
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    forget(c);
}

static int start(struct ctw_hook *c, const struct waiting *w) {
    char command[CTW_COMMAND_MAX], *argv[ARGUMENTS_MAX + 1];
    char text[CTW_FIELDS_BYTES], *env[CTW_FIELDS_MAX + 2];
    int failure[2];

    snprintf(command, sizeof command, "%s", c->command);
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

    c->pid = pid;
    c->failure = failure[0];
    r = watch_over(c);
    if (r < 0)
        stop(c);
    return r;
}

static void start_next(struct ctw_hook *c) {
    while (c->pid == 0 && c->n_waiting > 0) {
        const struct waiting *w = &c->queue[c->head];

        c->head = (c->head + 1) % QUEUE_MAX;
        c->n_waiting--;
        const int r = start(c, w);
        if (r < 0)
            complain(c, -r);
    }
    if (c->pid == 0)
        own_up_to_drops(c);
}

/* --- interface ----------------------------------------------------------------------------- */

int ctw_hook_new(sd_event *event, uint64_t limit_usec, struct ctw_hook **ret) {
    struct ctw_hook *c;
    sigset_t child_ended;

    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &child_ended, NULL) < 0)
        return -errno;

    c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->event = sd_event_ref(event);
    c->limit_usec = limit_usec;
    *ret = c;
    return 0;
}

struct ctw_hook *ctw_hook_free(struct ctw_hook *c) {
    if (!c)
        return NULL;
    if (c->pid != 0)
        stop(c);
    sd_event_unref(c->event);
    free(c);
    return NULL;
}

void ctw_hook_run(struct ctw_hook *c, const char *command, const struct ctw_fields *f) {
    if (*command == '\0')
        return;
    if (strcmp(c->command, command) != 0) {
        snprintf(c->command, sizeof c->command, "%s", command);
        c->complaint = 0;
    }
    if (c->n_waiting == QUEUE_MAX) {
        c->n_dropped++;
        return;
    }

    struct waiting *w = &c->queue[(c->head + c->n_waiting++) % QUEUE_MAX];
    w->used = f->used;
    memcpy(w->text, f->text, f->used);
    start_next(c);
}
