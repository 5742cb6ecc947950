/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/manager.h"
#include "daemon/sink/limits.h"
#include "daemon/sys/config.h"
#include "daemon/sys/stdio.h"

/* ctwatchd: watches the conntrack table. See ctwatchd(8). */

/* Documented in ctwatchd(8). The unit is not restarted after these; cli.h has EXIT_BAD_USAGE. */
#define EXIT_NOT_ALONE  3
#define EXIT_BAD_CONFIG 78 /* EX_CONFIG of sysexits.h */

struct arguments {
    struct ctw_manager_paths paths;
    bool check_config, forget_limits, print_defaults, version;
};

static const struct ctw_option options[] = {
    {'c', "config", "FILE", CTW_OPTION_TEXT, offsetof(struct arguments, paths.config),
     "read FILE instead of " CTWATCH_CONFIG_PATH},
    {'r', "root", "DIR", CTW_OPTION_TEXT, offsetof(struct arguments, paths.root),
     "read /proc and /sys below DIR: a captured machine"},
    {'s', "state", "DIR", CTW_OPTION_TEXT, offsetof(struct arguments, paths.state),
     "publish in DIR instead of " CTWATCH_RUN_PATH},
    {0, "check-config", NULL, CTW_OPTION_FLAG, offsetof(struct arguments, check_config),
     "report what is wrong with the configuration, and end"},
    {0, "forget-limits", NULL, CTW_OPTION_FLAG, offsetof(struct arguments, forget_limits),
     "restore the limits from before the first growth that was saved (growth.persist), remove the "
     "saved limits, and end"},
    {0, "print-defaults", NULL, CTW_OPTION_FLAG, offsetof(struct arguments, print_defaults),
     "print a configuration of defaults, and end"},
    {0, "version", NULL, CTW_OPTION_FLAG, offsetof(struct arguments, version),
     "print the version, and end"},
};

static const struct ctw_cli cli = {
    .program = "ctwatchd",
    .synopses = "[--config FILE] [--root DIR] [--state DIR]\n"
                "--check-config [--config FILE]\n"
                "--forget-limits\n"
                "--print-defaults | --version | --help",
    .about = "Watches the kernel's connection-tracking table, and writes alerts to the journal.",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
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

    if (ctw_config_load(arguments.paths.config, &settings, error) < 0) {
        (void)fprintf(stderr, "%s\n", error);
        return arguments.check_config ? EXIT_FAILURE : EXIT_BAD_CONFIG;
    }
    if (arguments.check_config)
        return EXIT_SUCCESS;
    if (!arguments.paths.state && arguments.paths.root[0] == '\0')
        arguments.paths.state = CTWATCH_RUN_PATH;
    return run(&arguments, &settings);
}
