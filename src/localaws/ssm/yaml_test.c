#include "localaws/ssm/yaml.h"

#include "base/record.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *read(struct arena *arena, const char *text)
{
    json_t *value;
    return yaml_read(arena, text, &value, NULL) == 0 ? json_text(arena, value) : NULL;
}

static void a_document_becomes_what_json_would_say(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    (void)state;
    assert_string_equal(
        read(arena, "schemaVersion: \"2.2\"\n"
                    "mainSteps:\n"
                    "  - action: aws:runShellScript\n"
                    "    inputs:\n"
                    "      runCommand: [\"echo {{ word }}\", 'b']\n"
                    "      timeoutSeconds: 60\n"),
        "{\"schemaVersion\":\"2.2\",\"mainSteps\":[{\"action\":\"aws:runShellScript\",\"inputs\":{"
        "\"runCommand\":[\"echo {{ word }}\",\"b\"],\"timeoutSeconds\":60}}]}");
    assert_string_equal(read(arena, "script: |\n  one\n  two\nnote: >-\n  one\n  two\n"),
                        "{\"script\":\"one\\ntwo\\n\",\"note\":\"one two\"}");
    assert_string_equal(read(arena, "{\"json\": [1, true, null]}"), "{\"json\":[1,true,null]}");
}

static void a_plain_scalar_is_what_json_would_write_so(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    (void)state;
    assert_string_equal(read(arena, "[1, -2, 0, 2.5, 1e3, ~, null, True, FALSE, ]"),
                        "[1,-2,0,2.5,1000.0,null,null,true,false]");
    assert_string_equal(
        read(arena, "[yes, 010, 0x10, 1., .5, 1-2, +1, 99999999999999999999, '1', 2026-01-02]"),
        "[\"yes\",\"010\",\"0x10\",\"1.\",\".5\",\"1-2\",\"+1\",\"99999999999999999999\",\"1\","
        "\"2026-01-02\"]");
}

static void what_could_grow_or_be_read_in_two_ways_is_refused(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    static const char *const texts[] = {
        "",
        "a: &x 1\nb: *x\n",
        "&x [1]",
        "a: !!binary aGk=\n",
        "!mine {a: 1}",
        "a: 1\na: 2\n",
        "[1]: 2\n",
        "a: 1\n---\nb: 2\n",
        "{a: 1",
        "- a\nb: c\n",
        "\"\\0\"",
        "*x",
        "\xff\xfe"
        "a",
        "? &k a\n: 1\n",
        "a:\n\t- b\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_null(read(arena, texts[i]));
    char deep[2 * YAML_DEEPEST + 3];
    memset(deep, '[', YAML_DEEPEST + 1);
    memset(deep + YAML_DEEPEST + 1, ']', YAML_DEEPEST + 1);
    deep[2 * YAML_DEEPEST + 2] = '\0';
    assert_null(read(arena, deep));
    deep[2 * YAML_DEEPEST + 1] = '\0';
    assert_non_null(read(arena, deep + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_becomes_what_json_would_say),
        cmocka_unit_test(a_plain_scalar_is_what_json_would_write_so),
        cmocka_unit_test(what_could_grow_or_be_read_in_two_ways_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
