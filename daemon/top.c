/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/text.h"
#include "config.h"
#include "screen.h"
#include "top_gather.h"
#include "usage.h"

/* Documented in ctwatch(8). */
#define EXIT_CANNOT_READ 1
#define EXIT_BAD_USAGE   2

#define LINES_MAX       1000u
#define IPV6_PREFIX_MAX 128u

/* Room for one line of a list as JSON, and for all that is around the lists. */
#define ROW_BYTES  192u
#define REST_BYTES 4096u

struct arguments {
    const char *config_path; /* NULL: the usual one, if it is there */
    const char *by;          /* NULL: the overview */
    const char *n, *ipv6_prefix;
    bool exact, json, watch;
    uint64_t watch_usec;
};

/* --- output ---------------------------------------------------------------------------------- */

struct output {
    char *text;
    size_t size;
    bool json, watch;
    struct ctw_screen screen;
};

/* Return: 0 or a negative errno, -EPIPE when nobody reads any more. */
static int show(struct output *o, const struct ctw_top *top) {
    const size_t n = o->json ? ctw_render_top_json(top, o->watch, o->text, o->size)
                             : ctw_render_top_text(top, o->text, o->size);
    if (n == 0 || n >= o->size)
        return -ENOMEM;

    return ctw_screen_show(&o->screen, o->text);
}

/* --- the command line ------------------------------------------------------------------------ */

static int print_usage(FILE *to) {
    (void)fputs("usage: ctwatch top [OPTION...]\n"
                "\n"
                "Shows who fills the connection-tracking table: from a random sample of its\n"
                "entries, with the margin that leaves, or from all of them. Needs CAP_NET_ADMIN.\n"
                "\n"
                "      --exact            count every entry: a second for each half million\n"
                "  -n, --lines N          lines of each list, 1 to 1000\n"
                "      --by WHAT          one list, by source, destination, port, protocol,\n"
                "                         state or zone\n"
                "      --ipv6-prefix N    take IPv6 addresses alike in N bits, 1 to 128, for one\n"
                "  -w, --watch [SECONDS]  again and again, every 2 seconds by default\n"
                "      --json             as JSON; with --watch one object a line\n"
                "  -c, --config FILE      take defaults from FILE instead of\n"
                "                         " CTWATCH_CONFIG_PATH "\n"
                "  -h, --help             print this, and end\n",
                to);
    return ctw_usage_end(to);
}

static int bad_value(const char *option, const char *value, const char *allowed) {
    (void)fprintf(stderr, "ctwatch top: %s: %s is not %s\n", option, value, allowed);
    return EXIT_BAD_USAGE;
}

static int captured(void) {
    (void)fputs("ctwatch top: --root: a captured machine has no table whose entries could be "
                "read\n",
                stderr);
    return EXIT_BAD_USAGE;
}

static int parse_watch(int argc, char *argv[], struct arguments *ret) {
    ret->watch = true;
    return ctw_screen_interval(argc, argv, "ctwatch top", &ret->watch_usec) < 0 ? EXIT_BAD_USAGE
                                                                                : -1;
}

