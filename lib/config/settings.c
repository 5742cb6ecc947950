/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/config/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/config/syntax.h"
#include "lib/util/parse.h"
#include "lib/util/strbuf.h"
#include "lib/util/units.h"

/* --- one key --- */

enum key_type {
    KEY_PERCENT,  /* uint32_t permyriad; written 75, 75.0 */
    KEY_FACTOR,   /* uint32_t, 10000 is 1; written 2, 2.0 */
    KEY_DURATION, /* uint64_t usec; written 10, 0.25, "250ms" */
    KEY_SIZE,     /* uint64_t bytes; written 65536, "64KiB" */
    KEY_COUNT,    /* uint32_t; written 5 */
    KEY_SWITCH,   /* bool; written true, false */
    KEY_WORD,     /* an enum counting from 0; written "auto" */
    KEY_COMMAND,  /* char[CTW_COMMAND_MAX]; written "", "/usr/bin/logger -t ctwatch" */
};

struct key {
    const char *group, *name;
    enum key_type type;
    size_t offset;              /* in struct ctw_settings */
    uint64_t min, max;          /* as they are kept; of a command's bytes */
    uint64_t preset;            /* the default, as it is kept; a command's is always "" */
    const char *const *words;   /* of KEY_WORD: max + 1 of them */
    const char *unit, *meaning; /* for people */
};

/* Room for what a key allows, and for a default. */
#define TEXT_MAX 128

/* How much of a string an error repeats. */
#define ECHO_MAX 40

/* --- where it is kept --- */

static uint64_t load(const void *field, size_t size) {
    uint64_t wide;
    uint32_t narrow;

    if (size == sizeof wide) {
        memcpy(&wide, field, sizeof wide);
        return wide;
    }
    memcpy(&narrow, field, sizeof narrow);
    return narrow;
}

/* Of a number or an enum. */
static size_t field_size(const struct key *k) {
    return k->type == KEY_DURATION || k->type == KEY_SIZE ? sizeof(uint64_t) : sizeof(uint32_t);
}

_Static_assert(sizeof(enum ctw_events_mode) == sizeof(uint32_t), "kept like a uint32_t");
_Static_assert(sizeof(enum ctw_buckets_mode) == sizeof(uint32_t), "kept like a uint32_t");

static uint64_t get_value(const struct key *k, const struct ctw_settings *s) {
    const char *field = (const char *)s + k->offset;

    if (k->type == KEY_COMMAND)
        return 0;
    if (k->type == KEY_SWITCH)
        return *(const bool *)field;
    return load(field, field_size(k));
}

static void set_value(const struct key *k, struct ctw_settings *s, uint64_t value) {
    char *field = (char *)s + k->offset;

    if (k->type == KEY_COMMAND) {
        *field = '\0';
    } else if (k->type == KEY_SWITCH) {
        *(bool *)field = value != 0;
    } else if (field_size(k) == sizeof(uint64_t)) {
        memcpy(field, &value, sizeof value);
    } else {
        uint32_t narrow = (uint32_t)value;
        memcpy(field, &narrow, sizeof narrow);
    }
}

/* --- reading --- */

/* What 1 as people write it is as it is kept. */
static uint64_t scale(enum key_type type) {
    switch (type) {
    case KEY_PERCENT:
        return CTW_PERMYRIAD / 100;
    case KEY_FACTOR:
        return CTW_PERMYRIAD;
    case KEY_DURATION:
        return CTW_USEC_PER_SEC;
    case KEY_SIZE:
    case KEY_COUNT:
    case KEY_SWITCH:
    case KEY_WORD:
    case KEY_COMMAND:
        break;
    }
    return 1;
}

static bool takes_fraction(enum key_type type) {
    return type == KEY_PERCENT || type == KEY_FACTOR || type == KEY_DURATION;
}

static bool takes_number(enum key_type type) {
    return takes_fraction(type) || type == KEY_SIZE || type == KEY_COUNT;
}

/* Written so that neither infinity nor a NaN gets through. */
static int read_number(const struct key *k, double number, uint64_t *ret) {
    double saved = number * (double)scale(k->type);
    if (!(saved >= (double)k->min && saved <= (double)k->max))
        return -ERANGE;
    *ret = (uint64_t)(saved + 0.5);
    return 0;
}

