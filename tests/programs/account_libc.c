/* SPDX-License-Identifier: MIT
 *
 * Functions of the libc that return a block for the caller to free. Whatever the
 * binding sees of the libc's own calls, the caller holds exactly one block more,
 * and its free is neither foreign nor counted twice. With the shared libc wrapped,
 * the size is what the function promises; else it is what the libc asked for.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <sys/stat.h>
#include <wchar.h>

#include "check.h"

static struct ht_totals before;

static void begin(void)
{
    before = totals_now();
}

/* Checks that since begin() exactly this block came to be and stayed, and frees it. */
static void expect_block(int line, void *block, size_t promised)
{
    if (!block) {
        say("%s:%d: no block: errno %d\n", __FILE__, line, errno);
        _exit(1);
    }
    const struct ht_totals now = totals_now();
    const int64_t grown = now.live_bytes - before.live_bytes;
    check_eq(__FILE__, line, "one live block more", now.live_blocks - before.live_blocks, 1);
    check_eq(__FILE__, line, "it is the block returned", (int64_t)ht_block_size(block), grown);
    if (!LIBC_CALLS_SEEN) {
        check_eq(__FILE__, line, "the promised size", grown, (int64_t)promised);
        check_eq(__FILE__, line, "counted once", (int64_t)(now.allocs - before.allocs), 1);
    } else if (grown < (int64_t)promised || grown > (int64_t)malloc_usable_size(block)) {
        say("%s:%d: size %lld of a block that holds %zu\n", __FILE__, line, (long long)grown, promised);
        _exit(1);
    }
    free(block);
    struct ht_totals rest = totals_now();
    check_eq(__FILE__, line, "live as before", rest.live_bytes, before.live_bytes);
    check_eq(__FILE__, line, "no foreign free", (int64_t)rest.foreign_frees, (int64_t)before.foreign_frees);
}
#define EXPECT_BLOCK(block, promised) expect_block(__LINE__, block, promised)

static void strings(void)
{
    begin();
    char *s = strdup("hello");
    EXPECT_BLOCK(s, 6);
    begin();
    s = strndup("hello", 3);
    CHECK(strcmp(s, "hel") == 0);
    EXPECT_BLOCK(s, 4);
    begin();
    s = strndup("hello", 100);
    EXPECT_BLOCK(s, 6);
    begin();
    wchar_t *w = wcsdup(L"wide");
    EXPECT_BLOCK(w, 5 * sizeof(wchar_t));
}

static int vasprintf_of(char **out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(out, format, arguments);
    va_end(arguments);
    return length;
}

static void formatted(void)
{
    char *s = NULL;
    begin();
    CHECK_EQ(asprintf(&s, "%d-%s", 42, "x"), 4);
    CHECK(strcmp(s, "42-x") == 0);
    EXPECT_BLOCK(s, 5);
    begin();
    CHECK_EQ(asprintf(&s, "%3000d", 1), 3000);
    EXPECT_BLOCK(s, 3001);
    begin();
    CHECK_EQ(vasprintf_of(&s, "%s", "four"), 4);
    EXPECT_BLOCK(s, 5);
}

static void lines_of_a_file(const char *path)
{
    FILE *file = fopen(path, "w+");
    CHECK(file);
    for (int i = 0; i < 100; i++)
        fprintf(file, "short\n");
    for (int i = 0; i < 1000; i++)
        fputc('a' + i % 26, file);
    fprintf(file, ":rest\n");
    rewind(file);
    fgetc(file); /* the stream's own buffer exists from here on */
    ungetc('s', file);

    char *line = NULL;
    size_t room = 0;
    begin();
    CHECK_EQ(getline(&line, &room, file), 6);
    EXPECT_BLOCK(line, room);

    /* A block of the caller's that grows under getline's hands */
    line = malloc(2);
    room = 2;
    const struct ht_totals t0 = totals_now();
    CHECK_EQ(getline(&line, &room, file), 6);
    CHECK_EQ(totals_now().live_blocks, t0.live_blocks);
    CHECK_EQ(ht_block_size(line), room);
    for (int i = 2; i < 100; i++)
        CHECK_EQ(getline(&line, &room, file), 6);
    CHECK_EQ(getdelim(&line, &room, ':', file), 1001);
    CHECK_EQ(ht_block_size(line), room);
    CHECK_EQ(totals_now().live_blocks, t0.live_blocks);
    CHECK_EQ(totals_now().foreign_frees, t0.foreign_frees);
    CHECK_EQ(getline(&line, &room, file), 5);
    free(line);

    /* At the end of the file glibc allocates all the same. */
    line = NULL;
    room = 0;
    begin();
    CHECK_EQ(getline(&line, &room, file), -1);
    if (line)
        EXPECT_BLOCK(line, room);
    fclose(file);
}

