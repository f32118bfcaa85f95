#include "localaws/trail/request_shape.h"

#include "base/text.h"
#include "localaws/front/parameters.h"
#include "localaws/trail/hidden.h"
#include "localaws/trail/json_out.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_LARGEST = 100 << 10, DEEPEST = 12 };

struct pair {
    const char *name, *value;
};

/* A list of pairs while it is written: those with one beginning of their names are neighbours. */
struct writing {
    struct buffer *out;
    const char *service;
    bool is_ec2;
};

/* EC2's lists in the trail: "InstanceId.1" is {"instancesSet": {"items": [{"instanceId": ...}]}}. Others are
 * the name and "Set". */
static const struct set {
    const char *parameter, *name, *item; /* item NULL: the parameter's */
} sets[] = {
    {"InstanceId", "instancesSet", NULL},
    {"InstanceSpecification", "instancesSet", NULL},
    {"ResourceId", "resourcesSet", NULL},
    {"SecurityGroupId", "groupSet", "groupId"},
    {"GroupId", "securityGroupIdSet", NULL},
    {"VpcId", "vpcSet", NULL},
    {"SubnetId", "subnetSet", NULL},
    {"VolumeId", "volumeSet", NULL},
    {"IpPermissions", "ipPermissions", NULL},
    {"IpRanges", "ipRanges", NULL},
    {"Ipv6Ranges", "ipv6Ranges", NULL},
    {"PrefixListIds", "prefixListIds", NULL},
    {"Groups", "groups", NULL},
    {"BlockDeviceMapping", "blockDeviceMapping", NULL},
};

/* Part by part, parts that are numbers as numbers. */
static int compare_pairs(const void *left, const void *right)
{
    const char *a = ((const struct pair *)left)->name, *b = ((const struct pair *)right)->name;
    for (;;) {
        size_t a_length = strcspn(a, "."), b_length = strcspn(b, ".");
        bool numbers = isdigit((unsigned char)*a) && isdigit((unsigned char)*b);
        if (numbers && a_length != b_length)
            return a_length < b_length ? -1 : 1;
        int order = strncmp(a, b, a_length < b_length ? a_length : b_length);
        if (order != 0)
            return order;
        if (a_length != b_length)
            return a_length < b_length ? -1 : 1;
        if (!a[a_length] || !b[b_length])
            return (a[a_length] != 0) - (b[b_length] != 0);
        a += a_length + 1;
        b += b_length + 1;
    }
}

static void out_object(struct writing *writing, const struct pair *pairs, size_t count, size_t at, int depth);

/* How many of the pairs have the same part at `at` as the first. */
static size_t group_length(const struct pair *pairs, size_t count, size_t at, size_t part)
{
    size_t same = 1;
    while (same < count && strncmp(pairs[same].name + at, pairs[0].name + at, part) == 0 &&
           (!pairs[same].name[at + part] || pairs[same].name[at + part] == '.'))
        same++;
    return same;
}

static void out_value(struct writing *writing, const char *value)
{
    out_guess(writing->out, value, strlen(value));
}

/* The items of a list: pairs whose part at `at` is a number. In EC2's lists plain values have a name. */
static void out_items(struct writing *writing, const struct pair *pairs, size_t count, size_t at,
                      const char *item_name, size_t item_length, int depth)
{
    struct buffer *out = writing->out;
    buffer_append(out, "[", 1);
    for (size_t i = 0, group; i < count; i += group) {
        size_t part = strcspn(pairs[i].name + at, ".");
        group = group_length(pairs + i, count - i, at, part);
        out_comma(out);
        if (pairs[i].name[at + part]) {
            out_object(writing, pairs + i, group, at + part + 1, depth + 1);
        } else if (item_name) {
            buffer_append(out, "{", 1);
            out_small_name(out, item_name, item_length);
            out_value(writing, pairs[i].value);
            buffer_append(out, "}", 1);
        } else {
            out_value(writing, pairs[i].value);
        }
    }
    buffer_append(out, "]", 1);
}

/* What is known of an EC2 list by its parameter; NULL for the usual, "XSet" of plain "X". */
static const struct set *set_of(const char *parameter, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        if (strlen(sets[i].parameter) == length && memcmp(sets[i].parameter, parameter, length) == 0)
            return &sets[i];
    return NULL;
}

