/* KMS: keys with their policies, aliases and grants, and what is done with them. A key's material is 256
 * random bits that lie, wrapped under the region's master key (kms-master.key, 0600), in the saved state; a
 * key that is disabled or waits for its deletion opens nothing. The actions are in kms_*.c, the list of them
 * in kms/service.c. */
#ifndef LOCALAWS_KMS_H
#define LOCALAWS_KMS_H

#include "localaws/iam/iam.h"
#include "localaws/region.h"
#include "localaws/resource/resource.h"

enum { KMS_KEY_BYTES = 32, KMS_ROTATION_DAYS = 365 /* when nobody says otherwise */ };

enum key_state { KEY_ENABLED, KEY_DISABLED, KEY_PENDING_DELETION };

struct kms_grant {
    char *id, *token, *name, *grantee, *retiring, *issuer;
    char **operations;
    size_t operation_count;
    int64_t created_ms;
};

struct kms_key {
    struct account *account;
    char *id, *arn, *description;
    char *wrapped; /* base64: the material under the master key */
    char *policy;
    struct parsed_policy parsed;
    int state;             /* enum key_state */
    bool managed;          /* made by AWS for a service (alias/aws/...) */
    int64_t rotation_days; /* between automatic rotations; 0: none asked for */
    int64_t created_ms, deletion_ms;
    struct tag *tags;
    size_t tag_count;
    struct kms_grant *grants;
    size_t grant_count;
};

struct kms_alias {
    char *name, *key_id; /* "alias/x" */
    int64_t created_ms;
};

/* An account's. */
struct kms {
    struct table keys;    /* by id */
    struct table aliases; /* by name */
};
struct kms *kms_of(const struct account *account);

extern const struct record kms_key_record, kms_alias_record, kms_grant_record;
struct kms_key *kms_key_add(struct region *region, struct account *account, const struct kms_key *draft,
                            struct error *err);
struct kms_alias *kms_alias_add(struct account *account, const struct kms_alias *draft);
void kms_alias_remove(struct account *account, struct kms_alias *alias);

/* kms/key.c. By id, ARN, alias or alias ARN, as seen from `account`; NULL when there is none (or its time has
 * come). */
struct kms_key *kms_find(struct region *region, struct account *account, const char *name);
struct kms_key *kms_key_make(struct region *region, struct account *account, const struct kms_key *draft,
                             struct error *err);

/* What someone wants to do with a key. */
struct kms_use {
    struct region *region;
    struct caller *caller;
    const char *operation; /* "Decrypt" */
    const char *via;       /* "s3", or NULL */
    const char *source_ip; /* NULL when via a service */
    const char *named;     /* how the caller names the key; NULL: by a ciphertext */
    const json_t *encryption_context;
};
/* kms/permission.c: by key policy, identity policies and grants; then whether the key's state allows
 * cryptography. Errors have KMS's codes. */
int kms_permit(struct arena *arena, const struct kms_use *use, const struct kms_key *key, struct error *err);
int kms_usable(const struct kms_key *key, struct error *err);
/* Whether `caller` could still change the policy if it were this one. */
bool kms_keeps_control(struct call *call, const struct kms_key *key, const struct policy *policy);

/* kms/cipher.c: AES-256-GCM, pure. The sealed text is nonce, ciphertext and tag. */
int cipher_seal(struct arena *arena, const unsigned char key[KMS_KEY_BYTES], const char *bound,
                const void *plain, size_t length, unsigned char **sealed, size_t *sealed_length,
                struct error *err);
int cipher_open(struct arena *arena, const unsigned char key[KMS_KEY_BYTES], const char *bound,
                const void *sealed, size_t length, unsigned char **plain, size_t *plain_length,
                struct error *err);

/* kms/material.c: the master key and what it wraps. */
int kms_material_new(struct region *region, struct arena *arena, const char *key_id, char **wrapped,
                     struct error *err);
int kms_material_open(struct region *region, const struct kms_key *key, unsigned char material[KMS_KEY_BYTES],
                      struct error *err);

/* kms/common.c: reading requests and writing answers. */
const char *kms_text(struct call *call, const char *member); /* NULL when absent */
int kms_required(struct call *call, const char *member, const char **text, struct error *err);
/* KeyId's key, which the caller may do the call's operation with. */
int kms_target(struct call *call, struct kms_key **key, struct error *err);
void kms_answer(struct call *call, json_t *answer); /* takes the reference */
/* Tags of the request (texts of the call), and what policies see of them. */
int kms_read_tags(struct call *call, struct tag **tags, size_t *count, struct error *err);
const char **kms_tag_context(struct call *call, const struct tag *tags, size_t count);

/* The actions, by file. */
typedef int kms_handler(struct call *call, struct error *err);
kms_handler create_key, describe_key, list_keys, enable_key, disable_key, schedule_key_deletion,
    cancel_key_deletion, update_key_description; /* kms/key.c */
kms_handler get_key_policy, put_key_policy, list_key_policies, enable_key_rotation, disable_key_rotation,
    get_key_rotation_status, tag_resource, untag_resource, list_resource_tags; /* kms/settings.c */
kms_handler create_alias, update_alias, delete_alias, list_aliases;            /* kms/alias.c */
kms_handler create_grant, list_grants, revoke_grant;                           /* kms/grant.c */
kms_handler encrypt, decrypt, re_encrypt, generate_data_key, generate_data_key_without_plaintext,
    generate_random; /* kms/cryptography.c */

#endif
