/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/util/places.h"

struct ctw_place *ctw_places_take(struct ctw_places *p, int fd, uint64_t now_usec) {
    for (size_t i = 0; i < CTW_PLACES; i++) {
        if (p->place[i].taken)
            continue;
        p->place[i] = (struct ctw_place){.taken = true, .fd = fd, .since_usec = now_usec};
        p->taken++;
        return &p->place[i];
    }
    return NULL;
}

void ctw_places_leave(struct ctw_places *p, struct ctw_place *place) {
    if (place->taken)
        p->taken--;
    *place = (struct ctw_place){0};
}

void ctw_place_asks(struct ctw_place *place, uint64_t now_usec) {
    if (place->answered)
        place->since_usec = now_usec;
    place->busy = true;
}

void ctw_place_is_answered(struct ctw_place *place, uint64_t now_usec) {
    place->since_usec = now_usec;
    place->answered = true;
    place->busy = place->streams = false;
}

void ctw_place_leaves(struct ctw_place *place, int fd, uint64_t now_usec) {
    place->fd = fd;
    place->since_usec = now_usec;
    place->leaving = true;
    place->busy = place->streams = false;
}

static uint64_t time_of(const struct ctw_place *place) {
    if (place->leaving)
        return CTW_PLACE_LEAVING_USEC;
    return place->answered && !place->busy ? CTW_PLACE_KEPT_USEC : CTW_PLACE_ANSWER_USEC;
}

bool ctw_place_is_overdue(const struct ctw_place *place, uint64_t now_usec) {
    return place->taken && now_usec > place->since_usec &&
           now_usec - place->since_usec > time_of(place);
}

static struct ctw_place *older(struct ctw_place *a, struct ctw_place *b) {
    return !a || b->since_usec < a->since_usec ? b : a;
}

struct ctw_place *ctw_places_next_to_go(struct ctw_places *p) {
    struct ctw_place *stranger = NULL, *known = NULL, *leaving = NULL;
    size_t n_known = 0;

    for (size_t i = 0; i < CTW_PLACES; i++) {
        struct ctw_place *place = &p->place[i];
        if (!place->taken || place->dismissed)
            continue;
        n_known += place->answered || place->leaving;
        if (place->leaving)
            leaving = older(leaving, place);
        else if (place->answered)
            known = older(known, place);
        else
            stranger = older(stranger, place);
    }
    if (stranger && n_known <= CTW_PLACES / 2)
        return stranger;
    return leaving ? leaving : known;
}

struct ctw_place *ctw_places_oldest_stream(struct ctw_places *p) {
    struct ctw_place *oldest = NULL;

    for (size_t i = 0; i < CTW_PLACES; i++)
        if (p->place[i].taken && p->place[i].streams && !p->place[i].dismissed)
            oldest = older(oldest, &p->place[i]);
    return oldest;
}
