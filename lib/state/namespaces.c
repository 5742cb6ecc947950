/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/state/namespaces.h"

#include <errno.h>
#include <string.h>

#include "lib/util/strbuf.h"

_Static_assert(offsetof(struct ctw_namespaces, of) % sizeof(uint64_t) == 0 &&
                   offsetof(struct ctw_namespaces, records) % sizeof(uint64_t) == 0 &&
                   sizeof(struct ctw_namespace_record) % sizeof(uint64_t) == 0,
               "sums are of whole words");

size_t ctw_namespaces_bytes(uint32_t n) {
    return offsetof(struct ctw_namespaces, records) + n * sizeof(struct ctw_namespace_record);
}

/* The size is that of one record: a file has as many as it needs. */
static struct ctw_state_head own_head(void) {
    struct ctw_state_head head = ctw_state_head();

    head.magic = CTW_NAMESPACES_MAGIC;
    head.version = CTW_NAMESPACES_VERSION;
    head.bytes = sizeof(struct ctw_namespace_record);
    return head;
}

static uint64_t sum(const struct ctw_namespaces *p) {
    return ctw_state_sum(&p->of,
                         ctw_namespaces_bytes(p->of.n) - offsetof(struct ctw_namespaces, of));
}

size_t ctw_namespaces_seal(struct ctw_namespaces *p) {
    p->head = own_head();
    p->sum = sum(p);
    return ctw_namespaces_bytes(p->of.n);
}

int ctw_namespaces_head_check(const struct ctw_namespaces *p) {
    const struct ctw_state_head own = own_head();
    const int r = ctw_state_head_compare(&p->head, &own);

    return r < 0 ? r : p->of.n > CTW_NAMESPACES_MAX ? -EBADMSG : 0;
}

bool ctw_namespaces_is_whole(const struct ctw_namespaces *p) {
    return p->sum == sum(p);
}

void ctw_namespace_record_of(const struct ctw_namespace *n, struct ctw_namespace_record *ret) {
    const bool has_table = n->read_usec != 0;
    const struct ctw_trend *trend = &n->table.trend;

    memset(ret, 0, sizeof(*ret));
    ret->name = n->name;
    ret->has_table = has_table;
    ret->has_rate = has_table && ctw_trend_knows(trend);
    ret->rate = ret->has_rate ? ctw_trend_rate(trend) : 0;
    ret->fills = ret->has_rate && ctw_trend_fills(trend, &n->table.last, &ret->usec_to_full);
    ret->pid = n->pid;
    ret->count = n->table.last.count;
    ret->level = n->table.level.level;
    ret->netns_inode = n->netns_inode;
    ret->read_usec = n->read_usec;
    ret->lost = n->lost;
    ret->refused_usec = n->refused_usec;
    ret->evicted_usec = n->evicted_usec;
}

static bool name_ok(const struct ctw_netns_name *n) {
    struct ctw_line line;

    if (n->kind >= CTW_NETNS_KINDS || !ctw_state_bool_check(&n->below_user) ||
        !memchr(n->text, '\0', sizeof(n->text)))
        return false;
    ctw_line_start(&line);
    ctw_line_add(&line, "%s", n->text);
    return strcmp(line.text, n->text) == 0; /* printable */
}

static bool record_ok(const struct ctw_namespace_record *r) {
    return name_ok(&r->name) && ctw_state_bool_check(&r->has_table) &&
           ctw_state_bool_check(&r->has_rate) && ctw_state_bool_check(&r->fills) &&
           r->level <= CTW_LEVEL_FULL;
}

int ctw_namespaces_check(const struct ctw_namespaces *p) {
    if (p->of.sight >= CTW_NAMESPACES_SIGHTS || p->of.metrics > CTW_NAMESPACES_METRICS_MAX)
        return -EBADMSG;
    for (uint32_t i = 0; i < p->of.n; i++)
        if (!record_ok(&p->records[i]))
            return -EBADMSG;
    return 0;
}

static uint32_t fill_of(const struct ctw_namespace_record *r) {
    return r->has_table ? r->count : r->level == CTW_LEVEL_FULL ? UINT32_MAX : 0;
}

int ctw_namespace_compare(const void *a, const void *b) {
    const struct ctw_namespace_record *x = a, *y = b;

    if (fill_of(x) != fill_of(y))
        return fill_of(x) > fill_of(y) ? -1 : 1;
    return x->netns_inode < y->netns_inode ? -1 : x->netns_inode > y->netns_inode;
}

void ctw_namespaces_redact(struct ctw_namespaces *p) {
    for (uint32_t i = 0; i < p->of.n; i++) {
        struct ctw_netns_name *name = &p->records[i].name;
        char *end = name->kind == CTW_NETNS_USER ? strchr(name->text, ':') : NULL;
        if (!end)
            end = name->text;
        if (name->below_user)
            memset(end, 0, sizeof(name->text) - (size_t)(end - name->text));
    }
}
