/* Session messages and streams: two ends and a way between them that loses what a test says. */
#include "aws/session_stream.h"

#include "base/random.h"
#include "base/record.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct end {
    struct session_stream *stream;
    struct buffer sent[4096]; /* on its way to the other end */
    size_t sent_count;
    struct buffer got;
    char closing[200];
};
static struct end client, agent;

static void transmit(void *context, const char *bytes, size_t length)
{
    struct end *end = context;
    struct buffer *next = &end->sent[end->sent_count++];
    *next = buffer_new(1 << 20);
    buffer_append(next, bytes, length);
}

static int deliver(void *context, uint32_t type, const char *bytes, size_t length, struct error *err)
{
    (void)type, (void)err;
    buffer_append(&((struct end *)context)->got, bytes, length);
    return 0;
}

static void closed(void *context, const char *output)
{
    strncpy(((struct end *)context)->closing, output, 199);
}

/* Gives the other end what was sent, but for message `lost` (-1: none), last first when `backwards`. */
static void carry(struct end *from, struct end *to, int lost, bool backwards)
{
    size_t count = from->sent_count;
    for (size_t i = 0; i < count; i++) {
        size_t which = backwards ? count - 1 - i : i;
        if ((int)which != lost)
            assert_int_equal(session_stream_receive(to->stream, from->sent[which].data, from->sent[which].length, 0, NULL),
                             0);
    }
    for (size_t i = 0; i < count; i++)
        buffer_free(&from->sent[i]);
    from->sent_count = 0;
}

static int open_ends(void **state)
{
    (void)state;
    struct end *ends[] = {&client, &agent};
    for (int i = 0; i < 2; i++) {
        *ends[i] = (struct end){.got = buffer_new(1 << 22)};
        const struct session_stream_ends calls = {ends[i], transmit, deliver, closed};
        ends[i]->stream = session_stream_new(i == 0, &calls);
    }
    return 0;
}

static int close_ends(void **state)
{
    (void)state;
    struct end *ends[] = {&client, &agent};
    for (int i = 0; i < 2; i++) {
        session_stream_free(&ends[i]->stream);
        buffer_free(&ends[i]->got);
        for (size_t j = 0; j < ends[i]->sent_count; j++)
            buffer_free(&ends[i]->sent[j]);
    }
    return 0;
}

/* Laid out by hand from the published format, with the digest of "abc" (FIPS 180-4). */
static void a_message_is_laid_out_as_the_plugin_and_the_agent_do(void **state)
{
    (void)state;
    struct session_message message = {.type = "input_stream_data",
                                      .schema = 1,
                                      .created_ms = 0x0102030405060708,
                                      .sequence = 7,
                                      .flags = 1,
                                      .id = "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff",
                                      .payload_type = PAYLOAD_OUTPUT,
                                      .payload = "abc",
                                      .length = 3};
    static const char wanted[] =
        "\0\0\0\x74" "input_stream_data               " "\0\0\0\x01" "\x01\x02\x03\x04\x05\x06\x07\x08"
        "\0\0\0\0\0\0\0\x07" "\0\0\0\0\0\0\0\x01"
        "\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x00\x11\x22\x33\x44\x55\x66\x77"
        "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
        "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad"
        "\0\0\0\x01" "\0\0\0\x03" "abc";
    cleanup(buffer_free) struct buffer out = buffer_new(1000);
    session_message_write(&out, &message);
    assert_int_equal(out.length, sizeof wanted - 1);
    assert_memory_equal(out.data, wanted, sizeof wanted - 1);
    struct session_message again;
    assert_int_equal(session_message_read(wanted, sizeof wanted - 1, &again, NULL), 0);
    assert_string_equal(again.type, "input_stream_data");
    assert_memory_equal(again.id, message.id, sizeof again.id);
    assert_int_equal(again.sequence, 7);
    assert_int_equal(again.length, 3);
    assert_memory_equal(again.payload, "abc", 3);
}

static void a_damaged_or_cut_message_is_refused(void **state)
{
    (void)state;
    cleanup(buffer_free) struct buffer out = buffer_new(1000);
    session_message_write(&out, &(struct session_message){.type = "acknowledge", .payload = "{}", .length = 2});
    struct session_message message;
    assert_int_equal(session_message_read(out.data, out.length, &message, NULL), 0);
    for (size_t length = 0; length < out.length; length++)
        assert_int_equal(session_message_read(out.data, length, &message, NULL), -1);
    out.data[out.length - 1] ^= 1;
    assert_int_equal(session_message_read(out.data, out.length, &message, NULL), -1);
}

