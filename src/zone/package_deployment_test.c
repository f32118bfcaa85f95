/* What deployment.xml says of a zone, and what it cannot say. */
#include "base/buffer.h"
#include "zone/test_packages.h"

static void accounts_ttl_and_tags_are_the_nearest_ancestors(void **state)
{
    (void)state;
#define ROOT(attributes, inner) "<deployment version='1.0' " attributes ">" inner "</deployment>"
#define TAGS(inner)             "<resource-tags>" inner "</resource-tags>"
#define TAG(key, value)         "<tag key='" key "' value='" value "'/>"
#define EAST                    "<region>aws-us-east-1c</region>"
    static const struct package_case cases[] = {
        {NULL, HEAD WEB TAIL, "<deployment version='1.0'/>", .expected = "no account; " WEB_PROD},
        {NULL, HEAD WEB TAIL, ROOT("cloud-account='gcp:project,aws:210987654321'", ""),
         .expected = IN WEB_PROD},
        {NULL, HEAD WEB TAIL, ROOT("cloud-account='gcp:project'", ""), .expected = "no account; " WEB_PROD},
        {NULL, HEAD WEB TAIL, ROOT(ACCOUNT, "<prod cloud-account='default'>" EAST "</prod>"),
         .expected = "no account; " WEB_PROD},
        {NULL, HEAD WEB TAIL, ROOT(ACCOUNT, "<prod cloud-account=''>" EAST "</prod>"),
         .expected = "no account; " WEB_PROD},
        {NULL, HEAD WEB TAIL,
         ROOT(ACCOUNT " empty-host-ttl='2h'",
              "<prod empty-host-ttl='90m'><parallel>" EAST "</parallel></prod>"),
         .expected = "210987654321 ttl=5400000; " WEB_PROD},
        {"dev.aws-us-east-1c", HEAD WEB TAIL,
         ROOT(ACCOUNT " empty-host-ttl='2h'", "<prod empty-host-ttl='90m'>" EAST "</prod>"),
         .expected = "210987654321 ttl=7200000; " WEB_DEV},
        /* perf is dev's where it says nothing of its own */
        {"perf.aws-us-east-1c", HEAD WEB TAIL,
         ROOT(ACCOUNT, "<dev cloud-account='aws:100000000000'/><instance id='main' "
                       "cloud-account='aws:300000000000'/>"),
         .expected = "100000000000; " WEB_DEV},
        {"perf.aws-us-east-1c", HEAD WEB TAIL,
         ROOT(ACCOUNT, "<dev cloud-account='aws:100000000000'/><perf cloud-account='aws:200000000000'/>"),
         .expected = "200000000000; " WEB_DEV},
        /* instances within <parallel> and <steps> */
        {NULL, HEAD WEB TAIL,
         ROOT("", "<parallel><instance id='other'/><steps><instance id='main' " ACCOUNT "><prod>" EAST
                  "</prod></instance></steps></parallel>"),
         .expected = IN WEB_PROD},
        {"staging.aws-us-east-1c", HEAD WEB TAIL,
         ROOT(ACCOUNT, "<staging cloud-account='aws:100000000000'/><instance id='main'><prod>" EAST
                       "</prod></instance>"),
         .expected = "100000000000; " WEB_DEV},
        {"staging.aws-us-east-1c", HEAD WEB TAIL,
         ROOT(ACCOUNT,
              "<instance id='main' cloud-account='aws:100000000000'><prod>" EAST "</prod></instance>"),
         .expected = "100000000000; " WEB_DEV},
        {NULL, HEAD WEB TAIL,
         ROOT(ACCOUNT,
              TAGS(TAG("team", "root") TAG("env", "${environment}-${region}")) "<instance id='main'>" TAGS(
                  TAG("team", "main") TAG(
                      "a:b",
                      "x y")) "<prod><region>aws-us-east-1c" TAGS(TAG("team",
                                                                      "east")) "</region></prod></instance>"),
         .expected = "210987654321 team=east a:b=x y env=${environment}-${region}; " WEB_PROD},
        {"dev.aws-us-east-1c", HEAD WEB TAIL,
         ROOT(ACCOUNT,
              TAGS(TAG("team", "root")) "<dev>" TAGS(TAG("cost", "dev")) "</dev><instance id='main'>" TAGS(
                  TAG("team", "main")) "</instance>"),
         .expected = "210987654321 cost=dev team=root; " WEB_DEV},
    };
    check_cases(cases, COUNT_OF(cases));
}

