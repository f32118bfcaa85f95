/* What a request says of its own signature, before anyone believes it: every part is matched to its grammar
 * here. */
#include "aws/sigv4.h"
#include "base/text.h"

#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { LONGEST_CLAIM = 16 << 10, LONGEST_EXPIRY_S = 7 * 24 * 3600 };

static int malformed(struct error *err, const char *what)
{
    return error_code(err, ERROR_INVALID, "IncompleteSignature", "the request's signature has no valid %s",
                      what);
}

static bool is_amz_date(const char *text)
{
    return text && strlen(text) == 16 && text[8] == 'T' && text[15] == 'Z' &&
           strspn(text, "0123456789") == 8 && strspn(text + 9, "0123456789") == 6;
}

/* AKID/20260102/us-east-1/s3/aws4_request */
static int read_credential(struct arena *arena, const char *text, struct sigv4_claim *claim,
                           struct error *err)
{
    char **parts;
    if (!text || text_split(arena, text, '/', &parts) != 5 || strcmp(parts[4], "aws4_request") != 0)
        return malformed(err, "Credential");
    bool valid = text_only(parts[0], "A-Za-z0-9_-") && strlen(parts[1]) == 8 && text_only(parts[1], "0-9") &&
                 text_only(parts[2], "a-z0-9-") && text_only(parts[3], "a-z0-9-");
    if (!valid || !*parts[0] || !*parts[2] || !*parts[3])
        return malformed(err, "Credential");
    claim->access_key_id = parts[0];
    claim->scope = (struct sigv4_scope){parts[1], parts[2], parts[3]};
    return 0;
}

/* Lower-case names in order, each once, the host among them: what is not signed can be changed on the way. */
static int check_signed_headers(struct arena *arena, const char *text, struct error *err)
{
    char **names;
    size_t count = text_empty(text) ? 0 : text_split(arena, text, ';', &names);
    bool host = false;
    for (size_t i = 0; i < count; i++) {
        if (!*names[i] || !text_only(names[i], "a-z0-9_.-") || (i && strcmp(names[i - 1], names[i]) >= 0))
            return malformed(err, "SignedHeaders");
        host |= strcmp(names[i], "host") == 0;
    }
    return host ? 0 : malformed(err, "SignedHeaders (host must be among them)");
}

static int check_claim(struct arena *arena, const char *credential, struct sigv4_claim *claim,
                       struct error *err)
{
    if (read_credential(arena, credential, claim, err) < 0 ||
        check_signed_headers(arena, claim->signed_headers, err) < 0)
        return -1;
    if (!claim->signature || strlen(claim->signature) != 64 || !text_only(claim->signature, "0-9a-f"))
        return malformed(err, "Signature");
    if (!is_amz_date(claim->amz_date))
        return malformed(err, "X-Amz-Date");
    if (strncmp(claim->amz_date, claim->scope.date, 8) != 0)
        return error_code(err, ERROR_FORBIDDEN, "SignatureDoesNotMatch",
                          "the date in the credential's scope is not the request's date");
    return 0;
}

static int read_header(struct arena *arena, const char *authorization, const char *amz_date,
                       struct sigv4_claim *claim, struct error *err)
{
    size_t algorithm = strcspn(authorization, " \t");
    if (strncmp(authorization, ALGORITHM, algorithm) != 0 || algorithm != strlen(ALGORITHM))
        return malformed(err, "algorithm (only " ALGORITHM " is known)");
    const char *credential = NULL;
    char **parts;
    size_t count = text_split(arena, authorization + algorithm, ',', &parts);
    for (size_t i = 0; i < count; i++) {
        char *part = text_trim(arena, parts[i]);
        if (text_starts(part, "Credential="))
            credential = part + strlen("Credential=");
        else if (text_starts(part, "SignedHeaders="))
            claim->signed_headers = part + strlen("SignedHeaders=");
        else if (text_starts(part, "Signature="))
            claim->signature = part + strlen("Signature=");
    }
    claim->amz_date = amz_date;
    return check_claim(arena, credential, claim, err);
}

/* The decoded value of a query parameter; NULL when absent. A repeated one is refused, since two readers
 * might take different ones. */
static int query_value(struct arena *arena, const char *query, const char *name, char **value,
                       struct error *err)
{
    *value = NULL;
    char **parts;
    size_t count = text_split(arena, query, '&', &parts), length = strlen(name);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(parts[i], name, length) != 0 || parts[i][length] != '=')
            continue;
        if (*value || percent_decode(arena, parts[i] + length + 1, true, value, err) < 0)
            return malformed(err, name);
    }
    return 0;
}

static int read_presigned(struct arena *arena, const char *query, struct sigv4_claim *claim,
                          struct error *err)
{
    static const char *const names[] = {"X-Amz-Algorithm",     "X-Amz-Credential", "X-Amz-Date",
                                        "X-Amz-Expires",       "X-Amz-Signature",  "X-Amz-SignedHeaders",
                                        "X-Amz-Security-Token"};
    char *values[COUNT_OF(names)];
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (query_value(arena, query, names[i], &values[i], err) < 0)
            return -1;
    if (!text_equal(values[0], ALGORITHM))
        return malformed(err, "X-Amz-Algorithm (only " ALGORITHM " is known)");
    claim->presigned = true;
    claim->amz_date = values[2];
    claim->signature = values[4];
    claim->signed_headers = values[5];
    claim->security_token = values[6];
    if (!values[3] ||
        text_number(values[3], 0, LONGEST_EXPIRY_S, "X-Amz-Expires", &claim->expires_s, err) < 0)
        return malformed(err, "X-Amz-Expires (0 to 604800 seconds)");
    return check_claim(arena, values[1], claim, err);
}

int sigv4_claim_parse(struct arena *arena, const char *authorization, const char *query,
                      const char *amz_date_header, struct sigv4_claim *claim, struct error *err)
{
    *claim = (struct sigv4_claim){0};
    if ((authorization && strlen(authorization) > LONGEST_CLAIM) || (query && strlen(query) > LONGEST_CLAIM))
        return malformed(err, "length");
    if (authorization)
        return read_header(arena, authorization, amz_date_header, claim, err);
    if (query && strstr(query, "X-Amz-Signature="))
        return read_presigned(arena, query, claim, err);
    return error_code(err, ERROR_UNAUTHENTICATED, "MissingAuthenticationToken",
                      "the request carries no AWS signature");
}
