/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/util/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/util/units.h"

/* A double holds every integer up to here, so a value that went through libconfig stays exact. */
#define VALUE_MAX (UINT64_C(1) << 53)

/* --- pieces ----------------------------------------------------------------------------------- */

static void skip(struct ctw_piece *text, size_t n) {
    text->at += n;
    text->length -= n;
}

/* isdigit() would ask the locale. */
static bool at_digit(const struct ctw_piece *text) {
    return text->length > 0 && *text->at >= '0' && *text->at <= '9';
}

bool ctw_piece_line(struct ctw_piece *text, struct ctw_piece *ret) {
    const char *newline = text->length > 0 ? memchr(text->at, '\n', text->length) : NULL;
    if (!newline)
        return false;

    *ret = (struct ctw_piece){text->at, (size_t)(newline - text->at)};
    skip(text, ret->length + 1);
    return true;
}

bool ctw_piece_word(struct ctw_piece *line, struct ctw_piece *ret) {
    size_t begin = 0;
    while (begin < line->length && line->at[begin] == ' ')
        begin++;
    size_t end = begin;
    while (end < line->length && line->at[end] != ' ')
        end++;

    *ret = (struct ctw_piece){line->at + begin, end - begin};
    skip(line, end);
    return ret->length > 0;
}

bool ctw_piece_take(struct ctw_piece *text, const char *literal) {
    const size_t length = strlen(literal);

    if (text->length < length || memcmp(text->at, literal, length) != 0)
        return false;
    skip(text, length);
    return true;
}

bool ctw_piece_is(struct ctw_piece p, const char *word) {
    return ctw_piece_take(&p, word) && p.length == 0;
}

static bool take(struct ctw_piece *c, const char *one_of) {
    if (c->length == 0 || *c->at == '\0' || !strchr(one_of, *c->at))
        return false;
    skip(c, 1);
    return true;
}

/* All digits there are. Return: their number; @ret_fits: false when the value is above 64 bits. */
static size_t take_digits(struct ctw_piece *c, uint64_t *ret, bool *ret_fits) {
    const char *start = c->at;

    *ret = 0;
    *ret_fits = true;
    for (; at_digit(c); skip(c, 1))
        if (__builtin_mul_overflow(*ret, 10, ret) ||
            __builtin_add_overflow(*ret, *c->at - '0', ret))
            *ret_fits = false;
    return (size_t)(c->at - start);
}

/* ".25", if there is a point. Return: false without a digit behind it. */
static bool take_fraction(struct ctw_piece *c, uint64_t *ret_millionths, size_t *ret_digits) {
    uint64_t unit = 100000;

    *ret_millionths = *ret_digits = 0;
    if (!take(c, "."))
        return true;
    for (; at_digit(c); skip(c, 1), unit /= 10, ++*ret_digits)
        *ret_millionths += (uint64_t)(*c->at - '0') * unit;
    return *ret_digits > 0;
}

bool ctw_piece_number(struct ctw_piece *text, uint64_t max, uint64_t *ret) {
    struct ctw_piece rest = *text;
    uint64_t value;
    bool fits;

    if (take_digits(&rest, &value, &fits) == 0 || !fits || value > max)
        return false;
    *ret = value;
    *text = rest;
    return true;
}

/* --- integers --------------------------------------------------------------------------------- */

