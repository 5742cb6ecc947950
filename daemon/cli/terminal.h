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

struct pollfd;

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

/* A line on stderr that shows how far a walk has come; it is taken back before anything else is
 * printed. */
struct ctw_progress {
    bool wanted;       /* stderr is a terminal, and the table is large */
    bool shown;        /* there is a line to take back */
    uint32_t of;       /* entries, about */
    uint64_t due_usec; /* when to show it next */
};

/** ctw_progress_start() - @entries: of the table, about */
void ctw_progress_start(struct ctw_progress *p, uint32_t entries);

/** ctw_progress_show() - call it for each entry, also where it is not wanted */
void ctw_progress_show(struct ctw_progress *p, uint64_t entries);

/** ctw_progress_clear() - take the line back */
void ctw_progress_clear(struct ctw_progress *p);

/** ctw_interrupt_catch() - from now on an interrupt sets ctw_interrupted(), a second one ends the
 * program; and a reader of stdout that has gone makes writing fail with EPIPE */
void ctw_interrupt_catch(void);
bool ctw_interrupted(void);

/**
 * ctw_interruptible_poll() - poll(2), which an interrupt ends even when it came just before
 * @usec:  how long at most
 *
 * Return: as poll(2); -1 with EINTR after an interrupt.
 */
int ctw_interruptible_poll(struct pollfd *fds, unsigned n, uint64_t usec);
