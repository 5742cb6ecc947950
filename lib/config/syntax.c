/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/config/syntax.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Names remembered to find one given twice: more than any group has keys. In a group with more
 * names than that, the first unknown one is the error. */
#define NAMES_MAX 32

/* How much of a word or number an error repeats. */
#define ECHO_MAX 40

enum kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_EQUALS, /* = or : */
    TOKEN_BOOLEAN,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_LIST,  /* ( or [ */
    TOKEN_OTHER, /* ; and , and whatever libconfig will refuse by itself */
};

struct token {
    enum kind kind;
    const char *at;
    size_t length;
    unsigned line;
};

/* @length bytes from @at, split as libconfig splits them, and where we are in its tree. */
struct syntax {
    const char *at, *end;
    unsigned line;
    struct ctw_settings_error *err;
    bool in_group;
    struct token group, key;
    struct token names[2][NAMES_MAX]; /* of the groups; of the keys of this group */
    size_t n_names[2];
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

static int echo_length(const struct token *t) {
    return t->length < ECHO_MAX ? (int)t->length : ECHO_MAX;
}

/* "levels.warning", or "levels" for what stands outside of any group. */
static const char *path(const struct syntax *x, const struct token *key, char *buffer,
                        size_t size) {
    if (x->in_group)
        snprintf(buffer, size, "%.*s.%.*s", echo_length(&x->group), x->group.at, echo_length(key),
                 key->at);
    else
        snprintf(buffer, size, "%.*s", echo_length(key), key->at);
    return buffer;
}

/* The value of the present key: the caller of ctw_syntax_check() knows what it may be instead. */
static int refuse_value(struct syntax *x, const char *what, const struct token *value) {
    char key[sizeof x->err->key];
    path(x, &x->key, key, sizeof key);
    if (value == NULL)
        ctw_refuse(x->err, x->key.line, key, "%s", what);
    else
        ctw_refuse(x->err, x->key.line, key, "%s %.*s", what, echo_length(value), value->at);
    return -ERANGE;
}

/* --- characters: the C locale's, whatever the locale is --- */

static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(int c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_name_start(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

static bool is_name(int c) {
    return is_name_start(c) || is_digit(c) || c == '_' || c == '-';
}

/* The byte @ahead of here; 0, which no text holds, at and behind its end. */
static int peek(const struct syntax *x, size_t ahead) {
    return ahead < (size_t)(x->end - x->at) ? (unsigned char)x->at[ahead] : 0;
}

/* --- tokens --- */

/* To the first byte that is neither blank nor comment. */
static int skip(struct syntax *x) {
    for (;;) {
        int c = peek(x, 0);
        if (c == '\n') {
            x->line++;
            x->at++;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            x->at++;
        } else if (c == '#' || (c == '/' && peek(x, 1) == '/')) {
            while (x->at < x->end && *x->at != '\n')
                x->at++;
        } else if (c == '/' && peek(x, 1) == '*') {
            unsigned opened = x->line;
            for (x->at += 2; !(peek(x, 0) == '*' && peek(x, 1) == '/'); x->at++) {
                if (x->at == x->end)
                    return ctw_refuse(
                        x->err, opened, "syntax",
                        "a comment opens here and never closes, allowed is /* ... */");
                if (*x->at == '\n')
                    x->line++;
            }
            x->at += 2;
        } else {
            return 0;
        }
    }
}

/* Strings may run over lines, but then the one with the missing quote is rarely the one blamed. */
static int scan_string(struct syntax *x, struct token *t) {
    size_t n = 1;
    for (; peek(x, n) != '"'; n++) {
        int c = peek(x, n);
        if (c == 0 || c == '\n')
            return ctw_refuse(x->err, t->line, "syntax",
                              "a string is not closed on its line, allowed is \"...\"");
        if (c != '\\')
            continue;
        /* Where the string ends for one version of libconfig, and not for another. */
        if ((peek(x, n + 1) == 'x' || peek(x, n + 1) == 'X') && peek(x, n + 2) == '0' &&
            peek(x, n + 3) == '0')
            return ctw_refuse(x->err, t->line, "syntax", "a string holds a NUL, allowed is text");
        if (peek(x, n + 1) == '\\' || peek(x, n + 1) == '"')
            n++;
    }
    t->kind = TOKEN_STRING;
    t->length = n + 1;
    return 0;
}

/* "-12", "0x1F", "1.5e3", "7L", with whatever sticks to it: what reads 250ms means "250ms". */
static void scan_number(const struct syntax *x, struct token *t) {
    t->kind = TOKEN_NUMBER;
    size_t n = peek(x, 0) == '-' || peek(x, 0) == '+';
    while (is_name(peek(x, n)) || peek(x, n) == '.' || peek(x, n) == '%' || peek(x, n) == '+')
        n++;
    t->length = n;
}

static int next_token(struct syntax *x, struct token *t) {
    int r = skip(x);
    if (r < 0)
        return r;

    int c = peek(x, 0);
    *t = (struct token){.kind = TOKEN_OTHER, .at = x->at, .length = 1, .line = x->line};
    if (c == 0) {
        t->kind = TOKEN_END;
        t->length = 0;
    } else if (is_name_start(c)) {
        while (is_name(peek(x, t->length)))
            t->length++;
        bool boolean = (t->length == 4 && strncasecmp(t->at, "true", 4) == 0) ||
                       (t->length == 5 && strncasecmp(t->at, "false", 5) == 0);
        t->kind = boolean ? TOKEN_BOOLEAN : TOKEN_NAME;
    } else if (is_digit(c) || c == '-' || c == '+' || c == '.') {
        scan_number(x, t);
    } else if (c == '"') {
        r = scan_string(x, t);
    } else if (c == '=' || c == ':') {
        t->kind = TOKEN_EQUALS;
    } else if (c == '{') {
        t->kind = TOKEN_OPEN;
    } else if (c == '}') {
        t->kind = TOKEN_CLOSE;
    } else if (c == '(' || c == '[') {
        t->kind = TOKEN_LIST;
    } else if (c == '@') {
        r = ctw_refuse(x->err, t->line, "syntax",
                       "@include is refused, allowed is one file with all in it");
    }
    x->at += t->length;
    return r;
}

/* --- numbers --- */

/* The L or LL that libconfig lets stand behind an integer. */
static size_t skip_suffix(const char *text, size_t i, size_t length) {
    for (int n = 0; n < 2 && i < length && text[i] == 'L'; n++)
        i++;
    return i;
}

/*
 * Whether @t is an integer as libconfig reads one, whole; if so, whether it fits into 31 bits and
 * a sign. No key takes more, and what has no L behind it is cut to 32.
 */
static bool is_integer(const struct token *t, bool *ret_fits) {
    bool hex = t->length > 2 && t->at[0] == '0' && (t->at[1] == 'x' || t->at[1] == 'X');
    unsigned base = hex ? 16 : 10;
    size_t start = hex ? 2 : t->at[0] == '-' || t->at[0] == '+', i = start;
    uint64_t value = 0;

    for (; i < t->length && (hex ? is_hex(t->at[i]) : is_digit(t->at[i])); i++) {
        int c = t->at[i];
        value = value * base + (unsigned)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
        if (value > INT32_MAX)
            value = UINT64_C(1) << 32; /* however many digits follow */
    }
    *ret_fits = value <= INT32_MAX;
    return i > start && skip_suffix(t->at, i, t->length) == t->length;
}

static size_t skip_digits(const char *text, size_t i, size_t length) {
    while (i < length && is_digit(text[i]))
        i++;
    return i;
}

/* "1.5", ".5", "5.", "1e3", "-1.5E-3": whole, and not just the dot that libconfig reads as 0. */
static bool is_float(const struct token *t) {
    size_t start = t->at[0] == '-' || t->at[0] == '+';
    size_t i = skip_digits(t->at, start, t->length), digits = i - start;
    if (i < t->length && t->at[i] == '.') {
        size_t fraction = ++i;
        i = skip_digits(t->at, i, t->length);
        digits += i - fraction;
    }
    if (digits > 0 && i < t->length && (t->at[i] == 'e' || t->at[i] == 'E')) {
        i++;
        if (i < t->length && (t->at[i] == '-' || t->at[i] == '+'))
            i++;
        size_t exponent = i;
        i = skip_digits(t->at, i, t->length);
        if (i == exponent)
            return false;
    }
    return digits > 0 && i == t->length;
}

/* --- the tree, as far as it may reach --- */

static int check_value(struct syntax *x, const struct token *t) {
    bool fits = true;

    switch (t->kind) {
    case TOKEN_BOOLEAN:
    case TOKEN_STRING:
        return 0;
    case TOKEN_OPEN:
        return x->in_group ? refuse_value(x, "is a group", NULL) : 0;
    case TOKEN_NUMBER:
        if (!is_integer(t, &fits) && !is_float(t))
            return refuse_value(x, "is the unquoted", t);
        return fits ? 0 : refuse_value(x, "is", t);
    case TOKEN_NAME:
        if (t->line == x->key.line)
            return refuse_value(x, "is the unquoted", t);
        return refuse_value(x, "has no value", NULL);
    case TOKEN_LIST:
        return refuse_value(x, "is a list", NULL);
    case TOKEN_END:
    case TOKEN_EQUALS:
    case TOKEN_CLOSE:
    case TOKEN_OTHER:
        return refuse_value(x, "has no value", NULL);
    }
    return 0;
}

static int check_name(struct syntax *x, const struct token *t) {
    struct token *names = x->names[x->in_group];
    size_t *n = &x->n_names[x->in_group];

    for (size_t i = 0; i < *n; i++)
        if (names[i].length == t->length && memcmp(names[i].at, t->at, t->length) == 0) {
            char key[sizeof x->err->key];
            return ctw_refuse(x->err, t->line, path(x, t, key, sizeof key),
                              "is given again, allowed is once, as on line %u", names[i].line);
        }
    if (*n < NAMES_MAX)
        names[(*n)++] = *t;
    x->key = *t;
    return 0;
}

static int check_token(struct syntax *x, const struct token *before, const struct token *t) {
    char key[sizeof x->err->key];

    if (before->kind == TOKEN_EQUALS) {
        int r = check_value(x, t);
        if (r < 0)
            return r;
    } else if (before->kind == TOKEN_NAME) {
        if (t->kind != TOKEN_EQUALS)
            return ctw_refuse(x->err, before->line, path(x, before, key, sizeof key),
                              "is followed by neither = nor :, allowed is KEY = VALUE;");
    } else if (t->kind == TOKEN_EQUALS || t->kind == TOKEN_OPEN ||
               (t->kind == TOKEN_STRING && before->kind != TOKEN_STRING)) {
        return ctw_refuse(x->err, t->line, "syntax",
                          "a %c is out of place, allowed is KEY = VALUE;", t->at[0]);
    }

    if (t->kind == TOKEN_NAME)
        return check_name(x, t);
    if (t->kind == TOKEN_OPEN) {
        x->in_group = true;
        x->group = x->key;
        x->n_names[1] = 0;
    } else if (t->kind == TOKEN_CLOSE) {
        if (!x->in_group)
            return ctw_refuse(x->err, t->line, "syntax",
                              "a } closes nothing, allowed is GROUP: { ... };");
        x->in_group = false;
    } else if (t->kind == TOKEN_END && x->in_group) {
        return ctw_refuse(x->err, x->group.line, "syntax",
                          "group %.*s opens here and never closes, allowed is GROUP: { ... };",
                          echo_length(&x->group), x->group.at);
    }
    return 0;
}

/* Nothing but text, and something of it: a file of blanks is one that somebody failed to write. */
static int check_bytes(struct syntax *x) {
    unsigned line = 1;
    bool blank = true;

    for (const char *p = x->at; p < x->end; p++) {
        unsigned char c = (unsigned char)*p;
        /* A lone \r ends no line for libconfig: all that follows a # would be comment. */
        bool newline = c == '\r' && p + 1 < x->end && p[1] == '\n';
        if ((c < 0x20 && c != '\t' && c != '\n' && !newline) || c == 0x7f)
            return ctw_refuse(x->err, line, "file", "holds byte 0x%02x, allowed is text", c);
        if (c == '\n')
            line++;
        if (c > 0x20)
            blank = false;
    }
    if (blank)
        return ctw_refuse(x->err, 0, "file", "is empty, allowed is a configuration or a comment");
    return 0;
}

int ctw_syntax_check(const char *text, size_t length, struct ctw_settings_error *reterr) {
    struct syntax x = {.at = text, .end = text + length, .line = 1, .err = reterr};
    struct token before = {.kind = TOKEN_OTHER}, t;

    int r = check_bytes(&x);
    if (r < 0)
        return r;
    do {
        r = next_token(&x, &t);
        if (r < 0)
            return r;
        r = check_token(&x, &before, &t);
        if (r < 0)
            return r;
        before = t;
    } while (t.kind != TOKEN_END);
    return 0;
}
