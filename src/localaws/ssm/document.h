/* What the files about documents share. */
#ifndef LOCALAWS_SSM_DOCUMENT_H
#define LOCALAWS_SSM_DOCUMENT_H

#include "localaws/ssm/ssm.h"

struct amazon_document {
    const char *name, *type, *content;
};
const struct amazon_document *document_of_amazon(const char *name); /* NULL: there is none of that name */
const struct amazon_document *document_of_amazon_at(size_t at);     /* NULL after the last */

json_t *document_describe(struct call *call, const struct document_found *found); /* a DocumentDescription */
struct document_found document_latest(struct call *call, const struct document *document);

#endif
