#include "localaws/ssm/content.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/* The script of a document's only step with these values; NULL when it is refused. */
static const char *script(const char *document, const char *values)
{
    json_t *content, *json = NULL, *given;
    struct step *steps;
    size_t count;
    struct error err = {0};
    if (values && json_parse(arena, values, strlen(values), &json, &err) < 0)
        return NULL;
    if (content_parse(arena, document, &content, &err) < 0 ||
        content_parameters(arena, content, json, &given, &err) < 0 ||
        content_steps(arena, content, given, &steps, &count, &err) < 0)
        return NULL;
    assert_int_equal(count, 1);
    return steps[0].script;
}

#define DOCUMENT(parameters, command)                                                        \
    "{\"schemaVersion\":\"2.2\",\"parameters\":{" parameters "},\"mainSteps\":[{\"action\":" \
    "\"aws:runShellScript\",\"name\":\"step\",\"inputs\":{\"runCommand\":" command "}}]}"
#define KEY "\"key\":{\"type\":\"String\",\"allowedPattern\":\"[a-z]+|[{} ]+key[{} ]+\"}"

static void a_value_stands_where_its_name_stood(void **state)
{
    (void)state;
    assert_string_equal(
        script(DOCUMENT(KEY, "[\"echo {{ key }} {{key}}\", \"done\"]"), "{\"key\":[\"abc\"]}"),
        "echo abc abc\ndone\n");
}

static void a_value_is_not_looked_at_again(void **state)
{
    (void)state;
    assert_string_equal(script(DOCUMENT(KEY, "[\"echo {{ key }}\"]"), "{\"key\":[\"{{ key }}\"]}"),
                        "echo {{ key }}\n");
}

static void a_value_that_does_not_match_as_a_whole_is_refused(void **state)
{
    (void)state;
    assert_null(script(DOCUMENT(KEY, "[\"echo {{ key }}\"]"), "{\"key\":[\"abc; reboot\"]}"));
    assert_null(script(DOCUMENT(KEY, "[\"echo {{ key }}\"]"), "{\"key\":[\"ABC\"]}"));
}

static void names_that_are_not_declared_are_refused(void **state)
{
    (void)state;
    assert_null(script(DOCUMENT(KEY, "[\"echo {{ other }}\"]"), "{\"key\":[\"abc\"]}"));
    assert_null(script(DOCUMENT(KEY, "[\"echo\"]"), "{\"key\":[\"abc\"],\"other\":[\"x\"]}"));
}

static void a_parameter_without_a_default_is_required(void **state)
{
    (void)state;
    assert_null(script(DOCUMENT(KEY, "[\"echo {{ key }}\"]"), NULL));
    assert_string_equal(
        script(DOCUMENT("\"key\":{\"type\":\"String\",\"default\":\"x\"}", "[\"echo {{ key }}\"]"), NULL),
        "echo x\n");
}

static void a_list_becomes_lines_where_it_stands_alone(void **state)
{
    (void)state;
    const char *declared = DOCUMENT("\"lines\":{\"type\":\"StringList\"}", "[\"set -e\", \"{{ lines }}\"]");
    assert_string_equal(script(declared, "{\"lines\":[\"one\",\"two {{ lines }}\"]}"),
                        "set -e\none\ntwo {{ lines }}\n");
    assert_string_equal(script(DOCUMENT("\"lines\":{\"type\":\"StringList\"}", "\"{{ lines }}\""),
                               "{\"lines\":[\"a\",\"b\"]}"),
                        "a\nb\n");
}

static void what_is_not_run_here_is_refused(void **state)
{
    (void)state;
    assert_null(script(
        "{\"schemaVersion\":\"2.2\",\"mainSteps\":[{\"action\":\"aws:runPowerShellScript\",\"name\":\"s\","
        "\"inputs\":{\"runCommand\":[\"x\"]}}]}",
        NULL));
    assert_null(script("{\"schemaVersion\":\"0.3\",\"mainSteps\":[]}", NULL));
    assert_null(script(DOCUMENT("\"key\":{\"type\":\"String\",\"interpolationType\":\"ENV_VAR\"}", "[\"x\"]"),
                       "{\"key\":[\"a\"]}"));
}

static void a_step_for_another_platform_is_left_out(void **state)
{
    (void)state;
    assert_string_equal(
        script("{\"schemaVersion\":\"2.2\",\"mainSteps\":["
               "{\"action\":\"aws:runPowerShellScript\",\"name\":\"w\",\"precondition\":{\"StringEquals\":["
               "\"platformType\",\"Windows\"]},\"inputs\":{\"runCommand\":[\"w\"]}},"
               "{\"action\":\"aws:runShellScript\",\"name\":\"l\",\"precondition\":{\"StringEquals\":["
               "\"platformType\",\"Linux\"]},\"inputs\":{\"runCommand\":[\"l\"]}}]}",
               NULL),
        "l\n");
}

int main(void)
{
#define IN_AN_ARENA(test) cmocka_unit_test_setup_teardown(test, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        IN_AN_ARENA(a_value_stands_where_its_name_stood),
        IN_AN_ARENA(a_value_is_not_looked_at_again),
        IN_AN_ARENA(a_value_that_does_not_match_as_a_whole_is_refused),
        IN_AN_ARENA(names_that_are_not_declared_are_refused),
        IN_AN_ARENA(a_parameter_without_a_default_is_required),
        IN_AN_ARENA(a_list_becomes_lines_where_it_stands_alone),
        IN_AN_ARENA(what_is_not_run_here_is_refused),
        IN_AN_ARENA(a_step_for_another_platform_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