static void paths(const char *directory)
{
    char given[PATH_MAX];
    begin();
    char *s = realpath(".", NULL);
    const size_t length = s ? strlen(s) : 0;
    EXPECT_BLOCK(s, length + 1);
    begin();
    CHECK(realpath("/", given) == given);
    CHECK_EQ(totals_now().live_blocks, before.live_blocks);
    CHECK(realpath("/no/such/file", NULL) == NULL);
    CHECK_EQ(totals_now().live_blocks, before.live_blocks);
#ifdef __GLIBC__
    begin();
    s = canonicalize_file_name(".");
    EXPECT_BLOCK(s, length + 1);
    begin();
    s = getcwd(NULL, 0);
    EXPECT_BLOCK(s, length + 1);
#else
    begin();
    s = getcwd(NULL, PATH_MAX);
    EXPECT_BLOCK(s, length + 1);
#endif
    begin();
    CHECK(getcwd(given, sizeof given) == given);
    CHECK_EQ(totals_now().live_blocks, before.live_blocks);
    begin();
    s = get_current_dir_name();
    EXPECT_BLOCK(s, length + 1);
    begin();
    s = tempnam(directory, "ab");
    const size_t name_length = s ? strlen(s) : 0;
    EXPECT_BLOCK(s, name_length + 1);
}

static int none(const struct dirent *entry)
{
    (void)entry;
    return 0;
}

static void no_entry_of_a_directory(const char *directory)
{
    struct dirent **list = NULL;
    begin();
    CHECK_EQ(scandir(directory, &list, none, alphasort), 0);
    free(list);
    CHECK_EQ(totals_now().live_bytes, before.live_bytes);
    CHECK_EQ(totals_now().failed_allocs, before.failed_allocs);
    CHECK_EQ(totals_now().foreign_frees, before.foreign_frees);
}

static void entries_of_a_directory(const char *directory)
{
    struct dirent **list = NULL;
    begin();
    const int count = scandir(directory, &list, NULL, alphasort);
    CHECK_EQ(count, 5); /* ., .., three files */
    CHECK_EQ(totals_now().live_blocks - before.live_blocks, count + 1);
    CHECK(ht_block_size(list) >= (size_t)count * sizeof *list);
    for (int i = 0; i < count; i++) {
        CHECK(ht_block_size(list[i]) >= offsetof(struct dirent, d_name) + strlen(list[i]->d_name) + 1);
        free(list[i]);
    }
    free(list);
    CHECK_EQ(totals_now().live_bytes, before.live_bytes);
    CHECK_EQ(totals_now().foreign_frees, before.foreign_frees);
}

/* The block is the caller's after fflush or fclose. */
static void memory_streams(void)
{
    char *text = NULL;
    size_t size = 0;
    begin();
    FILE *stream = open_memstream(&text, &size);
    fprintf(stream, "hello");
    fflush(stream);
    CHECK_EQ(ht_block_size(text) >= 6, 1);
    for (int i = 0; i < 5000; i++)
        fputc('x', stream);
    fclose(stream);
    CHECK_EQ(size, 5005);
    /* It may have moved: taken up twice, the first time given back. */
    CHECK_EQ(totals_now().live_blocks - before.live_blocks, 1);
    CHECK_EQ(totals_now().live_bytes - before.live_bytes, ht_block_size(text));
    CHECK(LIBC_CALLS_SEEN ? ht_block_size(text) >= 5006 : ht_block_size(text) == 5006);
    free(text);
    CHECK_EQ(totals_now().live_bytes, before.live_bytes);
    CHECK_EQ(totals_now().foreign_frees, before.foreign_frees);

    wchar_t *wide = NULL;
    begin();
    stream = open_wmemstream(&wide, &size);
    fputwc(L'w', stream);
    fclose(stream);
    CHECK_EQ(size, 1);
    EXPECT_BLOCK(wide, 2 * sizeof(wchar_t));
}

int main(void)
{
    need_tracker();
    char directory[] = "/tmp/ht-libc-XXXXXX", path[64];
    CHECK(mkdtemp(directory));
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/file%d", directory, i);
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    strings();
    formatted();
    lines_of_a_file(path);
    paths(directory);
    entries_of_a_directory(directory);
    no_entry_of_a_directory(directory);
    memory_streams();
    CHECK_EQ(totals_now().invalid_frees, 0);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/file%d", directory, i);
        unlink(path);
    }
    rmdir(directory);
    return 0;
}
