/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cli/advise.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/fetch.h"
#include "daemon/cli/terminal.h"
#include "daemon/source/dump.h"
#include "daemon/state/reader.h"
#include "daemon/sys/clock.h"
#include "daemon/sys/config.h"
#include "daemon/sys/procfs.h"
#include "lib/view/advice.h"

struct arguments {
    const char *config_path; /* NULL: the usual one, if it is there */
    const char *root;        /* "": this machine */
    const char *state;       /* NULL: CTWATCH_RUN_PATH, of this machine */
    bool json;
};

static const struct ctw_cli cli = {
    .program = "ctwatch advise",
    .synopses = "[OPTION...]",
    .about = "Prints what to set so that the connection-tracking table lasts without ctwatchd, and "
             "the lines that make it permanent. Changes nothing. Run by root, it samples the "
             "entries as well.",
    .options =
        {
            {0, "json", NULL, offsetof(struct arguments, json), "as JSON"},
            {'c', "config", "FILE", offsetof(struct arguments, config_path),
             "growth.* and talkers.* from FILE instead of " CTWATCH_CONFIG_PATH},
            {0, "state", "DIR", offsetof(struct arguments, state),
             "where ctwatchd publishes, instead of " CTWATCH_RUN_PATH},
            {0, "root", "DIR", offsetof(struct arguments, root),
             "of a captured machine: what is in DIR/proc and DIR/sys"},
        },
};

