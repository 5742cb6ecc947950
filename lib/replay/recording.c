/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/replay/recording.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/util/parse.h"
#include "lib/util/units.h"

/* Digits of a number that cannot overflow, and of one of seconds that are to be microseconds. */
#define DIGITS_MAX     18
#define SEC_DIGITS_MAX 12

/* Of an unknown column's name, in the note. */
#define NAME_SHOWN 40u

enum column {
    TIME,
    COUNT,
    MAX,
    BUCKETS,
    /* of losses, up to CHAIN_TOO_LONG */
    DROPS,
    DROPS_TOTAL,
    EARLY_DROPS,
    EARLY_DROPS_TOTAL,
    OTHER_DROPS,
    CLASHES,
    CHAIN_TOO_LONG,
    LOG_LINES,
    /* of slots */
    WIDTH,
    POLLS,
    FIRST,
    HIGH,
    LOW,
    FIRST_MSEC,
    HIGH_MSEC,
    LOW_MSEC,
    LAST_MSEC,
    LOSS_FIRST_MSEC,
    LOSS_LAST_MSEC,
    LIMIT_CHANGES,
    SET_MAX,
    COLUMNS,
    PASSED_OVER = COLUMNS,
};

/* One for each column, of those that a line has. */
#define BIT(column) (UINT32_C(1) << (column))
_Static_assert(COLUMNS < 32, "room for all columns");

/* From DROPS up to CHAIN_TOO_LONG. */
#define LOSSES (BIT(CHAIN_TOO_LONG + 1) - BIT(DROPS))

#define SEC_MAX  3600u /* of a slot */
#define MSEC_MAX (SEC_MAX * 1000u)

/* What every program that calculates with floats has whole. */
#define NUMBER_MAX (UINT64_C(1) << 53)

/* What a time may be, for who wrote another. */
#define TIMES "seconds since 1970 or RFC 3339 with a zone (2026-11-22T10:00:00Z)"

static const struct {
    const char *name;
    uint64_t largest;
} columns[COLUMNS] = {
    [TIME] = {"time", CTW_TIMESTAMP_LAST_USEC},
    [COUNT] = {"count", UINT32_MAX},
    [MAX] = {"max", UINT32_MAX},
    [BUCKETS] = {"buckets", UINT32_MAX},
    [DROPS] = {"drops", NUMBER_MAX},
    [DROPS_TOTAL] = {"drops_total", NUMBER_MAX},
    [EARLY_DROPS] = {"early_drops", NUMBER_MAX},
    [EARLY_DROPS_TOTAL] = {"early_drops_total", NUMBER_MAX},
    [OTHER_DROPS] = {"other_drops", NUMBER_MAX},
    [CLASHES] = {"clashes", NUMBER_MAX},
    [CHAIN_TOO_LONG] = {"chain_too_long", NUMBER_MAX},
    [LOG_LINES] = {"log_lines", NUMBER_MAX},
    [WIDTH] = {"width", SEC_MAX},
    [POLLS] = {"looks", NUMBER_MAX},
    [FIRST] = {"first", UINT32_MAX},
    [HIGH] = {"high", UINT32_MAX},
    [LOW] = {"low", UINT32_MAX},
    [FIRST_MSEC] = {"first_msec", MSEC_MAX},
    [HIGH_MSEC] = {"high_msec", MSEC_MAX},
    [LOW_MSEC] = {"low_msec", MSEC_MAX},
    [LAST_MSEC] = {"last_msec", MSEC_MAX},
    [LOSS_FIRST_MSEC] = {"loss_first_msec", MSEC_MAX},
    [LOSS_LAST_MSEC] = {"loss_last_msec", MSEC_MAX},
    [LIMIT_CHANGES] = {"limit_changes", UINT32_MAX},
    [SET_MAX] = {"set_max", UINT32_MAX},
};

