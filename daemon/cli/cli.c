/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_BAD_USAGE 2

int ctw_cli_end(FILE *to) {
    if (to != stdout)
        return EXIT_BAD_USAGE;
    errno = 0;
    if (fflush(to) == 0 && !ferror(to))
        return EXIT_SUCCESS;
    if (errno == EPIPE) /* nobody reads any more */
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "%s: cannot write: %s\n", program_invocation_short_name,
                  strerror(errno > 0 ? errno : EIO));
    return EXIT_FAILURE;
}
