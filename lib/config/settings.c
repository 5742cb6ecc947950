/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/config/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/util/parse.h"
#include "lib/util/strbuf.h"
#include "lib/util/units.h"

/* Bytes of a configuration that an error repeats at most. */
#define ECHO_MAX 40

/* A value or its bounds in an error. */
struct text {
    char text[128];
};

static struct text __attribute__((format(printf, 1, 2))) text(const char *format, ...) {
    struct text t;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(t.text, sizeof(t.text), format, args);
    va_end(args);
    return t;
}

int ctw_settings_refuse(struct ctw_settings_error *err, unsigned line, const char *key,
                        const char *format, ...) {
    va_list args;

    err->line = line;
    (void)snprintf(err->key, sizeof(err->key), "%s", key);
    va_start(args, format);
    (void)vsnprintf(err->reason, sizeof(err->reason), format, args);
    va_end(args);
    return -EINVAL;
}

/* --- keys ------------------------------------------------------------------------------------ */

enum key_type {
    KEY_PERCENT,  /* permyriad; written 75, 75.0 */
    KEY_FACTOR,   /* 10000 is 1; written 2, 2.0 */
    KEY_DURATION, /* microseconds; written 10, 0.25, "250ms" */
    KEY_SIZE,     /* bytes; written 65536, "64KiB" */
    KEY_COUNT,    /* written 5 */
    KEY_SWITCH,   /* bool; written true, false */
    KEY_WORD,     /* an enum counting from 0; written "auto" */
    KEY_COMMAND,  /* char[CTW_COMMAND_MAX]; written "", "/usr/bin/logger -t ctwatch" */
};

struct key {
    const char *group, *name;
    enum key_type type;
    size_t offset, size;        /* of the field in struct ctw_settings */
    uint64_t min, max;          /* of the field; KEY_COMMAND: of its length */
    uint64_t preset;            /* the default; of KEY_COMMAND it is "" */
    const char *const *words;   /* of KEY_WORD: max + 1 of them */
    const char *unit, *meaning; /* for errors and --print-defaults */
};

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
#define AT(field)   offsetof(struct ctw_settings, field), sizeof(((struct ctw_settings *)0)->field)
#define LAST(words) (sizeof(words) / sizeof *(words)-1)
/* What some editors put at the beginning of UTF-8. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

#define A_DURATION "seconds, or a string with us, ms, s, min, h or d: \"250ms\""
#define A_SIZE     "bytes, or a string with B, KiB, MiB, GiB or TiB: \"32MiB\""

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

    {"namespaces", "enabled", KEY_SWITCH, AT(namespaces.enabled), 0, 1, true,
     NULL, "switch", "watch the tables of other network namespaces"},
    {"namespaces", "interval", KEY_DURATION, AT(namespaces.interval_usec), 100 * MSEC, HOUR,
     5 * SEC, NULL, A_DURATION, "the longest time between two readings of one of them"},
    {"namespaces", "max", KEY_COUNT, AT(namespaces.max), 1, CTW_NAMESPACES_MAX, 1024,
     NULL, "namespaces", "how many are watched"},
    {"namespaces", "metrics", KEY_COUNT, AT(namespaces.metrics), 0, CTW_NAMESPACES_METRICS_MAX, 0,
     NULL, "namespaces", "how many of the fullest have metrics; 0: none"},
};
/* clang-format on */

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

/* The first key of each pair must be below the second. */
static const struct order {
    const char *group, *low, *high;
    bool may_be_equal;
} orders[] = {
    {"levels", "warning", "critical", false},
    {"levels", "clear", "warning", false},
    {"poll", "fastest", "interval", true},
};

/* @name: NULL: any. Return: NULL: there is none. */
static const struct key *find_key(const char *group, const char *name) {
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(keys[i].group, group) == 0 && (!name || strcmp(keys[i].name, name) == 0))
            return &keys[i];
    return NULL;
}

/* --- fields ---------------------------------------------------------------------------------- */

