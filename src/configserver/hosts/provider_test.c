/* Attempts to get an identity that must fail, each refused for its own reason, and the ones that succeed. */
#include "configserver/hosts/provider.h"

#include "base/text.h"
#include "configserver/hosts/nonces.h"
#include "configserver/records/life.h"
#include "configserver/test_zone.h"
#include "zone/host_spec.h"

#include <string.h>

#define KEY_HASH   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER_HASH "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HOST_ROLE  "vespa.tenant.acme.aws-" TEST_ACCOUNT ".tenant-host-service"
#define HOST_NAME  "h100.dev.aws-us-east-1c.vespa.enclave.internal"
#define NODE_NAME  "h100a.dev.aws-us-east-1c.vespa.enclave.internal"
#define NODE_ID    "0.web.default.search.acme.aws-us-east-1c.dev.node"
#define HOST_ID    "i-00000001"
#define PROVIDER   "vespa.provider_dev_aws-us-east-1c"

/* A host that was launched and asks rightly; each test spoils one thing. */
struct attempt {
    struct test_zone *test;
    struct host_attestation attestation;
    struct instance_attributes attributes;
    struct instance_confirmation asked;
};

static struct attempt host_attempt(struct test_zone *test)
{
    struct error err;
    struct deployed deployed;
    if (test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err) < 0)
        fail_msg("%s", err.message);
    test_zone_run(test, 2);
    test->genuine = true;
    test->attested = (struct attested){TEST_ACCOUNT, "us-east-1", HOST_ID, test->cloud_state->now_ms - 5000,
                                       TEST_ACCOUNT, HOST_ROLE,   HOST_ID};
    int64_t expires;
    struct attempt attempt = {
        .test = test,
        .attestation = {.hostname = HOST_NAME,
                        .document = "{}",
                        .signature = "signature",
                        .nonce = nonce_give(test->zone->nonces, test->arena, HOST_NAME, HOST_ID, &expires),
                        .key_hash = KEY_HASH,
                        .proof = json_object()},
        .attributes = {.instance_id = HOST_ID, .san_dns = HOST_NAME, .csr_public_key_hash = KEY_HASH},
        .asked = {.provider = PROVIDER, .domain = "vespa.tenant.acme", .service = "tenant-host"},
    };
    return attempt;
}

static int try(struct attempt *attempt, struct error *err)
{
    if (attempt->attestation.hostname)
        attempt->asked.attestation_data =
            record_text(&host_attestation_record, attempt->test->arena, &attempt->attestation);
    attempt->asked.attributes = &attempt->attributes;
    json_decref(take(&attempt->attestation.proof));
    return provider_confirm(attempt->test->zone, &attempt->asked, err);
}

static void refuses(struct attempt *attempt, const char *words)
{
    struct error err = {0};
    assert_int_equal(try(attempt, &err), -1);
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
    if (!strstr(err.message, words))
        fail_msg("'%s' does not say '%s'", err.message, words);
}

static void a_launched_host_is_confirmed_and_remembered(void **state)
{
    struct attempt attempt = host_attempt(*state);
    struct error err = {0};
    if (try(&attempt, &err) < 0)
        fail_msg("%s", err.message);
    VIEW(view, attempt.test->zone->repository);
    const struct host *host = view_find(view, RECORD_HOST, HOST_NAME);
    assert_string_equal(host->key_hash, KEY_HASH);
    assert_true(host->registered_at > 0);
}

static void an_instance_nobody_launched_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.attributes.instance_id = "i-0badc0de";
    refuses(&attempt, "is instance " HOST_ID);
}

static void a_hostname_nobody_has_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.attestation.hostname = "h999.dev.aws-us-east-1c.vespa.enclave.internal";
    refuses(&attempt, "no host was launched");
}

static void a_forged_document_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.test->genuine = false;
    refuses(&attempt, "not AWS's signature");
}

static void a_stolen_document_of_another_instance_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.test->attested.instance_id = "i-00000002";
    refuses(&attempt, "document is of instance i-00000002");
}

static void a_document_of_another_account_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.test->attested.account = OTHER_ACCOUNT;
    refuses(&attempt, "document is of account " OTHER_ACCOUNT);
}

static void a_document_of_another_region_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.test->attested.region = "eu-west-1";
    refuses(&attempt, "of region eu-west-1");
}

