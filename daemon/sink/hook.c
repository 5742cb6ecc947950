/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sink/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/sys/clock.h"
#include "daemon/sys/config.h"
#include "daemon/sys/stdio.h"

#define QUEUE_MAX     16
#define ARGUMENTS_MAX 64

/* The alert follows a connection at once. */
#define PACKET_LIMIT_MSEC 5000

/* An answer may wait for the command of another client, --test-alert, and for a busy machine. */
#define ANSWER_LIMIT_USEC(limit_usec) (2 * (limit_usec) + 10 * CTW_USEC_PER_SEC)

struct waiting {
    size_t used;
    char text[CTW_FIELDS_BYTES]; /* the fields, each ended by a NUL */
};

struct ctw_hook {
    sd_event *event;
    const char *socket; /* NULL: the runner is a child */
    uint64_t limit_usec;
    char command[CTW_COMMAND_MAX]; /* the latest */

    int runner;  /* the connection to the runner of the present alert; -1: none */
    pid_t child; /* the runner, when it is a child */
    sd_event_source *answer, *limit;

    struct ctw_source_health health; /* of the last run */
    struct ctw_source_health fault;  /* the last one that ctw_hook_health() has not returned */
    uint64_t failures, n_dropped;
    size_t head, n_waiting;
    struct waiting queue[QUEUE_MAX];
};

/* --- the program --------------------------------------------------------------------------- */

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

/* What a shell returns for a program that it cannot start. */
static void not_started(struct ctw_outcome *o, int error) {
    o->ending = CTW_ENDED_EXIT;
    o->number = 127;
    o->errors_length = (size_t)snprintf(o->errors, sizeof(o->errors), "%s", strerror(error));
}

static void __attribute__((noreturn)) execute(char *argv[], char *env[], int errors) {
    sigset_t none;

    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int s = 1; s <= SIGRTMAX; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
        dup2(errors, STDERR_FILENO) >= 0) {
        /* Descriptors of a library may not be close-on-exec. */
        close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
        execve(argv[0], argv, env);
    }
    (void)dprintf(errors, "%s", strerror(errno));
    _exit(127);
}

/* Keeps the end of what the program writes on stderr. Return: false at its end. */
static bool keep_errors(int errors, struct ctw_outcome *o) {
    char text[4096], *from = text;
    const ssize_t n = read(errors, text, sizeof(text));

    if (n <= 0)
        return n < 0 && errno == EINTR;
    size_t size = (size_t)n;
    if (size > CTW_STDERR_MAX) {
        from += size - CTW_STDERR_MAX;
        size = CTW_STDERR_MAX;
    }
    const size_t room = CTW_STDERR_MAX - size,
                 kept = o->errors_length < room ? o->errors_length : room;
    memmove(o->errors, o->errors + o->errors_length - kept, kept);
    memcpy(o->errors + kept, from, size);
    o->errors_length = kept + size;
    return true;
}

static bool has_ended(pid_t pid, siginfo_t *ret) {
    ret->si_pid = 0;
    return waitid(P_PID, (id_t)pid, ret, WEXITED | WNOHANG | WNOWAIT) == 0 && ret->si_pid == pid;
}

