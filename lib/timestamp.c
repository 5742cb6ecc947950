/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timestamp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "sample.h"

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

static bool take_digits(struct rest *r, size_t n, int64_t *ret) {
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
    if (!take_digits(r, 1, &digit))
        return false;
    do {
        usec += digit * unit;
        unit /= 10;
    } while (take_digits(r, 1, &digit));
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
    if (!take_digits(r, 2, &hours) || !take(r, ":") || !take_digits(r, 2, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *ret_sec = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

static int parse_calendar(struct rest r, uint64_t *ret) {
    int64_t hour, minute, second, usec = 0, offset_sec = 0;
    struct date d, same;

    if (!take_digits(&r, 4, &d.year) || !take(&r, "-") || !take_digits(&r, 2, &d.month) ||
        !take(&r, "-") || !take_digits(&r, 2, &d.day) || !take(&r, "Tt ") ||
        !take_digits(&r, 2, &hour) || !take(&r, ":") || !take_digits(&r, 2, &minute) ||
        !take(&r, ":") || !take_digits(&r, 2, &second) || !take_fraction(&r, &usec) ||
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

    if (!take_digits(&r, 1, &sec))
        return -EINVAL;
    while (take_digits(&r, 1, &digit))
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
