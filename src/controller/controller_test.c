/* The controller whole: its API over TLS on loopback, its runner, its store. */
#include "base/clock.h"
#include "base/text.h"
#include "controller/state.h"
#include "controller/test_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ACME       "/application/v4/tenant/acme"
#define INSTANCE   ACME "/application/music/instance/default"
#define JOB        INSTANCE "/job/dev-aws-us-east-1c"
#define DEPLOYMENT INSTANCE "/environment/dev/region/aws-us-east-1c"

static const char *message_of(json_t *answer)
{
    const char *message = json_member_text(answer, "message");
    return message ? message : "";
}

/* acme with its account registered. */
static int acme_begin(void **state)
{
    world_begin(state);
    struct world *world = *state;
    make_tenant(world, "acme", world->acme, "xyz-acme");
    assert_int_equal(register_account_as(world, "acme", world->acme, ACME_ACCOUNT, "AKIDACME", NULL), 200);
    return 0;
}

static int deploy_as(struct world *world, const struct key *key, const char *tenant, const char *account,
                     json_t **answer)
{
    size_t length;
    const char *zip = make_package(world, account, &length);
    return call_as(world, world->as_nobody, key, arena_format(world->arena, "%s:music:default", tenant), HTTP_POST,
                   arena_format(world->arena,
                                "/application/v4/tenant/%s/application/music/instance/default/deploy/dev-aws-us-east-1c",
                                tenant),
                   zip, length, answer);
}

static json_t *wait_for_run(struct world *world, int number)
{
    json_t *run = NULL;
    for (int64_t until = clock_monotonic_ms() + 10000; clock_monotonic_ms() < until; clock_sleep_ms(20)) {
        assert_int_equal(call_acme(world, HTTP_GET, arena_format(world->arena, JOB "/run/%d", number), NULL, &run), 200);
        if (!json_is_true(json_object_get(run, "active")))
            return run;
    }
    fail_msg("run %d does not end: %s", number, json_text(world->arena, run));
    return NULL;
}

static void assert_logged(struct world *world, json_t *run, const char *text)
{
    const char *all = json_text(world->arena, run);
    if (!strstr(all, text))
        fail_msg("'%s' is not in %s", text, all);
}

/* --- who may call --- */

static void anyone_may_see_that_it_is_up(void **state)
{
    struct world *world = *state;
    assert_int_equal(call_as(world, world->as_nobody, NULL, NULL, HTTP_GET, "/status.html", NULL, 0, NULL), 200);
    assert_int_equal(call_as(world, world->as_nobody, NULL, NULL, HTTP_GET, "/cli/v1/", NULL, 0, NULL), 200);
}

static void only_operators_make_tenants(void **state)
{
    struct world *world = *state;
    json_t *answer;
    assert_int_equal(call_as(world, world->as_nobody, NULL, NULL, HTTP_POST, ACME, "{}", 2, &answer), 401);
    assert_int_equal(json_integer_value(json_object_get(answer, "code")), 401);
    assert_int_equal(call_acme(world, HTTP_POST, "/application/v4/tenant/other", "{}", &answer), 401);
    assert_int_equal(call_operator(world, HTTP_POST, "/application/v4/tenant/Bad-", "{}", &answer), 400);
    assert_int_equal(call_operator(world, HTTP_POST, "/application/v4/tenant/acme2", "{\"key\":\"rubbish\"}", &answer),
                     400);
}

static void making_the_same_tenant_again_is_no_mistake_but_with_another_key_it_is(void **state)
{
    struct world *world = *state;
    make_tenant(world, "acme", world->acme, "xyz-acme");
    json_t *body = json_pack("{s:s}", "key", key_public_pem(world->arena, world->evil));
    const char *text = json_text(world->arena, body);
    json_decref(body);
    assert_int_equal(call_operator(world, HTTP_POST, ACME, text, NULL), 409);
}