/* Waits until the program ends, its time is up, or the other end of @owner is closed. */
static void follow(pid_t pid, int errors, int ended, int owner, uint64_t limit_usec,
                   struct ctw_outcome *ret) {
    struct pollfd p[] = {
        {.fd = errors, .events = POLLIN}, {.fd = ended, .events = POLLIN}, {.fd = owner}};
    const uint64_t until = ctw_monotonic_usec() + limit_usec;
    struct signalfd_siginfo signal;
    siginfo_t info;

    ret->ending = CTW_ENDED_SIGNAL; /* without an owner */
    ret->number = SIGKILL;
    while (!has_ended(pid, &info)) {
        const uint64_t now = ctw_monotonic_usec();
        if (now >= until)
            ret->ending = CTW_ENDED_TIMEOUT;
        if (now >= until || p[2].revents != 0)
            break;
        if (poll(p, 3, (int)((until - now) / CTW_USEC_PER_MSEC) + 1) <= 0)
            continue;
        if (p[0].revents != 0 && !keep_errors(errors, ret))
            p[0].fd = -1;
        if (p[1].revents != 0)
            (void)!read(ended, &signal, sizeof(signal));
    }
    if (info.si_pid == pid) {
        ret->ending = info.si_code == CLD_EXITED ? CTW_ENDED_EXIT : CTW_ENDED_SIGNAL;
        ret->number = (uint8_t)info.si_status;
    }
    /* The rest of its group, too: it is not reaped yet, so its process id is still the group's. A
     * program of another user (set-user-ID) cannot be killed, and is not waited for. */
    kill(-pid, SIGKILL);
    if (info.si_pid == pid || kill(pid, SIGKILL) == 0)
        (void)waitpid(pid, NULL, 0);
    for (int i = 0; i < 32 && poll(p, 1, 0) == 1 && keep_errors(errors, ret); i++)
        ; /* a pipe holds 64 KiB */
}

static void run(int owner, char *argv[], char *env[], uint64_t limit_usec,
                struct ctw_outcome *ret) {
    sigset_t child_ended;
    int errors[2];

    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, NULL);
    const int ended = signalfd(-1, &child_ended, SFD_CLOEXEC);
    if (ended < 0 || pipe2(errors, O_CLOEXEC) < 0) {
        not_started(ret, errno);
        close(ended);
        return;
    }
    const pid_t pid = fork();
    if (pid == 0)
        execute(argv, env, errors[1]);
    if (pid < 0)
        not_started(ret, errno);
    close(errors[1]);
    if (pid > 0)
        follow(pid, errors[0], ended, owner, limit_usec, ret);
    close(errors[0]);
    close(ended);
}

/* --- the runner ---------------------------------------------------------------------------- */

/* Receives one alert, runs the command, and answers. @owner: -1, or the connection that must stay
 * open while the command runs. @command is changed. Return: false when there was no alert. */
static bool serve(int connection, int owner, char *command, uint64_t limit_usec,
                  struct ctw_environment *ret_env, struct ctw_outcome *ret) {
    char packet[CTW_FIELDS_BYTES + 1], answer[CTW_OUTCOME_BYTES], *argv[ARGUMENTS_MAX + 1];
    struct pollfd p = {.fd = connection, .events = POLLIN};

    if (poll(&p, 1, PACKET_LIMIT_MSEC) != 1)
        return false;
    const ssize_t n = recv(connection, packet, sizeof(packet), MSG_DONTWAIT);
    if (n <= 0 || ctw_environment_read(packet, (size_t)n, ret_env) < 0)
        return false;
    *ret = (struct ctw_outcome){0};
    const int r = split(command, argv);
    if (r < 0)
        not_started(ret, -r);
    else
        run(owner, argv, ret_env->variable, limit_usec, ret);
    (void)send(connection, answer, ctw_outcome_print(ret, answer), MSG_NOSIGNAL | MSG_DONTWAIT);
    return true;
}

/* "table_full: exit 0" */
static void record(const struct ctw_environment *env, const struct ctw_outcome *o) {
    struct ctw_line ending, line;
    const char *kind = "";

    for (size_t i = 0; env->variable[i]; i++)
        if (strncmp(env->variable[i], "CTWATCH_ALERT=", 14) == 0)
            kind = env->variable[i] + 14;
    ctw_outcome_line(o, &ending);
    ctw_line_start(&line);
    ctw_line_add(&line, "%.32s: %.*s", kind, 2 * CTW_STDERR_MAX, ending.text);
    line.text[line.length++] = '\n';
    ctw_write_if_ready(STDERR_FILENO, line.text, line.length);
}

