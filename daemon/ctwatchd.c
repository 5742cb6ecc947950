/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/manager.h"
#include "daemon/sink/limits.h"
#include "daemon/sys/config.h"

/* ctwatchd: watches the conntrack table. See ctwatchd(8). */

/* sysexits.h has no names for these; they are documented in ctwatchd(8). */
#define EXIT_BAD_CONFIG 1
#define EXIT_NOT_ALONE  3

struct arguments {
    struct ctw_manager_paths paths;
    bool check_config;
    bool forget_limits;
};

static int print_usage(FILE *to) {
    (void)fputs("usage: ctwatchd [--config FILE] [--root DIR] [--state DIR]\n"
                "       ctwatchd --check-config [--config FILE]\n"
                "       ctwatchd --forget-limits [--root DIR]\n"
                "       ctwatchd --print-defaults | --version | --help\n"
                "\n"
                "Watches the kernel's connection-tracking table, and writes alerts to the\n"
                "journal.\n"
                "\n"
                "  -c, --config FILE    read FILE instead of " CTWATCH_CONFIG_PATH "\n"
                "  -r, --root DIR       read /proc and /sys below DIR: a captured machine\n"
                "  -s, --state DIR      publish in DIR instead of " CTWATCH_RUN_PATH "\n"
                "      --check-config   say what is wrong with the configuration, and end\n"
                "      --forget-limits  put back the limits from before the first growth that\n"
                "                       was kept (growth.persist), drop what was kept, and end\n"
                "      --print-defaults print a configuration of defaults, and end\n"
                "      --version        print the version, and end\n"
                "  -h, --help           print this, and end\n",
                to);
    return ctw_cli_end(to);
}

static int print_version(void) {
    (void)puts("ctwatchd " CTWATCH_VERSION);
    return ctw_cli_end(stdout);
}

static int print_defaults(void) {
    char text[CTW_SETTINGS_TEXT_MAX];

    (void)ctw_settings_print_defaults(text, sizeof(text));
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const struct arguments *arguments, const struct ctw_settings *settings) {
    struct ctw_manager *m = NULL;

    /* Writing to a pipe that nobody reads is an error to be handled, not an end. */
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

/* Returns -1 to go on, or the exit status. */
static int parse_arguments(int argc, char *argv[], struct arguments *ret) {
    enum { CHECK_CONFIG = 256, FORGET_LIMITS, PRINT_DEFAULTS, VERSION };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"root", required_argument, NULL, 'r'},
        {"state", required_argument, NULL, 's'},
        {"check-config", no_argument, NULL, CHECK_CONFIG},
        {"forget-limits", no_argument, NULL, FORGET_LIMITS},
        {"print-defaults", no_argument, NULL, PRINT_DEFAULTS},
        {"version", no_argument, NULL, VERSION},
        {"help", no_argument, NULL, 'h'},
        {0},
    };

    for (int c; (c = getopt_long(argc, argv, "c:r:s:h", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            ret->paths.config = optarg;
            break;
        case 'r':
            ret->paths.root = optarg;
            break;
        case 's':
            ret->paths.state = optarg;
            break;
        case CHECK_CONFIG:
            ret->check_config = true;
            break;
        case FORGET_LIMITS:
            ret->forget_limits = true;
            break;
        case PRINT_DEFAULTS:
            return print_defaults();
        case VERSION:
            return print_version();
        case 'h':
            return print_usage(stdout);
        default:
            return print_usage(stderr);
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "ctwatchd: unexpected argument: %s\n", argv[optind]);
        return print_usage(stderr);
    }
    return -1;
}

int main(int argc, char *argv[]) {
    struct arguments arguments = {.paths = {.config = CTWATCH_CONFIG_PATH, .root = ""}};
    struct ctw_settings settings;
    char error[CTW_CONFIG_ERROR_MAX];

    int status = parse_arguments(argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (arguments.forget_limits)
        return ctw_limits_forget(arguments.paths.root) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

    if (ctw_config_load(arguments.paths.config, &settings, error) < 0) {
        (void)fprintf(stderr, "%s\n", error);
        return EXIT_BAD_CONFIG;
    }
    if (arguments.check_config)
        return EXIT_SUCCESS;
    if (!arguments.paths.state && arguments.paths.root[0] == '\0')
        arguments.paths.state = CTWATCH_RUN_PATH; /* of this machine, not of a captured one */
    return run(&arguments, &settings);
}
