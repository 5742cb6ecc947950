/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/replay/recording.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "lib/util/parse.h"
#include "lib/util/units.h"

/* Digits of a number that cannot overflow, also when it is seconds that become microseconds. */
#define DIGITS_MAX     18
#define SEC_DIGITS_MAX 12

#define COUNT_DIGITS_MAX 9

/* Bytes of an unknown column's name in the note. */
#define NAME_SHOWN 40u

/* Columns of a recording beyond those of a record: running counters. */
enum {
    DROPS_TOTAL = CTW_COLUMNS,
    EARLY_DROPS_TOTAL,
    COLUMNS,
    IGNORED = COLUMNS,
};

#define BIT(column)    (UINT32_C(1) << (column))
#define BITS(from, to) (BIT((to) + 1) - BIT(from))
_Static_assert(COLUMNS < 32, "a bit for each column");

/* A line has losses when it has a value in one of these. */
#define LOSSES                                                                                     \
    (BITS(CTW_COLUMN_DROPS, CTW_COLUMN_CHAIN_TOO_LONG) | BITS(DROPS_TOTAL, EARLY_DROPS_TOTAL))

/* A recording has slots when it has all of these. */
#define SLOTS (BIT(CTW_COLUMN_WIDTH) | BITS(CTW_COLUMN_FIRST, CTW_COLUMN_LOSS_LAST_MSEC))

#define CHANGES (BIT(CTW_COLUMN_LIMIT_CHANGES) | BIT(CTW_COLUMN_SET_MAX))

/* In messages about a time. */
#define TIMES                                                                                      \
    "seconds or milliseconds since 1970, RFC 3339 (2026-11-22T10:00:00Z), or as date prints"

/* The column drops is a running counter when it rose this often, and never fell. */
#define RISES_LEAST 3u

/* Names of exporters and of people. A sample's count is "count" here, and "last" of a slot in the
 * history. */
static const struct {
    const char *name;
    unsigned column;
} aliases[] = {
    {"last", CTW_COLUMN_COUNT},
    {"value", CTW_COLUMN_COUNT},
    {"entries", CTW_COLUMN_COUNT},
    {"nf_conntrack_count", CTW_COLUMN_COUNT},
    {"node_nf_conntrack_entries", CTW_COLUMN_COUNT},
    {"ctwatch_entries", CTW_COLUMN_COUNT},
    {"limit", CTW_COLUMN_MAX},
    {"nf_conntrack_max", CTW_COLUMN_MAX},
    {"node_nf_conntrack_entries_limit", CTW_COLUMN_MAX},
    {"ctwatch_entries_limit", CTW_COLUMN_MAX},
    {"node_nf_conntrack_stat_drop", DROPS_TOTAL},
    {"node_nf_conntrack_stat_early_drop", EARLY_DROPS_TOTAL},
    {"timestamp", CTW_COLUMN_TIME},
    {"datetime", CTW_COLUMN_TIME},
    {"date", CTW_COLUMN_TIME},
    {"epoch", CTW_COLUMN_TIME},
};

static const char *name_of(unsigned column) {
    if (column == DROPS_TOTAL)
        return "drops_total";
    if (column == EARLY_DROPS_TOTAL)
        return "early_drops_total";
    return column == CTW_COLUMN_COUNT ? "count" : ctw_column_name((enum ctw_column)column);
}