static void out_set_name(struct buffer *out, const char *parameter, size_t length, const char *ending)
{
    char name[128];
    size_t room = sizeof name - strlen(ending) - 1, cut = length < room ? length : room;
    memcpy(name, parameter, cut);
    strcpy(name + cut, ending);
    out_small_name(out, name, strlen(name));
}

static void out_ec2_list(struct writing *writing, const struct pair *pairs, size_t count, const char *name,
                         size_t length, size_t at, int depth)
{
    const struct set *set = set_of(name, length);
    bool is_plain = depth > 0 && length == 3 && memcmp(name, "Tag", 3) == 0; /* of a tag specification */
    if (set)
        out_small_name(writing->out, set->name, strlen(set->name));
    else
        out_set_name(writing->out, name, length, is_plain ? "s" : "Set");
    if (set && set->item) {
        name = set->item;
        length = strlen(set->item);
    }
    if (!is_plain)
        buffer_text(writing->out, "{\"items\":");
    out_items(writing, pairs, count, at, name, length, depth);
    if (!is_plain)
        buffer_append(writing->out, "}", 1);
}

/* One member with all that is below it. */
static void out_group(struct writing *writing, const struct pair *pairs, size_t count, size_t at, int depth)
{
    const char *name = pairs[0].name + at;
    size_t part = strcspn(name, "."), below = at + part + 1;
    const char *form = hidden_form(writing->service, name, part);
    if (form && !*form)
        return;
    if (!name[part] || form || depth >= DEEPEST) {
        out_small_name(writing->out, name, part);
        if (form)
            out_text(writing->out, form);
        else
            out_value(writing, pairs[0].value);
        return;
    }
    const char *rest = name + part + 1;
    bool member = text_starts(rest, "member.") || text_starts(rest, "entry.");
    if (isdigit((unsigned char)*rest) && writing->is_ec2) {
        out_ec2_list(writing, pairs, count, name, part, below, depth);
        return;
    }
    out_small_name(writing->out, name, part);
    if (isdigit((unsigned char)*rest) || member)
        out_items(writing, pairs, count, member ? below + strcspn(rest, ".") + 1 : below, NULL, 0, depth);
    else
        out_object(writing, pairs, count, below, depth + 1);
}

static void out_object(struct writing *writing, const struct pair *pairs, size_t count, size_t at, int depth)
{
    buffer_append(writing->out, "{", 1);
    for (size_t i = 0, group; i < count; i += group) {
        group = group_length(pairs + i, count - i, at, strcspn(pairs[i].name + at, "."));
        out_group(writing, pairs + i, group, at, depth);
    }
    buffer_append(writing->out, "}", 1);
}

