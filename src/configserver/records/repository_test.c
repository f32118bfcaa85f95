#include "configserver/records/repository.h"

#include "base/file.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct bench {
    char directory[64], path[96];
    struct store *store;
    struct repository *repository;
};

static void reopen(struct bench *bench)
{
    struct error err;
    repository_close(&bench->repository);
    store_close(&bench->store);
    if (store_open_sqlite(bench->path, &bench->store, &err) < 0 ||
        repository_open(bench->store, &bench->repository, &err) < 0 ||
        repository_lead(bench->repository, "cfg1", &err) < 0)
        fail_msg("%s", err.message);
}

static int begin(void **state)
{
    struct bench *bench = memory_alloc(sizeof *bench);
    snprintf(bench->directory, sizeof bench->directory, "/dev/shm/repository-test-XXXXXX");
    if (!mkdtemp(bench->directory))
        return -1;
    snprintf(bench->path, sizeof bench->path, "%s/store", bench->directory);
    *state = bench;
    reopen(bench);
    return 0;
}

static int end(void **state)
{
    struct bench *bench = *state;
    repository_close(&bench->repository);
    store_close(&bench->store);
    tree_remove(bench->directory, NULL);
    free(bench);
    return 0;
}

static void put_account(struct transaction *transaction, const char *id, const char *tenant)
{
    const struct account account = {id, tenant, "external"};
    transaction_put(transaction, RECORD_ACCOUNT, &account);
}

static void write_accounts(struct bench *bench, const char *const *ids, size_t count)
{
    struct transaction *transaction = transaction_begin(bench->repository);
    for (size_t i = 0; i < count; i++)
        put_account(transaction, ids[i], "acme");
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
}

static const char *const three[] = {"333333333333", "111111111111", "222222222222"};

static void what_is_committed_is_there_after_a_restart(void **state)
{
    struct bench *bench = *state;
    write_accounts(bench, three, 3);
    reopen(bench);
    VIEW(view, bench->repository);
    assert_int_equal(view_count(view, RECORD_ACCOUNT), 3);
    assert_string_equal(((const struct account *)view_at(view, RECORD_ACCOUNT, 0))->id, "111111111111");
    assert_string_equal(((const struct account *)view_find(view, RECORD_ACCOUNT, "222222222222"))->tenant,
                        "acme");
    assert_null(view_find(view, RECORD_ACCOUNT, "444444444444"));
}

static void a_view_stays_as_it_was(void **state)
{
    struct bench *bench = *state;
    write_accounts(bench, three, 3);
    VIEW(before, bench->repository);
    struct transaction *transaction = transaction_begin(bench->repository);
    put_account(transaction, "111111111111", "globex");
    put_account(transaction, "000000000000", "acme");
    transaction_remove(transaction, RECORD_ACCOUNT, "333333333333");
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    VIEW(after, bench->repository);
    assert_int_equal(view_count(before, RECORD_ACCOUNT), 3);
    assert_string_equal(((const struct account *)view_find(before, RECORD_ACCOUNT, "111111111111"))->tenant,
                        "acme");
    assert_int_equal(view_count(after, RECORD_ACCOUNT), 3);
    assert_string_equal(((const struct account *)view_find(after, RECORD_ACCOUNT, "111111111111"))->tenant,
                        "globex");
    assert_null(view_find(after, RECORD_ACCOUNT, "333333333333"));
    assert_string_equal(((const struct account *)view_at(after, RECORD_ACCOUNT, 0))->id, "000000000000");
}

static void what_is_not_committed_never_was(void **state)
{
    struct bench *bench = *state;
    {
        cleanup(transaction_end) struct transaction *transaction = transaction_begin(bench->repository);
        put_account(transaction, "111111111111", "acme");
        assert_non_null(transaction_find(transaction, RECORD_ACCOUNT, "111111111111"));
    }
    VIEW(view, bench->repository);
    assert_int_equal(view_count(view, RECORD_ACCOUNT), 0);
    reopen(bench);
}

static void a_transaction_sees_its_own_changes(void **state)
{
    struct bench *bench = *state;
    write_accounts(bench, three, 3);
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(bench->repository);
    const struct account *first = transaction_find(transaction, RECORD_ACCOUNT, "111111111111");
    put_account(transaction, "111111111111", "globex");
    put_account(transaction, "111111111111", "initech");
    const struct account *last = transaction_find(transaction, RECORD_ACCOUNT, "111111111111");
    assert_string_equal(first->tenant, "acme");
    assert_string_equal(last->tenant, "initech");
    transaction_remove(transaction, RECORD_ACCOUNT, "111111111111");
    assert_null(transaction_find(transaction, RECORD_ACCOUNT, "111111111111"));
    put_account(transaction, "111111111111", "umbrella");
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    VIEW(view, bench->repository);
    assert_string_equal(((const struct account *)view_find(view, RECORD_ACCOUNT, "111111111111"))->tenant,
                        "umbrella");
}

