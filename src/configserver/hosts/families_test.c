/* The declared families keep Prometheus' rules, and a scrape shows each once with its help and type. */
#include "configserver/hosts/families.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_family_is_declared_once_with_help_in_base_units(void **state)
{
    (void)state;
    static const char *const other_units[] = {"_ms", "_millis",  "_kb",    "_mb",
                                              "_gb", "_minutes", "_hours", "_percent"};
    size_t count;
    const struct metric_family *families = metric_families(&count);
    for (size_t i = 0; i < count; i++) {
        const struct metric_family *family = &families[i];
        assert_true(text_only(family->name, "a-z0-9_"));
        assert_true(text_starts(family->name, "enclave_") || text_starts(family->name, "vespa_"));
        assert_true(text_ends(family->help, "."));
        assert_null(strchr(family->help, '\n'));
        assert_int_equal(text_ends(family->name, "_total"), text_equal(family->type, "counter"));
        assert_true(text_equal(family->type, "counter") || text_equal(family->type, "gauge"));
        for (size_t j = 0; j < COUNT_OF(other_units); j++)
            assert_false(text_ends(family->name, other_units[j]));
        if (i > 0 && strcmp(families[i - 1].name, family->name) >= 0)
            fail_msg("%s is not before %s", families[i - 1].name, family->name);
    }
}

static void a_scrape_shows_each_family_once_with_its_help_and_type(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer text = buffer_new(1 << 16);
    struct exposition *exposition = exposition_begin(arena);
    assert_true(exposition_add(exposition, "vespa_node_up", "host=\"b\"", 0));
    assert_true(exposition_add(exposition, "enclave_accounts", "", 3));
    assert_true(exposition_add(exposition, "vespa_node_up", "host=\"a\"", 1));
    assert_true(
        exposition_add(exposition, "vespa_node_up", "host=\"a\"", 7)); /* a container's, of the same name */
    assert_true(exposition_add(exposition, "vespa_node_queries_total", "host=\"a\"", 5));
    assert_false(exposition_add(exposition, "enclave_secrets", "", 1));
    exposition_print(exposition, &text);
    assert_string_equal(buffer_string(&text),
                        "# HELP enclave_accounts AWS accounts that were deployed to once.\n"
                        "# TYPE enclave_accounts gauge\n"
                        "enclave_accounts 3\n"
                        "# HELP vespa_node_queries_total As the application's own container says.\n"
                        "# TYPE vespa_node_queries_total counter\n"
                        "vespa_node_queries_total{host=\"a\"} 5\n"
                        "# HELP vespa_node_up 1: the node's service answers.\n"
                        "# TYPE vespa_node_up gauge\n"
                        "vespa_node_up{host=\"a\"} 1\n"
                        "vespa_node_up{host=\"b\"} 0\n");
}

static void a_scrape_of_nothing_is_empty(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer text = buffer_new(1 << 16);
    exposition_print(exposition_begin(arena), &text);
    assert_int_equal(text.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_is_declared_once_with_help_in_base_units),
        cmocka_unit_test(a_scrape_shows_each_family_once_with_its_help_and_type),
        cmocka_unit_test(a_scrape_of_nothing_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
