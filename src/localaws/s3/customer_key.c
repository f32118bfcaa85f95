#include "localaws/s3/customer_key.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { MD5 = 16 };

static const char *header(struct s3_call *s3, const char *name)
{
    return s3_header(s3, arena_format(s3->arena, "x-amz-%sserver-side-encryption-customer-%s",
                                      s3->is_source ? "copy-source-" : "", name));
}

static void forget(void *key)
{
    explicit_bzero(key, sizeof(struct s3_customer_key));
}

static int check(struct s3_call *s3, struct s3_customer_key *key, const char *said_md5, struct error *err)
{
    unsigned char md5[MD5];
    if (gnutls_hash_fast(GNUTLS_DIG_MD5, key->key, sizeof(key->key), md5) < 0)
        abort(); /* only without memory */
    key->md5 = base64_encode(s3->arena, md5, sizeof(md5));
    if (!text_equal(key->md5, said_md5))
        return s3_fail(s3, err, 400, "InvalidArgument",
                       "The calculated MD5 hash of the key did not match the hash that was provided.");
    key->given = true;
    return 0;
}

int s3_customer_key_read(struct s3_call *s3, struct s3_customer_key **made, struct error *err)
{
    const char *algorithm = header(s3, "algorithm"), *text = header(s3, "key"), *md5 = header(s3, "key-md5");
    struct s3_customer_key *key = arena_alloc(s3->arena, sizeof(*key));
    unsigned char *bytes;
    size_t length;
    *made = key;
    if (!algorithm && !text && !md5)
        return 0;
    arena_defer(s3->arena, forget, key);
    if (!s3->call->secure)
        return s3_fail(s3, err, 400, "InvalidRequest",
                       "Requests specifying Server Side Encryption with Customer provided keys must be made "
                       "over a secure connection.");
    if (!text_equal(algorithm, "AES256"))
        return s3_fail(s3, err, 400, "InvalidEncryptionAlgorithmError",
                       "The encryption request that you specified is not valid. The valid value is AES256.");
    if (!text || base64_decode(s3->arena, text, &bytes, &length, NULL) < 0 || length != sizeof(key->key))
        return s3_fail(s3, err, 400, "InvalidArgument",
                       "The secret key was invalid for the specified algorithm.");
    memcpy(key->key, bytes, sizeof(key->key));
    explicit_bzero(bytes, length);
    return check(s3, key, md5, err);
}