static int read_word(const struct key *k, const char *word, uint64_t *ret) {
    for (uint64_t i = 0; i <= k->max; i++)
        if (strcmp(k->words[i], word) == 0) {
            *ret = i;
            return 0;
        }
    return -ERANGE;
}

static int read_text(const struct key *k, const char *text, uint64_t *ret) {
    uint64_t value = 0;
    int r = -ERANGE;

    if (k->type == KEY_DURATION)
        r = ctw_text_duration(text, &value);
    else if (k->type == KEY_SIZE)
        r = ctw_text_size(text, &value);
    else if (k->type == KEY_WORD)
        r = read_word(k, text, &value);
    if (r < 0 || value < k->min || value > k->max)
        return -ERANGE;
    *ret = value;
    return 0;
}

/* "" or "/path/to/program argument argument", which is run without a shell. */
static int read_command(const struct key *k, const char *text, struct ctw_settings *s) {
    size_t length = strlen(text);
    if (length > k->max || (length > 0 && (text[0] != '/' || text[1] == '\0' || text[1] == ' ')))
        return -ERANGE;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return -ERANGE;
    memcpy((char *)s + k->offset, text, length + 1);
    return 0;
}

static int read_setting(const struct key *k, const config_setting_t *value,
                        struct ctw_settings *s) {
    uint64_t saved = 0;
    int r = -ERANGE;

    switch (config_setting_type(value)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        if (takes_number(k->type))
            r = read_number(k, (double)config_setting_get_int64(value), &saved);
        break;
    case CONFIG_TYPE_FLOAT:
        if (takes_fraction(k->type))
            r = read_number(k, config_setting_get_float(value), &saved);
        break;
    case CONFIG_TYPE_BOOL:
        saved = config_setting_get_bool(value) != CONFIG_FALSE;
        r = k->type == KEY_SWITCH ? 0 : -ERANGE;
        break;
    case CONFIG_TYPE_STRING:
        if (k->type == KEY_COMMAND)
            return read_command(k, config_setting_get_string(value), s);
        r = read_text(k, config_setting_get_string(value), &saved);
        break;
    }
    if (r < 0)
        return r;
    set_value(k, s, saved);
    return 0;
}

/* --- writing --- */