static void a_transactions_view_shows_its_changes_and_stays_as_it_was_taken(void **state)
{
    struct bench *bench = *state;
    write_accounts(bench, three, 3);
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(bench->repository);
    const struct view *before = transaction_view(transaction);
    put_account(transaction, "111111111111", "globex");
    put_account(transaction, "000000000000", "globex");
    const struct view *between = transaction_view(transaction);
    transaction_remove(transaction, RECORD_ACCOUNT, "222222222222");
    put_account(transaction, "111111111111", "initech");
    const struct view *after = transaction_view(transaction);
    assert_int_equal(view_count(before, RECORD_ACCOUNT), 3);
    assert_int_equal(view_count(between, RECORD_ACCOUNT), 4);
    assert_int_equal(view_count(after, RECORD_ACCOUNT), 3);
    assert_string_equal(((const struct account *)view_find(before, RECORD_ACCOUNT, three[1]))->tenant,
                        "acme");
    assert_string_equal(((const struct account *)view_find(between, RECORD_ACCOUNT, three[1]))->tenant,
                        "globex");
    assert_string_equal(((const struct account *)view_find(after, RECORD_ACCOUNT, three[1]))->tenant,
                        "initech");
    size_t seen = 0;
    view_each(transaction_view(transaction), RECORD_ACCOUNT, struct account, account) {
        transaction_remove(transaction, RECORD_ACCOUNT, account->id);
        seen++;
    }
    assert_int_equal(seen, 3);
    assert_int_equal(view_count(transaction_view(transaction), RECORD_ACCOUNT), 0);
}

static void what_comes_and_goes_in_one_transaction_leaves_no_trace(void **state)
{
    struct bench *bench = *state;
    struct transaction *transaction = transaction_begin(bench->repository);
    put_account(transaction, "111111111111", "acme");
    transaction_remove(transaction, RECORD_ACCOUNT, "111111111111");
    transaction_remove(transaction, RECORD_ACCOUNT, "222222222222");
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    VIEW(view, bench->repository);
    assert_int_equal(view_count(view, RECORD_ACCOUNT), 0);
}

static void what_somebody_else_wrote_is_not_overwritten(void **state)
{
    struct bench *bench = *state;
    struct error err;
    write_accounts(bench, three, 3);
    assert_int_equal(
        store_set(bench->store, "/enclave/v1/accounts/111111111111", "{}", 2, STORE_ANY_VERSION, NULL),
        STORE_OK);
    struct transaction *transaction = transaction_begin(bench->repository);
    put_account(transaction, "111111111111", "globex");
    put_account(transaction, "222222222222", "globex");
    assert_int_equal(transaction_commit(&transaction, &err), -1);
    VIEW(view, bench->repository);
    assert_string_equal(((const struct account *)view_find(view, RECORD_ACCOUNT, "222222222222"))->tenant,
                        "acme");
}

static void a_stored_record_that_is_not_one_stops_the_start(void **state)
{
    struct bench *bench = *state;
    struct error err;
    write_accounts(bench, three, 3);
    assert_int_equal(
        store_set(bench->store, "/enclave/v1/accounts/111111111111", "{}", 2, STORE_ANY_VERSION, NULL),
        STORE_OK);
    repository_close(&bench->repository);
    assert_int_equal(repository_open(bench->store, &bench->repository, &err), -1);
    assert_non_null(strstr(err.message, "/enclave/v1/accounts/111111111111"));
}

static void count_changes(void *context, const struct touched *touched)
{
    assert_int_equal(touched->application_count, 0);
    assert_int_equal(touched->account_count, 3);
    assert_string_equal(touched->accounts[0], "111111111111");
    ++*(int *)context;
}

static void a_commit_tells_and_an_empty_one_does_not(void **state)
{
    struct bench *bench = *state;
    int changes = 0;
    repository_on_change(bench->repository, count_changes, &changes);
    write_accounts(bench, three, 3);
    write_accounts(bench, NULL, 0);
    assert_int_equal(changes, 1);
}

