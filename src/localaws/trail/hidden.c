#include "localaws/trail/hidden.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

/* As CloudTrail hides them: EC2 in words of its own, KMS by leaving them out. */
#define REMOVED "<sensitiveDataRemoved>"
#define HIDDEN  "HIDDEN_DUE_TO_SECURITY_REASONS"

static const struct {
    const char *service; /* NULL: any */
    const char *name;
    const char *form;
} hidden[] = {
    {"ec2", "LaunchTemplateData.UserData", REMOVED},
    {"ec2", "UserData", REMOVED},
    {"ec2", "UserData.Value", REMOVED},
    {"ec2", "PublicKeyMaterial", REMOVED},
    {"ec2", "KeyMaterial", REMOVED},
    {"kms", "Plaintext", ""},
    {"kms", "CiphertextBlob", ""},
    {"kms", "PrivateKeyPlaintext", ""},
    {"kms", "ImportToken", ""},
    {"kms", "GrantToken", ""},
    {"kms", "GrantTokens", ""},
    {"kms", "Message", ""},
    {"kms", "Mac", ""},
    {"ssm", "Content", HIDDEN},
    {"ssm", "Parameters", HIDDEN}, /* of a command: what it runs */
    {"ssm", "Value", HIDDEN},
    {"ssm", "TokenValue", HIDDEN},
    {"ssm", "StandardOutputContent", HIDDEN},
    {"ssm", "StandardErrorContent", HIDDEN},
    {NULL, "SecretAccessKey", ""},
    {NULL, "SessionToken", HIDDEN},
    {NULL, "Password", HIDDEN},
    {NULL, "PrivateKey", HIDDEN},
    {NULL, "TokenCode", HIDDEN},
    {NULL, "WebIdentityToken", HIDDEN},
    {NULL, "SAMLAssertion", HIDDEN},
};

const char *hidden_form(const char *service, const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(hidden); i++)
        if (strlen(hidden[i].name) == length && strncasecmp(hidden[i].name, name, length) == 0 &&
            (!hidden[i].service || text_equal(hidden[i].service, service)))
            return hidden[i].form;
    return NULL;
}
