/* SPDX-License-Identifier: MIT */
#include "model/own_malloc.h"

#include "model/executable.h"
#include "util.h"

bool own_malloc_hides(const struct summary *summary)
{
    struct executable executable;

    return summary->pid != 0 && summary->totals.allocs == 0 && summary->totals.frees == 0 &&
           executable_read(&executable, summary->program) && executable.defines_malloc &&
           !executable.has_tracker;
}

void own_malloc_say(const struct summary *summary)
{
    warning("nothing was counted: %s defines malloc itself, and preloading does not reach that; link the "
            "tracker in (CMake: HeapTracker::wrap), or its allocator as a shared library",
            summary->program);
}
