/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_VERB_REPLAY_H
#define CTW_VERB_REPLAY_H

/** ctw_verb_replay() - ctwatch replay. Return: its exit status. */
int ctw_verb_replay(int argc, char *argv[]);

#endif
