#include "cli/settings.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char home[] = "/tmp/enclave-settings-XXXXXX";
static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    if (!mkdtemp(home))
        return -1;
    setenv("ENCLAVE_HOME", home, 1);
    unsetenv("HTTPS_PROXY");
    unsetenv("NO_PROXY");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return tree_remove(home, NULL);
}

static void what_was_saved_is_loaded_and_private(void **state)
{
    (void)state;
    const struct settings saved = {.home = home, .tenant = "acme", .zone = "dev.aws-us-east-1c", .api_key = "/k.pem"};
    struct settings loaded;
    assert_int_equal(settings_save(arena, &saved, NULL), 0);
    assert_int_equal(settings_load(arena, &loaded, NULL), 0);
    assert_string_equal(loaded.tenant, "acme");
    assert_string_equal(loaded.zone, "dev.aws-us-east-1c");
    assert_string_equal(loaded.instance, "default");
    assert_null(loaded.controller);
}

static void the_environment_overrides_a_member(void **state)
{
    (void)state;
    struct settings loaded;
    setenv("ENCLAVE_TENANT", "rival", 1);
    setenv("ENCLAVE_API_KEY", "/other.pem", 1);
    assert_int_equal(settings_load(arena, &loaded, NULL), 0);
    unsetenv("ENCLAVE_TENANT");
    unsetenv("ENCLAVE_API_KEY");
    assert_string_equal(loaded.tenant, "rival");
    assert_string_equal(loaded.api_key, "/other.pem");
}

static void a_proxy_is_for_the_vendor_and_never_for_this_machine(void **state)
{
    (void)state;
    const struct settings saved = {.home = home, .proxy = "http://127.0.0.1:4567"};
    struct settings loaded;
    assert_int_equal(settings_save(arena, &saved, NULL), 0);
    assert_int_equal(settings_load(arena, &loaded, NULL), 0);
    assert_string_equal(getenv("HTTPS_PROXY"), "http://127.0.0.1:4567");
    assert_non_null(strstr(getenv("NO_PROXY"), "127.0.0.1"));
}

static void a_file_that_is_no_settings_names_itself(void **state)
{
    (void)state;
    struct settings loaded;
    struct error err = {0};
    char *path = arena_format(arena, "%s/config.json", home);
    assert_int_equal(file_write(path, "{\"tenant\": 3}", 13, 0600, NULL), 0);
    assert_int_equal(settings_load(arena, &loaded, &err), -1);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, "\"tenant\" must be a string"));
}

static void what_is_missing_says_how_to_give_it(void **state)
{
    (void)state;
    struct error err = {0};
    assert_null(settings_need(NULL, "apiKey", &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "ENCLAVE_API_KEY"));
    assert_string_equal(settings_need("x", "apiKey", &err), "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_is_loaded_and_private),
        cmocka_unit_test(the_environment_overrides_a_member),
        cmocka_unit_test(a_proxy_is_for_the_vendor_and_never_for_this_machine),
        cmocka_unit_test(a_file_that_is_no_settings_names_itself),
        cmocka_unit_test(what_is_missing_says_how_to_give_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
