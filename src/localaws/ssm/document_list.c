/* ListDocuments: an account's own and Amazon's. */
#include "localaws/ssm/document.h"

#include "base/text.h"

#include <string.h>

enum { LIST_MOST = 50 };

/* One filter: Name (a beginning), Owner, DocumentType, or a tag. */
static int matches(struct call *call, const json_t *identifier, const json_t *filter, bool *is,
                   struct error *err)
{
    const char *key = json_member_text(filter, "Key"), *value = NULL;
    size_t index;
    json_t *wanted;
    static const char *const members[] = {"Name", "Owner", "DocumentType"};
    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (text_equal(key, members[i]))
            value = json_member_text(identifier, members[i]);
    if (!value)
        return call_fail(call, err, 400, "InvalidFilterKey", "%.60s is no filter this region has.",
                         key ? key : "");
    *is = false;
    json_array_foreach(json_object_get(filter, "Values"), index, wanted) {
        const char *text = json_string_value(wanted);
        bool self = text_equal(key, "Owner") && text_equal(text, "Self");
        *is |= self                      ? text_equal(value, call->account->id)
               : text_equal(key, "Name") ? text && text_starts(value, text)
                                         : text_equal(value, text);
    }
    return 0;
}

static int add_identifier(struct call *call, json_t *list, const struct document_found *found,
                          struct error *err)
{
    size_t index;
    json_t *filter;
    bool wanted = true;
    json_t *whole = document_describe(call, found), *identifier = json_object();
    static const char *const members[] = {"Name",          "Owner",           "CreatedDate",
                                          "PlatformTypes", "DocumentVersion", "DocumentType",
                                          "SchemaVersion", "DocumentFormat",  "Tags"};
    for (size_t i = 0; i < COUNT_OF(members); i++)
        json_object_set(identifier, members[i], json_object_get(whole, members[i]));
    json_decref(whole);
    int result = 0;
    json_array_foreach(json_object_get(call->json, "Filters"), index, filter)
        if (wanted && result == 0)
            result = matches(call, identifier, filter, &wanted, err);
    if (wanted && result == 0)
        json_array_append(list, identifier);
    json_decref(identifier);
    return result;
}

int list_documents(struct call *call, struct error *err)
{
    json_t *answer = json_pack("{s:[]}", "DocumentIdentifiers");
    json_t *list = json_object_get(answer, "DocumentIdentifiers");
    const struct document *document;
    int result = 0;
    for (size_t at = 0; result == 0 && (document = table_next(&ssm_of(call->account)->documents, &at));) {
        struct document_found found = document_latest(call, document);
        result = add_identifier(call, list, &found, err);
    }
    const struct amazon_document *aws;
    for (size_t i = 0; result == 0 && (aws = document_of_amazon_at(i)); i++) {
        if (table_get(&ssm_of(call->account)->documents, aws->name))
            continue;
        struct document_found found = {.name = aws->name,
                                       .type = aws->type,
                                       .version = "1",
                                       .content = aws->content,
                                       .text = aws->content,
                                       .format = "JSON"};
        result = add_identifier(call, list, &found, err);
    }
    if (result == 0)
        return ssm_page(call, answer, "DocumentIdentifiers", "Name", LIST_MOST, err);
    json_decref(answer);
    return -1;
}