static uint64_t largest(unsigned column) {
    return column < CTW_COLUMNS ? ctw_column_largest((enum ctw_column)column)
                                : CTW_COLUMN_NUMBER_MAX;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* A tab may be a separator. */
static bool is_blank(char c, char separator) {
    return c == ' ' || c == '\r' || (c == '\t' && c != separator);
}

static struct ctw_piece trim(struct ctw_piece p, char separator) {
    while (p.length > 0 && is_blank(*p.at, separator)) {
        p.at++;
        p.length--;
    }
    while (p.length > 0 && is_blank(p.at[p.length - 1], separator))
        p.length--;
    return p;
}

/* Up to the separator behind the first field, or to the end. A separator between quotes is part of
 * the field; a quote in it is doubled, which reads as the end of a quotation and a new one. */
static size_t field_length(struct ctw_piece line, char separator) {
    const struct ctw_piece text = trim(line, separator);
    const bool quoted = text.length > 0 && *text.at == '"';
    bool inside = false;
    size_t n = 0;

    for (; n < line.length && (inside || line.at[n] != separator); n++)
        inside ^= quoted && line.at[n] == '"';
    return n;
}

/* Takes the first field and the separator behind it off @rest, whose at becomes NULL when nothing
 * is left. Return: the field without blanks and quotes around it. */
static struct ctw_piece take_field(struct ctw_piece *rest, char separator) {
    const size_t length = field_length(*rest, separator);
    const bool more = length < rest->length;
    struct ctw_piece field = trim((struct ctw_piece){rest->at, length}, separator);

    rest->at = more ? rest->at + length + 1 : NULL;
    rest->length -= length + more;
    if (field.length >= 2 && field.at[0] == '"' && field.at[field.length - 1] == '"')
        field = (struct ctw_piece){field.at + 1, field.length - 2};
    return field;
}

static enum ctw_reading refuse(struct ctw_recording *r, const char *why, const char *what) {
    ctw_line_start(&r->words);
    ctw_line_add(&r->words, "%s%s", why, what);
    return CTW_READ_REFUSED;
}

static bool is_name(struct ctw_piece name, const char *wanted) {
    return strlen(wanted) == name.length && strncasecmp(name.at, wanted, name.length) == 0;
}

/* Behind the name of a series stand its labels. */
static unsigned column_named(struct ctw_piece name) {
    const char *labels = memchr(name.at, '{', name.length);

    if (labels)
        name.length = (size_t)(labels - name.at);
    for (unsigned i = 0; i < COLUMNS; i++)
        if (is_name(name, name_of(i)))
            return i;
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (is_name(name, aliases[i].name))
            return aliases[i].column;
    return IGNORED;
}

static enum ctw_reading read_names(struct ctw_recording *r, struct ctw_piece line) {
    static const unsigned needed[] = {CTW_COLUMN_TIME, CTW_COLUMN_COUNT, CTW_COLUMN_MAX};

    while (line.at && r->n_columns < CTW_RECORDING_COLUMNS_MAX) {
        const struct ctw_piece name = take_field(&line, r->separator);
        unsigned column = column_named(name);
        if (column == IGNORED)
            ctw_line_add(&r->words, "%s%.*s", r->words.length == 0 ? "columns passed over: " : ", ",
                         (int)(name.length < NAME_SHOWN ? name.length : NAME_SHOWN), name.at);
        else if (r->has & BIT(column))
            return refuse(r, "there are two columns ", name_of(column));
        else if (largest(column) == 0)
            column = IGNORED; /* printed by the history, not read */
        else
            r->has |= BIT(column);
        r->columns[r->n_columns++] = (uint8_t)column;
    }
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!(r->has & BIT(needed[i])) && !(needed[i] == CTW_COLUMN_MAX && r->options.has_max))
            return refuse(r,
                          needed[i] == CTW_COLUMN_MAX
                              ? "names no limit: a column max, or the option --max, is needed"
                              : "is not time,count,max, nor does it name a column ",
                          needed[i] == CTW_COLUMN_MAX ? "" : name_of(needed[i]));
    r->n_needed = r->n_columns;
    return CTW_READ_NOTHING;
}

/* Without names the first line is a sample like all others. */
static enum ctw_reading guess_names(struct ctw_recording *r, struct ctw_piece line) {
    static const uint8_t usual[] = {CTW_COLUMN_TIME, CTW_COLUMN_COUNT, CTW_COLUMN_MAX,
                                    CTW_COLUMN_DROPS};
    const size_t n_needed = r->options.has_max ? 2 : 3;

    for (size_t i = 0; i < n_needed; i++) {
        if (!line.at)
            return refuse(r,
                          i == 2 ? "is time,count without a limit: --max is needed"
                                 : "is not time,count,max, and names no columns",
                          "");
        (void)take_field(&line, r->separator);
    }
    memcpy(r->columns, usual, sizeof(usual));
    r->n_columns = sizeof(usual);
    r->n_needed = n_needed;
    return CTW_READ_NOTHING;
}

/* In the output of a loop: a number with too few digits for a time. */
static bool is_count(struct ctw_piece line, uint64_t *ret) {
    return line.length <= COUNT_DIGITS_MAX &&
           ctw_text_decimal(line.at, line.length, UINT32_MAX, ret) == 0;
}

/* The first that the line has outside of quotes; NUL: none. */
static char find_separator(struct ctw_piece line) {
    for (const char *c = ",;\t"; *c; c++)
        if (field_length(line, *c) < line.length)
            return *c;
    return '\0';
}

static enum ctw_reading begin(struct ctw_recording *r, struct ctw_piece line, bool *ret_names) {
    struct ctw_piece rest = line;
    uint64_t number;

