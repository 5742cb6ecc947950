/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/config/settings.h"

#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/config/key.h"
#include "lib/config/syntax.h"
#include "lib/util/units.h"

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
static const struct ctw_key keys[] = {
    {"poll", "interval", CTW_KEY_DURATION, AT(poll.interval_usec), 10 * MSEC, HOUR, 250 * MSEC,
     NULL, A_DURATION, "the longest time between two looks at the table"},
    {"poll", "fastest", CTW_KEY_DURATION, AT(poll.fastest_usec), MSEC, HOUR, 2 * MSEC,
     NULL, A_DURATION, "the shortest time between two looks"},
    {"poll", "worst_rate", CTW_KEY_COUNT, AT(poll.worst_rate), 1, 100000000, 500000,
     NULL, "entries per second", "the rate of new entries that growth is prepared for"},

    {"levels", "warning", CTW_KEY_PERCENT, AT(levels.warning_permyriad), PERCENT(1), PERCENT(100),
     PERCENT(75), NULL, "percent", "the fill at which level warning begins"},
    {"levels", "critical", CTW_KEY_PERCENT, AT(levels.critical_permyriad), PERCENT(1),
     PERCENT(100), PERCENT(90), NULL, "percent", "the fill at which level critical begins"},
    {"levels", "clear", CTW_KEY_PERCENT, AT(levels.clear_permyriad), 0, PERCENT(99), PERCENT(5),
     NULL, "percentage points", "how far below its threshold a level is left"},
    {"levels", "hold", CTW_KEY_DURATION, AT(levels.hold_usec), 0, HOUR, 10 * SEC,
     NULL, A_DURATION, "how long the fill must have been that low"},
    {"levels", "forecast", CTW_KEY_DURATION, AT(levels.forecast_usec), 0, DAY, 5 * MIN,
     NULL, A_DURATION, "warn when the table will be full within this time; 0: never"},

    {"alerts", "remind", CTW_KEY_DURATION, AT(alerts.remind_usec), 0, 7 * DAY, 15 * MIN,
     NULL, A_DURATION, "how often to say again what still holds; 0: never"},
    {"alerts", "command", CTW_KEY_COMMAND, AT(alerts.command), 0, CTW_COMMAND_MAX - 1, 0,
     NULL, "path and arguments", "a program to run at each alert, without a shell; empty: none"},

    {"kernel_log", "enabled", CTW_KEY_SWITCH, AT(kernel_log.enabled), 0, 1, true,
     NULL, "switch", "read the kernel log for \"table full\""},

    {"events", "mode", CTW_KEY_WORD, AT(events.mode), 0, LAST(events_modes), CTW_EVENTS_AUTO,
     events_modes, "word", "when to subscribe to the kernel's conntrack events"},
    {"events", "from", CTW_KEY_PERCENT, AT(events.from_permyriad), 0, PERCENT(100), PERCENT(50),
     NULL, "percent", "the fill from which \"auto\" subscribes"},
    {"events", "buffer", CTW_KEY_SIZE, AT(events.buffer_bytes), 64 * KIB, GIB, 32 * MIB,
     NULL, A_SIZE, "the receive buffer of the event socket"},
    {"events", "budget", CTW_KEY_PERCENT, AT(events.budget_permyriad), PERCENT(0.1), PERCENT(100),
     PERCENT(10), NULL, "percent of one CPU", "what reading events may cost"},

    {"talkers", "top", CTW_KEY_COUNT, AT(talkers.top), 1, 20, 5,
     NULL, "entries of each list", "how many top sources and ports an alert names"},
    {"talkers", "sample", CTW_KEY_COUNT, AT(talkers.sample), 100, 1000000, 5000,
     NULL, "entries", "how many entries are read to find them"},
    {"talkers", "ipv6_prefix", CTW_KEY_COUNT, AT(talkers.ipv6_prefix), 1, 128, 64,
     NULL, "bits", "how much of an IPv6 address makes one source"},

    {"growth", "enabled", CTW_KEY_SWITCH, AT(growth.enabled), 0, 1, false,
     NULL, "switch", "raise the table's limit before it is reached"},
    {"growth", "dry_run", CTW_KEY_SWITCH, AT(growth.dry_run), 0, 1, false,
     NULL, "switch", "only say what would be done"},
    {"growth", "at", CTW_KEY_PERCENT, AT(growth.at_permyriad), PERCENT(1), PERCENT(100),
     PERCENT(80), NULL, "percent", "the fill at which to grow"},
    {"growth", "step", CTW_KEY_FACTOR, AT(growth.step_permyriad), FACTOR(1.1), FACTOR(16),
     FACTOR(2), NULL, "factor", "what the limit is multiplied by"},
    {"growth", "ceiling", CTW_KEY_COUNT, AT(growth.ceiling), 0, INT32_MAX, 0,
     NULL, "entries", "the highest limit to set; 0: as memory and buckets allow"},
    {"growth", "memory", CTW_KEY_PERCENT, AT(growth.memory_permyriad), PERCENT(0.1), PERCENT(90),
     PERCENT(10), NULL, "percent of RAM", "what the grown table may take at worst"},
    {"growth", "buckets", CTW_KEY_WORD, AT(growth.buckets), 0, LAST(buckets_modes),
     CTW_BUCKETS_STARTUP, buckets_modes, "word", "when to raise the number of buckets"},
    {"growth", "persist", CTW_KEY_SWITCH, AT(growth.persist), 0, 1, false,
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

static const struct ctw_key *find_key(const char *group, const char *name) {
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(keys[i].group, group) == 0 && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static const struct ctw_key *find_key_at(size_t offset) {
    const struct ctw_key *k = keys;
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
    const struct ctw_key *nearest = NULL;
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

static int refuse_value(struct ctw_settings_error *err, unsigned line, const struct ctw_key *k,
                        const char *what) {
    char path[sizeof err->key], allowed[CTW_KEY_TEXT_MAX];
    snprintf(path, sizeof path, "%s.%s", k->group, k->name);
    ctw_key_print_allowed(k, allowed, sizeof allowed);
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
    const struct ctw_key *k = find_key(found.key, name);
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
    const struct ctw_key *k = find_key(group, name);
    if (k == NULL)
        return refuse_unknown(r->err, line, group, name);

    char is[CTW_KEY_TEXT_MAX] = "is ";
    if (ctw_key_read(k, value, &r->settings, is + 3, sizeof is - 3) < 0)
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
        return refuse_group(r->err, line, name, "is a single value");

    for (int i = 0; i < config_setting_length(group); i++) {
        int result = read_key(r, name, config_setting_get_elem(group, (unsigned)i));
        if (result < 0)
            return result;
    }
    return 0;
}

/* Whichever of the two was written last is to blame: a default is not. */
static int check_order(const struct reading *r, const struct ctw_key *low,
                       const struct ctw_key *high, bool may_be_equal) {
    uint64_t low_value = ctw_key_get(low, &r->settings);
    uint64_t high_value = ctw_key_get(high, &r->settings);
    if (low_value < high_value || (may_be_equal && low_value == high_value))
        return 0;

    bool blame_high = r->lines[high - keys] > r->lines[low - keys];
    const struct ctw_key *blamed = blame_high ? high : low, *other = blame_high ? low : high;
    const char *relation = blame_high     ? may_be_equal ? "at least" : "more than"
                           : may_be_equal ? "at most"
                                          : "less than";
    char path[64], is[CTW_KEY_TEXT_MAX], bound[CTW_KEY_TEXT_MAX];
    snprintf(path, sizeof path, "%s.%s", blamed->group, blamed->name);
    ctw_key_print(blamed, ctw_key_get(blamed, &r->settings), is, sizeof is);
    ctw_key_print(other, ctw_key_get(other, &r->settings), bound, sizeof bound);
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
                      "%s, allowed is GROUP: { KEY = VALUE; ... };", config_error_text(config));
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
        ctw_key_set(&keys[i], ret, keys[i].preset);
}

/* Appends one piece; @used goes on counting when it no longer fits. */
static void print(char *buffer, size_t size, size_t *used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void print(char *buffer, size_t size, size_t *used, const char *format, ...) {
    size_t room = *used < size ? size - *used : 0;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(room > 0 ? buffer + *used : NULL, room, format, args);
    va_end(args);
    if (n > 0)
        *used += (size_t)n;
}

size_t ctw_settings_print_defaults(char *buffer, size_t size) {
    const char *group = "";
    size_t used = 0;

    for (size_t i = 0; i < N_KEYS; i++) {
        const struct ctw_key *k = &keys[i];
        char allowed[CTW_KEY_TEXT_MAX], value[CTW_KEY_TEXT_MAX];
        ctw_key_print_allowed(k, allowed, sizeof allowed);
        ctw_key_print(k, k->preset, value, sizeof value);
        if (strcmp(k->group, group) != 0)
            print(buffer, size, &used, "%s%s: {\n", i > 0 ? "};\n" : "", k->group);
        print(buffer, size, &used, "    # %s; %s\n    %s = %s;\n", k->meaning, allowed, k->name,
              value);
        group = k->group;
    }
    print(buffer, size, &used, "};\n");
    return used;
}