/* What somebody wrote, cut short and on one line whatever it holds. */
static void print_string(const char *text, char *buffer, size_t size) {
    char shown[ECHO_MAX + 1];
    size_t n = 0;
    for (; n < ECHO_MAX && text[n] != '\0'; n++)
        shown[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?';
    shown[n] = '\0';
    snprintf(buffer, size, "\"%s%s\"", shown, text[n] != '\0' ? "..." : "");
}

static void print_setting(const config_setting_t *value, char *buffer, size_t size) {
    switch (config_setting_type(value)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        snprintf(buffer, size, "%lld", (long long)config_setting_get_int64(value));
        break;
    case CONFIG_TYPE_FLOAT:
        snprintf(buffer, size, "%.10g", config_setting_get_float(value));
        break;
    case CONFIG_TYPE_BOOL:
        snprintf(buffer, size, "%s", config_setting_get_bool(value) ? "true" : "false");
        break;
    case CONFIG_TYPE_STRING:
        print_string(config_setting_get_string(value), buffer, size);
        break;
    case CONFIG_TYPE_GROUP:
        snprintf(buffer, size, "a group");
        break;
    default: /* libconfig's type, not ours: a newer version may have more */
        snprintf(buffer, size, "a list");
        break;
    }
}

static int read_value(const struct key *k, const config_setting_t *value, struct ctw_settings *s,
                      char *what, size_t size) {
    int r = read_setting(k, value, s);
    if (r < 0)
        print_setting(value, what, size);
    return r;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* In the largest unit that needs no fraction; @units end with one of factor 1. */
static void print_units(const struct unit *units, uint64_t value, char *buffer, size_t size) {
    while (units->factor > 1 && (value < units->factor || value % units->factor != 0))
        units++;
    snprintf(buffer, size, "%" PRIu64 "%s", value / units->factor, units->name);
}

static void print_duration(uint64_t usec, char *buffer, size_t size) {
    static const struct unit units[] = {
        {"d", 24 * 3600 * CTW_USEC_PER_SEC}, {"h", 3600 * CTW_USEC_PER_SEC},
        {"min", 60 * CTW_USEC_PER_SEC},      {"s", CTW_USEC_PER_SEC},
        {"ms", CTW_USEC_PER_MSEC},           {"us", 1},
    };
    if (usec == 0)
        snprintf(buffer, size, "0s");
    else
        print_units(units, usec, buffer, size);
}

static void print_size(uint64_t bytes, char *buffer, size_t size) {
    static const struct unit units[] = {
        {"GiB", UINT64_C(1) << 30},
        {"MiB", UINT64_C(1) << 20},
        {"KiB", UINT64_C(1) << 10},
        {"B", 1},
    };
    print_units(units, bytes, buffer, size);
}

/* "75" or, as a default, "75.0"; "12.34". */
static void print_fraction(uint64_t value, uint64_t one, char *buffer, size_t size) {
    uint64_t whole = value / one, tenths = value % one * 10 / one;
    if (value % one * 10 % one == 0)
        snprintf(buffer, size, "%" PRIu64 ".%" PRIu64, whole, tenths);
    else
        snprintf(buffer, size, "%" PRIu64 ".%0*" PRIu64, whole, one == CTW_PERMYRIAD ? 4 : 2,
                 value % one);
}

static void print_value(const struct key *k, uint64_t value, char *buffer, size_t size) {
    char text[TEXT_MAX];

    switch (k->type) {
    case KEY_PERCENT:
    case KEY_FACTOR:
        print_fraction(value, scale(k->type), buffer, size);
        break;
    case KEY_DURATION:
        print_duration(value, text, sizeof text);
        print_string(text, buffer, size);
        break;
    case KEY_SIZE:
        print_size(value, text, sizeof text);
        print_string(text, buffer, size);
        break;
    case KEY_COUNT:
        snprintf(buffer, size, "%" PRIu64, value);
        break;
    case KEY_SWITCH:
        snprintf(buffer, size, "%s", value ? "true" : "false");
        break;
    case KEY_WORD:
        print_string(k->words[value], buffer, size);
        break;
    case KEY_COMMAND:
        print_string("", buffer, size);
        break;
    }
}

/* As print_value(), but for a sentence: 75, 250ms. */
static void print_bound(const struct key *k, uint64_t value, char *buffer, size_t size) {
    if (k->type == KEY_DURATION)
        print_duration(value, buffer, size);
    else if (k->type == KEY_SIZE)
        print_size(value, buffer, size);
    else if (takes_fraction(k->type) && value % scale(k->type) == 0)
        snprintf(buffer, size, "%" PRIu64, value / scale(k->type));
    else
        print_value(k, value, buffer, size);
}

/* "never", "auto" or "always" */
static void print_words(const struct key *k, char *buffer, size_t size) {
    size_t used = 0;
    for (uint64_t i = 0; i <= k->max && used < size; i++) {
        const char *before = i == 0 ? "" : i < k->max ? ", " : " or ";
        used += (size_t)snprintf(buffer + used, size - used, "%s\"%s\"", before, k->words[i]);
    }
}

static void print_allowed(const struct key *k, char *buffer, size_t size) {
    char min[32], max[32];

    switch (k->type) {
    case KEY_SWITCH:
        snprintf(buffer, size, "true or false");
        break;
    case KEY_WORD:
        print_words(k, buffer, size);
        break;
    case KEY_COMMAND:
        snprintf(buffer, size, "\"\" or an absolute path and arguments, %" PRIu64 " bytes", k->max);
        break;
    case KEY_PERCENT:
    case KEY_FACTOR:
    case KEY_DURATION:
    case KEY_SIZE:
    case KEY_COUNT:
        print_bound(k, k->min, min, sizeof min);
        print_bound(k, k->max, max, sizeof max);
        snprintf(buffer, size, "%s to %s (%s)", min, max, k->unit);
        break;
    }
}

/* --- the table --- */

static const char *const events_modes[] = {
    [CTW_EVENTS_NEVER] = "never", [CTW_EVENTS_AUTO] = "auto", [CTW_EVENTS_ALWAYS] = "always"};
static const char *const buckets_modes[] = {[CTW_BUCKETS_NEVER] = "never",
                                            [CTW_BUCKETS_STARTUP] = "startup",
                                            [CTW_BUCKETS_ALWAYS] = "always"};

#define MSEC        CTW_USEC_PER_MSEC
#define SEC         CTW_USEC_PER_SEC
#define MIN         (60 * SEC)
#define HOUR        (60 * MIN)
#define DAY         (24 * HOUR)
#define KIB         UINT64_C(1024)
#define MIB         (1024 * KIB)
#define GIB         (1024 * MIB)
#define PERCENT(x)  ((uint64_t)((x) * (CTW_PERMYRIAD / 100)))
#define FACTOR(x)   ((uint64_t)((x)*CTW_PERMYRIAD))
#define AT(field)   offsetof(struct ctw_settings, field)
#define LAST(words) (sizeof(words) / sizeof *(words)-1)
#define A_DURATION  "seconds, or a string such as \"250ms\""
#define A_SIZE      "bytes, or a string such as \"32MiB\""

/* clang-format off */
static const struct key keys[] = {
    {"poll", "interval", KEY_DURATION, AT(poll.interval_usec), 10 * MSEC, HOUR, SEC,
     NULL, A_DURATION, "the longest time between two polls of the table"},
    {"poll", "fastest", KEY_DURATION, AT(poll.fastest_usec), MSEC, HOUR, 2 * MSEC,
     NULL, A_DURATION, "the shortest time between two polls"},
    {"poll", "worst_rate", KEY_COUNT, AT(poll.worst_rate), 1, 100000000, 500000,
     NULL, "entries per second", "the rate of new entries that growth is prepared for"},

    {"levels", "warning", KEY_PERCENT, AT(levels.warning_permyriad), PERCENT(1), PERCENT(100),
     PERCENT(75), NULL, "percent", "the fill at which level warning begins"},
    {"levels", "critical", KEY_PERCENT, AT(levels.critical_permyriad), PERCENT(1),
     PERCENT(100), PERCENT(90), NULL, "percent", "the fill at which level critical begins"},
    {"levels", "clear", KEY_PERCENT, AT(levels.clear_permyriad), 0, PERCENT(99), PERCENT(5),
     NULL, "percentage points", "how far below its threshold a level is left"},
    {"levels", "hold", KEY_DURATION, AT(levels.hold_usec), 0, HOUR, 10 * SEC,
     NULL, A_DURATION, "how long the fill must have been that low"},
    {"levels", "forecast", KEY_DURATION, AT(levels.forecast_usec), 0, DAY, 5 * MIN,
     NULL, A_DURATION, "warn when the table will be full within this time; 0: never"},

    {"alerts", "remind", KEY_DURATION, AT(alerts.remind_usec), 0, 7 * DAY, 15 * MIN,
     NULL, A_DURATION, "how often to repeat an alert whose condition holds; 0: never"},
    {"alerts", "command", KEY_COMMAND, AT(alerts.command), 0, CTW_COMMAND_MAX - 1, 0,
     NULL, "path and arguments", "a program to run at each alert, without a shell; empty: none"},

    {"kernel_log", "enabled", KEY_SWITCH, AT(kernel_log.enabled), 0, 1, true,
     NULL, "switch", "read the kernel log for \"table full\""},

    {"events", "mode", KEY_WORD, AT(events.mode), 0, LAST(events_modes), CTW_EVENTS_AUTO,
     events_modes, "word", "when to subscribe to the kernel's conntrack events"},
    {"events", "from", KEY_PERCENT, AT(events.from_permyriad), 0, PERCENT(100), PERCENT(50),
     NULL, "percent", "the fill from which \"auto\" subscribes"},
    {"events", "buffer", KEY_SIZE, AT(events.buffer_bytes), 64 * KIB, GIB, 32 * MIB,
     NULL, A_SIZE, "the receive buffer of the event socket"},
    {"events", "budget", KEY_PERCENT, AT(events.budget_permyriad), PERCENT(0.1), PERCENT(100),
     PERCENT(10), NULL, "percent of one CPU", "what reading events may cost"},

    {"talkers", "top", KEY_COUNT, AT(talkers.top), 1, 20, 5,
     NULL, "entries of each list", "how many top sources and ports an alert names"},
    {"talkers", "sample", KEY_COUNT, AT(talkers.sample), 100, 1000000, 5000,
     NULL, "entries", "how many entries are read to find them"},
    {"talkers", "ipv6_prefix", KEY_COUNT, AT(talkers.ipv6_prefix), 1, 128, 64,
     NULL, "bits", "how much of an IPv6 address makes one source"},

    {"growth", "enabled", KEY_SWITCH, AT(growth.enabled), 0, 1, false,
     NULL, "switch", "raise the table's limit before it is reached"},
    {"growth", "dry_run", KEY_SWITCH, AT(growth.dry_run), 0, 1, false,
     NULL, "switch", "only report what would be done"},
    {"growth", "at", KEY_PERCENT, AT(growth.at_permyriad), PERCENT(1), PERCENT(100),
     PERCENT(80), NULL, "percent", "the fill at which to grow"},
    {"growth", "step", KEY_FACTOR, AT(growth.step_permyriad), FACTOR(1.1), FACTOR(16),
     FACTOR(2), NULL, "factor", "what the limit is multiplied by"},
    {"growth", "ceiling", KEY_COUNT, AT(growth.ceiling), 0, INT32_MAX, 0,
     NULL, "entries", "the highest limit to set; 0: as memory and buckets allow"},
    {"growth", "memory", KEY_PERCENT, AT(growth.memory_permyriad), PERCENT(0.1), PERCENT(90),
     PERCENT(10), NULL, "percent of RAM", "what the grown table may take at worst"},
    {"growth", "buckets", KEY_WORD, AT(growth.buckets), 0, LAST(buckets_modes),
     CTW_BUCKETS_STARTUP, buckets_modes, "word", "when to raise the number of buckets"},
    {"growth", "reserve", KEY_DURATION, AT(growth.reserve_usec), 0, 10 * SEC, 250 * MSEC,
     NULL, A_DURATION, "keep free what poll.worst_rate takes in this time"},
    {"growth", "persist", KEY_SWITCH, AT(growth.persist), 0, 1, false,
     NULL, "switch", "set the grown limit again after a boot"},
};
/* clang-format on */

#define N_KEYS (sizeof keys / sizeof *keys)

/* What cannot work however one reads it: the first of each pair must be below the second. */
static const struct {
    size_t low, high; /* offsets, to find the keys by */
    bool may_be_equal;
} orders[] = {
    {AT(levels.warning_permyriad), AT(levels.critical_permyriad), false},
    {AT(levels.clear_permyriad), AT(levels.warning_permyriad), false},
    {AT(poll.fastest_usec), AT(poll.interval_usec), true},
};

/* --- finding keys --- */

static const struct key *find_key(const char *group, const char *name) {
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(keys[i].group, group) == 0 && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static const struct key *find_key_at(size_t offset) {
    const struct key *k = keys;
    while (k->offset != offset)
        k++;
    return k;
}

static bool is_group(const char *name) {
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(keys[i].group, name) == 0)
            return true;
    return false;
}

/* Names longer than this resemble none of ours. */
#define NAME_MAX_BYTES 15

/* Levenshtein's: how many letters to add, take away or change to make @b of @a. */
static unsigned distance(const char *a, const char *b) {
    unsigned row[NAME_MAX_BYTES + 1];
    size_t length = strlen(b);
    if (strlen(a) > NAME_MAX_BYTES || length > NAME_MAX_BYTES)
        return NAME_MAX_BYTES;

    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= length; j++) {
            unsigned change = diagonal + (a[i] != b[j - 1]);
            unsigned drop = row[j] + 1, add = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = change < drop ? change : drop;
            row[j] = row[j] < add ? row[j] : add;
        }
    }
    return row[length];
}

