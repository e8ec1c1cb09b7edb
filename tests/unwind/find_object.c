/* SPDX-License-Identifier: MIT
 *
 * find_object.c - the unwind tables of the module that holds an address, by
 * glibc's _dl_find_object (2.35 and later): no lock, safe in signal handlers.
 *
 * A module's number is given at first sight and never used again. Two modules are
 * one when they lie at the same place and begin with the same bytes, which hold
 * the program headers and, in practice, the build-id: a library that was closed
 * and opened again may keep its number, another in its place gets its own.
 */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include "base/atomic.h"
#include "find_object.h"

/* Modules that one process may load, ever; a later one is number 0, "unknown". */
#define MODULES_MAX 4096u

/* Bytes at a module's begin that tell it from others: ELF header, program headers, notes. */
#define IDENTITY_BYTES 1024u

static struct {
    struct port_module at[MODULES_MAX];
    uint32_t next; /* the next free number - 1: number 0 is none */
} modules;

static uint64_t identity_of(const uint8_t *bytes)
{
    uint64_t hash = 0, word;

    for (unsigned i = 0; i < IDENTITY_BYTES; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

/* Entries are filled, then shown (`ready`); two threads that see a new module at
 * once may give it two numbers, which costs two names for one frame and nothing else. */
static uint16_t module_number(const struct dl_find_object *o)
{
    const struct port_module module = {
        .begin = (uintptr_t)o->dlfo_map_start,
        .end = (uintptr_t)o->dlfo_map_end,
        .identity = identity_of(o->dlfo_map_start),
        .ready = 1,
    };
    uint32_t number = load_relaxed(&modules.next);

    /* The newest first: an older one of the same place is gone. */
    for (uint32_t i = number < MODULES_MAX - 1 ? number : MODULES_MAX - 1; i > 0; i--) {
        const struct port_module *m = &modules.at[i];

        /* Acquire: pairs with the release below. */
        if (load_acquire(&m->ready) && m->begin == module.begin && m->end == module.end &&
            m->identity == module.identity)
            return (uint16_t)i;
    }
    number = add_relaxed(&modules.next, 1u) + 1;
    if (number >= MODULES_MAX)
        return 0;
    modules.at[number].begin = module.begin;
    modules.at[number].end = module.end;
    modules.at[number].identity = module.identity;
    store_release(&modules.at[number].ready, 1u);
    return (uint16_t)number;
}

/* Bounds the tables by the segment that holds .eh_frame_hdr, and the code by the
 * one that holds the address, as the module's own program headers say; the whole
 * map where they are not in the first page. (Between segments may be holes.) */
static void set_extents(const struct dl_find_object *o, uintptr_t address, struct port_object *object)
{
    const uint8_t *map = o->dlfo_map_start;
    const ElfW(Ehdr) *elf = (const void *)map;
    const ElfW(Phdr) * headers;
    uintptr_t bias;

    object->unwind_begin = map;
    object->unwind_end = o->dlfo_map_end;
    object->code_begin = object->code_end = NULL;
    if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_phentsize != sizeof *headers ||
        elf->e_phoff + (size_t)elf->e_phnum * sizeof *headers > 4096)
        return;
    headers = (const void *)(map + elf->e_phoff);
    bias = o->dlfo_link_map ? o->dlfo_link_map->l_addr : elf->e_type == ET_DYN ? (uintptr_t)map : 0;
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        const uintptr_t begin = bias + headers[i].p_vaddr;

        if (headers[i].p_type != PT_LOAD || !(headers[i].p_flags & PF_R))
            continue;
        if ((uintptr_t)object->unwind_header - begin < headers[i].p_filesz) {
            object->unwind_begin = (const uint8_t *)begin;
            object->unwind_end = object->unwind_begin + headers[i].p_filesz;
        }
        if (address - begin < headers[i].p_filesz) {
            object->code_begin = (const uint8_t *)begin;
            object->code_end = object->code_begin + headers[i].p_filesz;
        }
    }
}

bool port_find_object(uintptr_t address, struct port_object *object)
{
    struct dl_find_object o;

    if (_dl_find_object((void *)address, &o) != 0)
        return false;
    object->unwind_header = o.dlfo_eh_frame;
    object->module = module_number(&o);
    set_extents(&o, address, object);
    return true;
}
