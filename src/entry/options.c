/* SPDX-License-Identifier: MIT */
#include "entry/options.h"

#include "base/format.h"
#include "sink/log.h"

struct option_text {
    char name[32];
    char value[OPTIONS_PATH_BYTES];
};

/* Each returns NULL, or what a right value would be. */
static const char *set_state_dir(struct options *options, const char *value)
{
    struct line line;

    if (value[0] != '/')
        return "an absolute path of a directory";
    line_init(&line, options->state_dir, sizeof options->state_dir);
    line_add(&line, value);
    return NULL;
}

static const char *set_threshold(struct options *options, const char *value)
{
    uint64_t bytes;

    /* Live bytes are signed: none can be above INT64_MAX. */
    if (!parse_size(value, __builtin_strlen(value), &bytes) || bytes > INT64_MAX)
        return "a number of bytes below 8 EiB, with K, M or G for times 1024 (threshold=12M)";
    options->threshold_bytes = bytes;
    return NULL;
}

static const char *set_limit(struct options *options, const char *value)
{
    uint64_t bytes;

    /* 0 stands for none in the state file. */
    if (!parse_size(value, __builtin_strlen(value), &bytes) || bytes == 0)
        return "a number of bytes above 0, with K, M or G for times 1024 (limit=256K; for failures "
               "from the first allocation on fail_at=1+)";
    options->limit_bytes = bytes;
    return NULL;
}

static const char *set_fail_at(struct options *options, const char *value)
{
    size_t length = __builtin_strlen(value);
    bool and_after = length > 0 && value[length - 1] == '+';
    uint64_t number;

    if (!parse_size(value, length - and_after, &number) || number == 0)
        return "the number of an allocation, 1 is the first; with a + all after it fail too (fail_at=7+)";
    options->fail.at = number;
    options->fail.at_and_after = and_after;
    return NULL;
}

static const char *set_fail_rate(struct options *options, const char *value)
{
    return parse_rate(value, &options->fail.rate, &options->fail.seed)
               ? NULL
               : "a share from 0 to 1, and a colon and a number that chooses which (fail_rate=0.01\\:42)";
}

static const char *set_fail_sites(struct options *options, const char *value)
{
    struct line line;

    if (value[0] != '/')
        return "the absolute path of a file that 'heaptracker run --fail-site' wrote";
    line_init(&line, options->fail.sites, sizeof options->fail.sites);
    line_add(&line, value);
    return NULL;
}

static const char *set_flag(bool *flag, const char *value)
{
    if ((value[0] != '0' && value[0] != '1') || value[1] != '\0')
        return "0 or 1";
    *flag = value[0] == '1';
    return NULL;
}

static const char *set_quiet(struct options *options, const char *value)
{
    return set_flag(&options->quiet, value);
}

static const char *set_mark_lost(struct options *options, const char *value)
{
    return set_flag(&options->mark_lost, value);
}

static const char *set_sizes(struct options *options, const char *value)
{
    return set_flag(&options->sizes, value);
}

static const char *set_stacks(struct options *options, const char *value)
{
    static const struct {
        const char *name;
        enum unwind_mode mode;
    } modes[] = {{"full", UNWIND_FULL},
                 {"caller", UNWIND_CALLER},
                 {"fp", UNWIND_FRAME_POINTER},
                 {"none", UNWIND_NONE}};

    for (size_t i = 0; i < HT_ARRAY_LENGTH(modes); i++) {
        if (__builtin_strcmp(value, modes[i].name) == 0) {
            options->stacks = modes[i].mode;
            return NULL;
        }
    }
    return "full, caller, fp or none";
}

static const char *set_depth(struct options *options, const char *value)
{
    uint64_t depth;

    if (!parse_size(value, __builtin_strlen(value), &depth) || depth == 0 || depth > CHAIN_DEPTH_MAX)
        return "a number of frames, 1 to 128";
    options->depth = (uint32_t)depth;
    return NULL;
}
_Static_assert(CHAIN_DEPTH_MAX == 128, "named in set_depth's text");

static const char *set_interval(struct options *options, const char *value)
{
    uint64_t interval;

    if (!parse_size(value, __builtin_strlen(value), &interval) || interval == 0 || interval > 86400000)
        return "milliseconds, 1 to 86400000";
    options->interval_ms = interval;
    return NULL;
}

static const char *set_log(struct options *options, const char *value)
{
    struct line line;

    options->log = value[0] == '1' && value[1] == '\0';
    if (options->log || (value[0] == '0' && value[1] == '\0'))
        return NULL;
    if (value[0] != '/')
        return "1 for standard error, or a file's absolute path (log=/tmp/calls.log)";
    options->log = true;
    line_init(&line, options->log_file, sizeof options->log_file);
    line_add(&line, value);
    return NULL;
}

