/* XML from outside, through libxml2 with the network off, entities never expanded and any DTD refused. */
#ifndef BASE_XML_H
#define BASE_XML_H

#include "base/error.h"
#include "base/memory.h"

#include <libxml/tree.h>

enum { XML_LARGEST = 4 << 20 };

/* `name` is the file as a person knows it, for messages. The document is freed with the arena. */
int xml_parse(struct arena *arena, const char *name, const char *text, size_t length, xmlNode **root,
              struct error *err);
/* Element children, in order: for (xmlNode *n = xml_first(parent, "node"); n; n = xml_next(n, "node")); a NULL
 * name takes any element. Namespace prefixes are not part of a name here. */
xmlNode *xml_first(xmlNode *parent, const char *name);
xmlNode *xml_next(xmlNode *node, const char *name);
const char *xml_name(const xmlNode *node);
char *xml_attribute(struct arena *arena, xmlNode *node, const char *name); /* NULL when absent */
char *xml_content(struct arena *arena, xmlNode *node);                     /* text, trimmed; "" when none */
char *xml_child_content(struct arena *arena, xmlNode *parent, const char *name); /* NULL when absent */
long xml_line(const xmlNode *node);

#endif
