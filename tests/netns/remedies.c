/* SPDX-License-Identifier: GPL-2.0-or-later */

/* remedies: prints every remedy that has a command, a line each: name, command and undo, with tabs.
 */

#include <stdio.h>

#include "tests/support/remedies.h"

static void print(const struct remedy_case *c, const struct ctw_remedy *remedy) {
    if (remedy->command[0] != '\0')
        printf("%s\t%s\t%s\n", remedy_name(c), remedy->command, remedy->undo);
}

int main(void) {
    each_remedy(print);
    return 0;
}
