/* Suspension, asked by hosts and by operators; and what else operators want of hosts and nodes. */
#include "base/log.h"
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/hosts/commands.h"
#include "configserver/hosts/suspension.h"
#include "identity/athenz.h"

enum { SUSPENDED_AT_ONCE = 64 };

static const char *caller_name(struct http_request *request)
{
    const struct principal *principal = http_request_peer(request);
    return principal ? principal->name : "nobody";
}

static enum agent caller_agent(struct http_request *request)
{
    const struct principal *principal = http_request_peer(request);
    return principal && principal->kind == PRINCIPAL_HOST ? AGENT_HOST : AGENT_OPERATOR;
}

/* Every call by which somebody else than a host changes something leaves a line, whatever came of it. */
static void audit(struct http_request *request, const struct error *err)
{
    if (caller_agent(request) == AGENT_OPERATOR)
        log_info("audit", "operator", caller_name(request), "method",
                 http_method_name(http_request_method(request)), "path", http_request_target(request), "from",
                 http_request_address_text(request), "refused", err ? err->message : NULL, NULL);
}

static enum http_answer answer(struct http_request *request, int result, const struct error *err,
                               const char *message)
{
    audit(request, result < 0 ? err : NULL);
    if (result < 0)
        return http_fail(request, err);
    http_respond_json(request, 200, json_pack("{s:s}", "message", message));
    return HTTP_ANSWERED;
}

/* A refusal has the shape of the original's: 409, with the rule and what to tell a person. */
static enum http_answer answer_suspension(struct http_request *request, const char *hostname, int result,
                                          const struct error *err)
{
    audit(request, result < 0 ? err : NULL);
    if (result < 0 && err->kind != ERROR_CONFLICT)
        return http_fail(request, err);
    json_t *body = json_pack("{s:s}", "hostname", hostname);
    if (result < 0) {
        json_object_set_new(body, "reason",
                            json_pack("{s:s,s:s}", "constraint", err->code, "message", err->message));
        json_object_set_new(body, "error-code", json_string("CONFLICT"));
        json_object_set_new(body, "message", json_string(err->message));
    }
    http_respond_json(request, result < 0 ? 409 : 200, body);
    return HTTP_ANSWERED;
}

enum http_answer suspend_one(struct http_request *request)
{
    struct error err = {0};
    const char *hostname = http_request_parameter(request, "hostname");
    int result = suspend(http_request_server_context(request), &hostname, 1, caller_agent(request), &err);
    return answer_suspension(request, hostname, result, &err);
}

enum http_answer resume_one(struct http_request *request)
{
    struct error err = {0};
    const char *hostname = http_request_parameter(request, "hostname");
    int result = resume(http_request_server_context(request), hostname, caller_agent(request), &err);
    return answer_suspension(request, hostname, result, &err);
}

/* The named ones of the parent: itself and nodes on it; nobody named is all of these. */
static int read_names(struct http_request *request, const struct view *view, const char *parent,
                      const char **names, size_t *count, struct error *err)
{
    *count = 0;
    for (size_t i = 0; i < http_request_query_count(request); i++) {
        const char *value, *name = http_request_query_at(request, i, &value);
        const struct node *node = value ? view_find(view, RECORD_NODE, value) : NULL;
        if (!text_equal(name, "hostname"))
            continue;
        if (*count == SUSPENDED_AT_ONCE)
            return error_set(err, ERROR_INVALID, "at most %d at once", SUSPENDED_AT_ONCE);
        if (!text_equal(value, parent) && !(node && text_equal(node->parent, parent)))
            return error_set(err, ERROR_INVALID, "%.80s is not on host %s", value ? value : "", parent);
        names[(*count)++] = value;
    }
    if (*count == 0)
        names[(*count)++] = parent;
    return 0;
}

enum http_answer suspend_many(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    const char *parent = http_request_parameter(request, "hostname"), *names[SUSPENDED_AT_ONCE];
    size_t count;
    VIEW(view, zone->repository);
    if (read_names(request, view, parent, names, &count, &err) < 0)
        return http_fail(request, &err);
    return answer_suspension(request, parent, suspend(zone, names, count, caller_agent(request), &err), &err);
}

enum http_answer get_suspension(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    const char *hostname = http_request_parameter(request, "hostname");
    int64_t since;
    VIEW(view, zone->repository);
    if (suspended_since(view, hostname, &since, &err) < 0)
        return http_fail(request, &err);
    json_t *body =
        json_pack("{s:s,s:s}", "hostname", hostname, "state", since ? "ALLOWED_TO_BE_DOWN" : "NO_REMARKS");
    if (since)
        json_object_set_new(body, "suspendedSince", json_integer(since));
    http_respond_json(request, 200, body);
    return HTTP_ANSWERED;
}

