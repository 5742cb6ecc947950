/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cli/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/verbs.h"
#include "daemon/source/machine.h"
#include "daemon/state/reader.h"
#include "daemon/sys/config.h"
#include "lib/replay/prometheus.h"
#include "lib/replay/replay.h"
#include "lib/state/history.h"
#include "lib/state/snapshot.h"
#include "lib/util/parse.h"
#include "lib/view/plot.h"
#include "lib/view/replay.h"

/* Documented in ctwatch(8). */
#define EXIT_CANNOT_READ 1
#define EXIT_BAD_USAGE   2

/* Where the machine's memory cannot be read. */
#define MEMORY_BYTES (UINT64_C(8) << 30)

struct arguments {
    const char *config_path; /* NULL: the usual one, if it is there */
    const char *path;        /* NULL: what a ctwatchd has published */
    const char *state;       /* NULL: CTWATCH_RUN_PATH, of this machine */
    const char *root;        /* "": this machine */
    const char *instance;
    const char *plot_path;
    const char *memory;
    uint64_t memory_bytes; /* 0: the machine's */
    bool summary, json;
};

struct player {
    const struct arguments *arguments;
    struct ctw_settings settings;
    struct ctw_replay replay;
    struct ctw_plot plot;
    struct ctw_recording_reader reader;
    char text[CTW_RENDER_REPLAY_MAX];
};

/* --- the command line ------------------------------------------------------------------------- */

static const struct ctw_option options[] = {
    {'c', "config", "FILE", CTW_OPTION_TEXT, offsetof(struct arguments, config_path),
     "the settings to try, instead of " CTWATCH_CONFIG_PATH, NULL},
    {'q', "summary", NULL, CTW_OPTION_FLAG, offsetof(struct arguments, summary), "only the summary",
     NULL},
    {0, "json", NULL, CTW_OPTION_FLAG, offsetof(struct arguments, json),
     "as JSON, one object a line", NULL},
    {0, "plot", "FILE", CTW_OPTION_TEXT, offsetof(struct arguments, plot_path),
     "draw it, as an SVG file", NULL},
    {0, "memory", "SIZE", CTW_OPTION_TEXT, offsetof(struct arguments, memory),
     "of the machine, for growth; by default that of this machine", NULL},
    {0, "instance", "NAME", CTW_OPTION_TEXT, offsetof(struct arguments, instance),
     "of a range query: the machine that is meant", NULL},
    {0, "state", "DIR", CTW_OPTION_TEXT, offsetof(struct arguments, state),
     "where ctwatchd publishes, instead of " CTWATCH_RUN_PATH, NULL},
    {0, "root", "DIR", CTW_OPTION_TEXT, offsetof(struct arguments, root),
     "take the memory of a captured machine, in DIR/proc", NULL},
};

static const struct ctw_cli cli = {
    .program = "ctwatch replay",
    .synopses = "[OPTION...] [FILE]",
    .about = "Prints the alerts that ctwatchd would have sent for a recorded table, and how it "
             "would have grown the table: from /history.csv, the answer of Prometheus to a range "
             "query, or lines of time,count,max[,drops]; - is standard input. Without FILE, from "
             "the history that ctwatchd keeps.",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .has_operand = true,
    .operand = offsetof(struct arguments, path),
};

static int bad_usage(const char *what, const char *value) {
    (void)fprintf(stderr, "ctwatch replay: %s%s\n", what, value);
    return EXIT_BAD_USAGE;
}

/* Options that do not go together. Return: -1 to go on, or the exit status. */
static int check_arguments(struct arguments *a) {
    if (a->memory && (ctw_text_size(a->memory, &a->memory_bytes) < 0 || a->memory_bytes == 0))
        return ctw_cli_bad(&cli, "--memory", a->memory, "a size such as 16GiB");
    if (a->path && a->state)
        return bad_usage("--state: it is either what ctwatchd published, or ", a->path);
    if (!a->path && a->instance)
        return bad_usage("--instance: FILE is needed, the answer to a range query", "");
    if (!a->path && !a->state && a->root[0] != '\0')
        return bad_usage("--root: no ctwatchd publishes there: FILE or --state is needed", "");
    return -1;
}

