/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tape.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/course.h"
#include "../lib/range_query.h"
#include "../lib/state_fault.h"
#include "state.h"

/* Read at once. */
#define BUFFER_BYTES ((size_t)256 << 10)

/* Lines that cannot be read are told of up to this. */
#define FAULTS_TOLD 5u

/* By these it is seen what the file is. */
#define MARK_BYTES      64u
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* A file being read, line by line. */
struct reader {
    const char *name;
    int fd;
    char *buffer; /* BUFFER_BYTES */
    size_t begin, end;
    bool at_end;
    uint64_t line; /* of the file, from 1 on */
};

static void complain(const struct reader *f, uint64_t line, const char *what) {
    if (line > 0)
        (void)fprintf(stderr, "%s:%" PRIu64 ": %s\n", f->name, line, what);
    else
        (void)fprintf(stderr, "%s: %s\n", f->name, what);
}

static void take_fault(struct ctw_tape *t, const struct reader *f, const char *what) {
    if (t->lines.bad < FAULTS_TOLD)
        complain(f, f->line, what);
    else if (t->lines.bad == FAULTS_TOLD)
        complain(f, 0,
                 f->line > 0 ? "more lines cannot be read, and are counted only"
                             : "more values cannot be read, and are counted only");
    t->lines.bad++;
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* Get more behind what is there. Return: 0, or a negative errno, which has been told. */
static int fill(struct reader *f) {
    memmove(f->buffer, f->buffer + f->begin, f->end - f->begin);
    f->end -= f->begin;
    f->begin = 0;
    while (!f->at_end && f->end < BUFFER_BYTES) {
        const ssize_t n = read(f->fd, f->buffer + f->end, BUFFER_BYTES - f->end);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            const int error = errno;
            complain(f, 0, strerror(error));
            return -error;
        }
        f->end += (size_t)n;
        f->at_end = n == 0;
        if (n > 0)
            break;
    }
    return 0;
}

/* The rest of the file as one text, which is the caller's to free. */
static int read_whole(struct reader *f, char **ret, size_t *ret_length) {
    char *text = NULL;
    size_t length = 0;
    int r = 0;

    while (r == 0 && f->end > f->begin) {
        const size_t n = f->end - f->begin;
        char *more = length + n <= CTW_RANGE_QUERY_BYTES_MAX ? realloc(text, length + n) : NULL;
        if (!more) {
            r = length + n <= CTW_RANGE_QUERY_BYTES_MAX ? -ENOMEM : -EFBIG;
            complain(f, 0, r == -EFBIG ? "is larger than 64 MiB" : strerror(ENOMEM));
            break;
        }
        text = more;
        memcpy(text + length, f->buffer + f->begin, n);
        length += n;
        f->begin = f->end;
        r = fill(f);
    }
    if (r < 0) {
        free(text);
        return r;
    }
    *ret = text;
    *ret_length = length;
    return 0;
}

/* --- records ---------------------------------------------------------------------------------- */

static void take(struct ctw_tape *t, const struct reader *f, enum ctw_reading reading,
                 const struct ctw_record *record, const struct ctw_line *words) {
    switch (reading) {
    case CTW_READ_NOTHING:
        if (words->length > 0)
            complain(f, f->line, words->text);
        break;
    case CTW_READ_RECORD:
        t->play(record, t->userdata);
        break;
    case CTW_READ_HOLE:
        t->lines.unknown++;
        break;
    case CTW_READ_STALE:
        t->lines.stale++;
        break;
    case CTW_READ_BAD:
        take_fault(t, f, words->text);
        break;
    case CTW_READ_REFUSED:
        complain(f, f->line, words->text);
        break;
    }
}

/* Return: the line at the front, NULL when there is no more; @ret_length of it. */
static const char *next_line(struct reader *f, size_t *ret_length) {
    const char *at = f->buffer + f->begin;
    const char *newline = memchr(at, '\n', f->end - f->begin);

    if (!newline)
        return NULL;
    f->begin += (size_t)(newline - at) + 1;
    f->line++;
    *ret_length = (size_t)(newline - at);
    return at;
}

/* The lines that are in the buffer as a whole. */
static int play_buffer(struct ctw_tape *t, struct reader *f, struct ctw_recording *recording) {
    struct ctw_record record;
    size_t length = 0;

    for (const char *line; (line = next_line(f, &length));) {
        if (length > CTW_RECORDING_LINE_MAX) {
            take_fault(t, f, "is longer than a line may be");
            continue;
        }
        const enum ctw_reading reading = ctw_recording_line(recording, line, length, &record);
        take(t, f, reading, &record, &recording->words);
        if (reading == CTW_READ_REFUSED)
            return -EBADMSG;
    }
    return 0;
}

