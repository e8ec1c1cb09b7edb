/* SPDX-License-Identifier: MIT */
#include "model/shrink.h"

#include "model/compact.h"
#include "model/profile.h"

void shrink_file(const char *path, const struct rss *rss)
{
    struct snapshot snapshot;
    struct snapshot_error error;
    struct profile profile;

    if (!snapshot_load(&snapshot, path, &error))
        return; /* whoever reads it at the end says so */
    if (rss != NULL) {
        rss_fill_timeline(rss, &snapshot);
        rss_into_timeline(rss, &snapshot);
    }
    profile_of(&profile, &snapshot);
    snapshot_compact(&snapshot, &profile);
    (void)snapshot_write(&snapshot, path); /* no room for a second file: the first is still there */
    profile_free(&profile);
    snapshot_free(&snapshot);
}