static uint64_t memory_of(const char *root) {
    struct ctw_growth_facts facts = {0};
    struct ctw_machine *m = NULL;

    if (ctw_machine_new(root, &m) == 0)
        ctw_machine_read(m, 0, &facts);
    (void)ctw_machine_free(m);
    return facts.memory.total_bytes > 0 ? facts.memory.total_bytes : MEMORY_BYTES;
}

/* --- what comes of it ------------------------------------------------------------------------- */

static void hear(uint64_t at_usec, const struct ctw_alert *a, void *userdata) {
    struct player *p = userdata;
    size_t n;

    if (a->kind == CTW_ALERT_GREW && a->max_changed)
        ctw_plot_grew(&p->plot, at_usec, a->old_max, a->new_max);
    if (p->arguments->summary)
        return;
    if (p->arguments->json)
        n = ctw_render_replay_alert_json(at_usec, a, p->text, sizeof(p->text));
    else
        n = ctw_render_replay_alert_text(at_usec, a, p->text, sizeof(p->text));
    if (n > 0 && n < sizeof(p->text))
        (void)fwrite(p->text, 1, n, stdout);
}

static void play(const struct ctw_record *record, void *userdata) {
    struct player *p = userdata;

    ctw_replay_add(&p->replay, record);
    if (p->arguments->plot_path)
        ctw_plot_add(&p->plot, &p->replay.seen);
}

static int cannot_write(const char *path) {
    (void)fprintf(stderr, "ctwatch replay: cannot write%s%s: %s\n", path ? " " : "",
                  path ? path : "", strerror(errno));
    return EXIT_CANNOT_READ;
}

/* Return: the exit status. */
static int show_summary(struct player *p) {
    const struct ctw_replay_summary *s = &p->replay.summary;
    size_t n;

    if (p->arguments->json)
        n = ctw_render_replay_summary_json(s, &p->reader.lines, p->text, sizeof(p->text));
    else
        n = ctw_render_replay_summary_text(s, &p->reader.lines, p->text, sizeof(p->text));
    if (n == 0 || n >= sizeof(p->text)) {
        errno = ENOMEM;
        return cannot_write(NULL);
    }
    if (!p->arguments->json && !p->arguments->summary && s->n_alerts > 0)
        (void)fputs("\n", stdout);
    errno = 0;
    (void)fwrite(p->text, 1, n, stdout);
    if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE)
        return cannot_write(NULL);
    return EXIT_SUCCESS;
}

static int draw(const struct player *p) {
    const size_t size = ctw_plot_svg(&p->plot, &p->settings, NULL, 0) + 1;
    char *text = malloc(size);
    FILE *f = text ? fopen(p->arguments->plot_path, "we") : NULL;

    if (f) {
        (void)ctw_plot_svg(&p->plot, &p->settings, text, size);
        (void)fwrite(text, 1, size - 1, f);
    }
    const bool failed = !f || ferror(f);
    const bool unwritten = f && fclose(f) != 0;
    free(text);
    return failed || unwritten ? cannot_write(p->arguments->plot_path) : EXIT_SUCCESS;
}

static int run(struct player *p) {
    const struct arguments *a = p->arguments;

    ctw_replay_init(&p->replay, &p->settings,
                    a->memory_bytes > 0 ? a->memory_bytes : memory_of(a->root), hear, p);
    p->reader = (struct ctw_recording_reader){.instance = a->instance, .play = play, .userdata = p};
    int r = a->path ? ctw_recording_reader_play_file(&p->reader, a->path)
                    : ctw_recording_reader_play_state(&p->reader,
                                                      a->state ? a->state : CTWATCH_RUN_PATH);
    if (r < 0)
        return EXIT_CANNOT_READ;
    if (p->replay.summary.records == 0) {
        (void)fprintf(stderr, "%s: there is no sample in it\n",
                      a->path ? a->path : "the history of ctwatchd");
        return EXIT_CANNOT_READ;
    }
    int status = show_summary(p);
    if (status == EXIT_SUCCESS && a->plot_path)
        status = draw(p);
    return status;
}

