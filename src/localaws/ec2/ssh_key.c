#include "localaws/ec2/ssh_key.h"

#include "base/random.h"
#include "base/text.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <string.h>

enum { ED25519_BYTES = 32, LINE_COLUMNS = 70, PRIVATE_LARGEST = 512 };

static int failed(int code, const char *what, struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "SSH key: %s: %s", what, gnutls_strerror(code));
}

static void datum_free(gnutls_datum_t *datum)
{
    gnutls_free(datum->data);
    datum->data = NULL;
}

static void private_free(gnutls_x509_privkey_t *key)
{
    if (*key)
        gnutls_x509_privkey_deinit(*key);
}

static void public_free(gnutls_pubkey_t *key)
{
    if (*key)
        gnutls_pubkey_deinit(*key);
}

/* SSH's strings (RFC 4251): four bytes of length, then the bytes. */
struct reader {
    const unsigned char *at, *end;
};

static bool read_string(struct reader *reader, gnutls_datum_t *string)
{
    if (reader->end - reader->at < 4)
        return false;
    uint32_t length = (uint32_t)reader->at[0] << 24 | (uint32_t)reader->at[1] << 16 |
                      (uint32_t)reader->at[2] << 8 | reader->at[3];
    reader->at += 4;
    if (length > (size_t)(reader->end - reader->at))
        return false;
    *string = (gnutls_datum_t){(unsigned char *)reader->at, length};
    reader->at += length;
    return true;
}

struct writer {
    unsigned char *bytes;
    size_t length;
};

static void write_number(struct writer *writer, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        writer->bytes[writer->length++] = (unsigned char)(number >> shift);
}

static void write_string(struct writer *writer, const void *bytes, size_t length)
{
    write_number(writer, (uint32_t)length);
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

/* "12:34:..." */
static char *colons(struct arena *arena, const unsigned char *digest, size_t length)
{
    char *text = arena_alloc(arena, length * 3 + 1);
    for (size_t i = 0; i < length; i++) {
        const char *hex = hex_encode(arena, digest + i, 1);
        memcpy(text + i * 3, hex, 2);
        text[i * 3 + 2] = i + 1 < length ? ':' : '\0';
    }
    return text;
}

static char *sha256_fingerprint(struct arena *arena, const gnutls_datum_t *blob)
{
    unsigned char digest[32];
    gnutls_hash_fast(GNUTLS_DIG_SHA256, blob->data, blob->size, digest);
    return base64_encode(arena, digest, sizeof digest);
}

/* The public key's DER form, hashed. */
static int rsa_fingerprint(struct arena *arena, const gnutls_datum_t *modulus, const gnutls_datum_t *exponent,
                           char **fingerprint)
{
    cleanup(public_free) gnutls_pubkey_t key = NULL;
    cleanup(datum_free) gnutls_datum_t der = {0};
    unsigned char digest[16];
    unsigned bits = 0;
    int code = gnutls_pubkey_init(&key);
    code = code < 0 ? code : gnutls_pubkey_import_rsa_raw(key, modulus, exponent);
    code = code < 0 ? code : gnutls_pubkey_get_pk_algorithm(key, &bits);
    code = code < 0 ? code : gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der);
    if (code < 0 || bits < 1024 || bits > 16384)
        return -1;
    gnutls_hash_fast(GNUTLS_DIG_MD5, der.data, der.size, digest);
    *fingerprint = colons(arena, digest, sizeof digest);
    return 0;
}

static int refuse(struct error *err)
{
    return error_set(err, ERROR_INVALID, "Key is not in valid OpenSSH public key format");
}

/* What follows the name in a key's blob (RFC 4253 6.6, RFC 8709 4). */
static bool read_rsa(struct arena *arena, struct reader *reader, struct ssh_key *key)
{
    gnutls_datum_t exponent, modulus;
    return read_string(reader, &exponent) && read_string(reader, &modulus) && reader->at == reader->end &&
           rsa_fingerprint(arena, &modulus, &exponent, &key->fingerprint) == 0;
}

static bool read_ed25519(struct arena *arena, struct reader *reader, struct ssh_key *key)
{
    (void)arena, (void)key;
    gnutls_datum_t point;
    return read_string(reader, &point) && point.size == ED25519_BYTES && reader->at == reader->end;
}

