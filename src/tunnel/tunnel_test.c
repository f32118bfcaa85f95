#include "base/file.h"
#include "tunnel/tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/stat.h>

#define KEY "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="

static void a_key_is_44_characters_that_are_32_bytes(void **state)
{
    (void)state;
    assert_true(tunnel_is_key(KEY));
    assert_false(tunnel_is_key(NULL));
    assert_false(tunnel_is_key(""));
    assert_false(tunnel_is_key("HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw"));
    assert_false(tunnel_is_key("HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8y w="));
    assert_false(tunnel_is_key("HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8yk=="));
    assert_false(tunnel_is_key("--private-key-/etc/passwd-aaaaaaaaaaaaaaaaa="));
}

static void a_private_key_is_made_once_and_only_ours_to_read(void **state)
{
    (void)state;
    char directory[] = "/tmp/tunnel-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *path = arena_format(arena, "%s/key", directory);
    char *first = NULL, *second = NULL;
    assert_int_equal(tunnel_key_ensure(arena, path, &first, NULL), 0);
    assert_int_equal(tunnel_key_ensure(arena, path, &second, NULL), 0);
    assert_string_equal(first, second);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    tree_remove(directory, NULL);
}

static void options_and_peers_that_are_not_what_they_should_be_are_refused(void **state)
{
    (void)state;
    struct tunnel_options good = {"wgtest", "/nonexistent/key", "fd00::1", 64, 0};
    struct tunnel_options name = good, address = good, prefix = good;
    name.interface = "-j/../etc";
    address.address = "fd00::1/64";
    prefix.prefix_length = 0;
    struct tunnel *tunnel = NULL;
    const struct tunnel_options *bad[] = {&name, &address, &prefix};
    for (size_t i = 0; i < 3; i++) {
        struct error err = {0};
        assert_int_equal(tunnel_open(bad[i], &tunnel, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_44_characters_that_are_32_bytes),
        cmocka_unit_test(a_private_key_is_made_once_and_only_ours_to_read),
        cmocka_unit_test(options_and_peers_that_are_not_what_they_should_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
