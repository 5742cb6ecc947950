/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_TEST_FOLDER_H
#define CTW_TEST_FOLDER_H

/* Removes a folder a test made, with everything in it. */
void remove_folder(const char *path);

#endif