static void a_document_older_than_the_window_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.test->attested.pending_ms -= DOCUMENT_OLDEST_MS;
    refuses(&attempt, "started");
}

static void another_role_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.test->attested.proof_role = "Administrator";
    refuses(&attempt, "role Administrator");
}

static void the_host_role_of_another_account_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.test->attested.proof_account = OTHER_ACCOUNT;
    refuses(&attempt, "of account " OTHER_ACCOUNT);
}

static void a_session_of_another_instance_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.test->attested.proof_session = "i-00000002";
    refuses(&attempt, "as session i-00000002");
}

static void a_replayed_nonce_is_refused(void **state)
{
    struct attempt first = host_attempt(*state);
    struct attempt again = first;
    json_incref(first.attestation.proof);
    assert_int_equal(try(&first, NULL), 0);
    refuses(&again, "used before");
}

static void a_nonce_of_another_host_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    int64_t expires;
    attempt.attestation.nonce =
        nonce_give(attempt.test->zone->nonces, attempt.test->arena, "h101.x", "i-00000002", &expires);
    refuses(&attempt, "not one given to this host");
}

static void a_nonce_that_is_too_old_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    test_zone_advance(attempt.test, NONCE_LIFETIME_MS + 1);
    refuses(&attempt, "too old");
}

static void a_proof_for_another_key_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.attributes.csr_public_key_hash = OTHER_HASH;
    refuses(&attempt, "another key");
}

static void another_hosts_name_in_the_request_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.attributes.san_dns = HOST_NAME ",h101.dev.aws-us-east-1c.vespa.enclave.internal";
    refuses(&attempt, "DNS names");
}

static void a_foreign_address_in_the_request_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.attributes.san_ip = "2001:db8::2:1";
    refuses(&attempt, "addresses");
}

static void a_foreign_uri_in_the_request_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.attributes.san_uri = "spiffe://vespa/sa/controller";
    refuses(&attempt, "URI spiffe://vespa/sa/controller");
}

static void its_own_names_written_otherwise_are_confirmed(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.attributes.san_ip = "2001:0db8:0:0:0:0:1:1";
    attempt.attributes.san_uri =
        "spiffe://vespa.tenant.acme/sa/tenant-host,athenz://instanceid/" PROVIDER "/" HOST_ID;
    struct error err = {0};
    if (try(&attempt, &err) < 0)
        fail_msg("%s", err.message);
}

static void another_tenants_domain_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.asked.domain = "vespa.tenant.globex";
    refuses(&attempt, "belongs to tenant acme");
}

static void another_provider_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.asked.provider = "vespa.provider_prod_aws-us-east-1c";
    refuses(&attempt, "we are " PROVIDER);
}

static void an_admitted_host_does_not_register_again(void **state)
{
    struct attempt attempt = host_attempt(*state);
    test_hosts_arrive(attempt.test);
    refuses(&attempt, "is ready");
}

static void a_host_on_its_way_out_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    assert_int_equal(undeploy(attempt.test->zone, TEST_APPLICATION, NULL), 0);
    refuses(&attempt, "is terminating");
}

static void rubbish_as_attestation_is_refused(void **state)
{
    struct attempt attempt = host_attempt(*state);
    attempt.attestation.hostname = NULL;
    attempt.asked.attestation_data = "[[[[";
    refuses(&attempt, "not well-formed");
}

/* A node of a host that is up, asked for rightly by its host. */
static struct attempt node_attempt(struct test_zone *test)
{
    struct attempt attempt = host_attempt(test);
    json_decref(take(&attempt.attestation.proof));
    test_hosts_arrive(test);
    test_zone_run(test, 2);
    attempt.attestation.hostname = NULL;
    attempt.asked.domain = "vespa.tenant.acme.search";
    attempt.asked.service = "default";
    attempt.asked.attestation_data = "{\"hostname\":\"" NODE_NAME "\",\"parentHostname\":\"" HOST_NAME "\"}";
    attempt.attributes.instance_id = NODE_ID;
    attempt.attributes.san_dns = NODE_NAME;
    attempt.attributes.san_ip = "2001:db8::1:2";
    attempt.attributes.principal = "vespa.tenant.acme.tenant-host";
    attempt.attributes.principal_instance_id = HOST_ID;
    return attempt;
}

