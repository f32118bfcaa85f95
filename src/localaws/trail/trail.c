#include "localaws/trail/trail.h"

#include "base/random.h"
#include "base/text.h"
#include "localaws/trail/event.h"
#include "localaws/trail/journal.h"
#include "localaws/trail/store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { EVENT_LARGEST = 1 << 20, EVENT_USUAL = 4096, AGENT_LONGEST = 256 };

struct trail {
    struct journal *journal;
    uint64_t seed[2]; /* of ids, which are unique and no secret */
    atomic_uint_fast64_t next_id;
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
    random_bytes(region->trail->seed, sizeof region->trail->seed);
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

/* A UUID from a counter: asking the kernel for each would cost more than the rest of the event. The mixing is
 * splitmix64's, which is one to one, so that no two are the same. */
static const char *new_id(struct trail *trail, char id[37])
{
    uint64_t n = atomic_fetch_add_explicit(&trail->next_id, 1, memory_order_relaxed), half[2];
    for (size_t i = 0; i < COUNT_OF(half); i++) {
        uint64_t x = trail->seed[i] + (n + 1) * 0x9e3779b97f4a7c15u;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        half[i] = x ^ (x >> 31);
    }
    snprintf(id, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(half[0] >> 32),
             (unsigned)(half[0] >> 16) & 0xffff, (unsigned)half[0] & 0xfff,
             ((unsigned)(half[1] >> 48) & 0x3fff) | 0x8000, (unsigned long long)half[1] & 0xffffffffffff);
    return id;
}

/* In the caller's account, and in that of whoever else owns what was used. A role that could not be assumed
 * is not told to its owner, as with AWS: anybody can name a role. */
static void record(const struct event *event)
{
    struct trail *trail = event->region->trail;
    cleanup(buffer_free) struct buffer line = buffer_new(EVENT_LARGEST);
    char id[37], shared_id[37];
    const char *other = NULL;
    for (size_t i = 0; i < event->resource_count; i++)
        if (event->resources[i].owner && !text_equal(event->resources[i].owner, event->account))
            other = event->resources[i].owner;
    if (event->code && text_equal(event->service, "sts"))
        other = NULL;
    const char *shared = other ? new_id(trail, shared_id) : NULL;
    buffer_reserve(&line, EVENT_USUAL);
    event_write(&line, event, event->account, new_id(trail, id), shared);
    if (!line.overflow)
        journal_append(trail->journal, event->account, line.data, line.length);
    if (!other)
        return;
    buffer_clear(&line);
    event_write(&line, event, other, new_id(trail, id), shared);
    if (!line.overflow)
        journal_append(trail->journal, other, line.data, line.length);
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
        .call = call,
        .presigned = !http_request_header(call->request, "authorization"),
        .resources = resources,
        .resource_count = take_resources(call, resources, COUNT_OF(resources)),
    };
    http_request_tls(call->request, &event.tls_version, &event.tls_suite);
    bool wrote = !event_is_read_only(event.service, event.action);
    event.shows_answer = !err && (wrote || text_starts(event.action, "AssumeRole"));
    record(&event);
}

void trail_service_use(struct region *region, const struct trail_use *use, const struct error *err)
{
    if (!region->trail)
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *by = arena_format(arena, "%s.amazonaws.com", use->by);
    const struct event_resource resource = {use->resource_type, use->resource, use->owner};
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
        .parameters = use->parameters,
        .resources = &resource,
        .resource_count = use->resource ? 1 : 0,
    });
}
