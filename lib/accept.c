/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define BLANK " \t"

/* "q=0", "q=0.000" */
static bool is_refusal(const char *parameter, size_t length) {
    if (length < 3 || strncasecmp(parameter, "q=0", 3) != 0)
        return false;
    size_t i = 3 + (length > 3 && parameter[3] == '.');
    while (i < length && parameter[i] == '0')
        i++;
    return i == length;
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

/* "application/json ; q=0.5": one of what the commas separate. */
static bool names(const char **text, const char *type) {
    const char *word;
    size_t n;

    *text = part(*text, ",;", &word, &n);
    bool found = n == strlen(type) && strncasecmp(word, type, n) == 0;
    while (**text == ';') {
        *text = part(*text + 1, ",;", &word, &n);
        if (is_refusal(word, n))
            found = false;
    }
    return found;
}

bool ctw_accept_names(const char *header, const char *type) {
    while (header && *header != '\0') {
        if (names(&header, type))
            return true;
        header += *header == ',';
    }
    return false;
}