static bool resembles(unsigned d, const char *known) {
    return d <= 2 && d * 2 <= strlen(known);
}

/* --- errors --- */

/* "poll, levels, ..." or the keys of @group. */
static void list_names(const char *group, char *buffer, size_t size) {
    const char *last = "";
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < N_KEYS && used < size; i++) {
        const char *name = group == NULL ? keys[i].group : keys[i].name;
        if ((group != NULL && strcmp(keys[i].group, group) != 0) || strcmp(name, last) == 0)
            continue;
        used += (size_t)snprintf(buffer + used, size - used, "%s%s", used > 0 ? ", " : "", name);
        last = name;
    }
}

/* @group: where it was written, NULL for outside of any. A key may have been meant in another. */
static int refuse_unknown(struct ctw_settings_error *err, unsigned line, const char *group,
                          const char *name) {
    char path[sizeof err->key], names[128];
    const struct key *nearest = NULL;
    bool nearest_is_group = false;
    unsigned least = NAME_MAX_BYTES;

    for (size_t i = 0; i < N_KEYS; i++) {
        bool other_netns = group == NULL || strcmp(keys[i].group, group) != 0;
        unsigned d = distance(name, keys[i].name) + other_netns;
        if (d < least && resembles(d, keys[i].name)) {
            least = d;
            nearest = &keys[i];
            nearest_is_group = false;
        }
        d = distance(name, keys[i].group);
        if (group == NULL && d < least && resembles(d, keys[i].group)) {
            least = d;
            nearest = &keys[i];
            nearest_is_group = true;
        }
    }

    snprintf(path, sizeof path, "%.30s%s%.30s", group ? group : "", group ? "." : "", name);
    const char *what = group == NULL ? "is no group" : "is no key";
    if (nearest != NULL)
        return ctw_refuse(err, line, path, "%s, allowed and similar is %s%s%s", what,
                          nearest->group, nearest_is_group ? "" : ".",
                          nearest_is_group ? "" : nearest->name);
    list_names(group, names, sizeof names);
    return ctw_refuse(err, line, path, "%s, allowed are %s", what, names);
}