static const struct form {
    const char *name, *type;
    bool (*read)(struct arena *arena, struct reader *reader, struct ssh_key *key);
} forms[] = {
    {"ssh-rsa", "rsa", read_rsa},
    {"ssh-ed25519", "ed25519", read_ed25519},
};

static const struct form *form_named(const void *name, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (strlen(forms[i].name) == length && memcmp(forms[i].name, name, length) == 0)
            return &forms[i];
    return NULL;
}

int ssh_key_parse(struct arena *arena, const char *text, struct ssh_key *key, struct error *err)
{
    gnutls_datum_t blob, name;
    size_t length;
    if (strlen(text) > SSH_KEY_LONGEST)
        return refuse(err);
    text += strspn(text, " \t\r\n");
    size_t name_length = strcspn(text, " \t");
    const struct form *form = form_named(text, name_length);
    if (!form)
        return refuse(err);
    text += name_length + strspn(text + name_length, " \t");
    char *base64 = arena_strndup(arena, text, strcspn(text, " \t\r\n"));
    if (base64_decode(arena, base64, &blob.data, &length, NULL) < 0)
        return refuse(err);
    blob.size = (unsigned)length;
    key->type = form->type;
    key->line = arena_format(arena, "%s %s", form->name, base64);
    key->fingerprint = sha256_fingerprint(arena, &blob);
    struct reader reader = {blob.data, blob.data + length};
    bool good = read_string(&reader, &name) && form_named(name.data, name.size) == form &&
                form->read(arena, &reader, key);
    return good ? 0 : refuse(err);
}

static void key_free(gnutls_privkey_t *key)
{
    if (*key)
        gnutls_privkey_deinit(*key);
}

static int public_half(gnutls_x509_privkey_t made, gnutls_datum_t *modulus, gnutls_datum_t *exponent)
{
    cleanup(key_free) gnutls_privkey_t key = NULL;
    cleanup(public_free) gnutls_pubkey_t public_key = NULL;
    int code = gnutls_privkey_init(&key);
    code = code < 0 ? code : gnutls_privkey_import_x509(key, made, 0);
    code = code < 0 ? code : gnutls_pubkey_init(&public_key);
    code = code < 0 ? code : gnutls_pubkey_import_privkey(public_key, key, 0, 0);
    return code < 0 ? code : gnutls_pubkey_export_rsa_raw2(public_key, modulus, exponent, 0);
}

static int write_rsa(struct arena *arena, gnutls_x509_privkey_t made, struct ssh_key *key, char **private_pem)
{
    cleanup(datum_free) gnutls_datum_t modulus = {0};
    cleanup(datum_free) gnutls_datum_t exponent = {0};
    cleanup(datum_free) gnutls_datum_t pem = {0};
    cleanup(datum_free) gnutls_datum_t der = {0};
    unsigned char digest[20];
    int code = public_half(made, &modulus, &exponent);
    code = code < 0 ? code : gnutls_x509_privkey_export2(made, GNUTLS_X509_FMT_PEM, &pem);
    code = code < 0
               ? code
               : gnutls_x509_privkey_export2_pkcs8(made, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN, &der);
    if (code < 0)
        return code;
    gnutls_hash_fast(GNUTLS_DIG_SHA1, der.data, der.size, digest);
    explicit_bzero(der.data, der.size);
    struct writer blob = {arena_alloc(arena, modulus.size + exponent.size + 64), 0};
    write_string(&blob, "ssh-rsa", strlen("ssh-rsa"));
    write_string(&blob, exponent.data, exponent.size);
    write_string(&blob, modulus.data, modulus.size);
    key->line = arena_format(arena, "ssh-rsa %s", base64_encode(arena, blob.bytes, blob.length));
    key->fingerprint = colons(arena, digest, sizeof digest);
    *private_pem = arena_strndup(arena, (const char *)pem.data, pem.size);
    explicit_bzero(pem.data, pem.size);
    return 0;
}

