/* SPDX-License-Identifier: MIT
 *
 * device.h - the platform contract of the profiles tiny and small: what must not be
 * interrupted, the C library's own lock, and how a code address is kept. For Cortex-M
 * with newlib or picolibc, and for 32-bit and 64-bit systems with an operating system
 * (the lock is then one word that a thread waits for; so no malloc in signal handlers,
 * as POSIX has it). heaptracker_config.h says how to replace them.
 */
#ifndef HT_PORT_DEVICE_H
#define HT_PORT_DEVICE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h> /* says which C library this is */

#include "base/atomic.h"
#include "heaptracker_config.h"

/* --- What must not be interrupted ---------------------------------------------- */

#ifndef HT_CRITICAL_ENTER
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
HT_INLINE unsigned long port_critical_enter(void)
{
    unsigned long primask;

    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(primask)::"memory");
    return primask;
}

HT_INLINE void port_critical_exit(unsigned long primask)
{
    __asm__ volatile("msr primask, %0" ::"r"(primask) : "memory");
}
#elif defined(__unix__) || defined(__linux__)
extern HT_HIDDEN uint32_t port_critical_word;
void port_critical_wait(void);

HT_INLINE unsigned long port_critical_enter(void)
{
    if (unlikely(exchange_acq_rel(&port_critical_word, 1u) != 0))
        port_critical_wait();
    return 0;
}

HT_INLINE void port_critical_exit(unsigned long state)
{
    (void)state;
    store_release(&port_critical_word, 0u);
}
#else
#error "this machine needs HT_CRITICAL_ENTER() and HT_CRITICAL_EXIT(state); see heaptracker_config.h"
#endif
#define HT_CRITICAL_ENTER() port_critical_enter()
#define HT_CRITICAL_EXIT(state) port_critical_exit(state)
#endif

/* --- The C library -------------------------------------------------------------- */

/* PORT_REENT: the library's own calls go through _malloc_r and its like.
 * PORT_TASK_LOCAL: of a variable that is one for each thread, where there are any. */
#if defined(__NEWLIB__) && !defined(__PICOLIBC__)
#define PORT_REENT 1
#include <reent.h>
#define PORT_REENT_NOW _REENT
#ifndef HT_HEAP_LOCK
extern void __malloc_lock(struct _reent *reent);
extern void __malloc_unlock(struct _reent *reent);
#define HT_HEAP_LOCK(reent) __malloc_lock(reent)
#define HT_HEAP_UNLOCK(reent) __malloc_unlock(reent)
#endif
#else
#define PORT_REENT 0
#define PORT_REENT_NOW NULL
#ifndef HT_HEAP_LOCK
#define HT_HEAP_LOCK(reent) ((void)(reent))
#define HT_HEAP_UNLOCK(reent) ((void)(reent))
#endif
#endif

#if defined(__unix__) || defined(__linux__)
#define PORT_TASK_LOCAL __thread __attribute__((tls_model("initial-exec")))
#else
#define PORT_TASK_LOCAL
#endif

/* --- Code addresses --------------------------------------------------------------- */

/* Return addresses are kept in 32 bits, counted from the program's begin where it may
 * lie anywhere; Thumb's lowest bit is no part of the address. */
#if defined(__thumb__)
#define PORT_CODE_MASK (~(uintptr_t)1)
#else
#define PORT_CODE_MASK (~(uintptr_t)0)
#endif

#if defined(__ELF__) && (defined(__unix__) || defined(__linux__))
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
#define PORT_CODE_ORIGIN ((uintptr_t)__ehdr_start)
#else
#define PORT_CODE_ORIGIN ((uintptr_t)0)
#endif

/* --- Text -------------------------------------------------------------------------- */

/* One line without its newline, where no Log_Debug and no user's function is there:
 * standard error; on bare metal the program's own `void ht_port_write(const char *)`,
 * if it has one. */
void port_write_line(const char *line);

#endif /* HT_PORT_DEVICE_H */
