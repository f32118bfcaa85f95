/* Requests signed by a tenant's API key, as the vespa CLI and pyvespa sign them: ECDSA P-256 over
 * "METHOD\nURL\nX-Timestamp\nX-Content-Hash" with headers X-Timestamp, X-Content-Hash, X-Key (base64 of the PEM public
 * key), X-Key-Id (tenant:application:instance) and X-Authorization. Used by the CLI and the controller. */
#ifndef IDENTITY_REQUEST_SIGNATURE_H
#define IDENTITY_REQUEST_SIGNATURE_H

#include "identity/key.h"
#include "net/http.h"

#include <stdint.h>

enum { REQUEST_SIGNATURE_WINDOW_MS = 5 * 60 * 1000 };

/* Adds the five headers. `url` exactly as it will be sent. */
int request_sign(struct arena *arena, const struct key *key, const char *key_id, const char *method, const char *url,
                 const void *body, size_t body_length, int64_t now_ms, struct http_headers *headers, struct error *err);

struct request_signer {
    const char *public_key_pem, *public_key_hash, *key_id; /* claimed until looked up by the caller */
    const char *content_hash; /* to compare with the body's once it is there */
};

/* Checks form, time and signature over what was sent; says nothing about whose key it is. ERROR_UNAUTHENTICATED. */
int request_verify(struct arena *arena, const char *method, const char *url, const struct http_headers *headers,
                   int64_t now_ms, struct request_signer *signer, struct error *err);
int request_verify_body(const struct request_signer *signer, const void *body, size_t length, struct error *err);

#endif
