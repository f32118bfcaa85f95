#include "localaws/trail/trail.h"

#include "base/random.h"
#include "base/text.h"
#include "localaws/trail/event.h"
#include "localaws/trail/journal.h"
#include "localaws/trail/request_shape.h"
#include "localaws/trail/store.h"

#include <string.h>

enum { EVENT_LARGEST = 1 << 20, PIECE_LARGEST = 1 << 20, AGENT_LONGEST = 256 };

struct trail {
    struct journal *journal;
};

int trail_open(struct region *region, int64_t keep_bytes, struct error *err)
{
    if (keep_bytes <= 0)
        return 0;
    cleanup(memory_free) char *directory = memory_format("%s/trail", region->directory);
    struct journal *journal;
    if (journal_open(directory, keep_bytes, &journal, err) < 0)
        return -1;
    region->trail = memory_alloc(sizeof *region->trail);
    region->trail->journal = journal;
    return 0;
}

void trail_close(struct region *region)
{
    if (!region->trail)
        return;
    journal_close(&region->trail->journal);
    free(region->trail);
    region->trail = NULL;
}

struct journal *trail_journal(struct region *region)
{
    return region->trail ? region->trail->journal : NULL;
}

static const char *resource_type(const char *arn)
{
    static const struct {
        const char *holds, *type;
    } types[] = {
        {":iam:", "AWS::IAM::Role"}, {":kms:", "AWS::KMS::Key"}, {":s3:::", "AWS::S3::Bucket"}, {"", NULL}};
    size_t i = 0;
    while (!strstr(arn, types[i].holds))
        i++;
    return text_equal(types[i].type, "AWS::S3::Bucket") && strchr(arn, '/') ? "AWS::S3::Object"
                                                                            : types[i].type;
}

/* In the caller's account, and in that of whoever else owns what was used. A role that could not be assumed
 * is not told to its owner, as with AWS: anybody can name a role. */
static void record(const struct event *event)
{
    struct journal *journal = event->region->trail->journal;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer line = buffer_new(EVENT_LARGEST);
    const char *other = NULL;
    for (size_t i = 0; i < event->resource_count; i++)
        if (event->resources[i].owner && !text_equal(event->resources[i].owner, event->account))
            other = event->resources[i].owner;
    if (event->code && text_equal(event->service, "sts"))
        other = NULL;
    const char *shared = other ? random_uuid(arena) : NULL;
    event_write(&line, event, event->account, random_uuid(arena), shared);
    if (!line.overflow)
        journal_append(journal, event->account, line.data, line.length);
    if (!other)
        return;
    buffer_clear(&line);
    event_write(&line, event, other, random_uuid(arena), shared);
    if (!line.overflow)
        journal_append(journal, other, line.data, line.length);
}

/* A bucket goes with the object that was used. */
static size_t take_resources(struct call *call, struct event_resource *resources, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < call->touched_count && count < room; i++)
        resources[count++] = (struct event_resource){resource_type(call->touched[i].arn),
                                                     call->touched[i].arn, call->touched[i].owner};
    for (size_t i = 0; i < count; i++) {
        if (!text_equal(resources[i].type, "AWS::S3::Object") || count == room)
            continue;
        const char *slash = strchr(resources[i].arn, '/');
        resources[count++] = (struct event_resource){
            "AWS::S3::Bucket",
            arena_strndup(call->arena, resources[i].arn, (size_t)(slash - resources[i].arn)),
            resources[i].owner};
        break;
    }
    return count;
}

static const char *short_agent(struct call *call)
{
    const char *agent = http_request_header(call->request, "user-agent");
    return agent && strlen(agent) > AGENT_LONGEST ? arena_strndup(call->arena, agent, AGENT_LONGEST) : agent;
}

void trail_call(struct call *call, const struct error *err)
{
    const struct account *account = call->account ? call->account : call->claimed_account;
    if (!call->region->trail || !account || !call->action || call->in_trail)
        return;
    call->in_trail = true;
    cleanup(buffer_free) struct buffer asked = buffer_new(PIECE_LARGEST),
                                       answered = buffer_new(PIECE_LARGEST);
    struct event_resource resources[2 * TOUCHED_MOST];
    struct event event = {
        .region = call->region,
        .caller = call->caller,
        .claimed_key = call->claimed_key,
        .account = account->id,
        .service = call->interface->name,
        .action = call->action,
        .source = http_request_address_text(call->request),
        .user_agent = short_agent(call),
        .request_id = call->request_id,
        .code = err ? err->code : NULL,
        .message = err ? err->message : NULL,
        .host = http_request_header(call->request, "host"),
        .presigned = !http_request_header(call->request, "authorization"),
        .resources = resources,
        .resource_count = take_resources(call, resources, COUNT_OF(resources)),
    };
    http_request_tls(call->request, &event.tls_version, &event.tls_suite);
    if (call->caller) {
        out_request(&asked, call);
        event.parameters = buffer_string(&asked);
    }
    bool shows_answer = !event_is_read_only(event.service, event.action) || text_equal(event.service, "sts");
    if (!err && shows_answer && !text_equal(event.action, "GetCallerIdentity")) {
        out_response(&answered, call);
        event.answer = buffer_string(&answered);
    }
    record(&event);
}

void trail_service_use(struct region *region, const struct trail_use *use, const struct error *err)
{
    if (!region->trail)
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer asked = buffer_new(PIECE_LARGEST);
    const char *by = arena_format(arena, "%s.amazonaws.com", use->by);
    const struct event_resource resource = {use->resource_type, use->resource, use->owner};
    if (use->parameters)
        out_json(&asked, use->service, use->parameters);
    record(&(struct event){
        .region = region,
        .caller = use->caller,
        .account = use->caller->account->id,
        .service = use->service,
        .action = use->action,
        .invoked_by = by,
        .source = by,
        .user_agent = by,
        .request_id = random_uuid(arena),
        .code = err ? err->code : NULL,
        .message = err ? err->message : NULL,
        .parameters = use->parameters ? buffer_string(&asked) : NULL,
        .resources = &resource,
        .resource_count = use->resource ? 1 : 0,
    });
}
