/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/state_directory.h"

#include "tests/support/folder.h"

int place_up(void **state) {
    struct place *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    snprintf(p->above, sizeof(p->above), "/tmp/ctwatch-state.XXXXXX");
    assert_non_null(mkdtemp(p->above));
    assert_int_equal(chmod(p->above, 0755), 0);
    snprintf(p->directory, sizeof(p->directory), "%s/run", p->above);
    snprintf(p->file, sizeof(p->file), "%s/state", p->directory);
    snprintf(p->file_new, sizeof(p->file_new), "%s/state.new", p->directory);
    snprintf(p->lock, sizeof(p->lock), "%s/lock", p->directory);
    alarm(HANGS_AFTER);
    *state = p;
    return 0;
}

int place_down(void **state) {
    struct place *p = *state;

    alarm(0);
    assert_null(ctw_state_writer_free(p->writer));
    assert_null(ctw_state_writer_free(p->second));
    remove_folder(p->above);
    free(p);
    return 0;
}

pid_t fork_helper(void) {
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

void put_bytes(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static struct ctw_record slot_of(enum ctw_resolution r, uint32_t number, uint32_t mean) {
    const uint32_t width_sec = r == CTW_RESOLUTION_FINE ? 1 : 10;

    return (struct ctw_record){.at_usec = number * width_sec * CTW_USEC_PER_SEC,
                               .width_sec = width_sec,
                               .polls = 4,
                               .mean = mean};
}

void put_slot(struct ctw_history *h, enum ctw_resolution r, uint32_t number, uint32_t mean) {
    const struct ctw_record slot = slot_of(r, number, mean);

    h->slots[ctw_history_index(r, slot.at_usec)] = slot;
}

void write_slot(struct ctw_state_writer *w, enum ctw_resolution r, uint32_t number, uint32_t mean) {
    const struct ctw_record slot = slot_of(r, number, mean);

    ctw_state_writer_slot(w, ctw_history_index(r, slot.at_usec), &slot);
}

void make_image(struct place *p) {
    memset(&p->image, 0, sizeof(p->image));
    p->image.head = ctw_state_head();
    p->image.history_sequence = 6;
    sample_full(&p->image.published.now);
    p->image.published.now.booted_usec = ctw_booted_usec();
    put_slot(&p->image.history, CTW_RESOLUTION_FINE, 86000, 11);
    put_slot(&p->image.history, CTW_RESOLUTION_COARSE, 8600, 22);
}

void leave_bytes(struct place *p, size_t size) {
    (void)ctw_published_seal(&p->image.published, true);
    assert_true(mkdir(p->directory, 0755) == 0 || errno == EEXIST);
    assert_true(unlink(p->file) == 0 || errno == ENOENT);
    put_bytes(p->file, &p->image, size);
}

void leave_image(struct place *p) {
    leave_bytes(p, sizeof(p->image));
}

void leave_torn_image(struct place *p) {
    leave_image(p);
    p->image.published.now.polls++;
    put_bytes(p->file, &p->image, sizeof(p->image));
}

uint32_t fine_mean(const struct ctw_history *h, uint32_t number) {
    const struct ctw_record *s =
        ctw_history_slot(h, CTW_RESOLUTION_FINE, number * CTW_USEC_PER_SEC);

    return s ? s->mean : 0;
}

bool is_all(const void *bytes, unsigned char value, size_t size) {
    const unsigned char *at = bytes;

    for (size_t i = 0; i < size; i++)
        if (at[i] != value)
            return false;
    return true;
}

int read_state(struct place *p) {
    memset(&p->got, 0x5a, sizeof(p->got));
    const int r = ctw_state_read(p->directory, &p->got);
    if (r < 0)
        assert_true(is_all(&p->got, 0x5a, sizeof(p->got)));
    return r;
}

int read_history(struct place *p) {
    memset(&p->history, 0x5a, sizeof(p->history));
    const int r = ctw_state_read_history(p->directory, &p->history);
    if (r < 0)
        assert_true(is_all(&p->history, 0x5a, sizeof(p->history)));
    return r;
}
