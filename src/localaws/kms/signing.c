/* What asymmetric and HMAC keys are for: signatures, message authentication codes; and pairs of keys whose
 * private half is under a symmetric one. */
#include "localaws/kms/kms.h"

#include "base/text.h"

enum { MESSAGE_LARGEST = 4096 };

/* The call's key, which must be for that, and whose material is opened. */
static int open_key(struct call *call, enum kms_usage usage, struct kms_key **key, struct kms_bytes *material,
                    struct error *err)
{
    struct error why = {0};
    if (kms_target(call, key, err) < 0)
        return -1;
    if (kms_usable_for(*key, usage, &why) < 0 ||
        kms_material_open(call->region, call->arena, *key, (*key)->older_count, material, &why) < 0)
        return call_fail(call, err, 400, *why.code ? why.code : "KMSInternalException", "%s", why.message);
    return 0;
}

static int read_bytes(struct call *call, const char *member, size_t most, struct kms_bytes *bytes,
                      struct error *err)
{
    const char *text;
    if (kms_required(call, member, &text, err) < 0)
        return -1;
    if (base64_decode(call->arena, text, &bytes->data, &bytes->length, NULL) < 0 || bytes->length == 0 ||
        bytes->length > most)
        return call_fail(call, err, 400, "ValidationException", "%s is base64 of 1 to %zu bytes", member,
                         most);
    return 0;
}

static int read_algorithm(struct call *call, const char *member, const struct kms_key *key, const char **name,
                          struct error *err)
{
    if (kms_required(call, member, name, err) < 0)
        return -1;
    if (!kms_spec_has(kms_spec_of(key), *name))
        return call_fail(call, err, 400, "InvalidKeyUsageException",
                         "Algorithm %.60s is incompatible with key spec %s.", *name, kms_spec_of(key)->name);
    return 0;
}

struct signing_request {
    struct kms_key *key;
    struct kms_bytes material, message;
    const char *algorithm;
    bool digest;
};

static int read_request(struct call *call, struct signing_request *request, struct error *err)
{
    const char *type = kms_text(call, "MessageType");
    request->digest = text_equal(type, "DIGEST");
    if (open_key(call, KMS_SIGN_VERIFY, &request->key, &request->material, err) < 0 ||
        read_bytes(call, "Message", MESSAGE_LARGEST, &request->message, err) < 0 ||
        read_algorithm(call, "SigningAlgorithm", request->key, &request->algorithm, err) < 0)
        return -1;
    if (type && !request->digest && !text_equal(type, "RAW"))
        return call_fail(call, err, 400, "ValidationException", "MessageType is RAW or DIGEST");
    return kms_dry_run(call, err);
}

static int refused(struct call *call)
{
    call->status = 400;
    return -1;
}

int sign(struct call *call, struct error *err)
{
    struct signing_request request = {0};
    struct kms_bytes signature;
    if (read_request(call, &request, err) < 0)
        return -1;
    if (kms_sign(call->arena, &request.material, request.algorithm, request.digest, &request.message,
                 &signature, err) < 0)
        return refused(call);
    kms_answer(call, json_pack("{s:s, s:s, s:s}", "KeyId", request.key->arn, "Signature",
                               base64_encode(call->arena, signature.data, signature.length),
                               "SigningAlgorithm", request.algorithm));
    return 0;
}

int verify(struct call *call, struct error *err)
{
    struct signing_request request = {0};
    struct kms_bytes signature;
    bool valid;
    if (read_request(call, &request, err) < 0 ||
        read_bytes(call, "Signature", MESSAGE_LARGEST, &signature, err) < 0)
        return -1;
    if (kms_verify(&request.material, request.algorithm, request.digest, &request.message, &signature, &valid,
                   err) < 0)
        return refused(call);
    if (!valid)
        return call_fail(call, err, 400, "KMSInvalidSignatureException",
                         "The signature is not the key's of this message");
    kms_answer(call, json_pack("{s:s, s:b, s:s}", "KeyId", request.key->arn, "SignatureValid", true,
                               "SigningAlgorithm", request.algorithm));
    return 0;
}

