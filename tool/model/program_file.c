/* SPDX-License-Identifier: MIT
 *
 * program_file.c - a state file does not name the machine. It has the size of its words,
 * most often the program's build-id, and addresses of calls, which lie in the program's code.
 */
#include "model/program_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/executable.h"
#include "util.h"

static const char *build_text(char text[2 * 64 + 1], const unsigned char *id, size_t bytes)
{
    snprintf(text, 2 * 64 + 1, "%s", bytes ? "" : "(none)");
    for (size_t i = 0; i < bytes && i < 64; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    return text;
}

/* The number of the program's module from 1; 0: it is not in the file. A device's has no
 * name there. */
static uint32_t program_module(const struct state_view *view)
{
    const char *program = view->facts ? view->facts->program : "";

    for (uint32_t i = 0; i < view->module_count; i++) {
        const struct state_module *module = state_view_module(view, i);

        if (module != NULL && strcmp(module->path, program) == 0)
            return i + 1;
    }
    return 0;
}

/* How many of the module's calls are known, and how many of them come from the file's code. */
static uint64_t count_calls(const struct state_view *view, uint32_t number,
                            const struct executable *executable, uint64_t *in_code)
{
    const struct state_module *module = state_view_module(view, number - 1);
    uint64_t calls = 0;

    *in_code = 0;
    for (uint32_t id = STATE_STACK_FIRST; module != NULL && id < view->node_count; id++) {
        uint32_t step = id;
        struct state_node node;

        if (!state_view_step(view, &step, &node) || state_where_module(node.where) != number)
            continue;
        calls++;
        *in_code += executable_has_code(executable, (node.where & STATE_WHERE_ADDRESS_MASK) - module->bias);
    }
    return calls;
}

char *program_file_misfit(const struct snapshot *snapshot, const char *path)
{
    const struct state_view *view = &snapshot->view;
    uint32_t number = program_module(view);
    const struct state_module *module = number ? state_view_module(view, number - 1) : NULL;
    struct executable executable;
    char its[2 * 64 + 1], ours[2 * 64 + 1];
    uint64_t calls, in_code;

    if (!executable_read(&executable, path))
        return must_strdup("is no ELF file");
    if (executable.word_bits != view->header->word_bits)
        return must_asprintf("is for a machine of %" PRIu32 " bits, and the numbers are of one of %" PRIu32,
                             executable.word_bits, view->header->word_bits);
    if (module == NULL)
        return NULL;
    if (module->build_id_bytes > 0 && module->build_id_bytes <= sizeof module->build_id &&
        (module->build_id_bytes != executable.build_id_bytes ||
         memcmp(module->build_id, executable.build_id, module->build_id_bytes) != 0))
        return must_asprintf("is of build %s, and the numbers are of build %s",
                             build_text(its, executable.build_id, executable.build_id_bytes),
                             build_text(ours, module->build_id, module->build_id_bytes));
    calls = count_calls(view, number, &executable, &in_code);
    if (in_code < calls - calls / 2) /* all of the program's are, but for a few of damaged stacks */
        return must_asprintf("has code at %" PRIu64 " of the %" PRIu64 " addresses that the numbers have",
                             in_code, calls);
    return NULL;
}
