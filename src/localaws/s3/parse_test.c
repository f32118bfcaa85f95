/* The parsers of what S3's clients send: ranges, aws-chunked bodies, checksums, tag sets. */
#include "base/text.h"
#include "localaws/s3/chunked.h"
#include "localaws/s3/digest.h"
#include "localaws/s3/range.h"
#include "localaws/s3/tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_range_is_cut_to_what_is_there(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum range_kind kind;
        uint64_t first, length;
    } cases[] = {
        {NULL, RANGE_WHOLE, 0, 100},
        {"bytes=0-9", RANGE_PART, 0, 10},
        {"bytes=90-", RANGE_PART, 90, 10},
        {"bytes=90-1000", RANGE_PART, 90, 10},
        {"bytes=-10", RANGE_PART, 90, 10},
        {"bytes=-1000", RANGE_PART, 0, 100},
        {"bytes=99-99", RANGE_PART, 99, 1},
        {"bytes=100-", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=9-0", RANGE_WHOLE, 0, 100},
        {"bytes=0-1,5-6", RANGE_WHOLE, 0, 100},
        {"bytes=a-b", RANGE_WHOLE, 0, 100},
        {"bytes=", RANGE_WHOLE, 0, 100},
        {"bytes=-", RANGE_WHOLE, 0, 100},
        {"bytes=99999999999999999999-", RANGE_WHOLE, 0, 100},
        {"lines=1-2", RANGE_WHOLE, 0, 100},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct byte_range range = byte_range_parse(cases[i].header, 100);
        assert_int_equal(range.kind, cases[i].kind);
        assert_int_equal(range.first, cases[i].first);
        assert_int_equal(range.length, cases[i].length);
    }
    assert_int_equal(byte_range_parse("bytes=0-", 0).kind, RANGE_UNSATISFIABLE);
}

static int collect(void *context, const void *bytes, size_t length, struct error *err)
{
    (void)err;
    strncat(context, bytes, length);
    return 0;
}

/* Fed in portions of every size, an aws-chunked body gives the same. */
static int feed(struct arena *arena, const char *text, size_t portion, struct chunked *chunked, char *body)
{
    *chunked = (struct chunked){.arena = arena};
    *body = '\0';
    for (size_t at = 0, length = strlen(text); at < length; at += portion)
        if (chunked_feed(chunked, text + at, length - at < portion ? length - at : portion, collect, body,
                         &(struct error){0}) < 0)
            return -1;
    return 0;
}

static void a_chunked_body_is_put_together_however_it_arrives(void **state)
{
    (void)state;
    static const char text[] = "5\r\nhello\r\nA;chunk-signature=0123\r\n, chunked \r\n3\r\nway\r\n0\r\n"
                               "x-amz-checksum-crc32: 4waSgw==\r\n\r\n";
    cleanup(arena_free) struct arena *arena = arena_new();
    for (size_t portion = 1; portion <= strlen(text); portion++) {
        struct chunked chunked;
        char body[100];
        assert_int_equal(feed(arena, text, portion, &chunked, body), 0);
        assert_true(chunked_whole(&chunked));
        assert_string_equal(body, "hello, chunked way");
        assert_string_equal(http_headers_get(&chunked.trailers, "x-amz-checksum-crc32"), "4waSgw==");
    }
}

static void a_malformed_chunked_body_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "x\r\n",
        "\r\n",
        "5\nhello\r\n",
        "5\r\nhello!\r\n",
        "ffffffffffffffff\r\n",
        "-1\r\n",
        "5 \r\nhello\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\n: value\r\n\r\n",
        "0\r\nna me: value\r\n\r\n",
        "0\r\n\r\nmore",
    };
    cleanup(arena_free) struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct chunked chunked;
        char body[100];
        assert_int_equal(feed(arena, cases[i], 100, &chunked, body), -1);
    }
    struct chunked chunked;
    char body[100], line[CHUNKED_LINE + 10];
    memset(line, '0', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    assert_int_equal(feed(arena, line, 100, &chunked, body), -1);
    assert_int_equal(feed(arena, "5\r\nhel", 100, &chunked, body), 0);
    assert_false(chunked_whole(&chunked));
}

/* Check values of the catalogue of parametrised CRC algorithms, and of FIPS 180-4. */
static void checksums_are_those_of_the_catalogue(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
    } cases[] = {
        {"x-amz-checksum-crc32", "cbf43926"},
        {"x-amz-checksum-crc32c", "e3069283"},
        {"x-amz-checksum-crc64nvme", "ae8b14860a799888"},
        {"x-amz-checksum-sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"},
        {"x-amz-checksum-sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"},
    };
    cleanup(arena_free) struct arena *arena = arena_new();
    struct digests digests = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_true(digests_begin(&digests, cases[i].name));
    digests_update(&digests, "1234", 4);
    digests_update(&digests, "56789", 5);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(digests_value(&digests, arena, cases[i].name, true), cases[i].hex);
    assert_null(digests_value(&digests, arena, "content-md5", true));
    assert_true(digests_begin(&digests, "sha256")); /* runs already, by its other name */
    assert_false(digests_begin(&digests, "x-amz-checksum-unheard-of"));
    digests_free(&digests);
}

static void tags_of_both_forms_are_kept_alike(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    static const char xml[] = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag>"
                              "<Tag><Key>c</Key><Value></Value></Tag></TagSet></Tagging>";
    char *tags, *same;
    assert_int_equal(s3_tags_read(arena, xml, strlen(xml), 10, &tags, NULL), 0);
    assert_int_equal(s3_tags_parse(arena, "a+b=1%262&c=", &same, NULL), 0);
    assert_string_equal(tags, "a%20b=1%262&c=");
    assert_string_equal(tags, same);
    assert_int_equal(s3_tags_count(tags), 2);
    assert_int_equal(s3_tags_count(""), 0);
    cleanup(buffer_free) struct buffer back = buffer_new(10000);
    s3_tags_write(arena, tags, &back);
    assert_string_equal(buffer_string(&back), "<TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag>"
                                              "<Tag><Key>c</Key><Value></Value></Tag></TagSet>");
}

static void a_tag_set_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {"a=1&a=2", "=1", "a=%zz",
                                          "a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10&k=11"};
    static const char *const xmls[] = {"", "<Tagging", "<Other/>",
                                       "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
                                       "<!DOCTYPE x><Tagging/>"};
    cleanup(arena_free) struct arena *arena = arena_new();
    char *tags;
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        assert_int_equal(s3_tags_parse(arena, headers[i], &tags, NULL), -1);
    for (size_t i = 0; i < COUNT_OF(xmls); i++)
        assert_int_equal(s3_tags_read(arena, xmls[i], strlen(xmls[i]), 10, &tags, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_cut_to_what_is_there),
        cmocka_unit_test(a_chunked_body_is_put_together_however_it_arrives),
        cmocka_unit_test(a_malformed_chunked_body_is_refused),
        cmocka_unit_test(checksums_are_those_of_the_catalogue),
        cmocka_unit_test(tags_of_both_forms_are_kept_alike),
        cmocka_unit_test(a_tag_set_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
