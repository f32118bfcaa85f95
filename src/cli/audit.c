/* audit: who did what in an AWS account, from its own audit trail, with its owner's credentials. */
#include "aws/cloudtrail.h"
#include "aws/sts.h"
#include "base/clock.h"
#include "base/record.h"
#include "base/text.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MOST = 100, COLUMNS = 5 };

static const char *profile, *account, *since, *user, *event_name, *resource, *limit;
static bool errors, data;

/* "90s", "30m", "1h", "7d" */
static int parse_since(int64_t *from_ms, struct error *err)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t length = since ? strlen(since) : 0;
    *from_ms = 0;
    if (!since)
        return 0;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        cleanup(memory_free) char *digits = strndup(since, length ? length - 1 : 0);
        int64_t number;
        if (length && since[length - 1] == units[i].unit && text_number(digits, 1, 100000, "", &number, NULL) == 0) {
            *from_ms = clock_now_ms() - number * units[i].ms;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "--since is a number and s, m, h or d: 30m, 1h, 7d; not \"%s\"", since);
}

static const char *of_record(const struct cloudtrail_event *event, const char *member)
{
    return json_member_text(event->record, member);
}

static json_t *identity_of(const struct cloudtrail_event *event)
{
    return json_object_get(event->record, "userIdentity");
}

/* "vespa-cloud-provisioner/session", "user/anna", "100000000001 (session)" */
static const char *who(struct cli *cli, const struct cloudtrail_event *event)
{
    json_t *identity = identity_of(event);
    const char *type = or_dash(json_member_text(identity, "type")), *arn = json_member_text(identity, "arn");
    const char *of_account = json_member_text(identity, "accountId"), *by = json_member_text(identity, "invokedBy");
    const char *name = arn && strchr(arn, '/') ? strchr(arn, '/') + 1 : event->user;
    if (text_equal(type, "Root"))
        name = "root";
    else if (text_equal(type, "IAMUser"))
        name = arena_format(cli->arena, "user/%s", or_dash(event->user));
    else if (text_equal(type, "AWSAccount"))
        name = event->user ? arena_format(cli->arena, "%s (%s)", or_dash(of_account), event->user) : of_account;
    else if (text_equal(type, "AWSService"))
        return or_dash(by);
    else if (text_equal(type, "Unknown"))
        name = arena_format(cli->arena, "unproven %s", or_dash(json_member_text(identity, "accessKeyId")));
    return by ? arena_format(cli->arena, "%s via %s", or_dash(name), by) : or_dash(name);
}

static const char *what(struct cli *cli, const struct cloudtrail_event *event)
{
    return arena_format(cli->arena, "%.*s %s", (int)strcspn(event->source, "."), event->source, event->name);
}

/* The first two things it names; an object by its bucket and key. */
static const char *on_what(struct cli *cli, const struct cloudtrail_event *event)
{
    json_t *asked = json_object_get(event->record, "requestParameters");
    const char *bucket = json_member_text(asked, "bucketName"), *key = json_member_text(asked, "key");
    size_t count = 0;
    if (bucket && key)
        return arena_format(cli->arena, "%s/%s", bucket, key);
    while (event->resources[count])
        count++;
    if (count <= 1)
        return or_dash(event->resources[0]);
    const char *more = count > 2 ? arena_format(cli->arena, " and %zu more", count - 2) : "";
    return arena_format(cli->arena, "%s, %s%s", event->resources[0], event->resources[1], more);
}

static bool names_user(const struct cloudtrail_event *event)
{
    static const char *const members[] = {"arn", "principalId", "accountId", "accessKeyId", "invokedBy"};
    bool named = event->user && strstr(event->user, user);
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        const char *value = json_member_text(identity_of(event), members[i]);
        named |= value && strstr(value, user);
    }
    return named;
}

static bool names_resource(const struct cloudtrail_event *event)
{
    for (size_t i = 0; event->resources[i]; i++)
        if (text_equal(event->resources[i], resource))
            return true;
    return false;
}

/* CloudTrail looks up by one attribute: what it was not asked is looked at here. */
static bool wanted(const struct cloudtrail_event *event)
{
    return (!errors || of_record(event, "errorCode")) && (!user || names_user(event)) &&
           (!event_name || text_equal(event->name, event_name)) && (!resource || names_resource(event));
}

