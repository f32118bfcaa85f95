/* The AWS client against a scripted endpoint on loopback: what is signed, what is tried again, what an error
 * means; the metadata service's token; the proof of identity against an STS that checks signatures. */
#include "aws/ec2.h"
#include "aws/imds.h"
#include "aws/kms.h"
#include "aws/s3.h"
#include "aws/sigv4.h"
#include "aws/sts.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "net/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#define ACCESS_KEY "AKIDEXAMPLE"
#define SECRET     "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

struct answer {
    int status;
    const char *body;
};

/* What the endpoint answers, in turn; the last one for ever. */
static struct answer script[4];
static atomic_int received;
static char last_body[16384];
static struct http_server *server;
static struct aws_credentials *credentials;
static struct aws_client *client;
static atomic_int imds_tokens;
static atomic_bool imds_forgets;

static void play(struct answer first, struct answer second)
{
    script[0] = first;
    script[1] = script[2] = script[3] = second;
    atomic_store(&received, 0);
}

static bool signature_holds(struct http_request *request)
{
    struct arena *arena = http_request_arena(request);
    struct sigv4_claim claim;
    size_t length;
    const char *body = http_request_body(request, &length);
    const char *said = http_request_header(request, "x-amz-content-sha256");
    if (sigv4_claim_parse(arena, http_request_header(request, "authorization"),
                          http_request_raw_query(request), http_request_header(request, "x-amz-date"), &claim,
                          NULL) < 0)
        return false;
    struct sigv4_request asked = {http_method_name(http_request_method(request)), http_request_path(request),
                                  http_request_raw_query(request), http_request_headers(request),
                                  said ? said : sigv4_sha256(arena, body ? body : "", length)};
    char *canonical = sigv4_canonical_request(arena, &asked, &claim.scope, claim.signed_headers);
    char *to_sign = sigv4_string_to_sign(arena, claim.amz_date, &claim.scope, canonical);
    return text_equal(sigv4_signature(arena, SECRET, &claim.scope, to_sign), claim.signature);
}