static void an_unsigned_or_badly_signed_request_is_nobodys(void **state)
{
    struct world *world = *state;
    json_t *answer;
    assert_int_equal(call_as(world, world->as_nobody, NULL, NULL, HTTP_GET, ACME, NULL, 0, &answer), 401);
    assert_true(strlen(message_of(answer)) > 10);
    assert_int_equal(call_as(world, world->as_nobody, world->evil, "acme:a:b", HTTP_GET, ACME, NULL, 0, NULL), 401);
    assert_int_equal(call_as(world, world->as_nobody, world->acme, "nobody:a:b", HTTP_GET, ACME, NULL, 0, NULL), 401);
    assert_int_equal(call_as(world, world->as_nobody, world->acme, "../x", HTTP_GET, ACME, NULL, 0, NULL), 401);
    assert_int_equal(call_acme(world, HTTP_GET, ACME, NULL, &answer), 200);
    assert_string_equal(json_member_text(answer, "externalId"), "xyz-acme");
}

/* "/a/{tenant}/b/{instance}" as a path of acme's, or of its zone. */
static char *path_of(struct world *world, const char *pattern)
{
    static const struct {
        const char *name, *value;
    } values[] = {{"tenant", "acme"},     {"application", "music"},      {"instance", "default"},
                  {"environment", "dev"}, {"region", "aws-us-east-1c"},  {"job", "dev-aws-us-east-1c"},
                  {"run", "1"},           {"rest...", "nodes/v2/node/"}, {"hostname", "h100"},
                  {"state", "failed"},    {"command", "reboot"}};
    char *path = "";
    for (const char *at = pattern; *at;) {
        size_t length = strcspn(at, "{");
        path = arena_format(world->arena, "%s%.*s", path, (int)length, at);
        at += length;
        length = strcspn(at, "}");
        for (size_t i = 0; *at && i < COUNT_OF(values); i++)
            if (strlen(values[i].name) == length - 1 && strncmp(at + 1, values[i].name, length - 1) == 0)
                path = arena_format(world->arena, "%s%s", path, values[i].value);
        at += *at ? length + 1 : 0;
    }
    return path;
}

/* Every route there is, so that a new one cannot be forgotten: none of acme's answers another tenant's
 * administrator. */
static void no_route_shows_or_changes_another_tenants(void **state)
{
    struct world *world = *state;
    make_tenant(world, "evil", world->evil, "xyz-evil");
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, NULL), 200);
    size_t count, tried = 0;
    const struct http_route *all = api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        if (all[i].who & WHO_ANYONE)
            continue;
        const char *path = path_of(world, all[i].path);
        int status =
            call_as(world, world->as_nobody, world->evil, "evil:a:b", all[i].method, path, NULL, 0, NULL);
        if (status != 403 && status != 401)
            fail_msg("%s %s: %d", http_method_name(all[i].method), path, status);
        bool of_tenants = strstr(path, ACME) && (all[i].who & ~(unsigned)WHO_OPERATOR);
        assert_true(!of_tenants || status == 403);
        tried += of_tenants;
    }
    assert_true(tried >= 13);
}

static void roles_bound_what_a_key_may_do(void **state)
{
    struct world *world = *state;
    json_t *body = json_pack("{s:s, s:s}", "key", key_public_pem(world->arena, world->reader), "role", "reader");
    const char *text = json_text(world->arena, body);
    json_decref(body);
    assert_int_equal(call_acme(world, HTTP_POST, ACME "/key", text, NULL), 200);
    assert_int_equal(call_acme(world, HTTP_POST, ACME "/key", text, NULL), 409);
    assert_int_equal(call_as(world, world->as_nobody, world->reader, "acme:a:b", HTTP_GET, ACME, NULL, 0, NULL), 200);
    assert_int_equal(deploy_as(world, world->reader, "acme", ACME_ACCOUNT, NULL), 403);
    assert_int_equal(
        call_as(world, world->as_nobody, world->reader, "acme:a:b", HTTP_POST, ACME "/key", text, strlen(text), NULL), 403);
    assert_int_equal(call_acme(world, HTTP_DELETE, ACME "/key", text, NULL), 200);
    assert_int_equal(call_as(world, world->as_nobody, world->reader, "acme:a:b", HTTP_GET, ACME, NULL, 0, NULL), 401);
}

static void the_last_administrator_cannot_be_removed(void **state)
{
    struct world *world = *state;
    json_t *body = json_pack("{s:s}", "key", key_public_pem(world->arena, world->acme));
    const char *text = json_text(world->arena, body);
    json_decref(body);
    assert_int_equal(call_acme(world, HTTP_DELETE, ACME "/key", text, NULL), 409);
}

