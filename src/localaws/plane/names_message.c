#include "localaws/plane/names_message.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

enum { TTL_S = 5, RECORD_HEAD = 12, NIBBLES = 32 };

struct question {
    const unsigned char *bytes;
    size_t end; /* of the question section */
    int type;
    char *name;
};

/* True for a standard query with one question in class IN. */
static bool parse_question(struct question *question, struct arena *arena, size_t length)
{
    ns_msg message;
    ns_rr record;
    if (ns_initparse(question->bytes, (int)length, &message) < 0 || ns_msg_getflag(message, ns_f_qr) ||
        ns_msg_getflag(message, ns_f_opcode) != ns_o_query || ns_msg_count(message, ns_s_qd) != 1 ||
        ns_parserr(&message, ns_s_qd, 0, &record) < 0 || ns_rr_class(record) != ns_c_in)
        return false;
    int name_length = dn_skipname(question->bytes + NS_HFIXEDSZ, question->bytes + length);
    if (name_length < 0)
        return false;
    question->end = NS_HFIXEDSZ + (size_t)name_length + NS_QFIXEDSZ;
    question->type = ns_rr_type(record);
    question->name = text_lower(arena, ns_rr_name(record));
    return true;
}

struct reply {
    unsigned char *bytes;
    size_t length, room;
    unsigned count;
    bool cut;
};

/* Appends one record whose name points at the question's. */
static void put_record(struct reply *reply, int type, const unsigned char *data, size_t size)
{
    if (reply->length + RECORD_HEAD + size > reply->room) {
        reply->cut = true;
        return;
    }
    unsigned char *record = reply->bytes + reply->length;
    ns_put16(0xc000 | NS_HFIXEDSZ, record);
    ns_put16((unsigned)type, record + 2);
    ns_put16(ns_c_in, record + 4);
    ns_put32(TTL_S, record + 6);
    ns_put16((unsigned)size, record + 10);
    memcpy(record + RECORD_HEAD, data, size);
    reply->length += RECORD_HEAD + size;
    reply->count++;
}

static void put_addresses(struct reply *reply, int type, const char *const *addresses)
{
    unsigned char bytes[16];
    int family = type == ns_t_aaaa ? AF_INET6 : AF_INET;
    for (; *addresses && (type == ns_t_aaaa || type == ns_t_a); addresses++)
        if (inet_pton(family, *addresses, bytes) == 1)
            put_record(reply, type, bytes, type == ns_t_aaaa ? 16 : 4);
}

/* "4.0.0.10.in-addr.arpa" */
static bool reverse_ipv4(const char *name, char address[INET6_ADDRSTRLEN])
{
    unsigned parts[4];
    int end = 0;
    if (sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &parts[3], &parts[2], &parts[1], &parts[0], &end) !=
            4 ||
        !end || name[end])
        return false;
    struct in_addr parsed;
    snprintf(address, INET6_ADDRSTRLEN, "%u.%u.%u.%u", parts[0], parts[1], parts[2], parts[3]);
    return inet_pton(AF_INET, address, &parsed) == 1;
}

/* Thirty-two hexadecimal digits, the last of the address first, and "ip6.arpa". */
static bool reverse_ipv6(const char *name, char address[INET6_ADDRSTRLEN])
{
    unsigned char bytes[16] = {0};
    if (strlen(name) != 2 * NIBBLES + strlen("ip6.arpa") || !text_equal(name + 2 * NIBBLES, "ip6.arpa"))
        return false;
    for (size_t i = 0; i < NIBBLES; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, name[2 * i], 16);
        if (!digit || name[2 * i + 1] != '.')
            return false;
        bytes[15 - i / 2] |= (unsigned char)((digit - digits) << (i % 2 ? 4 : 0));
    }
    return inet_ntop(AF_INET6, bytes, address, INET6_ADDRSTRLEN) != NULL;
}

/* False when the address has no name. */
static bool put_name(struct reply *reply, const struct plane_callbacks *callbacks, struct arena *arena,
                     const char *vpc_id, const struct question *question)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char compressed[NS_MAXCDNAME];
    if (!callbacks->name_of ||
        (!reverse_ipv4(question->name, address) && !reverse_ipv6(question->name, address)))
        return false;
    const char *name = callbacks->name_of(callbacks->context, arena, vpc_id, address);
    int size = name ? dn_comp(name, compressed, sizeof compressed, NULL, NULL) : -1;
    if (size < 0)
        return false;
    if (question->type == ns_t_ptr)
        put_record(reply, ns_t_ptr, compressed, (size_t)size);
    return true;
}

static bool put_answers(struct reply *reply, const struct plane_callbacks *callbacks, struct arena *arena,
                        const char *vpc_id, const struct question *question)
{
    if (text_ends(question->name, ".arpa"))
        return put_name(reply, callbacks, arena, vpc_id, question);
    const char *const *addresses =
        callbacks->resolve ? callbacks->resolve(callbacks->context, arena, vpc_id, question->name) : NULL;
    if (addresses)
        put_addresses(reply, question->type, addresses);
    return addresses != NULL;
}

size_t names_answer(const struct plane_callbacks *callbacks, const char *vpc_id, const unsigned char *query,
                    size_t length, unsigned char *answer, size_t room)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct question question = {.bytes = query};
    if (!parse_question(&question, arena, length) || question.end > room)
        return 0;
    struct reply reply = {.bytes = answer, .length = question.end, .room = room};
    memcpy(answer, query, question.end);
    bool exists = put_answers(&reply, callbacks, arena, vpc_id, &question);
    bool wants_recursion = query[2] & 1;
    answer[2] = (unsigned char)(0x84 | (reply.cut ? 2 : 0) | wants_recursion); /* an answer, authoritative */
    answer[3] = (unsigned char)(0x80 | (exists ? ns_r_noerror : ns_r_nxdomain)); /* recursion available */
    ns_put16(1, answer + 4);
    ns_put16(reply.count, answer + 6);
    ns_put16(0, answer + 8);
    ns_put16(0, answer + 10);
    return reply.length;
}
