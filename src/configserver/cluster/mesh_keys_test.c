/* Whose keys are taken, that they are kept, and what the mesh's firewall lets in. */
#include "base/file.h"
#include "configserver/cluster/mesh.h"
#include "configserver/cluster/mesh_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEY_A "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define KEY_B "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="

static struct config_server servers[] = {{1, "2001:db8:f::21"}, {2, "2001:db8:f::22"}, {3, "2001:db8:f::23"}};
static const struct config config = {
    .zone = "dev.aws-us-east-1c", .index = 1, .servers = servers, .server_count = 3};

struct bench {
    char directory[64], path[96];
    struct mesh_keys keys;
};

static int begin(void **state)
{
    struct bench *bench = memory_alloc(sizeof *bench);
    strcpy(bench->directory, "/tmp/mesh-test-XXXXXX");
    if (!mkdtemp(bench->directory))
        return -1;
    strcat(strcpy(bench->path, bench->directory), "/mesh.json");
    mesh_keys_open(&bench->keys, &config, bench->path);
    *state = bench;
    return 0;
}

static int end(void **state)
{
    struct bench *bench = *state;
    mesh_keys_close(&bench->keys);
    tree_remove(bench->directory, NULL);
    free(bench);
    return 0;
}

static int note(struct bench *bench, int64_t index, const char *key, const char *address, bool *changed)
{
    const struct mesh_key told = {index, key, KEY_A};
    struct error err = {0};
    *changed = false;
    return mesh_keys_note(&bench->keys, &told, address, changed, &err);
}

static void a_key_is_taken_from_its_config_server_only(void **state)
{
    struct bench *bench = *state;
    bool changed;
    assert_int_equal(note(bench, 2, KEY_B, "2001:db8:f::22", &changed), 0);
    assert_true(changed);
    assert_int_equal(note(bench, 2, KEY_A, "2001:db8:f::23", &changed), -1); /* another's place */
    assert_int_equal(note(bench, 1, KEY_A, "2001:db8:f::21", &changed), -1); /* ours */
    assert_int_equal(note(bench, 4, KEY_A, "2001:db8:f::24", &changed), -1); /* none of the zone's */
    assert_int_equal(note(bench, 3, KEY_A, "not an address", &changed), -1);
    assert_string_equal(mesh_keys_of(&bench->keys, 2)->mesh_key, KEY_B);
    assert_null(mesh_keys_of(&bench->keys, 3));
}

static void a_machine_that_was_replaced_is_known_by_its_new_key(void **state)
{
    struct bench *bench = *state;
    bool changed;
    assert_int_equal(note(bench, 2, KEY_B, "2001:db8:f:0::22", &changed), 0);
    assert_int_equal(note(bench, 3, KEY_B, NULL, &changed), 0);
    assert_int_equal(note(bench, 2, KEY_B, "2001:db8:f::22", &changed), 0);
    assert_false(changed);
    assert_int_equal(note(bench, 2, KEY_A, "2001:db8:f::22", &changed), 0);
    assert_true(changed);
    assert_string_equal(mesh_keys_of(&bench->keys, 2)->mesh_key, KEY_A);
    assert_string_equal(mesh_keys_of(&bench->keys, 3)->mesh_key, KEY_B);
}

static void keys_outlive_a_restart_and_what_is_broken_is_told_again(void **state)
{
    struct bench *bench = *state;
    bool changed;
    assert_int_equal(note(bench, 2, KEY_B, NULL, &changed), 0);
    mesh_keys_close(&bench->keys);
    mesh_keys_open(&bench->keys, &config, bench->path);
    assert_string_equal(mesh_keys_of(&bench->keys, 2)->mesh_key, KEY_B);
    mesh_keys_close(&bench->keys);
    assert_int_equal(file_write(bench->path, "{\"servers\":[{}]}", 16, 0600, NULL), 0);
    mesh_keys_open(&bench->keys, &config, bench->path);
    assert_null(mesh_keys_of(&bench->keys, 2));
    assert_int_equal(note(bench, 2, KEY_B, NULL, &changed), 0);
    assert_true(changed);
}

static void nothing_reaches_the_mesh_but_through_its_device(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const uint16_t ports[] = {2181, 2888, 0};
    const char *text = mesh_firewall(arena, "dev.aws-us-east-1c", ports);
    const char *address = mesh_address(arena, "dev.aws-us-east-1c", 3);
    size_t network = strlen(address) - 1; /* "fd00:ec1b:xxxx::" */
    const char *drop = arena_format(arena, "iifname != { \"lo\", \"enclave1\" } ip6 daddr %.*s/64 drop",
                                    (int)network, address);
    assert_non_null(strstr(text, drop));
    assert_non_null(strstr(text, "tcp dport { 2181, 2888 } accept"));
    assert_non_null(strstr(text, "iifname \"enclave1\" drop"));
    assert_string_not_equal(mesh_address(arena, "prod.aws-us-east-1c", 3), address);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_taken_from_its_config_server_only),
        TEST(a_machine_that_was_replaced_is_known_by_its_new_key),
        TEST(keys_outlive_a_restart_and_what_is_broken_is_told_again),
        cmocka_unit_test(nothing_reaches_the_mesh_but_through_its_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
