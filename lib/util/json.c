/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/util/json.h"

/* Decimal digits that every double keeps. */
#define DIGITS 15

static json_t *whole(json_t *value, int r) {
    if (r == 0)
        return value;
    json_decref(value);
    return NULL;
}

json_t *ctw_json_number(uint64_t n) {
    return json_integer(n < INT64_MAX ? (json_int_t)n : INT64_MAX);
}

json_t *ctw_json_number_if(bool known, uint64_t n) {
    return known ? ctw_json_number(n) : json_null();
}

json_t *ctw_json_percent(uint32_t permyriad) {
    return json_real(permyriad / 100.0);
}

json_t *ctw_json_percent_if(bool known, uint32_t permyriad) {
    return known ? ctw_json_percent(permyriad) : json_null();
}

json_t *ctw_json_set(json_t *object, const char *name, json_t *value) {
    return whole(object, json_object_set_new(object, name, value));
}

json_t *ctw_json_append(json_t *array, json_t *value) {
    return whole(array, json_array_append_new(array, value));
}

size_t ctw_json_print(json_t *value, bool compact, char *buffer, size_t size) {
    const size_t flags = JSON_REAL_PRECISION(DIGITS) | (compact ? JSON_COMPACT : JSON_INDENT(2));

    const size_t n = value ? json_dumpb(value, buffer, size, flags) : 0;
    json_decref(value);
    if (n == 0)
        return 0;
    if (n + 1 < size) {
        buffer[n] = '\n';
        buffer[n + 1] = '\0';
    }
    return n + 1;
}
