/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_CLI_TERMINAL_H
#define CTW_CLI_TERMINAL_H

/*
 * What --watch does: one picture after the other, on a terminal each over the last.
 *
 * Between two pictures nothing about the terminal is changed that would have to be put back:
 * however the program ends there, the last one stays and the prompt comes below it.
 */

#include <stdbool.h>
#include <stdint.h>

struct ctw_screen {
    bool redraw; /* on a terminal, over what is there */
    bool apart;  /* otherwise with an empty line between them */
    bool again;  /* something has been written before; the caller begins with false */
};

/** ctw_screen_columns() - of the terminal that stdout is, else of COLUMNS, else 80 */
uint32_t ctw_screen_columns(void);

/**
 * ctw_screen_show() - one picture: lines, each with a newline
 *
 * When it is redrawn, lines below the terminal's last are left out, and what is right of its last
 * column. An interrupt waits until it is complete.
 *
 * Return: 0 or a negative errno, -EPIPE when nobody reads any more.
 */
int ctw_screen_show(struct ctw_screen *s, const char *text);

/** ctw_screen_notice_size() - from now on ctw_screen_wait() ends when the terminal's size changes
 */
void ctw_screen_notice_size(void);

/** ctw_screen_wait() - Return: whether the size changed before @usec had passed */
bool ctw_screen_wait(uint64_t usec);

/**
 * ctw_screen_interval() - the argument of --watch, which getopt knows as "--watch=5" only
 * @verb:  for what is said on stderr when it is wrong
 * @ret:   microseconds; 2 s when there is no argument
 *
 * Return: 0 or -EINVAL.
 */
int ctw_screen_interval(int argc, char *argv[], const char *verb, uint64_t *ret);

#endif
