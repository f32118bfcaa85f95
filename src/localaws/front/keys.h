/* Access keys: the secret behind each, and whose it is. Root keys come from the credentials file, users' keys
 * and role sessions from IAM and STS. Everything here takes the region's lock itself. */
#ifndef LOCALAWS_KEYS_H
#define LOCALAWS_KEYS_H

#include "localaws/region.h"

struct access_key {
    const char *id, *secret;
    const char *token;  /* of a session; NULL: a long-term key */
    int64_t expires_ms; /* of a session */
    int64_t created_ms; /* of a user's */
    bool inactive;      /* a user's, for now */
    struct caller caller;
};

/* A copy in the arena, since a session may end at any time; -1 when nobody has this key. */
int key_find(struct region *region, struct arena *arena, const char *id, struct access_key *key);

void key_add(struct region *region, const struct access_key *key); /* copied */
void key_set_inactive(struct region *region, const char *id, bool inactive);
void key_remove(struct region *region, const char *id);
/* The ids of a user's lasting keys; NULL-terminated. */
const char **keys_of(struct region *region, struct arena *arena, const char *principal_arn);
/* All but root's, as JSON, for the saved state. */
json_t *keys_save(struct region *region, const struct account *account);
int keys_restore(struct region *region, struct account *account, json_t *state, struct error *err);
void keys_free(struct region *region);

/* Reads the root keys of the accounts `names` (account, profile, account, profile, ..., NULL) from the
 * credentials file `path` in AWS's form, makes those that are missing and writes the file (0600). */
int root_keys_open(struct region *region, const char *path, const char *const *names, struct error *err);

/* Fresh key material: "AKIA" or "ASIA" and 16 of AWS's characters; 40 characters of secret. */
char *key_new_id(struct arena *arena, const char *prefix);
char *key_new_secret(struct arena *arena);

#endif