/* A piece of the line: not terminated, and not owned. NULL: there is none left. */
struct piece {
    const char *at;
    size_t length;
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static struct piece trim(struct piece p) {
    while (p.length > 0 && is_blank(*p.at)) {
        p.at++;
        p.length--;
    }
    while (p.length > 0 && is_blank(p.at[p.length - 1]))
        p.length--;
    return p;
}

/* Up to the comma behind the first field, or all: one between quotes is none, and within them a
 * quote is doubled, which ends them and begins them again. */
static size_t field_length(struct piece line) {
    const struct piece text = trim(line);
    const bool quoted = text.length > 0 && *text.at == '"';
    bool inside = false;
    size_t n = 0;

    for (; n < line.length && (inside || line.at[n] != ','); n++)
        inside ^= quoted && line.at[n] == '"';
    return n;
}

/* Takes the next field off the front, and the comma behind it; without blanks, and without the
 * quotes around it. */
static struct piece take_field(struct piece *rest) {
    const size_t length = field_length(*rest);
    const bool comma = length < rest->length;
    struct piece field = trim((struct piece){rest->at, length});

    rest->at = comma ? rest->at + length + 1 : NULL;
    rest->length -= length + comma;
    if (field.length >= 2 && field.at[0] == '"' && field.at[field.length - 1] == '"')
        field = (struct piece){field.at + 1, field.length - 2};
    return field;
}

/* --- the first line --------------------------------------------------------------------------- */

static enum ctw_reading refuse(struct ctw_recording *r, const char *why, const char *what) {
    ctw_line_start(&r->words);
    ctw_line_add(&r->words, "%s%s", why, what);
    return CTW_READ_REFUSED;
}

static bool is(struct piece name, const char *word) {
    return name.length == strlen(word) && memcmp(name.at, word, name.length) == 0;
}

static enum column column_named(struct piece name) {
    for (size_t i = 0; i < COLUMNS; i++)
        if (is(name, columns[i].name))
            return (enum column)i;
    return is(name, "last") ? COUNT : PASSED_OVER; /* as the history calls it */
}

static bool has(const struct ctw_recording *r, enum column column) {
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i] == column)
            return true;
    return false;
}

/* Those of the history are no news. */
static void note_unknown(struct ctw_recording *r, struct piece name) {
    if (!is(name, "mean") && !is(name, "level"))
        ctw_line_add(&r->words, "%s%.*s", r->words.length == 0 ? "columns passed over: " : ", ",
                     (int)(name.length < NAME_SHOWN ? name.length : NAME_SHOWN), name.at);
}

static enum ctw_reading read_names(struct ctw_recording *r, struct piece line) {
    static const enum column needed[] = {TIME, COUNT, MAX};

    while (line.at && r->n_columns < CTW_RECORDING_COLUMNS_MAX) {
        const struct piece name = take_field(&line);
        const enum column column = column_named(name);
        if (column == PASSED_OVER)
            note_unknown(r, name);
        else if (has(r, column))
            return refuse(r, "there are two columns ", columns[column].name);
        r->columns[r->n_columns++] = (uint8_t)column;
    }
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!has(r, needed[i]))
            return refuse(r, "is not time,count,max, nor does it name a column ",
                          columns[needed[i]].name);
    r->n_needed = r->n_columns;
    return CTW_READ_NOTHING;
}

/* Without names, the first line is a sample like all others. */
static enum ctw_reading guess_names(struct ctw_recording *r, struct piece line) {
    static const uint8_t usual[] = {TIME, COUNT, MAX, DROPS};
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

static enum ctw_reading begin(struct ctw_recording *r, struct piece line, bool *ret_names) {
    struct piece rest = line;
    const struct piece first = take_field(&rest);

