/* Preloaded into a process, this sets its time of day apart by CLOCK_APART seconds.

   Nothing else: what waits and measures (CLOCK_MONOTONIC) stays as it is, as on a machine whose clock is wrong.
   Debian's faketime cannot do that for Python: with its real monotonic clock time.sleep fails, with its false
   one a lock's wait never ends. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long apart(void) {
    const char *given = getenv("CLOCK_APART");
    return given ? atol(given) : 0;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, which, now);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += apart();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *place) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (place) *place = found.tv_sec;
    return found.tv_sec;
}
