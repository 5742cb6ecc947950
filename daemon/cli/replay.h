/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_CLI_REPLAY_H
#define CTW_DAEMON_CLI_REPLAY_H

/* Where recordings come from: a file, a pipe, or what a ctwatchd has published. */

#include <stdint.h>

#include "lib/replay/recording.h"
#include "lib/view/replay.h"

struct ctw_recording_reader {
    const char *instance; /* of a range query; NULL: there is only one */
    void (*play)(const struct ctw_record *record, void *userdata);
    void *userdata;
    struct ctw_replay_lines lines; /* passed over, so far */
};

/**
 * ctw_recording_reader_play_file() - record by record, in memory of fixed size
 * @path:  "-": standard input
 *
 * The answer to a range query is read whole. Lines that cannot be read are told of on stderr, the
 * first few of them as "FILE:LINE: what is wrong", and counted.
 *
 * Return: 0, or a negative errno when the file cannot be made use of, which has been told.
 */
int ctw_recording_reader_play_file(struct ctw_recording_reader *t, const char *path);

/** ctw_recording_reader_play_state() - likewise the history that a ctwatchd keeps in @directory */
int ctw_recording_reader_play_state(struct ctw_recording_reader *t, const char *directory);

#endif
