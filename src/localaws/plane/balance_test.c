/* What load balancers say and understand byte by byte. */
#include "localaws/plane/balance.h"
#include "localaws/plane/namespace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct sockaddr_storage address(const char *text, uint16_t port)
{
    struct sockaddr_storage storage;
    socklen_t length;
    assert_int_equal(socket_address(text, port, &storage, &length, NULL), 0);
    return storage;
}

static void a_proxy_header_names_both_ends(void **state)
{
    static const unsigned char wanted[] = {'\r', '\n', '\r', '\n', 0,    '\r', '\n', 'Q', 'U', 'I',
                                           'T',  '\n', 0x21, 0x11, 0,    12,   10,   0,   0,   1,
                                           10,   0,    0,    2,    0x1f, 0x90, 1,    0xbb};
    unsigned char header[PROXY_HEADER_LONGEST];
    struct sockaddr_storage client = address("10.0.0.1", 8080), front = address("10.0.0.2", 443);
    (void)state;
    assert_int_equal(proxy_header(header, &client, &front, NULL), sizeof wanted);
    assert_memory_equal(header, wanted, sizeof wanted);
}

static void a_private_link_is_named_after_the_addresses(void **state)
{
    unsigned char header[PROXY_HEADER_LONGEST];
    struct sockaddr_storage client = address("2001:db8::1", 1), front = address("2001:db8::2", 2);
    (void)state;
    assert_int_equal(proxy_header(header, &client, &front, "vpce-1"), 16 + 36 + 4 + 6);
    assert_int_equal(header[13], 0x21);
    assert_int_equal(header[15], 46);
    assert_memory_equal(header + 52, "\xea\0\7\1vpce-1", 10);
}

static void a_health_check_speaks_for_itself(void **state)
{
    unsigned char header[PROXY_HEADER_LONGEST];
    (void)state;
    assert_int_equal(proxy_header(header, NULL, NULL, "vpce-1"), 16);
    assert_memory_equal(header + 12, "\x20\0\0\0", 4);
}

static void a_status_is_read_when_it_is_there_and_whole(void **state)
{
    static const struct {
        const char *bytes;
        int status;
    } cases[] = {
        {"", 0},
        {"HTTP", 0},
        {"HTTP/1.1 20", 0},
        {"HTTP/1.1 200", 200},
        {"SSH-2.0", -1},
        {"HTTP/2 200", -1},
        {"HTTP/1.1  20", -1},
        {"HTTP/1.0 503 No", 503},
        {"HTTP/1.x 200", -1},
        {"http/1.1 200", -1},
        {"HTTP/1.1 2x0 OK", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(check_status(cases[i].bytes, strlen(cases[i].bytes)), cases[i].status);
}

static void a_matcher_has_numbers_and_ranges(void **state)
{
    (void)state;
    assert_true(check_matches("200", 200));
    assert_true(check_matches("200-299,404", 404));
    assert_true(check_matches("200-299,404", 250));
    assert_false(check_matches("200-299,404", 403));
    assert_false(check_matches("", 200));
    assert_false(check_matches("any", 200));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_header_names_both_ends),
        cmocka_unit_test(a_private_link_is_named_after_the_addresses),
        cmocka_unit_test(a_health_check_speaks_for_itself),
        cmocka_unit_test(a_status_is_read_when_it_is_there_and_whole),
        cmocka_unit_test(a_matcher_has_numbers_and_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
