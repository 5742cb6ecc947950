/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/kmsg_stand_in.h"

struct stand_in device;

/* isatty() is false after a hangup, so the device number decides. */
static bool is_stand_in(int fd) {
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device.number;
}

ssize_t read(int fd, void *buffer, size_t size) {
    const struct answer *a;
    unsigned char which;
    ssize_t n;

    if (!is_stand_in(fd))
        return syscall(SYS_read, fd, buffer, size);
    device.reads++;
    if (device.mute) {
        errno = EAGAIN;
        return -1;
    }
    n = syscall(SYS_read, fd, &which, 1);
    if (n <= 0)
        return n;
    device.waiting--;
    a = &device.answers[which];
    if (a->error) {
        errno = a->error;
        return -1;
    }
    n = (ssize_t)strlen(a->record);
    assert_true((size_t)n <= size);
    memcpy(buffer, a->record, (size_t)n);
    return n;
}

off_t lseek(int fd, off_t offset, int whence) {
    if (!is_stand_in(fd) || !device.seekable)
        return syscall(SYS_lseek, fd, offset, whence);
    assert_int_equal(offset, 0);
    device.whence = whence;
    device.seeks++;
    return 0;
}

static void plug_in(void) {
    struct termios raw;
    struct stat st;

    device = (struct stand_in){.seekable = true, .whence = -1};
    device.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(device.master >= 0);
    assert_int_equal(grantpt(device.master), 0);
    assert_int_equal(unlockpt(device.master), 0);
    assert_int_equal(ptsname_r(device.master, device.path, sizeof(device.path)), 0);
    device.slave = open(device.path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(device.slave >= 0);
    assert_int_equal(fstat(device.slave, &st), 0);
    device.number = st.st_rdev;
    assert_int_equal(tcgetattr(device.slave, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(device.slave, TCSANOW, &raw), 0);
}

void unplug(void) {
    close(device.master);
    close(device.slave);
    device.master = device.slave = -1;
}

/* Returns once the bytes have arrived: a pseudo-terminal delivers them a little later. */
static void push(unsigned char which, unsigned times) {
    int arrived = 0;

    for (unsigned i = 0; i < times; i++)
        assert_int_equal(write(device.master, &which, 1), 1);
    device.waiting += (int)times;
    for (unsigned i = 0; i < 5000 && arrived != device.waiting; i++) {
        assert_int_equal(ioctl(device.slave, FIONREAD, &arrived), 0);
        usleep(arrived != device.waiting ? 1000 : 0);
    }
    assert_int_equal(arrived, device.waiting);
}

void push_error(int error) {
    device.answers[device.n_answers].error = error;
    push(device.n_answers++, 1);
}

void push_line(uint64_t sequence, const char *text) {
    struct answer *a = &device.answers[device.n_answers];

    snprintf(a->record, sizeof(a->record), "4,%ju,%ju,-;%s\n", (uintmax_t)sequence,
             (uintmax_t)(sequence * 1000), text);
    push(device.n_answers++, 1);
}

void push_bytes(const char *bytes, unsigned times) {
    snprintf(device.answers[device.n_answers].record, sizeof(device.answers[0].record), "%s",
             bytes);
    push(device.n_answers++, times);
}

static void on_wake(void *userdata) {
    struct fixture *f = userdata;

    f->woken++;
}

int kernlog_up(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    plug_in();
    assert_non_null(f);
    assert_true(sd_event_new(&f->event) >= 0);
    *state = f;
    return 0;
}

int kernlog_down(void **state) {
    struct fixture *f = *state;

    assert_null(ctw_kernlog_free(f->log));
    sd_event_unref(f->event);
    unplug();
    free(f);
    return 0;
}

void start_at(struct fixture *f, const char *path) {
    assert_int_equal(ctw_kernlog_new(f->event, path, on_wake, f, &f->log), 0);
}

void start(struct fixture *f) {
    start_at(f, device.path);
}

unsigned run(struct fixture *f) {
    for (unsigned turns = 0; turns < 100; turns++) {
        int r = sd_event_run(f->event, 0);

        assert_true(r >= 0);
        if (r == 0)
            return turns;
    }
    fail_msg("the loop spins");
    return 0;
}

void take(struct fixture *f, uint64_t now_usec) {
    ctw_kernlog_take(f->log, now_usec, &f->counts, &f->state);
    assert_int_equal(f->state.what[0] != '\0', f->state.health == CTW_HEALTH_FAILED);
}
