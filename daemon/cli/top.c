/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/fetch.h"
#include "daemon/cli/terminal.h"
#include "daemon/source/dump.h"
#include "daemon/source/owners.h"
#include "daemon/source/table.h"
#include "daemon/sys/clock.h"
#include "daemon/sys/config.h"
#include "lib/talkers/ranking.h"
#include "lib/view/top.h"

#define LINES_MAX       1000u
#define IPV6_PREFIX_MAX 128u

/* Room for the longest lists as JSON, with 192 bytes for a row, and for everything around them. */
#define TEXT_BYTES (4096u + LINES_MAX * CTW_TOP_LISTS_MAX * 192u)

/*
 * A sample takes milliseconds. It takes longer only where most entries are of other network
 * namespaces: the kernel then searches all of them for ours, holding a CPU, so it must be stopped.
 */
#define SAMPLE_LIMIT_USEC CTW_USEC_PER_SEC

/* A sample of the entries that match a filter is taken from this many: a tenth of a second or two.
 */
#define FILTERED_MAX 200000u

#define DIMENSIONS "source, destination, port, protocol, state, zone, mark, label or helper"

struct arguments {
    const char *config_path; /* NULL: the usual one, if it is there */
    const char *by;          /* NULL: the overview */
    const char *n, *ipv6_prefix;
    const char *state; /* NULL: CTWATCH_RUN_PATH */
    const char *watch; /* NULL: once; "": every 2 seconds */
    uint64_t watch_usec;
    bool exact, new_flows, json;
    struct ctw_cli_words filter;
};

struct request {
    uint32_t sample; /* entries to read; 0: all */
    uint32_t ipv6_prefix;
    uint32_t n; /* rows of each list */
    size_t n_dimensions;
    enum ctw_dimension dimensions[CTW_TOP_LISTS_MAX];
    bool progress; /* on stderr */
    bool filtered;
    struct ctw_filter filter;
    const char *filter_text;
    struct nfct_labelmap *labels; /* NULL: labels have no names */
};

struct list {
    struct ctw_ranking ranking;
    struct ctw_ranking_slot best[LINES_MAX]; /* request.n of each */
    struct ctw_share rows[LINES_MAX];
    uint64_t entries[LINES_MAX];
};

struct gathering {
    struct request request;
    struct ctw_table *table;
    struct ctw_sample sample;
    uint32_t count_after; /* of the walk, which collects expired entries */
    struct ctw_census census;
    struct list lists[CTW_TOP_LISTS_MAX];
    uint64_t read; /* entries, whether or not they match */
    int error;     /* -ENOMEM: no memory for more names */
    struct ctw_progress progress;
    char text[TEXT_BYTES]; /* what is printed */
};

/* --- the command line ------------------------------------------------------------------------ */

static const struct ctw_cli cli = {
    .program = "ctwatch top",
    .synopses = "[OPTION...] [FILTER]",
    .about =
        "Shows what fills the connection-tracking table: from a random sample of its entries, "
        "with the margin of error, or from all of them; with a FILTER, as ctwatch(8) describes "
        "it, from those that match. Needs CAP_NET_ADMIN. With --new it shows who opens new flows, "
        "as ctwatchd has published it.",
    .options =
        {
            {0, "exact", NULL, offsetof(struct arguments, exact),
             "count every entry: about a second for each half million"},
            {0, "new", NULL, offsetof(struct arguments, new_flows),
             "who opens new flows now, from the events that ctwatchd counts"},
            {'n', "lines", "N", offsetof(struct arguments, n), "lines of each list, 1 to 1000"},
            {0, "by", "WHAT", offsetof(struct arguments, by), "one list, by " DIMENSIONS},
            {0, "ipv6-prefix", "N", offsetof(struct arguments, ipv6_prefix),
             "take IPv6 addresses that share N bits, 1 to 128, for one source"},
            {'w', "watch", "[SECONDS]", offsetof(struct arguments, watch),
             "repeat, every 2 seconds by default; on a terminal keys choose what is shown"},
            {0, "json", NULL, offsetof(struct arguments, json),
             "as JSON; with --watch one object a line"},
            {'c', "config", "FILE", offsetof(struct arguments, config_path),
             "defaults from FILE instead of " CTWATCH_CONFIG_PATH},
            {0, "state", "DIR", offsetof(struct arguments, state),
             "with --new, where ctwatchd publishes, instead of " CTWATCH_RUN_PATH},
            {0, "root", "DIR", CTW_OPTION_REFUSED,
             "a captured machine has no table whose entries could be read"},
        },
    .joins_operands = true,
    .operand = offsetof(struct arguments, filter),
};

