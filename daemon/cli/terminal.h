/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_CLI_TERMINAL_H
#define CTW_DAEMON_CLI_TERMINAL_H

/*
 * What --watch does: one picture after the other, on a terminal each over the last.
 *
 * Between two pictures nothing about the terminal is changed that would have to be put back:
 * however the program ends there, the last one stays and the prompt comes below it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "daemon/cli/cli.h"

struct ctw_terminal {
    bool redraw; /* on a terminal, over what is there */
    bool apart;  /* otherwise with an empty line between them */
    bool again;  /* something has been written before; the caller begins with false */
};

/** ctw_terminal_columns() - of the terminal that stdout is, else of COLUMNS, else 80 */
uint32_t ctw_terminal_columns(void);

/**
 * ctw_terminal_show() - one picture: lines, each with a newline
 *
 * When it is redrawn, lines below the terminal's last are left out, and what is right of its last
 * column. An interrupt waits until it is complete.
 *
 * Return: 0 or a negative errno, -EPIPE when nobody reads any more.
 */
int ctw_terminal_show(struct ctw_terminal *s, const char *text);

/** ctw_terminal_notice_size() - from now on ctw_terminal_wait() ends when the terminal's size
 * changes
 */
void ctw_terminal_notice_size(void);

/** ctw_terminal_wait() - Return: whether the size changed before @usec had passed */
bool ctw_terminal_wait(uint64_t usec);

/**
 * ctw_terminal_interval() - the argument of --watch
 * @text:  as given; NULL or "": 2 s
 * @ret:   microseconds
 *
 * Return: 0 or -EINVAL, which is reported on stderr.
 */
int ctw_terminal_interval(const struct ctw_cli *cli, const char *text, uint64_t *ret);

#endif
