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

/* Alerts held while the journal takes no records. When the buffer is full, a further alert replaces
 * the newest: the first alerts of the outage show its cause, the last one the present. */
#define HELD_MAX 64

#define DELAYED_BYTES sizeof("CTWATCH_DELAYED_SECONDS=18446744073709551615")

struct held {
    uint64_t at_usec;
    size_t used;
    char text[CTW_FIELDS_BYTES + DELAYED_BYTES]; /* the fields, each ended by a NUL */
};

struct ctw_journal {
    bool journal;
    int error; /* of the last attempt to send */
    int out;   /* for lines, without a journal */
    size_t n_held;
    uint64_t n_lost;
    struct held held[HELD_MAX];
};

/* $JOURNAL_STREAM is "DEVICE:INODE" of the stderr that systemd connected to the journal
 * (systemd.exec(5)). A stderr that was redirected afterwards is another file. */
static bool stderr_is_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char is[64];

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(is, sizeof is, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, is) == 0;
}

/* A terminal with room for a single byte polls writable, and then blocks within the line.
 * O_NONBLOCK on stderr would also apply to the shell, which shares its file description, so the
 * terminal is opened anew. */
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

/* "14:03:22 warning usage: Conntrack table at 76.2 % ..." */
static void write_line(int fd, const struct ctw_fields *f) {
    static const char *const priorities[] = {"emergency", "alert",  "critical", "error",
                                             "warning",   "notice", "info",     "debug"};
    const char *message = ctw_fields_get(f, "MESSAGE"), *kind = ctw_fields_get(f, "CTWATCH_ALERT"),
               *priority = ctw_fields_get(f, "PRIORITY");
    char line[CTW_FIELDS_BYTES + 64], clock[16] = "";
    const time_t t = time(NULL);
    struct tm tm;

    if (localtime_r(&t, &tm))
        (void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
    const int length = snprintf(line, sizeof(line), "%s %s %s: %s\n", clock,
                                priorities[priority ? (unsigned)(priority[0] - '0') % 8 : 5],
                                kind ? kind : "", message ? message : "");
    ctw_write_if_ready(fd, line, (size_t)length);
}

/*
 * Whether the journal takes a record at once.
 *
 * sd_journal_sendv() returns success when the socket does not exist (ENOENT). It also blocks, so
 * that a stopped journald with a full queue would stop this process. A connected datagram socket
 * polls writable only while the queue of its peer has room (net/unix/af_unix.c: unix_dgram_poll).
 * It is connected anew each time, since a restarted journald may have replaced the socket.
 *
 * The send buffer of libsystemd may be full nevertheless. libsystemd asks for 8 MiB, more than a
 * full queue of our records takes, and gets it with CAP_NET_ADMIN. Without that capability (in a
 * container) net.core.wmem_max bounds it, and some 190 records that a stopped journald has not read
 * can fill it.
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

/* @text: fields, each ended by a NUL. Return: 0 or a negative errno. */
static int send_text(const char *text, size_t used) {
    struct iovec iov[CTW_FIELDS_MAX + 1];
    int n = 0, r = journal_ready();

    for (size_t at = 0; at < used && n <= CTW_FIELDS_MAX; n++) {
        const size_t length = strlen(text + at);
        iov[n] = (struct iovec){.iov_base = (char *)text + at, .iov_len = length};
        at += length + 1;
    }
    if (r >= 0)
        r = sd_journal_sendv(iov, n);
    return r < 0 ? r : 0;
}

/* A record that is no alert. */
static int send_message(char priority, const char *message) {
    char text[320];
    const int n =
        snprintf(text, sizeof(text), "MESSAGE=%.250s%cPRIORITY=%c%cSYSLOG_IDENTIFIER=ctwatchd",
                 message, '\0', priority, '\0');

    return send_text(text, (size_t)n + 1);
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

static int send_held(struct ctw_journal *j, struct held *h) {
    const uint64_t late = (ctw_monotonic_usec() - h->at_usec) / CTW_USEC_PER_SEC;
    char message[96];

    /* The lost alerts were between the newest and the one before. */
    if (j->n_lost > 0 && h == &j->held[j->n_held - 1]) {
        (void)snprintf(message, sizeof(message),
                       "%" PRIu64 " alert%s lost here: the journal took no records.", j->n_lost,
                       j->n_lost == 1 ? " was" : "s were");
        const int e = send_message('4', message);
        if (e < 0)
            return e;
        j->n_lost = 0;
    }
    const int n =
        snprintf(h->text + h->used, DELAYED_BYTES, "CTWATCH_DELAYED_SECONDS=%" PRIu64, late);
    return send_text(h->text, h->used + (size_t)n + 1);
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
        j->error = send_text(f->text, f->used);
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

void ctw_journal_notice(struct ctw_journal *j, const char *text) {
    if (j->journal)
        (void)send_message('5', text);
    else
        (void)dprintf(j->out, "%s\n", text);
}

void ctw_journal_note(struct ctw_journal *j, const char *text) {
    if (j->journal)
        (void)send_message('7', text);
}
