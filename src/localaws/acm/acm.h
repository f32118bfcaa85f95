/* AWS Certificate Manager, for certificates that are imported: load balancers' listeners speak TLS with them.
 * A private key is kept sealed under a data key of KMS (alias/aws/acm) and opened only for the plane. Nothing
 * is issued here: there is nobody who would validate a domain. */
#ifndef LOCALAWS_ACM_H
#define LOCALAWS_ACM_H

#include "localaws/resource/resource.h"

struct certificate_record {
    struct resource resource; /* the id is the ARN */
    char *domain, *subject, *issuer, *serial, *key_algorithm, *signature_algorithm;
    char **names; /* subject alternative names, the domain first */
    size_t name_count;
    int64_t not_before_ms, not_after_ms, imported_ms;
    char *certificate_pem, *chain_pem; /* the second NULL: none was given */
    char *wrapped_key,
        *sealed_key; /* base64: the data key as KMS wrapped it; the private key's PEM under it */
};
extern const struct kind certificate_kind;

/* Of the account; NULL when there is none. */
struct certificate_record *acm_certificate(struct region *region, struct account *account, const char *arn);
/* The chain to be shown, leaf first, and the private key, as PEM in the arena; the key is wiped with it. */
int acm_open(const struct certificate_record *certificate, struct arena *arena, char **chain_pem,
             char **key_pem, struct error *err);
bool acm_expired(const struct certificate_record *certificate);

/* acm/certificate.c: what a leaf and its key say, checked against each other; sealed. */
int certificate_take(struct call *call, const char *certificate, const char *key, const char *chain,
                     struct certificate_record *draft, struct error *err);

int acm_import(struct call *call, struct error *err);
int acm_describe(struct call *call, struct error *err);
int acm_list(struct call *call, struct error *err);
int acm_get(struct call *call, struct error *err);
int acm_delete(struct call *call, struct error *err);
int acm_add_tags(struct call *call, struct error *err);
int acm_remove_tags(struct call *call, struct error *err);
int acm_list_tags(struct call *call, struct error *err);
/* Finds CertificateArn's certificate, which the caller may do the action with. */
int acm_target(struct call *call, struct certificate_record **certificate, struct error *err);
int acm_read_tags(struct call *call, struct tag **tags, size_t *count, struct error *err);

#endif
