/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What ctwatchd and the runner of alerts.command send each other: one packet with the fields of an
 * alert, each ended by a NUL as in struct ctw_fields, and one packet back with how the command
 * ended.
 */

#include <stddef.h>
#include <stdint.h>

#include "lib/report/fields.h"
#include "lib/util/strbuf.h"

/* The environment of alerts.command. */
struct ctw_environment {
    char *variable[CTW_FIELDS_MAX + 2]; /* into text, the last is NULL: for execve(2) */
    char text[CTW_FIELDS_BYTES];
};

/**
 * ctw_environment_read() - PATH, and the fields of an alert's packet
 *
 * Other fields are left out. An environment cannot hold a name twice: the values of a repeated
 * field become one variable, separated by newlines.
 *
 * Return: 0; -EBADMSG when it is no packet of fields, or too long.
 */
int ctw_environment_read(const char *packet, size_t size, struct ctw_environment *ret);

/* How much of a command's stderr is kept: its last bytes. */
#define CTW_STDERR_MAX 200

enum ctw_ending {
    CTW_ENDED_EXIT,    /* by itself, with a status; 127: it could not be started */
    CTW_ENDED_SIGNAL,  /* by a signal */
    CTW_ENDED_TIMEOUT, /* killed at its time limit */
};
#define CTW_ENDINGS (CTW_ENDED_TIMEOUT + 1)

struct ctw_outcome {
    enum ctw_ending ending;
    uint8_t number; /* the exit status, or the signal */
    size_t errors_length;
    char errors[CTW_STDERR_MAX]; /* the end of its stderr, any bytes */
};

/* Room for the packet: "exit 7\n", and the end of stderr. */
#define CTW_OUTCOME_BYTES (CTW_STDERR_MAX + 16)

/** ctw_outcome_print() - as a packet. Return: its size. */
size_t ctw_outcome_print(const struct ctw_outcome *o, char ret[static CTW_OUTCOME_BYTES]);

/** ctw_outcome_parse() - Return: 0, or -EBADMSG when it is none. */
int ctw_outcome_parse(const char *packet, size_t size, struct ctw_outcome *ret);

/** ctw_outcome_line() - "exit 7: the last line of stderr", "signal 11", "timeout" */
void ctw_outcome_line(const struct ctw_outcome *o, struct ctw_line *ret);
