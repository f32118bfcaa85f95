/* The instance metadata service, version 2 only (session token). Source: EC2 User Guide, "Instance metadata".
 * The endpoint is AWS_EC2_METADATA_SERVICE_ENDPOINT, else http://169.254.169.254. */
#ifndef AWS_IMDS_H
#define AWS_IMDS_H

#include "aws/credentials.h"

/* Any path below /latest/, e.g. "meta-data/instance-id"; ERROR_NOT_FOUND when IMDS has none. */
int imds_get(struct arena *arena, const char *path, char **text, struct error *err);

struct imds_identity {
    const char *document; /* the JSON, verbatim */
    const char *rsa2048; /* PKCS#7 signature over it, base64 (RSA-2048, /dynamic/instance-identity/rsa2048) */
};
int imds_identity_document(struct arena *arena, struct imds_identity *identity, struct error *err);
int imds_user_data(struct arena *arena, char **text, size_t *length, struct error *err);
int imds_role_keys(struct arena *arena, struct aws_keys *keys, struct error *err);

/* What an instance identity document says. */
struct instance_document {
    const char *account, *instance_id, *region, *availability_zone, *image_id, *instance_type, *private_ip;
    int64_t pending_ms;
};
int instance_document_parse(struct arena *arena, const char *json, struct instance_document *document,
                            struct error *err);
/* Verifies the PKCS#7 over the document with the region's certificate (PEM). ERROR_FORBIDDEN when it does not
 * hold. */
int instance_document_verify(const char *json, const char *rsa2048, const char *certificate_pem,
                             struct error *err);

#endif
