/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_CLI_CLI_H
#define CTW_DAEMON_CLI_CLI_H

/*
 * The command line of a program or verb as one table, which drives parsing and --help; the
 * completion for bash reads --help.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum ctw_option_kind {
    CTW_OPTION_FLAG,     /* bool: true once given */
    CTW_OPTION_TEXT,     /* const char *: its argument */
    CTW_OPTION_OPTIONAL, /* const char *: its argument, a number; "" without one */
    CTW_OPTION_LIST,     /* struct ctw_cli_list: each argument */
    CTW_OPTION_WORD,     /* unsigned: which of `words` its argument is */
    CTW_OPTION_REFUSED,  /* known, but refused here, since `help`; not in --help */
};

struct ctw_option {
    char letter; /* 0: none */
    const char *name;
    const char *argument; /* as --help calls it: "FILE", "[SECONDS]"; NULL: takes none */
    enum ctw_option_kind kind;
    size_t offset; /* in the struct of arguments */
    const char *help;
    const char *const *words; /* of CTW_OPTION_WORD, the last is NULL */
};

/* As many as `ctwatch serve` can listen on. */
#define CTW_CLI_LIST_MAX 8u

struct ctw_cli_list {
    const char *at[CTW_CLI_LIST_MAX];
    size_t n;
};

struct ctw_cli {
    const char *program;  /* "ctwatch status" */
    const char *synopses; /* what follows the program's name, one line each */
    const char *about;    /* one paragraph */
    const struct ctw_option *options;
    size_t n_options;
    bool has_operand; /* one word that is no option */
    size_t operand;   /* const char *: its offset */
};

/* Options of one program, --help included. */
#define CTW_CLI_OPTIONS_MAX 16u

/* Room for an error, whose option may be of any length. */
#define CTW_CLI_ERROR_MAX 256

enum ctw_cli_result {
    CTW_CLI_RUN,
    CTW_CLI_HELP, /* --help was given; what follows was not read */
    CTW_CLI_BAD,
};

/**
 * ctw_cli_parse() - read a command line
 * @arguments:  the caller's struct, with its defaults
 * @reterr:     "--nonsense: there is no such option", set with CTW_CLI_BAD
 */
enum ctw_cli_result ctw_cli_parse(const struct ctw_cli *cli, int argc, char *argv[],
                                  void *arguments, char reterr[static CTW_CLI_ERROR_MAX]);

/** ctw_cli_print_help() - at most 79 columns wide */
void ctw_cli_print_help(const struct ctw_cli *cli);

/**
 * ctw_cli_start() - parse, print --help where it is asked for, and errors
 *
 * Return: -1 to go on, or the exit status: 2 for a wrong command line, else that of ctw_cli_end().
 */
int ctw_cli_start(const struct ctw_cli *cli, int argc, char *argv[], void *arguments);

/** ctw_cli_bad() - print "PROGRAM: WHAT: VALUE is not ALLOWED". Return: 2, the exit status. */
int ctw_cli_bad(const struct ctw_cli *cli, const char *option, const char *value,
                const char *allowed);

/** ctw_cli_end() - flush stdout. Return: 0; 1 when it could not be written, which is reported. */
int ctw_cli_end(void);

#endif
