/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_UTIL_PLACES_H
#define CTW_LIB_UTIL_PLACES_H

/*
 * Who is connected to the HTTP server, and who has to go: a table of fixed size.
 *
 * Whoever comes when it is full gets the place of another. Half of the places belong to those who
 * have been answered before: nobody who only connects can take them. So a scraper that keeps its
 * connection stays in spite of a thousand that say nothing, which matters most when the conntrack
 * table is full and no new connection comes about; and one that comes anew gets in, too, as long
 * as it asks before half a table of others has come after it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTW_PLACES 64u

/* From connecting, or, on a connection that was answered before, from asking, to the end of the
 * answer. */
#define CTW_PLACE_ANSWER_USEC (30 * UINT64_C(1000000))

/* From the end of an answer to the next request: longer than scrapers usually wait. */
#define CTW_PLACE_KEPT_USEC (300 * UINT64_C(1000000))

/* From the end of the connection until the last of what was sent has arrived. */
#define CTW_PLACE_LEAVING_USEC (10 * UINT64_C(1000000))

struct ctw_place {
    bool taken;
    bool answered; /* at least once */
    bool busy;     /* an answer is being sent */
    bool streams;  /* one that is made while it is sent */
    bool dismissed;
    bool leaving; /* it has been ended, but not all that was sent has arrived */
    int fd;
    uint64_t since_usec; /* it came, or asked, or was answered, or leaves: whatever was last */
};

/* Zero-initialised it is empty. */
struct ctw_places {
    struct ctw_place place[CTW_PLACES];
    size_t taken;
};

/** ctw_places_take() - somebody comes. Return: NULL: there is no place. */
struct ctw_place *ctw_places_take(struct ctw_places *p, int fd, uint64_t now_usec);

/** ctw_places_leave() - and goes */
void ctw_places_leave(struct ctw_places *p, struct ctw_place *place);

/** ctw_place_asks() - a request is there, whole. */
void ctw_place_asks(struct ctw_place *place, uint64_t now_usec);

/** ctw_place_is_answered() - it has got all of the answer */
void ctw_place_is_answered(struct ctw_place *place, uint64_t now_usec);

/** ctw_place_leaves() - its connection has ended. @fd: what still belongs to it */
void ctw_place_leaves(struct ctw_place *place, int fd, uint64_t now_usec);

/** ctw_place_is_overdue() - it has had the time there is */
bool ctw_place_is_overdue(const struct ctw_place *place, uint64_t now_usec);

/**
 * ctw_places_next_to_go() - who has to make room for another
 *
 * Those who are leaving count as known: if it comes to these, they go first.
 *
 * Return: NULL when all have been dismissed already.
 */
struct ctw_place *ctw_places_next_to_go(struct ctw_places *p);

/** ctw_places_oldest_stream() - the same among those that stream. Return: NULL: none does. */
struct ctw_place *ctw_places_oldest_stream(struct ctw_places *p);

#endif
