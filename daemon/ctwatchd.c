/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/manager.h"
#include "daemon/sink/hook.h"
#include "daemon/sink/journal.h"
#include "daemon/sink/limits.h"
#include "daemon/sys/config.h"
#include "daemon/sys/stdio.h"

/* ctwatchd: watches the conntrack table. See ctwatchd(8). */

/* Documented in ctwatchd(8). The unit is not restarted after these; cli.h has EXIT_BAD_USAGE. */
#define EXIT_NOT_ALONE  3
#define EXIT_BAD_CONFIG 78 /* EX_CONFIG of sysexits.h */

struct arguments {
    struct ctw_manager_paths paths;
    bool alert_runner, check_config, forget_limits, print_defaults, test_alert, version;
};

static const struct ctw_cli cli = {
    .program = "ctwatchd",
    .synopses = "[-c FILE] [--root DIR] [--state DIR] [--own]\n"
                "    [--alert-socket PATH]\n"
                "--alert-runner [--config FILE]\n"
                "--test-alert [--config FILE] [--alert-socket PATH]\n"
                "--check-config [--config FILE]\n"
                "--forget-limits\n"
                "--print-defaults | --version | --help",
    .about = "Watches the kernel's connection-tracking table, and writes alerts to the journal.",
    .options =
        {
            {'c', "config", "FILE", offsetof(struct arguments, paths.config),
             "read FILE instead of " CTWATCH_CONFIG_PATH},
            {'r', "root", "DIR", offsetof(struct arguments, paths.root),
             "read /proc and /sys below DIR: a captured machine"},
            {'s', "state", "DIR", offsetof(struct arguments, paths.state),
             "publish in DIR instead of " CTWATCH_RUN_PATH},
            {0, "own", NULL, offsetof(struct arguments, paths.own),
             "watch no other network namespace, as with namespaces.enabled = false"},
            {0, "alert-socket", "PATH", offsetof(struct arguments, paths.alert_socket),
             "have alerts.command run by the runner behind this socket, instead of a child"},
            {0, "alert-runner", NULL, offsetof(struct arguments, alert_runner),
             "be that runner (ctwatch-alert.service)"},
            {0, "check-config", NULL, offsetof(struct arguments, check_config),
             "report what is wrong with the configuration, and end"},
            {0, "forget-limits", NULL, offsetof(struct arguments, forget_limits),
             "restore the limits from before the first growth that was saved (growth.persist), "
             "remove the "
             "saved limits, and end"},
            {0, "print-defaults", NULL, offsetof(struct arguments, print_defaults),
             "print a configuration of defaults, and end"},
            {0, "test-alert", NULL, offsetof(struct arguments, test_alert),
             "send an alert to alerts.command, print how that ended, and end"},
            {0, "version", NULL, offsetof(struct arguments, version), "print the version, and end"},
        },
};

static int print_defaults(void) {
    char text[CTW_SETTINGS_TEXT_MAX];

    (void)ctw_settings_print_defaults(text, sizeof(text));
    (void)fputs(text, stdout);
    return ctw_cli_end();
}

static int run(const struct arguments *arguments, const struct ctw_settings *settings) {
    struct ctw_manager *m = NULL;

    (void)signal(SIGPIPE, SIG_IGN);
    int r = ctw_manager_new(&arguments->paths, settings, &m);
    if (r == -EBUSY)
        return EXIT_NOT_ALONE;
    if (r >= 0)
        r = ctw_manager_run(m);
    (void)ctw_manager_free(m);
    if (r < 0)
        (void)fprintf(stderr, "ctwatchd: %s\n", strerror(-r));
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int alert_runner(const char *config) {
    (void)signal(SIGPIPE, SIG_IGN);
    const int r = ctw_hook_serve(config, CTW_HOOK_LIMIT_USEC);

    (void)fprintf(stderr, "ctwatchd: --alert-runner: %s\n",
                  r == -EINVAL ? "started by ctwatch-alert.socket only" : strerror(-r));
    return r == -EINVAL ? EXIT_BAD_USAGE : EXIT_FAILURE;
}

static int test_alert(const struct arguments *arguments, const struct ctw_settings *settings) {
    const struct ctw_alert alert = {.kind = CTW_ALERT_TEST, .edge = CTW_EDGE_BEGIN};
    const char *command = settings->alerts.command, *socket = arguments->paths.alert_socket;
    struct ctw_outcome outcome;
    struct ctw_journal *journal = NULL;
    struct ctw_fields fields;
    struct ctw_line line;
    struct ctw_hook *hook = NULL;

    if (!socket && access(CTW_HOOK_SOCKET, F_OK) == 0)
        socket = CTW_HOOK_SOCKET;
    ctw_fields_of(&alert, &fields);
    if (ctw_journal_new(&journal) >= 0)
        ctw_journal_send(journal, &fields);
    (void)ctw_journal_free(journal);
    if (command[0] == '\0') {
        (void)fputs("ctwatchd: alerts.command is empty: nothing was run\n", stderr);
        return EXIT_FAILURE;
    }
    int r = ctw_hook_new(NULL, socket, CTW_HOOK_LIMIT_USEC, &hook);
    if (r >= 0)
        r = ctw_hook_test(hook, command, &fields, &outcome);
    (void)ctw_hook_free(hook);
    if (r < 0) {
        (void)fprintf(stderr, "ctwatchd: %s: %s\n", socket ? socket : command, strerror(-r));
        return EXIT_FAILURE;
    }
    ctw_outcome_line(&outcome, &line);
    (void)printf("%s: %s\n", command, line.text);
    return outcome.ending == CTW_ENDED_EXIT && outcome.number == 0 ? ctw_cli_end() : EXIT_FAILURE;
}

/* The file may be correct: the unit has to start ctwatchd again. */
static bool is_shortage(int error) {
    return error == -ENOMEM || error == -ENFILE || error == -EMFILE;
}

int main(int argc, char *argv[]) {
    struct arguments arguments = {.paths = {.config = CTWATCH_CONFIG_PATH, .root = ""}};
    struct ctw_settings settings;
    char error[CTW_CONFIG_ERROR_MAX];

    if (ctw_reserve_stdio() < 0)
        return EXIT_FAILURE;
    int status = ctw_cli_start(&cli, argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (arguments.version) {
        (void)puts("ctwatchd " CTWATCH_VERSION);
        return ctw_cli_end();
    }
    if (arguments.print_defaults)
        return print_defaults();
    if (arguments.forget_limits && arguments.paths.root[0] != '\0') {
        (void)fputs("ctwatchd: --forget-limits: nothing is written below --root\n", stderr);
        return EXIT_BAD_USAGE;
    }
    if (arguments.forget_limits)
        return ctw_limits_forget(arguments.paths.root) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

    if (arguments.alert_runner)
        return alert_runner(arguments.paths.config);
    const int r = ctw_config_load(arguments.paths.config, &settings, error);
    if (r < 0) {
        (void)fprintf(stderr, "%s\n", error);
        return arguments.check_config || is_shortage(r) ? EXIT_FAILURE : EXIT_BAD_CONFIG;
    }
    if (arguments.check_config)
        return EXIT_SUCCESS;
    if (arguments.test_alert)
        return test_alert(&arguments, &settings);
    if (!arguments.paths.state && arguments.paths.root[0] == '\0')
        arguments.paths.state = CTWATCH_RUN_PATH;
    return run(&arguments, &settings);
}
