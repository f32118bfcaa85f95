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

static void find_content(const struct view *view, const char *application, struct arena *arena,
                         struct told *told)
{
    size_t most = view_count_of(view, NODES_OF_APPLICATION, application);
    told->content = arena_alloc(arena, most * sizeof *told->content);
    view_each_of(view, NODES_OF_APPLICATION, application, struct node, node) {
        const struct host *host = has_documents(node) ? view_find(view, RECORD_HOST, node->parent) : NULL;
        if (host && host->node_address)
            told->content[told->content_count++] = (struct content_node){node->hostname, host->node_address,
                                                                         node->retired || host->want_to_fail};
    }
}

static const char *checksum_of(const struct told *told, struct arena *arena)
{
    cleanup(buffer_free) struct buffer text = buffer_new(TOLD_LONGEST);
    for (size_t i = 0; i < told->content_count; i++)
        buffer_format(&text, "%s %s %d\n", told->content[i].hostname, told->content[i].address,
                      told->content[i].retired);
    buffer_format(&text, "%s", told->clients_pem ? told->clients_pem : "");
    return arena_strndup(arena, sha256_hex(arena, buffer_string(&text), text.length), CHECKSUM_LENGTH);
}

struct told told_make(const struct view *view, const struct application *application, const char *cluster,
                      int cluster_type, struct arena *arena)
{
    struct told told = {0};
    find_content(view, application->id, arena, &told);
    if (cluster_type == CLUSTER_CONTAINER) {
        told.clients_pem = application_clients(application, application_cluster(application, cluster));
        told.checksum = checksum_of(&told, arena);
    }
    return told;
}

bool told_is_followed(const struct node *node, const char *checksum)
{
    return !node->config_checksum || !checksum || text_equal(node->config_checksum, checksum);
}
