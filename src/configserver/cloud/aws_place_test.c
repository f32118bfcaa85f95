/* The look at what Terraform made, against an endpoint that answers each kind of call as AWS does, after it
 * was asked too fast so many times. */
#include "base/text.h"
#include "configserver/cloud/aws.h"
#include "configserver/config.h"
#include "configserver/records/records.h"
#include "net/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIST(action, set, item) \
    "<" action "Response><" set "><item>" item "</item></" set "></" action "Response>"
#define TAG(key, value) "<tagSet><item><key>" key "</key><value>" value "</value></item></tagSet>"
#define PROFILE                                                                            \
    "<GetInstanceProfileResponse><GetInstanceProfileResult><InstanceProfile><Arn>arn:host" \
    "</Arn></InstanceProfile></GetInstanceProfileResult></GetInstanceProfileResponse>"
#define THROTTLED                                                                                          \
    "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow</Message></Error></Errors></" \
    "Response>"
#define KEY_THROTTLED "{\"__type\":\"ThrottlingException\",\"message\":\"slow\"}"

static struct {
    const char *action, *answer;
    atomic_int asked;
} calls[] = {
    {"AssumeRole",
     "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s"
     "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2040-01-01T00:00:00Z</Expiration>"
     "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
     0},
    {"DescribeVpcs", LIST("DescribeVpcs", "vpcSet", "<vpcId>vpc-1</vpcId>" TAG("archive_bucket", "archive")),
     0},
    {"DescribeSubnets",
     LIST("DescribeSubnets", "subnetSet",
          "<subnetId>subnet-1</subnetId><availabilityZone>us-east-1a</availabilityZone>"),
     0},
    {"DescribeSecurityGroups", LIST("DescribeSecurityGroups", "securityGroupInfo", "<groupId>sg-1</groupId>"),
     0},
    {"GetInstanceProfile", PROFILE, 0},
    {"DescribeKey", "{\"KeyMetadata\":{\"KeyId\":\"k\",\"Arn\":\"arn:k\",\"KeyState\":\"Enabled\"}}", 0},
    {"DescribeImages", LIST("DescribeImages", "imagesSet", "<imageId>ami-1</imageId><name>host</name>"), 0},
};
static int too_fast; /* so many times each */
static struct http_server *server;
static struct cloud *cloud;

/* The Action of a form, or what stands behind the target's dot. */
static const char *action_of(struct http_request *request)
{
    size_t length;
    const char *target = http_request_header(request, "x-amz-target"),
               *body = http_request_body(request, &length);
    if (target)
        return strchr(target, '.') + 1;
    return arena_strndup(http_request_arena(request), body + strlen("Action="),
                         strcspn(body + strlen("Action="), "&"));
}

static enum http_answer endpoint(struct http_request *request)
{
    const char *action = action_of(request);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        if (!text_equal(calls[i].action, action))
            continue;
        bool json = calls[i].answer[0] == '{', throttle = atomic_fetch_add(&calls[i].asked, 1) < too_fast;
        http_respond_text(request,
                          !throttle ? 200
                          : json    ? 400
                                    : 503,
                          json ? "application/json" : "text/xml",
                          !throttle ? calls[i].answer
                          : json    ? KEY_THROTTLED
                                    : THROTTLED);
        return HTTP_ANSWERED;
    }
    http_respond_text(request, 400, "text/xml", "");
    return HTTP_ANSWERED;
}

static const struct http_route routes[] = {{1, HTTP_POST, "/", 1, endpoint}};
static const struct config config = {.zone = "dev.aws-us-east-1c",
                                     .aws_region = "us-east-1",
                                     .provisioner_role_arn = "arn:aws:iam::100000000001:role/provisioner",
                                     .host_image = "host",
                                     .vendor_account = "100000000001"};
static const struct account account = {"210987654321", "acme", "x"};

static int enter(void **state)
{
    (void)state;
    struct http_listener listener = {.side = 1};
    struct http_server_options options = {.name = "aws", .routes = routes, .route_count = COUNT_OF(routes)};
    char url[64];
    if (http_listen("127.0.0.1", 0, &listener.socket, NULL) < 0)
        return -1;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", http_socket_port(listener.socket));
    setenv("AWS_ENDPOINT_URL", url, 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    return http_server_start(&options, &listener, 1, &server, NULL) < 0
               ? -1
               : cloud_aws_open(&config, &cloud, NULL);
}

static int leave(void **state)
{
    (void)state;
    cloud_aws_close(&cloud);
    http_server_stop(&server);
    return 0;
}

static int look(struct arena *arena, int throttles, struct place *place, struct error *err)
{
    too_fast = throttles;
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        atomic_store(&calls[i].asked, 0);
    return cloud->find_place(cloud->context, &account, arena, place, err);
}

static void a_look_whose_calls_are_each_throttled_once_finds_everything(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct place place;
    if (look(arena, 1, &place, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(place.vpc, "vpc-1");
    assert_string_equal(place.security_group, "sg-1");
    assert_string_equal(place.host_profile_arn, "arn:host");
    assert_string_equal(place.images[0].id, "ami-1");
    for (size_t i = 1; i < COUNT_OF(calls); i++)
        assert_true(atomic_load(&calls[i].asked) >= 2);
}

static void a_look_that_is_throttled_for_seconds_says_so_and_that_it_may_be_tried_again(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct place place;
    assert_int_equal(look(arena, 1000, &place, &err), -1);
    assert_int_equal(err.kind, ERROR_THROTTLED);
    assert_non_null(strstr(err.message, "210987654321"));
    assert_non_null(strstr(err.message, "try again in a minute"));
    assert_true(atomic_load(&calls[1].asked) > 4);
}

/* The tag is the tenant's to write, and its value goes into records and paths. */
static void an_archive_whose_name_is_no_buckets_is_refused(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    static const char *const names[] = {"../etc", "b", "two words", "Archive",
                                        "0123456789012345678901234567890123456789012345678901234567890123"};
    const char *usual = calls[1].answer;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct error err = {0};
        struct place place;
        calls[1].answer = arena_format(
            arena, LIST("DescribeVpcs", "vpcSet", "<vpcId>vpc-1</vpcId>" TAG("archive_bucket", "%s")),
            names[i]);
        assert_int_equal(look(arena, 0, &place, &err), -1);
        assert_string_equal(err.code, "ACCOUNT_NOT_SET_UP");
        assert_non_null(strstr(err.message, "is not a bucket's name"));
    }
    calls[1].answer = usual;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_whose_calls_are_each_throttled_once_finds_everything),
        cmocka_unit_test(a_look_that_is_throttled_for_seconds_says_so_and_that_it_may_be_tried_again),
        cmocka_unit_test(an_archive_whose_name_is_no_buckets_is_refused),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