static int play_lines(struct ctw_tape *t, struct reader *f) {
    struct ctw_recording recording = {0};
    bool too_long = false; /* a line of which the beginning is gone */

    for (;;) {
        size_t rest = 0;
        if (too_long && next_line(f, &rest)) {
            take_fault(t, f, "is longer than a line may be");
            too_long = false;
        }
        int r = too_long ? 0 : play_buffer(t, f, &recording);
        if (r < 0)
            return r;
        if (f->at_end)
            break;
        if (f->end - f->begin > CTW_RECORDING_LINE_MAX || too_long) {
            too_long = true;
            f->begin = f->end;
        }
        r = fill(f);
        if (r < 0)
            return r;
    }
    /* A number that was cut short is another number. */
    if (f->end > f->begin || too_long) {
        f->line++;
        take_fault(t, f, "is cut short: there is no newline at its end");
    }
    return 0;
}

static int play_range_query(struct ctw_tape *t, struct reader *f) {
    enum ctw_reading reading;
    struct ctw_range_query q;
    struct ctw_record record;
    struct ctw_line error;
    char *text = NULL;
    size_t length = 0;

    int r = read_whole(f, &text, &length);
    if (r < 0)
        return r;
    r = ctw_range_query_read(&q, text, length, t->instance, &error);
    free(text);
    if (r < 0)
        complain(f, 0, error.text);
    while (r == 0 && ctw_range_query_next(&q, &reading, &record))
        take(t, f, reading, &record, &q.words);
    ctw_range_query_release(&q);
    return r;
}

/* The first byte that is no blank, '\0': none. */
static char first_mark(const struct reader *f) {
    for (size_t i = f->begin; i < f->end; i++)
        if (!strchr(" \t\r\n", f->buffer[i]))
            return f->buffer[i];
    return '\0';
}

static int play(struct ctw_tape *t, struct reader *f) {
    int r = 0;

    while (r == 0 && f->end < MARK_BYTES && !f->at_end) /* a pipe may hand out single bytes */
        r = fill(f);
    if (r < 0)
        return r;
    if (f->end >= strlen(BYTE_ORDER_MARK) &&
        memcmp(f->buffer, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
        f->begin = strlen(BYTE_ORDER_MARK);
    if (first_mark(f) == '{')
        return play_range_query(t, f);
    if (t->instance) {
        complain(f, 0, "has no instances: it is no answer to a range query");
        return -EINVAL;
    }
    return play_lines(t, f);
}

int ctw_tape_play_file(struct ctw_tape *t, const char *path) {
    const bool standard = strcmp(path, "-") == 0;
    struct reader f = {.name = standard ? "standard input" : path, .fd = STDIN_FILENO};

    if (!standard)
        f.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (f.fd < 0) {
        const int error = errno;
        complain(&f, 0, strerror(error));
        return -error;
    }
    f.buffer = malloc(BUFFER_BYTES);
    if (!f.buffer)
        complain(&f, 0, strerror(ENOMEM));
    const int r = f.buffer ? play(t, &f) : -ENOMEM;
    free(f.buffer);
    if (!standard)
        (void)close(f.fd);
    return r;
}

/* --- a daemon's own history ------------------------------------------------------------------- */

static void play_history(struct ctw_tape *t, const struct ctw_snapshot *p,
                         const struct ctw_history *h) {
    struct ctw_course course;
    struct ctw_record record;
    const struct ctw_slot *s;
    enum ctw_resolution r;
    uint64_t last_usec = 0;

    ctw_course_start(&course, h);
    while ((s = ctw_course_next(&course, &r))) {
        const uint64_t at_usec = ctw_snapshot_wall_usec(p, ctw_history_start_usec(r, s->number));
        if (at_usec <= last_usec ||
            !ctw_record_of_slot(s, at_usec, ctw_history_width_usec(r), &record))
            continue;
        last_usec = at_usec;
        t->play(&record, t->userdata);
    }
}

int ctw_tape_play_state(struct ctw_tape *t, const char *directory) {
    struct ctw_snapshot *p = malloc(sizeof(*p));
    struct ctw_history *h = malloc(sizeof(*h));

    int r = p && h ? ctw_state_read_left(directory, p) : -ENOMEM;
    if (r == 0)
        r = ctw_state_read_history(directory, h);
    if (r == 0)
        play_history(t, p, h);
    else
        (void)fprintf(stderr, "%s/state: %s\n", directory, ctw_state_fault(r));
    free(p);
    free(h);
    return r;
}
