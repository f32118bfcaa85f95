/* Which names a CSR may ask for: those of its own principal and instance, and further DNS names and addresses
 * that are well-formed, for the provider to judge. Pure. Source: Athenz's CSR rules, read strictly. */
#ifndef ZTS_REQUEST_NAMES_H
#define ZTS_REQUEST_NAMES_H

#include "identity/athenz.h"

#define VESPA_DNS_SUFFIX ".vespa.enclave.internal"

/* ERROR_INVALID says what is wrong. `*instance_id` comes from the CSR's athenz://instanceid URI, in the
 * arena. */
int request_names_check(struct arena *arena, const struct principal *wanted, const char *provider,
                        const struct csr *csr, const char **instance_id, struct error *err);

/* "a,b" of a list of names; NULL when it is empty. */
char *request_names_joined(struct arena *arena, const char *const *list);

#endif
