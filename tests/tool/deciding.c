/* SPDX-License-Identifier: MIT
 *
 * Which frames pass an allocation on, and which are the program's own: by their names, files and modules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base.h"
#include "model/names.h"

static bool passes_on(const char *function, const char *file, const char *module)
{
    return place_passes_on(
        &(struct place){.function = function, .file = file, .module = module, .named = true});
}

/* Of a program whose name says nothing. */
static bool function_passes_on(const char *function)
{
    return passes_on(function, NULL, "/srv/program");
}

static bool file_passes_on(const char *file)
{
    return passes_on("grow", file, "/srv/program");
}

static void assert_each(const char *const *texts, size_t count, bool (*passes)(const char *), bool expected)
{
    for (size_t i = 0; i < count; i++)
        if (passes(texts[i]) != expected)
            fail_msg("%s %s on", texts[i], expected ? "does not pass" : "passes");
}

#define ASSERT_PASS_ON(texts, passes) assert_each(texts, HT_ARRAY_LENGTH(texts), passes, true)
#define ASSERT_DECIDE(texts, passes) assert_each(texts, HT_ARRAY_LENGTH(texts), passes, false)

static void rusts_library_passes_on(void **unused)
{
    static const char *const functions[] = {
        "alloc::fmt::format::format_inner",
        "<hashbrown::raw::RawTableInner>::new_uninitialized::<alloc::alloc::Global>",
        "<<alloc::string::String as core::clone::Clone>::clone as "
        "core::ops::function::FnOnce<()>>::call_once",
        "alloc::str::<impl str>::repeat",
        "core::slice::sort::stable::driftsort_main",
    };
    static const char *const files[] = {
        "library/alloc/src/slice.rs",
        "library/core/src/ops/function.rs",
        "library/std/src/io/stdio.rs",
        "/rust/deps/hashbrown-0.16.1/src/raw/mod.rs",
        "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/alloc.rs",
    };

    (void)unused;
    ASSERT_PASS_ON(functions, function_passes_on);
    ASSERT_PASS_ON(files, file_passes_on);
}

static void what_is_only_called_like_rusts_library_is_the_programs(void **unused)
{
    static const char *const functions[] = {"my_crate::grow", "<my_crate::Shelf>::fill", "alloc::format_one"};
    static const char *const files[] = {"library/core/src/queue.c", "src/library/core/src/queue.rs",
                                        "library/core/src/"};

    (void)unused;
    ASSERT_DECIDE(functions, function_passes_on);
    ASSERT_DECIDE(files, file_passes_on);
}

static void wrappers_of_malloc_pass_on_as_templates_and_methods_too(void **unused)
{
    static const char *const functions[] = {
        "xmalloc",
        "g_malloc0_n",
        "sqlite3DbMallocRawNN",
        "zmalloc_usable",
        "ztryrealloc_usable",
        "zcalloc_num",
        "ngx_memalign",
        "MemoryContextAllocZero",
        "AllocateHeap",
        "xmalloc<double>",
        "util::xmalloc<std::pair<int, int> >",
        "pool::xcalloc::<u8>",
        "Mallocator::malloc",
        "pool<malloc_policy>::malloc",
        "Shelf::operator new",
        "Shelf::operator new[]",
        "shop::Shelf<int>::operator new<double>",
    };

    (void)unused;
    ASSERT_PASS_ON(functions, function_passes_on);
}

static void what_has_the_words_elsewhere_in_its_name_is_the_programs(void **unused)
{
    static const char *const functions[] = {
        "",
        ">",
        "<malloc>",
        "Mallocator::grow",
        "Shelf<malloc>::fill",
        "fill<malloc>",
        "Shelf::operator>",
        "malloc_operator>>",
        "Shelf::operator delete",
        "Shelf::cooperator new_one",
        "malloc_stats",
        "zmalloc_used_memory",
        "malloc_usable_size",
        "AllocateHeapDump",
    };

    (void)unused;
    ASSERT_DECIDE(functions, function_passes_on);
}

static bool module_passes_on(const char *module)
{
    return passes_on("grow", NULL, module);
}

static void libraries_that_all_calls_go_through_pass_on(void **unused)
{
    static const char *const modules[] = {
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib/x86_64-linux-gnu/libc-2.31.so",
        "/lib/libc.musl-x86_64.so.1",
        "/usr/lib/llvm-14/lib/libc++.so.1.0",
        "/usr/lib/llvm-14/lib/libc++abi.so.1.0",
        "/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30",
        "/usr/lib/x86_64-linux-gnu/libgfortran.so.5.0.0",
        "/usr/lib/x86_64-linux-gnu/libgnat-12.so",
        "/usr/lib/x86_64-linux-gnu/libgphobos.so.3",
        "/usr/lib/x86_64-linux-gnu/libgcc_s.so.1",
        "/opt/lib/libheaptracker-preload.so",
        "/opt/lib/libheaptracker-preload-musl.so",
        "/lib64/ld-linux-x86-64.so.2",
        "[vdso]",
    };

    (void)unused;
    ASSERT_PASS_ON(modules, module_passes_on);
}

static void a_program_that_is_called_like_a_library_is_none(void **unused)
{
    static const char *const modules[] = {
        "/srv/libc++demo",     "/srv/libc-2demo",        "/srv/libc++",
        "/srv/libgcc_stats",   "/srv/libc.so.d/program", "/srv/libcrypto.so.3",
        "/srv/libc++.so/demo", "/srv/[vdso]x",           "/srv/ld-2048",
    };

    (void)unused;
    ASSERT_DECIDE(modules, module_passes_on);
}