static void bytes_arrive_once_and_in_order(void **state)
{
    (void)state;
    static char bytes[100000];
    random_bytes(bytes, sizeof bytes);
    session_stream_send(client.stream, PAYLOAD_OUTPUT, bytes, sizeof bytes, 0);
    assert_int_equal(session_stream_waiting(client.stream), (sizeof bytes + SESSION_PAYLOAD - 1) / SESSION_PAYLOAD);
    carry(&client, &agent, -1, true);
    assert_int_equal(agent.got.length, sizeof bytes);
    assert_memory_equal(agent.got.data, bytes, sizeof bytes);
    carry(&agent, &client, -1, false); /* the acknowledgements */
    assert_int_equal(session_stream_waiting(client.stream), 0);
    assert_int_equal(session_stream_tick(client.stream, 100000), -1);
}

static void a_lost_message_is_sent_again_and_what_follows_waits_for_it(void **state)
{
    (void)state;
    session_stream_send(agent.stream, PAYLOAD_OUTPUT, "one ", 4, 0);
    session_stream_send(agent.stream, PAYLOAD_OUTPUT, "two ", 4, 0);
    session_stream_send(agent.stream, PAYLOAD_OUTPUT, "three", 5, 0);
    carry(&agent, &client, 0, false);
    assert_int_equal(client.got.length, 0);
    carry(&client, &agent, -1, false);
    assert_int_equal(session_stream_tick(agent.stream, 10), 990);
    assert_int_equal(agent.sent_count, 0);
    session_stream_tick(agent.stream, 1000);
    assert_int_equal(agent.sent_count, 1);
    carry(&agent, &client, -1, false);
    assert_string_equal(buffer_string(&client.got), "one two three");
}

static void a_message_that_comes_twice_is_delivered_once_and_acknowledged_twice(void **state)
{
    (void)state;
    session_stream_send(client.stream, PAYLOAD_OUTPUT, "once", 4, 0);
    session_stream_again(client.stream, 5);
    carry(&client, &agent, -1, false);
    assert_string_equal(buffer_string(&agent.got), "once");
    assert_int_equal(agent.sent_count, 2);
    carry(&agent, &client, -1, false);
    assert_int_equal(session_stream_waiting(client.stream), 0);
}

static void a_closing_is_told_with_its_reason(void **state)
{
    (void)state;
    session_stream_close(agent.stream, "me-0", "because", 0);
    carry(&agent, &client, -1, false);
    assert_string_equal(client.closing, "because");
}

static void an_acknowledgement_names_the_message_by_its_uuid(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer out = buffer_new(1000);
    struct session_message message = {.type = SESSION_INPUT,
                                      .id = "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"};
    session_message_write(&out, &message);
    assert_int_equal(session_stream_receive(agent.stream, out.data, out.length, 0, NULL), 0);
    assert_int_equal(session_message_read(agent.sent[0].data, agent.sent[0].length, &message, NULL), 0);
    json_t *content;
    assert_int_equal(json_parse(arena, message.payload, message.length, &content, NULL), 0);
    assert_string_equal(json_member_text(content, "AcknowledgedMessageId"), "00112233-4455-6677-8899-aabbccddeeff");
    assert_string_equal(json_member_text(content, "AcknowledgedMessageType"), "input_stream_data");
}

int main(void)
{
#define WITH_ENDS(test) cmocka_unit_test_setup_teardown(test, open_ends, close_ends)
    const struct CMUnitTest tests[] = {
        WITH_ENDS(a_message_is_laid_out_as_the_plugin_and_the_agent_do),
        WITH_ENDS(a_damaged_or_cut_message_is_refused),
        WITH_ENDS(bytes_arrive_once_and_in_order),
        WITH_ENDS(a_lost_message_is_sent_again_and_what_follows_waits_for_it),
        WITH_ENDS(a_message_that_comes_twice_is_delivered_once_and_acknowledged_twice),
        WITH_ENDS(a_closing_is_told_with_its_reason),
        WITH_ENDS(an_acknowledgement_names_the_message_by_its_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
