/* For tests: who calls a zone's servers over real TLS, each with the certificate that such a caller has, all
 * of one authority. */
#ifndef CONFIGSERVER_TEST_CALLERS_H
#define CONFIGSERVER_TEST_CALLERS_H

#include "configserver/test_zone.h"
#include "identity/certificate.h"
#include "net/http_client.h"

struct test_caller {
    const char *domain, *service, *provider, *instance_id; /* all NULL: without a certificate */
};

enum { TEST_CALLERS_MOST = 10 };
struct test_callers {
    struct authority *authority;
    struct tls_context *tls[TEST_CALLERS_MOST]; /* with which a server may serve, too */
    struct http_client *clients[TEST_CALLERS_MOST];
    size_t count;
};
void test_callers_begin(struct test_callers *callers, struct test_zone *test, const struct test_caller *names,
                        size_t count);
void test_callers_end(struct test_callers *callers);

void check(int result, const struct error *err); /* fails with the error's words */

#endif
