/* Records and what is found by them, without a server: a region in memory, and calls made of parameters. */
#include "localaws/ec2/ec2.h"
#include "localaws/front/parameters.h"
#include "localaws/resource/copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct world {
    struct region region;
    struct account *account;
    struct caller caller;
};

static const struct service *const the_service = &ec2_service;

static void world_open(struct world *world)
{
    *world = (struct world){.region = {.name = "us-east-1"}};
    region_open(&world->region);
    world->account = region_account_create(&world->region, "210987654321");
    world->caller = (struct caller){
        .kind = CALLER_ROOT, .account = world->account, .arn = "arn:aws:iam::210987654321:root"};
}

static void world_close(struct world *world)
{
    for (const struct kind *const *kind = ec2_kinds; *kind; kind++)
        while (resources_of(world->account, *kind)->first)
            resource_remove(&world->region, resources_of(world->account, *kind)->first);
    struct registry *registry = registry_of(&world->region);
    table_free(&registry->by_id);
    table_free(&registry->by_token);
    table_free(&registry->by_address);
    table_free(&registry->role_keys);
    free(registry->filings.removed);
    free(registry);
    free(world->account->modules[MODULE_EC2]);
    free(world->account);
}

static struct call call_of_query(struct world *world, struct arena *arena, const char *query)
{
    struct call call = {.region = &world->region,
                        .arena = arena,
                        .caller = &world->caller,
                        .account = world->account,
                        .interface = the_service,
                        .service = "ec2",
                        .answer = buffer_new(1 << 20)};
    assert_int_equal(parameters_parse(arena, query, &call.parameters, NULL), 0);
    call.action = call_parameter(&call, "Action");
    return call;
}

/* Runs an action; its answer's inside, or NULL with the code in `err`. */
static const char *run(struct world *world, struct arena *arena, int (*action)(struct call *, struct error *),
                       const char *query, struct error *err)
{
    struct call call = call_of_query(world, arena, query);
    int result = action(&call, err);
    char *text = result < 0 ? NULL : arena_strdup(arena, buffer_string(&call.answer));
    buffer_free(&call.answer);
    return text;
}

static struct subnet *make_subnet(struct world *world, struct arena *arena, const char *cidr)
{
    struct error err;
    assert_non_null(run(world, arena, vpc_create,
                        "Action=CreateVpc&CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true", &err));
    const char *vpc = resources_of(world->account, &vpc_kind)->last->id;
    assert_non_null(run(world, arena, subnet_create,
                        arena_format(arena, "Action=CreateSubnet&VpcId=%s&CidrBlock=%s", vpc, cidr), &err));
    return (struct subnet *)(void *)resources_of(world->account, &subnet_kind)->last;
}

static void a_resource_owns_what_its_draft_only_lent(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    struct arena *arena = arena_new();
    struct tag tag = {arena_strdup(arena, "k"), arena_strdup(arena, "v")};
    struct internet_gateway draft = {.resource = {.tags = &tag, .tag_count = 1}};
    struct resource *made = resource_add(&world.region, world.account, &internet_gateway_kind, &draft);
    arena_free(&arena);
    assert_string_equal(resource_tag(made, "k"), "v");
    resource_set_tag(made, "k", "w");
    resource_set_tag(made, "l", "x");
    resource_remove_tag(made, "l", "other");
    assert_int_equal(made->tag_count, 2);
    resource_remove_tag(made, "l", "x");
    assert_int_equal(made->tag_count, 1);
    assert_string_equal(resource_tag(made, "k"), "w");
    assert_ptr_equal(resource_find(&world.region, world.account, &internet_gateway_kind, made->id), made);
    assert_null(resource_find(&world.region, world.account, &vpc_kind, made->id));
    world_close(&world);
}

static void a_full_subnet_says_so_and_an_address_given_back_is_taken_again(void **state)
{
    (void)state;
    struct world world;
    struct error err;
    world_open(&world);
    cleanup(arena_free) struct arena *arena = arena_new();
    struct subnet *subnet = make_subnet(&world, arena, "10.0.0.0/28");
    const char *order = arena_format(arena, "Action=CreateNetworkInterface&SubnetId=%s", subnet->resource.id);
    for (int i = 0; i < 16 - 5; i++)
        assert_non_null(run(&world, arena, interface_create_action, order, &err));
    assert_int_equal(subnet_free_addresses(subnet), 0);
    assert_null(run(&world, arena, interface_create_action, order, &err));
    assert_string_equal(err.code, "InsufficientFreeAddressesInSubnet");
    struct interface *first = (struct interface *)(void *)resources_of(world.account, &interface_kind)->first;
    char *address = arena_strdup(arena, first->addresses[0]);
    assert_string_equal(address, "10.0.0.4");
    assert_ptr_equal(interface_at(&world.region, subnet->vpc_id, address), first);
    resource_remove(&world.region, &first->resource);
    assert_null(interface_at(&world.region, subnet->vpc_id, address));
    assert_non_null(run(&world, arena, interface_create_action, order, &err));
    assert_non_null(interface_at(&world.region, subnet->vpc_id, address));
    world_close(&world);
}

