/* KMS's lists, page by page: Limit, Marker, Truncated. */
#include "localaws/kms/kms.h"

#include "base/text.h"

#include <string.h>

/* What an item goes by: itself, or its member `id`. */
static const char *name_of(struct call *call, const json_t *item, const char *id)
{
    const json_t *member = json_is_string(item) ? item : json_object_get(item, id);
    return json_is_number(member) ? arena_format(call->arena, "%.3f", json_number_value(member))
                                  : json_string_value(member);
}

/* Where the page begins: behind the item that the marker names, the last one of the page before. */
static int find_marker(struct call *call, const json_t *list, const char *id, size_t *first,
                       struct error *err)
{
    const char *marker = kms_text(call, "Marker");
    unsigned char *text;
    size_t length;
    *first = 0;
    if (!marker)
        return 0;
    if (base64_decode(call->arena, marker, &text, &length, NULL) == 0)
        for (size_t i = 0; i < json_array_size(list); i++)
            if (text_equal(name_of(call, json_array_get(list, i), id), (const char *)text)) {
                *first = i + 1;
                return 0;
            }
    return call_fail(call, err, 400, "InvalidMarkerException", "Could not deserialize the marker");
}

static int find_limit(struct call *call, size_t usual, size_t most, size_t *limit, struct error *err)
{
    const json_t *number = json_object_get(call->json, "Limit");
    json_int_t value = number ? json_integer_value(number) : (json_int_t)usual;
    if ((number && !json_is_integer(number)) || value < 1 || value > (json_int_t)most)
        return call_fail(call, err, 400, "ValidationException", "Limit is a number from 1 to %zu", most);
    *limit = (size_t)value;
    return 0;
}

int kms_answer_page(struct call *call, const struct kms_list *kind, json_t *all, struct error *err)
{
    size_t first, limit = 0;
    if (find_marker(call, all, kind->id, &first, err) < 0 ||
        find_limit(call, kind->usual, kind->most, &limit, err) < 0) {
        json_decref(all);
        return -1;
    }
    json_t *page = json_array();
    for (size_t i = first; i < json_array_size(all) && i < first + limit; i++)
        json_array_append(page, json_array_get(all, i));
    bool more = first + limit < json_array_size(all);
    const json_t *last = json_array_get(page, json_array_size(page) - 1);
    const char *name = name_of(call, last, kind->id);
    json_t *answer = json_pack("{s:o, s:b}", kind->member, page, "Truncated", more);
    if (more)
        json_object_set_new(answer, "NextMarker",
                            json_string(base64_encode(call->arena, name, strlen(name))));
    json_decref(all);
    kms_answer(call, answer);
    return 0;
}