static int refuse_value(struct ctw_settings_error *err, unsigned line, const struct key *k,
                        const char *what) {
    char path[sizeof err->key], allowed[TEXT_MAX];
    snprintf(path, sizeof path, "%s.%s", k->group, k->name);
    print_allowed(k, allowed, sizeof allowed);
    return ctw_refuse(err, line, path, "%s, allowed is %s", what, allowed);
}

static int refuse_group(struct ctw_settings_error *err, unsigned line, const char *group,
                        const char *what) {
    return ctw_refuse(err, line, group, "%s, allowed is a group, %s: { ... };", what, group);
}

/* The syntax check says of which key the value is impossible, and what it is. */
static int refuse_impossible(struct ctw_settings_error *err) {
    struct ctw_settings_error found = *err;
    char *name = strchr(found.key, '.');
    if (name == NULL && is_group(found.key))
        return refuse_group(err, found.line, found.key, found.reason);
    if (name == NULL)
        return refuse_unknown(err, found.line, NULL, found.key);

    *name++ = '\0';
    const struct key *k = find_key(found.key, name);
    if (k != NULL)
        return refuse_value(err, found.line, k, found.reason);
    if (is_group(found.key))
        return refuse_unknown(err, found.line, found.key, name);
    return refuse_unknown(err, found.line, NULL, found.key);
}

