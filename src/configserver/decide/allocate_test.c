/* What allocation makes of an application's clusters, step by step and under random trouble. */
#include "base/text.h"
#include "configserver/decide/test_clusters.h"

#include <string.h>

static const struct test_shape small = {
    .count = 2, .groups = 1, .type = "m6g.large", .disk_gb = 50, .image = "a:1"};

static void serve_all(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    view_each(view, RECORD_NODE, struct node, node)
        if (node->state == NODE_RESERVED)
            test_serve(test, node);
}

static const struct node *node_at(const struct view *view, const char *cluster, int64_t index)
{
    view_each(view, RECORD_NODE, struct node, node)
        if (text_equal(node->cluster, cluster) && node->index == index)
            return node;
    fail_msg("no node %s/%d", cluster, (int)index);
    return NULL;
}

static const struct host *host_of(const struct view *view, const struct node *node)
{
    return view_find(view, RECORD_HOST, node->parent);
}

/* "0r 1 2-": indices of the cluster's nodes, r retired, - not active (yet), ! dirty, z inactive. */
static const char *shown(struct test_zone *test, const char *cluster)
{
    VIEW(view, test->zone->repository);
    char *text = "";
    for (int64_t index = 0; index < 40; index++)
        view_each(view, RECORD_NODE, struct node, node)
            if (text_equal(node->cluster, cluster) && node->index == index)
                text = arena_format(test->arena, "%s%s%lld%s", text, *text ? " " : "", (long long)index,
                                    node->retired                  ? "r"
                                    : node->state == NODE_RESERVED ? "-"
                                    : node->state == NODE_DIRTY    ? "!"
                                    : node->state == NODE_INACTIVE ? "z"
                                                                   : "");
    return text;
}

static void a_cluster_grows_by_the_smallest_unused_indices(void **state)
{
    struct test_zone *test = *state;
    struct test_shape shape = small;
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0- 1-");
    serve_all(test);
    shape.count = 4;
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0 1 2- 3-");
}

static void a_cluster_shrinks_by_its_worst_and_takes_them_back_when_it_grows_again(void **state)
{
    struct test_zone *test = *state;
    struct test_shape shape = small;
    shape.count = 4;
    test_allocate(test, &shape);
    serve_all(test);
    {
        VIEW(view, test->zone->repository);
        test_change_node(test, node_at(view, "albums", 1)->hostname, NODE_WENT_DOWN);
    }
    shape.count = 2;
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0 1r 2 3r");
    shape.count = 3;
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0 1r 2 3");
}

static void what_never_ran_is_released_at_once(void **state)
{
    struct test_zone *test = *state;
    struct test_shape shape = small;
    test_allocate(test, &shape);
    serve_all(test);
    shape.count = 3;
    test_allocate(test, &shape);
    shape.count = 2;
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0 1 2!");
    VIEW(view, test->zone->repository);
    assert_int_equal(host_of(view, node_at(view, "albums", 2))->state, HOST_TERMINATING);
}

static void other_resources_are_other_hosts_before_the_old_ones_leave(void **state)
{
    struct test_zone *test = *state;
    struct test_shape shape = small;
    test_allocate(test, &shape);
    serve_all(test);
    shape.type = "m7g.large"; /* was one that fits, too */
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0r 1r 2- 3-");
    shape.disk_gb = 500;
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0r 1r 2! 3! 4- 5-");
    VIEW(view, test->zone->repository);
    assert_true(host_of(view, node_at(view, "albums", 4))->disk_gb > 499);
    assert_string_equal(host_of(view, node_at(view, "albums", 4))->instance_type, "m7g.large");
}

static void a_smaller_disk_is_no_reason_to_move(void **state)
{
    struct test_zone *test = *state;
    struct test_shape shape = small;
    test_allocate(test, &shape);
    serve_all(test);
    shape.disk_gb = 40;
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0 1");
}

static void a_host_that_shall_leave_is_replaced_and_stays_when_nobody_wants_it_away_any_more(void **state)
{
    struct test_zone *test = *state;
    test_allocate(test, &small);
    serve_all(test);
    VIEW(view, test->zone->repository);
    const char *parent = node_at(view, "albums", 0)->parent;
    test_change_host(test, parent, HOST_WISH_RETIRE);
    test_allocate(test, &small);
    assert_string_equal(shown(test, "albums"), "0r 1 2-");
    test_change_host(test, parent, HOST_UNWISH);
    test_allocate(test, &small);
    assert_string_equal(shown(test, "albums"), "0 1 2!");
}

static void a_broken_host_is_replaced_too(void **state)
{
    struct test_zone *test = *state;
    test_allocate(test, &small);
    serve_all(test);
    VIEW(view, test->zone->repository);
    test_change_host(test, node_at(view, "albums", 1)->parent, HOST_WISH_FAIL);
    test_allocate(test, &small);
    assert_string_equal(shown(test, "albums"), "0 1r 2-");
}