static void a_body_other_than_the_signed_one_is_refused(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct http_reply reply;
    struct http_call call = {.method = HTTP_POST,
                             .url = arena_format(world->arena, "https://127.0.0.1:%d" ACME "/cloud-account/challenge",
                                                 http_socket_port(world->api_socket)),
                             .body = "{ }",
                             .body_length = 3};
    assert_int_equal(request_sign(world->arena, world->acme, "acme:a:b", "POST", call.url, "{}", 2, clock_now_ms(),
                                  &call.headers, &err),
                     0);
    assert_int_equal(http_call(world->as_nobody, &call, world->arena, &reply, &err), 0);
    assert_true(reply.status == 400 || reply.status == 401);
}

/* --- accounts --- */

static void an_account_proven_three_ways_is_the_tenants(void **state)
{
    struct world *world = *state;
    json_t *answer;
    make_tenant(world, "acme", world->acme, "xyz-acme");
    assert_int_equal(register_account_as(world, "acme", world->acme, ACME_ACCOUNT, "AKIDACME", &answer), 200);
    assert_int_equal(register_account_as(world, "acme", world->acme, ACME_ACCOUNT, "AKIDACME", &answer), 200);
    assert_int_equal(call_acme(world, HTTP_GET, ACME, NULL, &answer), 200);
    json_t *accounts = json_object_get(answer, "cloudAccounts");
    assert_int_equal(json_array_size(accounts), 1);
    assert_string_equal(json_member_text(json_array_get(accounts, 0), "cloudAccount"), "aws:" ACME_ACCOUNT);
}

static void an_account_that_cannot_be_proven_is_refused(void **state)
{
    struct world *world = *state;
    json_t *answer;
    make_tenant(world, "acme", world->acme, "xyz-acme");
    assert_int_equal(register_account_as(world, "acme", world->acme, ACME_ACCOUNT, "AKIDEVIL", &answer), 403);
    assert_non_null(strstr(message_of(answer), "signed in account " EVIL_ACCOUNT));
    world->aws.no_host_role = true;
    assert_int_equal(register_account_as(world, "acme", world->acme, ACME_ACCOUNT, "AKIDACME", &answer), 400);
    assert_non_null(strstr(message_of(answer), "vespa.tenant.acme.aws-" ACME_ACCOUNT ".tenant-host-service"));
    assert_non_null(strstr(message_of(answer), "terraform apply"));
    world->aws.no_host_role = false;
    world->aws.no_external_id_needed = true;
    assert_int_equal(register_account_as(world, "acme", world->acme, ACME_ACCOUNT, "AKIDACME", &answer), 400);
    assert_non_null(strstr(message_of(answer), "without an external id"));
    assert_int_equal(call_acme(world, HTTP_GET, ACME, NULL, &answer), 200);
    assert_int_equal(json_array_size(json_object_get(answer, "cloudAccounts")), 0);
}

static void an_account_belongs_to_one_tenant(void **state)
{
    struct world *world = *state;
    json_t *answer;
    make_tenant(world, "evil", world->evil, "xyz-evil");
    assert_int_equal(register_account_as(world, "evil", world->evil, ACME_ACCOUNT, "AKIDACME", &answer), 409);
    assert_null(strstr(message_of(answer), "acme"));
    assert_int_equal(register_account_as(world, "evil", world->evil, EVIL_ACCOUNT, "AKIDEVIL", &answer), 400);
}

static void a_challenge_is_answered_once(void **state)
{
    struct world *world = *state;
    json_t *challenge, *answer;
    assert_int_equal(call_acme(world, HTTP_POST, ACME "/cloud-account/challenge", "{}", &challenge), 200);
    const char *body = arena_format(
        world->arena,
        "{\"account\":\"" ACME_ACCOUNT "\",\"nonce\":\"%s\",\"proof\":{\"authorization\":\"x\",\"amzDate\":"
        "\"20260101T000000Z\",\"host\":\"sts\",\"region\":\"us-east-1\",\"nonce\":\"n\",\"keyHash\":\"k\"}}",
        json_member_text(challenge, "nonce"));
    assert_int_equal(call_acme(world, HTTP_POST, ACME "/cloud-account", body, &answer), 403);
    assert_null(strstr(message_of(answer), "given last"));
    assert_int_equal(call_acme(world, HTTP_POST, ACME "/cloud-account", body, &answer), 403);
    assert_non_null(strstr(message_of(answer), "given last"));
}

/* --- deployments --- */