static const char *set_parent(struct options *options, const char *value)
{
    uint64_t pid;

    if (!parse_size(value, __builtin_strlen(value), &pid) || pid == 0 || pid > INT32_MAX)
        return "the pid of the process whose children are tracked, and theirs are not";
    options->parent = (uint32_t)pid;
    return NULL;
}

/* DEVICE-INODE */
static const char *set_stderr(struct options *options, const char *value)
{
    size_t length = 0;

    while (value[length] != '\0' && value[length] != '-')
        length++;
    if (value[length] != '-' || !parse_size(value, length, &options->error.device) ||
        !parse_size(value + length + 1, __builtin_strlen(value + length + 1), &options->error.inode))
        return "the numbers of the device and inode of the file that standard error has to be (stderr=1-2)";
    return NULL;
}

static const struct option_kind {
    const char *name;
    const char *(*set)(struct options *options, const char *value);
} option_kinds[] = {
    /* clang-format off */
    {"state_dir", set_state_dir},
    {"threshold", set_threshold},
    {"limit", set_limit},
    {"fail_at", set_fail_at},
    {"fail_rate", set_fail_rate},
    {"fail_sites", set_fail_sites},
    {"quiet", set_quiet},
    {"mark_lost", set_mark_lost},
    {"stacks", set_stacks},
    {"depth", set_depth},
    {"interval", set_interval},
    {"sizes", set_sizes},
    {"log", set_log},
    {"parent", set_parent},
    {"stderr", set_stderr},
    /* clang-format on */
};

#define OPTION_NAMES                                                                                \
    "state_dir, threshold, limit, fail_at, fail_rate, fail_sites, quiet, stacks, depth, interval, " \
    "sizes, log, parent, mark_lost, stderr"

/* Copies up to `end` or a separator, without the escapes. Returns where it
 * stopped; *cut says that it did not fit. */
static const char *copy_part(const char *text, char end, char *to, size_t capacity, bool *cut)
{
    size_t length = 0;

    *cut = false;
    for (; *text != '\0' && *text != ':' && *text != end; text++) {
        if (*text == '\\' && (text[1] == ':' || text[1] == '\\'))
            text++;
        if (length + 1 < capacity)
            to[length++] = *text;
        else
            *cut = true;
    }
    to[length] = '\0';
    return text;
}

static void complain_about(void (*complain)(const char *), const char *name, const char *value,
                           const char *remedy)
{
    char text[LOG_LONG_LINE_BYTES];
    struct line line;

    line_init(&line, text, sizeof text);
    line_add(&line, "heaptracker: HEAPTRACKER_OPTIONS: ");
    line_add(&line, name);
    line_add(&line, value == NULL ? "" : "=");
    line_add(&line, value == NULL ? "" : value);
    line_add(&line, remedy);
    complain(text);
}

static void apply(struct options *options, const struct option_text *option, bool has_value,
                  void (*complain)(const char *))
{
    for (size_t i = 0; i < HT_ARRAY_LENGTH(option_kinds); i++) {
        const char *expected;
        char remedy[LOG_LINE_BYTES];
        struct line line;

        if (__builtin_strcmp(option_kinds[i].name, option->name) != 0)
            continue;
        expected = option_kinds[i].set(options, has_value ? option->value : "");
        if (expected == NULL)
            return;
        line_init(&line, remedy, sizeof remedy);
        line_add(&line, " is not valid: give ");
        line_add(&line, expected);
        line_add(&line, "; the default is used");
        complain_about(complain, option->name, option->value, remedy);
        return;
    }
    complain_about(complain, option->name, NULL,
                   " is not an option (they are " OPTION_NAMES "); it is ignored");
}

void options_parse(const char *text, struct options *options, void (*complain)(const char *line))
{
    *options = (struct options){
        .threshold_bytes = UINT64_MAX,
        .limit_bytes = UINT64_MAX,
        .fail.seed = 1,
        .stacks = UNWIND_FULL,
        .depth = CHAIN_DEPTH_DEFAULT,
        .interval_ms = 100,
    };
    while (text != NULL && *text != '\0') {
        struct option_text option;
        bool name_cut;
        bool value_cut = false;
        bool has_value;

        text = copy_part(text, '=', option.name, sizeof option.name, &name_cut);
        has_value = *text == '=';
        option.value[0] = '\0';
        if (has_value)
            text = copy_part(text + 1, '\0', option.value, sizeof option.value, &value_cut);
        if (value_cut)
            complain_about(complain, option.name, NULL, " is too long; the default is used");
        else if (option.name[0] != '\0' || has_value)
            apply(options, &option, has_value, complain);
        if (*text == ':')
            text++;
    }
}