static void endpoints_are_the_zones(void **state)
{
    (void)state;
#define ARN "arn:aws:iam::123123123123:root"
#define ENDPOINTS(inner) \
    ROOT(ACCOUNT, "<prod>" EAST "<region>aws-us-west-2a</region></prod><endpoints>" inner "</endpoints>")
#define PRIVATE \
    "<endpoint type='private' container-id='web'><allow with='aws-private-link' arn='" ARN "'/></endpoint>"
    static const struct package_case cases[] = {
        {NULL, HEAD WEB TAIL, ENDPOINTS(PRIVATE), .expected = IN WEB_PROD " private allows " ARN},
        {NULL, HEAD WEB TAIL, ENDPOINTS("<endpoint type='zone' container-id='web' enabled='false'/>" PRIVATE),
         .expected = IN WEB_PROD " not public private allows " ARN},
        {"prod.aws-us-west-2a", HEAD WEB TAIL,
         ENDPOINTS("<endpoint type='zone' container-id='web' enabled='false'>" EAST "</endpoint>"),
         .expected = IN WEB_PROD},
        {NULL, HEAD WEB TAIL,
         ENDPOINTS("<endpoint type='zone' container-id='web'>" EAST
                   "</endpoint><endpoint type='zone' container-id='web' enabled='false'/>"),
         .expected = IN WEB_PROD},
        {NULL, HEAD WEB TAIL,
         ENDPOINTS("<endpoint type='private' container-id='web'><allow with='gcp-service-connect' "
                   "project='p'/></endpoint>"),
         .expected = IN WEB_PROD " private"},
        /* production's are not dev's, dev's are its own */
        {"dev.aws-us-east-1c", HEAD WEB TAIL, ENDPOINTS(PRIVATE), .expected = IN WEB_DEV},
        {"dev.aws-us-east-1c", HEAD WEB TAIL, ROOT(ACCOUNT, "<dev><endpoints>" PRIVATE "</endpoints></dev>"),
         .expected = IN WEB_DEV " private allows " ARN},
        {NULL, HEAD WEB TAIL, ENDPOINTS("<endpoint container-id='web'/>"),
         .expected = "deployment.xml: <endpoint> (line 1): endpoints over several zones are not offered: "
                     "clients use each "
                     "zone's own; remove it, or give it type=\"zone\""},
        {"perf.aws-us-east-1c", HEAD WEB TAIL, ROOT(ACCOUNT, "<dev><endpoints>" PRIVATE "</endpoints></dev>"),
         .expected = IN WEB_DEV " private allows " ARN},
        /* a root with instances has none for its zones */
        {NULL, HEAD WEB TAIL,
         ROOT(ACCOUNT, "<steps><instance id='main'><prod>" EAST
                       "</prod></instance></steps><endpoints><endpoint container-id='web' "
                       "region='aws-us-east-1c'><instance weight='1'>main</instance></endpoint></endpoints>"),
         .expected = "deployment.xml: <endpoint> (line 1): endpoints over several instances are not offered: "
                     "clients use each zone's own; give each <instance> its own <endpoints>"},
        {NULL, HEAD WEB TAIL, ENDPOINTS("<endpoint container-id='docs' type='zone'/>"),
         .expected = "deployment.xml: <endpoint> (line 1): container-id='docs': services.xml has no such "
                     "container cluster in "
                     "zone prod.aws-us-east-1c"},
        {NULL, HEAD WEB TAIL, ENDPOINTS(PRIVATE PRIVATE),
         .expected = "deployment.xml: <endpoint> (line 1): container cluster 'web' has another private "
                     "endpoint for zone "
                     "prod.aws-us-east-1c"},
    };
    check_cases(cases, COUNT_OF(cases));
}

