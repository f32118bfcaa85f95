/* Several repositories on one store: who writes, who follows, and what becomes of a write whose outcome
 * nobody was told. */
#include "configserver/records/repository.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum trouble {
    FINE,
    LOST_BUT_WRITTEN,  /* each write happens, and nobody is told */
    LOST_NOT_WRITTEN,  /* none happens, and nobody is told */
    SLOW,              /* each write takes a while */
    SILENT,            /* nothing is answered, nothing happens */
    WRITTEN_AND_SILENT /* the next write happens, then nothing is answered */
};

struct server {
    struct store *store;
    struct repository *repository;
    pthread_mutex_t lock; /* what follows, where writers are several */
    enum trouble trouble;
    int times;                /* the trouble ends after so many writes; 0: not by itself */
    int reads;                /* records read */
    int writes;               /* multis tried */
    struct arena *late_arena; /* when there is one: the write tried last, as it would arrive late */
    struct store_operation *late;
    size_t late_count;
    char told[400]; /* hosts and accounts of the last notification */
    int tellings, told_late;
};

struct bench {
    struct memory_tree *tree;
    struct server servers[2];
};

static enum store_result decide(struct server *server, enum memory_moment moment)
{
    bool after = moment == MEMORY_AFTER_WRITE;
    server->reads += moment == MEMORY_READ;
    server->writes += moment == MEMORY_BEFORE_WRITE;
    switch (server->trouble) {
    case FINE:
        return STORE_OK;
    case SLOW:
        if (moment == MEMORY_BEFORE_WRITE)
            clock_sleep_ms(5);
        return STORE_OK;
    case SILENT:
        return STORE_LOST;
    case WRITTEN_AND_SILENT:
        if (after)
            server->trouble = SILENT;
        return after ? STORE_LOST : STORE_OK;
    default:
        if (moment == MEMORY_READ || after != (server->trouble == LOST_BUT_WRITTEN))
            return STORE_OK;
        if (--server->times == 0)
            server->trouble = FINE;
        return STORE_LOST;
    }
}

static void keep_late(struct server *server, const struct store_operation *operations, size_t count)
{
    server->late = arena_alloc(server->late_arena, count * sizeof *server->late);
    server->late_count = count;
    for (size_t i = 0; i < count; i++) {
        server->late[i] = operations[i];
        server->late[i].path = arena_strdup(server->late_arena, operations[i].path);
        if (operations[i].value)
            server->late[i].value =
                arena_strndup(server->late_arena, operations[i].value, operations[i].length);
    }
}

static enum store_result meet(void *context, enum memory_moment moment,
                              const struct store_operation *operations, size_t count)
{
    struct server *server = context;
    pthread_mutex_lock(&server->lock);
    if (server->late_arena && moment == MEMORY_BEFORE_WRITE && !server->late)
        keep_late(server, operations, count);
    enum store_result result = decide(server, moment);
    pthread_mutex_unlock(&server->lock);
    return result;
}

static void note(void *context, const struct touched *touched)
{
    struct server *server = context;
    pthread_mutex_lock(&server->lock);
    server->told[0] = '\0';
    server->tellings++;
    server->told_late += touched->late;
    for (size_t i = 0; i < touched->account_count; i++)
        snprintf(server->told + strlen(server->told), sizeof server->told - strlen(server->told), "%s ",
                 touched->accounts[i]);
    pthread_mutex_unlock(&server->lock);
}

static void open_server(struct bench *bench, struct server *server)
{
    struct error err;
    pthread_mutex_init(&server->lock, NULL);
    if (store_open_memory(bench->tree, &server->store, &err) < 0 ||
        repository_open(server->store, &server->repository, &err) < 0)
        fail_msg("%s", err.message);
    repository_on_change(server->repository, note, server);
    store_memory_hook(server->store, meet, server);
}

static int begin(void **state)
{
    struct bench *bench = memory_alloc(sizeof *bench);
    bench->tree = memory_tree_new();
    open_server(bench, &bench->servers[0]);
    open_server(bench, &bench->servers[1]);
    *state = bench;
    return 0;
}

static int end(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < 2; i++) {
        repository_close(&bench->servers[i].repository);
        store_close(&bench->servers[i].store);
    }
    memory_tree_free(&bench->tree);
    free(bench);
    return 0;
}

static void lead(struct server *server, const char *name)
{
    struct error err;
    if (repository_lead(server->repository, name, &err) < 0)
        fail_msg("%s", err.message);
}

static int write_account(struct server *server, unsigned number, const char *tenant, struct error *err)
{
    struct transaction *transaction = transaction_begin(server->repository);
    char id[16];
    snprintf(id, sizeof id, "%012u", number);
    const struct account account = {id, tenant, "external"};
    transaction_put(transaction, RECORD_ACCOUNT, &account);
    return transaction_commit(&transaction, err);
}

