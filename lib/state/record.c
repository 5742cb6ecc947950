/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/state/record.h"

#include <inttypes.h>
#include <string.h>

#include "lib/util/parse.h"
#include "lib/util/units.h"
#include "lib/watch/level.h"

/* The longest slot that a recording may have. */
#define SEC_MAX  3600u
#define MSEC_MAX (SEC_MAX * 1000u)

enum kind {
    NUMBER,
    TIME,  /* printed as seconds, with three digits behind the point */
    LIMIT, /* 0 is no number: null in JSON */
    LEVEL, /* printed by its name */
};

#define AT(member)     offsetof(struct ctw_record, member), sizeof(((struct ctw_record *)0)->member)
#define LOSSES(member) AT(losses.member), NUMBER, CTW_COLUMN_NUMBER_MAX

static const struct {
    const char *name;
    uint8_t offset, size; /* in struct ctw_record */
    uint8_t kind;
    uint64_t largest;
} columns[CTW_COLUMNS] = {
    [CTW_COLUMN_TIME] = {"time", AT(at_usec), TIME, CTW_TIMESTAMP_LAST_USEC},
    [CTW_COLUMN_WIDTH] = {"width", AT(width_sec), NUMBER, SEC_MAX},
    [CTW_COLUMN_POLLS] = {"looks", AT(polls), NUMBER, UINT32_MAX},
    [CTW_COLUMN_MEAN] = {"mean", AT(mean), NUMBER, 0},
    [CTW_COLUMN_FIRST] = {"first", AT(first), NUMBER, UINT32_MAX},
    [CTW_COLUMN_HIGH] = {"high", AT(high), NUMBER, UINT32_MAX},
    [CTW_COLUMN_LOW] = {"low", AT(low), NUMBER, UINT32_MAX},
    [CTW_COLUMN_COUNT] = {"last", AT(count), NUMBER, UINT32_MAX},
    [CTW_COLUMN_FIRST_MSEC] = {"first_msec", AT(first_msec), NUMBER, MSEC_MAX},
    [CTW_COLUMN_HIGH_MSEC] = {"high_msec", AT(high_msec), NUMBER, MSEC_MAX},
    [CTW_COLUMN_LOW_MSEC] = {"low_msec", AT(low_msec), NUMBER, MSEC_MAX},
    [CTW_COLUMN_LAST_MSEC] = {"last_msec", AT(last_msec), NUMBER, MSEC_MAX},
    [CTW_COLUMN_LOSS_FIRST_MSEC] = {"loss_first_msec", AT(loss_first_msec), NUMBER, MSEC_MAX},
    [CTW_COLUMN_LOSS_LAST_MSEC] = {"loss_last_msec", AT(loss_last_msec), NUMBER, MSEC_MAX},
    [CTW_COLUMN_MAX] = {"max", AT(max), LIMIT, UINT32_MAX},
    [CTW_COLUMN_BUCKETS] = {"buckets", AT(buckets), LIMIT, UINT32_MAX},
    [CTW_COLUMN_DROPS] = {"drops", LOSSES(drops)},
    [CTW_COLUMN_OTHER_DROPS] = {"other_drops", LOSSES(other_drops)},
    [CTW_COLUMN_EARLY_DROPS] = {"early_drops", LOSSES(early_drops)},
    [CTW_COLUMN_CLASHES] = {"clashes", LOSSES(clashes)},
    [CTW_COLUMN_CHAIN_TOO_LONG] = {"chain_too_long", LOSSES(chain_too_long)},
    [CTW_COLUMN_LOG_LINES] = {"log_lines", LOSSES(log_lines)},
    [CTW_COLUMN_LIMIT_CHANGES] = {"limit_changes", AT(limit_changes), NUMBER, UINT32_MAX},
    [CTW_COLUMN_SET_MAX] = {"set_max", AT(set_max), LIMIT, UINT32_MAX},
    [CTW_COLUMN_LEVEL] = {"level", AT(level), LEVEL, 0},
};