static void assert_source(const char *file, unsigned line, const char *expected)
{
    char *source = place_in_source(&(struct place){.file = file, .line = line});

    assert_string_equal(source, expected);
    free(source);
}

static void a_line_that_is_not_known_is_no_line_0(void **unused)
{
    (void)unused;
    assert_source("/srv/src/shelf.cc", 12, "shelf.cc:12");
    assert_source("/srv/src/shelf.cc", 0, "shelf.cc");
}

static void assert_demangled(const char *symbol, const char *expected)
{
    char *name = name_demangle(symbol);

    assert_string_equal(name, expected);
    free(name);
}

static void names_of_fortran_and_d_are_demangled(void **unused)
{
    (void)unused;
    assert_demangled("__shelf_MOD_fill", "shelf::fill");
    assert_demangled("__shelf_MOD_fill.part.0", "shelf::fill");
    assert_demangled("__MOD_fill", "__MOD_fill");
    assert_demangled("shelf_MOD_fill", "shelf_MOD_fill");
    assert_demangled("__shelf_MOD_", "__shelf_MOD_");
#ifdef HT_HAS_LIBIBERTY
    assert_demangled("_D4shop5shelf4fillFiZv", "shop.shelf.fill");
    assert_demangled("_D1d__T1STiZQf4fillMFNbNiiZv", "d.S!(int).S.fill");
    assert_demangled("_Dmain", "D main");
#endif
    assert_demangled("_Data", "_Data");
}

static void names_of_ada_are_demangled(void **unused)
{
    static const char *const names[][2] = {
#ifdef HT_HAS_LIBIBERTY
        {"shop__shelf__fill", "shop.shelf.fill"},
        {"_ada_shop", "shop"},
#endif
        {"shop", "shop"},
        {"Other_Name", "Other_Name"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *name = name_demangle_ada(names[i][0]);

        assert_string_equal(name, names[i][1]);
        free(name);
    }
}

/* The number of the place that decides, of those from the innermost on. */
static size_t decider_of(const struct place *places, size_t count)
{
    struct deciding deciding = {0};

    for (size_t i = 0; i < count; i++)
        if (deciding_is_known(&deciding, &places[i]))
            break;
    for (size_t i = 0; i < count; i++)
        if (deciding_place(&deciding) == &places[i])
            return i;
    return SIZE_MAX;
}

#define ADDRESS(in)                       \
    {                                     \
        .function = in "+1", .module = in \
    }
#define NAMED(name, in)                               \
    {                                                 \
        .function = name, .module = in, .named = true \
    }
#define ASSERT_DECIDES(number, ...)                                            \
    do {                                                                       \
        const struct place places[] = {__VA_ARGS__};                           \
        assert_int_equal(decider_of(places, HT_ARRAY_LENGTH(places)), number); \
    } while (0)

static void an_address_gives_way_to_its_own_modules_function_alone(void **unused)
{
    (void)unused;
    /* An exported function of a stripped library. */
    ASSERT_DECIDES(2, ADDRESS("/a.so"), ADDRESS("/a.so"), NAMED("a_make", "/a.so"), NAMED("main", "/p"));
    ASSERT_DECIDES(2, NAMED("malloc", "/libc.so.6"), ADDRESS("/a.so"), NAMED("a_make", "/a.so"));
    ASSERT_DECIDES(3, ADDRESS("/a.so"), NAMED("qsort", "/libc.so.6"), ADDRESS("/a.so"),
                   NAMED("a_make", "/a.so"));
    /* What another library calls back: a loop of events, a parser of options. */
    ASSERT_DECIDES(0, ADDRESS("/p"), ADDRESS("/p"), NAMED("event_loop", "/e.so"), NAMED("main", "/p"));
    ASSERT_DECIDES(0, ADDRESS("/a.so"), ADDRESS("/b.so"), NAMED("a_make", "/a.so"));
    ASSERT_DECIDES(1, NAMED("malloc", "/libc.so.6"), ADDRESS("/a.so"), NAMED("dlopen", "/libc.so.6"),
                   NAMED("main", "/p"));
    ASSERT_DECIDES(0, ADDRESS("/p"), ADDRESS("/p"));
    /* Code that a compiler made at run time lies in no file. */
    ASSERT_DECIDES(1, ADDRESS(""), NAMED("run", "/p"));
    ASSERT_DECIDES(2, ADDRESS(""), ADDRESS("/p"), NAMED("run", "/p"));
    ASSERT_DECIDES(0, ADDRESS(""), ADDRESS(""));
    ASSERT_DECIDES(SIZE_MAX, NAMED("malloc", "/libc.so.6"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_fortran_and_d_are_demangled),
        cmocka_unit_test(names_of_ada_are_demangled),
        cmocka_unit_test(rusts_library_passes_on),
        cmocka_unit_test(what_is_only_called_like_rusts_library_is_the_programs),
        cmocka_unit_test(wrappers_of_malloc_pass_on_as_templates_and_methods_too),
        cmocka_unit_test(what_has_the_words_elsewhere_in_its_name_is_the_programs),
        cmocka_unit_test(libraries_that_all_calls_go_through_pass_on),
        cmocka_unit_test(a_program_that_is_called_like_a_library_is_none),
        cmocka_unit_test(an_address_gives_way_to_its_own_modules_function_alone),
        cmocka_unit_test(a_line_that_is_not_known_is_no_line_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
