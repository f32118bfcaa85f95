/* Reading the trail: an account's events, newest first, through its files from their ends. A search looks at
 * so many bytes and then says where it stopped, so that it never takes long. */
#ifndef LOCALAWS_TRAIL_SEARCH_H
#define LOCALAWS_TRAIL_SEARCH_H

#include "localaws/region.h"

enum { SEARCH_MOST = 50, SEARCH_BYTES = 64 << 20 };

struct trail_search {
    const char *account;
    int64_t from_ms, until_ms; /* of eventTime, both included */
    bool data;                 /* data events instead of management events */
    /* Texts that must be in an event as they are in its JSON, before it is parsed (NULL: none), and whether
     * it is one that is wanted (NULL: all). */
    const char *holds;
    bool (*wanted)(json_t *event, void *context);
    void *context;
    size_t most;
    const char *continues; /* a mark given before, or NULL: begin with the newest */
};

struct trail_found {
    json_t *event;    /* parsed; lives as long as the arena */
    const char *text; /* as it is in the file */
};

/* `found` has room for `most`. `*continues` is NULL at the end. ERROR_INVALID for a mark that is none. */
int trail_search(struct region *region, struct arena *arena, const struct trail_search *search,
                 struct trail_found *found, size_t *count, const char **continues, struct error *err);

#endif
