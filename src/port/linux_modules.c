/* SPDX-License-Identifier: MIT
 *
 * linux_modules.c - which file is mapped where, without the loader's lock: by
 * glibc's _dl_find_object (2.35 and later), else by /proc/self/maps; and the bounds
 * of a thread's stack, by the same file.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "port/linux_calls.h"
#include "port/port.h"

/* --- /proc/self/maps ------------------------------------------------------------ */

static int open_maps(void)
{
    return call_open("/proc/self/maps", O_RDONLY, 0);
}

struct map_line {
    uintptr_t begin, end;
    uint64_t offset;
    char permissions[5];
    char path[512];
};

static uint64_t read_hex(const char **text)
{
    uint64_t value = 0;

    for (;; (*text)++) {
        char c = **text;

        if (c >= '0' && c <= '9')
            value = value * 16 + (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (uint64_t)(c - 'a' + 10);
        else
            return value;
    }
}

/* "begin-end perm offset dev inode     path" */
static void parse_line(const char *text, struct map_line *line)
{
    size_t length = 0;

    line->begin = (uintptr_t)read_hex(&text);
    text += *text == '-';
    line->end = (uintptr_t)read_hex(&text);
    text += *text == ' ';
    for (unsigned i = 0; i < 4 && *text != '\0'; i++)
        line->permissions[i] = *text++;
    line->permissions[4] = '\0';
    text += *text == ' ';
    line->offset = read_hex(&text);
    for (unsigned field = 0; field < 2; field++) {
        text += *text == ' ';
        while (*text != '\0' && *text != ' ')
            text++;
    }
    while (*text == ' ')
        text++;
    while (*text != '\0' && length + 1 < sizeof line->path)
        line->path[length++] = *text++;
    line->path[length] = '\0';
}

/* What a reading of the mappings takes: too much for a coroutine's stack, which a thread may be on. */
struct map_reading {
    struct map_line line;
    char text[16384];
};

/* The lines of file fd, one by one, until one is found. */
static bool visit_lines(int fd, struct map_reading *reading,
                        bool (*each)(void *user, const struct map_line *line), void *user)
{
    const size_t room = sizeof reading->text - 1;
    size_t held = 0;

    for (;;) {
        ssize_t got = call_read(fd, reading->text + held, room - held);
        char *begin = reading->text;
        char *newline;

        if (got <= 0)
            return false;
        held += (size_t)got;
        reading->text[held] = '\0';
        while ((newline = strchr(begin, '\n')) != NULL) {
            *newline = '\0';
            parse_line(begin, &reading->line);
            if (each(user, &reading->line))
                return true;
            begin = newline + 1;
        }
        held -= (size_t)(begin - reading->text);
        memmove(reading->text, begin, held);
        if (held == room)
            held = 0; /* a line longer than any path: not one of ours */
    }
}

/* Calls each(user, line) for every mapping, until it returns true. */
static bool visit_maps(bool (*each)(void *user, const struct map_line *line), void *user)
{
    struct map_reading *reading = port_map_private(sizeof *reading);
    int fd = reading == NULL ? -1 : open_maps();
    bool found = fd >= 0 && visit_lines(fd, reading, each, user);

    if (fd >= 0)
        call_close(fd);
    if (reading != NULL)
        port_unmap(reading, sizeof *reading);
    return found;
}

/* Linux 6.11 tells the mapping of one address, in a time that does not grow with the number of mappings: each thread
 * asks for its stack. (PROCMAP_QUERY and struct procmap_query of include/uapi/linux/fs.h, which older headers have not.) */
struct mapping_query {
    uint64_t bytes, flags, address;     /* in; flags 0: any mapping that has the address in it */
    uint64_t begin, end;                /* out */
    uint64_t permissions, page, offset; /* out */
    uint64_t inode;
    uint32_t major, minor;
    uint32_t name_bytes, build_id_bytes; /* in; 0: is not asked for */
    uint64_t name, build_id;
};
#define MAPPING_QUERY _IOWR('f', 17, struct mapping_query)

/* False: the kernel does not know of such questions, or nothing is mapped there. */
static bool ask_for_mapping(uintptr_t address, uintptr_t *begin, uintptr_t *end)
{
    struct mapping_query query = {.bytes = sizeof query, .address = address};
    int fd = open_maps();
    bool told = fd >= 0 && syscall(SYS_ioctl, fd, MAPPING_QUERY, &query) == 0;

    if (fd >= 0)
        call_close(fd);
    *begin = (uintptr_t)query.begin;
    *end = (uintptr_t)query.end;
    return told;
}

/* --- Stacks -------------------------------------------------------------------------- */

struct stack_search {
    uintptr_t address;
    uintptr_t low, high;
    uintptr_t below; /* the end of the mapping before */
    bool is_main;
};

/* The first thread's stack, by the bytes that the kernel puts there: under valgrind it has no name. */
static bool has_random(uintptr_t begin, uintptr_t end)
{
    return (uintptr_t)getauxval(AT_RANDOM) - begin < end - begin;
}

static bool find_stack(void *user, const struct map_line *line)
{
    struct stack_search *search = user;

    if (search->address < line->begin || search->address >= line->end) {
        search->below = line->end;
        return false;
    }
    search->low = line->begin;
    search->high = line->end;
    search->is_main = strcmp(line->path, "[stack]") == 0 || has_random(line->begin, line->end);
    return true;
}

/* The first thread's stack grows down as far as its limit lets it, or to what lies below. */
static void extend_main_stack(struct stack_search *search)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < search->high && search->high - limit.rlim_cur < search->low)
        search->low = search->high - (uintptr_t)limit.rlim_cur;
    if (search->low < search->below)
        search->low = search->below;
}

