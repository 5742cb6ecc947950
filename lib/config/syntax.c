/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/config/syntax.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Bytes of a word that an error repeats. */
#define ECHO_MAX 40

struct word {
    const char *at;
    size_t length;
    unsigned line;
};

/* A position in the text, and the group and key that a value there belongs to. */
struct scan {
    const char *at, *end;
    unsigned line;
    struct ctw_settings_error *err;
    bool in_group;
    struct word group, key;
};

int ctw_refuse(struct ctw_settings_error *err, unsigned line, const char *key, const char *format,
               ...) {
    va_list args;
    err->line = line;
    snprintf(err->key, sizeof err->key, "%s", key);
    va_start(args, format);
    vsnprintf(err->reason, sizeof err->reason, format, args);
    va_end(args);
    return -EINVAL;
}

static int echo_length(const struct word *w) {
    return w->length < ECHO_MAX ? (int)w->length : ECHO_MAX;
}

/* The value of the present key: the caller of ctw_syntax_check() knows what the key allows. */
static int refuse_value(struct scan *s, const char *what, const struct word *value) {
    char key[sizeof s->err->key];

    snprintf(key, sizeof key, "%.*s%s%.*s", s->in_group ? echo_length(&s->group) : 0, s->group.at,
             s->in_group ? "." : "", echo_length(&s->key), s->key.at);
    ctw_refuse(s->err, s->key.line, key, "%s%.*s", what, echo_length(value), value->at);
    return -ERANGE;
}

/* --- characters: those of the C locale --- */

static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

static bool is_name_start(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

static bool is_name(int c) {
    return is_name_start(c) || is_digit(c) || c == '_' || c == '-';
}

/* The byte @ahead of here; 0, which no text holds, at and behind its end. */
static int peek(const struct scan *s, size_t ahead) {
    return ahead < (size_t)(s->end - s->at) ? (unsigned char)s->at[ahead] : 0;
}

/* --- numbers --- */

/* Whether the number @w ("0x1F", "-12", "7L") is no integer, or fits 31 bits and a sign, which is
 * all that libconfig 1.5 keeps. No key takes more. */
static bool fits_31_bits(const struct word *w) {
    const bool hex = w->length > 2 && strncasecmp(w->at, "0x", 2) == 0;
    uint64_t value = 0;

    for (size_t i = hex ? 2 : w->at[0] == '-' || w->at[0] == '+'; i < w->length; i++) {
        const int c = w->at[i] | 0x20;
        if (c == 'l')
            break;
        if (!is_digit(w->at[i]) && !(hex && c >= 'a' && c <= 'f'))
            return true; /* a float, or for libconfig to refuse */
        value = value * (hex ? 16 : 10) + (unsigned)(c > '9' ? c - 'a' + 10 : c - '0');
        if (value > INT32_MAX)
            value = UINT64_C(1) << 32; /* stays too large, however many digits follow */
    }
    return value <= INT32_MAX;
}

static int check_number(struct scan *s) {
    struct word w = {.at = s->at, .length = 1};

    for (int c; c = peek(s, w.length), is_name(c) || c == '.' || c == '+';)
        w.length++;
    s->at += w.length;
    return fits_31_bits(&w) ? 0 : refuse_value(s, "is ", &w);
}

/* --- words, strings, comments --- */

/* A name, or the word that stands for a value: libconfig knows which of them it takes. */
static void read_name(struct scan *s) {
    struct word w = {.at = s->at, .line = s->line};

    while (is_name(peek(s, w.length)))
        w.length++;
    s->at += w.length;
    s->key = w;
}

/* A string that runs over lines is nearly always one whose quote is missing. */
static int skip_string(struct scan *s) {
    size_t n = 1;

    for (int c; c = peek(s, n), c != '"'; n++) {
        if (c == 0 || c == '\n')
            return ctw_refuse(s->err, s->line, "syntax",
                              "a string is not closed on its line, allowed is \"...\"");
        if (c == '\\' && (peek(s, n + 1) == '\\' || peek(s, n + 1) == '"'))
            n++;
    }
    s->at += n + 1;
    return 0;
}

static int skip_comment(struct scan *s) {
    const unsigned opened = s->line;

    if (peek(s, 0) == '#' || peek(s, 1) == '/') {
        while (s->at < s->end && *s->at != '\n')
            s->at++;
        return 0;
    }
    for (s->at += 2; peek(s, 0) != '*' || peek(s, 1) != '/'; s->at++) {
        if (s->at == s->end)
            return ctw_refuse(s->err, opened, "syntax",
                              "a comment opens here and never closes, allowed is /* ... */");
        s->line += *s->at == '\n';
    }
    s->at += 2;
    return 0;
}

/* Everything else is one byte, which libconfig judges. */
static void skip_byte(struct scan *s, int c) {
    if (c == '\n')
        s->line++;
    if (c == '{' && !s->in_group) {
        s->in_group = true;
        s->group = s->key;
    } else if (c == '}') {
        s->in_group = false;
    }
    s->at++;
}

static int check_next(struct scan *s) {
    const int c = peek(s, 0);

    if (c == '#' || (c == '/' && (peek(s, 1) == '/' || peek(s, 1) == '*')))
        return skip_comment(s);
    if (c == '@')
        return ctw_refuse(s->err, s->line, "syntax",
                          "@include is refused, allowed is one file with all in it");
    if (is_digit(c) || c == '-' || c == '+' || c == '.')
        return check_number(s);
    if (c == '"')
        return skip_string(s);
    if (is_name_start(c))
        read_name(s);
    else
        skip_byte(s, c);
    return 0;
}

/* Nothing but text, and something of it: a file of blanks is one that was not written whole. */
static int check_bytes(const struct scan *s) {
    unsigned line = 1;
    bool blank = true;

    for (const char *p = s->at; p < s->end; p++) {
        const unsigned char c = (unsigned char)*p;
        /* A lone \r ends no line for libconfig: all that follows a # would be comment. */
        const bool newline = c == '\r' && p + 1 < s->end && p[1] == '\n';
        if ((c < 0x20 && c != '\t' && c != '\n' && !newline) || c == 0x7f)
            return ctw_refuse(s->err, line, "file", "holds byte 0x%02x, allowed is text", c);
        line += c == '\n';
        blank = blank && c <= 0x20;
    }
    if (blank)
        return ctw_refuse(s->err, 0, "file", "is empty, allowed is a configuration or a comment");
    return 0;
}

int ctw_syntax_check(const char *text, size_t length, struct ctw_settings_error *reterr) {
    struct scan s = {.at = text, .end = text + length, .line = 1, .err = reterr};

    s.group.at = s.key.at = "";
    int r = check_bytes(&s);
    while (r == 0 && s.at < s.end)
        r = check_next(&s);
    return r;
}
