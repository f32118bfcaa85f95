/* Views as their makers see them: the repository reads one, a transaction changes one that nobody else has
 * yet. Used inside records/ only. */
#ifndef CONFIGSERVER_VIEW_PARTS_H
#define CONFIGSERVER_VIEW_PARTS_H

#include "configserver/records/sorted.h"
#include "configserver/records/view.h"

struct view *view_new(void);                           /* empty */
struct view *view_copy(const struct view *view);       /* to be changed; costs next to nothing */
const struct view *view_hold(const struct view *view); /* one reference more */

struct entry *view_entry(const struct view *view, enum record_kind kind, const char *key);
/* Of a view that nobody else has. */
void view_put(struct view *view, struct entry *entry); /* holds it for itself */
void view_remove(struct view *view, enum record_kind kind, const char *key);

#endif