_Static_assert(sizeof(enum ctw_events_mode) == sizeof(uint32_t), "a field of four bytes");
_Static_assert(sizeof(enum ctw_buckets_mode) == sizeof(uint32_t), "a field of four bytes");

static uint64_t get_value(const struct key *k, const struct ctw_settings *s) {
    const void *field = (const char *)s + k->offset;

    if (k->size == sizeof(uint64_t))
        return *(const uint64_t *)field;
    return k->size == sizeof(uint32_t) ? *(const uint32_t *)field : *(const bool *)field;
}

/* Of KEY_COMMAND, only 0: no command. */
static void set_value(const struct key *k, struct ctw_settings *s, uint64_t value) {
    void *field = (char *)s + k->offset;

    if (k->size == sizeof(uint64_t))
        *(uint64_t *)field = value;
    else if (k->size == sizeof(uint32_t))
        *(uint32_t *)field = (uint32_t)value;
    else
        *(bool *)field = value != 0;
}

/* --- reading a value ------------------------------------------------------------------------- */

/* What the number 1 means in the unit of the field. */
static uint64_t scale(const struct key *k) {
    return k->type == KEY_PERCENT    ? CTW_PERMYRIAD / 100
           : k->type == KEY_FACTOR   ? CTW_PERMYRIAD
           : k->type == KEY_DURATION ? CTW_USEC_PER_SEC
                                     : 1;
}

static bool is_number(const struct key *k) {
    return k->type <= KEY_COUNT;
}

static bool takes_fraction(const struct key *k) {
    return k->type <= KEY_DURATION;
}

/* The comparison fails for NaN. */
static bool read_number(const struct key *k, double number, uint64_t *ret) {
    const double value = number * (double)scale(k);

    if (!(value >= (double)k->min && value <= (double)k->max))
        return false;
    *ret = (uint64_t)(value + 0.5);
    return true;
}

static bool read_string(const struct key *k, const char *string, uint64_t *ret) {
    if (k->type == KEY_WORD)
        for (*ret = 0; *ret <= k->max; ++*ret)
            if (strcmp(k->words[*ret], string) == 0)
                return true;
    return ((k->type == KEY_DURATION && ctw_text_duration(string, ret) == 0) ||
            (k->type == KEY_SIZE && ctw_text_size(string, ret) == 0)) &&
           *ret >= k->min && *ret <= k->max;
}

/* "" or "/path/to/program argument argument", which is run without a shell. */
static bool read_command(const struct key *k, const char *string, struct ctw_settings *s) {
    const size_t length = strlen(string);

    if (length > k->max || (length > 0 && (string[0] != '/' || strchr(" ", string[1]))))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)string[i] < 0x20 || string[i] == 0x7f)
            return false;
    memcpy((char *)s + k->offset, string, length + 1);
    return true;
}

static bool read_value(const struct key *k, const config_setting_t *setting,
                       struct ctw_settings *s) {
    uint64_t value = 0;
    bool allowed = false;

    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        allowed = is_number(k) && read_number(k, (double)config_setting_get_int64(setting), &value);
        break;
    case CONFIG_TYPE_FLOAT:
        allowed = takes_fraction(k) && read_number(k, config_setting_get_float(setting), &value);
        break;
    case CONFIG_TYPE_BOOL:
        value = config_setting_get_bool(setting) != CONFIG_FALSE;
        allowed = k->type == KEY_SWITCH;
        break;
    case CONFIG_TYPE_STRING:
        if (k->type == KEY_COMMAND)
            return read_command(k, config_setting_get_string(setting), s);
        allowed = read_string(k, config_setting_get_string(setting), &value);
        break;
    }
    if (allowed)
        set_value(k, s, value);
    return allowed;
}

/* --- writing a value ------------------------------------------------------------------------- */

/* A string of the configuration, cut, with each byte that is not printable as '?'. */
static struct text write_string(const char *string) {
    char shown[ECHO_MAX + 1];
    size_t n = 0;