static const char *tenant_of(struct server *server, unsigned number)
{
    static const char *const known[] = {"acme", "globex", "initech"};
    char id[16];
    snprintf(id, sizeof id, "%012u", number);
    VIEW(view, server->repository);
    const struct account *account = view_find(view, RECORD_ACCOUNT, id);
    for (size_t i = 0; account && i < COUNT_OF(known); i++)
        if (text_equal(account->tenant, known[i]))
            return known[i];
    return "";
}

static void who_does_not_lead_writes_nothing(void **state)
{
    struct bench *bench = *state;
    struct error err;
    assert_int_equal(write_account(&bench->servers[0], 1, "acme", &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    lead(&bench->servers[0], "cfg1");
    assert_true(repository_leads(bench->servers[0].repository));
    assert_int_equal(write_account(&bench->servers[0], 1, "acme", &err), 0);
    repository_follow(bench->servers[0].repository);
    assert_int_equal(write_account(&bench->servers[0], 1, "globex", &err), -1);
    assert_string_equal(tenant_of(&bench->servers[0], 1), "acme");
}

static void a_deposed_leaders_write_fails_and_changes_nothing(void **state)
{
    struct bench *bench = *state;
    struct server *old = &bench->servers[0], *next = &bench->servers[1];
    struct error err;
    lead(old, "cfg1");
    assert_int_equal(write_account(old, 1, "acme", &err), 0);
    lead(next, "cfg2");
    assert_string_equal(tenant_of(next, 1), "acme");
    assert_true(repository_epoch(next->repository) > repository_epoch(old->repository));
    assert_true(repository_leads(old->repository)); /* it does not know yet */
    assert_int_equal(write_account(old, 1, "globex", &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_false(repository_leads(old->repository));
    assert_string_equal(tenant_of(old, 1), "acme");
    assert_int_equal(write_account(next, 2, "initech", &err), 0);
    assert_int_equal(repository_catch_up(old->repository, &err), 0);
    assert_string_equal(tenant_of(old, 1), "acme");
    assert_string_equal(tenant_of(old, 2), "initech");
    lead(old, "cfg1");
    assert_int_equal(write_account(old, 1, "globex", &err), 0);
    assert_int_equal(write_account(next, 2, "acme", &err), -1);
}

static void a_leader_that_asks_learns_that_it_leads_no_more(void **state)
{
    struct bench *bench = *state;
    struct server *old = &bench->servers[0], *next = &bench->servers[1];
    struct error err;
    assert_int_equal(repository_confirm(old->repository, &err), -1);
    lead(old, "cfg1");
    assert_int_equal(repository_confirm(old->repository, &err), 0);
    old->trouble = SILENT;
    assert_int_equal(repository_confirm(old->repository, &err), -1); /* nobody can say: it leads on */
    assert_true(repository_leads(old->repository));
    old->trouble = FINE;
    lead(next, "cfg2");
    assert_true(repository_leads(old->repository));
    assert_int_equal(repository_confirm(old->repository, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_false(repository_leads(old->repository));
    assert_int_equal(repository_confirm(next->repository, &err), 0);
}

static void a_follower_reads_what_changed_and_no_more(void **state)
{
    struct bench *bench = *state;
    struct server *leader = &bench->servers[0], *follower = &bench->servers[1];
    struct error err;
    lead(leader, "cfg1");
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(write_account(leader, i, "acme", &err), 0);
    assert_int_equal(repository_catch_up(follower->repository, &err), 0);
    assert_string_equal(tenant_of(follower, 199), "acme");
    follower->reads = follower->tellings = 0;
    assert_int_equal(write_account(leader, 7, "globex", &err), 0);
    struct transaction *transaction = transaction_begin(leader->repository);
    transaction_remove(transaction, RECORD_ACCOUNT, "000000000009");
    assert_int_equal(transaction_commit(&transaction, &err), 0);
    assert_int_equal(repository_catch_up(follower->repository, &err), 0);
    assert_string_equal(tenant_of(follower, 7), "globex");
    assert_string_equal(tenant_of(follower, 8), "acme");
    assert_string_equal(tenant_of(follower, 9), "");
    assert_true(follower->reads < 10);
    assert_string_equal(follower->told, "000000000007 000000000009 ");
    assert_int_equal(repository_catch_up(follower->repository, &err), 0);
    assert_int_equal(follower->tellings, 1); /* nothing new is no news */
}

static void a_follower_that_missed_too_much_reads_everything(void **state)
{
    struct bench *bench = *state;
    struct server *leader = &bench->servers[0], *follower = &bench->servers[1];
    struct error err;
    lead(leader, "cfg1");
    assert_int_equal(write_account(leader, 1, "acme", &err), 0);
    assert_int_equal(write_account(leader, 2, "acme", &err), 0);
    assert_int_equal(repository_catch_up(follower->repository, &err), 0);
    struct transaction *transaction = transaction_begin(leader->repository);
    transaction_remove(transaction, RECORD_ACCOUNT, "000000000002");
    assert_int_equal(transaction_commit(&transaction, &err), 0);
    for (unsigned i = 0; i < 2500; i++)
        assert_int_equal(write_account(leader, 3, i % 2 ? "globex" : "initech", &err), 0);
    assert_int_equal(repository_catch_up(follower->repository, &err), 0);
    assert_string_equal(tenant_of(follower, 1), "acme");
    assert_string_equal(tenant_of(follower, 2), "");
    assert_string_equal(tenant_of(follower, 3), "globex");
    lead(follower, "cfg2");
    assert_int_equal(write_account(follower, 3, "acme", &err), 0); /* it knows the versions, too */
}

static void a_lost_write_that_happened_is_seen_to_have(void **state)
{
    struct bench *bench = *state;
    struct server *leader = &bench->servers[0];
    struct error err;
    lead(leader, "cfg1");
    assert_int_equal(write_account(leader, 1, "acme", &err), 0);
    leader->trouble = LOST_BUT_WRITTEN;
    leader->times = 1;
    assert_int_equal(write_account(leader, 1, "globex", &err), 0);
    assert_string_equal(tenant_of(leader, 1), "globex");
    assert_int_equal(write_account(leader, 1, "initech", &err), 0);
    assert_int_equal(repository_catch_up(bench->servers[1].repository, &err), 0);
    assert_string_equal(tenant_of(&bench->servers[1], 1), "initech");
}

static void a_lost_write_that_did_not_happen_never_does(void **state)
{
    struct bench *bench = *state;
    struct server *leader = &bench->servers[0];
    struct error err;
    lead(leader, "cfg1");
    assert_int_equal(write_account(leader, 1, "acme", &err), 0);
    leader->trouble = LOST_NOT_WRITTEN;
    leader->times = 1;
    assert_int_equal(write_account(leader, 1, "globex", &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_string_equal(tenant_of(leader, 1), "acme");
    assert_true(repository_leads(leader->repository));
    assert_int_equal(write_account(leader, 1, "initech", &err), 0);
    assert_string_equal(tenant_of(leader, 1), "initech");
}

/* The network kept it: it arrives after we said that it did not happen, and after we wrote something else. */
static void a_write_that_arrives_late_finds_the_door_shut(void **state)
{
    struct bench *bench = *state;
    struct server *leader = &bench->servers[0];
    struct error err;
    lead(leader, "cfg1");
    assert_int_equal(write_account(leader, 1, "acme", &err), 0);
    leader->late_arena = arena_new();
    leader->trouble = LOST_NOT_WRITTEN;
    leader->times = 1;
    assert_int_equal(write_account(leader, 1, "globex", &err), -1);
    assert_int_equal(store_multi(bench->servers[1].store, leader->late, leader->late_count, NULL, NULL),
                     STORE_BADVERSION);
    assert_int_equal(write_account(leader, 2, "initech", &err), 0);
    assert_int_equal(store_multi(bench->servers[1].store, leader->late, leader->late_count, NULL, NULL),
                     STORE_BADVERSION);
    assert_int_equal(repository_catch_up(bench->servers[1].repository, &err), 0);
    assert_string_equal(tenant_of(&bench->servers[1], 1), "acme");
    arena_free(&leader->late_arena);
}

static void while_an_outcome_is_unknown_nothing_else_is_written_and_reads_go_on(void **state)
{
    static const enum trouble troubles[] = {SILENT, WRITTEN_AND_SILENT};
    for (size_t i = 0; i < COUNT_OF(troubles); i++) {
        struct bench *bench = *state;
        struct server *leader = &bench->servers[0];
        struct error err;
        lead(leader, "cfg1");
        assert_int_equal(write_account(leader, 1, "acme", &err), 0);
        leader->trouble = troubles[i];
        assert_int_equal(write_account(leader, 1, "globex", &err), -1);
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
        assert_int_equal(write_account(leader, 2, "globex", &err), -1);
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
        assert_string_equal(tenant_of(leader, 1), "acme");
        int tellings = leader->tellings;
        leader->trouble = FINE;
        assert_int_equal(write_account(leader, 3, "initech", &err), 0);
        bool written = troubles[i] == WRITTEN_AND_SILENT;
        assert_string_equal(tenant_of(leader, 1), written ? "globex" : "acme");
        assert_string_equal(tenant_of(leader, 2), "");
        assert_int_equal(leader->tellings - tellings, written ? 2 : 1); /* what came true is told */
        assert_int_equal(leader->told_late, written);
        assert_int_equal(repository_catch_up(bench->servers[1].repository, &err), 0);
        assert_string_equal(tenant_of(&bench->servers[1], 1), tenant_of(leader, 1));
    }
}

static void an_unknown_outcome_is_settled_although_another_leads_now(void **state)
{
    static const enum trouble troubles[] = {SILENT, WRITTEN_AND_SILENT};
    for (size_t i = 0; i < COUNT_OF(troubles); i++) {
        struct bench *bench = *state;
        struct server *old = &bench->servers[i], *next = &bench->servers[1 - i];
        struct error err;
        lead(old, "cfg1");
        assert_int_equal(write_account(old, 1, "acme", &err), 0);
        old->trouble = troubles[i];
        assert_int_equal(write_account(old, 1, "globex", &err), -1);
        lead(next, "cfg2");
        const char *expected = troubles[i] == SILENT ? "acme" : "globex";
        assert_string_equal(tenant_of(next, 1), expected);
        assert_int_equal(write_account(next, 2, "initech", &err), 0);
        old->trouble = FINE;
        assert_int_equal(write_account(old, 2, "globex", &err), -1);
        assert_false(repository_leads(old->repository));
        assert_int_equal(repository_catch_up(old->repository, &err), 0);
        assert_string_equal(tenant_of(old, 1), expected);
        assert_string_equal(tenant_of(old, 2), "initech");
    }
}

enum { WRITERS = 8, WRITES = 60 };

struct writer {
    struct server *server;
    unsigned index;
    int written;
};

/* Counts one record up; what it read is never older than what it wrote. */
static void *write_many(void *context)
{
    struct writer *writer = context;
    for (int i = 0; i < WRITES; i++) {
        cleanup(transaction_end) struct transaction *transaction =
            transaction_begin(writer->server->repository);
        const struct counters *old = transaction_find(transaction, RECORD_COUNTERS, COUNTERS_KEY);
        struct counters next = old ? *old
                                   : (struct counters){.name = COUNTERS_KEY,
                                                       .repository_id = "id",
                                                       .next_host_index = FIRST_HOST_INDEX,
                                                       .next_generation = 1};
        next.next_host_index++;
        transaction_put(transaction, RECORD_COUNTERS, &next);
        writer->written += transaction_commit(&transaction, NULL) == 0;
    }
    return NULL;
}

static void writers_at_once_lose_no_update(void **state)
{
    struct bench *bench = *state;
    struct error err;
    pthread_t threads[WRITERS];
    struct writer writers[WRITERS];
    int written = 0;
    lead(&bench->servers[0], "cfg1");
    bench->servers[0].times = 20;
    bench->servers[0].trouble = LOST_NOT_WRITTEN;
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){&bench->servers[0], i, 0};
        pthread_create(&threads[i], NULL, write_many, &writers[i]);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        written += writers[i].written;
    }
    assert_in_range(written, 1, WRITERS * WRITES - 1); /* some were refused */
    assert_int_equal(repository_catch_up(bench->servers[1].repository, &err), 0);
    for (size_t i = 0; i < 2; i++) {
        VIEW(view, bench->servers[i].repository);
        const struct counters *counters = view_find(view, RECORD_COUNTERS, COUNTERS_KEY);
        assert_int_equal(counters->next_host_index, FIRST_HOST_INDEX + written);
    }
}

static void commits_that_wait_share_a_write(void **state)
{
    struct bench *bench = *state;
    pthread_t threads[WRITERS];
    struct writer writers[WRITERS];
    lead(&bench->servers[0], "cfg1");
    bench->servers[0].trouble = SLOW;
    bench->servers[0].writes = 0;
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){&bench->servers[0], i, 0};
        pthread_create(&threads[i], NULL, write_many, &writers[i]);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].written, WRITES);
    }
    assert_in_range(bench->servers[0].writes, WRITES, WRITERS * WRITES * 3 / 4); /* on a busy machine, too */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_does_not_lead_writes_nothing),
        TEST(a_deposed_leaders_write_fails_and_changes_nothing),
        TEST(a_leader_that_asks_learns_that_it_leads_no_more),
        TEST(a_follower_reads_what_changed_and_no_more),
        TEST(a_follower_that_missed_too_much_reads_everything),
        TEST(a_lost_write_that_happened_is_seen_to_have),
        TEST(a_lost_write_that_did_not_happen_never_does),
        TEST(a_write_that_arrives_late_finds_the_door_shut),
        TEST(while_an_outcome_is_unknown_nothing_else_is_written_and_reads_go_on),
        TEST(an_unknown_outcome_is_settled_although_another_leads_now),
        TEST(writers_at_once_lose_no_update),
        TEST(commits_that_wait_share_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
