/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/config/key.h"

#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/parse.h"
#include "lib/util/units.h"

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
static size_t field_size(const struct ctw_key *k) {
    return k->type == CTW_KEY_DURATION || k->type == CTW_KEY_SIZE ? sizeof(uint64_t)
                                                                  : sizeof(uint32_t);
}

_Static_assert(sizeof(enum ctw_events_mode) == sizeof(uint32_t), "kept like a uint32_t");
_Static_assert(sizeof(enum ctw_buckets_mode) == sizeof(uint32_t), "kept like a uint32_t");

uint64_t ctw_key_get(const struct ctw_key *k, const struct ctw_settings *s) {
    const char *field = (const char *)s + k->offset;

    if (k->type == CTW_KEY_COMMAND)
        return 0;
    if (k->type == CTW_KEY_SWITCH)
        return *(const bool *)field;
    return load(field, field_size(k));
}

void ctw_key_set(const struct ctw_key *k, struct ctw_settings *s, uint64_t value) {
    char *field = (char *)s + k->offset;

    if (k->type == CTW_KEY_COMMAND) {
        *field = '\0';
    } else if (k->type == CTW_KEY_SWITCH) {
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
static uint64_t scale(enum ctw_key_type type) {
    switch (type) {
    case CTW_KEY_PERCENT:
        return CTW_PERMYRIAD / 100;
    case CTW_KEY_FACTOR:
        return CTW_PERMYRIAD;
    case CTW_KEY_DURATION:
        return CTW_USEC_PER_SEC;
    case CTW_KEY_SIZE:
    case CTW_KEY_COUNT:
    case CTW_KEY_SWITCH:
    case CTW_KEY_WORD:
    case CTW_KEY_COMMAND:
        break;
    }
    return 1;
}

static bool takes_fraction(enum ctw_key_type type) {
    return type == CTW_KEY_PERCENT || type == CTW_KEY_FACTOR || type == CTW_KEY_DURATION;
}

static bool takes_number(enum ctw_key_type type) {
    return takes_fraction(type) || type == CTW_KEY_SIZE || type == CTW_KEY_COUNT;
}

/* Written so that neither infinity nor a NaN gets through. */
static int read_number(const struct ctw_key *k, double number, uint64_t *ret) {
    double saved = number * (double)scale(k->type);
    if (!(saved >= (double)k->min && saved <= (double)k->max))
        return -ERANGE;
    *ret = (uint64_t)(saved + 0.5);
    return 0;
}

static int read_word(const struct ctw_key *k, const char *word, uint64_t *ret) {
    for (uint64_t i = 0; i <= k->max; i++)
        if (strcmp(k->words[i], word) == 0) {
            *ret = i;
            return 0;
        }
    return -ERANGE;
}

static int read_text(const struct ctw_key *k, const char *text, uint64_t *ret) {
    uint64_t value = 0;
    int r = -ERANGE;

    if (k->type == CTW_KEY_DURATION)
        r = ctw_text_duration(text, &value);
    else if (k->type == CTW_KEY_SIZE)
        r = ctw_text_size(text, &value);
    else if (k->type == CTW_KEY_WORD)
        r = read_word(k, text, &value);
    if (r < 0 || value < k->min || value > k->max)
        return -ERANGE;
    *ret = value;
    return 0;
}

/* "" or "/path/to/program argument argument", which is run without a shell. */
static int read_command(const struct ctw_key *k, const char *text, struct ctw_settings *s) {
    size_t length = strlen(text);
    if (length > k->max || (length > 0 && (text[0] != '/' || text[1] == '\0' || text[1] == ' ')))
        return -ERANGE;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return -ERANGE;
    memcpy((char *)s + k->offset, text, length + 1);
    return 0;
}

static int read_setting(const struct ctw_key *k, const config_setting_t *value,
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
        r = k->type == CTW_KEY_SWITCH ? 0 : -ERANGE;
        break;
    case CONFIG_TYPE_STRING:
        if (k->type == CTW_KEY_COMMAND)
            return read_command(k, config_setting_get_string(value), s);
        r = read_text(k, config_setting_get_string(value), &saved);
        break;
    }
    if (r < 0)
        return r;
    ctw_key_set(k, s, saved);
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

int ctw_key_read(const struct ctw_key *k, const config_setting_t *value, struct ctw_settings *s,
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

void ctw_key_print(const struct ctw_key *k, uint64_t value, char *buffer, size_t size) {
    char text[CTW_KEY_TEXT_MAX];

    switch (k->type) {
    case CTW_KEY_PERCENT:
    case CTW_KEY_FACTOR:
        print_fraction(value, scale(k->type), buffer, size);
        break;
    case CTW_KEY_DURATION:
        print_duration(value, text, sizeof text);
        print_string(text, buffer, size);
        break;
    case CTW_KEY_SIZE:
        print_size(value, text, sizeof text);
        print_string(text, buffer, size);
        break;
    case CTW_KEY_COUNT:
        snprintf(buffer, size, "%" PRIu64, value);
        break;
    case CTW_KEY_SWITCH:
        snprintf(buffer, size, "%s", value ? "true" : "false");
        break;
    case CTW_KEY_WORD:
        print_string(k->words[value], buffer, size);
        break;
    case CTW_KEY_COMMAND:
        print_string("", buffer, size);
        break;
    }
}

/* As ctw_key_print(), but for a sentence: 75, 250ms. */
static void print_bound(const struct ctw_key *k, uint64_t value, char *buffer, size_t size) {
    if (k->type == CTW_KEY_DURATION)
        print_duration(value, buffer, size);
    else if (k->type == CTW_KEY_SIZE)
        print_size(value, buffer, size);
    else if (takes_fraction(k->type) && value % scale(k->type) == 0)
        snprintf(buffer, size, "%" PRIu64, value / scale(k->type));
    else
        ctw_key_print(k, value, buffer, size);
}

/* "never", "auto" or "always" */
static void print_words(const struct ctw_key *k, char *buffer, size_t size) {
    size_t used = 0;
    for (uint64_t i = 0; i <= k->max && used < size; i++) {
        const char *before = i == 0 ? "" : i < k->max ? ", " : " or ";
        used += (size_t)snprintf(buffer + used, size - used, "%s\"%s\"", before, k->words[i]);
    }
}

void ctw_key_print_allowed(const struct ctw_key *k, char *buffer, size_t size) {
    char min[32], max[32];

    switch (k->type) {
    case CTW_KEY_SWITCH:
        snprintf(buffer, size, "true or false");
        break;
    case CTW_KEY_WORD:
        print_words(k, buffer, size);
        break;
    case CTW_KEY_COMMAND:
        snprintf(buffer, size, "\"\" or an absolute path and arguments, %" PRIu64 " bytes", k->max);
        break;
    case CTW_KEY_PERCENT:
    case CTW_KEY_FACTOR:
    case CTW_KEY_DURATION:
    case CTW_KEY_SIZE:
    case CTW_KEY_COUNT:
        print_bound(k, k->min, min, sizeof min);
        print_bound(k, k->max, max, sizeof max);
        snprintf(buffer, size, "%s to %s (%s)", min, max, k->unit);
        break;
    }
}