int ctw_hook_serve(const char *config, uint64_t limit_usec) {
    char error[CTW_CONFIG_ERROR_MAX], command[CTW_COMMAND_MAX];
    struct ctw_settings settings = {0};
    struct ctw_environment env;
    struct ctw_outcome outcome;

    if (sd_listen_fds(1) != 1)
        return -EINVAL;
    for (;;) {
        const int connection = accept4(SD_LISTEN_FDS_START, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0)
            return -errno;
        /* A configuration with a fault leaves the command in force, as in ctwatchd. */
        if (ctw_config_load(config, &settings, error) < 0)
            (void)fprintf(stderr, "%s\n", error);
        (void)snprintf(command, sizeof(command), "%s", settings.alerts.command);
        /* A page that has begun goes out, even when ctwatchd is restarted. */
        if (serve(connection, -1, command, limit_usec, &env, &outcome))
            record(&env, &outcome);
        close(connection);
    }
}

/* What the daemon has, and its command must not. Without CAP_SETPCAP the bounding set stays, which
 * gives nothing to a user other than root. */
static void give_up_privileges(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}};

    for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
        prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    syscall(SYS_capset, &header, none);

    const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, "0", 1);
        close(fd);
    }
}

/* --- one alert ----------------------------------------------------------------------------- */

/* A runner for this alert alone. It has no descriptor of the daemon: not its lock either. */
static int fork_runner(struct ctw_hook *h) {
    struct ctw_environment env;
    struct ctw_outcome outcome;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    h->child = fork();
    if (h->child == 0) {
        const int connection = dup2(pair[1], STDERR_FILENO + 1);
        close_range((unsigned)connection + 1, ~0u, 0);
        give_up_privileges();
        (void)serve(connection, connection, h->command, h->limit_usec, &env, &outcome);
        _exit(0);
    }
    const int r = h->child < 0 ? -errno : 0;
    close(pair[1]);
    h->runner = pair[0];
    return r;
}

static int connect_runner(struct ctw_hook *h) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(h->socket) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, h->socket, strlen(h->socket));
    h->runner = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return h->runner < 0 ||
                   connect(h->runner, (const struct sockaddr *)&address, sizeof(address)) < 0
               ? -errno
               : 0;
}

/* Ends the runner, which kills its program, and waits for it when it is a child. */
static void stop(struct ctw_hook *h) {
    h->answer = sd_event_source_disable_unref(h->answer);
    h->limit = sd_event_source_disable_unref(h->limit);
    if (h->runner >= 0)
        close(h->runner);
    h->runner = -1;
    if (h->child > 0)
        while (waitpid(h->child, NULL, 0) < 0 && errno == EINTR)
            ;
    h->child = 0;
}

