#include "net/websocket.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LARGEST = 100000 };

struct heard {
    int count;
    enum websocket_kind kind;
    struct buffer bytes;
};

static int hear(void *context, enum websocket_kind kind, const char *bytes, size_t length, struct error *err)
{
    (void)err;
    struct heard *heard = context;
    heard->count++;
    heard->kind = kind;
    buffer_clear(&heard->bytes);
    buffer_append(&heard->bytes, bytes, length);
    return 0;
}

/* What one end has to send reaches the other in pieces of `piece` bytes. */
static int carry(struct websocket *from, struct websocket *to, size_t piece, struct heard *heard)
{
    size_t length;
    int result = 0;
    for (const char *bytes; (bytes = websocket_pending(from, &length)) && length && result == 0;) {
        size_t some = length < piece ? length : piece;
        result = websocket_receive(to, bytes, some, hear, heard, NULL);
        websocket_sent(from, some);
    }
    return result;
}

static struct websocket *client, *server;
static struct heard heard;

static int open_both(void **state)
{
    (void)state;
    client = websocket_new(true, LARGEST);
    server = websocket_new(false, LARGEST);
    heard = (struct heard){.bytes = buffer_new(LARGEST)};
    return 0;
}

static int close_both(void **state)
{
    (void)state;
    websocket_free(&client);
    websocket_free(&server);
    buffer_free(&heard.bytes);
    return 0;
}

static void messages_of_every_length_arrive_whole_both_ways(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, LARGEST};
    static char text[LARGEST];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        for (size_t piece = 1; piece <= LARGEST + 20; piece = piece * 37 + 1) {
            heard.count = 0;
            websocket_send(client, WEBSOCKET_BINARY, text, lengths[i]);
            websocket_send(server, WEBSOCKET_TEXT, text, lengths[i]);
            assert_int_equal(carry(client, server, piece, &heard), 0);
            assert_int_equal(heard.bytes.length, lengths[i]);
            assert_int_equal(carry(server, client, piece, &heard), 0);
            assert_int_equal(heard.count, 2);
            assert_int_equal(heard.kind, WEBSOCKET_TEXT);
            assert_memory_equal(buffer_string(&heard.bytes), text, lengths[i]);
        }
}

static void a_ping_is_answered_with_its_own_bytes(void **state)
{
    (void)state;
    size_t length;
    websocket_send(client, WEBSOCKET_PING, "keepalive", 9);
    assert_int_equal(carry(client, server, 1, &heard), 0);
    assert_memory_equal(websocket_pending(server, &length), "\x8a\x09keepalive", 11);
    assert_int_equal(heard.count, 0);
}

static void fragments_become_one_message_with_a_ping_in_between(void **state)
{
    (void)state;
    static const char frames[] = "\x01\x80\0\0\0\0"
                                 "\x00\x83\0\0\0\0abc"
                                 "\x89\x80\0\0\0\0"
                                 "\x80\x82\0\0\0\0de";
    assert_int_equal(websocket_receive(server, frames, sizeof frames - 1, hear, &heard, NULL), 0);
    assert_int_equal(heard.count, 1);
    assert_string_equal(buffer_string(&heard.bytes), "abcde");
}

static void what_breaks_the_protocol_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } bad[] = {
        {"\x82\x01x", 3},                                         /* not masked */
        {"\xc2\x81\0\0\0\0x", 7},                                 /* a reserved bit */
        {"\x83\x81\0\0\0\0x", 7},                                 /* an unknown kind */
        {"\x80\x81\0\0\0\0x", 7},                                 /* continues nothing */
        {"\x01\x81\0\0\0\0x\x01\x81\0\0\0\0x", 14},               /* begins in the midst of one */
        {"\x09\x80\0\0\0\0", 6},                                  /* a ping in fragments */
        {"\x89\xfe\x00\x7e\0\0\0\0", 8},                          /* a long ping */
        {"\x81\x81\0\0\0\0\xff", 7},                              /* not UTF-8 */
        {"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14}, /* larger than anything */
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct websocket *one = websocket_new(false, LARGEST);
        assert_int_equal(websocket_receive(one, bad[i].bytes, bad[i].length, hear, &heard, NULL), -1);
        websocket_free(&one);
    }
}

static void a_close_is_answered_and_told(void **state)
{
    (void)state;
    size_t length;
    websocket_close(client, 1000);
    assert_int_equal(carry(client, server, 100, &heard), 0);
    assert_int_equal(heard.kind, WEBSOCKET_CLOSE);
    assert_memory_equal(websocket_pending(server, &length), "\x88\x02\x03\xe8", 4);
}

static void the_openings_proof_is_rfc_6455s(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    assert_string_equal(websocket_accept(arena, "dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void)
{
#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, open_both, close_both)
    const struct CMUnitTest tests[] = {
        WITH_BOTH(messages_of_every_length_arrive_whole_both_ways),
        WITH_BOTH(a_ping_is_answered_with_its_own_bytes),
        WITH_BOTH(fragments_become_one_message_with_a_ping_in_between),
        WITH_BOTH(what_breaks_the_protocol_is_refused),
        WITH_BOTH(a_close_is_answered_and_told),
        WITH_BOTH(the_openings_proof_is_rfc_6455s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
