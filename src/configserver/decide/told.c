#include "configserver/decide/told.h"

#include "base/buffer.h"
#include "base/text.h"
#include "identity/key.h"

enum { TOLD_LONGEST = 16 << 20, CHECKSUM_LENGTH = 16 };

/* Of those that were never up there are none, and none to give them; those that failed are given up. */
static bool has_documents(const struct node *node)
{
    return node->cluster_type == CLUSTER_CONTENT && node->state == NODE_ACTIVE && node->first_up_at;
}

size_t told_content(const struct view *view, const char *application, struct arena *arena,
                    struct content_node **content)
{
    size_t count = 0;
    *content = arena_alloc(arena, view_count_of(view, NODES_OF_APPLICATION, application) * sizeof **content);
    view_each_of(view, NODES_OF_APPLICATION, application, struct node, node) {
        const struct host *host = has_documents(node) ? view_find(view, RECORD_HOST, node->parent) : NULL;
        if (host && host->node_address)
            (*content)[count++] = (struct content_node){node->hostname, host->node_address,
                                                        node->retired || host->want_to_fail};
    }
    return count;
}

const char *told_checksum(const struct view *view, const struct application *application,
                          const struct cluster *cluster, struct arena *arena)
{
    struct content_node *content;
    if (!cluster || cluster->type != CLUSTER_CONTAINER)
        return NULL;
    const char *clients = application_clients(application, cluster);
    cleanup(buffer_free) struct buffer text = buffer_new(TOLD_LONGEST);
    size_t count = told_content(view, application->id, arena, &content);
    for (size_t i = 0; i < count; i++)
        buffer_format(&text, "%s %s %d\n", content[i].hostname, content[i].address, content[i].retired);
    buffer_format(&text, "%s", clients ? clients : "");
    return arena_strndup(arena, sha256_hex(arena, buffer_string(&text), text.length), CHECKSUM_LENGTH);
}

bool told_is_followed(const struct node *node, const char *checksum)
{
    return !node->config_checksum || !checksum || text_equal(node->config_checksum, checksum);
}
