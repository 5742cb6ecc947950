/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/plot.h"
#include "../lib/render_replay.h"
#include "../lib/replay.h"
#include "../lib/text.h"
#include "config.h"
#include "machine.h"
#include "tape.h"
#include "usage.h"

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
    uint64_t memory_bytes; /* 0: the machine's */
    bool summary, json;
};

struct player {
    const struct arguments *arguments;
    struct ctw_settings settings;
    struct ctw_replay replay;
    struct ctw_plot plot;
    struct ctw_tape tape;
    char text[CTW_RENDER_REPLAY_MAX];
};

/* --- the command line ------------------------------------------------------------------------- */

static int print_usage(FILE *to) {
    (void)fputs("usage: ctwatch replay [OPTION...] [FILE]\n"
                "\n"
                "Says what ctwatchd would have said of a recorded table, and how it would have\n"
                "grown it: /history.csv, the answer of Prometheus to a range query, or\n"
                "time,count,max[,drops]; - is standard input. Without FILE, the history that\n"
                "ctwatchd keeps is taken.\n"
                "\n"
                "  -c, --config FILE    the settings to try, instead of\n"
                "                       " CTWATCH_CONFIG_PATH "\n"
                "  -q, --summary        only the sum of it\n"
                "      --json           as JSON, one object a line\n"
                "      --plot FILE      draw it, as an SVG file\n"
                "      --memory SIZE    of the machine, for growth; by default what this one has\n"
                "      --instance NAME  of a range query: the machine that is meant\n"
                "      --state DIR      where ctwatchd publishes, instead of " CTWATCH_RUN_PATH "\n"
                "      --root DIR       take the memory of a captured machine, in DIR/proc\n"
                "  -h, --help           print this, and end\n",
                to);
    return ctw_usage_end(to);
}

static int bad_usage(const char *what, const char *value) {
    (void)fprintf(stderr, "ctwatch replay: %s%s\n", what, value);
    return EXIT_BAD_USAGE;
}

/* What stands behind the options, and what does not go together. */
static int check_arguments(int argc, char *argv[], struct arguments *ret) {
    if (optind < argc)
        ret->path = argv[optind++];
    if (optind < argc) {
        (void)bad_usage("unexpected argument: ", argv[optind]);
        return print_usage(stderr);
    }
    if (ret->path && ret->state)
        return bad_usage("--state: it is either what ctwatchd published, or ", ret->path);
    if (!ret->path && ret->instance)
        return bad_usage("--instance: FILE is needed, the answer to a range query", "");
    if (!ret->path && !ret->state && ret->root[0] != '\0')
        return bad_usage("--root: no ctwatchd publishes there: FILE or --state is needed", "");
    return -1;
}

/* Return: -1 to go on, or the exit status. */
static int parse_arguments(int argc, char *argv[], struct arguments *ret) {
    enum { JSON = 256, PLOT, MEMORY, INSTANCE, STATE, ROOT };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"summary", no_argument, NULL, 'q'},
        {"json", no_argument, NULL, JSON},
        {"plot", required_argument, NULL, PLOT},
        {"memory", required_argument, NULL, MEMORY},
        {"instance", required_argument, NULL, INSTANCE},
        {"state", required_argument, NULL, STATE},
        {"root", required_argument, NULL, ROOT},
        {"help", no_argument, NULL, 'h'},
        {0},
    };

    for (int c; (c = getopt_long(argc, argv, "c:qh", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            ret->config_path = optarg;
            break;
        case 'q':
            ret->summary = true;
            break;
        case JSON:
            ret->json = true;
            break;
        case PLOT:
            ret->plot_path = optarg;
            break;
        case MEMORY:
            if (ctw_text_size(optarg, &ret->memory_bytes) < 0 || ret->memory_bytes == 0)
                return bad_usage("--memory: a size such as 16GiB is wanted, not ", optarg);
            break;
        case INSTANCE:
            ret->instance = optarg;
            break;
        case STATE:
            ret->state = optarg;
            break;
        case ROOT:
            ret->root = optarg;
            break;
        case 'h':
            return print_usage(stdout);
        default:
            return print_usage(stderr);
        }
    }
    return check_arguments(argc, argv, ret);
}

static uint64_t memory_of(const char *root) {
    struct ctw_growth_facts facts = {0};
    struct ctw_machine *m = NULL;

    if (ctw_machine_new(root, &m) == 0)
        ctw_machine_look(m, 0, &facts);
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
        n = ctw_render_replay_summary_json(s, &p->tape.lines, p->text, sizeof(p->text));
    else
        n = ctw_render_replay_summary_text(s, &p->tape.lines, p->text, sizeof(p->text));
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
    p->tape = (struct ctw_tape){.instance = a->instance, .play = play, .userdata = p};
    int r = a->path ? ctw_tape_play_file(&p->tape, a->path)
                    : ctw_tape_play_state(&p->tape, a->state ? a->state : CTWATCH_RUN_PATH);
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

    argv[0] = (char *)"ctwatch replay"; /* for getopt's messages: it only reads it */
    int status = parse_arguments(argc, argv, &arguments);
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
