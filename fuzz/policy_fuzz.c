/* A policy document, and a request judged by what could be read of it. */
#include "policy/policy.h"

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *text = arena_strndup(arena, (const char *)bytes, length);
    static const struct policy_value facts[] = {
        {"aws:SecureTransport", "true"}, {"aws:CurrentTime", "2026-06-01T12:00:00Z"},
        {"aws:SourceIp", "10.0.0.1"},    {"aws:TagKeys", "a"},
        {"aws:TagKeys", "b*"},           {"s3:max-keys", "10"},
    };
    const struct policy_request request = {
        .action = "s3:GetObject",
        .resource = "arn:aws:s3:::bucket/key",
        .principal_arn = "arn:aws:iam::111111111111:role/r",
        .session_arn = "arn:aws:sts::111111111111:assumed-role/r/s",
        .account = "111111111111",
        .context = facts,
        .context_count = COUNT_OF(facts),
    };
    for (enum policy_kind kind = POLICY_IDENTITY; kind <= POLICY_RESOURCE; kind++) {
        struct policy *policy;
        struct policy_verdict verdict = {0};
        if (policy_parse(arena, text, kind, &policy, NULL) == 0)
            policy_judge(policy, &request, &verdict);
    }
    return 0;
}