/* Both libcs keep a thread's static variables at the top of its stack, above all frames. */
static PORT_THREAD_LOCAL char above_frames;

/* The kernel tells mappings of a kind that lie side by side as one: what is above the thread's own stack may
 * be a coroutine's, and go. False: these are not the thread's frames. */
static bool end_at_thread(struct stack_search *search)
{
    const uintptr_t end = (uintptr_t)&above_frames & ~(uintptr_t)(sizeof(uintptr_t) - 1);

    if (end <= search->address || end > search->high)
        return false;
    search->high = end;
    return true;
}

#if defined(__GLIBC__)
/* Where the memory of the thread's stack begins, as its libc knows it, if that is within the mapping: struct pthread, at
 * pthread_self(), has it as `stackblock` and `stackblock_size`, side by side in each glibc, and lies at that memory's end.
 * (pthread_getattr_np takes a lock that the thread may hold, as it allocates with it.) 0: it is not within, nor is
 * struct pthread: the first thread's lies elsewhere. */
static uintptr_t block_of_thread(const struct stack_search *search)
{
    const uintptr_t *at = (const void *)pthread_self(), self = (uintptr_t)at;
    const uintptr_t end = self + 4096 < search->high ? self + 4096 : search->high;

    for (; self > search->low && (uintptr_t)(at + 2) <= end; at++)
        if (at[0] > search->low && at[0] < self && at[1] > self - at[0] && at[1] <= search->high - at[0])
            return at[0];
    return 0;
}
#else
static uintptr_t block_of_thread(const struct stack_search *search)
{
    pthread_attr_t attributes; /* musl: reads two fields, and no more */
    void *low = NULL;
    size_t bytes;

    (void)search;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0)
        (void)pthread_attr_getstack(&attributes, &low, &bytes);
    return (uintptr_t)low;
}
#endif

/* What is below it may be a coroutine's, too, where no guard page is between: the program gave the thread its stack, or
 * asked for no guard. False: these are not the thread's frames. */
static bool begin_at_thread(struct stack_search *search)
{
    const uintptr_t low = block_of_thread(search);

    if (low > search->low)
        search->low = low;
    return search->low <= search->address;
}

bool port_thread_stack(uintptr_t stack_address, uintptr_t *low, uintptr_t *high)
{
    struct stack_search search = {.address = stack_address};
    int error = errno;
    /* Where the first thread's may grow to follows from its neighbour. */
    bool found =
        (ask_for_mapping(stack_address, &search.low, &search.high) && !has_random(search.low, search.high)) ||
        visit_maps(find_stack, &search);

    if (found && search.is_main)
        extend_main_stack(&search);
    else if (found)
        found = begin_at_thread(&search) && end_at_thread(&search);
    errno = error;
    *low = found ? search.low : 0;
    *high = found ? search.high : 0;
    return found;
}

