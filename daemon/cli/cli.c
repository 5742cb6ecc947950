/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/layout.h"
#include "lib/util/parse.h"

/* What getopt_long() returns for the long option in row @i; letters are below 256. */
#define VALUE_OF(i) (256 + (int)(i))

/* --- --help ---------------------------------------------------------------------------------- */

#define COLUMNS  79u
#define HELP_MAX 4096u

static bool has_letter(const struct ctw_option *o) {
    return o->letter != 0 && o->letter != CTW_OPTION_LIST;
}

/* "  -c, --config FILE". Return: its columns. */
static int print_name(const struct ctw_option *o, char *buffer, size_t size) {
    char letter[] = "   ";

    if (has_letter(o))
        (void)snprintf(letter, sizeof(letter), "-%c,", o->letter);
    return snprintf(buffer, size, "  %-3s --%s%s%s", letter, o->name, o->argument ? " " : "",
                    o->argument ? o->argument : "");
}

static const struct ctw_option help_option = {'h', "help", NULL, 0, "print this, and end"};

/* Row @i of the table, behind whose last row is --help. */
static const struct ctw_option *option_at(const struct ctw_cli *cli, size_t i) {
    return cli->options[i].name ? &cli->options[i] : &help_option;
}

static size_t last_of(const struct ctw_cli *cli) {
    size_t i = 0;

    while (option_at(cli, i) != &help_option)
        i++;
    return i;
}

void ctw_cli_print_help(const struct ctw_cli *cli) {
    char name[64], text[HELP_MAX] = "";
    struct ctw_layout p = {.out = {text, sizeof(text), 0}, .columns = COLUMNS, .utf8 = true};
    int width = 0;

    for (const char *line = cli->synopses, *end; *line != '\0'; line = end + (*end == '\n')) {
        end = line + strcspn(line, "\n");
        ctw_out_put(&p.out, "%s %s %.*s\n", line == cli->synopses ? "usage:" : "      ",
                    cli->program, (int)(end - line), line);
    }
    ctw_out_put(&p.out, "\n");
    ctw_layout_paragraph(&p, "", CTW_COLOUR_NONE, cli->about);
    ctw_out_put(&p.out, "\n");
    for (size_t i = 0; i <= last_of(cli); i++) {
        const int n = print_name(option_at(cli, i), name, sizeof(name));
        if (option_at(cli, i)->offset != CTW_OPTION_REFUSED && n > width)
            width = n;
    }
    p.indent = (uint32_t)width + 2;
    for (size_t i = 0; i <= last_of(cli); i++) {
        const struct ctw_option *o = option_at(cli, i);
        (void)print_name(o, name, sizeof(name));
        if (o->offset != CTW_OPTION_REFUSED)
            ctw_layout_paragraph(&p, name, CTW_COLOUR_NONE, o->help);
    }
    (void)fputs(text, stdout);
}

/* --- parsing --------------------------------------------------------------------------------- */

static bool bad(char *error, const char *option, const char *what) {
    (void)snprintf(error, CTW_CLI_ERROR_MAX, "--%s: %s", option, what);
    return false;
}

static bool is_optional(const struct ctw_option *o) {
    return o->argument && o->argument[0] == '[';
}

/* Stores the argument of an option. Return: false: it is refused, as @error explains. */
static bool take(const struct ctw_option *o, int argc, char *argv[], void *arguments, char *error) {
    const bool is_list = o->letter == CTW_OPTION_LIST;
    void *field = (char *)arguments + o->offset;
    struct ctw_cli_list *list = field;

    if (o->offset == CTW_OPTION_REFUSED)
        return bad(error, o->name, o->help);
    if (is_list && list->n == CTW_CLI_LIST_MAX)
        return bad(error, o->name, "is allowed 8 times at most");
    /* getopt_long() takes "--watch 5" for an option and an operand */
    if (is_optional(o) && !optarg && optind < argc && isdigit((unsigned char)argv[optind][0]))
        optarg = argv[optind++];
    if (is_list)
        list->at[list->n++] = optarg;
    else if (o->argument)
        *(const char **)field = optarg ? optarg : "";
    else
        *(bool *)field = true;
    return true;
}

