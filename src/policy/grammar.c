#include "policy/grammar.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

bool grammar_action(const char *text)
{
    const char *colon = strchr(text, ':');
    if (!colon)
        return strcmp(text, "*") == 0;
    return colon != text &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-*") ==
               (size_t)(colon - text) &&
           text_only(colon + 1, "A-Za-z0-9*?") && colon[1];
}

bool grammar_sts_action(const char *text)
{
    return strncasecmp(text, "sts:", 4) == 0;
}

enum { COLONS_OF_ARN = 5 };

/* Where the resource's own part of an ARN begins; NULL when it is none. */
static const char *fifth_colon(const char *text)
{
    for (int i = 0; text && i < COLONS_OF_ARN; i++) {
        text = strchr(text, ':');
        text = text ? text + 1 : NULL;
    }
    return text;
}

bool grammar_resource(const char *text)
{
    const char *own = fifth_colon(text);
    return strspn(text, "*") == strlen(text) || (text_starts(text, "arn:") && own);
}

bool grammar_variables(const char *text)
{
    const char *variable = strstr(text, "${"), *own = fifth_colon(text);
    return !variable || (own && variable >= own);
}

static bool is_account(const char *text, size_t length)
{
    return length == 12 && strspn(text, "0123456789") >= length;
}

/* "arn:aws:iam::111111111111:role/x", "arn:aws:sts::111111111111:assumed-role/x/y". */
static bool is_principal_arn(const char *text)
{
    const char *own = fifth_colon(text);
    if (!own || !text_starts(text, "arn:aws") || strpbrk(text, "*?"))
        return false;
    const char *iam = strstr(text, ":iam::"), *sts = strstr(text, ":sts::");
    const char *account = iam ? iam + 6 : sts ? sts + 6 : NULL;
    if (!account || account >= own)
        return false;
    if (iam && text_starts(account, "cloudfront:user/"))
        return true;
    static const char *const of_iam[] = {"role/", "user/", NULL}, *const of_sts[] = {"assumed-role/",
                                                                                     "federated-user/",
                                                                                     "self", NULL};
    if (!is_account(account, (size_t)(own - 1 - account)))
        return false;
    for (const char *const *type = iam ? of_iam : of_sts; *type; type++)
        if (text_starts(own, *type))
            return true;
    return iam && strcmp(own, "root") == 0;
}

/* What AWS writes in the place of a user or role that was deleted: "AROAXXXXXXXXXXXXXXXXX". */
static bool is_unique_id(const char *text)
{
    return strlen(text) >= 16 && *text == 'A' && text_only(text, "A-Z0-9");
}

bool grammar_principal(const char *text)
{
    return strcmp(text, "*") == 0 || is_account(text, strlen(text)) || is_principal_arn(text) ||
           is_unique_id(text);
}

bool grammar_service(const char *text)
{
    return strcmp(text, "*") == 0 || (strchr(text, '.') && text_only(text, "a-zA-Z0-9.-"));
}

bool grammar_sid(const char *text)
{
    return text_only(text, "A-Za-z0-9");
}
