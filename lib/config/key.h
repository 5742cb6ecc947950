/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_CONFIG_KEY_H
#define CTW_LIB_CONFIG_KEY_H

/*
 * One key of the configuration: what its value may be, how it is written, and where in struct
 * ctw_settings it goes.
 */

#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"

struct config_setting_t;

enum ctw_key_type {
    CTW_KEY_PERCENT,  /* uint32_t permyriad; written 75, 75.0 */
    CTW_KEY_FACTOR,   /* uint32_t, 10000 is 1; written 2, 2.0 */
    CTW_KEY_DURATION, /* uint64_t usec; written 10, 0.25, "250ms" */
    CTW_KEY_SIZE,     /* uint64_t bytes; written 65536, "64KiB" */
    CTW_KEY_COUNT,    /* uint32_t; written 5 */
    CTW_KEY_SWITCH,   /* bool; written true, false */
    CTW_KEY_WORD,     /* an enum counting from 0; written "auto" */
    CTW_KEY_COMMAND,  /* char[CTW_COMMAND_MAX]; written "", "/usr/bin/logger -t ctwatch" */
};

struct ctw_key {
    const char *group, *name;
    enum ctw_key_type type;
    size_t offset;              /* in struct ctw_settings */
    uint64_t min, max;          /* as they are kept; of a command's bytes */
    uint64_t preset;            /* the default, as it is kept; a command's is always "" */
    const char *const *words;   /* of CTW_KEY_WORD: max + 1 of them */
    const char *unit, *meaning; /* for people */
};

/* Room for what a key allows, and for a default. */
#define CTW_KEY_TEXT_MAX 128

/** ctw_key_get() - the value as it is kept; 0 for a command */
uint64_t ctw_key_get(const struct ctw_key *k, const struct ctw_settings *s);

/** ctw_key_set() - set the value to one between min and max; a command becomes "" */
void ctw_key_set(const struct ctw_key *k, struct ctw_settings *s, uint64_t value);

/**
 * ctw_key_read() - take over a value that libconfig has read
 * @value:  any setting of libconfig's
 * @s:      where it goes; untouched on failure
 * @what:   on failure, what the value is: "950", "\"10 parsecs\"", "true"
 * @size:   bytes in @what
 *
 * Return: 0; -ERANGE when it is of the wrong type or out of bounds.
 */
int ctw_key_read(const struct ctw_key *k, const struct config_setting_t *value,
                 struct ctw_settings *s, char *what, size_t size);

/** ctw_key_print() - @value as one would write it in a configuration: 75.0, "250ms", true */
void ctw_key_print(const struct ctw_key *k, uint64_t value, char *buffer, size_t size);

/** ctw_key_print_allowed() - e.g. "1 to 100 (percent)" */
void ctw_key_print_allowed(const struct ctw_key *k, char *buffer, size_t size);

#endif