/* --- reading --- */

struct reading {
    struct ctw_settings settings;
    unsigned lines[N_KEYS]; /* where each key was written, 0: nowhere */
    struct ctw_settings_error *err;
};

static int read_key(struct reading *r, const char *group, const config_setting_t *value) {
    const char *name = config_setting_name(value);
    unsigned line = config_setting_source_line(value);
    const struct key *k = find_key(group, name);
    if (k == NULL)
        return refuse_unknown(r->err, line, group, name);

    char is[TEXT_MAX] = "is ";
    if (read_value(k, value, &r->settings, is + 3, sizeof is - 3) < 0)
        return refuse_value(r->err, line, k, is);
    r->lines[k - keys] = line;
    return 0;
}

static int read_group(struct reading *r, const config_setting_t *group) {
    const char *name = config_setting_name(group);
    unsigned line = config_setting_source_line(group);
    if (!is_group(name))
        return refuse_unknown(r->err, line, NULL, name);
    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return refuse_group(r->err, line, name, "is no group");

    for (int i = 0; i < config_setting_length(group); i++) {
        int result = read_key(r, name, config_setting_get_elem(group, (unsigned)i));
        if (result < 0)
            return result;
    }
    return 0;
}

/* Whichever of the two was written last is to blame: a default is not. */
static int check_order(const struct reading *r, const struct key *low, const struct key *high,
                       bool may_be_equal) {
    uint64_t low_value = get_value(low, &r->settings);
    uint64_t high_value = get_value(high, &r->settings);
    if (low_value < high_value || (may_be_equal && low_value == high_value))
        return 0;

    bool blame_high = r->lines[high - keys] > r->lines[low - keys];
    const struct key *blamed = blame_high ? high : low, *other = blame_high ? low : high;
    const char *relation = blame_high     ? may_be_equal ? "at least" : "more than"
                           : may_be_equal ? "at most"
                                          : "less than";
    char path[64], is[TEXT_MAX], bound[TEXT_MAX];
    snprintf(path, sizeof path, "%s.%s", blamed->group, blamed->name);
    print_value(blamed, get_value(blamed, &r->settings), is, sizeof is);
    print_value(other, get_value(other, &r->settings), bound, sizeof bound);
    return ctw_refuse(r->err, r->lines[blamed - keys], path,
                      "is %s, allowed is %s %s.%s, which is %s%s", is, relation, other->group,
                      other->name, bound, r->lines[other - keys] == 0 ? " by default" : "");
}

