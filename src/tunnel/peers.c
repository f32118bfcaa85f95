/* Peers live in the device alone: what we want is compared with what it has, and one wg(8) call makes the
 * difference. */
#include "tunnel/device.h"

#include "base/table.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

/* Arguments of one `wg set`; far below the kernel's limit, and a few hundred peers go in one call. */
enum { ARGUMENTS_MOST = 2000, ARGUMENTS_OF_A_PEER = 8 };

struct command {
    struct arena *arena;
    struct tunnel *tunnel;
    size_t count;
    const char *argv[ARGUMENTS_MOST + 1];
};

static void command_begin(struct command *command)
{
    command->argv[0] = "wg";
    command->argv[1] = "set";
    command->argv[2] = command->tunnel->interface;
    command->argv[3] = NULL;
    command->count = 3;
}

static struct command *command_new(struct arena *arena, struct tunnel *tunnel)
{
    struct command *command = arena_alloc(arena, sizeof *command);
    command->arena = arena;
    command->tunnel = tunnel;
    command_begin(command);
    return command;
}

static int command_send(struct command *command, struct error *err)
{
    if (command->count == 3)
        return 0;
    int result = tunnel_tool(command->arena, command->argv, NULL, err);
    command_begin(command);
    return result;
}

static void command_word(struct command *command, const char *word)
{
    command->argv[command->count++] = word;
    command->argv[command->count] = NULL;
}

static int command_make_room(struct command *command, struct error *err)
{
    return command->count + ARGUMENTS_OF_A_PEER > ARGUMENTS_MOST ? command_send(command, err) : 0;
}

static int command_peer(struct command *command, const struct tunnel_peer *peer, struct error *err)
{
    if (command_make_room(command, err) < 0)
        return -1;
    command_word(command, "peer");
    command_word(command, peer->public_key);
    command_word(command, "allowed-ips");
    command_word(command, arena_format(command->arena, "%s/128", peer->address));
    command_word(command, "persistent-keepalive");
    command_word(command, peer->keepalive ? arena_format(command->arena, "%d", TUNNEL_KEEPALIVE_S) : "off");
    if (peer->endpoint) {
        command_word(command, "endpoint");
        command_word(command, peer->endpoint);
    }
    return 0;
}

static int command_remove(struct command *command, const char *public_key, struct error *err)
{
    if (command_make_room(command, err) < 0)
        return -1;
    command_word(command, "peer");
    command_word(command, public_key);
    command_word(command, "remove");
    return 0;
}

/* "[2001:db8::1]:51820" or "192.0.2.1:51820"; names would make wg(8) ask DNS. */
static bool is_endpoint(const char *text)
{
    char host[INET6_ADDRSTRLEN + 2] = "";
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    int64_t port = 0;
    if (length < 3 || length >= sizeof host || text_number(colon + 1, 1, 65535, "port", &port, NULL) < 0)
        return false;
    memcpy(host, text, length);
    struct in6_addr six;
    struct in_addr four;
    if (host[0] != '[')
        return inet_pton(AF_INET, host, &four) == 1;
    if (host[length - 1] != ']')
        return false;
    host[length - 1] = '\0';
    return inet_pton(AF_INET6, host + 1, &six) == 1;
}

static int check_peer(const struct tunnel_peer *peer, struct error *err)
{
    struct in6_addr address;
    if (!tunnel_is_key(peer->public_key))
        return error_set(err, ERROR_INVALID, "a peer's WireGuard key is not 44 characters of base64");
    if (!peer->address || inet_pton(AF_INET6, peer->address, &address) != 1)
        return error_set(err, ERROR_INVALID, "peer %s has no IPv6 address inside the tunnel",
                         peer->public_key);
    if (peer->endpoint && !is_endpoint(peer->endpoint))
        return error_set(err, ERROR_INVALID, "peer %s: endpoint \"%s\" is not address:port", peer->public_key,
                         peer->endpoint);
    return 0;
}

static bool same_address(const char *a, const char *b)
{
    struct in6_addr left, right;
    return a && b && inet_pton(AF_INET6, a, &left) == 1 && inet_pton(AF_INET6, b, &right) == 1 &&
           memcmp(&left, &right, sizeof left) == 0;
}

int tunnel_set_peer(struct tunnel *tunnel, const struct tunnel_peer *peer, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct tunnel_peer_state *present = NULL;
    size_t count = 0;
    if (check_peer(peer, err) < 0 || tunnel_peers(tunnel, arena, &present, &count, err) < 0)
        return -1;

    struct command *command = command_new(arena, tunnel);
    for (size_t i = 0; i < count; i++)
        if (!text_equal(present[i].public_key, peer->public_key) &&
            same_address(present[i].address, peer->address) &&
            command_remove(command, present[i].public_key, err) < 0)
            return -1;
    if (command_peer(command, peer, err) < 0)
        return -1;
    return command_send(command, err);
}

int tunnel_change_peers(struct tunnel *tunnel, const struct tunnel_peer *peers, size_t count,
                        const char *const *removed, size_t removed_count, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    for (size_t i = 0; i < count; i++)
        if (check_peer(&peers[i], err) < 0)
            return -1;
    struct command *command = command_new(arena, tunnel);
    for (size_t i = 0; i < removed_count; i++)
        if (command_remove(command, removed[i], err) < 0)
            return -1;
    for (size_t i = 0; i < count; i++)
        if (command_peer(command, &peers[i], err) < 0)
            return -1;
    return command_send(command, err);
}

