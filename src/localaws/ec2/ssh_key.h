/* SSH keys, as key pairs need them: reading a public key that somebody imports, making a new pair. Nothing
 * here is kept. */
#ifndef LOCALAWS_EC2_SSH_KEY_H
#define LOCALAWS_EC2_SSH_KEY_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>

enum { SSH_KEY_LONGEST = 8192 };

struct ssh_key {
    const char *type;  /* "rsa" or "ed25519" */
    char *line;        /* "ssh-rsa AAAA...", without a comment; in the arena */
    char *fingerprint; /* as EC2 shows it: of RSA the MD5 (imported) or SHA-1 (made) in hex, else SHA-256 */
};

/* A public key as OpenSSH writes it ("ssh-rsa AAAA... comment"). ERROR_INVALID for everything else. */
int ssh_key_parse(struct arena *arena, const char *text, struct ssh_key *key, struct error *err);
/* A new pair: RSA of 2048 bits with its private half in PKCS#1, or Ed25519 in OpenSSH's own format. Slow: not
 * to be called with the region's lock held. */
int ssh_key_make(struct arena *arena, bool ed25519, struct ssh_key *key, char **private_pem,
                 struct error *err);

#endif
