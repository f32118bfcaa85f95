#include "localaws/options.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/wait.h>

static char *state = (char *)"--state=/x", *account = (char *)"--account=100000000001=vendor";

static void without_being_told_a_region_wants_root(void **unused)
{
    (void)unused;
    char *own = memory_strdup(account); /* it is taken apart */
    char *argv[] = {(char *)"localaws", state, own, NULL};
    struct options options;
    options_parse(3, argv, &options);
    assert_false(options.rootless);
    free(options.listen_address);
    free(options.proxy_address);
    free(own);
}

static void a_region_without_root_is_asked_for(void **unused)
{
    (void)unused;
    char *own = memory_strdup(account); /* it is taken apart */
    char *argv[] = {(char *)"localaws", (char *)"--rootless", state, own, NULL};
    struct options options;
    options_parse(4, argv, &options);
    assert_true(options.rootless && !options.no_plane);
    free(options.listen_address);
    free(options.proxy_address);
    free(own);
}

static void records_only_and_rootless_contradict_each_other(void **unused)
{
    (void)unused;
    pid_t child = fork();
    if (child == 0) {
        char *argv[] = {(char *)"localaws",     (char *)"--rootless",
                        (char *)"--no-plane",   state,
                        memory_strdup(account), NULL};
        struct options options;
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        options_parse(5, argv, &options); /* says so and exits */
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_being_told_a_region_wants_root),
        cmocka_unit_test(a_region_without_root_is_asked_for),
        cmocka_unit_test(records_only_and_rootless_contradict_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