static int read_tree(struct reading *r, const config_setting_t *root) {
    for (int i = 0; i < config_setting_length(root); i++) {
        int result = read_group(r, config_setting_get_elem(root, (unsigned)i));
        if (result < 0)
            return result;
    }
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        int result = check_order(r, find_key_at(orders[i].low), find_key_at(orders[i].high),
                                 orders[i].may_be_equal);
        if (result < 0)
            return result;
    }
    return 0;
}

static unsigned count_lines(const char *text, size_t length) {
    unsigned lines = 1;
    for (size_t i = 0; i + 1 < length; i++)
        if (text[i] == '\n')
            lines++;
    return lines;
}

static int refuse_syntax(struct ctw_settings_error *err, const config_t *config, unsigned lines) {
    unsigned line = (unsigned)config_error_line(config);
    return ctw_refuse(err, line < lines ? line : lines, "syntax",
                      "%s, allowed is GROUP: { KEY = VALUE; ... };, units in quotes: \"250ms\"",
                      config_error_text(config));
}

int ctw_settings_parse(const char *text, size_t length, struct ctw_settings *ret,
                       struct ctw_settings_error *reterr) {
    struct reading reading = {.err = reterr};
    char copy[CTW_SETTINGS_TEXT_MAX + 2];
    config_t config;

    if (length > CTW_SETTINGS_TEXT_MAX)
        return ctw_refuse(reterr, 0, "file", "has more than %d bytes, allowed is at most that",
                          CTW_SETTINGS_TEXT_MAX);
    int r = ctw_syntax_check(text, length, reterr);
    if (r == -ERANGE)
        return refuse_impossible(reterr);
    if (r < 0)
        return r;

    /* Without a newline behind it, libconfig 1.5 takes a comment for garbage. */
    memcpy(copy, text, length);
    memcpy(copy + length, "\n", 2);

    ctw_settings_defaults(&reading.settings);
    config_init(&config);
    if (config_read_string(&config, copy) == CONFIG_TRUE)
        r = read_tree(&reading, config_root_setting(&config));
    else
        r = refuse_syntax(reterr, &config, count_lines(text, length));
    config_destroy(&config);
    if (r == 0)
        *ret = reading.settings;
    return r;
}

/* --- defaults --- */

void ctw_settings_defaults(struct ctw_settings *ret) {
    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < N_KEYS; i++)
        set_value(&keys[i], ret, keys[i].preset);
}

size_t ctw_settings_print_defaults(char *buffer, size_t size) {
    struct ctw_out o = {.buffer = buffer, .size = size};
    const char *group = "";

    for (size_t i = 0; i < N_KEYS; i++) {
        const struct key *k = &keys[i];
        char allowed[TEXT_MAX], value[TEXT_MAX];
        print_allowed(k, allowed, sizeof allowed);
        print_value(k, k->preset, value, sizeof value);
        if (strcmp(k->group, group) != 0)
            ctw_out_put(&o, "%s%s: {\n", i > 0 ? "};\n" : "", k->group);
        ctw_out_put(&o, "    # %s; %s\n    %s = %s;\n", k->meaning, allowed, k->name, value);
        group = k->group;
    }
    ctw_out_put(&o, "};\n");
    return o.used;
}
