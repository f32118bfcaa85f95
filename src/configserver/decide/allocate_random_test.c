/* Whatever happens to an application's hosts, in whatever order, and however often it is deployed anew:
 * allocation keeps its promises after every step. A failing seed replays exactly. */
#include "base/text.h"
#include "configserver/decide/allocation.h"
#include "configserver/decide/test_clusters.h"

#include <stdio.h>
#include <string.h>

enum { SEEDS = 10, STEPS = 60, MOST = 256 };

static uint64_t seeds = SEEDS; /* or the first argument */

/* Where each node was when it was first seen. */
struct place_of {
    char hostname[128], cluster[16];
    int64_t group, index;
};

struct world {
    struct test_zone *test;
    struct test_shape shape;
    uint64_t seed;
    struct place_of places[MOST];
    size_t place_count;
};

static uint64_t draw(struct world *world, uint64_t bound)
{
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return (world->seed >> 33) % bound;
}

static const char *everything(struct world *world)
{
    VIEW(view, world->test->zone->repository);
    const struct record *host_record = record_kind_record(RECORD_HOST),
                        *node_record = record_kind_record(RECORD_NODE);
    const char *text = "";
    view_each(view, RECORD_HOST, struct host, host)
        text = arena_format(world->test->arena, "%s%s\n", text,
                            record_text(host_record, world->test->arena, host));
    view_each(view, RECORD_NODE, struct node, node)
        text = arena_format(world->test->arena, "%s%s\n", text,
                            record_text(node_record, world->test->arena, node));
    return text;
}

static void redeploy(struct world *world)
{
    static const char *const types[] = {"m6g.large", "m7g.large", "r7g.xlarge"}, *const images[] = {"a:1",
                                                                                                    "a:2"};
    world->shape = (struct test_shape){.groups = 1 + (int64_t)draw(world, 3),
                                       .type = types[draw(world, 3)],
                                       .disk_gb = draw(world, 4) == 0 ? 500 : 50,
                                       .image = images[draw(world, 2)],
                                       .removed = draw(world, 8) == 0};
    world->shape.count = world->shape.groups + (int64_t)draw(world, 6);
}

static void trouble_host(struct world *world, const struct host *host)
{
    static const enum host_event events[] = {HOST_LOST,      HOST_WISH_RETIRE, HOST_WISH_FAIL, HOST_UNWISH,
                                             HOST_WENT_DOWN, HOST_CAME_UP,     HOST_FAIL};
    test_change_host(world->test, host->hostname, events[draw(world, COUNT_OF(events))]);
}

static void trouble_node(struct world *world, const struct node *node)
{
    static const enum node_event events[] = {NODE_WENT_DOWN, NODE_CAME_UP, NODE_FAIL};
    test_change_node(world->test, node->hostname, events[draw(world, COUNT_OF(events))]);
}

static void lose(struct world *world, const struct node *node)
{
    cleanup(transaction_end) struct transaction *transaction =
        transaction_begin(world->test->zone->repository);
    transaction_remove(transaction, RECORD_HOST, node->parent);
    transaction_remove(transaction, RECORD_NODE, node->hostname);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
}

/* What maintainers do in between. */
static void move_on(struct world *world, const struct node *node, const struct host *host)
{
    if (host && host->state < HOST_ACTIVE && node->state == NODE_ACTIVE)
        test_change_node(world->test, node->hostname, NODE_HOST_LOST);
    else if (node->state == NODE_RESERVED)
        test_serve(world->test, node);
    else if (node->state == NODE_ACTIVE && node->retired)
        test_change_node(world->test, node->hostname, draw(world, 2) ? NODE_RELEASE : NODE_DEACTIVATE);
    else if (node->state >= NODE_INACTIVE)
        lose(world, node);
}