    r->separator = find_separator(line);
    *ret_names = false;
    if (r->separator == '\0' && !is_count(line, &number) &&
        ctw_timestamp_parse(line.at, line.length, r->options.zone, &number) != -EINVAL) {
        r->begun = true;
        return CTW_READ_NOTHING;
    }
    const struct ctw_piece first = take_field(&rest, r->separator);
    *ret_names = first.length == 0 ||
                 (!is_digit(*first.at) &&
                  ctw_timestamp_parse(first.at, first.length, r->options.zone, &number) == -EINVAL);
    const enum ctw_reading reading = *ret_names ? read_names(r, line) : guess_names(r, line);
    for (size_t i = 0; i < r->n_columns && r->options.drops_rise; i++)
        if (r->columns[i] == CTW_COLUMN_DROPS)
            r->columns[i] = DROPS_TOTAL;
    r->begun = reading == CTW_READ_NOTHING;
    return reading;
}

/* Most fields are nothing but digits. */
static bool take_digits(struct ctw_piece *rest, char separator, bool is_time, uint64_t *ret) {
    const char *at = rest->at, *const end = at + rest->length;
    uint64_t value = 0;

    for (; at < end && is_digit(*at); at++)
        value = value * 10 + (uint64_t)(*at - '0');
    const size_t n = (size_t)(at - rest->at);
    if (n == 0 || n > (is_time ? SEC_DIGITS_MAX : DIGITS_MAX) || (at < end && *at != separator))
        return false;
    rest->length -= n + (at < end);
    rest->at = at < end ? at + 1 : NULL;
    *ret = is_time ? value * CTW_USEC_PER_SEC : value;
    return true;
}

/* Return: 0; -ENODATA: not known; -EINVAL, -ERANGE. */
static int take_value(const struct ctw_recording *recording, struct ctw_piece *rest,
                      unsigned column, uint64_t *ret) {
    const bool is_time = column == CTW_COLUMN_TIME;
    int r = 0;

    if (!take_digits(rest, recording->separator, is_time, ret)) {
        const struct ctw_piece field = take_field(rest, recording->separator);
        if (column == IGNORED)
            return -ENODATA;
        r = is_time ? ctw_timestamp_parse(field.at, field.length, recording->options.zone, ret)
                    : ctw_text_number(field.at, field.length, ret);
    }
    if (column == IGNORED)
        return -ENODATA;
    return r == 0 && *ret > largest(column) ? -ERANGE : r;
}

/* @place: of the column, from 1 on */
static enum ctw_reading bad(struct ctw_recording *r, size_t place, unsigned column, int error) {
    const bool range = error == -ERANGE;

    ctw_line_add(&r->words, "column %zu, %s: is ", place, name_of(column));
    if (error == -EREMOTE)
        ctw_line_add(&r->words, "a time without a zone, --timezone names it");
    else if (column == CTW_COLUMN_TIME)
        ctw_line_add(&r->words, "no %s, allowed are " TIMES,
                     range ? "moment from 1970 to 9999" : "time");
    else
        ctw_line_add(&r->words, "%s, allowed is 0 to %" PRIu64, range ? "too large" : "no number",
                     largest(column));
    return CTW_READ_BAD;
}

uint64_t ctw_recording_moved(struct ctw_recording_total *t, bool known, uint64_t now) {
    const struct ctw_recording_total before = *t;

    if (!known)
        return 0;
    *t = (struct ctw_recording_total){.known = true, .value = now};
    if (!before.known)
        return 0;
    return now >= before.value ? now - before.value : now;
}

/* @known: a bit for each column whose value the line has */
static void complete(struct ctw_recording *r, uint32_t known, const uint64_t totals[static 2],
                     struct ctw_record *ret) {
    ret->losses.drops += ctw_recording_moved(&r->drops_total, known & BIT(DROPS_TOTAL), totals[0]);
    ret->losses.early_drops +=
        ctw_recording_moved(&r->early_drops_total, known & BIT(EARLY_DROPS_TOTAL), totals[1]);
    ret->has_losses = (known & LOSSES) != 0;
    ret->has_other_drops = (r->has & BIT(CTW_COLUMN_OTHER_DROPS)) != 0;
    ret->has_changes = (r->has & CHANGES) == CHANGES;
    if ((r->has & SLOTS) != SLOTS)
        ret->width_sec = 0;
    if (ret->width_sec > 0)
        ctw_record_fit(ret);
    r->any = true;
    r->last_usec = ret->at_usec;
}

