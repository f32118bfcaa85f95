/* An identity on disk: generation directories and the link that says which is current. */
#ifndef SIA_GENERATION_H
#define SIA_GENERATION_H

#include "identity/certificate.h"

struct generation {
    struct key *key;
    struct certificate certificate;
};

/* What `current` points to, read whole: a key and the certificate that belongs to it. ERROR_NOT_FOUND or
 * ERROR_INVALID when there is none to be used. The caller frees the key. */
int generation_load(struct arena *arena, const char *directory, struct generation *generation,
                    struct error *err);

/* Writes a new generation and makes it current. Killed at any point, `current` is the old one or the new one.
 * The one before stays for readers that have just followed the link; older ones and what a crash left go. */
int generation_save(const char *directory, const struct key *key, const char *certificate_pem,
                    const char *trust_pem, struct error *err);

#endif
