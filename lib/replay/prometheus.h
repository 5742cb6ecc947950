/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_REPLAY_PROMETHEUS_H
#define CTW_LIB_REPLAY_PROMETHEUS_H

/*
 * A recording that Prometheus kept: the answer to a range query, /api/v1/query_range.
 *
 *   {"status":"success","data":{"resultType":"matrix","result":[
 *     {"metric":{"__name__":"node_nf_conntrack_entries","instance":"gw1:9100","job":"node"},
 *      "values":[[1795341600,"120000"],[1795341615,"120210"]]},
 *     {"metric":{"__name__":"node_nf_conntrack_entries_limit","instance":"gw1:9100",...
 *
 * Series are taken by their names, those of prometheus-node-exporter or our own. Without a limit,
 * ours has no value for it, or no series at all; of prometheus-node-exporter that is a hole.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/replay/recording.h"
#include "lib/util/strbuf.h"

/* The longest answer that is read: three weeks of 1 s samples of two series. */
#define CTW_PROMETHEUS_BYTES_MAX (UINT64_C(64) << 20)

/* Series that are made use of: count, limit, buckets, and what was lost, by reason. */
#define CTW_PROMETHEUS_SERIES 9

struct json_t;

struct ctw_prometheus {
    struct json_t *root;
    struct ctw_prometheus_series {
        const struct json_t *values; /* NULL: not in the answer */
        size_t next;                 /* that has not been looked at */
        bool known;                  /* there is a value as of now: */
        uint64_t value;
        uint64_t at_usec;                  /* since when there is that */
        struct ctw_recording_total before; /* of a counter, as of the record before */
    } series[CTW_PROMETHEUS_SERIES];
    bool own;                  /* of the count: where it has no limit, there is none */
    uint64_t limit_holds_usec; /* from a value on */
    bool any;                  /* there has been a record */
    uint64_t last_usec;
    struct ctw_line words; /* of the last record: what is wrong, when it is BAD */
};

/**
 * ctw_prometheus_read() - take one machine's series out of an answer
 * @text:      need not be NUL-terminated
 * @instance:  the machine's label; NULL: there must be only one
 * @reterr:    what is wrong, set only on failure
 *
 * Return: 0; -EBADMSG: it is no such answer; -ENOTUNIQ: several machines, or several series of one
 * name; -ENOENT: a series is missing.
 */
int ctw_prometheus_read(struct ctw_prometheus *q, const char *text, size_t length,
                        const char *instance, struct ctw_line *reterr);

/** ctw_prometheus_next() - the next record, or why there is none. Return: false: at the end */
bool ctw_prometheus_next(struct ctw_prometheus *q, enum ctw_reading *ret_reading,
                         struct ctw_record *ret);

/** ctw_prometheus_release() - also after a failure */
void ctw_prometheus_release(struct ctw_prometheus *q);

#endif
