/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/util/target.h"

#include <string.h>
#include <strings.h>

#define SCHEME "http://"

const char *ctw_target_path(const char *target) {
    if (strncasecmp(target, SCHEME, strlen(SCHEME)) != 0)
        return target;
    const char *host = target + strlen(SCHEME);
    const char *path = host + strcspn(host, "/");
    if (path == host)
        return target;
    return *path == '\0' ? "/" : path;
}
