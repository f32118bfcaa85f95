#include "localaws/ssm/channel.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void channel_new_token(struct channel *channel)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    snprintf(channel->token, sizeof channel->token, "%s", random_hex(arena, CHANNEL_TOKEN));
}

static void transmit(void *context, const char *bytes, size_t length)
{
    struct channel *channel = context;
    if (channel->frames)
        websocket_send(channel->frames, WEBSOCKET_BINARY, bytes, length);
}

static int deliver(void *context, uint32_t payload_type, const char *bytes, size_t length, struct error *err);

static void closed(void *context, const char *output)
{
    (void)output;
    atomic_store(&((struct channel *)context)->ending, true);
}

struct channel *channel_new(struct agent *agent, const struct session *session)
{
    struct channel *channel = memory_alloc(sizeof *channel);
    channel->agent = agent;
    channel->session_id = memory_strdup(session->id);
    channel->instance = memory_strdup(session->target);
    channel->command = memory_strdup(session->command);
    channel->kind = (enum session_kind)session->kind;
    channel->port = (uint16_t)session->port;
    channel->reconnects = session->port_type != NULL;
    channel->references = 1;
    channel->detached_ms = clock_monotonic_ms();
    channel->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    channel->target = target_none();
    atomic_init(&channel->active_ms, clock_monotonic_ms());
    const struct session_stream_ends ends = {channel, transmit, deliver, closed};
    channel->stream = session_stream_new(false, &ends);
    channel_new_token(channel);
    return channel;
}

void channel_release(struct channel *channel)
{
    if (--channel->references)
        return;
    channel->next_dead = channel->agent->dead;
    channel->agent->dead = channel;
    eventfd_write(channel->agent->wake, 1);
}

void channels_bury(struct channel *dead)
{
    while (dead) {
        struct channel *gone = dead;
        dead = gone->next_dead;
        target_close(&gone->target);
        session_stream_free(&gone->stream);
        json_decref(gone->properties);
        close(gone->wake);
        free(gone->session_id);
        free(gone->instance);
        free(gone->command);
        free(gone->farewell);
        explicit_bzero(gone->token, sizeof gone->token);
        free(gone);
    }
}

void channel_end(struct channel *channel, const char *farewell)
{
    if (!channel->farewell)
        channel->farewell = memory_strdup(farewell);
    atomic_store(&channel->ending, true);
    eventfd_write(channel->wake, 1);
}

struct channel *channel_find(struct region *region, const char *session_id, struct session **session)
{
    for (struct account *account = region->accounts; account; account = account->next) {
        *session = table_get(&ssm_of(account)->sessions, session_id);
        if (*session && (*session)->channel)
            return (*session)->channel;
    }
    return NULL;
}

/* --- what the client says ------------------------------------------------------------------------ */

/* Ends the session from its own thread. */
static void end(struct channel *channel, const char *farewell)
{
    region_lock(channel->agent->region);
    cleanup(region_unlock) struct region *locked = channel->agent->region;
    (void)locked;
    channel_end(channel, farewell);
}

static void send_json(struct channel *channel, enum session_payload type, json_t *json)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = json_text(arena, json);
    json_decref(json);
    session_stream_send(channel->stream, type, text, strlen(text), clock_now_ms());
}

static void ask(struct channel *channel)
{
    static const char *const types[] = {[SESSION_SHELL] = "Standard_Stream",
                                        [SESSION_PORT] = "Port",
                                        [SESSION_COMMAND] = "InteractiveCommands"};
    json_t *properties = channel->properties ? json_incref(channel->properties) : json_null();
    channel->asked = true;
    send_json(channel, PAYLOAD_HANDSHAKE_REQUEST,
              json_pack("{s:s, s:[{s:s, s:{s:s, s:o}}]}", "AgentVersion", SSM_AGENT_VERSION,
                        "RequestedClientActions", "ActionType", "SessionType", "ActionParameters",
                        "SessionType", types[channel->kind], "Properties", properties));
}

static int open_target(struct channel *channel)
{
    struct error err = {0};
    if (target_open(channel, &err) == 0)
        return 0;
    log_info("session leads nowhere", "session", channel->session_id, "why", err.message, NULL);
    end(channel, err.message);
    return -1;
}

/* The client's answer to `ask`: with that the session begins. */
static int begin(struct channel *channel, const char *bytes, size_t length, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *answer, *action;
    size_t index;
    if (channel->ready)
        return 0;
    if (json_parse(arena, bytes, length, &answer, err) < 0)
        return error_context(err, "handshake");
    json_array_foreach(json_object_get(answer, "ProcessedClientActions"), index, action)
        if (json_integer_value(json_object_get(action, "ActionStatus")) != 1)
            return error_set(err, ERROR_INVALID, "the client knows no session of this type");
    if (open_target(channel) < 0)
        return 0;
    channel->ready = true;
    send_json(channel, PAYLOAD_HANDSHAKE_COMPLETE,
              json_pack("{s:i, s:s}", "HandshakeTimeToComplete", 1000000, "CustomerMessage", ""));
    return 0;
}

static void take_flag(struct channel *channel, const char *bytes, size_t length)
{
    if (length != 4)
        return;
    if (bytes[3] == FLAG_TERMINATE)
        end(channel, "");
    else if (bytes[3] == FLAG_DISCONNECT_PORT && channel->reconnects)
        target_close(&channel->target);
}

static int deliver(void *context, uint32_t payload_type, const char *bytes, size_t length, struct error *err)
{
    struct channel *channel = context;
    atomic_store(&channel->active_ms, clock_monotonic_ms());
    switch (payload_type) {
    case PAYLOAD_HANDSHAKE_RESPONSE:
        return begin(channel, bytes, length, err);
    case PAYLOAD_OUTPUT:
        if (channel->ready && channel->target.descriptor < 0 && channel->reconnects &&
            open_target(channel) < 0)
            return 0;
        if (channel->target.descriptor >= 0)
            target_put(&channel->target, bytes, length);
        return 0;
    case PAYLOAD_SIZE:
        target_resize(&channel->target, bytes, length);
        return 0;
    case PAYLOAD_FLAG:
        take_flag(channel, bytes, length);
        return 0;
    default:
        return 0;
    }
}

void channel_greet(struct channel *channel)
{
    if (channel->asked)
        session_stream_again(channel->stream, clock_now_ms());
    else
        ask(channel);
}
