/* SPDX-License-Identifier: MIT
 *
 * options.c - makes getopt_long's tables and the help text out of option_spec.
 */
#include "options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum {
    OPTIONS_MAX = 24,
    ID_BASE = 256, /* ids of long options: above every letter */
    ID_HELP = ID_BASE + OPTIONS_MAX,
};

void usage_error(const char *command, const char *format, ...)
{
    va_list arguments;
    char text[512];

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    die("%s: %s (see 'heaptracker %s --help')", command, text, command);
}

uint32_t options_count(const char *command, const char *name, const char *value, uint32_t otherwise,
                       uint32_t least, uint32_t most)
{
    uint32_t count;

    if (value == NULL)
        return otherwise;
    if (!parse_u32(value, &count) || count < least || count > most)
        usage_error(command, "--%s=%s is no number from %u to %u", name, value, least, most);
    return count;
}

static bool is_optional(const struct option_spec *spec)
{
    return spec->metavar && spec->metavar[0] == '[';
}

static void print_help(const struct usage *usage, const struct option_spec *specs)
{
    printf("Usage: heaptracker %s\n%s\n\n", usage->synopsis, usage->purpose);
    for (const struct option_spec *spec = specs; spec->name; spec++) {
        char left[64], short_name[8] = "    ";

        if (spec->help == NULL)
            continue;
        if (spec->letter)
            snprintf(short_name, sizeof short_name, "-%c, ", spec->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", short_name, spec->name,
                 spec->metavar && !is_optional(spec) ? "=" : "", spec->metavar ? spec->metavar : "");
        printf("  %-26s %s\n", left, spec->help);
    }
    printf("      --%-20s this text\n", "help");
    if (usage->notes)
        printf("\n%s", usage->notes);
}

/* A file without a name would be complained of without one. */
static void require_name(const char *command, const struct option_spec *spec, const char *value)
{
    static const char *const of_files[] = {"FILE", "OUT", "DIR", "PROGRAM", "IMAGE[@ADDRESS]"};

    for (size_t i = 0; spec->metavar && value && *value == '\0' && i < HT_ARRAY_LENGTH(of_files); i++)
        if (strcmp(spec->metavar, of_files[i]) == 0)
            usage_error(command, "option '--%s' needs a value: %s", spec->name, spec->metavar);
}

static void take(const struct option_spec *spec, const char *value)
{
    if (spec->value)
        *spec->value = value ? value : "";
    if (spec->flag)
        *spec->flag = true;
}

/* getopt's tables. `letters` holds at most "+:" and two characters an option. */
static void make_tables(const struct usage *usage, const struct option_spec *specs, struct option *longs,
                        char *letters)
{
    int count = 0;

    if (usage->operands_last)
        *letters++ = '+';
    *letters++ = ':';
    for (const struct option_spec *spec = specs; spec->name; spec++, count++) {
        if (count == OPTIONS_MAX)
            BUG("too many options in one table");
        int takes = is_optional(spec) ? optional_argument : spec->metavar ? required_argument : no_argument;

        longs[count] = (struct option){spec->name, takes, NULL, ID_BASE + count};
        if (spec->letter)
            *letters++ = spec->letter;
        if (spec->letter && spec->metavar)
            *letters++ = ':';
    }
    longs[count++] = (struct option){"help", no_argument, NULL, ID_HELP};
    longs[count] = (struct option){NULL, 0, NULL, 0};
    *letters = '\0';
}

static const struct option_spec *spec_of(const struct option_spec *specs, int id)
{
    if (id >= ID_BASE && id < ID_HELP)
        return &specs[id - ID_BASE];
    for (const struct option_spec *spec = specs; spec->name; spec++)
        if (spec->letter == id)
            return spec;
    return NULL;
}

int options_parse(int argc, char **argv, const struct usage *usage, const struct option_spec *specs)
{
    struct option longs[OPTIONS_MAX + 2];
    char letters[2 * OPTIONS_MAX + 3];
    const struct option_spec *spec;
    int id;

    make_tables(usage, specs, longs, letters);
    opterr = 0;
    optind = 0; /* glibc and musl: start anew, prefixes of `letters` included */
    while ((id = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        switch (id) {
        case ID_HELP: print_help(usage, specs); exit(EXIT_FINE);
        case ':':
            spec = spec_of(specs, optopt);
            usage_error(argv[0], "option '%s' needs a value: %s", argv[optind - 1],
                        spec ? spec->metavar : "");
        case '?':
            if (optopt >= ID_BASE)
                usage_error(argv[0], "option '%s' takes no value", argv[optind - 1]);
            if (optopt != 0)
                usage_error(argv[0], "unknown option '-%c'", optopt);
            usage_error(argv[0], "unknown option '%s'", argv[optind - 1]);
        default:
            spec = spec_of(specs, id);
            if (spec == NULL)
                BUG("getopt returned an id that is in no table");
            require_name(argv[0], spec, optarg);
            take(spec, optarg);
            if (usage->each)
                usage->each(usage->context, spec->name, optarg);
        }
    }
    return optind;
}
