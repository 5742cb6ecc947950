/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/fetch.h"
#include "daemon/sys/config.h"
#include "lib/util/parse.h"
#include "lib/view/check.h"

/* As in the plugins of the Monitoring Plugins project. */
#define TIMEOUT_SEC     10u
#define TIMEOUT_SEC_MAX 3600u

#define PERMYRIAD_MIN 100u

struct arguments {
    enum ctw_check_form form;
    const char *config_path; /* NULL: the usual one, if it is there */
    const char *root;        /* "": this machine */
    const char *state;       /* NULL: the usual folder, or none where there is a root */
    const char *warning, *critical, *timeout;
    bool wants_daemon, own, all, npd, verbose, version;
};

/* Return: the exit status, which is unknown when the line could not be written. */
static int answer(enum ctw_check_form form, enum ctw_check_state state, const struct ctw_line *l) {
    if (printf("%s\n", l->text) < 0 || fflush(stdout) != 0)
        state = CTW_CHECK_UNKNOWN;
    return ctw_check_exit_status(form, state);
}

static int __attribute__((format(printf, 2, 3)))
unknown(enum ctw_check_form form, const char *format, ...) {
    char reason[CTW_CONFIG_ERROR_MAX];
    struct ctw_line line;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    ctw_check_unknown(form, reason, &line);
    return answer(form, CTW_CHECK_UNKNOWN, &line);
}

static int bad_value(const struct arguments *a, const char *option, const char *value,
                     const char *allowed) {
    return unknown(a->form, "%s: %.64s is not %s", option, value, allowed);
}

static const struct ctw_cli cli = {
    .program = "ctwatch check",
    .synopses = "[OPTION...]",
    .about = "Prints one line about the connection-tracking table, or that of another network "
             "namespace which is worse, and ends with an exit status for Nagios, Icinga and other "
             "programs that run their plugins: 0 ok, 1 warning, 2 critical, 3 unknown.",
    .options =
        {
            {'w', "warning", "PERCENT", offsetof(struct arguments, warning),
             "warn at this fill, 1 to 100, instead of levels.warning"},
            {'c', "critical", "PERCENT", offsetof(struct arguments, critical),
             "critical at this fill, instead of levels.critical"},
            {0, "daemon", NULL, offsetof(struct arguments, wants_daemon),
             "warn when no ctwatchd polls the table"},
            {0, "own", NULL, offsetof(struct arguments, own),
             "the own table alone, not those of other network namespaces"},
            {0, "all", NULL, offsetof(struct arguments, all),
             "also namespaces below user.slice, which any user can make and fill"},
            {0, "npd", NULL, offsetof(struct arguments, npd),
             "for node-problem-detector: at most 80 bytes, and exit status 0 no problem, "
             "1 critical, 2 unknown"},
            {0, "config", "FILE", offsetof(struct arguments, config_path),
             "levels from FILE instead of " CTWATCH_CONFIG_PATH},
            {0, "state", "DIR", offsetof(struct arguments, state),
             "where ctwatchd publishes, instead of " CTWATCH_RUN_PATH},
            {0, "root", "DIR", offsetof(struct arguments, root),
             "of a captured machine: what is in DIR/proc"},
            {'t', "timeout", "SECONDS", offsetof(struct arguments, timeout),
             "give up after this, 10 by default"},
            {'v', "verbose", NULL, offsetof(struct arguments, verbose),
             "as plugins have it; changes nothing"},
            {'V', "version", NULL, offsetof(struct arguments, version),
             "print the version, and end"},
        },
};

/* Plugins end with "unknown" after --help and --version, so that no monitor takes it for an answer.
 * Return: -1 to go on, or the exit status. */
static int parse_arguments(int argc, char *argv[], struct arguments *ret) {
    char error[CTW_CLI_ERROR_MAX];

    for (int i = 1; i < argc; i++) /* decides the form of every error */
        if (strcmp(argv[i], "--npd") == 0)
            ret->form = CTW_CHECK_NPD;
    switch (ctw_cli_parse(&cli, argc, argv, ret, error)) {
    case CTW_CLI_RUN: break;
    case CTW_CLI_HELP:
        ctw_cli_print_help(&cli);
        return ctw_check_exit_status(ret->form, CTW_CHECK_UNKNOWN);
    case CTW_CLI_BAD: return unknown(ret->form, "%s", error);
    }
    if (ret->npd)
        ret->form = CTW_CHECK_NPD;
    if (ret->own && ret->all)
        return unknown(ret->form, "--own: not with --all");
    if (!ret->version)
        return -1;
    (void)puts("ctwatch check " CTWATCH_VERSION);
    return ctw_check_exit_status(ret->form, CTW_CHECK_UNKNOWN);
}

