/* Reads requests as JSON from standard input and prints our canonical request and signature of each, for
 * sigv4_botocore_test.py to compare with botocore's. */
#include "aws/sigv4.h"
#include "base/record.h"

#include <stdio.h>

static json_t *sign(struct arena *arena, json_t *request)
{
    struct http_headers headers = {0};
    size_t index;
    json_t *pair;
    json_array_foreach(json_object_get(request, "headers"), index, pair)
        http_headers_add(arena, &headers, json_string_value(json_array_get(pair, 0)),
                         json_string_value(json_array_get(pair, 1)));
    struct sigv4_claim claim;
    struct error err = {0};
    const char *query = json_member_text(request, "query");
    if (sigv4_claim_parse(arena, json_member_text(request, "authorization"), query,
                          json_member_text(request, "amz_date"), &claim, &err) < 0)
        return json_pack("{s:s}", "error", err.message);
    struct sigv4_request to_sign = {json_member_text(request, "method"), json_member_text(request, "path"),
                                    query, &headers, json_member_text(request, "payload_hash")};
    char *canonical = sigv4_canonical_request(arena, &to_sign, &claim.scope, claim.signed_headers);
    char *text = sigv4_string_to_sign(arena, claim.amz_date, &claim.scope, canonical);
    return json_pack("{s:s, s:s}", "canonical", canonical, "signature",
                     sigv4_signature(arena, json_member_text(request, "secret"), &claim.scope, text));
}

int main(void)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *requests = json_loadf(stdin, 0, NULL), *answers = json_array(), *request;
    size_t index;
    json_array_foreach(requests, index, request)
        json_array_append_new(answers, sign(arena, request));
    json_dumpf(answers, stdout, 0);
    json_decref(requests);
    json_decref(answers);
    return 0;
}
