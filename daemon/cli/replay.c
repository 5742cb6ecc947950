/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/source/machine.h"
#include "daemon/state/reader.h"
#include "daemon/sys/config.h"
#include "lib/replay/prometheus.h"
#include "lib/replay/recording.h"
#include "lib/replay/replay.h"
#include "lib/state/history.h"
#include "lib/state/snapshot.h"
#include "lib/util/parse.h"
#include "lib/view/plot.h"
#include "lib/view/replay.h"

/* Assumed where the machine's memory cannot be read. */
#define MEMORY_BYTES (UINT64_C(8) << 30)

/* Bytes read at once. */
#define BUFFER_BYTES ((size_t)256 << 10)

/* Unreadable lines that are listed; the others are counted. */
#define FAULTS_LISTED 5u

/* The first bytes show the kind of the file. */
#define MARK_BYTES      64u
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct arguments {
    const char *config_path; /* NULL: the default path, if it exists */
    const char *path;        /* NULL: the history of a ctwatchd */
    const char *state;       /* NULL: CTWATCH_RUN_PATH, of this machine */
    const char *root;        /* "": this machine */
    const char *instance;    /* of a range query; NULL: any */
    struct ctw_cli_list labels;
    const char *plot_path;
    const char *memory;
    uint64_t memory_bytes; /* 0: the machine's */
    const char *max, *timezone;
    struct ctw_recording_options options;
    bool summary, json;
};

struct player {
    const struct arguments *arguments;
    struct ctw_settings settings;
    struct ctw_replay replay;
    struct ctw_plot plot;
    struct ctw_replay_lines lines;
    char text[CTW_RENDER_REPLAY_MAX];
};

/* A file that is read line by line through a buffer of fixed size, or whole. */
struct source {
    const char *name;
    int fd;
    char *buffer;
    size_t size, begin, end; /* of the buffer, and of the bytes at hand */
    bool at_end;
    uint64_t line; /* the number of the line at hand, from 1 */
};

/* --- the command line ------------------------------------------------------------------------- */

static const struct ctw_cli cli = {
    .program = "ctwatch replay",
    .synopses = "[OPTION...] [FILE]",
    .about = "Prints the alerts that ctwatchd would have sent for a recorded table, and how it "
             "would have grown the table: from /history.csv, the answer of Prometheus to a range "
             "query, the export of VictoriaMetrics, CSV of Grafana or collectd, the output of a "
             "loop of date and cat, or lines of time,count,max[,drops]; - is standard input. "
             "Without FILE, from the history that ctwatchd keeps.",
    .options =
        {
            {'c', "config", "FILE", offsetof(struct arguments, config_path),
             "the settings to try, instead of " CTWATCH_CONFIG_PATH},
            {'q', "summary", NULL, offsetof(struct arguments, summary), "only the summary"},
            {0, "json", NULL, offsetof(struct arguments, json), "as JSON, one object a line"},
            {0, "plot", "FILE", offsetof(struct arguments, plot_path), "draw it, as an SVG file"},
            {0, "memory", "SIZE", offsetof(struct arguments, memory),
             "of the machine, for growth; by default that of this machine"},
            {0, "max", "N", offsetof(struct arguments, max),
             "the limit, for a recording of counts alone"},
            {0, "timezone", "ZONE", offsetof(struct arguments, timezone),
             "of times without one, such as Europe/Berlin"},
            {0, "instance", "NAME", offsetof(struct arguments, instance),
             "of a range query: as --label instance=NAME"},
            {CTW_OPTION_LIST, "label", "NAME=VALUE", offsetof(struct arguments, labels),
             "of a range query: use the series with this label; may be given several times"},
            {0, "state", "DIR", offsetof(struct arguments, state),
             "where ctwatchd publishes, instead of " CTWATCH_RUN_PATH},
            {0, "root", "DIR", offsetof(struct arguments, root),
             "take the memory of a captured machine, in DIR/proc"},
        },
    .has_operand = true,
    .operand = offsetof(struct arguments, path),
};

static int bad_usage(const char *what, const char *value) {
    (void)fprintf(stderr, "ctwatch replay: %s%s\n", what, value);
    return EXIT_BAD_USAGE;
}

/* The C library knows the zones; its own is that of --timezone. */
static int64_t offset_of(int64_t local_sec) {
    const time_t as_utc = (time_t)local_sec;
    struct tm local;

    if (!gmtime_r(&as_utc, &local))
        return 0;
    local.tm_isdst = -1;
    return local_sec - (int64_t)mktime(&local);
}

