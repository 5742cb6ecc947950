/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/release.h"

#include <stdbool.h>
#include <string.h>

struct release {
    unsigned major, minor, patch;
};

/* Reads a number, at most 10000. Returns the text behind it, NULL without a digit. */
static const char *number(const char *text, unsigned *ret) {
    if (*text < '0' || *text > '9')
        return NULL;
    for (*ret = 0; *text >= '0' && *text <= '9'; text++)
        if (*ret < 1000)
            *ret = *ret * 10 + (unsigned)(*text - '0');
    return text;
}

/* "6.1.172-1", "6.18.44", "6.3" */
static bool parse(const char *text, struct release *ret) {
    *ret = (struct release){0};
    text = number(text, &ret->major);
    if (!text || *text != '.')
        return false;
    text = number(text + 1, &ret->minor);
    if (text && *text == '.')
        (void)number(text + 1, &ret->patch);
    return text != NULL;
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

/* The releases whose chain limit starts at 8. */
static bool has_short_limit(const struct release *r) {
    if (r->major == 5)
        return r->minor > 15 || (r->minor == 15 && r->patch < 103);
    if (r->major != 6)
        return false;
    return r->minor == 0 || (r->minor == 1 && r->patch < 20) || (r->minor == 2 && r->patch < 7);
}

uint32_t ctw_release_entries_per_bucket(const char *osrelease, const char *version,
                                        const char *signature) {
    struct release r;

    if (!find(osrelease, version, signature, &r) || has_short_limit(&r))
        return CTW_ENTRIES_PER_BUCKET_OLD;
    return CTW_ENTRIES_PER_BUCKET;
}
