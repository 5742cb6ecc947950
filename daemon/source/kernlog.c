/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/kernlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/sys/procfs.h"

/*
 * read() on /dev/kmsg (tests/netns/test_kernel_kmsg pins this):
 *
 *   n > 0    one record
 *   EAGAIN   no more for now
 *   EPIPE    records were overwritten unread; the next read returns the oldest one left
 *   EINVAL   the record was longer than the buffer and has been skipped
 *
 * Anything else, an end of file included, shows that the file is not the kernel log.
 */

/* Records per wake-up. The descriptor is level-triggered: the rest follows at the next turn of the
 * loop, after the sources that are due meanwhile. */
#define RECORDS_PER_WAKE 256u

/* Bounds the start when the log is written faster than it is read. */
#define RECORDS_AT_START 1000000u

/* Below the timer that polls the table: a flood of lines must not delay it. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

struct ctw_kernlog {
    sd_event *event;
    const char *path;
    ctw_kernlog_wake_fn wake;
    void *userdata;

    int fd;                  /* -1: failed */
    sd_event_source *source; /* while fd is open */
    int error;               /* while it is not: a negative errno */
    uint64_t retry_usec;     /* while it is not: not before; 0: to be set by the next take */

    bool sequence_known;
    uint64_t next_sequence;
    bool resuming; /* opened again: records before next_sequence have been counted */

    struct ctw_log_counts past;
    struct ctw_log_counts fresh;
};

/* Return: whether it is a new loss line. */
static bool count_record(struct ctw_kernlog *k, const struct ctw_kmsg *record,
                         struct ctw_log_counts *counts) {
    if (k->resuming && record->sequence < k->next_sequence)
        return false;
    k->resuming = false;
    if (k->sequence_known && record->sequence > k->next_sequence)
        counts->lost_records += record->sequence - k->next_sequence;
    k->sequence_known = true;
    k->next_sequence = record->sequence + 1;
    ctw_log_counts_add(counts, record);
    return record->kind == CTW_KMSG_TABLE_FULL || record->kind == CTW_KMSG_EXPECT_FULL;
}

/*
 * read_records() - read until there are no more, but at most @most times
 *
 * Lost and unreadable records show as a gap before the next one. Before the first record, when no
 * sequence is known, each counts as one.
 *
 * Return: 0; a negative errno when the log failed: a fatal one, or @most reads without a record.
 */
static int read_records(struct ctw_kernlog *k, struct ctw_log_counts *counts, uint32_t most,
                        bool *ret_loss) {
    char buffer[CTW_KMSG_RECORD_MAX];
    bool any = false, loss = false;
    int r = 0;

    for (uint32_t i = 0; i < most; i++) {
        struct ctw_kmsg record;
        ssize_t n = read(k->fd, buffer, sizeof(buffer));

        if (n > 0)
            r = ctw_kmsg_parse(buffer, (size_t)n, &record);
        else
            r = n < 0 ? -errno : -EIO;

        if (r == 0) {
            any = true;
            loss |= count_record(k, &record, counts);
        } else if (r == -EAGAIN) {
            any = true;
            k->resuming = false;
            break;
        } else if (r == -EPIPE || r == -EINVAL || r == -EBADMSG) {
            if (!k->sequence_known)
                counts->lost_records++;
        } else if (r != -EINTR) {
            any = false;
            break;
        }
    }
    *ret_loss = loss;
    return any ? 0 : r;
}

static void detach(struct ctw_kernlog *k, int error) {
    k->source = sd_event_source_disable_unref(k->source);
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
    k->error = error;
    k->retry_usec = 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct ctw_kernlog *k = userdata;
    bool loss = false;

    int r = read_records(k, &k->fresh, RECORDS_PER_WAKE, &loss);
    /* The kernel log never hangs up, and shows an error (EPIPE) only together with a record. A
     * descriptor that stays in such a state would keep the loop spinning. */
    if (r == 0 && ((revents & EPOLLHUP) || !(revents & EPOLLIN)))
        r = -EIO;
    if (r < 0)
        detach(k, r);
    if (loss)
        k->wake(k->userdata);
    return 0; /* after a negative value sd-event would disable the source */
}

/* A container's /dev/kmsg may be a file, or a link to its console, whose input is not for us. */
static int open_log(const char *path, int whence, int *ret_fd) {
    const int fd = ctw_procfs_open("", path, O_RDONLY);
    struct stat st;
    int r = 0;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        r = -errno;
    else if (!S_ISCHR(st.st_mode) || lseek(fd, 0, whence) < 0)
        r = -ENODEV;
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

/* Also read, so that a log that opens but cannot be read counts as failed. */
static int attach(struct ctw_kernlog *k, int whence, uint32_t most, struct ctw_log_counts *counts) {
    bool loss; /* the caller reads the counts anyway */

    int r = open_log(k->path, whence, &k->fd);
    if (r >= 0)
        r = read_records(k, counts, most, &loss);
    if (r >= 0)
        r = sd_event_add_io(k->event, &k->source, k->fd, EPOLLIN, on_readable, k);
    if (r >= 0)
        r = sd_event_source_set_priority(k->source, PRIORITY);
    if (r < 0)
        detach(k, r);
    return r;
}

/*
 * Records written while the log was closed are still there unless overwritten, so reading resumes
 * behind the last record read. A log that never was read to the end of its past is followed from
 * its end, or old lines would be counted as new.
 */
static void reattach(struct ctw_kernlog *k) {
    k->resuming = k->sequence_known;
    (void)attach(k, k->resuming ? SEEK_SET : SEEK_END, RECORDS_PER_WAKE, &k->fresh);
}

int ctw_kernlog_new(sd_event *event, const char *path, ctw_kernlog_wake_fn wake, void *userdata,
                    struct ctw_kernlog **ret) {
    struct ctw_kernlog *k = malloc(sizeof(*k));

    if (!k)
        return -ENOMEM;
    *k = (struct ctw_kernlog){
        .event = sd_event_ref(event), .path = path, .wake = wake, .userdata = userdata, .fd = -1};
    if (attach(k, SEEK_DATA, RECORDS_AT_START, &k->past) < 0)
        k->sequence_known = false;
    *ret = k;
    return 0;
}

struct ctw_kernlog *ctw_kernlog_free(struct ctw_kernlog *k) {
    if (!k)
        return NULL;
    detach(k, 0);
    sd_event_unref(k->event);
    free(k);
    return NULL;
}

void ctw_kernlog_past(const struct ctw_kernlog *k, uint64_t now_usec, struct ctw_log_counts *ret,
                      uint64_t *ret_age_usec) {
    const uint64_t then_usec = k->past.last_usec;

    *ret = k->past;
    *ret_age_usec = then_usec > 0 && then_usec < now_usec ? now_usec - then_usec : 0;
}

void ctw_kernlog_take(struct ctw_kernlog *k, uint64_t now_usec, struct ctw_log_counts *ret,
                      struct ctw_source_health *state) {
    if (k->fd < 0 && k->retry_usec == 0)
        k->retry_usec = now_usec + CTW_KERNLOG_RETRY_USEC;
    else if (k->fd < 0 && now_usec >= k->retry_usec)
        reattach(k);

    *ret = k->fresh;
    k->fresh = (struct ctw_log_counts){0};
    *state = k->fd < 0 ? ctw_source_health_of(CTW_HEALTH_FAILED, k->error, k->path)
                       : (struct ctw_source_health){.health = CTW_HEALTH_OK};
}
