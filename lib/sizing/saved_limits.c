/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/sizing/saved_limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/parse.h"

static const char magic[] = "ctwatch-limits ";
#define VERSION "1\n"

static uint32_t fnv1a(const char *text, size_t length) {
    uint32_t hash = UINT32_C(2166136261);

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT32_C(16777619);
    return hash;
}

size_t ctw_saved_limits_print(const struct ctw_saved_limits *l,
                              char ret[static CTW_SAVED_LIMITS_TEXT_MAX]) {
    int n = snprintf(ret, CTW_SAVED_LIMITS_TEXT_MAX,
                     "%s" VERSION "before %" PRIu32 " %" PRIu32 "\ngrown %" PRIu32 " %" PRIu32 "\n",
                     magic, l->before_max, l->before_buckets, l->max, l->buckets);
    n += snprintf(ret + n, CTW_SAVED_LIMITS_TEXT_MAX - (size_t)n, "end %08" PRIx32 "\n",
                  fnv1a(ret, (size_t)n));
    return (size_t)n;
}

/* The decimal between @before, which must stand at *at, and the character @after. */
static int take(const char **at, const char *end, const char *before, char after, uint32_t *ret) {
    const size_t length = strlen(before);
    uint64_t value;

    if ((size_t)(end - *at) < length || memcmp(*at, before, length) != 0)
        return -EBADMSG;
    const char *digits = *at + length;
    const char *stop = memchr(digits, after, (size_t)(end - digits));
    if (!stop || ctw_text_decimal(digits, (size_t)(stop - digits), CTW_MAX_LARGEST, &value) < 0)
        return -EBADMSG;
    *ret = (uint32_t)value;
    *at = stop + 1;
    return 0;
}

/* What was printed is what parses: so everything is read leniently, and then printed again. */
int ctw_saved_limits_parse(const char *text, size_t length, struct ctw_saved_limits *ret) {
    const size_t head = sizeof(magic) - 1;
    char again[CTW_SAVED_LIMITS_TEXT_MAX];
    struct ctw_saved_limits l;

    if (length < head || length >= CTW_SAVED_LIMITS_TEXT_MAX || memcmp(text, magic, head) != 0)
        return -EBADMSG;
    const char *at = text + head, *end = text + length;
    if ((size_t)(end - at) < sizeof(VERSION) - 1 || memcmp(at, VERSION, sizeof(VERSION) - 1) != 0)
        return -EPROTONOSUPPORT;
    at += sizeof(VERSION) - 1;
    if (take(&at, end, "before ", ' ', &l.before_max) < 0 ||
        take(&at, end, "", '\n', &l.before_buckets) < 0 ||
        take(&at, end, "grown ", ' ', &l.max) < 0 || take(&at, end, "", '\n', &l.buckets) < 0)
        return -EBADMSG;
    if (l.before_max == 0 || l.max < l.before_max || l.buckets < l.before_buckets ||
        l.buckets > CTW_BUCKETS_LARGEST)
        return -EBADMSG;
    if (ctw_saved_limits_print(&l, again) != length || memcmp(again, text, length) != 0)
        return -EBADMSG;
    *ret = l;
    return 0;
}