    for (; n < ECHO_MAX && string[n] != '\0'; n++)
        shown[n] = string[n] >= 0x20 && string[n] < 0x7f ? string[n] : '?';
    shown[n] = '\0';
    return text("\"%s%s\"", shown, string[n] != '\0' ? "..." : "");
}

/* As the configuration has it. */
static struct text write_setting(const config_setting_t *setting) {
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64: return text("%lld", (long long)config_setting_get_int64(setting));
    case CONFIG_TYPE_FLOAT: return text("%.10g", config_setting_get_float(setting));
    case CONFIG_TYPE_BOOL: return text("%s", config_setting_get_bool(setting) ? "true" : "false");
    case CONFIG_TYPE_STRING: return write_string(config_setting_get_string(setting));
    case CONFIG_TYPE_GROUP: return text("a group");
    default: /* CONFIG_TYPE_ARRAY, CONFIG_TYPE_LIST */ return text("a list");
    }
}

/* In the largest unit that needs no fraction: "250ms", "64KiB". */
static struct text write_units(const struct key *k, uint64_t value) {
    static const struct unit {
        const char *name;
        uint64_t factor;
    } durations[] = {{"d", DAY}, {"h", HOUR}, {"min", MIN}, {"s", SEC}, {"ms", MSEC}, {"us", 1}},
      sizes[] = {{"GiB", GIB}, {"MiB", MIB}, {"KiB", KIB}, {"B", 1}};
    const struct unit *u = k->type == KEY_DURATION ? durations : sizes;

    if (value == 0)
        return text("0%s", k->type == KEY_DURATION ? "s" : "B");
    while (value % u->factor != 0)
        u++;
    return text("%" PRIu64 "%s", value / u->factor, u->name);
}

/* "75.0" or, in a bound, "75"; "12.34" */
static struct text write_fraction(const struct key *k, uint64_t value, bool bound) {
    const uint64_t one = scale(k), whole = value / one, part = value % one;

    if (bound && part == 0)
        return text("%" PRIu64, whole);
    if (part * 10 % one == 0)
        return text("%" PRIu64 ".%" PRIu64, whole, part * 10 / one);
    return text("%" PRIu64 ".%0*" PRIu64, whole, one == CTW_PERMYRIAD ? 4 : 2, part);
}

/* As a configuration has it or, in a bound, without quotes and needless fraction. */
static struct text write_value(const struct key *k, uint64_t value, bool bound) {
    switch (k->type) {
    case KEY_PERCENT:
    case KEY_FACTOR: return write_fraction(k, value, bound);
    case KEY_DURATION:
    case KEY_SIZE: return bound ? write_units(k, value) : write_string(write_units(k, value).text);
    case KEY_COUNT: return text("%" PRIu64, value);
    case KEY_SWITCH: return text("%s", value ? "true" : "false");
    case KEY_WORD: return write_string(k->words[value]);
    case KEY_COMMAND: break;
    }
    return text("\"\"");
}

static struct text write_allowed(const struct key *k) {
    struct text t = {""};
    struct ctw_out o = {.buffer = t.text, .size = sizeof(t.text)};

    if (k->type == KEY_SWITCH)
        return text("true or false");
    if (k->type == KEY_COMMAND)
        return text("\"\" or an absolute path and arguments, %" PRIu64 " bytes", k->max);
    if (is_number(k))
        return text("%s to %s (%s)", write_value(k, k->min, true).text,
                    write_value(k, k->max, true).text, k->unit);
    for (uint64_t i = 0; i <= k->max; i++)
        ctw_out_put(&o, "%s\"%s\"", i == 0 ? "" : i < k->max ? ", " : " or ", k->words[i]);
    return t;
}

/* --- unknown names --------------------------------------------------------------------------- */

/* A longer name is similar to no key. */
#define NAME_MAX_BYTES 15

