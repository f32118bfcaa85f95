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
    int64_t sequence; /* in the saved state, as a resource's; 0: it has none yet, or is root's */
    bool unsaved;
    struct access_key *unsaved_next;
};

/* A copy in the arena, since a session may end at any time; -1 when nobody has this key. */
int key_find(struct region *region, struct arena *arena, const char *id, struct access_key *key);

void key_add(struct region *region, const struct access_key *key); /* copied */
void key_set_inactive(struct region *region, const char *id, bool inactive);
void key_remove(struct region *region, const char *id);
/* The ids of a user's lasting keys; NULL-terminated. */
const char **keys_of(struct region *region, struct arena *arena, const char *principal_arn);
/* All but root's are in the saved state, each a row of its own, since sessions come and go (keys_saved.c).
 * For whoever saves: appends the next key that is to be written to `out`; NULL when there is none. */
const struct access_key *key_unsaved(struct region *region, struct buffer *out);
int key_restore(struct region *region, struct account *account, int64_t sequence, const char *text,
                size_t length, struct error *err);
void keys_free(struct region *region);

/* Reads the root keys of the accounts `names` (account, profile, account, profile, ..., NULL) from the
 * credentials file `path` in AWS's form, makes those that are missing and writes the file (0600). */
int root_keys_open(struct region *region, const char *path, const char *const *names, struct error *err);

/* Fresh key material: "AKIA" or "ASIA" and 16 of AWS's characters; 40 characters of secret. */
char *key_new_id(struct arena *arena, const char *prefix);
char *key_new_secret(struct arena *arena);

#endif
