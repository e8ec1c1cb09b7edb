/* SPDX-License-Identifier: MIT
 *
 * chain_route.c - learning the ways that walks have taken, so that the next capture by
 * the same way compares words instead of walking (chain.c). Only while editing.
 */
#include "unwind/chain_internal.h"

/* In words above sp; false: that is no place that a route can name. */
static bool above_sp(uint64_t sp, uint64_t address, uint16_t *out)
{
    const uint64_t bytes = address - sp;

    *out = (uint16_t)(bytes / MEMORY_WORD);
    return bytes % MEMORY_WORD == 0 && bytes / MEMORY_WORD < ROUTE_FP_REGISTER;
}

/* A route in the making. */
struct way {
    struct route route;
    struct route_fps fps;
    uint64_t begin; /* sp */
};

/* Notes that the walk asked for fp: where it came from (0: the register), what it was. */
static bool add_fp(struct way *w, uint64_t from, uint64_t fp)
{
    const uint32_t n = w->route.fps;
    uint16_t at = ROUTE_FP_REGISTER, is;

    if ((from != 0 && !above_sp(w->begin, from, &at)) || !above_sp(w->begin, fp, &is))
        return false;
    if (n > 0 && w->fps.at[n - 1] == at)
        return true;
    if (n == ROUTE_FPS)
        return false;
    w->fps.at[n] = at;
    w->fps.is[n] = is;
    w->route.fps++;
    return true;
}

/* The way of the walk; false: it cannot be told as a route. */
MEMORY_RAW static bool make_way(struct chain *c, struct way *w, uint64_t pc, uint64_t sp, uint64_t fp,
                                const struct found *f)
{
    uint64_t from = 0;

    *w = (struct way){.route = {.pc = pc, .sp = (uint32_t)sp, .words = (uint8_t)(f->frames - 1)},
                      .fps = {.joins_by_fp = c->frames[f->join].fp_needed},
                      .begin = sp};
    for (uint32_t n = 0; n < f->frames; n++) {
        const struct cfi_rule *rule = rule_known(c, n == 0 ? pc : memory_word(f->at[n - 1]));

        if (!above_sp(sp, f->at[n], &w->route.at[n]) || (rule->kind == RULE_FP && !add_fp(w, from, fp)))
            return false;
        if (rule->fp_words != 0) {
            from = f->at[n] - bytes_of_words(rule->ra_words) + bytes_of_words(rule->fp_words);
            fp = memory_word(from);
        }
    }
    return !w->fps.joins_by_fp || add_fp(w, from, fp);
}

/* The id of the route, which is kept at its place. What is beyond the numbers is 0. */
static uint32_t keep_route(struct chain *c, struct way *w, uint64_t join_at)
{
    const uint32_t index = route_index(w->route.pc, w->begin, join_at);

    w->route.id = c->routes[index].id;
    if (w->route.id == 0 || memcmp(&c->routes[index], &w->route, sizeof w->route) != 0 ||
        memcmp(&c->route_fps[index], &w->fps, sizeof w->fps) != 0) {
        w->route.id = c->next_route++;
        c->routes[index] = w->route;
        c->route_fps[index] = w->fps;
    }
    return w->route.id;
}

MEMORY_RAW void route_learn(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, const struct found *f,
                            uint32_t id)
{
    const struct chain_frame *join = &c->frames[f->join];
    struct trace trace = {.node = join->node, .id = id, .ra_words = join->ra_words};
    uint64_t hash = trace_hash_begin(join->node, pc, sp);
    struct way way;

    if (f->frames > ROUTE_WORDS + 1 || !make_way(c, &way, pc, sp, fp, f))
        return;
    trace.route = keep_route(c, &way, f->at[f->frames - 1]);
    for (uint32_t n = 0; n + 1 < f->frames; n++) {
        trace.words[n] = memory_word(f->at[n]);
        hash = trace_hash_word(hash, trace.words[n]);
    }
    c->traces[TRACE_PLACE(hash)] = trace;
}