/* The Levenshtein distance: letters to insert, delete or replace. */
static unsigned distance(const char *a, const char *b) {
    unsigned row[NAME_MAX_BYTES + 1];
    const size_t length = strlen(b);

    if (strlen(a) > NAME_MAX_BYTES || length > NAME_MAX_BYTES)
        return NAME_MAX_BYTES;
    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= length; j++) {
            const unsigned replaced = diagonal + (a[i] != b[j - 1]);
            const unsigned other = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = replaced <= other ? replaced : other + 1;
        }
    }
    return row[length];
}

/* A similar key of @group or, where @group is NULL, a similar group; otherwise the key that has
 * this name in another group. Return: its name, or "". */
static struct text similar(const char *group, const char *name) {
    unsigned least = 3; /* at most two letters are wrong */
    struct text found = {""};

    for (size_t i = 0; i < N_KEYS; i++) {
        const struct key *k = &keys[i];
        const char *known = group ? k->name : k->group;
        const unsigned d = distance(name, known);
        if ((!group || strcmp(k->group, group) == 0) && d < least && d * 2 <= strlen(known)) {
            found = group ? text("%s.%s", group, known) : text("%s", known);
            least = d;
        } else if (least == 3 && strcmp(k->name, name) == 0) {
            found = text("%s.%s", k->group, name);
        }
    }
    return found;
}

/* @group: that of the key @name; NULL: @name is outside of any group */
static int refuse_unknown(struct ctw_settings_error *err, unsigned line, const char *group,
                          const char *name) {
    const struct text path = text("%.30s%s%.30s", group ? group : "", group ? "." : "", name);
    const struct text instead = similar(group, name);
    const char *what = group ? "is no key" : "is no group", *last = "";
    struct text names;
    struct ctw_out o = {.buffer = names.text, .size = sizeof(names.text)};

    if (instead.text[0] != '\0')
        return ctw_settings_refuse(err, line, path.text, "%s, allowed and similar is %s", what,
                                   instead.text);
    for (size_t i = 0; i < N_KEYS; i++) {
        const char *known = group ? keys[i].name : keys[i].group;
        if ((group && strcmp(keys[i].group, group) != 0) || strcmp(known, last) == 0)
            continue;
        ctw_out_put(&o, "%s%s", o.used > 0 ? ", " : "", known);
        last = known;
    }
    return ctw_settings_refuse(err, line, path.text, "%s, allowed are %s", what, names.text);
}

/* --- what libconfig does not refuse ---------------------------------------------------------- */

/* A file that is blank was not written whole. */
static int check_bytes(const char *config, size_t length, struct ctw_settings_error *err) {
    unsigned line = 1;
    bool blank = true;

    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)config[i];
        /* To libconfig, a single \r does not end a comment. */
        const bool newline = c == '\r' && i + 1 < length && config[i + 1] == '\n';
        if ((c < 0x20 && c != '\t' && c != '\n' && !newline) || c == 0x7f)
            return ctw_settings_refuse(err, line, "file", "holds byte 0x%02x, allowed is text", c);
        line += c == '\n';
        blank = blank && c <= 0x20;
    }
    if (blank)
        return ctw_settings_refuse(err, 0, "file",
                                   "is empty, allowed is a configuration or a comment");
    return 0;
}

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*"
#define NAME    LETTERS DIGITS "_-"

/* Whether the number at @at is no integer, or not cut to 32 bits by libconfig 1.5. */
static bool fits_31_bits(const char *at) {
    uint64_t value;

    if (strncasecmp(at, "0x", 2) == 0) {
        at += 2 + strspn(at + 2, "0");
        const size_t n = strspn(at, DIGITS "abcdefABCDEF");
        return n < 8 || (n == 8 && *at <= '7');
    }
    at += *at == '-' || *at == '+';
    const size_t n = strspn(at, DIGITS);
    return (at[n] != '\0' && strchr(".eE", at[n])) ||
           ctw_text_decimal(at, n, INT32_MAX, &value) != -ERANGE;
}