static void step(struct world *world)
{
    VIEW(view, world->test->zone->repository);
    size_t count = view_count(view, RECORD_NODE);
    const struct node *node = count ? view_at(view, RECORD_NODE, draw(world, count)) : NULL;
    const struct host *host = node ? view_find(view, RECORD_HOST, node->parent) : NULL;
    switch (draw(world, 6)) {
    case 0:
        redeploy(world);
        break;
    case 1:
        if (host)
            trouble_host(world, host);
        break;
    case 2:
        if (node)
            trouble_node(world, node);
        break;
    default:
        if (node)
            move_on(world, node, host);
    }
}

static void check_place(struct world *world, const struct node *node)
{
    for (size_t i = 0; i < world->place_count; i++) {
        const struct place_of *place = &world->places[i];
        if (!text_equal(place->hostname, node->hostname))
            continue;
        assert_string_equal(place->cluster, node->cluster);
        assert_int_equal(place->group, node->group);
        assert_int_equal(place->index, node->index);
        return;
    }
    struct place_of *place = &world->places[world->place_count++ % MOST];
    snprintf(place->hostname, sizeof place->hostname, "%s", node->hostname);
    snprintf(place->cluster, sizeof place->cluster, "%s", node->cluster);
    place->group = node->group;
    place->index = node->index;
}

static void check_indices(const struct view *view)
{
    view_each(view, RECORD_NODE, struct node, node)
        view_each(view, RECORD_NODE, struct node, other)
            if (node != other && text_equal(node->cluster, other->cluster))
                assert_int_not_equal(node->index, other->index);
}

/* Exactly as many as wanted in each group, all on hosts that fit, and nobody else who was not told to leave.
 */
static void check_groups(struct world *world, const struct view *view)
{
    const struct application *application = view_find(view, RECORD_APPLICATION, TEST_APPLICATION);
    int64_t sizes[8] = {0};
    view_each(view, RECORD_NODE, struct node, node) {
        const struct cluster *cluster = application_cluster(application, node->cluster);
        const struct host *host = view_find(view, RECORD_HOST, node->parent);
        bool placed = node->state <= NODE_ACTIVE && !node->retired && host && host->state <= HOST_ACTIVE;
        if (placed) {
            assert_non_null(cluster);
            assert_true(node_is_wanted(node, host) && host_fits(cluster, host));
        }
        if (placed && text_equal(node->cluster, "albums"))
            sizes[node->group]++;
    }
    const struct test_shape *shape = &world->shape;
    for (int64_t group = 0; group < 8; group++) {
        int64_t size = shape->count / shape->groups + (group < shape->count % shape->groups);
        assert_int_equal(sizes[group], shape->removed || group >= shape->groups ? 0 : size);
    }
}

static void must_be_same(const char *before, const char *after)
{
    size_t line = 0, at = 0;
    for (; before[at] && before[at] == after[at]; at++)
        if (before[at] == '\n')
            line = at + 1;
    if (before[at] != after[at])
        fail_msg("allocating again makes\n%.900s\ninto\n%.900s", before + line, after + line);
}

static void check(struct world *world)
{
    const char *before = everything(world);
    test_allocate(world->test, &world->shape);
    must_be_same(before, everything(world)); /* once is enough */
    VIEW(view, world->test->zone->repository);
    view_each(view, RECORD_NODE, struct node, node)
        check_place(world, node);
    check_indices(view);
    check_groups(world, view);
}

static void allocation_keeps_its_promises_whatever_happens(void **state)
{
    struct world *world = memory_alloc(sizeof *world);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        void *zone;
        assert_int_equal(test_zone_begin(&zone), 0);
        *world = (struct world){.test = zone, .seed = seed * 7919};
        redeploy(world);
        for (int i = 0; i < STEPS; i++) {
            step(world);
            test_allocate(world->test, &world->shape);
            check(world);
            test_zone_advance(world->test, 1000);
        }
        test_zone_end(&zone);
    }
    (void)state;
    free(world);
}

int main(int count, char **arguments)
{
    if (count > 1)
        seeds = strtoull(arguments[1], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(allocation_keeps_its_promises_whatever_happens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
