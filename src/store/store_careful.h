/* How a caller has to treat STORE_LOST, as a store around another one: it reads before it tries again. Every
 * write carries a mark of its own in the same multi, so that reading tells whether it happened, whatever
 * others did meanwhile. For tests: the contract must hold on it when the store inside loses answers. */
#ifndef STORE_STORE_CAREFUL_H
#define STORE_STORE_CAREFUL_H

#include "store/store.h"

/* The new store owns the one inside. Its marks are below "/.marks", which it hides. */
struct store *store_open_careful(struct store *inside);

#endif