/* Return: the bytes to the quote that ends the string at @at; 0: there is none on its line. */
static size_t string_length(const char *at) {
    size_t n = 1;

    for (; at[n] != '"'; n++) {
        if (at[n] == '\n')
            return 0;
        if (at[n] == '\\' && (at[n + 1] == '\\' || at[n + 1] == '"'))
            n++;
    }
    return n + 1;
}

/* The bytes of the next token; 0: it is refused. @at: ends with a newline */
static size_t check_token(const char *at, unsigned line, struct ctw_settings_error *err) {
    size_t n = 1;

    if (*at == '#' || strncmp(at, "//", 2) == 0)
        return strcspn(at, "\n");
    if (strncmp(at, "/*", 2) == 0) { /* libconfig 1.5 ignores what follows */
        const char *end = strstr(at + 2, "*/");
        if (!end)
            (void)ctw_settings_refuse(
                err, line, "syntax", "a comment opens here and never closes, allowed is /* ... */");
        return end ? (size_t)(end + 2 - at) : 0;
    }
    if (*at == '"') { /* libconfig takes newlines, and so the lines up to the next string */
        n = string_length(at);
        if (n == 0)
            (void)ctw_settings_refuse(err, line, "syntax",
                                      "a string is not closed on its line, allowed is \"...\"");
    } else if (*at == '@') {
        n = 0;
        (void)ctw_settings_refuse(err, line, "syntax",
                                  "@include is refused, allowed is one file with all in it");
    } else if (strchr(DIGITS "+-.", *at)) {
        n = strspn(at, NAME "+.");
        if (!fits_31_bits(at)) {
            (void)ctw_settings_refuse(err, line, "syntax",
                                      "%.*s is too large an integer, allowed is at most %" PRId32,
                                      n < ECHO_MAX ? (int)n : ECHO_MAX, at, INT32_MAX);
            n = 0;
        }
    } else if (strchr(LETTERS, *at)) {
        n = strspn(at, NAME);
    }
    return n;
}

/* @ret_lines: the number of the last line */
static int check_tokens(const char *config, unsigned *ret_lines, struct ctw_settings_error *err) {
    unsigned line = 1;

    for (const char *at = config; *at != '\0';) {
        size_t n = check_token(at, line, err);
        if (n == 0)
            return -EINVAL;
        for (; n > 0; n--)
            line += *at++ == '\n';
    }
    *ret_lines = line - 1; /* the last newline is not the user's */
    return 0;
}

/* --- reading --------------------------------------------------------------------------------- */

struct reading {
    struct ctw_settings settings;
    unsigned lines[N_KEYS]; /* of each key; 0: it has its default */
    struct ctw_settings_error *err;
};

static struct text path_of(const struct key *k) {
    return text("%s.%s", k->group, k->name);
}

static int read_key(struct reading *r, const char *group, const config_setting_t *setting) {
    const char *name = config_setting_name(setting);
    const unsigned line = config_setting_source_line(setting);
    const struct key *k = find_key(group, name);

    if (!k)
        return refuse_unknown(r->err, line, group, name);
    if (!read_value(k, setting, &r->settings))
        return ctw_settings_refuse(r->err, line, path_of(k).text, "is %s, allowed is %s",
                                   write_setting(setting).text, write_allowed(k).text);
    r->lines[k - keys] = line;
    return 0;
}

static int read_group(struct reading *r, const config_setting_t *group) {
    const char *name = config_setting_name(group);
    const unsigned line = config_setting_source_line(group);
    int result = 0;

    if (!find_key(name, NULL))
        return refuse_unknown(r->err, line, NULL, name);
    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return ctw_settings_refuse(r->err, line, name,
                                   "is no group, allowed is a group, %s: { ... };", name);
    for (int i = 0; result == 0 && i < config_setting_length(group); i++)
        result = read_key(r, name, config_setting_get_elem(group, (unsigned)i));
    return result;
}

