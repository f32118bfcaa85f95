/* Our own AWS library against our own region, program to program over TLS: each call the products make must
 * mean to one what it means to the other. Argument: the program localaws. */
#include "aws/ec2.h"
#include "aws/elbv2.h"
#include "aws/endpoint_service.h"
#include "aws/iam.h"
#include "aws/kms.h"
#include "aws/s3.h"
#include "aws/sts.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TENANT "210987654321"

static char directory[] = "/tmp/localaws-aws.XXXXXX";
static const char *program;
static pid_t process;
static struct arena *arena;
static struct aws_credentials *credentials;
static struct aws_client *client;

/* A call the library has no function for: what Terraform does in real life. */
static xmlNode *call(const char *service, const char *action, ...)
{
    struct aws_parameters parameters = {0};
    struct error err = {0};
    xmlNode *answer = NULL;
    va_list args;
    va_start(args, action);
    for (const char *name; (name = va_arg(args, const char *));)
        aws_parameter(arena, &parameters, va_arg(args, const char *), "%s", name);
    va_end(args);
    if (aws_query_call(client, service, action, &parameters, arena, &answer, &err) < 0)
        fail_msg("%s", err.message);
    return answer;
}

static void point_at_region(const char *url)
{
    setenv("AWS_ENDPOINT_URL", url, 1);
    setenv("AWS_CA_BUNDLE", arena_format(arena, "%s/ca.pem", directory), 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", arena_format(arena, "%s/credentials", directory), 1);
    setenv("AWS_PROFILE", "tenant", 1);
    unsetenv("AWS_ACCESS_KEY_ID");
}

static int start_region(struct error *err)
{
    const char *argv[] = {program,          "--state",    directory,     "--account",
                          TENANT "=tenant", "--listen",   "127.0.0.1:0", "--proxy",
                          "127.0.0.1:0",    "--no-plane", NULL};
    const char *ready = arena_format(arena, "%s/ready", directory);
    struct process region = {.argv = argv};
    char *url;
    size_t length;
    if (process_start(&region, arena_format(arena, "%s/log", directory), &process, err) < 0)
        return -1;
    for (int i = 0; i < 200 && !file_exists(ready); i++)
        usleep(50000);
    if (file_read(arena, ready, 1000, &url, &length, err) < 0)
        return -1;
    point_at_region(text_trim(arena, url));
    return 0;
}

static int enter(void **state)
{
    (void)state;
    struct error err = {0};
    arena = arena_new();
    if (!mkdtemp(directory) || start_region(&err) < 0) {
        print_error("%s\n", err.message);
        return -1;
    }
    credentials = aws_credentials_default();
    return aws_client_new(credentials, "us-east-1", &client, NULL);
}

static int leave(void **state)
{
    (void)state;
    aws_client_free(&client);
    aws_credentials_free(&credentials);
    process_stop(process, 5000);
    arena_free(&arena);
    return tree_remove(directory, NULL);
}

static void a_role_is_assumed_with_its_external_id_only(void **state)
{
    (void)state;
    static const char trust[] =
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\","
        "\"Principal\":"
        "{\"AWS\":\"" TENANT "\"},\"Condition\":{\"StringEquals\":{\"sts:ExternalId\":\"right\"}}}]}";
    static const char policy[] = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                                 "\"Action\":\"sts:AssumeRole\",\"Resource\":\"*\"}]}";
    struct error err = {0};
    struct iam_role role;
    call("iam", "CreateRole", "RoleName", "a.role", "AssumeRolePolicyDocument", trust, NULL);
    call("iam", "CreateUser", "UserName", "u", NULL);
    call("iam", "PutUserPolicy", "UserName", "u", "PolicyName", "p", "PolicyDocument", policy, NULL);
    xmlNode *made = call("iam", "CreateAccessKey", "UserName", "u", NULL);
    xmlNode *key = xml_first(xml_first(made, "CreateAccessKeyResult"), "AccessKey");
    assert_int_equal(iam_get_role(client, arena, "a.role", &role, &err), 0);
    assert_non_null(strstr(role.trust_policy, "\"right\""));

    struct aws_keys keys = {xml_child_content(arena, key, "AccessKeyId"),
                            xml_child_content(arena, key, "SecretAccessKey"), NULL, 0};
    struct aws_credentials *user = aws_credentials_static(&keys);
    static const char *const external_ids[] = {"wrong", NULL, "right"};
    for (size_t i = 0; i < COUNT_OF(external_ids); i++) {
        struct aws_credentials *session =
            aws_credentials_assume_role(user, "us-east-1", role.arn, "a-session", external_ids[i]);
        struct aws_client *as_role;
        struct sts_identity identity;
        assert_int_equal(aws_client_new(session, "us-east-1", &as_role, &err), 0);
        int result = sts_get_caller_identity(as_role, arena, &identity, &err);
        assert_int_equal(result, text_equal(external_ids[i], "right") ? 0 : -1);
        if (result == 0)
            assert_string_equal(identity.role, "a.role");
        else
            assert_int_equal(err.kind, ERROR_FORBIDDEN);
        aws_client_free(&as_role);
        aws_credentials_free(&session);
    }
    aws_credentials_free(&user);
}

static void a_proof_of_identity_convinces_sts_once_it_is_whole(void **state)
{
    (void)state;
    struct error err = {0};
    struct sts_proof proof;
    struct sts_identity identity;
    assert_int_equal(sts_proof_make(client, arena, "a-nonce", "a-hash", &proof, &err), 0);
    assert_int_equal(sts_proof_verify(&proof, "us-east-1", "a-nonce", "a-hash", arena, &identity, &err), 0);
    assert_string_equal(identity.account, TENANT);
    proof.nonce = "b-nonce";
    assert_int_equal(sts_proof_verify(&proof, "us-east-1", "b-nonce", "a-hash", arena, &identity, &err), -1);
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
}

static void objects_are_put_listed_read_and_deleted(void **state)
{
    (void)state;
    struct error err = {0};
    struct s3_object *objects;
    size_t count, length;
    char *bytes;
    FILE *file = tmpfile();
    assert_int_equal(s3_put(client, "no.such", "k", "x", 1, NULL, &err), -1);
    assert_string_equal(err.code, "NoSuchBucket");
    /* The library makes no buckets; a put to the bucket itself, its key empty, is how one is made. */
    assert_int_equal(s3_put(client, "a.bucket", "", "", 0, NULL, &err), 0);
    for (int i = 0; i < 50000; i++)
        fprintf(file, "line %d\n", i);
    fflush(file);
    uint64_t size = (uint64_t)ftell(file);
    rewind(file);
    assert_int_equal(s3_put_file(client, "a.bucket", "logs/a b+c/\xc3\xa9 &<.zst", fileno(file), size,
                                 "application/zstd", NULL, "type=vespa", &err),
                     0);
    fclose(file);
    assert_int_equal(s3_put(client, "a.bucket", "other", "", 0, NULL, &err), 0);
    assert_int_equal(s3_list(client, arena, "a.bucket", "logs/", &objects, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(objects[0].size, size);
    assert_int_equal(s3_get(client, arena, "a.bucket", objects[0].key, 1 << 20, &bytes, &length, &err), 0);
    assert_int_equal(length, size);
    assert_memory_equal(bytes, "line 0\nline 1\n", 14);
    assert_int_equal(s3_get(client, arena, "a.bucket", objects[0].key, 10, &bytes, &length, &err), -1);
    assert_int_equal(s3_delete(client, "a.bucket", objects[0].key, &err), 0);
    assert_int_equal(s3_get(client, arena, "a.bucket", objects[0].key, 10, &bytes, &length, &err), -1);
    assert_string_equal(err.code, "NoSuchKey");
}

static void a_key_is_described_by_its_alias(void **state)
{
    (void)state;
    struct error err = {0};
    struct kms_key key;
    json_t *answer, *body = json_object();
    assert_int_equal(kms_describe_key(client, arena, "alias/none", &key, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_equal(aws_json_call(client, "kms", "TrentService.CreateKey", body, arena, &answer, &err), 0);
    const char *id = json_member_text(json_object_get(answer, "KeyMetadata"), "KeyId");
    json_object_set_new(body, "AliasName", json_string("alias/volumes"));
    json_object_set_new(body, "TargetKeyId", json_string(id));
    assert_int_equal(aws_json_call(client, "kms", "TrentService.CreateAlias", body, arena, &answer, &err), 0);
    json_decref(body);
    assert_int_equal(kms_describe_key(client, arena, "alias/volumes", &key, &err), 0);
    assert_string_equal(key.id, id);
    assert_true(key.enabled);
}

struct place {
    struct ec2_vpc vpc;
    struct ec2_subnet subnet;
    struct ec2_security_group group;
};

static void make_place(struct place *place)
{
    struct error err = {0};
    size_t count;
    xmlNode *vpc =
        xml_first(call("ec2", "CreateVpc", "CidrBlock", "10.1.0.0/16", "AmazonProvidedIpv6CidrBlock", "true",
                       "TagSpecification.1.ResourceType", "vpc", "TagSpecification.1.Tag.1.Key", "zone",
                       "TagSpecification.1.Tag.1.Value", "dev.x", NULL),
                  "vpc");
    const char *id = xml_child_content(arena, vpc, "vpcId");
    struct ec2_filter by_zone[] = {{"tag:zone", {"dev.x"}}, {"vpc-id", {id}}};
    struct ec2_vpc *vpcs;
    assert_int_equal(ec2_describe_vpcs(client, arena, by_zone, 2, &vpcs, &count, &err), 0);
    assert_int_equal(count, 1);
    place->vpc = vpcs[0];
    assert_string_equal(place->vpc.cidr, "10.1.0.0/16");
    char *six = arena_strdup(arena, place->vpc.ipv6_cidr);
    strcpy(strchr(six, '/'), "/64");
    call("ec2", "CreateSubnet", "VpcId", id, "CidrBlock", "10.1.0.0/20", "Ipv6CidrBlock", six, NULL);
    struct ec2_filter in_vpc = {"vpc-id", {id}};
    struct ec2_subnet *subnets;
    assert_int_equal(ec2_describe_subnets(client, arena, &in_vpc, 1, &subnets, &count, &err), 0);
    assert_int_equal(count, 1);
    place->subnet = subnets[0];
    assert_string_equal(place->subnet.ipv6_cidr, six);
    struct ec2_security_group *groups;
    assert_int_equal(ec2_describe_security_groups(client, arena, &in_vpc, 1, &groups, &count, &err), 0);
    assert_int_equal(count, 1);
    place->group = groups[0];
    assert_string_equal(place->group.name, "default");
}

static void instances_are_run_once_per_token_and_found_by_their_tags(void **state)
{
    (void)state;
    struct error err = {0};
    struct place place;
    struct ec2_image *images;
    struct ec2_instance *first, *again, *found;
    size_t count;
    make_place(&place);
    assert_int_equal(ec2_describe_images(client, arena, NULL, &(struct ec2_filter){"name", {"sim"}}, 1,
                                         &images, &count, &err),
                     0);
    assert_int_equal(count, 1);
    struct aws_tag tags[] = {{"zone", "dev.x"}, {"Name", "h1 & co"}};
    struct ec2_run run = {
        .client_token = "token-1",
        .image_id = images[0].id,
        .type = "m6g.large",
        .subnet_id = place.subnet.id,
        .security_group_id = place.group.id,
        .kms_key_id = "alias/volumes",
        .user_data = "{\"zone\":\"dev.x\"}",
        .count = 3,
        .ipv6_count = 2,
        .disk_gb = 20,
        .tags = tags,
        .tag_count = COUNT_OF(tags),
    };
    assert_int_equal(ec2_run_instances(client, arena, &run, &first, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_int_equal(ec2_run_instances(client, arena, &run, &again, &count, &err), 0);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(first[i].id, again[i].id);
        assert_int_equal(first[i].launch_index, i);
        assert_non_null(first[i].ipv6[1]);
    }
    struct ec2_filter filters[] = {{"tag:Name", {"h1 & co"}},
                                   {"instance-state-name", {"running", "stopped"}}};
    for (int i = 0; i < 100; i++, usleep(50000)) {
        assert_int_equal(ec2_describe_instances(client, arena, filters, 2, &found, &count, &err), 0);
        if (count == 3)
            break;
    }
    assert_int_equal(count, 3);
    assert_string_equal(found[0].client_token, "token-1");
    assert_string_equal(found[0].vpc_id, place.vpc.id);
    assert_string_equal(aws_tag_value(found[0].tags, found[0].tag_count, "zone"), "dev.x");
    assert_true(found[0].launched_ms > 0);
    const struct aws_tag name = {"hostname", "h2"};
    assert_int_equal(ec2_create_tags(client, first[1].id, &name, 1, &err), 0);
    struct ec2_filter by_name = {"tag:hostname", {"h2"}};
    assert_int_equal(ec2_describe_instances(client, arena, &by_name, 1, &found, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(found[0].launch_index, 1);
    run.count = 2;
    assert_int_equal(ec2_run_instances(client, arena, &run, &again, &count, &err), -1);
    assert_string_equal(err.code, "IdempotentParameterMismatch");
    const char *ids[] = {first[0].id, first[1].id, first[2].id};
    assert_int_equal(ec2_terminate_instances(client, ids, 3, &err), 0);
    run.client_token = "token-2";
    run.kms_key_id = "alias/none";
    run.subnet_id = "subnet-0123456789abcdef0";
    assert_int_equal(ec2_run_instances(client, arena, &run, &again, &count, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void a_disk_that_is_nobodys_is_found_and_removed(void **state)
{
    (void)state;
    struct error err = {0};
    struct ec2_volume *volumes;
    size_t count;
    call("ec2", "CreateVolume", "AvailabilityZone", "us-east-1a", "Size", "1",
         "TagSpecification.1.ResourceType", "volume", "TagSpecification.1.Tag.1.Key", "owner",
         "TagSpecification.1.Tag.1.Value", "us", NULL);
    const struct ec2_filter filters[] = {{"tag:owner", {"us"}}, {"status", {"available"}}};
    assert_int_equal(ec2_describe_volumes(client, arena, filters, 2, &volumes, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_true(volumes[0].created_ms > 0);
    assert_int_equal(ec2_delete_volume(client, volumes[0].id, &err), 0);
    assert_int_equal(ec2_describe_volumes(client, arena, filters, 2, &volumes, &count, &err), 0);
    assert_int_equal(count, 0);
}

static void a_load_balancer_is_made_once_and_goes_whole(void **state)
{
    (void)state;
    struct error err = {0};
    struct place place;
    make_place(&place);
    struct aws_tag tag = {"zone", "dev.x"};
    const char *subnets[] = {place.subnet.id};
    struct elb_load_balancer_spec spec = {"lb-1", subnets, 1, false, &tag, 1};
    struct elb_load_balancer first, again;
    struct elb_target_group_spec group_spec = {"tg-1", place.vpc.id, 4443, 0, true, &tag, 1};
    struct elb_target_group group, same;
    assert_int_equal(elb_describe_load_balancer(client, arena, "lb-1", &first, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_equal(elb_ensure_load_balancer(client, arena, &spec, &first, &err), 0);
    assert_int_equal(elb_create_load_balancer(client, arena, &spec, &again, &err), 0);
    assert_string_equal(first.arn, again.arn);
    assert_string_equal(first.vpc_id, place.vpc.id);
    assert_int_equal(elb_ensure_target_group(client, arena, &group_spec, &group, &err), 0);
    assert_int_equal(elb_create_target_group(client, arena, &group_spec, &same, &err), 0);
    assert_string_equal(group.arn, same.arn);
    assert_int_equal(elb_ensure_listener(client, arena, first.arn, 443, group.arn, &tag, 1, &err), 0);
    assert_int_equal(elb_ensure_listener(client, arena, first.arn, 443, group.arn, &tag, 1, &err), 0);

    char *six = arena_strdup(arena, place.subnet.ipv6_cidr);
    strcpy(strchr(six, '/'), "99"); /* "2001:db8::/64" -> "2001:db8::99" */
    struct elb_target target = {.id = six, .port = 4443}, *targets;
    size_t count;
    assert_int_equal(elb_register_targets(client, group.arn, &target, 1, &err), 0);
    assert_int_equal(elb_target_health(client, arena, group.arn, &targets, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_string_equal(targets[0].id, six);
    assert_int_equal(targets[0].port, 4443);
    assert_int_equal(elb_deregister_targets(client, group.arn, &target, 1, &err), 0);
    assert_int_equal(elb_delete_target_group(client, group.arn, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_int_equal(elb_delete_load_balancer(client, first.arn, &err), 0);
    assert_int_equal(elb_delete_target_group(client, group.arn, &err), 0);
    assert_int_equal(elb_describe_target_group(client, arena, "tg-1", &same, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static const char *attribute(const char *action, const char *of, const char *arn, const char *key)
{
    xmlNode *answer = call("elasticloadbalancing", action, of, arn, NULL);
    xmlNode *list = xml_first(xml_first(answer, NULL), "Attributes");
    for (xmlNode *member = xml_first(list, "member"); member; member = xml_next(member, "member"))
        if (strcmp(xml_child_content(arena, member, "Key"), key) == 0)
            return xml_child_content(arena, member, "Value");
    return NULL;
}

static size_t tagged(const struct aws_tag *tag)
{
    struct error err = {0};
    struct elb_named *balancers, *groups;
    size_t count, group_count;
    assert_int_equal(elb_list_load_balancers(client, arena, tag, &balancers, &count, &err), 0);
    assert_int_equal(elb_list_target_groups(client, arena, tag, &groups, &group_count, &err), 0);
    return count + group_count;
}

static const char *forwards_to(const char *balancer_arn)
{
    xmlNode *answer =
        call("elasticloadbalancing", "DescribeListeners", "LoadBalancerArn", balancer_arn, NULL);
    xmlNode *listener = xml_first(xml_first(xml_first(answer, NULL), "Listeners"), "member");
    assert_null(xml_next(listener, "member"));
    return xml_child_content(arena, xml_first(xml_first(listener, "DefaultActions"), "member"),
                             "TargetGroupArn");
}

static void a_load_balancer_that_somebody_changed_is_put_right(void **state)
{
    (void)state;
    struct error err = {0};
    struct place place;
    make_place(&place);
    struct aws_tag tag = {"team", "search"}, another = {"team", "images"};
    const char *subnets[] = {place.subnet.id, NULL};
    struct elb_load_balancer_spec spec = {"lb-3", subnets, 1, false, &tag, 1};
    struct elb_target_group_spec group_spec = {"tg-3", place.vpc.id, 4443, 0, true, &tag, 1},
                                 other_spec = {"tg-4", place.vpc.id, 4443, 0, true, NULL, 0};
    const struct aws_tag shut = {"ipv6.deny_all_igw_traffic", "true"},
                         open = {"ipv6.deny_all_igw_traffic", "false"},
                         drain = {"deregistration_delay.timeout_seconds", "15"};
    struct elb_load_balancer balancer, same;
    struct elb_target_group group, other;
    assert_int_equal(elb_ensure_load_balancer(client, arena, &spec, &balancer, &err), 0);
    assert_int_equal(elb_ensure_target_group(client, arena, &group_spec, &group, &err), 0);
    assert_int_equal(elb_create_target_group(client, arena, &other_spec, &other, &err), 0);
    assert_int_equal(elb_ensure_listener(client, arena, balancer.arn, 443, other.arn, NULL, 0, &err), 0);
    assert_string_equal(forwards_to(balancer.arn), other.arn);
    assert_int_equal(elb_set_attributes(client, balancer.arn, &shut, 1, &err), 0);
    assert_int_equal(tagged(&another), 0);

    spec.tags = group_spec.tags = &another;
    assert_int_equal(elb_ensure_load_balancer(client, arena, &spec, &same, &err), 0);
    assert_string_equal(same.arn, balancer.arn);
    assert_int_equal(elb_ensure_target_group(client, arena, &group_spec, &group, &err), 0);
    assert_int_equal(tagged(&another), 2);
    assert_int_equal(elb_ensure_listener(client, arena, balancer.arn, 443, group.arn, NULL, 0, &err), 0);
    assert_string_equal(forwards_to(balancer.arn), group.arn);
    assert_int_equal(elb_set_attributes(client, balancer.arn, &open, 1, &err), 0);
    assert_string_equal(
        attribute("DescribeLoadBalancerAttributes", "LoadBalancerArn", balancer.arn, open.key), "false");
    assert_int_equal(elb_set_attributes(client, group.arn, &drain, 1, &err), 0);
    assert_string_equal(attribute("DescribeTargetGroupAttributes", "TargetGroupArn", group.arn, drain.key),
                        "15");
    assert_int_equal(elb_delete_load_balancer(client, balancer.arn, &err), 0);
}

/* As when a zone gets another availability zone. */
static void a_load_balancer_gets_another_subnet(void **state)
{
    (void)state;
    struct error err = {0};
    struct place place;
    make_place(&place);
    /* "2001:db8:0:100::/56" -> "2001:db8:0:101::/64" */
    const char *block = place.vpc.ipv6_cidr;
    char *six = arena_format(arena, "%.*s1::/64", (int)(strstr(block, "::") - block) - 1, block);
    const char *zone =
        strcmp(place.subnet.availability_zone, "us-east-1a") == 0 ? "us-east-1b" : "us-east-1a";
    call("ec2", "CreateSubnet", "VpcId", place.vpc.id, "CidrBlock", "10.1.16.0/20", "Ipv6CidrBlock", six,
         "AvailabilityZone", zone, NULL);
    struct ec2_filter in_vpc = {"vpc-id", {place.vpc.id}};
    struct ec2_subnet *all;
    size_t count;
    assert_int_equal(ec2_describe_subnets(client, arena, &in_vpc, 1, &all, &count, &err), 0);
    assert_int_equal(count, 2);
    const char *subnets[] = {all[0].id, all[1].id};
    struct elb_load_balancer_spec spec = {"lb-5", subnets, 1, false, NULL, 0};
    struct elb_load_balancer balancer;
    assert_int_equal(elb_ensure_load_balancer(client, arena, &spec, &balancer, &err), 0);
    assert_int_equal(balancer.subnet_count, 1);
    spec.subnet_count = 2;
    if (elb_ensure_load_balancer(client, arena, &spec, &balancer, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(elb_describe_load_balancer(client, arena, "lb-5", &balancer, &err), 0);
    assert_int_equal(balancer.subnet_count, 2);
    assert_int_equal(elb_delete_load_balancer(client, balancer.arn, &err), 0);
}

static void an_endpoint_service_allows_whom_it_says_and_goes_with_its_connections(void **state)
{
    (void)state;
    struct error err = {0};
    struct place place;
    make_place(&place);
    struct aws_tag tag = {"owner", "me"};
    const char *subnets[] = {place.subnet.id},
               *arns[] = {"arn:aws:iam::333333333333:root", "arn:aws:iam::444444444444:root"};
    struct elb_load_balancer_spec spec = {"lb-2", subnets, 1, false, &tag, 1};
    struct elb_load_balancer balancer;
    struct endpoint_service service, again, *services;
    struct elb_named *balancers;
    size_t count;
    const struct ec2_filter filter = {"tag:owner", {"me"}}, other = {"tag:owner", {"another"}};
    assert_int_equal(elb_create_load_balancer(client, arena, &spec, &balancer, &err), 0);
    assert_int_equal(elb_list_load_balancers(client, arena, &tag, &balancers, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_string_equal(balancers[0].name, "lb-2");
    assert_int_equal(elb_list_target_groups(client, arena, &tag, &balancers, &count, &err), 0);
    assert_int_equal(count, 0);
    if (endpoint_service_create(client, arena, balancer.arn, "token", &tag, 1, &service, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(endpoint_service_create(client, arena, balancer.arn, "token", &tag, 1, &again, &err), 0);
    assert_string_equal(service.id, again.id);
    assert_int_equal(endpoint_service_list(client, arena, &other, 1, &services, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(endpoint_service_list(client, arena, &filter, 1, &services, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_string_equal(services[0].load_balancer_arn, balancer.arn);
    assert_int_equal(endpoint_service_allow(client, service.id, arns, 2, &err), 0);
    assert_int_equal(endpoint_service_allow(client, service.id, arns + 1, 1, &err), 0);
    xmlNode *answer = call("ec2", "DescribeVpcEndpointServicePermissions", "ServiceId", service.id, NULL);
    xmlNode *allowed = xml_first(xml_first(answer, "allowedPrincipals"), "item");
    assert_string_equal(xml_child_content(arena, allowed, "principal"), arns[1]);
    assert_null(xml_next(allowed, "item"));
    assert_int_equal(endpoint_service_delete(client, service.id, &err), 0);
    assert_int_equal(endpoint_service_delete(client, service.id, &err), 0);
    assert_int_equal(elb_delete_load_balancer(client, balancer.arn, &err), 0);
}

int main(int count, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_is_assumed_with_its_external_id_only),
        cmocka_unit_test(a_proof_of_identity_convinces_sts_once_it_is_whole),
        cmocka_unit_test(objects_are_put_listed_read_and_deleted),
        cmocka_unit_test(a_key_is_described_by_its_alias),
        cmocka_unit_test(instances_are_run_once_per_token_and_found_by_their_tags),
        cmocka_unit_test(a_disk_that_is_nobodys_is_found_and_removed),
        cmocka_unit_test(a_load_balancer_is_made_once_and_goes_whole),
        cmocka_unit_test(a_load_balancer_that_somebody_changed_is_put_right),
        cmocka_unit_test(a_load_balancer_gets_another_subnet),
        cmocka_unit_test(an_endpoint_service_allows_whom_it_says_and_goes_with_its_connections),
    };
    program = count > 1 ? argv[1] : "localaws";
    return cmocka_run_group_tests(tests, enter, leave);
}
