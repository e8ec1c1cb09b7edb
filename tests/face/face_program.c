/* SPDX-License-Identifier: MIT
 *
 * face_program.c - three calls of 1024, 2048 and 1024 bytes live, for the tests of
 * where the lines go. With the argument "user" a function of its own takes the
 * lines and writes them to standard output, each after "user: ".
 *
 * DEBUG_LOGS_ON, OWN_THRESHOLD=bytes, OWN_LOG_DEBUG: as in the test's CMakeLists.txt.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap_tracker_lib.h"
#include "heaptracker.h"

#ifdef OWN_THRESHOLD
const size_t heap_threshold = OWN_THRESHOLD;
#endif

static void put(const char *prefix, const char *text, const char *end)
{
    char line[512];
    int length = snprintf(line, sizeof line, "%s%s%s", prefix, text, end);
    if (length < 0 || write(STDOUT_FILENO, line, (size_t)length) != length)
        _exit(1);
}

#ifdef OWN_LOG_DEBUG
/* As Azure Sphere's applibs has it. */
int Log_Debug(const char *format, ...);
int Log_Debug(const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put("Log_Debug: ", text, "");
    return 0;
}
#endif

static void take_line(void *user, const char *line)
{
    put(user, line, "\n");
}

int main(int argc, char **argv)
{
    char prefix[] = "user: ";
    if (argc > 1 && strcmp(argv[1], "user") == 0)
        ht_set_log(take_line, prefix);
    void *first = malloc(1024);
    void *second = malloc(1024);
    _free(first, 1024);
    if (heap_allocated != 1024 || ht_live_bytes() != 1024)
        return 1;
    ht_set_log(NULL, NULL);
    return second == NULL;
}
