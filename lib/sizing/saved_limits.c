/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/sizing/saved_limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/kernel/release.h"
#include "lib/util/parse.h"

#define MAGIC   "ctwatch-limits "
#define VERSION "1\n"

size_t ctw_saved_limits_print(const struct ctw_saved_limits *l,
                              char ret[static CTW_SAVED_LIMITS_TEXT_MAX]) {
    return (size_t)snprintf(ret, CTW_SAVED_LIMITS_TEXT_MAX,
                            MAGIC VERSION "before %" PRIu32 " %" PRIu32 "\ngrown %" PRIu32
                                          " %" PRIu32 "\n",
                            l->before_max, l->before_buckets, l->max, l->buckets);
}

static bool take_number(struct ctw_piece *t, uint32_t largest, const char *after, uint32_t *ret) {
    uint64_t value;

    if (!ctw_piece_number(t, largest, &value) || !ctw_piece_take(t, after))
        return false;
    *ret = (uint32_t)value;
    return true;
}

static bool take_pair(struct ctw_piece *t, const char *word, uint32_t *max, uint32_t *buckets) {
    return ctw_piece_take(t, word) && take_number(t, CTW_MAX_LARGEST, " ", max) &&
           take_number(t, CTW_BUCKETS_LARGEST, "\n", buckets);
}

static void skip_checksum(struct ctw_piece *t) {
    if (t->length == sizeof("end 01234567\n") - 1 && t->at[t->length - 1] == '\n' &&
        ctw_piece_take(t, "end "))
        t->length = 0;
}

int ctw_saved_limits_parse(const char *text, size_t length, struct ctw_saved_limits *ret) {
    struct ctw_piece t = {text, length};
    struct ctw_saved_limits l;

    if (!ctw_piece_take(&t, MAGIC))
        return -EBADMSG;
    if (!ctw_piece_take(&t, VERSION))
        return -EPROTONOSUPPORT;
    if (!take_pair(&t, "before ", &l.before_max, &l.before_buckets) ||
        !take_pair(&t, "grown ", &l.max, &l.buckets))
        return -EBADMSG;
    skip_checksum(&t);
    if (t.length > 0 || l.before_max == 0 || l.max < l.before_max || l.buckets < l.before_buckets)
        return -EBADMSG;
    *ret = l;
    return 0;
}