int ctw_verb_replay(int argc, char *argv[]) {
    struct arguments arguments = {.root = ""};

    int status = ctw_cli_start(&cli, argc, argv, &arguments);
    if (status < 0)
        status = check_arguments(&arguments);
    if (status >= 0)
        return status;

    struct player *p = calloc(1, sizeof(*p));
    if (!p) {
        (void)fputs("ctwatch replay: no memory\n", stderr);
        return EXIT_CANNOT_READ;
    }
    p->arguments = &arguments;
    status = EXIT_CANNOT_READ;
    if (ctw_config_load_or_defaults(arguments.config_path, "ctwatch replay", &p->settings) == 0)
        status = run(p);
    free(p);
    return status;
}

/* Read at once. */
#define BUFFER_BYTES ((size_t)256 << 10)

/* Lines that cannot be read are told of up to this. */
#define FAULTS_LISTED 5u

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

static void take_fault(struct ctw_recording_reader *t, const struct reader *f, const char *what) {
    if (t->lines.bad < FAULTS_LISTED)
        complain(f, f->line, what);
    else if (t->lines.bad == FAULTS_LISTED)
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
        char *more = length + n <= CTW_PROMETHEUS_BYTES_MAX ? realloc(text, length + n) : NULL;
        if (!more) {
            r = length + n <= CTW_PROMETHEUS_BYTES_MAX ? -ENOMEM : -EFBIG;
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

static void take(struct ctw_recording_reader *t, const struct reader *f, enum ctw_reading reading,
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
static int play_buffer(struct ctw_recording_reader *t, struct reader *f,
                       struct ctw_recording *recording) {
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

static int play_lines(struct ctw_recording_reader *t, struct reader *f) {
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

static int play_range_query(struct ctw_recording_reader *t, struct reader *f) {
    enum ctw_reading reading;
    struct ctw_prometheus q;
    struct ctw_record record;
    struct ctw_line error;
    char *text = NULL;
    size_t length = 0;

    int r = read_whole(f, &text, &length);
    if (r < 0)
        return r;
    r = ctw_prometheus_read(&q, text, length, t->instance, &error);
    free(text);
    if (r < 0)
        complain(f, 0, error.text);
    while (r == 0 && ctw_prometheus_next(&q, &reading, &record))
        take(t, f, reading, &record, &q.words);
    ctw_prometheus_release(&q);
    return r;
}

/* The first byte that is no blank, '\0': none. */
static char first_mark(const struct reader *f) {
    for (size_t i = f->begin; i < f->end; i++)
        if (!strchr(" \t\r\n", f->buffer[i]))
            return f->buffer[i];
    return '\0';
}

static int play_record(struct ctw_recording_reader *t, struct reader *f) {
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

int ctw_recording_reader_play_file(struct ctw_recording_reader *t, const char *path) {
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
    const int r = f.buffer ? play_record(t, &f) : -ENOMEM;
    free(f.buffer);
    if (!standard)
        (void)close(f.fd);
    return r;
}

/* --- a daemon's own history ------------------------------------------------------------------- */

static void play_history(struct ctw_recording_reader *t, const struct ctw_snapshot *p,
                         const struct ctw_history *h) {
    struct ctw_history_iter iter;
    struct ctw_record record;
    const struct ctw_slot *s;
    enum ctw_resolution r;
    uint64_t last_usec = 0;

    ctw_history_iter_start(&iter, h);
    while ((s = ctw_history_iter_next(&iter, &r))) {
        const uint64_t at_usec = ctw_snapshot_wall_usec(p, ctw_history_start_usec(r, s->number));
        if (at_usec <= last_usec ||
            !ctw_record_of_slot(s, at_usec, ctw_history_width_usec(r), &record))
            continue;
        last_usec = at_usec;
        t->play(&record, t->userdata);
    }
}

int ctw_recording_reader_play_state(struct ctw_recording_reader *t, const char *directory) {
    struct ctw_snapshot *p = malloc(sizeof(*p));
    struct ctw_history *h = malloc(sizeof(*h));

    int r = p && h ? ctw_state_read(directory, p) : -ENOMEM;
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