static int open_client(struct cli *cli, struct aws_credentials *credentials, struct aws_client **aws, struct error *err)
{
    struct sts_identity identity;
    if (aws_client_new(credentials, cli->settings.aws_region, aws, err) < 0)
        return -1;
    if (!account)
        return 0;
    if (sts_get_caller_identity(*aws, cli->arena, &identity, err) < 0)
        return -1;
    return text_equal(identity.account, account)
               ? 0
               : error_set(err, ERROR_INVALID, "these AWS credentials are of account %s, not %s: give a --profile of it",
                           identity.account, account);
}

/* Pages are read until there is enough to show. */
static int look_up(struct cli *cli, struct aws_client *aws, const struct cloudtrail_lookup *lookup, size_t most,
                   struct cloudtrail_event *shown, size_t *count, struct error *err)
{
    const char *next = NULL;
    *count = 0;
    do {
        struct cloudtrail_event *page;
        size_t length;
        if (cloudtrail_lookup_events(aws, cli->arena, lookup, &next, &page, &length, err) < 0)
            return -1;
        for (size_t i = 0; i < length && *count < most; i++)
            if (wanted(&page[i]))
                shown[(*count)++] = page[i];
    } while (next && *count < most);
    return 0;
}

static void print_events(struct cli *cli, const struct cloudtrail_event *events, size_t count)
{
    const char **cells = arena_alloc(cli->arena, COLUMNS * (count + 1) * sizeof *cells), **cell = cells;
    *cell++ = "TIME", *cell++ = "WHO", *cell++ = "WHAT", *cell++ = "ON WHAT", *cell++ = "OUTCOME";
    for (size_t i = 0; i < count; i++) {
        const char *refusal = of_record(&events[i], "errorCode");
        *cell++ = clock_rfc3339(cli->arena, events[i].time_ms);
        *cell++ = who(cli, &events[i]);
        *cell++ = what(cli, &events[i]);
        *cell++ = on_what(cli, &events[i]);
        *cell++ = refusal ? refusal : "ok";
    }
    print_table(cells, COLUMNS, count + 1);
}

static void print_records(struct cli *cli, const struct cloudtrail_event *events, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append(list, events[i].record);
    print_json(cli, list);
    json_decref(list);
}

static int audit(struct cli *cli, struct error *err)
{
    struct cloudtrail_lookup lookup = {.data = data};
    int64_t most = SHOWN_MOST;
    if (parse_since(&lookup.from_ms, err) < 0 ||
        (limit && text_number(limit, 1, 100000, "--limit", &most, err) < 0))
        return -1;
    if (event_name)
        lookup.attribute = "EventName", lookup.value = event_name;
    else if (resource)
        lookup.attribute = "ResourceName", lookup.value = resource;
    if (profile)
        setenv("AWS_PROFILE", profile, 1);
    cleanup(aws_credentials_free) struct aws_credentials *credentials = aws_credentials_default();
    cleanup(aws_client_free) struct aws_client *aws = NULL;
    struct cloudtrail_event *shown = arena_alloc(cli->arena, (size_t)most * sizeof *shown);
    size_t count;
    if (open_client(cli, credentials, &aws, err) < 0 ||
        look_up(cli, aws, &lookup, (size_t)most, shown, &count, err) < 0)
        return -1;
    if (cli->json)
        print_records(cli, shown, count);
    else
        print_events(cli, shown, count);
    return 0;
}

static const struct flag audit_flags[] = {
    {"profile", "NAME", "whose AWS credentials (default AWS_PROFILE)", &profile, NULL},
    {"account", "ID", "refuse credentials of any other account", &account, NULL},
    {"since", "TIME", "not older than that: 30m, 1h, 7d", &since, NULL},
    {"user", "TEXT", "by callers with this in their name, role, session, key or account", &user, NULL},
    {"event", "NAME", "of one API action: RunInstances", &event_name, NULL},
    {"resource", "NAME", "that name this resource: an id, a name or an ARN", &resource, NULL},
    {"errors", NULL, "only calls that were refused or failed", NULL, &errors},
    {"data", NULL, "calls on S3 objects (AWS itself shows these only in trails)", NULL, &data},
    {"limit", "NUMBER", "at most so many (100)", &limit, NULL},
    {NULL},
};

const struct command audit_commands[] = {
    {"audit", "", "who did what in an AWS account, newest first (with the account's own credentials)", audit, audit_flags,
     0, 0},
    {NULL},
};
