/* What an index finds is what looking at everything finds, whatever happened before: random changes, then
 * random queries, each asked twice. A backslash before a letter changes nothing about a value but that no
 * index is used. */
#include "base/text.h"
#include "localaws/ec2/ec2.h"
#include "localaws/front/parameters.h"
#include "localaws/resource/filing.h"
#include "localaws/resource/index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 3000, MOST = 150 };

struct world {
    struct region region;
    struct account *account;
    struct caller caller;
    uint32_t random;
};

/* The same numbers each time. */
static unsigned below(struct world *world, unsigned limit)
{
    world->random = world->random * 1664525u + 1013904223u;
    return (world->random >> 8) % limit;
}

static int set_up(void **state)
{
    struct world *world = memory_alloc(sizeof *world);
    world->region = (struct region){.name = "us-east-1"};
    region_open(&world->region);
    world->account = region_account_create(&world->region, "210987654321");
    world->caller = (struct caller){
        .kind = CALLER_ROOT, .account = world->account, .arn = "arn:aws:iam::210987654321:root"};
    world->random = 7;
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    struct registry *registry = registry_of(&world->region);
    for (const struct kind *const *kind = ec2_kinds; *kind; kind++) {
        struct resource_list *list = resources_of(world->account, *kind);
        while (list->first)
            resource_remove(&world->region, list->first);
        indexes_free(list);
    }
    table_free(&registry->by_id);
    table_free(&registry->by_token);
    table_free(&registry->by_address);
    free(registry->filings.removed);
    free(registry);
    free(world->account->modules[MODULE_EC2]);
    free(world->account);
    free(world);
    return 0;
}

static char *pick(struct world *world, struct arena *arena, const char *what)
{
    return arena_format(arena, "%s%u", what, below(world, 4));
}

static struct resource *some(struct world *world, const struct kind *kind)
{
    struct resource *item = resources_of(world->account, kind)->first;
    size_t count = resources_of(world->account, kind)->count;
    for (unsigned skip = count ? below(world, (unsigned)count) : 0; skip; skip--)
        item = item->next;
    return item;
}

static void add_instance(struct world *world, struct arena *arena)
{
    struct tag tags[] = {{"name", pick(world, arena, "n")}, {"zone", pick(world, arena, "z")}};
    const struct instance draft = {
        .resource = {.tags = tags, .tag_count = 1 + below(world, 2)},
        .reservation_id = "r-1",
        .type = pick(world, arena, "t"),
        .vpc_id = below(world, 3) ? pick(world, arena, "vpc") : NULL,
        .http_tokens = "required",
        .state = INSTANCE_PENDING,
    };
    struct instance *instance = resource_add(&world->region, world->account, &instance_kind, &draft);
    char *addresses[] = {arena_format(arena, "10.0.0.%u", below(world, 250))};
    const struct interface face = {.vpc_id = "vpc0",
                                   .subnet_id = "subnet0",
                                   .zone = "a",
                                   .mac = "02:00",
                                   .type = "interface",
                                   .instance_id = instance->resource.id,
                                   .addresses = addresses,
                                   .address_count = 1};
    struct resource *made = resource_add(&world->region, world->account, &interface_kind, &face);
    list_add_text(&instance->interface_ids, &instance->interface_count, made->id);
}

/* One change, said in one of the ways in which it may be. */
static void change_one(struct world *world, struct arena *arena)
{
    struct instance *instance = (struct instance *)(void *)some(world, &instance_kind);
    struct interface *face = (struct interface *)(void *)some(world, &interface_kind);
    if (!instance || !face)
        return;
    switch (below(world, 7)) {
    case 0:
        resource_set_tag(&instance->resource, "name", pick(world, arena, "n"));
        return;
    case 1:
        resource_remove_tag(&instance->resource, "zone", NULL);
        return;
    case 2:
        instance->state = below(world, 2) ? INSTANCE_RUNNING : INSTANCE_STOPPED;
        resource_changed(&instance->resource);
        return;
    case 3:
        text_replace(&instance->vpc_id, below(world, 3) ? pick(world, arena, "vpc") : NULL);
        region_changed(&world->region);
        return;
    case 4: /* its instance is found by it */
        text_replace(&face->addresses[0], arena_format(arena, "10.0.0.%u", below(world, 250)));
        resource_changed(&face->resource);
        return;
    case 5:
        text_replace(&face->addresses[0], arena_format(arena, "10.0.0.%u", below(world, 250)));
        region_changed(&world->region);
        return;
    default:
        resource_remove(&world->region, below(world, 2) ? &face->resource : &instance->resource);
    }
}