/* The table for getopt_long(). */
static void fill_getopt(const struct ctw_cli *cli, struct option *options, char *letters) {
    *letters++ = ':'; /* getopt_long() returns ':' for a missing argument, '?' otherwise */
    for (size_t i = 0; i <= last_of(cli); i++) {
        const struct ctw_option *o = option_at(cli, i);
        options[i] = (struct option){.name = o->name,
                                     .has_arg = is_optional(o) ? optional_argument
                                                : o->argument  ? required_argument
                                                               : no_argument,
                                     .val = VALUE_OF(i)};
        if (!has_letter(o))
            continue;
        *letters++ = o->letter;
        if (o->argument)
            *letters++ = ':';
        if (is_optional(o))
            *letters++ = ':';
    }
    *letters = '\0';
}

/* The row of the option for which getopt_long() returned @value. */
static size_t find(const struct ctw_cli *cli, int value) {
    size_t i = 0;

    if (value >= VALUE_OF(0))
        return (size_t)(value - VALUE_OF(0));
    while (option_at(cli, i) != &help_option && cli->options[i].letter != value)
        i++;
    return i;
}

static enum ctw_cli_result refuse(int c, char *argv[], char *error) {
    const char letter[] = {'-', (char)optopt, '\0'};
    const bool is_letter = optopt > 0 && optopt < 128;
    const char *what = c == ':'                ? "needs an argument"
                       : optopt >= VALUE_OF(0) ? "takes no argument"
                                               : "there is no such option";

    (void)snprintf(error, CTW_CLI_ERROR_MAX, "%.64s: %s", is_letter ? letter : argv[optind - 1],
                   what);
    return CTW_CLI_BAD;
}

/* Puts the operands together. */
static enum ctw_cli_result join(const struct ctw_cli *cli, int argc, char *argv[], void *arguments,
                                char *error) {
    struct ctw_cli_words *words = (void *)((char *)arguments + cli->operand);

    for (; optind < argc; optind++) {
        const int n = snprintf(words->text + words->length, sizeof(words->text) - words->length,
                               "%s%s", words->length > 0 ? " " : "", argv[optind]);
        if (n < 0 || (size_t)n >= sizeof(words->text) - words->length) {
            (void)snprintf(error, CTW_CLI_ERROR_MAX, "the filter is too long");
            return CTW_CLI_BAD;
        }
        words->length += (size_t)n;
    }
    return CTW_CLI_RUN;
}

enum ctw_cli_result ctw_cli_parse(const struct ctw_cli *cli, int argc, char *argv[],
                                  void *arguments, char reterr[static CTW_CLI_ERROR_MAX]) {
    struct option options[CTW_CLI_OPTIONS_MAX + 2] = {0};
    char letters[3 * CTW_CLI_OPTIONS_MAX + 5];

    fill_getopt(cli, options, letters);
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, letters, options, NULL)) != -1;) {
        if (c == '?' || c == ':')
            return refuse(c, argv, reterr);
        const struct ctw_option *o = option_at(cli, find(cli, c));
        if (o == &help_option)
            return CTW_CLI_HELP;
        if (!take(o, argc, argv, arguments, reterr))
            return CTW_CLI_BAD;
    }
    if (cli->joins_operands)
        return join(cli, argc, argv, arguments, reterr);
    if (cli->has_operand && optind < argc)
        *(const char **)((char *)arguments + cli->operand) = argv[optind++];
    if (optind == argc)
        return CTW_CLI_RUN;
    (void)snprintf(reterr, CTW_CLI_ERROR_MAX, "unexpected argument: %.64s", argv[optind]);
    return CTW_CLI_BAD;
}

