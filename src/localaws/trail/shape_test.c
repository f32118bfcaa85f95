/* What was asked and answered, in the shape CloudTrail shows it. */
#include "base/text.h"
#include "localaws/trail/event.h"
#include "localaws/trail/json_out.h"
#include "localaws/trail/request_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 24 };

struct asked {
    const char *service, *action;
    const char *pairs[MOST + 1];
    const char *shown;
};

static void check_asked(const struct asked *asked)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer out = buffer_new(65536);
    size_t count = 0;
    while (asked->pairs[count])
        count++;
    out_parameters(&out, arena, asked->service, asked->action, asked->pairs, count / 2);
    assert_string_equal(buffer_string(&out), asked->shown);
}

static void parameters_are_shown_as_cloudtrail_shows_them(void **state)
{
    (void)state;
    static const struct asked cases[] = {
        {"ec2", "DescribeVpcs", {"Action", "DescribeVpcs", "Version", "2016-11-15"}, "null"},
        {"ec2",
         "TerminateInstances",
         {"InstanceId.1", "i-1", "InstanceId.2", "i-2"},
         "{\"instancesSet\":{\"items\":[{\"instanceId\":\"i-1\"},{\"instanceId\":\"i-2\"}]}}"},
        {"ec2",
         "DescribeInstances",
         {"Filter.1.Name", "vpc-id", "Filter.1.Value.1", "v", "MaxResults", "5"},
         "{\"filterSet\":{\"items\":[{\"name\":\"vpc-id\",\"valueSet\":{\"items\":[{\"value\":\"v\"}]}}]},"
         "\"maxResults\":5}"},
        {"ec2",
         "RunInstances",
         {"ImageId", "ami-1", "MinCount", "1", "MaxCount", "2", "UserData", "c2VjcmV0", "InstanceType",
          "t3.small", "NetworkInterface.1.Groups.1", "sg-1", "Monitoring.Enabled", "true"},
         "{\"instancesSet\":{\"items\":[{\"imageId\":\"ami-1\",\"maxCount\":2,\"minCount\":1}]},"
         "\"instanceType\":\"t3.small\",\"monitoring\":{\"enabled\":true},\"networkInterfaceSet\":{\"items\":"
         "[{\"groups\":{\"items\":[{\"groups\":\"sg-1\"}]}}]},\"userData\":\"<sensitiveDataRemoved>\"}"},
        {"ec2",
         "CreateVpc",
         {"TagSpecification.1.ResourceType", "vpc", "TagSpecification.1.Tag.1.Key", "a",
          "TagSpecification.1.Tag.1.Value", "b"},
         "{\"tagSpecificationSet\":{\"items\":[{\"resourceType\":\"vpc\",\"tags\":[{\"key\":\"a\",\"value\":"
         "\"b\"}]}]}}"},
        {"elasticloadbalancing",
         "DescribeLoadBalancers",
         {"Names.member.2", "b", "Names.member.1", "a"},
         "{\"names\":[\"a\",\"b\"]}"},
        {"iam",
         "TagRole",
         {"Tags.member.1.Key", "k", "Tags.member.1.Value", "210987654321", "RoleName", "r"},
         "{\"roleName\":\"r\",\"tags\":[{\"key\":\"k\",\"value\":\"210987654321\"}]}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_asked(&cases[i]);
}

static void items_are_in_the_order_of_their_numbers(void **state)
{
    (void)state;
    const struct asked asked = {"iam",
                                "X",
                                {"L.member.10", "j", "L.member.9", "i", "L.member.1", "a"},
                                "{\"l\":[\"a\",\"i\",\"j\"]}"};
    check_asked(&asked);
}

static void parameters_that_make_no_sense_still_are_json(void **state)
{
    (void)state;
    static const char *const cases[][MOST + 1] = {
        {"A", "1", "A.1", "2", "A.B", "3", "A.1.C", "4"},
        {"", "x", ".", "y", "..", "z", "1", "w", "1.1.1", "v"},
        {"A.B.C.D.E.F.G.H.I.J.K.L.M.N.O.P.Q.R.S.T", "deep", "A.1.2.3.4.5.6.7.8.9.10.11.12.13.14.15",
         "deeper"},
        {"quote\"\\\n", "\x01\x7f\"", "\xc3\xa9", "\xc3\xa9", "bad", "\xff\xfe"},
        {"UserData.1.UserData", "secret", "X.member.", "a", "X.member", "b"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t ec2 = 0; ec2 < 2; ec2++) {
            cleanup(arena_free) struct arena *arena = arena_new();
            cleanup(buffer_free) struct buffer out = buffer_new(65536);
            size_t count = 0;
            while (cases[i][count])
                count++;
            out_parameters(&out, arena, ec2 ? "ec2" : "iam", "X", cases[i], count / 2);
            json_t *shown = json_loads(buffer_string(&out), 0, NULL);
            assert_non_null(shown);
            json_decref(shown);
            if (ec2)
                assert_null(strstr(buffer_string(&out), "secret"));
        }
}

static void check_answer(const char *service, const char *xml, const char *shown)
{
    cleanup(buffer_free) struct buffer out = buffer_new(65536);
    out_xml(&out, service, xml, strlen(xml));
    assert_string_equal(buffer_string(&out), shown);
}

static void answers_in_xml_become_json(void **state)
{
    (void)state;
    check_answer("ec2", "<return>true</return>", "{\"_return\":true}");
    check_answer("ec2", "<a><b>x &amp; &lt;y&gt;</b><n>12</n><id>210987654321</id></a>",
                 "{\"a\":{\"b\":\"x & <y>\",\"n\":12,\"id\":\"210987654321\"}}");
    check_answer("ec2", "<set><item><i>1</i></item><item><i>2</i></item></set><none/><empty></empty>",
                 "{\"set\":{\"items\":[{\"i\":1},{\"i\":2}]},\"none\":{},\"empty\":{}}");
    check_answer("iam", "<Role><RoleName>r</RoleName><Tags><member><Key>k</Key></member></Tags></Role>",
                 "{\"role\":{\"roleName\":\"r\",\"tags\":[{\"key\":\"k\"}]}}");
    check_answer("iam",
                 "<AccessKey><SecretAccessKey>s</SecretAccessKey><AccessKeyId>A</AccessKeyId></AccessKey>",
                 "{\"accessKey\":{\"accessKeyId\":\"A\"}}");
    check_answer("sts", "<Credentials><SessionToken>t</SessionToken></Credentials>",
                 "{\"credentials\":{\"sessionToken\":\"HIDDEN_DUE_TO_SECURITY_REASONS\"}}");
    /* a hidden text that escapes, too: nothing of it stays */
    check_answer("ec2", "<userData><value>&quot;s&quot;</value></userData>",
                 "{\"userData\":\"<sensitiveDataRemoved>\"}");
}

static void json_is_shown_without_what_is_secret_and_with_a_callers_own_names(void **state)
{
    (void)state;
    cleanup(buffer_free) struct buffer out = buffer_new(65536);
    json_t *asked = json_pack("{s:s, s:s, s:{s:s}, s:[i, b, n]}", "KeyId", "k", "Plaintext",
                              "cGxhaW4=", "EncryptionContext", "Purpose", "x", "List", 1, 1);
    out_json(&out, "kms", asked);
    json_decref(asked);
    assert_string_equal(buffer_string(&out),
                        "{\"keyId\":\"k\",\"encryptionContext\":{\"Purpose\":\"x\"},\"list\":[1,true,null]}");
}

static void reading_and_data_calls_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *service, *action;
        bool reads, data;
    } cases[] = {
        {"ec2", "DescribeInstances", true, false},
        {"ec2", "RunInstances", false, false},
        {"kms", "GenerateDataKey", true, false},
        {"kms", "CreateGrant", false, false},
        {"sts", "AssumeRole", true, false},
        {"s3", "GetObject", true, true},
        {"s3", "PutObject", false, true},
        {"s3", "ListObjectsV2", true, true},
        {"s3", "HeadBucket", true, true},
        {"s3", "PutBucketPolicy", false, false},
        {"s3", "GetPublicAccessBlock", true, false},
        {"s3", "ListBuckets", true, false},
        {"s3", "DeleteBucket", false, false},
        {"s3", "CompleteMultipartUpload", false, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(event_is_read_only(cases[i].service, cases[i].action), cases[i].reads);
        assert_int_equal(event_is_data(cases[i].service, cases[i].action), cases[i].data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_shown_as_cloudtrail_shows_them),
        cmocka_unit_test(items_are_in_the_order_of_their_numbers),
        cmocka_unit_test(parameters_that_make_no_sense_still_are_json),
        cmocka_unit_test(answers_in_xml_become_json),
        cmocka_unit_test(json_is_shown_without_what_is_secret_and_with_a_callers_own_names),
        cmocka_unit_test(reading_and_data_calls_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
