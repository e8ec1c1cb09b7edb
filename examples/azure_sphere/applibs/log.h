/* SPDX-License-Identifier: MIT
 *
 * applibs/log.h - a stand-in for the Azure Sphere SDK's header of this name, so
 * that the sample builds and runs on a PC: the device log is standard error.
 */
#ifndef APPLIBS_LOG_H
#define APPLIBS_LOG_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes one formatted message, cut at 1023 bytes, in one piece: messages of
 * several threads do not mix. Does not allocate. Returns 0, or -1 with errno. */
int Log_Debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int Log_DebugVarArgs(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

#ifdef __cplusplus
}
#endif

#endif /* APPLIBS_LOG_H */