int ctw_cli_start(const struct ctw_cli *cli, int argc, char *argv[], void *arguments) {
    char error[CTW_CLI_ERROR_MAX];

    switch (ctw_cli_parse(cli, argc, argv, arguments, error)) {
    case CTW_CLI_RUN: return -1;
    case CTW_CLI_HELP: ctw_cli_print_help(cli); return ctw_cli_end();
    case CTW_CLI_BAD: break;
    }
    (void)fprintf(stderr, "%s: %s, see %s --help\n", cli->program, error, cli->program);
    return EXIT_BAD_USAGE;
}

int ctw_cli_bad(const struct ctw_cli *cli, const char *option, const char *value,
                const char *allowed) {
    (void)fprintf(stderr, "%s: %s: %s is not %s\n", cli->program, option, value, allowed);
    return EXIT_BAD_USAGE;
}

int ctw_cli_number(const struct ctw_cli *cli, const char *option, const char *text, uint32_t min,
                   uint32_t max, const char *allowed, uint32_t *ret) {
    uint64_t value;

    if (!text)
        return -1;
    if (ctw_text_decimal(text, strlen(text), max, &value) < 0 || value < min)
        return ctw_cli_bad(cli, option, text, allowed);
    *ret = (uint32_t)value;
    return -1;
}

/* A filter's bytes, one column each. */
static void print_marked(const struct ctw_cli_words *words, const struct ctw_filter_error *e) {
    size_t from = 0, to = words->length;

    if (e->offset > COLUMNS / 2)
        from = e->offset - COLUMNS / 2;
    if (to - from > COLUMNS - 2)
        to = from + COLUMNS - 2;
    (void)fputs("  ", stderr);
    for (size_t i = from; i < to; i++)
        (void)fputc(isprint((unsigned char)words->text[i]) ? words->text[i] : '?', stderr);
    (void)fprintf(stderr, "\n  %*s", (int)(e->offset - from), "");
    for (size_t i = e->offset; i == e->offset || (i < e->offset + e->length && i < to); i++)
        (void)fputc('^', stderr);
    (void)fputc('\n', stderr);
}

int ctw_cli_filter(const struct ctw_cli *cli, const struct ctw_cli_words *words,
                   ctw_filter_label_fn label, void *userdata, struct ctw_filter *ret) {
    struct ctw_filter_error error;

    if (words->length == 0) {
        ctw_filter_all(ret);
        return -1;
    }
    if (ctw_filter_parse(words->text, words->length, label, userdata, ret, &error) == 0)
        return -1;
    (void)fprintf(stderr, "%s: FILTER: %s\n", cli->program, error.message.text);
    print_marked(words, &error);
    return EXIT_BAD_USAGE;
}

void ctw_cli_cannot_read(const struct ctw_cli *cli, int r) {
    (void)fprintf(stderr, "%s: ", cli->program);
    if (r == -EPERM)
        (void)fputs("reading the table takes the capability CAP_NET_ADMIN: run it as root\n",
                    stderr);
    else if (r == -ENOENT)
        (void)fputs("there is no conntrack table: the kernel has not loaded nf_conntrack\n",
                    stderr);
    else
        (void)fprintf(stderr, "the table cannot be read: %s\n", strerror(-r));
}

int ctw_cli_no_memory(const struct ctw_cli *cli) {
    (void)fprintf(stderr, "%s: no memory\n", cli->program);
    return EXIT_CANNOT_READ;
}

int ctw_cli_end_after(int error) {
    errno = error;
    if (error == 0 && fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_SUCCESS;
    if (errno == EPIPE) /* the reader has gone */
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "%s: cannot write: %s\n", program_invocation_short_name,
                  strerror(errno > 0 ? errno : EIO));
    return EXIT_FAILURE;
}

int ctw_cli_end(void) {
    return ctw_cli_end_after(0);
}

bool ctw_cli_writing_failed(int *error) {
    if (*error == 0 && ferror(stdout))
        *error = errno > 0 ? errno : EIO;
    return *error != 0;
}