static void put_host(struct transaction *transaction, const char *hostname, const char *address)
{
    struct host host = {.hostname = hostname,
                        .state = HOST_PROVISIONED,
                        .index = 100,
                        .application = "acme:shop:default",
                        .tenant = "acme",
                        .cluster = "web",
                        .account = "111111111111",
                        .instance_id = arena_format(transaction_arena(transaction), "i-%s", hostname),
                        .instance_type = "m7i.large",
                        .address = address,
                        .node_address = address};
    transaction_put(transaction, RECORD_HOST, &host);
}

static void put_node(struct transaction *transaction, const char *status)
{
    struct node node = {.hostname = "h1a.example",
                        .parent = "h1.example",
                        .application = "acme:shop:default",
                        .cluster = "web",
                        .image = "image",
                        .service_status = status};
    transaction_put(transaction, RECORD_NODE, &node);
}

static void note_touched(void *context, const struct touched *touched)
{
    snprintf(context, 200, "%zu %zu %zu %zu %s", touched->application_count, touched->account_count,
             touched->host_count, touched->reshaped_count, touched->host_count ? touched->hosts[0] : "");
}

/* A report is between a host and us; an address is told to every host of the application. */
static void what_is_told_of_a_change_is_whom_it_concerns(void **state)
{
    struct bench *bench = *state;
    char told[200] = "";
    repository_on_change(bench->repository, note_touched, told);
    struct transaction *transaction = transaction_begin(bench->repository);
    put_host(transaction, "h1.example", NULL);
    put_host(transaction, "h2.example", NULL);
    put_node(transaction, "starting");
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    assert_string_equal(told, "1 1 2 1 h1.example");
    transaction = transaction_begin(bench->repository);
    put_node(transaction, "up");
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    assert_string_equal(told, "1 0 1 0 h1.example");
    transaction = transaction_begin(bench->repository);
    put_host(transaction, "h2.example", "2001:db8::2");
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    assert_string_equal(told, "1 1 1 1 h2.example");
}

static void what_records_belong_to_finds_them(void **state)
{
    struct bench *bench = *state;
    struct transaction *transaction = transaction_begin(bench->repository);
    put_host(transaction, "h1.example", NULL);
    put_host(transaction, "h2.example", NULL);
    put_node(transaction, "up");
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    reopen(bench);
    VIEW(view, bench->repository);
    assert_int_equal(view_count_of(view, HOSTS_OF_ACCOUNT, "111111111111"), 2);
    assert_int_equal(view_count_of(view, HOSTS_OF_ACCOUNT, "11111111111"), 0);
    assert_int_equal(view_count_of(view, HOSTS_OF_ACCOUNT, NULL), 0);
    const struct host *second = view_of(view, HOSTS_OF_APPLICATION, "acme:shop:default", 1);
    assert_string_equal(second->hostname, "h2.example");
    assert_null(view_of(view, HOSTS_OF_APPLICATION, "acme:shop:default", 2));
    assert_ptr_equal(view_of(view, HOST_OF_INSTANCE, "i-h2.example", 0), second);
    assert_non_null(view_of(view, NODE_OF_HOST, "h1.example", 0));
    assert_null(view_of(view, NODE_OF_HOST, "h2.example", 0));
    transaction = transaction_begin(bench->repository);
    struct host gone = *second;
    gone.state = HOST_DEPROVISIONED;
    gone.instance_id = NULL;
    transaction_put(transaction, RECORD_HOST, &gone);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    VIEW(after, bench->repository);
    assert_int_equal(view_count_of(after, HOSTS_OF_ACCOUNT, "111111111111"), 1);
    assert_null(view_of(after, HOST_OF_INSTANCE, "i-h2.example", 0));
    assert_int_equal(view_count(after, RECORD_HOST), 2);
    assert_int_equal(view_count_of(view, HOSTS_OF_ACCOUNT, "111111111111"), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_committed_is_there_after_a_restart),
        TEST(a_view_stays_as_it_was),
        TEST(what_is_not_committed_never_was),
        TEST(a_transaction_sees_its_own_changes),
        TEST(a_transactions_view_shows_its_changes_and_stays_as_it_was_taken),
        TEST(what_comes_and_goes_in_one_transaction_leaves_no_trace),
        TEST(what_somebody_else_wrote_is_not_overwritten),
        TEST(a_stored_record_that_is_not_one_stops_the_start),
        TEST(what_is_told_of_a_change_is_whom_it_concerns),
        TEST(what_records_belong_to_finds_them),
        TEST(a_commit_tells_and_an_empty_one_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
