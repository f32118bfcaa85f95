#include "place.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { NODES = 4, DOCUMENTS = 4000 };

static struct content_node nodes[NODES] = {{"h100a.x", "::1", false},
                                           {"h101a.x", "::2", false},
                                           {"h102a.x", "::3", false},
                                           {"h103a.x", "::4", false}};

static const char *place(size_t count, int document)
{
    char id[64];
    snprintf(id, sizeof id, "id:mynamespace:album::%d", document);
    const struct node_config config = {.content = nodes, .content_count = count};
    return nodes[place_of(&config, id)].hostname;
}

static void documents_are_spread(void **state)
{
    (void)state;
    int counts[NODES] = {0};
    for (int i = 0; i < DOCUMENTS; i++)
        for (size_t j = 0; j < NODES; j++)
            counts[j] += text_equal(place(NODES, i), nodes[j].hostname);
    for (size_t j = 0; j < NODES; j++)
        assert_in_range(counts[j], DOCUMENTS / NODES * 8 / 10, DOCUMENTS / NODES * 12 / 10);
}

static void a_new_node_takes_its_share_and_nothing_else_moves(void **state)
{
    (void)state;
    for (int i = 0; i < DOCUMENTS; i++)
        if (!text_equal(place(NODES - 1, i), place(NODES, i)))
            assert_string_equal(place(NODES, i), nodes[NODES - 1].hostname);
}

static void a_retired_node_gets_nothing_while_there_is_another(void **state)
{
    (void)state;
    for (size_t gone = 0; gone < NODES; gone++) {
        nodes[gone].retired = true;
        for (int i = 0; i < DOCUMENTS / 10; i++)
            assert_string_not_equal(place(NODES, i), nodes[gone].hostname);
        assert_string_equal(place(1, 1), nodes[0].hostname);
        const struct node_config config = {
            .content = nodes, .content_count = NODES, .hostname = nodes[gone].hostname};
        assert_true(place_has_others(&config));
        nodes[gone].retired = false;
    }
    const struct node_config alone = {.content = nodes, .content_count = 1, .hostname = nodes[0].hostname};
    assert_false(place_has_others(&alone));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_spread),
        cmocka_unit_test(a_new_node_takes_its_share_and_nothing_else_moves),
        cmocka_unit_test(a_retired_node_gets_nothing_while_there_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
