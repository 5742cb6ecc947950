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
    bool redraw;        /* replace the output before; stdout is a terminal */
    bool apart;         /* without redraw: an empty line between two outputs */
    bool again;         /* not the first output */
    unsigned highlight; /* with redraw: this line, from 1 on, in reverse; 0: none */
};

/** ctw_terminal_rows() - the height of the terminal on stdout, 24 where that is not known */
uint32_t ctw_terminal_rows(void);

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

/** ctw_terminal_wait() - for @usec, or until the size changes */
void ctw_terminal_wait(uint64_t usec);

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

/* --- keys ------------------------------------------------------------------------------------- */

/* A key is its character, or one of these. */
enum {
    CTW_KEY_NONE = 0, /* none in time, or the size of the terminal has changed */
    CTW_KEY_ENTER = '\n',
    CTW_KEY_UP = 256,
    CTW_KEY_DOWN,
    CTW_KEY_END, /* there will be no more */
};

/**
 * ctw_keys_start() - from now on keys come at once, and are not shown
 *
 * A signal that ends the program first gives the terminal its settings back.
 *
 * Return: false, and nothing is changed, when stdin and stdout are no terminal, or are another
 * program's at present.
 */
bool ctw_keys_start(void);

/** ctw_keys_stop() - the terminal has its settings back */
void ctw_keys_stop(void);

/** ctw_keys_read() - wait for a key. Return: the key, or CTW_KEY_NONE after @usec. */
int ctw_keys_read(uint64_t usec);