    *ret_names = first.length == 0 || !is_digit(*first.at);
    const enum ctw_reading kind = *ret_names ? read_names(r, line) : guess_names(r, line);
    r->begun = kind == CTW_READ_NOTHING;
    r->slots = has(r, WIDTH) && has(r, FIRST) && has(r, FIRST_MSEC) && has(r, HIGH) &&
               has(r, LOW) && has(r, HIGH_MSEC) && has(r, LOW_MSEC) && has(r, LAST_MSEC) &&
               has(r, LOSS_FIRST_MSEC) && has(r, LOSS_LAST_MSEC);
    r->has_polls = has(r, POLLS);
    r->attributed = has(r, OTHER_DROPS);
    r->has_changes = has(r, LIMIT_CHANGES) && has(r, SET_MAX);
    return kind;
}

/* --- the others ------------------------------------------------------------------------------- */

/* Most fields are nothing but digits. */
static bool take_plain(struct piece *rest, bool is_time, uint64_t *ret) {
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
static int take_value(struct piece *rest, enum column column, uint64_t *ret) {
    int r = 0;

    if (!take_plain(rest, column == TIME, ret)) {
        const struct piece field = take_field(rest);
        if (column == PASSED_OVER)
            return 0;
        r = column == TIME ? ctw_timestamp_parse(field.at, field.length, ret)
                           : ctw_text_number(field.at, field.length, ret);
    }
    return r == 0 && column != PASSED_OVER && *ret > columns[column].largest ? -ERANGE : r;
}

static enum ctw_reading bad(struct ctw_recording *r, enum column column, int error) {
    const bool range = error == -ERANGE;

    if (column == TIME)
        ctw_line_add(&r->words, "time: is no %s, allowed are " TIMES,
                     range ? "moment from 1970 to 9999" : "time");
    else
        ctw_line_add(&r->words, "%s: is %s, allowed is 0 to %" PRIu64, columns[column].name,
                     range ? "too large" : "no number", columns[column].largest);
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

static uint32_t within(uint64_t msec, uint64_t width_usec) {
    const uint64_t usec = msec * CTW_USEC_PER_MSEC;

    return (uint32_t)(usec < width_usec ? usec : width_usec - 1);
}

static uint32_t between(uint32_t low, uint32_t n, uint32_t high) {
    return n < low ? low : n > high ? high : n;
}

/* Bytes from outside: what is said of the slot must at least fit in it. */
static void make_slot(const uint64_t v[static COLUMNS], struct ctw_record *ret) {
    const uint64_t width = v[WIDTH] * CTW_USEC_PER_SEC;

    ret->width_usec = width;
    ret->polls = v[POLLS] < UINT32_MAX ? (uint32_t)v[POLLS] : UINT32_MAX;
    ret->high = v[HIGH] > v[COUNT] ? (uint32_t)v[HIGH] : ret->count;
    ret->low = v[LOW] < v[COUNT] ? (uint32_t)v[LOW] : ret->count;
    ret->first = between(ret->low, (uint32_t)v[FIRST], ret->high);
    ret->first_usec = within(v[FIRST_MSEC], width);
    ret->high_usec = within(v[HIGH_MSEC], width);
    ret->low_usec = within(v[LOW_MSEC], width);
    ret->last_usec = within(v[LAST_MSEC], width);
    ret->loss_first_usec = within(v[LOSS_FIRST_MSEC], width);
    ret->loss_last_usec = within(v[LOSS_LAST_MSEC], width);
}

/* @known: a bit for each column */
static void make_record(struct ctw_recording *r, const uint64_t v[static COLUMNS], uint32_t known,
                        struct ctw_record *ret) {
    const uint64_t drops =
        ctw_recording_moved(&r->drops_total, known & BIT(DROPS_TOTAL), v[DROPS_TOTAL]);
    const uint64_t early_drops = ctw_recording_moved(
        &r->early_drops_total, known & BIT(EARLY_DROPS_TOTAL), v[EARLY_DROPS_TOTAL]);

    *ret = (struct ctw_record){
        .at_usec = v[TIME],
        .count = (uint32_t)v[COUNT],
        .max = (uint32_t)v[MAX],
        .buckets = (uint32_t)v[BUCKETS],
        .has_changes = r->has_changes,
        .limit_changes = (uint32_t)v[LIMIT_CHANGES],
        .set_max = (uint32_t)v[SET_MAX],
        .has_losses = (known & LOSSES) != 0,
        .attributed = r->attributed,
        .drops = v[DROPS] + drops,
        .early_drops = v[EARLY_DROPS] + early_drops,
        .other_drops = v[OTHER_DROPS],
        .clashes = v[CLASHES],
        .chain_too_long = v[CHAIN_TOO_LONG],
        .log_lines = v[LOG_LINES],
    };
    if (r->slots && v[WIDTH] > 0)
        make_slot(v, ret);
    r->any = true;
}

static enum ctw_reading read_values(struct ctw_recording *r, struct piece line,
                                    struct ctw_record *ret) {
    uint64_t v[COLUMNS] = {0};
    uint32_t known = 0;

    for (size_t i = 0; i < r->n_columns && (line.at || i < r->n_needed); i++) {
        const enum column column = (enum column)r->columns[i];
        uint64_t value = 0;

        if (!line.at) {
            ctw_line_add(&r->words, "ends after %zu of %zu columns", i, r->n_needed);
            return CTW_READ_BAD;
        }
        const int error = take_value(&line, column, &value);
        if (error < 0 && error != -ENODATA)
            return bad(r, column, error);
        if (error == 0 && column != PASSED_OVER) {
            v[column] = value;
            known |= BIT(column);
        }
    }
    if ((~known & (BIT(COUNT) | BIT(MAX))) || (r->has_polls && v[POLLS] == 0))
        return CTW_READ_HOLE;
    if (r->any && v[TIME] <= r->last_usec)
        return CTW_READ_STALE;
    make_record(r, v, known, ret);
    r->last_usec = v[TIME];
    return CTW_READ_RECORD;
}

enum ctw_reading ctw_recording_line(struct ctw_recording *r, const char *line, size_t length,
                                    struct ctw_record *ret) {
    const struct piece whole = trim((struct piece){line, length});
    bool names = false;

    ctw_line_start(&r->words);
    if (whole.length == 0 || *whole.at == '#')
        return CTW_READ_NOTHING;
    if (!r->begun) {
        const enum ctw_reading kind = begin(r, whole, &names);
        if (names || kind != CTW_READ_NOTHING)
            return kind;
    }
    return read_values(r, whole, ret);
}

/* --- a slot, as it is ------------------------------------------------------------------------- */

bool ctw_record_of_slot(const struct ctw_slot *s, uint64_t start_realtime_usec, uint64_t width_usec,
                        struct ctw_record *ret) {
    if (s->polls == 0 || start_realtime_usec == 0)
        return false;

    const uint64_t v[COLUMNS] = {
        [WIDTH] = width_usec / CTW_USEC_PER_SEC,
        [POLLS] = s->polls,
        [COUNT] = s->last,
        [FIRST] = s->first,
        [HIGH] = s->high,
        [LOW] = s->low,
        [FIRST_MSEC] = s->first_msec,
        [HIGH_MSEC] = s->high_msec,
        [LOW_MSEC] = s->low_msec,
        [LAST_MSEC] = s->last_msec,
        [LOSS_FIRST_MSEC] = s->loss_first_msec,
        [LOSS_LAST_MSEC] = s->loss_last_msec,
    };
    *ret = (struct ctw_record){
        .at_usec = start_realtime_usec,
        .count = s->last,
        .max = s->max,
        .buckets = s->buckets,
        .has_changes = true,
        .limit_changes = s->limit_changes,
        .set_max = s->set_max,
        .has_losses = true,
        .attributed = true,
        .drops = s->drops,
        .other_drops = s->other_drops,
        .early_drops = s->early_drops,
        .clashes = s->clashes,
        .chain_too_long = s->chain_too_long,
        .log_lines = s->log_lines,
    };
    make_slot(v, ret);
    return true;
}