/* Why these options cannot be used together; NULL: they can. */
static const char *conflict(const struct arguments *a) {
    if (!a->new_flows)
        return a->state ? "--state is for --new" : NULL;
    if (a->exact)
        return "--exact cannot be used with --new";
    if (a->by)
        return "--by cannot be used with --new, which ranks sources";
    if (a->filter.length > 0)
        return "a FILTER cannot be used with --new: ctwatchd has counted all new flows";
    return a->ipv6_prefix ? "--ipv6-prefix cannot be used with --new: ctwatchd has counted by "
                            "talkers.ipv6_prefix"
                          : NULL;
}

static int label_bit(const char *name, void *labels) {
    return labels ? nfct_labelmap_get_bit(labels, name) : -1;
}

/* Return: -1 to go on, or the exit status. */
static int make_request(const struct arguments *a, struct ctw_settings *settings,
                        struct request *ret) {
    const char *why = conflict(a);

    if (why) {
        (void)fprintf(stderr, "ctwatch top: %s\n", why);
        return EXIT_BAD_USAGE;
    }
    if (ctw_config_load_or_defaults(a->config_path, "ctwatch top", settings) < 0)
        return EXIT_CANNOT_READ;
    *ret = (struct request){
        .sample = a->exact ? 0 : settings->talkers.sample,
        .ipv6_prefix = settings->talkers.ipv6_prefix,
        .n = settings->talkers.top,
        /* To rank the destinations of a million entries would take longer than to receive them. */
        .n_dimensions = a->by      ? 1
                        : a->exact ? 3
                                   : 4,
        .dimensions = {CTW_BY_SOURCE, CTW_BY_PORT, CTW_BY_STATE, CTW_BY_DESTINATION},
        .progress = a->exact && !a->watch,
    };
    int status = ctw_cli_number(&cli, "--lines", a->n, 1, LINES_MAX, "from 1 to 1000", &ret->n);
    if (status < 0)
        status = ctw_cli_number(&cli, "--ipv6-prefix", a->ipv6_prefix, 1, IPV6_PREFIX_MAX,
                                "from 1 to 128", &ret->ipv6_prefix);
    if (status >= 0)
        return status;
    if (a->by && ctw_dimension_find(a->by, &ret->dimensions[0]) < 0)
        return ctw_cli_bad(&cli, "--by", a->by, DIMENSIONS);
    ret->filtered = a->filter.length > 0;
    ret->filter_text = a->filter.text;
    ret->labels = a->new_flows ? NULL : nfct_labelmap_new(NULL);
    status = ctw_cli_filter(&cli, &a->filter, label_bit, ret->labels, &ret->filter);
    if (status >= 0 && ret->labels)
        nfct_labelmap_destroy(ret->labels);
    return status;
}

/* --- while walking --------------------------------------------------------------------------- */

static int make_room(struct ctw_ranking *r) {
    struct ctw_ranking_slot *slots = calloc(r->n_slots * 2, sizeof(*slots));

    if (!slots)
        return -ENOMEM;
    free(ctw_ranking_move(r, slots, r->n_slots * 2));
    return 0;
}

static void rank_key(struct gathering *g, size_t i, struct ctw_key key) {
    if (g->error == 0 && !ctw_ranking_add(&g->lists[i].ranking, &key))
        g->error = make_room(&g->lists[i].ranking);
}

