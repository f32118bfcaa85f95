#include "index.h"

#include "base/file.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

struct fixture {
    struct arena *arena;
    char directory[40];
    struct index *index;
};

static const char *path_of(struct fixture *fixture)
{
    return arena_format(fixture->arena, "%s/documents.sqlite", fixture->directory);
}

static int set_up(void **state)
{
    struct fixture *fixture = memory_alloc(sizeof *fixture);
    fixture->arena = arena_new();
    strcpy(fixture->directory, "/tmp/index-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    assert_int_equal(index_open(path_of(fixture), &fixture->index, NULL), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    index_close(&fixture->index);
    tree_remove(fixture->directory, NULL);
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

static void put(struct fixture *fixture, const char *id, const char *fields)
{
    struct document_id document = {"music", "album", id};
    struct error err = {0};
    json_t *json = NULL;
    assert_int_equal(json_parse(fixture->arena, fields, strlen(fields), &json, &err), 0);
    if (index_put(fixture->index, &document, json, &err) < 0)
        fail_msg("%s", err.message);
}

static struct hits search(struct fixture *fixture, const char *words)
{
    struct query query = {.words = words, .everything = words == NULL, .hits = 10};
    struct hits hits;
    struct error err = {0};
    if (index_search(fixture->index, fixture->arena, &query, &hits, &err) < 0)
        fail_msg("%s", err.message);
    return hits;
}

static void a_document_is_found_by_any_word_of_any_text_in_it(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "1",
        "{\"title\":\"A Head Full of "
        "Dreams\",\"year\":2015,\"tracks\":[\"Birds\",{\"name\":\"Kaleidoscope\"}]}");
    put(fixture, "2", "{\"title\":\"Love Is Here to Stay\"}");
    assert_int_equal(search(fixture, "dreams").total, 1);
    assert_int_equal(search(fixture, "KALEIDOSCOPE").total, 1);
    assert_int_equal(search(fixture, "birds love").total, 2);
    assert_int_equal(search(fixture, "nothing").total, 0);
    assert_int_equal(search(fixture, NULL).total, 2);
    assert_string_equal(search(fixture, "love").items[0].id, "id:music:album::2");
}

static void a_document_put_again_replaces_the_one_before_and_its_words(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "1", "{\"title\":\"old words\"}");
    put(fixture, "1", "{\"title\":\"new\"}");
    assert_int_equal(search(fixture, "old").total, 0);
    assert_int_equal(search(fixture, "new").total, 1);
    assert_int_equal(index_count(fixture->index), 1);
}

static void a_deleted_document_is_gone_and_deleting_it_again_is_fine(void **state)
{
    struct fixture *fixture = *state;
    struct document_id document = {"music", "album", "1"};
    struct error err = {0};
    json_t *fields = NULL;
    put(fixture, "1", "{\"title\":\"words\"}");
    assert_int_equal(index_delete(fixture->index, &document, &err), 0);
    assert_int_equal(index_delete(fixture->index, &document, &err), 0);
    assert_int_equal(index_get(fixture->index, fixture->arena, &document, &fields, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_equal(search(fixture, "words").total, 0);
}

static void documents_are_there_after_the_node_died(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "1", "{\"title\":\"words\"}");
    struct index *again = NULL;
    assert_int_equal(index_open(path_of(fixture), &again, NULL), 0); /* the first was never closed */
    assert_int_equal(index_count(again), 1);
    index_close(&again);
}

static void nothing_a_client_writes_is_query_syntax(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "1", "{\"title\":\"words\"}");
    static const char *const hostile[] = {"\"",    "\"\"\"",   "words*", "title:words",
                                          "NEAR(", "a AND",    "-",      "'; DROP TABLE texts",
                                          "   ",   "\xc3\xa9", "OR OR"};
    for (size_t i = 0; i < COUNT_OF(hostile); i++)
        search(fixture, hostile[i]);
    assert_int_equal(search(fixture, "words").total, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_document_is_found_by_any_word_of_any_text_in_it),
        TEST(a_document_put_again_replaces_the_one_before_and_its_words),
        TEST(a_deleted_document_is_gone_and_deleting_it_again_is_fine),
        TEST(documents_are_there_after_the_node_died),
        TEST(nothing_a_client_writes_is_query_syntax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
