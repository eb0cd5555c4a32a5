/* The limit for child processes: posix_spawn and waitpid, one child after the other, for SECONDS.
 *
 *     children PROGRAM SECONDS
 *
 * Result: {"cpu_ns": N, "wall_ns": N, "operations": N}; the times are per child, the processor's is that of this
 * process and its children.
 */
#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

static double processor_ns(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return 1e9 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           + 1e3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc != 3)
        die("usage: children PROGRAM SECONDS");
    char *arguments[] = {argv[1], NULL};
    uint64_t begin = now_ns(), end = begin + (uint64_t)(atof(argv[2]) * 1e9), now;
    double processor = processor_ns(RUSAGE_SELF) + processor_ns(RUSAGE_CHILDREN);
    unsigned done = 0;
    do {
        pid_t pid;
        int status, error = posix_spawn(&pid, argv[1], NULL, NULL, arguments, environ);
        if (error != 0)
            die("%s can't be started: %s", argv[1], strerror(error));
        if (waitpid(pid, &status, 0) != pid || status != 0)
            die("%s ended with status %d", argv[1], status);
        done++;
        now = now_ns();
    } while (now < end);
    processor = processor_ns(RUSAGE_SELF) + processor_ns(RUSAGE_CHILDREN) - processor;
    printf("{\"cpu_ns\": %.1f, \"wall_ns\": %.1f, \"operations\": %u}\n", processor / done,
           (double)(now - begin) / done, done);
    return 0;
}
