#include "host/announced.h"

#include "base/record.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_announced_is_told_until_it_is_over(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"[]", ""},
        {"[{\"NotBefore\":\"25 Nov 2026 10:00:00 "
         "GMT\",\"Code\":\"instance-retirement\",\"State\":\"active\"}]",
         "instance-retirement from 25 Nov 2026 10:00:00 GMT"},
        {"[{\"Code\":\"system-reboot\",\"State\":\"completed\"}]", ""},
        {"[{\"Code\":\"system-reboot\",\"State\":\"canceled\"},{\"Code\":\"instance-stop\"}]",
         "instance-stop from now"},
        {"[{\"Code\":\"a\"},{\"Code\":\"b\"}]", "a from now; b from now"},
        {"{\"Code\":\"no list\"}", ""},
        {"[7, null, {}]", ""},
    };
    cleanup(arena_free) struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[ANNOUNCED_LONGEST];
        struct error err = {0};
        assert_int_equal(announced_read(arena, rows[i].json, text, &err), 0);
        assert_string_equal(text, rows[i].text);
    }
}

static void what_makes_no_sense_is_refused_and_what_is_too_long_is_cut(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    char text[ANNOUNCED_LONGEST];
    struct error err = {0};
    assert_int_equal(announced_read(arena, "<html>", text, &err), -1);
    char *json = "[";
    for (int i = 0; i < 50; i++)
        json = arena_format(arena, "%s%s{\"Code\":\"system-maintenance\"}", json, i ? "," : "");
    assert_int_equal(announced_read(arena, arena_format(arena, "%s]", json), text, &err), 0);
    assert_true(text_starts(text, "system-maintenance from now; system-maintenance"));
}

static void only_what_there_is_is_reported(void **state)
{
    (void)state;
    json_t *reports = json_object();
    announced_report(reports, "");
    assert_int_equal(json_object_size(reports), 0);
    announced_report(reports, "instance-stop from now");
    const json_t *said = json_object_get(reports, "announced");
    assert_string_equal(json_member_text(said, "type"), "UNSPECIFIED");
    assert_string_equal(json_member_text(said, "description"), "instance-stop from now");
    json_decref(reports);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_announced_is_told_until_it_is_over),
        cmocka_unit_test(what_makes_no_sense_is_refused_and_what_is_too_long_is_cut),
        cmocka_unit_test(only_what_there_is_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