int ctw_text_decimal(const char *text, size_t length, uint64_t max, uint64_t *ret) {
    struct ctw_piece c = {text, length};
    uint64_t value;
    bool fits;

    if (take_digits(&c, &value, &fits) == 0 || c.length > 0)
        return -EINVAL;
    if (!fits || value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

int ctw_text_sysctl(const char *text, size_t length, uint32_t *ret) {
    uint64_t value;

    length -= length > 0 && text[length - 1] == '\n';
    length -= length > 0 && text[length - 1] == '\r';
    if (ctw_text_decimal(text, length, UINT32_MAX, &value) < 0)
        return -EBADMSG;
    *ret = (uint32_t)value;
    return 0;
}

/* --- quantities with a unit ------------------------------------------------------------------- */

/* More decimals are of no use, and 10^6 days in microseconds fit 64 bits. */
#define DECIMALS_MAX 6

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = {
    {"", CTW_USEC_PER_SEC},
    {"us", 1},
    {"ms", CTW_USEC_PER_MSEC},
    {"s", CTW_USEC_PER_SEC},
    {"min", 60 * CTW_USEC_PER_SEC},
    {"h", 3600 * CTW_USEC_PER_SEC},
    {"d", 24 * 3600 * CTW_USEC_PER_SEC},
    {0},
};

static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {"TiB", UINT64_C(1) << 40},
    {0},
};

/* In hundredths of a percent. */
static const struct unit percents[] = {{"", 100}, {"%", 100}, {0}};

static int read_quantity(const char *text, const struct unit *unit, size_t decimals_max,
                         uint64_t max, uint64_t *ret) {
    struct ctw_piece c = {text, strlen(text)};
    uint64_t value, millionths;
    size_t decimals;
    bool fits;

    if (take_digits(&c, &value, &fits) == 0 || !take_fraction(&c, &millionths, &decimals) ||
        decimals > decimals_max)
        return -EINVAL;
    while (unit->name && strcmp(unit->name, c.at) != 0)
        unit++;
    if (!unit->name)
        return -EINVAL;
    if (!fits || __builtin_mul_overflow(value, unit->factor, &value) || value > max)
        return -ERANGE;
    value += (millionths * unit->factor + 500000) / 1000000;
    if (value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

int ctw_text_duration(const char *text, uint64_t *ret) {
    return read_quantity(text, durations, DECIMALS_MAX, VALUE_MAX, ret);
}

int ctw_text_size(const char *text, uint64_t *ret) {
    return read_quantity(text, sizes, 0, VALUE_MAX, ret);
}

int ctw_text_percent(const char *text, uint32_t *ret) {
    uint64_t permyriad;

    const int r = read_quantity(text, percents, DECIMALS_MAX, CTW_PERMYRIAD, &permyriad);
    if (r == 0)
        *ret = (uint32_t)permyriad;
    return r;
}

/* --- as floats are written -------------------------------------------------------------------- */

/* value * 10^exponent, read from this many digits. */
struct scientific {
    uint64_t value;
    int exponent;
    size_t digits;
};

/* Digits that no longer fit move the exponent, or behind the point nothing. */
static void take_mantissa(struct ctw_piece *c, bool behind_point, struct scientific *s) {
    for (; at_digit(c); skip(c, 1), s->digits++) {
        if (s->value <= (UINT64_MAX - 9) / 10) {
            s->value = s->value * 10 + (uint64_t)(*c->at - '0');
            s->exponent -= behind_point;
        } else
            s->exponent += !behind_point;
    }
}

/* "e+05", if there is one. */
static bool take_exponent(struct ctw_piece *c, struct scientific *s) {
    uint64_t power;
    bool fits;

    if (!take(c, "eE"))
        return true;
    const bool negative = take(c, "-");
    if (!negative)
        (void)take(c, "+");
    if (take_digits(c, &power, &fits) == 0)
        return false;
    const int by = !fits || power > 9999 ? 9999 : (int)power;
    s->exponent += negative ? -by : by;
    return true;
}

static bool is_no_number(const char *text, size_t length) {
    const bool has_sign = length == 4 && (text[0] == '+' || text[0] == '-');
    const char *word = has_sign ? text + 1 : text;

    return length == 0 || ((length == 3 || has_sign) &&
                           (strncasecmp(word, "nan", 3) == 0 || strncasecmp(word, "inf", 3) == 0));
}

int ctw_text_number(const char *text, size_t length, uint64_t *ret) {
    struct ctw_piece c = {text, length};
    struct scientific s = {0};

    if (is_no_number(text, length))
        return -ENODATA;
    take_mantissa(&c, false, &s);
    if (take(&c, "."))
        take_mantissa(&c, true, &s);
    if (s.digits == 0 || !take_exponent(&c, &s) || c.length > 0)
        return -EINVAL;

    for (; s.exponent < 0 && s.value > 0; s.exponent++)
        s.value /= 10;
    for (; s.exponent > 0 && s.value > 0 && s.value <= VALUE_MAX; s.exponent--)
        s.value *= 10;
    if (s.value > VALUE_MAX)
        return -ERANGE;
    *ret = s.value;
    return 0;
}

/* --- timestamps ------------------------------------------------------------------------------- */

#define DAY_SEC  INT64_C(86400)
#define LAST_SEC ((int64_t)(CTW_TIMESTAMP_LAST_USEC / CTW_USEC_PER_SEC))

/* Milliseconds since 1970 have 13 digits from 2001 to 2286; seconds have ten. */
#define MSEC_DIGITS 13u

/*
 * Days since 1970 and back, in the proleptic Gregorian calendar. A year begins in March here, so
 * that the leap day is its last; the calendar repeats after 400 years, which are 146097 days;
 * 719468 days are from 0000-03-01 to 1970-01-01.
 */
#define ERA_DAYS   INT64_C(146097)
#define EPOCH_DAYS INT64_C(719468)

struct date {
    int64_t year, month, day; /* month and day from 1 on */
};

static int64_t days_of(const struct date *d) {
    const int64_t year = d->year - (d->month <= 2);
    const int64_t era = year / 400, of_era = year % 400;
    const int64_t month = d->month > 2 ? d->month - 3 : d->month + 9;
    const int64_t of_year = (153 * month + 2) / 5 + d->day - 1;

    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

static struct date date_of(int64_t days) {
    const int64_t shifted = days + EPOCH_DAYS;
    const int64_t era = shifted / ERA_DAYS, of_era = shifted % ERA_DAYS;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const int64_t month = (5 * of_year + 2) / 153; /* 0: March */

    return (struct date){
        .year = era * 400 + year + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = of_year - (153 * month + 2) / 5 + 1,
    };
}

/* @n digits, and one of @then behind them unless it is NULL. */
static bool take_field(struct ctw_piece *c, size_t n, const char *then, int64_t *ret) {
    *ret = 0;
    for (; n > 0; n--, skip(c, 1)) {
        if (!at_digit(c))
            return false;
        *ret = *ret * 10 + (*c->at - '0');
    }
    return !then || take(c, then);
}

/* "Z", "+01:00": in seconds. */
static bool take_offset(struct ctw_piece *c, int64_t *ret_sec) {
    int64_t hours, minutes;

    *ret_sec = 0;
    if (take(c, "Zz"))
        return true;
    const bool west = take(c, "-");
    if ((!west && !take(c, "+")) || !take_field(c, 2, ":", &hours) ||
        !take_field(c, 2, NULL, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_sec = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

/* A local time, unless it has an offset. */
struct calendar {
    struct date date;
    int64_t hour, minute, second;
    uint64_t usec;
    bool has_offset;
    int64_t offset_sec;
};

static int calendar_usec(const struct calendar *c, ctw_zone_fn *zone, uint64_t *ret) {
    /* 23:59:60 is a leap second, which has no number in Unix time: it becomes the next second. */
    if (c->date.month < 1 || c->date.month > 12 || c->date.day < 1 || c->hour > 23 ||
        c->minute > 59 || c->second > 60)
        return -ERANGE;
    const int64_t days = days_of(&c->date);
    const struct date same = date_of(days);
    if (same.month != c->date.month || same.day != c->date.day) /* the 30th of February */
        return -ERANGE;
    if (!c->has_offset && !zone)
        return -EREMOTE;
    const int64_t local = days * DAY_SEC + c->hour * 3600 + c->minute * 60 + c->second;
    const int64_t sec = local - (c->has_offset ? c->offset_sec : zone(local));
    if (sec < 0 || sec > LAST_SEC)
        return -ERANGE;
    *ret = (uint64_t)sec * CTW_USEC_PER_SEC + c->usec;
    return 0;
}

static bool take_time(struct ctw_piece *text, struct calendar *c) {
    size_t digits;

    return take_field(text, 2, ":", &c->hour) && take_field(text, 2, ":", &c->minute) &&
           take_field(text, 2, NULL, &c->second) && take_fraction(text, &c->usec, &digits);
}

static int parse_calendar(struct ctw_piece text, ctw_zone_fn *zone, uint64_t *ret) {
    struct calendar c = {0};

    if (!take_field(&text, 4, "-", &c.date.year) || !take_field(&text, 2, "-", &c.date.month) ||
        !take_field(&text, 2, "Tt ", &c.date.day) || !take_time(&text, &c))
        return -EINVAL;
    c.has_offset = text.length > 0;
    if (c.has_offset && (!take_offset(&text, &c.offset_sec) || text.length > 0))
        return -EINVAL;
    return calendar_usec(&c, zone, ret);
}

/* One word of the output of date(1), whose order depends on the locale. */
static bool take_date_word(struct ctw_piece word, struct calendar *c) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const char days[] = "MonTueWedThuFriSatSun";
    struct ctw_piece rest = word;
    uint64_t number;

    if (ctw_piece_number(&rest, 9999, &number) && rest.length == 0) {
        *(word.length == 4 ? &c->date.year : &c->date.day) = (int64_t)number;
        return word.length == 4 || word.length <= 2;
    }
    if (at_digit(&word))
        return take_time(&word, c) && word.length == 0;
    for (size_t i = 0; i < sizeof(months) - 1 && word.length == 3; i += 3)
        if (memcmp(word.at, months + i, 3) == 0) {
            c->date.month = (int64_t)i / 3 + 1;
            return true;
        }
    for (size_t i = 0; i < sizeof(days) - 1 && word.length == 3; i += 3)
        if (memcmp(word.at, days + i, 3) == 0)
            return true;
    if (ctw_piece_is(word, "AM") || ctw_piece_is(word, "PM")) {
        c->hour = c->hour % 12 + (*word.at == 'P' ? 12 : 0);
        return true;
    }
    /* Names of zones are ambiguous, except for these. */
    c->has_offset = ctw_piece_is(word, "UTC") || ctw_piece_is(word, "GMT");
    return word.length >= 2 && word.length <= 5;
}

static int parse_date_words(struct ctw_piece text, ctw_zone_fn *zone, uint64_t *ret) {
    struct calendar c = {.hour = -1};
    struct ctw_piece word;

    while (ctw_piece_word(&text, &word))
        if (!take_date_word(word, &c))
            return -EINVAL;
    if (c.date.year == 0 || c.date.month == 0 || c.date.day == 0 || c.hour < 0)
        return -EINVAL;
    return calendar_usec(&c, zone, ret);
}

/* "1795341601.25", or "1795341601250" */
static int parse_seconds(struct ctw_piece c, uint64_t *ret) {
    uint64_t sec, usec;
    size_t digits;
    bool fits;

    const size_t length = take_digits(&c, &sec, &fits);
    if (length == 0 || !take_fraction(&c, &usec, &digits) || c.length > 0)
        return -EINVAL;
    if (length == MSEC_DIGITS && digits == 0) {
        *ret = sec * CTW_USEC_PER_MSEC;
        return 0;
    }
    if (!fits || sec > (uint64_t)LAST_SEC)
        return -ERANGE;
    *ret = sec * CTW_USEC_PER_SEC + usec;
    return 0;
}

int ctw_timestamp_parse(const char *text, size_t length, ctw_zone_fn *zone, uint64_t *ret) {
    const struct ctw_piece c = {text, length};

    if (length > 4 && text[4] == '-')
        return parse_calendar(c, zone, ret);
    return length > 0 && strchr("MTWFS", text[0]) ? parse_date_words(c, zone, ret)
                                                  : parse_seconds(c, ret);
}

void ctw_timestamp_print(uint64_t usec, char ret[static CTW_TIMESTAMP_SIZE]) {
    const uint64_t last = CTW_TIMESTAMP_LAST_USEC, within = usec > last ? last : usec;
    const int64_t sec = (int64_t)(within / CTW_USEC_PER_SEC);
    const struct date d = date_of(sec / DAY_SEC);

    (void)snprintf(ret, CTW_TIMESTAMP_SIZE,
                   "%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 ":%02" PRId64
                   ":%02" PRId64 ".%03" PRIu64 "Z",
                   d.year, d.month, d.day, sec % DAY_SEC / 3600, sec % 3600 / 60, sec % 60,
                   within % CTW_USEC_PER_SEC / CTW_USEC_PER_MSEC);
}