static void count(struct gathering *g, const struct ctw_flow *flow) {
    ctw_census_count(&g->census, flow);
    for (size_t i = 0; i < g->request.n_dimensions; i++)
        rank_key(g, i, ctw_dimension_key(g->request.dimensions[i], flow, g->request.ipv6_prefix));
}

static void on_entry(const struct ctw_flow *flow, void *userdata) {
    struct gathering *g = userdata;

    if (g->error == 0)
        count(g, flow);
    ctw_progress_show(&g->progress, g->census.entries);
}

static bool has_details(enum ctw_dimension d) {
    return d >= CTW_BY_MARK;
}

/* An entry counts for each of its labels. */
static void rank_labels(struct gathering *g, const struct ctw_flow_details *details) {
    bool any = false;

    for (unsigned bit = 0; bit < CTW_LABELS; bit++)
        if (ctw_flow_has_label(details, bit)) {
            rank_key(g, 0, ctw_label_key(bit));
            any = true;
        }
    if (!any)
        rank_key(g, 0, ctw_label_key(CTW_LABELS));
}

/* With a filter, or by what needs the details of an entry: then there is one list. */
static int on_message(const void *message, size_t length, void *userdata) {
    struct gathering *g = userdata;
    const struct request *r = &g->request;
    struct ctw_flow_details details;
    struct ctw_flow flow;

    if (ctw_flow_parse(message, length, &flow) < 0 || flow.event != CTW_FLOW_NEW)
        return 0;
    ctw_progress_show(&g->progress, ++g->read);
    if (ctw_filter_matches(&r->filter, &flow, message)) {
        if (!has_details(r->dimensions[0])) {
            count(g, &flow);
        } else if (ctw_flow_parse_details(message, &flow, &details) == 0) {
            ctw_census_count(&g->census, &flow);
            if (r->dimensions[0] == CTW_BY_LABEL)
                rank_labels(g, &details);
            else
                rank_key(g, 0, ctw_details_key(r->dimensions[0], &details));
        }
    }
    if (g->error < 0)
        return g->error;
    return r->sample > 0 && (g->census.entries >= r->sample || g->read >= FILTERED_MAX) ? 1 : 0;
}

/* --- memory ---------------------------------------------------------------------------------- */

/* Start from scratch, with another hash. */
static int begin(struct gathering *g) {
    const uint64_t seed = ctw_random_seed();

    g->error = 0;
    g->read = 0;
    ctw_progress_start(&g->progress, g->request.progress ? g->sample.count : 0);
    ctw_census_init(&g->census, g->request.ipv6_prefix, seed);
    for (size_t i = 0; i < g->request.n_dimensions; i++) {
        struct ctw_ranking_slot *slots = calloc(CTW_RANKING_SLOTS_MIN, sizeof(*slots));
        if (!slots)
            return -ENOMEM;
        free(g->lists[i].ranking.slots);
        ctw_ranking_init(&g->lists[i].ranking, slots, CTW_RANKING_SLOTS_MIN, seed);
    }
    return 0;
}

static struct gathering *gathering_free(struct gathering *g) {
    if (!g)
        return NULL;
    for (size_t i = 0; i < CTW_TOP_LISTS_MAX; i++)
        free(g->lists[i].ranking.slots);
    if (g->request.labels)
        nfct_labelmap_destroy(g->request.labels);
    ctw_table_free(g->table);
    free(g);
    return NULL;
}

/* Return: NULL when there is no memory. */
static struct gathering *gathering_new(const struct request *request) {
    struct gathering *g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;

    g->request = *request;
    return ctw_table_new("", &g->table) < 0 ? gathering_free(g) : g;
}

/* --- one sample ------------------------------------------------------------------------------- */

