/* Documents of a content node, in one SQLite database with a full-text index over every text in them. */
#ifndef ALBUM_SEARCH_INDEX_H
#define ALBUM_SEARCH_INDEX_H

#include "service.h"

int index_open(const char *path, struct index **index, struct error *err);
void index_close(struct index **index);
/* Durable when it returns. `fields` is a JSON object. */
int index_put(struct index *index, const struct document_id *id, json_t *fields, struct error *err);
/* ERROR_NOT_FOUND when there is none; `*fields` is owned by the arena. */
int index_get(struct index *index, struct arena *arena, const struct document_id *id, json_t **fields,
              struct error *err);
int index_delete(struct index *index, const struct document_id *id, struct error *err);
/* Documents with any of the words, best first; the first `query->offset + query->hits` of them, all of them
 * counted. */
int index_search(struct index *index, struct arena *arena, const struct query *query, struct hits *hits,
                 struct error *err);
int64_t index_count(struct index *index);

#endif
