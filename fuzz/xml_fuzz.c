/* XML from outside: refused or a tree that can be walked. */
#include "base/xml.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void walk(struct arena *arena, xmlNode *node)
{
    xml_attribute(arena, node, "id");
    xml_content(arena, node);
    for (xmlNode *child = xml_first(node, NULL); child; child = xml_next(child, NULL))
        walk(arena, child);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    xmlNode *root;
    if (xml_parse(arena, "input", (const char *)bytes, length, &root, NULL) == 0)
        walk(arena, root);
    return 0;
}
