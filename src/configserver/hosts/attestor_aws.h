/* Is an attestation AWS's own word? The identity document by its signature, the role by asking STS. */
#ifndef CONFIGSERVER_ATTESTOR_AWS_H
#define CONFIGSERVER_ATTESTOR_AWS_H

#include "configserver/zone.h"

/* For struct attestor; the context is the struct config. */
int attestor_aws_verify(void *config, const struct host_attestation *attestation, struct arena *arena,
                        struct attested *attested, struct error *err);

#endif
