#include "zone/host_spec.h"

#include "zone/host_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int make_arena(void **state)
{
    *state = arena_new();
    return 0;
}

static int drop_arena(void **state)
{
    arena_free((struct arena **)state);
    return 0;
}

static void a_spec_read_back_is_the_spec_written(void **state)
{
    const char *addresses[] = {"2001:db8::11", "2001:db8::12"};
    const char *networks[] = {"2001:db8:0:1::/64"};
    struct content_node content[] = {{"h101a.dev.r.vespa.enclave.internal", "2001:db8::12"}};
    struct node_resources_wire resources = {2, 8, 50};
    struct node_spec node = {
        .hostname = "h100a.dev.r.vespa.enclave.internal",
        .state = "active",
        .tenant = "acme",
        .application = "albums",
        .instance = "default",
        .cluster_type = "container",
        .cluster_id = "web",
        .index = 0,
        .image = "registry/image:1",
        .address = "2001:db8::11",
        .resources = &resources,
        .athenz_service = "default",
        .athenz_domain = "vespa.tenant.acme.albums",
        .instance_id = "0.web.default",
        .application_addresses = addresses,
        .application_address_count = 2,
        .networks = networks,
        .network_count = 1,
        .content = content,
        .content_count = 1,
        .restart_generation = 3,
    };
    struct host_spec spec = {.generation = 7,
                             .hostname = "h100.dev.r.vespa.enclave.internal",
                             .state = "active",
                             .host_address = "2001:db8::10",
                             .archive_bucket = "bucket",
                             .drain = true,
                             .nodes = &node,
                             .node_count = 1};
    char *text = record_text(&host_spec_record, *state, &spec);
    struct host_spec read;
    struct error err;
    assert_int_equal(record_parse(&host_spec_record, *state, text, strlen(text), &read, &err), 0);
    assert_int_equal(read.generation, 7);
    assert_true(read.drain);
    assert_int_equal(read.node_count, 1);
    assert_string_equal(read.nodes[0].cluster_id, "web");
    assert_null(read.nodes[0].clients_pem);
    assert_int_equal(read.nodes[0].application_address_count, 2);
    assert_string_equal(read.nodes[0].application_addresses[1], "2001:db8::12");
    assert_string_equal(read.nodes[0].content[0].address, "2001:db8::12");
    assert_true(read.nodes[0].resources->memory_gb == 8);
    assert_string_equal(text, record_text(&host_spec_record, *state, &read));
}

static void a_challenge_for_a_path_instead_of_a_hostname_is_refused(void **state)
{
    const char *text = "{\"hostname\":\"../../etc\",\"instanceId\":\"i-0ab1\"}";
    struct challenge_request request;
    struct error err;
    assert_int_equal(record_parse(&challenge_request_record, *state, text, strlen(text), &request, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "hostname"));
}

static void a_host_config_must_be_whole(void **state)
{
    const char *text = "{\"zone\":\"dev.aws-us-east-1c\",\"hostname\":\"h1.x\"}";
    struct host_config config;
    struct error err;
    assert_int_equal(record_parse(&host_config_record, *state, text, strlen(text), &config, &err), -1);
    assert_non_null(strstr(err.message, "tenant"));
}

static void a_host_launched_with_others_has_the_name_at_its_launch_index(void **state)
{
    (void)state;
    const char *names[] = {"h100.x", "../etc"};
    struct error err;
    struct host_config config = {.hostnames = names, .hostname_count = 2};
    assert_int_equal(host_config_name(&config, 2, &err), -1);
    assert_int_equal(host_config_name(&config, -1, &err), -1);
    assert_int_equal(host_config_name(&config, 1, &err), -1);
    assert_int_equal(host_config_name(&config, 0, &err), 0);
    assert_string_equal(config.hostname, "h100.x");
    struct host_config alone = {.hostname = "h7.x"};
    assert_int_equal(host_config_name(&alone, 3, &err), 0);
    assert_string_equal(alone.hostname, "h7.x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_spec_read_back_is_the_spec_written, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(a_challenge_for_a_path_instead_of_a_hostname_is_refused, make_arena,
                                        drop_arena),
        cmocka_unit_test_setup_teardown(a_host_config_must_be_whole, make_arena, drop_arena),
        cmocka_unit_test(a_host_launched_with_others_has_the_name_at_its_launch_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
