/* A B+ tree whose nodes are counted references. A node that only this tree holds is changed in place, another
 * is copied first, so that a transaction of many changes copies each node once. Full nodes are split and
 * meagre ones merged on the way down, so that nothing has to be done on the way up but count. */
#include "configserver/records/sorted.h"

#include <string.h>

enum { WIDTH = 16, LEAST = 5, DEEPEST = 24 };

struct sorted_node {
    atomic_int references;
    uint16_t height; /* 0: a leaf, its slots are entries; otherwise nodes of the height below */
    uint16_t used;
    uint32_t count;      /* entries below it */
    struct entry *first; /* the lowest of them; held by its leaf */
    void *slots[WIDTH];
};

static struct sorted_node *child(const struct sorted_node *node, size_t index)
{
    return node->slots[index];
}

static void hold_slot(const struct sorted_node *node, size_t index)
{
    if (node->height == 0)
        entry_hold(node->slots[index]);
    else
        atomic_fetch_add_explicit(&child(node, index)->references, 1, memory_order_relaxed);
}

static void drop_node(struct sorted_node *node)
{
    if (atomic_fetch_sub_explicit(&node->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < node->used; i++)
        if (node->height == 0)
            entry_drop(node->slots[i]);
        else
            drop_node(node->slots[i]); /* as deep as the tree is high */
    free(node);
}

static struct sorted_node *new_node(uint16_t height)
{
    struct sorted_node *node = memory_alloc(sizeof *node);
    atomic_init(&node->references, 1);
    node->height = height;
    return node;
}

/* The node, or a copy that only we hold; takes over the caller's reference. */
static struct sorted_node *own(struct sorted_node *node)
{
    if (atomic_load_explicit(&node->references, memory_order_acquire) == 1)
        return node;
    struct sorted_node *copy = new_node(node->height);
    copy->used = node->used;
    copy->count = node->count;
    copy->first = node->first;
    memcpy(copy->slots, node->slots, node->used * sizeof node->slots[0]);
    for (size_t i = 0; i < copy->used; i++)
        hold_slot(copy, i);
    drop_node(node);
    return copy;
}

static void recount(struct sorted_node *node)
{
    node->count = 0;
    for (size_t i = 0; i < node->used; i++)
        node->count += node->height == 0 ? 1 : child(node, i)->count;
    node->first = node->used == 0 ? NULL : node->height == 0 ? node->slots[0] : child(node, 0)->first;
}

struct place {
    sorted_of *order;
    const char *of, *key;
};

static int compare(const struct place *place, const struct entry *entry)
{
    int order = place->order ? strcmp(place->of, place->order(entry->object)) : 0;
    return order != 0 ? order : strcmp(place->key, entry->key);
}

/* In a leaf: how many are before the place. */
static size_t leaf_slot(const struct sorted_node *leaf, const struct place *place, bool *exact)
{
    size_t low = 0, high = leaf->used;
    *exact = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare(place, leaf->slots[middle]);
        if (order == 0) {
            *exact = true;
            return middle;
        }
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Above: the child in which the place is. */
static size_t inner_slot(const struct sorted_node *node, const struct place *place)
{
    size_t low = 0, high = node->used - 1u;
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (compare(place, child(node, middle)->first) >= 0)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

struct sorted sorted_share(const struct sorted *tree)
{
    if (tree->root)
        atomic_fetch_add_explicit(&tree->root->references, 1, memory_order_relaxed);
    return *tree;
}

void sorted_drop(struct sorted *tree)
{
    if (tree->root)
        drop_node(tree->root);
    tree->root = NULL;
}

size_t sorted_count(const struct sorted *tree)
{
    return tree->root ? tree->root->count : 0;
}

struct entry *sorted_find(const struct sorted *tree, const char *of, const char *key)
{
    const struct place place = {tree->of, of, key};
    const struct sorted_node *node = tree->root;
    bool exact = false;
    if (!node)
        return NULL;
    while (node->height > 0)
        node = child(node, inner_slot(node, &place));
    size_t slot = leaf_slot(node, &place, &exact);
    return exact ? node->slots[slot] : NULL;
}

size_t sorted_rank(const struct sorted *tree, const char *of, const char *key)
{
    const struct place place = {tree->of, of, key};
    const struct sorted_node *node = tree->root;
    size_t rank = 0;
    bool exact;
    if (!node)
        return 0;
    while (node->height > 0) {
        size_t slot = inner_slot(node, &place);
        for (size_t i = 0; i < slot; i++)
            rank += child(node, i)->count;
        node = child(node, slot);
    }
    return rank + leaf_slot(node, &place, &exact);
}

struct entry *sorted_at(const struct sorted *tree, size_t rank, const struct sorted_node **leaf, size_t *slot)
{
    const struct sorted_node *node = tree->root;
    if (rank >= sorted_count(tree))
        return NULL;
    while (node->height > 0) {
        size_t i = 0;
        while (rank >= child(node, i)->count)
            rank -= child(node, i++)->count;
        node = child(node, i);
    }
    *leaf = node;
    *slot = rank;
    return node->slots[rank];
}

struct entry *sorted_next(const struct sorted_node *leaf, size_t *slot)
{
    return ++*slot < leaf->used ? leaf->slots[*slot] : NULL;
}

static void insert_slot(struct sorted_node *node, size_t at, void *slot)
{
    memmove(node->slots + at + 1, node->slots + at, (node->used - at) * sizeof node->slots[0]);
    node->slots[at] = slot;
    node->used++;
}

static void remove_slot(struct sorted_node *node, size_t at)
{
    node->used--;
    memmove(node->slots + at, node->slots + at + 1, (node->used - at) * sizeof node->slots[0]);
}

/* Moves slots between neighbours until the left has `wanted`; both are ours. */
static void share_out(struct sorted_node *left, struct sorted_node *right, size_t wanted)
{
    if (left->used < wanted) {
        size_t moved = wanted - left->used;
        memcpy(left->slots + left->used, right->slots, moved * sizeof left->slots[0]);
        memmove(right->slots, right->slots + moved, (right->used - moved) * sizeof right->slots[0]);
        right->used = (uint16_t)(right->used - moved);
    } else {
        size_t moved = left->used - wanted;
        memmove(right->slots + moved, right->slots, right->used * sizeof right->slots[0]);
        memcpy(right->slots, left->slots + wanted, moved * sizeof right->slots[0]);
        right->used = (uint16_t)(right->used + moved);
    }
    left->used = (uint16_t)wanted;
    recount(left);
    recount(right);
}

/* The child at `at`, ours and full, becomes two. */
static void split_child(struct sorted_node *node, size_t at)
{
    struct sorted_node *left = child(node, at), *right = new_node(left->height);
    share_out(left, right, WIDTH / 2);
    insert_slot(node, at + 1, right);
}

static struct sorted_node *own_child(struct sorted_node *node, size_t at)
{
    return node->slots[at] = own(child(node, at));
}

/* The way down to a leaf, all of it ours. */
struct way {
    struct sorted_node *nodes[DEEPEST];
    size_t length;
};

static struct sorted_node *go_down(struct way *way, struct sorted_node *node)
{
    way->nodes[way->length++] = node;
    return node;
}

static void recount_way(struct way *way)
{
    while (way->length > 0)
        recount(way->nodes[--way->length]);
}

static struct sorted_node *root_with_room(struct sorted *tree)
{
    if (!tree->root)
        return tree->root = new_node(0);
    tree->root = own(tree->root);
    if (tree->root->used == WIDTH) {
        struct sorted_node *root = new_node((uint16_t)(tree->root->height + 1));
        insert_slot(root, 0, tree->root);
        split_child(root, 0);
        tree->root = root;
    }
    return tree->root;
}

void sorted_put(struct sorted *tree, struct entry *entry)
{
    const struct place place = {tree->of, tree->of ? tree->of(entry->object) : NULL, entry->key};
    struct way way = {.length = 0};
    struct sorted_node *node = go_down(&way, root_with_room(tree));
    while (node->height > 0) {
        size_t at = inner_slot(node, &place);
        if (own_child(node, at)->used == WIDTH) {
            split_child(node, at);
            at += compare(&place, child(node, at + 1)->first) >= 0;
        }
        node = go_down(&way, child(node, at));
    }
    bool exact;
    size_t slot = leaf_slot(node, &place, &exact);
    entry_hold(entry);
    if (exact) {
        entry_drop(node->slots[slot]);
        node->slots[slot] = entry;
    } else {
        insert_slot(node, slot, entry);
    }
    recount_way(&way);
}

/* A meagre child gets from its neighbour, or becomes one with it. */
static void feed_child(struct sorted_node *node, size_t at)
{
    size_t first = at > 0 ? at - 1 : 0;
    struct sorted_node *left = own_child(node, first), *right = own_child(node, first + 1);
    size_t all = (size_t)left->used + right->used;
    share_out(left, right, all <= WIDTH ? all : all / 2);
    if (right->used > 0)
        return;
    drop_node(right);
    remove_slot(node, first + 1);
}

static void lower_root(struct sorted *tree)
{
    while (tree->root->height > 0 && tree->root->used == 1) {
        struct sorted_node *root = tree->root;
        tree->root = child(root, 0);
        root->used = 0;
        drop_node(root);
    }
    if (tree->root->used == 0)
        sorted_drop(tree);
}

void sorted_remove(struct sorted *tree, const char *of, const char *key)
{
    const struct place place = {tree->of, of, key};
    struct way way = {.length = 0};
    if (!sorted_find(tree, of, key))
        return;
    struct sorted_node *node = go_down(&way, tree->root = own(tree->root));
    while (node->height > 0) {
        size_t at = inner_slot(node, &place);
        if (own_child(node, at)->used <= LEAST && node->used > 1) {
            feed_child(node, at);
            at = inner_slot(node, &place);
        }
        node = go_down(&way, child(node, at));
    }
    bool exact;
    size_t slot = leaf_slot(node, &place, &exact);
    struct entry *entry =
        node->slots[slot]; /* others' `first` may still be this one until they are counted */
    remove_slot(node, slot);
    recount_way(&way);
    entry_drop(entry);
    lower_root(tree);
}

static const char *broken_rule(const struct sorted_node *node, bool root)
{
    uint32_t count = 0;
    if (node->used == 0 || node->used > WIDTH || (!root && node->used < LEAST))
        return "a node has too few or too many";
    for (size_t i = 0; i < node->used; i++) {
        const char *rule = node->height == 0 ? NULL : broken_rule(child(node, i), false);
        if (rule)
            return rule;
        if (node->height > 0 && child(node, i)->height + 1 != node->height)
            return "leaves are not all at one depth";
        count += node->height == 0 ? 1 : child(node, i)->count;
    }
    if (count != node->count)
        return "a count is wrong";
    return node->first == (node->height == 0 ? node->slots[0] : child(node, 0)->first) ? NULL
                                                                                       : "a first is wrong";
}

const char *sorted_broken_rule(const struct sorted *tree)
{
    const char *rule = tree->root ? broken_rule(tree->root, true) : NULL;
    const struct sorted_node *leaf;
    const struct entry *before = NULL;
    for (size_t rank = 0, slot; !rule && rank < sorted_count(tree); rank++) {
        const struct entry *entry = sorted_at(tree, rank, &leaf, &slot);
        const struct place place = {tree->of, tree->of ? tree->of(entry->object) : NULL, entry->key};
        if (before && compare(&place, before) <= 0)
            rule = "not sorted";
        before = entry;
    }
    return rule;
}