bool port_is_readable(uintptr_t address)
{
    int error = errno;
    /* The kernel reads the set before it finds that it is to do nothing known with it: EINVAL. (mincore says
     * yes of what is mapped and cannot be read.) No set, at address 0, would be fine. */
    bool readable = address >= 8 &&
                    syscall(SYS_rt_sigprocmask, -1L, address & ~(uintptr_t)7, NULL, (size_t)8) != 0 &&
                    errno == EINVAL;

    errno = error;
    return readable;
}

/* --- Modules -------------------------------------------------------------------------- */

static void find_build_id(struct port_module *module, const uint8_t *notes, size_t bytes)
{
    while (bytes >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const void *)notes;
        size_t name = (note->n_namesz + 3u) & ~3u;
        size_t content = (note->n_descsz + 3u) & ~3u;

        if (name > bytes - sizeof *note || content > bytes - sizeof *note - name)
            return;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(note + 1, "GNU", 4) == 0) {
            module->build_id = notes + sizeof *note + name;
            module->build_id_bytes = note->n_descsz;
            return;
        }
        notes += sizeof *note + name + content;
        bytes -= sizeof *note + name + content;
    }
}

#if defined(__arm__)
#define UNWIND_SEGMENT PT_ARM_EXIDX
#else
#define UNWIND_SEGMENT PT_GNU_EH_FRAME
#endif

/* Fills in what the program headers say. They are looked for in the first page of
 * the mapping, where every linker puts them. */
static void read_headers(struct port_module *module, uintptr_t address)
{
    const ElfW(Ehdr) *elf = (const void *)module->begin;
    const ElfW(Phdr) * headers;

    if (module->end - module->begin < 4096 || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 ||
        elf->e_phentsize != sizeof *headers || elf->e_phoff + (size_t)elf->e_phnum * sizeof *headers > 4096)
        return;
    headers = (const void *)(module->begin + elf->e_phoff);
    module->bias = elf->e_type == ET_DYN ? module->begin : 0;
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        if (headers[i].p_type == PT_LOAD && headers[i].p_offset == 0)
            module->bias = module->begin - headers[i].p_vaddr;
    }
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        if (headers[i].p_type == UNWIND_SEGMENT) {
            module->unwind_header = (const uint8_t *)(module->bias + headers[i].p_vaddr);
            module->unwind_header_bytes = headers[i].p_memsz;
        }
    }
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        const uintptr_t begin = module->bias + headers[i].p_vaddr;

        if (headers[i].p_type == PT_NOTE && module->build_id == NULL)
            find_build_id(module, (const uint8_t *)begin, headers[i].p_memsz);
        if (headers[i].p_type != PT_LOAD || (headers[i].p_flags & PF_R) == 0)
            continue;
        if ((uintptr_t)module->unwind_header - begin < headers[i].p_filesz) {
            module->tables_begin = (const uint8_t *)begin;
            module->tables_end = module->tables_begin + headers[i].p_filesz;
        }
        if (address - begin < headers[i].p_filesz) {
            module->code_begin = (const uint8_t *)begin;
            module->code_end = module->code_begin + headers[i].p_filesz;
        }
    }
    if (module->tables_begin == NULL)
        module->unwind_header = NULL;
}

static void copy_path(struct port_module *module, const char *path)
{
    size_t length = strnlen(path, sizeof module->path - 1);

    memcpy(module->path, path, length);
    module->path[length] = '\0';
}

struct module_search {
    uintptr_t address;
    struct port_module *module;
    uintptr_t base; /* of the file whose mappings are being passed */
    char path[512];
    bool inside; /* the address lies in one of them */
};

