#include "localaws/s3/store.h"

#include "base/file.h"
#include "base/text.h"
#include "localaws/s3/lifecycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char store_key[S3_STORE_KEY] = {1, 2, 3};

struct fixture {
    char directory[32];
    struct s3_store *store;
    struct arena *arena;
};

static int enter(void **state)
{
    struct fixture *fixture = memory_alloc(sizeof(*fixture));
    strcpy(fixture->directory, "/tmp/s3-store.XXXXXX");
    fixture->arena = arena_new();
    *state = fixture;
    return mkdtemp(fixture->directory) ? s3_store_open(fixture->directory, store_key, &fixture->store, NULL)
                                       : -1;
}

static int leave(void **state)
{
    struct fixture *fixture = *state;
    s3_store_close(&fixture->store);
    arena_free(&fixture->arena);
    int result = tree_remove(fixture->directory, NULL);
    free(fixture);
    return result;
}

static struct s3_piece make_file(struct fixture *fixture, int64_t number)
{
    struct s3_piece piece = {.file = s3_store_new_id(fixture->arena),
                             .number = number,
                             .size = 4,
                             .modified_ms = 1000,
                             .etag = "00"};
    const char *path = s3_store_path(fixture->store, fixture->arena, piece.file);
    assert_int_equal(file_write(path, "file", 4, 0600, NULL), 0);
    return piece;
}

static bool has_file(struct fixture *fixture, const struct s3_piece *piece)
{
    return file_exists(s3_store_path(fixture->store, fixture->arena, piece->file));
}

static struct s3_object describe(struct fixture *fixture, const char *key)
{
    return (struct s3_object){.bucket = "b",
                              .key = key,
                              .version = "null",
                              .id = s3_store_new_id(fixture->arena),
                              .etag = "e",
                              .headers = "{}",
                              .tags = "",
                              .size = 4,
                              .modified_ms = 1000,
                              .sealing = {NULL, NULL, "wrapped"}};
}

static struct s3_piece put(struct fixture *fixture, const char *key)
{
    struct s3_piece piece = make_file(fixture, 1);
    struct s3_object object = describe(fixture, key);
    assert_int_equal(s3_store_put(fixture->store, &object, &piece, 1, NULL, NULL), 0);
    return piece;
}

