/* What every implementation of the store must do, as one suite of tests: each implementation's test program
 * says how to open it and runs them all. */
#ifndef STORE_STORE_CONTRACT_H
#define STORE_STORE_CONTRACT_H

#include "store/store.h"

struct store_contract {
    const char *name;
    /* An empty tree at first; the same tree when opened again after store_close. */
    int (*open)(void *context, struct store **store, struct error *err);
    void (*clear)(void *context); /* between tests, with no store open: the next open finds an empty tree */
    void *context;
};

int store_contract_run(struct store_contract *contract); /* the number of failed tests */

#endif
