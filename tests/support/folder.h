/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Removes a folder a test made, with everything in it. */
void remove_folder(const char *path);