static bool is_as_wanted(const struct tunnel_peer *wanted, const struct tunnel_peer_state *present)
{
    return present && same_address(present->address, wanted->address) &&
           (!wanted->endpoint || text_equal(wanted->endpoint, present->endpoint));
}

int tunnel_set_peers(struct tunnel *tunnel, const struct tunnel_peer *peers, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (check_peer(&peers[i], err) < 0)
            return -1;

    cleanup(arena_free) struct arena *arena = arena_new();
    struct tunnel_peer_state *present = NULL;
    size_t present_count = 0;
    if (tunnel_peers(tunnel, arena, &present, &present_count, err) < 0)
        return -1;

    cleanup(table_free) struct table has = {0}, wants = {0};
    for (size_t i = 0; i < present_count; i++)
        table_set(&has, present[i].public_key, &present[i]);
    for (size_t i = 0; i < count; i++)
        table_set(&wants, peers[i].public_key, (void *)&peers[i]);
    struct command *command = command_new(arena, tunnel);
    for (size_t i = 0; i < present_count; i++)
        if (!table_get(&wants, present[i].public_key) &&
            command_remove(command, present[i].public_key, err) < 0)
            return -1;
    for (size_t i = 0; i < count; i++)
        if (!is_as_wanted(&peers[i], table_get(&has, peers[i].public_key)) &&
            command_peer(command, &peers[i], err) < 0)
            return -1;
    return command_send(command, err);
}

/* What wg(8) tells of each peer, a line each: the key, a tab and these words. `wg show dump` would be one
 * call, but it has the private key in it. */
static void read_address(struct tunnel_peer_state *state, char **words, size_t count)
{
    if (count > 0 && words[0][0] != '(') {
        words[0][strcspn(words[0], "/")] = '\0';
        state->address = words[0];
    }
}

static void read_endpoint(struct tunnel_peer_state *state, char **words, size_t count)
{
    if (count > 0 && words[0][0] != '(')
        state->endpoint = words[0];
}

static void read_handshake(struct tunnel_peer_state *state, char **words, size_t count)
{
    int64_t seconds = 0;
    if (count > 0 && text_number(words[0], 0, INT64_MAX / 1000, "handshake", &seconds, NULL) == 0)
        state->handshake_ms = seconds * 1000;
}

static void read_transfer(struct tunnel_peer_state *state, char **words, size_t count)
{
    int64_t received = 0, sent = 0;
    if (count == 2 && text_number(words[0], 0, INT64_MAX, "bytes", &received, NULL) == 0 &&
        text_number(words[1], 0, INT64_MAX, "bytes", &sent, NULL) == 0) {
        state->received_bytes = (uint64_t)received;
        state->sent_bytes = (uint64_t)sent;
    }
}

static const struct {
    const char *what;
    char separator;
    void (*read)(struct tunnel_peer_state *state, char **words, size_t count);
} questions[] = {
    {"allowed-ips", ' ', read_address},
    {"endpoints", ' ', read_endpoint},
    {"latest-handshakes", ' ', read_handshake},
    {"transfer", '\t', read_transfer},
};

/* The peers as they are told of, question by question. */
struct answers {
    struct tunnel_peer_state *states;
    size_t count, room;
    struct table by_key;
};

static struct tunnel_peer_state *state_of(struct answers *answers, const char *public_key)
{
    struct tunnel_peer_state *known = table_get(&answers->by_key, public_key);
    if (known || answers->count == answers->room)
        return known;
    struct tunnel_peer_state *state = &answers->states[answers->count++];
    state->public_key = public_key;
    table_set(&answers->by_key, public_key, state);
    return state;
}

static int ask(struct tunnel *tunnel, struct arena *arena, size_t question, struct answers *answers,
               struct error *err)
{
    char *output = NULL, **lines = NULL;
    if (tunnel_tool(arena, TUNNEL_ARGV("wg", "show", tunnel->interface, questions[question].what), &output,
                    err) < 0)
        return -1;
    size_t line_count = text_split(arena, output, '\n', &lines);
    if (!answers
             ->states) { /* the first answer has every peer; one that comes between two questions can wait */
        answers->room = line_count;
        answers->states = arena_alloc(arena, (line_count + 1) * sizeof *answers->states);
    }
    for (size_t i = 0; i < line_count; i++) {
        char *tab = strchr(lines[i], '\t');
        if (!tab)
            continue;
        *tab = '\0';
        struct tunnel_peer_state *state = state_of(answers, lines[i]);
        char **words = NULL;
        size_t word_count = text_split(arena, tab + 1, questions[question].separator, &words);
        if (state)
            questions[question].read(state, words, word_count);
    }
    return 0;
}

int tunnel_peers(struct tunnel *tunnel, struct arena *arena, struct tunnel_peer_state **peers, size_t *count,
                 struct error *err)
{
    struct answers answers = {0};
    int result = 0;
    for (size_t i = 0; i < COUNT_OF(questions) && result == 0; i++)
        result = ask(tunnel, arena, i, &answers, err);
    table_free(&answers.by_key);
    *peers = answers.states;
    *count = answers.count;
    return result;
}
