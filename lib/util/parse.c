/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/util/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/util/units.h"

/* A double holds every integer up to here, so a value that went through libconfig stays exact. */
#define VALUE_MAX (UINT64_C(1) << 53)

/* More decimals than this are no use to anyone, and 10^6 days in microseconds fit 64 bits. */
#define FRACTION_DIGITS_MAX 6

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
};

static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {"TiB", UINT64_C(1) << 40},
};

/* isdigit() would ask the locale. */
static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static size_t count_digits(const char *text) {
    size_t n = 0;
    while (is_digit(text[n]))
        n++;
    return n;
}

int ctw_text_decimal(const char *text, size_t length, uint64_t max, uint64_t *ret) {
    if (length == 0)
        return -EINVAL;

    uint64_t value = 0;
    bool fits = true;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i]))
            return -EINVAL;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text[i] - '0', &value))
            fits = false;
    }
    if (!fits || value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

int ctw_text_sysctl(const char *text, size_t length, uint32_t *ret) {
    if (length == 0 || text[length - 1] != '\n')
        return -EBADMSG;

    uint64_t value;
    if (ctw_text_decimal(text, length - 1, UINT32_MAX, &value) < 0)
        return -EBADMSG;
    *ret = (uint32_t)value;
    return 0;
}

static const struct unit *find_unit(const struct unit *units, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

/* Whole units and millionths of one, as they stand before the unit's name. */
struct quantity {
    uint64_t whole;
    uint64_t millionths;
};

/* "1.5h": sets *ret_unit to the "h". */
static int read_quantity(const char *text, struct quantity *ret, const char **ret_unit) {
    struct quantity q = {0};
    size_t n = count_digits(text);
    int whole = ctw_text_decimal(text, n, VALUE_MAX, &q.whole);
    if (whole == -EINVAL)
        return -EINVAL;
    text += n;

    if (*text == '.') {
        n = count_digits(++text);
        if (n > FRACTION_DIGITS_MAX || ctw_text_decimal(text, n, VALUE_MAX, &q.millionths) < 0)
            return -EINVAL;
        for (size_t i = n; i < FRACTION_DIGITS_MAX; i++)
            q.millionths *= 10;
        text += n;
    }
    *ret = q;
    *ret_unit = text;
    return whole;
}

int ctw_text_duration(const char *text, uint64_t *ret) {
    struct quantity q = {0};
    const char *name = "";
    int r = read_quantity(text, &q, &name);
    if (r == -EINVAL)
        return -EINVAL;
    const struct unit *unit = find_unit(durations, sizeof durations / sizeof *durations, name);
    if (unit == NULL)
        return -EINVAL;

    uint64_t usec;
    if (r < 0 || __builtin_mul_overflow(q.whole, unit->factor, &usec) || usec > VALUE_MAX)
        return -ERANGE;
    usec += (q.millionths * unit->factor + 500000) / 1000000;
    if (usec > VALUE_MAX)
        return -ERANGE;
    *ret = usec;
    return 0;
}

int ctw_text_size(const char *text, uint64_t *ret) {
    size_t n = count_digits(text);
    const struct unit *unit = find_unit(sizes, sizeof sizes / sizeof *sizes, text + n);
    if (unit == NULL)
        return -EINVAL;

    uint64_t value;
    int r = ctw_text_decimal(text, n, VALUE_MAX, &value);
    if (r < 0)
        return r;
    if (__builtin_mul_overflow(value, unit->factor, &value) || value > VALUE_MAX)
        return -ERANGE;
    *ret = value;
    return 0;
}

int ctw_text_percent(const char *text, uint32_t *ret) {
    struct quantity q = {0};
    const char *unit = "";
    int r = read_quantity(text, &q, &unit);
    if (r == -EINVAL || (strcmp(unit, "") != 0 && strcmp(unit, "%") != 0))
        return -EINVAL;
    if (r < 0 || q.whole > 100)
        return -ERANGE;

    const uint64_t permyriad = q.whole * 100 + (q.millionths * 100 + 500000) / 1000000;
    if (permyriad > CTW_PERMYRIAD)
        return -ERANGE;
    *ret = (uint32_t)permyriad;
    return 0;
}

/* --- as floats are written -------------------------------------------------------------------- */

/* value * 10^exponent, and how many digits that was read from. */
struct scientific {
    uint64_t value;
    int exponent;
    size_t digits;
};

/* Takes them off the front. Digits that no longer fit only count, those behind the point not even
 * that. */
static void take_digits(const char **at, const char *end, bool behind_point, struct scientific *s) {
    for (; *at < end && is_digit(**at); (*at)++, s->digits++) {
        if (s->value <= (UINT64_MAX - 9) / 10) {
            s->value = s->value * 10 + (uint64_t)(**at - '0');
            s->exponent -= behind_point;
        } else
            s->exponent += !behind_point;
    }
}

/* "e+05" */
static bool take_exponent(const char **at, const char *end, struct scientific *s) {
    struct scientific power = {0};

    if (*at == end || (**at != 'e' && **at != 'E'))
        return true;
    const char condition = ++*at < end ? **at : '\0';
    if (condition == '-' || condition == '+')
        ++*at;
    take_digits(at, end, false, &power);
    const int by = power.value > 9999 ? 9999 : (int)power.value;
    s->exponent += condition == '-' ? -by : by;
    return power.digits > 0;
}

static bool is_no_number(const char *text, size_t length) {
    const bool has_condition = length == 4 && (text[0] == '+' || text[0] == '-');
    const char *word = has_condition ? text + 1 : text;

    return length == 0 || ((length == 3 || has_condition) &&
                           (strncasecmp(word, "nan", 3) == 0 || strncasecmp(word, "inf", 3) == 0));
}

int ctw_text_number(const char *text, size_t length, uint64_t *ret) {
    const char *at = text, *const end = text + length;
    struct scientific s = {0};

    if (is_no_number(text, length))
        return -ENODATA;
    take_digits(&at, end, false, &s);
    if (at < end && *at == '.') {
        at++;
        take_digits(&at, end, true, &s);
    }
    if (s.digits == 0 || !take_exponent(&at, end, &s) || at < end)
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

#define DAY_SEC INT64_C(86400)

#define LAST_SEC ((int64_t)(CTW_TIMESTAMP_LAST_USEC / CTW_USEC_PER_SEC))

/*
 * Days since 1970 and back, by the proleptic Gregorian calendar. A year begins in March here, so
 * that the day a leap year has more is its last; the rule repeats after 400 years, which are 146097
 * days; 719468 are from 0000-03-01 to 1970-01-01.
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

/* What is left to be read. */
struct rest {
    const char *at;
    size_t length;
};

static bool take(struct rest *r, const char *one_of) {
    for (; *one_of != '\0'; one_of++)
        if (r->length > 0 && *r->at == *one_of) {
            r->at++;
            r->length--;
            return true;
        }
    return false;
}

static bool take_fixed_digits(struct rest *r, size_t n, int64_t *ret) {
    int64_t value = 0;

    if (r->length < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (r->at[i] < '0' || r->at[i] > '9')
            return false;
        value = value * 10 + (r->at[i] - '0');
    }
    r->at += n;
    r->length -= n;
    *ret = value;
    return true;
}

/* ".25": any number of digits, of which six count. */
static bool take_fraction(struct rest *r, int64_t *ret_usec) {
    int64_t digit, unit = (int64_t)CTW_USEC_PER_SEC / 10, usec = 0;

    if (!take(r, "."))
        return true;
    if (!take_fixed_digits(r, 1, &digit))
        return false;
    do {
        usec += digit * unit;
        unit /= 10;
    } while (take_fixed_digits(r, 1, &digit));
    *ret_usec = usec;
    return true;
}

/* "Z", "+01:00": in seconds. */
static bool take_offset(struct rest *r, int64_t *ret_sec) {
    int64_t hours, minutes;

    if (take(r, "Zz"))
        return true;
    const bool west = take(r, "-");
    if (!west && !take(r, "+"))
        return false;
    if (!take_fixed_digits(r, 2, &hours) || !take(r, ":") || !take_fixed_digits(r, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *ret_sec = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

static int parse_calendar(struct rest r, uint64_t *ret) {
    int64_t hour, minute, second, usec = 0, offset_sec = 0;
    struct date d, same;

    if (!take_fixed_digits(&r, 4, &d.year) || !take(&r, "-") ||
        !take_fixed_digits(&r, 2, &d.month) || !take(&r, "-") ||
        !take_fixed_digits(&r, 2, &d.day) || !take(&r, "Tt ") || !take_fixed_digits(&r, 2, &hour) ||
        !take(&r, ":") || !take_fixed_digits(&r, 2, &minute) || !take(&r, ":") ||
        !take_fixed_digits(&r, 2, &second) || !take_fraction(&r, &usec) ||
        !take_offset(&r, &offset_sec) || r.length > 0)
        return -EINVAL;

    /* 23:59:60 is a leap second, which Unix time has no number for: it is the one after. */
    if (d.month < 1 || d.month > 12 || d.day < 1 || hour > 23 || minute > 59 || second > 60)
        return -ERANGE;
    const int64_t days = days_of(&d);
    same = date_of(days);
    if (same.month != d.month || same.day != d.day) /* the 30th of February */
        return -ERANGE;
    const int64_t sec = days * DAY_SEC + hour * 3600 + minute * 60 + second - offset_sec;
    if (sec < 0 || sec > LAST_SEC)
        return -ERANGE;
    *ret = (uint64_t)sec * CTW_USEC_PER_SEC + (uint64_t)usec;
    return 0;
}

/* "1795341601.25" */
static int parse_seconds(struct rest r, uint64_t *ret) {
    int64_t digit, sec = 0, usec = 0;

    if (!take_fixed_digits(&r, 1, &sec))
        return -EINVAL;
    while (take_fixed_digits(&r, 1, &digit))
        if (sec < LAST_SEC * 10)
            sec = sec * 10 + digit;
    if (!take_fraction(&r, &usec) || r.length > 0)
        return -EINVAL;
    if (sec > LAST_SEC)
        return -ERANGE;
    *ret = (uint64_t)sec * CTW_USEC_PER_SEC + (uint64_t)usec;
    return 0;
}

int ctw_timestamp_parse(const char *text, size_t length, uint64_t *ret) {
    const struct rest r = {text, length};

    return length > 4 && text[4] == '-' ? parse_calendar(r, ret) : parse_seconds(r, ret);
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
