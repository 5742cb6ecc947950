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
#include "daemon/sys/stdio.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Alerts held while the journal takes none. The beginning of the outage and the present are worth
 * most: when the buffer is full, a further alert replaces the newest. */
#define HELD_MAX 64

struct held {
    uint64_t at_usec;
    size_t used;
    char text[CTW_FIELDS_BYTES]; /* the fields, each ended by a NUL */
};

struct ctw_journal {
    bool journal;
    int error; /* of the last attempt to send */
    int out;   /* where lines go if not to the journal */
    size_t n_held;
    uint64_t n_lost;
    struct held held[HELD_MAX];
};

/* $JOURNAL_STREAM is "DEVICE:INODE" of the journal's stream; a stderr that was redirected
 * afterwards is another file, and gets lines (systemd.exec(5)). */
static bool stderr_is_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char is[64];

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(is, sizeof is, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, is) == 0;
}

/* A terminal with room for a single byte is writable, and then blocks within the line. Hence a
 * file description of our own, non-blocking: the flag on that of stderr would hold for the shell
 * and all other programs that share it. */
static int open_line_output(void) {
    if (!isatty(STDERR_FILENO))
        return STDERR_FILENO;

    const int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? STDERR_FILENO : fd;
}

int ctw_journal_new(struct ctw_journal **ret) {
    struct ctw_journal *j = calloc(1, sizeof *j);

    if (!j)
        return -ENOMEM;
    j->journal = stderr_is_journal();
    j->out = j->journal ? -1 : open_line_output();
    *ret = j;
    return 0;
}

struct ctw_journal *ctw_journal_free(struct ctw_journal *j) {
    if (!j)
        return NULL;
    if (j->out > STDERR_FILENO)
        close(j->out);
    free(j);
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
        ctw_write_if_ready(fd, line, (size_t)length);
}

/* --- the journal -------------------------------------------------------------------------- */

/*
 * Whether a record sent now would arrive without delay.
 *
 * sd_journal_sendv() returns success when the socket does not exist (ENOENT), and its socket
 * blocks: a stopped journald with a full queue would stop this process, too. A connected datagram
 * socket polls writable only while the queue of its peer has room (net/unix/af_unix.c:
 * unix_dgram_poll). It is connected anew each time, since a restarted journald may have replaced
 * the socket.
 *
 * This does not cover libsystemd's own send buffer. libsystemd asks for 8 MiB, more than a full
 * queue of our records takes, and gets it with CAP_NET_ADMIN; without (a container),
 * net.core.wmem_max bounds it, and some 190 records unread by a stopped journald can fill it.
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

/* Send the fields in @text, each ended by a NUL, then @extra, which may be NULL. */
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

/* A record that is no alert. */
static int send_plain(const char *message, const char *priority) {
    static const char identifier[] = "SYSLOG_IDENTIFIER=ctwatchd";
    const struct iovec iov[] = {
        {.iov_base = (char *)message, .iov_len = strlen(message)},
        {.iov_base = (char *)priority, .iov_len = strlen(priority)},
        {.iov_base = (char *)identifier, .iov_len = sizeof identifier - 1},
    };

    return journal_send(iov, sizeof iov / sizeof iov[0]);
}

/* Log the number of alerts lost, at the place of the gap. */
static int send_lost(uint64_t lost) {
    char message[128];

    snprintf(message, sizeof message,
             "MESSAGE=%" PRIu64 " alert%s lost here: the journal took no records.", lost,
             lost == 1 ? " was" : "s were");
    return send_plain(message, "PRIORITY=4");
}

static void hold(struct ctw_journal *j, const struct ctw_fields *f) {
    if (j->n_held == HELD_MAX) {
        j->n_held--;
        j->n_lost++;
    }

    struct held *h = &j->held[j->n_held++];
    h->at_usec = ctw_monotonic_usec();
    h->used = f->used;
    memcpy(h->text, f->text, f->used);
}

static int send_held(struct ctw_journal *j, const struct held *h) {
    const uint64_t late = (ctw_monotonic_usec() - h->at_usec) / CTW_USEC_PER_SEC;
    char delayed[64];

    /* The gap is just before the newest alert. */
    if (j->n_lost > 0 && h == &j->held[j->n_held - 1]) {
        const int e = send_lost(j->n_lost);
        if (e < 0)
            return e;
        j->n_lost = 0;
    }
    snprintf(delayed, sizeof delayed, "CTWATCH_DELAYED_SECONDS=%" PRIu64, late);
    return send_text(h->text, h->used, delayed);
}

/* Send held alerts, oldest first, until the journal takes no more. */
static void flush_held(struct ctw_journal *j) {
    size_t sent = 0;

    while (sent < j->n_held && (j->error = send_held(j, &j->held[sent])) == 0)
        sent++;
    j->n_held -= sent;
    memmove(j->held, j->held + sent, j->n_held * sizeof j->held[0]);
}

void ctw_journal_send(struct ctw_journal *j, const struct ctw_fields *f) {
    if (!j->journal) {
        write_line(j->out, f);
        return;
    }
    flush_held(j);
    if (j->n_held == 0)
        j->error = send_text(f->text, f->used, NULL);
    if (j->error < 0)
        hold(j, f);
}

void ctw_journal_flush(struct ctw_journal *j, struct ctw_source_health *ret) {
    *ret = (struct ctw_source_health){.health = CTW_HEALTH_UNUSED};
    if (!j->journal)
        return;
    flush_held(j);
    *ret = ctw_source_health_of(j->error < 0 ? CTW_HEALTH_FAILED : CTW_HEALTH_OK, j->error,
                                JOURNAL_SOCKET);
}

void ctw_journal_note(struct ctw_journal *j, const char *text) {
    char message[256];

    if (!j->journal)
        return;
    snprintf(message, sizeof message, "MESSAGE=%s", text);
    (void)send_plain(message, "PRIORITY=7");
}
