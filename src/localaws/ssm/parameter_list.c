/* DescribeParameters. */
#include "localaws/ssm/parameter.h"

#include "base/text.h"

#include <string.h>

enum { LIST_MOST = 50 };

static bool value_passes(const struct parameter *parameter, const char *key, const char *option,
                         const char *value)
{
    bool begins = text_equal(option, "BeginsWith"), contains = text_equal(option, "Contains");
    if (text_equal(key, "Name"))
        return begins     ? text_starts(parameter->name, value)
               : contains ? strstr(parameter->name, value) != NULL
                          : text_equal(parameter->name, value);
    if (text_equal(key, "Type"))
        return text_equal(parameter->type, value);
    if (text_equal(key, "KeyId"))
        return text_equal(parameter->key, value);
    if (text_equal(key, "Path")) {
        size_t length = strlen(value) - text_ends(value, "/");
        return text_starts(parameter->name, value) && parameter->name[length] == '/' &&
               (text_equal(option, "Recursive") || !strchr(parameter->name + length + 1, '/'));
    }
    for (size_t i = 0; text_starts(key, "tag:") && i < parameter->tag_count; i++)
        if (text_equal(parameter->tags[i].key, key + 4) && text_equal(parameter->tags[i].value, value))
            return true;
    return false;
}

static int passes(struct call *call, const struct parameter *parameter, bool *does, struct error *err)
{
    static const char *const keys[] = {"Name", "Type", "KeyId", "Path"};
    size_t index, at;
    json_t *filter, *value;
    *does = true;
    if (json_object_get(call->json, "Filters"))
        return ssm_invalid(call, err, "Filters are not supported by this region; ParameterFilters are.");
    json_array_foreach(json_object_get(call->json, "ParameterFilters"), index, filter) {
        const char *key = json_member_text(filter, "Key"), *option = json_member_text(filter, "Option");
        bool known = key && text_starts(key, "tag:"), any = false;
        for (size_t i = 0; i < COUNT_OF(keys); i++)
            known |= text_equal(key, keys[i]);
        if (!known)
            return call_fail(call, err, 400, "InvalidFilterKey", "The specified filter key isn't valid.");
        json_array_foreach(json_object_get(filter, "Values"), at, value)
            any |= json_is_string(value) && value_passes(parameter, key, option, json_string_value(value));
        *does &= any;
    }
    return 0;
}

int describe_parameters(struct call *call, struct error *err)
{
    json_t *answer = json_pack("{s:[]}", "Parameters");
    const struct parameter *parameter;
    for (size_t at = 0; (parameter = table_next(&ssm_of(call->account)->parameters, &at));) {
        bool wanted;
        if (passes(call, parameter, &wanted, err) < 0) {
            json_decref(answer);
            return -1;
        }
        if (!wanted)
            continue;
        json_array_append_new(json_object_get(answer, "Parameters"),
                              json_pack("{s:s, s:s, s:s, s:s*, s:o, s:s*, s:s*, s:s*, s:I, s:s, s:[], s:s}",
                                        "Name", parameter->name, "ARN", parameter_arn(call, parameter->name),
                                        "Type", parameter->type, "KeyId", parameter->key, "LastModifiedDate",
                                        ssm_time(parameter->modified_ms), "LastModifiedUser", parameter->user,
                                        "Description", parameter->description, "AllowedPattern",
                                        parameter->pattern, "Version", (json_int_t)parameter->version, "Tier",
                                        "Standard", "Policies", "DataType", parameter->data_type));
    }
    return ssm_page(call, answer, "Parameters", "Name", LIST_MOST, err);
}
