/* When each host was last heard: any call of it through the tunnel counts. In memory only: who begins to
 * listen (after a start, or on becoming the leader) has heard nobody yet and holds nobody's silence against
 * it from before. Written by every call of every host, read by judge_health. */
#ifndef CONFIGSERVER_HEARING_H
#define CONFIGSERVER_HEARING_H

#include <stdbool.h>
#include <stdint.h>

struct hearing;
struct hearing *hearing_new(int64_t now_ms);
void hearing_free(struct hearing **hearing);

/* Forgets everyone: we listen from now on. */
void hearing_begin(struct hearing *hearing, int64_t now_ms);
/* We listen, which is to be said again and again: whoever did not for longer than that (its machine was held
 * up, its clock set) has heard nobody meanwhile, and begins anew. Whether it does. */
bool hearing_go_on(struct hearing *hearing, int64_t now_ms, int64_t longest_ms);
/* It is heard. False when it was not heard before; `*before_ms` is then when we began to listen. */
bool hearing_note(struct hearing *hearing, const char *hostname, int64_t now_ms, int64_t *before_ms);
/* Whether it was heard since we began; `*at_ms` is when, or when we began. */
bool hearing_last(struct hearing *hearing, const char *hostname, int64_t *at_ms);

#endif