static void deployments_that_cannot_be_are_refused(void **state)
{
    (void)state;
#define DEPLOYS(inner, said)                                                           \
    {                                                                                  \
        NULL, HEAD WEB TAIL, ROOT(ACCOUNT, inner), .expected = "deployment.xml: " said \
    }
#define ENDPOINT(attributes, inner) \
    "<endpoints><endpoint container-id='web' " attributes ">" inner "</endpoint></endpoints>"
    static const struct package_case cases[] = {
        {NULL, HEAD WEB TAIL, "<deployment version='2.0'/>",
         .expected = "deployment.xml: <deployment> (line 1): version='2.0' must be 1.0"},
        {NULL, HEAD WEB TAIL, "<deployment athenz-domain='a'/>",
         .expected = "deployment.xml: <deployment> (line 1): athenz-domain: identities are the control "
                     "plane's own here: remove it"},
        {NULL, HEAD WEB TAIL, "<deployment cloud-account='aws:12'/>",
         .expected = "deployment.xml: <deployment> (line 1): cloud-account='aws:12' must be accounts, at "
                     "most one of each cloud, "
                     "with commas between: aws: and 12 digits, gcp: and a project, azure: and a "
                     "subscription; or default"},
        {NULL, HEAD WEB TAIL, "<deployment cloud-account='aws:100000000000,200000000000'/>",
         .expected = "deployment.xml: <deployment> (line 1): cloud-account='aws:100000000000,200000000000' "
                     "must be accounts, at "
                     "most one of each cloud, with commas between: aws: and 12 digits, gcp: and a project, "
                     "azure: and a "
                     "subscription; or default"},
        {NULL, HEAD WEB TAIL, "<deployment empty-host-ttl='1h'/>",
         .expected = "deployment.xml: <deployment> (line 1): empty-host-ttl='1h' needs a cloud-account for "
                     "zone prod.aws-us-east-1c"},
        {NULL, HEAD WEB TAIL, "<deployment " ACCOUNT " empty-host-ttl='1w'/>",
         .expected = "deployment.xml: <deployment> (line 1): empty-host-ttl='1w' must be a number and m, h "
                     "or d, at most 30 days, like 6h"},
        {NULL, HEAD WEB TAIL, "<deployment " ACCOUNT " empty-host-ttl='31d'/>",
         .expected = "deployment.xml: <deployment> (line 1): empty-host-ttl='31d' must be a number and m, h "
                     "or d, at most 30 days, like 6h"},
        DEPLOYS("<instance id='main'/><prod/>",
                "<prod> (line 1): <deployment> has an <instance>, too: put <prod> into the instances"),
        DEPLOYS("<instance/>", "<instance> (line 1): needs an attribute id"),
        DEPLOYS("<instance id='main,Beta'/>",
                "<instance> (line 1): id='main,Beta' must be names, each 1-20 of a-z, 0-9 and single "
                "dashes, a letter first, with commas between"),
        DEPLOYS("<production/>", "<production> (line 1): is not known inside <deployment>"),
        DEPLOYS("<prod><region>US East</region></prod>",
                "<region> (line 1): 'US East' must be a region, like aws-us-east-1c"),
        DEPLOYS("<prod><region/></prod>", "<region> (line 1): '' must be a region, like aws-us-east-1c"),
        DEPLOYS("<prod><delay hours='soon'/></prod>",
                "<delay> (line 1): hours='soon' must be a whole number"),
        DEPLOYS("<prod><delay cloud-account='aws:100000000000'/></prod>",
                "<delay> (line 1): may not have an attribute cloud-account"),
        DEPLOYS("<dev/><dev/>", "<dev> (line 1): <deployment> may have at most 1 of it"),
        DEPLOYS("<prod>" EAST "</prod>\n<block-change/>",
                "<block-change> (line 2): <block-change> must stand after <test> and <staging> and before "
                "<prod>"),
        DEPLOYS("<block-change/><test/>",
                "<test> (line 1): <block-change> must stand after <test> and <staging> and before <prod>"),
        DEPLOYS("<upgrade policy='never'/>",
                "<upgrade> (line 1): policy='never' must be canary, default or conservative"),
        DEPLOYS("<backup frequency='7d'/>", "<backup> (line 1): backups are not offered"),
        DEPLOYS(TAGS(TAG("Owner", "me")),
                "<tag> (line 1): key='Owner' must be 1-128 letters, digits, spaces and + - = . _ : / @, and "
                "none of the names that are reserved (like name, owner, zone, corp_…, aws:…)"),
        DEPLOYS(TAGS(TAG("corp:x", "me")),
                "<tag> (line 1): key='corp:x' must be 1-128 letters, digits, spaces and + - = . _ : / @, and "
                "none of the names that are reserved (like name, owner, zone, corp_…, aws:…)"),
        DEPLOYS(TAGS(TAG("managedby", "me")),
                "<tag> (line 1): key='managedby' must be 1-128 letters, digits, spaces and + - = . _ : / @, "
                "and none of the names that are reserved (like name, owner, zone, corp_…, aws:…)"),
        DEPLOYS(
            TAGS(TAG("a", "${user}")),
            "<tag> (line 1): value='${user}' must be 1-256 letters, digits, spaces and + - = . _ : / @, and "
            "of variables only ${tenant}, ${application}, ${instance}, ${environment}, ${region}, "
            "${clustername} and ${clustertype}"),
        DEPLOYS(TAGS(TAG("a", "")),
                "<tag> (line 1): value='' must be 1-256 letters, digits, spaces and + - = . _ : / @, and "
                "of variables only ${tenant}, ${application}, ${instance}, ${environment}, ${region}, "
                "${clustername} and ${clustertype}"),
        DEPLOYS(TAGS(TAG("a", "x") TAG("a", "y")), "<tag> (line 1): key='a' is there twice"),
        DEPLOYS(ENDPOINT("type='zone' id='x'", ""),
                "<endpoint> (line 1): a zone endpoint may not have an id"),
        DEPLOYS(ENDPOINT("type='private' enabled='false'", ""),
                "<endpoint> (line 1): only a zone endpoint is switched off by enabled"),
        DEPLOYS(ENDPOINT("type='local'", ""),
                "<endpoint> (line 1): type='local' must be zone, private or global"),
        DEPLOYS(ENDPOINT("type='private' auth-method='token'", ""),
                "<endpoint> (line 1): auth-method='token' must be mtls: tokens are not offered"),
        DEPLOYS(ENDPOINT("type='zone'", "<allow with='aws-private-link' arn='" ARN "'/>"),
                "<allow> (line 1): only a private endpoint allows some"),
        DEPLOYS(ENDPOINT("type='private'", "<allow with='aws-private-link'/>"),
                "<allow> (line 1): needs an attribute arn"),
        DEPLOYS(ENDPOINT("type='private'", "<allow with='aws-private-link' arn='*'/>"),
                "<allow> (line 1): arn='*' must be a principal of AWS, like arn:aws:iam::123456789012:root"),
        DEPLOYS(ENDPOINT("type='private'", "<allow with='aws-private-link' arn='arn:aws:iam::123:root'/>"),
                "<allow> (line 1): arn='arn:aws:iam::123:root' must be a principal of AWS, like "
                "arn:aws:iam::123456789012:root"),
        DEPLOYS("<dev>" ENDPOINT("type='zone'", EAST) "</dev>",
                "<region> (line 1): is not known inside <endpoint>"),
        DEPLOYS("<dev>" ENDPOINT("type='global'", "") "</dev>",
                "<endpoint> (line 1): type='global' must be zone or private"),
        DEPLOYS("<prod><region>aws-us-east-1c<availability-zone>a</availability-zone></region></prod>",
                "<availability-zone> (line 1): the zone spreads nodes over its availability zones by itself"),
    };
    check_cases(cases, COUNT_OF(cases));
}

