/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/util/strbuf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/parse.h"
#include "lib/util/units.h"

void ctw_line_start(struct ctw_line *l) {
    l->length = 0;
    l->text[0] = '\0';
}

/* Bytes that a character starting with @lead has, by the lead alone: 1 for what is no lead. */
static size_t length_by_lead(unsigned char lead) {
    if (lead >= 0xf0)
        return 4;
    if (lead >= 0xe0)
        return 3;
    return lead >= 0xc0 ? 2 : 1;
}

/* Length of the printable character at @s, 0 when there is none (RFC 3629, table in section 4). */
static size_t printable(const unsigned char *s, size_t n) {
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;

    const size_t length = length_by_lead(s[0]);
    if (length == 1 || length > n || s[0] > 0xf4)
        return 0;

    uint32_t c = s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }

    static const uint32_t smallest[] = {[2] = 0xa0, [3] = 0x800, [4] = 0x10000};
    const bool surrogate = c >= 0xd800 && c <= 0xdfff;
    const bool line_break = c == 0x2028 || c == 0x2029;
    return c < smallest[length] || c > 0x10ffff || surrogate || line_break ? 0 : length;
}

/* Where @text of @length bytes, cut off anywhere, ends with a whole character. */
static size_t whole_characters(const char *text, size_t length) {
    size_t lead = length;

    while (lead > 0 && length - lead < 4) {
        const unsigned char c = (unsigned char)text[--lead];
        if ((c & 0xc0) != 0x80)
            return lead + length_by_lead(c) > length ? lead : length;
    }
    return length;
}

void ctw_line_add(struct ctw_line *l, const char *format, ...) {
    const size_t room = sizeof l->text - l->length;
    char *const added = l->text + l->length;

    va_list ap;
    va_start(ap, format);
    const int wanted = vsnprintf(added, room, format, ap);
    va_end(ap);

    size_t n = wanted < 0 ? 0 : (size_t)wanted;
    if (n >= room)
        n = whole_characters(added, room - 1);
    added[n] = '\0';

    for (size_t i = 0; i < n;) {
        const size_t length = printable((unsigned char *)added + i, n - i);
        if (length == 0)
            added[i] = '?';
        i += length > 0 ? length : 1;
    }
    l->length += n;
}

void ctw_out_put(struct ctw_out *o, const char *format, ...) {
    const size_t left = o->used < o->size ? o->size - o->used : 0;
    va_list arguments;

    va_start(arguments, format);
    const int n = vsnprintf(left > 0 ? o->buffer + o->used : NULL, left, format, arguments);
    va_end(arguments);
    o->used += n > 0 ? (size_t)n : 0;
}

struct ctw_word ctw_percent(uint32_t permyriad) {
    struct ctw_word w;

    (void)snprintf(w.text, sizeof(w.text), "%" PRIu32 ".%" PRIu32, permyriad / 100,
                   permyriad / 10 % 10);
    return w;
}

struct ctw_word ctw_duration(uint64_t usec) {
    static const struct {
        uint64_t sec;
        const char *name;
    } units[] = {{86400, "days"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    const uint64_t sec = usec / CTW_USEC_PER_SEC;
    struct ctw_word w = {"less than 1 s"};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (sec >= 2 * units[i].sec || (sec == 1 && units[i].sec == 1)) {
            (void)snprintf(w.text, sizeof(w.text), "%" PRIu64 " %s", sec / units[i].sec,
                           units[i].name);
            break;
        }
    return w;
}

struct ctw_word ctw_clock(uint64_t realtime_usec, uint64_t now_realtime_usec,
                          int32_t utc_offset_sec) {
    const uint64_t offset_usec = (uint64_t)(int64_t)utc_offset_sec * CTW_USEC_PER_SEC;
    const uint64_t at_usec = realtime_usec + offset_usec; /* wraps before 1970: no time */
    char at[CTW_TIMESTAMP_SIZE], now[CTW_TIMESTAMP_SIZE];
    struct ctw_word w = {"an unknown time"};

    ctw_timestamp_print(at_usec, at);
    ctw_timestamp_print(now_realtime_usec + offset_usec, now);
    if (at_usec > CTW_TIMESTAMP_LAST_USEC)
        return w;
    if (strncmp(at, now, strlen("2026-11-22")) == 0)
        (void)snprintf(w.text, sizeof(w.text), "%.8s", at + strlen("2026-11-22T"));
    else
        (void)snprintf(w.text, sizeof(w.text), "%.10s %.5s", at, at + strlen("2026-11-22T"));
    return w;
}
