/* SPDX-License-Identifier: MIT
 *
 * port.h - the whole platform contract. One file per operating system implements
 * it (linux.c); one header per kind of machine sets the constants (machine.h).
 * Nothing outside this folder tests for a platform.
 *
 * No function here allocates from the program's heap, takes a lock that the
 * program or its loader may hold, or changes errno, unless its comment says so.
 * All may be called from signal handlers.
 */
#ifndef HT_PORT_PORT_H
#define HT_PORT_PORT_H

#include "base/base.h"
#include "port/machine.h"

/* --- Memory ------------------------------------------------------------- */

/* bytes of zeroed private memory, page-aligned, that costs nothing until it is
 * touched; NULL when the address space or a limit is exhausted. Inherited by a
 * forked child as a private copy. */
void *port_map_private(size_t bytes);

/* Puts memory behind pages of port_map_private that are to be written soon, all at once where
 * the system can; they keep what they hold. Else, or where address is not a page's begin, does nothing. */
void port_populate(void *address, size_t bytes);

/* Gives back what port_map_private gave. */
void port_unmap(void *address, size_t bytes);

/* Address space without memory behind it (reading it faults), to be filled by
 * port_file_map_at; NULL when there is none. */
void *port_reserve(size_t bytes);

/* How much address space this process may still take for tables: a share of
 * RLIMIT_AS, or `wanted` where there is no limit; PORT_RESERVE_MAX at most. */
size_t port_reserve_budget(size_t wanted);

/* Makes reserved address space private memory. */
bool port_commit(void *address, size_t bytes);

/* Sets flags[i] to 1 for each page of [address, address + pages * port_page_bytes())
 * that has memory behind it, to 0 for one that was never touched. May say 1 for
 * an untouched page, never 0 for a touched one. */
void port_touched_pages(const void *address, size_t pages, unsigned char *flags);

size_t port_page_bytes(void);

/* Makes [page, page + bytes) read as zeros in a forked child. page must be
 * aligned to PORT_PAGE_BYTES_MAX and lie in private anonymous memory. Returns
 * false where the kernel cannot: forks are then seen through pthread_atfork only. */
bool port_wipe_on_fork(void *page, size_t bytes);

/* --- Files: a state file that is held by its mapping alone --------------- */

enum port_file_result {
    PORT_FILE_OK = 0,
    PORT_FILE_EXISTS, /* the name is taken */
    PORT_FILE_DENIED, /* errno-like cause in *error */
};

/* Creates `path` (mode 0600, never following a link, never replacing), reserves
 * bytes on the disk and maps them shared at `address` (inside a reservation),
 * not inherited by children. Where the process is root's, and may become another user's, the file is made longer, without
 * taking room on the disk. Leaves no descriptor open. *error receives the
 * cause (an errno value) on PORT_FILE_DENIED; nothing stays behind then. */
enum port_file_result port_file_create(const char *path, void *address, size_t bytes, int *error);

/* Reserves and maps bytes more at file offset `offset`; a forked child sees them too
 * if `inherited`. begin: where the file's first bytes are mapped, for a process that may not open it any more.
 * False: nothing changed. */
bool port_file_extend(const char *path, void *begin, void *address, uint64_t offset, size_t bytes,
                      bool inherited);

/* Removes a file that port_file_create made. */
void port_file_remove(const char *path);

/* Makes an empty file, which takes no room of a full disk. True also where it is there. */
bool port_file_mark(const char *path);

/* Makes `path` a directory of mode 0700 unless it is one of this user's already;
 * false (cause in *error) when it is anybody else's or cannot be made. */
bool port_private_directory(const char *path, int *error);

/* A child's mapping of its parent's file is gone: takes the range back into a
 * reservation. Also used to undo a failed start. */
void port_reserve_again(void *address, size_t bytes);

/* Reads at most `capacity` bytes of a small file such as /proc/self/cmdline.
 * Returns how many, 0 on any failure. */
size_t port_read_file(const char *path, char *buffer, size_t capacity);

/* Address space that this library has taken in this process, and how much of it is private and may be written ("data"),
 * as limits count it; what it is still likely to take is in it. */
struct port_taken {
    uint64_t address_space, data;
};
struct port_taken port_taken(void);

/* The limits of a process (setrlimit), as the kernel has them where they are of 64 bits; UINT64_MAX: none. */
#if PORT_ADDRESS_BITS > 32
#define PORT_LIMITS_ARE_64_BITS 1
#else
#define PORT_LIMITS_ARE_64_BITS 0
#endif
enum port_limit_kind { PORT_LIMIT_ADDRESS_SPACE, PORT_LIMIT_DATA, PORT_LIMIT_KINDS, PORT_LIMIT_OTHER };
struct port_limit {
    uint64_t soft, hard;
};

/* What a resource's number limits. */
enum port_limit_kind port_limit_kind(int resource);

/* Sets the limit of a process (0: this one), where `limit` is given, and says the old one, where `old` is. -1 with errno
 * if not. */
int port_limit(int process, int resource, const struct port_limit *limit, struct port_limit *old);

/* The path of the running executable, NUL-terminated, empty if unknown. */
void port_program_path(char *buffer, size_t capacity);

/* --- Process and thread -------------------------------------------------- */