int get_public_key(struct call *call, struct error *err)
{
    struct kms_key *key;
    struct kms_bytes material, spki;
    json_t *algorithms = json_array();
    if (open_key(call, KMS_SIGN_VERIFY, &key, &material, err) < 0 || kms_dry_run(call, err) < 0 ||
        kms_public_key(call->arena, &material, &spki, err) < 0) {
        json_decref(algorithms);
        return -1;
    }
    const struct kms_spec *spec = kms_spec_of(key);
    for (size_t i = 0; spec->algorithms[i]; i++)
        json_array_append_new(algorithms, json_string(spec->algorithms[i]));
    kms_answer(call, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "KeyId", key->arn, "PublicKey",
                               base64_encode(call->arena, spki.data, spki.length), "CustomerMasterKeySpec",
                               spec->name, "KeySpec", spec->name, "KeyUsage", kms_usages[spec->usage],
                               "SigningAlgorithms", algorithms));
    return 0;
}

static int make_mac(struct call *call, struct kms_key **key, struct kms_bytes *mac, struct error *err)
{
    struct kms_bytes material, message;
    const char *algorithm;
    if (open_key(call, KMS_GENERATE_VERIFY_MAC, key, &material, err) < 0 ||
        read_bytes(call, "Message", MESSAGE_LARGEST, &message, err) < 0 ||
        read_algorithm(call, "MacAlgorithm", *key, &algorithm, err) < 0 || kms_dry_run(call, err) < 0)
        return -1;
    kms_mac(call->arena, kms_spec_of(*key), &material, &message, mac);
    return 0;
}

int generate_mac(struct call *call, struct error *err)
{
    struct kms_key *key;
    struct kms_bytes mac;
    if (make_mac(call, &key, &mac, err) < 0)
        return -1;
    kms_answer(call, json_pack("{s:s, s:s, s:s}", "KeyId", key->arn, "Mac",
                               base64_encode(call->arena, mac.data, mac.length), "MacAlgorithm",
                               kms_spec_of(key)->algorithms[0]));
    return 0;
}

int verify_mac(struct call *call, struct error *err)
{
    struct kms_key *key;
    struct kms_bytes mac, said;
    if (read_bytes(call, "Mac", MESSAGE_LARGEST, &said, err) < 0 || make_mac(call, &key, &mac, err) < 0)
        return -1;
    if (!text_equal_secret(hex_encode(call->arena, mac.data, mac.length),
                           hex_encode(call->arena, said.data, said.length)))
        return call_fail(call, err, 400, "KMSInvalidMacException",
                         "The MAC is not the key's of this message");
    kms_answer(call, json_pack("{s:s, s:b, s:s}", "KeyId", key->arn, "MacValid", true, "MacAlgorithm",
                               kms_spec_of(key)->algorithms[0]));
    return 0;
}

/* Making a pair takes a tenth of a second and more: the lock is given back meanwhile. */
static int make_pair(struct call *call, const struct kms_spec *spec, struct kms_bytes *private,
                     struct error *err)
{
    struct region *region = call->region;
    region_unlock(&region);
    int result = kms_material_make(spec, call->arena, private, err);
    region_lock(call->region);
    return result;
}

static int data_key_pair(struct call *call, bool show, struct error *err)
{
    struct kms_key *key;
    struct kms_bytes private, public;
    const char *name;
    char *blob;
    if (kms_target(call, &key, err) < 0 || kms_required(call, "KeyPairSpec", &name, err) < 0)
        return -1;
    const struct kms_spec *spec = kms_spec_named(name);
    if (!spec || spec->algorithm == GNUTLS_PK_UNKNOWN)
        return call_fail(call, err, 400, "ValidationException", "KeyPairSpec %.60s is not known here", name);
    /* The key may be another's, or gone, once the lock was given back: it is looked for again. */
    if (kms_dry_run(call, err) < 0 || make_pair(call, spec, &private, err) < 0 ||
        kms_target(call, &key, err) < 0 || kms_public_key(call->arena, &private, &public, err) < 0)
        return -1;
    if (kms_seal(call->arena, call->region, key, json_object_get(call->json, "EncryptionContext"),
                 private.data, private.length, &blob, err) < 0)
        return refused(call);
    json_t *answer =
        json_pack("{s:s, s:s, s:s, s:s}", "KeyId", key->arn, "KeyPairSpec", name, "PublicKey",
                  base64_encode(call->arena, public.data, public.length), "PrivateKeyCiphertextBlob", blob);
    if (show)
        json_object_set_new(answer, "PrivateKeyPlaintext",
                            json_string(base64_encode(call->arena, private.data, private.length)));
    kms_answer(call, answer);
    return 0;
}

int generate_data_key_pair(struct call *call, struct error *err)
{
    return data_key_pair(call, true, err);
}

int generate_data_key_pair_without_plaintext(struct call *call, struct error *err)
{
    return data_key_pair(call, false, err);
}
