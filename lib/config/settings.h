/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The settings of /etc/ctwatch.conf. A reload replaces all of them, or none. One table in
 * settings.c has the names, types, bounds and defaults; ctwatch.conf(5) documents each key.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest configuration, in bytes: ten times the sample with all its comments. */
#define CTW_SETTINGS_TEXT_MAX 65536

/* The longest alerts.command, in bytes with its NUL (PATH_MAX). */
#define CTW_COMMAND_MAX 4096

/* The most namespaces that are watched: the bound of namespaces.max. A reading takes 9 us. */
#define CTW_NAMESPACES_MAX 4096u

/* The bound of namespaces.metrics: a page of metrics has room for four samples of each. */
#define CTW_NAMESPACES_METRICS_MAX 100u

enum ctw_events_mode { CTW_EVENTS_NEVER, CTW_EVENTS_AUTO, CTW_EVENTS_ALWAYS };
enum ctw_buckets_mode { CTW_BUCKETS_NEVER, CTW_BUCKETS_STARTUP, CTW_BUCKETS_ALWAYS };

struct ctw_settings {
    struct {
        uint64_t interval_usec; /* longest time between two polls */
        uint64_t fastest_usec;  /* shortest */
        uint32_t worst_rate;    /* new entries per second that a burst is expected to reach */
    } poll;
    struct {
        uint32_t warning_permyriad;
        uint32_t critical_permyriad;
        uint32_t clear_permyriad; /* a level ends this far below its threshold */
        uint64_t hold_usec;       /* when the fill has been that low for this time */
        uint64_t forecast_usec;   /* alert when the table will be full within this; 0: never */
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
        uint64_t reserve_usec; /* keep free what poll.worst_rate fills in this time */
        bool persist;
    } growth;
    struct {
        bool enabled;
        uint64_t interval_usec; /* between two readings of one namespace; less where it fills */
        uint32_t max;           /* namespaces that are watched; more are only counted */
        uint32_t metrics;       /* in /metrics: the fullest ones; 0: none */
    } namespaces;
};

/* Why a configuration is refused. */
struct ctw_settings_error {
    unsigned line;    /* from 1; 0: the text as a whole */
    char key[64];     /* "levels.warning"; "syntax" or "file" if no key is wrong */
    char reason[256]; /* "is 950, allowed is 1 to 100 (percent)" */
};

/** ctw_settings_defaults() - the settings of a configuration that sets no key */
void ctw_settings_defaults(struct ctw_settings *ret);

/**
 * ctw_settings_parse() - read a configuration
 * @config:  in the syntax of libconfig; need not be NUL-terminated
 * @length:  bytes in @config
 * @ret:     set only on success; each key that @config does not set has its default
 * @reterr:  the first error; set only on failure
 *
 * Besides what libconfig refuses, these are refused: `@include`; a text that is blank, larger than
 * CTW_SETTINGS_TEXT_MAX or holds control characters; and what libconfig 1.5 reads wrongly, integers
 * above 31 bits and comments that are not closed.
 *
 * Return: 0; -EINVAL when the text is refused.
 */
int ctw_settings_parse(const char *config, size_t length, struct ctw_settings *ret,
                       struct ctw_settings_error *reterr);

/** ctw_settings_refuse() - fill @err with "what is wrong, allowed is ...". Return: -EINVAL. */
int ctw_settings_refuse(struct ctw_settings_error *err, unsigned line, const char *key,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/**
 * ctw_settings_print_defaults() - write every key with its default, as a configuration
 * @buffer:  always NUL-terminated, if @size is not 0
 *
 * Return: bytes of the whole text, without the NUL; it may exceed @size.
 */
size_t ctw_settings_print_defaults(char *buffer, size_t size);
