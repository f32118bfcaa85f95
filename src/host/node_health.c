/* Asks a node how it is, as its host: over mTLS, and the node must prove to be the one the spec names. */
#include "host/node.h"

#include "base/text.h"
#include "zone/names.h"

#include <stdio.h>
#include <string.h>

enum { HEALTH_TIMEOUT_MS = 3000, ANSWER_LARGEST = 256 * 1024 };

int node_health_check(struct node_pass *pass, struct error *err)
{
    struct agent *agent = pass->agent;
    const struct node_spec *spec = pass->spec;
    if (!agent_has(agent, FACT_IDENTITY))
        return error_set(err, ERROR_UNAVAILABLE, "the host has no identity yet");
    struct http_call call = {
        .method = HTTP_GET,
        .url = arena_format(pass->arena, "https://[%s]:%d/state/v1/health", spec->address, NODE_PORT),
        .timeout_ms = HEALTH_TIMEOUT_MS,
        .connect_timeout_ms = HEALTH_TIMEOUT_MS,
        .answer_limit = ANSWER_LARGEST,
        .check_context = arena_format(pass->arena, "%s.%s", spec->athenz_domain, spec->athenz_service),
    };
    struct http_reply reply;
    json_t *body = NULL;
    if (http_call(agent->peers, &call, pass->arena, &reply, err) < 0 ||
        http_reply_check(&reply, "/state/v1/health", err) < 0 ||
        json_parse(pass->arena, reply.body, reply.length, &body, err) < 0)
        return error_context(err, "health of %s", spec->hostname);
    const char *code = json_member_text(json_object_get(body, "status"), "code");
    if (!text_equal(code, "up"))
        return error_set(err, ERROR_UNAVAILABLE, "node %s says it is %.32s", spec->hostname,
                         code ? code : "unknown");
    const char *follows = json_member_text(body, "configChecksum");
    snprintf(pass->node->config, sizeof pass->node->config, "%s", follows ? follows : "");
    pass->node->data_moved = spec->retired && json_is_true(json_object_get(body, "dataMoved"));
    return 0;
}
