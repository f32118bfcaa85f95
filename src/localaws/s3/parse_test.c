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

/* The examples of Amazon's S3 API Reference: 66,560 times 'a', in chunks of 64 KiB. */
static const char example_secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
static const struct sigv4_scope example_scope = {"20130524", "us-east-1", "s3"};

static char *example_body(struct arena *arena, const char *const signatures[3], const char *trailers)
{
    char *letters = arena_alloc(arena, 65537);
    memset(letters, 'a', 65536);
    return arena_format(arena,
                        "10000;chunk-signature=%s\r\n%s\r\n400;chunk-signature=%s\r\n%.1024s\r\n"
                        "0;chunk-signature=%s\r\n%s\r\n",
                        signatures[0], letters, signatures[1], letters, signatures[2], trailers);
}

static int count(void *context, const void *bytes, size_t length, struct error *err)
{
    (void)bytes, (void)err;
    *(size_t *)context += length;
    return 0;
}

static int feed_example(struct arena *arena, const char *seed, const char *body)
{
    struct call_signature *signature = arena_alloc(arena, sizeof(*signature));
    *signature = (struct call_signature){
        .amz_date = "20130524T000000Z", .scope = "20130524/us-east-1/s3/aws4_request", .signature = seed};
    sigv4_signing_key(example_secret, &example_scope, signature->key);
    struct chunked chunked = {.arena = arena, .signing = chunk_signing_new(arena, signature)};
    size_t length = 0;
    struct error err = {0};
    if (chunked_feed(&chunked, body, strlen(body), count, &length, &err) < 0)
        return -1;
    return chunked_whole(&chunked) && length == 66560 ? 0 : -1;
}

static void signed_chunks_are_verified_each(void **state)
{
    (void)state;
    static const char seed[] = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    const char *signatures[3] = {"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                                 "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                                 "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"};
    cleanup(arena_free) struct arena *arena = arena_new();
    char *body = example_body(arena, signatures, "");
    assert_int_equal(feed_example(arena, seed, body), 0);
    body[60000] = 'b';
    assert_int_equal(feed_example(arena, seed, body), -1);
    body = example_body(arena, signatures, "x-amz-checksum-crc32c:sOO8/Q==\r\n");
    assert_int_equal(feed_example(arena, seed, body), -1);
    for (size_t i = 0; i < 3; i++) {
        const char *right = signatures[i];
        signatures[i] = "00";
        assert_int_equal(feed_example(arena, seed, example_body(arena, signatures, "")), -1);
        signatures[i] = right;
    }
    assert_int_equal(feed_example(arena, "00", example_body(arena, signatures, "")), -1);
    assert_int_equal(feed_example(arena, seed, "400\r\na"), -1);
}

static void trailers_of_signed_chunks_are_verified_too(void **state)
{
    (void)state;
    static const char seed[] = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    static const char *const signatures[3] = {
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"};
    static const char signature[] = "x-amz-trailer-signature:"
                                    "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n";
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *right = arena_format(arena, "x-amz-checksum-crc32c:sOO8/Q==\r\n%s", signature);
    const char *wrong = arena_format(arena, "x-amz-checksum-crc32c:sOO8/A==\r\n%s", signature);
    assert_int_equal(feed_example(arena, seed, example_body(arena, signatures, right)), 0);
    assert_int_equal(feed_example(arena, seed, example_body(arena, signatures, wrong)), -1);
}

static void sums_of_parts_make_the_sum_of_the_whole(void **state)
{
    (void)state;
    static const char text[] = "the whole text, longer than eight bytes, in two parts";
    static const char *const names[] = {"x-amz-checksum-crc32", "x-amz-checksum-crc32c",
                                        "x-amz-checksum-crc64nvme"};
    cleanup(arena_free) struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(names); i++)
        for (size_t cut = 0; cut < sizeof(text); cut += 9) {
            struct digests whole = {0}, parts[2] = {{{0}, 0}, {{0}, 0}};
            digests_begin(&whole, names[i]);
            digests_begin(&parts[0], names[i]);
            digests_begin(&parts[1], names[i]);
            digests_update(&whole, text, sizeof(text));
            digests_update(&parts[0], text, cut);
            digests_update(&parts[1], text + cut, sizeof(text) - cut);
            const char *first = digests_value(&parts[0], arena, names[i], false);
            const char *second = digests_value(&parts[1], arena, names[i], false);
            assert_string_equal(digest_combine(arena, names[i], first, second, sizeof(text) - cut),
                                digests_value(&whole, arena, names[i], false));
            digests_free(&whole);
            digests_free(&parts[0]);
            digests_free(&parts[1]);
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
        cmocka_unit_test(signed_chunks_are_verified_each),
        cmocka_unit_test(trailers_of_signed_chunks_are_verified_too),
        cmocka_unit_test(sums_of_parts_make_the_sum_of_the_whole),
        cmocka_unit_test(a_malformed_chunked_body_is_refused),
        cmocka_unit_test(checksums_are_those_of_the_catalogue),
        cmocka_unit_test(tags_of_both_forms_are_kept_alike),
        cmocka_unit_test(a_tag_set_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
