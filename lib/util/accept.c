/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/util/accept.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define BLANK " \t"

/* In thousandths. */
#define BEST 1000u

/* "q=0", "q=0.75"; what is another parameter, or none, takes nothing off. */
static uint32_t quality(const char *parameter, size_t length) {
    uint32_t sum = 0, digit = BEST / 10;

    if (length < 3 || strncasecmp(parameter, "q=0", 3) != 0)
        return BEST;
    if (length > 3 && parameter[3] != '.')
        return BEST;
    for (size_t i = 4; i < length; i++, digit /= 10) {
        if (parameter[i] < '0' || parameter[i] > '9')
            return BEST;
        sum += digit * (uint32_t)(parameter[i] - '0');
    }
    return sum;
}

static size_t without_blanks(const char *text, size_t length) {
    while (length > 0 && strchr(BLANK, text[length - 1]))
        length--;
    return length;
}

/* One part between @end characters, blanks around it left out. Return: where the next begins. */
static const char *part(const char *text, const char *ends, const char **ret, size_t *ret_length) {
    text += strspn(text, BLANK);
    const size_t n = strcspn(text, ends);
    *ret = text;
    *ret_length = without_blanks(text, n);
    return text + n;
}

/* "application/json ; q=0.5": one of what the commas separate. Return: its quality, 0 when it is
 * another type. */
static uint32_t take(const char **text, const char *type) {
    uint32_t least = BEST;
    const char *word;
    size_t n;

    *text = part(*text, ",;", &word, &n);
    const bool found = n == strlen(type) && strncasecmp(word, type, n) == 0;
    while (**text == ';') {
        *text = part(*text + 1, ",;", &word, &n);
        const uint32_t q = quality(word, n);
        least = q < least ? q : least;
    }
    return found ? least : 0;
}

static uint32_t best_of(const char *header, const char *type) {
    uint32_t best = 0;

    while (header && *header != '\0') {
        const uint32_t q = take(&header, type);
        best = q > best ? q : best;
        header += *header == ',';
    }
    return best;
}

bool ctw_accept_prefers(const char *header, const char *type) {
    const uint32_t q = best_of(header, type);

    return q > 0 && q >= best_of(header, "text/plain");
}
