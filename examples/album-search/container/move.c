/* A content node that is retired hands its documents to those that stay, over the mTLS that nodes of an
 * application have, and deletes what was taken. What is there already is newer: containers write to the new
 * places from the moment that they are told. When nothing came for a while, it says that all has moved. */
#include "service.h"

#include "base/clock.h"
#include "base/text.h"
#include "index.h"
#include "logs.h"
#include "place.h"
#include "zone/names.h"

#include <string.h>

enum {
    LOOK_EVERY_MS = 500,
    BATCH = 100,
    TIMEOUT_MS = 10 * 1000,
    EMPTY_LONG_ENOUGH_MS = 3000, /* for containers that were told later than we */
};

/* "id:mynamespace:album::1" */
static bool id_of(struct arena *arena, const char *text, struct document_id *id)
{
    char **parts;
    size_t count = text_split(arena, text, ':', &parts);
    if (count < 5 || !text_equal(parts[0], "id") || *parts[3])
        return false;
    *id = (struct document_id){parts[1], parts[2], strstr(text, "::") + 2};
    return true;
}

static int give(struct service *service, const struct node_config *config, struct arena *arena,
                const struct hit *hit, struct error *err)
{
    struct document_id id;
    if (!id_of(arena, hit->id, &id))
        return error_set(err, ERROR_INTERNAL, "document '%.100s' has no id of ours", hit->id);
    const struct content_node *to = &config->content[place_of(config, hit->id)];
    json_t *document = json_pack("{s:O}", "fields", hit->fields);
    const char *body = json_text(arena, document);
    json_decref(document);
    struct http_call call = {
        .method = HTTP_POST,
        .url = arena_format(arena, "https://[%s]:%d%s?absent=true", to->address, NODE_PORT,
                            document_path(arena, &id)),
        .body = body,
        .body_length = strlen(body),
        .timeout_ms = TIMEOUT_MS,
        .answer_limit = 1 << 16,
        .check_context = (void *)config->peer_principal,
    };
    struct http_reply reply;
    http_headers_add(arena, &call.headers, "Content-Type", "application/json");
    if (http_call(service->peers, &call, arena, &reply, err) < 0 ||
        http_reply_check(&reply, to->hostname, err) < 0)
        return error_context(err, "give a document to %s", to->hostname);
    return index_delete(service->index, &id, err);
}

static int move_batch(struct service *service, const struct node_config *config, size_t *moved,
                      struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct query everything = {.everything = true, .hits = BATCH};
    struct hits hits;
    *moved = 0;
    if (index_search(service->index, arena, &everything, &hits, err) < 0)
        return -1;
    for (size_t i = 0; i < hits.count; i++, (*moved)++)
        if (give(service, config, arena, &hits.items[i], err) < 0)
            return -1;
    return 0;
}

static void move_some(struct service *service, int64_t *empty_since)
{
    const struct node_config *config = service_config(service);
    struct error err = {0};
    size_t moved = 0;
    if (!config->retired || !place_has_others(config)) {
        atomic_store(&service->moved, false);
        *empty_since = 0;
        return;
    }
    if (move_batch(service, config, &moved, &err) < 0)
        logs_vespa(service->logs, "warning", "content.move", "documents are not moved: %s", err.message);
    if (moved > 0)
        logs_vespa(service->logs, "info", "content.move", "%zu documents moved", moved);
    int64_t now = clock_monotonic_ms();
    if (index_count(service->index) > 0)
        *empty_since = 0;
    else if (!*empty_since)
        *empty_since = now;
    atomic_store(&service->moved, *empty_since && now - *empty_since >= EMPTY_LONG_ENOUGH_MS);
}

void *move_thread(void *context)
{
    int64_t empty_since = 0;
    for (;;) {
        move_some(context, &empty_since);
        clock_sleep_ms(LOOK_EVERY_MS);
    }
    return NULL;
}
