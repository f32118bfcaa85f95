#include "aws/session_message.h"

#include <gnutls/crypto.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    AT_TYPE = 4,
    AT_SCHEMA = 36,
    AT_CREATED = 40,
    AT_SEQUENCE = 48,
    AT_FLAGS = 56,
    AT_ID = 64,
    AT_DIGEST = 80,
    AT_PAYLOAD_TYPE = 112,
    AT_LENGTH = SESSION_HEADER,
    WHOLE_HEADER = SESSION_HEADER + 4,
    DIGEST_BYTES = 32,
    HEADER_LONGEST = 4096,
};

static uint64_t get_number(const unsigned char *at, size_t bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++)
        number = number << 8 | at[i];
    return number;
}

static void put_number(unsigned char *at, size_t bytes, uint64_t number)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(number >> (8 * (bytes - 1 - i)));
}

static void swap_halves(unsigned char *to, const unsigned char *from)
{
    memcpy(to, from + SESSION_ID_BYTES / 2, SESSION_ID_BYTES / 2);
    memcpy(to + SESSION_ID_BYTES / 2, from, SESSION_ID_BYTES / 2);
}

static void digest_of(const void *payload, size_t length, unsigned char digest[DIGEST_BYTES])
{
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, payload, length, digest) < 0)
        abort(); /* only without memory */
}

/* Padding is spaces; some senders pad with zero bytes. */
static void read_type(const unsigned char *at, char type[SESSION_TYPE_BYTES + 1])
{
    size_t length = SESSION_TYPE_BYTES;
    while (length && (at[length - 1] == ' ' || at[length - 1] == '\0'))
        length--;
    memcpy(type, at, length);
    type[length] = '\0';
}

int session_message_read(const void *bytes, size_t length, struct session_message *message, struct error *err)
{
    const unsigned char *at = bytes;
    unsigned char digest[DIGEST_BYTES];
    if (length < WHOLE_HEADER)
        return error_set(err, ERROR_INVALID, "a session's message is shorter than its header");
    uint64_t header = get_number(at, 4), payload = get_number(at + AT_LENGTH, 4);
    if (header < SESSION_HEADER || header > HEADER_LONGEST || header + 4 + payload != length)
        return error_set(err, ERROR_INVALID, "a session's message has other lengths than it says");
    *message = (struct session_message){
        .schema = (uint32_t)get_number(at + AT_SCHEMA, 4),
        .created_ms = get_number(at + AT_CREATED, 8),
        .sequence = (int64_t)get_number(at + AT_SEQUENCE, 8),
        .flags = get_number(at + AT_FLAGS, 8),
        .payload_type = (uint32_t)get_number(at + AT_PAYLOAD_TYPE, 4),
        .payload = (const char *)bytes + header + 4,
        .length = (size_t)payload,
    };
    read_type(at + AT_TYPE, message->type);
    swap_halves(message->id, at + AT_ID);
    if (!payload)
        return 0;
    digest_of(message->payload, message->length, digest);
    if (memcmp(digest, at + AT_DIGEST, DIGEST_BYTES) != 0)
        return error_set(err, ERROR_INVALID, "a session's message is damaged");
    return 0;
}

void session_message_write(struct buffer *out, const struct session_message *message)
{
    unsigned char head[WHOLE_HEADER] = {0};
    size_t type_length = strlen(message->type);
    put_number(head, 4, SESSION_HEADER);
    memset(head + AT_TYPE, ' ', SESSION_TYPE_BYTES);
    memcpy(head + AT_TYPE, message->type, type_length);
    put_number(head + AT_SCHEMA, 4, message->schema);
    put_number(head + AT_CREATED, 8, message->created_ms);
    put_number(head + AT_SEQUENCE, 8, (uint64_t)message->sequence);
    put_number(head + AT_FLAGS, 8, message->flags);
    swap_halves(head + AT_ID, message->id);
    digest_of(message->payload, message->length, head + AT_DIGEST);
    put_number(head + AT_PAYLOAD_TYPE, 4, message->payload_type);
    put_number(head + AT_LENGTH, 4, message->length);
    buffer_append(out, head, sizeof head);
    buffer_append(out, message->payload, message->length);
}