static void replacing_an_object_removes_its_old_file(void **state)
{
    struct fixture *fixture = *state;
    struct s3_piece old = put(fixture, "k"), new = put(fixture, "k");
    assert_false(has_file(fixture, &old));
    assert_true(has_file(fixture, &new));
    struct s3_object found;
    struct s3_piece *pieces;
    size_t count;
    assert_int_equal(s3_store_get(fixture->store, fixture->arena, "b", "k", NULL, &found, NULL), 0);
    assert_null(found.sealing.key_arn);
    assert_int_equal(s3_store_pieces(fixture->store, fixture->arena, found.id, &pieces, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_string_equal(pieces[0].file, new.file);
}

static void a_reader_keeps_what_it_reads_until_it_is_done(void **state)
{
    struct fixture *fixture = *state;
    struct s3_piece old = put(fixture, "k"), *pieces;
    struct s3_object found;
    struct error err = {0};
    size_t count;
    assert_int_equal(s3_store_get(fixture->store, fixture->arena, "b", "k", NULL, &found, NULL), 0);
    assert_int_equal(s3_store_pin(fixture->store, fixture->arena, found.id, &pieces, &count, NULL), 0);
    assert_int_equal(s3_store_pin(fixture->store, fixture->arena, found.id, &pieces, &count, NULL), 0);
    put(fixture, "k");
    assert_int_equal(s3_store_delete(fixture->store, "b", "k", "null", NULL), 0);
    s3_store_unpin(fixture->store, found.id);
    assert_true(has_file(fixture, &old));
    s3_store_unpin(fixture->store, found.id);
    assert_false(has_file(fixture, &old));
    assert_int_equal(s3_store_pin(fixture->store, fixture->arena, found.id, &pieces, &count, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void only_the_first_of_two_new_objects_is_taken(void **state)
{
    struct fixture *fixture = *state;
    struct s3_piece first = put(fixture, "k"), second = make_file(fixture, 1);
    struct s3_object object = describe(fixture, "k");
    struct error err = {0};
    assert_int_equal(
        s3_store_put(fixture->store, &object, &second, 1, &(struct s3_expectation){.absent = true}, &err),
        -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_true(has_file(fixture, &first));
}

static void keys_come_in_the_order_of_their_bytes(void **state)
{
    struct fixture *fixture = *state;
    static const char *const keys[] = {"B", "a", "a/b", "a0", "\xc3\xa9"};
    for (size_t i = COUNT_OF(keys); i-- > 0;)
        put(fixture, keys[i]);
    const char *from = "";
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct s3_object object;
        assert_int_equal(s3_store_next(fixture->store, fixture->arena, "b", from, false, &object, NULL), 0);
        assert_string_equal(object.key, keys[i]);
        from = object.key;
    }
    struct s3_object object;
    struct error err = {0};
    assert_int_equal(s3_store_next(fixture->store, fixture->arena, "b", from, false, &object, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_equal(s3_store_next(fixture->store, fixture->arena, "b", from, true, &object, NULL), 0);
    assert_int_equal(s3_store_next(fixture->store, fixture->arena, "other", "", true, &object, NULL), -1);
}

static void a_completed_upload_keeps_the_chosen_parts_only(void **state)
{
    struct fixture *fixture = *state;
    struct s3_object upload = describe(fixture, "big"), found;
    assert_int_equal(s3_store_upload_begin(fixture->store, &upload, NULL), 0);
    struct s3_piece one = make_file(fixture, 1), again = make_file(fixture, 1), two = make_file(fixture, 2);
    assert_int_equal(s3_store_upload_piece(fixture->store, upload.id, &one, NULL), 0);
    assert_int_equal(s3_store_upload_piece(fixture->store, upload.id, &again, NULL), 0);
    assert_int_equal(s3_store_upload_piece(fixture->store, upload.id, &two, NULL), 0);
    assert_false(has_file(fixture, &one));
    assert_int_equal(s3_store_get(fixture->store, fixture->arena, "b", "big", NULL, &found, NULL), -1);
    assert_int_equal(s3_store_upload_complete(fixture->store, &upload, &again, 1, NULL, NULL), 0);
    assert_true(has_file(fixture, &again));
    assert_false(has_file(fixture, &two));
    assert_int_equal(s3_store_get(fixture->store, fixture->arena, "b", "big", NULL, &found, NULL), 0);
    struct error err = {0};
    assert_int_equal(s3_store_upload_piece(fixture->store, upload.id, &two, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void an_aborted_upload_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct s3_object upload = describe(fixture, "big"), *uploads;
    struct s3_piece one = make_file(fixture, 1);
    size_t count;
    assert_int_equal(s3_store_upload_begin(fixture->store, &upload, NULL), 0);
    assert_int_equal(s3_store_upload_piece(fixture->store, upload.id, &one, NULL), 0);
    assert_int_equal(s3_store_upload_abort(fixture->store, upload.id, NULL), 0);
    assert_false(has_file(fixture, &one));
    assert_int_equal(s3_store_uploads(fixture->store, fixture->arena, "b", &uploads, &count, NULL), 0);
    assert_int_equal(count, 0);
}

static void files_nobody_knows_are_gone_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct s3_piece known = put(fixture, "k"), unknown = make_file(fixture, 1);
    s3_store_close(&fixture->store);
    assert_int_equal(s3_store_open(fixture->directory, store_key, &fixture->store, NULL), 0);
    assert_true(has_file(fixture, &known));
    assert_false(has_file(fixture, &unknown));
}

static void dropping_a_bucket_takes_objects_and_uploads(void **state)
{
    struct fixture *fixture = *state;
    struct s3_piece piece = put(fixture, "k"), part = make_file(fixture, 1);
    struct s3_object upload = describe(fixture, "big"), found;
    assert_int_equal(s3_store_upload_begin(fixture->store, &upload, NULL), 0);
    assert_int_equal(s3_store_upload_piece(fixture->store, upload.id, &part, NULL), 0);
    char **buckets;
    size_t count;
    assert_int_equal(s3_store_buckets(fixture->store, fixture->arena, &buckets, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_string_equal(buckets[0], "b");
    assert_int_equal(s3_store_drop(fixture->store, "b", NULL), 0);
    assert_false(has_file(fixture, &piece));
    assert_false(has_file(fixture, &part));
    assert_int_equal(s3_store_upload_get(fixture->store, fixture->arena, upload.id, &found, NULL), -1);
}

#define RULE(status, filter) \
    "<Rule><ID>r</ID><Status>" status "</Status>" filter "<Expiration><Days>31</Days></Expiration></Rule>"

static const int64_t day_ms = 24 * 3600 * 1000;

static bool has_object(struct fixture *fixture, const char *key)
{
    struct s3_object found;
    return s3_store_get(fixture->store, fixture->arena, "b", key, NULL, &found, NULL) == 0;
}

static void apply(struct fixture *fixture, const char *rules, int64_t days)
{
    const char *document =
        arena_format(fixture->arena, "<LifecycleConfiguration>%s</LifecycleConfiguration>", rules);
    assert_int_equal(
        s3_lifecycle_apply(fixture->store, "b", document, S3_UNVERSIONED, 1000 + days * day_ms, NULL), 0);
}

static void objects_go_when_their_days_are_over_and_not_before(void **state)
{
    struct fixture *fixture = *state;
    static const char *const rules = RULE("Enabled", "<Filter><Prefix>logs/</Prefix></Filter>");
    put(fixture, "logs/a");
    put(fixture, "logs/b");
    put(fixture, "other");
    apply(fixture, rules, 31);
    assert_true(has_object(fixture, "logs/a"));
    apply(fixture, RULE("Disabled", "<Filter/>"), 1000);
    apply(fixture, RULE("Enabled", "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>"), 1000);
    assert_true(has_object(fixture, "logs/a"));
    apply(fixture, rules, 32);
    assert_false(has_object(fixture, "logs/a"));
    assert_false(has_object(fixture, "logs/b"));
    assert_true(has_object(fixture, "other"));
    apply(fixture, RULE("Enabled", "<Filter></Filter>"), 32);
    assert_false(has_object(fixture, "other"));
}

static void uploads_nobody_completes_are_aborted(void **state)
{
    struct fixture *fixture = *state;
    static const char rules[] =
        "<Rule><Status>Enabled</Status><Filter/><AbortIncompleteMultipartUpload>"
        "<DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>";
    struct s3_object upload = describe(fixture, "big"), found;
    assert_int_equal(s3_store_upload_begin(fixture->store, &upload, NULL), 0);
    apply(fixture, rules, 1);
    assert_int_equal(s3_store_upload_get(fixture->store, fixture->arena, upload.id, &found, NULL), 0);
    apply(fixture, rules, 2);
    assert_int_equal(s3_store_upload_get(fixture->store, fixture->arena, upload.id, &found, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replacing_an_object_removes_its_old_file, enter, leave),
        cmocka_unit_test_setup_teardown(a_reader_keeps_what_it_reads_until_it_is_done, enter, leave),
        cmocka_unit_test_setup_teardown(only_the_first_of_two_new_objects_is_taken, enter, leave),
        cmocka_unit_test_setup_teardown(keys_come_in_the_order_of_their_bytes, enter, leave),
        cmocka_unit_test_setup_teardown(a_completed_upload_keeps_the_chosen_parts_only, enter, leave),
        cmocka_unit_test_setup_teardown(an_aborted_upload_leaves_nothing, enter, leave),
        cmocka_unit_test_setup_teardown(files_nobody_knows_are_gone_after_a_restart, enter, leave),
        cmocka_unit_test_setup_teardown(objects_go_when_their_days_are_over_and_not_before, enter, leave),
        cmocka_unit_test_setup_teardown(uploads_nobody_completes_are_aborted, enter, leave),
        cmocka_unit_test_setup_teardown(dropping_a_bucket_takes_objects_and_uploads, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
