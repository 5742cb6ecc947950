/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/redact.h"

#include <string.h>

#include "lib/util/strbuf.h"

#define DIGITS        "0123456789"
#define ADDRESS_BYTES DIGITS "abcdefABCDEF.:"
#define WORD_BYTES    ADDRESS_BYTES "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ_"

static size_t count(const char *text, size_t length, char c) {
    size_t n = 0;

    for (size_t i = 0; i < length; i++)
        n += text[i] == c;
    return n;
}

/* Bytes of the address that @word is, 0: it is none. A sentence may end behind it. */
static size_t address(const char *word, size_t length) {
    size_t n = length;

    if (strspn(word, ADDRESS_BYTES) < length)
        return 0;
    while (n > 0 && word[n - 1] == '.')
        n--;
    if (count(word, n, '.') < 3 && count(word, n, ':') < 2)
        return 0;
    if (word[n] == '/')
        n += 1 + strspn(word + n + 1, DIGITS);
    return n;
}

void ctw_redact_text(const char *text, char *ret, size_t size) {
    struct ctw_out o = {.buffer = ret, .size = size};

    if (size > 0)
        ret[0] = '\0';
    while (*text != '\0') {
        size_t word = strspn(text, WORD_BYTES);
        const size_t n = address(text, word);
        word += word == 0;
        if (n > 0)
            ctw_out_put(&o, "somebody");
        else
            ctw_out_put(&o, "%.*s", (int)word, text);
        text += n > 0 ? n : word;
    }
}

void ctw_redact_snapshot(struct ctw_snapshot *p) {
    p->talkers.n_sources = p->talkers.n_ports = p->talkers.n_states = 0;
    memset(p->talkers.sources, 0, sizeof(p->talkers.sources));
    memset(p->talkers.ports, 0, sizeof(p->talkers.ports));
    memset(p->talkers.states, 0, sizeof(p->talkers.states));
    for (size_t i = 0; i < CTW_RECENT_ALERTS; i++) {
        char message[CTW_RECENT_ALERT_BYTES] = {0};
        ctw_redact_text(p->recent_alerts[i].message, message, sizeof(message));
        memcpy(p->recent_alerts[i].message, message, sizeof(message));
    }
}