static int read_wish(struct http_request *request, bool *retire, struct error *err)
{
    size_t length;
    const char *body = http_request_body(request, &length), *name;
    json_t *json, *value;
    bool said = false;
    if (json_parse(http_request_arena(request), body, length, &json, err) < 0)
        return -1;
    *retire = false;
    json_object_foreach(json, name, value) {
        if (!text_equal(name, "wantToRetire") && !text_equal(name, "wantToDeprovision"))
            return error_set(err, ERROR_INVALID,
                             "'%.80s' cannot be set: wantToRetire and wantToDeprovision can", name);
        if (!json_is_boolean(value))
            return error_set(err, ERROR_INVALID, "'%s' must be true or false", name);
        *retire |= json_is_true(value);
        said = true;
    }
    return said ? 0 : error_set(err, ERROR_INVALID, "the body must be {\"wantToRetire\": true|false}");
}

/* A host that is retired is terminated: there is no pool that it could go back to, so both wishes are one. */
static enum http_answer patch_wishes(struct http_request *request)
{
    struct error err = {0};
    bool retire;
    const char *hostname = http_request_parameter(request, "hostname");
    int result = read_wish(request, &retire, &err);
    if (result == 0)
        result =
            host_retire(http_request_server_context(request), hostname, retire, caller_name(request), &err);
    return answer(request, result, &err, arena_format(http_request_arena(request), "Updated %s", hostname));
}

enum http_answer patch_node(struct http_request *request)
{
    return caller_agent(request) == AGENT_HOST ? take_report(request) : patch_wishes(request);
}

static const struct {
    const char *state;
    int (*move)(struct zone *zone, const char *hostname, const char *who, struct error *err);
} moves[] = {{"failed", host_give_up}, {"parked", host_park}, {"dirty", host_let_go}};

enum http_answer set_state(struct http_request *request)
{
    struct error err = {0};
    const char *state = http_request_parameter(request, "state");
    const char *hostname = http_request_parameter(request, "hostname");
    for (size_t i = 0; i < COUNT_OF(moves); i++)
        if (text_equal(state, moves[i].state))
            return answer(
                request,
                moves[i].move(http_request_server_context(request), hostname, caller_name(request), &err),
                &err, arena_format(http_request_arena(request), "Moved %s towards %s", hostname, state));
    error_set(&err, ERROR_NOT_FOUND, "no state '%.32s' to move to: failed, parked and dirty are", state);
    return answer(request, -1, &err, NULL);
}

/* "t.a.i" and "t:a:i" both name an application. */
static const char *application_named(struct http_request *request)
{
    const char *named = http_request_query(request, "application");
    char *id = arena_strdup(http_request_arena(request), named);
    for (char *at = id; at && *at; at++)
        if (*at == '.')
            *at = ':';
    return id;
}

static const char *const commands[] = {[COMMAND_RESTART] = "restart", [COMMAND_REBOOT] = "reboot"};

/* What is not understood, or said twice, would have more restarted than was meant. */
static int check_filters(struct http_request *request, struct error *err)
{
    static const char *const known[] = {"hostname", "application", "clusterId"};
    bool seen[COUNT_OF(known)] = {false};
    for (size_t i = 0; i < http_request_query_count(request); i++) {
        const char *value, *name = http_request_query_at(request, i, &value);
        size_t which = 0;
        while (which < COUNT_OF(known) && !text_equal(name, known[which]))
            which++;
        if (which == COUNT_OF(known) || seen[which] || text_empty(value))
            return error_set(err, ERROR_INVALID,
                             "'%.40s': say one hostname, or one application and maybe one clusterId", name);
        seen[which] = true;
    }
    return 0;
}

enum http_answer command_nodes(struct http_request *request)
{
    struct error err = {0};
    const char *name = http_request_parameter(request, "command");
    const struct command_filter filter = {http_request_query(request, "hostname"), application_named(request),
                                          http_request_query(request, "clusterId")};
    size_t count;
    if (check_filters(request, &err) < 0)
        return answer(request, -1, &err, NULL);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (text_equal(name, commands[i])) {
            int result = command_hosts(http_request_server_context(request), (enum command)i, &filter,
                                       caller_name(request), &count, &err);
            return answer(
                request, result, &err,
                result < 0 ? NULL
                           : arena_format(http_request_arena(request), "Scheduled %s of %zu", name, count));
        }
    error_set(&err, ERROR_NOT_FOUND, "no command '%.32s': restart and reboot are", name);
    return answer(request, -1, &err, NULL);
}
