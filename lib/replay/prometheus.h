/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A recording by Prometheus: the answer to a range query, /api/v1/query_range.
 *
 *   {"status":"success","data":{"resultType":"matrix","result":[
 *     {"metric":{"__name__":"node_nf_conntrack_entries","instance":"gw1:9100","job":"node"},
 *      "values":[[1795341600,"120000"],[1795341615,"120210"]]},
 *     {"metric":{"__name__":"node_nf_conntrack_entries_limit","instance":"gw1:9100",...
 *
 * or the export of VictoriaMetrics, /api/v1/export:
 *
 *   {"metric":{"__name__":"node_nf_conntrack_entries","instance":"gw1:9100"},
 *    "values":[120000,120210],"timestamps":[1795341600000,1795341615000]}
 *
 * Series are found by their names, of prometheus-node-exporter or of ctwatch. Where there is no
 * limit, ctwatch exports none; a limit missing from prometheus-node-exporter is not known.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/replay/recording.h"
#include "lib/util/strbuf.h"

/* The longest answer that is read: three weeks of samples a second apart in two series. */
#define CTW_PROMETHEUS_BYTES_MAX (UINT64_C(64) << 20)

/* Series in use: count, limit, buckets, and losses by reason. */
#define CTW_PROMETHEUS_SERIES 9

struct json_t;

struct ctw_prometheus {
    struct json_t *root;
    struct ctw_prometheus_series {
        struct json_t *values; /* in order of time; NULL: not in the answer */
        size_t next;           /* the first value that was not read yet */
        bool known;            /* the value is a number */
        uint64_t value;
        uint64_t at_usec;                  /* the time of the value */
        struct ctw_recording_total before; /* a counter at the record before */
    } series[CTW_PROMETHEUS_SERIES];
    bool own;                  /* exported by ctwatch: no limit in it means there is none */
    uint64_t limit_holds_usec; /* after its value */
    bool any;                  /* there was a record: */
    uint64_t last_usec;        /* its time */
    struct ctw_line words;     /* what is wrong, when the last reading was BAD */
};

/**
 * ctw_prometheus_read() - take the series of one table out of an answer
 * @text:      need not be NUL-terminated
 * @labels:    "NAME=VALUE": only series with all of these labels are used
 * @n_labels:  0: the answer must be of one table only
 * @reterr:    what is wrong, set only on failure
 *
 * Series of one name are joined when they differ only in labels that name the scraper or its pod:
 * two scrapers of a machine, or an exporter whose pod was replaced.
 *
 * Return: 0; -EBADMSG: no answer to a range query; -ENOTUNIQ: of several tables; -ENOENT: a series
 * is missing; -ENOMEM.
 */
int ctw_prometheus_read(struct ctw_prometheus *q, const char *text, size_t length,
                        const char *const labels[], size_t n_labels, struct ctw_line *reterr);

/** ctw_prometheus_next() - the next record, or why it is none. Return: false: at the end */
bool ctw_prometheus_next(struct ctw_prometheus *q, enum ctw_reading *ret_reading,
                         struct ctw_record *ret);

/** ctw_prometheus_release() - free the answer, also after a failure */
void ctw_prometheus_release(struct ctw_prometheus *q);