/* The error names the key that was written last, as that is not a default. */
static int check_order(const struct reading *r, const struct order *o) {
    const struct key *low = find_key(o->group, o->low), *high = find_key(o->group, o->high);
    const uint64_t low_value = get_value(low, &r->settings);
    const uint64_t high_value = get_value(high, &r->settings);

    if (low_value < high_value || (o->may_be_equal && low_value == high_value))
        return 0;
    const bool name_high = r->lines[high - keys] > r->lines[low - keys];
    const struct key *named = name_high ? high : low, *other = name_high ? low : high;
    static const char *const relations[2][2] = {{"less than", "at most"},
                                                {"more than", "at least"}};
    return ctw_settings_refuse(r->err, r->lines[named - keys], path_of(named).text,
                               "is %s, allowed is %s %s, which is %s%s",
                               write_value(named, get_value(named, &r->settings), false).text,
                               relations[name_high][o->may_be_equal], path_of(other).text,
                               write_value(other, get_value(other, &r->settings), false).text,
                               r->lines[other - keys] == 0 ? " by default" : "");
}

static int read_tree(struct reading *r, const config_setting_t *root) {
    int result = 0;

    for (int i = 0; result == 0 && i < config_setting_length(root); i++)
        result = read_group(r, config_setting_get_elem(root, (unsigned)i));
    for (size_t i = 0; result == 0 && i < sizeof(orders) / sizeof(orders[0]); i++)
        result = check_order(r, &orders[i]);
    return result;
}

int ctw_settings_parse(const char *config, size_t length, struct ctw_settings *ret,
                       struct ctw_settings_error *reterr) {
    struct reading reading = {.err = reterr};
    char copy[CTW_SETTINGS_TEXT_MAX + 2];
    unsigned lines;
    config_t c;

    if (length >= strlen(BYTE_ORDER_MARK) &&
        memcmp(config, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
        config += strlen(BYTE_ORDER_MARK);
        length -= strlen(BYTE_ORDER_MARK);
    }
    if (length > CTW_SETTINGS_TEXT_MAX)
        return ctw_settings_refuse(reterr, 0, "file",
                                   "has more than %d bytes, allowed is at most that",
                                   CTW_SETTINGS_TEXT_MAX);
    if (check_bytes(config, length, reterr) < 0)
        return -EINVAL;
    /* libconfig 1.5 refuses a comment that no newline follows. */
    memcpy(copy, config, length);
    memcpy(copy + length, "\n", 2);
    if (check_tokens(copy, &lines, reterr) < 0)
        return -EINVAL;

    ctw_settings_defaults(&reading.settings);
    config_init(&c);
    int r;
    if (config_read_string(&c, copy) == CONFIG_TRUE) {
        r = read_tree(&reading, config_root_setting(&c));
    } else {
        const unsigned line = (unsigned)config_error_line(&c);
        r = ctw_settings_refuse(
            reterr, line < lines ? line : lines, "syntax",
            "%s, allowed is GROUP: { KEY = VALUE; ... };, units in quotes: \"250ms\"",
            config_error_text(&c));
    }
    config_destroy(&c);
    if (r == 0)
        *ret = reading.settings;
    return r;
}

/* --- defaults -------------------------------------------------------------------------------- */

void ctw_settings_defaults(struct ctw_settings *ret) {
    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < N_KEYS; i++)
        set_value(&keys[i], ret, keys[i].preset);
}

size_t ctw_settings_print_defaults(char *buffer, size_t size) {
    struct ctw_out o = {.buffer = buffer, .size = size};
    const char *group = "";

    for (size_t i = 0; i < N_KEYS; i++) {
        const struct key *k = &keys[i];
        if (strcmp(k->group, group) != 0)
            ctw_out_put(&o, "%s%s: {\n", i > 0 ? "};\n" : "", k->group);
        ctw_out_put(&o, "    # %s; %s\n    %s = %s;\n", k->meaning, write_allowed(k).text, k->name,
                    write_value(k, k->preset, false).text);
        group = k->group;
    }
    ctw_out_put(&o, "};\n");
    return o.used;
}