/* Return: -1 to go on, or the exit status. */
static int parse_arguments(int argc, char *argv[], struct arguments *ret) {
    enum { EXACT = 256, BY, IPV6_PREFIX, JSON, ROOT };
    static const struct option options[] = {
        {"exact", no_argument, NULL, EXACT},
        {"lines", required_argument, NULL, 'n'},
        {"by", required_argument, NULL, BY},
        {"ipv6-prefix", required_argument, NULL, IPV6_PREFIX},
        {"watch", optional_argument, NULL, 'w'},
        {"json", no_argument, NULL, JSON},
        {"config", required_argument, NULL, 'c'},
        {"root", required_argument, NULL, ROOT},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int status = -1;

    for (int c; status < 0 && (c = getopt_long(argc, argv, "n:w::c:h", options, NULL)) != -1;) {
        switch (c) {
        case EXACT:
            ret->exact = true;
            break;
        case 'n':
            ret->n = optarg;
            break;
        case BY:
            ret->by = optarg;
            break;
        case IPV6_PREFIX:
            ret->ipv6_prefix = optarg;
            break;
        case 'w':
            status = parse_watch(argc, argv, ret);
            break;
        case JSON:
            ret->json = true;
            break;
        case 'c':
            ret->config_path = optarg;
            break;
        case ROOT:
            return captured();
        case 'h':
            return print_usage(stdout);
        default:
            return print_usage(stderr);
        }
    }
    if (status < 0 && optind < argc) {
        (void)fprintf(stderr, "ctwatch top: unexpected argument: %s\n", argv[optind]);
        return print_usage(stderr);
    }
    return status;
}

static bool parse_number(const char *text, uint64_t min, uint64_t max, uint32_t *ret) {
    uint64_t value;

    if (!text)
        return true;
    if (ctw_text_decimal(text, strlen(text), max, &value) < 0 || value < min)
        return false;
    *ret = (uint32_t)value;
    return true;
}

/* Return: -1 to go on, or the exit status. */
static int make_request(const struct arguments *a, struct ctw_top_request *ret) {
    struct ctw_settings settings;

    if (ctw_config_load_or_defaults(a->config_path, "ctwatch top", &settings) < 0)
        return EXIT_CANNOT_READ;
    *ret = (struct ctw_top_request){
        .sample = a->exact ? 0 : settings.talkers.sample,
        .ipv6_prefix = settings.talkers.ipv6_prefix,
        .n = settings.talkers.top,
        .n_dimensions = a->by ? 1 : 3,
        .dimensions = {CTW_BY_SOURCE, CTW_BY_PORT, CTW_BY_STATE},
        .progress = isatty(STDERR_FILENO) && !a->watch,
    };
    if (!parse_number(a->n, 1, LINES_MAX, &ret->n))
        return bad_value("--lines", a->n, "from 1 to 1000");
    if (!parse_number(a->ipv6_prefix, 1, IPV6_PREFIX_MAX, &ret->ipv6_prefix))
        return bad_value("--ipv6-prefix", a->ipv6_prefix, "from 1 to 128");
    if (a->by && ctw_dimension_find(a->by, &ret->dimensions[0]) < 0)
        return bad_value("--by", a->by, "source, destination, port, protocol, state or zone");
    return -1;
}

/* --- the verb -------------------------------------------------------------------------------- */

static int run(const struct arguments *a, struct ctw_top_gathering *g, struct output *o) {
    char error[CTW_TOP_ERROR_MAX];
    struct ctw_top top;

    for (;;) {
        if (ctw_top_gather(g, &top, error) < 0) {
            (void)fprintf(stderr, "ctwatch top: %s\n", error);
            return EXIT_CANNOT_READ;
        }
        int r = show(o, &top);
        if (r < 0 && r != -EPIPE)
            (void)fprintf(stderr, "ctwatch top: cannot write: %s\n", strerror(-r));
        if (r < 0)
            return r == -EPIPE ? EXIT_SUCCESS : EXIT_CANNOT_READ;
        if (!a->watch)
            return EXIT_SUCCESS;
        (void)ctw_screen_wait(a->watch_usec);
    }
}

int ctw_verb_top(int argc, char *argv[]) {
    struct arguments arguments = {0};
    struct ctw_top_gathering *g = NULL;
    struct ctw_top_request request;

    argv[0] = (char *)"ctwatch top"; /* for getopt's messages: it only reads it */
    int status = parse_arguments(argc, argv, &arguments);
    if (status < 0)
        status = make_request(&arguments, &request);
    if (status >= 0)
        return status;

    struct output o = {
        .size = REST_BYTES + (size_t)request.n * CTW_TOP_LISTS_MAX * ROW_BYTES,
        .json = arguments.json,
        .watch = arguments.watch,
        .screen = {.redraw = arguments.watch && !arguments.json && isatty(STDOUT_FILENO),
                   .apart = !arguments.json},
    };
    o.text = malloc(o.size);
    if (o.text && ctw_top_gather_new(&request, &g) >= 0) {
        status = run(&arguments, g, &o);
    } else {
        (void)fputs("ctwatch top: no memory\n", stderr);
        status = EXIT_CANNOT_READ;
    }
    ctw_top_gather_free(g);
    free(o.text);
    return status;
}