const char *ctw_column_name(enum ctw_column column) {
    return columns[column].name;
}

uint64_t ctw_column_largest(enum ctw_column column) {
    return columns[column].largest;
}

void ctw_record_set(struct ctw_record *r, enum ctw_column column, uint64_t value) {
    char *at = (char *)r + columns[column].offset;
    const uint32_t small = (uint32_t)value;

    if (columns[column].size == sizeof(value))
        memcpy(at, &value, sizeof(value));
    else
        memcpy(at, &small, sizeof(small));
}

static uint64_t get(const struct ctw_record *r, size_t column) {
    const char *at = (const char *)r + columns[column].offset;
    uint64_t value;
    uint32_t small;

    if (columns[column].kind == LEVEL)
        return r->level;
    if (columns[column].size == sizeof(value)) {
        memcpy(&value, at, sizeof(value));
        return value;
    }
    memcpy(&small, at, sizeof(small));
    return small;
}

void ctw_record_fit(struct ctw_record *r) {
    uint32_t *moments[] = {&r->first_msec, &r->high_msec,       &r->low_msec,
                           &r->last_msec,  &r->loss_first_msec, &r->loss_last_msec};

    r->high = (uint32_t)ctw_most(r->high, r->count);
    r->low = (uint32_t)ctw_least(r->low, r->count);
    r->first = (uint32_t)ctw_most(r->low, ctw_least(r->first, r->high));
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++)
        if (*moments[i] / 1000 >= r->width_sec)
            *moments[i] = r->width_sec * 1000 - 1;
}

void ctw_record_put_names(struct ctw_out *o) {
    for (size_t i = 0; i < CTW_COLUMNS; i++)
        ctw_out_put(o, "%s%s", i > 0 ? "," : "", columns[i].name);
    ctw_out_put(o, "\n");
}

static void put_value(struct ctw_out *o, const char *before, const struct ctw_record *r,
                      size_t column) {
    const uint64_t value = get(r, column), msec = value / CTW_USEC_PER_MSEC;

    if (columns[column].kind == LEVEL)
        ctw_out_put(o, "%s%s", before, ctw_level_name((enum ctw_level)value));
    else if (columns[column].kind == TIME)
        ctw_out_put(o, "%s%" PRIu64 ".%03" PRIu64, before, msec / 1000, msec % 1000);
    else
        ctw_out_put(o, "%s%" PRIu64, before, value);
}

void ctw_record_put_csv(struct ctw_out *o, const struct ctw_record *r) {
    for (size_t i = 0; i < CTW_COLUMNS; i++)
        put_value(o, i > 0 ? "," : "", r, i);
    ctw_out_put(o, "\n");
}

/* Seconds in as few digits as they have, and at least one behind the point. */
static void put_json_time(struct ctw_out *o, uint64_t usec) {
    uint64_t part = usec / CTW_USEC_PER_MSEC % 1000;
    int digits = 3;

    for (; digits > 1 && part % 10 == 0; digits--)
        part /= 10;
    ctw_out_put(o, "%" PRIu64 ".%0*" PRIu64, usec / CTW_USEC_PER_SEC, digits, part);
}

void ctw_record_put_json(struct ctw_out *o, const struct ctw_record *r) {
    for (size_t i = 0; i < CTW_COLUMNS; i++) {
        const char *quote = columns[i].kind == LEVEL ? "\"" : "";
        ctw_out_put(o, "%c\"%s\":", i > 0 ? ',' : '{', columns[i].name);
        if (columns[i].kind == TIME)
            put_json_time(o, get(r, i));
        else if (columns[i].kind == LIMIT && get(r, i) == 0)
            ctw_out_put(o, "null");
        else
            put_value(o, quote, r, i);
        ctw_out_put(o, "%s", quote);
    }
    ctw_out_put(o, "}");
}