static enum ctw_reading read_values(struct ctw_recording *r, struct ctw_piece line,
                                    struct ctw_record *ret) {
    uint64_t totals[2] = {0};
    uint32_t known = 0;

    *ret = (struct ctw_record){0};
    for (size_t i = 0; i < r->n_columns && (line.at || i < r->n_needed); i++) {
        const unsigned column = r->columns[i];
        uint64_t value = 0;

        if (!line.at) {
            ctw_line_add(&r->words, "ends after %zu of %zu columns", i, r->n_needed);
            return CTW_READ_BAD;
        }
        const int error = take_value(r, &line, column, &value);
        if (error == -ENODATA)
            continue;
        if (error < 0)
            return bad(r, i + 1, column, error);
        known |= BIT(column);
        if (column >= CTW_COLUMNS)
            totals[column - CTW_COLUMNS] = value;
        else
            ctw_record_set(ret, (enum ctw_column)column, value);
    }
    if (r->options.has_max && !(known & BIT(CTW_COLUMN_MAX))) {
        ret->max = r->options.max;
        known |= BIT(CTW_COLUMN_MAX);
    }
    if ((~known & (BIT(CTW_COLUMN_COUNT) | BIT(CTW_COLUMN_MAX))) ||
        ((r->has & BIT(CTW_COLUMN_POLLS)) && ret->polls == 0))
        return CTW_READ_HOLE;
    if (r->any && ret->at_usec <= r->last_usec)
        return CTW_READ_STALE;
    complete(r, known, totals, ret);
    return CTW_READ_RECORD;
}

/* A line of what a loop prints: a time, then a count, then perhaps a limit. */
static enum ctw_reading read_loop(struct ctw_recording *r, struct ctw_piece line,
                                  struct ctw_record *ret) {
    uint64_t value = 0;
    const bool counts = is_count(line, &value);

    if (!counts || !r->has_time) {
        if (r->has_count && !r->options.has_max)
            return refuse(r, "follows a count without a limit: --max is needed", "");
        r->has_count = false;
        const int error =
            counts ? -EINVAL
                   : ctw_timestamp_parse(line.at, line.length, r->options.zone, &r->loop.at_usec);
        r->has_time = error == 0;
        return error < 0 ? bad(r, 1, CTW_COLUMN_TIME, error) : CTW_READ_NOTHING;
    }
    if (!r->has_count) {
        r->has_count = true;
        r->loop.count = (uint32_t)value;
        r->loop.max = r->options.max;
        if (!r->options.has_max)
            return CTW_READ_NOTHING;
    } else if (r->options.has_max)
        return CTW_READ_NOTHING;
    else
        r->loop.max = (uint32_t)value;
    if (!r->options.has_max)
        r->has_time = r->has_count = false;
    if (r->any && r->loop.at_usec <= r->last_usec)
        return CTW_READ_STALE;
    r->any = true;
    r->last_usec = r->loop.at_usec;
    *ret = r->loop;
    return CTW_READ_RECORD;
}

enum ctw_reading ctw_recording_line(struct ctw_recording *r, const char *line, size_t length,
                                    struct ctw_record *ret) {
    const struct ctw_piece whole = trim((struct ctw_piece){line, length}, r->separator);
    bool names = false;

    ctw_line_start(&r->words);
    if (whole.length == 0 || *whole.at == '#')
        return CTW_READ_NOTHING;
    if (!r->begun) {
        const enum ctw_reading reading = begin(r, whole, &names);
        if (names || reading != CTW_READ_NOTHING)
            return reading;
    }
    return r->separator == '\0' ? read_loop(r, whole, ret) : read_values(r, whole, ret);
}

bool ctw_recording_drops_rise(const struct ctw_recording_options *options, const char *text,
                              size_t length) {
    struct ctw_piece rest = {text, length}, line;
    struct ctw_recording r = {.options = *options};
    struct ctw_record record;
    uint64_t last = 0;
    unsigned rises = 0;

    r.options.drops_rise = false;
    while (ctw_piece_line(&rest, &line)) {
        const enum ctw_reading reading = ctw_recording_line(&r, line.at, line.length, &record);
        if (reading == CTW_READ_REFUSED || (r.has & BIT(DROPS_TOTAL)))
            return false;
        if (reading != CTW_READ_RECORD || !record.has_losses)
            continue;
        if (record.losses.drops < last)
            return false;
        rises += record.losses.drops > last;
        last = record.losses.drops;
    }
    return rises >= RISES_LEAST;
}
