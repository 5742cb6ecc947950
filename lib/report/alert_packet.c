/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/alert_packet.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/parse.h"

static const char search_path[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const char *const endings[CTW_ENDINGS] = {
    [CTW_ENDED_EXIT] = "exit ", [CTW_ENDED_SIGNAL] = "signal ", [CTW_ENDED_TIMEOUT] = "timeout"};

/* The fields of an alert, and no variable that changes how a program runs. */
static bool is_passed(const char *field) {
    static const char *const begins[] = {
        "CTWATCH_", "MESSAGE=", "MESSAGE_ID=", "PRIORITY=", "SYSLOG_IDENTIFIER="};

    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
        if (strncmp(field, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

int ctw_environment_read(const char *packet, size_t size, struct ctw_environment *ret) {
    size_t n = 1, used = 0;

    if (size == 0 || size > sizeof(ret->text) || packet[size - 1] != '\0')
        return -EBADMSG;
    ret->variable[0] = (char *)search_path;
    for (size_t at = 0, length; at < size; at += length + 1) {
        const char *field = packet + at, *value = strchr(field, '=');

        length = strlen(field);
        if (!value)
            return -EBADMSG;
        if (!is_passed(field))
            continue;
        const size_t name = (size_t)(value - field) + 1;
        const bool again = strncmp(ret->variable[n - 1], field, name) == 0;
        if (again)
            ret->text[used - 1] = '\n';
        else if (n > CTW_FIELDS_MAX)
            return -EBADMSG;
        else
            ret->variable[n++] = ret->text + used;
        const size_t skip = again ? name : 0;
        memcpy(ret->text + used, field + skip, length + 1 - skip);
        used += length + 1 - skip;
    }
    ret->variable[n] = NULL;
    return 0;
}

static int print_head(const struct ctw_outcome *o, char ret[static 16]) {
    return o->ending == CTW_ENDED_TIMEOUT
               ? snprintf(ret, 16, "%s", endings[o->ending])
               : snprintf(ret, 16, "%s%u", endings[o->ending], (unsigned)o->number);
}

size_t ctw_outcome_print(const struct ctw_outcome *o, char ret[static CTW_OUTCOME_BYTES]) {
    const size_t head = (size_t)print_head(o, ret);

    ret[head] = '\n';
    memcpy(ret + head + 1, o->errors, o->errors_length);
    return head + 1 + o->errors_length;
}

int ctw_outcome_parse(const char *packet, size_t size, struct ctw_outcome *ret) {
    struct ctw_piece text = {packet, size}, head;
    struct ctw_outcome o = {0};
    uint64_t number = 0;

    if (!ctw_piece_line(&text, &head) || text.length > sizeof(o.errors))
        return -EBADMSG;
    while (!ctw_piece_take(&head, endings[o.ending]))
        if (++o.ending == CTW_ENDINGS)
            return -EBADMSG;
    if (o.ending != CTW_ENDED_TIMEOUT && !ctw_piece_number(&head, UINT8_MAX, &number))
        return -EBADMSG;
    if (head.length > 0)
        return -EBADMSG;
    o.number = (uint8_t)number;
    o.errors_length = text.length;
    memcpy(o.errors, text.at, text.length);
    *ret = o;
    return 0;
}

void ctw_outcome_line(const struct ctw_outcome *o, struct ctw_line *ret) {
    char head[16];
    size_t end = o->errors_length, start;

    while (end > 0 && (o->errors[end - 1] == '\n' || o->errors[end - 1] == ' '))
        end--;
    for (start = end; start > 0 && o->errors[start - 1] != '\n';)
        start--;
    (void)print_head(o, head);
    ctw_line_start(ret);
    ctw_line_add(ret, "%s%s", head, end > start ? ": " : "");
    ctw_line_add(ret, "%.*s", (int)(end - start), o->errors + start);
}