static int poll(struct gathering *g) {
    struct ctw_source_health state, counters;

    ctw_table_read(g->table, &g->sample, &state);
    if (state.health == CTW_HEALTH_OK) {
        ctw_table_read_counters(g->table, &g->sample, &counters); /* for the buckets only */
        return 0;
    }
    if (state.health == CTW_HEALTH_ABSENT)
        ctw_cli_cannot_read(&cli, -ENOENT);
    else
        (void)fprintf(stderr, "ctwatch top: %s: %s\n", state.what, strerror(-state.error));
    return -EIO;
}

static int walk(struct gathering *g, struct ctw_walk_end *ret) {
    int r = begin(g);
    if (r >= 0 && (g->request.filtered || has_details(g->request.dimensions[0])))
        r = ctw_walk_messages(CTW_WALK_ENTRIES, NULL, on_message, g, ret);
    else if (r >= 0)
        r = ctw_walk_now(g->request.sample, g->request.sample > 0 ? SAMPLE_LIMIT_USEC : 0, on_entry,
                         g, ret);
    ctw_progress_clear(&g->progress);
    if (r >= 0)
        r = g->error;
    if (r < 0)
        ctw_cli_cannot_read(&cli, r);
    return r;
}

/* When the hash table is replaced during a dump, entries are skipped or come twice, and the kernel
 * does not report it. */
static bool was_resized(struct gathering *g) {
    struct ctw_source_health state;
    struct ctw_sample now;

    g->count_after = g->sample.count;
    ctw_table_read(g->table, &now, &state);
    if (state.health != CTW_HEALTH_OK)
        return true;
    g->count_after = now.count;
    ctw_table_read_counters(g->table, &now, &state);
    return now.has_buckets && g->sample.has_buckets && now.buckets != g->sample.buckets;
}

