/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_CONFIG_SETTINGS_H
#define CTW_LIB_CONFIG_SETTINGS_H

/*
 * The settings: one immutable value, read whole from the text of /etc/ctwatch.conf and swapped
 * whole on reload. One table in settings.c drives names, types, bounds, defaults, errors and
 * --print-defaults; ctwatch.conf(5) tells what each key means.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest configuration accepted, in bytes: the sample with all its comments is a tenth of it. */
#define CTW_SETTINGS_TEXT_MAX 65536

/* Longest alerts.command, in bytes with its NUL (PATH_MAX). */
#define CTW_COMMAND_MAX 4096

enum ctw_events_mode { CTW_EVENTS_NEVER, CTW_EVENTS_AUTO, CTW_EVENTS_ALWAYS };
enum ctw_buckets_mode { CTW_BUCKETS_NEVER, CTW_BUCKETS_STARTUP, CTW_BUCKETS_ALWAYS };

struct ctw_settings {
    struct {
        uint64_t interval_usec; /* longest time between two looks */
        uint64_t fastest_usec;  /* shortest */
        uint32_t worst_rate;    /* new entries per second a burst is expected to reach */
    } poll;
    struct {
        uint32_t warning_permyriad;
        uint32_t critical_permyriad;
        uint32_t clear_permyriad; /* a level is left this far below its threshold */
        uint64_t hold_usec;       /* and only after having been there for so long */
        uint64_t forecast_usec;   /* say so when the table will be full within this; 0: never */
    } levels;
    struct {
        uint64_t remind_usec; /* 0: never */
        char command[CTW_COMMAND_MAX];
    } alerts;
    struct {
        bool enabled;
    } kernel_log;
    struct {
        enum ctw_events_mode mode;
        uint32_t from_permyriad;
        uint64_t buffer_bytes;
        uint32_t budget_permyriad; /* of one CPU */
    } events;
    struct {
        uint32_t top;
        uint32_t sample;
        uint32_t ipv6_prefix;
    } talkers;
    struct {
        bool enabled;
        bool dry_run;
        uint32_t at_permyriad;
        uint32_t step_permyriad; /* the factor: 20000 doubles */
        uint32_t ceiling;        /* 0: bounded by memory and buckets only */
        uint32_t memory_permyriad;
        enum ctw_buckets_mode buckets;
        uint64_t reserve_usec; /* keep free what poll.worst_rate takes in this time */
        bool persist;
    } growth;
};

/* Why a text was refused: one line's worth. */
struct ctw_settings_error {
    unsigned line;    /* 1-based; 0 when it concerns the text as a whole */
    char key[64];     /* "levels.warning"; "syntax" or "file" when no key is to blame */
    char reason[256]; /* "is 950, allowed is 1 to 100 (percent)" */
};

/** ctw_settings_defaults() - what an empty group, or a commented-out sample, means */
void ctw_settings_defaults(struct ctw_settings *ret);

/**
 * ctw_settings_parse() - read a configuration
 * @text:     libconfig syntax, need not be NUL-terminated
 * @length:   bytes in @text
 * @ret:      the settings, set only on success; every key not named has its default
 * @reterr:   what is wrong, set only on failure
 *
 * `@include` is refused, and so are texts that are empty, larger than CTW_SETTINGS_TEXT_MAX or not
 * text.
 *
 * Return: 0; -EINVAL when the text is refused.
 */
int ctw_settings_parse(const char *text, size_t length, struct ctw_settings *ret,
                       struct ctw_settings_error *reterr);

/**
 * ctw_settings_print_defaults() - write every key with its default, as a configuration
 * @buffer:  where to; always NUL-terminated
 * @size:    bytes in @buffer
 *
 * Return: bytes the whole text has, without the NUL, whether or not it fitted.
 */
size_t ctw_settings_print_defaults(char *buffer, size_t size);

#endif
