/* SPDX-License-Identifier: MIT */
#include "model/maps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define DELETED " (deleted)"

static bool cut_ending(char *text, const char *ending)
{
    size_t length = strlen(text), cut = strlen(ending);
    bool has = length > cut && strcmp(text + length - cut, ending) == 0;

    if (has)
        text[length - cut] = '\0';
    return has;
}

/* BEGIN-END MODE OFFSET DEVICE INODE PATH. False: of no file. */
static bool take_apart(char *line, struct mapping *mapping)
{
    char *path = strchr(line, '/'), *range_end = strchr(line, ' ');

    if (path == NULL || range_end == NULL)
        return false;
    *range_end = '\0';
    path[strcspn(path, "\n")] = '\0';
    mapping->range = line;
    mapping->is_deleted = cut_ending(path, DELETED);
    mapping->path = path;
    return true;
}

void maps_each(uint32_t pid, mapping_visitor *visit, void *context)
{
    char path[64], *line = NULL;
    size_t capacity = 0;
    struct mapping mapping;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    file = fopen(path, "re");
    while (file && getline(&line, &capacity, file) > 0)
        if (take_apart(line, &mapping) && !visit(context, &mapping))
            break;
    free(line);
    if (file)
        fclose(file);
}