/* PROTOCOL.key of OpenSSH: magic, no cipher, no passphrase, one key; the private part twice holds the public
 * half and ends on a multiple of 8 bytes with 1, 2, 3, ... */
static char *openssh_private(struct arena *arena, const gnutls_datum_t *blob, const gnutls_datum_t *point,
                             const gnutls_datum_t *seed)
{
    static const char magic[] = "openssh-key-v1";
    unsigned char both[2 * ED25519_BYTES], check[4];
    struct writer out = {arena_alloc(arena, PRIVATE_LARGEST), 0},
                  part = {arena_alloc(arena, PRIVATE_LARGEST), 0};
    memcpy(both, seed->data, ED25519_BYTES);
    memcpy(both + ED25519_BYTES, point->data, ED25519_BYTES);
    random_bytes(check, sizeof check);
    memcpy(part.bytes, check, sizeof check);
    memcpy(part.bytes + sizeof check, check, sizeof check);
    part.length = 2 * sizeof check;
    write_string(&part, "ssh-ed25519", strlen("ssh-ed25519"));
    write_string(&part, point->data, ED25519_BYTES);
    write_string(&part, both, sizeof both);
    write_string(&part, "", 0);
    for (unsigned char pad = 1; part.length % 8; pad++)
        part.bytes[part.length++] = pad;
    memcpy(out.bytes, magic, sizeof magic);
    out.length = sizeof magic;
    write_string(&out, "none", 4);
    write_string(&out, "none", 4);
    write_string(&out, "", 0);
    write_number(&out, 1);
    write_string(&out, blob->data, blob->size);
    write_string(&out, part.bytes, part.length);
    char *base64 = base64_encode(arena, out.bytes, out.length), *text = arena_strdup(arena, "");
    for (size_t at = 0, length = strlen(base64); at < length; at += LINE_COLUMNS)
        text = arena_format(arena, "%s%.*s\n", text, LINE_COLUMNS, base64 + at);
    explicit_bzero(both, sizeof both);
    return arena_format(arena, "-----BEGIN OPENSSH PRIVATE KEY-----\n%s-----END OPENSSH PRIVATE KEY-----\n",
                        text);
}

static int write_ed25519(struct arena *arena, gnutls_x509_privkey_t made, struct ssh_key *key,
                         char **private_pem)
{
    cleanup(datum_free) gnutls_datum_t point = {0};
    cleanup(datum_free) gnutls_datum_t unused = {0};
    cleanup(datum_free) gnutls_datum_t seed = {0};
    gnutls_ecc_curve_t curve;
    int code = gnutls_x509_privkey_export_ecc_raw(made, &curve, &point, &unused, &seed);
    if (code < 0 || point.size != ED25519_BYTES || seed.size != ED25519_BYTES)
        return code < 0 ? code : GNUTLS_E_INTERNAL_ERROR;
    struct writer written = {arena_alloc(arena, PRIVATE_LARGEST), 0};
    write_string(&written, "ssh-ed25519", strlen("ssh-ed25519"));
    write_string(&written, point.data, point.size);
    const gnutls_datum_t blob = {written.bytes, (unsigned)written.length};
    key->line = arena_format(arena, "ssh-ed25519 %s", base64_encode(arena, blob.data, blob.size));
    key->fingerprint = sha256_fingerprint(arena, &blob);
    *private_pem = openssh_private(arena, &blob, &point, &seed);
    explicit_bzero(seed.data, seed.size);
    return 0;
}

int ssh_key_make(struct arena *arena, bool ed25519, struct ssh_key *key, char **private_pem,
                 struct error *err)
{
    cleanup(private_free) gnutls_x509_privkey_t made = NULL;
    int code = gnutls_x509_privkey_init(&made);
    if (code >= 0)
        code = ed25519 ? gnutls_x509_privkey_generate(made, GNUTLS_PK_EDDSA_ED25519,
                                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), 0)
                       : gnutls_x509_privkey_generate(made, GNUTLS_PK_RSA, 2048, 0);
    if (code >= 0)
        code = (ed25519 ? write_ed25519 : write_rsa)(arena, made, key, private_pem);
    key->type = ed25519 ? "ed25519" : "rsa";
    return code < 0 ? failed(code, "make", err) : 0;
}