static void the_twenty_first_tag_is_refused(void **state)
{
    (void)state;
    cleanup(buffer_free) struct buffer text = buffer_new(1 << 16);
    buffer_format(&text, "<deployment version='1.0' " ACCOUNT "><resource-tags>");
    for (int i = 0; i < 20; i++)
        buffer_format(&text, TAG("k%d", "v"), i);
    buffer_format(&text,
                  "</resource-tags><dev>" TAGS(TAG("k0", "again") TAG("more", "v")) "</dev></deployment>");
    const struct package_case cases[] = {{"dev.aws-us-east-1c", HEAD WEB TAIL, buffer_string(&text),
                                          .expected = "deployment.xml: <tag> (line 1): 'k19' is one tag more "
                                                      "than the 20 that zone dev.aws-us-east-1c may have"}};
    check_cases(cases, 1);
}

static void variables_in_a_tags_value_are_replaced(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct application_id application = {"acme", "albums", "main"};
    const struct zone_id zone = {"prod", "aws-us-east-1c"};
    const struct tag_names names = {&application, &zone, "web", "container"};
    const struct wanted_tag tag = {"k", "${tenant}/${application}/${instance} $ ${environment}.${region}: "
                                        "${clustername}=${clustertype}$"};
    assert_string_equal(resource_tag_value(arena, &tag, &names),
                        "acme/albums/main $ prod.aws-us-east-1c: web=container$");
    const struct tag_names of_none = {&application, &zone, NULL, NULL};
    assert_string_equal(resource_tag_value(arena, &(struct wanted_tag){"k", "<${clustername}>"}, &of_none),
                        "<>");
}