static void a_deployment_runs_until_it_serves(void **state)
{
    struct world *world = *state;
    json_t *answer;
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, &answer), 200);
    assert_int_equal(json_integer_value(json_object_get(answer, "run")), 1);
    assert_int_equal(call_acme(world, HTTP_GET, JOB "/run/1?after=-1", NULL, &answer), 200);
    assert_true(json_is_true(json_object_get(answer, "active")));
    world->zone.serves = true;
    json_t *run = wait_for_run(world, 1);
    assert_string_equal(json_member_text(run, "status"), "success");
    assert_logged(world, run, "a word of caution");
    assert_logged(world, run, "launched a host");
    assert_logged(world, run, "\"steps\":{\"deployReal\":{\"status\":\"succeeded\"},\"installReal\":{\"status\":\"succeeded\"}}");
    assert_int_equal(world->zone.taken, 1);
    assert_int_equal(call_acme(world, HTTP_GET, arena_format(world->arena, JOB "/run/1?after=%lld", (long long)json_integer_value(json_object_get(run, "lastId"))), NULL, &answer), 200);
    assert_int_equal(json_object_size(json_object_get(answer, "log")), 0);

    assert_int_equal(call_acme(world, HTTP_GET, DEPLOYMENT, NULL, &answer), 200);
    assert_string_equal(json_member_text(answer, "status"), "running");
    json_t *endpoint = json_array_get(json_object_get(answer, "endpoints"), 0);
    assert_string_equal(json_member_text(endpoint, "url"), "https://nlb/");
    assert_string_equal(json_member_text(endpoint, "scope"), "zone");
    assert_int_equal(call_acme(world, HTTP_GET, DEPLOYMENT "/private-services", NULL, &answer), 200);
    json_t *service = json_array_get(json_object_get(answer, "privateServices"), 0);
    assert_string_equal(json_member_text(service, "serviceId"), "com.amazonaws.vpce.x.vpce-svc-1");
    assert_string_equal(json_member_text(json_array_get(json_object_get(service, "allowedUrns"), 0), "urn"),
                        "arn:aws:iam::333333333333:root");
    assert_int_equal(call_acme(world, HTTP_GET, DEPLOYMENT "/nodes", NULL, &answer), 200);
    assert_int_equal(json_array_size(json_object_get(answer, "nodes")), 1);
    assert_int_equal(call_acme(world, HTTP_GET, DEPLOYMENT "/load-balancers", NULL, &answer), 200);
    json_t *balancer = json_array_get(json_object_get(answer, "loadBalancers"), 0);
    assert_string_equal(json_member_text(balancer, "id"), "acme.music.default");
    assert_int_equal(call_acme(world, HTTP_GET, JOB "?limit=1", NULL, &answer), 200);
    assert_int_equal(json_array_size(json_object_get(answer, "runs")), 1);
    assert_int_equal(call_acme(world, HTTP_GET, ACME, NULL, &answer), 200);
    assert_int_equal(json_array_size(json_object_get(answer, "applications")), 1);
}

static void a_deploy_to_an_account_of_another_is_refused_before_anything_happens(void **state)
{
    struct world *world = *state;
    json_t *answer;
    assert_int_equal(deploy_as(world, world->acme, "acme", EVIL_ACCOUNT, &answer), 400);
    assert_non_null(strstr(message_of(answer), "aws:" EVIL_ACCOUNT " is not registered"));
    make_tenant(world, "evil", world->evil, "xyz-evil");
    assert_int_equal(deploy_as(world, world->evil, "evil", ACME_ACCOUNT, &answer), 400);
    assert_int_equal(deploy_as(world, world->evil, "acme", ACME_ACCOUNT, &answer), 401);
    assert_int_equal(world->zone.taken, 0);
    assert_int_equal(call_acme(world, HTTP_GET, DEPLOYMENT, NULL, &answer), 404);
}

static void a_zone_without_terraform_names_what_is_missing(void **state)
{
    struct world *world = *state;
    json_t *answer;
    world->zone.not_set_up = true;
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, &answer), 400);
    assert_string_equal(message_of(answer), "no VPC is tagged for the zone: run terraform apply");
}

