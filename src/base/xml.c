#include "base/xml.h"

#include "base/text.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <string.h>

static void free_document(void *document)
{
    xmlFreeDoc(document);
}

static int refuse(const char *name, xmlParserCtxtPtr parser, struct error *err)
{
    const xmlError *last = xmlCtxtGetLastError(parser);
    const char *why = last && last->message ? last->message : "no root element";
    return error_set(err, ERROR_INVALID, "%s is not well-formed XML: line %d: %.*s", name, last ? last->line : 1,
                     (int)strcspn(why, "\n"), why);
}

int xml_parse(struct arena *arena, const char *name, const char *text, size_t length, xmlNode **root,
              struct error *err)
{
    if (length > XML_LARGEST)
        return error_set(err, ERROR_INVALID, "%s is larger than %d bytes", name, XML_LARGEST);
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    if (!parser)
        abort();
    xmlDocPtr document = xmlCtxtReadMemory(parser, text, (int)length, NULL, NULL,
                                           XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                               XML_PARSE_NOCDATA | XML_PARSE_COMPACT);
    int result = document ? 0 : refuse(name, parser, err);
    xmlFreeParserCtxt(parser);
    if (result < 0)
        return -1;
    arena_defer(arena, free_document, document);
    if (document->intSubset || document->extSubset)
        return error_set(err, ERROR_INVALID, "%s has a DOCTYPE, which is not allowed: remove it", name);
    *root = xmlDocGetRootElement(document);
    return 0;
}

static xmlNode *matching(xmlNode *node, const char *name)
{
    for (; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE && (!name || text_equal((const char *)node->name, name)))
            return node;
    return NULL;
}

xmlNode *xml_first(xmlNode *parent, const char *name)
{
    return parent ? matching(parent->children, name) : NULL;
}

xmlNode *xml_next(xmlNode *node, const char *name)
{
    return matching(node->next, name);
}

const char *xml_name(const xmlNode *node)
{
    return (const char *)node->name;
}

char *xml_attribute(struct arena *arena, xmlNode *node, const char *name)
{
    xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)name);
    if (!value)
        return NULL;
    char *copy = arena_strdup(arena, (const char *)value);
    xmlFree(value);
    return copy;
}

char *xml_content(struct arena *arena, xmlNode *node)
{
    xmlChar *value = xmlNodeGetContent(node);
    char *copy = text_trim(arena, value ? (const char *)value : "");
    xmlFree(value);
    return copy;
}

char *xml_child_content(struct arena *arena, xmlNode *parent, const char *name)
{
    xmlNode *child = xml_first(parent, name);
    return child ? xml_content(arena, child) : NULL;
}

long xml_line(const xmlNode *node)
{
    return xmlGetLineNo(node);
}
