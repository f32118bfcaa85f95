/* Packages for tests: what one asks for in a zone as a line of text, or what is said of it; so that tests are
 * tables. */
#ifndef ZONE_TEST_PACKAGES_H
#define ZONE_TEST_PACKAGES_H

#include "base/text.h"
#include "zone/package_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS           1769904000000 /* 2026-02-01 */
#define ACCOUNT          "cloud-account='aws:210987654321'"
#define DEPLOYMENT       "<deployment version='1.0' " ACCOUNT "/>"
#define HEAD             "<services version='1.0' xmlns:deploy='vespa'>"
#define TAIL             "</services>"
#define WEB              "<container id='web' version='1.0'/>"
#define CONTAINER(inner) HEAD "<container id='web' version='1.0'>" inner "</container>" TAIL
#define CONTENT(inner)   HEAD WEB "<content id='docs' version='1.0'>" inner "</content>" TAIL
#define ALLOW(until, id) \
    "<validation-overrides><allow until='" until "' comment='why'>" id "</allow></validation-overrides>"

/* Begins of descriptions. */
#define IN       "210987654321; "
#define WEB_PROD "web count=2 vcpu=2 memory=8 disk=50"
#define WEB_DEV  "web count=1 vcpu=2 memory=8 disk=50"

/* Deployed as acme.albums.main; the package has security/a.pem, b.pem and clients.pem. */
struct package_case {
    const char *zone; /* NULL: prod.aws-us-east-1c */
    const char *services;
    const char *deployment; /* NULL: DEPLOYMENT */
    const char *overrides;  /* NULL: none */
    const char *expected;   /* the description, or the refusal */
};
/* Fails the test with every row that came out otherwise. */
void check_cases(const struct package_case *cases, size_t count);

#endif
