/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The repeated output of --watch. On a terminal each output replaces the one before.
 *
 * Between two outputs the terminal has its usual settings: after an interrupt the last output
 * stays, and the prompt follows it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "daemon/cli/cli.h"

struct ctw_terminal {
    bool redraw; /* replace the output before; stdout is a terminal */
    bool apart;  /* without redraw: an empty line between two outputs */
    bool again;  /* not the first output */
};

/** ctw_terminal_columns() - the width of the terminal on stdout, else $COLUMNS, else 80 */
uint32_t ctw_terminal_columns(void);

/**
 * ctw_terminal_show() - print an output
 * @text:  lines, each with a newline
 *
 * With redraw, lines and columns that do not fit the terminal are left out. An interrupt is delayed
 * until the output is complete.
 *
 * Return: 0 or a negative errno; -EPIPE: the reader has gone.
 */
int ctw_terminal_show(struct ctw_terminal *s, const char *text);

/**
 * ctw_terminal_print() - the same for what was rendered into a buffer, with errors on stderr
 * @n:     bytes of the whole text; 0: there was no memory
 * @size:  bytes in the buffer
 *
 * Return: as ctw_terminal_show(); -ENOMEM.
 */
int ctw_terminal_print(struct ctw_terminal *s, const struct ctw_cli *cli, const char *text,
                       size_t n, size_t size);

/** ctw_terminal_notice_size() - make ctw_terminal_wait() end when the terminal's size changes */
void ctw_terminal_notice_size(void);

/** ctw_terminal_wait() - Return: true when the size changes within @usec, otherwise false */
bool ctw_terminal_wait(uint64_t usec);

/**
 * ctw_terminal_interval() - read the argument of --watch
 * @text:  NULL or "": 2 s
 * @ret:   microseconds
 *
 * Return: 0; -EINVAL, which is reported on stderr.
 */
int ctw_terminal_interval(const struct ctw_cli *cli, const char *text, uint64_t *ret);