/* A label by its name in connlabel.conf, which may hold anything. */
static void name_row(const struct request *r, enum ctw_dimension by, const struct ctw_key *key,
                     char ret[static CTW_TALKER_NAME_MAX]) {
    const char *name = by == CTW_BY_LABEL && r->labels && key->c < CTW_LABELS
                           ? nfct_labelmap_get_name(r->labels, key->c)
                           : NULL;
    struct ctw_line l = {0};

    ctw_dimension_name(by, key, r->ipv6_prefix, ret);
    if (!name || *name == '\0')
        return;
    ctw_line_add(&l, "%.60s", name);
    (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%.63s", l.text);
}

static struct ctw_top_list rank(struct gathering *g, size_t i) {
    const enum ctw_dimension by = g->request.dimensions[i];
    struct list *l = &g->lists[i];
    struct ctw_top_list ret = {.heading = ctw_dimension_word(by),
                               .n = ctw_ranking_top(&l->ranking, l->best, g->request.n),
                               .rows = l->rows,
                               .entries = l->entries,
                               .distinct = ctw_ranking_distinct(&l->ranking)};

    for (size_t row = 0; row < ret.n; row++) {
        const struct ctw_ranking_slot *s = &l->best[row];
        const struct ctw_key key = {.a = s->a, .b = s->b, .c = s->c};
        name_row(&g->request, by, &key, l->rows[row].name);
        l->rows[row].owner[0] = '\0';
        l->rows[row].permyriad = ctw_share_of(s->count, g->census.entries);
        l->entries[row] = s->count;
    }
    return ret;
}

/* What matches is a table of its own, of which no drop risk is known. */
static void filter_result(const struct gathering *g, struct ctw_top *ret, struct ctw_sample *of) {
    uint64_t matching = g->census.entries;

    if (!g->census.whole && g->read > 0 && g->read < g->sample.count)
        matching = matching * g->sample.count / g->read;
    ret->filter = g->request.filter_text;
    ret->matching = (uint32_t)matching;
    of->count = ret->matching;
    of->has_buckets = false;
}

/* @ret: refers to memory of @g, until the next time. Return: 0 or a negative errno, which has been
 * reported. */
static int gather(struct gathering *g, struct ctw_top *ret) {
    struct ctw_walk_end end;

    int r = poll(g);
    if (r >= 0)
        r = walk(g, &end);
    if (r < 0)
        return r;
    *ret = (struct ctw_top){
        .table = g->sample,
        .interrupted = was_resized(g) || end.interrupted,
        .timed_out = end.timed_out,
        .n_lists = g->request.n_dimensions,
    };
    g->census.whole = end.whole;
    struct ctw_sample of = g->sample;
    if (end.whole && g->count_after < of.count)
        of.count = g->count_after;
    if (g->request.filtered)
        filter_result(g, ret, &of);
    ctw_census_result(&g->census, 0, &of, &ret->talkers);
    struct ctw_address_list owned[CTW_TOP_LISTS_MAX];
    size_t n_owned = 0;
    for (size_t i = 0; i < ret->n_lists; i++) {
        ret->lists[i] = rank(g, i);
        if (g->request.dimensions[i] <= CTW_BY_DESTINATION)
            owned[n_owned++] = (struct ctw_address_list){g->lists[i].rows, ret->lists[i].n,
                                                         g->request.ipv6_prefix};
    }
    ctw_owners_find_now(owned, n_owned);
    return 0;
}

/* --- the verb --------------------------------------------------------------------------------- */

/* Return: 0 or a negative errno, which has been reported unless it is -EPIPE. */
static int show(const struct arguments *a, struct gathering *g, struct ctw_terminal *terminal) {
    struct ctw_top top;

    const int r = gather(g, &top);
    if (r < 0)
        return r;
    const size_t n = a->json ? ctw_render_top_json(&top, a->watch, g->text, sizeof(g->text))
                             : ctw_render_top_text(&top, g->text, sizeof(g->text));
    return ctw_terminal_print(terminal, &cli, g->text, n, sizeof(g->text));
}

static struct ctw_terminal terminal_for(const struct arguments *a) {
    return (struct ctw_terminal){.redraw = a->watch && !a->json && isatty(STDOUT_FILENO),
                                 .apart = !a->json};
}

/* --- with keys -------------------------------------------------------------------------------- */

/* Two lines of at most 79 columns. */
/* clang-format off */
#define KEYS "[s]ource [d]estination [p]ort p[r]otocol s[t]ate [z]one [m]ark [l]abel [h]elper\n"
#define MORE_KEYS "[a]ll   up, down, Enter: the flows of a line   [q]uit\n"
/* clang-format on */

/* About what an entry takes as text. */
#define FLOW_COLUMNS 240u

struct browsing {
    struct ctw_terminal terminal;
    struct request all; /* as it was asked for */
    char selected[CTW_TALKER_NAME_MAX];
    unsigned row;       /* of the selected name in the first list, from 0 on */
    unsigned rows;      /* of the first list */
    const char *notice; /* instead of the second line of keys; NULL: none */
};

/* The row with the name that was selected before; another one may have its place now. */
static void find_selected(struct browsing *b, const struct ctw_top_list *l) {
    b->rows = (unsigned)l->n;
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->rows[i].name, b->selected) == 0)
            b->row = (unsigned)i;
    if (b->row >= b->rows)
        b->row = b->rows > 0 ? b->rows - 1 : 0;
    (void)snprintf(b->selected, sizeof(b->selected), "%s", l->n > 0 ? l->rows[b->row].name : "");
}

/* The line of the selected row: behind the heading of the first list. Return: 0: it is not shown.
 */
