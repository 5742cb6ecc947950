/* SPDX-License-Identifier: GPL-2.0-or-later */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "daemon/sink/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "daemon/sys/clock.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Alerts held while the journal takes none. How the outage began and how things stand now are
 * worth most, so once the room is used up each further alert takes the place of the newest. */
#define HELD_MAX 64

struct held {
    uint64_t at_usec;
    size_t used;
    char text[CTW_FIELDS_BYTES]; /* the fields, each ended by a NUL */
};

struct ctw_journal {
    bool journal;
    int error; /* of the last try to reach the journal */
    int out;   /* where lines go when there is no journal */
    size_t n_held;
    uint64_t n_lost;
    struct held held[HELD_MAX];
};

/* Whether stderr leads to the journal: "DEVICE:INODE" of it is in $JOURNAL_STREAM, and somebody
 * who redirected stderr after that wants the lines where he redirected it (systemd.exec(5)). */
static bool stderr_is_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char is[64];

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(is, sizeof is, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, is) == 0;
}

/* A terminal reports room for a single byte as "writable", and then blocks within the line. So it
 * is opened anew for ourselves, non-blocking: the flag on stderr's own file description would
 * change it for the shell and everybody else who shares it. */
static int open_line_output(void) {
    if (!isatty(STDERR_FILENO))
        return STDERR_FILENO;

    const int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? STDERR_FILENO : fd;
}

int ctw_journal_new(struct ctw_journal **ret) {
    struct ctw_journal *r = calloc(1, sizeof *r);

    if (!r)
        return -ENOMEM;
    r->journal = stderr_is_journal();
    r->out = r->journal ? -1 : open_line_output();
    *ret = r;
    return 0;
}

struct ctw_journal *ctw_journal_free(struct ctw_journal *r) {
    if (!r)
        return NULL;
    if (r->out > STDERR_FILENO)
        close(r->out);
    free(r);
    return NULL;
}

/* --- stderr ------------------------------------------------------------------------------- */

static const char *priority_word(const char *priority) {
    static const char *const words[] = {"emergency", "alert",  "critical", "error",
                                        "warning",   "notice", "info",     "debug"};

    if (!priority || priority[0] < '0' || priority[0] > '7')
        return "notice";
    return words[priority[0] - '0'];
}

/* Write in one piece, or not at all: nobody may wait for a reader who does not read. */
static void write_if_it_fits(int fd, const char *line, size_t length) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    /* POLLERR: the reader of a pipe is gone, and writing would raise SIGPIPE. */
    if (poll(&p, 1, 0) != 1 || p.revents != POLLOUT)
        return;
    const ssize_t written = write(fd, line, length);
    (void)written;
}

/* "14:03:22 warning usage: Conntrack table at 76.2 % ..." */
static void write_line(int fd, const struct ctw_fields *f) {
    const char *message = ctw_fields_get(f, "MESSAGE");
    const char *kind = ctw_fields_get(f, "CTWATCH_ALERT");
    char line[CTW_FIELDS_BYTES + 64], clock[16] = "";
    const time_t t = time(NULL);
    struct tm tm;

    if (localtime_r(&t, &tm))
        strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    int length = snprintf(line, sizeof line, "%s %s %s: %s\n", clock,
                          priority_word(ctw_fields_get(f, "PRIORITY")), kind ? kind : "",
                          message ? message : "");
    if (length > 0)
        write_if_it_fits(fd, line, (size_t)length);
}

/* --- the journal -------------------------------------------------------------------------- */

/*
 * Whether a record sent now would arrive, and without waiting.
 *
 * sd_journal_sendv() does not tell: it reports success when the socket is not there (ENOENT), and
 * its own socket blocks, so that a stopped journald whose queue is full would stop this process
 * too. A datagram socket that is connected polls writable only while the queue of its peer has
 * room (net/unix/af_unix.c: unix_dgram_poll). It is connected anew each time, since a restarted
 * journald may have replaced the socket.
 *
 * Not seen from here is libsystemd's own send buffer. It asks for 8 MiB, more than a full queue of
 * our records takes, and gets it with CAP_NET_ADMIN; without (a container), net.core.wmem_max
 * bounds it, and some 190 records that a stopped journald has not read can fill it.
 */
