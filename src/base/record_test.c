#include "base/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct part {
    const char *name;
    double weight;
};
enum colour { COLOUR_RED, COLOUR_BLUE };
struct thing {
    const char *id;
    int64_t size;
    bool open;
    int colour;
    struct part *main_part;
    struct part *parts;
    size_t part_count;
    char **labels;
    size_t label_count;
    json_t *extra;
};

static const char *const colours[] = {"red", "blue", NULL};
static const struct field part_fields[] = {
    FIELD_TEXT(struct part, name, "name", REQUIRED, 8, NULL, "what it is called"),
    FIELD_NUMBER(struct part, weight, "weight", OPTIONAL, 0.5, 10, "kilograms"),
    FIELD_END,
};
static const struct record part_record = {"part", sizeof(struct part), part_fields};
static const struct field thing_fields[] = {
    FIELD_TEXT(struct thing, id, "id", REQUIRED, 16, NULL, "its name"),
    FIELD_INTEGER(struct thing, size, "size", OPTIONAL, 1, 100, "bytes"),
    FIELD_BOOL(struct thing, open, "open", OPTIONAL, "whether it is open"),
    FIELD_ENUM(struct thing, colour, "colour", OPTIONAL, colours, "its colour"),
    FIELD_RECORD(struct thing, main_part, "mainPart", OPTIONAL, &part_record, "the main part"),
    FIELD_LIST(struct thing, parts, part_count, "parts", OPTIONAL, 2, &part_record, "all parts"),
    FIELD_LIST(struct thing, labels, label_count, "labels", OPTIONAL, 4, &text_record, "labels"),
    FIELD_JSON(struct thing, extra, "extra", OPTIONAL, "anything"),
    FIELD_END,
};
static const struct record thing_record = {"thing", sizeof(struct thing), thing_fields};

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free((struct arena **)state);
    return 0;
}

static void what_is_written_is_what_was_read(void **state)
{
    const char *text =
        "{\"id\":\"a\",\"size\":7,\"open\":true,\"colour\":\"blue\",\"mainPart\":{\"name\":\"m\",\"weight\":"
        "2.5},"
        "\"parts\":[{\"name\":\"p\",\"weight\":1.0}],\"labels\":[\"x\",\"y\"],\"extra\":{\"k\":[1]}}";
    struct thing thing = {0};
    assert_int_equal(record_parse(&thing_record, *state, text, strlen(text), &thing, NULL), 0);
    assert_int_equal(thing.size, 7);
    assert_int_equal(thing.colour, COLOUR_BLUE);
    assert_int_equal(thing.part_count, 1);
    assert_string_equal(thing.labels[1], "y");
    assert_string_equal(record_text(&thing_record, *state, &thing), text);
}

static void what_is_appended_is_what_is_written(void **state)
{
    char *labels[] = {"plain", "\"\\/\b\f\n\r\t\x01\x1f", "\xc3\xa9 \xf0\x9f\x8c\x8d", ""};
    struct part parts[] = {{"p", 1.5}, {"\xff is no text", 3.25}};
    struct thing things[] = {
        {0},
        {.id = "a\nb", .size = -7, .open = true, .colour = COLOUR_BLUE, .labels = labels, .label_count = 4},
        {.id = "b",
         .main_part = &parts[0],
         .parts = parts,
         .part_count = 2,
         .extra = json_pack("{s:[i]}", "k", 1)},
    };
    for (size_t i = 0; i < 3; i++) {
        cleanup(buffer_free) struct buffer out = buffer_new(4096);
        record_append(&thing_record, &things[i], &out);
        assert_string_equal(buffer_string(&out), record_text(&thing_record, *state, &things[i]));
    }
    json_decref(things[2].extra);
}

static void a_copy_outlives_what_it_was_made_of(void **state)
{
    const char *text =
        "{\"id\":\"a\",\"size\":7,\"open\":true,\"colour\":\"blue\",\"mainPart\":{\"name\":\"m\",\"weight\":"
        "2.5},\"parts\":[{\"name\":\"p\",\"weight\":1.0},{\"name\":\"q\",\"weight\":2.0}],"
        "\"labels\":[\"x\",\"y\"],\"extra\":{\"k\":[1]}}";
    struct arena *arena = arena_new();
    struct thing thing = {0};
    assert_int_equal(record_parse(&thing_record, arena, text, strlen(text), &thing, NULL), 0);
    cleanup(memory_free) char *block = record_copy(&thing_record, &thing, 32);
    arena_free(&arena);
    const struct thing *copy = (const void *)(block + 32);
    assert_string_equal(record_text(&thing_record, *state, copy), text);
    assert_null(copy->labels[2]);
    record_copy_release(&thing_record, copy);
}

static void each_fault_names_the_member(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "\"id\" is missing"},
        {"{\"id\":null}", "\"id\" is missing"},
        {"{\"id\":3}", "\"id\" must be a string"},
        {"{\"id\":\"12345678901234567\"}", "\"id\" is longer than 16 bytes"},
        {"{\"id\":\"a\",\"size\":0}", "\"size\" must be from 1 to 100"},
        {"{\"id\":\"a\",\"size\":1.5}", "\"size\" must be a whole number"},
        {"{\"id\":\"a\",\"colour\":\"green\"}", "\"colour\" must be one of red blue"},
        {"{\"id\":\"a\",\"parts\":[{\"name\":\"p\"},{}]}", "\"parts[1].name\" is missing"},
        {"{\"id\":\"a\",\"parts\":[{\"name\":\"p\",\"weight\":0}]}",
         "\"parts[0].weight\" must be from 0.5 to 10"},
        {"{\"id\":\"a\",\"parts\":[{},{},{}]}", "\"parts\" has more than 2 items"},
        {"{\"id\":\"a\",\"labels\":[1]}", "\"labels[0]\" must be a string"},
        {"{\"id\":\"a\\u0000b\"}", "not JSON"},
        {"[]", "thing must be a JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct thing thing = {0};
        struct error err = {0};
        assert_int_equal(record_parse(&thing_record, *state, cases[i][0], strlen(cases[i][0]), &thing, &err),
                         -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, cases[i][1]));
    }
}

static void hostile_json_is_refused(void **state)
{
    char deep[200];
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    json_t *value;
    assert_int_equal(json_parse(*state, deep, sizeof deep, &value, NULL), -1);
    assert_int_equal(json_parse(*state, "{\"a\":1,\"a\":2}", 13, &value, NULL), -1);
    assert_int_equal(json_parse(*state, "{} x", 4, &value, NULL), -1);
    assert_int_equal(json_parse(*state, "[\"\xff\"]", 5, &value, NULL), -1);
    assert_int_equal(json_parse(*state, "[\"[[[\\\"[\"]", 10, &value, NULL), 0);
    /* An escaped quote ends no text: what follows is still in it, and what follows that is not. */
    char quoted[104] = "[\"\\\"";
    memset(quoted + 4, '[', 98);
    memcpy(quoted + 102, "\"]", 2);
    assert_int_equal(json_parse(*state, quoted, sizeof quoted, &value, NULL), 0);
    memcpy(deep, "[\"\\\"\",", 6);
    assert_int_equal(json_parse(*state, deep, sizeof deep, &value, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_what_was_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_appended_is_what_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_outlives_what_it_was_made_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_fault_names_the_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_json_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
