/* The contract on a real ZooKeeper server, and what only a store with servers elsewhere can meet. */
#include "base/clock.h"
#include "store/store_contract.h"
#include "store/zookeeper_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SESSION_MS = 4000 };

static struct fixture fixture;

static int open_store(void *context, struct store **store, struct error *err)
{
    (void)context;
    (void)err;
    *store = fixture_open(&fixture, SESSION_MS, NULL, NULL);
    return 0;
}

static void clear(void *context)
{
    (void)context;
    fixture_clear(&fixture);
}

int main(void)
{
    struct error err = {0};
    if (fixture_start(&fixture, 1, "::1", &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    struct store_contract contract = {.name = "zookeeper contract", .open = open_store, .clear = clear};
    int failed = store_contract_run(&contract);
    fixture_stop(&fixture);
    return failed;
}