static int journal_ready(void) {
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int r = 0;

    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        r = -errno;
    else if (poll(&p, 1, 0) != 1 || p.revents != POLLOUT)
        r = -ENOBUFS;
    close(fd);
    return r;
}

static int journal_send(const struct iovec *iov, size_t n) {
    int r = journal_ready();

    if (r < 0)
        return r;
    r = sd_journal_sendv(iov, (int)n);
    return r < 0 ? r : 0;
}

/* Send fields that lie one behind the other in @text, with @extra (may be NULL) behind them. */
static int send_text(const char *text, size_t used, const char *extra) {
    struct iovec iov[CTW_FIELDS_MAX + 1];
    size_t n = 0;

    for (size_t at = 0; at < used && n < CTW_FIELDS_MAX; n++) {
        const size_t length = strlen(text + at);
        iov[n] = (struct iovec){.iov_base = (char *)text + at, .iov_len = length};
        at += length + 1;
    }
    if (extra)
        iov[n++] = (struct iovec){.iov_base = (char *)extra, .iov_len = strlen(extra)};
    return journal_send(iov, n);
}

/* A line that is no alert. */
static int send_plain(const char *message, const char *priority) {
    static const char identifier[] = "SYSLOG_IDENTIFIER=ctwatchd";
    const struct iovec iov[] = {
        {.iov_base = (char *)message, .iov_len = strlen(message)},
        {.iov_base = (char *)priority, .iov_len = strlen(priority)},
        {.iov_base = (char *)identifier, .iov_len = sizeof identifier - 1},
    };

    return journal_send(iov, sizeof iov / sizeof iov[0]);
}

/* Say how many alerts the held ones stand for, where the gap is. */
static int send_lost(uint64_t lost) {
    char message[128];

    snprintf(message, sizeof message,
             "MESSAGE=%" PRIu64 " alert%s lost here: the journal took no records.", lost,
             lost == 1 ? " was" : "s were");
    return send_plain(message, "PRIORITY=4");
}

static void hold(struct ctw_journal *r, const struct ctw_fields *f) {
    if (r->n_held == HELD_MAX) {
        r->n_held--;
        r->n_lost++;
    }

    struct held *h = &r->held[r->n_held++];
    h->at_usec = ctw_monotonic_usec();
    h->used = f->used;
    memcpy(h->text, f->text, f->used);
}

static int send_held(struct ctw_journal *r, const struct held *h) {
    const uint64_t late = (ctw_monotonic_usec() - h->at_usec) / CTW_USEC_PER_SEC;
    char delayed[64];

    /* Alerts are lost only just before the newest one. */
    if (r->n_lost > 0 && h == &r->held[r->n_held - 1]) {
        const int e = send_lost(r->n_lost);
        if (e < 0)
            return e;
        r->n_lost = 0;
    }
    snprintf(delayed, sizeof delayed, "CTWATCH_DELAYED_SECONDS=%" PRIu64, late);
    return send_text(h->text, h->used, delayed);
}

/* Send what is held, oldest first, until the journal takes no more. */
static void flush_held(struct ctw_journal *r) {
    size_t sent = 0;

    while (sent < r->n_held && (r->error = send_held(r, &r->held[sent])) == 0)
        sent++;
    r->n_held -= sent;
    memmove(r->held, r->held + sent, r->n_held * sizeof r->held[0]);
}

void ctw_journal_send(struct ctw_journal *r, const struct ctw_fields *f) {
    if (!r->journal) {
        write_line(r->out, f);
        return;
    }
    flush_held(r);
    if (r->n_held == 0)
        r->error = send_text(f->text, f->used, NULL);
    if (r->error < 0)
        hold(r, f);
}

void ctw_journal_flush(struct ctw_journal *r, struct ctw_source_health *state) {
    *state = (struct ctw_source_health){.health = CTW_HEALTH_UNUSED};
    if (!r->journal)
        return;
    flush_held(r);
    *state = ctw_source_health_of(r->error < 0 ? CTW_HEALTH_FAILED : CTW_HEALTH_OK, r->error,
                                  JOURNAL_SOCKET);
}

void ctw_journal_note(struct ctw_journal *r, const char *text) {
    char message[256];

    if (!r->journal)
        return;
    snprintf(message, sizeof message, "MESSAGE=%s", text);
    (void)send_plain(message, "PRIORITY=7");
}