static void a_node_its_own_host_speaks_for_is_confirmed(void **state)
{
    struct attempt attempt = node_attempt(*state);
    struct error err = {0};
    if (try(&attempt, &err) < 0)
        fail_msg("%s", err.message);
}

static void a_node_another_host_speaks_for_is_refused(void **state)
{
    struct attempt attempt = node_attempt(*state);
    attempt.attributes.principal_instance_id = "i-00000002";
    refuses(&attempt, "asked for by vespa.tenant.acme.tenant-host of i-00000002");
}

static void a_node_nobody_speaks_for_is_refused(void **state)
{
    struct attempt attempt = node_attempt(*state);
    attempt.attributes.principal = NULL;
    refuses(&attempt, "by nobody");
}

static void a_node_that_is_not_there_is_refused(void **state)
{
    struct attempt attempt = node_attempt(*state);
    attempt.attributes.instance_id = "7.web.default.search.acme.aws-us-east-1c.dev.node";
    refuses(&attempt, "no such node");
}

static void a_node_with_its_hosts_address_is_refused(void **state)
{
    struct attempt attempt = node_attempt(*state);
    attempt.attributes.san_ip = "2001:db8::1:1";
    refuses(&attempt, "addresses");
}

static void who_holds_an_identity_refreshes_it(void **state)
{
    struct attempt attempt = host_attempt(*state);
    json_decref(take(&attempt.attestation.proof));
    struct error err = {0};
    attempt.attributes.principal = "vespa.tenant.acme.tenant-host";
    attempt.attributes.principal_instance_id = HOST_ID;
    attempt.asked.attributes = &attempt.attributes;
    test_hosts_arrive(attempt.test);
    if (provider_confirm_refresh(attempt.test->zone, &attempt.asked, &err) < 0)
        fail_msg("%s", err.message);
    attempt.attributes.principal_instance_id = "i-00000002";
    assert_int_equal(provider_confirm_refresh(attempt.test->zone, &attempt.asked, &err), -1);
}

static void a_lost_instance_does_not_refresh(void **state)
{
    struct attempt attempt = host_attempt(*state);
    json_decref(take(&attempt.attestation.proof));
    struct error err = {0};
    attempt.attributes.principal = "vespa.tenant.acme.tenant-host";
    attempt.attributes.principal_instance_id = HOST_ID;
    attempt.asked.attributes = &attempt.attributes;
    attempt.test->cloud_state->instances[0].state = INSTANCE_ENDED;
    test_zone_advance(attempt.test, 20000);
    test_zone_run(attempt.test, 3);
    assert_int_equal(provider_confirm_refresh(attempt.test->zone, &attempt.asked, &err), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_launched_host_is_confirmed_and_remembered),
        TEST(an_instance_nobody_launched_is_refused),
        TEST(a_hostname_nobody_has_is_refused),
        TEST(a_forged_document_is_refused),
        TEST(a_stolen_document_of_another_instance_is_refused),
        TEST(a_document_of_another_account_is_refused),
        TEST(a_document_of_another_region_is_refused),
        TEST(a_document_older_than_the_window_is_refused),
        TEST(another_role_is_refused),
        TEST(the_host_role_of_another_account_is_refused),
        TEST(a_session_of_another_instance_is_refused),
        TEST(a_replayed_nonce_is_refused),
        TEST(a_nonce_of_another_host_is_refused),
        TEST(a_nonce_that_is_too_old_is_refused),
        TEST(a_proof_for_another_key_is_refused),
        TEST(another_hosts_name_in_the_request_is_refused),
        TEST(a_foreign_address_in_the_request_is_refused),
        TEST(a_foreign_uri_in_the_request_is_refused),
        TEST(its_own_names_written_otherwise_are_confirmed),
        TEST(another_tenants_domain_is_refused),
        TEST(another_provider_is_refused),
        TEST(an_admitted_host_does_not_register_again),
        TEST(a_host_on_its_way_out_is_refused),
        TEST(rubbish_as_attestation_is_refused),
        TEST(a_node_its_own_host_speaks_for_is_confirmed),
        TEST(a_node_another_host_speaks_for_is_refused),
        TEST(a_node_nobody_speaks_for_is_refused),
        TEST(a_node_that_is_not_there_is_refused),
        TEST(a_node_with_its_hosts_address_is_refused),
        TEST(who_holds_an_identity_refreshes_it),
        TEST(a_lost_instance_does_not_refresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
