/* Lists in pages: sorted by name, so that a marker (the last name of a page) stays good while things come and
 * go. */
#include "localaws/iam/list.h"

#include "base/text.h"
#include "localaws/resource/answer.h"

#include <string.h>

enum { PAGE_DEFAULT = 100, PAGE_LARGEST = 1000 };

int iam_list_begin(struct call *call, struct iam_list *list, struct error *err)
{
    const char *marker = call_parameter(call, "Marker");
    unsigned char *after = NULL;
    size_t length;
    *list = (struct iam_list){.call = call};
    if (call_number(call, "MaxItems", 1, PAGE_LARGEST, PAGE_DEFAULT, &list->most, err) < 0)
        return call_fail(call, err, 400, "ValidationError", "%s", err ? err->message : "MaxItems");
    if (marker && (base64_decode(call->arena, marker, &after, &length, NULL) < 0 || !length))
        return call_fail(call, err, 400, "ValidationError", "Invalid Marker.");
    list->after = (const char *)after;
    return 0;
}

void iam_list_add(struct iam_list *list, const char *name, const void *item)
{
    if (list->after && strcmp(name, list->after) <= 0)
        return;
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 32;
        struct iam_entry *entries = arena_alloc(list->call->arena, room * sizeof *entries);
        if (list->count)
            memcpy(entries, list->entries, list->count * sizeof *entries);
        list->entries = entries;
        list->room = room;
    }
    list->entries[list->count++] = (struct iam_entry){name, item};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct iam_entry *)a)->name, ((const struct iam_entry *)b)->name);
}

size_t iam_list_page(struct iam_list *list)
{
    if (list->count)
        qsort(list->entries, list->count, sizeof *list->entries, by_name);
    return list->count < (size_t)list->most ? list->count : (size_t)list->most;
}

void iam_list_end(const struct iam_list *list)
{
    struct buffer *out = &list->call->answer;
    bool more = list->count > (size_t)list->most;
    put_bool(out, "IsTruncated", more);
    if (!more)
        return;
    const char *last = list->entries[list->most - 1].name;
    put_text(out, "Marker", base64_encode(list->call->arena, last, strlen(last)));
}

void iam_list_put(struct iam_list *list, const char *element, iam_put *put)
{
    struct buffer *out = &list->call->answer;
    size_t count = iam_list_page(list);
    put_open(out, element);
    for (size_t i = 0; i < count; i++)
        put(list->call, "member", list->entries[i].item);
    put_close(out, element);
    iam_list_end(list);
}

void put_name(struct call *call, const char *element, const void *name)
{
    put_text(&call->answer, element, name);
}

void put_tag(struct call *call, const char *element, const void *item)
{
    const struct tag *tag = item;
    put_open(&call->answer, element);
    put_text(&call->answer, "Key", tag->key);
    put_text(&call->answer, "Value", tag->value ? tag->value : "");
    put_close(&call->answer, element);
}

int iam_list_tags(struct call *call, const struct tag *tags, size_t count, struct error *err)
{
    struct iam_list list;
    if (iam_list_begin(call, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        iam_list_add(&list, tags[i].key, &tags[i]);
    iam_list_put(&list, "Tags", put_tag);
    return 0;
}

int iam_list_principals(struct call *call, const struct table *table, const char *type, const char *element,
                        iam_put *put, struct error *err)
{
    struct iam_list list;
    const char *arn = arena_format(call->arena, "arn:aws:iam::%s:%s/", call->account->id, type);
    const char *prefix = call_parameter(call, "PathPrefix");
    if (iam_authorize(call, arn, err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    const struct principal *principal;
    for (size_t at = 0; (principal = table_next(table, &at));)
        if (!prefix || text_starts(principal->path, prefix))
            iam_list_add(&list, principal->name, principal);
    iam_list_put(&list, element, put);
    return 0;
}
