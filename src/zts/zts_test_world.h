/* For tests of zts whole: zts itself behind its HTTPS server, a zone's instance provider and an STS endpoint
 * that answer what a test tells them, and the agent's library as the client. All on loopback. */
#ifndef ZTS_ZTS_TEST_WORLD_H
#define ZTS_ZTS_TEST_WORLD_H

#include "aws/client.h"
#include "identity/instance.h"
#include "net/http_client.h"
#include "sia/sia.h"
#include "zts/own_identity.h"
#include "zts/zts.h"

#define PROVIDER "vespa.provider_dev_aws-us-east-1c"
#define HOSTNAME "h100.dev.aws-us-east-1c.vespa.enclave.internal"

struct test_zts {
    struct arena *arena;
    char directory[64], url[64]; /* url: "https://[::1]:<port>/zts/v1" */
    char *authority_pem, *trust_path;
    struct key *authority_key;
    struct authority *authority;
    struct zts_config config;
    struct store *store;
    struct own_identity *identity;
    struct zts *zts;
    struct http_server *server;

    struct http_server *provider;
    struct tls_context *provider_tls;
    int provider_socket;
    int verdict;                            /* what the provider answers */
    int confirmations, refreshes;           /* how often it was asked */
    struct instance_confirmation confirmed; /* what it was asked last; in `arena` */

    struct http_server *sts;
    const char *account, *role, *session; /* who STS says signed */
    struct aws_credentials *credentials;
    struct aws_client *aws;
    struct sia_aws sia_aws;
};

int test_zts_set_up(void **state);
int test_zts_tear_down(void **state);

/* The provider serves as this principal (and no longer as the one before). */
void test_zts_provider_is(struct test_zts *world, const char *service);
void test_zts_stop_provider(struct test_zts *world);

/* What a host, or a vendor service by its role, asks for; the directory is named after it. */
struct sia_options test_zts_host(struct test_zts *world, const char *instance_id);
struct sia_options test_zts_service(struct test_zts *world, const char *service, const char *instance_id);
struct certificate test_zts_certificate(struct test_zts *world, const struct sia_options *options);

/* A call as anybody; `directory` (may be NULL) is the identity that makes it. The status; `*message` of the
 * answer. */
int test_zts_call(struct test_zts *world, const char *directory, enum http_method method, const char *path,
                  const char *body, const char **message);

#endif