static void groups_are_filled_evenly_and_no_node_changes_its_group(void **state)
{
    struct test_zone *test = *state;
    struct test_shape shape = small;
    shape.count = 5;
    shape.groups = 2;
    test_allocate(test, &shape);
    serve_all(test);
    {
        VIEW(view, test->zone->repository);
        int sizes[2] = {0};
        view_each(view, RECORD_NODE, struct node, node)
            sizes[node->group] += text_equal(node->cluster, "albums");
        assert_int_equal(sizes[0], 3);
        assert_int_equal(sizes[1], 2);
    }
    shape.count = 4;
    shape.groups = 1; /* group 0 has three of four; the second group's two are retired */
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0 1 2 3r 4r 5-");
    shape.groups = 2;
    shape.count = 5;
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0 1 2 3 4 5!");
}

static void a_removed_content_cluster_keeps_its_data_until_it_is_wanted_again(void **state)
{
    struct test_zone *test = *state;
    struct test_shape shape = small;
    test_allocate(test, &shape);
    serve_all(test);
    shape.removed = true;
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0z 1z");
    shape.removed = false;
    shape.count = 3;
    test_allocate(test, &shape);
    assert_string_equal(shown(test, "albums"), "0- 1- 2-");
    VIEW(view, test->zone->repository);
    assert_int_equal(host_of(view, node_at(view, "albums", 0))->state, HOST_ACTIVE);
    assert_int_equal(view_count(view, RECORD_HOST), 4); /* one more, and the container's */
}

static void hosts_are_spread_over_the_zones_of_the_account(void **state)
{
    struct test_zone *test = *state;
    struct test_shape shape = small;
    shape.count = 6;
    shape.groups = 2;
    test_allocate(test, &shape);
    VIEW(view, test->zone->repository);
    int hosts[2][3] = {0};
    view_each(view, RECORD_NODE, struct node, node)
        if (text_equal(node->cluster, "albums"))
            hosts[node->group][host_of(view, node)->availability_zone[7] - '1']++;
    for (int group = 0; group < 2; group++)
        for (int zone = 0; zone < 3; zone++)
            assert_int_equal(hosts[group][zone], 1);
}

static const char *images(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    char *text = "";
    for (int64_t index = 0; index < 3; index++)
        text = arena_format(test->arena, "%s %s", text, node_at(view, "albums", index)->image);
    return text;
}

static void a_new_image_reaches_one_node_after_another(void **state)
{
    struct test_zone *test = *state;
    struct test_shape shape = small;
    shape.count = 3;
    test_allocate(test, &shape);
    serve_all(test);
    shape.image = "a:2";
    test_allocate(test, &shape);
    test_allocate(test, &shape);
    assert_string_equal(images(test), " a:2 a:1 a:1");
    test_nodes_report(test, "down"); /* the other two, for another reason: they lose nothing by it */
    test_allocate(test, &shape);
    assert_string_equal(images(test), " a:2 a:2 a:2");
    test_nodes_report(test, "up");
    shape.image = "a:3";
    for (int i = 0; i < 3; i++) {
        test_allocate(test, &shape);
        test_nodes_report(test, "up");
    }
    assert_string_equal(images(test), " a:3 a:3 a:3");
}

static void a_deleted_application_lets_go_of_everything(void **state)
{
    struct test_zone *test = *state;
    struct test_shape shape = small;
    test_allocate(test, &shape);
    serve_all(test);
    shape.count = 3;
    test_allocate(test, &shape);
    shape.deleting = true;
    test_allocate(test, &shape);
    VIEW(view, test->zone->repository);
    view_each(view, RECORD_NODE, struct node, node)
        assert_int_equal(node->state, NODE_DIRTY);
    view_each(view, RECORD_HOST, struct host, host)
        assert_true(host_is_leaving(host));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cluster_grows_by_the_smallest_unused_indices),
        TEST(a_cluster_shrinks_by_its_worst_and_takes_them_back_when_it_grows_again),
        TEST(what_never_ran_is_released_at_once),
        TEST(other_resources_are_other_hosts_before_the_old_ones_leave),
        TEST(a_smaller_disk_is_no_reason_to_move),
        TEST(a_host_that_shall_leave_is_replaced_and_stays_when_nobody_wants_it_away_any_more),
        TEST(a_broken_host_is_replaced_too),
        TEST(groups_are_filled_evenly_and_no_node_changes_its_group),
        TEST(a_removed_content_cluster_keeps_its_data_until_it_is_wanted_again),
        TEST(hosts_are_spread_over_the_zones_of_the_account),
        TEST(a_new_image_reaches_one_node_after_another),
        TEST(a_deleted_application_lets_go_of_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
