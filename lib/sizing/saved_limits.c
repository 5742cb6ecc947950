/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/sizing/saved_limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/kernel/release.h"
#include "lib/util/parse.h"

#define MAGIC   "ctwatch-limits "
#define VERSION "1\n"

struct text {
    const char *at, *end;
};

size_t ctw_saved_limits_print(const struct ctw_saved_limits *l,
                              char ret[static CTW_SAVED_LIMITS_TEXT_MAX]) {
    return (size_t)snprintf(ret, CTW_SAVED_LIMITS_TEXT_MAX,
                            MAGIC VERSION "before %" PRIu32 " %" PRIu32 "\ngrown %" PRIu32
                                          " %" PRIu32 "\n",
                            l->before_max, l->before_buckets, l->max, l->buckets);
}

static bool take(struct text *t, const char *word) {
    const size_t length = strlen(word);

    if ((size_t)(t->end - t->at) < length || memcmp(t->at, word, length) != 0)
        return false;
    t->at += length;
    return true;
}

/* A decimal of at most @largest, and the character @after. */
static bool take_number(struct text *t, uint32_t largest, char after, uint32_t *ret) {
    const char *stop = memchr(t->at, after, (size_t)(t->end - t->at));
    uint64_t value;

    if (!stop || ctw_text_decimal(t->at, (size_t)(stop - t->at), largest, &value) < 0)
        return false;
    *ret = (uint32_t)value;
    t->at = stop + 1;
    return true;
}

static bool take_pair(struct text *t, const char *word, uint32_t *max, uint32_t *buckets) {
    return take(t, word) && take_number(t, CTW_MAX_LARGEST, ' ', max) &&
           take_number(t, CTW_BUCKETS_LARGEST, '\n', buckets);
}

static void skip_checksum(struct text *t) {
    if (t->end - t->at == sizeof("end 01234567\n") - 1 && t->end[-1] == '\n' && take(t, "end "))
        t->at = t->end;
}

int ctw_saved_limits_parse(const char *text, size_t length, struct ctw_saved_limits *ret) {
    struct text t = {text, text + length};
    struct ctw_saved_limits l;

    if (!take(&t, MAGIC))
        return -EBADMSG;
    if (!take(&t, VERSION))
        return -EPROTONOSUPPORT;
    if (!take_pair(&t, "before ", &l.before_max, &l.before_buckets) ||
        !take_pair(&t, "grown ", &l.max, &l.buckets))
        return -EBADMSG;
    skip_checksum(&t);
    if (t.at != t.end || l.before_max == 0 || l.max < l.before_max || l.buckets < l.before_buckets)
        return -EBADMSG;
    *ret = l;
    return 0;
}