static void a_package_that_is_none_is_refused(void **state)
{
    struct world *world = *state;
    json_t *answer;
    assert_int_equal(call_acme(world, HTTP_POST, INSTANCE "/deploy/dev-aws-us-east-1c", "no zip", &answer), 400);
    assert_string_equal(json_member_text(answer, "error-code"), "INVALID_APPLICATION_PACKAGE");
    assert_int_equal(call_acme(world, HTTP_POST, INSTANCE "/deploy/dev-nowhere", "no zip", &answer), 400);
    assert_int_equal(call_acme(world, HTTP_POST, INSTANCE "/deploy/dev-aws-us-east-1c", NULL, &answer), 400);
}

static void refuses_package(struct world *world, const char *services, const char *deployment, const char *message)
{
    size_t length;
    json_t *answer;
    const char *zip = make_package_of(world, services, deployment, &length);
    assert_int_equal(call_as(world, world->as_nobody, world->acme, "acme:music:default", HTTP_POST,
                             INSTANCE "/deploy/dev-aws-us-east-1c", zip, length, &answer),
                     400);
    assert_string_equal(json_member_text(answer, "error-code"), "INVALID_APPLICATION_PACKAGE");
    assert_string_equal(message_of(answer), message);
    assert_int_equal(world->zone.taken, 0);
}

static void what_a_package_asks_for_is_judged_before_a_run_starts(void **state)
{
#define SERVICES(inner) "<services version='1.0'><container id='web'>" inner "</container></services>"
#define DEPLOYS(inner)  "<deployment version='1.0' cloud-account='aws:" ACME_ACCOUNT "'>" inner "</deployment>"
    struct world *world = *state;
    refuses_package(world, SERVICES("<nodes cuont='2'/>"), DEPLOYS(""),
                    "services.xml: <nodes> (line 1): may not have an attribute cuont");
    refuses_package(world,
                    SERVICES("<clients><client id='a' permissions='read,write'><certificate file='deployment.xml'/>"
                             "</client></clients>"),
                    DEPLOYS(""),
                    "the clients of cluster 'web' have no certificate in PEM: read a certificate: Base64 unexpected "
                    "header error.");
    refuses_package(world, SERVICES(""), DEPLOYS("<prod><region>aws-nowhere-1a</region></prod>"),
                    "deployment.xml: <region> aws-nowhere-1a: there is no zone prod.aws-nowhere-1a");
    refuses_package(world, SERVICES(""), DEPLOYS("<dev cloud-account='default'/>"),
                    "deployment.xml gives no cloud-account for zone dev.aws-us-east-1c: applications run in an account of "
                    "yours here");
}

static void a_refusal_of_the_zone_ends_the_run(void **state)
{
    struct world *world = *state;
    world->zone.refuses = true;
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, NULL), 200);
    json_t *run = wait_for_run(world, 1);
    assert_string_equal(json_member_text(run, "status"), "deploymentFailed");
    assert_logged(world, run, "the package does not please");
}

static void nodes_that_fail_end_the_run(void **state)
{
    struct world *world = *state;
    world->zone.fails = true;
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, NULL), 200);
    assert_string_equal(json_member_text(wait_for_run(world, 1), "status"), "installationFailed");
}

static void a_run_survives_the_zone_being_away_and_the_controller_being_killed(void **state)
{
    struct world *world = *state;
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, NULL), 200);
    world->zone.down = true;
    clock_sleep_ms(700);
    world_restart(world);
    world->zone.serves = true;
    world->zone.down = false;
    assert_string_equal(json_member_text(wait_for_run(world, 1), "status"), "success");
}

static void what_a_zone_has_lost_is_handed_over_again(void **state)
{
    struct world *world = *state;
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, NULL), 200);
    while (world->zone.taken < 1)
        clock_sleep_ms(10);
    world->zone.exists = false;
    while (world->zone.taken < 2)
        clock_sleep_ms(10);
    world->zone.serves = true;
    assert_string_equal(json_member_text(wait_for_run(world, 1), "status"), "success");
}

static void a_new_run_aborts_the_one_before(void **state)
{
    struct world *world = *state;
    json_t *answer;
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, NULL), 200);
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, &answer), 200);
    assert_int_equal(json_integer_value(json_object_get(answer, "run")), 2);
    assert_string_equal(json_member_text(wait_for_run(world, 1), "status"), "aborted");
    world->zone.serves = true;
    assert_string_equal(json_member_text(wait_for_run(world, 2), "status"), "success");
}

