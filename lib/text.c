/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "sample.h"

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
    const char sign = ++*at < end ? **at : '\0';
    if (sign == '-' || sign == '+')
        ++*at;
    take_digits(at, end, false, &power);
    const int by = power.value > 9999 ? 9999 : (int)power.value;
    s->exponent += sign == '-' ? -by : by;
    return power.digits > 0;
}

static bool is_no_number(const char *text, size_t length) {
    const bool has_sign = length == 4 && (text[0] == '+' || text[0] == '-');
    const char *word = has_sign ? text + 1 : text;

    return length == 0 || ((length == 3 || has_sign) &&
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