uint32_t port_process_id(void);
/* Waits while *word is value, until some port_wake of it, or so long. May come back early. */
void port_wait(uint32_t *word, uint32_t value, uint64_t ns);
/* Wakes one thread that waits there. */
void port_wake(uint32_t *word);
uint32_t port_parent_process_id(void);
uint32_t port_user_id(void);
uint64_t port_thread_id(void);
uint64_t port_monotonic_ns(void);
uint64_t port_realtime_ns(void);

/* Value of an environment variable, or NULL; reads the block that the kernel
 * gave, so it works before libc has started. NULL for a set-user-ID program. */
const char *port_environment(const char *name);

/* Calls at_exit(argument) when the calling thread ends, as late as the platform
 * can; returns false where it cannot (the thread's slot is then not reused).
 * port_thread_exit_start makes it usable and must come first, from start. */
bool port_thread_exit_start(void (*at_exit)(void *));
bool port_thread_exit_register(void *argument);

/* The loader knows functions that a resolver chooses (IFUNC): musl's does not. */
#if defined(__GLIBC__)
#define PORT_HAS_IFUNC 1
#else
#define PORT_HAS_IFUNC 0
#endif

/* getcwd(NULL, size) gives a block of `size` bytes; elsewhere (musl) of the name's. */
#if defined(__GLIBC__)
#define PORT_GETCWD_GIVES_SIZE 1
#else
#define PORT_GETCWD_GIVES_SIZE 0
#endif

/* True when this program was linked with its libc, so that no call of libc itself
 * escapes --wrap. */
bool port_is_static(void);

/* found[i]: the function names[i] as the module that holds the code address `caller` would find it, which came
 * late and out of the global scope: in what was opened with it; else any module's but this library's; NULL if there
 * is none. Slow: not for the usual way of a call. Does not wait for the constructors of a dlopen under way, and
 * allocates nothing. */
void port_symbols_for(const void *caller, const char *const *names, size_t count, void **found);

/* The same of the modules behind this library, in the loader's order: what dlsym(RTLD_NEXT) finds, but for functions
 * that are chosen at run time. To be asked before dlsym is: what that does not find is an error which the program
 * is shown by dlerror, and whose text its next dlsym frees, by the program's own free. */
void port_symbols_behind(const char *const *names, size_t count, void **found);

/* --- Stacks and modules ------------------------------------------------------ */

/* The lowest and the highest address of the calling thread's own stack, on which
 * stack_address lies: every word at or above the stack pointer is readable until
 * the thread ends. False: not known (a coroutine's, a signal's). Reads a file. */
bool port_thread_stack(uintptr_t stack_address, uintptr_t *low, uintptr_t *high);

/* Does the calling thread run on a signal stack (sigaltstack) now? Its bounds, then. */
bool port_signal_stack(uintptr_t *low, uintptr_t *high);

/* Is the page readable? For stacks whose bounds are not known. */
bool port_is_readable(uintptr_t address);

/* A file that is mapped for execution. */
struct port_module {
    uintptr_t begin, end;         /* of the whole mapping */
    uintptr_t bias;               /* address minus p_vaddr */
    const uint8_t *unwind_header; /* .eh_frame_hdr, on 32-bit Arm .ARM.exidx; NULL: none */
    size_t unwind_header_bytes;
    const uint8_t *tables_begin, *tables_end; /* the readable segment that holds it */
    const uint8_t *code_begin, *code_end; /* the readable segment that holds the address; may be NULL, NULL */
    const uint8_t *build_id;              /* in the mapping; NULL: none */
    uint32_t build_id_bytes;
    char path[512]; /* empty: not known */
};

/* The module that holds a code address. No lock of the loader, and no allocation;
 * may read a file. False: none does. */
bool port_find_module(uintptr_t address, struct port_module *module);

/* What the loader says at once of the module that holds an address. */
struct port_module_mark {
    uintptr_t begin, end;
    uintptr_t unwind_header;
    uintptr_t handle; /* the loader's own */
};

/* As port_find_module, without a look into the file's headers: the same mark is the same
 * module as long as it stays loaded. False: none does, or there is no short way here. */
bool port_find_mark(uintptr_t address, struct port_module_mark *mark);

/* prepare runs in the parent just before fork(), parent and child just after. */
void port_fork_handlers(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/* --- Text ---------------------------------------------------------------- */

/* A file that a descriptor leads to; no file's: both 0. */
struct port_file_identity {
    uint64_t device, inode;
};

/* Standard error's, as it is now, if it is a place for lines: a terminal, a pipe, a file that is only written, a
 * local socket (the system's log). Both 0 where it is none, as a client's connection or a file that is read, too. */
struct port_file_identity port_error_identity(void);

/* From now on nothing is written to standard error but while it is this file: a program may have closed it, and
 * opened its data, or a client's connection, in its place. At the start, by one thread. */
void port_keep_error(struct port_file_identity identity);

/* Writes to standard error in one piece. False: it is another file than was to be kept. */
bool port_write_error(const char *text, size_t length);

/* Appends to a file, which is made where it is missing; in one piece. Opens and closes
 * it, so that the program's descriptors stay as they are. False: it could not. */
bool port_append(const char *path, const char *text, size_t length);

/* The errno values that other folders name; port_error_text knows the rest. */
#define PORT_ERROR_NO_MEMORY 12
#define PORT_ERROR_NO_SPACE 28
#define PORT_ERROR_NAME_TOO_LONG 36

/* A static text for an errno value that the tracker's own messages use. */
const char *port_error_text(int error);

/* errno is the program's: slow paths keep it. */
int port_errno_get(void);
void port_errno_set(int value);

#endif /* HT_PORT_PORT_H */