/* A name that the C library does not know would be UTC. Return: false: there is no such zone. */
static bool set_timezone(const char *zone) {
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone);
    if (strcmp(zone, "UTC") != 0 && (strstr(zone, "..") || access(path, R_OK) < 0))
        return false;
    (void)setenv("TZ", zone, 1);
    tzset();
    return true;
}

static int check_recording_options(struct arguments *a) {
    uint64_t max = 0;

    if (a->max && (ctw_text_decimal(a->max, strlen(a->max), UINT32_MAX, &max) < 0 || max == 0))
        return ctw_cli_bad(&cli, "--max", a->max, "1 to 4294967295");
    if (a->timezone && !set_timezone(a->timezone))
        return ctw_cli_bad(&cli, "--timezone", a->timezone,
                           "UTC or a name below /usr/share/zoneinfo, such as Europe/Berlin");
    a->options = (struct ctw_recording_options){
        .has_max = a->max != NULL,
        .max = (uint32_t)max,
        .zone = a->timezone ? offset_of : NULL,
    };
    return -1;
}

/* Options that do not go together. Return: -1 to go on, or the exit status. */
static int check_arguments(struct arguments *a) {
    if (a->memory && (ctw_text_size(a->memory, &a->memory_bytes) < 0 || a->memory_bytes == 0))
        return ctw_cli_bad(&cli, "--memory", a->memory, "a size such as 16GiB");
    if (a->path && a->state)
        return bad_usage("--state: it is either what ctwatchd published, or ", a->path);
    for (size_t i = 0; i < a->labels.n; i++)
        if (strcspn(a->labels.at[i], "=") == strlen(a->labels.at[i]))
            return ctw_cli_bad(&cli, "--label", a->labels.at[i], "NAME=VALUE");
    if (!a->path && (a->instance || a->labels.n > 0))
        return bad_usage(a->instance ? "--instance" : "--label",
                         ": FILE is needed, the answer to a range query");
    if (!a->path && !a->state && a->root[0] != '\0')
        return bad_usage("--root: no ctwatchd publishes there: FILE or --state is needed", "");
    return check_recording_options(a);
}

static uint64_t memory_of(const char *root) {
    struct ctw_growth_facts facts = {0};
    struct ctw_machine *m = NULL;

    if (ctw_machine_new(NULL, root, &m) == 0)
        ctw_machine_read(m, 0, false, &facts);
    (void)ctw_machine_free(m);
    return facts.memory.total_bytes > 0 ? facts.memory.total_bytes : MEMORY_BYTES;
}

/* --- output ----------------------------------------------------------------------------------- */

static void print_alert(uint64_t at_usec, const struct ctw_alert *a, void *userdata) {
    struct player *p = userdata;

    if (a->kind == CTW_ALERT_GREW && a->max_changed)
        ctw_plot_grew(&p->plot, at_usec, a->old_max, a->new_max);
    if (p->arguments->summary)
        return;
    const size_t n =
        ctw_render_replay_alert(at_usec, a, p->arguments->json, p->text, sizeof(p->text));
    if (n > 0 && n < sizeof(p->text))
        (void)fwrite(p->text, 1, n, stdout);
}

static int cannot_write(const char *path) {
    (void)fprintf(stderr, "ctwatch replay: cannot write%s%s: %s\n", path ? " " : "",
                  path ? path : "", strerror(errno));
    return EXIT_CANNOT_READ;
}

