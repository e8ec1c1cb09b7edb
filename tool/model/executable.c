/* SPDX-License-Identifier: MIT
 *
 * executable.c - libelf checks the file's offsets. Sections are read, which are there
 * in all programs but those that were stripped with special tools.
 */
#include "model/executable.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

/* Those with a malloc; UndefinedBehaviorSanitizer has none, and is tracked. ASan's runtime
 * contains LSan's, so it comes first. */
static const struct sanitizer sanitizers[] = {
    {"asan", "AddressSanitizer", "address", true}, {"hwasan", "HWAddressSanitizer", "hwaddress", true},
    {"tsan", "ThreadSanitizer", "thread", false},  {"msan", "MemorySanitizer", "memory", false},
    {"lsan", "LeakSanitizer", "leak", true},
};

/* gcc's libasan.so.8, clang's libclang_rt.asan-x86_64.so */
static bool is_runtime(const struct sanitizer *sanitizer, const char *library)
{
    static const char *const begins[] = {"lib", "libclang_rt."};
    size_t stem = strlen(sanitizer->stem);

    for (size_t i = 0; i < HT_ARRAY_LENGTH(begins); i++) {
        size_t begin = strlen(begins[i]);

        if (strncmp(library, begins[i], begin) == 0 && strncmp(library + begin, sanitizer->stem, stem) == 0 &&
            (library[begin + stem] == '.' || library[begin + stem] == '-'))
            return true;
    }
    return false;
}

/* The function that a program calls first which was compiled for it. */
static bool is_start(const struct sanitizer *sanitizer, const char *symbol)
{
    char name[32];

    snprintf(name, sizeof name, "__%s_init", sanitizer->stem);
    return strcmp(symbol, name) == 0;
}

/* The first of the table that fits stays, in whatever order the file names them. */
static void take_sanitizer(struct executable *executable, const char *name,
                           bool (*fits)(const struct sanitizer *, const char *))
{
    for (size_t i = 0; i < HT_ARRAY_LENGTH(sanitizers); i++)
        if (fits(&sanitizers[i], name) &&
            (executable->sanitizer == NULL || executable->sanitizer > &sanitizers[i]))
            executable->sanitizer = &sanitizers[i];
}

static void take_needed(struct executable *executable, Elf *elf, const GElf_Shdr *header, Elf_Data *data)
{
    GElf_Dyn entry;

    for (int i = 0; gelf_getdyn(data, i, &entry) != NULL && entry.d_tag != DT_NULL; i++) {
        const char *name =
            entry.d_tag == DT_NEEDED ? elf_strptr(elf, header->sh_link, entry.d_un.d_val) : NULL;

        if (name != NULL)
            take_sanitizer(executable, name, is_runtime);
    }
}

/* gcc's static runtimes are in .symtab alone, but for the functions that they replace. */
static void take_symbols(struct executable *executable, Elf *elf, const GElf_Shdr *header, Elf_Data *data)
{
    GElf_Sym symbol;

    for (int i = 0; gelf_getsym(data, i, &symbol) != NULL; i++) {
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);

        if (name != NULL && strcmp(name, "heaptracker_preloaded") == 0)
            executable->has_tracker = true; /* it looks for that, weakly (src/entry/wrap.c) */
        if (name == NULL || symbol.st_shndx == SHN_UNDEF || GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
            continue;
        take_sanitizer(executable, name, is_start);
        if (header->sh_type == SHT_DYNSYM && strcmp(name, "malloc") == 0)
            executable->defines_malloc = true;
    }
}

static void take_notes(struct executable *executable, Elf_Data *data)
{
    GElf_Nhdr note;
    size_t at = 0, name, text;

    while ((at = gelf_getnote(data, at, &note, &name, &text)) > 0) {
        if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof "GNU" ||
            memcmp((const char *)data->d_buf + name, "GNU", sizeof "GNU") != 0 ||
            note.n_descsz > sizeof executable->build_id)
            continue;
        memcpy(executable->build_id, (const char *)data->d_buf + text, note.n_descsz);
        executable->build_id_bytes = note.n_descsz;
    }
}

static void take_sections(struct executable *executable, Elf *elf)
{
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        Elf_Data *data;

        if (gelf_getshdr(section, &header) == NULL || header.sh_type == SHT_NOBITS)
            continue;
        if (header.sh_type != SHT_DYNAMIC && header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB &&
            header.sh_type != SHT_NOTE)
            continue;
        data = elf_getdata(section, NULL);
        if (data == NULL)
            continue;
        if (header.sh_type == SHT_DYNAMIC)
            take_needed(executable, elf, &header, data);
        else if (header.sh_type == SHT_NOTE)
            take_notes(executable, data);
        else
            take_symbols(executable, elf, &header, data);
    }
}

static void take_code(struct executable *executable, Elf *elf)
{
    GElf_Phdr segment;

    for (int i = 0; gelf_getphdr(elf, i, &segment) != NULL; i++) {
        if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X) ||
            executable->code_count == EXECUTABLE_CODE_MAX)
            continue;
        executable->code[executable->code_count].begin = segment.p_vaddr;
        executable->code[executable->code_count++].end = segment.p_vaddr + segment.p_memsz;
    }
}

bool executable_has_code(const struct executable *executable, uint64_t address)
{
    for (size_t i = 0; i < executable->code_count; i++)
        if (address >= executable->code[i].begin && address <= executable->code[i].end)
            return true;
    return executable->code_count == 0 || executable->code_count == EXECUTABLE_CODE_MAX;
}

bool executable_read(struct executable *executable, const char *path)
{
    GElf_Ehdr header;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    Elf *elf;
    bool is_elf;

    *executable = (struct executable){0};
    if (fd < 0)
        return false;
    elf_version(EV_CURRENT);
    elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    is_elf = elf != NULL && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) != NULL;
    if (is_elf) {
        executable->word_bits = gelf_getclass(elf) == ELFCLASS64 ? 64 : 32;
        take_sections(executable, elf);
        take_code(executable, elf);
    }
    if (elf != NULL)
        elf_end(elf);
    close(fd);
    return is_elf;
}
