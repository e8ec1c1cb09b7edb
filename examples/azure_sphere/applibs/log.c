/* SPDX-License-Identifier: MIT
 *
 * log.c - Log_Debug on a PC. Neither stdio's buffers nor dprintf are used: both
 * allocate, and in a static link that would be counted in the sample's numbers.
 */
#include <applibs/log.h>

#include <stdio.h>
#include <unistd.h>

int Log_DebugVarArgs(const char *fmt, va_list args)
{
    char text[1024];
    int length = vsnprintf(text, sizeof text, fmt, args);
    if (length < 0)
        return -1;
    size_t bytes = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    return write(STDERR_FILENO, text, bytes) < 0 ? -1 : 0;
}

int Log_Debug(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int result = Log_DebugVarArgs(fmt, args);
    va_end(args);
    return result;
}