/* Return: the exit status. */
static int print_summary(struct player *p) {
    const struct ctw_replay_summary *s = &p->replay.summary;
    const size_t n =
        ctw_render_replay_summary(s, &p->lines, p->arguments->json, p->text, sizeof(p->text));

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

/* --- a recording ------------------------------------------------------------------------------ */

static void play(struct player *p, const struct ctw_record *record) {
    ctw_replay_add(&p->replay, record);
    if (p->arguments->plot_path)
        ctw_plot_add(&p->plot, &p->replay.seen);
}

static void complain(const struct source *f, uint64_t line, const char *what) {
    if (line > 0)
        (void)fprintf(stderr, "%s:%" PRIu64 ": %s\n", f->name, line, what);
    else
        (void)fprintf(stderr, "%s: %s\n", f->name, what);
}

static int fail(const struct source *f, int error) {
    complain(f, 0, strerror(error));
    return -error;
}

static void count_bad(struct player *p, const struct source *f, const char *what) {
    if (p->lines.bad < FAULTS_LISTED)
        complain(f, f->line, what);
    else if (p->lines.bad == FAULTS_LISTED)
        complain(f, 0,
                 f->line > 0 ? "more lines cannot be read, and are counted only"
                             : "more values cannot be read, and are counted only");
    p->lines.bad++;
}

static void take(struct player *p, const struct source *f, enum ctw_reading reading,
                 const struct ctw_record *record, const struct ctw_line *words) {
    switch (reading) {
    case CTW_READ_NOTHING:
    case CTW_READ_REFUSED:
        if (words->length > 0)
            complain(f, f->line, words->text);
        break;
    case CTW_READ_RECORD: play(p, record); break;
    case CTW_READ_HOLE: p->lines.unknown++; break;
    case CTW_READ_STALE: p->lines.stale++; break;
    case CTW_READ_BAD: count_bad(p, f, words->text); break;
    }
}

/* Reads more behind the bytes at hand. Return: 0, or a negative errno that was reported. */
static int fill(struct source *f) {
    ssize_t n;

    if (f->begin > 0)
        memmove(f->buffer, f->buffer + f->begin, f->end - f->begin);
    f->end -= f->begin;
    f->begin = 0;
    do
        n = read(f->fd, f->buffer + f->end, f->size - f->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail(f, errno);
    f->end += (size_t)n;
    f->at_end = n == 0;
    return 0;
}

/* Return: 1: a line, or what is wrong with it in @ret_fault; 0: at the end; a negative errno. */
static int next_line(struct source *f, const char **ret, size_t *ret_length,
                     const char **ret_fault) {
    bool too_long = false;

    f->line++;
    for (;;) {
        const char *at = f->buffer + f->begin, *newline = memchr(at, '\n', f->end - f->begin);
        const size_t length = newline ? (size_t)(newline - at) : f->end - f->begin;
        too_long |= length > CTW_RECORDING_LINE_MAX;
        if (newline || f->at_end) {
            f->begin += length + (newline != NULL);
            *ret = at;
            *ret_length = length;
            /* A number that was cut short is another number. */
            *ret_fault = !newline   ? "is cut short: there is no newline at its end"
                         : too_long ? "is longer than a line may be"
                                    : NULL;
            return newline || too_long || length > 0;
        }
        if (too_long)
            f->begin = f->end;
        const int r = fill(f);
        if (r < 0)
            return r;
    }
}

/* Judged by what fits into the buffer. */
static int find_running_drops(struct source *f, struct ctw_recording_options *given) {
    int r = 0;

    while (r == 0 && !f->at_end && f->end - f->begin < f->size)
        r = fill(f);
    given->drops_rise = ctw_recording_drops_rise(given, f->buffer + f->begin, f->end - f->begin);
    if (given->drops_rise)
        complain(f, 0, "drops only ever rise, and are taken for a running counter");
    return r;
}

static int play_lines(struct player *p, struct source *f) {
    struct ctw_recording recording = {.options = p->arguments->options};
    struct ctw_record record;
    const char *line, *fault;
    size_t length;

    int r = find_running_drops(f, &recording.options);
    if (r < 0)
        return r;
    while ((r = next_line(f, &line, &length, &fault)) > 0) {
        if (fault) {
            count_bad(p, f, fault);
            continue;
        }
        const enum ctw_reading reading = ctw_recording_line(&recording, line, length, &record);
        take(p, f, reading, &record, &recording.words);
        if (reading == CTW_READ_REFUSED)
            return -EBADMSG;
    }
    return r;
}

/* Reads the rest of the file into the buffer, which grows. */
static int read_whole(struct source *f) {
    int r = 0;

    while (r == 0 && !f->at_end) {
        if (f->end == f->size) {
            char *more = realloc(f->buffer, f->size * 2);
            if (!more)
                return fail(f, ENOMEM);
            f->buffer = more;
            f->size *= 2;
        }
        r = fill(f);
        if (f->end - f->begin > CTW_PROMETHEUS_BYTES_MAX) {
            complain(f, 0, "is larger than 64 MiB");
            return -EFBIG;
        }
    }
    return r;
}

static int play_range_query(struct player *p, struct source *f) {
    const struct arguments *a = p->arguments;
    const char *labels[CTW_CLI_LIST_MAX + 1];
    char instance[sizeof("instance=") + 256];
    enum ctw_reading reading;
    struct ctw_prometheus q;
    struct ctw_record record;
    struct ctw_line error;

    int r = read_whole(f);
    if (r < 0)
        return r;
    memcpy(labels, a->labels.at, a->labels.n * sizeof(labels[0]));
    (void)snprintf(instance, sizeof(instance), "instance=%s", a->instance ? a->instance : "");
    labels[a->labels.n] = instance;
    r = ctw_prometheus_read(&q, f->buffer + f->begin, f->end - f->begin, labels,
                            a->labels.n + (a->instance != NULL), &error);
    if (r < 0)
        complain(f, 0, error.text);
    while (r == 0 && ctw_prometheus_next(&q, &reading, &record))
        take(p, f, reading, &record, &q.words);
    ctw_prometheus_release(&q);
    return r;
}

/* The first byte that is no blank; NUL: none. */
static char first_mark(const struct source *f) {
    for (size_t i = f->begin; i < f->end; i++)
        if (!strchr(" \t\r\n", f->buffer[i]))
            return f->buffer[i];
    return '\0';
}

static int play_source(struct player *p, struct source *f) {
    int r = 0;

    while (r == 0 && f->end < MARK_BYTES && !f->at_end) /* a pipe may yield single bytes */
        r = fill(f);
    if (r < 0)
        return r;
    if (f->end >= strlen(BYTE_ORDER_MARK) &&
        memcmp(f->buffer, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
        f->begin = strlen(BYTE_ORDER_MARK);
    if (first_mark(f) == '{')
        return play_range_query(p, f);
    if (p->arguments->instance || p->arguments->labels.n > 0) {
        complain(f, 0, "has no labels: it is no answer to a range query");
        return -EINVAL;
    }
    return play_lines(p, f);
}

/* Return: 0, or a negative errno that was reported. */
static int play_file(struct player *p, const char *path) {
    const bool standard = strcmp(path, "-") == 0;
    struct source f = {
        .name = standard ? "standard input" : path, .fd = STDIN_FILENO, .size = BUFFER_BYTES};

    if (!standard)
        f.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    f.buffer = f.fd >= 0 ? malloc(f.size) : NULL;
    const int r = f.buffer ? play_source(p, &f) : fail(&f, errno);
    free(f.buffer);
    if (!standard && f.fd >= 0)
        (void)close(f.fd);
    return r;
}

/* --- the history of a ctwatchd ---------------------------------------------------------------- */

static void play_history(struct player *p, const struct ctw_snapshot *snapshot,
                         const struct ctw_history *h) {
    struct ctw_history_iter iter;
    uint64_t last_usec = 0;

    ctw_history_iter_start(&iter, h);
    for (const struct ctw_record *slot; (slot = ctw_history_iter_next(&iter));) {
        struct ctw_record record = *slot;
        record.at_usec = ctw_snapshot_wall_usec(snapshot, slot->at_usec);
        if (record.at_usec <= last_usec)
            continue;
        last_usec = record.at_usec;
        ctw_record_fit(&record);
        play(p, &record);
    }
}

static int play_state(struct player *p, const char *directory) {
    struct ctw_snapshot *snapshot = malloc(sizeof(*snapshot));
    struct ctw_history *h = malloc(sizeof(*h));

    int r = snapshot && h ? ctw_state_read(directory, snapshot) : -ENOMEM;
    if (r == 0)
        r = ctw_state_read_history(directory, h);
    if (r == 0)
        play_history(p, snapshot, h);
    else
        (void)fprintf(stderr, "%s/state: %s\n", directory, ctw_state_fault(r));
    free(snapshot);
    free(h);
    return r;
}

/* --- the verb --------------------------------------------------------------------------------- */

static int run(struct player *p) {
    const struct arguments *a = p->arguments;

    ctw_replay_init(&p->replay, &p->settings,
                    a->memory_bytes > 0 ? a->memory_bytes : memory_of(a->root), print_alert, p);
    if ((a->path ? play_file(p, a->path) : play_state(p, a->state ? a->state : CTWATCH_RUN_PATH)) <
        0)
        return EXIT_CANNOT_READ;
    if (p->replay.summary.records == 0) {
        (void)fprintf(stderr, "%s: there is no sample in it\n",
                      a->path ? a->path : "the history of ctwatchd");
        return EXIT_CANNOT_READ;
    }
    int status = print_summary(p);
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
    if (!p)
        return ctw_cli_no_memory(&cli);
    p->arguments = &arguments;
    status = EXIT_CANNOT_READ;
    if (ctw_config_load_or_defaults(arguments.config_path, "ctwatch replay", &p->settings) == 0)
        status = run(p);
    free(p);
    return status;
}