static void a_deleted_deployment_is_gone_when_the_zone_says_so(void **state)
{
    struct world *world = *state;
    json_t *answer;
    world->zone.serves = true;
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, NULL), 200);
    wait_for_run(world, 1);
    assert_int_equal(call_acme(world, HTTP_DELETE, DEPLOYMENT, NULL, &answer), 200);
    int status = 0;
    for (int64_t until = clock_monotonic_ms() + 10000; clock_monotonic_ms() < until && status != 404;) {
        status = call_acme(world, HTTP_GET, DEPLOYMENT, NULL, &answer);
        clock_sleep_ms(20);
    }
    assert_int_equal(status, 404);
    assert_int_equal(call_acme(world, HTTP_DELETE, DEPLOYMENT, NULL, &answer), 200);
    assert_int_equal(deploy_as(world, world->acme, "acme", ACME_ACCOUNT, &answer), 200);
    assert_int_equal(json_integer_value(json_object_get(answer, "run")), 2);
    assert_string_equal(json_member_text(wait_for_run(world, 2), "status"), "success");
}

/* --- operators --- */

static void operators_see_zones_and_nobody_else_does(void **state)
{
    struct world *world = *state;
    json_t *answer;
    assert_int_equal(call_operator(world, HTTP_GET, "/zone/v2", NULL, &answer), 200);
    assert_int_equal(
        call_operator(world, HTTP_GET, "/zone/v2/dev/aws-us-east-1c/nodes/v2/node/?recursive=true", NULL, &answer), 200);
    assert_string_equal(json_member_text(answer, "target"), "/nodes/v2/node/?recursive=true");
    assert_int_equal(call_operator(world, HTTP_GET, "/zone/v2/prod/nowhere/x", NULL, NULL), 404);
    assert_int_equal(call_operator(world, HTTP_POST, "/zone/v2/dev/aws-us-east-1c/x", "{}", NULL), 405);
    assert_int_equal(call_as(world, world->as_nobody, NULL, NULL, HTTP_GET, "/zone/v2", NULL, 0, NULL), 401);
    make_tenant(world, "acme", world->acme, "xyz-acme");
    assert_int_equal(call_acme(world, HTTP_GET, "/zone/v2/dev/aws-us-east-1c/nodes/v2/node/", NULL, NULL), 401);
    assert_int_equal(call_operator(world, HTTP_GET, ACME, NULL, NULL), 200);
    assert_int_equal(call_operator(world, HTTP_DELETE, DEPLOYMENT, NULL, NULL), 401);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, world_begin, world_end)
#define ACME_TEST(name) cmocka_unit_test_setup_teardown(name, acme_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(anyone_may_see_that_it_is_up),
        TEST(only_operators_make_tenants),
        ACME_TEST(making_the_same_tenant_again_is_no_mistake_but_with_another_key_it_is),
        ACME_TEST(an_unsigned_or_badly_signed_request_is_nobodys),
        ACME_TEST(no_route_shows_or_changes_another_tenants),
        ACME_TEST(roles_bound_what_a_key_may_do),
        ACME_TEST(the_last_administrator_cannot_be_removed),
        ACME_TEST(a_body_other_than_the_signed_one_is_refused),
        TEST(an_account_proven_three_ways_is_the_tenants),
        TEST(an_account_that_cannot_be_proven_is_refused),
        ACME_TEST(an_account_belongs_to_one_tenant),
        ACME_TEST(a_challenge_is_answered_once),
        ACME_TEST(a_deployment_runs_until_it_serves),
        ACME_TEST(a_deploy_to_an_account_of_another_is_refused_before_anything_happens),
        ACME_TEST(a_zone_without_terraform_names_what_is_missing),
        ACME_TEST(a_package_that_is_none_is_refused),
        ACME_TEST(what_a_package_asks_for_is_judged_before_a_run_starts),
        ACME_TEST(a_refusal_of_the_zone_ends_the_run),
        ACME_TEST(nodes_that_fail_end_the_run),
        ACME_TEST(a_run_survives_the_zone_being_away_and_the_controller_being_killed),
        ACME_TEST(what_a_zone_has_lost_is_handed_over_again),
        ACME_TEST(a_new_run_aborts_the_one_before),
        ACME_TEST(a_deleted_deployment_is_gone_when_the_zone_says_so),
        TEST(operators_see_zones_and_nobody_else_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