static bool is_envelope(const char *name)
{
    static const char *const names[] = {"Action", "Version", "AWSAccessKeyId", "Signature",
                                        "SignatureMethod"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (text_equal(name, names[i]))
            return true;
    return strncasecmp(name, "x-amz-", 6) == 0;
}

/* RunInstances shows what it launches as an item of instancesSet. */
static const char *shown_name(struct arena *arena, const char *action, const char *name)
{
    static const char *const moved[] = {"ImageId", "MinCount", "MaxCount", "KeyName"};
    for (size_t i = 0; text_equal(action, "RunInstances") && i < COUNT_OF(moved); i++)
        if (text_equal(name, moved[i]))
            return arena_format(arena, "InstanceSpecification.1.%s", name);
    return name;
}

void out_parameters(struct buffer *out, struct arena *arena, const char *service, const char *action,
                    const char *const *given, size_t given_count)
{
    struct writing writing = {out, service, text_equal(service, "ec2")};
    struct pair *pairs = arena_alloc(arena, (given_count + 1) * sizeof *pairs);
    size_t count = 0;
    for (size_t i = 0; i < given_count; i++)
        if (!is_envelope(given[2 * i]))
            pairs[count++] = (struct pair){shown_name(arena, action, given[2 * i]), given[2 * i + 1]};
    if (!count) {
        buffer_text(out, "null");
        return;
    }
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    out_object(&writing, pairs, count, 0, 0);
}

/* A map whose names are the caller's own. */
static void out_as_is(struct buffer *out, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    buffer_text(out, text ? text : "null");
    free(text);
}

static void out_json_object(struct buffer *out, const char *service, json_t *object)
{
    const char *name;
    json_t *member;
    buffer_append(out, "{", 1);
    json_object_foreach(object, name, member) {
        const char *form = hidden_form(service, name, strlen(name));
        if (form && !*form)
            continue;
        out_small_name(out, name, strlen(name));
        if (form)
            out_text(out, form);
        else if (text_ends(name, "ncryptionContext"))
            out_as_is(out, member);
        else
            out_json(out, service, member);
    }
    buffer_append(out, "}", 1);
}

void out_json(struct buffer *out, const char *service, json_t *value)
{
    size_t index;
    json_t *item;
    if (json_is_object(value)) {
        out_json_object(out, service, value);
    } else if (json_is_array(value)) {
        buffer_append(out, "[", 1);
        json_array_foreach(value, index, item) {
            out_comma(out);
            out_json(out, service, item);
        }
        buffer_append(out, "]", 1);
    } else if (json_is_string(value)) {
        out_text_n(out, json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        buffer_format(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        buffer_format(out, "%.15g", json_real_value(value));
    } else {
        buffer_text(out, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
    }
}

/* "/bucket/some/key?list-type=2&prefix=x" */
static void out_s3_request(struct buffer *out, struct call *call)
{
    struct http_request *request = call->request;
    const char *path = http_request_path(request) + 1, *slash = strchrnul(path, '/');
    char *bucket = NULL, *key = NULL;
    percent_decode(call->arena, arena_strndup(call->arena, path, (size_t)(slash - path)), false, &bucket,
                   NULL);
    percent_decode(call->arena, *slash ? slash + 1 : "", false, &key, NULL);
    buffer_append(out, "{", 1);
    if (!text_empty(bucket))
        out_member(out, "bucketName", bucket);
    out_member(out, "Host", http_request_header(request, "host"));
    if (!text_empty(key))
        out_member(out, "key", key);
    static const char *const headers[] = {"x-amz-acl", "x-amz-copy-source", "x-amz-server-side-encryption",
                                          "x-amz-server-side-encryption-aws-kms-key-id",
                                          "x-amz-storage-class"};
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        out_member(out, headers[i], http_request_header(request, headers[i]));
    for (size_t i = 0; i < http_request_query_count(request); i++) {
        const char *value, *name = http_request_query_at(request, i, &value);
        if (is_envelope(name))
            continue;
        out_comma(out);
        out_text(out, name);
        buffer_append(out, ":", 1);
        out_text(out, value);
    }
    buffer_append(out, "}", 1);
}

/* What is too large to be shown gives way to a word about that. */
static void keep_small(struct buffer *out, size_t from)
{
    size_t length = out->length - from;
    if (length <= SHOWN_LARGEST && !out->overflow)
        return;
    out->length = from;
    out->overflow = false;
    buffer_format(out, "{\"omitted\":true,\"originalSize\":%zu,\"reason\":\"larger than %d bytes\"}", length,
                  SHOWN_LARGEST);
}

void out_request(struct buffer *out, struct call *call)
{
    size_t from = out->length;
    if (call->interface->protocol == PROTOCOL_S3) {
        out_s3_request(out, call);
    } else if (call->json && json_object_size(call->json)) {
        out_json(out, call->service, call->json);
    } else if (call->parameters) {
        size_t count;
        const char *const *pairs = parameters_all(call->parameters, &count);
        out_parameters(out, call->arena, call->service, call->action, pairs, count);
    } else {
        buffer_text(out, "null");
    }
    keep_small(out, from);
}

static void out_ec2_response(struct buffer *out, struct call *call)
{
    buffer_append(out, "{", 1);
    out_member(out, "requestId", call->request_id);
    size_t from = out->length;
    out_xml(out, call->service, buffer_string(&call->answer), call->answer.length);
    /* its brace becomes the comma, unless it is empty */
    if (out->length == from + 2)
        out->length = from;
    else
        out->data[from] = ',', out->length--;
    buffer_append(out, "}", 1);
}

void out_response(struct buffer *out, struct call *call)
{
    size_t from = out->length;
    if (!call->answer.length) {
        buffer_text(out, "null");
    } else if (call->interface->protocol == PROTOCOL_JSON) {
        json_t *answer = json_loadb(call->answer.data, call->answer.length, 0, NULL);
        out_json(out, call->service, answer);
        json_decref(answer);
    } else if (call->interface->protocol == PROTOCOL_EC2) {
        out_ec2_response(out, call);
    } else {
        out_xml(out, call->service, buffer_string(&call->answer), call->answer.length);
    }
    keep_small(out, from);
}