int ctw_verb_advise(int argc, char *argv[]) {
    struct arguments arguments = {.root = ""};
    char error[CTW_ADVISE_ERROR_MAX];
    struct ctw_advice_facts facts;
    struct ctw_terminal terminal = {0};
    char text[CTW_RENDER_ADVICE_MAX];
    struct ctw_settings settings;
    struct ctw_advice advice;

    int status = ctw_cli_start(&cli, argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (ctw_config_load_or_defaults(arguments.config_path, "ctwatch advise", &settings) < 0)
        return EXIT_CANNOT_READ;

    if (ctw_advise_gather(arguments.root, arguments.state, &settings, &facts, error) < 0) {
        (void)fprintf(stderr, "ctwatch advise: %s\n", error);
        return EXIT_CANNOT_READ;
    }
    ctw_advise(&facts, &settings, &advice);
    const size_t n = arguments.json
                         ? ctw_render_advice_json(&facts, &advice, text, sizeof(text))
                         : ctw_render_advice_text(&facts, &settings, &advice, text, sizeof(text));
    const int r = ctw_terminal_print(&terminal, &cli, text, n, sizeof(text));
    return r == 0 || r == -EPIPE ? EXIT_SUCCESS : EXIT_CANNOT_READ;
}

/* Where most entries are of other network namespaces, the kernel searches all of them for ours: the
 * dump must be stopped. */
#define WALK_LIMIT_USEC CTW_USEC_PER_SEC

#define SYSCTL "/proc/sys/net/netfilter/nf_conntrack_"
#define MODULE "/sys/module/nf_conntrack"

/* --- files ------------------------------------------------------------------------------------ */

static bool exists(const char *root, const char *path) {
    struct stat st;

    return ctw_procfs_stat(root, path, &st) == 0;
}

/* --- parts ------------------------------------------------------------------------------------ */

/* A built-in module has no initstate; a captured tree may lack the file. */
static enum ctw_module_kind module_kind(const char *root) {
    if (exists(root, MODULE "/initstate"))
        return CTW_MODULE_LOADABLE;
    return root[0] == '\0' && exists(root, MODULE) ? CTW_MODULE_BUILT_IN : CTW_MODULE_UNKNOWN;
}

static void read_sysctls(const char *root, struct ctw_advice_facts *f) {
    f->has_sysctls = exists(root, SYSCTL "max");
    f->module = module_kind(root);
}

static void on_entry(const struct ctw_flow *flow, void *userdata) {
    ctw_census_add(userdata, flow);
}

static void take_census(const struct ctw_settings *s, struct ctw_advice_facts *f) {
    struct ctw_sample table = f->table;
    struct ctw_census census;
    struct ctw_walk_end end;
    const char *path;
    uint32_t count;

    ctw_census_init(&census, s->talkers.ipv6_prefix, ctw_random_seed());
    census.established_timeout_sec = ctw_host_timeout(&f->host, CTW_TIMEOUT_TCP_ESTABLISHED);
    const int r = ctw_walk_now(s->talkers.sample, WALK_LIMIT_USEC, on_entry, &census, &end);
    if (r < 0) {
        f->lack = r == -EPERM ? CTW_CENSUS_NOT_PERMITTED : CTW_CENSUS_FAILED;
        return;
    }
    /* The walk collected expired entries. What is counted still, and was not found, is held. */
    if (end.whole && ctw_procfs_first_number("", ctw_count_paths, &count, &path) == 0 &&
        count < table.count)
        table.count = count;
    if (census.entries == 0 && !(end.whole && table.count > 0)) {
        f->lack = end.timed_out ? CTW_CENSUS_FAILED : CTW_CENSUS_EMPTY;
        return;
    }
    census.whole = end.whole;
    ctw_census_result(&census, CTW_TALKERS_TOP_MAX, &table, &f->talkers);
    f->lack = CTW_CENSUS_TAKEN;
}

/* Return: 0 or -ENOMEM. */
static int read_past(const char *root, const char *state, struct ctw_advice_past *ret,
                     uint32_t *ret_other_entries) {
    const char *directory = ctw_fetch_directory(root, state);
    struct ctw_history *history;
    struct ctw_view view;

    if (!ctw_fetch_published(root, state, &view))
        return 0;
    history = malloc(sizeof(*history));
    if (!history)
        return -ENOMEM;
    const struct ctw_snapshot *p = &view.snapshot;
    *ret = (struct ctw_advice_past){
        .lost = p->lost,
        .peak_count = p->peak_count,
        .fastest_rate = p->fastest_rate,
    };
    if (view.liveness == CTW_LIVENESS_ALIVE)
        *ret_other_entries = p->table.other_entries;
    if (view.liveness == CTW_LIVENESS_ALIVE && p->subscribed && p->rates.known)
        ret->new_per_sec = p->rates.created;
    if (ctw_state_read_history(directory, history) == 0)
        ret->lost_per_sec = ctw_history_worst_loss(history);
    free(history);
    return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

int ctw_advise_gather(const char *root, const char *state, const struct ctw_settings *settings,
                      struct ctw_advice_facts *ret, char reterr[static CTW_ADVISE_ERROR_MAX]) {
    struct ctw_advice_facts f = {.lack = CTW_CENSUS_CAPTURED};
    const struct ctw_source_health *table;
    struct ctw_view view;

    int r = ctw_fetch_from(root, NULL, false, settings, &view);
    if (r == 0)
        r = read_past(root, state, &f.past, &view.snapshot.table.other_entries);
    if (r == 0)
        r = ctw_fetch_machine(root, settings, &view.snapshot.table, &f.host);
    if (r < 0) {
        (void)snprintf(reterr, CTW_ADVISE_ERROR_MAX, "%.100s%s%s", root,
                       root[0] != '\0' ? ": " : "", strerror(-r));
        return r;
    }
    table = &view.snapshot.sources[CTW_SOURCE_TABLE];
    if (table->health == CTW_HEALTH_FAILED) {
        (void)snprintf(reterr, CTW_ADVISE_ERROR_MAX, "%.100s: %s", table->what,
                       strerror(-table->error));
        return table->error;
    }
    f.table = view.snapshot.table;
    f.has_table = view.snapshot.has_table;
    read_sysctls(root, &f);
    if (f.has_table && root[0] == '\0')
        take_census(settings, &f);
    *ret = f;
    return 0;
}
