/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/replay/recording.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/util/parse.h"
#include "lib/util/units.h"

/* Digits of a number that cannot overflow, also when it is seconds that become microseconds. */
#define DIGITS_MAX     18
#define SEC_DIGITS_MAX 12

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
#define TIMES "seconds since 1970 or RFC 3339 with a zone (2026-11-22T10:00:00Z)"

/* A sample's count is "count" here, and "last" of a slot in the history. */
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

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static struct ctw_piece trim(struct ctw_piece p) {
    while (p.length > 0 && is_blank(*p.at)) {
        p.at++;
        p.length--;
    }
    while (p.length > 0 && is_blank(p.at[p.length - 1]))
        p.length--;
    return p;
}

/* Up to the comma behind the first field, or to the end. A comma between quotes is part of the
 * field; a quote in it is doubled, which reads as the end of a quotation and a new one. */
static size_t field_length(struct ctw_piece line) {
    const struct ctw_piece text = trim(line);
    const bool quoted = text.length > 0 && *text.at == '"';
    bool inside = false;
    size_t n = 0;

    for (; n < line.length && (inside || line.at[n] != ','); n++)
        inside ^= quoted && line.at[n] == '"';
    return n;
}

/* Takes the first field and the comma behind it off @rest, whose at becomes NULL when nothing is
 * left. Return: the field without blanks and quotes around it. */
static struct ctw_piece take_field(struct ctw_piece *rest) {
    const size_t length = field_length(*rest);
    const bool comma = length < rest->length;
    struct ctw_piece field = trim((struct ctw_piece){rest->at, length});

    rest->at = comma ? rest->at + length + 1 : NULL;
    rest->length -= length + comma;
    if (field.length >= 2 && field.at[0] == '"' && field.at[field.length - 1] == '"')
        field = (struct ctw_piece){field.at + 1, field.length - 2};
    return field;
}

static enum ctw_reading refuse(struct ctw_recording *r, const char *why, const char *what) {
    ctw_line_start(&r->words);
    ctw_line_add(&r->words, "%s%s", why, what);
    return CTW_READ_REFUSED;
}

static unsigned column_named(struct ctw_piece name) {
    for (unsigned i = 0; i < COLUMNS; i++)
        if (ctw_piece_is(name, name_of(i)))
            return i;
    return ctw_piece_is(name, "last") ? CTW_COLUMN_COUNT : IGNORED;
}

static enum ctw_reading read_names(struct ctw_recording *r, struct ctw_piece line) {
    static const unsigned needed[] = {CTW_COLUMN_TIME, CTW_COLUMN_COUNT, CTW_COLUMN_MAX};

    while (line.at && r->n_columns < CTW_RECORDING_COLUMNS_MAX) {
        const struct ctw_piece name = take_field(&line);
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
        if (!(r->has & BIT(needed[i])))
            return refuse(r, "is not time,count,max, nor does it name a column ",
                          name_of(needed[i]));
    r->n_needed = r->n_columns;
    return CTW_READ_NOTHING;
}

/* Without names the first line is a sample like all others. */
static enum ctw_reading guess_names(struct ctw_recording *r, struct ctw_piece line) {
    static const uint8_t usual[] = {CTW_COLUMN_TIME, CTW_COLUMN_COUNT, CTW_COLUMN_MAX,
                                    CTW_COLUMN_DROPS};
    const size_t n_needed = 3;

    for (size_t i = 0; i < n_needed; i++) {
        if (!line.at)
            return refuse(r, "is not time,count,max, and names no columns", "");
        (void)take_field(&line);
    }
    memcpy(r->columns, usual, sizeof(usual));
    r->n_columns = sizeof(usual);
    r->n_needed = n_needed;
    return CTW_READ_NOTHING;
}

static enum ctw_reading begin(struct ctw_recording *r, struct ctw_piece line, bool *ret_names) {
    struct ctw_piece rest = line;
    const struct ctw_piece first = take_field(&rest);

    *ret_names = first.length == 0 || !is_digit(*first.at);
    const enum ctw_reading reading = *ret_names ? read_names(r, line) : guess_names(r, line);
    r->begun = reading == CTW_READ_NOTHING;
    return reading;
}

/* Most fields are nothing but digits. */
static bool take_digits(struct ctw_piece *rest, bool is_time, uint64_t *ret) {
    const char *at = rest->at, *const end = at + rest->length;
    uint64_t value = 0;

    for (; at < end && is_digit(*at); at++)
        value = value * 10 + (uint64_t)(*at - '0');
    const size_t n = (size_t)(at - rest->at);
    if (n == 0 || n > (is_time ? SEC_DIGITS_MAX : DIGITS_MAX) || (at < end && *at != ','))
        return false;
    rest->length -= n + (at < end);
    rest->at = at < end ? at + 1 : NULL;
    *ret = is_time ? value * CTW_USEC_PER_SEC : value;
    return true;
}

/* Return: 0; -ENODATA: not known; -EINVAL, -ERANGE. */
static int take_value(struct ctw_piece *rest, unsigned column, uint64_t *ret) {
    const bool is_time = column == CTW_COLUMN_TIME;
    int r = 0;

    if (!take_digits(rest, is_time, ret)) {
        const struct ctw_piece field = take_field(rest);
        if (column == IGNORED)
            return -ENODATA;
        r = is_time ? ctw_timestamp_parse(field.at, field.length, ret)
                    : ctw_text_number(field.at, field.length, ret);
    }
    if (column == IGNORED)
        return -ENODATA;
    return r == 0 && *ret > largest(column) ? -ERANGE : r;
}

static enum ctw_reading bad(struct ctw_recording *r, unsigned column, int error) {
    const bool range = error == -ERANGE;

    if (column == CTW_COLUMN_TIME)
        ctw_line_add(&r->words, "time: is no %s, allowed are " TIMES,
                     range ? "moment from 1970 to 9999" : "time");
    else
        ctw_line_add(&r->words, "%s: is %s, allowed is 0 to %" PRIu64, name_of(column),
                     range ? "too large" : "no number", largest(column));
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
        const int error = take_value(&line, column, &value);
        if (error == -ENODATA)
            continue;
        if (error < 0)
            return bad(r, column, error);
        known |= BIT(column);
        if (column >= CTW_COLUMNS)
            totals[column - CTW_COLUMNS] = value;
        else
            ctw_record_set(ret, (enum ctw_column)column, value);
    }
    if ((~known & (BIT(CTW_COLUMN_COUNT) | BIT(CTW_COLUMN_MAX))) ||
        ((r->has & BIT(CTW_COLUMN_POLLS)) && ret->polls == 0))
        return CTW_READ_HOLE;
    if (r->any && ret->at_usec <= r->last_usec)
        return CTW_READ_STALE;
    complete(r, known, totals, ret);
    return CTW_READ_RECORD;
}

enum ctw_reading ctw_recording_line(struct ctw_recording *r, const char *line, size_t length,
                                    struct ctw_record *ret) {
    const struct ctw_piece whole = trim((struct ctw_piece){line, length});
    bool names = false;

    ctw_line_start(&r->words);
    if (whole.length == 0 || *whole.at == '#')
        return CTW_READ_NOTHING;
    if (!r->begun) {
        const enum ctw_reading reading = begin(r, whole, &names);
        if (names || reading != CTW_READ_NOTHING)
            return reading;
    }
    return read_values(r, whole, ret);
}
