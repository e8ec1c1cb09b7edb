/* SPDX-License-Identifier: MIT */
#include "entry/fail_sites.h"

#include <string.h>

#include "port/port.h"

#define FILE_BYTES_MAX ((size_t)4 << 20)

struct chosen_code {
    uint64_t begin, end; /* 0, 0: the whole module */
    char kind;           /* b, p or n */
    const char *key;     /* into the text */
};

static struct {
    char *text;
    struct chosen_code *pieces;
    size_t count;
} chosen;

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads a number and the space after it; NULL: there is none. */
static char *take_number(char *at, uint64_t *number)
{
    char *from = at;

    for (*number = 0; hex_digit(*at) >= 0; at++)
        *number = *number << 4 | (uint64_t)hex_digit(*at);
    return at == from || *at != ' ' ? NULL : at + 1;
}

static bool take_line(char *line, struct chosen_code *piece)
{
    char *at = take_number(line, &piece->begin);

    at = at == NULL ? NULL : take_number(at, &piece->end);
    if (at == NULL || strchr("bpn", at[0]) == NULL || at[0] == '\0' || at[1] != ':')
        return false;
    piece->kind = at[0];
    piece->key = at + 2;
    return true;
}

const char *fail_sites_read(const char *path)
{
    size_t length, lines = 0;

    chosen.text = port_map_private(FILE_BYTES_MAX);
    length = chosen.text == NULL ? 0 : port_read_file(path, chosen.text, FILE_BYTES_MAX - 1);
    for (size_t i = 0; i < length; i++)
        lines += chosen.text[i] == '\n';
    if (lines == 0)
        return "the file cannot be read, or says nothing";
    chosen.pieces = port_map_private(lines * sizeof *chosen.pieces);
    if (chosen.pieces == NULL)
        return "there is no memory for it";
    for (char *line = chosen.text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        if (!take_line(line, &chosen.pieces[chosen.count]))
            return "a line is not as 'heaptracker run --fail-site' writes them";
        chosen.count++;
    }
    return NULL;
}

/* * is any text, ? any character; the rest stands for itself. */
static bool glob(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) { /* the star takes one more */
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool same_build(const char *hex, const struct state_module *module)
{
    for (uint32_t i = 0; i < module->build_id_bytes; i++, hex += 2) {
        if (hex_digit(hex[0]) != module->build_id[i] >> 4 || hex_digit(hex[1]) != (module->build_id[i] & 15))
            return false;
    }
    return module->build_id_bytes > 0 && *hex == '\0';
}

static bool is_of(const struct chosen_code *piece, const struct state_module *module)
{
    const char *slash = strrchr(module->path, '/');

    switch (piece->kind) {
    case 'b': return same_build(piece->key, module);
    case 'p': return strcmp(piece->key, module->path) == 0;
    default: return glob(piece->key, slash == NULL ? module->path : slash + 1);
    }
}

bool fail_sites_match(uint64_t where, const struct state_module *module)
{
    /* A return address is one past the call. */
    uint64_t address = (where & STATE_WHERE_ADDRESS_MASK) - ((where & STATE_WHERE_INTERRUPTED) ? 0 : 1);
    uint64_t offset = address - (module == NULL ? 0 : module->bias);

    for (size_t i = 0; module != NULL && i < chosen.count; i++) {
        const struct chosen_code *piece = &chosen.pieces[i];

        if ((piece->end == 0 || (offset >= piece->begin && offset < piece->end)) && is_of(piece, module))
            return true;
    }
    return false;
}