static int send_alert(struct ctw_hook *h, const char *text, size_t size) {
    const int r = h->socket ? connect_runner(h) : fork_runner(h);

    if (r < 0)
        return r;
    return send(h->runner, text, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Return: 0; -EAGAIN; -ECONNRESET: the runner ended without an answer; -EBADMSG. */
static int receive_outcome(struct ctw_hook *h, struct ctw_outcome *ret) {
    char packet[CTW_OUTCOME_BYTES + 1];
    const ssize_t n = recv(h->runner, packet, sizeof(packet), MSG_DONTWAIT);

    if (n <= 0)
        return n == 0 ? -ECONNRESET : -errno;
    return ctw_outcome_parse(packet, (size_t)n, ret);
}

/* --- the queue ----------------------------------------------------------------------------- */

/* @what: NULL: the runner */
static void fail(struct ctw_hook *h, int error, const char *what) {
    if (!what)
        what = h->socket ? h->socket : h->command;
    h->failures++;
    h->fault = h->health = ctw_source_health_of(CTW_HEALTH_FAILED, error, what);
}

static void start_next(struct ctw_hook *h);

/* @r: 0, or why there is no outcome */
static int conclude(struct ctw_hook *h, int r, const struct ctw_outcome *outcome) {
    struct ctw_line ending;

    if (r < 0) {
        fail(h, r, NULL);
    } else if (outcome->ending != CTW_ENDED_EXIT || outcome->number != 0) {
        ctw_outcome_line(outcome, &ending);
        fail(h, 0, ending.text);
    } else {
        h->health = ctw_source_health_of(CTW_HEALTH_OK, 0, NULL);
        h->n_dropped = 0;
    }
    stop(h);
    start_next(h);
    return 0;
}

static int on_answer(sd_event_source *s, int fd, uint32_t events, void *userdata) {
    struct ctw_outcome outcome;
    const int r = receive_outcome(userdata, &outcome);

    return r == -EAGAIN ? 0 : conclude(userdata, r, &outcome);
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata) {
    struct ctw_hook *h = userdata;

    if (h->child > 0)
        kill(h->child, SIGKILL);
    return conclude(h, -ETIMEDOUT, NULL);
}

static int start(struct ctw_hook *h, const struct waiting *w) {
    int r = send_alert(h, w->text, w->used);
    if (r >= 0)
        r = sd_event_add_io(h->event, &h->answer, h->runner, POLLIN, on_answer, h);
    if (r >= 0)
        r = sd_event_add_time_relative(h->event, &h->limit, CLOCK_MONOTONIC,
                                       ANSWER_LIMIT_USEC(h->limit_usec), 0, on_limit, h);
    if (r < 0)
        stop(h);
    return r;
}

static void start_next(struct ctw_hook *h) {
    while (h->runner < 0 && h->n_waiting > 0) {
        const struct waiting *w = &h->queue[h->head];

        h->head = (h->head + 1) % QUEUE_MAX;
        h->n_waiting--;
        const int r = start(h, w);
        if (r < 0)
            fail(h, r, NULL);
    }
}

/* --- interface ----------------------------------------------------------------------------- */

int ctw_hook_new(sd_event *event, const char *socket, uint64_t limit_usec, struct ctw_hook **ret) {
    struct ctw_hook *h = calloc(1, sizeof *h);

    if (!h)
        return -ENOMEM;
    h->event = sd_event_ref(event);
    h->socket = socket;
    h->limit_usec = limit_usec;
    h->runner = -1;
    *ret = h;
    return 0;
}

struct ctw_hook *ctw_hook_free(struct ctw_hook *h) {
    if (!h)
        return NULL;
    stop(h);
    sd_event_unref(h->event);
    free(h);
    return NULL;
}

void ctw_hook_run(struct ctw_hook *h, const char *command, const struct ctw_fields *f) {
    char what[64];

    if (*command == '\0')
        return;
    (void)snprintf(h->command, sizeof h->command, "%s", command);
    if (h->n_waiting == QUEUE_MAX) {
        (void)snprintf(what, sizeof(what), "too slow, %" PRIu64 " alerts were not passed to it",
                       ++h->n_dropped);
        fail(h, 0, what);
        return;
    }

    struct waiting *w = &h->queue[(h->head + h->n_waiting++) % QUEUE_MAX];
    w->used = f->used;
    memcpy(w->text, f->text, f->used);
    start_next(h);
}

uint64_t ctw_hook_health(struct ctw_hook *h, const char *command, struct ctw_source_health *ret) {
    *ret = h->fault.health == CTW_HEALTH_FAILED ? h->fault : h->health;
    if (*command == '\0')
        *ret = (struct ctw_source_health){0};
    h->fault = (struct ctw_source_health){0};
    return h->failures;
}

int ctw_hook_test(struct ctw_hook *h, const char *command, const struct ctw_fields *f,
                  struct ctw_outcome *ret) {
    (void)snprintf(h->command, sizeof h->command, "%s", command);
    int r = send_alert(h, f->text, f->used);
    struct pollfd p = {.fd = h->runner, .events = POLLIN};
    if (r >= 0 && poll(&p, 1, (int)(ANSWER_LIMIT_USEC(h->limit_usec) / CTW_USEC_PER_MSEC)) == 0)
        r = -ETIMEDOUT;
    if (r >= 0)
        r = receive_outcome(h, ret);
    stop(h);
    return r;
}
