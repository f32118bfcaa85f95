#include "place.h"

#include "base/text.h"

static uint64_t weight(const char *node, const char *document)
{
    uint64_t hash =
        14695981039346656037u; /* FNV-1a, and a mix, as neighbours in name must not be so in weight */
    for (const char *at = node; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    for (const char *at = document; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
    return hash ^ (hash >> 33);
}

size_t place_of(const struct node_config *config, const char *document)
{
    size_t best = 0;
    uint64_t heaviest = 0;
    bool found = false, found_staying = false;
    for (size_t i = 0; i < config->content_count; i++) {
        const struct content_node *node = &config->content[i];
        uint64_t heavy = weight(node->hostname, document);
        if (node->retired && found_staying)
            continue;
        bool first_to_stay = !node->retired && !found_staying;
        if (found && !first_to_stay && heavy <= heaviest)
            continue;
        best = i;
        heaviest = heavy;
        found = true;
        found_staying |= !node->retired;
    }
    return best;
}

bool place_has_others(const struct node_config *config)
{
    for (size_t i = 0; i < config->content_count; i++)
        if (!config->content[i].retired && !text_equal(config->content[i].hostname, config->hostname))
            return true;
    return false;
}
