/* KMS: keys with their policies, aliases and grants, and what is done with them. A key's material is 256
 * random bits that lie, wrapped under the region's master key (kms-master.key, 0600), in the saved state; a
 * key that is disabled or waits for its deletion opens nothing. The actions are listed in kms/service.c. */
#ifndef LOCALAWS_KMS_H
#define LOCALAWS_KMS_H

#include "localaws/iam/iam.h"
#include "localaws/kms/spec.h"
#include "localaws/region.h"
#include "localaws/resource/resource.h"

enum {
    KMS_KEY_BYTES = 32,
    KMS_ROTATION_DAYS = 365, /* when nobody says otherwise */
    KMS_MATERIALS_MOST = 1000,
};

enum key_state { KEY_ENABLED, KEY_DISABLED, KEY_PENDING_DELETION };

struct kms_grant {
    char *id, *token, *name, *grantee, *retiring, *issuer;
    char *context_equals, *context_subset; /* constraints: JSON objects of texts; NULL: none */
    char **operations;
    size_t operation_count;
    int64_t created_ms;
};

/* Material that a key had before it was rotated. */
struct kms_material {
    char *wrapped;
    int64_t retired_ms;
    bool on_demand;
};

struct kms_key {
    struct account *account;
    char *id, *arn, *description;
    char *spec;                 /* "RSA_2048"; NULL: SYMMETRIC_DEFAULT */
    char *wrapped;              /* base64: the material under the master key */
    struct kms_material *older; /* the first one first: what ciphertexts say is their place here */
    size_t older_count;
    char *policy;
    struct parsed_policy parsed;
    int state;                 /* enum key_state */
    bool managed;              /* made by AWS for a service (alias/aws/...) */
    int64_t rotation_days;     /* between automatic rotations; 0: none asked for */
    int64_t rotation_since_ms; /* when that was asked for */
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

extern const struct record kms_key_record, kms_alias_record, kms_grant_record, kms_material_record;
struct kms_key *kms_key_add(struct region *region, struct account *account, const struct kms_key *draft,
                            struct error *err);
struct kms_alias *kms_alias_add(struct account *account, const struct kms_alias *draft);
void kms_alias_remove(struct account *account, struct kms_alias *alias);

/* kms/key.c. By id, ARN, alias or alias ARN, as seen from `account`; NULL when there is none (or its time has
 * come). */
struct kms_key *kms_find(struct region *region, struct account *account, const char *name);
/* With the material, or (NULL) new one of its spec. */
struct kms_key *kms_key_make(struct region *region, struct account *account, const struct kms_key *draft,
                             const struct kms_bytes *material, struct error *err);
const struct kms_spec *kms_spec_of(const struct kms_key *key);

/* What someone wants to do with a key. */
struct kms_use {
    struct region *region;
    struct caller *caller;
    const char *operation; /* "Decrypt" */
    const char *via;       /* "s3", or NULL */
    const char *source_ip; /* NULL when via a service */
    const char *named;     /* how the caller names the key; NULL: by a ciphertext */
    const json_t *encryption_context;
    const char *const *more;        /* pairs for conditions, NULL-terminated; may be NULL */
    const struct kms_grant **grant; /* set to the one that allowed it, where no policy did; may be NULL */
};
/* kms/permission.c: by key policy, identity policies and grants; then whether the key's state allows
 * cryptography. Errors have KMS's codes. */
int kms_permit(struct arena *arena, const struct kms_use *use, const struct kms_key *key, struct error *err);
int kms_usable(const struct kms_key *key, struct error *err);
int kms_usable_for(const struct kms_key *key, enum kms_usage usage, struct error *err);
/* kms/grant_list.c: one that allows it; NULL when there is none. */
const struct kms_grant *kms_grant_for(const struct kms_use *use, const struct kms_key *key);
/* Whether `caller` could still change the policy if it were this one. */
bool kms_keeps_control(struct call *call, const struct kms_key *key, const struct policy *policy);

/* kms/cipher.c: AES-256-GCM, pure. The sealed text is nonce, ciphertext and tag. */
int cipher_seal(struct arena *arena, const unsigned char key[KMS_KEY_BYTES], const char *bound,
                const void *plain, size_t length, unsigned char **sealed, size_t *sealed_length,
                struct error *err);
int cipher_open(struct arena *arena, const unsigned char key[KMS_KEY_BYTES], const char *bound,
                const void *sealed, size_t length, unsigned char **plain, size_t *plain_length,
                struct error *err);

/* kms/material.c: the master key and what it wraps, bound to the id of its key. */
int kms_material_seal(struct region *region, struct arena *arena, const char *key_id,
                      const struct kms_bytes *material, char **wrapped, struct error *err);
/* The key's current material is number `older_count`. In the arena, wiped with it. */
int kms_material_open(struct region *region, struct arena *arena, const struct kms_key *key, size_t number,
                      struct kms_bytes *material, struct error *err);

/* kms/rotation.c */
void kms_rotate_when_due(struct region *region, struct kms_key *key);

/* kms/ciphertext.c: a ciphertext (base64) under the key, bound to the encryption context. */
int kms_seal(struct arena *arena, struct region *region, const struct kms_key *key, const json_t *context,
             const void *plain, size_t length, char **blob, struct error *err);

/* kms/common.c: reading requests and writing answers. */
const char *kms_text(struct call *call, const char *member); /* NULL when absent */
int kms_required(struct call *call, const char *member, const char **text, struct error *err);
/* KeyId's key, which the caller may do the call's operation with. */
int kms_target(struct call *call, struct kms_key **key, struct error *err);
/* Says by which grant, where no policy allows it. */
int kms_target_by(struct call *call, struct kms_key **key, const struct kms_grant **grant, struct error *err);
/* With DryRun: fails, saying that the call would have been done. */
int kms_dry_run(struct call *call, struct error *err);
void kms_answer(struct call *call, json_t *answer); /* takes the reference */
/* kms/page.c: of `all` (taken) the page that Limit and Marker ask for. */
struct kms_list {
    const char *member, *id; /* of the answer; by what an item is known */
    size_t usual, most;      /* Limit */
};
int kms_answer_page(struct call *call, const struct kms_list *kind, json_t *all, struct error *err);
/* Tags of the request (texts of the call), and what policies see of them. */
int kms_read_tags(struct call *call, struct tag **tags, size_t *count, struct error *err);
const char **kms_tag_context(struct call *call, const struct tag *tags, size_t count);

/* The actions, by file. */
typedef int kms_handler(struct call *call, struct error *err);
kms_handler create_key, describe_key, list_keys, enable_key, disable_key, schedule_key_deletion,
    cancel_key_deletion, update_key_description; /* kms/key_calls.c */
kms_handler get_key_policy, put_key_policy, list_key_policies, tag_resource, untag_resource,
    list_resource_tags; /* kms/settings.c */
kms_handler enable_key_rotation, disable_key_rotation, get_key_rotation_status, rotate_key_on_demand,
    list_key_rotations;                                             /* kms/rotation.c */
kms_handler create_alias, update_alias, delete_alias, list_aliases; /* kms/alias.c */
kms_handler create_grant, revoke_grant, retire_grant;               /* kms/grant.c */
kms_handler list_grants, list_retirable_grants;                     /* kms/grant_list.c */
kms_handler encrypt, decrypt, re_encrypt, generate_data_key, generate_data_key_without_plaintext,
    generate_random; /* kms/cryptography.c */
kms_handler sign, verify, get_public_key, generate_mac, verify_mac, generate_data_key_pair,
    generate_data_key_pair_without_plaintext; /* kms/signing.c */

#endif
