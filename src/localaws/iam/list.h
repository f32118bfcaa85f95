/* Lists of IAM in pages: MaxItems and Marker in, IsTruncated and Marker out. Begin, add what there is, put.
 */
#ifndef LOCALAWS_IAM_LIST_H
#define LOCALAWS_IAM_LIST_H

#include "localaws/iam/iam.h"

struct iam_list {
    struct call *call;
    int64_t most;
    const char *after; /* the last name of the page before; NULL: none was */
    struct iam_entry {
        const char *name;
        const void *item;
    } * entries; /* in the call's arena */
    size_t count, room;
};

int iam_list_begin(struct call *call, struct iam_list *list, struct error *err);
/* `name` sorts it and tells it from the others. */
void iam_list_add(struct iam_list *list, const char *name, const void *item);
/* <element><member>...</member></element><IsTruncated/><Marker/> */
typedef void iam_put(struct call *call, const char *element, const void *item);
void iam_list_put(struct iam_list *list, const char *element, iam_put *put);
/* For what is written differently: sorts, and gives how many entries are on this page; then the end. */
size_t iam_list_page(struct iam_list *list);
void iam_list_end(const struct iam_list *list);

iam_put put_name; /* the item is a text */
iam_put put_tag;
int iam_list_tags(struct call *call, const struct tag *tags, size_t count, struct error *err);
/* Roles, users or groups, by PathPrefix: a whole List action. */
int iam_list_principals(struct call *call, const struct table *table, const char *type, const char *element,
                        iam_put *put, struct error *err);

#endif
