/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "discreet.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "out.h"

#define ADDRESS_BYTES "0123456789abcdefABCDEF.:"
#define DIGITS        "0123456789"

static size_t count(const char *text, size_t length, char c) {
    size_t n = 0;

    for (size_t i = 0; i < length; i++)
        n += text[i] == c;
    return n;
}

/* Bytes of the address that @text begins with, 0: none. A sentence may end behind it. */
static size_t address(const char *text) {
    size_t n = strspn(text, ADDRESS_BYTES);

    while (n > 0 && text[n - 1] == '.')
        n--;
    if (count(text, n, '.') < 3 && count(text, n, ':') < 2)
        return 0;
    if (text[n] == '/')
        n += 1 + strspn(text + n + 1, DIGITS);
    return n;
}

void ctw_discreet_text(const char *text, char *ret, size_t size) {
    struct ctw_out o = {.buffer = ret, .size = size};

    if (size > 0)
        ret[0] = '\0';
    while (*text != '\0') {
        const size_t n = address(text);
        size_t word = strspn(text, ADDRESS_BYTES);
        if (n > 0) {
            ctw_out_put(&o, "somebody");
            text += n;
            continue;
        }
        word += word == 0;
        ctw_out_put(&o, "%.*s", (int)word, text);
        text += word;
    }
}

void ctw_discreet_snapshot(struct ctw_snapshot *p) {
    char message[CTW_SNAPSHOT_WORDS];

    p->who.n_sources = p->who.n_ports = p->who.n_states = 0;
    memset(p->who.sources, 0, sizeof(p->who.sources));
    memset(p->who.ports, 0, sizeof(p->who.ports));
    memset(p->who.states, 0, sizeof(p->who.states));
    for (size_t i = 0; i < CTW_SNAPSHOT_SAID; i++) {
        ctw_discreet_text(p->said[i].message, message, sizeof(message));
        memcpy(p->said[i].message, message, sizeof(message));
    }
}