/* A file's mappings follow each other; the one of its first page begins them. */
static bool find_file(void *user, const struct map_line *line)
{
    struct module_search *search = user;

    if (search->inside && (line->path[0] == '\0' || strcmp(line->path, search->path) != 0))
        return true;
    if (line->path[0] == '\0' || line->path[0] == '[') {
        search->path[0] = '\0';
        return false;
    }
    if (line->offset == 0 || strcmp(line->path, search->path) != 0) {
        if (search->inside)
            return true;
        search->base = line->offset == 0 ? line->begin : 0;
        memcpy(search->path, line->path, sizeof search->path);
    }
    if (search->address >= line->begin && search->address < line->end)
        search->inside = search->base != 0;
    if (search->base != 0) {
        search->module->begin = search->base;
        search->module->end = line->end;
    }
    return false;
}

static bool find_by_maps(uintptr_t address, struct port_module *module)
{
    struct module_search search = {.address = address, .module = module};

    if (!visit_maps(find_file, &search) && !search.inside)
        return false;
    copy_path(module, search.path);
    return true;
}

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 35)

/* The kernel maps a program's segments, and there may be holes between them. Then the loader knows each piece
 * by itself, but the module is all of them, from the page with the headers on. */
static void widen_to_program(struct port_module *module, uintptr_t bias)
{
    const ElfW(Phdr) *headers = (const void *)getauxval(AT_PHDR);
    const uintptr_t page = port_page_bytes();
    uintptr_t low = UINTPTR_MAX, high = 0;

    for (size_t i = 0; i < getauxval(AT_PHNUM); i++) {
        const uintptr_t begin = headers[i].p_vaddr, end = begin + headers[i].p_memsz;

        if (headers[i].p_type != PT_LOAD)
            continue;
        low = begin < low ? begin : low;
        high = end > high ? end : high;
    }
    if (low < high) {
        module->begin = (bias + low) & ~(page - 1);
        module->end = (bias + high + page - 1) & ~(page - 1);
    }
}

/* The loader keeps a name as it was given one, such as "./plugin.so": that of the mapping is good wherever the
 * program has gone since. */
static void find_path(struct port_module *module, uintptr_t address, const char *name)
{
    struct port_module mapped;

    if (name[0] == '/' || !find_by_maps(address, &mapped))
        copy_path(module, name);
    else
        copy_path(module, mapped.path);
}

static bool find_by_loader(uintptr_t address, struct port_module *module)
{
    struct dl_find_object object;
    const struct link_map *map;

    if (_dl_find_object((void *)address, &object) != 0)
        return false;
    map = object.dlfo_link_map;
    module->begin = (uintptr_t)object.dlfo_map_start;
    module->end = (uintptr_t)object.dlfo_map_end;
    module->unwind_header = object.dlfo_eh_frame;
    if (module->begin == (uintptr_t)getauxval(AT_SYSINFO_EHDR))
        copy_path(module, "[vdso]");
    else if (map != NULL && map->l_name != NULL && map->l_name[0] != '\0')
        find_path(module, address, map->l_name);
    else if (map != NULL) {
        port_program_path(module->path, sizeof module->path);
        widen_to_program(module, map->l_addr);
    }
    return true;
}

bool port_find_mark(uintptr_t address, struct port_module_mark *mark)
{
    struct dl_find_object object;

    if (port_is_static() || _dl_find_object((void *)address, &object) != 0)
        return false;
    mark->begin = (uintptr_t)object.dlfo_map_start;
    mark->end = (uintptr_t)object.dlfo_map_end;
    mark->unwind_header = (uintptr_t)object.dlfo_eh_frame;
    mark->handle = (uintptr_t)object.dlfo_link_map;
    return true;
}

#else

static bool find_by_loader(uintptr_t address, struct port_module *module)
{
    return find_by_maps(address, module);
}

bool port_find_mark(uintptr_t address, struct port_module_mark *mark)
{
    (void)address;
    (void)mark;
    return false;
}

#endif

/* A static program's loader is not ready while libc starts, and allocates then. */
static bool find_mapping(uintptr_t address, struct port_module *module)
{
    return port_is_static() ? find_by_maps(address, module) : find_by_loader(address, module);
}

bool port_find_module(uintptr_t address, struct port_module *module)
{
    int error = errno;
    bool found;

    __builtin_memset(module, 0, sizeof *module);
    found = find_mapping(address, module);
    if (found)
        read_headers(module, address);
    errno = error;
    return found;
}