static void every_account_and_region_is_collected_once(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = ROOT(
        "cloud-account='aws:100000000000,gcp:project'",
        "<instance id='a' cloud-account='100000000000'><prod>" EAST "<parallel><region name='aws-us-west-2a' "
        "cloud-account='azure:01234567-89ab-cdef-0123-456789abcdef'/></parallel></prod></instance>"
        "<instance id='b'><prod>" EAST "<test>aws-us-east-1c</test></prod></instance>");
    struct package_file file = {"deployment.xml", text, strlen(text)};
    struct application_package package = {.files = &file, .file_count = 1};
    struct error err = {0};
    if (package_read_deployment(arena, &package, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(package.cloud_account_count, 3);
    assert_string_equal(package.cloud_accounts[0], "100000000000");
    assert_string_equal(package.cloud_accounts[1], "gcp:project");
    assert_string_equal(package.cloud_accounts[2], "azure:01234567-89ab-cdef-0123-456789abcdef");
    assert_int_equal(package.prod_region_count, 2);
    assert_string_equal(package.prod_regions[0], "aws-us-east-1c");
    assert_string_equal(package.prod_regions[1], "aws-us-west-2a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_ttl_and_tags_are_the_nearest_ancestors),
        cmocka_unit_test(endpoints_are_the_zones),
        cmocka_unit_test(deployments_that_cannot_be_are_refused),
        cmocka_unit_test(the_twenty_first_tag_is_refused),
        cmocka_unit_test(variables_in_a_tags_value_are_replaced),
        cmocka_unit_test(every_account_and_region_is_collected_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