static void end_unknown(enum ctw_check_form form, const char *line) {
    const ssize_t written = write(STDOUT_FILENO, line, strlen(line));

    (void)written; /* the exit status has the answer, too */
    _exit(ctw_check_exit_status(form, CTW_CHECK_UNKNOWN));
}

static void plugin_is_late(int signal) {
    end_unknown(CTW_CHECK_PLUGIN, "CONNTRACK UNKNOWN - no answer in time\n");
}

static void npd_is_late(int signal) {
    end_unknown(CTW_CHECK_NPD, "no answer in time\n");
}

/* Nothing here takes long, but a named file may be on a network disk. Return: -1 to go on, or the
 * exit status. */
static int limit_time(const struct arguments *a) {
    const struct sigaction late = {.sa_handler =
                                       a->form == CTW_CHECK_NPD ? npd_is_late : plugin_is_late};
    uint64_t seconds = TIMEOUT_SEC;

    if (a->timeout &&
        (ctw_text_decimal(a->timeout, strlen(a->timeout), TIMEOUT_SEC_MAX, &seconds) < 0 ||
         seconds == 0))
        return bad_value(a, "--timeout", a->timeout, "from 1 to 3600 seconds");
    (void)sigaction(SIGALRM, &late, NULL);
    (void)alarm((unsigned)seconds);
    return -1;
}

/* A missing file is an error only if it was named. A file that cannot be read always is: its levels
 * may differ from the defaults. Return: -1 to go on, or the exit status. */
static int load_settings(const struct arguments *a, struct ctw_settings *ret) {
    char error[CTW_CONFIG_ERROR_MAX];
    const char *path = a->config_path ? a->config_path : CTWATCH_CONFIG_PATH;

    ctw_settings_defaults(ret);
    if (!a->config_path && a->warning && a->critical)
        return -1;
    const int r = ctw_config_load(path, ret, error);
    if (r >= 0 || (r == -ENOENT && !a->config_path))
        return -1;
    return unknown(a->form, "%s", error);
}

static bool parse_level(const char *text, uint32_t *ret) {
    return !text || (ctw_text_percent(text, ret) == 0 && *ret >= PERMYRIAD_MIN);
}

/* The other threshold may be from a file, or a default: the error names both. */
static int levels_crossed(const struct arguments *a, const struct ctw_settings *s) {
    const uint32_t warning = s->levels.warning_permyriad, critical = s->levels.critical_permyriad;

    return unknown(a->form,
                   "%s: %" PRIu32 ".%02" PRIu32 " %% is above %s, %" PRIu32 ".%02" PRIu32 " %%",
                   a->warning ? "--warning" : "levels.warning", warning / 100, warning % 100,
                   a->critical ? "--critical" : "levels.critical", critical / 100, critical % 100);
}

/* Return: -1 to go on, or the exit status. */
static int choose_levels(const struct arguments *a, struct ctw_settings *s) {
    const int status = load_settings(a, s);

    if (status >= 0)
        return status;
    if (!parse_level(a->warning, &s->levels.warning_permyriad))
        return bad_value(a, "--warning", a->warning, "from 1 to 100 percent");
    if (!parse_level(a->critical, &s->levels.critical_permyriad))
        return bad_value(a, "--critical", a->critical, "from 1 to 100 percent");
    if (s->levels.warning_permyriad > s->levels.critical_permyriad)
        return levels_crossed(a, s);
    return -1;
}

static int check(const struct arguments *a, const struct ctw_settings *s) {
    struct ctw_view view;
    struct ctw_line line;

    const int r = ctw_fetch(a->root, a->state, s, &view);
    if (r < 0)
        return a->root[0] == '\0' || r == -ENOMEM
                   ? unknown(a->form, "%s", strerror(-r))
                   : unknown(a->form, "%.100s: %s", a->root, strerror(-r));

    const struct ctw_check_limits limits = {
        .warning_permyriad = s->levels.warning_permyriad,
        .critical_permyriad = s->levels.critical_permyriad,
        .wants_daemon = a->wants_daemon,
        .users = a->all,
    };
    if (!a->own)
        ctw_fetch_namespaces(a->root, a->state, &view);
    const enum ctw_check_state state = ctw_check(&view, &limits, a->form, &line);
    free(view.namespaces);
    return answer(a->form, state, &line);
}

int ctw_verb_check(int argc, char *argv[]) {
    struct arguments arguments = {.root = ""};
    struct ctw_settings settings;

    int status = parse_arguments(argc, argv, &arguments);
    if (status < 0)
        status = limit_time(&arguments);
    if (status < 0)
        status = choose_levels(&arguments, &settings);
    return status < 0 ? check(&arguments, &settings) : status;
}