static void filters_take_stars_and_question_marks_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *value;
        bool matches;
    } cases[] = {
        {"tenant", "tenant", true},
        {"tenant", "tenantelb", false},
        {"ten*", "tenantelb", true},
        {"*elb", "tenantelb", true},
        {"t?n*t", "tenant", true},
        {"?", "", false},
        {"*", "", true},
        {"**", "x", true},
        {"a*b*c", "a-b-b-c", true},
        {"a*b*c", "a-c-b", false},
        {"[a]", "a", false},
        {"[a]", "[a]", true},
        {"a\\*", "a*", true},
        {"a\\*", "ab", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(text_matches(cases[i].pattern, cases[i].value), cases[i].matches);
    assert_false(text_matches("*", NULL));
}

static void all_filters_must_hold_and_any_of_their_values(void **state)
{
    (void)state;
    struct world world;
    struct error err;
    world_open(&world);
    cleanup(arena_free) struct arena *arena = arena_new();
    struct subnet *subnet = make_subnet(&world, arena, "10.0.0.0/24");
    const char *id = subnet->resource.id;
    resource_set_tag(&subnet->resource, "service", "tenant");
    const char *both =
        "Action=DescribeSubnets&Filter.1.Name=tag:service&Filter.1.Value.1=other&Filter.1.Value.2=tenant"
        "&Filter.2.Name=cidr-block&Filter.2.Value.1=10.0.0.0/24";
    assert_non_null(strstr(run(&world, arena, subnet_describe, both, &err), id));
    const char *one = "Action=DescribeSubnets&Filter.1.Name=tag:service&Filter.1.Value.1=tenant"
                      "&Filter.2.Name=cidr-block&Filter.2.Value.1=10.9.0.0/24";
    assert_null(strstr(run(&world, arena, subnet_describe, one, &err), id));
    assert_null(run(&world, arena, subnet_describe,
                    "Action=DescribeSubnets&Filter.1.Name=nonsense&Filter.1.Value.1=x", &err));
    assert_string_equal(err.code, "InvalidParameterValue");
    world_close(&world);
}

static void a_markup_in_a_tag_stays_text(void **state)
{
    (void)state;
    struct world world;
    struct error err;
    world_open(&world);
    cleanup(arena_free) struct arena *arena = arena_new();
    struct subnet *subnet = make_subnet(&world, arena, "10.0.0.0/24");
    resource_set_tag(&subnet->resource, "x", "</value><item>");
    const char *text = run(&world, arena, subnet_describe, "Action=DescribeSubnets", &err);
    assert_non_null(strstr(text, "&lt;/value&gt;&lt;item&gt;"));
    world_close(&world);
}

static void saved_records_are_the_same_when_restored(void **state)
{
    (void)state;
    struct world before, after;
    struct error err;
    world_open(&before);
    world_open(&after);
    cleanup(arena_free) struct arena *arena = arena_new();
    struct subnet *subnet = make_subnet(&before, arena, "10.0.0.0/24");
    resource_set_tag(&subnet->resource, "service", "tenant");
    for (const struct kind *const *kind = ec2_kinds; *kind; kind++)
        for_each_resource(struct resource, item, before.account, *kind) {
            const char *text = record_text((*kind)->record, arena, item);
            assert_int_equal(resource_restore(&after.region, after.account, *kind, item->sequence, text,
                                              strlen(text), &err),
                             0);
            struct resource *restored = resource_find(&after.region, after.account, *kind, item->id);
            assert_string_equal(record_text((*kind)->record, arena, restored), text);
            assert_true(restored->sequence == item->sequence);
        }
    world_close(&before);
    world_close(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resource_owns_what_its_draft_only_lent),
        cmocka_unit_test(a_full_subnet_says_so_and_an_address_given_back_is_taken_again),
        cmocka_unit_test(filters_take_stars_and_question_marks_and_nothing_else),
        cmocka_unit_test(all_filters_must_hold_and_any_of_their_values),
        cmocka_unit_test(a_markup_in_a_tag_stays_text),
        cmocka_unit_test(saved_records_are_the_same_when_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