static unsigned line_of(const struct browsing *b, const char *text, const char *heading) {
    unsigned line = 1;

    for (; *text != '\0'; line++) {
        if (strncasecmp(text, heading, strlen(heading)) == 0 && line > 3)
            return line + 1 + b->row;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return 0;
}

/* Return: 0 or a negative errno, which has been reported unless it is -EPIPE. */
static int show_page(struct browsing *b, struct gathering *g) {
    const size_t size = sizeof(g->text);
    struct ctw_top top;

    const int r = gather(g, &top);
    if (r < 0)
        return r;
    find_selected(b, &top.lists[0]);
    const size_t keys =
        (size_t)snprintf(g->text, size, KEYS "%s", b->notice ? b->notice : MORE_KEYS);
    b->notice = NULL;
    const size_t n = keys + ctw_render_top_text(&top, g->text + keys, size - keys);
    b->terminal.highlight = b->rows > 0 ? line_of(b, g->text, top.lists[0].heading) : 0;
    return ctw_terminal_print(&b->terminal, &cli, g->text, n, size);
}

/* As many entries as fit the terminal, by a child: its faults are its own. */
static void show_flows(const char *filter) {
    const uint32_t rows = ctw_terminal_rows(), columns = ctw_terminal_columns();
    const uint32_t each = (FLOW_COLUMNS + columns - 1) / columns;
    char verb[] = "flows", option[] = "-n", lines[16], words[CTW_CLI_WORDS_MAX];

    (void)snprintf(lines, sizeof(lines), "%" PRIu32, rows > 3 + each ? (rows - 3) / each : 1);
    (void)snprintf(words, sizeof(words), "%s", filter);
    (void)printf("\033[H\033[2J%s\n", filter);
    (void)fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {verb, option, lines, words, NULL};
        optind = 0; /* getopt_long() starts anew */
        const int status = ctw_verb_flows(4, argv);
        (void)fflush(stdout);
        _exit(status);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    (void)fputs("-- any key goes back --", stdout);
    (void)fflush(stdout);
}

/* Return: the next key. */
static int show_flows_of_selected(struct browsing *b, const struct gathering *g) {
    char of_row[CTW_TALKER_NAME_MAX], filter[CTW_CLI_WORDS_MAX];
    const struct ctw_ranking_slot *s = &g->lists[0].best[b->row];
    const struct ctw_key key = {.a = s->a, .b = s->b, .c = s->c};
    int pressed;

    if (b->rows == 0 ||
        ctw_dimension_filter(g->request.dimensions[0], &key, g->request.ipv6_prefix, of_row) < 0) {
        b->notice = "no filter selects these entries\n";
        return CTW_KEY_NONE;
    }
    if (g->request.filtered)
        (void)snprintf(filter, sizeof(filter), "(%.*s) and %s", (int)CTW_FILTER_TEXT_MAX,
                       g->request.filter_text, of_row);
    else
        (void)snprintf(filter, sizeof(filter), "%s", of_row);
    show_flows(filter);
    while ((pressed = ctw_keys_read(UINT64_MAX)) == CTW_KEY_NONE)
        ;
    b->terminal.again = false; /* clears the page */
    return pressed == CTW_KEY_END ? pressed : CTW_KEY_NONE;
}

static void move(struct browsing *b, const struct gathering *g, bool down) {
    if (down ? b->row + 1 < b->rows : b->row > 0)
        b->row += down ? 1 : -1u;
    if (b->rows > 0)
        (void)snprintf(b->selected, sizeof(b->selected), "%s", g->lists[0].rows[b->row].name);
}

static void choose(struct browsing *b, struct gathering *g, int key) {
    static const char keys[] = "sdprtzmlh"; /* of enum ctw_dimension, in its order */
    const char *chosen = key > 0 && key < 128 ? strchr(keys, key) : NULL;

    if (key == 'a') {
        g->request.n_dimensions = b->all.n_dimensions;
        memcpy(g->request.dimensions, b->all.dimensions, sizeof(b->all.dimensions));
    } else if (chosen) {
        g->request.n_dimensions = 1;
        g->request.dimensions[0] = (enum ctw_dimension)(chosen - keys);
    } else {
        return;
    }
    b->row = 0;
    b->selected[0] = '\0';
}

static int browse(const struct arguments *a, struct gathering *g) {
    struct browsing b = {.terminal = {.redraw = true}, .all = g->request};
    int r;

    if (b.all.n_dimensions == 1) { /* --by: `all` is the usual page */
        static const enum ctw_dimension usual[] = {CTW_BY_SOURCE, CTW_BY_PORT, CTW_BY_STATE};
        b.all.n_dimensions = 3;
        memcpy(b.all.dimensions, usual, sizeof(usual));
    }
    while ((r = show_page(&b, g)) == 0) {
        int key = ctw_keys_read(a->watch_usec);
        if (key == CTW_KEY_ENTER)
            key = show_flows_of_selected(&b, g);
        else if (key == CTW_KEY_UP || key == 'k' || key == CTW_KEY_DOWN || key == 'j')
            move(&b, g, key == CTW_KEY_DOWN || key == 'j');
        else
            choose(&b, g, key);
        if (key == 'q' || key == CTW_KEY_END)
            break;
    }
    ctw_keys_stop();
    return r == 0 || r == -EPIPE ? EXIT_SUCCESS : EXIT_CANNOT_READ;
}

static int run(const struct arguments *a, struct gathering *g) {
    struct ctw_terminal terminal = terminal_for(a);
    int r;

    if (terminal.redraw && ctw_keys_start())
        return browse(a, g);
    while ((r = show(a, g, &terminal)) == 0 && a->watch)
        ctw_terminal_wait(a->watch_usec);
    return r == 0 || r == -EPIPE ? EXIT_SUCCESS : EXIT_CANNOT_READ;
}

static int count_entries(const struct arguments *a, const struct request *request) {
    struct gathering *g = gathering_new(request);
    const int status = g ? run(a, g) : ctw_cli_no_memory(&cli);

    (void)gathering_free(g);
    return status;
}

/* --- new flows -------------------------------------------------------------------------------- */

struct new_page {
    struct ctw_view view;
    struct ctw_line absence;
    char text[CTW_RENDER_TALKERS_MAX];
};

/* Without --watch, what is not known is an error. Return: 0 or a negative errno. */
static int show_new(const struct arguments *a, const struct ctw_settings *s, uint32_t n,
                    struct ctw_terminal *terminal, struct new_page *p) {
    int r = ctw_fetch("", a->state, s, &p->view);
    if (r < 0) {
        (void)fprintf(stderr, "ctwatch top: %s\n", strerror(-r));
        return r;
    }
    ctw_new_sources_absence(&p->view, &p->absence);
    const bool known = p->absence.length == 0;
    if (!known && !a->watch)
        (void)fprintf(stderr, "ctwatch top: %s\n", p->absence.text);
    if (known || a->watch || a->json) {
        const size_t length =
            a->json ? ctw_render_new_json(&p->view, n, a->watch, p->text, sizeof(p->text))
                    : ctw_render_new_text(&p->view, n, p->text, sizeof(p->text));
        r = ctw_terminal_print(terminal, &cli, p->text, length, sizeof(p->text));
    }
    return r == 0 && !known && !a->watch ? -ENODATA : r;
}

static int show_new_flows(const struct arguments *a, const struct ctw_settings *s, uint32_t n) {
    struct ctw_terminal terminal = terminal_for(a);
    struct new_page page;
    int r;

    while ((r = show_new(a, s, n, &terminal, &page)) == 0 && a->watch)
        ctw_terminal_wait(a->watch_usec);
    return r == 0 || r == -EPIPE ? EXIT_SUCCESS : EXIT_CANNOT_READ;
}

int ctw_verb_top(int argc, char *argv[]) {
    struct arguments arguments = {0};
    struct ctw_settings settings;
    struct request request;

    int status = ctw_cli_start(&cli, argc, argv, &arguments);
    if (status < 0 && ctw_terminal_interval(&cli, arguments.watch, &arguments.watch_usec) < 0)
        status = EXIT_BAD_USAGE;
    if (status < 0)
        status = make_request(&arguments, &settings, &request);
    if (status >= 0)
        return status;
    return arguments.new_flows ? show_new_flows(&arguments, &settings, request.n)
                               : count_entries(&arguments, &request);
}
