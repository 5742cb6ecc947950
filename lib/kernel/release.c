/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/release.h"

#include <string.h>

#include "lib/util/parse.h"

struct release {
    uint64_t major, minor, patch;
};

/* "6.1.172-1", "6.18.44", "6.3" */
static bool parse(const char *text, struct release *ret) {
    struct ctw_piece p = {text, strlen(text)};

    *ret = (struct release){0};
    if (!ctw_piece_number(&p, UINT32_MAX, &ret->major) || !ctw_piece_take(&p, ".") ||
        !ctw_piece_number(&p, UINT32_MAX, &ret->minor))
        return false;
    if (ctw_piece_take(&p, "."))
        (void)ctw_piece_number(&p, UINT32_MAX, &ret->patch);
    return true;
}

static bool find(const char *osrelease, const char *version, const char *signature,
                 struct release *ret) {
    static const char debian[] = " Debian ";
    const char *last = strrchr(signature, ' ');

    if (last && parse(last + 1, ret))
        return true;
    for (const char *at = version; (at = strchr(at, debian[0])) != NULL; at++)
        if (strncmp(at, debian, strlen(debian)) == 0 && parse(at + strlen(debian), ret))
            return true;
    return parse(osrelease, ret);
}

static bool since(const struct release *r, unsigned major, unsigned minor) {
    return r->major > major || (r->major == major && r->minor >= minor);
}

/* The releases whose chain limit starts at 8, of those that have one. */
static bool has_short_limit(const struct release *r) {
    if (r->major < 5)
        return true; /* a back-port */
    if (r->major == 5)
        return r->minor != 15 || r->patch < 103;
    if (r->major != 6)
        return false;
    return r->minor == 0 || (r->minor == 1 && r->patch < 20) || (r->minor == 2 && r->patch < 7);
}

/* "4.18.0-553.el8_10.x86_64", "5.14.0-162.12.1.el9_1.0.2.x86_64"; not "5.4.17-2136.el8uek" */
static bool may_have_back_port(const struct release *r, const char *osrelease) {
    return (r->major == 4 && r->minor == 18 && strstr(osrelease, ".el8") != NULL) ||
           (r->major == 5 && r->minor == 14 && strstr(osrelease, ".el9") != NULL);
}

void ctw_release_read(const char *osrelease, const char *version, const char *signature,
                      struct ctw_release *ret) {
    struct release r;

    if (!find(osrelease, version, signature, &r)) {
        *ret = (struct ctw_release){.entries_per_bucket = CTW_ENTRIES_PER_BUCKET_OLD,
                                    .insert_failed_in_drop = true,
                                    .chain_limit = true};
        return;
    }
    ret->insert_failed_in_drop = since(&r, 4, 7);
    ret->buckets_writable = since(&r, 4, 8);
    ret->nft_counts = since(&r, 4, 18);
    ret->chain_limit = since(&r, 5, 15) || may_have_back_port(&r, osrelease);
    ret->entries_per_bucket = ret->chain_limit && has_short_limit(&r) ? CTW_ENTRIES_PER_BUCKET_OLD
                                                                      : CTW_ENTRIES_PER_BUCKET;
}

void ctw_release_correct(struct ctw_release *r, const struct ctw_counters *counters) {
    if (!counters || counters->has_chainlength == r->chain_limit)
        return;
    r->chain_limit = counters->has_chainlength;
    r->entries_per_bucket = r->chain_limit ? CTW_ENTRIES_PER_BUCKET_OLD : CTW_ENTRIES_PER_BUCKET;
}
