/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The command line of a program or verb. One table has its options, for parsing and for --help,
 * which the completion for bash reads.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/filter/filter.h"

/* Exit statuses of the verbs; ctwatch check has its own. Documented in ctwatch(8). */
#define EXIT_CANNOT_READ 1
#define EXIT_BAD_USAGE   2

/* Instead of a letter: a struct ctw_cli_list takes each argument. */
#define CTW_OPTION_LIST '+'

/* Instead of an offset: an option of other verbs; `help` is why this one refuses it. */
#define CTW_OPTION_REFUSED SIZE_MAX

struct ctw_option {
    char letter; /* 0: none */
    const char *name;
    const char *argument; /* its name in --help: "FILE"; "[SECONDS]" may be left out; NULL: none */
    size_t offset;        /* in the caller's struct: of a const char *, "" where it was left out;
                           * of a bool where the option takes no argument */
    const char *help;
};

/* Arguments of a repeated option: the sockets of `ctwatch serve`. */
#define CTW_CLI_LIST_MAX 8u

struct ctw_cli_list {
    const char *at[CTW_CLI_LIST_MAX];
    size_t n;
};

/* Operands joined by blanks: a filter. */
#define CTW_CLI_WORDS_MAX 8192u

struct ctw_cli_words {
    size_t length;
    char text[CTW_CLI_WORDS_MAX]; /* NUL-terminated */
};

/* Options of one program, without --help. */
#define CTW_CLI_OPTIONS_MAX 15u

struct ctw_cli {
    const char *program;  /* "ctwatch status" */
    const char *synopses; /* what follows the program's name, a line for each form */
    const char *about;    /* one paragraph */
    bool has_operand;     /* takes an argument that is no option */
    bool joins_operands;  /* takes any number of them */
    size_t operand; /* const char *, or struct ctw_cli_words: its offset in the caller's struct */
    struct ctw_option options[CTW_CLI_OPTIONS_MAX + 1]; /* behind the last: --help, by itself */
};

/* Room for an error. A longer option is cut. */
#define CTW_CLI_ERROR_MAX 256

enum ctw_cli_result {
    CTW_CLI_RUN,
    CTW_CLI_HELP, /* --help was given; the rest was not read */
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
 * ctw_cli_start() - parse, and print --help or an error
 *
 * Return: -1: the program runs; or its exit status: 2 after an error, that of ctw_cli_end() after
 * --help.
 */
int ctw_cli_start(const struct ctw_cli *cli, int argc, char *argv[], void *arguments);

/** ctw_cli_bad() - print "PROGRAM: WHAT: VALUE is not ALLOWED". Return: 2, the exit status. */
int ctw_cli_bad(const struct ctw_cli *cli, const char *option, const char *value,
                const char *allowed);

/**
 * ctw_cli_number() - read the number behind an option
 * @text:     NULL: the option was not given, and *ret stays as it is
 * @allowed:  "from 1 to 1000"
 *
 * Return: -1: the program goes on; 2, its exit status, after an error, which is reported.
 */
int ctw_cli_number(const struct ctw_cli *cli, const char *option, const char *text, uint32_t min,
                   uint32_t max, const char *allowed, uint32_t *ret);

/**
 * ctw_cli_filter() - parse the operands as a filter
 * @label:  as for ctw_filter_parse()
 *
 * An error is reported, with the filter and a mark below the word.
 *
 * Return: as ctw_cli_number().
 */
int ctw_cli_filter(const struct ctw_cli *cli, const struct ctw_cli_words *words,
                   ctw_filter_label_fn label, void *userdata, struct ctw_filter *ret);

/**
 * ctw_cli_cannot_read() - print why the table or its events cannot be read
 * @r:  of daemon/source/dump
 */
void ctw_cli_cannot_read(const struct ctw_cli *cli, int r);

/** ctw_cli_no_memory() - print that there is none. Return: 1, the exit status. */
int ctw_cli_no_memory(const struct ctw_cli *cli);

/** ctw_cli_end() - flush stdout. Return: 0; 1 when writing fails, which is reported on stderr. */
int ctw_cli_end(void);

/** ctw_cli_end_after() - the same after writing may have failed with @error, a positive errno; 0 */
int ctw_cli_end_after(int error);

/** ctw_cli_writing_failed() - call it after each output, with *@error 0 at first, which it sets */
bool ctw_cli_writing_failed(int *error);

/* The verbs of ctwatch(8): @argv[0] is the verb; each returns the exit status. */

int ctw_verb_status(int argc, char *argv[]);
int ctw_verb_top(int argc, char *argv[]);
int ctw_verb_flows(int argc, char *argv[]);
int ctw_verb_events(int argc, char *argv[]);
int ctw_verb_namespaces(int argc, char *argv[]);
int ctw_verb_check(int argc, char *argv[]);
int ctw_verb_advise(int argc, char *argv[]);
int ctw_verb_replay(int argc, char *argv[]);
int ctw_verb_metrics(int argc, char *argv[]);
int ctw_verb_serve(int argc, char *argv[]);