/* A filter's name, and a value of it that may be there. */
static void add_filter(struct world *world, struct arena *arena, struct buffer *query, unsigned number,
                       bool plain)
{
    static const struct {
        const char *name, *values;
    } filters[] = {
        {"tag:name", "n"},           {"tag:zone", "z"},
        {"instance-type", "t"},      {"vpc-id", "vpc"},
        {"instance-state-name", ""}, {"network-interface.addresses.private-ip-address", "10.0.0."},
        {"tag-key", "zone"},
    };
    static const char *const states[] = {"pending", "running", "stopped", "terminated"};
    unsigned which = below(world, 7), count = 1 + below(world, 2);
    buffer_format(query, "&Filter.%u.Name=%s", number, filters[which].name);
    for (unsigned i = 1; i <= count; i++) {
        const char *value = which == 4        ? states[below(world, 4)]
                            : which == 5      ? arena_format(arena, "10.0.0.%u", below(world, 250))
                            : which == 6      ? "zone"
                            : below(world, 8) ? pick(world, arena, filters[which].values)
                                              : arena_format(arena, "%s?", filters[which].values);
        buffer_format(query, "&Filter.%u.Value.%u=%s%s", number, i, plain ? "" : "%5C", value);
    }
}

/* The ids of all pages, in order. */
static char *ask(struct world *world, struct arena *arena, const char *query, unsigned page)
{
    char *found = arena_strdup(arena, "");
    const char *token = "";
    while (token) {
        struct error err = {0};
        struct selection selection;
        struct call call = {.region = &world->region,
                            .arena = arena,
                            .caller = &world->caller,
                            .account = world->account,
                            .interface = &ec2_service};
        const char *text = arena_format(arena, "MaxResults=%u&NextToken=%s%s", page,
                                        percent_encode(arena, token, false), query);
        assert_int_equal(parameters_parse(arena, text, &call.parameters, &err), 0);
        assert_int_equal(resource_select(&call, &instance_kind, &selection, &err), 0);
        assert_true(selection.count <= page);
        for (size_t i = 0; i < selection.count; i++)
            found = arena_format(arena, "%s %s", found, selection.items[i]->id);
        token = selection.next_token;
    }
    return found;
}

static void an_index_finds_what_looking_at_everything_finds(void **state)
{
    struct world *world = *state;
    size_t found = 0;
    for (int step = 0; step < STEPS; step++) {
        cleanup(arena_free) struct arena *arena = arena_new();
        bool grow = resources_of(world->account, &instance_kind)->count < MOST && below(world, 3) == 0;
        if (grow)
            add_instance(world, arena);
        else
            change_one(world, arena);
        if (below(world, 3))
            continue;
        unsigned filters = 1 + below(world, 3), page = 1 + below(world, 60);
        char *answers[2];
        uint32_t begin = world->random;
        for (int plain = 0; plain < 2; plain++) {
            cleanup(buffer_free) struct buffer query = buffer_new(4096);
            world->random = begin;
            for (unsigned i = 1; i <= filters; i++)
                add_filter(world, arena, &query, i, plain);
            answers[plain] = ask(world, arena, buffer_string(&query), page);
        }
        assert_string_equal(answers[0], answers[1]);
        found += *answers[0] != '\0';
    }
    assert_true(found > STEPS / 20);
    assert_non_null(resources_of(world->account, &instance_kind)->indexes);
}

static struct resource *next_unsaved(struct world *world)
{
    resources_file(&world->region);
    return resource_unsaved(&world->region);
}

static void only_what_differs_is_saved_and_each_change_once(void **state)
{
    struct world *world = *state;
    cleanup(arena_free) struct arena *arena = arena_new();
    for (int i = 0; i < 3; i++)
        add_instance(world, arena);
    size_t saved = 0;
    while (next_unsaved(world))
        saved++;
    assert_int_equal(saved, 6);
    region_changed(&world->region); /* but nothing did */
    assert_null(next_unsaved(world));
    struct instance *instance = (struct instance *)(void *)some(world, &instance_kind);
    resource_changed(&instance->resource);
    assert_null(next_unsaved(world));
    instance->launch_index = 5;
    region_changed(&world->region);
    assert_ptr_equal(next_unsaved(world), instance);
    assert_null(next_unsaved(world));
    assert_true(resource_removed(&world->region) == 0);
    int64_t sequence = instance->resource.sequence;
    resource_remove(&world->region, &instance->resource);
    assert_true(resource_removed(&world->region) == sequence);
    assert_true(resource_removed(&world->region) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_index_finds_what_looking_at_everything_finds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_differs_is_saved_and_each_change_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
