/* Wall time with an offset that a test changes while the program runs; monotonic time is left alone.
 *
 * The offset in milliseconds is the first 8 bytes of the file named by CLOCK_SHIM, mapped shared.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset_ms;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("CLOCK_SHIM");
    int file = name ? open(name, O_RDONLY) : -1;
    if (file < 0) return;
    void *place = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (place != MAP_FAILED) offset_ms = place;
}

static int64_t now_ns(void) {
    static int (*real)(clockid_t, struct timespec *);
    struct timespec at;
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    real(CLOCK_REALTIME, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec + (offset_ms ? *offset_ms : 0) * 1000000LL;
}

int clock_gettime(clockid_t which, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE) return real(which, at);
    int64_t ns = now_ns();
    at->tv_sec = ns / 1000000000LL;
    at->tv_nsec = ns % 1000000000LL;
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    int64_t ns = now_ns();
    (void)zone;
    at->tv_sec = ns / 1000000000LL;
    at->tv_usec = ns % 1000000000LL / 1000;
    return 0;
}

time_t time(time_t *at) {
    time_t seconds = now_ns() / 1000000000LL;
    if (at) *at = seconds;
    return seconds;
}