static enum http_answer endpoint(struct http_request *request)
{
    int turn = atomic_fetch_add(&received, 1);
    struct answer answer = script[turn < 3 ? turn : 3];
    size_t length;
    const char *body = http_request_body(request, &length);
    snprintf(last_body, sizeof last_body, "%.*s", (int)length, body ? body : "");
    if (!signature_holds(request))
        answer = (struct answer){
            403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>"};
    http_respond_text(request, answer.status, "text/xml", answer.body);
    return HTTP_ANSWERED;
}

static enum http_answer imds_token(struct http_request *request)
{
    char token[32];
    if (!http_request_header(request, "X-aws-ec2-metadata-token-ttl-seconds"))
        http_respond_text(request, 400, "text/plain", "");
    snprintf(token, sizeof(token), "token%d", atomic_fetch_add(&imds_tokens, 1) + 1);
    http_respond_text(request, 200, "text/plain", token);
    return HTTP_ANSWERED;
}

static const struct answer metadata[] = {
    {0, "meta-data/instance-id"},
    {0, "i-0123"},
    {0, "user-data"},
    {0, "{\"zone\":\"dev.x\"}"},
    {0, "meta-data/iam/security-credentials/"},
    {0, "a.role\n"},
    {0, "meta-data/iam/security-credentials/a.role"},
    {0, "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
        "\"Expiration\":\"2040-01-01T00:00:00Z\"}"},
};

static enum http_answer imds(struct http_request *request)
{
    char token[32];
    snprintf(token, sizeof(token), "token%d", atomic_load(&imds_tokens));
    bool forgotten = atomic_exchange(&imds_forgets, false);
    if (forgotten || !text_equal(http_request_header(request, "X-aws-ec2-metadata-token"), token)) {
        http_respond_text(request, 401, "text/plain", "");
        return HTTP_ANSWERED;
    }
    for (size_t i = 0; i < COUNT_OF(metadata); i += 2)
        if (text_equal(http_request_path(request) + strlen("/latest/"), metadata[i].body)) {
            http_respond_text(request, 200, "text/plain", metadata[i + 1].body);
            return HTTP_ANSWERED;
        }
    http_respond_text(request, 404, "text/plain", "");
    return HTTP_ANSWERED;
}

static const struct http_route routes[] = {
    {1, HTTP_PUT, "/latest/api/token", 1, imds_token},
    {1, HTTP_GET, "/latest/{rest...}", 1, imds},
    {1, HTTP_POST, "/", 1, endpoint},
    {1, HTTP_GET, "/{rest...}", 1, endpoint},
    {1, HTTP_PUT, "/{rest...}", 1, endpoint},
};

static int enter(void **state)
{
    (void)state;
    struct http_listener listener = {.side = 1};
    struct http_server_options options = {.name = "aws", .routes = routes, .route_count = COUNT_OF(routes)};
    char url[64];
    if (http_listen("127.0.0.1", 0, &listener.socket, NULL) < 0)
        return -1;
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", http_socket_port(listener.socket));
    setenv("AWS_ENDPOINT_URL", url, 1);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
    credentials = aws_credentials_static(&(struct aws_keys){ACCESS_KEY, SECRET, NULL, 0});
    if (aws_client_new(credentials, "us-east-1", &client, NULL) < 0)
        return -1;
    return http_server_start(&options, &listener, 1, &server, NULL);
}

static int leave(void **state)
{
    (void)state;
    aws_client_free(&client);
    aws_credentials_free(&credentials);
    http_server_stop(&server);
    return 0;
}

#define EC2_ERROR(code)                    \
    "<Response><Errors><Error><Code>" code \
    "</Code><Message>why</Message></Error></Errors><RequestID/></Response>"
#define QUERY_ERROR(code)                                  \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code \
    "</Code><Message>why</Message></Error></ErrorResponse>"
#define SUBNETS                                                                                           \
    "<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>"         \
    "<ipv6CidrBlockAssociationSet><item><ipv6CidrBlock>2001:db8::/64</ipv6CidrBlock><ipv6CidrBlockState>" \
    "<state>associated</state></ipv6CidrBlockState></item></ipv6CidrBlockAssociationSet><tagSet><item>"   \
    "<key>service</key><value>tenant</value></item></tagSet></item></subnetSet>"

static int describe(struct arena *arena, struct ec2_subnet **subnets, size_t *count, struct error *err)
{
    struct ec2_filter filter = {"tag:zone", {"dev.x & more"}};
    return ec2_describe_subnets(client, arena, &filter, 1, subnets, count, err);
}

static void throttled_and_failed_calls_are_tried_again(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct ec2_subnet *subnets;
    size_t count;
    play((struct answer){503, EC2_ERROR("RequestLimitExceeded")},
         (struct answer){200, SUBNETS "</DescribeSubnetsResponse>"});
    assert_int_equal(describe(arena, &subnets, &count, NULL), 0);
    assert_int_equal(atomic_load(&received), 2);
    assert_int_equal(count, 1);
    assert_string_equal(subnets[0].ipv6_cidr, "2001:db8::/64");
    assert_string_equal(aws_tag_value(subnets[0].tags, subnets[0].tag_count, "service"), "tenant");
    assert_null(aws_tag_value(subnets[0].tags, subnets[0].tag_count, "zone"));
}

static void a_throttled_call_is_its_callers_when_it_keeps_the_pace_itself(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct ec2_subnet *subnets;
    struct aws_client *paced;
    size_t count;
    assert_int_equal(aws_client_new(credentials, "us-east-1", &paced, NULL), 0);
    aws_client_leave_throttles(paced);
    play((struct answer){503, EC2_ERROR("RequestLimitExceeded")},
         (struct answer){200, SUBNETS "</DescribeSubnetsResponse>"});
    assert_int_equal(ec2_describe_subnets(paced, arena, NULL, 0, &subnets, &count, &err), -1);
    assert_int_equal(err.kind, ERROR_THROTTLED);
    assert_int_equal(atomic_load(&received), 1);
    play((struct answer){500, "oops"}, (struct answer){200, SUBNETS "</DescribeSubnetsResponse>"});
    assert_int_equal(ec2_describe_subnets(paced, arena, NULL, 0, &subnets, &count, &err), 0);
    aws_client_free(&paced);
}

static void a_throttled_call_is_tried_again_for_as_long_as_was_said_and_no_longer(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct ec2_subnet *subnets;
    struct aws_client *patient;
    size_t count;
    struct answer throttled = {503, EC2_ERROR("RequestLimitExceeded")};
    assert_int_equal(aws_client_new(credentials, "us-east-1", &patient, NULL), 0);
    aws_client_bear_throttles(patient, 1500);
    play(throttled, throttled);
    int64_t before = clock_monotonic_ms();
    assert_int_equal(ec2_describe_subnets(patient, arena, NULL, 0, &subnets, &count, &err), -1);
    assert_int_equal(err.kind, ERROR_THROTTLED);
    assert_in_range(clock_monotonic_ms() - before, 1400, 4000);
    assert_int_equal(ec2_describe_subnets(patient, arena, NULL, 0, &subnets, &count, &err), -1);
    assert_in_range(clock_monotonic_ms() - before, 1400, 4000);
    aws_client_bear_throttles(patient, 10000);
    play(throttled, throttled);
    script[2] = script[3] = (struct answer){200, SUBNETS "</DescribeSubnetsResponse>"};
    assert_int_equal(ec2_describe_subnets(patient, arena, NULL, 0, &subnets, &count, &err), 0);
    assert_int_equal(atomic_load(&received), 3);
    play((struct answer){500, "oops"}, (struct answer){500, "oops"});
    assert_int_equal(ec2_describe_subnets(patient, arena, NULL, 0, &subnets, &count, &err), -1);
    assert_int_equal(atomic_load(&received), 4);
    aws_client_free(&patient);
}

/* Somebody takes the connection and says nothing. */
static void a_call_that_is_not_answered_ends_in_time(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct ec2_subnet *subnets;
    struct aws_client *busy;
    size_t count;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    cleanup(file_close) int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(silent, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(silent, 8), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&address, &length), 0);
    char *usual = arena_strdup(arena, getenv("AWS_ENDPOINT_URL"));
    setenv("AWS_ENDPOINT_URL", arena_format(arena, "http://127.0.0.1:%d", ntohs(address.sin_port)), 1);
    assert_int_equal(aws_client_new(credentials, "us-east-1", &busy, NULL), 0);
    aws_client_limit_calls(busy, 400);
    int64_t before = clock_monotonic_ms();
    assert_int_equal(ec2_describe_subnets(busy, arena, NULL, 0, &subnets, &count, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_in_range(clock_monotonic_ms() - before, 300, 3000);
    setenv("AWS_ENDPOINT_URL", usual, 1);
    aws_client_free(&busy);
}

static void asked(const char *parameter)
{
    if (!strstr(last_body, parameter))
        fail_msg("'%s' was not asked for: %s", parameter, last_body);
}

static void hosts_are_launched_shut_in_encrypted_and_tagged(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    const struct aws_tag tags[] = {{"managedby", "vespa-cloud"}, {"team", "search"}};
    const struct ec2_run run = {
        .client_token = "token",
        .image_id = "ami-1",
        .type = "m7g.large",
        .subnet_id = "subnet-1",
        .security_group_id = "sg-1",
        .profile_arn = "arn:profile",
        .kms_key_id = "alias/theirs",
        .user_data = "names",
        .count = 50,
        .ipv6_count = 2,
        .disk_gb = 66,
        .tags = tags,
        .tag_count = COUNT_OF(tags),
    };
    struct ec2_instance *instances;
    size_t count;
    play((struct answer){200,
                         "<RunInstancesResponse><instancesSet><item><instanceId>i-2</instanceId>"
                         "<amiLaunchIndex>1</amiLaunchIndex></item></instancesSet></RunInstancesResponse>"},
         (struct answer){500, ""});
    assert_int_equal(ec2_run_instances(client, arena, &run, &instances, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(instances[0].launch_index, 1);
    static const char *const parameters[] = {
        "MinCount=50&",
        "MaxCount=50&",
        "ClientToken=token&",
        "MetadataOptions.HttpTokens=required",
        "MetadataOptions.HttpPutResponseHopLimit=1",
        "NetworkInterface.1.AssociatePublicIpAddress=false",
        "NetworkInterface.1.Ipv6AddressCount=2",
        "NetworkInterface.1.SubnetId=subnet-1",
        "BlockDeviceMapping.1.Ebs.Encrypted=true",
        "BlockDeviceMapping.1.Ebs.KmsKeyId=alias%2Ftheirs",
        "BlockDeviceMapping.1.Ebs.DeleteOnTermination=true",
        "BlockDeviceMapping.1.Ebs.VolumeSize=66",
        "TagSpecification.1.ResourceType=instance",
        "TagSpecification.2.ResourceType=volume",
        "TagSpecification.3.ResourceType=network-interface",
        "TagSpecification.3.Tag.1.Key=managedby",
        "TagSpecification.1.Tag.2.Value=search",
        "TagSpecification.2.Tag.2.Value=search",
        "TagSpecification.3.Tag.2.Value=search",
    };
    for (size_t i = 0; i < COUNT_OF(parameters); i++)
        asked(parameters[i]);
}

static void three_retries_are_enough(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct ec2_subnet *subnets;
    size_t count;
    play((struct answer){500, "oops"}, (struct answer){500, "oops"});
    assert_int_equal(describe(arena, &subnets, &count, &err), -1);
    assert_int_equal(atomic_load(&received), 4);
}

static void a_refusal_is_not_tried_again(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct ec2_subnet *subnets;
    size_t count;
    play((struct answer){403, EC2_ERROR("UnauthorizedOperation")}, (struct answer){200, "<x/>"});
    assert_int_equal(describe(arena, &subnets, &count, &err), -1);
    assert_int_equal(atomic_load(&received), 1);
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
    assert_string_equal(err.code, "UnauthorizedOperation");
    assert_non_null(strstr(err.message, "why"));
}

static void pages_are_read_to_the_end(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct ec2_subnet *subnets;
    size_t count;
    play((struct answer){200, SUBNETS "<nextToken>more</nextToken></DescribeSubnetsResponse>"},
         (struct answer){200, SUBNETS "</DescribeSubnetsResponse>"});
    assert_int_equal(describe(arena, &subnets, &count, NULL), 0);
    assert_int_equal(count, 2);
}

static void each_protocol_gives_awss_code(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct kms_key key;
    struct aws_keys keys;
    char *bytes;
    size_t length;
    play((struct answer){400, "{\"__type\":\"com.amazonaws.kms#NotFoundException\",\"message\":\"no key\"}"},
         (struct answer){0});
    assert_int_equal(kms_describe_key(client, arena, "alias/x", &key, &err), -1);
    assert_string_equal(err.code, "NotFoundException");
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    play((struct answer){403, QUERY_ERROR("AccessDenied")}, (struct answer){0});
    assert_int_equal(sts_assume_role(client, arena, "arn:aws:iam::1:role/x", "s", "id", 900, &keys, &err),
                     -1);
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
    play((struct answer){404, "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>"},
         (struct answer){0});
    assert_int_equal(s3_get(client, arena, "a-bucket", "k", 10, &bytes, &length, &err), -1);
    assert_string_equal(err.code, "NoSuchKey");
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    play((struct answer){200, "eleven byte"}, (struct answer){0});
    assert_int_equal(s3_get(client, arena, "a-bucket", "k", 10, &bytes, &length, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
}

/* The scripted endpoint checks every signature: odd keys and a body from a file must hold, also the second
 * time. */
static void a_file_is_put_whole_again_when_the_first_try_failed(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    for (int i = 0; i < 100000; i++)
        fprintf(file, "%d\n", i);
    fflush(file);
    int fd = fileno(file);
    off_t length = lseek(fd, 0, SEEK_END);
    lseek(fd, 10, SEEK_SET);
    play((struct answer){503, "<Error><Code>SlowDown</Code></Error>"}, (struct answer){200, ""});
    struct error err = {0};
    int result = s3_put_file(client, "a.bucket", "logs/a b+c/\xc3\xa9~.zst", fd, (uint64_t)length - 10,
                             "application/zstd", "alias/k", "a=1&b=2", &err);
    fclose(file);
    assert_string_equal(err.message, "");
    assert_int_equal(result, 0);
    assert_int_equal(atomic_load(&received), 2);
}

static void a_name_that_is_no_bucket_never_leaves(void **state)
{
    (void)state;
    static const char *const names[] = {"", "..", "a/../b", "A-Bucket", "-ab", "a b"};
    play((struct answer){200, ""}, (struct answer){200, ""});
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(s3_put(client, names[i], "k", "", 0, NULL, NULL), -1);
    assert_int_equal(atomic_load(&received), 0);
}

static void metadata_is_read_with_a_token_that_is_renewed(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct aws_keys keys;
    char *text;
    size_t length;
    assert_int_equal(imds_get(arena, "meta-data/instance-id", &text, &err), 0);
    assert_string_equal(text, "i-0123");
    assert_int_equal(imds_user_data(arena, &text, &length, &err), 0);
    assert_int_equal(atomic_load(&imds_tokens), 1);
    atomic_store(&imds_forgets, true);
    assert_int_equal(imds_role_keys(arena, &keys, &err), 0);
    assert_int_equal(atomic_load(&imds_tokens), 2);
    assert_string_equal(keys.session_token, "t");
    assert_int_equal(keys.expires_ms, 2208988800000);
    assert_int_equal(imds_get(arena, "meta-data/none", &text, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

#define IDENTITY                                                                                \
    "<GetCallerIdentityResponse><GetCallerIdentityResult><UserId>AROA:i-1</UserId>"             \
    "<Account>210987654321</Account><Arn>arn:aws:sts::210987654321:assumed-role/host/i-1</Arn>" \
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"

static void a_proof_tells_who_signed_it(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct sts_proof proof;
    struct sts_identity identity;
    play((struct answer){200, IDENTITY}, (struct answer){200, IDENTITY});
    assert_int_equal(sts_proof_make(client, arena, "a-nonce", "a-hash", &proof, &err), 0);
    assert_int_equal(sts_proof_verify(&proof, "us-east-1", "a-nonce", "a-hash", arena, &identity, &err), 0);
    assert_string_equal(identity.account, "210987654321");
    assert_string_equal(identity.role, "host");
    assert_string_equal(identity.session, "i-1");
}

static void a_proof_is_shown_again_when_sts_is_short_of_patience_and_refused_when_it_says_so(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct sts_proof proof;
    struct sts_identity identity;
    assert_int_equal(sts_proof_make(client, arena, "a-nonce", "a-hash", &proof, &err), 0);
    play((struct answer){400, QUERY_ERROR("Throttling")}, (struct answer){200, IDENTITY});
    assert_int_equal(sts_proof_verify(&proof, "us-east-1", "a-nonce", "a-hash", arena, &identity, &err), 0);
    assert_int_equal(atomic_load(&received), 2);
    play((struct answer){503, "oops"}, (struct answer){503, "oops"});
    assert_int_equal(sts_proof_verify(&proof, "us-east-1", "a-nonce", "a-hash", arena, &identity, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_int_equal(atomic_load(&received), 4);
    play((struct answer){403, QUERY_ERROR("SignatureDoesNotMatch")}, (struct answer){200, IDENTITY});
    assert_int_equal(sts_proof_verify(&proof, "us-east-1", "a-nonce", "a-hash", arena, &identity, &err), -1);
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
    assert_int_equal(atomic_load(&received), 1);
}

static void assert_refused(struct arena *arena, const struct sts_proof *proof, const char *region,
                           const char *nonce, const char *hash)
{
    struct error err = {0};
    struct sts_identity identity;
    assert_int_equal(sts_proof_verify(proof, region, nonce, hash, arena, &identity, &err), -1);
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
}

static void a_proof_is_good_for_one_nonce_and_one_key(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct sts_proof proof, changed;
    play((struct answer){200, IDENTITY}, (struct answer){200, IDENTITY});
    assert_int_equal(sts_proof_make(client, arena, "a-nonce", "a-hash", &proof, NULL), 0);
    assert_refused(arena, &proof, "us-east-1", "b-nonce", "a-hash");
    assert_refused(arena, &proof, "us-east-1", "a-nonce", "b-hash");
    assert_refused(arena, &proof, "eu-west-1", "a-nonce", "a-hash");
    assert_int_equal(atomic_load(&received), 0);
    changed = proof;
    changed.nonce = "b-nonce"; /* as the verifier expects, but not as it was signed */
    assert_refused(arena, &changed, "us-east-1", "b-nonce", "a-hash");
    assert_int_equal(atomic_load(&received), 1);
    changed = proof;
    changed.amz_date = "20200101T000000Z";
    assert_refused(arena, &changed, "us-east-1", "a-nonce", "a-hash");
    changed = proof;
    changed.host = "evil.example\r\nX-Other: 1";
    assert_refused(arena, &changed, "us-east-1", "a-nonce", "a-hash");
    changed = proof;
    changed.authorization = arena_format(arena, "%s\r\nX-Other: 1", proof.authorization);
    assert_refused(arena, &changed, "us-east-1", "a-nonce", "a-hash");
    changed = proof;
    changed.security_token = "an unsigned token";
    assert_refused(arena, &changed, "us-east-1", "a-nonce", "a-hash");
    assert_int_equal(atomic_load(&received), 1);
}

static void endpoints_follow_the_standard_variables(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    char *kept = arena_strdup(arena, getenv("AWS_ENDPOINT_URL"));
    setenv("AWS_ENDPOINT_URL_KMS", "https://kms.example/", 1);
    assert_string_equal(aws_endpoint(arena, "kms", "us-east-1"), "https://kms.example");
    assert_string_equal(aws_endpoint(arena, "ec2", "us-east-1"), kept);
    unsetenv("AWS_ENDPOINT_URL_KMS");
    unsetenv("AWS_ENDPOINT_URL");
    assert_string_equal(aws_endpoint(arena, "sts", "eu-west-1"), "https://sts.eu-west-1.api.aws");
    assert_string_equal(aws_endpoint(arena, "iam", "eu-west-1"), "https://iam.global.api.aws");
    setenv("AWS_ENDPOINT_URL", kept, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(throttled_and_failed_calls_are_tried_again),
        cmocka_unit_test(a_throttled_call_is_its_callers_when_it_keeps_the_pace_itself),
        cmocka_unit_test(a_throttled_call_is_tried_again_for_as_long_as_was_said_and_no_longer),
        cmocka_unit_test(a_call_that_is_not_answered_ends_in_time),
        cmocka_unit_test(hosts_are_launched_shut_in_encrypted_and_tagged),
        cmocka_unit_test(three_retries_are_enough),
        cmocka_unit_test(a_refusal_is_not_tried_again),
        cmocka_unit_test(pages_are_read_to_the_end),
        cmocka_unit_test(each_protocol_gives_awss_code),
        cmocka_unit_test(a_file_is_put_whole_again_when_the_first_try_failed),
        cmocka_unit_test(a_name_that_is_no_bucket_never_leaves),
        cmocka_unit_test(metadata_is_read_with_a_token_that_is_renewed),
        cmocka_unit_test(a_proof_tells_who_signed_it),
        cmocka_unit_test(a_proof_is_shown_again_when_sts_is_short_of_patience_and_refused_when_it_says_so),
        cmocka_unit_test(a_proof_is_good_for_one_nonce_and_one_key),
        cmocka_unit_test(endpoints_follow_the_standard_variables),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
